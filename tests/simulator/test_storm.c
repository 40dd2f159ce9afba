/* Retries, copies and breakers under trouble: what keeps an overload going, and what ends it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/world.h"
#include "tests/world.h"

/* One cell, 3 zones of 4 servers with 10 places and 100 ms of work each: 1,200 requests/s at most,
 * 840 are asked. */
static void begin(struct world *w, struct made *made, const char *policy, const char *scenario)
{
    char topology[1024], text[1024];
    struct error err;
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {\"peak_rps\": 840, \"curve\": \"flat\"}},"
             "\"cells\": {\"gb\": {\"zone_rtt\": \"2ms\", \"servers_per_zone\": 4}},"
             "\"services\": {\"shop\": {\"time\": \"100ms\", \"concurrency\": 10, \"queue\": 150}},"
             "\"policy\": {\"eject_failures\": 1000000, %s}}",
             policy);
    snprintf(text, sizeof text, "{\"topology\": \"-\", \"duration\": \"10m\", %s}", scenario);
    make_world(made, topology, text);
    if (world_init(w, &made->topo, &made->plan, &made->scenario, 1, 0, &made->arena, &err) != 0)
        fail_msg("%s", err.text);
}

/* The share of requests lost from one second to another. */
static double lost(struct world *w, int64_t from_s, int64_t to_s)
{
    const struct world_country_count *c = &w->count.country[0];
    struct error err;
    if (world_run(w, from_s * 1000000000, &err) != 0)
        fail_msg("%s", err.text);
    int64_t requests = c->requests, ok = c->ok;
    if (world_run(w, to_s * 1000000000, &err) != 0)
        fail_msg("%s", err.text);
    return 1 - (double)(c->ok - ok) / (double)(c->requests - requests);
}

static struct recover_times times(const struct world *w)
{
    return recover_read(&w->count.country[0].course, w->count.fault_first_ns,
                        w->count.fault_last_ns, w->end_ns);
}

/* For 20 seconds twice as much is asked as can be done. */
#define TRIGGER                                                                              \
    "\"faults\": [{\"kind\": \"surge\", \"scope\": \"GB\", \"factor\": 3, \"at\": \"60s\", " \
    "\"for\": "                                                                              \
    "\"20s\"}]"

static void test_storm_without_budget_stays_after_its_trigger(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, "\"tries\": 3, \"retry_budget\": 10", TRIGGER);
    assert_true(lost(&w, 0, 60) == 0);
    double after = lost(&w, 540, 600), tries = (double)w.count.country[0].retries;
    print_message("lost eight minutes after a trigger of 20 s, without budget: %.3f\n", after);
    assert_true(after > 0.5); /* the load alone is 70 % of what can be done */
    assert_true(tries > 0);
    assert_true(times(&w).recovered == 0);
    assert_true(times(&w).hurt_s > 530);
    arena_release(&made.arena);
}

static void test_storm_with_a_budget_ends_with_its_trigger(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, "\"tries\": 3, \"retry_budget\": 0.1", TRIGGER);
    assert_true(lost(&w, 62, 80) > 0.5);
    assert_true(lost(&w, 200, 600) == 0);
    assert_true(times(&w).recovered == 1);
    assert_true(times(&w).recover_s > 0 && times(&w).recover_s < 60);
    arena_release(&made.arena);
}

static void test_storm_is_ended_by_a_breaker_too(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, "\"tries\": 3, \"retry_budget\": 10, \"breaker\": 1.1", TRIGGER);
    assert_true(lost(&w, 62, 80) > 0.5);
    double after = lost(&w, 540, 600);
    print_message("the same with a breaker: %.4f\n", after);
    assert_true(after < 0.001);
    arena_release(&made.arena);
}

/* One of twelve servers takes 20 times as long. */
#define ONE_IS_SLOW                                                                             \
    "\"load\": 0.3, \"faults\": [{\"kind\": \"slow\", \"scope\": \"gb/a/shop-1\", \"factor\": " \
    "20, \"at\": \"1s\"}]"

static double p999_ms(struct world *w)
{
    struct error err;
    if (world_run(w, INT64_C(300000000000), &err) != 0)
        fail_msg("%s", err.text);
    return hist_quantile_us(&w->count.country[0].latency, 0.999) / 1000;
}

static void test_storm_copies_cut_the_tail_within_their_budget(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, "\"timeout\": \"1m\"", ONE_IS_SLOW);
    double alone = p999_ms(&w);
    assert_int_equal(w.count.group[0].copies, 0);
    arena_release(&made.arena);
    begin(&w, &made, "\"timeout\": \"1m\", \"hedge\": 0.1, \"hedge_quantile\": 0.95", ONE_IS_SLOW);
    double hedged = p999_ms(&w);
    int64_t copies = w.count.group[0].copies, requests = w.count.country[0].requests;
    print_message("p99.9 %.0f ms, hedged %.0f ms with %.2f %% copies\n", alone, hedged,
                  100.0 * (double)copies / (double)requests);
    assert_true(hedged < alone / 2);
    assert_true(copies <= requests / 10 + 200);
    assert_true(copies > requests / 50);
    arena_release(&made.arena);
}

/* Whatever becomes of attempts and copies, nothing is outstanding once all is quiet. */
static void test_storm_leaves_nothing_outstanding(void **state)
{
    struct made made;
    struct world w;
    struct error err;
    (void)state;
    begin(&w, &made, "\"timeout\": \"300ms\", \"tries\": 3, \"hedge\": 1, \"breaker\": 2",
          "\"load\": 0.6, \"faults\": [{\"kind\": \"zone-down\", \"scope\": \"gb/a\", \"every\": "
          "\"9s\", \"for\": \"3s\"}, {\"kind\": \"partition\", \"scope\": \"gb/b\", \"every\": "
          "\"7s\", \"for\": \"2s\"}, {\"kind\": \"errors\", \"scope\": \"gb/c\", \"share\": 0.3},"
          "{\"kind\": \"surge\", \"scope\": \"GB\", \"factor\": 1e-6, \"at\": \"4m\"}]");
    if (world_run(&w, INT64_C(330000000000), &err) != 0)
        fail_msg("%s", err.text);
    for (uint32_t i = 0; i < w.group[0].route.balance.count; i++)
        assert_int_equal(w.group[0].route.balance.replica[i].outstanding, 0);
    for (uint32_t i = 0; i < w.attempt_used; i++)
        assert_int_equal(w.attempt[i].state, ATTEMPT_FREE);
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storm_without_budget_stays_after_its_trigger),
        cmocka_unit_test(test_storm_with_a_budget_ends_with_its_trigger),
        cmocka_unit_test(test_storm_is_ended_by_a_breaker_too),
        cmocka_unit_test(test_storm_copies_cut_the_tail_within_their_budget),
        cmocka_unit_test(test_storm_leaves_nothing_outstanding),
    };
    return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
