/* Tests of base/deadline.h: nobody waits longer than it is waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/deadline.h"

static void test_deadline_is_the_smaller_of_ones_own_and_what_is_left(void **state)
{
    static const struct {
        int64_t deadline, now, own, wait;
    } rows[] = {
        {1000, 400, 500, 500}, {1000, 600, 500, 400},
        {1000, 999, 500, 1},   {1000, 1000, 500, 0},
        {1000, 5000, 500, 0},  {DEADLINE_NEVER, 5000, 500, 500},
        {1000, 0, 0, 0},       {DEADLINE_NEVER - 1, 5, 50, 50},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(deadline_wait(rows[i].deadline, rows[i].now, rows[i].own), rows[i].wait);
}

static void test_deadline_of_nobody_never_comes(void **state)
{
    (void)state;
    assert_true(deadline_left(DEADLINE_NEVER, 7) == DEADLINE_NEVER);
    assert_false(deadline_passed(DEADLINE_NEVER, INT64_MAX - 1));
    assert_true(deadline_at(7, DEADLINE_NEVER) == DEADLINE_NEVER);
    assert_true(deadline_at(7, DEADLINE_NEVER - 7) == DEADLINE_NEVER);
    assert_true(deadline_at(7, DEADLINE_NEVER - 8) == DEADLINE_NEVER - 1);
}

static void test_deadline_passes_at_its_moment(void **state)
{
    (void)state;
    assert_int_equal(deadline_at(100, 50), 150);
    assert_false(deadline_passed(150, 149));
    assert_true(deadline_passed(150, 150));
    assert_int_equal(deadline_left(150, 149), 1);
    assert_int_equal(deadline_left(150, 151), 0);
}

static void test_deadline_travels_in_whole_milliseconds(void **state)
{
    static const struct {
        int64_t left_us;
        const char *text;
    } rows[] = {{0, "0"},
                {999, "0"},
                {1000, "1"},
                {1999, "1"},
                {850000, "850"},
                {999999999000, "999999999"},
                {INT64_MAX, "999999999"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[DEADLINE_TEXT_MAX];
        deadline_write(text, rows[i].left_us);
        assert_string_equal(text, rows[i].text);
        assert_true(deadline_read(text) <= rows[i].left_us);
    }
    assert_true(deadline_read("850") == 850000 && deadline_read("007") == 7000);
}

static void test_deadline_that_is_no_number_is_refused(void **state)
{
    static const char *const bad[] = {"", " 1", "1 ", "-1", "+1", "1.5", "1s", "0x1", "1234567890"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_true(deadline_read(bad[i]) == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadline_is_the_smaller_of_ones_own_and_what_is_left),
        cmocka_unit_test(test_deadline_of_nobody_never_comes),
        cmocka_unit_test(test_deadline_passes_at_its_moment),
        cmocka_unit_test(test_deadline_travels_in_whole_milliseconds),
        cmocka_unit_test(test_deadline_that_is_no_number_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
