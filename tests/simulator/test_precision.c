/* Tests of simulator/precision.c and the rounds of run.c: replications are added until everything
 * that was asked for is precise, whatever the threads; and the claim is true. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/precision.h"
#include "simulator/run.h"
#include "simulator/stats.h"
#include "tests/world.h"

/* Sanitizers slow the model down some thirty times. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SHORTER = 20 };
#else
enum { SHORTER = 1 };
#endif

/* Two queues of one server each at half load: 100 ms of work, 9 ms to the customer. */
static const char topology[] =
    "{\"countries\": {\"GB\": {\"peak_rps\": 5, \"curve\": \"flat\"},"
    "\"DE\": {\"peak_rps\": 5, \"curve\": \"flat\"}},"
    "\"cells\": {\"gb\": {\"region\": \"aws/eu-west-2\", \"zones\": [\"a\"],"
    "\"servers_per_zone\": 1, \"zone_rtt\": \"2us\"},"
    "\"de\": {\"region\": \"aws/eu-central-1\", \"zones\": [\"a\"],"
    "\"servers_per_zone\": 1, \"zone_rtt\": \"2us\"}},"
    "\"services\": {\"shop\": {\"time\": \"100ms\", \"concurrency\": 1, \"queue\": 400}},"
    "\"tolerance\": {\"zones\": 0, \"servers\": 0},"
    "\"policy\": {\"timeout\": \"1h\", \"tries\": 1}}";
enum { COUNTRIES = 2, FIRST = 8 };

static void make(struct made *made, const char *scenario)
{
    char text[1024];
    snprintf(text, sizeof text, "{\"topology\": \"-\", %s}", scenario);
    make_world(made, topology, text);
}

static void run(struct run_result *result, struct made *made, int64_t seed, int64_t replications,
                int64_t jobs)
{
    struct error err;
    const struct run_opts opts = {.seed = seed, .replications = replications, .jobs = jobs};
    if (run_scenario(result, &made->topo, &made->plan, &made->scenario, &opts, &made->arena,
                     &err) != 0)
        fail_msg("%s", err.text);
}

/* The result as text, without what the clock says. */
static const char *timeless(struct run_result result, struct made *made)
{
    result.wall_s = result.events_per_s = 0;
    const char *text = json_encode(&result, run_fields, &made->arena);
    assert_non_null(text);
    return text;
}

/* ---- rounds ---- */

static void test_precision_next_round_is_what_the_widest_interval_needs(void **state)
{
    static const struct {
        int64_t n;
        double widest;
        int64_t max, next;
    } rows[] = {
        {8, 1.0001, 1000, 10}, {8, 1.3, 1000, 14},          {8, 1.5, 1000, 16},
        {8, 40, 1000, 16},     {8, (double)INFINITY, 9, 9}, {100, 1.2, 1000, 145},
        {100, 1.2, 110, 110},  {100, 1.01, 1000, 113},      {1000, 1.3, 100000, 1691},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(precision_next(rows[i].n, rows[i].widest, rows[i].max), rows[i].next);
}

static const char ten_percent[] =
    "\"duration\": \"5m\", \"warmup\": \"20s\", \"precision\": {\"relative\": 0.1,"
    "\"measures\": [\"mean_ms\", \"p99_ms\", \"availability\"], \"replications_max\": 2000}";

static void test_precision_stops_at_the_same_number_for_any_number_of_jobs(void **state)
{
    static const int64_t jobs[] = {1, 2, 7, 200};
    (void)state;
    struct made made;
    struct run_result first, other;
    make(&made, ten_percent);
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        run(i == 0 ? &first : &other, &made, 3, FIRST, jobs[i]);
        if (i > 0)
            assert_string_equal(timeless(other, &made), timeless(first, &made));
    }
    assert_true(first.precise);
    assert_int_equal(first.imprecise_count, 0);
    assert_true(first.replications > FIRST && first.replications < 2000);
    assert_false(first.stopped);
    arena_release(&made.arena);
}

static void test_precision_replications_are_those_of_a_run_without(void **state)
{
    (void)state;
    struct made made, plain;
    struct run_result with, without;
    make(&made, ten_percent);
    make(&plain, "\"duration\": \"5m\", \"warmup\": \"20s\"");
    run(&with, &made, 4, FIRST, 2);
    run(&without, &plain, 4, with.replications, 2);
    assert_string_equal(timeless(with, &made), timeless(without, &plain));
    arena_release(&made.arena);
    arena_release(&plain.arena);
}

