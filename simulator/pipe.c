#include "simulator/pipe.h"

#include <assert.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "simulator/pipe_work.h"

/* ---- the story ---- */

void pipe_story(char out[PIPE_STORY], const struct pipeline_def *def, int64_t at_us,
                enum pipe_note note, uint64_t order, const struct pipeline_message *m, uint32_t try)
{
    static const struct {
        const char *sign;
        bool what; /* the work it is about is named */
        const char *say;
    } notes[] = {
        [PIPE_PLACED] = {"placed", false, ""},
        [PIPE_TAKEN] = {"> ", true, ""},
        [PIPE_FAILED] = {"! ", true, " has failed"},
        [PIPE_SILENT] = {"! ", true, " is silent, its lease is over"},
        [PIPE_LATE] = {"! ", true, " comes too late"},
        [PIPE_AGAIN] = {"= ", true, " came again"},
        [PIPE_BURIED] = {"# ", true, " is a dead letter"},
        [PIPE_COMPLETED] = {"complete", false, ""},
        [PIPE_FILTERED_OUT] = {"filtered out", false, ""},
        [PIPE_CANCELED] = {"cancelled, all is undone", false, ""},
    };
    char what[PIPELINE_TEXT] = "";
    if (notes[note].what)
        pipeline_describe(what, def, m, try);
    snprintf(out, PIPE_STORY, "[%4lldms] order de-o-%llu %s%s%s", (long long)(at_us / 1000),
             (unsigned long long)order, notes[note].sign, what, notes[note].say);
}

/* ---- setting up ---- */

static int init_stations(struct pipe *p, struct error *err)
{
    const struct pipeline_def *def = p->opts.def;
    uint32_t owner = 0;
    p->station_count = (uint32_t)def->stage_count;
    for (uint32_t i = 0; i < p->station_count; i++) {
        const struct pipeline_stage *s = &def->stages[i];
        if (s->service_index >= PIPE_STORES_MAX)
            return error_set(err, ERR_LIMIT, "a simulated pipeline has at most %d services",
                             PIPE_STORES_MAX);
        if (s->kind == PIPELINE_SPLITTER || s->kind == PIPELINE_JOIN)
            owner = (uint32_t)s->service_index; /* it knows the order as a whole */
        p->station[i] = (struct pipe_station){
            .store = p->opts.central ? 0 : (uint32_t)s->service_index,
            .service = (uint32_t)s->service_index,
            .time_us = s->time_us,
            .work = pipeline_work(s),
        };
        rng_named(&p->station[i].rng, p->opts.seed, p->opts.replication, s->name, "work");
        p->worker_count += (uint32_t)s->workers;
    }
    p->owner_service = owner;
    p->owner_store = p->opts.central ? 0 : owner;
    if (def->mode == PIPELINE_DIRECTED) {
        struct pipe_station *led = &p->station[p->station_count++];
        *led = (struct pipe_station){
            .store = p->owner_store,
            .service = owner,
            .time_us = p->opts.coordinator_us,
            .work = p->station[0].work,
        };
        led->work.tries_max = UINT32_MAX; /* a report is not given up */
        rng_named(&led->rng, p->opts.seed, p->opts.replication, "coordinator", "work");
        p->worker_count += p->opts.coordinator_workers;
    }
    for (uint32_t i = 0; i < p->station_count; i++)
        p->station[i].first = p->station[i].idle = PIPE_NONE;
    for (uint32_t i = 0; i < PIPE_STORES_MAX; i++)
        p->store[i] = (struct pipe_store){.first = PIPE_NONE, .slow = 1};
    return 0;
}

static void init_workers(struct pipe *p)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < p->station_count; i++) {
        uint32_t count = i < p->opts.def->stage_count ? (uint32_t)p->opts.def->stages[i].workers
                                                      : p->opts.coordinator_workers;
        p->station[i].worker_first = at;
        p->station[i].worker_count = count;
        for (uint32_t k = 0; k < count; k++)
            p->worker[at++] = (struct pipe_worker){.station = i, .row = PIPE_NONE, .since_us = -1};
    }
}

/* Rows and messages of one order at once: each part, its kept rows in both directions, what is on
 * its way for it, and a few for side lines. */
static uint32_t rows_each(const struct pipe_opts *opts)
{
    return 3 * opts->parts_max + 8;
}

static uint32_t flights_each(const struct pipe_opts *opts)
{
    return opts->central ? 0 : 2 * opts->parts_max + 8;
}

/* Instances are the station's workers, and every row may wait. */
static int init_functions(struct pipe *p, struct arena *a)
{
    for (uint32_t i = 0; p->opts.function != NULL && i < p->station_count; i++) {
        struct pipe_station *s = &p->station[i];
        struct function_opts opts = *p->opts.function;
        opts.concurrency = 1;
        opts.queue_max = p->opts.orders_open_max * rows_each(&p->opts);
        if (opts.instances_max > s->worker_count)
            opts.instances_max = s->worker_count;
        s->tick_us = INT64_MAX;
        if (function_init(&s->function, &opts, a) != 0)
            return -1;
    }
    return 0;
}

