/* Tests of control/window.h: what is ten seconds old is forgotten, what is younger counts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "control/window.h"

enum { SECOND = 1000000, BEGAN = 1000 * SECOND + 300000 };

static struct window fresh(int64_t now_us)
{
    struct window w = {0};
    window_init(&w, now_us);
    return w;
}

static void test_window_without_requests_knows_no_shares(void **state)
{
    struct window w = fresh(BEGAN);
    struct window_sum sum = window_read(&w, BEGAN);
    (void)state;
    assert_int_equal(sum.requests, 0);
    assert_true(sum.rps == 0);
    assert_true(isnan(sum.failed));
    assert_true(isnan(sum.p99_us));
}

static void test_window_sums_requests_failures_and_latencies(void **state)
{
    struct window w = fresh(BEGAN);
    (void)state;
    for (int i = 1; i <= 1000; i++)
        window_add(&w, BEGAN + i * (SECOND / 250), i, i % 10 == 0);
    struct window_sum sum = window_read(&w, BEGAN + 4 * SECOND);
    assert_int_equal(sum.requests, 1000);
    assert_true(sum.rps == 250);
    assert_true(sum.failed == 0.1);
    assert_true(fabs(sum.p99_us - 990) < 990 / 64.0);
}

static void test_window_rate_of_the_first_moment_is_over_one_second(void **state)
{
    struct window w = fresh(BEGAN);
    (void)state;
    window_add(&w, BEGAN, 5, false);
    assert_true(window_read(&w, BEGAN).rps == 1);
    assert_true(window_read(&w, BEGAN + SECOND / 2).rps == 1);
    assert_true(window_read(&w, BEGAN + 2 * SECOND).rps == 0.5);
}

static void test_window_forgets_what_is_ten_seconds_old(void **state)
{
    (void)state;
    for (int64_t offset = 0; offset < SECOND; offset += 99991) {
        struct window w = fresh(BEGAN);
        int64_t at = BEGAN + offset;
        window_add(&w, at, 5, true);
        assert_int_equal(window_read(&w, at + 9 * SECOND).requests, 1);
        assert_int_equal(window_read(&w, at + 10 * SECOND).requests, 0);
        assert_int_equal(window_read(&w, at + 1000 * (int64_t)SECOND).requests, 0);
    }
}

static void test_window_place_is_taken_anew_after_a_pause(void **state)
{
    struct window w = fresh(BEGAN);
    (void)state;
    for (int i = 0; i < 100; i++)
        window_add(&w, BEGAN, 900000, true);
    window_add(&w, BEGAN + 10 * SECOND, 7, false); /* the same place in the ring */
    window_add(&w, BEGAN + 40 * SECOND, 8, false);
    struct window_sum sum = window_read(&w, BEGAN + 40 * SECOND);
    assert_int_equal(sum.requests, 1);
    assert_true(sum.failed == 0);
    assert_true(sum.p99_us == 8);
}

static void test_window_starts_at_time_zero(void **state)
{
    struct window w = fresh(0);
    (void)state;
    window_add(&w, 0, 3, false);
    assert_int_equal(window_read(&w, 0).requests, 1);
    assert_int_equal(window_read(&w, 9 * SECOND).requests, 1);
    assert_int_equal(window_read(&w, 10 * SECOND).requests, 0);
}

/* Against a list of everything that ever happened. */
static void test_window_agrees_with_a_plain_list(void **state)
{
    enum { EVENTS = 3000 };
    static int64_t at[EVENTS];
    static int failed[EVENTS];
    struct window w = fresh(BEGAN);
    struct rng rng;
    int64_t now = BEGAN;
    (void)state;
    rng_init(&rng, 7);
    for (int i = 0; i < EVENTS; i++) {
        int64_t step = rng_below(&rng, 20) == 0 ? 4 * SECOND : SECOND / 20;
        now += rng_below(&rng, (uint32_t)step);
        at[i] = now;
        failed[i] = rng_below(&rng, 3) == 0;
        window_add(&w, now, 1 + rng_below(&rng, 5000), failed[i] != 0);
        int count = 0;
        int bad = 0;
        for (int k = i; k >= 0 && at[k] / SECOND > now / SECOND - WINDOW_SLOTS; k--) {
            count++;
            bad += failed[k];
        }
        if (i % 7 != 0)
            continue;
        struct window_sum sum = window_read(&w, now);
        assert_int_equal(sum.requests, count);
        assert_true(sum.failed == (double)bad / count);
        assert_true(sum.p99_us >= 1 && sum.p99_us <= 5000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_without_requests_knows_no_shares),
        cmocka_unit_test(test_window_sums_requests_failures_and_latencies),
        cmocka_unit_test(test_window_rate_of_the_first_moment_is_over_one_second),
        cmocka_unit_test(test_window_forgets_what_is_ten_seconds_old),
        cmocka_unit_test(test_window_place_is_taken_anew_after_a_pause),
        cmocka_unit_test(test_window_starts_at_time_zero),
        cmocka_unit_test(test_window_agrees_with_a_plain_list),
    };
    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
