/* Tests of control/balance.c: whom the door picks, with which probability, and whom it leaves out
 * for how long. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "control/balance.h"

enum { EJECT_US = 1000, FIRST_US = EJECT_US / 16, REPLICAS_MAX = 32 };

/* Standard errors a count may be off; chance alone does that once in 1.7 million times. */
static const double Z_MAX = 5;

struct door {
    struct arena arena;
    struct balance balance;
    struct rng rng;
};

static void door_open(struct door *d, uint32_t eject_failures, const uint32_t *per_zone,
                      uint32_t zones)
{
    const struct balance_opts opts = {.eject_failures = eject_failures, .eject_us = EJECT_US};
    d->arena = (struct arena){0};
    rng_init(&d->rng, 1);
    assert_int_equal(balance_init(&d->balance, &opts, per_zone, zones, &d->arena), 0);
}

static void try_at(struct door *d, uint32_t replica, enum balance_outcome outcome, int64_t now_us)
{
    balance_sent(&d->balance, replica);
    balance_ended(&d->balance, replica, outcome, now_us);
}

static void fail_at(struct door *d, uint32_t replica, int times, int64_t now_us)
{
    for (int i = 0; i < times; i++)
        try_at(d, replica, BALANCE_FAILED, now_us);
}

/* How often each replica is picked at `now_us`. */
enum { PICKS = 100000 };
static void count_picks(struct door *d, uint16_t avoid, int64_t now_us, int *counts)
{
    for (int i = 0; i < REPLICAS_MAX; i++)
        counts[i] = 0;
    for (int i = 0; i < PICKS; i++)
        counts[balance_pick(&d->balance, avoid, &d->rng, now_us)]++;
}

static bool is_picked(struct door *d, uint32_t replica, int64_t now_us)
{
    int counts[REPLICAS_MAX];
    count_picks(d, BALANCE_NO_ZONE, now_us, counts);
    return counts[replica] > 0;
}

static void assert_share(int count, double share)
{
    double error = sqrt(share * (1 - share) * PICKS);
    if (!(fabs(count - share * PICKS) <= Z_MAX * error))
        fail_msg("picked %d of %d times, expected a share of %.6g", count, PICKS, share);
}

/* The share of replica `i`: of all ordered pairs of two different candidates, those that it is in
 * and is the less loaded of, or the first of equals. */
static double exact_share(const struct balance *b, const bool *candidate, uint32_t i)
{
    int pairs = 0, won = 0, candidates = 0;
    for (uint32_t one = 0; one < b->count; one++) {
        candidates += candidate[one];
        for (uint32_t other = 0; other < b->count; other++) {
            if (one == other || !candidate[one] || !candidate[other])
                continue;
            bool less = b->replica[other].outstanding < b->replica[one].outstanding;
            won += (less ? other : one) == i;
            pairs++;
        }
    }
    return candidates == 1 ? candidate[i] : (double)won / pairs;
}

static void assert_shares(struct door *d, uint16_t avoid, int64_t now_us, const bool *candidate)
{
    int counts[REPLICAS_MAX];
    count_picks(d, avoid, now_us, counts);
    for (uint32_t i = 0; i < d->balance.count; i++)
        assert_share(counts[i], exact_share(&d->balance, candidate, i));
}

/* ---- two choices ---- */

