#include "simulator/faults.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/data.h"
#include "base/error.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "control/capacity.h"
#include "simulator/ask.h"
#include "simulator/orders.h"
#include "simulator/plane.h"
#include "simulator/serve.h"
#include "simulator/trace.h"
#include "simulator/world.h"

int faults_check(const struct scenario *s, const struct topo *topo,
                 const struct capacity_plan *plan, struct error *err)
{
    for (size_t i = 0; i < s->fault_count; i++) {
        const struct scenario_fault *f = &s->faults[i];
        if (f->server < 0)
            continue;
        int64_t per_zone = plan->cells[f->cell].services[f->service].per_zone;
        if (f->server >= per_zone)
            return error_set(err, ERR_UNKNOWN,
                             "faults[%zu].scope: zone %s/%s has %lld server%s of %s, so no %s", i,
                             topo->cells[f->cell].name, topo->cells[f->cell].zones[f->zone],
                             (long long)per_zone, per_zone == 1 ? "" : "s",
                             topo->services[f->service].name, f->scope);
    }
    return 0;
}

/* ---- when ---- */

/* After `delay_ns`, or not at all when that is beyond the end of the run. */
static void later(struct world *w, double delay_ns, enum world_kind kind, uint32_t fault)
{
    if (delay_ns < (double)(w->end_ns - engine_now(&w->engine)))
        engine_after(&w->engine, (int64_t)(delay_ns + 0.5), kind, fault);
}

/* How long a fault lasts. Incidents are drawn from `minutes`, as long as the arena lives. */
static int init_lasts(struct dist *d, const struct scenario_fault *f, struct arena *a)
{
    struct error err;
    struct dist_opts opts = {
        .kind = f->spread_kind, .mean = (double)f->for_us * 1000, .cs2 = f->cs2, .tail = f->tail};
    if (f->spread_kind == DIST_EMPIRICAL) {
        double *ns = arena_alloc(a, DATA_INCIDENTS_MAX, sizeof ns[0]);
        if (ns == NULL)
            return -1;
        bool regions = f->kind == FAULT_REGION_DOWN;
        opts.sample = ns;
        opts.sample_count = data_incident_minutes(regions, ns, DATA_INCIDENTS_MAX);
        for (size_t i = 0; i < opts.sample_count; i++)
            ns[i] *= 60e9;
    } else if (f->for_us == 0) {
        return 0; /* to the end */
    }
    int status = dist_init(d, &opts, &err);
    assert(status == 0); /* scenario_bind has tried it */
    return status;
}

int faults_init(struct world *w, uint64_t seed, uint64_t replication, struct arena *a)
{
    w->count.fault_first_ns = w->count.detect_ns = -1;
    for (size_t c = 0; c < w->topo->cell_count; c++)
        faults_paths(w, c);
    for (uint32_t i = 0; i < w->scenario->fault_count; i++) {
        const struct scenario_fault *f = &w->scenario->faults[i];
        char name[32];
        snprintf(name, sizeof name, "faults[%lu]", (unsigned long)i);
        rng_named(&w->fault[i].rng, seed, replication, name, "times");
        if (init_lasts(&w->fault[i].lasts, f, a) != 0)
            return -1;
        double at_ns = (double)f->at_us * 1000;
        if (f->every_us > 0)
            at_ns += (double)f->every_us * 1000 * rng_exp(&w->fault[i].rng);
        later(w, at_ns, WORLD_BREAK, i);
    }
    return 0;
}

/* ---- what ---- */

/* Whether a server of a group is one of those that the fault names. A store dies with the cell or
 * the region, not with a zone. */
static bool touches_server(const struct world *w, const struct scenario_fault *f,
                           const struct world_group *group, uint32_t server)
{
    if (f->service != SCENARIO_ANY && group->service != &w->topo->services[f->service])
        return false;
    if (f->zone == SCENARIO_ANY)
        return true;
    uint32_t nth = server - group->server_first;
    if (group->service->store || nth / group->slots != f->zone)
        return false;
    return f->server < 0 || nth % group->slots == (uint32_t)f->server;
}

