/* Tests of simulator/caches.c and simulator/zipf.c: what servers keep of the answers to their
 * calls, against Che's approximation, and what empties it. One cell, fixed times. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/rng.h"
#include "simulator/run.h"
#include "simulator/theory.h"
#include "simulator/zipf.h"
#include "tests/world.h"

/* 20 pages a second of 10 items each, in three servers. `cache` and `scenario` are the insides of
 * JSON objects. */
static void simulate_call(struct run_result *result, struct made *made, const char *call,
                          const char *cache, const char *scenario)
{
    char topology[2048], text[2048];
    struct error err;
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {\"peak_rps\": 20, \"curve\": \"flat\"}},"
             "\"cells\": {\"gb\": {\"zone_rtt\": \"2ms\", \"servers_per_zone\": 1}},"
             "\"services\": {\"page\": {\"time\": \"5ms\", \"spread\": \"fixed\","
             "\"calls\": [{\"service\": \"item\", \"count\": 10, %s \"cache\": {%s}}]},"
             "\"item\": {\"share\": 0, \"time\": \"20ms\", \"spread\": \"fixed\","
             "\"concurrency\": 100}}}",
             call, cache);
    snprintf(text, sizeof text, "{\"topology\": \"-\", \"replications\": 2, %s}", scenario);
    make_world(made, topology, text);
    const struct run_opts opts = {.seed = 1, .replications = 2, .jobs = 2};
    if (run_scenario(result, &made->topo, &made->plan, &made->scenario, &opts, &made->arena,
                     &err) != 0)
        fail_msg("%s", err.text);
}

static void simulate(struct run_result *result, struct made *made, const char *cache,
                     const char *scenario)
{
    simulate_call(result, made, "", cache, scenario);
}

static void test_caches_find_as_much_as_che_says(void **state)
{
    static const char *const caches[] = {
        "\"entries\": 50, \"keys\": 1000, \"skew\": 0.6",
        "\"entries\": 200, \"keys\": 1000, \"skew\": 0.9",
        "\"entries\": 20, \"keys\": 100, \"skew\": 0",
    };
    (void)state;
    for (size_t i = 0; i < sizeof caches / sizeof caches[0]; i++) {
        struct made made;
        struct run_result r;
        simulate(&r, &made, caches[i], "\"duration\": \"25m\", \"warmup\": \"2m\"");
        assert_int_equal(r.cache_count, 1);
        assert_string_equal(r.caches[0].cell, "gb");
        assert_string_equal(r.caches[0].service, "page");
        assert_string_equal(r.caches[0].to, "item");
        assert_true(r.caches[0].looks > 200000);
        if (!(fabs(r.caches[0].hit_ratio.mean - r.caches[0].expected) < 0.01))
            fail_msg("%s: %f, by theory %f", caches[i], r.caches[0].hit_ratio.mean,
                     r.caches[0].expected);
        arena_release(&made.arena);
    }
}

static void test_caches_answer_without_asking(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, "\"entries\": 10, \"keys\": 10",
             "\"duration\": \"2m\", \"warmup\": \"1m\"");
    double client_ms = (double)made.topo.cells[0].client_rtt_us[0] / 1000;
    assert_int_equal(r.caches[0].hits, r.caches[0].looks);
    assert_true(r.caches[0].expected == 1);
    assert_true(fabs(r.countries[0].mean_ms.mean - client_ms - 7) < 0.002);
    assert_true(r.cells[0].services[1].busy.mean == 0);
    arena_release(&made.arena);
}

/* Each item takes longer than its page waits for it. */
static void test_caches_are_filled_though_their_callers_have_given_up(void **state)
{
    static const char late[] = "\"deadline\": \"10ms\",";
    static const char scenario[] = "\"duration\": \"2m\", \"warmup\": \"1m\"";
    struct made made;
    struct run_result r;
    (void)state;
    simulate_call(&r, &made, late, "\"entries\": 0", scenario);
    assert_int_equal(r.countries[0].ok, 0);
    arena_release(&made.arena);
    simulate_call(&r, &made, late, "\"entries\": 10, \"keys\": 10", scenario);
    assert_int_equal(r.countries[0].ok, r.countries[0].requests);
    arena_release(&made.arena);
}

/* While one request gets a new answer the old one is served, so nobody waits for it but at first;
 * a key whose answers went bad is asked for about once in a while of freshness. */
static void test_caches_serve_what_is_stale_while_it_is_renewed(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, "\"entries\": 10, \"keys\": 10, \"fresh\": \"1s\", \"stale\": \"1h\"",
             "\"duration\": \"3m\", \"warmup\": \"1m\"");
    double client_ms = (double)made.topo.cells[0].client_rtt_us[0] / 1000;
    assert_int_equal(r.caches[0].hits, r.caches[0].looks);
    assert_true(r.caches[0].stale > 0);
    assert_true(isnan(r.caches[0].expected));
    assert_true(fabs(r.countries[0].max_ms - client_ms - 7) < 0.002);
    double asked = r.cells[0].services[1].busy.mean * 300 / 0.020; /* per second */
    assert_true(asked > 10 && asked < 3 * 10 / 1.0);
    arena_release(&made.arena);
}

