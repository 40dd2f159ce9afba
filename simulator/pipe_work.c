#include "simulator/pipe_work.h"

#include <assert.h>

#include "base/backoff.h"

int64_t pipe_time_us(const struct pipe *p, int64_t mean_us, struct rng *rng)
{
    if (p->opts.fixed_times || mean_us == 0)
        return mean_us;
    return (int64_t)(rng_exp(rng) * (double)mean_us + 0.5);
}

/* ---- stores ---- */

static uint32_t store_of(const struct pipe *p, const struct pipe_worker *w)
{
    return w->state == PIPE_ASKS ? p->owner_store : p->station[w->station].store;
}

void pipe_store_go_on(struct pipe *p, uint32_t store)
{
    struct pipe_store *s = &p->store[store];
    while (s->first != PIPE_NONE && s->busy < p->opts.store_parallel && !s->down) {
        uint32_t worker = s->first;
        s->first = p->worker[worker].next;
        s->busy++;
        double time_us = (double)pipe_time_us(p, p->opts.store_us, &p->store_rng) * s->slow;
        engine_after(&p->engine, (int64_t)time_us, PIPE_EVENT_STORE, worker);
    }
}

void pipe_store_slow(struct pipe *p, size_t station, double factor)
{
    p->store[p->station[station].store].slow = factor;
}

void pipe_store_down(struct pipe *p, size_t station, bool down)
{
    uint32_t store = p->station[station].store;
    p->store[store].down = down;
    pipe_store_go_on(p, store);
}

static void transact(struct pipe *p, uint32_t worker, enum pipe_worker_state state)
{
    struct pipe_worker *w = &p->worker[worker];
    w->state = (uint8_t)state;
    w->next = PIPE_NONE;
    uint32_t store = store_of(p, w);
    struct pipe_store *s = &p->store[store];
    if (s->first == PIPE_NONE)
        s->first = worker;
    else
        p->worker[s->last].next = worker;
    s->last = worker;
    p->count.transactions++;
    pipe_store_go_on(p, store);
}

/* ---- workers ---- */

static void take(struct pipe *p, uint32_t worker)
{
    struct pipe_worker *w = &p->worker[worker];
    w->try = pipe_take(p, w->station, &w->row);
    w->serial = p->row[w->row].serial;
    w->since_us = engine_now(&p->engine);
}

/* It holds its piece no more. */
static void let_go(struct pipe *p, struct pipe_worker *w)
{
    if (w->since_us >= 0)
        p->count.stage[w->station].held_us += engine_now(&p->engine) - w->since_us;
    w->since_us = -1;
}

/* The row it took may have been finished by another meanwhile, and its place be used anew. */
static bool still_there(const struct pipe *p, const struct pipe_worker *w)
{
    return p->row[w->row].serial == w->serial;
}

/* Do what the function of a station says. */
static void crew_go_on(struct pipe *p, uint32_t station)
{
    struct pipe_station *s = &p->station[station];
    struct function *f = &s->function;
    int64_t now_us = engine_now(&p->engine);
    struct function_do todo;
    p->count.stage[station].crew_us +=
        (function_count(f, FUNCTION_STARTING) + function_count(f, FUNCTION_WARM)) *
        (now_us - s->function_us);
    s->function_us = now_us;
    while ((todo = function_next(f, now_us)).act != FUNCTION_NOTHING) {
        uint32_t worker = s->worker_first + todo.instance;
        if (todo.act == FUNCTION_START) {
            p->count.stage[station].starts++;
            engine_after(&p->engine, p->opts.cold_us, PIPE_EVENT_WARM, worker);
        } else if (todo.act == FUNCTION_STOP) {
            p->worker[worker].generation++; /* it may be starting still */
        } else {
            assert(todo.event == s->first);
            take(p, worker);
            transact(p, worker, PIPE_TAKES);
        }
    }
    int64_t deadline_us = function_deadline_us(f);
    if (deadline_us < s->tick_us) {
        s->tick_us = deadline_us;
        engine_at(&p->engine, deadline_us, PIPE_EVENT_TICK, station);
    }
}

