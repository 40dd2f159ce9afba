/* rows.h - a table of numbered rows, and calls of a store that wait for their answer: what the
 * tests of the store share. */
#ifndef TESTS_ROWS_H
#define TESTS_ROWS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "wire/store_sqlite.h"

/* One row of `rows(kind, number, body)`: kind and number are its key. */
struct row {
    int64_t kind, number;
    size_t bytes; /* of body, at most 1 MB */
};

extern const char *const rows_schema[];

/* Works. */
int row_put(struct store_tx *tx, void *row, struct error *err);
int rows_count(struct store_tx *tx, void *number, struct error *err); /* of all, into an int64_t */

/* An answer that is waited for. */
struct reply {
    pthread_mutex_t mutex;
    pthread_cond_t given;
    int answers; /* so many came, */
    int failed;  /* of these with an error, the last: */
    struct error err;
};

void reply_init(struct reply *r);
void reply_release(struct reply *r);
void reply_done(void *reply, int status, const struct error *err);
void reply_wait(struct reply *r, int answers);

/* Hand over and wait: the status, with *err. */
int write_now(struct store *s, store_work *work, void *context, struct error *err);
int read_now(struct store *s, store_work *work, void *context, struct error *err);

/* Rows in the store, by a read. */
int64_t count_now(struct store *s);

#endif
