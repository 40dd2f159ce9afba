/* Tests of control/retry.h: retries stay within their budget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/retry.h"

enum { TRIES_MAX = 3 };

/* Retries granted when every one of `firsts` requests asks for one. */
static int64_t granted(struct retry *r, int64_t firsts)
{
    int64_t retries = 0;
    for (int64_t i = 0; i < firsts; i++) {
        retry_earn(r);
        retries += retry_allowed(r, 1, TRIES_MAX);
    }
    return retries;
}

static void test_retry_keeps_to_its_ratio_in_the_long_run(void **state)
{
    static const double ratios[] = {0.000001, 0.01, 0.1, 0.2, 0.3333333, 0.5, 0.999, 1, 2.5, 10};
    (void)state;
    for (size_t i = 0; i < sizeof ratios / sizeof ratios[0]; i++) {
        enum { FIRSTS = 1000000 };
        struct retry r = retry_full(ratios[i], 50);
        int64_t retries = granted(&r, FIRSTS);
        double most = RETRY_BURST + ratios[i] * FIRSTS;
        if (most > FIRSTS) /* there is one chance each */
            most = FIRSTS;
        assert_true((double)retries <= most);
        /* The first earning meets a full bucket, and the last may not make a whole token. */
        assert_true((double)retries >= most - 2);
    }
}

static void test_retry_full_bucket_covers_one_burst(void **state)
{
    (void)state;
    struct retry r = retry_full(0.1, 50);
    for (int i = 0; i < RETRY_BURST; i++)
        assert_true(retry_allowed(&r, 1, TRIES_MAX));
    assert_false(retry_allowed(&r, 1, TRIES_MAX));
}

static void test_retry_bucket_grows_with_the_rate(void **state)
{
    (void)state;
    struct retry r = retry_full(0.1, 400000);
    for (int i = 0; i < 40000; i++)
        assert_true(retry_allowed(&r, 1, TRIES_MAX));
    assert_false(retry_allowed(&r, 1, TRIES_MAX));
}

static void test_retry_bucket_never_holds_more_than_a_burst(void **state)
{
    (void)state;
    struct retry r = retry_full(3, 50);
    for (int i = 0; i < 100000; i++)
        retry_earn(&r);
    int retries = 0;
    while (retry_allowed(&r, 1, TRIES_MAX))
        retries++;
    assert_int_equal(retries, RETRY_BURST);
}

static void test_retry_earns_a_token_back_after_so_many_first_tries(void **state)
{
    (void)state;
    struct retry r = retry_full(0.2, 50);
    while (retry_allowed(&r, 1, TRIES_MAX))
        ;
    for (int round = 0; round < 50; round++)
        for (int i = 1; i <= 5; i++) {
            retry_earn(&r);
            assert_int_equal(retry_allowed(&r, 1, TRIES_MAX), i == 5);
        }
}

static void test_retry_of_ratio_0_allows_none(void **state)
{
    (void)state;
    struct retry r = retry_full(0, 50);
    assert_int_equal(granted(&r, 100000), 0);
}

static void test_retry_ends_at_the_most_tries(void **state)
{
    (void)state;
    struct retry r = retry_full(1, 50);
    for (uint32_t most = 1; most <= 10; most++)
        for (uint32_t tries = 1; tries <= 12; tries++)
            assert_int_equal(retry_allowed(&r, tries, most), tries < most);
}

static void test_retry_refused_for_its_tries_costs_nothing(void **state)
{
    (void)state;
    struct retry r = retry_full(0.5, 50);
    int64_t before = r.have;
    assert_false(retry_allowed(&r, 2, 2));
    assert_int_equal(r.have, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_keeps_to_its_ratio_in_the_long_run),
        cmocka_unit_test(test_retry_full_bucket_covers_one_burst),
        cmocka_unit_test(test_retry_bucket_grows_with_the_rate),
        cmocka_unit_test(test_retry_bucket_never_holds_more_than_a_burst),
        cmocka_unit_test(test_retry_earns_a_token_back_after_so_many_first_tries),
        cmocka_unit_test(test_retry_of_ratio_0_allows_none),
        cmocka_unit_test(test_retry_ends_at_the_most_tries),
        cmocka_unit_test(test_retry_refused_for_its_tries_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
