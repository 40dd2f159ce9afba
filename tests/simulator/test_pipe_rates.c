/* How fast the simulated order pipeline is, against what is known exactly: queues in a row, the
 * stage that is the narrowest, and one database for all against one for each service. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/fmath.h"
#include "simulator/pipe.h"
#include "tests/pipes.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SHORTER = 20 };
#else
enum { SHORTER = 1 };
#endif

static const int64_t SECOND_US = 1000000;

static void start(struct pipe *p, const struct pipe_opts *opts, struct arena *a)
{
    struct error err;
    if (pipe_init(p, opts, a, &err) != 0)
        fail_msg("%s", err.text);
}

static void go_on(struct pipe *p, int64_t until_us)
{
    struct error err;
    if (pipe_run(p, until_us, &err) != 0)
        fail_msg("%s", err.text);
}

static void assert_near(const char *what, double got, double want, double off_max)
{
    if (!(fabs(got / want - 1) <= off_max))
        fail_msg("%s: got %g, expected %g give or take %g %%", what, got, want, 100 * off_max);
}

static struct pipe_opts plain(const struct pipeline_def *def, double orders_per_s)
{
    return (struct pipe_opts){
        .def = def,
        .seed = 1,
        .orders_per_s = orders_per_s,
        .orders = INT64_MAX,
        .orders_open_max = 2000,
        .parts_max = 1,
        .resend_us = SECOND_US,
        .repair_us = SECOND_US,
        .store_parallel = 1,
        .poll_us = SECOND_US,
        .coordinator_workers = 1,
    };
}

/* Complete orders per second, after `warm_s`, over `for_s`. */
static double throughput(const struct pipe_opts *opts, int64_t warm_s, int64_t for_s)
{
    struct arena a = {0};
    struct pipe *p = test_malloc(sizeof *p);
    start(p, opts, &a);
    go_on(p, warm_s * SECOND_US);
    int64_t before = p->count.complete;
    go_on(p, (warm_s + for_s) * SECOND_US);
    double rate = (double)(p->count.complete - before) / (double)for_s;
    assert_int_equal(p->count.lost + p->count.doubled + p->count.torn, 0);
    test_free(p);
    arena_release(&a);
    return rate;
}

/* Burke 1956, Jackson 1957: exponential stations in a row are each alone with the same arrivals, so
 * the mean time is the sum of 1 / (m - r). */
static void test_pipe_time_is_that_of_queues_in_a_row(void **state)
{
    (void)state;
    struct arena a = {0};
    struct pipeline_def def = pipes_define(
        "{\"stages\": {\"a\": {\"workers\": 1, \"time\": \"10ms\", \"lease\": \"1h\", \"next\": "
        "[\"b\"]}, \"b\": {\"workers\": 1, \"time\": \"12500us\", \"lease\": \"1h\"}}}",
        &a);
    struct pipe_opts opts = plain(&def, 50);
    opts.orders = 300000 / SHORTER;
    opts.warmup_us = 100 * SECOND_US;
    struct pipe *p = test_malloc(sizeof *p);
    start(p, &opts, &a);
    go_on(p, INT64_MAX);
    assert_int_equal(p->count.complete, opts.orders);
    double mean_us = (double)p->count.latency.sum_us / (double)p->count.latency.count;
    assert_near("mean time, s", mean_us * 1e-6, 1.0 / (100 - 50) + 1.0 / (80 - 50),
                SHORTER == 1 ? 0.02 : 0.08);
    test_free(p);
    arena_release(&a);
}

/* The narrowest stage sets the pace: workers / time, until it is another. */
static void test_pipe_bottleneck_alone_gets_more_workers(void **state)
{
    (void)state;
    struct arena a = {0};
    struct pipeline_def def =
        pipes_define("{\"stages\": {\"authorise\": {\"workers\": 12, \"next\": [\"pack\"]},"
                     "\"pack\": {\"workers\": 2, \"time\": \"40ms\", \"next\": [\"ship\"]},"
                     "\"ship\": {\"workers\": 6, \"time\": \"20ms\"}}}",
                     &a);
    static const struct {
        int64_t workers;
        double per_s;
    } rows[] = {{2, 50}, {4, 100}, {8, 200}, {16, 300}}; /* then shipping: 6 / 20 ms */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        def.stages[1].workers = rows[i].workers;
        const struct pipe_opts opts = plain(&def, 500);
        assert_near("orders/s", throughput(&opts, 20, 400 / SHORTER), rows[i].per_s,
                    SHORTER == 1 ? 0.015 : 0.08);
    }
    arena_release(&a);
}

