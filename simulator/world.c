#include "simulator/world.h"

#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "control/capacity.h"
#include "simulator/faults.h"
#include "simulator/flow.h"

enum { POOL_MAX = 1 << 22, SERVERS_MAX = 1 << 24 };

static const int64_t SLOT_NS = (int64_t)TOPO_SLOT_MIN * 60 * 1000000000;

/* ---- demand ---- */

/* Enter the slot that holds `at_ns`. */
static void stream_enter(const struct world *w, struct world_stream *s, int64_t at_ns)
{
    int64_t slot = at_ns / SLOT_NS;
    double rps = s->rps[(w->scenario->start_slot + (size_t)slot) % TOPO_SLOTS] * s->factor;
    s->gap_ns = rps > 0 ? 1e9 / rps : (double)INFINITY;
    s->slot_end_ns = (slot + 1) * SLOT_NS;
}

/* Schedule the next arrival. The rate is constant within a slot and the process forgets: what
 * would fall beyond the slot's end is drawn anew from there. */
static void stream_next(struct world *w, uint32_t index)
{
    struct world_stream *s = &w->stream[index];
    int64_t at_ns = engine_now(&w->engine);
    for (;;) {
        if (at_ns >= s->slot_end_ns)
            stream_enter(w, s, at_ns);
        if (s->gap_ns < (double)INFINITY) {
            double gap_ns = s->gap_ns * rng_exp(&s->rng);
            if (gap_ns < (double)(s->slot_end_ns - at_ns)) {
                at_ns += (int64_t)(gap_ns + 0.5);
                break;
            }
        }
        at_ns = s->slot_end_ns;
        if (at_ns > w->end_ns)
            return;
    }
    engine_at(&w->engine, at_ns, WORLD_ARRIVE, index);
}

static void arrive(void *world, const struct event *event)
{
    struct world *w = world;
    flow_begin(w, event->who);
    stream_next(w, event->who);
}

/* ---- setting up ---- */

int world_count_init(struct world_count *count, const struct topo *topo, struct arena *a)
{
    *count = (struct world_count){0};
    count->country = arena_alloc(a, topo->country_count, sizeof count->country[0]);
    count->group = arena_alloc(a, topo->cell_count * topo->service_count, sizeof count->group[0]);
    return count->country == NULL || count->group == NULL ? -1 : 0;
}

/* Streams of random numbers are named by their entity, as in "de/a/catalog-1". */
enum { NAME_MAX_BYTES = 160 };

static int init_cell(struct world *w, const struct capacity_plan *plan, size_t index,
                     struct error *err)
{
    const struct topo_cell *cell = &w->topo->cells[index];
    w->cell[index] = (struct world_cell){
        .retry = retry_full(w->topo->policy.retry_budget, plan->cells[index].peak_rps),
        .half_rtt_ns = cell->zone_rtt_us * 1000 / 2,
    };
    for (size_t i = 0; i < w->topo->service_count; i++) {
        const struct topo_service *service = &w->topo->services[i];
        size_t group = index * w->topo->service_count + i;
        int64_t per_zone = plan->cells[index].services[i].per_zone;
        if (per_zone > (SERVERS_MAX - w->server_count) / (int64_t)cell->zone_count)
            return error_set(err, ERR_LIMIT, "a simulation holds at most %d servers", SERVERS_MAX);
        w->group[group] = (struct world_group){
            .cell = (uint32_t)index,
            .server_first = w->server_count,
            .per_zone = (uint32_t)per_zone,
        };
        if (topo_dist(&w->group[group].dist, service, 1000, err) != 0)
            return -1;
        w->server_count += w->group[group].per_zone * (uint32_t)cell->zone_count;
    }
    return 0;
}

