/* work.h - the rules of a durable work queue: who holds a piece of work, and what failing leads to.
 *
 *     ready --take--> leased --finish--> done
 *       ^               |
 *       +--failed, or the lease ran out: after a wait, while there are tries; else --> dead
 *       +--given back unworked: at once, and the try does not count
 *
 * A piece is a row with these fields; the rules say what becomes of them. They know no clock
 * and no storage, so a row may live in SQLite or in a simulation. A worker shows the number of its
 * try: one whose lease has run out, or was given to another, is refused, so that of several who
 * believe that they hold a piece one at most can finish it. That the same piece is not put in twice
 * is for who keeps the rows: an id that has been seen stays in its row until all of its order is
 * over, so what is remembered is bounded by the orders that are kept. */
#ifndef REGION_WORK_H
#define REGION_WORK_H

#include <stdbool.h>
#include <stdint.h>

struct rng;

enum work_state { WORK_READY, WORK_LEASED, WORK_DONE, WORK_DEAD };

struct work {
    uint8_t state;     /* enum work_state */
    uint32_t tries;    /* begun; the number of the one that holds it, never used again */
    uint32_t forgiven; /* of them, that do not count */
    int64_t at_us;     /* ready: not before this; leased: until this */
};

struct work_opts {
    uint32_t tries_max; /* >= 1 */
    int64_t lease_us;   /* > 0 */
    int64_t backoff_us, backoff_max_us;
};

/* A new piece, to be worked on from `now_us`. */
struct work work_ready(int64_t now_us);

/* May it be taken now? */
bool work_is_ready(const struct work *w, int64_t now_us);

/* Take a piece that is ready. The number of the try, by which it is finished. */
uint32_t work_take(struct work *w, const struct work_opts *opts, int64_t now_us);

/* Does this try hold the piece? A late one, whose lease is over, does not. */
bool work_holds(const struct work *w, uint32_t try, int64_t now_us);

/* These are for a worker's try, and false, with nothing changed, when it does not hold the piece:
 * prolong the lease from now on; the work is done; give back what was not begun (a worker that
 * shuts down), to be taken by the next at once. */
bool work_extend(struct work *w, const struct work_opts *opts, uint32_t try, int64_t now_us);
bool work_finish(struct work *w, uint32_t try, int64_t now_us);
bool work_give_back(struct work *w, uint32_t try, int64_t now_us);

/* The try has failed: ready again after a wait, or dead when it was the last. */
bool work_fail(struct work *w, const struct work_opts *opts, uint32_t try, int64_t now_us,
               struct rng *rng);

/* Take the piece from a worker whose lease is over: as if that try had failed. False, with nothing
 * changed, when no lease is over. */
bool work_expire(struct work *w, const struct work_opts *opts, int64_t now_us, struct rng *rng);

/* Someone has looked at a dead piece and wants it tried again, as often as at first. */
void work_revive(struct work *w, int64_t now_us);

/* ---- how many workers ---- */

struct work_demand {
    double arrivals_per_s; /* of late */
    double time_us;        /* mean work on a piece */
    uint32_t waiting;      /* pieces that are ready and not taken */
    int64_t idle_us;       /* since the last piece came or was worked on */
};

struct work_crew {
    double busy;        /* share of its time that a worker shall be busy, 0 < busy <= 1 */
    int64_t drain_us;   /* what waits shall be worked off in this time, > 0 */
    int64_t keep_us;    /* idle workers stay so long before the last one goes */
    uint32_t count_min; /* 0: down to none */
    uint32_t count_max;
};

/* So many workers should run: as many as the arrivals keep busy, and as what waits needs besides to
 * be worked off in time. One at least while there is or just was something to do. */
uint32_t work_crew_count(const struct work_crew *crew, const struct work_demand *demand);

#endif
