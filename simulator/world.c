#include "simulator/world.h"

#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "control/capacity.h"
#include "simulator/ask.h"
#include "simulator/caches.h"
#include "simulator/calls.h"
#include "simulator/faults.h"
#include "simulator/functions.h"
#include "simulator/orders.h"
#include "simulator/plane.h"
#include "simulator/serve.h"

enum { POOL_MAX = 1 << 22, SERVERS_MAX = 1 << 24 };

static const int64_t SLOT_NS = (int64_t)TOPO_SLOT_MIN * 60 * 1000000000;

__attribute__((cold, noinline)) void world_full(struct world *w, const char *pool)
{
    w->full = pool;
    engine_stop(&w->engine);
}

/* ---- demand ---- */

/* Enter the slot that holds `at_ns`. */
static void stream_enter(const struct world *w, struct world_stream *s, int64_t at_ns)
{
    int64_t slot = at_ns / SLOT_NS;
    double rps = s->rps[(w->scenario->start_slot + (size_t)slot) % TOPO_SLOTS] * s->factor;
    rps *= s->surge;
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

void world_surge(struct world *w, size_t country, double factor)
{
    for (uint32_t i = 0; i < w->stream_count; i++) {
        struct world_stream *s = &w->stream[i];
        if (s->country != country)
            continue;
        s->surge = factor;
        stream_enter(w, s, engine_now(&w->engine));
        s->generation++; /* the process forgets: the next arrival is drawn anew */
        stream_next(w, i);
    }
}

static void arrive(void *world, const struct event *event)
{
    struct world *w = world;
    ask_begin(w, event->who);
    stream_next(w, event->who);
}

/* ---- setting up ---- */

static int64_t told_apart(const struct topo_country *country)
{
    return country->customers < WORLD_CUSTOMERS_MAX ? country->customers : WORLD_CUSTOMERS_MAX;
}

/* Whether it matters which customer asks. */
static bool customers_matter(const struct topo *topo, const struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->fault_count; i++)
        if (scenario->faults[i].kind == FAULT_POISON)
            return true;
    int policy = topo->policy.balance;
    return policy == TOPO_BALANCE_HASH || policy == TOPO_BALANCE_FIXED ||
           policy == TOPO_BALANCE_SHUFFLE;
}

int world_count_init(struct world_count *count, const struct topo *topo, bool customers,
                     struct arena *a)
{
    *count = (struct world_count){0};
    count->country = arena_alloc(a, topo->country_count, sizeof count->country[0]);
    count->group = arena_alloc(a, topo->cell_count * topo->service_count, sizeof count->group[0]);
    count->function =
        arena_alloc(a, topo->cell_count * functions_per_cell(topo), sizeof count->function[0]);
    count->cache = arena_alloc(a, topo->cell_count * caches_per_cell(topo), sizeof count->cache[0]);
    if (count->country == NULL || count->group == NULL || count->function == NULL ||
        count->cache == NULL)
        return -1;
    for (size_t i = 0; i < topo->country_count && customers; i++) {
        size_t words = (size_t)told_apart(&topo->countries[i]) / 64 + 1;
        count->country[i].hurt = arena_alloc(a, words, sizeof(uint64_t));
        if (count->country[i].hurt == NULL)
            return -1;
    }
    return 0;
}

/* Only a run without faults is one piece, so that its course says how far its mean may be trusted
 * and when it has settled. */
static int init_series(struct world *w, struct arena *a)
{
    for (size_t i = 0; i < w->topo->country_count; i++) {
        struct series_bin *bin = arena_alloc(a, SERIES_BINS, sizeof bin[0]);
        if (bin == NULL)
            return -1;
        series_init(&w->count.country[i].series, bin);
    }
    return 0;
}

static int init_courses(struct world *w, struct arena *a)
{
    for (size_t i = 0; i < w->topo->country_count; i++)
        if (recover_init(&w->count.country[i].course, w->end_ns, a) != 0)
            return -1;
    return 0;
}

/* Streams of random numbers are named by their entity, as in "de/a/catalog-1". */
enum { NAME_MAX_BYTES = 160 };

