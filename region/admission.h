/* admission.h - what a replica does with the requests that reach it: which one it works on, which
 * wait, and which are shed.
 *
 * The live service and the simulated server call these functions. A request beyond concurrency
 * waits; where too many wait already, the one is shed that would have been served last, because
 * work that waits too long is thrown away by those who asked. The order is the service's
 * `discipline`:
 *
 * fifo      the oldest first. When full, the newcomer is shed.
 * lifo      the newest first: under overload those are served whose callers are still there. When
 *           full, the oldest is shed.
 * codel     the oldest first, and where waits have stayed above a target for an interval some are
 *           shed when they would begin, the more the longer that lasts: Controlled Delay, Nichols
 *           and Jacobson 2012 (ACM Queue 10(5)), as RFC 8289 writes it. When full, the newcomer
 *           is shed.
 * priority  users before background work, each the oldest first. When full, a user's request pushes
 *           out the youngest background request, and everybody else is shed.
 *
 * With `drop_late` nothing is begun whose deadline has passed: it is shed when it comes, or when it
 * would begin. The deadline is the one that base/deadline.h hands on, so it is the customer's too.
 *
 * Times are the caller's ticks: microseconds live, nanoseconds simulated. All that one admission
 * gets are of one clock, which never goes back. A request brings its own item, so nothing is
 * allocated; an item that waits or was dropped belongs to the admission until it is handed back. */
#ifndef REGION_ADMISSION_H
#define REGION_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/topo.h"

struct admission_rules {  /* of one service; many admissions share them */
    uint32_t running_max; /* requests worked on at once, >= 1 */
    uint32_t waiting_max; /* requests that may wait */
    int discipline;       /* enum topo_discipline */
    bool drop_late;
    int64_t codel_target, codel_interval; /* ticks, > 0 */
};

/* What a topology says of a service; `per_us` ticks are a microsecond. */
struct admission_rules admission_rules(const struct topo_service *service, int64_t per_us);

struct admission_link { /* of a ring, so that no end is a special case */
    struct admission_link *next, *previous;
};

struct admission_item { /* lies in the caller's request; set the last two before it arrives */
    struct admission_link link;
    int64_t since;    /* when it began to wait */
    int64_t deadline; /* from then on nobody wants its answer; DEADLINE_NEVER */
    bool background;
};

struct admission_codel { /* names are those of RFC 8289 */
    int64_t first_above; /* with waits above target until then, they may be dropped; 0: below */
    int64_t drop_next;
    uint32_t count, last_count; /* drops since dropping began, this time and the last */
};

struct admission { /* do not copy or move; read `running` and `waiting`; the rest is private to
                      admission.c */
    const struct admission_rules *rules;
    uint32_t running;
    uint32_t waiting;
    struct admission_link line[2]; /* from the oldest on; the second: background work, where it has
                                      a line of its own */
    struct admission_link *dropped;
    struct admission_codel codel;
    bool dropping; /* of CoDel */
};

enum admission_answer { ADMISSION_RUN, ADMISSION_WAIT, ADMISSION_SHED };

/* Nobody runs and nobody waits. `rules` are borrowed for good. */
void admission_init(struct admission *a, const struct admission_rules *rules);

/* For the inline functions: a line in which one more may not wait, and a next one that is not just
 * the oldest. */
enum admission_answer admission_full(struct admission *a, struct admission_item *item, int64_t now);
struct admission_item *admission_choose(struct admission *a, int64_t now);

static inline void admission_append(struct admission *a, struct admission_item *item, int64_t now)
{
    struct admission_link *line = &a->line[0];
    if (item->background && a->rules->discipline == TOPO_PRIORITY)
        line = &a->line[1];
    struct admission_link *last = line->previous;
    item->since = now;
    item->link.next = line;
    item->link.previous = last;
    last->next = &item->link;
    line->previous = &item->link;
    a->waiting++;
}

static inline struct admission_item *admission_take(struct admission *a,
                                                    struct admission_link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    a->waiting--;
    return (struct admission_item *)link; /* an item's first member */
}

/* A request has come. RUN: it has a place. WAIT: its item stays here, and another may have been
 * dropped for it (admission_drop). SHED: it is to be refused, and nothing has changed. */
static inline enum admission_answer admission_arrive(struct admission *a,
                                                     struct admission_item *item, int64_t now)
{
    if (a->rules->drop_late && deadline_passed(item->deadline, now))
        return ADMISSION_SHED;
    if (a->running < a->rules->running_max) {
        a->running++;
        return ADMISSION_RUN;
    }
    if (a->waiting >= a->rules->waiting_max)
        return admission_full(a, item, now);
    admission_append(a, item, now);
    return ADMISSION_WAIT;
}

/* One that was worked on is done. The one that waited and must start now, or NULL; some may have
 * been dropped (admission_drop). */
static inline struct admission_item *admission_finish(struct admission *a, int64_t now)
{
    if (a->waiting == 0) {
        a->running--;
        return NULL;
    }
    if (a->rules->discipline == TOPO_FIFO && !a->rules->drop_late)
        return admission_take(a, a->line[0].next);
    return admission_choose(a, now);
}

/* One that waited and must be refused now, or NULL: call it after each admission_arrive and
 * admission_finish until it is. */
static inline struct admission_item *admission_drop(struct admission *a)
{
    struct admission_link *link = a->dropped;
    if (link != NULL)
        a->dropped = link->next;
    return (struct admission_item *)link;
}

/* Since when the oldest waits that is next in turn some time: of users, where background work has a
 * line of its own. INT64_MAX: none waits. What it says of the replica is control/progress.h's. */
static inline int64_t admission_oldest(const struct admission *a)
{
    const struct admission_link *oldest = a->line[0].next;
    return oldest == &a->line[0] ? INT64_MAX : ((const struct admission_item *)oldest)->since;
}

/* The replica died: nothing runs, and those that waited are the caller's again. */
void admission_clear(struct admission *a);

#endif
