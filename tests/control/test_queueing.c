/* Tests of control/queueing.c: Erlang's and Pollaczek's published values, closed forms, and counts
 * against trying every smaller one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/rng.h"
#include "control/queueing.h"

static void assert_near(double got, double want, double within)
{
    if (!(fabs(got - want) <= within))
        fail_msg("got %.12g, expected %.12g within %g", got, want, within);
}

static struct topo_service service_of(int spread, double cs2, int64_t concurrency)
{
    return (struct topo_service){.name = "x",
                                 .time_us = 100000,
                                 .times_mean_us = 100000,
                                 .spread = spread,
                                 .cs2 = cs2,
                                 .tail = (double)NAN,
                                 .concurrency = concurrency};
}

static struct queueing make(const struct topo_service *service, struct topo_goal goal)
{
    struct queueing q;
    struct error err;
    if (queueing_init(&q, service, &goal, &err) != 0)
        fail_msg("%s", err.text);
    return q;
}

static void test_queueing_waits_are_erlangs_published_ones(void **state)
{
    /* P(wait) and mean wait of M/M/c, mean service 1. */
    static const struct {
        uint32_t c;
        double load, waits, wait;
    } rows[] = {{1, 0.5, .500000, 1},          {2, 0.7, .576471, .960784},
                {3, 0.8, .647191, 1.078652},   {5, 0.9, .762493, 1.524986},
                {10, 0.95, .825586, 1.651171}, {20, 0.99, .947867, 4.739334},
                {100, 0.9, .216940, .021694}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_near(queueing_waits(rows[i].c, rows[i].load), rows[i].waits, 5e-7);
        assert_near(queueing_wait(rows[i].c, rows[i].load), rows[i].wait, 5e-7);
    }
}

static void test_queueing_mean_wait_of_one_lane_is_pollaczeks(void **state)
{
    /* M/G/1 mean wait, mean service 1, at load 0.8. */
    static const struct {
        int spread;
        double cs2, wait;
    } rows[] = {{DIST_FIXED, (double)NAN, 2},
                {DIST_EXPONENTIAL, (double)NAN, 4},
                {DIST_GAMMA, 4, 10},
                {DIST_LOGNORMAL, 4, 10}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct topo_service service = service_of(rows[i].spread, rows[i].cs2, 1);
        struct queueing q = make(&service, (struct topo_goal){.mean_wait_us = 1, .quantile = 0.9});
        struct queueing_times times = queueing_times(&q, 8, 1, 0.9); /* 8 rps of 10 */
        assert_near(times.mean_wait_us, rows[i].wait * 100000, 1);
    }
}

/* M/M/1: wait and work are exponential with rate mu - lambda; that is exact for every quantile. */
static void test_queueing_time_of_one_exponential_lane_is_the_closed_form(void **state)
{
    (void)state;
    struct topo_service service = service_of(DIST_EXPONENTIAL, (double)NAN, 1);
    struct queueing q = make(&service, (struct topo_goal){.time_us = 1000000, .quantile = 0.99});
    for (double rps = 1; rps < 10; rps++)
        for (double quantile = 0.5; quantile < 1; quantile += 0.07)
            assert_near(queueing_times(&q, rps, 1, quantile).time_us,
                        -log(1 - quantile) / (10 - rps) * 1e6, 1);
}

/* The integral over the wait gives the closed form too: a gamma of cs2 1 is exponential. */
static void test_queueing_time_by_integral_is_the_closed_form(void **state)
{
    (void)state;
    struct topo_service service = service_of(DIST_GAMMA, 1, 1);
    struct queueing q = make(&service, (struct topo_goal){.time_us = 1000000, .quantile = 0.99});
    for (double rps = 1; rps < 10; rps++) {
        double exact = -log(0.01) / (10 - rps) * 1e6;
        assert_near(queueing_times(&q, rps, 1, 0.99).time_us, exact, 1e-4 * exact);
    }
}