/* Faults may overlap: those that hold a server down are counted, what makes it slow is multiplied,
 * and each error hits what the others have left. */
static void mark_server(const struct world *w, struct world_server *server,
                        const struct scenario_fault *f)
{
    (void)w;
    switch (f->kind) {
    case FAULT_SLOW:
    case FAULT_STORE_SLOW:
        server->slow *= f->factor;
        break;
    case FAULT_ERRORS:
    case FAULT_DISK_FULL:
        server->errors = 1 - (1 - server->errors) * (1 - f->share);
        break;
    case FAULT_ZONE_DOWN:
    case FAULT_SERVER_DOWN:
    case FAULT_SERVICE_DOWN:
    case FAULT_CELL_DOWN:
    case FAULT_REGION_DOWN:
    case FAULT_STORE_DOWN:
        server->down++;
        break;
    default:
        break;
    }
}

bool faults_mark(struct world *w, size_t cell)
{
    bool died = false;
    for (size_t k = 0; k < w->topo->service_count; k++) {
        const struct world_group *group = &w->group[cell * w->topo->service_count + k];
        uint32_t end = group->server_first + group->route.balance.count;
        for (uint32_t i = group->server_first; i < end; i++) {
            struct world_server *server = &w->server[i];
            bool was_dead = server->down > 0 || server->crashed;
            server->down = 0;
            server->slow = 1;
            server->errors = server->new_errors;
            for (size_t n = 0; n < w->scenario->fault_count; n++) {
                const struct scenario_fault *f = &w->scenario->faults[n];
                if (w->fault[n].on && scenario_fault_touches(f, w->topo, cell) &&
                    touches_server(w, f, group, i))
                    mark_server(w, server, f);
            }
            if (!was_dead && server->down > 0) {
                server->since_ns = engine_now(&w->engine);
                died = true;
            }
        }
    }
    return died;
}

void faults_paths(struct world *w, size_t cell_index)
{
    struct world_cell *cell = &w->cell[cell_index];
    uint32_t places = cell->zones + 1;
    for (uint32_t from = 0; from < places; from++)
        for (uint32_t to = 0; to < places; to++) {
            int64_t way_ns = topo_rtt_us(&w->topo->cells[cell_index], from, to) * 1000 / 2;
            for (size_t n = 0; n < w->scenario->fault_count && way_ns != WORLD_CUT; n++) {
                const struct scenario_fault *f = &w->scenario->faults[n];
                if (!w->fault[n].on || f->cell != cell_index ||
                    !scenario_fault_crosses(f, from, to))
                    continue;
                if (f->kind == FAULT_PARTITION)
                    way_ns = WORLD_CUT;
                else if (f->kind == FAULT_LATENCY)
                    way_ns += f->extra_us * 1000;
            }
            cell->path_ns[from * places + to] = way_ns;
        }
}

/* ---- a customer whose requests kill ---- */

void faults_poison(void *world, const struct event *event)
{
    struct world *w = world;
    struct world_fault *fault = &w->fault[event->who];
    const struct scenario_fault *f = &w->scenario->faults[event->who];
    later(w, 1e9 / f->factor * rng_exp(&fault->rng), WORLD_POISON, event->who);
    for (uint32_t i = 0; i < w->stream_count; i++)
        if (w->stream[i].country == f->country) { /* the first service that customers ask */
            ask_poison(w, i, event->who);
            return;
        }
}

void faults_crash(struct world *w, uint32_t server, uint32_t fault)
{
    if (w->server[server].down == 0)
        w->server[server].since_ns = engine_now(&w->engine);
    w->server[server].crashed = true;
    later(w, (double)w->scenario->faults[fault].extra_us * 1000, WORLD_RESTART, server);
    serve_reset_dead(w);
    if (w->orders != NULL)
        orders_changed(w, w->group[w->server[server].group].cell);
}

void faults_restart(void *world, const struct event *event)
{
    struct world *w = world;
    w->server[event->who].crashed = false;
    if (w->orders != NULL)
        orders_changed(w, w->group[w->server[event->who].group].cell);
}