void pipe_on_tick(void *pipe, const struct event *event)
{
    struct pipe *p = pipe;
    struct pipe_station *s = &p->station[event->who];
    if (s->tick_us != event->at)
        return; /* an earlier one came between */
    s->tick_us = INT64_MAX;
    crew_go_on(p, event->who);
}

void pipe_on_warm(void *pipe, const struct event *event)
{
    struct pipe *p = pipe;
    uint32_t station = p->worker[event->who].station;
    struct pipe_station *s = &p->station[station];
    function_ready(&s->function, event->who - s->worker_first, engine_now(&p->engine));
    crew_go_on(p, station);
}

static void rest(struct pipe *p, uint32_t worker)
{
    struct pipe_worker *w = &p->worker[worker];
    w->state = PIPE_IDLE;
    let_go(p, w);
    if (p->opts.function != NULL) {
        struct pipe_station *f = &p->station[w->station];
        function_ended(&f->function, worker - f->worker_first, engine_now(&p->engine));
        crew_go_on(p, w->station);
        return;
    }
    p->station[w->station].active_us = engine_now(&p->engine);
    if (w->down || w->off)
        return;
    if (p->opts.central) {
        transact(p, worker, PIPE_POLLS);
        return;
    }
    struct pipe_station *s = &p->station[w->station];
    if (!w->listed) {
        w->listed = true;
        w->sleeps = s->idle;
        s->idle = worker;
    }
    pipe_dispatch(p, w->station);
}

void pipe_dispatch(struct pipe *p, uint32_t station)
{
    struct pipe_station *s = &p->station[station];
    if (p->opts.function != NULL) {
        crew_go_on(p, station);
        return;
    }
    while (!p->opts.central && s->first != PIPE_NONE && s->idle != PIPE_NONE) {
        uint32_t worker = s->idle;
        struct pipe_worker *w = &p->worker[worker];
        s->idle = w->sleeps;
        w->listed = false;
        if (w->state != PIPE_IDLE || w->down || w->off)
            continue;
        take(p, worker);
        transact(p, worker, PIPE_TAKES);
    }
}

static void worker_starts(struct pipe *p, uint32_t worker)
{
    struct pipe_worker *w = &p->worker[worker];
    if (!still_there(p, w)) { /* it took so long to begin */
        rest(p, worker);
        return;
    }
    struct pipe_station *s = &p->station[w->station];
    const struct pipe_row *row = &p->row[w->row];
    int64_t time_us = pipe_time_us(p, s->time_us, &s->rng);
    if (w->state == PIPE_ASKS) /* there and back */
        time_us += 2 * p->opts.hop_us;
    w->report = pipe_outcome(p, row);
    w->state = PIPE_WORKS;
    p->count.stage[w->station].busy_us += time_us;
    if (p->opts.work != NULL) {
        p->opts.work(p->opts.work_context, worker, w->generation, time_us);
        return;
    }
    engine_after(&p->engine, time_us, PIPE_EVENT_WORKED, worker);
}

/* What it needs to know comes with the message, from the one database, or is asked for. */
static void worker_asks(struct pipe *p, uint32_t worker)
{
    const struct pipe_worker *w = &p->worker[worker];
    if (still_there(p, w) && w->station < p->opts.def->stage_count && !p->opts.central) {
        int64_t bytes = pipeline_ask_bytes(p->opts.def, &p->row[w->row].m);
        if (bytes > 0) {
            p->count.asks++;
            p->count.ask_bytes += bytes;
            transact(p, worker, PIPE_ASKS);
            return;
        }
    }
    worker_starts(p, worker);
}

void pipe_on_worked(void *pipe, const struct event *event)
{
    struct pipe *p = pipe;
    struct pipe_worker *w = &p->worker[event->who];
    bool fails = p->opts.fail > 0 && rng_f64(&p->station[w->station].rng) < p->opts.fail;
    if (!fails) {
        transact(p, event->who, PIPE_WRITES);
        return;
    }
    if (still_there(p, w))
        pipe_fail(p, w->row, w->try);
    rest(p, event->who);
}

