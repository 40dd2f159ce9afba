#include "control/live/door_reasons.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/live/door_groups.h"
#include "control/status.h"

struct list {
    struct status *status;
    struct status_door *door;
    const struct topo *topo;
    int64_t now_us;
    struct arena *a;
    bool failed; /* memory is out */
};

static const char *cell_name(const struct list *l, const struct door_group *g)
{
    return l->topo->cells[g->cell].name;
}

static const char *service_name(const struct list *l, const struct door_group *g)
{
    return l->topo->services[g->service].name;
}

/* `why` is made only for those that are told. */
static bool room(struct list *l)
{
    if (l->door->reason_count < STATUS_REASONS_MAX)
        return true;
    l->door->reasons_more++;
    return false;
}

static void add(struct list *l, struct status_reason reason)
{
    reason.zone = reason.zone == NULL ? "" : reason.zone;
    reason.service = reason.service == NULL ? "" : reason.service;
    l->failed = l->failed || reason.why == NULL;
    l->door->reasons[l->door->reason_count++] = reason;
}

static int64_t since_ms(const struct list *l, const struct spell *s)
{
    return spell_on(s, l->now_us) ? (l->now_us - s->since_us) / 1000 : -1;
}

/* ---- replicas ---- */

/* Those left out, in the row of their zone as well. */
static void mark_zone(struct list *l, const struct door_group *g, struct status_zone *zone,
                      bool taken)
{
    const char *what = taken ? "taken out by the map" : "left out after failures";
    const char *why = zone->why[0] == '\0'
                          ? arena_format(l->a, "%s: %s", what, service_name(l, g))
                          : arena_format(l->a, "%s, %s", zone->why, service_name(l, g));
    zone->why = why == NULL ? zone->why : why;
}

/* Where all are left out any is asked, so that one which is left out may have answered since. */
static const char *why_left_out(struct list *l, const struct door_group *g, uint32_t index)
{
    const struct door_seen *seen = &g->seen[index];
    uint32_t limit = g->route.balance.opts.eject_failures;
    const char *trial =
        g->route.balance.replica[index].state == BALANCE_TRIAL ? "; a trial is under way" : "";
    if (seen->failures == 0)
        return arena_format(l->a, "it failed %u times in a row, and has answered since%s", limit,
                            trial);
    if (seen->failures > limit)
        return arena_format(l->a, "%u failures in a row (limit %u), last %s%s", seen->failures,
                            limit, door_last_name(seen->last), trial);
    return arena_format(l->a, "%u failure%s in a row, last %s%s", seen->failures,
                        seen->failures == 1 ? "" : "s", door_last_name(seen->last), trial);
}

static void add_replica(struct list *l, const struct door_group *g, uint32_t index)
{
    const struct balance_replica *r = &g->route.balance.replica[index];
    const struct door_seen *seen = &g->seen[index];
    bool taken = r->state == BALANCE_GONE, waits = r->state == BALANCE_OUT;
    if (r->state == BALANCE_IN)
        return;
    mark_zone(l, g, &l->status->cells[g->cell].zones[r->zone], taken);
    if (!room(l))
        return;
    const char *why = taken ? "the map says so" : why_left_out(l, g, index);
    int64_t left_us = waits && r->until_us > l->now_us ? r->until_us - l->now_us : 0;
    add(l, (struct status_reason){.what = taken ? STATUS_TAKEN_OUT : STATUS_LEFT_OUT,
                                  .cell = cell_name(l, g),
                                  .zone = l->topo->cells[g->cell].zones[r->zone],
                                  .service = service_name(l, g),
                                  .since_ms = (l->now_us - seen->since_us) / 1000,
                                  .until_ms = taken ? -1 : (left_us + 999) / 1000,
                                  .why = why});
}

/* ---- services ---- */

