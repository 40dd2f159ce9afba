/* Tests of wire/journal.c: what control keeps of what it wanted and decided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/error.h"
#include "tests/kids.h"
#include "wire/journal.h"

static char folder[64], path[128];

static int setup(void **state)
{
    (void)state;
    folder_make(folder, sizeof folder);
    snprintf(path, sizeof path, "%s", in_folder(folder, "control.db"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static struct journal *opened(void)
{
    struct journal *j;
    struct error err;
    if (journal_open(&j, path, &err) != 0)
        fail_msg("%s", err.text);
    return j;
}

static void write_file(const char *text, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* ---- decisions ---- */

static void tell(void *context, const struct journal_decision *d)
{
    char *story = context;
    size_t used = strlen(story);
    snprintf(story + used, 256 - used, "%lld %s;", (long long)d->at_ms, d->text);
}

static void expect(struct journal *j, size_t most, const char *story)
{
    char got[256] = "";
    struct error err;
    assert_int_equal(journal_last(j, most, tell, got, &err), 0);
    assert_string_equal(got, story);
}

static void test_journal_keeps_decisions_over_an_end(void **state)
{
    (void)state;
    static const struct journal_decision first[] = {{1, "de is OK"}, {2, "it's \"so\" \xc3\xa4"}},
                                         second[] = {{-5, ""}};
    struct error err;
    struct stat st;
    struct journal *j = opened();
    expect(j, 10, "");
    assert_int_equal(journal_add(j, first, 2, &err), 0);
    journal_close(j);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    j = opened();
    assert_int_equal(journal_add(j, second, 1, &err), 0);
    expect(j, 10, "1 de is OK;2 it's \"so\" \xc3\xa4;-5 ;");
    expect(j, 2, "2 it's \"so\" \xc3\xa4;-5 ;");
    journal_close(j);
}

static void test_journal_is_bounded(void **state)
{
    enum { MORE = 5 };
    (void)state;
    static struct journal_decision many[JOURNAL_DECISIONS_MAX + MORE];
    struct error err;
    struct journal *j = opened();
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++)
        many[i] = (struct journal_decision){.at_ms = (int64_t)i, .text = "x"};
    assert_int_equal(journal_add(j, many, JOURNAL_DECISIONS_MAX + MORE, &err), 0);
    journal_close(j);
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT count(*), min(at_ms) FROM decision", -1, &stmt, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int64(stmt, 0), JOURNAL_DECISIONS_MAX);
    assert_int_equal(sqlite3_column_int64(stmt, 1), MORE);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

/* ---- what is wanted ---- */

static void test_journal_tells_what_is_wanted_anew(void **state)
{
    (void)state;
    static const struct journal_want both[] = {{"de", "a", 4}, {"de", "b", 4}},
                                     other[] = {{"de", "b", 5}, {"fr", "a", 4}};
    struct error err;
    size_t changes;
    struct journal *j = opened();
    assert_int_equal(journal_want(j, both, 2, 7, &changes, &err), 0);
    assert_int_equal(changes, 2);
    assert_int_equal(journal_want(j, both, 2, 8, &changes, &err), 0);
    assert_int_equal(changes, 0);
    assert_int_equal(journal_want(j, other, 2, 9, &changes, &err), 0);
    assert_int_equal(changes, 3); /* de/a gone, de/b another number, fr/a new */
    journal_close(j);
}

/* ---- files that are no journal ---- */

static void test_journal_puts_a_damaged_file_aside(void **state)
{
    (void)state;
    static const struct journal_decision one[] = {{1, "kept"}};
    char noise[8192];
    struct error err;
    struct stat st;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(i * 7 + 1);
    write_file(noise, sizeof noise);
    struct journal *j = opened();
    assert_int_equal(journal_add(j, one, 1, &err), 0);
    expect(j, 9, "1 kept;");
    journal_close(j);
    assert_int_equal(stat(in_folder(folder, "control.db.damaged"), &st), 0);
    assert_int_equal(st.st_size, sizeof noise);
}

static void test_journal_leaves_others_files_alone(void **state)
{
    (void)state;
    struct journal *j;
    struct error err;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(journal_open(&j, path, &err), -1);
    assert_non_null(strstr(err.text, "control.db: this is no journal of this version"));
    snprintf(path, sizeof path, "%s", in_folder(folder, "nowhere/control.db"));
    assert_int_equal(journal_open(&j, path, &err), -1);
    assert_int_equal(err.code, ERR_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_journal_keeps_decisions_over_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_journal_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_journal_tells_what_is_wanted_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_journal_puts_a_damaged_file_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_journal_leaves_others_files_alone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
