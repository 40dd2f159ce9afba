#include "control/live/decisions.h"

#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/picture.h"
#include "wire/clock.h"
#include "wire/journal.h"
#include "wire/log.h"

enum { EVERY_US = 1000000, AGAIN_US = 2000000, TOLD_US = 60000000 };

/* A full disk is not asked twice a second, nor is the log filled with it. */
static void complain(struct decisions *d, const struct error *err)
{
    int64_t now_us = clock_us();
    if (d->told_us == 0 || now_us - d->told_us >= TOLD_US) {
        log_line("%s; decisions are in the log only", err->text);
        d->told_us = now_us;
    }
    d->due_us = now_us + AGAIN_US;
}

static int put_wanted(struct decisions *d, const struct layout *l, struct picture *p,
                      struct error *err)
{
    struct arena a = {0};
    size_t zones = 0, changes = 0, count = 0;
    for (size_t i = 0; i < l->topo->cell_count; i++)
        zones += l->topo->cells[i].zone_count;
    struct journal_want *want = arena_alloc(&a, zones, sizeof want[0]);
    if (want == NULL)
        return error_memory(err);
    for (size_t i = 0; i < l->topo->cell_count; i++)
        for (size_t k = 0; k < l->topo->cells[i].zone_count; k++)
            want[count++] = (struct journal_want){.cell = l->topo->cells[i].name,
                                                  .zone = l->topo->cells[i].zones[k],
                                                  .servers = (int64_t)l->topo->service_count};
    int status = journal_want(d->journal, want, count, clock_wall_ms(), &changes, err);
    if (status == 0 && changes > 0)
        picture_event(p, clock_us(), "wanted: %zu zones of %zu services each", zones,
                      l->topo->service_count);
    arena_release(&a);
    return status;
}

static void recall(void *context, const struct journal_decision *decision)
{
    int64_t ago_ms = clock_wall_ms() - decision->at_ms;
    if (ago_ms < 0) /* the clock was set back */
        ago_ms = 0;
    picture_event(context, clock_us() - ago_ms * 1000, "%s", decision->text);
}

void decisions_begin(struct decisions *d, const char *path, const struct layout *l,
                     struct picture *p)
{
    struct error err;
    *d = (struct decisions){.path = path};
    if (journal_open(&d->journal, path, &err) != 0 ||
        journal_last(d->journal, PICTURE_EVENTS_MAX, recall, p, &err) != 0)
        complain(d, &err);
    d->kept = p->event_count;
    if (d->journal != NULL && put_wanted(d, l, p, &err) != 0)
        complain(d, &err);
}

static int write_new(struct decisions *d, const struct picture *p, struct error *err)
{
    struct journal_decision decision[PICTURE_EVENTS_MAX];
    size_t count = 0;
    int64_t now_us = clock_us(), now_ms = clock_wall_ms();
    if (p->event_count - d->kept > PICTURE_EVENTS_MAX)
        d->kept = p->event_count - PICTURE_EVENTS_MAX;
    for (uint64_t i = d->kept; i < p->event_count; i++) {
        const struct picture_event *e = &p->event[i % PICTURE_EVENTS_MAX];
        decision[count++] = (struct journal_decision){.at_ms = now_ms - (now_us - e->at_us) / 1000,
                                                      .text = e->text};
    }
    int status = journal_add(d->journal, decision, count, err);
    if (status == 0)
        d->kept = p->event_count;
    return status;
}

void decisions_keep(struct decisions *d, const struct picture *p, int64_t now_us)
{
    struct error err;
    if (p->event_count == d->kept || now_us < d->due_us)
        return;
    d->due_us = now_us + EVERY_US;
    if (d->journal == NULL && journal_open(&d->journal, d->path, &err) != 0)
        complain(d, &err);
    else if (write_new(d, p, &err) != 0)
        complain(d, &err);
}

void decisions_end(struct decisions *d, const struct picture *p)
{
    struct error err;
    if (d->journal != NULL && p->event_count != d->kept && write_new(d, p, &err) != 0)
        complain(d, &err);
    journal_close(d->journal);
    d->journal = NULL;
}
