#include "simulator/orders.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "control/capacity.h"
#include "simulator/faults.h"

enum {
    OPEN_MIN = 64,
    OPEN_MAX = 20000, /* orders of a cell that are held at once; some 10 KB each */
    RESEND_US = 1000000,
    COORDINATOR_US = 1000,
};

uint32_t orders_stations(const struct topo *topo)
{
    const struct pipeline_def *def = &topo->pipeline;
    return orders_wanted(topo) ? (uint32_t)def->stage_count + (def->mode == PIPELINE_DIRECTED) : 0;
}

bool orders_wanted(const struct topo *topo)
{
    return topo->pipeline.orders.share > 0;
}

uint32_t orders_workers(const struct topo *topo)
{
    const struct pipeline_def *def = &topo->pipeline;
    int64_t workers = def->mode == PIPELINE_DIRECTED ? def->coordinators : 0;
    for (size_t i = 0; i < def->stage_count; i++)
        workers += def->stages[i].workers;
    return (uint32_t)workers;
}

/* ---- one clock ---- */

/* Have the pipeline's next event among the world's. */
static void wake_later(struct world *w, uint32_t index)
{
    struct orders_cell *cell = &w->orders->cell[index];
    int64_t now_ns = engine_now(&w->engine), at_us = engine_next_at(&cell->pipe.engine);
    int64_t at_ns = at_us > INT64_MAX / 1000 ? INT64_MAX : at_us * 1000;
    if (at_ns < now_ns) /* of this microsecond */
        at_ns = now_ns;
    if (at_ns > w->end_ns)
        at_ns = INT64_MAX;
    if (at_ns == cell->wake_ns)
        return;
    if (cell->wake_ns != INT64_MAX)
        engine_cancel(&w->engine, WORLD_PIPE, index);
    cell->wake_ns = at_ns;
    engine_at(&w->engine, at_ns, WORLD_PIPE, index);
}

/* Bring a pipeline up to the world's time. */
static struct pipe *pipe_now(struct world *w, uint32_t index)
{
    struct pipe *p = &w->orders->cell[index].pipe;
    struct error err;
    if (pipe_run(p, engine_now(&w->engine) / 1000, &err) != 0)
        world_full(w, p->full);
    return p;
}

void orders_wake(void *world, const struct event *event)
{
    struct world *w = world;
    w->orders->cell[event->who].wake_ns = INT64_MAX;
    pipe_now(w, event->who);
    wake_later(w, event->who);
}

/* ---- orders ---- */

void orders_answered(struct world *w, const struct world_request *request)
{
    const struct world_group *group = &w->group[request->group];
    const struct pipeline_orders *orders = &w->topo->pipeline.orders;
    if (request->background || group->service != &w->topo->services[orders->from_index])
        return;
    if (rng_f64(&w->orders->cell[group->cell].rng) < orders->share)
        engine_after(&w->engine, 0, WORLD_PLACE, group->cell);
}

void orders_place(void *world, const struct event *event)
{
    struct world *w = world;
    pipe_place(pipe_now(w, event->who));
    wake_later(w, event->who);
}

/* ---- work ---- */

/* A worker's work begins: it goes to its server as a request does. */
static void begin(void *context, uint32_t worker, uint32_t generation, int64_t time_us)
{
    struct orders_cell *cell = context;
    struct world *w = cell->world;
    uint32_t index = world_attempt_take(w);
    if (index == WORLD_NONE)
        return;
    struct world_attempt *attempt = &w->attempt[index];
    attempt->item.deadline = INT64_MAX;
    attempt->item.background = true;
    attempt->request = WORLD_NONE;
    attempt->server = cell->home[worker];
    attempt->place = WORLD_PIECE;
    attempt->state = ATTEMPT_OUT;
    w->orders->piece[index] = (struct orders_piece){
        .cell = (uint32_t)(cell - w->orders->cell),
        .worker = worker,
        .generation = generation,
        .time_ns = time_us * 1000,
    };
    engine_after(&w->engine, 0, WORLD_REACH, index);
}

