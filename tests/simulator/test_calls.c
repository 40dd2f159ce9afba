/* Tests of simulator/calls.c: a request that needs other services, against times worked out by
 * hand. One cell, zone_rtt 2 ms, so 1 ms each way; the customer's own round trip is subtracted. */
#include <math.h>
#include <pthread.h>
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

static double client_ms;

/* `services` and `scenario` are the insides of JSON objects, `policy` goes on in one. */
static void simulate_with(struct run_result *result, struct made *made, double rps,
                          const char *services, const char *policy, const char *scenario)
{
    char topology[8192], text[2048];
    struct error err;
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {\"peak_rps\": %.17g, \"curve\": \"flat\"}},"
             "\"cells\": {\"gb\": {\"zones\": [\"a\", \"b\", \"c\"], \"zone_rtt\": \"2ms\"}},"
             "\"services\": {%s}, \"policy\": {\"backoff\": \"0\"%s}}",
             rps, services, policy);
    snprintf(text, sizeof text, "{\"topology\": \"-\", \"replications\": 4, %s}", scenario);
    make_world(made, topology, text);
    client_ms = (double)made->topo.cells[0].client_rtt_us[0] / 1000;
    const struct run_opts opts = {
        .seed = 1, .replications = made->scenario.replications, .jobs = 2};
    if (run_scenario(result, &made->topo, &made->plan, &made->scenario, &opts, &made->arena,
                     &err) != 0)
        fail_msg("%s", err.text);
}

static void simulate(struct run_result *result, struct made *made, double rps, const char *services,
                     const char *scenario)
{
    simulate_with(result, made, rps, services, "", scenario);
}

static void assert_ms(double got_ms, double want_ms)
{
    if (!(fabs(got_ms - client_ms - want_ms) < 0.002))
        fail_msg("got %.6f ms, expected %.6f ms", got_ms - client_ms, want_ms);
}

static const char an_hour[] = "\"duration\": \"60m\"";

#define FIXED(time) "\"spread\": \"fixed\", \"time\": \"" time "\", \"concurrency\": 200"

static void test_calls_of_several_steps_follow_one_another(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(
        &r, &made, 1,
        "\"page\": {" FIXED("5ms") ", \"calls\": [{\"service\": \"user\"},"
                                   "{\"service\": \"item\", \"count\": 3, \"parallel\": false}]},"
                                   "\"user\": {\"share\": 0, " FIXED(
                                       "10ms") "},"
                                               "\"item\": {\"share\": 0, " FIXED("20ms") "}",
        an_hour);
    const struct run_country *gb = &r.countries[0];
    assert_true(gb->requests > 3000 && gb->ok == gb->requests);
    assert_ms(gb->mean_ms.mean, (1 + 5 + 1) + (1 + 10 + 1) + 3 * (1 + 20 + 1));
    assert_ms(gb->max_ms, 85);
    arena_release(&made.arena);
}

static void test_calls_at_once_take_as_long_as_the_slowest(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, 1,
             "\"page\": {" FIXED("5ms") ", \"calls\": [{\"service\": \"item\", \"count\": 150}]},"
                                        "\"item\": {\"share\": 0, " FIXED("20ms") "}",
             an_hour);
    assert_ms(r.countries[0].mean_ms.mean, 7 + 22);
    arena_release(&made.arena);
}

/* The largest of n exponential times has the mean 1 + 1/2 + ... + 1/n. */
static void test_calls_at_once_of_exponential_leaves_have_the_harmonic_mean(void **state)
{
    struct made made;
    struct run_result r;
    double harmonic = 0;
    (void)state;
    simulate(&r, &made, 20,
             "\"page\": {" FIXED(
                 "5ms") ", \"calls\": [{\"service\": \"item\", \"count\": 100}]},"
                        "\"item\": {\"share\": 0, \"time\": \"20ms\", \"concurrency\": 20000}",
             "\"duration\": \"3m\"");
    for (int i = 1; i <= 100; i++)
        harmonic += 1.0 / i;
    const struct run_measure *mean = &r.countries[0].mean_ms;
    double want = client_ms + 7 + 2 + 20 * harmonic;
    double half = (mean->ci95[1] - mean->ci95[0]) / 2;
    assert_true(half < want * 0.01);
    assert_true(fabs(mean->mean - want) < 3 * half);
    arena_release(&made.arena);
}

