/* Tests of simulator/run.c and result.c: the answer does not depend on the threads, stopping and
 * failing are orderly, and intervals and verdicts say what they should. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/result.h"
#include "simulator/run.h"
#include "simulator/stats.h"
#include "tests/world.h"

/* Two cells; in the scenarios with `zone_dies` one zone of the German one dies. */
static const char topology[] =
    "{\"countries\": {\"GB\": {\"peak_rps\": 60, \"curve\": \"flat\"},"
    "\"DE\": {\"peak_rps\": 90, \"curve\": \"flat\"}},"
    "\"cells\": {\"gb\": {\"region\": \"aws/eu-west-2\"},"
    "\"de\": {\"region\": \"aws/eu-central-1\"}},"
    "\"services\": {\"shop\": {\"time\": \"50ms\", \"concurrency\": 2, \"queue\": 2}},"
    "\"policy\": {\"retry_budget\": 0}}";
static const char zone_dies[] =
    "\"duration\": \"20s\", \"warmup\": \"2s\", \"faults\": [{\"kind\": "
    "\"zone-down\", \"scope\": \"de/a\", \"at\": \"5s\"}]";
static const char all_dies[] =
    "\"duration\": \"5s\", \"warmup\": \"1s\", \"faults\": [{\"kind\": \"zone-down\", \"scope\": "
    "\"de/a\"}, {\"kind\": \"zone-down\", \"scope\": \"de/b\"}, {\"kind\": \"zone-down\", "
    "\"scope\": \"de/c\"}]";
static const char calm[] = "\"duration\": \"2s\", \"warmup\": \"100ms\", \"load\": 0.1";
enum { GB, DE };

static void make(struct made *made, const char *scenario)
{
    char text[1024];
    snprintf(text, sizeof text, "{\"topology\": \"-\", %s}", scenario);
    make_world(made, topology, text);
}

static void run(struct run_result *result, struct made *made, const struct run_opts *opts)
{
    struct error err;
    if (run_scenario(result, &made->topo, &made->plan, &made->scenario, opts, &made->arena, &err) !=
        0)
        fail_msg("%s", err.text);
}

static void run_plain(struct run_result *result, struct made *made, int64_t replications)
{
    run(result, made, &(struct run_opts){.seed = 1, .replications = replications, .jobs = 2});
}

/* The result as text, without what the clock says. */
static const char *timeless(struct run_result result, struct made *made)
{
    result.wall_s = result.events_per_s = 0;
    result.stopped = false;
    const char *text = json_encode(&result, run_fields, &made->arena);
    assert_non_null(text);
    return text;
}

/* ---- threads ---- */

static void test_run_is_the_same_for_any_number_of_jobs(void **state)
{
    static const int64_t jobs[] = {1, 2, 7, 200};
    (void)state;
    struct made made;
    struct run_result first, other;
    make(&made, zone_dies);
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        run(i == 0 ? &first : &other, &made,
            &(struct run_opts){.seed = 5, .replications = 9, .jobs = jobs[i]});
        if (i > 0)
            assert_string_equal(timeless(other, &made), timeless(first, &made));
    }
    assert_int_equal(first.replications, 9);
    assert_false(first.stopped);
    assert_true(first.countries[DE].requests > 9 * 18 * 80);
    assert_true(first.countries[DE].failed > 0); /* the fault is felt, and only there */
    assert_int_equal(first.countries[GB].failed, 0);
    assert_true(first.countries[GB].mean_ms.ci95[1] > first.countries[GB].mean_ms.mean);
    assert_int_equal(strlen(first.digest), 16);
    run(&other, &made, &(struct run_opts){.seed = 6, .replications = 9, .jobs = 2});
    assert_string_not_equal(other.digest, first.digest);
    arena_release(&made.arena);
}

/* ---- stopping ---- */

struct watcher {
    volatile sig_atomic_t stop;
    double stop_at; /* above 1: never */
    double first, last;
    int calls;
};

static void watch(void *context, double done)
{
    struct watcher *w = context;
    assert_true(done >= w->last && done >= 0 && done <= 1);
    if (w->calls++ == 0)
        w->first = done;
    w->last = done;
    if (done >= w->stop_at)
        __atomic_store_n(&w->stop, 1, __ATOMIC_RELAXED);
}

static void test_run_progress_goes_from_0_to_1_and_never_back(void **state)
{
    (void)state;
    struct made made;
    struct run_result result;
    make(&made, calm);
    for (int64_t jobs = 1; jobs <= 4; jobs++) {
        struct watcher w = {.stop_at = 2};
        run(&result, &made,
            &(struct run_opts){
                .seed = 1, .replications = 20, .jobs = jobs, .progress = watch, .context = &w});
        assert_true(w.first == 0);
        assert_true(w.last == 1);
        assert_true(w.calls >= 2);
    }
    arena_release(&made.arena);
}