static void add_panic(struct list *l, const struct door_group *g)
{
    const struct balance *b = &g->route.balance;
    uint32_t there = b->count - b->gone;
    if (there == 0 || (!b->panic && b->in_count > 0) || !room(l))
        return;
    const char *why =
        b->in_count == 0
            ? arena_format(l->a, "none of %u takes part, and a guess is better than a refusal",
                           there)
            : arena_format(l->a, "%u of %u take part, less than %.0f %%", b->in_count, there,
                           b->opts.panic * 100);
    add(l, (struct status_reason){.what = STATUS_PANIC,
                                  .cell = cell_name(l, g),
                                  .service = service_name(l, g),
                                  .since_ms = since_ms(l, &g->panic),
                                  .until_ms = -1,
                                  .why = why});
}

static void add_breaker(struct list *l, const struct door_group *g)
{
    const struct breaker_seen seen = breaker_sees(&g->route.breaker, l->now_us);
    if ((seen.refused <= 0 && !spell_on(&g->broken, l->now_us)) || !room(l))
        return;
    add(l, (struct status_reason){
               .what = STATUS_BREAKER,
               .cell = cell_name(l, g),
               .service = service_name(l, g),
               .since_ms = since_ms(l, &g->broken),
               .until_ms = -1,
               .why = arena_format(l->a,
                                   "%.0f %% of them, as %.0f of the last %.0f were accepted and "
                                   "%.1f may be sent for each",
                                   seen.refused * 100, seen.accepts, seen.requests,
                                   g->route.breaker.opts.k)});
}

/* ---- budgets ---- */

static double tokens(int64_t parts)
{
    return (double)parts / RETRY_TOKEN;
}

/* A budget of a cell (`service` is ""), or of one of its services. */
static void add_budget(struct list *l, const struct retry *r, const struct spell *off,
                       enum status_what what, const char *cell, const char *service)
{
    struct status_door *door = l->door;
    if (r->have < r->full && door->budget_count < STATUS_REASONS_MAX)
        door->budgets[door->budget_count++] =
            (struct status_budget){.cell = cell,
                                   .service = service,
                                   .of = what == STATUS_RETRIES_OFF ? "retries" : "second copies",
                                   .left = tokens(r->have),
                                   .full = tokens(r->full),
                                   .earned = tokens(r->earn)};
    bool spent = r->full > 0 && r->have < RETRY_TOKEN;
    if ((!spent && !spell_on(off, l->now_us)) || !room(l))
        return;
    add(l, (struct status_reason){
               .what = (int)what,
               .cell = cell,
               .service = service,
               .since_ms = since_ms(l, off),
               .until_ms = -1,
               .why = arena_format(l->a,
                                   "%.2f of %.0f tokens left, each takes 1 and a request earns "
                                   "%.2f; %llu refused",
                                   tokens(r->have), tokens(r->full), tokens(r->earn),
                                   spell_on(off, l->now_us) ? (unsigned long long)off->count : 0)});
}

/* ---- all of it ---- */

int door_reasons_add(struct status *status, const struct door_groups *all, int64_t now_us,
                     struct arena *a)
{
    struct status_door *door = &status->doors[0];
    struct list l = {status, door, all->layout->topo, now_us, a, false};
    door->reasons = arena_alloc(a, STATUS_REASONS_MAX, sizeof door->reasons[0]);
    door->budgets = arena_alloc(a, STATUS_REASONS_MAX, sizeof door->budgets[0]);
    if (door->reasons == NULL || door->budgets == NULL)
        return -1;
    for (size_t i = 0; i < all->group_count; i++) {
        const struct door_group *g = &all->group[i];
        if (g->service == 0) /* the first of its cell */
            add_budget(&l, &all->cell[g->cell].retry, &all->cell[g->cell].retries_off,
                       STATUS_RETRIES_OFF, cell_name(&l, g), "");
        for (uint32_t k = 0; k < g->route.balance.count; k++)
            add_replica(&l, g, k);
        add_panic(&l, g);
        add_breaker(&l, g);
        if (g->route.hedge.opts.budget > 0)
            add_budget(&l, &g->route.hedge.budget, &g->copies_off, STATUS_COPIES_OFF,
                       cell_name(&l, g), service_name(&l, g));
    }
    return l.failed ? -1 : 0;
}