/* The server of the worker has no room: other workers' may have. It looks again after a while, as
 * long as after a piece that failed once. */
static void hold_off(struct pipe *p, uint32_t worker)
{
    struct pipe_worker *w = &p->worker[worker];
    const struct work_opts *work = &p->station[w->station].work;
    if (still_there(p, w))
        pipe_give_back(p, w->row, w->try);
    let_go(p, w);
    w->state = PIPE_PAUSES;
    int64_t wait_us = backoff_delay_us(work->backoff_us, work->backoff_max_us, 1, &p->backoff);
    engine_after(&p->engine, wait_us, PIPE_EVENT_PAUSE, worker);
}

void pipe_on_pause(void *pipe, const struct event *event)
{
    rest(pipe, event->who);
}

void pipe_worked(struct pipe *p, uint32_t worker, uint32_t generation, enum pipe_fate fate)
{
    struct pipe_worker *w = &p->worker[worker];
    if (w->state != PIPE_WORKS || w->generation != generation)
        return;
    if (fate == PIPE_CROWDED) {
        hold_off(p, worker);
        return;
    }
    if (fate == PIPE_DONE) {
        transact(p, worker, PIPE_WRITES);
    } else if (fate == PIPE_GONE) {
        pipe_worker_down(p, worker, true);
    } else {
        if (still_there(p, w))
            pipe_fail(p, w->row, w->try);
        rest(p, worker);
    }
}

/* At random: workers that sleep equally long come to look all at one moment, since each that finds
 * something wakes later the next time. */
static void poll_later(struct pipe *p, uint32_t worker)
{
    double in_us = rng_exp(&p->polls) * (double)p->opts.poll_us;
    engine_after(&p->engine, (int64_t)in_us, PIPE_EVENT_POLL, worker);
}

static void poll(struct pipe *p, uint32_t worker)
{
    struct pipe_worker *w = &p->worker[worker];
    p->count.polls++;
    if (p->station[w->station].first != PIPE_NONE) {
        take(p, worker);
        worker_asks(p, worker);
        return;
    }
    p->count.polls_empty++;
    w->state = PIPE_IDLE;
    poll_later(p, worker);
}

static void instance_dies(struct pipe *p, uint32_t worker)
{
    struct pipe_worker *w = &p->worker[worker];
    struct pipe_station *s = &p->station[w->station];
    w->state = PIPE_IDLE;
    w->generation++;
    function_died(&s->function, worker - s->worker_first);
    crew_go_on(p, w->station);
}

static void commit(struct pipe *p, const struct pipe_worker *w)
{
    bool there = still_there(p, w);
    if (there && pipe_commit(p, w->row, w->try, &w->report))
        return;
    p->count.late++;
    if (there)
        pipe_tell(p, PIPE_LATE, &p->order[p->row[w->row].order], &p->row[w->row].m, w->try);
}

void pipe_on_store(void *pipe, const struct event *event)
{
    struct pipe *p = pipe;
    struct pipe_worker *w = &p->worker[event->who];
    uint32_t store = store_of(p, w);
    p->store[store].busy--;
    if (w->state == PIPE_WRITES) /* is committed, though the worker may be dead by now */
        commit(p, w);
    bool forgot = w->forgot;
    w->forgot = false;
    if (forgot && p->opts.function != NULL)
        instance_dies(p, event->who);
    else if (forgot || w->state == PIPE_WRITES)
        rest(p, event->who);
    else if (w->state == PIPE_POLLS)
        poll(p, event->who);
    else if (w->state == PIPE_TAKES)
        worker_asks(p, event->who);
    else
        worker_starts(p, event->who);
    pipe_store_go_on(p, store);
}

void pipe_on_poll(void *pipe, const struct event *event)
{
    transact(pipe, event->who, PIPE_POLLS);
}

/* ---- crashes ---- */

