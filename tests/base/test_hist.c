/* Tests of simulator/hist.c: how far a quantile may be off, at every boundary and on real shapes.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hist.h"
#include "base/rng.h"

static struct hist h; /* large for a stack */

static void empty(void)
{
    h = (struct hist){0};
}

static unsigned only_bucket(int64_t us)
{
    unsigned bucket = 0;
    empty();
    hist_add(&h, us);
    while (h.bucket[bucket] == 0)
        bucket++;
    return bucket;
}

/* The estimate for a value that is neither the largest nor shares its bucket. */
static double estimate(int64_t us)
{
    empty();
    hist_add(&h, us);
    hist_add(&h, INT64_C(1) << 50);
    return hist_quantile_us(&h, 0);
}

static void test_hist_buckets_follow_one_another_without_gap(void **state)
{
    (void)state;
    unsigned bucket = 0;
    int64_t low = 0;
    while (low < INT64_C(1) << HIST_VALUE_BITS) {
        int64_t width = low < 2 * HIST_SUB
                            ? 1
                            : INT64_C(1) << (63 - __builtin_clzll((uint64_t)low) - HIST_SUB_BITS);
        assert_int_equal(only_bucket(low), bucket);
        assert_int_equal(only_bucket(low + width - 1), bucket);
        low += width;
        bucket++;
    }
    assert_int_equal(bucket, HIST_BUCKETS);
}

static void test_hist_is_off_by_less_than_a_128th_for_a_value_alone(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < HIST_VALUE_BITS; shift++)
        for (int64_t i = 0; i < HIST_SUB; i++) {
            int64_t base = (INT64_C(1) << shift) + (i << shift) / HIST_SUB;
            for (int64_t us = base > 0 ? base - 1 : 0; us <= base + 1; us++)
                assert_true(fabs(estimate(us) - (double)us) * 2 * HIST_SUB <= (double)us);
        }
}

static void test_hist_is_exact_below_128_us(void **state)
{
    (void)state;
    for (int64_t us = 0; us < 2 * HIST_SUB; us++)
        assert_true(estimate(us) == (double)us);
    assert_true(estimate(2 * HIST_SUB) != 2 * HIST_SUB);
}

static void test_hist_of_nothing_has_no_quantile(void **state)
{
    (void)state;
    empty();
    assert_true(isnan(hist_quantile_us(&h, 0)));
    assert_true(isnan(hist_quantile_us(&h, 0.5)));
    assert_true(isnan(hist_quantile_us(&h, 1)));
}

static void test_hist_of_one_value_is_that_value_at_every_quantile(void **state)
{
    static const int64_t values[] = {0, 1, 127, 128, 1000003, INT64_C(1) << 45, INT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        empty();
        hist_add(&h, values[i]);
        for (double q = 0; q <= 1; q += 0.125)
            assert_true(hist_quantile_us(&h, q) == (double)values[i]);
    }
}

static void test_hist_counts_values_beyond_its_range_as_its_last(void **state)
{
    (void)state;
    empty();
    hist_add(&h, (INT64_C(1) << 40) - 1);
    hist_add(&h, INT64_C(1) << 40);
    hist_add(&h, INT64_C(1) << 55);
    assert_int_equal(h.bucket[HIST_BUCKETS - 1], 3);
    assert_true(hist_quantile_us(&h, 0.5) < 0x1p40);
    assert_true(hist_quantile_us(&h, 0.5) > 0x1p40 * (1 - 1.0 / 64));
    assert_true(hist_quantile_us(&h, 1) == 0x1p55);
}

/* ---- against sorted data ---- */

static int compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

enum { VALUES_MAX = 20000 };

static void assert_quantiles(int64_t *sorted, size_t count)
{
    empty();
    for (size_t i = 0; i < count; i++)
        hist_add(&h, sorted[i]);
    qsort(sorted, count, sizeof sorted[0], compare_i64);
    double before = -1;
    for (size_t rank = 0; rank <= count; rank += 1 + count / 1000) {
        double q = (double)rank / (double)count;
        double got = hist_quantile_us(&h, q);
        double want = (double)sorted[rank > 0 ? rank - 1 : 0];
        if (!(fabs(got - want) * HIST_SUB <= want))
            fail_msg("rank %zu of %zu: got %.9g, expected %.9g", rank, count, got, want);
        assert_true(got >= before);
        assert_true(got <= (double)sorted[count - 1]);
        before = got;
    }
    assert_true(hist_quantile_us(&h, 1) == (double)sorted[count - 1]);
}

static void test_hist_quantiles_are_those_of_the_sorted_values(void **state)
{
    static const size_t counts[] = {1, 2, 3, 7, 100, 1000, VALUES_MAX};
    static int64_t values[VALUES_MAX];
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
        for (int shape = 0; shape < 4; shape++) {
            for (size_t i = 0; i < counts[c]; i++) {
                double u = rng_f64(&rng);
                double x = shape == 0   ? u * 300               /* around where it is exact */
                           : shape == 1 ? 50000 * rng_exp(&rng) /* as latencies are */
                           : shape == 2 ? 1000 / (u * u)        /* a heavy tail */
                                        : (u < 0.9 ? 20000 : 1000000); /* two values */
                values[i] = (int64_t)x;
            }
            assert_quantiles(values, counts[c]);
        }
}

static void test_hist_rank_survives_the_rounding_of_the_product(void **state)
{
    (void)state;
    empty();
    for (int us = 1; us <= 100; us++)
        hist_add(&h, us);
    for (int percent = 1; percent <= 100; percent++)
        assert_true(hist_quantile_us(&h, percent / 100.0) == percent); /* 0.07 * 100 > 7 */
    assert_true(hist_quantile_us(&h, 0.071) == 8);
}

/* Quantiles of samples whose scatter is a tenth of a bucket's width: a bucket's middle would be the
 * same for all of them, and claim a precision that is not there. */
static void test_hist_tells_apart_samples_within_one_bucket(void **state)
{
    enum { SAMPLES = 200, VALUES = 500, LOW = 1 << 16, SPAN = 4 * 1024 };
    (void)state;
    struct rng rng;
    rng_init(&rng, 2);
    double squares = 0;
    for (int i = 0; i < SAMPLES; i++) {
        empty();
        for (int k = 0; k < VALUES; k++)
            hist_add(&h, LOW + rng_below(&rng, SPAN));
        double away = hist_quantile_us(&h, 0.6) - (LOW + 0.6 * SPAN);
        squares += away * away;
    }
    /* The standard error of a quantile of uniform values is span * sqrt(q (1 - q) / count). */
    double ratio = sqrt(squares / SAMPLES) / (SPAN * sqrt(0.6 * 0.4 / VALUES));
    assert_true(ratio > 0.7 && ratio < 1.3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hist_buckets_follow_one_another_without_gap),
        cmocka_unit_test(test_hist_is_off_by_less_than_a_128th_for_a_value_alone),
        cmocka_unit_test(test_hist_is_exact_below_128_us),
        cmocka_unit_test(test_hist_of_nothing_has_no_quantile),
        cmocka_unit_test(test_hist_of_one_value_is_that_value_at_every_quantile),
        cmocka_unit_test(test_hist_counts_values_beyond_its_range_as_its_last),
        cmocka_unit_test(test_hist_quantiles_are_those_of_the_sorted_values),
        cmocka_unit_test(test_hist_rank_survives_the_rounding_of_the_product),
        cmocka_unit_test(test_hist_tells_apart_samples_within_one_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
