/* Tests of simulator/replay.h: the same choices come out again, and any other is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "simulator/replay.h"
#include "tests/tapes.h"

enum { MS = 1000, REQUESTS = 3000, FEW = 60 };

static const struct route_opts usual = {
    .balance = {.eject_failures = 2, .eject_us = 200 * MS, .panic = 0.25},
    .hedge = {0.9, 0.2},
    .breaker = {2, 1000 * MS},
    .rps = 100,
    .timeout_us = 1000 * MS,
    .backoff_us = 10 * MS,
    .tries = 3,
};

static int replay(struct replay_result *out, const uint8_t *bytes, size_t len, struct error *err)
{
    struct arena a = {0};
    int status = replay_tape(out, bytes, len, &a, err);
    arena_release(&a);
    return status;
}

static void assert_same(const struct tapes *t, struct replay_result *out)
{
    struct error err = {0};
    if (replay(out, t->bytes, t->len, &err) != 0 || out->differs)
        fail_msg("%s%s", err.text, out->difference);
}

static void test_replay_comes_to_the_same_choices(void **state)
{
    (void)state;
    for (int policy = TOPO_BALANCE_CHOICES; policy <= TOPO_BALANCE_SHUFFLE; policy++) {
        struct tapes t;
        struct replay_result out;
        struct route_opts opts = usual;
        opts.balance.policy = (enum topo_balance)policy;
        tapes_play(&t, &opts, REQUESTS, 11);
        assert_same(&t, &out);
        assert_int_equal(out.records, t.count);
        assert_int_equal(out.requests, REQUESTS);
        assert_true(out.closed && !out.full);
        if (out.retries < 100 || out.copies < 20 || out.given_up < 100)
            fail_msg("policy %d: %d retries, %d copies, %d given up", policy, (int)out.retries,
                     (int)out.copies, (int)out.given_up);
        tapes_release(&t);
    }
}

static bool is_call(const struct tape_record *r)
{
    return r->kind >= TAPE_BEGIN && r->kind <= TAPE_END;
}

static void test_replay_finds_a_choice_that_was_turned(void **state)
{
    struct tapes t;
    (void)state;
    tapes_play(&t, &usual, FEW, 12);
    for (size_t i = 0; i < t.count; i++) {
        struct route_choice was = t.record[i].choice;
        char place[40];
        if (!is_call(&t.record[i]))
            continue;
        for (int what = 0; what < 6; what++) {
            struct route_choice *c = &t.record[i].choice;
            struct replay_result out;
            struct error err;
            c->act += what == 0;
            c->rule += what == 1;
            c->replica += what == 2;
            c->wait_us += what == 3;
            c->measured += what == 4;
            c->avoid ^= what == 5;
            tapes_write(&t);
            assert_int_equal(replay(&out, t.bytes, t.len, &err), 0);
            assert_true(out.differs);
            assert_int_equal(out.records, i);
            snprintf(place, sizeof place, "record %zu at byte ", i);
            assert_int_equal(strncmp(out.difference, place, strlen(place)), 0);
            *c = was;
        }
    }
    tapes_release(&t);
}

static void test_replay_plays_a_tape_that_was_cut_to_its_last_record(void **state)
{
    struct tapes t;
    struct replay_result out;
    size_t made = 0, before = 0;
    (void)state;
    tapes_play(&t, &usual, FEW, 13);
    for (size_t len = 0; len < t.len; len++) {
        struct error err = {0};
        if (replay(&out, t.bytes, len, &err) != 0) {
            assert_int_equal(made, 0); /* only before it is known what the door was made of */
            assert_non_null(strstr(err.text, "byte "));
            continue;
        }
        assert_true(!out.differs && !out.closed);
        assert_true((size_t)out.records >= before);
        before = (size_t)out.records;
        made++;
    }
    assert_int_equal(before, t.count - 1);
    tapes_release(&t);
}

static void test_replay_says_where_a_tape_is_damaged(void **state)
{
    struct tapes t;
    (void)state;
    tapes_play(&t, &usual, FEW, 14);
    for (size_t at = 0; at + 300 < t.len; at += 7) {
        struct replay_result out;
        struct error err = {0};
        t.bytes[at] ^= 0x10;
        assert_int_equal(replay(&out, t.bytes, t.len, &err), -1);
        assert_non_null(strstr(err.text, "byte "));
        t.bytes[at] ^= 0x10;
    }
    tapes_release(&t);
}

static void test_replay_refuses_what_is_no_tape_of_its_version(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "byte 0: this is no tape"},
        {"{\"countries\": {}}\n", "byte 0: this is no tape"},
        {"bulkhead tape", "byte 0: this is no tape"},
        {"bulkhead tape 0\n", "byte 14: a tape of version 0; this program plays 1"},
        {"bulkhead tape 12\n", "byte 14: a tape of version 12; this program plays 1"},
        {"bulkhead tape x\n", "byte 14: a tape of version nothing"},
        {"bulkhead tape 1\n", "byte 16: the tape is cut off before it tells what the door was"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct replay_result out;
        struct error err = {0};
        assert_int_equal(replay(&out, (const uint8_t *)rows[i].text, strlen(rows[i].text), &err),
                         -1);
        if (strncmp(err.text, rows[i].why, strlen(rows[i].why)) != 0)
            fail_msg("%s: %s", rows[i].text, err.text);
    }
}

