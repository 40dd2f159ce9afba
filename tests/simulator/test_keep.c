/* Tests of simulator/metrics.c and of keeping replications: what goes out and comes in again is the
 * same to the last bit, and a run that finds some of its replications says what the whole one says.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/metrics.h"
#include "simulator/result.h"
#include "simulator/run.h"
#include "tests/world.h"

static const char topology[] =
    "{\"countries\": {\"GB\": {\"peak_rps\": 60, \"curve\": \"flat\"},"
    "\"DE\": {\"peak_rps\": 90, \"curve\": \"flat\"}},"
    "\"cells\": {\"gb\": {\"region\": \"aws/eu-west-2\"},"
    "\"de\": {\"region\": \"aws/eu-central-1\"}},"
    "\"services\": {\"shop\": {\"time\": \"50ms\", \"concurrency\": 2, \"queue\": 2,"
    "\"calls\": [{\"service\": \"till\", \"cache\": {\"entries\": 9, \"keys\": 20}}]},"
    "\"till\": {\"time\": \"20ms\"},"
    "\"mail\": {\"function\": {\"instances\": 9}}},"
    "\"pipeline\": {\"orders\": {\"share\": 0.2}, \"stages\": {"
    "\"pay\": {\"next\": [\"send\"]}, \"send\": {}}}}";
static const char scenario[] = "{\"topology\": \"-\", \"duration\": \"5s\", \"warmup\": \"1s\","
                               "\"faults\": [{\"kind\": \"zone-down\", \"scope\": \"de/a\", "
                               "\"at\": \"2s\"}], \"expect\": [{\"measure\": \"failed\", "
                               "\"max\": 3}]}";

enum { METRICS_MAX = 256 };

static size_t index_of(const char *want, const struct topo *topo)
{
    char name[METRICS_NAME_MAX];
    for (size_t i = 0; i < metrics_count(topo); i++) {
        metrics_name(name, topo, i);
        if (strcmp(name, want) == 0)
            return i;
    }
    fail_msg("no metric %s", want);
    return 0;
}

/* ---- names and bits ---- */

static void test_metrics_have_names_that_differ(void **state)
{
    (void)state;
    struct made made;
    char name[METRICS_NAME_MAX], other[METRICS_NAME_MAX];
    make_world(&made, topology, scenario);
    index_of("events", &made.topo);
    index_of("GB.requests", &made.topo);
    index_of("DE.p99_ms", &made.topo);
    index_of("de.till.busy_ns", &made.topo);
    index_of("de.mail.function.starts", &made.topo);
    index_of("de.orders.p99_ms", &made.topo);
    index_of("de.stage-send.waiting_max", &made.topo);
    index_of("de.shop.calls-0.cache.hits", &made.topo);
    for (size_t i = 0; i < metrics_count(&made.topo); i++)
        for (size_t k = 0; k < i; k++) {
            metrics_name(name, &made.topo, i);
            metrics_name(other, &made.topo, k);
            assert_string_not_equal(name, other);
        }
    arena_release(&made.arena);
}

/* Each metric has a number of its own, so that two that share a place are seen. */
static void test_metrics_come_back_to_the_last_bit(void **state)
{
    static const double odd[] = {-0.0, 5e-324, 0.1, 1e300, (double)INFINITY};
    (void)state;
    struct made made;
    struct result_sample sample;
    struct metric in[METRICS_MAX], out[METRICS_MAX];
    make_world(&made, topology, scenario);
    size_t n = metrics_count(&made.topo);
    assert_in_range(n, 2 + 2 * 10 + 4 * 2, METRICS_MAX);
    assert_int_equal(result_sample_init(&sample, &made.topo, &made.arena), 0);
    metrics_take(in, &sample, &made.topo);
    for (size_t i = 0; i < n; i++) {
        if (in[i].type == METRIC_I64)
            in[i].i64 = i % 2 == 0 ? INT64_MIN + (int64_t)i : INT64_MAX - (int64_t)i;
        else
            in[i].f64 = (double)i / 3;
    }
    size_t mean = index_of("GB.mean_ms", &made.topo);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        in[mean].f64 = odd[i];
        assert_int_equal(metrics_put(&sample, in, &made.topo), 0);
        metrics_take(out, &sample, &made.topo);
        assert_memory_equal(out, in, n * sizeof in[0]);
        assert_memory_equal(&sample.country[0].mean_ms, &odd[i], sizeof odd[i]);
    }
    assert_true(sample.digest == (uint64_t)in[index_of("digest", &made.topo)].i64);
    assert_int_equal(sample.busy_ns[4], in[index_of("de.till.busy_ns", &made.topo)].i64);

    in[mean].f64 = (double)NAN;
    assert_int_equal(metrics_put(&sample, in, &made.topo), 0);
    assert_true(isnan(sample.country[0].mean_ms));
    in[mean].type = METRIC_I64;
    assert_int_equal(metrics_put(&sample, in, &made.topo), -1);
    arena_release(&made.arena);
}

