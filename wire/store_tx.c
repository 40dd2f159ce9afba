#include "wire/store_tx.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "wire/clock.h"
#include "wire/store_error.h"

enum {
    STATEMENTS_MAX = 512,      /* slots of the cache, a power of two */
    STATEMENTS_KEPT = 384,     /* the rest is prepared each time */
    COLUMNS_MAX = 64,          /* of an answer */
    STEPS = 2000,              /* of SQLite's machine between two looks at the clock: some 20 us */
    APPLICATION = 0x426c6b68,  /* "Blkh": the file is ours */
    LOG_BYTES_KEPT = 64 << 20, /* a log that one huge transaction made is cut to this */
};

struct statement {
    const char *sql; /* the key: its address */
    sqlite3_stmt *stmt;
};

struct store_tx {
    struct store_engine engine;
    sqlite3 *db;
    char *path; /* for sentences */
    enum store_tx_kind kind;
    void (*beat)(void *context);
    void *beat_context;
    int64_t until_us;      /* what runs may run so long; 0 for as long as it likes */
    int64_t busy_until_us; /* who waits for a lock waits so long */
    bool failed;           /* a statement of the work failed; its error: */
    struct error error;
    struct statement statement[STATEMENTS_MAX];
    size_t statement_count;
};

static int fail(const struct store_tx *tx, int code, struct error *err)
{
    return store_error(tx->db, tx->path, code, err);
}

/* ---- while something runs or waits ---- */

static int on_progress(void *context)
{
    struct store_tx *tx = context;
    if (tx->beat)
        tx->beat(tx->beat_context);
    return tx->until_us != 0 && clock_us() > tx->until_us;
}

static int on_busy(void *context, int count)
{
    (void)count;
    struct store_tx *tx = context;
    if (tx->beat)
        tx->beat(tx->beat_context);
    if (clock_us() >= tx->busy_until_us)
        return 0;
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    return 1;
}

void store_tx_beat(struct store_tx *tx, void (*beat)(void *context), void *context)
{
    tx->beat = beat;
    tx->beat_context = context;
}

/* ---- statements ---- */

static size_t slot_of(const struct store_tx *tx, const char *sql)
{
    size_t i = (size_t)((uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15) >> 32) % STATEMENTS_MAX;
    while (tx->statement[i].sql && tx->statement[i].sql != sql)
        i = (i + 1) % STATEMENTS_MAX;
    return i;
}

/* The prepared statement of `sql`; `*kept` says that it stays in the cache. */
static sqlite3_stmt *prepared(struct store_tx *tx, const char *sql, bool *kept, struct error *err)
{
    size_t i = slot_of(tx, sql);
    sqlite3_stmt *stmt = tx->statement[i].stmt;
    *kept = true;
    if (stmt) {
        assert(strcmp(sqlite3_sql(stmt), sql) == 0); /* not a string constant */
        return stmt;
    }
    const char *rest = NULL;
    *kept = tx->statement_count < STATEMENTS_KEPT;
    int code =
        sqlite3_prepare_v3(tx->db, sql, -1, *kept ? SQLITE_PREPARE_PERSISTENT : 0, &stmt, &rest);
    if (code != SQLITE_OK) {
        fail(tx, code, err);
        return NULL;
    }
    assert(stmt && *rest == '\0'); /* one statement, and nothing behind it */
    if (*kept) {
        tx->statement[i] = (struct statement){.sql = sql, .stmt = stmt};
        tx->statement_count++;
    }
    return stmt;
}

static int bind(sqlite3_stmt *stmt, const struct store_value *args, size_t count)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        int at = (int)i + 1;
        switch (args[i].type) {
        case STORE_NULL:
            code = sqlite3_bind_null(stmt, at);
            break;
        case STORE_I64:
            code = sqlite3_bind_int64(stmt, at, args[i].i64);
            break;
        case STORE_TEXT:
            code = sqlite3_bind_text64(stmt, at, args[i].text ? args[i].text : "", args[i].len,
                                       SQLITE_STATIC, SQLITE_UTF8);
            break;
        }
    }
    return code;
}

static int give_row(sqlite3_stmt *stmt, store_row *row, void *context)
{
    struct store_value column[COLUMNS_MAX];
    int count = sqlite3_column_count(stmt);
    assert(count <= COLUMNS_MAX);
    for (int i = 0; i < count; i++) {
        switch (sqlite3_column_type(stmt, i)) {
        case SQLITE_NULL:
            column[i] = (struct store_value){.type = STORE_NULL};
            break;
        case SQLITE_INTEGER:
            column[i] = store_i64(sqlite3_column_int64(stmt, i));
            break;
        default: {
            const char *text = (const char *)sqlite3_column_text(stmt, i);
            column[i] = store_text(text ? text : "", (size_t)sqlite3_column_bytes(stmt, i));
        }
        }
    }
    return row(context, column, (size_t)count);
}