static void test_run_stopped_before_its_start_is_an_error(void **state)
{
    (void)state;
    struct made made;
    struct error err;
    struct run_result result = {.seed = 77};
    volatile sig_atomic_t stop = 1;
    make(&made, calm);
    const struct run_opts opts = {.seed = 1, .replications = 4, .jobs = 2, .stop = &stop};
    assert_int_equal(
        run_scenario(&result, &made.topo, &made.plan, &made.scenario, &opts, &made.arena, &err),
        -1);
    assert_int_equal(err.code, ERR_SYSTEM);
    assert_string_equal(err.text, "stopped before the first replication had ended");
    assert_int_equal(result.seed, 77);
    arena_release(&made.arena);
}

/* With one thread those that have ended are the first ones, so a run of just as many says the same.
 */
static void test_run_stopped_midway_answers_from_what_has_ended(void **state)
{
    enum { MANY = 5000 };
    (void)state;
    struct made made;
    struct run_result stopped, whole;
    struct watcher w = {.stop_at = 3.5 / MANY};
    make(&made, calm);
    run(&stopped, &made,
        &(struct run_opts){.seed = 1,
                           .replications = MANY,
                           .jobs = 1,
                           .stop = &w.stop,
                           .progress = watch,
                           .context = &w});
    assert_true(stopped.stopped);
    assert_true(stopped.replications >= 3 && stopped.replications < MANY);
    assert_true(w.last < 1);
    run_plain(&whole, &made, stopped.replications);
    assert_false(whole.stopped);
    assert_string_equal(timeless(stopped, &made), timeless(whole, &made));
    arena_release(&made.arena);
}

/* ---- errors ---- */

static void assert_refused(struct made *made, enum error_code code, const char *text)
{
    for (int64_t jobs = 1; jobs <= 3; jobs++) {
        struct error err;
        struct run_result result = {.seed = 77};
        const struct run_opts opts = {.seed = 1, .replications = 5, .jobs = jobs};
        assert_int_equal(run_scenario(&result, &made->topo, &made->plan, &made->scenario, &opts,
                                      &made->arena, &err),
                         -1);
        assert_int_equal(err.code, code);
        assert_string_equal(err.text, text);
        assert_int_equal(result.seed, 77);
    }
    arena_release(&made->arena);
}

static void test_run_reports_why_its_replications_fail(void **state)
{
    (void)state;
    struct made made;
    make_world(&made,
               "{\"countries\": {\"DE\": {\"peak_rps\": 1e9}},"
               "\"services\": {\"shop\": {\"time\": \"100ms\", \"concurrency\": 4}}}",
               "{\"topology\": \"-\"}");
    assert_refused(&made, ERR_LIMIT, "a simulation holds at most 16777216 servers");
}

static void test_run_refuses_a_fault_of_a_server_that_is_not_there(void **state)
{
    (void)state;
    struct made made;
    make(&made, "\"faults\": [{\"kind\": \"server-down\", \"scope\": \"de/b/shop-99\"}]");
    assert_refused(&made, ERR_UNKNOWN,
                   "faults[0].scope: zone de/b has 3 servers of shop, so no de/b/shop-99");
}

/* ---- intervals ---- */

static void test_run_without_failures_gives_the_binomial_bound(void **state)
{
    (void)state;
    struct made made;
    struct run_result result;
    make(&made, calm);
    for (int64_t replications = 1; replications <= 10; replications += 9) {
        run_plain(&result, &made, replications);
        const struct run_country *de = &result.countries[DE];
        assert_int_equal(de->ok, de->requests);
        assert_true(de->requests > 0);
        assert_true(de->availability.mean == 1);
        assert_true(de->availability.ci95[0] == 1 - stats_none_seen(de->requests, 0.95));
        assert_true(de->availability.ci95[0] < 1);
        assert_true(de->availability.ci95[1] == 1);
    }
    arena_release(&made.arena);
}

static int times_in(const char *text, const char *what)
{
    int n = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        n++;
    return n;
}

