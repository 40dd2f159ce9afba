/* store_tx.h - one SQLite connection and the transaction on it: what runs a unit of work.
 *
 * Below store_sqlite.h, which shares a file between threads and processes. By itself, on a database
 * in memory, it serves where one thread does one thing after the other. For one thread at a time.
 */
#ifndef WIRE_STORE_TX_H
#define WIRE_STORE_TX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/store.h"

struct error;

enum store_tx_kind { STORE_TX_WRITE, STORE_TX_READ };

/* Connect to the database at `path`, ":memory:" for one of our own. A file is made when a writer
 * finds none. 0, or -1 with `err` set: not ours, damaged, cannot be written. */
int store_tx_open(struct store_tx **out, const char *path, enum store_tx_kind kind,
                  struct error *err);

/* Undoes what is not committed. NULL is fine. */
void store_tx_close(struct store_tx *tx);

/* Have `beat` called every now and then while something runs or waits. */
void store_tx_beat(struct store_tx *tx, void (*beat)(void *context), void *context);

/* Begin; a writer waits `wait_us` at most for who else has the file. 0, or -1 with `err` set,
 * ERR_CONFLICT when the other still has it. */
int store_tx_begin(struct store_tx *tx, int64_t wait_us, struct error *err);

/* Run one work inside, for `us_max` at most. 0, or -1 with `err` set and the work undone; the
 * transaction goes on without it if store_tx_alive still says so, otherwise all of it is undone. */
int store_tx_work(struct store_tx *tx, store_work *work, void *context, int64_t us_max,
                  struct error *err);

bool store_tx_alive(const struct store_tx *tx);

/* 0: on the disk. -1 with `err` set: all undone. */
int store_tx_commit(struct store_tx *tx, struct error *err);

void store_tx_rollback(struct store_tx *tx);

/* Run the statements of `sql`, of any number, without arguments. 0, or -1 with `err` set. */
int store_tx_script(struct store_tx *tx, const char *sql, struct error *err);

/* One number, the first column of the first row. 0, or -1 with `err` set. */
int store_tx_number(struct store_tx *tx, const char *sql, int64_t *number, struct error *err);

/* Fold the log into the file, waiting `wait_us` at most for readers. 1 when the next write begins
 * the log anew, 0 when readers are in the way, -1 with `err` set. */
int store_tx_checkpoint(struct store_tx *tx, int64_t wait_us, struct error *err);

#endif