/* One service of one cell: its door and its servers. */
static int init_group(struct world *w, size_t index, uint64_t seed, uint64_t replication,
                      struct arena *a)
{
    struct world_group *group = &w->group[index];
    const struct topo_cell *cell = &w->topo->cells[group->cell];
    const struct topo_service *service = &w->topo->services[index % w->topo->service_count];
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, "%s/%s", cell->name, service->name);
    rng_named(&group->rng, seed, replication, name, "door");
    uint32_t per_zone[TOPO_ZONES_MAX];
    for (size_t z = 0; z < cell->zone_count; z++) {
        per_zone[z] = group->per_zone;
        for (uint32_t i = 0; i < group->per_zone; i++) {
            struct world_server *server = &w->server[group->server_first + z * group->per_zone + i];
            *server = (struct world_server){
                .admission = {.running_max = (uint32_t)service->concurrency,
                              .waiting_max = (uint32_t)service->queue},
                .first = WORLD_NONE,
                .group = (uint32_t)index,
            };
            snprintf(name, sizeof name, "%s/%s/%s-%u", cell->name, cell->zones[z], service->name,
                     (unsigned)i + 1);
            rng_named(&server->rng, seed, replication, name, "service");
        }
    }
    const struct balance_opts opts = balance_opts_of(&w->topo->policy);
    return balance_init(&group->balance, &opts, per_zone, (uint32_t)cell->zone_count, a);
}

static void init_streams(struct world *w, uint64_t seed, uint64_t replication)
{
    for (size_t c = 0; c < w->topo->cell_count; c++) {
        const struct topo_cell *cell = &w->topo->cells[c];
        for (size_t k = 0; k < cell->country_count; k++) {
            const struct topo_country *country = &w->topo->countries[cell->country[k]];
            for (size_t i = 0; i < w->topo->service_count; i++) {
                uint32_t index = w->stream_count++;
                struct world_stream *s = &w->stream[index];
                *s = (struct world_stream){
                    .rps = country->rps,
                    .factor = topo_share(w->topo, i) * w->scenario->load,
                    .client_rtt_us = cell->client_rtt_us[k],
                    .group = (uint32_t)(c * w->topo->service_count + i),
                    .country = (uint32_t)cell->country[k],
                };
                char name[NAME_MAX_BYTES];
                snprintf(name, sizeof name, "%s/%s", country->name, w->topo->services[i].name);
                rng_named(&s->rng, seed, replication, name, "arrivals");
                stream_next(w, index);
            }
        }
    }
}

/* Tries that can exist at once, at servers and on the way, and requests that wait for their next
 * one. Within POOL_MAX they never run out, so that servers shed and nobody else does. */
static uint32_t pool_bound(const struct world *w, const struct capacity_plan *plan)
{
    double bound = 4096;
    for (size_t c = 0; c < w->topo->cell_count; c++) {
        const struct topo_policy *policy = &w->topo->policy;
        double away_us = (double)(policy->tries * w->topo->cells[c].zone_rtt_us) +
                         (double)(policy->backoff_us << policy->tries);
        bound += 4 * plan->cells[c].peak_rps * w->scenario->load * away_us * 1e-6;
        for (size_t i = 0; i < w->topo->service_count; i++)
            bound += (double)plan->cells[c].services[i].servers *
                     (double)(w->topo->services[i].concurrency + w->topo->services[i].queue);
    }
    return bound < POOL_MAX ? (uint32_t)bound : POOL_MAX;
}

static int init_pools(struct world *w, const struct capacity_plan *plan, struct arena *a)
{
    w->pool_count = pool_bound(w, plan);
    w->request = arena_alloc(a, w->pool_count, sizeof w->request[0]);
    w->attempt = arena_alloc(a, w->pool_count, sizeof w->attempt[0]);
    if (w->request == NULL || w->attempt == NULL)
        return -1;
    for (uint32_t i = 0; i < w->pool_count; i++)
        w->request[i].next_free = w->attempt[i].next = i + 1 < w->pool_count ? i + 1 : WORLD_NONE;
    return 0;
}

static void init_kinds(struct world *w)
{
    struct engine *e = &w->engine;
    uint32_t *attempt = &w->attempt[0].generation, *request = &w->request[0].generation;
    engine_kind(e, WORLD_ARRIVE, "arrive", arrive, NULL, 0);
    engine_kind(e, WORLD_REACH, "reach", flow_reach, NULL, 0);
    engine_kind(e, WORLD_DONE, "done", flow_done, attempt, sizeof w->attempt[0]);
    engine_kind(e, WORLD_REPLY, "reply", flow_reply, NULL, 0);
    engine_kind(e, WORLD_TIMEOUT, "timeout", flow_timeout, request, sizeof w->request[0]);
    engine_kind(e, WORLD_RETRY, "retry", flow_retry, NULL, 0);
    engine_kind(e, WORLD_BREAK, "break", faults_break, NULL, 0);
    engine_kind(e, WORLD_HEAL, "heal", faults_heal, NULL, 0);
}