/* A measure's half width over its mean at another level than the 95 % of the result. */
static double relative_at(const struct run_measure *m, int64_t n, double level)
{
    double half = (m->ci95[1] - m->ci95[0]) / 2;
    return half / stats_student(n - 1, 0.95) * stats_student(n - 1, level) / m->mean;
}

static void test_precision_stops_when_all_are_narrow_and_no_sooner(void **state)
{
    (void)state;
    struct made made;
    struct run_result result;
    make(&made, ten_percent);
    double level = pow(0.95, 1.0 / (3 * COUNTRIES));
    for (int64_t seed = 1; seed <= 5; seed++) {
        run(&result, &made, seed, FIRST, 2);
        assert_true(result.precise);
        double widest = 0;
        for (size_t c = 0; c < COUNTRIES; c++) {
            const struct run_country *country = &result.countries[c];
            widest = fmax(widest, relative_at(&country->mean_ms, result.replications, level));
            widest = fmax(widest, relative_at(&country->p99_ms, result.replications, level));
        }
        assert_true(widest <= 0.1 * (1 + 1e-9));
        assert_true(widest > 0.05); /* four times as many as needed would be too many */
    }
    arena_release(&made.arena);
}

static void test_precision_of_nothing_lost_is_the_exact_bound(void **state)
{
    (void)state;
    struct made made;
    struct run_result result;
    make(&made, "\"duration\": \"1m\", \"precision\": {\"relative\": 0.0005,"
                "\"measures\": [\"availability\"]}");
    run(&result, &made, 1, FIRST, 2);
    assert_true(result.precise);
    double level = stats_sidak(0.95, COUNTRIES);
    for (size_t c = 0; c < COUNTRIES; c++)
        assert_true(stats_none_seen(result.countries[c].requests, level) <= 0.0005);
    assert_true(result.replications > 20); /* 300 requests each, some 7400 are needed */
    assert_true(result.replications < 40);
    arena_release(&made.arena);
}

/* ---- not reached ---- */

static void test_precision_that_is_not_reached_says_what_and_by_how_much(void **state)
{
    (void)state;
    struct made made;
    struct run_result result;
    make(&made, "\"duration\": \"5m\", \"precision\": {\"relative\": 0.001, \"replications_max\":"
                "20, \"measures\": [\"mean_ms\", \"shed\"]}, \"expect\":"
                "[{\"measure\": \"shed\", \"max\": 0}]");
    run(&result, &made, 1, FIRST, 2);
    assert_int_equal(result.replications, 20);
    assert_false(result.precise);
    assert_false(result.stopped);
    assert_true(result.pass); /* the expectations hold: that is another question */
    assert_int_equal(result.imprecise_count, COUNTRIES); /* that none was shed is certain */
    for (size_t c = 0; c < COUNTRIES; c++) {
        const struct run_imprecise *p = &result.imprecise[c];
        double want = relative_at(&result.countries[c].mean_ms, 20, pow(0.95, 1.0 / 4));
        assert_string_equal(p->measure, "mean_ms");
        assert_string_equal(p->country, result.countries[c].name);
        assert_true(p->wanted == 0.001);
        assert_true(fabs(p->relative / want - 1) < 1e-9);
    }
    assert_non_null(strstr(timeless(result, &made), "\"precise\": false"));
    arena_release(&made.arena);
}

static void test_precision_of_what_is_never_seen_is_not_reached(void **state)
{
    (void)state;
    struct made made;
    struct run_result result;
    make(&made, "\"duration\": \"1s\", \"load\": 0, \"precision\": {\"relative\": 0.1,"
                "\"measures\": [\"p99_ms\"], \"replications_max\": 30}");
    run(&result, &made, 1, FIRST, 2);
    assert_int_equal(result.replications, 30);
    assert_int_equal(result.imprecise_count, COUNTRIES);
    assert_true(isnan(result.imprecise[0].relative));
    arena_release(&made.arena);
}

static void test_precision_refuses_a_first_round_that_is_too_small_or_too_large(void **state)
{
    static const int64_t wrong[] = {1, 7, 2001};
    (void)state;
    struct made made;
    make(&made, ten_percent);
    for (size_t i = 0; i < 3; i++) {
        struct error err;
        struct run_result result;
        char want[128];
        const struct run_opts opts = {.seed = 1, .replications = wrong[i], .jobs = 2};
        assert_int_equal(
            run_scenario(&result, &made.topo, &made.plan, &made.scenario, &opts, &made.arena, &err),
            -1);
        snprintf(want, sizeof want,
                 "replications: with this precision the first round has 8..2000, got %d",
                 (int)wrong[i]);
        assert_string_equal(err.text, want);
    }
    arena_release(&made.arena);
}

