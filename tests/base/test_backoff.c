/* Tests of base/backoff.h. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/backoff.h"

static void test_backoff_waits_double_each_time_and_half_up_or_down(void **state)
{
    static const int64_t backoffs_us[] = {1, 3, 10000, INT64_C(3600000000)};
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    for (size_t i = 0; i < sizeof backoffs_us / sizeof backoffs_us[0]; i++)
        for (uint32_t tries = 1; tries <= 10; tries++) {
            enum { DRAWS = 2000 };
            double middle_us = ldexp((double)backoffs_us[i], (int)tries - 1), sum_us = 0;
            for (int n = 0; n < DRAWS; n++) {
                double delay_us = (double)backoff_delay_us(backoffs_us[i], INT64_MAX, tries, &rng);
                assert_true(delay_us >= floor(middle_us / 2));
                assert_true(delay_us <= middle_us * 1.5);
                sum_us += delay_us;
            }
            double error_us = middle_us / sqrt(12.0 * DRAWS); /* and two roundings down */
            assert_true(fabs(sum_us / DRAWS + 0.5 - middle_us) <= 5 * error_us + 0.5);
        }
    assert_int_equal(backoff_delay_us(0, INT64_MAX, 1, &rng), 0);
    assert_int_equal(backoff_delay_us(0, INT64_MAX, 10, &rng), 0);
}

static void test_backoff_never_waits_longer_than_its_bound_and_a_half(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 2);
    for (uint32_t tries = 1; tries <= 100; tries++)
        for (int n = 0; n < 100; n++) {
            int64_t delay_us = backoff_delay_us(1000, 64000, tries, &rng);
            assert_true(delay_us <= 96000);
            assert_true(tries < 7 || delay_us >= 32000);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff_waits_double_each_time_and_half_up_or_down),
        cmocka_unit_test(test_backoff_never_waits_longer_than_its_bound_and_a_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
