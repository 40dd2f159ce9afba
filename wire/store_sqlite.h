/* store_sqlite.h - a service's rows in one SQLite file, shared by the service's replicas.
 *
 * Units of work (base/store.h) are handed over and answered later. One thread writes: it gathers
 * what waits into one transaction, each work in a savepoint of its own, so that one that fails does
 * not spoil the others, and answers after the commit is on the disk. Between processes the writers
 * go through a turnstile. Reading threads have connections of their own and see what has been
 * answered; they do not wait for writers. Threads are started when there is work for them.
 *
 * The folder holds: `rows.db` with its `-wal` and `-shm`, `turnstile`, and `cell`, the name of the
 * cell whose rows these are. A process opens a folder once, and leaves the database's files alone:
 * closing a second descriptor of one would free SQLite's locks. */
#ifndef WIRE_STORE_SQLITE_H
#define WIRE_STORE_SQLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/store.h"

struct error;
struct store;

struct store_opts {
    const char *folder; /* exists */
    const char *owner;  /* the cell; a folder of another cell is refused */

    /* The schema's history: entry n, one or more statements, makes version n + 1 from n, and is run
     * when the file is older. Append only, and so that the program of before can go on with it:
     * replicas of both share the file while one is rolled out. */
    const char *const *schema;
    size_t schema_count;

    unsigned readers;    /* threads, 1..16; 0 for 2 */
    unsigned writes_max; /* accepted and not yet answered, 1..65536; 0 for 1024 */
    unsigned reads_max;  /* the same; 0 for 1024 */

    /* The log of writes is folded into the file when it has a quarter of this, and has this and one
     * transaction at most: then writes wait for readers that stand in the way, and a process frozen
     * in a read is killed. 64..1000000 pages of 4 KiB; 0 for 4096. */
    unsigned wal_pages_max;

    int64_t work_us_max; /* one work may run so long; 0 for 100 ms */
    int64_t read_us_max; /* the same for a read; 0 for 250 ms */
    int64_t stuck_us;    /* a process that holds the store and shows no life for so long is killed;
                          * 0 for 250 ms */

    /* Answers are given on the store's threads; or, when `wake` is set, where store_answer is
     * called. `wake` is called on any thread when there are answers to give, and must only pass
     * that on. */
    void (*wake)(void *context);
    void *wake_context;
};

/* The answer to a work: `status` 0 when done (a write: on the disk), -1 when not at all, with `err`
 * good for the call. May call store_write and store_read. */
typedef void store_done(void *context, int status, const struct error *err);

/* Open or create the store and bring its schema up to date; blocks. 0, or -1 with `err` set: a
 * folder that cannot be written, another cell's, a file that is damaged or is not ours. Strings of
 * `opts` are borrowed for the call. */
int store_open(struct store **out, const struct store_opts *opts, struct error *err);

/* Accept no more works. Those accepted are still run and answered; `wake` is called when that is
 * so. Does not block. */
void store_stop(struct store *s);

/* True when store_close will not have to wait: stopped, with every answer given. */
bool store_stopped(struct store *s);

/* store_stop, give the answers that remain, free. NULL is fine. Not from a store_done. */
void store_close(struct store *s);

/* Hand over a work that may write, or one that only reads (and sees one moment). Any thread. False
 * when the queue is full, the store stopped or no thread can be had: nothing happens then, nothing
 * will be answered. The work may run more than once; at most once of these counts. Writes of one
 * thread run in order. */
bool store_write(struct store *s, store_work *work, void *context, store_done *done,
                 void *done_context);
bool store_read(struct store *s, store_work *work, void *context, store_done *done,
                void *done_context);

/* Give the answers that are due, on this thread. Returns how many. For stores with `wake`. */
size_t store_answer(struct store *s);

/* What a fault does to the store, for any thread: works take `slow` times as long (1: as they are;
 * writes with the turn, so that others wait too), and while the disk is `full` no write reaches it:
 * SQLite is told ENOSPC, as by a disk without room. All stores of the process share that disk. */
void store_suffer(struct store *s, double slow, bool full);

struct store_stats {
    uint64_t accepted;
    uint64_t refused; /* store_write or store_read said false */
    uint64_t writes;  /* works answered */
    uint64_t writes_failed;
    uint64_t commits;   /* transactions: writes / commits is the size of a group */
    uint64_t commit_us; /* that they took in all, with the wait for the turnstile */
    uint64_t reads;
    uint64_t reads_failed;
    uint64_t checkpoints; /* of these, `resets` could start the log anew */
    uint64_t resets;
    uint64_t killed;    /* processes frozen in a write or a read */
    uint32_t waiting;   /* works accepted and not yet answered, now */
    uint32_t wal_pages; /* after our last commit, and the most seen */
    uint32_t wal_pages_seen_max;
};

struct store_stats store_stats(struct store *s);

#endif