int world_init(struct world *w, const struct topo *topo, const struct capacity_plan *plan,
               const struct scenario *scenario, uint64_t seed, uint64_t replication,
               struct arena *a, struct error *err)
{
    *w = (struct world){
        .topo = topo,
        .scenario = scenario,
        .end_ns = scenario->duration_us * 1000,
        .warmup_ns = scenario->warmup_us * 1000,
        .timeout_ns = topo->policy.timeout_us * 1000,
        .group_count = (uint32_t)(topo->cell_count * topo->service_count),
    };
    w->cell = arena_alloc(a, topo->cell_count, sizeof w->cell[0]);
    w->group = arena_alloc(a, w->group_count, sizeof w->group[0]);
    w->stream = arena_alloc(a, topo->country_count * topo->service_count, sizeof w->stream[0]);
    if (w->cell == NULL || w->group == NULL || w->stream == NULL)
        return error_memory(err);
    for (size_t c = 0; c < topo->cell_count; c++)
        if (init_cell(w, plan, c, err) != 0)
            return -1;
    w->server = arena_alloc(a, w->server_count, sizeof w->server[0]);
    if (w->server == NULL || init_pools(w, plan, a) != 0 ||
        world_count_init(&w->count, topo, a) != 0)
        return error_memory(err);
    for (size_t i = 0; i < w->group_count; i++)
        if (init_group(w, i, seed, replication, a) != 0)
            return error_memory(err);
    uint32_t events =
        (uint32_t)(topo->country_count * topo->service_count) + 2 * (uint32_t)scenario->fault_count;
    const struct engine_opts opts = {.pending_max = 2 * w->pool_count + events};
    if (engine_init(&w->engine, &opts, a, err) != 0)
        return -1;
    init_kinds(w);
    faults_schedule(w);
    init_streams(w, seed, replication);
    return 0;
}

static int64_t group_waiting(const struct world *w, uint32_t index)
{
    const struct world_group *group = &w->group[index];
    uint32_t servers = group->per_zone * (uint32_t)w->topo->cells[group->cell].zone_count;
    int64_t waiting = 0;
    for (uint32_t i = 0; i < servers; i++)
        waiting += w->server[group->server_first + i].admission.waiting;
    return waiting;
}

static int full_error(const struct world *w, struct error *err)
{
    uint32_t most = 0;
    char at[DURATION_TEXT_MAX];
    duration_format(at, engine_now(&w->engine) / 1000000 * 1000);
    for (uint32_t i = 1; i < w->group_count; i++)
        if (group_waiting(w, i) > group_waiting(w, most))
            most = i;
    int64_t waiting = group_waiting(w, most);
    if (waiting == 0)
        return error_set(err, ERR_LIMIT,
                         "policy: at %s there are %u %s under way, all that a simulation holds; "
                         "none waits at a server, so less load or a shorter timeout and backoff "
                         "would help",
                         at, w->pool_count, w->full);
    const char *service = w->topo->services[most % w->topo->service_count].name;
    return error_set(err, ERR_LIMIT,
                     "cells.%s: at %s there are %u %s under way, all that a simulation holds; "
                     "%lld wait at the servers of %s, so a shorter services.%s.queue, more servers "
                     "or less load would help",
                     w->topo->cells[w->group[most].cell].name, at, w->pool_count, w->full,
                     (long long)waiting, service, service);
}

int world_run(struct world *w, int64_t until_ns, struct error *err)
{
    enum engine_end end = engine_run(&w->engine, w, until_ns);
    if (w->full != NULL)
        return full_error(w, err);
    if (end == ENGINE_FULL)
        return error_set(err, ERR_LIMIT, "the simulation has more events pending than it can hold");
    w->count.events = (int64_t)engine_handled(&w->engine);
    if (until_ns >= w->end_ns)
        flow_count_open(w);
    return 0;
}
