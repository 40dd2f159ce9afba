/* Tests of control/tape.h: what is written is read, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "control/tape.h"

static const struct tape_record rows[] = {
    {.kind = TAPE_OPEN, .now_us = 5, .cells = 3, .groups = 12, .requests = 4096},
    {.kind = TAPE_CELL, .now_us = 5, .retry = {200000, 100 * RETRY_TOKEN, 100 * RETRY_TOKEN}},
    {.kind = TAPE_GROUP,
     .now_us = 6,
     .make = {.name = "de/catalog",
              .cell = 2,
              .opts = {.balance = {3, 10000000, TOPO_BALANCE_NEAR, 2, 2, 2, 0.25},
                       .hedge = {0.95, 0.1},
                       .breaker = {2, 30000000},
                       .rps = 123.456,
                       .timeout_us = 1000000,
                       .backoff_us = 10000,
                       .tries = 2},
              .zones = 3,
              .per_zone = {1, 200, 3},
              .rng = {{1, UINT64_MAX, 3, 4}}}},
    {.kind = TAPE_BEGIN,
     .now_us = 1000,
     .request = 4095,
     .group = 11,
     .key = UINT64_MAX,
     .deadline_us = INT64_MAX,
     .choice = {ROUTE_SEND, ROUTE_PICKED, BALANCE_NO_ZONE, 1, 2, 1000000, INT64_MAX, 17, 0}},
    {.kind = TAPE_TRY,
     .now_us = INT64_MAX,
     .choice = {ROUTE_STOP, ROUTE_BUDGET, 0, 2, BALANCE_NONE, 0, INT64_MAX, -1, RETRY_TOKEN}},
    {.kind = TAPE_HEDGE, .now_us = 1, .choice = {ROUTE_WAIT, ROUTE_ALONE, 0, 0, 0, 0, 0, 1, 2}},
    {.kind = TAPE_END,
     .replica = BALANCE_NONE,
     .outcome = ROUTE_LOST,
     .gone = true,
     .choice = {.limit = INT64_MIN, .measured = INT64_MIN + 1}},
    {.kind = TAPE_LEAVE, .request = 7},
    {.kind = TAPE_PRESENT, .group = 1, .replica = 2, .present = true},
    {.kind = TAPE_CLOSE, .records = UINT64_MAX, .full = true},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static void test_tape_reads_what_it_wrote(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        uint8_t bytes[TAPE_RECORD_MAX + 1];
        struct tape_record back;
        struct error err;
        size_t used, len = tape_encode(bytes, &rows[i], 0);
        assert_true(len <= TAPE_RECORD_MAX);
        bytes[len] = 0x55; /* what follows is the next one's */
        assert_int_equal(tape_decode(&back, &used, bytes, len + 1, 0, &err), TAPE_WHOLE);
        assert_int_equal(used, len);
        assert_int_equal(back.kind, rows[i].kind);
        assert_int_equal(back.now_us, rows[i].now_us);
        uint8_t again[TAPE_RECORD_MAX];
        assert_int_equal(tape_encode(again, &back, 0), len);
        assert_memory_equal(again, bytes, len);
    }
}

static void test_tape_keeps_every_field(void **state)
{
    uint8_t bytes[TAPE_RECORD_MAX];
    struct tape_record back;
    struct error err;
    size_t used;
    (void)state;
    size_t len = tape_encode(bytes, &rows[2], 2);
    assert_int_equal(tape_decode(&back, &used, bytes, len, 2, &err), TAPE_WHOLE);
    assert_memory_equal(&back.make, &rows[2].make, sizeof back.make);
    len = tape_encode(bytes, &rows[3], 6);
    assert_int_equal(tape_decode(&back, &used, bytes, len, 6, &err), TAPE_WHOLE);
    assert_memory_equal(&back.choice, &rows[3].choice, sizeof back.choice);
    assert_true(back.key == UINT64_MAX && back.deadline_us == INT64_MAX);
    assert_true(back.request == 4095 && back.group == 11 && back.now_us == 1000);
}

static void test_tape_knows_a_record_that_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        uint8_t bytes[TAPE_RECORD_MAX];
        struct tape_record back;
        struct error err;
        size_t used, len = tape_encode(bytes, &rows[i], 0);
        for (size_t cut = 0; cut < len; cut++)
            assert_int_equal(tape_decode(&back, &used, bytes, cut, 0, &err), TAPE_CUT);
    }
}

static void test_tape_refuses_what_was_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        uint8_t bytes[TAPE_RECORD_MAX * 2] = {0};
        struct tape_record back;
        struct error err;
        size_t used, len = tape_encode(bytes, &rows[i], 0);
        for (size_t bit = 0; bit < len * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            assert_int_not_equal(tape_decode(&back, &used, bytes, sizeof bytes, 0, &err),
                                 TAPE_WHOLE);
            bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
    }
}

static void test_tape_cuts_a_name_that_is_long(void **state)
{
    struct tape_record record = rows[2], back;
    uint8_t bytes[TAPE_RECORD_MAX];
    struct error err;
    size_t used;
    (void)state;
    memset(record.make.name, 'x', sizeof record.make.name);
    record.make.zones = TOPO_ZONES_MAX;
    for (size_t i = 0; i < TOPO_ZONES_MAX; i++)
        record.make.per_zone[i] = UINT16_MAX;
    record.make.opts.balance.eject_us = record.make.opts.timeout_us = INT64_MIN;
    record.make.opts.backoff_us = record.make.opts.breaker.window_us = INT64_MIN;
    record.now_us = INT64_MAX;
    size_t len = tape_encode(bytes, &record, 0); /* the longest that there is */
    assert_int_equal(tape_decode(&back, &used, bytes, len, 0, &err), TAPE_WHOLE);
    assert_int_equal(strlen(back.make.name), TAPE_NAME_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tape_reads_what_it_wrote),
        cmocka_unit_test(test_tape_keeps_every_field),
        cmocka_unit_test(test_tape_knows_a_record_that_is_cut),
        cmocka_unit_test(test_tape_refuses_what_was_changed),
        cmocka_unit_test(test_tape_cuts_a_name_that_is_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
