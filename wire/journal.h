/* journal.h - DIR/control.db: what is wanted of a system, and what control decided and why.
 *
 *     wanted(cell, zone, servers, since_ms)     the zones that are to run, and how many servers
 * each decision(number, at_ms, text)             the last JOURNAL_DECISIONS_MAX, oldest first
 *
 * An SQLite file of control alone; others may read it while it is open. Times are by the system's
 * clock. Whatever becomes of it, nothing else stops: what it would have kept is told in the log.
 * Not in the log mode that SQLite calls WAL, for the reason that wire/results_db.h gives. */
#ifndef WIRE_JOURNAL_H
#define WIRE_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

struct error;
struct journal;

enum { JOURNAL_DECISIONS_MAX = 10000 };

struct journal_want {
    const char *cell, *zone;
    int64_t servers;
};

struct journal_decision {
    int64_t at_ms;
    const char *text;
};

/* Open or make it. A file that is damaged is put aside as PATH.damaged, over the one before. 0, or
 * -1 with `err` set: it cannot be read or written, or is no journal. */
int journal_open(struct journal **out, const char *path, struct error *err);
void journal_close(struct journal *j); /* NULL is fine */

/* These zones are wanted from now on, and no others; *changes says how many rows are others than
 * before. One transaction. 0, or -1 with `err` set and all as before. */
int journal_want(struct journal *j, const struct journal_want *want, size_t count, int64_t now_ms,
                 size_t *changes, struct error *err);

/* Add decisions, oldest first, in one transaction. 0, or -1 with `err` set and none added. */
int journal_add(struct journal *j, const struct journal_decision *decision, size_t count,
                struct error *err);

/* Tell the last `most`, oldest first; texts are good for the call. 0, or -1 with `err` set. */
int journal_last(struct journal *j, size_t most,
                 void (*tell)(void *context, const struct journal_decision *decision),
                 void *context, struct error *err);

#endif
