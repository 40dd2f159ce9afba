/* Tests of control/route.h: what becomes of a request, and by which rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/topo.h"
#include "control/route.h"
#include "control/shift.h"

enum { ZONES = 3, MS = 1000, RUNS = 2000 };

struct world {
    struct arena arena;
    struct retry retry;
    struct route_group g;
};

static const struct route_opts usual = {
    .balance = {.eject_failures = 3, .eject_us = 10000 * MS, .panic = 0.25},
    .hedge = {0.95, 0},
    .breaker = {0, 1000 * MS},
    .rps = 100,
    .timeout_us = 1000 * MS,
    .backoff_us = 10 * MS,
    .tries = 2,
};

static void open_world(struct world *w, const struct route_opts *opts, uint32_t zones)
{
    static const uint32_t one_each[ZONES] = {1, 1, 1};
    struct rng rng;
    *w = (struct world){.retry = retry_full(0.2, 100)};
    rng_init(&rng, 7);
    assert_int_equal(route_init(&w->g, opts, one_each, zones, &w->retry, &rng, 0, &w->arena), 0);
}

static void close_world(struct world *w)
{
    for (uint32_t i = 0; i < w->g.balance.count; i++)
        assert_int_equal(w->g.balance.replica[i].outstanding, 0);
    arena_release(&w->arena);
}

static struct route_request nobody_in_a_hurry(void)
{
    return (struct route_request){.deadline_us = INT64_MAX, .near = BALANCE_NO_ZONE};
}

#define ASSERT_CHOICE(choice, act_, rule_)      \
    do {                                        \
        assert_int_equal((choice).rule, rule_); \
        assert_int_equal((choice).act, act_);   \
    } while (0)

/* ---- one try after the other ---- */

static void test_route_answers_what_is_good(void **state)
{
    struct world w;
    struct route_request r = nobody_in_a_hurry();
    (void)state;
    open_world(&w, &usual, ZONES);
    struct route_choice c = route_begin(&w.g, &r, 5);
    ASSERT_CHOICE(c, ROUTE_SEND, ROUTE_PICKED);
    assert_int_equal(c.wait_us, usual.timeout_us);
    assert_true(c.hedge_us == INT64_MAX);
    assert_int_equal(c.avoid, BALANCE_NO_ZONE);
    c = route_end(&w.g, &r, c.replica, ROUTE_GOOD, 100);
    ASSERT_CHOICE(c, ROUTE_ANSWER, ROUTE_ANSWERED);
    assert_true(c.replica == BALANCE_NONE); /* nothing to call off */
    close_world(&w);
}

static void test_route_repeats_outside_the_zone_that_failed(void **state)
{
    static const enum route_outcome bad[] = {ROUTE_SHED, ROUTE_ERROR, ROUTE_LOST};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct world w;
        open_world(&w, &usual, ZONES);
        w.retry = retry_full(1, 1e6);
        for (int64_t n = 0; n < RUNS; n++) {
            struct route_request r = nobody_in_a_hurry();
            int64_t now_us = n * 20 * 1000 * MS; /* who was left out gets its trial */
            struct route_choice c = route_begin(&w.g, &r, now_us);
            uint32_t first = c.replica;
            c = route_end(&w.g, &r, first, bad[i], now_us + 5);
            ASSERT_CHOICE(c, ROUTE_RETRY, ROUTE_AGAIN);
            assert_int_equal(c.avoid, first);
            assert_in_range(c.wait_us, usual.backoff_us / 2, usual.backoff_us * 3 / 2);
            c = route_try(&w.g, &r, now_us + 5 + c.wait_us);
            assert_int_equal(c.act, ROUTE_SEND);
            assert_int_equal(c.avoid, first);
            assert_int_not_equal(c.replica, first);
            c = route_end(&w.g, &r, c.replica, ROUTE_GOOD, now_us + 90 * MS);
            assert_int_equal(c.act, ROUTE_ANSWER);
        }
        close_world(&w);
    }
}

