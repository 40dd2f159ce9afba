/* Tests of simulator/orders.c: orders of the world's cells on their way through the pipeline, under
 * the scenario's faults. Whatever happens, each ends once or is still on its way. */
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

/* 40 orders a second or so. `pipeline` goes on in an object, `scenario` is the inside of one. */
static void simulate_at(struct run_result *result, struct made *made, double rps, int64_t jobs,
                        const char *pipeline, const char *scenario)
{
    char topology[4096], text[2048];
    struct error err;
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {\"peak_rps\": %.17g, \"curve\": \"flat\"}},"
             "\"cells\": {\"gb\": {\"zone_rtt\": \"1ms\"}},"
             "\"services\": {"
             "\"order\": {\"time\": \"10ms\", \"discipline\": \"priority\", \"calls\": "
             "[{\"service\": \"rows\"}]},"
             "\"customer\": {\"share\": 0.2, \"time\": \"10ms\", \"discipline\": \"priority\"},"
             "\"catalog\": {\"share\": 0.2, \"time\": \"10ms\", \"discipline\": \"priority\"},"
             "\"vendor\": {\"share\": 0.2, \"time\": \"10ms\", \"discipline\": \"priority\"},"
             "\"rows\": {\"share\": 0, \"store\": true, \"time\": \"1ms\", \"concurrency\": 8}},"
             "\"policy\": {\"retry_budget\": 0.1},"
             "\"pipeline\": {%s}}",
             rps, pipeline);
    snprintf(text, sizeof text, "{\"topology\": \"-\", \"replications\": 2, %s}", scenario);
    make_world(made, topology, text);
    const struct run_opts opts = {.seed = 3, .replications = 2, .jobs = jobs};
    if (run_scenario(result, &made->topo, &made->plan, &made->scenario, &opts, &made->arena,
                     &err) != 0)
        fail_msg("%s", err.text);
}

static void simulate(struct run_result *result, struct made *made, const char *pipeline,
                     const char *scenario)
{
    simulate_at(result, made, 130, 2, pipeline, scenario);
}

#define MIXED "\"orders\": {\"share\": 0.5, \"refused\": 0.02, \"cancelled\": 0.02}"
#define BRISK "\"lease\": \"500ms\", \"time\": \"10ms\""

/* Whose leases are over soon, so that what died goes on within the run. */
static const char brisk[] =
    MIXED ", \"stages\": {"
          "\"authorise\": {" BRISK ", \"service\": \"customer\", \"undo\": \"release\","
          " \"next\": [\"split\"]},"
          "\"split\": {" BRISK ", \"kind\": \"splitter\", \"next\": [\"pack\"]},"
          "\"pack\": {" BRISK ", \"service\": \"vendor\", \"workers\": 9,"
          " \"undo\": \"unpack\", \"next\": [\"join\"]},"
          "\"join\": {" BRISK ", \"kind\": \"join\", \"next\": [\"complete\"]},"
          "\"complete\": {" BRISK "},"
          "\"release\": {" BRISK ", \"service\": \"customer\"},"
          "\"unpack\": {" BRISK ", \"service\": \"vendor\"}}";

static void assert_all_ended_once(const struct run_pipeline *p)
{
    assert_int_equal(p->placed, p->complete + p->filtered + p->cancelled + p->dead + p->open);
    assert_int_equal(p->lost, 0);
    assert_int_equal(p->doubled, 0);
    assert_int_equal(p->torn, 0);
}

static void test_orders_are_a_share_of_the_answered_requests(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, "\"orders\": {\"share\": 0.5, \"from\": \"catalog\"}",
             "\"duration\": \"2m\"");
    const struct run_pipeline *p = &r.pipelines[0];
    double expected = 2 * 120 * 130 * (0.2 / 1.6) * 0.5;
    assert_true(fabs((double)p->placed - expected) < 4 * sqrt(expected));
    assert_int_equal(p->refused, 0);
    assert_true(p->cancelled == 0 && p->dead == 0 && p->leases_over == 0 && p->crowded == 0);
    assert_true(p->open < 20);
    assert_all_ended_once(p);
    arena_release(&made.arena);
}

