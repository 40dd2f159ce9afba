#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/dist.h"
#include "base/error.h"
#include "base/rng.h"

enum { DRAWS = 1000000, KS_DRAWS = 200000, GOLDEN_DRAWS = 1000 };

/* Standard errors a statistic may be off; chance alone does that once in 1.7 million times. */
static const double Z_MAX = 5;

static const double sample[] = {1, 2, 2, 4, 11};

/* One distribution: what it is made of, and what theory says of it. */
struct row {
    const char *name;
    struct dist_opts opts;
    double cs2;                                       /* expected */
    double (*below)(double x, const struct row *row); /* P(X <= x); NULL: no closed form */
    uint64_t golden;                                  /* of the first GOLDEN_DRAWS draws */
};

static void row_init(struct dist *d, const struct row *row)
{
    struct error err = {0};
    if (dist_init(d, &row->opts, &err) != 0)
        fail_msg("%s: %s", row->name, err.text);
}

/* ---- the cumulative distributions, with the C library's functions ---- */

static double below_exponential(double x, const struct row *row)
{
    return -expm1(-x / row->opts.mean);
}

static double below_lognormal(double x, const struct row *row)
{
    double variance = log1p(row->opts.cs2);
    double middle = log(row->opts.mean) - variance / 2;
    return erfc((middle - log(x)) / sqrt(2 * variance)) / 2;
}

/* Gamma with shape 1/2 is half the square of a normal. */
static double below_gamma_half(double x, const struct row *row)
{
    return erf(sqrt(x / (row->opts.mean * row->opts.cs2)));
}

/* Gamma with shape 4 is the time of the fourth event of a Poisson process. */
static double below_erlang_4(double x, const struct row *row)
{
    double t = x / (row->opts.mean * row->opts.cs2);
    return 1 - exp(-t) * (1 + t + t * t / 2 + t * t * t / 6);
}

static double below_pareto(double x, const struct row *row)
{
    double least = row->opts.mean * (1 - 1 / row->opts.tail);
    return x <= least ? 0 : 1 - pow(least / x, row->opts.tail);
}

/* Balanced means: each phase carries half of the mean. */
static double below_hyper(double x, const struct row *row)
{
    double p = (1 + sqrt((row->opts.cs2 - 1) / (row->opts.cs2 + 1))) / 2;
    double fast = 2 * p / row->opts.mean, slow = 2 * (1 - p) / row->opts.mean;
    return 1 - p * exp(-fast * x) - (1 - p) * exp(-slow * x);
}

/* cs2 = 5 is shape 1/2: mean 2, second moment 24 of scale 1. */
static double below_weibull_half(double x, const struct row *row)
{
    return -expm1(-sqrt(x / (row->opts.mean / 2)));
}

/* Shape 2, Rayleigh's: cs2 = 4 / pi - 1. */
static double below_rayleigh(double x, const struct row *row)
{
    double scale = row->opts.mean / (sqrt(acos(-1)) / 2);
    return -expm1(-(x / scale) * (x / scale));
}

#define RAYLEIGH_CS2 0.27323954473516268

