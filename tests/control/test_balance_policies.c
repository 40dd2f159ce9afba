/* The policies of control/balance.c other than two distinct choices: with which probability each
 * replica is picked, against counting by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "control/balance.h"

enum { PICKS = 100000, REPLICAS_MAX = 32 };

/* Standard errors a count may be off; chance alone does that once in 1.7 million times. */
static const double Z_MAX = 5;

struct door {
    struct arena arena;
    struct balance balance;
    struct rng rng;
    int counts[REPLICAS_MAX];
};

static void door_open(struct door *d, enum topo_balance policy, uint32_t choices,
                      const uint32_t *per_zone, uint32_t zones)
{
    const struct balance_opts opts = {
        .eject_failures = 3, .eject_us = 1000, .policy = policy, .choices = choices};
    memset(d, 0, sizeof *d);
    rng_init(&d->rng, 1);
    assert_int_equal(balance_init(&d->balance, &opts, per_zone, zones, &d->arena), 0);
}

/* Give replica i so many times i requests. */
static void load_by_number(struct door *d, uint32_t times)
{
    for (uint32_t i = 0; i < d->balance.count; i++)
        for (uint32_t k = 0; k < times * i; k++)
            balance_sent(&d->balance, i);
}

static void count_picks(struct door *d, uint16_t avoid)
{
    memset(d->counts, 0, sizeof d->counts);
    for (int i = 0; i < PICKS; i++)
        d->counts[balance_pick(&d->balance, avoid, &d->rng, 0)]++;
}

static void assert_share(int count, double share)
{
    double error = sqrt(share * (1 - share) * PICKS);
    if (!(fabs(count - share * PICKS) <= Z_MAX * error + 1e-9))
        fail_msg("picked %d of %d times, expected a share of %.6g", count, PICKS, share);
}

static double ways(uint32_t n, uint32_t k)
{
    double product = k <= n;
    for (uint32_t i = 0; i < k && k <= n; i++)
        product = product * (n - i) / (i + 1);
    return product;
}

/* Replica i is the least loaded of `choices` different ones when it is drawn and the others are
 * from those above it. */
static void test_choices_are_different_and_the_least_loaded_wins(void **state)
{
    static const uint32_t numbers[] = {1, 2, 3, 5, 16, 20};
    (void)state;
    for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
        uint32_t n = numbers[k];
        for (uint32_t choices = 1; choices <= TOPO_CHOICES_MAX; choices++) {
            struct door d;
            uint32_t drawn = choices < n ? choices : n;
            door_open(&d, TOPO_BALANCE_CHOICES, choices, &n, 1);
            load_by_number(&d, 1);
            count_picks(&d, BALANCE_NO_ZONE);
            for (uint32_t i = 0; i < n; i++)
                assert_share(d.counts[i], ways(n - 1 - i, drawn - 1) / ways(n, drawn));
            arena_release(&d.arena);
        }
    }
}

static void test_repeated_choices_may_draw_one_twice(void **state)
{
    (void)state;
    const uint32_t n = 6;
    for (uint32_t choices = 1; choices <= 5; choices++) {
        struct door d;
        door_open(&d, TOPO_BALANCE_REPEATED, choices, &n, 1);
        load_by_number(&d, 1);
        count_picks(&d, BALANCE_NO_ZONE);
        for (uint32_t i = 0; i < n; i++) {
            double above = (double)(n - i - 1) / n;
            assert_share(d.counts[i], pow(above + 1.0 / n, choices) - pow(above, choices));
        }
        arena_release(&d.arena);
    }
}

static void test_every_policy_is_even_among_equals(void **state)
{
    (void)state;
    const uint32_t n = 7;
    for (int policy = 0; policy <= TOPO_BALANCE_LEAST_LOADED; policy++) {
        struct door d;
        door_open(&d, (enum topo_balance)policy, 3, &n, 1);
        count_picks(&d, BALANCE_NO_ZONE);
        for (uint32_t i = 0; i < n; i++)
            assert_share(d.counts[i], 1.0 / n);
        arena_release(&d.arena);
    }
}

