/* Tests of wire/store_sqlite.c in trouble: a full disk, a folder that cannot be written, files that
 * are damaged or someone else's, and schemas of several ages. One clear sentence each, nothing
 * lost. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/error.h"
#include "tests/kids.h"
#include "tests/rows.h"
#include "wire/clock.h"
#include "wire/store_sqlite.h"
#include "wire/store_tx.h"

static char folder[256];

static int setup(void **state)
{
    (void)state;
    folder_make(folder, sizeof folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static struct store_opts opts_of(const char *path)
{
    return (struct store_opts){.folder = path,
                               .owner = "de",
                               .schema = rows_schema,
                               .schema_count = 1,
                               .work_us_max = 1000000, /* a busy machine is no fault */
                               .read_us_max = 1000000};
}

static struct store *open_here(void)
{
    struct store_opts opts = opts_of(folder);
    struct store *s;
    struct error err;
    if (store_open(&s, &opts, &err) < 0)
        fail_msg("%s", err.text);
    return s;
}

/* It does not open, and says `text` behind the folder's path. */
static void expect_refusal(const struct store_opts *opts, enum error_code code, const char *text)
{
    struct store *s;
    struct error err;
    char expected[1024];
    snprintf(expected, sizeof expected, "%s%s", opts->folder, text);
    assert_int_equal(store_open(&s, opts, &err), -1);
    assert_string_equal(err.text, expected);
    assert_int_equal(err.code, code);
}

static void put_rows(struct store *s, int64_t kind, int64_t count)
{
    struct error err;
    for (struct row row = {.kind = kind, .bytes = 1000}; row.number < count; row.number++)
        if (write_now(s, row_put, &row, &err) < 0)
            fail_msg("%s", err.text);
}

/* ---- a full disk ---- */

/* No file may grow beyond `bytes`: as if there was no room. */
static void set_room(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_store_survives_a_full_disk(void **state)
{
    (void)state;
    enum { ROOM = 600000 };
    signal(SIGXFSZ, SIG_IGN);
    struct store *s = open_here();
    set_room(ROOM);
    struct error err;
    struct row row = {.bytes = 1000};
    while (row.number < 10000 && write_now(s, row_put, &row, &err) == 0)
        row.number++;
    set_room(RLIM_INFINITY);
    char expected[512];
    snprintf(expected, sizeof expected, "%s/rows.db: no room left on the disk", folder);
    assert_string_equal(err.text, expected);
    assert_in_range(row.number, 10, 1000);
    assert_int_equal(count_now(s), row.number);

    /* There is room again. */
    assert_int_equal(write_now(s, row_put, &row, &err), 0);
    assert_int_equal(count_now(s), row.number + 1);
    store_close(s);
    s = open_here();
    assert_int_equal(count_now(s), row.number + 1);
    put_rows(s, 1, 10);
    store_close(s);
}

/* The fault: every write is told that there is no room, and nothing that was acknowledged is lost.
 */
static void test_store_with_a_disk_made_full_refuses_writes_and_reads_on(void **state)
{
    (void)state;
    struct store *s = open_here();
    put_rows(s, 0, 20);
    store_suffer(s, 1, true);
    struct error err;
    struct row row = {.kind = 1, .bytes = 1000};
    char expected[512];
    snprintf(expected, sizeof expected, "%s/rows.db: no room left on the disk", folder);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write_now(s, row_put, &row, &err), -1);
        assert_string_equal(err.text, expected);
        assert_int_equal(count_now(s), 20);
    }
    store_suffer(s, 1, false);
    put_rows(s, 1, 5);
    assert_int_equal(count_now(s), 25);
    store_close(s);
    s = open_here();
    assert_int_equal(count_now(s), 25);
    store_close(s);
}

static void test_slow_store_takes_so_many_times_as_long(void **state)
{
    (void)state;
    enum { WRITES = 20, FACTOR = 20 };
    struct store *s = open_here();
    int64_t us[2];
    for (int slow = 0; slow < 2; slow++) {
        store_suffer(s, slow == 0 ? 1 : FACTOR, false);
        int64_t from_us = clock_us();
        put_rows(s, slow, WRITES);
        us[slow] = clock_us() - from_us;
    }
    assert_int_equal(count_now(s), 2 * WRITES);
    assert_true(us[1] > 3 * us[0]); /* what is spent outside of the store is not longer */
    store_close(s);
}

static int wait_for_line(struct store_tx *tx, void *fd, struct error *err)
{
    (void)tx;
    (void)err;
    char c;
    return read(*(int *)fd, &c, 1) >= 0 ? 0 : -1;
}