static const struct row rows[] = {
    {"exponential", {DIST_EXPONENTIAL, .mean = 20}, 1, below_exponential, 0x379a7ebc11bc4537u},
    {"fixed", {DIST_FIXED, .mean = 20}, 0, NULL, 0xc35288dab6c58f83u},
    {"lognormal 0.5",
     {DIST_LOGNORMAL, .mean = 3, .cs2 = 0.5},
     0.5,
     below_lognormal,
     0xef2f1663ac049019u},
    {"lognormal 4",
     {DIST_LOGNORMAL, .mean = 20, .cs2 = 4},
     4,
     below_lognormal,
     0xbe793527cd1f389du},
    {"gamma 0.25",
     {DIST_GAMMA, .mean = 20, .cs2 = 0.25},
     0.25,
     below_erlang_4,
     0xa34907799847cf45u},
    {"gamma 1", {DIST_GAMMA, .mean = 20, .cs2 = 1}, 1, below_exponential, 0x0fd64f0c609c79c4u},
    {"gamma 2", {DIST_GAMMA, .mean = 0.5, .cs2 = 2}, 2, below_gamma_half, 0x2574de0f6c27e627u},
    {"pareto 6", {DIST_PARETO, .mean = 20, .tail = 6}, 1.0 / 24, below_pareto, 0xf244251d23d75529u},
    {"pareto 1.5",
     {DIST_PARETO, .mean = 20, .tail = 1.5},
     INFINITY,
     below_pareto,
     0x372b740020e6e685u},
    {"pareto 2", {DIST_PARETO, .mean = 20, .tail = 2}, INFINITY, below_pareto, 0x990d175651a44314u},
    {"hyper 1", {DIST_HYPEREXPONENTIAL, .mean = 20, .cs2 = 1}, 1, below_hyper, 0x4bd0f9a0af4aeedbu},
    {"hyper 9", {DIST_HYPEREXPONENTIAL, .mean = 20, .cs2 = 9}, 9, below_hyper, 0x5969d766c0b98451u},
    {"weibull 5", {DIST_WEIBULL, .mean = 20, .cs2 = 5}, 5, below_weibull_half, 0x27fd3e1506c82689u},
    {"weibull 1", {DIST_WEIBULL, .mean = 7, .cs2 = 1}, 1, below_exponential, 0x69f3ddeb1a8a55b7u},
    {"weibull rayleigh",
     {DIST_WEIBULL, .mean = 20, .cs2 = RAYLEIGH_CS2},
     RAYLEIGH_CS2,
     below_rayleigh,
     0x0b0b7ed5420a4e00u},
    {"empirical",
     {DIST_EMPIRICAL, .sample = sample, .sample_count = 5},
     0.825,
     NULL,
     0xb5198d3c1cdc2d6au},
    {"empirical scaled",
     {DIST_EMPIRICAL, .mean = 12, .sample = sample, .sample_count = 5},
     0.825,
     NULL,
     0xc8f9b1176ca8fcc0u},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

/* ---- the claims ---- */

static void test_dist_words_follow_the_kinds(void **state)
{
    (void)state;
    assert_string_equal(dist_words[DIST_EXPONENTIAL], "exponential");
    assert_string_equal(dist_words[DIST_FIXED], "fixed");
    assert_string_equal(dist_words[DIST_LOGNORMAL], "lognormal");
    assert_string_equal(dist_words[DIST_GAMMA], "gamma");
    assert_string_equal(dist_words[DIST_PARETO], "pareto");
    assert_string_equal(dist_words[DIST_HYPEREXPONENTIAL], "hyperexponential");
    assert_string_equal(dist_words[DIST_WEIBULL], "weibull");
    assert_string_equal(dist_words[DIST_EMPIRICAL], "empirical");
    assert_null(dist_words[DIST_EMPIRICAL + 1]);
}

/* The mean and the variance of what is drawn, each within what their own scatter allows. Where the
 * fourth moment does not exist the variance has no such bound; the distribution is then tested by
 * its shape alone. */
static void test_dist_draws_have_the_mean_and_the_variance(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct dist d;
        struct rng r;
        row_init(&d, &rows[i]);
        double mean = dist_mean(&d), cs2 = dist_cs2(&d);
        double want =
            rows[i].opts.kind == DIST_EMPIRICAL && rows[i].opts.mean == 0 ? 4 : rows[i].opts.mean;
        assert_true(mean == want);
        if (isinf(rows[i].cs2)) {
            assert_true(isinf(cs2));
            continue;
        }
        assert_true(fabs(cs2 - rows[i].cs2) <= 1e-12 * rows[i].cs2);
        rng_init(&r, 100 + i);
        double sum = 0, squares = 0, fourths = 0;
        for (int n = 0; n < DRAWS; n++) {
            double off = dist_draw(&d, &r) / mean - 1;
            sum += off;
            squares += off * off;
            fourths += off * off * off * off;
        }
        double variance = squares / DRAWS;
        double variance_error = sqrt((fourths / DRAWS - variance * variance) / DRAWS);
        if (!(fabs(sum / DRAWS) <= Z_MAX * sqrt(cs2 / DRAWS)))
            fail_msg("%s: mean %.6g of 1", rows[i].name, 1 + sum / DRAWS);
        if (!(fabs(variance - cs2) <= Z_MAX * variance_error))
            fail_msg("%s: cs2 %.6g, expected %.6g, standard error %.2g", rows[i].name, variance,
                     cs2, variance_error);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov's distance. Beyond 2.5 / sqrt(n) it is once in 130 000 times. */
static void test_dist_draws_follow_the_exact_distribution(void **state)
{
    static double x[KS_DRAWS];
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct dist d;
        struct rng r;
        if (rows[i].below == NULL)
            continue;
        row_init(&d, &rows[i]);
        rng_init(&r, 200 + i);
        for (int n = 0; n < KS_DRAWS; n++) {
            x[n] = dist_draw(&d, &r);
            assert_true(x[n] >= 0 && isfinite(x[n]));
        }
        qsort(x, KS_DRAWS, sizeof x[0], compare);
        double distance = 0;
        for (int n = 0; n < KS_DRAWS; n++) {
            double p = rows[i].below(x[n], &rows[i]);
            distance = fmax(distance, fabs(p - (double)n / KS_DRAWS));
            distance = fmax(distance, fabs(p - (double)(n + 1) / KS_DRAWS));
        }
        if (!(distance <= 2.5 / sqrt(KS_DRAWS)))
            fail_msg("%s: distance %.5f, at most %.5f", rows[i].name, distance,
                     2.5 / sqrt(KS_DRAWS));
    }
}

static void test_dist_draws_fit_an_integer_however_long_the_tail(void **state)
{
    const struct dist_opts opts = {DIST_WEIBULL, .mean = DIST_MEAN_MAX, .cs2 = DIST_CS2_MAX};
    struct dist d;
    struct error err;
    struct rng r;
    double largest = 0;
    (void)state;
    assert_int_equal(dist_init(&d, &opts, &err), 0);
    rng_init(&r, 1);
    for (int i = 0; i < 100000; i++)
        largest = fmax(largest, dist_draw(&d, &r));
    assert_true(largest == 0x1p62); /* some are beyond, and stop there */
}

static void test_dist_exponential_is_the_mean_times_one_draw(void **state)
{
    struct dist d;
    struct rng r, other;
    (void)state;
    row_init(&d, &rows[0]);
    rng_init(&r, 1);
    rng_init(&other, 1);
    for (int i = 0; i < 10000; i++) {
        double draw = dist_draw(&d, &r);
        assert_true(draw == 20 * rng_exp(&other));
    }
    assert_memory_equal(&r, &other, sizeof r);
}

static void test_dist_fixed_draws_no_luck(void **state)
{
    struct dist d;
    struct rng r, other;
    (void)state;
    row_init(&d, &rows[1]);
    rng_init(&r, 1);
    rng_init(&other, 1);
    assert_true(dist_draw(&d, &r) == 20);
    assert_memory_equal(&r, &other, sizeof r);
}

static void test_dist_empirical_draws_its_values_alone(void **state)
{
    const struct dist_opts twice = {DIST_EMPIRICAL, .mean = 8, .sample = sample, .sample_count = 5};
    struct dist d, doubled;
    struct error err;
    struct rng r, other;
    long counts[12] = {0};
    (void)state;
    row_init(&d, &rows[ROW_COUNT - 2]);
    assert_int_equal(dist_init(&doubled, &twice, &err), 0);
    rng_init(&r, 1);
    rng_init(&other, 1);
    for (int i = 0; i < 100000; i++) {
        double x = dist_draw(&d, &r);
        assert_true(x == 1 || x == 2 || x == 4 || x == 11);
        assert_true(dist_draw(&doubled, &other) == 2 * x);
        counts[(int)x]++;
    }
    for (int x = 1; x < 12; x++) {
        double p = x == 2 ? 0.4 : counts[x] > 0 ? 0.2 : 0;
        assert_true(fabs((double)counts[x] / 100000 - p) <= Z_MAX * sqrt(p * (1 - p) / 100000));
    }
    assert_true(counts[1] > 0 && counts[4] > 0 && counts[11] > 0);
}

/* Every squared coefficient of variation that is taken can be set up, and is met. The second moment
 * of a Weibull of inverse shape i and scale 1 is Gamma(1 + 2 i). */
static void test_dist_weibull_shape_is_solved_over_the_whole_range(void **state)
{
    (void)state;
    for (double cs2 = DIST_CS2_MIN; cs2 <= DIST_CS2_MAX; cs2 *= 1.9) {
        const struct dist_opts opts = {DIST_WEIBULL, .mean = 5, .cs2 = cs2};
        struct dist d;
        struct error err;
        assert_int_equal(dist_init(&d, &opts, &err), 0);
        long double i = d.shape;
        long double mean = d.scale * expl(lgammal(1 + i));
        long double got = expm1l(lgammal(1 + 2 * i) - 2 * lgammal(1 + i));
        assert_true(fabsl(mean - 5) <= 1e-13L);
        assert_true(fabsl(got - cs2) <= 1e-13L + 1e-12L * cs2);
    }
}

static void test_dist_refuses_what_cannot_be(void **state)
{
    static const double negative[] = {1, -1}, zeros[] = {0, 0}, infinite[] = {1, INFINITY};
    static const struct {
        struct dist_opts opts;
        enum error_code code;
        const char *text;
    } refused[] = {
        {{DIST_EXPONENTIAL, .mean = 0},
         ERR_RANGE,
         "mean: expected more than 0 and up to 1e+17, got 0"},
        {{DIST_FIXED, .mean = -1}, ERR_RANGE, "mean: expected more than 0 and up to 1e+17, got -1"},
        {{DIST_FIXED, .mean = NAN},
         ERR_RANGE,
         "mean: expected more than 0 and up to 1e+17, got nan"},
        {{DIST_FIXED, .mean = INFINITY},
         ERR_RANGE,
         "mean: expected more than 0 and up to 1e+17, got inf"},
        {{DIST_LOGNORMAL, .mean = 1}, ERR_RANGE, "cs2: expected 1e-06..10000 for lognormal, got 0"},
        {{DIST_GAMMA, .mean = 1, .cs2 = -2},
         ERR_RANGE,
         "cs2: expected 1e-06..10000 for gamma, got -2"},
        {{DIST_GAMMA, .mean = 1, .cs2 = NAN},
         ERR_RANGE,
         "cs2: expected 1e-06..10000 for gamma, got nan"},
        {{DIST_WEIBULL, .mean = 1, .cs2 = 1e5},
         ERR_RANGE,
         "cs2: expected 1e-06..10000 for weibull, got 100000"},
        {{DIST_HYPEREXPONENTIAL, .mean = 1, .cs2 = 0.99},
         ERR_RANGE,
         "cs2: expected 1..10000 for hyperexponential, got 0.99"},
        {{DIST_PARETO, .mean = 1, .tail = 1},
         ERR_RANGE,
         "tail: expected more than 1, for with less there is no mean, got 1"},
        {{DIST_PARETO, .mean = 1, .tail = NAN},
         ERR_RANGE,
         "tail: expected more than 1, for with less there is no mean, got nan"},
        {{DIST_EMPIRICAL, .sample = sample},
         ERR_MISSING,
         "times: expected 1..4294967295 values, got 0"},
        {{DIST_EMPIRICAL, .sample = negative, .sample_count = 2},
         ERR_RANGE,
         "times: expected values >= 0, got -1 as number 2"},
        {{DIST_EMPIRICAL, .sample = infinite, .sample_count = 2},
         ERR_RANGE,
         "times: expected values >= 0, got inf as number 2"},
        {{DIST_EMPIRICAL, .sample = zeros, .sample_count = 2},
         ERR_RANGE,
         "times: expected a mean above 0 and up to 1e+17, got 0"},
        {{DIST_EMPIRICAL, .mean = -1, .sample = sample, .sample_count = 5},
         ERR_RANGE,
         "mean: expected more than 0 and up to 1e+17, got -1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct dist d, before;
        struct error err = {0};
        memset(&d, 0xaa, sizeof d);
        memcpy(&before, &d, sizeof d);
        assert_int_equal(dist_init(&d, &refused[i].opts, &err), -1);
        assert_string_equal(err.text, refused[i].text);
        assert_int_equal(err.code, refused[i].code);
        assert_memory_equal(&d, &before, sizeof d);
    }
}

/* Recorded when each was first drawn: a change here changes what a seed means. */
static void test_dist_draws_the_same_bits_everywhere(void **state)
{
    (void)state;
    int bad = 0;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct dist d;
        struct rng r;
        uint64_t hash = 0;
        row_init(&d, &rows[i]);
        rng_init(&r, 300);
        for (int n = 0; n < GOLDEN_DRAWS; n++) {
            double x = dist_draw(&d, &r);
            uint64_t bits;
            memcpy(&bits, &x, sizeof bits);
            hash = (hash ^ bits) * 0x9e3779b97f4a7c15u;
            hash ^= hash >> 29;
        }
        if (hash != rows[i].golden) {
            print_error("%s: 0x%016llx\n", rows[i].name, (unsigned long long)hash);
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

/* The share of draws above a value is what dist_above says, for every kind. */
static void test_dist_above_is_the_share_of_draws(void **state)
{
    static const double list[] = {1, 2, 2, 5, 20};
    static const struct dist_opts kinds[] = {
        {.kind = DIST_EXPONENTIAL, .mean = 3},
        {.kind = DIST_FIXED, .mean = 3},
        {.kind = DIST_LOGNORMAL, .mean = 3, .cs2 = 2},
        {.kind = DIST_GAMMA, .mean = 3, .cs2 = 0.01},
        {.kind = DIST_GAMMA, .mean = 3, .cs2 = 4},
        {.kind = DIST_PARETO, .mean = 3, .tail = 1.7},
        {.kind = DIST_HYPEREXPONENTIAL, .mean = 3, .cs2 = 5},
        {.kind = DIST_WEIBULL, .mean = 3, .cs2 = 0.3},
        {.kind = DIST_EMPIRICAL, .sample = list, .sample_count = 5},
    };
    enum { TRIES = 200000 };
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        static const double at[] = {0.5, 1.5, 2.9, 3.5, 6, 15};
        int above[6] = {0};
        struct rng rng;
        struct dist d;
        struct error err;
        rng_init(&rng, i);
        assert_int_equal(dist_init(&d, &kinds[i], &err), 0);
        for (int n = 0; n < TRIES; n++) {
            double x = dist_draw(&d, &rng);
            for (int k = 0; k < 6; k++)
                above[k] += x > at[k];
        }
        for (int k = 0; k < 6; k++)
            assert_true(fabs(dist_above(&d, at[k]) - (double)above[k] / TRIES) < 0.005);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dist_words_follow_the_kinds),
        cmocka_unit_test(test_dist_draws_have_the_mean_and_the_variance),
        cmocka_unit_test(test_dist_draws_follow_the_exact_distribution),
        cmocka_unit_test(test_dist_draws_fit_an_integer_however_long_the_tail),
        cmocka_unit_test(test_dist_exponential_is_the_mean_times_one_draw),
        cmocka_unit_test(test_dist_fixed_draws_no_luck),
        cmocka_unit_test(test_dist_empirical_draws_its_values_alone),
        cmocka_unit_test(test_dist_weibull_shape_is_solved_over_the_whole_range),
        cmocka_unit_test(test_dist_refuses_what_cannot_be),
        cmocka_unit_test(test_dist_draws_the_same_bits_everywhere),
        cmocka_unit_test(test_dist_above_is_the_share_of_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