/* Whoever adds a number to a sample adds its row: all bytes of a sample are reached. */
static void test_metrics_reach_every_byte_of_a_sample(void **state)
{
    (void)state;
    struct made made;
    struct metric values[METRICS_MAX];
    struct result_sample sample;
    make_world(&made, topology, scenario);
    assert_int_equal(result_sample_init(&sample, &made.topo, &made.arena), 0);
    metrics_take(values, &sample, &made.topo);
    for (size_t i = 0; i < metrics_count(&made.topo); i++) {
        memset(&values[i].i64, 0xa5, sizeof values[i].i64);
        memset(&values[i].f64, 0xa5, sizeof values[i].f64);
    }
    assert_int_equal(metrics_put(&sample, values, &made.topo), 0);
    const unsigned char *bytes = (const unsigned char *)sample.country;
    for (size_t i = 0; i < 2 * sizeof sample.country[0]; i++)
        assert_int_equal(bytes[i], 0xa5);
    bytes = (const unsigned char *)sample.function;
    for (size_t i = 0; i < 2 * sizeof sample.function[0]; i++)
        assert_int_equal(bytes[i], 0xa5);
    bytes = (const unsigned char *)sample.orders;
    for (size_t i = 0; i < 2 * sizeof sample.orders[0]; i++)
        assert_int_equal(bytes[i], 0xa5);
    bytes = (const unsigned char *)sample.stage;
    for (size_t i = 0; i < 4 * sizeof sample.stage[0]; i++)
        assert_int_equal(bytes[i], 0xa5);
    bytes = (const unsigned char *)sample.cache;
    for (size_t i = 0; i < 2 * sizeof sample.cache[0]; i++)
        assert_int_equal(bytes[i], 0xa5);
    size_t untouched = 0;
    bytes = (const unsigned char *)&sample;
    for (size_t i = 0; i < sizeof sample; i++)
        untouched += bytes[i] != 0xa5;
    assert_true(untouched <= 12 * sizeof(void *)); /* the pointers of its arrays */
    arena_release(&made.arena);
}

/* ---- a run that finds what has run before ---- */

enum { RUNS = 12 };

struct shelf {
    const struct topo *topo;
    struct metric kept[RUNS][METRICS_MAX];
    bool there[RUNS];
    int loads, saves;
    int fail_load, fail_save; /* the replication whose call fails; -1: none */
    volatile sig_atomic_t stop;
    int stop_after; /* saves; 0: never */
};

static int shelf_load(void *context, int64_t index, struct result_sample *sample, struct error *err)
{
    struct shelf *s = context;
    assert_in_range(index, 0, RUNS - 1);
    if (index == s->fail_load)
        return error_set(err, ERR_SYSTEM, "cannot load %lld", (long long)index);
    if (!s->there[index])
        return 0;
    s->loads++;
    assert_int_equal(metrics_put(sample, s->kept[index], s->topo), 0);
    return 1;
}

static int shelf_save(void *context, int64_t index, const struct result_sample *sample,
                      struct error *err)
{
    struct shelf *s = context;
    if (index == s->fail_save)
        return error_set(err, ERR_SYSTEM, "cannot save %lld", (long long)index);
    assert_false(s->there[index]);
    metrics_take(s->kept[index], sample, s->topo);
    s->there[index] = true;
    s->saves++;
    if (s->saves == s->stop_after)
        __atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
    return 0;
}

static int run_kept(struct run_result *result, struct made *made, struct shelf *shelf, int64_t jobs,
                    struct error *err)
{
    const struct run_keep keep = {shelf_load, shelf_save, shelf};
    const struct run_opts opts = {.seed = 3,
                                  .replications = RUNS,
                                  .jobs = jobs,
                                  .stop = shelf == NULL ? NULL : &shelf->stop,
                                  .keep = shelf == NULL ? NULL : &keep};
    return run_scenario(result, &made->topo, &made->plan, &made->scenario, &opts, &made->arena,
                        err);
}

