#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/csv_file.h"

struct world {
    char path[32];
    struct arena arena;
    struct csv_file csv;
    struct error err;
    const char *field[3];
};

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    memcpy(w->path, "/tmp/bulkhead-csv-XXXXXX", 25);
    int fd = mkstemp(w->path);
    assert_true(fd >= 0);
    close(fd);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    unlink(w->path);
    arena_release(&w->arena);
    free(w);
    return 0;
}

static void put(struct world *w, const char *text, size_t len)
{
    FILE *f = fopen(w->path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static int open_text(struct world *w, const char *text, size_t len)
{
    put(w, text, len);
    return csv_file_open(&w->csv, w->path, "code,name,count", &w->arena, &w->err);
}

static void test_csv_file_reads_rows_and_empty_fields(void **state)
{
    static const char text[] = "code,name,count\nA 1,caf\xc3\xa9,3\n,,\nlast,without newline,-7";
    struct world *w = *state;
    int64_t n;
    assert_int_equal(open_text(w, text, sizeof text - 1), 0);
    assert_int_equal(csv_file_next(&w->csv, w->field, &w->err), 1);
    assert_string_equal(w->field[0], "A 1");
    assert_string_equal(w->field[1], "caf\xc3\xa9");
    assert_int_equal(csv_file_i64(&w->csv, &n, w->field[2], 0, 10, &w->err), 0);
    assert_int_equal(n, 3);
    assert_int_equal(csv_file_next(&w->csv, w->field, &w->err), 1);
    for (int i = 0; i < 3; i++)
        assert_string_equal(w->field[i], "");
    assert_int_equal(csv_file_next(&w->csv, w->field, &w->err), 1);
    assert_string_equal(w->field[1], "without newline");
    assert_int_equal(csv_file_i64(&w->csv, &n, w->field[2], -10, 10, &w->err), 0);
    assert_int_equal(n, -7);
    assert_int_equal(csv_file_next(&w->csv, w->field, &w->err), 0);
    assert_int_equal(csv_file_next(&w->csv, w->field, &w->err), 0);
}

static void test_csv_file_names_the_line_that_it_refuses(void **state)
{
    static const struct {
        const char *name, *row, *sentence;
        size_t len; /* 0: up to the NUL */
    } rows[] = {
        {"too few fields", "a,b\n", ":3: expected 3 fields, got 2", 0},
        {"too many fields", "a,b,c,d\n", ":3: expected 3 fields, got 4", 0},
        {"behind an empty line", "\na,b\n", ":4: expected 3 fields, got 2", 0},
        {"a quote", "a,\"b\",c\n", ":3: a quote: fields are not quoted here", 0},
        {"a carriage return", "a,b\rc,d\n", ":3: a control character (\\x0d)", 0},
        {"a NUL", "a,b\0,c\n", ":3: a control character (\\x00)", 7},
        {"a tab", "a,\tb,c\n", ":3: a control character (\\x09)", 0},
        {"bad UTF-8", "a,b\xff,c\n", ":3: not UTF-8", 0},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[80] = "code,name,count\ngood,row,1\n";
        size_t len = strlen(text), more = rows[i].len > 0 ? rows[i].len : strlen(rows[i].row);
        memcpy(text + len, rows[i].row, more);
        assert_int_equal(open_text(w, text, len + more), 0);
        assert_int_equal(csv_file_next(&w->csv, w->field, &w->err), 1);
        if (csv_file_next(&w->csv, w->field, &w->err) != -1)
            fail_msg("%s: not refused", rows[i].name);
        if (strstr(w->err.text, rows[i].sentence) == NULL)
            fail_msg("%s: %s", rows[i].name, w->err.text);
    }
}

static void test_csv_file_wants_its_header(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {"", "\n", "name,code,count\n", "code,name,count \n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(open_text(w, texts[i], strlen(texts[i])), -1);
        assert_non_null(strstr(w->err.text, ":1: expected the header \"code,name,count\""));
    }
    unlink(w->path);
    assert_int_equal(csv_file_open(&w->csv, w->path, "a", &w->arena, &w->err), -1);
    assert_non_null(strstr(w->err.text, "No such file"));
}

static void test_csv_file_refuses_what_is_no_number(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {
        "", "-", "1x", " 1", "+1", "1.5", "11", "-1", "99999999999999999999"};
    int64_t n = 5;
    assert_int_equal(open_text(w, "code,name,count\na,b,c\n", 22), 0);
    assert_int_equal(csv_file_next(&w->csv, w->field, &w->err), 1);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(csv_file_i64(&w->csv, &n, texts[i], 0, 10, &w->err), -1);
        assert_non_null(strstr(w->err.text, ":2: expected a whole number in 0..10, got"));
    }
    assert_int_equal(n, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_csv_file_reads_rows_and_empty_fields, begin, end),
        cmocka_unit_test_setup_teardown(test_csv_file_names_the_line_that_it_refuses, begin, end),
        cmocka_unit_test_setup_teardown(test_csv_file_wants_its_header, begin, end),
        cmocka_unit_test_setup_teardown(test_csv_file_refuses_what_is_no_number, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
