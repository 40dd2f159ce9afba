/* Tests of wire/results_db.c: numbers come back to the last bit, a run is found again by what it
 * depends on, and what may be wrong with a file is said and does no harm. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "wire/results_db.h"

enum { METRICS = 5 };

static const char *const variants[] = {"{\"load\": 1}", "{\"load\": 2}"};
static const char *const metrics[METRICS] = {"events", "digest", "DE.p99_ms", "DE.max_ms", "DE.ok"};
static const struct results_run the_run = {"abc", "1.0",    7, "x.json", "{}",
                                           "{}",  variants, 2, metrics,  METRICS};

static char folder[64], path[128];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s/results.XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/r.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static struct results_db *open_run(const struct results_run *run, struct results_found *found)
{
    struct error err;
    struct results_db *db;
    if (results_open(&db, path, run, found, &err) != 0)
        fail_msg("%s", err.text);
    return db;
}

static void refused(const char *sentence)
{
    struct error err = {0};
    struct results_db *db;
    struct results_found found;
    char want[512];
    if (results_open(&db, path, &the_run, &found, &err) == 0)
        fail_msg("%s is taken, not: %s", path, sentence);
    snprintf(want, sizeof want, "%s: %s", path, sentence);
    assert_string_equal(err.text, want);
}

/* Do something to the file from outside. */
static void sql(const char *statements)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    if (sqlite3_exec(db, statements, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", statements, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static int64_t count(const char *query)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return number;
}

static void values_of(struct metric out[METRICS], int64_t number)
{
    static const double odd[] = {-0.0, 5e-324, 0.1, 1e300, (double)INFINITY, 3, -7};
    out[0] = (struct metric){METRIC_I64, number, 0};
    out[1] = (struct metric){METRIC_I64, INT64_MIN + number, 0};
    out[2] = (struct metric){METRIC_F64, 0, odd[number % 7]};
    out[3] = (struct metric){METRIC_F64, 0, (double)NAN};
    out[4] = (struct metric){METRIC_I64, INT64_MAX - number, 0};
}

static void put(struct results_db *db, int64_t variant, int64_t replication)
{
    struct metric in[METRICS];
    struct error err;
    values_of(in, variant * 100 + replication);
    if (results_save(db, variant + 1, replication + 1, in, &err) != 0)
        fail_msg("%s", err.text);
}

static int get(struct results_db *db, int64_t variant, int64_t replication)
{
    struct metric want[METRICS], got[METRICS];
    struct error err;
    values_of(want, variant * 100 + replication);
    int found = results_load(db, variant + 1, replication + 1, got, &err);
    if (found < 0)
        fail_msg("%s", err.text);
    for (int i = 0; i < METRICS && found; i++) {
        assert_int_equal(got[i].type, want[i].type);
        assert_true(got[i].i64 == want[i].i64);
        if (isnan(want[i].f64))
            assert_true(isnan(got[i].f64));
        else
            assert_memory_equal(&got[i].f64, &want[i].f64, sizeof got[i].f64);
    }
    return found;
}

/* ---- what is put comes back ---- */

static void test_results_come_back_to_the_last_bit(void **state)
{
    (void)state;
    struct results_found found;
    struct results_db *db = open_run(&the_run, &found);
    assert_true(found.run == 1 && found.runs == 1 && found.replications == 0);
    for (int64_t i = 0; i < 14; i++) {
        assert_int_equal(get(db, i % 2, i), 0);
        put(db, i % 2, i);
        assert_int_equal(get(db, i % 2, i), 1);
    }
    results_close(db);
    db = open_run(&the_run, &found);
    assert_true(found.run == 1 && found.runs == 1 && found.replications == 14);
    for (int64_t i = 0; i < 14; i++) {
        assert_int_equal(get(db, i % 2, i), 1);
        assert_int_equal(get(db, 1 - i % 2, i), 0);
    }
    results_close(db);
}

static void test_results_are_one_file_that_others_can_read(void **state)
{
    (void)state;
    struct results_found found;
    struct results_db *db = open_run(&the_run, &found);
    put(db, 0, 0);
    assert_int_equal(count("SELECT count(*) FROM result"), METRICS); /* while it is open */
    put(db, 1, 3);
    results_close(db);
    assert_int_equal(count("SELECT count(*) FROM result WHERE variant=2 AND replication=4 AND "
                           "json_extract(sets, '$.load')=2 AND seed=7"),
                     METRICS);
    assert_int_equal(count("SELECT value FROM result WHERE metric='events' AND variant=2"), 103);
    assert_int_equal(count("SELECT count(*) FROM result WHERE value IS NULL"), 2);
    char journal[160];
    snprintf(journal, sizeof journal, "%s-journal", path);
    assert_int_equal(access(journal, F_OK), -1);
}

static void test_results_of_other_inputs_are_another_run(void **state)
{
    (void)state;
    struct results_found found;
    struct results_run other[3] = {the_run, the_run, the_run};
    other[0].inputs = "abd";
    other[1].version = "1.1";
    other[2].seed = 8;
    struct results_db *db = open_run(&the_run, &found);
    put(db, 0, 0);
    results_close(db);
    for (int i = 0; i < 3; i++) {
        db = open_run(&other[i], &found);
        assert_int_equal(found.run, i + 2);
        assert_int_equal(found.runs, i + 2);
        assert_int_equal(found.replications, 0);
        assert_int_equal(get(db, 0, 0), 0);
        put(db, 0, 0);
        put(db, 0, 1);
        results_close(db);
    }
    db = open_run(&the_run, &found);
    assert_true(found.run == 1 && found.runs == 4 && found.replications == 1);
    results_close(db);
}

/* ---- what counts ---- */

static void test_results_count_only_whole_replications(void **state)
{
    static const char *const harm[] = {
        "DELETE FROM sample WHERE metric=5",
        "DELETE FROM sample WHERE metric=1",
        "DELETE FROM sample WHERE metric=3",
        "INSERT INTO sample VALUES(1, 1, 1, 6, 1)",
        "UPDATE sample SET metric=9 WHERE metric=5",
        "UPDATE sample SET value='words' WHERE metric=2",
        "UPDATE sample SET value=x'00' WHERE metric=3",
    };
    (void)state;
    for (size_t i = 0; i < sizeof harm / sizeof harm[0]; i++) {
        struct results_found found;
        struct results_db *db = open_run(&the_run, &found);
        put(db, 0, 0);
        assert_int_equal(get(db, 0, 0), 1);
        results_close(db);
        sql(harm[i]);
        db = open_run(&the_run, &found);
        assert_int_equal(get(db, 0, 0), 0);
        results_close(db);
        sql("DELETE FROM sample");
    }
}

/* Save one replication after the other, a byte down the pipe for each, until killed. */
static void save_on(int pipe)
{
    struct results_found found;
    struct results_db *db;
    struct error err;
    struct metric in[METRICS];
    if (results_open(&db, path, &the_run, &found, &err) != 0)
        _exit(1);
    for (int64_t i = found.replications;; i++) {
        values_of(in, i % 2 * 100 + i);
        if (results_save(db, i % 2 + 1, i + 1, in, &err) != 0 || write(pipe, ".", 1) != 1)
            _exit(1);
    }
}

/* The child dies without warning, between two replications or within one. */
static void test_results_survive_kill_9(void **state)
{
    (void)state;
    int64_t told = 0;
    for (int round = 0; round < 20; round++) {
        int pipes[2], status;
        char byte;
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            save_on(pipes[1]);
        close(pipes[1]);
        for (int i = 0; i < 1 + round % 5; i++, told++)
            assert_int_equal(read(pipes[0], &byte, 1), 1);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        while (read(pipes[0], &byte, 1) == 1)
            told++;
        close(pipes[0]);
        struct results_found found;
        struct results_db *db = open_run(&the_run, &found);
        assert_int_equal(found.run, 1);
        assert_in_range(found.replications, told, told + 1);
        told = found.replications;
        for (int64_t i = 0; i < told; i++)
            assert_int_equal(get(db, i % 2, i), 1);
        assert_int_equal(get(db, told % 2, told), 0);
        results_close(db);
        assert_int_equal(count("SELECT count(*) FROM sample"), told * METRICS);
    }
}

/* ---- trouble ---- */

static void test_results_refuse_what_is_not_theirs(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s", folder);
    refused("is a folder, not a file");
    snprintf(path, sizeof path, "%s/none/r.db", folder);
    refused("No such file or directory");
    snprintf(path, sizeof path, "/dev/null");
    refused("is not a regular file");
    snprintf(path, sizeof path, "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    refused("is not a regular file");

    snprintf(path, sizeof path, "%s/words", folder);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("not a database\n", f);
    fclose(f);
    refused("is not an SQLite database");
    snprintf(path, sizeof path, "%s/other.db", folder);
    sql("CREATE TABLE songs(title)");
    refused("is a database of something else, not of results");
    assert_int_equal(count("SELECT count(*) FROM sqlite_master"), 1);
    snprintf(path, sizeof path, "%s/other2.db", folder);
    sql("PRAGMA application_id=0x426c6b68");
    refused("is a database of something else, not of results");
}

static void test_results_refuse_a_newer_schema(void **state)
{
    (void)state;
    struct results_found found;
    results_close(open_run(&the_run, &found));
    sql("PRAGMA user_version=2");
    refused("was written by a newer bulkhead: its schema is 2, here it is 1");
    sql("PRAGMA user_version=1; INSERT INTO metric VALUES(1, 6, 'more')");
    refused("the variants or metrics of run 1 are not those of these inputs");
    sql("DELETE FROM metric WHERE metric=6; UPDATE variant SET sets='' WHERE variant=2");
    refused("the variants or metrics of run 1 are not those of these inputs");
}

static void test_results_turn_a_second_writer_away(void **state)
{
    (void)state;
    struct results_found found;
    struct results_db *db = open_run(&the_run, &found);
    put(db, 0, 0);
    refused("another process is writing results into it");
    put(db, 0, 1);
    assert_int_equal(get(db, 0, 0), 1);
    results_close(db);
    results_close(open_run(&the_run, &found));
    assert_int_equal(found.replications, 2);
}

static void test_results_refuse_a_file_that_may_not_be_written(void **state)
{
    (void)state;
    struct results_found found;
    int status;
    results_close(open_run(&the_run, &found));
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) { /* as nobody: root may write all */
        struct results_db *db;
        struct error err = {0};
        if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
            _exit(2);
        if (results_open(&db, path, &the_run, &found, &err) == 0)
            _exit(3);
        _exit(strstr(err.text, "Permission denied") == NULL ? 4 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_results_say_that_a_file_is_damaged(void **state)
{
    (void)state;
    struct results_found found;
    struct results_db *db = open_run(&the_run, &found);
    for (int64_t i = 0; i < 60; i++)
        put(db, 0, i);
    results_close(db);
    int fd = open(path, O_WRONLY);
    static const char rubbish[32768];
    assert_int_equal(pwrite(fd, rubbish, sizeof rubbish, 4096 * 4), sizeof rubbish);
    close(fd);
    struct error err = {0};
    assert_int_equal(results_open(&db, path, &the_run, &found, &err), -1);
    assert_non_null(strstr(err.text, "is damaged"));
}

static void set_room(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_results_lose_nothing_to_a_full_disk(void **state)
{
    (void)state;
    struct results_found found;
    struct metric in[METRICS];
    struct error err;
    signal(SIGXFSZ, SIG_IGN);
    struct results_db *db = open_run(&the_run, &found);
    set_room(50000);
    int64_t n = 0;
    values_of(in, n);
    while (n < 10000 && results_save(db, 1, n + 1, in, &err) == 0)
        values_of(in, ++n);
    set_room(RLIM_INFINITY);
    assert_in_range(n, 10, 9999);
    char want[512];
    snprintf(want, sizeof want, "%s: no room left on the disk", path);
    assert_string_equal(err.text, want);
    assert_int_equal(get(db, 0, n), 0);
    put(db, 0, n); /* there is room again */
    results_close(db);
    db = open_run(&the_run, &found);
    assert_int_equal(found.replications, n + 1);
    for (int64_t i = 0; i <= n; i++)
        assert_int_equal(get(db, 0, i), 1);
    results_close(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_results_come_back_to_the_last_bit),
        TEST(test_results_are_one_file_that_others_can_read),
        TEST(test_results_of_other_inputs_are_another_run),
        TEST(test_results_count_only_whole_replications),
        TEST(test_results_survive_kill_9),
        TEST(test_results_refuse_what_is_not_theirs),
        TEST(test_results_refuse_a_newer_schema),
        TEST(test_results_turn_a_second_writer_away),
        TEST(test_results_refuse_a_file_that_may_not_be_written),
        TEST(test_results_say_that_a_file_is_damaged),
        TEST(test_results_lose_nothing_to_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
