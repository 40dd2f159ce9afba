/* Tests of simulator/series.c: bins against plain sums, the warm-up against the rule's own words,
 * and intervals by batch means against their promise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "simulator/series.h"
#include "simulator/stats.h"

enum { KEPT = 6 };
static struct series_bin bins[KEPT][SERIES_BINS];
static struct series series[KEPT];

static struct series *empty(size_t index)
{
    series_init(&series[index], bins[index]);
    return &series[index];
}

/* A draw from the normal distribution, by Box and Muller. */
static double normal_draw(struct rng *rng)
{
    double radius = sqrt(-2 * log(rng_f64(rng)));
    double turn = 6.283185307179586 * rng_f64(rng);
    return radius * cos(turn);
}

/* ---- bins ---- */

static int64_t value_at(int64_t i)
{
    return (i * 7919) % 10007 - 5000;
}

static void assert_bins(const struct series *s, int64_t values)
{
    int64_t width = SERIES_WIDTH;
    while (values / width >= SERIES_BINS)
        width *= 2;
    assert_int_equal(s->width, width);
    assert_int_equal(s->count, values / width);
    int64_t i = 0;
    for (size_t b = 0; b < s->count; b++) {
        int64_t sum = 0;
        for (int64_t k = 0; k < width; k++)
            sum += value_at(i++);
        assert_int_equal(s->bin[b].sum, sum);
        assert_int_equal(s->bin[b].end_ns, 3 * (i - 1));
    }
}

static void test_series_bins_hold_the_sums_at_the_finest_width_that_fits(void **state)
{
    enum { FULL = SERIES_BINS * SERIES_WIDTH, MANY = 17 * FULL };
    (void)state;
    struct series *s = empty(0);
    assert_bins(s, 0);
    for (int64_t i = 0; i < MANY; i++) {
        series_add(s, value_at(i), 3 * i);
        if (i < 20 || i % 9973 == 0 || (i + 3) % FULL < 6)
            assert_bins(s, i + 1);
    }
}

static void fill(struct series *s, uint64_t seed, int64_t values)
{
    struct rng rng;
    rng_init(&rng, seed);
    for (int64_t i = 0; i < values; i++)
        series_add(s, (int64_t)(1e6 * rng_exp(&rng)), (int64_t)seed + 10 * i);
}

static bool same(const struct series *x, const struct series *y)
{
    return x->width == y->width && x->count == y->count &&
           memcmp(x->bin, y->bin, x->count * sizeof x->bin[0]) == 0;
}

/* Three series of different widths, in every order. */
static void test_series_pool_is_the_same_in_any_order(void **state)
{
    static const int order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const int64_t values[][3] = {
        {10000, 10100, 10260}, {10239, 10240, 50001}, {300000, 7, 12345}, {0, 500, 100000}};
    (void)state;
    for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
        for (size_t i = 0; i < 3; i++)
            fill(empty(i), 1 + i, values[v][i]);
        for (size_t k = 0; k < 6; k++) {
            struct series *pooled = empty(k == 0 ? 3 : 4);
            series_copy(pooled, &series[order[k][0]]);
            series_pool(pooled, &series[order[k][1]]);
            series_pool(pooled, &series[order[k][2]]);
            assert_true(same(pooled, &series[3]));
        }
    }
}

static void test_series_pool_adds_what_has_the_same_place(void **state)
{
    (void)state;
    struct series *s = empty(0), *t = empty(1), *pooled = empty(2);
    fill(s, 1, 10000); /* 2000 bins of five */
    fill(t, 2, 10500); /* 1050 of ten */
    series_copy(pooled, s);
    series_pool(pooled, t);
    assert_int_equal(pooled->width, 10);
    assert_int_equal(pooled->count, 1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(pooled->bin[i].sum,
                         s->bin[2 * i].sum + s->bin[2 * i + 1].sum + t->bin[i].sum);
        assert_int_equal(pooled->bin[i].end_ns, t->bin[i].end_ns); /* by 1 ns the later */
    }
}

/* ---- warm-up ---- */

/* The rule word by word, in two passes for every truncation. */
static struct series_cut mser(const struct series *s)
{
    struct series_cut cut = {0, false};
    long double least = INFINITY;
    size_t n = s->count;
    for (size_t d = 0; d < n && n >= 20; d++) {
        size_t left = n - d;
        if (left < 5 || left * 8 < n)
            continue;
        long double sum = 0, squares = 0;
        for (size_t i = d; i < n; i++)
            sum += s->bin[i].sum;
        for (size_t i = d; i < n; i++)
            squares += (s->bin[i].sum - sum / left) * (s->bin[i].sum - sum / left);
        long double error = squares / ((long double)left * left);
        if (error < least) {
            least = error;
            cut.bins = d;
        }
    }
    cut.settled = n >= 20 && cut.bins <= n / 2;
    if (n >= 20 && !cut.settled)
        cut.bins = n / 2;
    return cut;
}

