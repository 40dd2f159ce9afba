/* decisions.h - what control decided outlives it: its events go into DIR/control.db, and those of
 * before are shown again.
 *
 * Nothing waits for it and nothing fails with it: when the file cannot be used the log says so, and
 * the events are in the log anyway. */
#ifndef CONTROL_LIVE_DECISIONS_H
#define CONTROL_LIVE_DECISIONS_H

#include <stdbool.h>
#include <stdint.h>

struct journal;
struct layout;
struct picture;

struct decisions {           /* fields are private to decisions.c */
    struct journal *journal; /* NULL: it cannot be used, or not yet */
    uint64_t kept;           /* events of the picture */
    int64_t due_us;          /* to write, or to try again */
    int64_t told_us;         /* the log was told then that it cannot be kept; 0: never */
    const char *path;
};

/* Open the file, put down what is wanted, and recall the last events in `p`, of which there are
 * none yet. `path` is borrowed. */
void decisions_begin(struct decisions *d, const char *path, const struct layout *l,
                     struct picture *p);

/* Write the events that are new, once a second at most. */
void decisions_keep(struct decisions *d, const struct picture *p, int64_t now_us);

/* Write the rest, and close. */
void decisions_end(struct decisions *d, const struct picture *p);

#endif