struct watcher {
    volatile sig_atomic_t stop;
    double stop_at; /* above 1: never */
    double last;
};

static void watch(void *context, double done)
{
    struct watcher *w = context;
    assert_true(done >= w->last && done <= 1);
    w->last = done;
    if (done >= w->stop_at)
        __atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
}

static void test_precision_progress_never_goes_back_and_stopping_ends_it(void **state)
{
    (void)state;
    struct made made;
    struct run_result result;
    struct error err;
    struct watcher w = {.stop_at = 2};
    make(&made, ten_percent);
    struct run_opts opts = {
        .seed = 1, .replications = FIRST, .jobs = 2, .progress = watch, .context = &w};
    assert_int_equal(
        run_scenario(&result, &made.topo, &made.plan, &made.scenario, &opts, &made.arena, &err), 0);
    assert_true(w.last == 1);
    int64_t whole = result.replications;
    w = (struct watcher){.stop_at = ((double)whole - 2.5) / 2000};
    opts.stop = &w.stop;
    assert_int_equal(
        run_scenario(&result, &made.topo, &made.plan, &made.scenario, &opts, &made.arena, &err), 0);
    assert_true(result.stopped);
    assert_true(result.replications < whole);
    arena_release(&made.arena);
}

/* ---- the claim ---- */

/* The mean time in the system at half load is twice the work. The intervals of both countries hold
 * it at once as often as was asked, though the same replications said when to stop. */
static void test_precision_holds_for_all_at_once_as_often_as_it_says(void **state)
{
    enum { EXPERIMENTS = 400 / SHORTER };
    (void)state;
    struct made made;
    int held = 0;
    double replications = 0;
    make(&made, "\"duration\": \"310s\", \"warmup\": \"10s\","
                "\"precision\": {\"relative\": 0.05, \"level\": 0.9, \"measures\": [\"mean_ms\"]}");
    double level = pow(0.9, 1.0 / COUNTRIES);
    for (int64_t seed = 1; seed <= EXPERIMENTS; seed++) {
        struct run_result result;
        run(&result, &made, seed, FIRST, 2);
        assert_true(result.precise);
        int good = 0;
        for (size_t c = 0; c < COUNTRIES; c++) {
            const struct run_measure *m = &result.countries[c].mean_ms;
            double way_ms = (double)made.topo.cells[c].client_rtt_us[0] / 1000 + 0.002;
            double half_ms = relative_at(m, result.replications, level) * m->mean;
            good += fabs(m->mean - way_ms - 200) <= half_ms;
        }
        held += good == COUNTRIES;
        replications += (double)result.replications / EXPERIMENTS;
    }
    double share = (double)held / EXPERIMENTS;
    print_message("asked for 90 %% at once, held %.1f %% of %d times, with %.1f replications\n",
                  100 * share, EXPERIMENTS, replications);
    assert_true(replications > 1.5 * FIRST); /* it did add some */
    /* One-sided at 99.9 %, and three points for stopping when it looks narrow. */
    assert_true(share >= 0.87 - 3.09 * sqrt(0.9 * 0.1 / EXPERIMENTS));
    assert_true(share <= 0.9 + 3.09 * sqrt(0.9 * 0.1 / EXPERIMENTS));
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precision_next_round_is_what_the_widest_interval_needs),
        cmocka_unit_test(test_precision_stops_at_the_same_number_for_any_number_of_jobs),
        cmocka_unit_test(test_precision_replications_are_those_of_a_run_without),
        cmocka_unit_test(test_precision_stops_when_all_are_narrow_and_no_sooner),
        cmocka_unit_test(test_precision_of_nothing_lost_is_the_exact_bound),
        cmocka_unit_test(test_precision_that_is_not_reached_says_what_and_by_how_much),
        cmocka_unit_test(test_precision_of_what_is_never_seen_is_not_reached),
        cmocka_unit_test(test_precision_refuses_a_first_round_that_is_too_small_or_too_large),
        cmocka_unit_test(test_precision_progress_never_goes_back_and_stopping_ends_it),
        cmocka_unit_test(test_precision_holds_for_all_at_once_as_often_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