static void init_kinds(struct pipe *p)
{
    struct engine *e = &p->engine;
    uint32_t *worker = &p->worker[0].generation, *flight = &p->flight[0].generation;
    size_t worker_size = sizeof p->worker[0];
    engine_kind(e, PIPE_EVENT_ARRIVE, "arrive", pipe_on_arrive, NULL, 0);
    engine_kind(e, PIPE_EVENT_CANCEL, "cancel", pipe_on_cancel, &p->order[0].generation,
                sizeof p->order[0]);
    engine_kind(e, PIPE_EVENT_LAND, "land", pipe_on_land, NULL, 0);
    engine_kind(e, PIPE_EVENT_RESEND, "resend", pipe_on_resend, flight, sizeof p->flight[0]);
    engine_kind(e, PIPE_EVENT_ROW, "row", pipe_on_row, &p->row[0].generation, sizeof p->row[0]);
    engine_kind(e, PIPE_EVENT_STORE, "store", pipe_on_store, NULL, 0);
    engine_kind(e, PIPE_EVENT_WORKED, "worked", pipe_on_worked, worker, worker_size);
    engine_kind(e, PIPE_EVENT_POLL, "poll", pipe_on_poll, worker, worker_size);
    engine_kind(e, PIPE_EVENT_CRASH, "crash", pipe_on_crash, NULL, 0);
    engine_kind(e, PIPE_EVENT_REPAIR, "repair", pipe_on_repair, NULL, 0);
    engine_kind(e, PIPE_EVENT_CREW, "crew", pipe_on_crew, NULL, 0);
    engine_kind(e, PIPE_EVENT_WARM, "warm", pipe_on_warm, worker, worker_size);
    engine_kind(e, PIPE_EVENT_TICK, "tick", pipe_on_tick, NULL, 0);
    engine_kind(e, PIPE_EVENT_PAUSE, "pause", pipe_on_pause, worker, worker_size);
}

static int init_pools(struct pipe *p, struct arena *a)
{
    uint32_t orders = p->opts.orders_open_max, rows = orders * rows_each(&p->opts);
    uint32_t flights = orders * flights_each(&p->opts);
    p->order = arena_alloc(a, orders, sizeof p->order[0]);
    p->row = arena_alloc(a, rows, sizeof p->row[0]);
    p->flight = arena_alloc(a, flights, sizeof p->flight[0]);
    p->worker = arena_alloc(a, p->worker_count, sizeof p->worker[0]);
    if (p->order == NULL || p->row == NULL || p->flight == NULL || p->worker == NULL)
        return -1;
    for (uint32_t i = 0; i < orders; i++)
        p->order[i].next_free = i + 1 < orders ? i + 1 : PIPE_NONE;
    for (uint32_t i = 0; i < rows; i++)
        p->row[i].next = i + 1 < rows ? i + 1 : PIPE_NONE;
    for (uint32_t i = 0; i < flights; i++)
        p->flight[i].next_free = i + 1 < flights ? i + 1 : PIPE_NONE;
    return 0;
}

int pipe_init(struct pipe *p, const struct pipe_opts *opts, struct arena *a, struct error *err)
{
    enum { ORDERS_MAX = 100000 };
    assert(opts->orders_per_s >= 0 && opts->orders > 0 && opts->store_parallel >= 1);
    assert(opts->parts_max >= 1 && opts->parts_max <= PIPE_PARTS_MAX);
    assert(opts->resend_us > 0 && (!opts->central || opts->poll_us > 0));
    assert(opts->function == NULL || (opts->crew == NULL && !opts->central));
    assert(opts->work == NULL || (opts->function == NULL && opts->crew == NULL));
    assert(opts->crew == NULL || (!opts->central && opts->crew_us > 0));
    if (opts->orders_open_max < 1 || opts->orders_open_max > ORDERS_MAX)
        return error_set(err, ERR_LIMIT, "a simulated pipeline holds 1 to %d orders", ORDERS_MAX);
    *p = (struct pipe){.opts = *opts};
    if (init_stations(p, err) != 0)
        return -1;
    if (init_pools(p, a) != 0)
        return error_memory(err);
    init_workers(p);
    if (init_functions(p, a) != 0)
        return error_memory(err);
    rng_named(&p->arrivals, opts->seed, opts->replication, "orders", "arrivals");
    rng_named(&p->network, opts->seed, opts->replication, "pipeline", "network");
    rng_named(&p->crashes, opts->seed, opts->replication, "workers", "crashes");
    rng_named(&p->backoff, opts->seed, opts->replication, "pipeline", "backoff");
    rng_named(&p->polls, opts->seed, opts->replication, "workers", "polls");
    rng_named(&p->store_rng, opts->seed, opts->replication, "stores", "work");
    const struct engine_opts events = {
        .pending_max = opts->orders_open_max * (3 * flights_each(opts) + rows_each(opts) + 1) +
                       3 * p->worker_count + PIPE_STATIONS_MAX + 1};
    if (engine_init(&p->engine, &events, a, err) != 0)
        return -1;
    init_kinds(p);
    pipe_workers_start(p);
    if (opts->orders_per_s > 0)
        engine_at(&p->engine, 0, PIPE_EVENT_ARRIVE, 0);
    return 0;
}

int pipe_run(struct pipe *p, int64_t until_us, struct error *err)
{
    if (pipe_over(p))
        return 0;
    enum engine_end end = engine_run(&p->engine, p, until_us);
    if (end == ENGINE_FULL)
        p->full = "events";
    if (end == ENGINE_EMPTY && p->opts.orders_per_s <= 0) /* more may be placed, then */
        engine_pass(&p->engine, until_us);
    if (p->full != NULL)
        return error_set(err, ERR_LIMIT, "the simulated pipeline has outgrown its room for %s",
                         p->full);
    return 0;
}
