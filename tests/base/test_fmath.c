#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/fmath.h"
#include "base/rng.h"

enum { DRAWS = 300000 };

/* How far `got` is from `want`, in units in the last place of a double of that size. */
static double ulps(double got, long double want)
{
    int exponent;
    (void)frexpl(want, &exponent);
    if (exponent < DBL_MIN_EXP)
        exponent = DBL_MIN_EXP;
    return (double)(fabsl((long double)got - want) / ldexpl(1, exponent - DBL_MANT_DIG));
}

static void assert_near(const char *name, double x, double got, long double want, double ulps_max)
{
    if (!(ulps(got, want) <= ulps_max))
        fail_msg("%s(%a) = %a, %.2f ulps off", name, x, got, ulps(got, want));
}

/* A double with any exponent, positive and finite. */
static double any_double(struct rng *r)
{
    uint64_t bits = rng_u64(r) >> 1;
    double x;
    if (bits >> 52 == 0x7ff)
        bits &= ~((uint64_t)1 << 62);
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void test_fmath_log_is_within_2_ulps(void **state)
{
    struct rng r;
    (void)state;
    rng_init(&r, 1);
    for (int i = 0; i < DRAWS; i++) {
        double x = any_double(&r);
        double u = rng_f64(&r);
        double near_one = 0.5 + 1.5 * u;
        if (x > 0)
            assert_near("log", x, fmath_log(x), logl(x), 2);
        assert_near("log", u, fmath_log(u), logl(u), 2);
        assert_near("log", near_one, fmath_log(near_one), logl(near_one), 2);
    }
    for (int k = -1074; k < 1024; k++) {
        double x = ldexp(1, k);
        assert_near("log", x, fmath_log(x), logl(x), 2);
    }
    for (int k = 1; k <= 52; k++) {
        double above = 1 + ldexp(1, -k);
        double below = 1 - ldexp(1, -k);
        assert_near("log", above, fmath_log(above), logl(above), 2);
        assert_near("log", below, fmath_log(below), logl(below), 2);
    }
}

static void test_fmath_log_has_its_edges(void **state)
{
    (void)state;
    assert_true(fmath_log(1) == 0);
    assert_true(isinf(fmath_log(0)) && fmath_log(0) < 0);
    assert_true(isinf(fmath_log(-0.0)) && fmath_log(-0.0) < 0);
    assert_true(isinf(fmath_log((double)INFINITY)) && fmath_log((double)INFINITY) > 0);
    assert_true(isnan(fmath_log(-1)));
    assert_true(isnan(fmath_log((double)-INFINITY)));
    assert_true(isnan(fmath_log((double)NAN)));
}

static void test_fmath_exp_is_within_2_ulps(void **state)
{
    struct rng r;
    (void)state;
    rng_init(&r, 2);
    for (int i = 0; i < DRAWS; i++) {
        double u = rng_f64(&r);
        double wide = -745.0 + 1454.7 * u;
        double narrow = 4 * u - 2;
        double deep = -745.0 + 40 * u; /* into the subnormal results */
        assert_near("exp", wide, fmath_exp(wide), expl(wide), 2);
        assert_near("exp", narrow, fmath_exp(narrow), expl(narrow), 2);
        assert_near("exp", deep, fmath_exp(deep), expl(deep), 2);
    }
    for (int k = -1074; k < 9; k++) {
        double x = ldexp(1, k);
        assert_near("exp", x, fmath_exp(x), expl(x), 2);
        assert_near("exp", -x, fmath_exp(-x), expl(-x), 2);
    }
}

static void test_fmath_exp_has_its_edges(void **state)
{
    double largest = 0x1.62e42fefa39efp+9;
    (void)state;
    assert_true(fmath_exp(0) == 1 && fmath_exp(-0.0) == 1);
    assert_true(isfinite(fmath_exp(largest)));
    assert_near("exp", largest, fmath_exp(largest), expl(largest), 2);
    assert_true(isinf(fmath_exp(nextafter(largest, 1000))));
    assert_true(isinf(fmath_exp((double)INFINITY)));
    assert_true(fmath_exp(-745.0) > 0);
    assert_true(fmath_exp(-746) == 0 && fmath_exp(-1e300) == 0);
    assert_true(fmath_exp((double)-INFINITY) == 0);
    assert_true(isnan(fmath_exp((double)NAN)));
}

static void test_fmath_atan_is_within_8_ulps(void **state)
{
    struct rng r;
    (void)state;
    rng_init(&r, 3);
    for (int i = 0; i < DRAWS; i++) {
        double x = any_double(&r);
        double u = rng_f64(&r);
        double wide = 40 * u - 20;
        assert_near("atan", x, fmath_atan(x), atanl(x), 8);
        assert_near("atan", -x, fmath_atan(-x), atanl(-x), 8);
        assert_near("atan", u, fmath_atan(u), atanl(u), 8);
        assert_near("atan", wide, fmath_atan(wide), atanl(wide), 8);
    }
}

static void test_fmath_atan_has_its_edges(void **state)
{
    (void)state;
    assert_true(fmath_atan(0) == 0);
    assert_near("atan", 1, fmath_atan(1), atanl(1), 8);
    assert_near("atan", 5e-324, fmath_atan(5e-324), 5e-324L, 8);
    assert_near("atan", DBL_MAX, fmath_atan(DBL_MAX), atanl(DBL_MAX), 8);
    assert_near("atan", INFINITY, fmath_atan((double)INFINITY), atanl((long double)INFINITY), 8);
    assert_true(fmath_atan((double)-INFINITY) == -fmath_atan((double)INFINITY));
    assert_true(isnan(fmath_atan((double)NAN)));
}

static void test_fmath_sqrt_rounds_correctly(void **state)
{
    struct rng r;
    (void)state;
    rng_init(&r, 4);
    for (int i = 0; i < DRAWS; i++) {
        double x = any_double(&r);
        assert_near("sqrt", x, fmath_sqrt(x), sqrtl(x), 0.5000001);
    }
    assert_true(fmath_sqrt(0) == 0 && signbit(fmath_sqrt(-0.0)));
    assert_true(fmath_sqrt(144) == 12);
    assert_true(isinf(fmath_sqrt((double)INFINITY)));
    assert_true(isnan(fmath_sqrt(-1)) && isnan(fmath_sqrt((double)NAN)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fmath_log_is_within_2_ulps),
        cmocka_unit_test(test_fmath_log_has_its_edges),
        cmocka_unit_test(test_fmath_exp_is_within_2_ulps),
        cmocka_unit_test(test_fmath_exp_has_its_edges),
        cmocka_unit_test(test_fmath_atan_is_within_8_ulps),
        cmocka_unit_test(test_fmath_atan_has_its_edges),
        cmocka_unit_test(test_fmath_sqrt_rounds_correctly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