static void crash_later(struct pipe *p, uint32_t worker)
{
    if (p->opts.crash_per_s <= 0)
        return;
    double in_us = rng_exp(&p->crashes) * 1e6 / p->opts.crash_per_s;
    engine_after(&p->engine, (int64_t)in_us, PIPE_EVENT_CRASH, worker);
}

void pipe_worker_down(struct pipe *p, uint32_t worker, bool down)
{
    struct pipe_worker *w = &p->worker[worker];
    bool was_down = w->down;
    w->down = down;
    if (!down) {
        if (was_down && w->state == PIPE_IDLE)
            rest(p, worker);
    } else if (w->state == PIPE_WORKS || w->state == PIPE_IDLE || w->state == PIPE_PAUSES) {
        w->generation++; /* neither work nor the next poll comes to an end */
        w->state = PIPE_IDLE;
        let_go(p, w);
    } else {
        w->forgot = true;
    }
}

void pipe_on_crash(void *pipe, const struct event *event)
{
    struct pipe *p = pipe;
    struct pipe_worker *w = &p->worker[event->who];
    p->count.crashes++;
    if (p->opts.function != NULL) { /* the next instance is another one */
        w->forgot = w->state != PIPE_IDLE && w->state != PIPE_WORKS;
        if (!w->forgot)
            instance_dies(p, event->who);
        crash_later(p, event->who);
        return;
    }
    pipe_worker_down(p, event->who, true);
    double in_us = rng_exp(&p->crashes) * (double)p->opts.repair_us;
    engine_after(&p->engine, (int64_t)in_us, PIPE_EVENT_REPAIR, event->who);
}

void pipe_on_repair(void *pipe, const struct event *event)
{
    struct pipe *p = pipe;
    crash_later(p, event->who);
    pipe_worker_down(p, event->who, false);
}

/* ---- crews ---- */

void pipe_on_crew(void *pipe, const struct event *event)
{
    struct pipe *p = pipe;
    struct pipe_station *s = &p->station[event->who];
    struct pipe_stage_count *count = &p->count.stage[event->who];
    uint32_t busy = 0;
    for (uint32_t i = 0; i < s->worker_count; i++)
        busy += p->worker[s->worker_first + i].state != PIPE_IDLE;
    int64_t now_us = engine_now(&p->engine);
    const struct work_demand demand = {
        .arrivals_per_s = (double)(s->came - s->came_before) * 1e6 / (double)p->opts.crew_us,
        .time_us = (double)(s->time_us + 2 * p->opts.store_us),
        .waiting = s->waiting,
        .idle_us = busy > 0 ? 0 : now_us - s->active_us,
    };
    struct work_crew crew = *p->opts.crew;
    if (crew.count_max > s->worker_count)
        crew.count_max = s->worker_count;
    count->crew_us += s->crew * p->opts.crew_us;
    s->crew = work_crew_count(&crew, &demand);
    s->came_before = s->came;
    count->unmanned += s->crew == 0;
    for (uint32_t i = 0; i < s->worker_count; i++) {
        struct pipe_worker *w = &p->worker[s->worker_first + i];
        bool was_off = w->off;
        w->off = i >= s->crew;
        if (was_off && !w->off && w->state == PIPE_IDLE)
            rest(p, s->worker_first + i);
    }
    engine_after(&p->engine, p->opts.crew_us, PIPE_EVENT_CREW, event->who);
}

void pipe_workers_start(struct pipe *p)
{
    for (uint32_t i = 0; p->opts.crew != NULL && i < p->station_count; i++) {
        for (uint32_t k = 0; k < p->station[i].worker_count; k++)
            p->worker[p->station[i].worker_first + k].off = true;
        engine_at(&p->engine, 0, PIPE_EVENT_CREW, i);
    }
    for (uint32_t i = 0; i < p->worker_count; i++) {
        crash_later(p, i);
        if (p->opts.function != NULL)
            continue;
        if (!p->opts.central) {
            rest(p, i);
            continue;
        }
        poll_later(p, i);
    }
}
