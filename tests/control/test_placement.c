/* Tests of control/placement.h: a replacement restores the spread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "control/placement.h"

struct row {
    struct placement_zone zone[3];
    uint32_t add, remove;
};

static void test_placement_of_small_cases(void **state)
{
    static const struct row rows[] = {
        {{{true, 3, 9}, {true, 2, 9}, {true, 3, 9}}, 1, 2},  /* the fewest */
        {{{true, 3, 9}, {false, 0, 9}, {true, 3, 9}}, 0, 2}, /* not where nothing runs */
        {{{true, 2, 0}, {true, 3, 1}, {true, 4, 9}}, 1, 2},  /* nor where there is no room */
        {{{true, 2, 1}, {true, 2, 5}, {true, 2, 5}}, 1, 2},  /* then the most room */
        {{{true, 5, 9}, {false, 1, 9}, {true, 2, 9}}, 2, 1}, /* a zone that is down gives first */
        {{{true, 0, 0}, {false, 0, 9}, {true, 0, 0}}, PLACEMENT_NOWHERE, PLACEMENT_NOWHERE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(placement_add(rows[i].zone, 3), rows[i].add);
        assert_int_equal(placement_remove(rows[i].zone, 3), rows[i].remove);
    }
}

/* Servers die at random and are replaced: with room everywhere no zone ever has two more than
 * another. */
static void test_placement_keeps_the_spread_while_servers_die(void **state)
{
    enum { ZONES = 3, SERVERS = 14 };
    struct placement_zone zone[ZONES] = {{true, 0, 100}, {true, 0, 100}, {true, 0, 100}};
    struct rng rng;
    rng_init(&rng, 1);
    (void)state;
    for (int i = 0; i < SERVERS; i++)
        zone[placement_add(zone, ZONES)].running++;
    for (int round = 0; round < 10000; round++) {
        uint32_t dies = rng_below(&rng, ZONES);
        zone[dies].running--;
        zone[placement_add(zone, ZONES)].running++;
        int64_t most = 0, fewest = SERVERS;
        for (int z = 0; z < ZONES; z++) {
            most = zone[z].running > most ? zone[z].running : most;
            fewest = zone[z].running < fewest ? zone[z].running : fewest;
        }
        assert_true(most - fewest <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_placement_of_small_cases),
        cmocka_unit_test(test_placement_keeps_the_spread_while_servers_die),
    };
    return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