/* Noise about 1000, on top of what fades by a factor e every `fade` values. */
static void fill_fading(struct series *s, struct rng *rng, int64_t values, double height,
                        double fade)
{
    for (int64_t i = 0; i < values; i++) {
        double noise = 100 * normal_draw(rng);
        series_add(s, (int64_t)(1000 + noise + height * exp(-(double)i / fade)), i);
    }
}

static void test_series_warmup_is_the_rule_word_by_word(void **state)
{
    enum { SERIES = 200 };
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    for (int i = 0; i < SERIES; i++) {
        struct series *s = empty(0);
        int64_t values = rng_below(&rng, 4000);
        double height = 3000 * rng_f64(&rng) - 1500;
        double fade = 1000 * rng_f64(&rng);
        fill_fading(s, &rng, values, height, fade);
        struct series_cut want = mser(s), got = series_warmup(s);
        assert_int_equal(got.bins, want.bins);
        assert_int_equal(got.settled, want.settled);
    }
}

/* As long as the beginning lies two scatters of a bin away from the rest, it must go. */
static void test_series_warmup_leaves_out_what_is_far_off(void **state)
{
    enum { SERIES = 100, VALUES = 10000 };
    static const double heights[] = {-900, 2000, 20000};
    (void)state;
    struct rng rng;
    rng_init(&rng, 2);
    for (size_t h = 0; h < sizeof heights / sizeof heights[0]; h++)
        for (int i = 0; i < SERIES; i++) {
            struct series *s = empty(0);
            double fade = 300;
            fill_fading(s, &rng, VALUES, heights[h], fade);
            struct series_cut cut = series_warmup(s);
            double scatter = 100 / sqrt(SERIES_WIDTH);
            double far = fade * log(fabs(heights[h]) / (2 * scatter)) / SERIES_WIDTH;
            assert_true(cut.settled);
            assert_true((double)cut.bins > 0.8 * far);
        }
}

/* Where nothing fades hardly anything goes. */
static void test_series_warmup_of_what_is_settled_is_short(void **state)
{
    enum { SERIES = 300 };
    (void)state;
    struct rng rng;
    rng_init(&rng, 3);
    double left_out = 0;
    for (int i = 0; i < SERIES; i++) {
        struct series *s = empty(0);
        fill_fading(s, &rng, 9000, 0, 1);
        struct series_cut cut = series_warmup(s);
        assert_true(cut.settled);
        left_out += (double)cut.bins / (double)s->count / SERIES;
    }
    assert_true(left_out < 0.02);
}

static void test_series_warmup_of_what_grows_never_ends(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 4);
    struct series *s = empty(0);
    for (int64_t i = 0; i < 9000; i++)
        series_add(s, i + (int64_t)rng_below(&rng, 100), i);
    struct series_cut cut = series_warmup(s);
    assert_false(cut.settled);
    assert_int_equal(cut.bins, s->count / 2);
}

static void test_series_of_few_values_is_not_settled(void **state)
{
    (void)state;
    struct series *s = empty(0);
    for (int64_t i = 0; i < 20 * SERIES_WIDTH - 1; i++)
        series_add(s, 100 + i % 3, i);
    assert_false(series_warmup(s).settled);
    assert_int_equal(series_warmup(s).bins, 0);
    series_add(s, 100, 100);
    assert_true(series_warmup(s).settled);
}

/* What fades is an eighth of the scatter of a bin: one series hides it, sixty-four show it. */
static void test_series_pooled_show_what_all_have_at_their_beginning(void **state)
{
    enum { SERIES = 64, VALUES = 10000 };
    (void)state;
    struct rng rng;
    rng_init(&rng, 5);
    struct series *pooled = empty(0);
    double alone = 0;
    for (int i = 0; i < SERIES; i++) {
        struct series *s = empty(1);
        for (int64_t k = 0; k < VALUES; k++)
            series_add(s, (int64_t)(1000 + 100 * normal_draw(&rng)) + (k < 500 ? 30 : 0), k);
        alone += (double)series_warmup(s).bins / SERIES;
        if (i == 0)
            series_copy(pooled, s);
        else
            series_pool(pooled, s);
    }
    struct series_cut cut = series_warmup(pooled);
    assert_true(cut.settled);
    assert_true(cut.bins >= 95 && cut.bins <= 105);
    assert_true(alone < 80);
}