static const char *timeless(struct run_result result, struct made *made)
{
    result.wall_s = result.events_per_s = 0;
    const char *text = json_encode(&result, run_fields, &made->arena);
    assert_non_null(text);
    return text;
}

static void test_keep_a_run_that_finds_some_says_what_the_whole_says(void **state)
{
    (void)state;
    struct made made;
    struct error err;
    struct run_result whole, stopped, resumed;
    make_world(&made, topology, scenario);
    assert_int_equal(run_kept(&whole, &made, NULL, 2, &err), 0);
    for (int64_t jobs = 1; jobs <= 3; jobs++) {
        struct shelf shelf = {
            .topo = &made.topo, .fail_load = -1, .fail_save = -1, .stop_after = 2 + (int)jobs};
        assert_int_equal(run_kept(&stopped, &made, &shelf, jobs, &err), 0);
        assert_true(stopped.stopped);
        assert_int_equal(stopped.replications, shelf.saves);
        assert_true(shelf.saves >= shelf.stop_after && shelf.saves < RUNS);
        int before = shelf.saves;
        shelf.stop = 0;
        assert_int_equal(run_kept(&resumed, &made, &shelf, jobs, &err), 0);
        assert_int_equal(shelf.loads, before);
        assert_int_equal(shelf.saves, RUNS);
        assert_string_equal(timeless(resumed, &made), timeless(whole, &made));
        assert_true(resumed.events_per_s > 0);
        assert_int_equal(run_kept(&resumed, &made, &shelf, jobs, &err), 0);
        assert_int_equal(shelf.saves, RUNS);
        assert_string_equal(timeless(resumed, &made), timeless(whole, &made));
        assert_true(resumed.events_per_s == 0); /* it ran none */
    }
    arena_release(&made.arena);
}

/* Those that find the warm-up are run each time. */
static void test_keep_knows_nothing_of_those_that_find_the_warm_up(void **state)
{
    (void)state;
    struct made made;
    struct error err;
    struct run_result whole, first, again;
    make_world(&made, topology,
               "{\"topology\": \"-\", \"duration\": \"20s\", \"warmup_auto\": true}");
    struct shelf shelf = {.topo = &made.topo, .fail_load = -1, .fail_save = -1};
    assert_int_equal(run_kept(&whole, &made, NULL, 2, &err), 0);
    assert_int_equal(run_kept(&first, &made, &shelf, 2, &err), 0);
    assert_int_equal(shelf.saves, RUNS);
    assert_int_equal(run_kept(&again, &made, &shelf, 2, &err), 0);
    assert_int_equal(shelf.loads, RUNS);
    assert_string_equal(timeless(first, &made), timeless(whole, &made));
    assert_string_equal(timeless(again, &made), timeless(whole, &made));
    arena_release(&made.arena);
}

static void test_keep_that_fails_fails_the_run(void **state)
{
    (void)state;
    struct made made;
    struct error err;
    struct run_result result = {.seed = 77};
    make_world(&made, topology, scenario);
    for (int64_t jobs = 1; jobs <= 3; jobs++) {
        struct shelf shelf = {.topo = &made.topo, .fail_load = 5, .fail_save = -1};
        assert_int_equal(run_kept(&result, &made, &shelf, jobs, &err), -1);
        assert_string_equal(err.text, "cannot load 5");
        shelf = (struct shelf){.topo = &made.topo, .fail_load = -1, .fail_save = 4};
        assert_int_equal(run_kept(&result, &made, &shelf, jobs, &err), -1);
        assert_string_equal(err.text, "cannot save 4");
        for (int i = 0; i < 4; i++)
            assert_true(shelf.there[i]); /* all before it had begun, and are kept */
        assert_int_equal(result.seed, 77);
    }
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_have_names_that_differ),
        cmocka_unit_test(test_metrics_come_back_to_the_last_bit),
        cmocka_unit_test(test_metrics_reach_every_byte_of_a_sample),
        cmocka_unit_test(test_keep_a_run_that_finds_some_says_what_the_whole_says),
        cmocka_unit_test(test_keep_knows_nothing_of_those_that_find_the_warm_up),
        cmocka_unit_test(test_keep_that_fails_fails_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