static void test_run_of_one_replication_has_no_interval(void **state)
{
    (void)state;
    struct made made;
    struct run_result result;
    make(&made, zone_dies);
    run_plain(&result, &made, 1);
    const struct run_country *de = &result.countries[DE];
    assert_true(de->availability.mean < 1);
    assert_true(isnan(de->availability.ci95[0]) && isnan(de->availability.ci95[1]));
    assert_false(isnan(de->p99_ms.mean));
    assert_true(isnan(de->p99_ms.ci95[0]) && isnan(de->p99_ms.ci95[1]));
    assert_true(times_in(timeless(result, &made), "\"ci95\": null") > 5);
    run_plain(&result, &made, 2);
    /* Of two countries, neither has background work, nor an end of the fault to recover from. */
    const char *text = timeless(result, &made);
    assert_int_equal(times_in(text, "\"ci95\": null"), 2 * 6);
    assert_int_equal(times_in(text, "\"mean\": null"), 2 * 6);
    arena_release(&made.arena);
}

static void test_run_with_all_zones_dead_answers_nobody_there(void **state)
{
    (void)state;
    struct made made;
    struct run_result result;
    make(&made, all_dies);
    run_plain(&result, &made, 3);
    const struct run_country *de = &result.countries[DE];
    assert_true(de->requests > 3 * 4 * 60);
    assert_int_equal(de->ok, 0);
    assert_true(de->availability.mean == 0);
    assert_true(isnan(de->p99_ms.mean) && isnan(de->max_ms));
    assert_int_equal(result.countries[GB].failed, 0);
    assert_true(result.cells[DE].services[0].busy.mean == 0);
    assert_true(result.cells[GB].services[0].busy.mean > 0);
    arena_release(&made.arena);
}

/* Replications written by hand. */
static void test_run_measures_are_those_worked_out_by_hand(void **state)
{
    enum { N = 4 };
    static const struct result_country given[N] = {
        {100,
         90,
         6,
         4,
         12,
         10,
         10,
         20,
         30,
         40,
         {6, 4, 1, 1},
         30,
         NAN,
         {20, 18, 1, 1, 90, 70, 190, 290},
         5},
        {100,
         0,
         0,
         100,
         20,
         NAN,
         NAN,
         NAN,
         NAN,
         NAN,
         {60, 60, NAN, 0},
         100,
         NAN, /* none answered */
         {9, 0, 9, 0, NAN, NAN, NAN, NAN},
         2},
        {200,
         200,
         0,
         0,
         0,
         14,
         14,
         24,
         34,
         50,
         {0, 0, 0, 1},
         0,
         NAN,
         {40, 37, 0, 3, 80, 60, 180, 280},
         0},
        {0,
         0,
         0,
         0,
         0,
         NAN,
         NAN,
         NAN,
         NAN,
         NAN,
         {NAN, NAN, NAN, NAN},
         0,
         NAN, /* none asked */
         {0, 0, 0, 0, NAN, NAN, NAN, NAN},
         0},
    };
    (void)state;
    struct made made;
    struct error err;
    struct run_result result = {0};
    struct result_sample sample[N];
    const struct result_sample *list[N];
    make(&made, calm);
    for (int i = 0; i < N; i++) {
        assert_int_equal(result_sample_init(&sample[i], &made.topo, &made.arena), 0);
        sample[i].country[DE] = given[i];
        sample[i].detect_s = i < 2 ? 0.5 * i : (double)NAN;
        list[i] = &sample[i];
    }
    assert_int_equal(
        result_fill(&result, list, N, &made.topo, &made.plan, &made.scenario, &made.arena, &err),
        0);
    const struct run_country *de = &result.countries[DE];
    assert_int_equal(de->requests, 400);
    assert_int_equal(de->ok, 290);
    assert_int_equal(de->retries, 32);
    assert_true(fabs(de->availability.mean - (0.9 + 0 + 1) / 3) < 1e-12);
    assert_true(de->availability.ci95[0] == 0 && de->availability.ci95[1] == 1); /* it is wider */
    assert_true(fabs(de->failed_each.mean - 26) < 1e-12);
    assert_true(fabs(de->p99_ms.mean - 22) < 1e-12);
    /* Of two values 2 from their mean: standard error 2, one degree of freedom. */
    assert_true(fabs(de->p99_ms.ci95[1] - (22 + 2 * 12.7062047)) < 1e-6);
    assert_true(de->max_ms == 50); /* not forgotten for the last, which has none */
    assert_true(isnan(result.countries[GB].availability.mean));
    assert_true(fabs(de->hurt_s.mean - 22) < 1e-12);
    assert_true(fabs(de->mitigate_s.mean - 64.0 / 3) < 1e-12);
    assert_true(fabs(de->recover_s.mean - 0.5) < 1e-12);
    assert_true(fabs(de->recovered.mean - 2.0 / 3) < 1e-12);
    double customers = (double)made.topo.countries[DE].customers;
    assert_true(fabs(de->customers_hurt.mean - 32.5 / customers) < 1e-12);
    assert_true(fabs(result.detect_s.mean - 0.25) < 1e-12);
    assert_int_equal(de->background.requests, 69);
    assert_int_equal(de->background.ok, 55);
    assert_int_equal(de->background.shed, 10);
    assert_int_equal(de->background.failed, 4);
    assert_true(fabs(de->background.mean_ms.mean - 85) < 1e-12);
    assert_true(fabs(de->background.p50_ms.mean - 65) < 1e-12);
    assert_true(fabs(de->background.p99_ms.mean - 185) < 1e-12);
    assert_true(fabs(de->background.p999_ms.mean - 285) < 1e-12);
    assert_int_equal(de->again, 7);
    arena_release(&made.arena);
}