/* ---- records that are well formed, and cannot be ---- */

static void test_replay_refuses_what_cannot_have_happened(void **state)
{
    enum { HEAD = 3 };
    const struct tape_record begin = {.kind = TAPE_BEGIN, .deadline_us = INT64_MAX};
    const struct {
        struct tape_record record;
        size_t at; /* put there */
        const char *why;
    } rows[] = {
        {{.kind = TAPE_BEGIN}, 0, "record 0 at byte 16: the first one does not open the tape"},
        {{.kind = TAPE_OPEN, .cells = 0, .groups = 1, .requests = 1}, 0, "too many cells"},
        {{.kind = TAPE_OPEN, .cells = 1, .groups = 1, .requests = UINT32_MAX}, 0, "too many"},
        {{.kind = TAPE_OPEN, .cells = 1, .groups = 1, .requests = 1}, 1, "opens a second time"},
        {{.kind = TAPE_GROUP}, 1, "a group before its cells"},
        {{.kind = TAPE_CELL, .retry = {-1, 0, 0}}, 1, "budget is out of bounds"},
        {{.kind = TAPE_CELL, .retry = {1, 2, 1}}, 1, "budget is out of bounds"},
        {{.kind = TAPE_CELL}, 2, "one cell too many"},
        {{.kind = TAPE_GROUP, .make = {.cell = 1}}, 2, "its group is out of bounds"},
        {{.kind = TAPE_GROUP}, 2, "its group is out of bounds"},
        {{.kind = TAPE_BEGIN}, 2, "before all groups are there"},
        {{.kind = TAPE_BEGIN, .request = 1 << 20}, HEAD, "out of bounds"},
        {{.kind = TAPE_BEGIN, .group = 1}, HEAD, "out of bounds"},
        {{.kind = TAPE_BEGIN, .deadline_us = -1}, HEAD, "out of bounds"},
        {{.kind = TAPE_BEGIN, .now_us = INT64_MAX}, HEAD, "its time is out of bounds"},
        {{.kind = TAPE_TRY}, HEAD, "not under way"},
        {{.kind = TAPE_HEDGE}, HEAD, "not under way"},
        {{.kind = TAPE_END}, HEAD, "not under way"},
        {{.kind = TAPE_LEAVE, .request = UINT32_MAX}, HEAD, "not under way"},
        {{.kind = TAPE_PRESENT, .replica = 4}, HEAD, "its replica is out of bounds"},
        {{.kind = TAPE_CLOSE, .records = 2}, HEAD, "it counts 2 records, and there are 3"},
        {begin, HEAD + 1, "this request is under way already"},
        {{.kind = TAPE_TRY}, HEAD + 1, "does not wait for a try"},
        {{.kind = TAPE_END, .replica = BALANCE_NONE}, HEAD + 1, "is not out there"},
        {{.kind = TAPE_END, .outcome = ROUTE_OUTCOMES}, HEAD + 1, "is not out there"},
    };
    struct tapes good;
    (void)state;
    tapes_play(&good, &usual, 1, 15);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tapes t = {.count = 0};
        struct replay_result out;
        struct error err = {0};
        for (size_t k = 0; k < rows[i].at; k++)
            tapes_add(&t, &good.record[k]);
        struct tape_record bad = rows[i].record;
        int64_t before_us = rows[i].at > 0 ? t.record[rows[i].at - 1].now_us : 0;
        if (bad.now_us < before_us)
            bad.now_us = before_us;
        if (rows[i].at > HEAD) {
            bad.request = t.record[HEAD].request;
            if (bad.kind == TAPE_END && bad.replica == 0)
                bad.replica = t.record[HEAD].choice.replica;
        }
        tapes_add(&t, &bad);
        tapes_write(&t);
        assert_int_equal(replay(&out, t.bytes, t.len, &err), -1);
        if (strstr(err.text, rows[i].why) == NULL || strstr(err.text, "record ") == NULL)
            fail_msg("row %zu: %s", i, err.text);
        tapes_release(&t);
    }
    tapes_release(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay_comes_to_the_same_choices),
        cmocka_unit_test(test_replay_finds_a_choice_that_was_turned),
        cmocka_unit_test(test_replay_plays_a_tape_that_was_cut_to_its_last_record),
        cmocka_unit_test(test_replay_says_where_a_tape_is_damaged),
        cmocka_unit_test(test_replay_refuses_what_is_no_tape_of_its_version),
        cmocka_unit_test(test_replay_refuses_what_cannot_have_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
