/* Tests of control/status.c: what is written can be read, and what is not known stays unknown. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "tests/snapshots.h"

static struct arena arena;
static struct error err;

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void decode(struct status *out, const char *text)
{
    if (json_decode(out, sizeof *out, status_fields, text, strlen(text), NULL, 0, &arena, &err) !=
        0)
        fail_msg("%s", err.text);
}

static void assert_same_again(const struct status *s)
{
    struct status again;
    const char *text = json_encode(s, status_fields, &arena);
    assert_non_null(text);
    decode(&again, text);
    assert_string_equal(json_encode(&again, status_fields, &arena), text);
}

static void test_encode_then_decode_gives_the_same(void **state)
{
    (void)state;
    assert_same_again(snapshot_well());
    assert_same_again(snapshot_zone_down());
    assert_same_again(snapshot_failing());
    assert_same_again(snapshot_idle());
    assert_same_again(snapshot_starting());
    assert_same_again(snapshot_many());
}

static void test_every_member_comes_back(void **state)
{
    (void)state;
    const struct status *s = snapshot_failing();
    struct status got;
    decode(&got, json_encode(s, status_fields, &arena));
    assert_int_equal(got.control_pid, 4001);
    assert_int_equal(got.door_pid, 4002);
    assert_int_equal(got.port, 20000);
    assert_false(got.healthy);
    assert_true(got.errors == 0.0534);
    assert_int_equal(got.lost, 5210);
    assert_string_equal(got.cells[3].countries[0], "ES");
    assert_string_equal(got.cells[1].region, "eu-south");
    assert_int_equal(got.cells[1].zones[1].health, STATUS_DOWN);
    assert_int_equal(got.cells[1].zones[1].since_ms, 12400);
    assert_string_equal(got.cells[1].zones[1].why, "catalog cannot be started: exit 127");
    assert_int_equal(got.cells[1].zones[1].agent_pid, 4111);
    assert_int_equal(got.cells[1].zones[1].replicas[3].pid, 0);
    assert_int_equal(got.cells[1].zones[2].replicas[2].restarts, 14);
    assert_int_equal(got.cells[1].zones[2].replicas[2].health, STATUS_STARTING);
    assert_int_equal(got.faults[0].ends_in_ms, 139000);
    assert_int_equal(got.faults[1].ends_in_ms, -1);
    assert_string_equal(got.faults[1].scope, "es");
    assert_int_equal(got.events[0].ago_ms, 11000);
}

static void test_what_is_left_out_is_not_known(void **state)
{
    (void)state;
    struct status got;
    decode(&got, "{\"topology\": \"t\", \"healthy\": false, \"cells\": [{\"name\": \"de\", "
                 "\"zones\": [{\"name\": \"a\", \"replicas\": [{\"service\": \"order\"}]}]}]}");
    const struct status_cell *cell = &got.cells[0];
    const struct status_replica *replica = &cell->zones[0].replicas[0];
    assert_int_equal(got.requests, -1);
    assert_int_equal(got.uptime_ms, -1);
    assert_int_equal(got.event_count, 0);
    assert_true(isnan(got.rps));
    assert_int_equal(cell->health, STATUS_UNKNOWN);
    assert_int_equal(cell->lost, -1);
    assert_null(cell->region);
    assert_string_equal(cell->why, "");
    assert_true(isnan(cell->zones[0].share));
    assert_int_equal(cell->zones[0].up, -1);
    assert_int_equal(replica->pid, 0);
    assert_int_equal(replica->restarts, -1);
    assert_int_equal(replica->health, STATUS_UNKNOWN);
}

static void test_unknown_is_written_as_null_and_zero_as_zero(void **state)
{
    (void)state;
    struct status s = {.topology = "t", .rps = NAN, .errors = 0, .lost = -1};
    const char *text = json_encode(&s, status_fields, &arena);
    assert_non_null(strstr(text, "\"rps\": null"));
    assert_non_null(strstr(text, "\"errors\": 0"));
    assert_non_null(strstr(text, "\"lost\": -1"));
}

static void assert_refused(const char *text, const char *sentence)
{
    struct status got;
    assert_int_equal(
        json_decode(&got, sizeof got, status_fields, text, strlen(text), NULL, 0, &arena, &err),
        -1);
    if (strstr(err.text, sentence) == NULL)
        fail_msg("got \"%s\", expected \"%s\"", err.text, sentence);
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"healthy\": true}", "\"topology\" is missing");
    assert_refused("{\"topology\": null, \"healthy\": true}", "topology: expected string");
    assert_refused("{\"topology\": \"t\", \"healthy\": true, \"errors\": 1.5}", "errors: ");
    assert_refused("{\"topology\": \"t\", \"healthy\": true, \"rps\": \"?\"}", "rps: ");
    assert_refused("{\"topology\": \"t\", \"healthy\": true, \"lost\": null}", "lost: ");
    assert_refused("{\"topology\": \"t\", \"healthy\": true, \"cells\": [{\"name\": \"de\", "
                   "\"health\": \"fine\"}]}",
                   "cells[0].health: ");
}

static void test_every_health_has_a_word(void **state)
{
    (void)state;
    for (int h = STATUS_DOWN; h <= STATUS_IDLE; h++)
        assert_non_null(status_health_words[h]);
    assert_null(status_health_words[STATUS_IDLE + 1]);
}

static void test_the_schema_says_what_may_be_null(void **state)
{
    (void)state;
    const char *schema = json_schema(status_fields, "status", &arena);
    assert_non_null(schema);
    assert_non_null(strstr(schema, "\"number\", \"null\""));
    assert_non_null(strstr(schema, "\"string\", \"null\""));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_encode_then_decode_gives_the_same),
        TEST(test_every_member_comes_back),
        TEST(test_what_is_left_out_is_not_known),
        TEST(test_unknown_is_written_as_null_and_zero_as_zero),
        TEST(test_nonsense_is_refused),
        TEST(test_every_health_has_a_word),
        TEST(test_the_schema_says_what_may_be_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