/* ---- batch means ---- */

static void test_series_of_independent_values_has_the_interval_of_32_batches(void **state)
{
    enum { BATCH = 200 };
    (void)state;
    struct rng rng;
    int with_32 = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct series *s = empty(0);
        struct stats batches = {0};
        rng_init(&rng, seed);
        for (int b = 0; b < 32; b++) {
            double sum = 0;
            for (int i = 0; i < BATCH; i++) {
                int64_t value = (int64_t)(1e6 * rng_exp(&rng));
                sum += (double)value;
                series_add(s, value, 0);
            }
            stats_add(&batches, sum / BATCH);
        }
        double want = stats_half_width(&batches, 0.95);
        with_32 += fabs(series_half_width(s, 0.95) / want - 1) < 1e-12;
    }
    assert_true(with_32 >= 80 && with_32 < 100); /* nine of ten pass the test at once */
}

static void test_series_of_equal_values_has_no_width(void **state)
{
    (void)state;
    struct series *s = empty(0);
    for (int64_t i = 0; i < 8 * 4 * SERIES_WIDTH; i++) {
        assert_true(isnan(series_half_width(s, 0.95)));
        series_add(s, 77, i);
    }
    assert_true(series_half_width(s, 0.95) == 0);
}

/* Values of which each keeps a share of its neighbour: the mean of `values` of them is known to be
 * 0, and how often does the interval hold it? */
static double coverage(double share, int64_t values, int experiments, double *too_short)
{
    struct rng rng;
    rng_init(&rng, 6);
    int held = 0, given = 0;
    for (int e = 0; e < experiments; e++) {
        struct series *s = empty(0);
        double x = normal_draw(&rng) / sqrt(1 - share * share), sum = 0;
        for (int64_t i = 0; i < values; i++) {
            x = share * x + normal_draw(&rng);
            sum += x;
            series_add(s, (int64_t)(1e6 * x), i);
        }
        double half = series_half_width(s, 0.95) * 1e-6;
        given += !isnan(half);
        held += fabs(sum / (double)values) <= half;
    }
    *too_short = 1 - (double)given / experiments;
    return (double)held / given;
}

static void test_series_interval_holds_the_mean_as_often_as_it_says(void **state)
{
    static const struct {
        double share;
        int64_t values;
    } rows[] = {{0, 1000}, {0, 12000}, {0.5, 12000}, {0.9, 12000}, {0.98, 60000}};
    enum { EXPERIMENTS = 500 };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double too_short;
        double held = coverage(rows[i].share, rows[i].values, EXPERIMENTS, &too_short);
        print_message("share %.2f, %lld values: %.3f held, %.3f too short\n", rows[i].share,
                      (long long)rows[i].values, held, too_short);
        /* Of 500 at 95 %: 99.9 % lie within 0.95 +- 0.032, and a little less is allowed for what
         * the test of independence lets through. */
        assert_true(held >= 0.90 && held <= 0.985);
        assert_true(too_short <= 0.05);
    }
}

static void test_series_says_that_a_run_is_too_short(void **state)
{
    double too_short;
    (void)state;
    coverage(0.999, 1000, 200, &too_short);
    assert_true(too_short >= 0.95);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_series_bins_hold_the_sums_at_the_finest_width_that_fits),
        cmocka_unit_test(test_series_pool_is_the_same_in_any_order),
        cmocka_unit_test(test_series_pool_adds_what_has_the_same_place),
        cmocka_unit_test(test_series_warmup_is_the_rule_word_by_word),
        cmocka_unit_test(test_series_warmup_leaves_out_what_is_far_off),
        cmocka_unit_test(test_series_warmup_of_what_is_settled_is_short),
        cmocka_unit_test(test_series_warmup_of_what_grows_never_ends),
        cmocka_unit_test(test_series_of_few_values_is_not_settled),
        cmocka_unit_test(test_series_pooled_show_what_all_have_at_their_beginning),
        cmocka_unit_test(test_series_of_independent_values_has_the_interval_of_32_batches),
        cmocka_unit_test(test_series_of_equal_values_has_no_width),
        cmocka_unit_test(test_series_interval_holds_the_mean_as_often_as_it_says),
        cmocka_unit_test(test_series_says_that_a_run_is_too_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
