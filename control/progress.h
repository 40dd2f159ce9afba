/* progress.h - how one replica is, by what it gets done.
 *
 * A process that answers a ping may still be stuck behind a full disk, fail every tenth request or
 * take ten times as long as its like: up, and of no use (a grey failure; Huang et al. 2017,
 * HotOS XVI). So its health is its progress: who looks at it hands in what the replica counts, and
 * this says well, slow or failing, which rule says so, what was measured and what the limit is.
 *
 * Who has nothing to do is well. Who has work and finishes none of it is not, however lively it
 * is. A word changes only after several looks in a row that agree, and gets better later than it
 * got worse, and a measure must fall clearly below its limit for that: nothing flaps. Only silence
 * ends with the first report.
 *
 * A machine: `now_us` is handed in and never goes back. The replica's own clock is not asked: how
 * long nothing has moved is seen from looks that see the same counts. */
#ifndef CONTROL_PROGRESS_H
#define CONTROL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct topo_policy;
struct topo_service;

enum progress_state { /* better first */
                      PROGRESS_WELL,
                      PROGRESS_SLOW,    /* it finishes what it gets, later than it should */
                      PROGRESS_FAILING, /* it finishes nothing, or too much of it badly */
};
extern const char *const progress_state_words[]; /* by state, ended by NULL */

enum progress_rule {
    PROGRESS_FINE,
    PROGRESS_SILENT,  /* it does not report: failing */
    PROGRESS_STUCK,   /* work waits and none is finished: failing */
    PROGRESS_ERRORS,  /* too much of it ends in errors: failing */
    PROGRESS_WAITS,   /* the oldest waits for too long: slow */
    PROGRESS_COMMITS, /* its commits take too long: slow */
    PROGRESS_WORKS,   /* its work takes too long: slow */
};

struct progress_opts { /* limits; all > 0 */
    int64_t look_us;   /* between two looks */
    int64_t silent_us; /* without a report */
    int64_t stuck_us;  /* with work, and none finished */
    double errors_max; /* share of what was finished */
    int64_t wait_us, commit_us, work_us;
    /* Few say little: counts are added up over looks until there are count_min, or for window_us
     * and until there are two; and limits are raised by 2 in the root of the count. */
    int64_t count_min, window_us;
    uint32_t worse_looks, better_looks; /* in a row, before the word changes */
    double leave;                       /* part of a limit below which a measure is well again */
};

/* What is usual for a service: work may take twice as long as the topology says, the oldest
 * request may wait for half the policy's timeout. */
struct progress_opts progress_opts_of(const struct topo_service *service,
                                      const struct topo_policy *policy);

/* What a replica says of itself. Counts are since its start and never fall; that they did says that
 * it was started again. */
struct progress_sample {
    int64_t under_way; /* requests and messages that wait or are worked on */
    int64_t oldest_us; /* how long the oldest of those that wait has waited; 0: none waits */
    int64_t finished;  /* work that ended, well or badly; refusing at the door is no work */
    int64_t failed;    /* of those, badly: an error of its own, not the customer's */
    int64_t work_us;   /* that they took in all, from begin to end, without what others that were
                          asked took */
    int64_t commits;   /* to its store; 0 for ever where it makes none */
    int64_t commit_us; /* that they took in all */
};

struct progress { /* read state, rule, measured, limit and since_us; the rest is private */
    struct progress_opts opts;
    enum progress_state state;
    enum progress_rule rule; /* which says so; FINE while well */
    double measured, limit;  /* of that rule: us, or a share */
    int64_t since_us;        /* in this state */

    struct progress_sample last, base; /* the last one, and the one that shares are counted from */
    int64_t base_us, moved_us, heard_us, looked_us;
    uint32_t worse, better; /* looks in a row */
};

/* Well, and not looked at yet. */
void progress_init(struct progress *p, const struct progress_opts *opts, int64_t now_us);

/* Take a sample; NULL: it was asked and said nothing. True when the state has changed. */
bool progress_look(struct progress *p, const struct progress_sample *sample, int64_t now_us);

/* When to look next. */
int64_t progress_next_us(const struct progress *p);

/* "nothing finished for 2.1 s with 12 under way, limit 2 s; next look in 1 s"; "" while it is
 * well. */
enum { PROGRESS_WORDS_MAX = 128 };
void progress_words(const struct progress *p, int64_t now_us, char out[PROGRESS_WORDS_MAX]);

/* Whether it ails by itself: the others of its kind would do better with the same requests. One
 * whose line alone is long may just be asked too much. */
static inline bool progress_ails(const struct progress *p)
{
    return p->state != PROGRESS_WELL && p->rule != PROGRESS_WAITS;
}

/* Whether it reports, its store with it, and fails all the same. */
static inline bool progress_fails(const struct progress *p)
{
    return p->state == PROGRESS_FAILING && p->rule != PROGRESS_SILENT;
}

/* Whether what ails `ill` of `all` is their own: where half of their like or more ail at once, it
 * is the load or what they all depend on, and others in their place would do no better. */
static inline bool progress_alone(uint32_t ill, uint32_t all)
{
    return ill > 0 && ill < all - ill;
}

/* The same of a zone: more than half of its replicas ail, and less than half of those elsewhere. */
static inline bool progress_zone_alone(uint32_t ill, uint32_t all, uint32_t ill_elsewhere,
                                       uint32_t all_elsewhere)
{
    return ill > all - ill && ill_elsewhere < all_elsewhere - ill_elsewhere;
}

#endif