static int init_cell(struct world *w, const struct capacity_plan *plan, size_t index,
                     struct arena *a, struct error *err)
{
    const struct topo_cell *cell = &w->topo->cells[index];
    size_t places = cell->zone_count + 1;
    w->cell[index] = (struct world_cell){
        .retry = retry_full(w->topo->policy.retry_budget, plan->cells[index].peak_rps),
        .zones = (uint32_t)cell->zone_count,
        .path_ns = arena_alloc(a, places * places, sizeof(int64_t)),
    };
    if (w->cell[index].path_ns == NULL)
        return error_memory(err);
    for (size_t i = 0; i < w->topo->service_count; i++) {
        const struct topo_service *service = &w->topo->services[i];
        size_t group = index * w->topo->service_count + i;
        int64_t per_zone = service->store ? 1 : plan->cells[index].services[i].per_zone;
        int64_t slots = per_zone;
        if (!service->store)
            slots += plane_room(w->scenario, (uint32_t)per_zone);
        int64_t zones = service->store ? 1 : (int64_t)cell->zone_count;
        if (slots > (SERVERS_MAX - w->server_count) / zones)
            return error_set(err, ERR_LIMIT, "a simulation holds at most %d servers", SERVERS_MAX);
        w->group[group] = (struct world_group){
            .cell = (uint32_t)index,
            .server_first = w->server_count,
            .slots = (uint32_t)slots,
            .there = (uint32_t)(per_zone * zones),
            .service = service,
            .rules = admission_rules(service, 1000),
        };
        if (topo_dist(&w->group[group].dist, service, 1000, err) != 0)
            return -1;
        w->server_count += (uint32_t)(slots * zones);
    }
    return 0;
}

static void init_server(struct world *w, uint32_t index, uint32_t group, uint32_t place,
                        const char *name, uint64_t seed, uint64_t replication)
{
    struct world_server *server = &w->server[index];
    *server = (struct world_server){.group = group, .place = (uint16_t)place, .slow = 1};
    admission_init(&server->admission, &w->group[group].rules);
    rng_named(&server->rng, seed, replication, name, "service");
}

/* One service of one cell: its door and its servers. */
static int init_group(struct world *w, uint32_t index, double peak_rps, uint64_t seed,
                      uint64_t replication, struct arena *a)
{
    struct world_group *group = &w->group[index];
    const struct topo_cell *cell = &w->topo->cells[group->cell];
    const char *service = group->service->name;
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, "%s/%s", cell->name, service);
    struct rng rng;
    rng_named(&rng, seed, replication, name, "door");
    uint32_t zones = group->service->store ? 1 : (uint32_t)cell->zone_count;
    uint32_t per_zone[TOPO_ZONES_MAX], server = group->server_first;
    if (group->service->store)
        init_server(w, server, index, w->cell[group->cell].zones, name, seed, replication);
    for (uint32_t z = 0; z < zones; z++) {
        per_zone[z] = group->slots;
        for (uint32_t i = 0; i < group->slots && !group->service->store; i++) {
            snprintf(name, sizeof name, "%s/%s/%s-%u", cell->name, cell->zones[z], service,
                     (unsigned)i + 1);
            init_server(w, server++, index, z, name, seed, replication);
        }
    }
    const struct route_opts opts = route_opts_of(&w->topo->policy, peak_rps);
    if (route_init(&group->route, &opts, per_zone, zones, &w->cell[group->cell].retry, &rng, 0,
                   a) != 0)
        return -1;
    uint32_t planned = group->there / zones; /* the rest is room */
    for (uint32_t i = 0; i < group->route.balance.count; i++)
        if (i % group->slots >= planned) {
            w->server[group->server_first + i].presence = SERVER_NONE;
            balance_present(&group->route.balance, i, false);
        }
    return 0;
}

void world_present_count(struct world *w, uint32_t index)
{
    struct world_group *group = &w->group[index];
    int64_t now_ns = engine_now(&w->engine);
    int64_t from_ns = group->there_since_ns > w->warmup_ns ? group->there_since_ns : w->warmup_ns;
    if (now_ns > from_ns)
        w->count.group[index].server_ns += (now_ns - from_ns) * group->there;
    group->there_since_ns = now_ns;
}

void world_running(struct world *w, uint32_t group, uint32_t instances)
{
    world_present_count(w, group);
    w->group[group].there = instances;
}

void world_present(struct world *w, uint32_t server, bool present)
{
    uint32_t group = w->server[server].group;
    world_present_count(w, group);
    w->group[group].there += present ? 1 : UINT32_MAX;
    if (w->orders != NULL)
        orders_changed(w, w->group[group].cell);
}

double world_cell_rps(const struct world *w, size_t cell)
{
    double rps = 0;
    for (uint32_t i = 0; i < w->stream_count; i++)
        if (w->group[w->stream[i].group].cell == cell && w->stream[i].gap_ns > 0)
            rps += 1e9 / w->stream[i].gap_ns;
    return rps;
}

