#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/csv.h"

/* All rows of `text`, fields in brackets and rows ended by '/', read with `piece` more bytes at a
 * time; then how it ended. */
static void read_all(char *out, size_t size, const char *text, size_t piece)
{
    static const char *const ends[] = {"none", "row", "more", "quote", "fields"};
    size_t len = strlen(text), given = piece < len ? piece : len, used = 0;
    struct csv c = csv_of(text, given);
    enum csv_end end;
    c.last = given == len;
    for (;;) {
        end = csv_row(&c);
        if (end == CSV_MORE) {
            given = given + piece < len ? given + piece : len;
            c.end = text + given;
            c.last = given == len;
            continue;
        }
        if (end != CSV_ROW)
            break;
        used += (size_t)snprintf(out + used, size - used, "%d:", (int)c.line);
        for (size_t i = 0; i < c.count; i++) {
            char field[40];
            csv_copy(&c.field[i], field, sizeof field);
            used += (size_t)snprintf(out + used, size - used, "[%s]", field);
        }
        used += (size_t)snprintf(out + used, size - used, "/");
    }
    snprintf(out + used, size - used, "%s", ends[end]);
}

static const struct {
    const char *name, *text, *rows;
} tables[] = {
    {"plain", "a,b\nc,d\n", "1:[a][b]/2:[c][d]/none"},
    {"no newline at the end", "a,b\nc,", "1:[a][b]/2:[c][]/none"},
    {"CRLF", "a,b\r\nc,d\r\n", "1:[a][b]/2:[c][d]/none"},
    {"empty lines are no rows", "\n\r\na\n\n\nb\n\n", "3:[a]/6:[b]/none"},
    {"nothing", "", "none"},
    {"quotes keep delimiters", "\"a,b\",c\n", "1:[a,b][c]/none"},
    {"two quotes are one", "\"a\"\"b\",\"\"\"\"\n", "1:[a\"b][\"]/none"},
    {"lines in quotes count", "\"a\nb\",c\nd\n", "1:[a\nb][c]/3:[d]/none"},
    {"quoted before CRLF", "a,\"b\"\r\nc,d\n", "1:[a][b]/2:[c][d]/none"},
    {"an empty quoted field", "\"\",\"\"\n", "1:[][]/none"},
    {"a quote inside is a letter", "a\"b,c\n", "1:[a\"b][c]/none"},
    {"a quote without end", "a\n\"b,c\n", "1:[a]/quote"},
    {"something behind a quote", "a\n\"b\"c,d\n", "1:[a]/quote"},
};

static void test_csv_reads_what_people_write(void **state)
{
    char got[200];
    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (size_t piece = 1; piece < 12; piece++) {
            read_all(got, sizeof got, tables[i].text, piece);
            if (strcmp(got, tables[i].rows) != 0)
                fail_msg("%s, %zu bytes at a time: %s", tables[i].name, piece, got);
        }
}

static void test_csv_bounds_the_fields(void **state)
{
    char text[CSV_FIELDS_MAX + 2];
    (void)state;
    memset(text, ',', sizeof text);
    struct csv c = csv_of(text, CSV_FIELDS_MAX - 1);
    assert_int_equal(csv_row(&c), CSV_ROW);
    assert_int_equal(c.count, CSV_FIELDS_MAX);
    c = csv_of(text, CSV_FIELDS_MAX);
    assert_int_equal(csv_row(&c), CSV_FIELDS);
}

static void test_csv_finds_the_delimiter(void **state)
{
    (void)state;
    assert_int_equal(csv_delimiter("a,b;c,d\n;;;;", 12), ',');
    assert_int_equal(csv_delimiter("a;b;c,d\n", 8), ';');
    assert_int_equal(csv_delimiter("a\tb", 3), '\t');
    assert_int_equal(csv_delimiter("\"a,b,c\";d\n", 10), ';');
    assert_int_equal(csv_delimiter("alone\n", 6), ',');
}

static void test_csv_numbers_are_whole(void **state)
{
    static const char *const bad[] = {"", "-", "+1", "1.0", " 1", "1x", "1234567890123456789"};
    struct csv_field f = {.text = "-123456789012345678", .len = 19};
    int64_t n = 7;
    (void)state;
    assert_true(csv_i64(&f, &n));
    assert_true(n == INT64_C(-123456789012345678));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        f = (struct csv_field){.text = bad[i], .len = strlen(bad[i])};
        assert_false(csv_i64(&f, &n));
    }
    assert_true(n == INT64_C(-123456789012345678));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_reads_what_people_write),
        cmocka_unit_test(test_csv_bounds_the_fields),
        cmocka_unit_test(test_csv_finds_the_delimiter),
        cmocka_unit_test(test_csv_numbers_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