static void test_orders_end_once_whatever_fails(void **state)
{
    static const char *const faults[] = {
        "{\"kind\": \"zone-down\", \"scope\": \"gb/a\", \"at\": \"10s\", \"for\": \"10s\"}",
        "{\"kind\": \"server-down\", \"scope\": \"gb/b/vendor-1\", \"every\": \"5s\", \"for\": "
        "\"2s\"}",
        "{\"kind\": \"partition\", \"scope\": \"gb/c\", \"at\": \"10s\", \"for\": \"10s\"}",
        "{\"kind\": \"cell-down\", \"scope\": \"gb\", \"at\": \"10s\", \"for\": \"5s\"}",
        "{\"kind\": \"errors\", \"scope\": \"gb/vendor\", \"share\": 0.3}",
        "{\"kind\": \"slow\", \"scope\": \"gb/a\", \"factor\": 100, \"at\": \"10s\", \"for\": "
        "\"10s\"}",
        "{\"kind\": \"poison\", \"scope\": \"GB\", \"factor\": 1, \"extra\": \"2s\", \"at\": "
        "\"10s\", \"for\": \"10s\"}",
        "{\"kind\": \"store-slow\", \"scope\": \"gb/rows\", \"factor\": 20, \"at\": \"10s\","
        "\"for\": \"5s\"}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct made made;
        struct run_result r;
        char scenario[512];
        snprintf(scenario, sizeof scenario, "\"duration\": \"40s\", \"faults\": [%s]", faults[i]);
        simulate(&r, &made, brisk, scenario);
        const struct run_pipeline *p = &r.pipelines[0];
        assert_true(p->placed > 1000 && p->complete > p->placed / 2 && p->cancelled > 0);
        assert_all_ended_once(p);
        bool silent = i < 4 || i == 5 || i == 6;
        assert_true(p->leases_over > 0 || !silent);
        assert_true(p->tries_failed > 100 || i != 4);
        arena_release(&made.arena);
    }
}

/* The stage's workers of a dead zone are a third of them, and nobody takes their place. */
static void test_orders_lose_the_workers_of_a_dead_zone(void **state)
{
    struct made made;
    struct run_result calm, hurt;
    (void)state;
    simulate(&calm, &made, brisk, "\"duration\": \"40s\"");
    double held = calm.pipelines[0].stages[2].busy.mean;
    assert_true(held > 0.01);
    arena_release(&made.arena);
    simulate(&hurt, &made, brisk,
             "\"duration\": \"40s\", \"faults\": [{\"kind\": \"service-down\", \"scope\": "
             "\"gb/vendor\", \"at\": \"10s\"}]");
    const struct run_stage *pack = &hurt.pipelines[0].stages[2];
    assert_true(pack->busy.mean < 0.4 * held);
    assert_true(pack->waiting_end > 1000 && pack->oldest_s > 29);
    assert_true(hurt.pipelines[0].open > 1000);
    assert_all_ended_once(&hurt.pipelines[0]);
    arena_release(&made.arena);
}

static void test_orders_wait_while_their_store_is_down(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, "\"orders\": {\"share\": 1, \"from\": \"catalog\"}",
             "\"duration\": \"20s\", \"faults\": [{\"kind\": \"store-down\", \"scope\": "
             "\"gb/rows\", \"at\": \"10s\"}]");
    const struct run_pipeline *p = &r.pipelines[0]; /* without it none can be placed, either */
    assert_true(p->refused > p->placed / 2 && p->refused < p->placed * 2);
    assert_true(p->open > 0 && p->open < 20);
    assert_all_ended_once(p);
    arena_release(&made.arena);
}

/* Users at three times what the servers can do: work finds no room, and they do not notice it. */
static void test_orders_give_way_to_users(void **state)
{
    static const char overload[] = "\"duration\": \"20s\", \"load\": 40";
    struct made made;
    struct run_result with, without;
    (void)state;
    simulate(&without, &made, "\"orders\": {\"share\": 0}", overload);
    assert_int_equal(without.pipeline_count, 0);
    double ok = (double)without.countries[0].ok;
    arena_release(&made.arena);
    simulate(&with, &made, brisk, overload);
    assert_true(fabs((double)with.countries[0].ok / ok - 1) < 0.02);
    assert_true(with.pipelines[0].crowded > 100);
    assert_true(with.pipelines[0].open > with.pipelines[0].complete);
    assert_int_equal(with.pipelines[0].dead, 0);
    assert_all_ended_once(&with.pipelines[0]);
    arena_release(&made.arena);
}

