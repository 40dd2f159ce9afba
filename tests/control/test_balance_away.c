/* Tests of control/balance.c with two zones to avoid: the one that failed, and one that is shifted
 * away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "control/balance.h"

enum { PER_ZONE = 3, ASKS = 2000 };

static struct arena arena;
static struct rng rng;

static struct balance fresh(int policy, uint32_t zones)
{
    static const uint32_t per_zone[] = {PER_ZONE, PER_ZONE, PER_ZONE, PER_ZONE};
    const struct balance_opts opts = {.eject_failures = 1,
                                      .eject_us = 1000000000,
                                      .policy = (enum topo_balance)policy,
                                      .shard = zones * PER_ZONE};
    struct balance b;
    assert_int_equal(balance_init(&b, &opts, per_zone, zones, &arena), 0);
    rng_init(&rng, 1);
    return b;
}

static void leave_out(struct balance *b, uint32_t zone, uint32_t count)
{
    for (uint32_t i = zone * PER_ZONE; i < zone * PER_ZONE + count; i++) {
        balance_sent(b, i);
        balance_ended(b, i, BALANCE_FAILED, 0);
    }
}

/* The zones that many asks go to, as bits; none of them may be left out, if `in`. */
static unsigned zones_of(struct balance *b, uint16_t avoid, uint16_t away, bool in)
{
    unsigned seen = 0;
    for (uint64_t key = 0; key < ASKS; key++) {
        const struct balance_ask ask = {avoid, away, (uint16_t)(key % 5), key};
        uint32_t one = balance_pick_for(b, &ask, &rng, 0);
        assert_true(one != BALANCE_NONE);
        seen |= 1u << b->replica[one].zone;
        assert_true(!in || b->replica[one].state == BALANCE_IN);
    }
    return seen;
}

static void test_balance_keeps_out_of_two_zones(void **state)
{
    (void)state;
    for (int policy = TOPO_BALANCE_CHOICES; policy <= TOPO_BALANCE_SHUFFLE; policy++) {
        struct balance b = fresh(policy, 4);
        assert_int_equal(zones_of(&b, 0, 2, true), 1 << 1 | 1 << 3);
        assert_int_equal(zones_of(&b, 2, 0, true), 1 << 1 | 1 << 3);
        assert_int_equal(zones_of(&b, 3, 2, true), 1 << 0 | 1 << 1);
        assert_int_equal(zones_of(&b, 1, 1, true), 1 << 0 | 1 << 2 | 1 << 3);
        assert_int_equal(zones_of(&b, BALANCE_NO_ZONE, 1, true), 1 << 0 | 1 << 2 | 1 << 3);
        leave_out(&b, 3, 2);
        assert_int_equal(zones_of(&b, 2, 0, true), 1 << 1 | 1 << 3);
    }
    arena_release(&arena);
}

static void test_balance_guesses_rather_than_ask_where_it_failed(void **state)
{
    (void)state;
    struct balance b = fresh(TOPO_BALANCE_CHOICES, 3);
    leave_out(&b, 2, PER_ZONE);
    assert_int_equal(zones_of(&b, 0, 1, false), 1 << 2);
    arena_release(&arena);
}

static void test_balance_never_asks_the_zone_that_is_away(void **state)
{
    (void)state;
    for (int policy = TOPO_BALANCE_CHOICES; policy <= TOPO_BALANCE_SHUFFLE; policy++) {
        struct balance b = fresh(policy, 2);
        leave_out(&b, 0, 1);
        assert_int_equal(zones_of(&b, 0, 1, true), 1 << 0); /* of two, the one that failed */
    }
    struct balance b = fresh(TOPO_BALANCE_CHOICES, 2);
    for (uint32_t i = 0; i < PER_ZONE; i++)
        balance_present(&b, i, false);
    assert_int_equal(zones_of(&b, 0, 1, true), 1 << 1); /* but for where there is no other */
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_balance_keeps_out_of_two_zones),
        cmocka_unit_test(test_balance_guesses_rather_than_ask_where_it_failed),
        cmocka_unit_test(test_balance_never_asks_the_zone_that_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
