/* Tests of control/dash/say.c: numbers are short, and none is a zero that is not known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/dash/say.h"

static void test_numbers_are_short_and_honest(void **state)
{
    (void)state;
    assert_string_equal(say_count(-1).text, "?");
    assert_string_equal(say_count(0).text, "0");
    assert_string_equal(say_count(999).text, "999");
    assert_string_equal(say_count(1000).text, "1,000");
    assert_string_equal(say_count(INT64_MAX).text, "9,223,372,036,854,775,807");
    assert_string_equal(say_rate(0).text, "0");
    assert_string_equal(say_rate(0.001).text, "0.1"); /* not nothing */
    assert_string_equal(say_rate(9.96).text, "10");
    assert_string_equal(say_percent(0, 100).text, "0.00");
    assert_string_equal(say_percent(1e-6, 100).text, "<.01"); /* not zero */
    assert_string_equal(say_percent(0.0999999, 100).text, "10.0");
    assert_string_equal(say_percent(1, 100).text, "100");
    assert_string_equal(say_percent(0, 0).text, "-");
    assert_string_equal(say_p99(31, 100).text, "31ms");
    assert_string_equal(say_p99(31, 9).text, "~31ms");
    assert_string_equal(say_p99(9.99, 100).text, "10ms");
    assert_string_equal(say_p99(999.9, 100).text, "1.0s");
    assert_string_equal(say_p99(0.04, 100).text, "0.0ms");
    assert_string_equal(say_since(-1).text, "?");
    assert_string_equal(say_since(59999).text, "59s");
    assert_string_equal(say_since(60000).text, "1m00s");
    assert_string_equal(say_since(3600000).text, "1h00m");
    assert_string_equal(say_since(90000000).text, "1d01h");
    assert_string_equal(say_clock(1795183402).text, "14:03:22");
    assert_string_equal(say_clock(-1).text, "23:59:59");
    assert_int_equal(say_sum(2, -1), -1);
}

static void test_what_is_not_known_is_a_question_mark(void **state)
{
    (void)state;
    assert_string_equal(say_rate((double)NAN).text, "?");
    assert_string_equal(say_percent((double)NAN, 5).text, "?");
    assert_string_equal(say_percent((double)NAN, (double)NAN).text, "?");
    assert_string_equal(say_percent((double)NAN, 0).text, "-");
    assert_string_equal(say_p99((double)NAN, 5).text, "?");
    assert_string_equal(say_p99((double)NAN, 0).text, "-");
}

static void test_extremes_fit(void **state)
{
    (void)state;
    assert_string_equal(say_rate((double)INFINITY).text, "9,223,372,036,854,775,807");
    assert_string_equal(say_p99((double)INFINITY, 1).text, "~1000000000s");
    assert_string_equal(say_percent(1e6, 1).text, "100000000");
    assert_string_equal(say_since(INT64_MAX).text, "106751991167d07h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_short_and_honest),
        cmocka_unit_test(test_what_is_not_known_is_a_question_mark),
        cmocka_unit_test(test_extremes_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