static void test_queueing_counts_the_fewest_that_keep_the_goal(void **state)
{
    static const struct topo_goal goals[] = {
        {.wait_us = 20000, .quantile = 0.99},
        {.mean_wait_us = 3000, .quantile = 0.99},
        {.time_us = 600000, .quantile = 0.99},
        {.wait_us = 50000, .time_us = 700000, .mean_wait_us = 4000, .quantile = 0.999},
    };
    static const int spreads[] = {DIST_EXPONENTIAL, DIST_FIXED, DIST_LOGNORMAL};
    (void)state;
    for (size_t g = 0; g < sizeof goals / sizeof goals[0]; g++)
        for (size_t s = 0; s < 3; s++)
            for (int queue = 0; queue < 2; queue++)
                for (int64_t lanes = 1; lanes <= 16; lanes *= 4) {
                    struct topo_service service =
                        service_of(spreads[s], s == 2 ? 0.5 : (double)NAN, lanes);
                    struct topo_goal goal = goals[g];
                    goal.queue = queue;
                    if (g == 3)
                        goal.time_us = 1000000;
                    struct queueing q = make(&service, goal);
                    for (double rps = 0.5; rps < 3000; rps *= 7) {
                        int64_t needed = queueing_needed(&q, rps);
                        assert_true(needed >= 1);
                        assert_true(queueing_keeps(&q, rps, needed));
                        assert_false(queueing_keeps(&q, rps, needed - 1));
                    }
                }
}

/* One queue for all is never worse than one for each. */
/* ---- beside queues that are counted ---- */

enum { LANES = 32, LEFT_OUT = 20000, COUNTED = 300000 };

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The time that 99 % of the requests keep before `lanes`, first come first served: each takes the
 * lane that is free first (Kiefer and Wolfowitz 1955). */
static double counted_p99_us(const struct queueing *q, uint32_t lanes, double rps)
{
    static double time_us[COUNTED];
    double free_us[LANES] = {0}, now_us = 0;
    struct rng rng;
    rng_named(&rng, 3, 0, "test", "queueing");
    for (int i = -LEFT_OUT; i < COUNTED; i++) {
        uint32_t first = 0;
        now_us += rng_exp(&rng) * 1e6 / rps;
        for (uint32_t k = 1; k < lanes; k++)
            first = free_us[k] < free_us[first] ? k : first;
        double begin_us = free_us[first] > now_us ? free_us[first] : now_us;
        free_us[first] = begin_us + dist_draw(&q->work, &rng);
        if (i >= 0)
            time_us[i] = free_us[first] - now_us;
    }
    qsort(time_us, COUNTED, sizeof time_us[0], by_size);
    return time_us[COUNTED / 100 * 99];
}

/* The errors that docs/PLANNING.md states, with room for what 300,000 draws leave to chance. */
static void test_queueing_p99_is_as_near_as_the_docs_say(void **state)
{
    static const struct {
        int spread;
        double cs2;
        uint32_t lanes;
        double load, low, high; /* formula over count, minus 1 */
    } rows[] = {
        {DIST_EXPONENTIAL, 1, 1, 0.7, -.05, .05},  {DIST_EXPONENTIAL, 1, 8, 0.7, -.03, .03},
        {DIST_FIXED, 0, 1, 0.5, 0, .15},           {DIST_FIXED, 0, 2, 0.7, 0, .08},
        {DIST_FIXED, 0, 8, 0.5, -.08, .03},        {DIST_FIXED, 0, 32, 0.9, -.04, .03},
        {DIST_GAMMA, .25, 1, 0.7, 0, .1},          {DIST_GAMMA, .25, 8, 0.9, -.05, .05},
        {DIST_LOGNORMAL, 4, 1, 0.5, -.4, -.2},     {DIST_LOGNORMAL, 4, 2, 0.7, -.2, 0},
        {DIST_LOGNORMAL, 4, 8, 0.7, -.03, .07},    {DIST_HYPEREXPONENTIAL, 4, 1, 0.7, -.15, 0},
        {DIST_HYPEREXPONENTIAL, 4, 8, 0.9, 0, .15}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct topo_service service =
            service_of(rows[i].spread, rows[i].cs2, (int64_t)rows[i].lanes);
        const struct queueing q =
            make(&service, (struct topo_goal){.time_us = 100000000, .quantile = 0.99});
        double rps = rows[i].load * rows[i].lanes * 10;
        double error =
            queueing_times(&q, rps, 1, 0.99).time_us / counted_p99_us(&q, rows[i].lanes, rps) - 1;
        if (error < rows[i].low || error > rows[i].high)
            fail_msg("%s, cs2 %g, %u lanes at %g: %+.1f %%", dist_words[rows[i].spread],
                     rows[i].cs2, rows[i].lanes, rows[i].load, error * 100);
    }
}

