/* Tests of control/hedge.h: it learns what is slow, and keeps to its budget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fmath.h"
#include "base/rng.h"
#include "control/hedge.h"

static const struct hedge_opts usual = {.quantile = 0.95, .budget = 0.05};

/* Answers with exponential latencies of mean `mean_us`. The share slower than the wait, of the
 * last half. */
static double slower(struct hedge *h, struct rng *rng, double mean_us, int answers)
{
    int slow = 0;
    for (int i = 0; i < answers; i++) {
        int64_t latency_us = (int64_t)(mean_us * rng_exp(rng));
        slow += i >= answers / 2 && latency_us > hedge_wait_us(h);
        hedge_seen(h, latency_us);
    }
    return (double)slow / (answers - answers / 2);
}

static void test_hedge_sends_none_before_it_has_learnt(void **state)
{
    struct hedge h = hedge_none_seen(&usual, 100);
    (void)state;
    for (int i = 0; i < HEDGE_SEEN_MIN; i++) {
        assert_true(hedge_wait_us(&h) == INT64_MAX);
        hedge_seen(&h, 1000);
    }
    assert_true(hedge_wait_us(&h) < INT64_MAX);
}

static void test_hedge_finds_its_quantile(void **state)
{
    static const double quantiles[] = {0.5, 0.9, 0.95, 0.99};
    static const double means_us[] = {50, 10000, 3e8};
    (void)state;
    for (size_t q = 0; q < sizeof quantiles / sizeof quantiles[0]; q++)
        for (size_t m = 0; m < sizeof means_us / sizeof means_us[0]; m++) {
            struct rng rng;
            rng_init(&rng, 1);
            const struct hedge_opts opts = {quantiles[q], 0.1};
            struct hedge h = hedge_none_seen(&opts, 100);
            double share = slower(&h, &rng, means_us[m], 200000);
            assert_true(share > (1 - quantiles[q]) * 0.85);
            assert_true(share < (1 - quantiles[q]) * 1.15);
        }
}

static void test_hedge_follows_a_change_of_load(void **state)
{
    struct rng rng;
    rng_init(&rng, 2);
    struct hedge h = hedge_none_seen(&usual, 100);
    (void)state;
    slower(&h, &rng, 1000, 10000);
    slower(&h, &rng, 20000, 2000);
    double exact_us = -20000 * fmath_log(0.05);
    assert_true((double)hedge_wait_us(&h) > exact_us / 2);
    assert_true((double)hedge_wait_us(&h) < exact_us * 2);
}

static void test_hedge_keeps_to_its_budget_when_all_are_slow(void **state)
{
    struct hedge h = hedge_none_seen(&usual, 100);
    int64_t sent = 0;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        hedge_begin(&h);
        sent += hedge_allowed(&h);
    }
    assert_in_range(sent, 5000 - 1, 5000 + RETRY_BURST);
}

static void test_hedge_without_budget_never_waits(void **state)
{
    const struct hedge_opts opts = {0.95, 0};
    struct hedge h = hedge_none_seen(&opts, 100);
    struct rng rng;
    rng_init(&rng, 3);
    (void)state;
    slower(&h, &rng, 1000, 1000);
    assert_true(hedge_wait_us(&h) == INT64_MAX);
    assert_false(hedge_allowed(&h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hedge_sends_none_before_it_has_learnt),
        cmocka_unit_test(test_hedge_finds_its_quantile),
        cmocka_unit_test(test_hedge_follows_a_change_of_load),
        cmocka_unit_test(test_hedge_keeps_to_its_budget_when_all_are_slow),
        cmocka_unit_test(test_hedge_without_budget_never_waits),
    };
    return cmocka_run_group_tests_name("hedge", tests, NULL, NULL);
}
