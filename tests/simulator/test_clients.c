/* Clients that ask again in front of the door, and deadlines that travel with a request: what
 * layers of retries multiply to, and what is no longer done because nobody waits for it. One cell,
 * zone_rtt 2 ms. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/topo.h"
#include "simulator/world.h"
#include "tests/world.h"

struct asked { /* of the whole run */
    struct made made;
    struct world w;
    double requests, ok, again;
    double tries[2]; /* sent to the servers of a service, per request of a customer */
    int64_t rtt_us;  /* from the customer to the door */
};

static void ask(struct asked *a, const char *services, const char *policy, const char *scenario)
{
    char topology[2048], text[1024];
    struct error err;
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {\"peak_rps\": 100, \"curve\": \"flat\"}},"
             "\"cells\": {\"gb\": {\"zone_rtt\": \"2ms\", \"servers_per_zone\": 4}},"
             "\"services\": {%s}, \"policy\": {\"eject_failures\": 1000000, \"backoff\": \"1ms\", "
             "%s}}",
             services, policy);
    snprintf(text, sizeof text, "{\"topology\": \"-\", %s}", scenario);
    make_world(&a->made, topology, text);
    if (world_init(&a->w, &a->made.topo, &a->made.plan, &a->made.scenario, 1, 0, &a->made.arena,
                   &err) != 0 ||
        world_run(&a->w, a->w.end_ns, &err) != 0)
        fail_msg("%s", err.text);
    const struct world_country_count *c = &a->w.count.country[0];
    a->requests = (double)c->requests;
    a->ok = (double)c->ok;
    a->again = (double)c->again;
    for (size_t i = 0; i < 2 && i < a->made.topo.service_count; i++)
        a->tries[i] = (double)a->w.count.group[i].tries / a->requests;
    a->rtt_us = a->made.topo.cells[0].client_rtt_us[0];
}

static void forget(struct asked *a)
{
    arena_release(&a->made.arena);
}

/* ---- three layers that retry ---- */

#define TWO_SERVICES                                                                 \
    "\"page\": {\"time\": \"1ms\", \"concurrency\": 100, \"calls\": [{\"service\": " \
    "\"item\"}]}, \"item\": {\"share\": 0, \"time\": \"1ms\", \"concurrency\": 100}"
#define ITEM_FAILS "\"faults\": [{\"kind\": \"errors\", \"scope\": \"gb/item\", \"share\": %s}]"

static double amplification(const char *errors, const char *tries, const char *budget)
{
    struct asked a;
    char policy[256], scenario[256];
    snprintf(policy, sizeof policy,
             "\"tries\": %s, \"retry_budget\": %s, \"client\": {\"tries\": %s, "
             "\"retry_budget\": %s, \"backoff\": \"1ms\"}",
             tries, budget, tries, budget);
    snprintf(scenario, sizeof scenario, "\"duration\": \"20m\", " ITEM_FAILS, errors);
    ask(&a, TWO_SERVICES, policy, scenario);
    double item = a.tries[1];
    forget(&a);
    return item;
}

static void test_clients_multiply_the_tries_of_all_layers(void **state)
{
    (void)state;
    double most = amplification("1", "3", "10");
    print_message("three layers of three tries, all failing: x %.3f at the bottom\n", most);
    assert_true(fabs(most - 27) < 0.1);
    /* At 1 % errors three tries are as good as none: x 1.0101 at one layer. */
    double few = amplification("0.01", "3", "10");
    assert_true(few > 1.008 && few < 1.013);
}

static void test_clients_with_budgets_add_a_tenth_at_each_layer(void **state)
{
    (void)state;
    double most = amplification("1", "3", "0.1");
    print_message("the same with a budget of a tenth at each: x %.3f\n", most);
    assert_true(fabs(most - 1.1 * 1.1 * 1.1) < 0.02);
}

static void test_clients_that_ask_once_change_nothing(void **state)
{
    struct asked without, with;
    (void)state;
    ask(&without, TWO_SERVICES, "\"tries\": 2", "\"duration\": \"1m\", \"load\": 20");
    ask(&with, TWO_SERVICES, "\"tries\": 2, \"client\": {\"tries\": 1, \"backoff\": \"7s\"}",
        "\"duration\": \"1m\", \"load\": 20");
    assert_int_equal(without.w.count.digest, with.w.count.digest);
    assert_true(with.again == 0);
    forget(&without);
    forget(&with);
}

static void test_clients_that_ask_again_are_answered_later(void **state)
{
    struct asked a;
    (void)state;
    ask(&a, "\"shop\": {\"time\": \"10ms\", \"spread\": \"fixed\", \"concurrency\": 100}",
        "\"tries\": 1, \"client\": {\"tries\": 10, \"backoff\": \"1s\"}",
        "\"duration\": \"10m\", \"faults\": [{\"kind\": \"errors\", \"scope\": \"gb/shop\", "
        "\"share\": 0.5}]");
    double answered = a.ok / a.requests;
    assert_true(answered > 0.998);
    assert_true(fabs(a.again / a.requests - 1) < 0.05); /* 1/2 + 1/4 + ... */
    const struct hist *h = &a.w.count.country[0].latency;
    double once_us = 12000 + (double)a.rtt_us; /* half of them need no more */
    assert_true(fabs(hist_quantile_us(h, 0.45) - once_us) < once_us * 0.02);
    /* A quarter needs one wait of a half to one and a half seconds, and another visit. */
    assert_true(hist_quantile_us(h, 0.52) > 2 * once_us + 0.5e6 * 0.98);
    assert_true(hist_quantile_us(h, 0.74) < (2 * once_us + 1.5e6) * 1.02);
    forget(&a);
}