/* ---- expectations ---- */

static void test_run_passes_when_every_expectation_holds(void **state)
{
    static const struct {
        const char *expect;
        bool pass[2]; /* of GB and DE */
    } cases[] = {
        {"{\"measure\": \"availability\", \"min\": 0.5}", {true, true}},
        {"{\"measure\": \"availability\", \"min\": 1}", {true, false}},
        {"{\"measure\": \"failed\", \"max\": 0}", {true, false}},
        {"{\"measure\": \"failed\", \"min\": 1}", {false, true}},
        {"{\"measure\": \"shed\", \"min\": 0, \"max\": 1e9}", {true, true}},
        {"{\"measure\": \"p99_ms\", \"max\": 1}", {false, false}},
        {"{\"measure\": \"p99_ms\", \"min\": 50, \"max\": 5000}", {true, true}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        struct made made;
        struct run_result result;
        snprintf(text, sizeof text, "%s, \"expect\": [%s]", zone_dies, cases[i].expect);
        make(&made, text);
        run_plain(&result, &made, 2);
        assert_int_equal(result.verdict_count, 2);
        for (int k = 0; k < 2; k++) {
            assert_string_equal(result.verdicts[k].country, k == GB ? "GB" : "DE");
            assert_int_equal(result.verdicts[k].pass, cases[i].pass[k]);
        }
        assert_int_equal(result.pass, cases[i].pass[GB] && cases[i].pass[DE]);
        arena_release(&made.arena);
    }
}

static void test_run_asks_only_the_country_that_is_named(void **state)
{
    (void)state;
    struct made made;
    struct run_result result;
    char text[512];
    snprintf(text, sizeof text,
             "%s, \"expect\": [{\"measure\": \"failed\", \"country\": \"GB\", \"max\": 0}]",
             zone_dies);
    make(&made, text);
    run_plain(&result, &made, 2);
    assert_int_equal(result.verdict_count, 1);
    assert_string_equal(result.verdicts[0].country, "GB");
    assert_true(isnan(result.verdicts[0].low) && result.verdicts[0].high == 0);
    assert_true(result.pass);
    arena_release(&made.arena);
}

static void test_run_that_saw_nothing_passes_nothing(void **state)
{
    (void)state;
    struct made made;
    struct run_result result;
    make(&made, "\"duration\": \"1s\", \"load\": 0, \"expect\": [{\"measure\": \"availability\", "
                "\"min\": 0}, {\"measure\": \"failed\", \"max\": 0}]");
    run_plain(&result, &made, 3);
    assert_int_equal(result.countries[DE].requests, 0);
    assert_true(isnan(result.countries[DE].availability.mean));
    assert_true(isnan(result.verdicts[0].value));
    assert_false(result.verdicts[0].pass);
    assert_true(result.verdicts[2].pass); /* that none failed was seen */
    assert_false(result.pass);
    assert_non_null(strstr(timeless(result, &made), "\"value\": null"));
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_is_the_same_for_any_number_of_jobs),
        cmocka_unit_test(test_run_progress_goes_from_0_to_1_and_never_back),
        cmocka_unit_test(test_run_stopped_before_its_start_is_an_error),
        cmocka_unit_test(test_run_stopped_midway_answers_from_what_has_ended),
        cmocka_unit_test(test_run_reports_why_its_replications_fail),
        cmocka_unit_test(test_run_refuses_a_fault_of_a_server_that_is_not_there),
        cmocka_unit_test(test_run_without_failures_gives_the_binomial_bound),
        cmocka_unit_test(test_run_of_one_replication_has_no_interval),
        cmocka_unit_test(test_run_with_all_zones_dead_answers_nobody_there),
        cmocka_unit_test(test_run_measures_are_those_worked_out_by_hand),
        cmocka_unit_test(test_run_passes_when_every_expectation_holds),
        cmocka_unit_test(test_run_asks_only_the_country_that_is_named),
        cmocka_unit_test(test_run_that_saw_nothing_passes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
