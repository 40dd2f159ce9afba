/* turnstile.h - one at a time, in turn, between processes.
 *
 * A service's replicas share one folder, and only one of them may write there at a time. Two locks
 * in the file FOLDER/turnstile make the queue: who wants in takes `next`, then `work`, then lets
 * `next` go. Whoever comes back at once finds the others before it, so shares are equal and the
 * longest wait is short. The kernel frees the locks of one that dies.
 *
 * A holder that freezes (a SIGSTOP, a disk that does not answer) would stop all the others: one
 * that holds without a sign of life for `stuck_us` is killed; time in which one only lacks a
 * processor, as on a machine that has too much to do, counts a quarter. The locks are owned by the
 * process, so it is the kernel that names the holder, not something that was written down: it is
 * asked, the process is pinned by a pidfd, and the kernel is asked again. No one else can be hit.
 *
 * A sandbox may forbid the waiters to send signals; they then wait on, and whoever stands outside
 * (the zone's agent) looks after the folder with a `struct turnstile_watch` of its own. */
#ifndef WIRE_TURNSTILE_H
#define WIRE_TURNSTILE_H

#include <stdint.h>
#include <sys/types.h>

struct error;
struct turnstile;

enum { TURNSTILE_STUCK_US = 250000, TURNSTILE_STARVED = 4 /* the quarter */ };

/* Counted since turnstile_open. */
struct turnstile_stats {
    uint64_t taken;
    uint64_t waited;  /* of these, had to queue */
    uint64_t killed;  /* frozen holders */
    uint64_t refused; /* frozen holders that we may not kill */
};

/* Open the turnstile of `folder`, made when it is not there. A process opens a folder's turnstile
 * once. `stuck_us`: as above, 0 for TURNSTILE_STUCK_US. 0, or -1 with `err` set. */
int turnstile_open(struct turnstile **out, const char *folder, int64_t stuck_us, struct error *err);

/* Lets go when held. NULL is fine. */
void turnstile_close(struct turnstile *t);

/* Wait for our turn; threads of one process queue too. 0, or -1 with `err` set and nothing held. */
int turnstile_take(struct turnstile *t, struct error *err);

/* The holder is alive: `stuck_us` begins anew. */
void turnstile_beat(struct turnstile *t);

/* Let the next one in. */
void turnstile_give(struct turnstile *t);

/* For any thread. */
struct turnstile_stats turnstile_stats(const struct turnstile *t);

/* ---- watching from outside ---- */

struct turnstile_watch { /* fields are private to turnstile.c */
    int fd;
    int64_t stuck_us;
    int64_t looked_us;  /* when we last looked */
    int64_t counted_us; /* for so long the same holder, unchanged */
    pid_t pid;
    unsigned char mark[16];
};

/* Watch the turnstile of `folder`, not for a process that has it open itself. 0, or -1 with `err`
 * set, also when there is none yet. Release it with turnstile_watch_release. */
int turnstile_watch_init(struct turnstile_watch *w, const char *folder, int64_t stuck_us,
                         struct error *err);

/* Look; to be called every `stuck_us` / 5 or so. Time that was not watched does not count: a
 * machine that slept wakes with all its holders. Returns the process killed, 0 for none, -1 for one
 * that is stuck and may not be killed (errno says why). */
pid_t turnstile_watch_look(struct turnstile_watch *w, int64_t now_us);

void turnstile_watch_release(struct turnstile_watch *w);

#endif