static void test_queueing_strain_is_1_where_the_goal_is_just_kept(void **state)
{
    (void)state;
    for (int queue = TOPO_QUEUE_OWN; queue <= TOPO_QUEUE_SHARED; queue++) {
        const struct topo_service service = service_of(DIST_EXPONENTIAL, 1, 4);
        const struct queueing q =
            make(&service, (struct topo_goal){.wait_us = 50000, .quantile = 0.99, .queue = queue});
        double strain = queueing_strain(&q, 40, 4);
        assert_true(strain > 0 && strain < 1);
        assert_true(queueing_keeps(&q, 40 / strain * 0.999, 4));
        assert_false(queueing_keeps(&q, 40 / strain * 1.001, 4));
        assert_true(isinf(queueing_strain(&q, 50, 0)));
    }
    const struct topo_service service = service_of(DIST_EXPONENTIAL, 1, 4);
    const struct queueing none = make(&service, (struct topo_goal){.quantile = 0.99});
    assert_true(queueing_strain(&none, 50, 4) == 0);
}

static void test_queueing_shared_needs_no_more_than_own(void **state)
{
    (void)state;
    struct topo_service service = service_of(DIST_EXPONENTIAL, (double)NAN, 4);
    struct topo_goal goal = {.wait_us = 30000, .quantile = 0.99};
    struct queueing own = make(&service, goal);
    goal.queue = TOPO_QUEUE_SHARED;
    struct queueing shared = make(&service, goal);
    int fewer = 0;
    for (double rps = 1; rps < 1e7; rps *= 3) {
        assert_true(queueing_needed(&shared, rps) <= queueing_needed(&own, rps));
        fewer += queueing_needed(&shared, rps) < queueing_needed(&own, rps);
    }
    assert_true(fewer > 5);
}

static void test_queueing_refuses_a_goal_that_no_count_keeps(void **state)
{
    (void)state;
    struct queueing q;
    struct error err;
    struct topo_service service = service_of(DIST_EXPONENTIAL, (double)NAN, 4);
    assert_int_equal(
        queueing_init(&q, &service, &(struct topo_goal){.time_us = 400000, .quantile = 0.99}, &err),
        -1);
    assert_string_equal(err.text,
                        "goal.time: no number of servers makes 99 % of services.x's requests take "
                        "400ms or less: the work alone takes up to 461ms; give more time than "
                        "that, a lower quantile, or quicker work");
    service = service_of(DIST_PARETO, (double)NAN, 4);
    service.tail = 1.5;
    assert_int_equal(
        queueing_init(&q, &service, &(struct topo_goal){.wait_us = 1000, .quantile = 0.99}, &err),
        -1);
    assert_string_equal(err.text,
                        "goal: services.x has a pareto spread of infinite variance, before which "
                        "waits have no bound; give it a tail above 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queueing_waits_are_erlangs_published_ones),
        cmocka_unit_test(test_queueing_mean_wait_of_one_lane_is_pollaczeks),
        cmocka_unit_test(test_queueing_time_of_one_exponential_lane_is_the_closed_form),
        cmocka_unit_test(test_queueing_time_by_integral_is_the_closed_form),
        cmocka_unit_test(test_queueing_counts_the_fewest_that_keep_the_goal),
        cmocka_unit_test(test_queueing_p99_is_as_near_as_the_docs_say),
        cmocka_unit_test(test_queueing_strain_is_1_where_the_goal_is_just_kept),
        cmocka_unit_test(test_queueing_shared_needs_no_more_than_own),
        cmocka_unit_test(test_queueing_refuses_a_goal_that_no_count_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