static void test_random_does_not_look_at_the_load(void **state)
{
    (void)state;
    struct door d;
    const uint32_t n = 4;
    door_open(&d, TOPO_BALANCE_RANDOM, 2, &n, 1);
    load_by_number(&d, 5);
    count_picks(&d, BALANCE_NO_ZONE);
    for (uint32_t i = 0; i < n; i++)
        assert_share(d.counts[i], 1.0 / n);
    arena_release(&d.arena);
}

static void test_round_robin_takes_each_in_its_turn(void **state)
{
    (void)state;
    struct door d;
    const uint32_t per_zone[] = {2, 0, 3};
    door_open(&d, TOPO_BALANCE_ROUND_ROBIN, 2, per_zone, 3);
    load_by_number(&d, 3);
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(balance_pick(&d.balance, BALANCE_NO_ZONE, &d.rng, 0), i % 5);
    for (uint32_t i = 20; i < 40; i++) /* without the last zone */
        assert_int_equal(balance_pick(&d.balance, 2, &d.rng, 0), i % 2);
    arena_release(&d.arena);
}

static void test_least_loaded_is_the_least_loaded_of_all(void **state)
{
    static const uint32_t outstanding[] = {3, 1, 2, 1, 4, 1};
    (void)state;
    struct door d;
    const uint32_t n = 6;
    door_open(&d, TOPO_BALANCE_LEAST_LOADED, 2, &n, 1);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < outstanding[i]; k++)
            balance_sent(&d.balance, i);
    count_picks(&d, BALANCE_NO_ZONE);
    for (uint32_t i = 0; i < n; i++)
        assert_share(d.counts[i], outstanding[i] == 1 ? 1.0 / 3 : 0);
    arena_release(&d.arena);
}

/* Those that choose by load: on a second try a replica that failed loses against any other. */
static void test_second_try_prefers_who_has_not_failed_lately(void **state)
{
    static const enum topo_balance policies[] = {TOPO_BALANCE_CHOICES, TOPO_BALANCE_LEAST_LOADED};
    static const uint32_t per_zone[] = {1, 3};
    (void)state;
    for (size_t k = 0; k < sizeof policies / sizeof policies[0]; k++) {
        struct door d;
        door_open(&d, policies[k], 3, per_zone, 2);
        balance_sent(&d.balance, 1);
        balance_ended(&d.balance, 1, BALANCE_FAILED, 0);
        balance_sent(&d.balance, 2);
        balance_sent(&d.balance, 3);
        count_picks(&d, 0);
        assert_int_equal(d.counts[1], 0);
        assert_share(d.counts[2], 1.0 / 2);
        assert_share(d.counts[3], 1.0 / 2);
        arena_release(&d.arena);
    }
}

static void test_options_are_those_of_the_topology(void **state)
{
    (void)state;
    const struct topo_policy policy = {
        .eject_failures = 4, .eject_us = 5, .balance = TOPO_BALANCE_RANDOM, .choices = 6};
    struct balance_opts opts = balance_opts_of(&policy);
    assert_int_equal(opts.eject_failures, 4);
    assert_int_equal(opts.eject_us, 5);
    assert_int_equal(opts.policy, TOPO_BALANCE_RANDOM);
    assert_int_equal(opts.choices, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choices_are_different_and_the_least_loaded_wins),
        cmocka_unit_test(test_repeated_choices_may_draw_one_twice),
        cmocka_unit_test(test_every_policy_is_even_among_equals),
        cmocka_unit_test(test_random_does_not_look_at_the_load),
        cmocka_unit_test(test_round_robin_takes_each_in_its_turn),
        cmocka_unit_test(test_least_loaded_is_the_least_loaded_of_all),
        cmocka_unit_test(test_second_try_prefers_who_has_not_failed_lately),
        cmocka_unit_test(test_options_are_those_of_the_topology),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