static void test_route_gives_up_after_its_tries(void **state)
{
    struct world w;
    struct route_request r = nobody_in_a_hurry();
    (void)state;
    open_world(&w, &usual, ZONES);
    struct route_choice c = route_begin(&w.g, &r, 0);
    c = route_end(&w.g, &r, c.replica, ROUTE_LOST, 1);
    c = route_try(&w.g, &r, 2);
    ASSERT_CHOICE(c, ROUTE_SEND, ROUTE_ELSEWHERE);
    c = route_end(&w.g, &r, c.replica, ROUTE_LOST, 3);
    ASSERT_CHOICE(c, ROUTE_STOP, ROUTE_TRIES);
    assert_int_equal(c.measured, 2);
    assert_int_equal(c.limit, 2);
    close_world(&w);
}

static void test_route_gives_up_when_the_budget_is_spent(void **state)
{
    struct world w;
    struct route_request r = nobody_in_a_hurry();
    char words[ROUTE_WORDS_MAX];
    (void)state;
    open_world(&w, &usual, ZONES);
    w.retry.have = RETRY_TOKEN / 10;
    struct route_choice c = route_begin(&w.g, &r, 0);
    c = route_end(&w.g, &r, c.replica, ROUTE_LOST, 1);
    ASSERT_CHOICE(c, ROUTE_STOP, ROUTE_BUDGET);
    assert_int_equal(c.measured, 3 * RETRY_TOKEN / 10); /* and what it earned itself */
    assert_int_equal(c.limit, RETRY_TOKEN);
    route_say(&c, words);
    assert_string_equal(words, "the retry budget has 0.30 of 1.00 token");
    close_world(&w);
}

static void test_route_passes_on_what_cannot_be_sent(void **state)
{
    struct world w;
    struct route_request r = nobody_in_a_hurry();
    (void)state;
    open_world(&w, &usual, ZONES);
    struct route_choice c = route_begin(&w.g, &r, 0);
    uint32_t replica = c.replica;
    c = route_end(&w.g, &r, replica, ROUTE_UNSENT, 1);
    ASSERT_CHOICE(c, ROUTE_ANSWER, ROUTE_NOT_SENT);
    assert_int_equal(w.g.balance.replica[replica].failures, 0);
    close_world(&w);
}