/* In one group with one that does not fit, the others get in. */
static void test_store_small_works_fit_where_a_large_one_does_not(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    struct store *s = open_here();
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    struct reply small, large;
    reply_init(&small);
    reply_init(&large);
    assert_true(store_write(s, wait_for_line, &pipes[0], reply_done, &small));
    struct row row[] = {{.number = 1, .bytes = 10}, {.number = 2, .bytes = 1 << 20}, {.number = 3}};
    assert_true(store_write(s, row_put, &row[0], reply_done, &small));
    assert_true(store_write(s, row_put, &row[1], reply_done, &large));
    assert_true(store_write(s, row_put, &row[2], reply_done, &small));
    set_room(300000);
    assert_int_equal(write(pipes[1], "...", 3), 3);
    reply_wait(&small, 3);
    reply_wait(&large, 1);
    set_room(RLIM_INFINITY);
    assert_int_equal(small.failed, 0);
    assert_int_equal(large.failed, 1);
    assert_non_null(strstr(large.err.text, "no room left on the disk"));
    assert_int_equal(count_now(s), 2);
    store_close(s);
    close(pipes[0]);
    close(pipes[1]);
}

static void test_store_log_that_cannot_be_folded_stays_bounded(void **state)
{
    (void)state;
    enum { PAGES = 64 };
    signal(SIGXFSZ, SIG_IGN);
    struct store_opts opts = opts_of(folder);
    opts.wal_pages_max = PAGES;
    struct store *s;
    struct error err;
    assert_int_equal(store_open(&s, &opts, &err), 0);
    set_room(1 << 19); /* the log fits, the file will not */
    struct row row = {.bytes = 3000};
    while (row.number < 10000 && write_now(s, row_put, &row, &err) == 0)
        row.number++;
    assert_non_null(strstr(err.text, "no room left on the disk"));
    assert_true(store_stats(s).wal_pages <= PAGES + 8);
    set_room(RLIM_INFINITY);
    assert_int_equal(count_now(s), row.number);
    assert_int_equal(write_now(s, row_put, &row, &err), 0);
    store_close(s);
}

/* ---- whose folder ---- */

static int open_as_nobody(char **args)
{
    struct store *s;
    struct error err;
    struct store_opts opts = opts_of(args[0]);
    if (getuid() == 0 && setresuid(65534, 65534, 65534) < 0)
        return 1;
    if (store_open(&s, &opts, &err) == 0)
        snprintf(err.text, sizeof err.text, "opened");
    kid_tell(KID_FD, err.text);
    return 0;
}

static void expect_of_nobody(const char *text)
{
    char expected[1024];
    snprintf(expected, sizeof expected, "%s%s", folder, text);
    struct kid kid;
    kid_start(&kid, "nobody", (const char *[]){folder, NULL});
    kid_expect(&kid, expected);
    assert_int_equal(kid_wait(&kid), 0);
}

static void test_store_says_that_its_folder_cannot_be_written(void **state)
{
    (void)state;
    chmod(folder, 0555);
    expect_of_nobody(": cannot write there: Permission denied");
    chmod(folder, 0777);
    struct store *s = open_here();
    put_rows(s, 0, 3);
    store_close(s);
    chmod(in_folder(folder, "cell"), 0644);
    chmod(in_folder(folder, "turnstile"), 0666);
    chmod(in_folder(folder, "rows.db"), 0444);
    expect_of_nobody("/rows.db: cannot be written");
    chmod(in_folder(folder, "rows.db"), 0600);
    s = open_here();
    assert_int_equal(count_now(s), 3);
    store_close(s);
}

static void test_store_refuses_the_folder_of_another_cell(void **state)
{
    (void)state;
    struct store *s = open_here();
    put_rows(s, 0, 3);
    struct store_opts opts = opts_of(folder);
    struct error err;
    struct store *again;
    assert_int_equal(store_open(&again, &opts, &err), -1);
    assert_non_null(strstr(err.text, "already open in this process"));
    store_close(s);

    opts.owner = "fr";
    expect_refusal(&opts, ERR_CONFLICT, ": belongs to cell 'de', not to 'fr'");
    /* Nor by way of another name on the door. */
    FILE *f = fopen(in_folder(folder, "cell"), "w");
    fputs("fr\n", f);
    fclose(f);
    expect_refusal(&opts, ERR_CONFLICT, "/rows.db: its rows are not those of cell 'fr'");
    unlink(in_folder(folder, "cell"));
    opts.owner = "de";
    expect_refusal(&opts, ERR_CONFLICT,
                   ": holds rows, and no file 'cell' that says whose they are");
    opts.folder = "/nowhere";
    expect_refusal(&opts, ERR_SYSTEM, ": cannot look there: No such file or directory");
}

