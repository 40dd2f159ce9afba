/* Tests of control/supervise.c: when a process that ended is started again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/supervise.h"

enum { MS = 1000, S = 1000000 };

/* One that ends `ran_us` after each start. Returns how long each restart waits. */
static int64_t crash(struct supervise *s, int64_t *now_us, int64_t ran_us)
{
    supervise_step(s, *now_us, SUPERVISE_STARTED);
    *now_us += ran_us;
    supervise_step(s, *now_us, SUPERVISE_ENDED);
    int64_t wait_us = supervise_deadline_us(s) - *now_us;
    *now_us += wait_us;
    return wait_us;
}

static void test_supervise_starts_at_once(void **state)
{
    (void)state;
    struct supervise s;
    supervise_init(&s, &supervise_usual, 7);
    assert_true(supervise_due(&s, 7));
    supervise_step(&s, 8, SUPERVISE_STARTED);
    assert_false(supervise_due(&s, INT64_MAX - 1));
    assert_int_equal(supervise_deadline_us(&s), INT64_MAX);
    assert_int_equal(s.restarts, 0);
}

static void test_supervise_doubles_the_wait(void **state)
{
    (void)state;
    static const int64_t waits_ms[] = {0, 100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};
    struct supervise s;
    int64_t now_us = 0;
    supervise_init(&s, &supervise_usual, now_us);
    for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++)
        assert_int_equal(crash(&s, &now_us, 1), waits_ms[i] * MS);
    assert_int_equal(s.restarts, 9);
}

static void test_supervise_waits_no_longer_after_any_number_of_ends(void **state)
{
    (void)state;
    struct supervise s;
    int64_t now_us = 0;
    supervise_init(&s, &supervise_usual, now_us);
    for (int i = 0; i < 1000; i++)
        assert_in_range(crash(&s, &now_us, 0), 0, 10 * S);
}

static void test_supervise_forgives_who_ran_long_enough(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t ran_us, wait_us;
    } rows[] = {
        {"just too short", 10 * S - 1, 400 * MS},
        {"long enough", 10 * S, 0},
        {"much longer", 3600LL * S, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct supervise s;
        int64_t now_us = 0;
        supervise_init(&s, &supervise_usual, now_us);
        for (int k = 0; k < 3; k++)
            crash(&s, &now_us, 1);
        if (crash(&s, &now_us, rows[i].ran_us) != rows[i].wait_us)
            fail_msg("%s", rows[i].name);
    }
}

static void test_supervise_counts_no_adoption_as_restart(void **state)
{
    (void)state;
    struct supervise s;
    supervise_init(&s, &supervise_usual, 0);
    supervise_step(&s, 1, SUPERVISE_ADOPTED);
    assert_int_equal(s.restarts, 0);
    supervise_step(&s, 2, SUPERVISE_ENDED);
    assert_true(supervise_due(&s, 2));
    supervise_step(&s, 3, SUPERVISE_STARTED);
    assert_int_equal(s.restarts, 1);
}

static void test_supervise_backs_off_when_it_cannot_be_started(void **state)
{
    (void)state;
    struct supervise s;
    supervise_init(&s, &supervise_usual, 0);
    supervise_step(&s, 0, SUPERVISE_ENDED);
    supervise_step(&s, 0, SUPERVISE_ENDED);
    assert_int_equal(supervise_deadline_us(&s), 100 * MS);
    assert_int_equal(s.restarts, 0);
}

static void test_supervise_holds_until_released(void **state)
{
    (void)state;
    struct supervise s;
    int64_t now_us = 0;
    supervise_init(&s, &supervise_usual, now_us);
    for (int k = 0; k < 5; k++)
        crash(&s, &now_us, 1);
    supervise_step(&s, now_us, SUPERVISE_STARTED);
    supervise_step(&s, now_us, SUPERVISE_HOLD);
    supervise_step(&s, now_us, SUPERVISE_HOLD);
    supervise_step(&s, now_us, SUPERVISE_ENDED);
    supervise_step(&s, now_us, SUPERVISE_STARTED);
    assert_int_equal(s.state, SUPERVISE_HELD);
    assert_false(supervise_due(&s, INT64_MAX - 1));
    supervise_step(&s, now_us + 5, SUPERVISE_RELEASE);
    assert_true(supervise_due(&s, now_us + 5));
    assert_int_equal(crash(&s, &now_us, 1), 0); /* what was before the fault is forgotten */
}

static void test_supervise_ignores_late_news(void **state)
{
    (void)state;
    struct supervise s;
    supervise_init(&s, &supervise_usual, 0);
    supervise_step(&s, 1, SUPERVISE_RELEASE);
    supervise_step(&s, 2, SUPERVISE_STARTED);
    supervise_step(&s, 3, SUPERVISE_ADOPTED);
    supervise_step(&s, 4, SUPERVISE_RELEASE);
    assert_int_equal(s.state, SUPERVISE_RUNNING);
    assert_int_equal(s.restarts, 0);
}

static void test_supervise_names_a_crash_loop(void **state)
{
    (void)state;
    static const struct {
        int ends;
        bool running;
        int64_t later_us;
        const char *words;
    } rows[] = {
        {0, true, 0, ""},
        {2, false, 0, ""},
        {3, false, 0, "ended 3 times in a row, next start in 200ms"},
        {3, false, 150 * MS, "ended 3 times in a row, next start in 100ms"},
        {3, false, 200 * MS, "ended 3 times in a row"},
        {4, true, 1 * S, "ended 4 times in a row"},
        {4, true, 10 * S, ""},
        {9, false, 0, "ended 9 times in a row, next start in 10s"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct supervise s;
        char words[SUPERVISE_WORDS_MAX];
        int64_t now_us = 0;
        supervise_init(&s, &supervise_usual, now_us);
        for (int k = 0; k < rows[i].ends; k++) {
            now_us = supervise_deadline_us(&s);
            supervise_step(&s, now_us, SUPERVISE_STARTED);
            supervise_step(&s, now_us, SUPERVISE_ENDED);
        }
        if (rows[i].running) {
            now_us = supervise_deadline_us(&s);
            supervise_step(&s, now_us, SUPERVISE_STARTED);
        }
        supervise_words(&s, now_us + rows[i].later_us, words);
        assert_string_equal(words, rows[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_supervise_starts_at_once),
        cmocka_unit_test(test_supervise_doubles_the_wait),
        cmocka_unit_test(test_supervise_waits_no_longer_after_any_number_of_ends),
        cmocka_unit_test(test_supervise_forgives_who_ran_long_enough),
        cmocka_unit_test(test_supervise_counts_no_adoption_as_restart),
        cmocka_unit_test(test_supervise_backs_off_when_it_cannot_be_started),
        cmocka_unit_test(test_supervise_holds_until_released),
        cmocka_unit_test(test_supervise_ignores_late_news),
        cmocka_unit_test(test_supervise_names_a_crash_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
