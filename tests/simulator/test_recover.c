/* Tests of simulator/recover.h: times of trouble, from losses written down by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "simulator/recover.h"

enum { SECOND = 1000000000 };

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* A hundred seconds of 100 requests each; between the two times every other one is lost. */
static struct recover fresh(int from_s, int to_s)
{
    struct recover r;
    assert_int_equal(recover_init(&r, 100 * (int64_t)SECOND, &arena), 0);
    for (int64_t i = 0; i < 10000; i++)
        recover_add(&r, i * SECOND / 100, i >= from_s * 100 && i < to_s * 100 && i % 2 == 0);
    return r;
}

static struct recover_times read(const struct recover *r, int from_s, int to_s)
{
    return recover_read(r, from_s * (int64_t)SECOND, to_s * (int64_t)SECOND, 100 * (int64_t)SECOND);
}

static void assert_s(double got, double want)
{
    assert_true(fabs(got - want) < 1e-6);
}

static void test_recover_of_a_quiet_run_is_nothing(void **state)
{
    struct recover r = fresh(0, 0);
    struct recover_times t = recover_read(&r, -1, 0, 100 * (int64_t)SECOND);
    (void)state;
    assert_s(t.hurt_s, 0);
    assert_true(isnan(t.mitigate_s) && isnan(t.recover_s) && isnan(t.recovered));
    t = read(&r, 20, 40); /* a fault that nobody felt */
    assert_s(t.hurt_s, 0);
    assert_s(t.mitigate_s, 0);
    assert_s(t.recover_s, 0);
    assert_s(t.recovered, 1);
}

static void test_recover_of_trouble_that_is_mitigated_during_the_fault(void **state)
{
    struct recover r = fresh(20, 25);
    struct recover_times t = read(&r, 18, 40);
    (void)state;
    assert_s(t.hurt_s, 5);
    assert_s(t.mitigate_s, 7);
    assert_s(t.recover_s, 0);
    assert_s(t.recovered, 1);
}

static void test_recover_of_trouble_that_outlasts_the_fault(void **state)
{
    struct recover r = fresh(20, 60);
    struct recover_times t = read(&r, 20, 40);
    (void)state;
    assert_s(t.hurt_s, 40);
    assert_s(t.mitigate_s, 20);
    assert_s(t.recover_s, 20);
    assert_s(t.recovered, 1);
}

static void test_recover_of_trouble_that_stays(void **state)
{
    struct recover r = fresh(20, 100);
    struct recover_times t = read(&r, 20, 40);
    (void)state;
    assert_s(t.hurt_s, 80);
    assert_true(isnan(t.recover_s));
    assert_s(t.recovered, 0);
    t = read(&r, 20, 100); /* the fault lasts: no wonder */
    assert_true(isnan(t.recovered));
    assert_s(t.mitigate_s, 80);
}

static void test_recover_leaves_single_losses_alone(void **state)
{
    struct recover r;
    (void)state;
    assert_int_equal(recover_init(&r, 100 * (int64_t)SECOND, &arena), 0);
    for (int64_t i = 0; i < 1000000; i++)
        recover_add(&r, i * SECOND / 10000, i % 100 == 0); /* just 1 % of each bin's thousand */
    assert_s(read(&r, 20, 40).hurt_s, 0);
}

static void test_recover_holds_runs_of_a_year(void **state)
{
    const int64_t year_ns = INT64_C(366) * 86400 * SECOND;
    struct recover r;
    (void)state;
    assert_int_equal(recover_init(&r, year_ns, &arena), 0);
    recover_add(&r, 0, false);
    recover_add(&r, year_ns - 1, true);
    recover_add(&r, year_ns, true);
    struct recover_times t = recover_read(&r, 0, 1, year_ns);
    assert_s(t.recovered, 0);
    assert_true(t.hurt_s > 0 && t.hurt_s <= (double)r.width_ns * 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_recover_of_a_quiet_run_is_nothing, release),
        cmocka_unit_test_teardown(test_recover_of_trouble_that_is_mitigated_during_the_fault,
                                  release),
        cmocka_unit_test_teardown(test_recover_of_trouble_that_outlasts_the_fault, release),
        cmocka_unit_test_teardown(test_recover_of_trouble_that_stays, release),
        cmocka_unit_test_teardown(test_recover_leaves_single_losses_alone, release),
        cmocka_unit_test_teardown(test_recover_holds_runs_of_a_year, release),
    };
    return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
