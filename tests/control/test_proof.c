/* Tests of control/proof.c: it finds what the count rule leaves out, and nothing where it is kept.
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
#include "control/proof.h"
#include "tests/world.h"

static const char any_scenario[] = "{\"topology\": \"-\"}";

static struct proof try_topology(struct made *made, const char *topology)
{
    struct proof proof;
    struct error err;
    make_world(made, topology, any_scenario);
    if (proof_try(&proof, &made->topo, &made->plan, &made->arena, &err) != 0)
        fail_msg("%s", err.text);
    return proof;
}

#define SEED                                                                 \
    "\"countries\": {\"GB\": {\"peak_rps\": 350, \"curve\": \"flat\"}}, "    \
    "\"services\": {\"shop\": {\"time\": \"100ms\", \"concurrency\": 10}}, " \
    "\"tolerance\": {\"zones\": 1, \"servers\": 1}"

static void test_proof_tries_every_loss(void **state)
{
    (void)state;
    struct made made;
    struct proof proof = try_topology(&made, "{" SEED "}");
    /* No zone and 0 or 1 server of 3 zones, or one of 3 zones and 0 or 1 server of 2. */
    assert_int_equal(proof.losses, 4 + 3 * 3);
    assert_int_equal(proof.checks, 13 * 672);
    assert_int_equal(proof.failures, 0);
    assert_true(proof.complete);
    assert_string_equal(proof.cells[0].service, "shop");
    assert_string_equal(proof.cells[0].zones, "a");
    assert_int_equal(proof.cells[0].sets, 3);
    assert_true(fabs(proof.cells[0].busy - 0.7) < 1e-12);
    arena_release(&made.arena);
}

static void test_proof_fails_with_one_server_per_zone_fewer(void **state)
{
    (void)state;
    struct made made;
    struct proof proof =
        try_topology(&made, "{" SEED ", \"cells\": {\"gb\": {\"servers_per_zone\": 2}}}");
    /* 350 rps need 5 of 6: the losses of no server and of one alone are survived. */
    assert_int_equal(proof.failures, 9);
    assert_int_equal(proof.cells[0].failures, 9);
    arena_release(&made.arena);
}

static void test_proof_fails_where_only_the_goal_is_missed(void **state)
{
    (void)state;
    struct made made;
    struct proof proof =
        try_topology(&made, "{" SEED ", \"goal\": {\"wait\": \"1ms\"}, \"cells\": {\"gb\": "
                            "{\"servers_per_zone\": 3}}}");
    assert_true(made.plan.cells[0].busy_after_loss <= 0.7 * (1 + 1e-9));
    assert_false(made.plan.cells[0].enough);
    assert_true(proof.failures > 0);
    assert_true(proof.cells[0].goal->strain > 1); /* and is what the other count names */
    assert_string_equal(proof.cells[0].goal->service, "shop");
    assert_int_equal(proof.cells[0].goal->sets, 3);
    arena_release(&made.arena);
    proof = try_topology(&made, "{" SEED ", \"goal\": {\"wait\": \"1ms\"}}");
    assert_true(proof.cells[0].goal->strain <= 1 && proof.cells[0].goal->strain > 0.5);
    assert_true(made.plan.cells[0].enough);
    assert_true(made.plan.cells[0].services[0].needed_goal >
                made.plan.cells[0].services[0].needed_load);
    assert_int_equal(proof.failures, 0);
    arena_release(&made.arena);
}

static void test_proof_agrees_with_the_count_rule(void **state)
{
    (void)state;
    for (int zones = 1; zones <= 5; zones++)
        for (int k = 0; k < zones; k++)
            for (int m = 0; m <= 3; m++) {
                static const char *const names[] = {
                    "[\"a\"]", "[\"a\",\"b\"]", "[\"a\",\"b\",\"c\"]", "[\"a\",\"b\",\"c\",\"d\"]",
                    "[\"a\",\"b\",\"c\",\"d\",\"e\"]"};
                char text[512];
                struct made made;
                snprintf(text, sizeof text,
                         "{\"countries\": {\"DE\": {}, \"JP\": {}}, \"cells\": {\"x\": "
                         "{\"countries\": [\"DE\", \"JP\"], \"region\": \"aws/us-east-1\", "
                         "\"zones\": %s}}, \"tolerance\": {\"zones\": %d, \"servers\": "
                         "%d}}",
                         names[zones - 1], k, m);
                struct proof proof = try_topology(&made, text);
                assert_true(proof.complete && proof.losses > 0);
                assert_int_equal(proof.failures, 0);
                arena_release(&made.arena);
            }
}

static void test_proof_says_when_there_are_too_many_losses(void **state)
{
    (void)state;
    struct made made;
    struct proof proof = try_topology(
        &made, "{\"countries\": [\"DE\"], \"tolerance\": {\"zones\": 1, \"servers\": 10000}}");
    assert_false(proof.complete);
    assert_int_equal(proof.losses, 0);
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proof_tries_every_loss),
        cmocka_unit_test(test_proof_fails_with_one_server_per_zone_fewer),
        cmocka_unit_test(test_proof_fails_where_only_the_goal_is_missed),
        cmocka_unit_test(test_proof_agrees_with_the_count_rule),
        cmocka_unit_test(test_proof_says_when_there_are_too_many_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
