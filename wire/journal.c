#include "wire/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "wire/store_error.h"

enum { SCHEMA = 1, BUSY_MS = 200 }; /* for a person's look at the file; control waits for nobody */

/* 0x426c6b4a is "BlkJ": the file is ours. */
static const char schema[] =
    "CREATE TABLE wanted(cell TEXT NOT NULL, zone TEXT NOT NULL, servers INTEGER NOT NULL,"
    " since_ms INTEGER NOT NULL, PRIMARY KEY(cell, zone)) WITHOUT ROWID;"
    "CREATE TABLE decision(number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL,"
    " text TEXT NOT NULL);"
    "PRAGMA application_id=0x426c6b4a; PRAGMA user_version=1;";
static const int64_t APPLICATION = 0x426c6b4a;

struct journal {
    char *path;
    sqlite3 *db;
    sqlite3_stmt *add, *last, *trim, *want, *unwant;
};

static int fail(const struct journal *j, int code, struct error *err)
{
    return store_error(j->db, j->path, code, err);
}

static int execute(struct journal *j, const char *sql, struct error *err)
{
    int code = sqlite3_exec(j->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : fail(j, code, err);
}

static int number(struct journal *j, const char *sql, int64_t *out, struct error *err)
{
    sqlite3_stmt *stmt;
    int code = sqlite3_prepare_v2(j->db, sql, -1, &stmt, NULL);
    if (code != SQLITE_OK)
        return fail(j, code, err);
    code = sqlite3_step(stmt);
    *out = code == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return code == SQLITE_ROW ? 0 : fail(j, code, err);
}

/* Run a statement that gives no rows, and have it ready for the next time. */
static int step(struct journal *j, sqlite3_stmt *stmt, struct error *err)
{
    int code = sqlite3_step(stmt);
    int status = code == SQLITE_DONE ? 0 : fail(j, code, err);
    sqlite3_reset(stmt);
    return status;
}

/* ---- a transaction ---- */

static int begin(struct journal *j, struct error *err)
{
    return execute(j, "BEGIN IMMEDIATE", err);
}

static int end(struct journal *j, int status, struct error *err)
{
    if (status == 0)
        status = execute(j, "COMMIT", err);
    if (status != 0 && !sqlite3_get_autocommit(j->db))
        sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* ---- opening ---- */

static int make_or_check(struct journal *j, struct error *err)
{
    int64_t application, version, tables;
    if (execute(j, "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL", err) != 0 ||
        begin(j, err) != 0)
        return -1;
    int status = 0;
    if (number(j, "PRAGMA application_id", &application, err) != 0 ||
        number(j, "PRAGMA user_version", &version, err) != 0 ||
        number(j, "SELECT count(*) FROM sqlite_schema", &tables, err) != 0)
        status = -1;
    else if (tables == 0 && application == 0)
        status = execute(j, schema, err);
    else if (application != APPLICATION || version != SCHEMA)
        status = error_set(err, ERR_CONFLICT, "%s: this is no journal of this version", j->path);
    return end(j, status, err);
}

static int prepare(struct journal *j, struct error *err)
{
    const struct {
        sqlite3_stmt **stmt;
        const char *sql;
    } rows[] = {
        {&j->add, "INSERT INTO decision(at_ms, text) VALUES(?1, ?2)"},
        {&j->last, "SELECT at_ms, text FROM (SELECT * FROM decision ORDER BY number DESC LIMIT ?1)"
                   " ORDER BY number"},
        {&j->trim, "DELETE FROM decision WHERE number <= (SELECT max(number) FROM decision) - ?1"},
        {&j->want, "INSERT INTO wanted(cell, zone, servers, since_ms) VALUES(?1, ?2, ?3, ?4)"
                   " ON CONFLICT DO UPDATE SET servers = ?3, since_ms = ?4 WHERE servers <> ?3"},
        {&j->unwant, "DELETE FROM wanted WHERE cell = ?1 AND zone = ?2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int code = sqlite3_prepare_v2(j->db, rows[i].sql, -1, rows[i].stmt, NULL);
        if (code != SQLITE_OK)
            return fail(j, code, err);
    }
    return 0;
}

void journal_close(struct journal *j)
{
    if (j == NULL)
        return;
    sqlite3_stmt *all[] = {j->add, j->last, j->trim, j->want, j->unwant};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        sqlite3_finalize(all[i]);
    sqlite3_close(j->db);
    free(j->path);
    free(j);
}

static int open_once(struct journal **out, const char *path, struct error *err)
{
    struct journal *j = calloc(1, sizeof *j);
    if (j == NULL || (j->path = strdup(path)) == NULL) {
        free(j);
        return error_memory(err);
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        journal_close(j);
        return error_set(err, ERR_SYSTEM, "%s: cannot open: %s", path, strerror(errno));
    }
    close(fd); /* SQLite has not opened it yet, so no lock of ours is lost */
    int code = sqlite3_open_v2(path, &j->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    int status = code == SQLITE_OK ? 0 : fail(j, code, err);
    if (status == 0)
        sqlite3_busy_timeout(j->db, BUSY_MS);
    if (status == 0 && (make_or_check(j, err) != 0 || prepare(j, err) != 0))
        status = -1;
    if (status == 0)
        *out = j;
    else
        journal_close(j);
    return status;
}

int journal_open(struct journal **out, const char *path, struct error *err)
{
    char aside[4096];
    if (open_once(out, path, err) == 0)
        return 0;
    int n = snprintf(aside, sizeof aside, "%s.damaged", path);
    if (err->code != ERR_SYNTAX || n < 0 || (size_t)n >= sizeof aside || rename(path, aside) != 0)
        return -1;
    return open_once(out, path, err);
}

/* ---- what is wanted ---- */

static void bind_place(sqlite3_stmt *stmt, const char *cell, const char *zone)
{
    sqlite3_bind_text(stmt, 1, cell, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(stmt, 2, zone, -1, SQLITE_TRANSIENT);
}

static int is_wanted(const struct journal_want *want, size_t count, const char *cell,
                     const char *zone)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(want[i].cell, cell) == 0 && strcmp(want[i].zone, zone) == 0)
            return 1;
    return 0;
}

/* Take out those that are not among them. */
static int unwant_others(struct journal *j, const struct journal_want *want, size_t count,
                         size_t *changes, struct error *err)
{
    sqlite3_stmt *all;
    int code = sqlite3_prepare_v2(j->db, "SELECT cell, zone FROM wanted", -1, &all, NULL);
    if (code != SQLITE_OK)
        return fail(j, code, err);
    int status = 0;
    while (status == 0 && (code = sqlite3_step(all)) == SQLITE_ROW) {
        const char *cell = (const char *)sqlite3_column_text(all, 0);
        const char *zone = (const char *)sqlite3_column_text(all, 1);
        if (cell == NULL || zone == NULL || is_wanted(want, count, cell, zone))
            continue;
        bind_place(j->unwant, cell, zone);
        status = step(j, j->unwant, err);
        ++*changes;
    }
    if (status == 0 && code != SQLITE_DONE)
        status = fail(j, code, err);
    sqlite3_finalize(all);
    return status;
}

int journal_want(struct journal *j, const struct journal_want *want, size_t count, int64_t now_ms,
                 size_t *changes, struct error *err)
{
    *changes = 0;
    if (begin(j, err) != 0)
        return -1;
    int status = unwant_others(j, want, count, changes, err);
    for (size_t i = 0; status == 0 && i < count; i++) {
        bind_place(j->want, want[i].cell, want[i].zone);
        sqlite3_bind_int64(j->want, 3, want[i].servers);
        sqlite3_bind_int64(j->want, 4, now_ms);
        status = step(j, j->want, err);
        *changes += sqlite3_changes(j->db) > 0;
    }
    return end(j, status, err);
}

/* ---- decisions ---- */

int journal_add(struct journal *j, const struct journal_decision *decision, size_t count,
                struct error *err)
{
    if (begin(j, err) != 0)
        return -1;
    int status = 0;
    for (size_t i = 0; status == 0 && i < count; i++) {
        sqlite3_bind_int64(j->add, 1, decision[i].at_ms);
        sqlite3_bind_text(j->add, 2, decision[i].text, -1, SQLITE_TRANSIENT);
        status = step(j, j->add, err);
    }
    sqlite3_bind_int64(j->trim, 1, JOURNAL_DECISIONS_MAX);
    if (status == 0)
        status = step(j, j->trim, err);
    return end(j, status, err);
}

int journal_last(struct journal *j, size_t most,
                 void (*tell)(void *context, const struct journal_decision *decision),
                 void *context, struct error *err)
{
    int code;
    sqlite3_bind_int64(j->last, 1, (int64_t)most);
    while ((code = sqlite3_step(j->last)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(j->last, 1);
        const struct journal_decision decision = {.at_ms = sqlite3_column_int64(j->last, 0),
                                                  .text = text == NULL ? "" : text};
        tell(context, &decision);
    }
    int status = code == SQLITE_DONE ? 0 : fail(j, code, err);
    sqlite3_reset(j->last);
    return status;
}