/* Ten orders a second for long, then none. Workers of 100 ms that are half busy do five a second,
 * so there are N / 5 of them rounded up, where N is Poisson with mean 10: 2.4 on average. */
static void test_pipe_workers_come_with_the_work_and_go_down_to_none(void **state)
{
    (void)state;
    struct arena a = {0};
    struct pipeline_def def = pipes_define(
        "{\"stages\": {\"a\": {\"workers\": 50, \"time\": \"100ms\", \"lease\": \"1h\"}}}", &a);
    const struct work_crew crew = {
        .busy = 0.5, .drain_us = 5 * SECOND_US, .keep_us = 30 * SECOND_US, .count_max = 50};
    struct pipe_opts opts = plain(&def, 10);
    opts.fixed_times = true;
    opts.crew = &crew;
    opts.crew_us = SECOND_US;
    struct pipe *p = test_malloc(sizeof *p);
    start(p, &opts, &a);
    int64_t for_s = 10000 / SHORTER;
    go_on(p, for_s * SECOND_US);
    const struct pipe_stage_count *c = &p->count.stage[0];
    assert_true(p->count.complete > 9 * for_s);
    assert_near("workers", (double)c->crew_us * 1e-6 / (double)for_s, 2.4, 0.05);
    assert_int_equal(c->unmanned, 0);
    p->opts.orders_per_s = 1e-9; /* the next order after the one that is due is far away */
    go_on(p, (for_s + 100) * SECOND_US);
    assert_true(c->unmanned > 50);
    assert_int_equal(p->station[0].crew, 0);
    assert_int_equal(p->open, 0);
    test_free(p);
    arena_release(&a);
}

/* A function of one instance and no work, under Poisson events of rate r: it starts for C, then
 * serves those that came meanwhile, and stops when a gap is longer than T. Such a cycle has
 * 1 + r C + (e^(r T) - 1) events, of which the first waits C and those that come while it starts
 * C / 2 on average; it is warm for (e^(r T) - 1) / r and then off for 1 / r. */
static void test_pipe_function_is_cold_warm_and_off_as_computed(void **state)
{
    (void)state;
    struct arena a = {0};
    struct pipeline_def def = pipes_define(
        "{\"stages\": {\"a\": {\"workers\": 1, \"time\": \"0\", \"lease\": \"1h\"}}}", &a);
    static const double rates[] = {0.5, 2, 5};
    const double keep_s = 0.5, cold_s = 0.3;
    const struct function_opts function = {
        .instances_max = 1,
        .keep_us = SECOND_US / 2,
        .start_max_us = 10 * SECOND_US,
    };
    struct pipe *p = test_malloc(sizeof *p);
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        double r = rates[i], warm = fmath_exp(r * keep_s) - 1;
        double events = 1 + r * cold_s + warm;
        struct pipe_opts opts = plain(&def, r);
        opts.orders = 400000 / SHORTER;
        opts.function = &function;
        opts.cold_us = 300000;
        start(p, &opts, &a);
        go_on(p, INT64_MAX);
        assert_int_equal(p->count.complete, opts.orders);
        const struct pipe_stage_count *c = &p->count.stage[0];
        double off_max = SHORTER == 1 ? 0.015 : 0.06, n = (double)opts.orders;
        assert_near("starts", (double)c->starts / n, 1 / events, off_max);
        assert_near("mean wait, s", (double)p->count.latency.sum_us * 1e-6 / n,
                    (cold_s + r * cold_s * cold_s / 2) / events, off_max);
        assert_near("share of time that it is there",
                    (double)c->crew_us / (double)engine_now(&p->engine),
                    (cold_s + warm / r) / (cold_s + warm / r + 1 / r), off_max);
    }
    test_free(p);
    arena_release(&a);
}

/* ---- one database against one for each service ---- */

/* Eight stages, two of each service; each has 20 workers of 20 ms, so workers allow 1000 orders/s.
 * A store does 4 transactions of 1 ms at once, 4000/s. A stage needs two for a piece, to take it
 * and to commit. So a service's own store allows 4000 / 4 = 1000 orders/s, and a common one 4000 /
 * 16 = 250, less what the polls of idle workers cost: 160 of them once a second at most. */
