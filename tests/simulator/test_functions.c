/* Tests of simulator/functions.c: a service that is started on demand, against what chance says of
 * its idle times. One function with fixed times, asked at random. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/run.h"
#include "tests/world.h"

static void simulate(struct run_result *result, struct made *made, double rps, const char *service,
                     const char *scenario)
{
    char topology[2048], text[2048];
    struct error err;
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {\"peak_rps\": %.17g, \"curve\": \"flat\"}},"
             "\"services\": {\"resize\": {\"time\": \"10ms\", \"spread\": \"fixed\", %s}},"
             "\"policy\": {\"timeout\": \"10s\", \"tries\": 1}}",
             rps, service);
    snprintf(text, sizeof text, "{\"topology\": \"-\", \"replications\": 2, %s}", scenario);
    make_world(made, topology, text);
    const struct run_opts opts = {.seed = 1, .replications = 2, .jobs = 2};
    if (run_scenario(result, &made->topo, &made->plan, &made->scenario, &opts, &made->arena,
                     &err) != 0)
        fail_msg("%s", err.text);
}

#define ONE(rest) \
    "\"concurrency\": 1, \"function\": {\"start\": \"100ms\", \"start_fixed\": true, " rest "}"

/* Requests come by a Poisson process, so an instance is idle for longer than it is kept with chance
 * exp(-rate * keep); then the next one waits for a start. */
static void test_functions_are_cold_as_often_as_nobody_came(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, 0.1, ONE("\"instances\": 10, \"keep\": \"10s\""),
             "\"duration\": \"20h\", \"warmup\": \"1m\"");
    assert_int_equal(r.function_count, 1);
    const struct run_function *f = &r.functions[0];
    assert_string_equal(f->cell, "gb");
    assert_string_equal(f->service, "resize");
    double n = (double)f->requests, p = exp(-1);
    assert_true(n > 14000);
    assert_true(fabs(f->cold_share.mean - p) < 4 * sqrt(p * (1 - p) / n));
    assert_true(fabs(f->cold_ms.mean - 110) < 1);
    assert_true(fabs(f->warm_ms.mean - 10) < 0.1);
    /* It is there from one request until 10 s after the last: that share of the time. */
    double there = 20 * (1 - p);
    assert_true(fabs(f->instance_hours.mean - there) < 0.03 * there);
    assert_int_equal(r.countries[0].ok, r.countries[0].requests);
    arena_release(&made.arena);
}

static void test_functions_that_are_kept_are_cold_once(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, 0.1, ONE("\"instances\": 1, \"least\": 1, \"keep\": \"1s\""),
             "\"duration\": \"2h\"");
    assert_int_equal(r.functions[0].starts, 2); /* one for each replication */
    arena_release(&made.arena);
}

static void test_functions_grow_with_the_load_up_to_their_bound(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, 1000, ONE("\"instances\": 100, \"keep\": \"10s\""),
             "\"duration\": \"20s\", \"warmup\": \"2s\"");
    assert_true(r.functions[0].instances_max > 10 && r.functions[0].instances_max < 100);
    assert_int_equal(r.countries[0].ok, r.countries[0].requests);
    arena_release(&made.arena);
    simulate(&r, &made, 1000, ONE("\"instances\": 5, \"keep\": \"10s\""),
             "\"duration\": \"20s\", \"warmup\": \"2s\"");
    assert_int_equal(r.functions[0].instances_max, 5);
    assert_true(fabs(r.countries[0].availability.mean - 0.5) < 0.02);
    arena_release(&made.arena);
}

static void test_functions_begin_with_nothing_after_an_outage(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, 50, ONE("\"instances\": 100, \"keep\": \"1h\""),
             "\"duration\": \"60s\", \"faults\": [{\"kind\": \"cell-down\", \"scope\": \"gb\","
             "\"at\": \"30s\", \"for\": \"1s\"}]");
    assert_true(r.functions[0].starts >= 2 * r.functions[0].instances_max);
    assert_true(r.countries[0].failed > 50);
    assert_true(r.countries[0].ok > 5000);
    arena_release(&made.arena);
}

static void test_functions_take_a_stages_work(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    make_world(&made,
               "{\"countries\": {\"GB\": {\"peak_rps\": 50, \"curve\": \"flat\"}},"
               "\"services\": {\"order\": {}, \"mail\": {\"share\": 0.001, \"concurrency\": 1,"
               "\"function\": {\"instances\": 20, \"keep\": \"10s\"}}},"
               "\"pipeline\": {\"orders\": {\"share\": 0.2}, \"stages\": {"
               "\"take\": {\"next\": [\"tell\"]}, \"tell\": {\"service\": \"mail\"}}}}",
               "{\"topology\": \"-\", \"duration\": \"1m\"}");
    const struct run_opts opts = {.seed = 1, .replications = 2, .jobs = 2};
    struct error err;
    assert_int_equal(
        run_scenario(&r, &made.topo, &made.plan, &made.scenario, &opts, &made.arena, &err), 0);
    const struct run_pipeline *p = &r.pipelines[0];
    assert_true(p->complete > 1000 && p->open < 20);
    assert_true(r.functions[0].requests >= p->complete);
    assert_true(r.functions[0].starts > 0);
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_are_cold_as_often_as_nobody_came),
        cmocka_unit_test(test_functions_that_are_kept_are_cold_once),
        cmocka_unit_test(test_functions_grow_with_the_load_up_to_their_bound),
        cmocka_unit_test(test_functions_begin_with_nothing_after_an_outage),
        cmocka_unit_test(test_functions_take_a_stages_work),
    };
    return cmocka_run_group_tests_name("functions", tests, NULL, NULL);
}
