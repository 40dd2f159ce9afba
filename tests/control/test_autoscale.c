/* Tests of control/autoscale.h: up at once, down with patience, never below the plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/autoscale.h"

enum { MINUTE = 60000000 };

static struct autoscale fresh(void)
{
    struct autoscale s;
    autoscale_init(&s, &(struct autoscale_opts){.target = 0.5,
                                                .slack = 0.1,
                                                .servers_min = 6,
                                                .servers_max = 30,
                                                .down_us = 5 * MINUTE,
                                                .step_servers = 3});
    return s;
}

static void test_autoscale_up_goes_as_far_as_it_takes(void **state)
{
    struct autoscale s = fresh();
    (void)state;
    assert_int_equal(autoscale_step(&s, 0, 6, 0.8), 12); /* 9.6, in threes */
    assert_int_equal(autoscale_step(&s, 0, 6, 1.0), 12);
    assert_int_equal(autoscale_step(&s, 0, 6, 1.01), 15);
    assert_int_equal(autoscale_step(&s, 0, 6, 100), 30);
}

static void test_autoscale_near_the_target_does_nothing(void **state)
{
    struct autoscale s = fresh();
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(autoscale_step(&s, i * (int64_t)MINUTE, 12, 0.46), 12);
        assert_int_equal(autoscale_step(&s, i * (int64_t)MINUTE, 12, 0.54), 12);
    }
}

static void test_autoscale_down_waits_and_takes_the_highest_need(void **state)
{
    struct autoscale s = fresh();
    (void)state;
    assert_int_equal(autoscale_step(&s, 0, 30, 0.1), 30);
    assert_int_equal(autoscale_step(&s, 2 * MINUTE, 30, 0.3), 30); /* 18 */
    assert_int_equal(autoscale_step(&s, 5 * (int64_t)MINUTE - 1, 30, 0.1), 30);
    assert_int_equal(autoscale_step(&s, 5 * (int64_t)MINUTE, 30, 0.1), 18);
    assert_int_equal(autoscale_step(&s, 6 * (int64_t)MINUTE, 18, 0.1), 18); /* waits anew */
}

static void test_autoscale_down_is_put_off_by_every_need(void **state)
{
    struct autoscale s = fresh();
    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(autoscale_step(&s, 2 * i * (int64_t)4 * MINUTE, 12, 0.1), 12);
        assert_int_equal(autoscale_step(&s, (2 * i + 1) * (int64_t)4 * MINUTE, 12, 0.5), 12);
    }
}

static void test_autoscale_never_goes_below_the_plan(void **state)
{
    struct autoscale s = fresh();
    (void)state;
    assert_int_equal(autoscale_step(&s, 0, 3, 0.01), 6); /* a zone was lost */
    assert_int_equal(autoscale_step(&s, 0, 0, 0), 6);
    assert_int_equal(autoscale_step(&s, 0, 12, 0), 12);
    assert_int_equal(autoscale_step(&s, 10 * (int64_t)MINUTE, 12, 0), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_autoscale_up_goes_as_far_as_it_takes),
        cmocka_unit_test(test_autoscale_near_the_target_does_nothing),
        cmocka_unit_test(test_autoscale_down_waits_and_takes_the_highest_need),
        cmocka_unit_test(test_autoscale_down_is_put_off_by_every_need),
        cmocka_unit_test(test_autoscale_never_goes_below_the_plan),
    };
    return cmocka_run_group_tests_name("autoscale", tests, NULL, NULL);
}
