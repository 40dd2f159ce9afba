/* Tests of simulator/stats.c against two-pass sums, published tables and its own promise: that an
 * interval at 95 % holds the truth in 95 of 100 cases. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "simulator/stats.h"

static void test_stats_mean_and_scatter_are_those_of_two_passes(void **state)
{
    static const double offsets[] = {0, 1, -1e6, 1e9};
    enum { VALUES = 5000 };
    static double values[VALUES];
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        struct stats s = {0};
        long double sum = 0, squares = 0;
        for (int k = 0; k < VALUES; k++) {
            values[k] = offsets[i] + rng_exp(&rng);
            sum += values[k];
            stats_add(&s, values[k]);
        }
        for (int k = 0; k < VALUES; k++)
            squares += (values[k] - sum / VALUES) * (values[k] - sum / VALUES);
        assert_int_equal(s.count, VALUES);
        assert_true(fabs(s.mean - (double)(sum / VALUES)) <= 1e-14 * (fabs(offsets[i]) + 1));
        assert_true(fabs(s.squares / (double)squares - 1) <= 1e-6);
    }
}

/* ---- Student's t ---- */

/* Two-sided quantiles at 90, 95 and 99 %, as tables print them. */
static const struct {
    int freedom;
    double at90, at95, at99;
} student[] = {
    {1, 6.314, 12.706, 63.657}, {2, 2.920, 4.303, 9.925},   {3, 2.353, 3.182, 5.841},
    {4, 2.132, 2.776, 4.604},   {5, 2.015, 2.571, 4.032},   {6, 1.943, 2.447, 3.707},
    {7, 1.895, 2.365, 3.499},   {8, 1.860, 2.306, 3.355},   {9, 1.833, 2.262, 3.250},
    {10, 1.812, 2.228, 3.169},  {11, 1.796, 2.201, 3.106},  {12, 1.782, 2.179, 3.055},
    {13, 1.771, 2.160, 3.012},  {14, 1.761, 2.145, 2.977},  {15, 1.753, 2.131, 2.947},
    {16, 1.746, 2.120, 2.921},  {17, 1.740, 2.110, 2.898},  {18, 1.734, 2.101, 2.878},
    {19, 1.729, 2.093, 2.861},  {20, 1.725, 2.086, 2.845},  {21, 1.721, 2.080, 2.831},
    {22, 1.717, 2.074, 2.819},  {23, 1.714, 2.069, 2.807},  {24, 1.711, 2.064, 2.797},
    {25, 1.708, 2.060, 2.787},  {26, 1.706, 2.056, 2.779},  {27, 1.703, 2.052, 2.771},
    {28, 1.701, 2.048, 2.763},  {29, 1.699, 2.045, 2.756},  {30, 1.697, 2.042, 2.750},
    {60, 1.671, 2.000, 2.660},  {120, 1.658, 1.980, 2.617},
};

static void assert_printed(double got, double printed)
{
    if (!(fabs(got - printed) <= 0.0005001))
        fail_msg("got %.6f, the table has %.3f", got, printed);
}

static void test_stats_student_is_that_of_the_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof student / sizeof student[0]; i++) {
        assert_printed(stats_student(student[i].freedom, 0.90), student[i].at90);
        assert_printed(stats_student(student[i].freedom, 0.95), student[i].at95);
        assert_printed(stats_student(student[i].freedom, 0.99), student[i].at99);
    }
}

/* Towards the normal's quantiles from above, never past them. */
static void test_stats_student_falls_towards_the_normal(void **state)
{
    static const double levels[] = {0.90, 0.95, 0.99};
    static const double normal[] = {1.644854, 1.959964, 2.575829};
    (void)state;
    for (int k = 0; k < 3; k++) {
        double before = INFINITY;
        for (int64_t freedom = 1; freedom <= 1100; freedom++) {
            double t = stats_student(freedom, levels[k]);
            assert_true(freedom <= 1000 ? t < before : t == before);
            before = t;
        }
        double t = stats_student(INT64_MAX, levels[k]);
        assert_true(t > normal[k] && t < normal[k] * 1.002);
    }
}

/* ---- intervals ---- */

static void test_stats_half_width_is_that_worked_out_by_hand(void **state)
{
    (void)state;
    struct stats s = {0};
    for (int i = 1; i <= 5; i++)
        stats_add(&s, i);
    /* Variance 2.5, standard error sqrt(2.5 / 5), four degrees of freedom. */
    assert_true(s.mean == 3);
    assert_true(fabs(stats_half_width(&s, 0.95) - 2.776445 * 0.7071068) < 1e-5);
    assert_true(fabs(stats_half_width(&s, 0.99) - 4.604095 * 0.7071068) < 1e-5);
}

