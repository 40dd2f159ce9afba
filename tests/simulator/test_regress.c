/* simulator/regress.c: the interval holds as often as it says, and the controls narrow it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/rng.h"
#include "simulator/regress.h"
#include "simulator/stats.h"

enum { REPLICATIONS = 40, CONTROLS = 3 };

struct draws {
    double value[REPLICATIONS];
    double control[REPLICATIONS][CONTROLS];
};

/* A value of mean 5 that hangs on the first two controls by 3 and -1, on the third not, with noise
 * of standard deviation `noise`. All are exponential, so far from normal. */
static void draw(struct draws *d, struct rng *rng, double noise)
{
    for (int i = 0; i < REPLICATIONS; i++) {
        for (int k = 0; k < CONTROLS; k++)
            d->control[i][k] = rng_exp(rng) - 1;
        double rest = rng_exp(rng) - 1;
        d->value[i] = 5 + 3 * d->control[i][0] - d->control[i][1] + noise * rest;
    }
}

static struct regress_mean regress(const struct draws *d, int64_t controls, double level)
{
    struct arena a = {0};
    struct regress_mean mean;
    double packed[REPLICATIONS * CONTROLS];
    for (int i = 0; i < REPLICATIONS; i++)
        for (int k = 0; k < controls; k++)
            packed[i * controls + k] = d->control[i][k];
    assert_int_equal(regress_mean(&mean, d->value, packed, REPLICATIONS, controls, level, &a), 0);
    arena_release(&a);
    return mean;
}

static void test_regress_without_controls_is_students_interval(void **state)
{
    (void)state;
    struct rng rng;
    struct draws d;
    struct stats plain = {0};
    rng_init(&rng, 1);
    draw(&d, &rng, 1);
    for (int i = 0; i < REPLICATIONS; i++)
        stats_add(&plain, d.value[i]);
    struct regress_mean mean = regress(&d, 0, 0.99);
    double half_width = stats_half_width(&plain, 0.99);
    assert_true(fabs(mean.mean - plain.mean) < 1e-12);
    assert_true(fabs(mean.half_width / half_width - 1) < 1e-9);
    assert_int_equal(mean.controls, 0);
}

static void test_regress_takes_away_what_the_controls_explain(void **state)
{
    (void)state;
    struct rng rng;
    struct draws d;
    rng_init(&rng, 2);
    draw(&d, &rng, 0);
    struct regress_mean mean = regress(&d, CONTROLS, 0.99);
    assert_true(fabs(mean.mean - 5) < 1e-9);
    assert_true(mean.half_width < 1e-9);
    draw(&d, &rng, 0.1);
    assert_true(regress(&d, CONTROLS, 0.99).half_width < regress(&d, 0, 0.99).half_width / 10);
}

static void test_regress_interval_holds_as_often_as_it_says(void **state)
{
    enum { RUNS = 4000 };
    (void)state;
    struct rng rng;
    struct draws d;
    struct stats means = {0};
    int holds = 0;
    rng_init(&rng, 3);
    for (int i = 0; i < RUNS; i++) {
        draw(&d, &rng, 0.5);
        struct regress_mean mean = regress(&d, CONTROLS, 0.9);
        holds += fabs(mean.mean - 5) <= mean.half_width;
        stats_add(&means, mean.mean);
    }
    print_message("%d of %d intervals at 90 %% hold\n", holds, RUNS);
    assert_true(holds > 0.87 * RUNS && holds < 0.93 * RUNS);
    assert_true(fabs(means.mean - 5) <= stats_half_width(&means, 0.9999));
}

static void test_regress_leaves_out_controls_that_say_nothing_new(void **state)
{
    (void)state;
    struct rng rng;
    struct draws d;
    rng_init(&rng, 4);
    draw(&d, &rng, 1);
    for (int i = 0; i < REPLICATIONS; i++) {
        d.control[i][1] = 0;
        d.control[i][2] = 2 * d.control[i][0];
    }
    assert_int_equal(regress(&d, CONTROLS, 0.99).controls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regress_without_controls_is_students_interval),
        cmocka_unit_test(test_regress_takes_away_what_the_controls_explain),
        cmocka_unit_test(test_regress_interval_holds_as_often_as_it_says),
        cmocka_unit_test(test_regress_leaves_out_controls_that_say_nothing_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