static void test_route_knows_what_a_status_says(void **state)
{
    static const struct {
        int status;
        enum route_outcome outcome;
    } rows[] = {{200, ROUTE_GOOD},  {304, ROUTE_GOOD}, {404, ROUTE_GOOD},  {429, ROUTE_GOOD},
                {500, ROUTE_ERROR}, {501, ROUTE_GOOD}, {502, ROUTE_ERROR}, {503, ROUTE_SHED},
                {504, ROUTE_ERROR}, {507, ROUTE_GOOD}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(route_outcome_of(rows[i].status), rows[i].outcome);
}

/* ---- which zone is avoided ---- */

static void test_route_says_when_there_is_no_other_zone(void **state)
{
    struct world w;
    struct route_request r = nobody_in_a_hurry();
    (void)state;
    open_world(&w, &usual, 1);
    struct route_choice c = route_begin(&w.g, &r, 0);
    c = route_end(&w.g, &r, c.replica, ROUTE_LOST, 1);
    c = route_try(&w.g, &r, 2);
    ASSERT_CHOICE(c, ROUTE_SEND, ROUTE_SAME_ZONE);
    assert_int_equal(c.measured, 1); /* of 1 takes part */
    route_leave(&w.g, &r, 3);
    close_world(&w);
}

static void test_route_avoids_a_zone_that_is_taken_out(void **state)
{
    struct world w;
    struct shift shift = {.opts = {1, 0}, .state = SHIFT_AWAY, .zone = 1};
    (void)state;
    open_world(&w, &usual, ZONES);
    w.g.shift = &shift;
    for (int64_t i = 0; i < RUNS; i++) {
        struct route_request r = nobody_in_a_hurry();
        struct route_choice c = route_begin(&w.g, &r, i);
        ASSERT_CHOICE(c, ROUTE_SEND, ROUTE_SHIFTED);
        assert_int_equal(c.away, 1);
        assert_int_not_equal(c.replica, 1);
        route_end(&w.g, &r, c.replica, ROUTE_GOOD, i);
    }
    close_world(&w);
}

/* Taken out by the map: nothing new, first tries, retries and copies alike, while what was under
 * way there ends and counts. */
static void test_route_sends_nothing_new_to_who_is_taken_out(void **state)
{
    struct world w;
    struct route_request before = nobody_in_a_hurry();
    (void)state;
    open_world(&w, &usual, ZONES);
    w.retry = retry_full(1, 1e6);
    uint32_t out = route_begin(&w.g, &before, 0).replica;
    route_present(&w.g, out, false);
    for (int64_t n = 0; n < RUNS; n++) {
        struct route_request r = nobody_in_a_hurry();
        int64_t now_us = n * 20 * 1000 * MS;
        struct route_choice c = route_begin(&w.g, &r, now_us);
        assert_int_not_equal(c.replica, out);
        c = route_end(&w.g, &r, c.replica, ROUTE_LOST, now_us + 5);
        assert_int_equal(c.act, ROUTE_RETRY);
        c = route_try(&w.g, &r, now_us + 5 + c.wait_us);
        assert_int_not_equal(c.replica, out);
        route_end(&w.g, &r, c.replica, ROUTE_GOOD, now_us + 90 * MS);
    }
    struct route_choice last =
        route_end(&w.g, &before, out, ROUTE_GOOD, RUNS * 20000 * (int64_t)MS);
    ASSERT_CHOICE(last, ROUTE_ANSWER, ROUTE_ANSWERED);
    close_world(&w);
}

/* Whether anything goes to each of the replicas. */
static unsigned reached(struct world *w)
{
    unsigned seen = 0;
    for (int i = 0; i < 200; i++) {
        struct route_request r = nobody_in_a_hurry();
        uint32_t replica = route_begin(&w->g, &r, 0).replica;
        seen |= 1u << replica;
        route_leave(&w->g, &r, 0);
    }
    return seen;
}

static void test_route_takes_part_as_the_map_says(void **state)
{
    static const struct {
        uint32_t replica;
        bool present;
        unsigned reached;
    } rows[] = {
        {0, false, 6}, {0, false, 6},
        {2, false, 2}, {1, false, 7}, /* none is left: all take part */
        {0, true, 1},  {2, true, 5},
        {1, true, 7},  {1, true, 7},
    };
    struct world w;
    (void)state;
    open_world(&w, &usual, ZONES);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        route_present(&w.g, rows[i].replica, rows[i].present);
        assert_int_equal(reached(&w), rows[i].reached);
    }
    close_world(&w);
}

static void test_route_says_why_it_asks_who_is_left_out(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, &usual, ZONES);
    w.retry = retry_full(1, 1e6);
    for (int64_t i = 0; i < 9; i++) { /* 3 failures in a row at each */
        struct route_request r = nobody_in_a_hurry();
        struct route_choice c = route_begin(&w.g, &r, i);
        while (c.act == ROUTE_SEND) {
            c = route_end(&w.g, &r, c.replica, ROUTE_LOST, i);
            if (c.act == ROUTE_RETRY)
                c = route_try(&w.g, &r, i);
        }
    }
    struct route_request r = nobody_in_a_hurry();
    struct route_choice c = route_begin(&w.g, &r, 20);
    ASSERT_CHOICE(c, ROUTE_SEND, ROUTE_PANIC);
    assert_int_equal(c.measured, 0);
    assert_int_equal(c.limit, ZONES);
    c = route_end(&w.g, &r, c.replica, ROUTE_GOOD, 21);
    c = route_begin(&w.g, &r, usual.balance.eject_us + 30);
    ASSERT_CHOICE(c, ROUTE_SEND, ROUTE_TRIAL);
    route_leave(&w.g, &r, usual.balance.eject_us + 31);
    close_world(&w);
}