static void test_calls_bring_their_load_to_whom_they_ask(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, 40,
             "\"page\": {\"time\": \"5ms\", \"calls\": [{\"service\": \"item\", \"count\": 10},"
             "{\"service\": \"stock\"}]},"
             "\"item\": {\"share\": 0, \"time\": \"20ms\", \"calls\": [{\"service\": \"stock\"}]},"
             "\"stock\": {\"share\": 0, \"store\": true, \"time\": \"2ms\", \"concurrency\": 2}",
             "\"duration\": \"4m\"");
    const struct run_service *page = &r.cells[0].services[0], *item = page + 1, *stock = page + 2;
    assert_int_equal(stock->servers, 1);
    assert_true(fabs(page->busy.mean * 4 * (double)page->servers - 40 * 0.005) < 0.02);
    assert_true(fabs(item->busy.mean * 4 * (double)item->servers - 400 * 0.020) < 0.4);
    assert_true(fabs(stock->busy.mean * 2 - 440 * 0.002) < 0.05);
    assert_true(fabs(made.plan.cells[0].services[2].busy - 440 * 0.002 / 2) < 1e-9);
    assert_int_equal(made.plan.cells[0].servers, page->servers + item->servers);
    arena_release(&made.arena);
}

/* Calls are Poisson when they come from customers' requests one each after a fixed time: the store
 * is an M/M/1 and its mean time in system is known. */
static void test_calls_make_a_store_an_exact_queue(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, 80,
             "\"page\": {" FIXED("5ms") ", \"calls\": [{\"service\": \"stock\"}]},"
                                        "\"stock\": {\"share\": 0, \"store\": true, \"time\": "
                                        "\"10ms\", \"concurrency\": 1,"
                                        "\"queue\": 10000}",
             "\"duration\": \"1h\", \"warmup\": \"1m\"");
    const struct run_measure *mean = &r.countries[0].mean_ms;
    double want = client_ms + 7 + 2 + 10 / (1 - 0.8);
    double half = (mean->ci95[1] - mean->ci95[0]) / 2;
    assert_true(half < want * 0.05);
    assert_true(fabs(mean->mean - want) < 3 * half);
    arena_release(&made.arena);
}

static void test_calls_that_are_cut_short_answer_in_part(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(
        &r, &made, 1,
        "\"page\": {" FIXED(
            "5ms") ", \"calls\": [{\"service\": \"item\", \"count\": 4,"
                   "\"need\": 0.5, \"deadline\": \"30ms\"}, {\"service\": \"slow\", \"need\": 0,"
                   "\"deadline\": \"50ms\"}]},"
                   "\"item\": {\"share\": 0, " FIXED("20ms") "},"
                                                             "\"slow\": {\"share\": 0, " FIXED(
                                                                 "400ms") "}",
        an_hour);
    assert_true(r.countries[0].ok == r.countries[0].requests);
    assert_ms(r.countries[0].mean_ms.mean, 7 + 22 + 50); /* the first step waits for no deadline */
    arena_release(&made.arena);
}

static void test_calls_without_enough_answers_fail_at_once(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, 1,
             "\"page\": {" FIXED(
                 "5ms") ", \"calls\": [{\"service\": \"item\", \"count\": 4,"
                        "\"need\": 0.5}, {\"service\": \"stock\"}]},"
                        "\"item\": {\"share\": 0, " FIXED(
                            "20ms") "},"
                                    "\"stock\": {\"share\": 0, \"store\": true, " FIXED("1ms") "}",
             "\"duration\": \"60m\", \"faults\": [{\"kind\": \"store-down\", \"scope\": "
             "\"gb/stock\", \"at\": \"20m\", \"for\": \"20m\"}]");
    const struct run_country *gb = &r.countries[0];
    assert_true(fabs(gb->availability.mean - 2.0 / 3) < 0.05);
    assert_true(gb->shed == 0);
    assert_int_equal(gb->failed + gb->ok, gb->requests);
    arena_release(&made.arena);
}

