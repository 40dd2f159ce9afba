/* cure.h - when a replica that answers but ails is started again.
 *
 * One that is dead or frozen its agent sees by itself. This is about one that reports, whose store
 * answers, and that finishes nothing or too much of it badly (FAILING, control/progress.h). Whether
 * a restart can help is seen from the cell only: the replica's like in other zones say whether it
 * is alone in it, and whether they can spare it. So control decides, and without control nobody
 * does: the doors leave out who ails anyway.
 *
 * It is restarted when it has ailed for ails_us and all of this holds:
 *   it is alone (progress_alone): what its like have as well, the store or the load does;
 *   its zone does not ail as a whole (progress_zone_alone), and no other of the zone has ailed for
 *     longer: it may be waiting for that one;
 *   as many others serve as the topology's tolerance says that there must be;
 *   none of its like is ending or starting;
 *   the wait since its last restart is over, and fewer than tries_max came before.
 * The wait doubles. Restarts that did not help say that a restart does not help: after tries_max it
 * is left alone until it has been well for good_us. The rule knows of no injected fault: what holds
 * for a cause that nobody knows has to bound that too.
 *
 * Pure, and a machine: `now_us` is handed in and never goes back. */
#ifndef CONTROL_CURE_H
#define CONTROL_CURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct status_cell;

struct cure_opts {    /* all > 0 */
    int64_t ails_us;  /* before the first restart */
    int64_t grace_us; /* to end politely */
    int64_t wait_us;  /* from one restart to the next; doubled for each one after */
    int64_t good_us;  /* one that has been well for so long has made good */
    uint32_t tries_max;
};
extern const struct cure_opts cure_usual; /* 10 s, 3 s, 1 min, 10 min, 3 */

enum cure_why { /* why one that ails is not restarted now */
                CURE_WELL,
                CURE_EARLY,  /* it has not ailed for long, or its last restart was just now */
                CURE_ENDING, /* it has been told to end */
                CURE_SPENT,  /* restarts did not help */
                CURE_COMMON, /* too many of its like ail */
                CURE_ZONE,   /* its zone ails, or another of it for longer */
                CURE_NEEDED, /* too few others serve */
                CURE_BUSY,   /* one of its like is ending or starting */
};

struct cure { /* of one replica; fields are private to cure.c */
    const struct cure_opts *opts;
    int64_t pid;      /* which process this is about */
    int64_t asked_us; /* it was told to end then; -1: it was not */
    int64_t ill_us;   /* it ailed last then */
    int64_t next_us;  /* not before */
    uint32_t tries;   /* in a row */
    enum cure_why why;
    uint32_t serving, needed;
};

/* Well, as far as is known. `opts` is borrowed. */
void cure_init(struct cure *c, const struct cure_opts *opts, int64_t now_us);

enum cure_act {
    CURE_NOTHING,
    CURE_END,  /* SIGTERM to this process: it finishes what it can */
    CURE_KILL, /* it did not end */
};

struct cure_facts { /* of a replica, and of its like in its cell */
    int64_t pid;    /* 0: there is none, or nobody knows */
    int64_t ails_us;
    uint32_t ill, all; /* of its like, itself included */
    uint32_t serving;  /* others of its like that serve */
    uint32_t needed;   /* that have to */
    bool zone_ill;     /* its zone as a whole, or another of it for longer */
    bool busy;         /* another of its like ends or starts */
};

/* What is to be done with it now. */
enum cure_act cure_look(struct cure *c, const struct cure_facts *facts, int64_t now_us);

/* Look at each replica of `cell`, of which each zone's replicas with service, pid, health and
 * ails_ms are read; all zones have the same services. `cure` has a row of services for each zone,
 * `needed` zones have to serve. `act` is told what is to be done, at most one restart of a service
 * for each call. */
void cure_cell(struct cure *cure, const struct status_cell *cell, uint32_t needed, int64_t now_us,
               void (*act)(void *context, size_t zone, size_t service, enum cure_act what),
               void *context);

/* "restarted 2 times for that, next in 1m 20s at the earliest"; "not restarted: 1 other serves, 2
 * have to"; "" when there is nothing to say. */
enum { CURE_WORDS_MAX = 128 };
void cure_words(const struct cure *c, int64_t now_us, char out[CURE_WORDS_MAX]);

#endif