static const char eight[] =
    "{\"stages\": {"
    "\"a\": {\"service\": \"customer\", \"workers\": 20, \"next\": [\"b\"], \"needs_bytes\": 800},"
    "\"b\": {\"service\": \"catalog\", \"workers\": 20, \"next\": [\"c\"], \"needs_bytes\": 700},"
    "\"c\": {\"service\": \"vendor\", \"workers\": 20, \"next\": [\"d\"], \"needs_bytes\": 600},"
    "\"d\": {\"service\": \"order\", \"workers\": 20, \"next\": [\"e\"], \"needs_bytes\": 500},"
    "\"e\": {\"service\": \"customer\", \"workers\": 20, \"next\": [\"f\"], \"needs_bytes\": 400},"
    "\"f\": {\"service\": \"catalog\", \"workers\": 20, \"next\": [\"g\"], \"needs_bytes\": 300},"
    "\"g\": {\"service\": \"vendor\", \"workers\": 20, \"next\": [\"h\"], \"needs_bytes\": 200},"
    "\"h\": {\"service\": \"order\", \"workers\": 20, \"needs_bytes\": 100}}}";

static struct pipe_opts shop_of(const struct pipeline_def *def, double orders_per_s, bool central)
{
    struct pipe_opts opts = plain(def, orders_per_s);
    opts.fixed_times = true;
    opts.store_us = 1000;
    opts.store_parallel = 4;
    opts.central = central;
    return opts;
}

