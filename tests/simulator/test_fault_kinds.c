/* Tests of simulator/faults.c: what each fault does to customers, against what follows from it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/data.h"
#include "base/error.h"
#include "simulator/run.h"
#include "tests/world.h"

/* Two cells in two regions, three zones each, far more servers than needed; work takes 20 ms and
 * messages 1 ms each way. What is tried twice is tried in another zone. */
static const char topology[] =
    "{\"countries\": {\"GB\": {\"peak_rps\": 50, \"curve\": \"flat\"},"
    "\"DE\": {\"peak_rps\": 50, \"curve\": \"flat\"}},"
    "\"cells\": {\"gb\": {\"region\": \"aws/eu-west-2\", \"zone_rtt\": \"2ms\"},"
    "\"de\": {\"region\": \"aws/eu-central-1\", \"zone_rtt\": \"2ms\"}},"
    "\"services\": {\"shop\": {\"time\": \"20ms\", \"spread\": \"fixed\", \"concurrency\": 50,"
    "\"calls\": [{\"service\": \"rows\"}]},"
    "\"rows\": {\"share\": 0, \"store\": true, \"time\": \"1ms\", \"spread\": \"fixed\","
    "\"concurrency\": 50}},"
    "\"policy\": {\"tries\": 1, \"timeout\": \"1s\", \"backoff\": \"0\", "
    "\"eject_failures\": 1000000}}";

enum { GB, DE };
static double client_ms[2];

static void simulate_with(struct run_result *result, struct made *made, const char *topology_text,
                          const char *fault, const char *rest)
{
    char text[1024];
    struct error err;
    snprintf(text, sizeof text, "{\"topology\": \"-\", \"replications\": 8, \"faults\": [%s], %s}",
             fault, rest);
    make_world(made, topology_text, text);
    for (int i = 0; i < 2; i++)
        client_ms[i] = (double)made->topo.cells[i].client_rtt_us[0] / 1000;
    const struct run_opts opts = {
        .seed = 1, .replications = made->scenario.replications, .jobs = 2};
    if (run_scenario(result, &made->topo, &made->plan, &made->scenario, &opts, &made->arena,
                     &err) != 0)
        fail_msg("%s", err.text);
}

static void simulate(struct run_result *result, struct made *made, const char *fault)
{
    simulate_with(result, made, topology, fault, "\"duration\": \"10m\"");
}

/* The share that is answered, and the mean latency of those, in ms without the customer's way. */
struct effect {
    const char *fault;
    double gb, de, gb_ms;
};

/* All is well: 2 ms to the shop and back, 20 ms there, 2 ms to the store and back, 1 ms there. */
enum { WELL_MS = 25 };