static int run(struct store_tx *tx, const char *sql, const struct store_value *args, size_t count,
               store_row *row, void *context, int64_t *changed, struct error *err)
{
    bool kept;
    sqlite3_stmt *stmt = prepared(tx, sql, &kept, err);
    if (!stmt)
        return -1;
    int code = bind(stmt, args, count);
    while (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
        if (code == SQLITE_ROW)
            code = row && give_row(stmt, row, context) != 0 ? SQLITE_DONE : SQLITE_OK;
    }
    int status = 0;
    if (code != SQLITE_DONE)
        status = fail(tx, code, err); /* before the reset, which may replace the sentence */
    int reset = sqlite3_reset(stmt);
    if (status == 0 && reset != SQLITE_OK)
        status = fail(tx, reset, err);
    if (changed)
        *changed = sqlite3_stmt_readonly(stmt) ? 0 : sqlite3_changes64(tx->db);
    if (kept)
        sqlite3_clear_bindings(stmt);
    else
        sqlite3_finalize(stmt);
    return status;
}

static int run_statement(struct store_tx *tx, const char *sql, const struct store_value *args,
                         size_t count, store_row *row, void *context, int64_t *changed,
                         struct error *err)
{
    if (changed)
        *changed = 0;
    if (!tx->failed && run(tx, sql, args, count, row, context, changed, &tx->error) < 0)
        tx->failed = true;
    if (!tx->failed)
        return 0;
    *err = tx->error;
    return -1;
}

