/* Tests of commands/failures.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "commands/failures.h"

static struct failures f;

static int begin(void **state)
{
    (void)state;
    f = (struct failures){0};
    return 0;
}

static void answered(int64_t at_us, int status, const char *body)
{
    const struct load_request r = {.at_us = at_us};
    const struct http_reply reply = {.status = status, .body = body, .len = strlen(body)};
    enum load_outcome outcome = status >= 500 ? LOAD_5XX : status >= 400 ? LOAD_4XX : LOAD_OK;
    failures_note(&f, &r, outcome, &reply);
}

static void test_what_went_well_has_no_reason(void **state)
{
    (void)state;
    answered(0, 200, "{\"status\": 200, \"detail\": \"fine\"}");
    answered(0, 304, "");
    assert_int_equal(f.count, 0);
}

static void test_the_words_of_who_refused_are_kept_with_the_first_time(void **state)
{
    (void)state;
    answered(1500000, 503, "{\"detail\": \"the retry budget has 0.20 of 1.00 token\"}");
    answered(1600000, 503, "{\"detail\": \"the retry budget has 0.41 of 1.00 token\"}");
    answered(1700000, 503, "{\"detail\": \"too much waits for it\"}");
    assert_int_equal(f.count, 2);
    assert_string_equal(f.reason[0].why, "503 the retry budget has 0.20 of 1.00 token");
    assert_int_equal(f.reason[0].count, 2);
    assert_true(f.reason[0].first_s == 1.5);
    assert_string_equal(f.reason[1].why, "503 too much waits for it");
    assert_int_equal(f.reason[1].count, 1);
}

static void test_what_says_nothing_is_named_by_its_status_or_outcome(void **state)
{
    (void)state;
    const struct load_request r = {.at_us = 0};
    const struct http_reply lost = {.failure = HTTP_RESET, .body = ""};
    answered(0, 500, "<html>no</html>");
    answered(0, 500, "{\"detail\": null}");
    failures_note(&f, &r, LOAD_RESET, &lost);
    failures_note(&f, &r, LOAD_UNSENT, NULL);
    assert_int_equal(f.count, 3);
    assert_string_equal(f.reason[0].why, "500");
    assert_int_equal(f.reason[0].count, 2);
    assert_string_equal(f.reason[1].why, "reset");
    assert_string_equal(f.reason[2].why, "unsent");
}

static void test_more_reasons_than_there_is_room_for_are_counted(void **state)
{
    (void)state;
    char body[64];
    for (int i = 0; i < FAILURES_MAX + 3; i++) {
        snprintf(body, sizeof body, "{\"detail\": \"no %c\"}", 'a' + i);
        answered(0, 500, body);
    }
    answered(0, 500, "{\"detail\": \"no a\"}");
    assert_int_equal(f.count, FAILURES_MAX);
    assert_int_equal(f.others, 3);
    assert_int_equal(f.reason[0].count, 2);
}

static void test_a_reason_of_any_length_and_bytes_is_cut(void **state)
{
    (void)state;
    char body[2000];
    snprintf(body, sizeof body, "{\"detail\": \"%01500d\"}", 0);
    answered(0, 500, body);
    answered(0, 500, "\xff\xfe{{{{");
    assert_int_equal(f.count, 2);
    assert_int_equal(strlen(f.reason[0].why), FAILURES_WHY_MAX - 1);
    assert_string_equal(f.reason[1].why, "500");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_went_well_has_no_reason, begin),
        cmocka_unit_test_setup(test_the_words_of_who_refused_are_kept_with_the_first_time, begin),
        cmocka_unit_test_setup(test_what_says_nothing_is_named_by_its_status_or_outcome, begin),
        cmocka_unit_test_setup(test_more_reasons_than_there_is_room_for_are_counted, begin),
        cmocka_unit_test_setup(test_a_reason_of_any_length_and_bytes_is_cut, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
