/* Tests of control/breaker.h: it refuses what would be refused, and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/breaker.h"

enum { SECOND = 1000000 };

static const struct breaker_opts usual = {.k = 2, .window_us = 10 * SECOND};

/* Ask `rps` times a second for `seconds`, of which a server accepts at most `capacity` a second.
 * Returns how many were sent in the last second. */
static int64_t ask(struct breaker *b, struct rng *rng, int64_t *now_us, int seconds, int64_t rps,
                   int64_t capacity)
{
    int64_t sent = 0;
    for (int s = 0; s < seconds; s++) {
        sent = 0;
        for (int64_t i = 0; i < rps; i++) {
            *now_us += SECOND / rps;
            if (!breaker_allows(b, rng, *now_us))
                continue;
            sent++;
            if (sent <= capacity)
                breaker_accepted(b, *now_us);
        }
    }
    return sent;
}

static void test_breaker_refuses_none_while_half_are_accepted(void **state)
{
    struct rng rng;
    rng_init(&rng, 1);
    struct breaker b = breaker_closed(&usual, 0);
    int64_t now_us = 0;
    (void)state;
    assert_int_equal(ask(&b, &rng, &now_us, 60, 1000, 1000), 1000);
    assert_true(breaker_sees(&b, now_us).refused == 0);
    struct rng untouched;
    rng_init(&untouched, 1);
    assert_memory_equal(&rng, &untouched, sizeof rng); /* and draws no luck */
}

static void test_breaker_formula_is_the_published_one(void **state)
{
    struct rng rng;
    rng_init(&rng, 1);
    struct breaker b = breaker_closed(&usual, 0);
    (void)state;
    for (int i = 0; i < 99; i++) {
        breaker_allows(&b, &rng, 0);
        if (i < 20)
            breaker_accepted(&b, 0);
    }
    assert_true(breaker_sees(&b, 0).refused == (99.0 - 2 * 20) / 100);
}

static void test_breaker_sends_k_times_what_an_overloaded_server_accepts(void **state)
{
    struct rng rng;
    rng_init(&rng, 2);
    struct breaker b = breaker_closed(&usual, 0);
    int64_t now_us = 0;
    (void)state;
    int64_t sent = ask(&b, &rng, &now_us, 120, 10000, 1000);
    assert_in_range(sent, 1800, 2200);
}

static void test_breaker_finds_a_server_that_has_come_back(void **state)
{
    struct rng rng;
    rng_init(&rng, 3);
    struct breaker b = breaker_closed(&usual, 0);
    int64_t now_us = 0;
    (void)state;
    int64_t sent = 0;
    for (int i = 0; i < 600; i++)
        sent += ask(&b, &rng, &now_us, 1, 1000, 0);
    assert_in_range(sent, 40, 140); /* of 600,000: the first ten, then one in ten seconds */
    assert_int_equal(ask(&b, &rng, &now_us, 120, 1000, 1000), 1000);
}

static void test_breaker_forgets_within_some_windows(void **state)
{
    struct rng rng;
    rng_init(&rng, 4);
    struct breaker b = breaker_closed(&usual, 0);
    (void)state;
    for (int i = 0; i < 1000; i++)
        breaker_allows(&b, &rng, 0);
    double before = breaker_sees(&b, 0).refused;
    assert_true(before > 0.99);
    assert_true(breaker_sees(&b, 30 * SECOND).refused < before);
    breaker_allows(&b, &rng, 300 * SECOND);
    assert_true(breaker_sees(&b, 300 * SECOND).refused <= 0.5);
    assert_true(breaker_sees(&b, INT64_MAX).refused == 0);
}

static void test_breaker_of_k_0_never_refuses(void **state)
{
    struct rng rng;
    rng_init(&rng, 5);
    const struct breaker_opts opts = {.k = 0, .window_us = SECOND};
    struct breaker b = breaker_closed(&opts, 0);
    int64_t now_us = 0;
    (void)state;
    assert_int_equal(ask(&b, &rng, &now_us, 10, 1000, 0), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_breaker_refuses_none_while_half_are_accepted),
        cmocka_unit_test(test_breaker_formula_is_the_published_one),
        cmocka_unit_test(test_breaker_sends_k_times_what_an_overloaded_server_accepts),
        cmocka_unit_test(test_breaker_finds_a_server_that_has_come_back),
        cmocka_unit_test(test_breaker_forgets_within_some_windows),
        cmocka_unit_test(test_breaker_of_k_0_never_refuses),
    };
    return cmocka_run_group_tests_name("breaker", tests, NULL, NULL);
}
