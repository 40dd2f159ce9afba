/* Tests of region/peers.h: whom to ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "region/peers.h"

static struct peers three(size_t own)
{
    struct peers p;
    peers_init(&p,
               &(struct peers_opts){.zones = 3, .own = own, .eject_failures = 2, .eject_us = 1000});
    return p;
}

static void test_peers_asks_its_own_zone_first_then_the_others(void **state)
{
    (void)state;
    struct peers p = three(1);
    assert_int_equal(peers_pick(&p, 0, 0), 1);
    uint32_t tried = peers_tried(&p, 0, 1);
    assert_int_equal(peers_pick(&p, tried, 0), 2);
    tried = peers_tried(&p, tried, 2);
    assert_int_equal(peers_pick(&p, tried, 0), 0);
    tried = peers_tried(&p, tried, 0); /* and anew, but not with that one */
    assert_int_equal(peers_pick(&p, tried, 0), 1);
    tried = peers_tried(&p, tried, 1);
    assert_int_equal(peers_pick(&p, tried, 0), 2);
}

static void test_peers_leaves_out_who_fails_in_a_row(void **state)
{
    (void)state;
    struct peers p = three(0);
    peers_ended(&p, 0, false, 100);
    assert_int_equal(peers_pick(&p, 0, 100), 0);
    peers_ended(&p, 0, true, 110); /* any answer ends the row */
    peers_ended(&p, 0, false, 120);
    assert_int_equal(peers_pick(&p, 0, 120), 0);
    peers_ended(&p, 0, false, 130);
    assert_int_equal(peers_pick(&p, 0, 131), 1);
    assert_int_equal(peers_pick(&p, 1u << 1, 131), 2);
}

/* When it is asked again by itself, from `from_us` on. */
static int64_t next_trial(struct peers *p, size_t zone, int64_t from_us)
{
    while (peers_pick(p, 0, from_us) != zone)
        from_us++;
    return from_us;
}

static void test_peers_lets_one_request_try_it_again(void **state)
{
    (void)state;
    struct peers p = three(0);
    peers_ended(&p, 0, false, 0);
    peers_ended(&p, 0, false, 0);
    int64_t at_us = next_trial(&p, 0, 0);
    assert_int_equal(at_us, 1000 / 16);
    assert_int_equal(peers_pick(&p, 0, at_us), 1); /* nobody else meanwhile */
    peers_ended(&p, 0, true, at_us + 10);
    assert_int_equal(peers_pick(&p, 0, at_us + 10), 0);
    assert_int_equal(peers_pick(&p, 0, at_us + 10), 0);
}

static void test_peers_waits_twice_as_long_for_each_trial_that_fails(void **state)
{
    (void)state;
    struct peers p = three(0);
    int64_t now_us = 0;
    peers_ended(&p, 0, false, 0);
    for (int64_t wait_us = 1000 / 16; wait_us < 5000; wait_us *= 2) {
        peers_ended(&p, 0, false, now_us);
        int64_t at_us = next_trial(&p, 0, now_us);
        int64_t most_us = wait_us < 1000 ? wait_us : 1000;
        assert_in_range(at_us - now_us, most_us, most_us * 17 / 16);
        now_us = at_us;
    }
    peers_ended(&p, 0, true, now_us); /* and then begins anew */
    peers_ended(&p, 0, false, now_us);
    peers_ended(&p, 0, false, now_us);
    assert_int_equal(next_trial(&p, 0, now_us), now_us + 1000 / 16);
}

static void test_peers_guesses_when_all_are_left_out(void **state)
{
    (void)state;
    struct peers p = three(2);
    for (size_t zone = 0; zone < 3; zone++) {
        peers_ended(&p, zone, false, 0);
        peers_ended(&p, zone, false, 0);
    }
    assert_int_equal(peers_pick(&p, 0, 1), 2);
    assert_int_equal(peers_pick(&p, 1u << 2, 1), 0);
    p = three(2);
    for (size_t zone = 0; zone < 3; zone++) { /* zone 1 is the first that may be back */
        peers_ended(&p, zone, false, zone == 1 ? 0 : 10);
        peers_ended(&p, zone, false, zone == 1 ? 0 : 10);
    }
    assert_int_equal(peers_pick(&p, 0, 20), 1);
    assert_int_equal(peers_pick(&p, 1u << 1, 20), 2);
}

static void test_peers_asks_the_only_one_again(void **state)
{
    (void)state;
    struct peers p;
    peers_init(&p, &(struct peers_opts){.zones = 1, .eject_failures = 1, .eject_us = 1000});
    assert_int_equal(peers_pick(&p, 0, 0), 0);
    assert_int_equal(peers_pick(&p, peers_tried(&p, 0, 0), 0), 0);
    peers_ended(&p, 0, false, 0);
    assert_int_equal(peers_pick(&p, 0, 0), 0);
}

static void test_peers_never_names_the_one_that_has_just_failed_if_there_is_another(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    for (int round = 0; round < 200; round++) {
        struct peers p;
        size_t zones = 1 + rng_below(&rng, TOPO_ZONES_MAX), failed = zones;
        uint32_t tried = 0;
        peers_init(&p, &(struct peers_opts){.zones = zones,
                                            .own = rng_below(&rng, (uint32_t)zones),
                                            .eject_failures = 1 + rng_below(&rng, 3),
                                            .eject_us = 100});
        for (int64_t now_us = 0; now_us < 500; now_us++) {
            size_t zone = peers_pick(&p, tried, now_us);
            assert_true(zone < zones);
            assert_true(zone != failed || zones == 1);
            bool answered = rng_below(&rng, 3) == 0;
            peers_ended(&p, zone, answered, now_us);
            failed = answered ? zones : zone;
            tried = answered ? 0 : peers_tried(&p, tried, zone);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peers_asks_its_own_zone_first_then_the_others),
        cmocka_unit_test(test_peers_leaves_out_who_fails_in_a_row),
        cmocka_unit_test(test_peers_lets_one_request_try_it_again),
        cmocka_unit_test(test_peers_waits_twice_as_long_for_each_trial_that_fails),
        cmocka_unit_test(test_peers_guesses_when_all_are_left_out),
        cmocka_unit_test(test_peers_asks_the_only_one_again),
        cmocka_unit_test(test_peers_never_names_the_one_that_has_just_failed_if_there_is_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