static void test_faults_do_what_follows_from_them(void **state)
{
    static const struct effect rows[] = {
        {"", 1, 1, WELL_MS},
        {"{\"kind\": \"zone-down\", \"scope\": \"gb/a\"}", 2.0 / 3, 1, WELL_MS},
        {"{\"kind\": \"server-down\", \"scope\": \"gb/b/shop-1\"}", 2.0 / 3, 1, WELL_MS},
        {"{\"kind\": \"service-down\", \"scope\": \"gb/shop\"}", 0, 1, NAN},
        {"{\"kind\": \"cell-down\", \"scope\": \"gb\"}", 0, 1, NAN},
        {"{\"kind\": \"region-down\", \"scope\": \"aws/eu-central-1\"}", 1, 0, WELL_MS},
        {"{\"kind\": \"slow\", \"scope\": \"gb\", \"factor\": 3}", 1, 1, WELL_MS + 40 + 2},
        {"{\"kind\": \"slow\", \"scope\": \"gb/shop\", \"factor\": 3}", 1, 1, WELL_MS + 40},
        {"{\"kind\": \"slow\", \"scope\": \"gb/c\"}", 1, 1, WELL_MS + 180.0 / 3},
        {"{\"kind\": \"slow\", \"scope\": \"gb/c/shop-1\", \"factor\": 4}", 1, 1, WELL_MS + 20},
        {"{\"kind\": \"slow\", \"scope\": \"gb/shop\", \"factor\": 100}", 0, 1, NAN},
        {"{\"kind\": \"errors\", \"scope\": \"gb/a\"}", 2.0 / 3, 1, WELL_MS},
        {"{\"kind\": \"errors\", \"scope\": \"gb/shop\", \"share\": 0.25}", 0.75, 1, WELL_MS},
        {"{\"kind\": \"errors\", \"scope\": \"gb/shop\", \"share\": 0.25},"
         "{\"kind\": \"errors\", \"scope\": \"gb\", \"share\": 0.5}",
         0.75 * 0.5 * 0.5, 1, WELL_MS},
        {"{\"kind\": \"partition\", \"scope\": \"gb/a\"}", 2.0 / 3, 1, WELL_MS},
        {"{\"kind\": \"latency\", \"scope\": \"gb/a\", \"extra\": \"30ms\"}", 1, 1,
         WELL_MS + 4 * 30.0 / 3},
        {"{\"kind\": \"control-down\", \"scope\": \"gb\"}", 1, 1, WELL_MS},
        {"{\"kind\": \"store-down\", \"scope\": \"gb/rows\"}", 0, 1, NAN},
        {"{\"kind\": \"store-slow\", \"scope\": \"gb/rows\", \"factor\": 11}", 1, 1, WELL_MS + 10},
        {"{\"kind\": \"disk-full\", \"scope\": \"de/rows\"}", 1, 0, WELL_MS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made made;
        struct run_result r;
        /* One request in flight at a time: among more, the dead would look idle and draw them. */
        simulate_with(&r, &made, topology, rows[i].fault, "\"duration\": \"20h\", \"load\": 0.001");
        double gb = r.countries[GB].availability.mean, de = r.countries[DE].availability.mean;
        double gb_ms = r.countries[GB].mean_ms.mean - client_ms[GB];
        if (fabs(gb - rows[i].gb) > 0.02 || fabs(de - rows[i].de) > 0.02)
            fail_msg("%s: answered %.4f and %.4f", rows[i].fault, gb, de);
        if (!isnan(rows[i].gb_ms) && !(fabs(gb_ms - rows[i].gb_ms) < 0.05 * rows[i].gb_ms))
            fail_msg("%s: %.4f ms", rows[i].fault, gb_ms);
        arena_release(&made.arena);
    }
}

static void test_faults_surge_asks_more_for_its_time(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made,
             "{\"kind\": \"surge\", \"scope\": \"DE\", \"factor\": 5, \"at\": \"2m\","
             "\"for\": \"3m\"}");
    double each_s = 50 * 8; /* over the replications */
    double gb = (double)r.countries[GB].requests, de = (double)r.countries[DE].requests;
    assert_true(fabs(gb - each_s * 600) < 5 * sqrt(each_s * 600));
    assert_true(fabs(de - each_s * (420 + 5 * 180)) < 5 * sqrt(each_s * 1320));
    arena_release(&made.arena);
}

static void test_faults_surge_of_nothing_stops_the_country(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made,
             "{\"kind\": \"surge\", \"scope\": \"DE\", \"factor\": 1e-6, \"at\": \"0s\","
             "\"for\": \"5m\"}");
    double each_s = 50 * 8, de = (double)r.countries[DE].requests;
    assert_true(fabs(de - each_s * 300) < 5 * sqrt(each_s * 300));
    arena_release(&made.arena);
}

/* A server that runs for 40 s and is repaired for 10 s, on average, is down a fifth of the time:
 * nine of them alike, each alone, so a fifth of all is lost. */
static void test_faults_that_come_and_go_take_their_share_of_the_time(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate_with(&r, &made, topology,
                  "{\"kind\": \"service-down\", \"scope\": \"gb/shop\", \"every\": \"40s\","
                  "\"for\": \"10s\"}",
                  "\"duration\": \"4h\", \"load\": 0.1");
    const struct run_measure *gb = &r.countries[GB].availability;
    double half = (gb->ci95[1] - gb->ci95[0]) / 2;
    print_message("%.4f +- %.4f, exact 0.8\n", gb->mean, half);
    assert_true(half < 0.02);
    assert_true(fabs(gb->mean - 0.8) < 3 * half);
    assert_true(r.countries[DE].availability.mean == 1);
    arena_release(&made.arena);
}