static void test_orders_may_be_led_by_a_coordinator(void **state)
{
    struct made made;
    struct run_result r;
    char directed[2048];
    (void)state;
    snprintf(directed, sizeof directed, "\"mode\": \"directed\", %s", brisk);
    simulate(&r, &made, directed,
             "\"duration\": \"40s\", \"faults\": [{\"kind\": \"zone-down\", \"scope\": \"gb/a\","
             "\"at\": \"10s\", \"for\": \"10s\"}]");
    const struct run_pipeline *p = &r.pipelines[0];
    assert_string_equal(p->stages[p->stage_count - 1].name, "coordinator");
    assert_true(p->stages[p->stage_count - 1].taken > 5 * p->complete);
    assert_true(p->complete > 1000);
    assert_all_ended_once(p);
    arena_release(&made.arena);
}

/* One database for all: it is worked by every stage's transactions and by the looks of those who
 * wait, so it is full at a rate that separate stores carry. */
static void test_orders_outgrow_one_database_first(void **state)
{
    char central[2048];
    (void)state;
    snprintf(central, sizeof central, "\"store\": {\"central\": true, \"time\": \"2ms\"}, %s",
             brisk);
    for (int one = 0; one < 2; one++) {
        struct made made;
        struct run_result r;
        char apart[2048];
        snprintf(apart, sizeof apart, "\"store\": {\"time\": \"2ms\"}, %s", brisk);
        simulate(&r, &made, one ? central : apart, "\"duration\": \"40s\"");
        const struct run_pipeline *p = &r.pipelines[0];
        assert_all_ended_once(p);
        assert_true(one ? p->open > p->placed / 4 : p->open < p->placed / 50);
        assert_true(one ? p->messages == 0 && p->polls_empty > 0 : p->messages > p->placed);
        arena_release(&made.arena);
    }
}

static void test_orders_give_the_same_digest_for_any_number_of_threads(void **state)
{
    static const char scenario[] = "\"duration\": \"20s\", \"faults\": [{\"kind\": \"zone-down\","
                                   "\"scope\": \"gb/a\", \"at\": \"10s\", \"for\": \"5s\"}]";
    struct made made;
    struct run_result r;
    char digest[32];
    (void)state;
    simulate_at(&r, &made, 130, 1, brisk, scenario);
    snprintf(digest, sizeof digest, "%s", r.digest);
    arena_release(&made.arena);
    simulate_at(&r, &made, 130, 2, brisk, scenario);
    assert_string_equal(r.digest, digest);
    arena_release(&made.arena);
    simulate_at(&r, &made, 130, 2, MIXED, scenario);
    assert_string_not_equal(r.digest, digest);
    arena_release(&made.arena);
}

static void test_orders_are_expected_by_cell(void **state)
{
    struct made made;
    struct run_result r;
    (void)state;
    simulate(&r, &made, brisk,
             "\"duration\": \"20s\", \"expect\": [{\"measure\": \"orders_lost\", \"max\": 0},"
             "{\"measure\": \"orders_complete\", \"min\": 500},"
             "{\"measure\": \"order_p99_ms\", \"cell\": \"gb\", \"min\": 20, \"max\": 2000},"
             "{\"measure\": \"backlog\", \"max\": 0}]");
    assert_int_equal(r.verdict_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(r.verdicts[i].pass, i < 3);
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders_are_a_share_of_the_answered_requests),
        cmocka_unit_test(test_orders_end_once_whatever_fails),
        cmocka_unit_test(test_orders_lose_the_workers_of_a_dead_zone),
        cmocka_unit_test(test_orders_wait_while_their_store_is_down),
        cmocka_unit_test(test_orders_give_way_to_users),
        cmocka_unit_test(test_orders_may_be_led_by_a_coordinator),
        cmocka_unit_test(test_orders_outgrow_one_database_first),
        cmocka_unit_test(test_orders_give_the_same_digest_for_any_number_of_threads),
        cmocka_unit_test(test_orders_are_expected_by_cell),
    };
    return cmocka_run_group_tests_name("orders", tests, NULL, NULL);
}
