/* Tests of control/balance.h: by customer, by place, and when replicas come, go or are doubted. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "control/balance.h"

static struct arena arena;
static struct rng rng;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct balance fresh(enum topo_balance policy, uint32_t zones, uint32_t per_zone)
{
    struct balance b;
    uint32_t each[TOPO_ZONES_MAX];
    for (uint32_t i = 0; i < zones; i++)
        each[i] = per_zone;
    const struct balance_opts opts = {.eject_failures = 1,
                                      .eject_us = 1000000000,
                                      .policy = policy,
                                      .shard = 2,
                                      .spill = 2,
                                      .panic = 0.25};
    assert_int_equal(balance_init(&b, &opts, each, zones, &arena), 0);
    rng_init(&rng, 1);
    return b;
}

static uint32_t pick(struct balance *b, uint64_t key)
{
    return balance_pick_for(
        b, &(struct balance_ask){BALANCE_NO_ZONE, BALANCE_NO_ZONE, BALANCE_NO_ZONE, key}, &rng, 0);
}

static void kill(struct balance *b, uint32_t replica)
{
    balance_sent(b, replica);
    balance_ended(b, replica, BALANCE_FAILED, 0);
}

static void test_balance_hash_keeps_a_customer_where_it_is(void **state)
{
    enum { CUSTOMERS = 9000, REPLICAS = 9 };
    struct balance b = fresh(TOPO_BALANCE_HASH, 3, 3);
    uint32_t home[CUSTOMERS], count[REPLICAS] = {0}, moved = 0;
    (void)state;
    for (uint64_t c = 0; c < CUSTOMERS; c++) {
        home[c] = pick(&b, c);
        count[home[c]]++;
        assert_int_equal(pick(&b, c), home[c]);
    }
    for (int i = 0; i < REPLICAS; i++)
        assert_in_range(count[i], 850, 1150);
    kill(&b, 4);
    for (uint64_t c = 0; c < CUSTOMERS; c++) {
        uint32_t now = pick(&b, c);
        assert_int_not_equal(now, 4);
        moved += now != home[c];
    }
    assert_int_equal(moved, count[4]); /* only those who were there */
}

/* The share of customers whom nobody serves when all replicas of one customer's shard are dead. */
static double touched(struct balance *b, uint64_t poisoned)
{
    enum { CUSTOMERS = 28000 };
    int lost = 0;
    for (int i = 0; i < 200; i++) /* it meets all of its shard, soon */
        kill(b, pick(b, poisoned));
    for (uint64_t c = 0; c < CUSTOMERS; c++)
        lost += b->replica[pick(b, c)].state == BALANCE_OUT;
    return (double)lost / CUSTOMERS;
}

static void test_balance_shards_bound_what_one_customer_can_break(void **state)
{
    (void)state;
    struct balance fixed = fresh(TOPO_BALANCE_FIXED, 2, 4);
    assert_true(fabs(touched(&fixed, 7) - 1.0 / 4) < 0.01);
    struct balance shuffled = fresh(TOPO_BALANCE_SHUFFLE, 2, 4);
    assert_true(fabs(touched(&shuffled, 7) - 1.0 / 28) < 0.005);
    struct balance any = fresh(TOPO_BALANCE_CHOICES, 2, 4);
    assert_true(touched(&any, 7) == 1);
}

static void test_balance_shuffle_shards_are_all_alike_likely(void **state)
{
    enum { CUSTOMERS = 280000 };
    struct balance b = fresh(TOPO_BALANCE_SHUFFLE, 2, 4);
    int seen[8][8] = {{0}};
    (void)state;
    for (uint64_t c = 0; c < CUSTOMERS; c++) {
        uint32_t one = pick(&b, c), other = one;
        for (int i = 0; i < 40 && other == one; i++)
            other = pick(&b, c);
        seen[one < other ? one : other][one < other ? other : one]++;
    }
    for (int i = 0; i < 8; i++)
        for (int k = i + 1; k < 8; k++)
            assert_in_range(seen[i][k], 9500, 10500);
}

static void test_balance_shard_avoids_the_zone_that_failed(void **state)
{
    struct balance b = fresh(TOPO_BALANCE_FIXED, 2, 4);
    (void)state;
    for (uint64_t c = 0; c < 1000; c++)
        for (uint16_t zone = 0; zone < 2; zone++) {
            struct balance_ask ask = {zone, BALANCE_NO_ZONE, BALANCE_NO_ZONE, c};
            uint32_t one = balance_pick_for(&b, &ask, &rng, 0);
            assert_int_equal(b.replica[one].zone, 1 - zone);
        }
}

static uint32_t pick_near(struct balance *b, uint16_t near)
{
    return balance_pick_for(b, &(struct balance_ask){BALANCE_NO_ZONE, BALANCE_NO_ZONE, near, 0},
                            &rng, 0);
}

