/* Tests of region/order.h: how an order is placed, step by step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "region/order.h"

static void test_order_reads_as_its_diagram(void **state)
{
    (void)state;
    static const struct {
        const char *claim;
        int statuses[8]; /* of the steps, one after the other; -1 ends them */
        enum order_state end;
        int answer;
    } rows[] = {
        {"all is well", {200, 201, 201, -1}, ORDER_CONFIRMED, 201},
        {"no such customer", {404, -1}, ORDER_REFUSED, 422},
        {"too little stock", {200, 409, -1}, ORDER_REFUSED, 409},
        {"no such item", {200, 422, -1}, ORDER_REFUSED, 422},
        {"the key was used before", {200, 201, 422, -1}, ORDER_REFUSED, 422},
        {"a customer replica is dead", {0, 200, 201, 201, -1}, ORDER_CONFIRMED, 201},
        {"it is full", {503, 200, 201, 201, -1}, ORDER_CONFIRMED, 201},
        {"both are dead", {0, 0, -1}, ORDER_FAILED, 503},
        {"one is dead, the other full", {0, 503, -1}, ORDER_FAILED, 503},
        {"a catalog replica is dead", {200, 0, 201, 201, -1}, ORDER_CONFIRMED, 201},
        {"one of each is", {0, 200, 0, 201, 201, -1}, ORDER_CONFIRMED, 201},
        {"both catalogs are dead", {200, 0, 0, -1}, ORDER_FAILED, 503},
        {"an answer is lost, and stock lacks elsewhere", {200, 0, 409, -1}, ORDER_REFUSED, 409},
        {"our store does not answer", {200, 201, 0, -1}, ORDER_FAILED, 503},
        {"a customer that is no customer", {500, 421, -1}, ORDER_FAILED, 503},
        {"a status that belongs to another step", {409, 201, -1}, ORDER_FAILED, 503},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct order_placing o;
        enum order_state now = ORDER_CHECKING;
        order_init(&o, 2, 1000000);
        for (size_t k = 0; rows[i].statuses[k] != -1; k++) {
            assert_true(now <= ORDER_COMMITTING); /* there is still something to do */
            now = order_next(&o, rows[i].statuses[k], 1000 * (int64_t)k);
            assert_int_equal(now, o.state);
        }
        if (now != rows[i].end)
            fail_msg("%s: %s", rows[i].claim, order_state_words[now]);
        assert_int_equal(o.answer, rows[i].answer);
    }
}

static void test_order_tries_each_step_as_often_as_allowed(void **state)
{
    (void)state;
    for (uint32_t tries = 1; tries <= 10; tries++) {
        struct order_placing o;
        order_init(&o, tries, 1000000);
        for (uint32_t i = 1; i < tries; i++)
            assert_int_equal(order_next(&o, 0, 0), ORDER_CHECKING);
        assert_int_equal(order_next(&o, 200, 0), ORDER_RESERVING);
        for (uint32_t i = 1; i < tries; i++)
            assert_int_equal(order_next(&o, 503, 0), ORDER_RESERVING);
        assert_int_equal(order_next(&o, 0, 0), ORDER_FAILED);
    }
}

static void test_order_does_not_try_again_behind_its_deadline(void **state)
{
    (void)state;
    struct order_placing o;
    order_init(&o, 3, 1000);
    assert_int_equal(order_next(&o, 0, 999), ORDER_CHECKING);
    assert_int_equal(order_next(&o, 0, 1000), ORDER_FAILED);
    order_init(&o, 3, 1000); /* what has come is taken, late as it is */
    assert_int_equal(order_next(&o, 200, 2000), ORDER_RESERVING);
    assert_int_equal(order_next(&o, 201, 2000), ORDER_COMMITTING);
    assert_int_equal(order_next(&o, 201, 2000), ORDER_CONFIRMED);
}

static void test_order_leaves_time_for_what_comes_after(void **state)
{
    (void)state;
    struct order_placing o;
    int64_t now_us = 0;
    order_init(&o, 2, 1000000);
    int64_t first_us = order_try_us(&o, now_us);
    assert_int_equal(first_us, 250000);
    order_next(&o, 0, now_us += first_us); /* each try takes all it may */
    order_next(&o, 200, now_us += order_try_us(&o, now_us));
    assert_int_equal(o.state, ORDER_RESERVING);
    order_next(&o, 0, now_us += order_try_us(&o, now_us));
    order_next(&o, 201, now_us += order_try_us(&o, now_us));
    assert_int_equal(o.state, ORDER_COMMITTING);
    assert_in_range(1000000 - now_us, 100000, 200000);
    assert_true(order_try_us(&o, 5000000) > 0);
}

/* Whatever the others answer: an order is confirmed by a customer, a reservation and a commit in
 * this order, and ends after few steps. */
static void test_order_is_confirmed_by_all_three_alone(void **state)
{
    (void)state;
    static const int statuses[] = {0, 200, 201, 400, 404, 409, 421, 422, 500, 503};
    struct rng rng;
    rng_init(&rng, 1);
    int ends[ORDER_FAILED + 1] = {0};
    for (int round = 0; round < 20000; round++) {
        struct order_placing o;
        uint32_t tries = 1 + rng_below(&rng, 4), steps = 0;
        unsigned agreed = 0;
        order_init(&o, tries, 1000);
        while (o.state <= ORDER_COMMITTING) {
            enum order_state before = o.state;
            int status = statuses[rng_below(&rng, sizeof statuses / sizeof statuses[0])];
            if (status == (before == ORDER_CHECKING ? 200 : 201))
                agreed |= 1u << before;
            order_next(&o, status, rng_below(&rng, 1100));
            assert_true(++steps <= 2 * tries + 1);
            assert_true(o.state == before || o.state > before);
        }
        ends[o.state]++;
        assert_int_equal(o.state == ORDER_CONFIRMED, agreed == 7);
        assert_int_equal(o.answer == 201, agreed == 7);
    }
    for (int end = ORDER_CONFIRMED; end <= ORDER_FAILED; end++)
        assert_true(ends[end] > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_reads_as_its_diagram),
        cmocka_unit_test(test_order_tries_each_step_as_often_as_allowed),
        cmocka_unit_test(test_order_does_not_try_again_behind_its_deadline),
        cmocka_unit_test(test_order_leaves_time_for_what_comes_after),
        cmocka_unit_test(test_order_is_confirmed_by_all_three_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