static void test_route_does_not_count_a_trial_against_the_request(void **state)
{
    struct world w;
    struct route_choice c;
    (void)state;
    open_world(&w, &usual, ZONES);
    w.retry = retry_full(1, 1e6);
    do { /* replica 0 fails until it is left out */
        struct route_request r = nobody_in_a_hurry();
        c = route_begin(&w.g, &r, 0);
        route_end(&w.g, &r, c.replica, c.replica == 0 ? ROUTE_LOST : ROUTE_GOOD, 0);
    } while (w.g.balance.replica[0].state == BALANCE_IN);
    int64_t due_us = w.g.balance.replica[0].until_us;
    struct route_request r;
    do { /* whoever is its trial */
        r = nobody_in_a_hurry();
        c = route_begin(&w.g, &r, due_us);
        if (c.rule != ROUTE_TRIAL)
            route_end(&w.g, &r, c.replica, ROUTE_GOOD, due_us);
    } while (c.rule != ROUTE_TRIAL);
    for (uint32_t tries = 0; tries <= usual.tries; tries++) {
        assert_int_equal(c.act, ROUTE_SEND);
        c = route_end(&w.g, &r, c.replica, ROUTE_LOST, due_us);
        if (tries < usual.tries) {
            ASSERT_CHOICE(c, ROUTE_RETRY, ROUTE_AGAIN);
            c = route_try(&w.g, &r, due_us);
        }
    }
    ASSERT_CHOICE(c, ROUTE_STOP, ROUTE_TRIES);
    assert_int_equal(c.measured, usual.tries);
    close_world(&w);
}

/* ---- second copies ---- */

/* A world in which a copy is sent after about 10 ms. */
static void open_hedging(struct world *w, uint32_t zones)
{
    struct route_opts opts = usual;
    opts.hedge.budget = 0.1;
    open_world(w, &opts, zones);
    for (int64_t i = 0; i < RUNS; i++) {
        struct route_request r = nobody_in_a_hurry();
        struct route_choice c = route_begin(&w->g, &r, 0);
        route_end(&w->g, &r, c.replica, ROUTE_GOOD, 10 * MS);
    }
}

static void test_route_hedges_what_is_slow(void **state)
{
    for (int copy_wins = 0; copy_wins <= 1; copy_wins++) {
        struct world w;
        struct route_request r = nobody_in_a_hurry();
        (void)state;
        open_hedging(&w, ZONES);
        struct route_choice first = route_begin(&w.g, &r, 0);
        assert_in_range(first.hedge_us, 9 * MS, 11 * MS);
        struct route_choice copy = route_hedge(&w.g, &r, first.hedge_us);
        ASSERT_CHOICE(copy, ROUTE_SEND, ROUTE_SLOW);
        assert_int_not_equal(copy.replica, first.replica);
        assert_int_equal(copy.measured, first.hedge_us);
        assert_int_equal(copy.wait_us, usual.timeout_us - first.hedge_us);
        uint32_t winner = copy_wins ? copy.replica : first.replica;
        struct route_choice c = route_end(&w.g, &r, winner, ROUTE_GOOD, 12 * MS);
        ASSERT_CHOICE(c, ROUTE_ANSWER, ROUTE_ANSWERED);
        assert_int_equal(c.replica, copy_wins ? first.replica : copy.replica);
        close_world(&w);
    }
}

static void test_route_waits_for_the_other_copy(void **state)
{
    struct world w;
    struct route_request r = nobody_in_a_hurry();
    (void)state;
    open_hedging(&w, ZONES);
    struct route_choice first = route_begin(&w.g, &r, 0);
    struct route_choice copy = route_hedge(&w.g, &r, first.hedge_us);
    struct route_choice c = route_end(&w.g, &r, first.replica, ROUTE_LOST, 20 * MS);
    ASSERT_CHOICE(c, ROUTE_WAIT, ROUTE_OTHER_OUT);
    c = route_end(&w.g, &r, copy.replica, ROUTE_LOST, 21 * MS);
    ASSERT_CHOICE(c, ROUTE_RETRY, ROUTE_AGAIN);
    assert_int_equal(c.avoid, copy.replica);
    assert_int_equal(r.tries, 1); /* a copy is no try */
    close_world(&w);
}

static void test_route_hedges_within_its_budget_and_not_at_one_replica(void **state)
{
    struct world w;
    struct route_request r = nobody_in_a_hurry();
    (void)state;
    open_hedging(&w, ZONES);
    w.g.hedge.budget.have = 0;
    struct route_choice first = route_begin(&w.g, &r, 0);
    struct route_choice c = route_hedge(&w.g, &r, first.hedge_us);
    ASSERT_CHOICE(c, ROUTE_WAIT, ROUTE_HEDGES_SPENT);
    route_leave(&w.g, &r, first.hedge_us);
    close_world(&w);

    open_hedging(&w, 1);
    first = route_begin(&w.g, &r, 0);
    c = route_hedge(&w.g, &r, first.hedge_us);
    ASSERT_CHOICE(c, ROUTE_WAIT, ROUTE_ALONE);
    route_leave(&w.g, &r, first.hedge_us);
    close_world(&w);
}

