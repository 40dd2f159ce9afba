#include "wire/results_db.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "wire/store_error.h"

enum {
    SCHEMA = 1,
    BUSY_MS = 10000, /* for a person's look at the file while we write */
};

/* 0x426c6b52 is "BlkR": the file is ours. */
static const int64_t APPLICATION = 0x426c6b52;

static const char schema[] =
    "CREATE TABLE run(run INTEGER PRIMARY KEY, inputs TEXT NOT NULL, version TEXT NOT NULL,"
    " seed INTEGER NOT NULL, scenario TEXT NOT NULL, started TEXT NOT NULL,"
    " scenario_json TEXT NOT NULL, topology_json TEXT NOT NULL, UNIQUE(inputs, version, seed));"
    "CREATE TABLE variant(run INTEGER NOT NULL, variant INTEGER NOT NULL, sets TEXT NOT NULL,"
    " PRIMARY KEY(run, variant)) WITHOUT ROWID;"
    "CREATE TABLE metric(run INTEGER NOT NULL, metric INTEGER NOT NULL, name TEXT NOT NULL,"
    " PRIMARY KEY(run, metric)) WITHOUT ROWID;"
    "CREATE TABLE sample(run INTEGER NOT NULL, variant INTEGER NOT NULL,"
    " replication INTEGER NOT NULL, metric INTEGER NOT NULL, value,"
    " PRIMARY KEY(run, variant, replication, metric)) WITHOUT ROWID;"
    "CREATE VIEW result AS SELECT run, run.seed, variant, variant.sets, replication,"
    " metric.name AS metric, value"
    " FROM sample JOIN metric USING(run, metric) JOIN variant USING(run, variant)"
    " JOIN run USING(run);"
    "PRAGMA application_id=0x426c6b52; PRAGMA user_version=1;";

struct results_db {
    char *path; /* for sentences */
    int lock;   /* a descriptor of the file, for flock; closed after SQLite has gone, whose own
                   locks end with any descriptor of the file */
    sqlite3 *db;
    sqlite3_stmt *load, *save;
    int64_t run;
    size_t metric_count;
};

static int fail(const struct results_db *db, int code, struct error *err)
{
    return store_error(db->db, db->path, code, err);
}

/* ---- statements ---- */

static int prepare(struct results_db *db, sqlite3_stmt **stmt, const char *sql, struct error *err)
{
    int code = sqlite3_prepare_v2(db->db, sql, -1, stmt, NULL);
    return code == SQLITE_OK ? 0 : fail(db, code, err);
}

static int execute(struct results_db *db, const char *sql, struct error *err)
{
    int code = sqlite3_exec(db->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : fail(db, code, err);
}

/* Run a statement that gives no rows, and have it ready for the next time. */
static int step_once(struct results_db *db, sqlite3_stmt *stmt, struct error *err)
{
    int code = sqlite3_step(stmt);
    int status = code == SQLITE_DONE ? 0 : fail(db, code, err);
    sqlite3_reset(stmt);
    return status;
}

/* The number in the first column of the first row; `otherwise` when there is none. */
static int number_of(struct results_db *db, sqlite3_stmt *stmt, int64_t otherwise, int64_t *number,
                     struct error *err)
{
    int code = sqlite3_step(stmt);
    *number = code == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : otherwise;
    return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : fail(db, code, err);
}

static int number(struct results_db *db, const char *sql, int64_t *out, struct error *err)
{
    sqlite3_stmt *stmt;
    if (prepare(db, &stmt, sql, err) != 0)
        return -1;
    int status = number_of(db, stmt, 0, out, err);
    sqlite3_finalize(stmt);
    return status;
}

static int number_of_run(struct results_db *db, const char *sql, int64_t *out, struct error *err)
{
    sqlite3_stmt *stmt;
    if (prepare(db, &stmt, sql, err) != 0)
        return -1;
    sqlite3_bind_int64(stmt, 1, db->run);
    int status = number_of(db, stmt, 0, out, err);
    sqlite3_finalize(stmt);
    return status;
}

static int bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
    return sqlite3_bind_text(stmt, at, text, -1, SQLITE_STATIC);
}