void orders_ended(struct world *w, uint32_t attempt, enum world_answer answer)
{
    w->attempt[attempt].state = ATTEMPT_BACK;
    w->attempt[attempt].answer = (uint8_t)answer;
    engine_after(&w->engine, 0, WORLD_WORKED, attempt);
}

void orders_worked(void *world, const struct event *event)
{
    static const enum pipe_fate fates[] = {
        [WORLD_OK] = PIPE_DONE,
        [WORLD_SHED] = PIPE_CROWDED,
        [WORLD_RESET] = PIPE_GONE,
        [WORLD_ERROR] = PIPE_ERROR,
    };
    struct world *w = world;
    struct orders_piece piece = w->orders->piece[event->who];
    enum pipe_fate fate = fates[w->attempt[event->who].answer];
    world_release(w, event->who);
    pipe_worked(pipe_now(w, piece.cell), piece.worker, piece.generation, fate);
    wake_later(w, piece.cell);
}

/* ---- faults ---- */

void orders_changed(struct world *w, uint32_t cell)
{
    engine_after(&w->engine, 0, WORLD_LOOK, cell);
}

/* The world's store that a service calls, in its cell; NULL: it has none. */
static const struct world_server *store_of(const struct world *w, uint32_t cell, uint32_t service)
{
    const struct topo_service *s = &w->topo->services[service];
    for (size_t i = 0; i < s->call_count; i++)
        if (w->topo->services[s->calls[i].index].store)
            return &w->server[w->group[cell * w->topo->service_count + s->calls[i].index]
                                  .server_first];
    return NULL;
}

static bool is_gone(const struct world *w, uint32_t cell, const struct world_server *server)
{
    return server->down > 0 || server->crashed || server->presence != SERVER_THERE ||
           (server->place < w->cell[cell].zones && faults_silence(w, cell, server->place));
}

void orders_look(void *world, const struct event *event)
{
    struct world *w = world;
    struct orders_cell *cell = &w->orders->cell[event->who];
    struct pipe *p = pipe_now(w, event->who);
    for (uint32_t i = 0; i < p->station_count; i++) {
        uint32_t service = p->opts.central ? p->owner_service : p->station[i].service;
        const struct world_server *store = store_of(w, event->who, service);
        if (store == NULL)
            continue;
        pipe_store_slow(p, i, store->slow);
        pipe_store_down(p, i, store->down > 0 || store->errors >= 1);
    }
    for (uint32_t i = 0; i < p->worker_count; i++)
        pipe_worker_down(p, i, is_gone(w, event->who, &w->server[cell->home[i]]));
    wake_later(w, event->who);
}

/* ---- setting up, and the end ---- */

/* Orders that may be open at once: all that are expected, and half again, within bounds. */
static uint32_t open_max(const struct world *w, uint32_t cell)
{
    double rps = 0, surge = 1;
    const struct topo_cell *c = &w->topo->cells[cell];
    for (size_t i = 0; i < c->country_count; i++)
        rps += w->topo->countries[c->country[i]].peak_rps;
    for (size_t i = 0; i < w->scenario->fault_count; i++)
        if (w->scenario->faults[i].kind == FAULT_SURGE && w->scenario->faults[i].factor > surge)
            surge = w->scenario->faults[i].factor;
    const struct pipeline_orders *orders = &w->topo->pipeline.orders;
    double open = OPEN_MIN + 1.5 * rps * w->scenario->load * surge * orders->share *
                                 topo_share(w->topo, orders->from_index) *
                                 (double)w->scenario->duration_us * 1e-6;
    return open < OPEN_MAX ? (uint32_t)open : OPEN_MAX;
}