/* ---- deadlines and the breaker ---- */

static void test_route_keeps_to_the_deadline(void **state)
{
    struct world w;
    struct route_request r = nobody_in_a_hurry();
    (void)state;
    open_world(&w, &usual, ZONES);
    r.deadline_us = 300 * MS;
    struct route_choice c = route_begin(&w.g, &r, 100 * MS);
    assert_int_equal(c.wait_us, 200 * MS);
    c = route_end(&w.g, &r, c.replica, ROUTE_LOST, 299 * MS);
    ASSERT_CHOICE(c, ROUTE_STOP, ROUTE_DEADLINE); /* the wait before a retry is longer */
    assert_int_equal(c.measured, 1 * MS);
    assert_true(c.limit > c.measured);
    c = route_begin(&w.g, &r, 299 * MS);
    c = route_end(&w.g, &r, c.replica, ROUTE_LOST, 300 * MS);
    ASSERT_CHOICE(c, ROUTE_STOP, ROUTE_DEADLINE);
    c = route_begin(&w.g, &r, 300 * MS);
    ASSERT_CHOICE(c, ROUTE_STOP, ROUTE_DEADLINE);
    close_world(&w);
}

static void test_route_stops_where_the_breaker_says_so(void **state)
{
    struct world w;
    struct route_opts opts = usual;
    bool broken = false;
    (void)state;
    opts.breaker.k = 2;
    open_world(&w, &opts, ZONES);
    for (int64_t i = 0; i < RUNS && !broken; i++) {
        struct route_request r = nobody_in_a_hurry();
        struct route_choice c = route_begin(&w.g, &r, i);
        if (c.act == ROUTE_SEND) {
            route_end(&w.g, &r, c.replica, ROUTE_SHED, i);
            continue;
        }
        ASSERT_CHOICE(c, ROUTE_STOP, ROUTE_BREAKER);
        assert_in_range(c.measured, 1, 1000000);
        broken = true;
    }
    assert_true(broken);
    close_world(&w);
}

/* ---- in words ---- */

static void test_route_has_words_for_every_rule(void **state)
{
    (void)state;
    for (uint16_t rule = 0; rule < ROUTE_RULES; rule++) {
        char words[ROUTE_WORDS_MAX];
        const struct route_choice c = {.rule = rule, .measured = INT64_MIN, .limit = INT64_MAX};
        route_say(&c, words);
        assert_true(strlen(words) > 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_route_answers_what_is_good),
        cmocka_unit_test(test_route_repeats_outside_the_zone_that_failed),
        cmocka_unit_test(test_route_gives_up_after_its_tries),
        cmocka_unit_test(test_route_gives_up_when_the_budget_is_spent),
        cmocka_unit_test(test_route_passes_on_what_cannot_be_sent),
        cmocka_unit_test(test_route_knows_what_a_status_says),
        cmocka_unit_test(test_route_says_when_there_is_no_other_zone),
        cmocka_unit_test(test_route_avoids_a_zone_that_is_taken_out),
        cmocka_unit_test(test_route_sends_nothing_new_to_who_is_taken_out),
        cmocka_unit_test(test_route_takes_part_as_the_map_says),
        cmocka_unit_test(test_route_says_why_it_asks_who_is_left_out),
        cmocka_unit_test(test_route_does_not_count_a_trial_against_the_request),
        cmocka_unit_test(test_route_hedges_what_is_slow),
        cmocka_unit_test(test_route_waits_for_the_other_copy),
        cmocka_unit_test(test_route_hedges_within_its_budget_and_not_at_one_replica),
        cmocka_unit_test(test_route_keeps_to_the_deadline),
        cmocka_unit_test(test_route_stops_where_the_breaker_says_so),
        cmocka_unit_test(test_route_has_words_for_every_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
