/* store.h - rows behind an interface: what a service keeps, whatever keeps it.
 *
 * A service says what it does to its rows as a unit of work: a function that runs SQL through a
 * `struct store_tx`, wholly or not at all. It may run on another thread and may be run again, so it
 * touches nothing but its argument and the transaction. wire/store_sqlite.h is one implementation;
 * the SQL is the part that SQLite and PostgreSQL share. */
#ifndef BASE_STORE_H
#define BASE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum store_type { STORE_NULL, STORE_I64, STORE_TEXT };

struct store_value {
    enum store_type type;
    int64_t i64;
    const char *text; /* borrowed for the call; UTF-8, `len` bytes */
    size_t len;
};

/* For arguments. */
static inline struct store_value store_i64(int64_t i64)
{
    return (struct store_value){.type = STORE_I64, .i64 = i64};
}

static inline struct store_value store_text(const char *text, size_t len)
{
    return (struct store_value){.type = STORE_TEXT, .text = text, .len = len};
}

/* One row of an answer. Returns 0 to go on, 1 to end the statement early. Values are good for the
 * call. */
typedef int store_row(void *context, const struct store_value *column, size_t count);

struct store_tx;

/* What an implementation's own struct store_tx begins with. */
struct store_engine {
    int (*run)(struct store_tx *tx, const char *sql, const struct store_value *args, size_t count,
               store_row *row, void *context, int64_t *changed, struct error *err);
};

/* Run one statement with `?1`, `?2`, ... bound to `args`. `sql` is a string constant: its address
 * finds the prepared statement again. `row` may be NULL. `changed`, unless NULL, gets the number of
 * rows inserted, updated or deleted. 0, or -1 with `err` set; the transaction is then lost. */
static inline int store_run(struct store_tx *tx, const char *sql, const struct store_value *args,
                            size_t count, store_row *row, void *context, int64_t *changed,
                            struct error *err)
{
    const struct store_engine *engine = (const void *)tx;
    return engine->run(tx, sql, args, count, row, context, changed, err);
}

/* A unit of work. 0 to commit, -1 with `err` set to undo it. */
typedef int store_work(struct store_tx *tx, void *context, struct error *err);

#endif