/* The door is 1 ms from zone a and 5 ms from b; calls stay in their zone, or cross 8 ms. */
static void test_calls_take_the_ways_between_their_places(void **state)
{
    struct made made;
    struct error err;
    struct run_result r;
    (void)state;
    make_world(&made,
               "{\"countries\": {\"GB\": {\"peak_rps\": 1, \"curve\": \"flat\"}},"
               "\"cells\": {\"gb\": {\"zones\": [\"a\", \"b\"], \"zone_rtt\": \"16ms\", \"rtts\": ["
               "{\"from\": \"door\", \"to\": \"a\", \"rtt\": \"2ms\"},"
               "{\"from\": \"b\", \"to\": \"door\", \"rtt\": \"10ms\"},"
               "{\"from\": \"a\", \"to\": \"a\", \"rtt\": \"0\"},"
               "{\"from\": \"b\", \"to\": \"b\", \"rtt\": \"0\"}]}},"
               "\"services\": {\"page\": {" FIXED(
                   "5ms") ", \"calls\": [{\"service\": \"item\"}]},"
                          "\"item\": {\"share\": 0, " FIXED(
                              "5ms") "}}, \"policy\": {\"balance\": \"near\"}}",
               "{\"topology\": \"-\", \"duration\": \"60m\", \"replications\": 4}");
    client_ms = (double)made.topo.cells[0].client_rtt_us[0] / 1000;
    const struct run_opts opts = {.seed = 1, .replications = 4, .jobs = 2};
    if (run_scenario(&r, &made.topo, &made.plan, &made.scenario, &opts, &made.arena, &err) != 0)
        fail_msg("%s", err.text);
    /* Half of them go to each zone; calls stay there. */
    assert_true(fabs(r.countries[0].mean_ms.mean - client_ms - (10 + (2 + 10) / 2.0)) < 0.2);
    assert_ms(r.countries[0].max_ms, 10 + 10);
    arena_release(&made.arena);
}

#ifdef __SANITIZE_THREAD__ /* its threads need more to begin with */
enum { STACK_BYTES = 4 << 20 };
#else
enum { STACK_BYTES = 256 << 10 };
#endif

/* 32 steps of 1,000 calls, one after the other, that a breaker refuses before they have gone
 * anywhere, on a stack that would not do for a tenth of them within one another. */
static void test_calls_that_end_at_once_need_no_stack(void **state)
{
    struct made made;
    struct run_result r;
    char services[4096];
    int used = snprintf(services, sizeof services, "\"page\": {\"time\": \"5ms\", \"calls\": [");
    pthread_attr_t usual, small;
    (void)state;
    for (int i = 0; i < 32; i++)
        used += snprintf(services + used, sizeof services - (size_t)used,
                         "%s{\"service\": \"item\", \"count\": 1000, \"parallel\": false, "
                         "\"need\": 0, \"deadline\": \"100ms\"}",
                         i > 0 ? "," : "");
    snprintf(services + used, sizeof services - (size_t)used,
             "]}, \"item\": {\"share\": 0, " FIXED("1ms") "}");
    pthread_getattr_default_np(&usual);
    pthread_getattr_default_np(&small);
    pthread_attr_setstacksize(&small, STACK_BYTES);
    assert_int_equal(pthread_setattr_default_np(&small), 0);
    simulate_with(&r, &made, 1, services,
                  ", \"breaker\": 1, \"breaker_window\": \"1h\", \"tries\": 1",
                  "\"duration\": \"20s\", \"faults\": [{\"kind\": \"service-down\", \"scope\": "
                  "\"gb/item\"}]");
    pthread_setattr_default_np(&usual);
    pthread_attr_destroy(&usual);
    pthread_attr_destroy(&small);
    assert_true(r.countries[0].requests > 20);
    assert_int_equal(r.countries[0].ok, r.countries[0].requests);
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_of_several_steps_follow_one_another),
        cmocka_unit_test(test_calls_at_once_take_as_long_as_the_slowest),
        cmocka_unit_test(test_calls_at_once_of_exponential_leaves_have_the_harmonic_mean),
        cmocka_unit_test(test_calls_bring_their_load_to_whom_they_ask),
        cmocka_unit_test(test_calls_make_a_store_an_exact_queue),
        cmocka_unit_test(test_calls_that_are_cut_short_answer_in_part),
        cmocka_unit_test(test_calls_take_the_ways_between_their_places),
        cmocka_unit_test(test_calls_without_enough_answers_fail_at_once),
        cmocka_unit_test(test_calls_that_end_at_once_need_no_stack),
    };
    return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
