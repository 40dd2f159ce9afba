#include "region/admission.h"

#include <assert.h>

#include "base/fmath.h"
#include "base/topo.h"

struct admission_rules admission_rules(const struct topo_service *service, int64_t per_us)
{
    return (struct admission_rules){
        .running_max = (uint32_t)service->concurrency,
        .waiting_max = (uint32_t)service->queue,
        .discipline = service->discipline,
        .drop_late = service->drop_late,
        .codel_target = service->codel_target_us * per_us,
        .codel_interval = service->codel_interval_us * per_us,
    };
}

void admission_init(struct admission *a, const struct admission_rules *rules)
{
    *a = (struct admission){.rules = rules};
    for (int i = 0; i < 2; i++)
        a->line[i] = (struct admission_link){&a->line[i], &a->line[i]};
}

void admission_clear(struct admission *a)
{
    assert(a->dropped == NULL);
    admission_init(a, a->rules);
}

static void drop(struct admission *a, struct admission_item *item)
{
    item->link.next = a->dropped;
    a->dropped = &item->link;
}

/* ---- who waits ---- */

/* Who would be served last, and after `item`; NULL: that is `item` itself. */
static struct admission_link *served_last(struct admission *a, const struct admission_item *item)
{
    struct admission_link *last = NULL;
    if (a->rules->discipline == TOPO_LIFO)
        last = a->line[0].next;
    else if (a->rules->discipline == TOPO_PRIORITY && !item->background)
        last = a->line[1].previous;
    return last == &a->line[0] || last == &a->line[1] ? NULL : last;
}

enum admission_answer admission_full(struct admission *a, struct admission_item *item, int64_t now)
{
    struct admission_link *last = served_last(a, item);
    if (last == NULL)
        return ADMISSION_SHED;
    drop(a, admission_take(a, last));
    admission_append(a, item, now);
    return ADMISSION_WAIT;
}

/* ---- who is next ---- */

static struct admission_item *take_next(struct admission *a, int64_t now)
{
    while (a->waiting > 0) {
        struct admission_link *first = a->line[0].next;
        if (a->rules->discipline == TOPO_LIFO)
            first = a->line[0].previous;
        else if (first == &a->line[0])
            first = a->line[1].next;
        struct admission_item *item = admission_take(a, first);
        if (!a->rules->drop_late || !deadline_passed(item->deadline, now))
            return item;
        drop(a, item);
    }
    return NULL;
}

/* The next, and whether waits have been above target for an interval. The last that waits is never
 * dropped, as RFC 8289 never drops the last packet: its place would be free for nobody. So whenever
 * none waits, the state is that of low waits, and admission_finish need not look at it. */
static struct admission_item *codel_take(struct admission *a, int64_t now, bool *may_drop)
{
    struct admission_codel *c = &a->codel;
    struct admission_item *item = take_next(a, now);
    *may_drop = false;
    if (item == NULL || now - item->since < a->rules->codel_target || a->waiting == 0)
        c->first_above = 0;
    else if (c->first_above == 0)
        c->first_above = now + a->rules->codel_interval;
    else
        *may_drop = now >= c->first_above;
    return item;
}

/* When to drop next: the distances shrink with the root of how many were dropped, which for flows
 * under congestion control lowers the load at a constant pace. */
static int64_t codel_later(const struct admission *a, int64_t from)
{
    double root = fmath_sqrt((double)a->codel.count);
    return from + (int64_t)((double)a->rules->codel_interval / root);
}

/* RFC 8289, section 5.5. */
static struct admission_item *codel_next(struct admission *a, int64_t now)
{
    struct admission_codel *c = &a->codel;
    bool may_drop;
    struct admission_item *item = codel_take(a, now, &may_drop);
    if (a->dropping) {
        a->dropping = may_drop;
        while (a->dropping && now >= c->drop_next) {
            drop(a, item);
            c->count++;
            item = codel_take(a, now, &may_drop);
            a->dropping = may_drop;
            if (may_drop)
                c->drop_next = codel_later(a, c->drop_next);
        }
    } else if (may_drop) {
        drop(a, item);
        item = codel_take(a, now, &may_drop);
        a->dropping = true;
        /* Dropping ended only lately: its pace then is a good one to go on with. */
        uint32_t lately = c->count - c->last_count;
        bool soon = now - c->drop_next < 16 * a->rules->codel_interval;
        c->count = soon && lately > 1 ? lately : 1;
        c->last_count = c->count;
        c->drop_next = codel_later(a, now);
    }
    return item;
}

struct admission_item *admission_choose(struct admission *a, int64_t now)
{
    struct admission_item *item =
        a->rules->discipline == TOPO_CODEL ? codel_next(a, now) : take_next(a, now);
    if (item == NULL)
        a->running--;
    return item;
}