static void init_streams(struct world *w, uint64_t seed, uint64_t replication)
{
    for (size_t c = 0; c < w->topo->cell_count; c++) {
        const struct topo_cell *cell = &w->topo->cells[c];
        for (size_t k = 0; k < cell->country_count; k++) {
            const struct topo_country *country = &w->topo->countries[cell->country[k]];
            for (size_t i = 0; i < w->topo->service_count; i++) {
                if (w->topo->services[i].share <= 0)
                    continue;
                uint32_t index = w->stream_count++;
                struct world_stream *s = &w->stream[index];
                *s = (struct world_stream){
                    .rps = country->rps,
                    .surge = 1,
                    .factor = topo_share(w->topo, i) * w->scenario->load,
                    .background = w->topo->services[i].background,
                    .client_rtt_us = cell->client_rtt_us[k],
                    .group = (uint32_t)(c * w->topo->service_count + i),
                    .country = (uint32_t)cell->country[k],
                };
                char name[NAME_MAX_BYTES];
                snprintf(name, sizeof name, "%s/%s", country->name, w->topo->services[i].name);
                rng_named(&s->rng, seed, replication, name, "arrivals");
                rng_named(&s->class_rng, seed, replication, name, "class");
                rng_named(&s->who_rng, seed, replication, name, "customer");
                rng_named(&s->client_rng, seed, replication, name, "client");
                s->retry =
                    retry_full(w->topo->policy.client.retry_budget, country->peak_rps * s->factor);
                s->customers = (uint32_t)told_apart(country);
                stream_next(w, index);
            }
        }
    }
}

/* Tries whose work is done and that wait for calls, with the calls: as many as their servers can
 * bring in the time that the calls may take. That is no longer than the try is waited for itself:
 * its deadline is handed on, but to calls for a cache. */
static double waiting_bound(const struct topo *topo, const struct topo_service *service,
                            double servers)
{
    double away_us = 0, calls = 0;
    for (size_t i = 0; i < service->call_count; i++) {
        const struct topo_call *call = &service->calls[i];
        double rounds = call->parallel ? 1 : (double)call->count;
        double try_us = (double)topo->policy.timeout_us + (double)topo->policy.backoff_us * 2;
        double step_us = rounds * try_us * (double)topo->policy.tries;
        if (call->deadline_us > 0 && (double)call->deadline_us < step_us)
            step_us = (double)call->deadline_us;
        away_us += step_us;
        if (away_us > (double)topo->policy.timeout_us && call->cache.entries == 0)
            away_us = (double)topo->policy.timeout_us;
        calls += call->parallel ? (double)call->count : 1;
    }
    return servers * capacity_server_rps(service, 1) * away_us * 1e-6 * (1 + calls);
}

/* How long a request is away from the door between its client's visits. */
static double visits_away_us(const struct topo *topo, size_t cell)
{
    const struct topo_client *client = &topo->policy.client;
    int64_t rtt_us = 0;
    for (size_t i = 0; i < topo->cells[cell].country_count; i++)
        if (topo->cells[cell].client_rtt_us[i] > rtt_us)
            rtt_us = topo->cells[cell].client_rtt_us[i];
    double rtts_us = (double)((client->tries - 1) * rtt_us);
    return client->tries > 1 ? rtts_us + (double)(client->backoff_us << client->tries) : 0;
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
        away_us = away_us * (double)policy->client.tries + visits_away_us(w->topo, c);
        bound += 4 * plan->cells[c].peak_rps * w->scenario->load * away_us * 1e-6;
        for (size_t i = 0; i < w->topo->service_count; i++) {
            const struct topo_service *service = &w->topo->services[i];
            const struct world_group *group = &w->group[c * w->topo->service_count + i];
            double servers = (double)group->slots * (service->store ? 1 : w->cell[c].zones);
            bound += servers * (double)(service->concurrency + service->queue);
            bound += (double)(service->function.instances * service->concurrency);
            bound += waiting_bound(w->topo, service, servers);
        }
    }
    if (orders_wanted(w->topo))
        bound += (double)w->topo->cell_count * orders_workers(w->topo);
    return bound < POOL_MAX ? (uint32_t)bound : POOL_MAX;
}

static int init_pools(struct world *w, const struct capacity_plan *plan, struct arena *a)
{
    w->pool_count = pool_bound(w, plan);
    w->request = arena_alloc(a, w->pool_count, sizeof w->request[0]);
    w->attempt = arena_alloc(a, w->pool_count, sizeof w->attempt[0]);
    bool calls = false;
    for (size_t i = 0; i < w->topo->service_count; i++)
        calls = calls || w->topo->services[i].call_count > 0;
    if (calls)
        w->calls = arena_alloc(a, w->pool_count, sizeof w->calls[0]);
    if (w->request == NULL || w->attempt == NULL || (calls && w->calls == NULL))
        return -1;
    w->request_free = w->attempt_free = WORLD_NONE;
    return 0;
}