static void roll_back(struct results_db *db)
{
    if (!sqlite3_get_autocommit(db->db))
        sqlite3_exec(db->db, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- the run ---- */

static int find_run(struct results_db *db, const struct results_run *run, struct error *err)
{
    sqlite3_stmt *stmt;
    if (prepare(db, &stmt, "SELECT run FROM run WHERE inputs=?1 AND version=?2 AND seed=?3", err) !=
        0)
        return -1;
    bind_text(stmt, 1, run->inputs);
    bind_text(stmt, 2, run->version);
    sqlite3_bind_int64(stmt, 3, run->seed);
    int status = number_of(db, stmt, 0, &db->run, err);
    sqlite3_finalize(stmt);
    return status;
}

static int put_run(struct results_db *db, const struct results_run *run, struct error *err)
{
    sqlite3_stmt *stmt;
    if (prepare(db, &stmt,
                "INSERT INTO run(inputs, version, seed, scenario, scenario_json, topology_json,"
                " started) VALUES(?1, ?2, ?3, ?4, ?5, ?6, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
                err) != 0)
        return -1;
    bind_text(stmt, 1, run->inputs);
    bind_text(stmt, 2, run->version);
    sqlite3_bind_int64(stmt, 3, run->seed);
    bind_text(stmt, 4, run->scenario);
    bind_text(stmt, 5, run->scenario_json);
    bind_text(stmt, 6, run->topology_json);
    int status = step_once(db, stmt, err);
    sqlite3_finalize(stmt);
    db->run = sqlite3_last_insert_rowid(db->db);
    return status;
}

/* Variants and metrics are lists of texts that belong to a run, numbered from 1. */
static int put_list(struct results_db *db, const char *sql, const char *const *texts, size_t count,
                    struct error *err)
{
    sqlite3_stmt *stmt;
    int status = 0;
    if (prepare(db, &stmt, sql, err) != 0)
        return -1;
    for (size_t i = 0; i < count && status == 0; i++) {
        sqlite3_bind_int64(stmt, 1, db->run);
        sqlite3_bind_int64(stmt, 2, (int64_t)i + 1);
        bind_text(stmt, 3, texts[i]);
        status = step_once(db, stmt, err);
    }
    sqlite3_finalize(stmt);
    return status;
}

/* What is in the file beside a run that we know must be what we know of it. */
static int check_list(struct results_db *db, const char *sql, const char *const *texts,
                      size_t count, struct error *err)
{
    sqlite3_stmt *stmt;
    if (prepare(db, &stmt, sql, err) != 0)
        return -1;
    sqlite3_bind_int64(stmt, 1, db->run);
    bool same = true;
    size_t rows = 0;
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 1);
        same = same && rows < count && text != NULL && strcmp(text, texts[rows]) == 0;
        rows++;
        same = same && sqlite3_column_int64(stmt, 0) == (int64_t)rows;
    }
    int status = code == SQLITE_DONE ? 0 : fail(db, code, err);
    sqlite3_finalize(stmt);
    if (status == 0 && (!same || rows != count))
        return error_set(err, ERR_CONFLICT,
                         "%s: the variants or metrics of run %lld are not those of these inputs",
                         db->path, (long long)db->run);
    return status;
}

static int begin_run(struct results_db *db, const struct results_run *run, struct error *err)
{
    if (find_run(db, run, err) != 0)
        return -1;
    if (db->run != 0)
        return check_list(db, "SELECT variant, sets FROM variant WHERE run=?1 ORDER BY variant",
                          run->variants, run->variant_count, err) != 0 ||
                       check_list(db,
                                  "SELECT metric, name FROM metric WHERE run=?1 ORDER BY metric",
                                  run->metrics, run->metric_count, err) != 0
                   ? -1
                   : 0;
    return put_run(db, run, err) != 0 ||
                   put_list(db, "INSERT INTO variant VALUES(?1, ?2, ?3)", run->variants,
                            run->variant_count, err) != 0 ||
                   put_list(db, "INSERT INTO metric VALUES(?1, ?2, ?3)", run->metrics,
                            run->metric_count, err) != 0
               ? -1
               : 0;
}

/* ---- opening ---- */