bool faults_silence(const struct world *w, size_t cell, uint32_t zone)
{
    for (size_t n = 0; n < w->scenario->fault_count; n++) {
        const struct scenario_fault *f = &w->scenario->faults[n];
        bool whole = f->kind == FAULT_CELL_DOWN || f->kind == FAULT_REGION_DOWN;
        bool part = (f->kind == FAULT_ZONE_DOWN || f->kind == FAULT_PARTITION) && f->zone == zone &&
                    f->to == SCENARIO_ANY;
        if (w->fault[n].on && (whole || part) && scenario_fault_touches(f, w->topo, cell))
            return true;
    }
    return false;
}

/* All that follows from the faults that are on now. */
static void apply(struct world *w, const struct scenario_fault *f, bool on)
{
    if (f->kind == FAULT_POISON)
        return;
    if (f->kind == FAULT_BAD_DEPLOY) {
        plane_deploy(w, (uint32_t)(f - w->scenario->faults), on);
        return;
    }
    if (f->kind == FAULT_CONTROL_DOWN) {
        w->cell[f->cell].control_down += on ? 1 : UINT32_MAX;
        return;
    }
    if (f->kind == FAULT_SURGE) {
        double factor = 1;
        for (size_t n = 0; n < w->scenario->fault_count; n++)
            if (w->fault[n].on && w->scenario->faults[n].kind == FAULT_SURGE &&
                w->scenario->faults[n].country == f->country)
                factor *= w->scenario->faults[n].factor;
        world_surge(w, f->country, factor);
        return;
    }
    bool died = false;
    for (size_t c = 0; c < w->topo->cell_count; c++) {
        if (!scenario_fault_touches(f, w->topo, c))
            continue;
        if (f->kind == FAULT_PARTITION || f->kind == FAULT_LATENCY)
            faults_paths(w, c);
        else
            died = faults_mark(w, c) || died;
        if (w->orders != NULL)
            orders_changed(w, (uint32_t)c);
    }
    if (died)
        serve_reset_dead(w);
}

void faults_control(void *world, const struct event *event)
{
    struct world *w = world;
    w->cell[event->who].control_down--;
}

/* The control plane of the fault's cells goes with it for a while. */
static void take_control(struct world *w, const struct scenario_fault *f)
{
    for (uint32_t c = 0; c < w->topo->cell_count; c++)
        if (scenario_fault_touches(f, w->topo, c)) {
            w->cell[c].control_down++;
            later(w, (double)f->control_us * 1000, WORLD_CONTROL, c);
        }
}

void faults_break(void *world, const struct event *event)
{
    struct world *w = world;
    struct world_fault *fault = &w->fault[event->who];
    const struct scenario_fault *f = &w->scenario->faults[event->who];
    trace_fault(w, TRACE_BREAK, event->who);
    w->faults_on++;
    if (w->count.fault_first_ns < 0)
        w->count.fault_first_ns = engine_now(&w->engine);
    w->count.fault_last_ns = INT64_MAX;
    fault->on = true;
    if (f->for_us > 0 || f->spread_kind == DIST_EMPIRICAL)
        later(w, dist_draw(&fault->lasts, &fault->rng), WORLD_HEAL, event->who);
    if (f->kind == FAULT_POISON)
        later(w, 0, WORLD_POISON, event->who);
    if (f->control_us > 0)
        take_control(w, f);
    apply(w, f, true);
}

void faults_heal(void *world, const struct event *event)
{
    struct world *w = world;
    struct world_fault *fault = &w->fault[event->who];
    const struct scenario_fault *f = &w->scenario->faults[event->who];
    trace_fault(w, TRACE_HEAL, event->who);
    if (--w->faults_on == 0)
        w->count.fault_last_ns = engine_now(&w->engine);
    fault->on = false;
    fault->generation++; /* its customer asks no more */
    if (f->every_us > 0)
        later(w, (double)f->every_us * 1000 * rng_exp(&fault->rng), WORLD_BREAK, event->who);
    apply(w, f, false);
}