static void init_kinds(struct world *w)
{
    struct engine *e = &w->engine;
    uint32_t *attempt = &w->attempt[0].generation, *request = &w->request[0].generation;
    engine_kind(e, WORLD_ARRIVE, "arrive", arrive, &w->stream[0].generation, sizeof w->stream[0]);
    engine_kind(e, WORLD_REACH, "reach", serve_reach, NULL, 0);
    engine_kind(e, WORLD_DONE, "done", serve_done, attempt, sizeof w->attempt[0]);
    engine_kind(e, WORLD_REPLY, "reply", ask_reply, NULL, 0);
    engine_kind(e, WORLD_TIMEOUT, "timeout", ask_timeout, request, sizeof w->request[0]);
    engine_kind(e, WORLD_HEDGE, "hedge", ask_hedge, request, sizeof w->request[0]);
    engine_kind(e, WORLD_RETRY, "retry", ask_retry, NULL, 0);
    engine_kind(e, WORLD_VISIT, "visit", ask_visit, NULL, 0);
    engine_kind(e, WORLD_BREAK, "break", faults_break, NULL, 0);
    engine_kind(e, WORLD_HEAL, "heal", faults_heal, NULL, 0);
    engine_kind(e, WORLD_POISON, "poison", faults_poison, &w->fault[0].generation,
                sizeof w->fault[0]);
    engine_kind(e, WORLD_CONTROL, "control", faults_control, NULL, 0);
    engine_kind(e, WORLD_RESTART, "restart", faults_restart, NULL, 0);
    engine_kind(e, WORLD_TICK, "tick", plane_tick, NULL, 0);
    engine_kind(e, WORLD_STARTED, "started", plane_started, &w->server[0].starts,
                sizeof w->server[0]);
    engine_kind(e, WORLD_PLACE, "place", orders_place, NULL, 0);
    engine_kind(e, WORLD_WORKED, "worked", orders_worked, NULL, 0);
    engine_kind(e, WORLD_LOOK, "look", orders_look, NULL, 0);
    engine_kind(e, WORLD_FUNCTION, "function", functions_tick, NULL, 0);
    engine_kind(e, WORLD_CHANGE, "change", caches_change, NULL, 0);
    engine_kind(e, WORLD_DEADLINE, "deadline", calls_deadline, attempt, sizeof w->attempt[0]);
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
        .group_count = (uint32_t)(topo->cell_count * topo->service_count),
        .customers = customers_matter(topo, scenario),
    };
    w->cell = arena_alloc(a, topo->cell_count, sizeof w->cell[0]);
    w->group = arena_alloc(a, w->group_count, sizeof w->group[0]);
    w->stream = arena_alloc(a, topo->country_count * topo->service_count, sizeof w->stream[0]);
    if (w->cell == NULL || w->group == NULL || w->stream == NULL)
        return error_memory(err);
    for (size_t c = 0; c < topo->cell_count; c++)
        if (init_cell(w, plan, c, a, err) != 0)
            return -1;
    w->server = arena_alloc(a, w->server_count, sizeof w->server[0]);
    if (w->server == NULL || init_pools(w, plan, a) != 0 ||
        world_count_init(&w->count, topo, w->customers, a) != 0 ||
        (scenario->fault_count == 0 ? init_series(w, a) : init_courses(w, a)) != 0)
        return error_memory(err);
    w->fault = arena_alloc(a, scenario->fault_count, sizeof w->fault[0]);
    if (w->fault == NULL)
        return error_memory(err);
    for (uint32_t i = 0; i < w->group_count; i++)
        if (init_group(
                w, i,
                plan->cells[i / topo->service_count].services[i % topo->service_count].peak_rps,
                seed, replication, a) != 0)
            return error_memory(err);
    uint32_t events =
        (uint32_t)(topo->country_count * topo->service_count) +
        3 * (uint32_t)scenario->fault_count + w->server_count +
        (uint32_t)(topo->cell_count * (64 + caches_per_cell(topo) + functions_instances(topo)));
    const struct engine_opts opts = {.pending_max = 2 * w->pool_count + events};
    if (engine_init(&w->engine, &opts, a, err) != 0)
        return -1;
    init_kinds(w);
    if (caches_init(w, seed, replication, a) != 0 || functions_init(w, seed, replication, a) != 0)
        return error_memory(err);
    if (orders_init(w, plan, seed, replication, a, err) != 0)
        return -1;
    if (plane_wanted(scenario) && plane_init(w, plan, seed, replication, a) != 0)
        return error_memory(err);
    if (faults_init(w, seed, replication, a) != 0)
        return error_memory(err);
    init_streams(w, seed, replication);
    return 0;
}

static int64_t group_waiting(const struct world *w, uint32_t index)
{
    const struct world_group *group = &w->group[index];
    int64_t waiting = 0;
    for (uint32_t i = 0; i < group->route.balance.count; i++)
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
    if (until_ns < w->end_ns)
        return 0;
    serve_count_open(w);
    return orders_count(w, err);
}