static void test_balance_near_stays_until_it_is_much_busier(void **state)
{
    struct balance b = fresh(TOPO_BALANCE_NEAR, 3, 2);
    int away = 0;
    (void)state;
    for (int i = 0; i < 6; i++) { /* two each, and two more than elsewhere */
        uint32_t one = pick_near(&b, 1);
        away += b.replica[one].zone != 1;
        balance_sent(&b, one);
    }
    assert_in_range(away, 0, 1);
    for (int i = 0; i < 600; i++) {
        uint32_t one = pick_near(&b, 1);
        away += b.replica[one].zone != 1;
        balance_sent(&b, one);
    }
    assert_in_range(away, 350, 450); /* two thirds, once all are equally busy */
    kill(&b, 2);
    kill(&b, 3);
    for (int i = 0; i < 100; i++)
        assert_int_not_equal(b.replica[pick_near(&b, 1)].zone, 1);
}

static void test_balance_near_from_outside_takes_any_zone(void **state)
{
    struct balance b = fresh(TOPO_BALANCE_NEAR, 3, 2);
    int seen[3] = {0};
    (void)state;
    for (int i = 0; i < 3000; i++)
        seen[b.replica[pick_near(&b, BALANCE_NO_ZONE)].zone]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(seen[i], 850, 1150);
}

static void test_balance_panics_when_too_few_take_part(void **state)
{
    struct balance b = fresh(TOPO_BALANCE_CHOICES, 3, 4);
    int seen[12] = {0};
    (void)state;
    for (uint32_t i = 0; i < 9; i++)
        kill(&b, i);
    assert_false(balance_panics(&b)); /* 3 of 12 are a quarter */
    for (int i = 0; i < 1000; i++)
        assert_true(pick(&b, 0) >= 9);
    kill(&b, 9);
    assert_true(balance_panics(&b));
    for (int i = 0; i < 12000; i++)
        seen[pick(&b, 0)]++;
    for (int i = 0; i < 12; i++)
        assert_in_range(seen[i], 850, 1150);
    balance_sent(&b, 0);
    balance_ended(&b, 0, BALANCE_ANSWERED, 2000000000);
    pick(&b, 0);
    for (uint32_t i = 0; i < 3; i++) { /* some are found alive */
        balance_pick(&b, BALANCE_NO_ZONE, &rng, 2000000000);
        balance_sent(&b, i);
        balance_ended(&b, i, BALANCE_ANSWERED, 2000000000);
    }
    assert_false(balance_panics(&b));
}

static void test_balance_gone_replicas_are_never_asked(void **state)
{
    static const enum topo_balance policies[] = {
        TOPO_BALANCE_CHOICES,      TOPO_BALANCE_REPEATED, TOPO_BALANCE_RANDOM,
        TOPO_BALANCE_ROUND_ROBIN,  TOPO_BALANCE_NEAR,     TOPO_BALANCE_HASH,
        TOPO_BALANCE_LEAST_LOADED, TOPO_BALANCE_FIXED,    TOPO_BALANCE_SHUFFLE,
    };
    (void)state;
    for (size_t p = 0; p < sizeof policies / sizeof policies[0]; p++) {
        struct balance b = fresh(policies[p], 2, 4);
        balance_present(&b, 0, false);
        balance_present(&b, 5, false);
        balance_present(&b, 5, false);
        for (uint64_t i = 0; i < 1000; i++) {
            uint32_t one = pick(&b, i);
            assert_true(one != 0 && one != 5);
        }
        for (uint32_t i = 0; i < 8; i++)
            if (i != 0 && i != 5)
                kill(&b, i);
        for (uint64_t i = 0; i < 1000; i++) { /* a guess is one of those that are there */
            uint32_t one = pick(&b, i);
            assert_true(one != 0 && one != 5);
        }
        balance_present(&b, 5, true);
        int found = 0;
        for (uint64_t i = 0; i < 1000; i++)
            found += pick(&b, i) == 5;
        assert_true(found > 50);
        for (uint32_t i = 0; i < 8; i++)
            balance_present(&b, i, false);
        assert_true(pick(&b, 1) == BALANCE_NONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_balance_hash_keeps_a_customer_where_it_is, release),
        cmocka_unit_test_teardown(test_balance_shards_bound_what_one_customer_can_break, release),
        cmocka_unit_test_teardown(test_balance_shuffle_shards_are_all_alike_likely, release),
        cmocka_unit_test_teardown(test_balance_shard_avoids_the_zone_that_failed, release),
        cmocka_unit_test_teardown(test_balance_near_stays_until_it_is_much_busier, release),
        cmocka_unit_test_teardown(test_balance_near_from_outside_takes_any_zone, release),
        cmocka_unit_test_teardown(test_balance_panics_when_too_few_take_part, release),
        cmocka_unit_test_teardown(test_balance_gone_replicas_are_never_asked, release),
    };
    return cmocka_run_group_tests_name("balance_shards", tests, NULL, NULL);
}
