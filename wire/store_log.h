/* store_log.h - the bound of SQLite's write-ahead log.
 *
 * The log is folded into the file when it passes a quarter of its bound. Readers may stand in the
 * way of starting it anew; at the bound itself writing waits for them. A read has a time it may
 * take, so one that stays much longer belongs to a frozen process. SQLite's locks are locks of the
 * process at documented places of the shared memory file, so the kernel names it, and it is killed.
 *
 * All under the turnstile. */
#ifndef WIRE_STORE_LOG_H
#define WIRE_STORE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;
struct store_tx;

struct store_log { /* private to store_log.c but for the counters, which the writer reads */
    struct store_tx *tx;
    int shared;
    uint32_t pages_max;
    uint32_t due; /* fold at so many pages */
    int64_t read_us_max;
    uint64_t folds, resets, killed;
    uint32_t pages_seen_max;
};

/* For the file that `tx`, a writer, has open; `shared_path` is its "-shm". 0, or -1 with `err` set.
 * The log is closed after every connection of this process. */
int store_log_open(struct store_log *log, struct store_tx *tx, const char *shared_path,
                   uint32_t pages_max, int64_t read_us_max, struct error *err);
void store_log_close(struct store_log *log);

/* How long it is, in pages. Also without the turnstile, and then a guess. */
uint32_t store_log_pages(struct store_log *log);

/* True when it should be folded, which store_log_fold does, waiting little. */
bool store_log_due(struct store_log *log);
void store_log_fold(struct store_log *log);

/* Before a write: 0 when the log is below its bound or could be brought there, -1 with `err` set.
 */
int store_log_room(struct store_log *log, struct error *err);

/* Begin a write; whoever holds the file against us without having the turn is killed if it goes on
 * so. 0, or -1 with `err` set. */
int store_log_begin(struct store_log *log, struct error *err);

#endif