int store_tx_script(struct store_tx *tx, const char *sql, struct error *err)
{
    int code = sqlite3_exec(tx->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : fail(tx, code, err);
}

static int first_number(void *context, const struct store_value *column, size_t count)
{
    *(int64_t *)context = count > 0 ? column[0].i64 : 0;
    return 1;
}

int store_tx_number(struct store_tx *tx, const char *sql, int64_t *number, struct error *err)
{
    *number = 0;
    return run(tx, sql, NULL, 0, first_number, number, NULL, err);
}

/* ---- transactions ---- */

static int small(struct store_tx *tx, const char *sql, struct error *err)
{
    return run(tx, sql, NULL, 0, NULL, NULL, NULL, err);
}

int store_tx_begin(struct store_tx *tx, int64_t wait_us, struct error *err)
{
    tx->until_us = 0;
    tx->busy_until_us = clock_us() + wait_us;
    return small(tx, tx->kind == STORE_TX_READ ? "BEGIN" : "BEGIN IMMEDIATE", err);
}

bool store_tx_alive(const struct store_tx *tx)
{
    return !sqlite3_get_autocommit(tx->db);
}

void store_tx_rollback(struct store_tx *tx)
{
    struct error ignored;
    tx->until_us = 0;
    if (store_tx_alive(tx))
        small(tx, "ROLLBACK", &ignored); /* what it cannot undo, closing does */
}

int store_tx_commit(struct store_tx *tx, struct error *err)
{
    tx->until_us = 0;
    if (small(tx, "COMMIT", err) == 0)
        return 0;
    store_tx_rollback(tx);
    return -1;
}

static int run_work(struct store_tx *tx, store_work *work, void *context, int64_t us_max,
                    struct error *err)
{
    tx->failed = false;
    tx->until_us = clock_us() + us_max;
    tx->busy_until_us = tx->until_us;
    int status = work(tx, context, err);
    tx->until_us = 0;
    if (status == 0 && tx->failed) { /* it went on as if nothing had happened */
        *err = tx->error;
        status = -1;
    }
    if (status == 0 && !store_tx_alive(tx))
        status = error_set(err, ERR_CONFLICT, "a work ended the transaction that it runs in");
    return status;
}

int store_tx_work(struct store_tx *tx, store_work *work, void *context, int64_t us_max,
                  struct error *err)
{
    if (tx->kind == STORE_TX_READ)
        return run_work(tx, work, context, us_max, err);
    if (small(tx, "SAVEPOINT work", err) < 0)
        return -1;
    int status = run_work(tx, work, context, us_max, err);
    if (!store_tx_alive(tx))
        return -1;
    struct error other;
    if (status < 0 && small(tx, "ROLLBACK TO work", &other) < 0) {
        store_tx_rollback(tx);
        return -1;
    }
    if (small(tx, "RELEASE work", &other) < 0) {
        store_tx_rollback(tx);
        *err = status < 0 ? *err : other;
        return -1;
    }
    return status;
}

int store_tx_checkpoint(struct store_tx *tx, int64_t wait_us, struct error *err)
{
    tx->until_us = 0;
    tx->busy_until_us = clock_us() + wait_us;
    /* RESTART leaves the file long: a commit that does not lengthen it needs less of the disk. */
    int code = sqlite3_wal_checkpoint_v2(tx->db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    if ((code & 0xff) == SQLITE_BUSY)
        return 0;
    return code == SQLITE_OK ? 1 : fail(tx, code, err);
}

/* ---- connecting ---- */

/* Before anything of ours is written: is it a database, and ours? */
static int check_ours(struct store_tx *tx, struct error *err)
{
    int64_t application, tables;
    if (store_tx_number(tx, "PRAGMA application_id", &application, err) < 0 ||
        store_tx_number(tx, "SELECT count(*) FROM sqlite_master", &tables, err) < 0)
        return -1;
    if (application == APPLICATION || (application == 0 && tables == 0))
        return 0;
    return error_set(err, ERR_CONFLICT, "%s: is a database of another program", tx->path);
}

static int is_logged(void *context, const struct store_value *column, size_t count)
{
    (void)count;
    const char *mode = column[0].text;
    *(bool *)context = strcmp(mode, "wal") == 0 || strcmp(mode, "memory") == 0;
    return 1;
}

static int configure_writer(struct store_tx *tx, struct error *err)
{
    bool logged = false;
    if (run(tx, "PRAGMA journal_mode=WAL", NULL, 0, is_logged, &logged, NULL, err) < 0)
        return -1;
    if (!logged)
        return error_set(err, ERR_SYSTEM, "%s: its file system cannot share memory", tx->path);
    char sql[128];
    snprintf(sql, sizeof sql, "PRAGMA journal_size_limit=%d", LOG_BYTES_KEPT);
    if (store_tx_script(tx, sql, err) < 0)
        return -1;
    int64_t application;
    if (store_tx_number(tx, "PRAGMA application_id", &application, err) < 0)
        return -1;
    if (application == APPLICATION)
        return 0;
    snprintf(sql, sizeof sql, "PRAGMA application_id=%d", APPLICATION);
    return store_tx_script(tx, sql, err);
}

static int configure(struct store_tx *tx, struct error *err)
{
    /* Temporary tables in memory: a sandboxed service has no other folder. Small caches: a laptop
     * runs dozens of us, and the system caches the file for all. */
    if (store_tx_script(tx,
                        "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
                        "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
                        "PRAGMA cache_size=-1024",
                        err) < 0)
        return -1;
    if (tx->kind == STORE_TX_READ)
        return store_tx_script(tx, "PRAGMA query_only=ON", err);
    return configure_writer(tx, err);
}

int store_tx_open(struct store_tx **out, const char *path, enum store_tx_kind kind,
                  struct error *err)
{
    struct store_tx *tx = calloc(1, sizeof *tx);
    if (!tx)
        return error_memory(err);
    tx->engine.run = run_statement;
    tx->kind = kind;
    tx->path = strdup(path);
    if (!tx->path) {
        free(tx);
        return error_memory(err);
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                (kind == STORE_TX_WRITE ? SQLITE_OPEN_CREATE : 0);
    int code = sqlite3_open_v2(path, &tx->db, flags, NULL);
    int status = !tx->db ? error_memory(err) : code != SQLITE_OK ? fail(tx, code, err) : 0;
    if (status == 0) {
        /* The log is folded in by whoever has the turn, never by whoever happens to leave last. */
        sqlite3_db_config(tx->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_db_config(tx->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_limit(tx->db, SQLITE_LIMIT_ATTACHED, 0);
        sqlite3_progress_handler(tx->db, STEPS, on_progress, tx);
        sqlite3_busy_handler(tx->db, on_busy, tx);
        tx->busy_until_us = clock_us() + 1000000;
        status = check_ours(tx, err);
    }
    if (status == 0)
        status = configure(tx, err);
    if (status < 0) {
        store_tx_close(tx);
        return -1;
    }
    *out = tx;
    return 0;
}

void store_tx_close(struct store_tx *tx)
{
    if (!tx)
        return;
    for (size_t i = 0; i < STATEMENTS_MAX; i++)
        sqlite3_finalize(tx->statement[i].stmt);
    int code = sqlite3_close(tx->db);
    assert(code == SQLITE_OK);
    free(tx->path);
    free(tx);
}