/* Repairs as long as published incidents of zones took: the share of time down is theirs. */
static void test_faults_last_as_long_as_incidents_did(void **state)
{
    struct made made;
    struct run_result r;
    double minutes[DATA_INCIDENTS_MAX], sum = 0;
    size_t count = data_incident_minutes(false, minutes, DATA_INCIDENTS_MAX);
    (void)state;
    assert_int_equal(count, 10 + 13 + 13); /* datacenters, scale units, zones */
    for (size_t i = 0; i < count; i++)
        sum += minutes[i];
    double down = sum / (double)count / (sum / (double)count + 2880);
    simulate_with(&r, &made, topology,
                  "{\"kind\": \"service-down\", \"scope\": \"gb/shop\", \"every\": \"2d\","
                  "\"spread\": \"incidents\"}",
                  "\"duration\": \"360d\", \"load\": 0.0001");
    const struct run_measure *gb = &r.countries[GB].availability;
    double half = (gb->ci95[1] - gb->ci95[0]) / 2;
    print_message("%.4f +- %.4f, exact %.4f\n", gb->mean, half, 1 - down);
    assert_true(half < 0.05);
    assert_true(fabs(gb->mean - (1 - down)) < 3 * half);
    arena_release(&made.arena);
}

static void test_faults_spread_that_cannot_be_is_refused(void **state)
{
    static const char *const rows[][2] = {
        {"\"spread\": \"wide\"", "faults[0].spread: expected exponential, fixed, lognormal, gamma, "
                                 "pareto, hyperexponential, weibull or incidents, got \"wide\""},
        {"\"cs2\": 2", "faults[0].cs2: this spread has none"},
        {"\"spread\": \"gamma\"", "faults[0].cs2: expected 1e-06..10000 for gamma, got 0"},
        {"\"factor\": 2", "faults[0].factor: zone-down has none"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a = {0};
        struct error err;
        struct topo topo;
        struct scenario s;
        char text[512];
        int len = snprintf(text, sizeof text,
                           "{\"topology\": \"-\", \"faults\": [{\"kind\": \"zone-down\", "
                           "\"scope\": \"gb/a\", \"for\": \"1m\", %s}]}",
                           rows[i][0]);
        assert_int_equal(topo_parse(&topo, topology, sizeof topology - 1, NULL, 0, &a, &err), 0);
        assert_int_equal(scenario_parse(&s, text, (size_t)len, NULL, 0, &a, &err), 0);
        assert_int_equal(scenario_bind(&s, &topo, &err), -1);
        assert_string_equal(err.text, rows[i][1]);
        arena_release(&a);
    }
}

/* A cut zone answers nobody, and work under way there is lost with its answer; the second try goes
 * elsewhere. */
static void test_faults_partition_is_outlived_by_a_second_try(void **state)
{
    struct made made;
    struct run_result r;
    char twice[sizeof topology + 8];
    (void)state;
    snprintf(twice, sizeof twice, "%s", topology);
    *strstr(twice, "\"tries\": 1") = ' ';
    memcpy(strstr(twice, "tries\": 1") - 1, "\"tries\": 2", 10);
    simulate_with(&r, &made, twice,
                  "{\"kind\": \"partition\", \"scope\": \"gb/a\", \"at\": \"3m\", \"for\": \"1m\"}",
                  "\"duration\": \"10m\", \"load\": 0.1");
    assert_int_equal(r.countries[GB].failed, 0);
    assert_true(r.countries[GB].retries > 0);
    assert_true(r.countries[GB].max_ms - client_ms[GB] > 1000);
    assert_true(r.countries[GB].max_ms - client_ms[GB] < 1000 + WELL_MS + 1);
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_do_what_follows_from_them),
        cmocka_unit_test(test_faults_surge_asks_more_for_its_time),
        cmocka_unit_test(test_faults_surge_of_nothing_stops_the_country),
        cmocka_unit_test(test_faults_that_come_and_go_take_their_share_of_the_time),
        cmocka_unit_test(test_faults_last_as_long_as_incidents_did),
        cmocka_unit_test(test_faults_spread_that_cannot_be_is_refused),
        cmocka_unit_test(test_faults_partition_is_outlived_by_a_second_try),
    };
    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
