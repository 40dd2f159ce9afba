/* simulator/theory.c against numbers that others have, and against what it must reduce to. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/queueing.h"
#include "simulator/theory.h"

static void assert_near(double value, double expected, double within)
{
    if (!(fabs(value - expected) <= within))
        fail_msg("%.12g is not %.12g within %g", value, expected, within);
}

static void test_theory_waits_of_one_server_is_its_load(void **state)
{
    (void)state;
    for (double load = 0.01; load < 1; load += 0.07) {
        assert_near(queueing_waits(1, load), load, 1e-15);
        assert_near(queueing_wait(1, load), theory_wait_general(load, 1), 1e-12);
    }
}

/* Erlang's B of 100 servers by its sum, in an order that does not overflow, then his C. */
static void test_theory_waits_is_erlangs_sum(void **state)
{
    (void)state;
    for (uint32_t c = 1; c <= 100; c += 11) {
        for (double load = 0.3; load < 1; load += 0.2) {
            double sum = 1, term = 1;
            for (uint32_t i = c; i >= 1; i--) { /* terms over the last, downwards */
                term *= i / (c * load);
                sum += term;
            }
            double lost = 1 / sum;
            assert_near(queueing_waits(c, load), lost / (1 - load + load * lost), 1e-12);
        }
    }
}

static void test_theory_choices_has_the_published_fixed_point(void **state)
{
    (void)state;
    assert_near(theory_time_choices(1, 0.99), 100, 1e-9);
    assert_near(theory_time_choices(2, 0.5), 1.2657, 5e-5);
    assert_near(theory_time_choices(3, 0.9), 2.0279, 5e-5);
    assert_near(theory_time_choices(5, 0.99), 2.9017, 5e-5);
    assert_near(theory_time_choices(2, 1e-9), 1, 1e-8);
}

/* Computed elsewhere by another truncation of the chain. */
static void test_theory_shortest_of_two_is_the_chains(void **state)
{
    (void)state;
    assert_near(theory_time_shortest(0.50), 1.426321, 5e-7);
    assert_near(theory_time_shortest(0.70), 2.108197, 5e-7);
    assert_near(theory_time_shortest(0.80), 2.955737, 5e-7);
    assert_near(theory_time_shortest(0.90), 5.474913, 5e-7);
    assert_near(theory_time_shortest(0.95), 10.486639, 5e-7);
}

/* One queue for both servers is better, two queues without a choice are worse. */
static void test_theory_shortest_of_two_lies_between_its_bounds(void **state)
{
    (void)state;
    for (double load = 0.05; load < 0.99; load += 0.1) {
        double time = theory_time_shortest(load);
        assert_true(time > 1 + queueing_wait(2, load));
        assert_true(time < 1 / (1 - load));
    }
}

static void test_theory_fewer_sums_to_one(void **state)
{
    (void)state;
    assert_near(theory_fewer(7, 6, 0.9), 1, 1e-14);
    assert_near(theory_fewer(1, 5, 0.9), 1e-5, 1e-18);
    assert_near(1 - theory_fewer(2, 3, 0.99), 0.999702, 1e-12);
    assert_near(1 - theory_fewer(4, 6, 0.99), 0.9999804464, 5e-11);
}

static void test_theory_any_of_one_is_one(void **state)
{
    (void)state;
    assert_near(theory_any(0.01, 1), 0.01, 1e-16);
    assert_near(theory_any(0.01, 100), 0.63397, 5e-6);
    assert_near(theory_power(1.5, 0), 1, 0);
    assert_near(theory_power(3, 5), 243, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_theory_waits_of_one_server_is_its_load),
        cmocka_unit_test(test_theory_waits_is_erlangs_sum),
        cmocka_unit_test(test_theory_choices_has_the_published_fixed_point),
        cmocka_unit_test(test_theory_shortest_of_two_is_the_chains),
        cmocka_unit_test(test_theory_shortest_of_two_lies_between_its_bounds),
        cmocka_unit_test(test_theory_fewer_sums_to_one),
        cmocka_unit_test(test_theory_any_of_one_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