static void test_pipe_central_database_is_full_long_before_the_distributed_pipeline(void **state)
{
    (void)state;
    struct arena a = {0};
    struct pipeline_def def = pipes_define(eight, &a);
    for (size_t i = 0; i < def.stage_count; i++)
        def.stages[i].workers = 30; /* so that the stores are the narrowest */
    static const struct {
        double offered;
        double low[2], high[2]; /* distributed, central */
    } rows[] = {
        {100, {97, 97}, {103, 103}},   {200, {195, 195}, {205, 205}},
        {400, {390, 225}, {410, 250}}, /* 240 polls/s and the rest of the 4000 */
        {800, {780, 225}, {820, 250}}, {1600, {970, 225}, {1001, 250}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int central = 0; central <= 1; central++) {
            const struct pipe_opts opts = shop_of(&def, rows[i].offered, central);
            double rate = throughput(&opts, 20, 30);
            if (rate < rows[i].low[central] || rate > rows[i].high[central])
                fail_msg("%s at %g orders/s: %g", central ? "central" : "distributed",
                         rows[i].offered, rate);
        }
    arena_release(&a);
}

/* With little to do: pushed, a piece takes two transactions and the work, eight times 22 ms.
 * Polled, it waits besides for the first of n workers that each look once a second at random, 1 / n
 * s on average, where n of the 30 are idle. */
static void test_pipe_polling_costs_time_at_every_stage(void **state)
{
    (void)state;
    struct arena a = {0};
    struct pipeline_def def = pipes_define(eight, &a);
    for (size_t i = 0; i < def.stage_count; i++)
        def.stages[i].workers = 30;
    const double busy = 10 * 0.022, stages = 8;
    const double mean_s[] = {stages * 0.022, stages * (0.022 + 1 / (30 - busy))};
    struct pipe *p = test_malloc(sizeof *p);
    for (int central = 0; central <= 1; central++) {
        struct pipe_opts opts = shop_of(&def, 10, central);
        opts.orders = 3000;
        opts.warmup_us = 20 * SECOND_US;
        start(p, &opts, &a);
        go_on(p, INT64_MAX);
        assert_near(central ? "polled, s" : "pushed, s",
                    (double)p->count.latency.sum_us * 1e-6 / (double)p->count.latency.count,
                    mean_s[central], central ? 0.03 : 0.01);
    }
    test_free(p);
    arena_release(&a);
}

struct halt { /* while one store is down: */
    int64_t refused, complete, works[8];
    int64_t caught_up; /* orders complete by the end */
};

static struct halt halt_store(const struct pipeline_def *def, size_t stage, bool central)
{
    struct arena a = {0};
    struct pipe *p = test_malloc(sizeof *p);
    struct pipe_opts opts = shop_of(def, 100, central);
    opts.orders = 6000;
    start(p, &opts, &a);
    go_on(p, 20 * SECOND_US);
    pipe_store_down(p, stage, true);
    go_on(p, 21 * SECOND_US); /* what was under way behind it comes to its end */
    struct pipe_count before = p->count;
    go_on(p, 30 * SECOND_US);
    struct halt h = {.refused = p->count.refused - before.refused,
                     .complete = p->count.complete - before.complete};
    for (size_t i = 0; i < 8; i++)
        h.works[i] = p->count.stage[i].done - before.stage[i].done;
    pipe_store_down(p, stage, false);
    go_on(p, INT64_MAX);
    assert_true(pipe_over(p));
    assert_int_equal(p->count.lost + p->count.doubled + p->count.torn + p->count.dead, 0);
    assert_int_equal(p->count.complete, p->count.placed);
    h.caught_up = p->count.complete;
    test_free(p);
    arena_release(&a);
    return h;
}

static void test_pipe_central_failure_stops_all_and_a_services_only_its_stages(void **state)
{
    (void)state;
    struct arena a = {0};
    struct pipeline_def def = pipes_define(eight, &a);
    struct halt all = halt_store(&def, 2, true);
    assert_int_equal(all.complete, 0);
    assert_in_range(all.refused, 800, 1000); /* nine seconds' orders */
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(all.works[i], 0);
    struct halt one = halt_store(&def, 2, false); /* the vendor's */
    assert_int_equal(one.refused, 0);
    assert_int_equal(one.complete, 0); /* every order passes it */
    assert_in_range(one.works[0], 800, 1000);
    assert_in_range(one.works[1], 800, 1000);
    for (size_t i = 2; i < 8; i++)
        assert_int_equal(one.works[i], 0);
    assert_int_equal(one.caught_up, 6000);
    arena_release(&a);
}

/* ---- what is carried ---- */

static void test_pipe_carries_all_or_asks(void **state)
{
    (void)state;
    struct arena a = {0};
    struct pipeline_def def = pipes_define(eight, &a);
    struct pipe *p = test_malloc(sizeof *p);
    enum { ORDERS = 500 };
    /* Message k of seven, to stage k + 1, brings what it and those behind it need. */
    static const int64_t ahead[] = {2800, 2100, 1500, 1000, 600, 300, 100};
    int64_t all = 0;
    for (size_t i = 0; i < 7; i++)
        all += PIPELINE_HEAD_BYTES + ahead[i];
    for (int mode = PIPELINE_AUTONOMOUS; mode <= PIPELINE_DIRECTED; mode++)
        for (int carry = PIPELINE_CARRY_ALL; carry <= PIPELINE_CARRY_REFERENCE; carry++) {
            def.mode = mode;
            def.carry = carry;
            struct pipe_opts opts = shop_of(&def, 100, false);
            opts.orders = ORDERS;
            opts.resend_us = 10 * SECOND_US;
            start(p, &opts, &a);
            go_on(p, INT64_MAX);
            assert_int_equal(p->count.complete, ORDERS);
            int64_t reports = mode == PIPELINE_DIRECTED ? 8 : 0;
            int64_t bytes = carry == PIPELINE_CARRY_ALL ? all : 7 * PIPELINE_HEAD_BYTES;
            int64_t asks = carry == PIPELINE_CARRY_ALL ? 0 : 8;
            assert_int_equal(p->count.messages, ORDERS * (7 + reports));
            assert_int_equal(p->count.bytes, ORDERS * (bytes + reports * PIPELINE_REPORT_BYTES));
            assert_int_equal(p->count.asks, ORDERS * asks);
            assert_int_equal(p->count.ask_bytes, asks == 0 ? 0 : ORDERS * 3600);
            assert_int_equal(p->count.transactions, ORDERS * (16 + asks + 2 * reports));
        }
    test_free(p);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipe_time_is_that_of_queues_in_a_row),
        cmocka_unit_test(test_pipe_bottleneck_alone_gets_more_workers),
        cmocka_unit_test(test_pipe_function_is_cold_warm_and_off_as_computed),
        cmocka_unit_test(test_pipe_workers_come_with_the_work_and_go_down_to_none),
        cmocka_unit_test(test_pipe_central_database_is_full_long_before_the_distributed_pipeline),
        cmocka_unit_test(test_pipe_polling_costs_time_at_every_stage),
        cmocka_unit_test(test_pipe_central_failure_stops_all_and_a_services_only_its_stages),
        cmocka_unit_test(test_pipe_carries_all_or_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