static int init_pipe(struct world *w, uint32_t index, uint64_t seed, uint64_t replication,
                     struct arena *a, struct error *err)
{
    const struct topo_cell *cell = &w->topo->cells[index];
    const struct pipeline_def *def = &w->topo->pipeline;
    struct rng name;
    rng_named(&name, seed, replication, cell->name, "pipeline");
    const struct pipe_opts opts = {
        .def = def,
        .seed = rng_u64(&name), /* cells do not share their luck */
        .replication = replication,
        .orders = INT64_MAX,
        .orders_open_max = open_max(w, index),
        .parts_max = (uint32_t)def->orders.parts,
        .warmup_us = w->warmup_ns / 1000,
        .no = def->orders.refused,
        .cancel = def->orders.cancelled,
        .cancel_in_us = def->orders.cancel_us,
        .hop_us = cell->zone_rtt_us / 2,
        .resend_us = RESEND_US,
        .store_us = def->store.time_us,
        .store_parallel = (uint32_t)def->store.parallel,
        .central = def->store.central,
        .poll_us = def->store.poll_us,
        .coordinator_workers = (uint32_t)def->coordinators,
        .coordinator_us = COORDINATOR_US,
        .work = begin,
        .work_context = &w->orders->cell[index],
    };
    return pipe_init(&w->orders->cell[index].pipe, &opts, a, err);
}

/* Workers of a stage are dealt out to the planned servers of its service, zone by zone. */
static void init_homes(struct world *w, uint32_t index, const struct capacity_plan *plan)
{
    struct orders_cell *cell = &w->orders->cell[index];
    for (uint32_t i = 0; i < cell->pipe.station_count; i++) {
        const struct pipe_station *s = &cell->pipe.station[i];
        const struct world_group *g = &w->group[index * w->topo->service_count + s->service];
        uint32_t zones = g->service->store ? 1 : w->cell[index].zones;
        uint32_t planned =
            g->service->store ? 1 : (uint32_t)plan->cells[index].services[s->service].per_zone;
        for (uint32_t k = 0; k < s->worker_count; k++)
            cell->home[s->worker_first + k] =
                g->server_first + k % zones * g->slots + k / zones % planned;
    }
}

int orders_init(struct world *w, const struct capacity_plan *plan, uint64_t seed,
                uint64_t replication, struct arena *a, struct error *err)
{
    if (!orders_wanted(w->topo))
        return 0;
    struct world_orders *o = arena_alloc(a, 1, sizeof *o);
    if (o == NULL)
        return error_memory(err);
    w->orders = o;
    w->count.orders = o;
    o->cell = arena_alloc(a, w->topo->cell_count, sizeof o->cell[0]);
    o->piece = arena_alloc(a, w->pool_count, sizeof o->piece[0]);
    if (o->cell == NULL || o->piece == NULL)
        return error_memory(err);
    engine_kind(&w->engine, WORLD_PIPE, "pipe", orders_wake, &o->cell[0].generation,
                sizeof o->cell[0]);
    for (uint32_t i = 0; i < w->topo->cell_count; i++) {
        struct orders_cell *cell = &o->cell[i];
        cell->world = w;
        cell->wake_ns = INT64_MAX;
        cell->home = arena_alloc(a, orders_workers(w->topo), sizeof cell->home[0]);
        if (cell->home == NULL)
            return error_memory(err);
        rng_named(&cell->rng, seed, replication, w->topo->cells[i].name, "orders");
        if (init_pipe(w, i, seed, replication, a, err) != 0)
            return -1;
        init_homes(w, i, plan);
        wake_later(w, i);
    }
    return 0;
}

static void mix(struct world *w, uint64_t value)
{
    w->count.digest = (w->count.digest ^ value) * 0x9e3779b97f4a7c15u;
    w->count.digest ^= w->count.digest >> 29;
}

int orders_count(struct world *w, struct error *err)
{
    for (uint32_t i = 0; w->orders != NULL && i < w->topo->cell_count; i++) {
        struct pipe *p = &w->orders->cell[i].pipe;
        if (pipe_run(p, w->end_ns / 1000, err) != 0)
            return -1;
        pipe_count_waiting(p);
        mix(w, (uint64_t)p->count.complete);
        mix(w, (uint64_t)p->count.cancelled);
        mix(w, (uint64_t)p->count.dead);
        mix(w, (uint64_t)p->count.latency.sum_us);
        mix(w, engine_handled(&p->engine));
    }
    return 0;
}
