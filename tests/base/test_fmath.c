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

static void test_fmath_pow_is_as_near_as_it_says(void **state)
{
    struct rng r;
    (void)state;
    rng_init(&r, 5);
    for (int i = 0; i < DRAWS; i++) {
        double x = any_double(&r);
        double small = 20 * rng_f64(&r);
        double y = 2 * rng_f64(&r) - 1;
        double steep = 16 * rng_f64(&r);
        assert_near("pow", x, fmath_pow(x, y), powl(x, y), 2 * (1 + fabs(y * log(x))));
        assert_near("pow", small, fmath_pow(small, steep), powl(small, steep),
                    2 * (1 + fabs(steep * log(small))));
    }
}

static void test_fmath_pow_has_its_edges(void **state)
{
    (void)state;
    assert_true(fmath_pow(7, 0) == 1 && fmath_pow(0, 0) == 1);
    assert_true(fmath_pow(1, 1e300) == 1);
    assert_true(fmath_pow(0, 0.5) == 0 && isinf(fmath_pow(0, -0.5)));
    assert_true(isinf(fmath_pow(10, 400)) && fmath_pow(10, -400) == 0);
    assert_true(isnan(fmath_pow(-2, 2)) && isnan(fmath_pow((double)NAN, 2)));
}

static void test_fmath_lgamma_is_within_8_ulps(void **state)
{
    struct rng r;
    (void)state;
    rng_init(&r, 6);
    for (int i = 0; i < DRAWS; i++) {
        double x = any_double(&r);
        double u = rng_f64(&r);
        double narrow = 4 * u;
        double wide = 40 * u;
        double one = 1 + (u - 0.5) * 1e-6; /* the zeros, where the relative error is hardest */
        if (x > 0 && x < 0x1p1000)
            assert_near("lgamma", x, fmath_lgamma(x), lgammal(x), 8);
        assert_near("lgamma", narrow, fmath_lgamma(narrow), lgammal(narrow), 8);
        assert_near("lgamma", wide, fmath_lgamma(wide), lgammal(wide), 8);
        assert_near("lgamma", one, fmath_lgamma(one), lgammal(one), 8);
        assert_near("lgamma", one + 1, fmath_lgamma(one + 1), lgammal(one + 1), 8);
    }
}

static void test_fmath_lgamma_has_its_edges(void **state)
{
    double factorial = 1;
    (void)state;
    for (int n = 1; n <= 20; n++) { /* Gamma(n) = (n - 1)! */
        assert_near("lgamma", n, fmath_lgamma(n), logl(factorial), 8);
        factorial *= n;
    }
    assert_near("lgamma", 0.5, fmath_lgamma(0.5), logl(acosl(-1)) / 2, 8);
    assert_true(fmath_lgamma(1) == 0 && fmath_lgamma(2) == 0);
    assert_true(isinf(fmath_lgamma(0)) && isinf(fmath_lgamma((double)INFINITY)));
    assert_true(isinf(fmath_lgamma(DBL_MAX)));
    assert_true(isnan(fmath_lgamma(-1.5)) && isnan(fmath_lgamma((double)NAN)));
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
        cmocka_unit_test(test_fmath_pow_is_as_near_as_it_says),
        cmocka_unit_test(test_fmath_pow_has_its_edges),
        cmocka_unit_test(test_fmath_lgamma_is_within_8_ulps),
        cmocka_unit_test(test_fmath_lgamma_has_its_edges),
        cmocka_unit_test(test_fmath_sqrt_rounds_correctly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
