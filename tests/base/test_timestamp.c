#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/timestamp.h"

static const int64_t MORNING = 1291191960; /* date -u -d '2010-12-01 08:26' +%s */

static void test_timestamp_reads_one_moment_in_many_ways(void **state)
{
    static const struct {
        const char *text;
        bool month_first, has_zone;
        int32_t offset_s;
        int64_t late_s;
    } rows[] = {
        {"2010-12-01 08:26", false, false, 0, 0},
        {"2010-12-01T08:26:05", false, false, 0, 5},
        {"2010/12/1 8:26:05.999", false, false, 0, 5},
        {"2010-12-01T08:26:60Z", false, true, 0, 59},
        {"2010-12-01T09:26:00+01:00", false, true, 3600, 0},
        {"2010-12-01 13:56+0530", false, true, 19800, 0},
        {"2010-12-01 00:26:00 -08", false, true, -28800, 0},
        {"2010-12-01 08:26 UTC", false, true, 0, 0},
        {"01/12/2010 08:26", false, false, 0, 0},
        {"1.12.2010 8:26:00", false, false, 0, 0},
        {"12/01/2010 08:26", true, false, 0, 0},
        {" 2010-12-01 08:26 ", false, false, 0, 0},
        {"01-12-2010 08:26", false, false, 0, 0},
        {"1/12/10, 8:26:00 AM", false, false, 0, 0},
        {"12/1/10 8:26AM", true, false, 0, 0},
        {"12/1/2010 8:26:00 pm", true, false, 0, 12 * 3600},
        {"12/1/2010 12:26 am", true, false, 0, -8 * 3600},
        {"1-Dec-10 08:26", false, false, 0, 0},
        {"01 December 2010 08:26 GMT", true, true, 0, 0},
        {"Wed, 01 Dec 2010 08:26:00 +0000", false, true, 0, 0},
        {"Wednesday, Dec. 1, 2010 8:26 am", false, false, 0, 0},
        {"01/Dec/2010:09:26:00 +0100", false, true, 3600, 0},
        {"20101201T082600Z", false, true, 0, 0},
        {"20101201 0826", false, false, 0, 0},
        {"2010-12-01 09:26:00 +0100 CET", false, true, 3600, 0},
        {"2010-12-01T09:26:00+01:00[Europe/Paris]", false, true, 3600, 0},
        {"Wed, 1 Dec 2010 03:26:00 -0500 (EST)", false, true, -18000, 0},
        {"2010-12-01 08", false, false, 0, -26 * 60},
        {"2010-12-01T08Z", false, true, 0, -26 * 60},
        {"1291191960", false, true, 0, 0},
        {"1291191960.25", true, true, 0, 0},
        {"1291191960123", false, true, 0, 0},
        {"1291191960123456", false, true, 0, 0},
        {"1291191960123456789", false, true, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct timestamp t;
        if (timestamp_parse(&t, rows[i].text, strlen(rows[i].text), rows[i].month_first) !=
            TIMESTAMP_OK)
            fail_msg("%s: not read", rows[i].text);
        if (t.has_zone != rows[i].has_zone || t.offset_s != rows[i].offset_s ||
            t.clock_s - t.offset_s != MORNING + rows[i].late_s)
            fail_msg("%s: %lld", rows[i].text, (long long)t.clock_s);
    }
}

static void test_timestamp_says_what_is_wrong(void **state)
{
    static const struct {
        const char *text;
        enum timestamp_end end;
    } rows[] = {
        {"2010-12-01", TIMESTAMP_DAY},
        {"01.12.2010", TIMESTAMP_DAY},
        {"12/31/2010 08:26", TIMESTAMP_MONTH},
        {"2010-31-12 08:26", TIMESTAMP_MONTH},
        {"", TIMESTAMP_BAD},
        {"yesterday", TIMESTAMP_BAD},
        {"2010-02-29 08:26", TIMESTAMP_BAD},
        {"2100-01-01 00:00", TIMESTAMP_BAD},
        {"1969-12-31 23:59", TIMESTAMP_BAD},
        {"2010-12-01 24:00", TIMESTAMP_BAD},
        {"2010-12-01 08:60", TIMESTAMP_BAD},
        {"2010-12-01 8", TIMESTAMP_BAD},
        {"2010-12-01 08:26 CET", TIMESTAMP_ZONE},
        {"2010-12-01 08:26 Europe/Paris", TIMESTAMP_ZONE},
        {"2010-12-01 13:26 PM", TIMESTAMP_BAD},
        {"2010-12-01 0:26 am", TIMESTAMP_BAD},
        {"1 Dezember 2010 08:26", TIMESTAMP_BAD},
        {"31 Feb 2010 08:26", TIMESTAMP_BAD},
        {"1 12 2010 08:26", TIMESTAMP_BAD},
        {"201012 08:26", TIMESTAMP_BAD},
        {"20101301T082600Z", TIMESTAMP_BAD},
        {"2010-12-01 08:26+1", TIMESTAMP_BAD},
        {"2010-12-01 08:26+25:00", TIMESTAMP_BAD},
        {"2010-12/01 08:26", TIMESTAMP_BAD},
        {"1/12/110 08:26", TIMESTAMP_BAD},
        {"12345678901", TIMESTAMP_BAD},
        {"9999999999", TIMESTAMP_BAD},
        {"99999999999999999999", TIMESTAMP_BAD},
        {"1291191960x", TIMESTAMP_BAD},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct timestamp t = {.clock_s = 7};
        enum timestamp_end end = timestamp_parse(&t, rows[i].text, strlen(rows[i].text), false);
        if (end != rows[i].end || t.clock_s != 7)
            fail_msg("\"%s\": %d", rows[i].text, end);
    }
}

static void test_timestamp_days_follow_one_another(void **state)
{
    static const int last[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = 0;
    (void)state;
    for (int year = 1970; year < 2100; year++)
        for (int month = 1; month <= 12; month++) {
            int leap = month == 2 && year % 4 == 0 && year != 1900;
            for (int day = 1; day <= last[month - 1] + leap; day++, days++) {
                int y, m, d;
                assert_true(timestamp_days(year, month, day) == days);
                timestamp_date(days, &y, &m, &d);
                assert_true(y == year && m == month && d == day);
            }
        }
}

static void test_timestamp_is_written_as_read(void **state)
{
    char text[TIMESTAMP_TEXT];
    (void)state;
    timestamp_format(text, MORNING + 59);
    assert_string_equal(text, "2010-12-01 08:26");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timestamp_reads_one_moment_in_many_ways),
        cmocka_unit_test(test_timestamp_says_what_is_wrong),
        cmocka_unit_test(test_timestamp_days_follow_one_another),
        cmocka_unit_test(test_timestamp_is_written_as_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