/* ---- deadlines ---- */

/* Three times as much is asked as can be done, and clients wait for 300 ms. */
static double goodput(const char *service, const char *policy)
{
    struct asked a;
    char text[512];
    snprintf(text, sizeof text,
             "\"shop\": {\"time\": \"200ms\", \"spread\": \"fixed\", \"concurrency\": 1, "
             "\"queue\": 100, %s}",
             service);
    ask(&a, text, policy, "\"duration\": \"10m\", \"warmup\": \"1m\", \"load\": 1.8");
    double good = a.ok / (9 * 60) / 60; /* of 12 servers that do 5 a second */
    forget(&a);
    return good;
}

static void test_deadlines_of_clients_reach_the_servers(void **state)
{
    (void)state;
#define CLIENTS_WAIT "\"tries\": 1, \"timeout\": \"30s\", \"client\": {\"timeout\": \"400ms\"}"
    double without = goodput("\"drop_late\": false", CLIENTS_WAIT);
    double with = goodput("\"drop_late\": true", CLIENTS_WAIT);
    double by_lifo = goodput("\"drop_late\": true, \"discipline\": \"lifo\"", CLIENTS_WAIT);
    print_message("goodput at 3 x the capacity: %.3f, dropping what is late %.3f, lifo %.3f\n",
                  without, with, by_lifo);
    assert_true(without < 0.01);
    assert_true(with > 0.01); /* what is begun at the last moment is too late as well */
    assert_true(by_lifo > 0.95);
}

static void test_deadlines_of_callers_end_their_calls(void **state)
{
    struct asked a;
    (void)state;
    /* 3 ms of way and 5 ms of work, then calls of 62 ms each: the second is given up when the page
     * is, and the third is not made. */
    ask(&a,
        "\"page\": {\"time\": \"5ms\", \"spread\": \"fixed\", \"concurrency\": 200, \"calls\": ["
        "{\"service\": \"item\", \"count\": 3, \"parallel\": false, \"need\": 0}]},"
        "\"item\": {\"share\": 0, \"time\": \"60ms\", \"spread\": \"fixed\", \"concurrency\": "
        "200}",
        "\"tries\": 1, \"timeout\": \"100ms\"", "\"duration\": \"1m\"");
    assert_true(a.ok == 0);
    assert_true(fabs(a.tries[1] - 2) < 0.01);
    forget(&a);
    /* With time enough all three are. */
    ask(&a,
        "\"page\": {\"time\": \"5ms\", \"spread\": \"fixed\", \"concurrency\": 200, \"calls\": ["
        "{\"service\": \"item\", \"count\": 3, \"parallel\": false, \"need\": 0}]},"
        "\"item\": {\"share\": 0, \"time\": \"60ms\", \"spread\": \"fixed\", \"concurrency\": "
        "200}",
        "\"tries\": 1, \"timeout\": \"200ms\"", "\"duration\": \"1m\"");
    assert_true(a.ok == a.requests);
    assert_true(fabs(a.tries[1] - 3) < 0.01);
    forget(&a);
}

static void test_deadlines_stop_retries_that_would_come_too_late(void **state)
{
    struct asked a;
    (void)state;
    ask(&a, "\"shop\": {\"time\": \"40ms\", \"spread\": \"fixed\", \"concurrency\": 100}",
        "\"tries\": 10, \"retry_budget\": 10, \"client\": {\"timeout\": \"250ms\"}",
        "\"duration\": \"1m\", \"faults\": [{\"kind\": \"errors\", \"scope\": \"gb/shop\"}]");
    /* Each takes 42 ms and a backoff of 1, 2, 4, 8, 16, ... ms, give or take half. */
    double left_ms = 250 - (double)a.rtt_us / 1000, most = floor(left_ms / 42) + 1;
    print_message("of ten tries %.2f fit into %.0f ms\n", a.tries[0], left_ms);
    assert_true(a.tries[0] <= most && a.tries[0] >= 4);
    forget(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients_multiply_the_tries_of_all_layers),
        cmocka_unit_test(test_clients_with_budgets_add_a_tenth_at_each_layer),
        cmocka_unit_test(test_clients_that_ask_once_change_nothing),
        cmocka_unit_test(test_clients_that_ask_again_are_answered_later),
        cmocka_unit_test(test_deadlines_of_clients_reach_the_servers),
        cmocka_unit_test(test_deadlines_of_callers_end_their_calls),
        cmocka_unit_test(test_deadlines_stop_retries_that_would_come_too_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
