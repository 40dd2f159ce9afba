#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void test_error_keeps_code_and_sentence(void **state)
{
    struct error err;
    (void)state;
    assert_int_equal(error_set(&err, ERR_RANGE, "%d of %s", 3, "them"), -1);
    assert_int_equal(err.code, ERR_RANGE);
    assert_string_equal(err.text, "3 of them");
    assert_int_equal(error_memory(&err), -1);
    assert_int_equal(err.code, ERR_MEMORY);
    assert_string_equal(err.text, "no memory left");
}

static void test_error_prefix_goes_before_and_keeps_the_code(void **state)
{
    struct error err;
    (void)state;
    error_set(&err, ERR_TYPE, "expected array");
    assert_int_equal(error_prefix(&err, "cells"), -1);
    assert_int_equal(error_prefix(&err, "%s.json", "eu"), -1);
    assert_int_equal(err.code, ERR_TYPE);
    assert_string_equal(err.text, "eu.json: cells: expected array");
}

static void test_error_shows_what_a_terminal_would_act_on(void **state)
{
    struct error err;
    (void)state;
    error_set(&err, ERR_SYNTAX, "%s", "a\x1b[2J\x7f\n\xc3\xa9");
    assert_string_equal(err.text, "a\\x1b[2J\\x7f\\x0a\xc3\xa9");
    error_set(&err, ERR_SYNTAX, "%s", "a\xc2\x9b\x32J\xc2\xa0");
    assert_string_equal(err.text, "a\\xc2\\x9b2J\xc2\xa0");
    error_set(&err, ERR_SYNTAX, "%s", "a\x1b[2J\x7f\n\xc3\xa9");
    error_prefix(&err, "\t");
    assert_string_equal(err.text, "\\x09: a\\x1b[2J\\x7f\\x0a\xc3\xa9");
}

static void test_error_cuts_long_sentences_with_dots(void **state)
{
    enum { TEXT_MAX = sizeof((struct error *)0)->text };
    char text[3 * TEXT_MAX];
    struct error err;
    (void)state;
    for (size_t len = TEXT_MAX - 8; len < sizeof text; len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        error_set(&err, ERR_SYNTAX, "%s", text);
        size_t got = strlen(err.text);
        assert_true(got < TEXT_MAX);
        if (len < TEXT_MAX - 1)
            assert_string_equal(err.text, text);
        if (len >= TEXT_MAX)
            assert_string_equal(err.text + got - 3, "...");
        error_prefix(&err, "%s", text);
        assert_true(strlen(err.text) < TEXT_MAX);
    }
    for (size_t shift = 0; shift < 3; shift++) { /* never within a character */
        memset(text, 'x', sizeof text);
        for (size_t at = shift; at + 3 < sizeof text; at += 3)
            memcpy(text + at, "\xe2\x82\xac", 3);
        text[sizeof text - 1] = '\0';
        error_set(&err, ERR_SYNTAX, "%s", text);
        size_t got = strlen(err.text);
        assert_string_equal(err.text + got - 6, "\xe2\x82\xac...");
    }
    memset(text, '\n', sizeof text - 1);
    error_set(&err, ERR_SYNTAX, "%s", text);
    assert_string_equal(err.text + strlen(err.text) - 3, "...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_keeps_code_and_sentence),
        cmocka_unit_test(test_error_prefix_goes_before_and_keeps_the_code),
        cmocka_unit_test(test_error_shows_what_a_terminal_would_act_on),
        cmocka_unit_test(test_error_cuts_long_sentences_with_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