static void test_balance_picks_the_less_loaded_of_two_different_replicas(void **state)
{
    static const struct {
        uint32_t count;
        uint32_t outstanding[8];
    } cases[] = {
        {1, {9}},
        {2, {0, 0}},
        {2, {1, 0}},
        {2, {0, 7}},
        {3, {0, 1, 2}},
        {3, {5, 5, 4}},
        {4, {0, 0, 5, 5}},
        {5, {3, 3, 1, 0, 2}},
        {7, {2, 2, 2, 2, 2, 2, 2}},
        {8, {0, 1, 1, 2, 2, 2, 3, 0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct door d;
        bool candidate[REPLICAS_MAX];
        door_open(&d, 3, &cases[i].count, 1);
        for (uint32_t k = 0; k < cases[i].count; k++) {
            candidate[k] = true;
            for (uint32_t n = 0; n < cases[i].outstanding[k]; n++)
                balance_sent(&d.balance, k);
        }
        assert_shares(&d, BALANCE_NO_ZONE, 0, candidate);
        arena_release(&d.arena);
    }
}

static void test_balance_never_picks_the_most_loaded_of_all(void **state)
{
    (void)state;
    struct door d;
    door_open(&d, 3, (const uint32_t[]){2, 2}, 2);
    balance_sent(&d.balance, 2);
    assert_false(is_picked(&d, 2, 0)); /* it would have to be drawn against itself */
    arena_release(&d.arena);
}

static void test_balance_picks_evenly_outside_the_avoided_zone(void **state)
{
    static const uint32_t per_zone[] = {1, 4, 0, 2};
    (void)state;
    struct door d;
    door_open(&d, 1, per_zone, 4);
    balance_sent(&d.balance, 3);
    fail_at(&d, 6, 1, 0); /* the last of the last zone is left out */
    for (uint16_t avoid = 0; avoid <= 4; avoid++) {
        bool candidate[REPLICAS_MAX];
        for (uint32_t i = 0; i < d.balance.count; i++)
            candidate[i] = i != 6 && d.balance.replica[i].zone != avoid;
        assert_shares(&d, avoid == 4 ? BALANCE_NO_ZONE : avoid, 0, candidate);
    }
    arena_release(&d.arena);
}

static void test_balance_second_try_prefers_who_has_not_failed_lately(void **state)
{
    static const uint32_t per_zone[] = {1, 2};
    (void)state;
    struct door d;
    int counts[REPLICAS_MAX];
    door_open(&d, 3, per_zone, 2);
    fail_at(&d, 1, 1, 0);
    balance_sent(&d.balance, 2);
    count_picks(&d, 0, 0, counts); /* both are drawn each time */
    assert_int_equal(counts[1], 0);
    assert_int_equal(counts[2], PICKS);
    count_picks(&d, BALANCE_NO_ZONE, 0, counts); /* a first try looks at the load alone */
    assert_share(counts[1], 1.0 / 2);
    assert_int_equal(counts[2], 0);
    try_at(&d, 1, BALANCE_ANSWERED, 0);
    count_picks(&d, 0, 0, counts);
    assert_int_equal(counts[1], PICKS);
    arena_release(&d.arena);
}

/* ---- leaving out ---- */

static void test_balance_leaves_out_after_so_many_failures_and_not_before(void **state)
{
    static const uint32_t limits[] = {1, 2, 3, 7};
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct door d;
        door_open(&d, limits[i], (const uint32_t[]){3}, 1);
        fail_at(&d, 1, (int)limits[i] - 1, 0);
        assert_true(is_picked(&d, 1, 0));
        fail_at(&d, 1, 1, 0);
        assert_false(is_picked(&d, 1, 0));
        assert_true(is_picked(&d, 0, 0));
        assert_true(is_picked(&d, 2, 0));
        arena_release(&d.arena);
    }
}

static void test_balance_forgets_failures_at_an_answer(void **state)
{
    (void)state;
    struct door d;
    door_open(&d, 3, (const uint32_t[]){2}, 1);
    for (int round = 0; round < 10; round++) {
        fail_at(&d, 0, 2, 0);
        try_at(&d, 0, BALANCE_ANSWERED, 0);
    }
    assert_true(is_picked(&d, 0, 0));
    fail_at(&d, 0, 3, 0);
    assert_false(is_picked(&d, 0, 0));
    arena_release(&d.arena);
}

static void test_balance_returns_for_one_trial_when_its_time_is_over(void **state)
{
    (void)state;
    struct door d;
    door_open(&d, 3, (const uint32_t[]){2}, 1);
    for (int i = 0; i < 9; i++)
        balance_sent(&d.balance, 1); /* the other is never the less loaded */
    fail_at(&d, 0, 3, 50);
    assert_false(is_picked(&d, 0, 50 + FIRST_US - 1));
    assert_true(is_picked(&d, 0, 50 + FIRST_US));
    balance_sent(&d.balance, 0); /* the trial: until it ends there is no other */
    assert_false(is_picked(&d, 0, 50 + FIRST_US));
    assert_false(is_picked(&d, 0, 50 + 100 * EJECT_US));
    balance_ended(&d.balance, 0, BALANCE_ANSWERED, 50 + 100 * EJECT_US);
    assert_true(is_picked(&d, 0, 50 + 100 * EJECT_US));
    fail_at(&d, 0, 2, 50 + 100 * EJECT_US); /* it has all its lives again */
    assert_true(is_picked(&d, 0, 50 + 100 * EJECT_US));
    arena_release(&d.arena);
}

static void test_balance_leaves_out_for_longer_at_each_failed_trial(void **state)
{
    (void)state;
    struct door d;
    int64_t now_us = 0, wait_us = FIRST_US;
    door_open(&d, 3, (const uint32_t[]){2}, 1);
    fail_at(&d, 0, 3, 0);
    for (int i = 0; i < 10; i++) {
        assert_false(is_picked(&d, 0, now_us + wait_us - 1));
        now_us += wait_us;
        assert_true(is_picked(&d, 0, now_us));
        fail_at(&d, 0, 1, now_us);
        assert_false(is_picked(&d, 0, now_us));
        wait_us = i < 3 ? EJECT_US >> (3 - i) : EJECT_US;
    }
    arena_release(&d.arena);
}

/* How long it is left out when it fails at `now_us`. */
static int64_t out_for(struct door *d, int64_t now_us)
{
    fail_at(d, 0, 1, now_us);
    return d->balance.replica[0].until_us - now_us;
}

static void test_balance_who_fails_soon_after_its_return_is_out_for_longer(void **state)
{
    (void)state;
    struct door d;
    door_open(&d, 1, (const uint32_t[]){2}, 1);
    assert_int_equal(out_for(&d, 0), EJECT_US >> 4);
    assert_true(is_picked(&d, 0, FIRST_US));
    try_at(&d, 0, BALANCE_ANSWERED, FIRST_US);
    assert_int_equal(out_for(&d, 2 * FIRST_US), EJECT_US >> 3);
    int64_t now_us = 2 * FIRST_US + (EJECT_US >> 3);
    assert_true(is_picked(&d, 0, now_us));
    try_at(&d, 0, BALANCE_ANSWERED, now_us);
    assert_int_equal(out_for(&d, now_us + EJECT_US), EJECT_US >> 4); /* it was well for so long */
    arena_release(&d.arena);
}

static void test_balance_late_answer_does_not_shorten_the_time(void **state)
{
    (void)state;
    struct door d;
    door_open(&d, 1, (const uint32_t[]){2}, 1);
    balance_sent(&d.balance, 0);
    fail_at(&d, 0, 1, 0);
    balance_ended(&d.balance, 0, BALANCE_ANSWERED, 1); /* sent before the failure */
    assert_false(is_picked(&d, 0, FIRST_US - 1));
    assert_true(is_picked(&d, 0, FIRST_US));
    arena_release(&d.arena);
}

/* ---- when there is little to choose from ---- */

static void test_balance_guesses_at_the_one_whose_trial_comes_first(void **state)
{
    (void)state;
    struct door d;
    door_open(&d, 1, (const uint32_t[]){1, 1, 1}, 3);
    fail_at(&d, 1, 1, 0); /* it may be back already */
    fail_at(&d, 2, 1, 40);
    for (int i = 0; i < 100; i++) /* a second try outside the zone that sheds */
        assert_int_equal(balance_pick(&d.balance, 0, &d.rng, 50), 1);
    arena_release(&d.arena);
}

static void test_balance_never_names_the_zone_that_failed(void **state)
{
    static const uint32_t per_zone[] = {3, 1, 2};
    (void)state;
    struct door d;
    int counts[REPLICAS_MAX];
    door_open(&d, 1, per_zone, 3);
    for (uint32_t left_out = 0; left_out <= d.balance.count; left_out++) {
        for (uint16_t avoid = 0; avoid < 3; avoid++) {
            count_picks(&d, avoid, 0, counts);
            for (uint32_t i = 0; i < d.balance.count; i++)
                assert_true(counts[i] == 0 || d.balance.replica[i].zone != avoid);
        }
        if (left_out < d.balance.count)
            fail_at(&d, left_out, 1, 0);
    }
    arena_release(&d.arena);
}

static void test_balance_guesses_evenly_when_all_are_left_out(void **state)
{
    static const uint32_t per_zone[] = {2, 3};
    (void)state;
    struct door d;
    int counts[REPLICAS_MAX];
    door_open(&d, 1, per_zone, 2);
    for (uint32_t i = 0; i < d.balance.count; i++)
        fail_at(&d, i, 1, 0);
    count_picks(&d, BALANCE_NO_ZONE, 0, counts);
    for (uint32_t i = 0; i < 5; i++)
        assert_share(counts[i], 1.0 / 5);
    count_picks(&d, 0, 0, counts);
    for (uint32_t i = 0; i < 5; i++)
        assert_share(counts[i], i < 2 ? 0 : 1.0 / 3);
    arena_release(&d.arena);
}

static void test_balance_avoids_nothing_where_there_is_one_zone(void **state)
{
    static const uint32_t per_zone[] = {0, 3, 0};
    (void)state;
    struct door d;
    door_open(&d, 1, per_zone, 3);
    fail_at(&d, 1, 1, 0);
    balance_sent(&d.balance, 2);
    assert_shares(&d, 1, 0, (const bool[]){true, false, true});
    arena_release(&d.arena);
}

static void test_balance_of_one_replica_picks_it_whatever_happened(void **state)
{
    (void)state;
    struct door d;
    door_open(&d, 1, (const uint32_t[]){1}, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(balance_pick(&d.balance, BALANCE_NO_ZONE, &d.rng, 0), 0);
        assert_int_equal(balance_pick(&d.balance, 0, &d.rng, 0), 0);
        fail_at(&d, 0, 1, 0);
    }
    arena_release(&d.arena);
}

static void test_balance_of_no_replica_picks_none(void **state)
{
    (void)state;
    for (uint32_t zones = 0; zones < 3; zones++) {
        struct door d;
        door_open(&d, 1, (const uint32_t[]){0, 0, 0}, zones);
        assert_true(balance_pick(&d.balance, BALANCE_NO_ZONE, &d.rng, 0) == BALANCE_NONE);
        assert_true(balance_pick(&d.balance, 0, &d.rng, 0) == BALANCE_NONE);
        arena_release(&d.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_balance_picks_the_less_loaded_of_two_different_replicas),
        cmocka_unit_test(test_balance_never_picks_the_most_loaded_of_all),
        cmocka_unit_test(test_balance_picks_evenly_outside_the_avoided_zone),
        cmocka_unit_test(test_balance_second_try_prefers_who_has_not_failed_lately),
        cmocka_unit_test(test_balance_leaves_out_after_so_many_failures_and_not_before),
        cmocka_unit_test(test_balance_forgets_failures_at_an_answer),
        cmocka_unit_test(test_balance_returns_for_one_trial_when_its_time_is_over),
        cmocka_unit_test(test_balance_leaves_out_for_longer_at_each_failed_trial),
        cmocka_unit_test(test_balance_who_fails_soon_after_its_return_is_out_for_longer),
        cmocka_unit_test(test_balance_late_answer_does_not_shorten_the_time),
        cmocka_unit_test(test_balance_guesses_at_the_one_whose_trial_comes_first),
        cmocka_unit_test(test_balance_never_names_the_zone_that_failed),
        cmocka_unit_test(test_balance_guesses_evenly_when_all_are_left_out),
        cmocka_unit_test(test_balance_avoids_nothing_where_there_is_one_zone),
        cmocka_unit_test(test_balance_of_one_replica_picks_it_whatever_happened),
        cmocka_unit_test(test_balance_of_no_replica_picks_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