static void test_caches_ask_again_for_what_is_no_longer_fresh(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, "\"entries\": 10, \"keys\": 1, \"fresh\": \"1ms\"",
             "\"duration\": \"1m\", \"warmup\": \"1s\"");
    assert_true(r.caches[0].hits < r.caches[0].looks / 100);
    arena_release(&made.arena);
}

static void test_caches_drop_what_has_changed_at_its_source(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, "\"entries\": 10, \"keys\": 1, \"changes\": 1",
             "\"duration\": \"10m\", \"warmup\": \"1s\"");
    int64_t missed = r.caches[0].looks - r.caches[0].hits; /* once per change and server, or more */
    assert_true(missed > 2 * 3 * 599 / 2);
    assert_true(missed < r.caches[0].looks / 2);
    arena_release(&made.arena);
}

static void test_caches_of_a_server_that_died_are_empty(void **state)
{
    static const char cache[] = "\"entries\": 1000, \"keys\": 1000, \"skew\": 0";
    struct made made;
    struct run_result calm, cold;
    (void)state;
    simulate(&calm, &made, cache, "\"duration\": \"5m\", \"warmup\": \"4m\"");
    int64_t missed = calm.caches[0].looks - calm.caches[0].hits;
    arena_release(&made.arena);
    simulate(&cold, &made, cache,
             "\"duration\": \"5m\", \"warmup\": \"4m\", \"faults\": [{\"kind\": \"cell-down\","
             "\"scope\": \"gb\", \"at\": \"235s\", \"for\": \"5s\"}]");
    assert_true(cold.caches[0].looks - cold.caches[0].hits > 3000);
    assert_true(missed < 100);
    arena_release(&made.arena);
}

static void test_caches_are_expected_by_cell(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, "\"entries\": 10, \"keys\": 10",
             "\"duration\": \"2m\", \"warmup\": \"1m\", \"expect\": ["
             "{\"measure\": \"hit_ratio\", \"cell\": \"gb\", \"min\": 1},"
             "{\"measure\": \"hit_ratio\", \"max\": 0.5}]");
    assert_int_equal(r.verdict_count, 2);
    assert_string_equal(r.verdicts[0].cell, "gb");
    assert_null(r.verdicts[0].country);
    assert_true(r.verdicts[0].pass);
    assert_false(r.verdicts[1].pass);
    assert_false(r.pass);
    arena_release(&made.arena);
}

static void test_caches_that_are_not_there_are_not_in_the_result(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, "\"entries\": 0", "\"duration\": \"1s\"");
    assert_int_equal(r.cache_count, 0);
    char *text = json_encode(&r, run_fields, &made.arena);
    assert_null(strstr(text, "caches"));
    arena_release(&made.arena);
}

static void test_zipf_draws_keys_as_often_as_they_are_popular(void **state)
{
    enum { KEYS = 20, DRAWS = 200000 };
    double share[KEYS], seen[KEYS] = {0};
    struct arena a = {0};
    struct zipf z;
    struct rng rng;
    (void)state;
    rng_init(&rng, 1);
    assert_int_equal(zipf_init(&z, KEYS, 1.2, &a), 0);
    zipf_shares(share, KEYS, 1.2);
    for (int i = 0; i < DRAWS; i++)
        seen[zipf_draw(&z, &rng)]++;
    double chi2 = 0;
    for (int i = 0; i < KEYS; i++) {
        double want = share[i] * DRAWS;
        chi2 += (seen[i] - want) * (seen[i] - want) / want;
        assert_true(i == 0 || share[i] < share[i - 1]);
    }
    assert_true(chi2 < 43.8); /* 19 degrees of freedom, 0.1 % */
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caches_find_as_much_as_che_says),
        cmocka_unit_test(test_caches_answer_without_asking),
        cmocka_unit_test(test_caches_are_filled_though_their_callers_have_given_up),
        cmocka_unit_test(test_caches_serve_what_is_stale_while_it_is_renewed),
        cmocka_unit_test(test_caches_ask_again_for_what_is_no_longer_fresh),
        cmocka_unit_test(test_caches_drop_what_has_changed_at_its_source),
        cmocka_unit_test(test_caches_of_a_server_that_died_are_empty),
        cmocka_unit_test(test_caches_are_expected_by_cell),
        cmocka_unit_test(test_caches_that_are_not_there_are_not_in_the_result),
        cmocka_unit_test(test_zipf_draws_keys_as_often_as_they_are_popular),
    };
    return cmocka_run_group_tests_name("caches", tests, NULL, NULL);
}