/* ---- files ---- */

static void overwrite(const char *name, off_t at, const char *text)
{
    int fd = open(in_folder(folder, name), O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
    close(fd);
}

static void test_store_says_what_is_wrong_with_its_file(void **state)
{
    (void)state;
    struct store_opts opts = opts_of(folder);
    overwrite("cell", 0, "de\n");
    overwrite("rows.db", 0,
              "Dear diary, this is a text that is longer than a database's header is. "
              "It goes on and on until there are more than a hundred bytes.");
    expect_refusal(&opts, ERR_SYNTAX, "/rows.db: is not an SQLite database");
    struct stat st;
    assert_int_equal(stat(in_folder(folder, "rows.db-wal"), &st), -1); /* left alone */

    unlink(in_folder(folder, "rows.db"));
    sqlite3 *db;
    assert_int_equal(sqlite3_open(in_folder(folder, "rows.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE bookmarks (url)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    expect_refusal(&opts, ERR_CONFLICT, "/rows.db: is a database of another program");

    unlink(in_folder(folder, "rows.db"));
    struct store *s = open_here();
    put_rows(s, 0, 100);
    store_close(s);
    s = open_here(); /* which folds the log into the file */
    store_close(s);
    truncate(in_folder(folder, "rows.db-wal"), 0);
    overwrite("rows.db", 100, "--------------------------------------------------------------");
    struct error err;
    assert_int_equal(store_open(&s, &opts, &err), -1);
    assert_non_null(strstr(err.text, "/rows.db: is damaged"));
}

static void test_store_goes_on_where_a_damaged_page_is_not_met(void **state)
{
    (void)state;
    struct store_opts opts = opts_of(folder);
    opts.wal_pages_max = 64;
    struct store *s;
    struct error err;
    assert_int_equal(store_open(&s, &opts, &err), 0);
    put_rows(s, 0, 200);
    store_close(s);
    s = open_here();
    store_close(s);
    truncate(in_folder(folder, "rows.db-wal"), 0);
    for (off_t page = 2; page < 20; page++)
        overwrite("rows.db", page * 4096, "-------------------------------------");
    s = open_here();
    int64_t count;
    assert_int_equal(read_now(s, rows_count, &count, &err), -1);
    assert_non_null(strstr(err.text, "/rows.db: is damaged"));
    assert_int_equal(err.code, ERR_SYNTAX);
    store_close(s);
}

/* ---- schemas ---- */

static void test_store_brings_its_schema_up_to_date(void **state)
{
    (void)state;
    const char *schema[] = {rows_schema[0],
                            "CREATE TABLE more (id INTEGER PRIMARY KEY);"
                            "INSERT INTO more VALUES (7)",
                            "CREATE TABLE other (id INTEGER); CREATE TABLE rows (id INTEGER)"};
    struct store *s = open_here();
    put_rows(s, 0, 3);
    store_close(s);

    struct store_opts opts = opts_of(folder);
    opts.schema = schema;
    opts.schema_count = 3;
    expect_refusal(&opts, ERR_SYNTAX, "/rows.db: schema 3: table rows already exists");
    opts.schema_count = 2; /* of which nothing was left half done */
    struct error err;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_open(&s, &opts, &err), 0);
        assert_int_equal(count_now(s), 3);
        store_close(s);
    }
    s = open_here(); /* the program of before */
    put_rows(s, 1, 3);
    assert_int_equal(count_now(s), 6);
    store_close(s);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return open_as_nobody(argv + 2);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_store_survives_a_full_disk),
        TEST(test_store_with_a_disk_made_full_refuses_writes_and_reads_on),
        TEST(test_slow_store_takes_so_many_times_as_long),
        TEST(test_store_small_works_fit_where_a_large_one_does_not),
        TEST(test_store_log_that_cannot_be_folded_stays_bounded),
        TEST(test_store_says_that_its_folder_cannot_be_written),
        TEST(test_store_refuses_the_folder_of_another_cell),
        TEST(test_store_says_what_is_wrong_with_its_file),
        TEST(test_store_goes_on_where_a_damaged_page_is_not_met),
        TEST(test_store_brings_its_schema_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