/* Have the file, and have it alone among those who write results. */
static int take_file(struct results_db *db, struct error *err)
{
    struct stat st;
    db->lock = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
    if (db->lock < 0 || fstat(db->lock, &st) != 0)
        return error_set(err, ERR_SYSTEM, "%s: %s", db->path,
                         errno == EISDIR ? "is a folder, not a file" : strerror(errno));
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERR_TYPE, "%s: is not a regular file", db->path);
    /* A file system without such locks is taken at its word. */
    if (flock(db->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return error_set(err, ERR_CONFLICT, "%s: another process is writing results into it",
                         db->path);
    return 0;
}

/* Before anything of ours is written: whose file is it? */
static int check_ours(struct results_db *db, bool *fresh, struct error *err)
{
    int64_t application, version, tables;
    if (number(db, "PRAGMA application_id", &application, err) != 0 ||
        number(db, "PRAGMA user_version", &version, err) != 0 ||
        number(db, "SELECT count(*) FROM sqlite_master", &tables, err) != 0)
        return -1;
    *fresh = application == 0 && version == 0 && tables == 0;
    if (application != APPLICATION && !*fresh)
        return error_set(err, ERR_CONFLICT, "%s: is a database of something else, not of results",
                         db->path);
    if (version > SCHEMA)
        return error_set(err, ERR_CONFLICT,
                         "%s: was written by a newer bulkhead: its schema is %lld, here it is %d",
                         db->path, (long long)version, SCHEMA);
    return 0;
}

static int connect(struct results_db *db, bool *fresh, struct error *err)
{
    int code = sqlite3_open_v2(db->path, &db->db, SQLITE_OPEN_READWRITE, NULL);
    if (db->db == NULL)
        return error_memory(err);
    sqlite3_extended_result_codes(db->db, 1);
    if (code != SQLITE_OK)
        return fail(db, sqlite3_extended_errcode(db->db), err);
    sqlite3_busy_timeout(db->db, BUSY_MS);
    if (check_ours(db, fresh, err) != 0)
        return -1;
    return execute(db, "PRAGMA journal_mode=DELETE", err); /* someone may have made it WAL */
}

static int begin(struct results_db *db, const struct results_run *run, bool fresh,
                 struct results_found *found, struct error *err)
{
    if (execute(db, "BEGIN IMMEDIATE", err) != 0 || (fresh && execute(db, schema, err) != 0) ||
        begin_run(db, run, err) != 0 ||
        number(db, "SELECT count(*) FROM run", &found->runs, err) != 0 ||
        number_of_run(db, "SELECT count(*) FROM sample WHERE run=?1 AND metric=1",
                      &found->replications, err) != 0 ||
        prepare(db, &db->load,
                "SELECT metric, value FROM sample WHERE run=?1 AND variant=?2 AND replication=?3"
                " ORDER BY metric",
                err) != 0 ||
        prepare(db, &db->save, "INSERT OR REPLACE INTO sample VALUES(?1, ?2, ?3, ?4, ?5)", err) !=
            0 ||
        execute(db, "COMMIT", err) != 0) {
        roll_back(db);
        return -1;
    }
    found->run = db->run;
    return 0;
}

/* SQLite takes ":memory:", and perhaps "file:x", for something else than a file's name. */
static char *path_of(const char *path)
{
    size_t len = strlen(path);
    char *copy = malloc(len + 3);
    if (copy == NULL)
        return NULL;
    memcpy(copy, "./", 2);
    memcpy(path[0] != '/' && strchr(path, ':') != NULL ? copy + 2 : copy, path, len + 1);
    return copy;
}

int results_open(struct results_db **out, const char *path, const struct results_run *run,
                 struct results_found *found, struct error *err)
{
    bool fresh = false;
    struct results_db *db = calloc(1, sizeof *db);
    if (db == NULL)
        return error_memory(err);
    db->lock = -1;
    db->metric_count = run->metric_count;
    db->path = path_of(path);
    if (db->path == NULL)
        error_memory(err);
    if (db->path == NULL || take_file(db, err) != 0 || connect(db, &fresh, err) != 0 ||
        begin(db, run, fresh, found, err) != 0) {
        results_close(db);
        return -1;
    }
    *out = db;
    return 0;
}

void results_close(struct results_db *db)
{
    if (db == NULL)
        return;
    sqlite3_finalize(db->load);
    sqlite3_finalize(db->save);
    sqlite3_close(db->db);
    if (db->lock >= 0)
        close(db->lock);
    free(db->path);
    free(db);
}

/* ---- replications ---- */

static bool value_of(sqlite3_stmt *stmt, struct metric *out)
{
    switch (sqlite3_column_type(stmt, 1)) {
    case SQLITE_INTEGER:
        *out = (struct metric){.type = METRIC_I64, .i64 = sqlite3_column_int64(stmt, 1)};
        return true;
    case SQLITE_FLOAT:
        *out = (struct metric){.type = METRIC_F64, .f64 = sqlite3_column_double(stmt, 1)};
        return true;
    case SQLITE_NULL:
        *out = (struct metric){.type = METRIC_F64, .f64 = (double)NAN};
        return true;
    default:
        return false;
    }
}

int results_load(struct results_db *db, int64_t variant, int64_t replication, struct metric *out,
                 struct error *err)
{
    bool whole = true;
    size_t rows = 0;
    int code;
    sqlite3_bind_int64(db->load, 1, db->run);
    sqlite3_bind_int64(db->load, 2, variant);
    sqlite3_bind_int64(db->load, 3, replication);
    while ((code = sqlite3_step(db->load)) == SQLITE_ROW) {
        whole = whole && rows < db->metric_count &&
                sqlite3_column_int64(db->load, 0) == (int64_t)rows + 1 &&
                value_of(db->load, &out[rows]);
        rows++;
    }
    int status = code == SQLITE_DONE ? 0 : fail(db, code, err);
    sqlite3_reset(db->load);
    return status == 0 ? whole && rows == db->metric_count : -1;
}

static int put_values(struct results_db *db, int64_t variant, int64_t replication,
                      const struct metric *in, struct error *err)
{
    sqlite3_bind_int64(db->save, 1, db->run);
    sqlite3_bind_int64(db->save, 2, variant);
    sqlite3_bind_int64(db->save, 3, replication);
    for (size_t i = 0; i < db->metric_count; i++) {
        sqlite3_bind_int64(db->save, 4, (int64_t)i + 1);
        if (in[i].type == METRIC_I64)
            sqlite3_bind_int64(db->save, 5, in[i].i64);
        else
            sqlite3_bind_double(db->save, 5, in[i].f64); /* of NaN SQLite makes NULL */
        if (step_once(db, db->save, err) != 0)
            return -1;
    }
    return 0;
}

int results_save(struct results_db *db, int64_t variant, int64_t replication,
                 const struct metric *in, struct error *err)
{
    if (execute(db, "BEGIN IMMEDIATE", err) == 0 &&
        put_values(db, variant, replication, in, err) == 0 && execute(db, "COMMIT", err) == 0)
        return 0;
    roll_back(db);
    return -1;
}