static void test_stats_of_fewer_than_two_values_have_no_interval(void **state)
{
    (void)state;
    struct stats s = {0};
    assert_true(isnan(stats_half_width(&s, 0.95)));
    stats_add(&s, 7);
    assert_true(s.mean == 7);
    assert_true(isnan(stats_half_width(&s, 0.95)));
    stats_add(&s, 7);
    assert_true(stats_half_width(&s, 0.95) == 0);
}

/* A draw from the normal distribution, by Box and Muller. */
static double normal_draw(struct rng *rng)
{
    double radius = sqrt(-2 * log(rng_f64(rng)));
    double turn = 6.283185307179586 * rng_f64(rng);
    return radius * cos(turn);
}

static void test_stats_intervals_hold_the_truth_as_often_as_they_say(void **state)
{
    static const int counts[] = {2, 3, 8, 30};
    static const double levels[] = {0.90, 0.95, 0.99};
    enum { EXPERIMENTS = 20000 };
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
        for (int k = 0; k < 3; k++) {
            double width = stats_student(counts[c] - 1, levels[k]);
            int held = 0;
            for (int i = 0; i < EXPERIMENTS; i++) {
                struct stats s = {0};
                for (int n = 0; n < counts[c]; n++)
                    stats_add(&s, 1000 + 3 * normal_draw(&rng));
                /* As stats_half_width, whose bisection need not be done each time. */
                double n = counts[c];
                held += fabs(s.mean - 1000) <= width * sqrt(s.squares / (n - 1) / n);
                if (i == 0)
                    assert_true(fabs(stats_half_width(&s, levels[k]) -
                                     width * sqrt(s.squares / (n - 1) / n)) < 1e-12);
            }
            double error = sqrt(EXPERIMENTS * levels[k] * (1 - levels[k]));
            double z = (held - EXPERIMENTS * levels[k]) / error;
            if (!(fabs(z) <= 5))
                fail_msg("%d values at %.2f: held %d of %d times, z %.2f", counts[c], levels[k],
                         held, EXPERIMENTS, z);
        }
}

/* ---- nothing seen ---- */

static void test_stats_none_seen_is_the_rule_of_three(void **state)
{
    (void)state;
    for (int64_t count = 1000; count <= INT64_C(1000000000000); count *= 10) {
        double bound = stats_none_seen(count, 0.95);
        assert_true(fabs(bound * (double)count / 3 - 1) < 0.003);
    }
}

static void test_stats_none_seen_is_the_exact_bound_for_few(void **state)
{
    (void)state;
    assert_true(stats_none_seen(0, 0.95) == 1);
    assert_true(fabs(stats_none_seen(1, 0.95) - 0.95) < 1e-12);
    for (int64_t count = 1; count <= 500; count++)
        for (double level = 0.5; level < 1; level += 0.09) /* so much chance to see none */
            assert_true(fabs(pow(1 - stats_none_seen(count, level), (double)count) - (1 - level)) <
                        1e-12);
}

/* ---- several at once, and variants ---- */

static void test_stats_sidak_levels_hold_together_at_the_level(void **state)
{
    (void)state;
    for (size_t count = 1; count <= 1000; count++)
        for (double level = 0.5; level < 1; level += 0.09)
            assert_true(fabs(pow(stats_sidak(level, count), (double)count) - level) < 1e-12);
    assert_true(fabs(stats_sidak(0.95, 2) - 0.9746794345) < 1e-10);
}

static void test_stats_paired_are_the_differences_where_both_are_known(void **state)
{
    static const double first[] = {10, 20, NAN, 40, 50}, second[] = {11, 23, 30, NAN, 52};
    (void)state;
    struct stats s = stats_paired(first, second, 5);
    assert_int_equal(s.count, 3);
    assert_true(fabs(s.mean - 2) < 1e-12);
    /* Of 1, 3 and 2: variance 1, standard error sqrt(1 / 3), two degrees of freedom. */
    assert_true(fabs(stats_half_width(&s, 0.95) - 4.302653 * 0.5773503) < 1e-5);
    assert_int_equal(stats_paired(first, second, 0).count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stats_mean_and_scatter_are_those_of_two_passes),
        cmocka_unit_test(test_stats_student_is_that_of_the_tables),
        cmocka_unit_test(test_stats_student_falls_towards_the_normal),
        cmocka_unit_test(test_stats_half_width_is_that_worked_out_by_hand),
        cmocka_unit_test(test_stats_of_fewer_than_two_values_have_no_interval),
        cmocka_unit_test(test_stats_intervals_hold_the_truth_as_often_as_they_say),
        cmocka_unit_test(test_stats_none_seen_is_the_rule_of_three),
        cmocka_unit_test(test_stats_none_seen_is_the_exact_bound_for_few),
        cmocka_unit_test(test_stats_sidak_levels_hold_together_at_the_level),
        cmocka_unit_test(test_stats_paired_are_the_differences_where_both_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
