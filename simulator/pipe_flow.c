#include "simulator/pipe_work.h"

#include <assert.h>
#include <string.h>

/* ---- pools ---- */

static void overflow(struct pipe *p, const char *what)
{
    p->full = what;
    engine_stop(&p->engine);
}

static int64_t now_us(const struct pipe *p)
{
    return engine_now(&p->engine);
}

static bool chance(double probability, struct rng *rng)
{
    return probability > 0 && rng_f64(rng) < probability;
}

/* ---- the end of an order ---- */

static bool is_end(enum pipeline_end end)
{
    return end == PIPELINE_COMPLETE || end == PIPELINE_FILTERED || end == PIPELINE_CANCELLED;
}

/* Nothing of the order is under way any more: what has become of it? */
static void pipe_order_close(struct pipe *p, uint32_t index)
{
    struct pipe_order *o = &p->order[index];
    struct pipe_count *c = &p->count;
    bool torn = false;
    for (size_t i = 0; i < p->opts.def->stage_count; i++) {
        int left = o->done[i] - o->undone[i];
        if (o->ends == 0)
            c->stage[i].left_of_dead += left;
        else if (o->end == PIPELINE_COMPLETE)
            c->stage[i].done_of_complete += o->done[i];
        if (o->ends > 0 && o->end != PIPELINE_CANCELLED)
            torn = torn || o->undone[i] != 0;
        else if (o->ends > 0 && p->opts.def->stages[i].undo_stage != PIPELINE_NONE)
            torn = torn || left != 0;
    }
    c->doubled += o->ends > 1;
    c->lost += o->ends == 0 && o->dead == 0;
    c->dead += o->ends == 0 && o->dead > 0;
    c->torn += torn;
    if (o->ends > 0 && o->end == PIPELINE_COMPLETE)
        c->parts_of_complete += o->parts;
    while (o->kept != PIPE_NONE) {
        uint32_t row = o->kept;
        o->kept = p->row[row].next;
        p->row[row].next = p->row_free;
        p->row_free = row;
    }
    o->number = 0;
    o->generation++;
    o->next_free = p->order_free;
    p->order_free = index;
    p->open--;
    if (pipe_over(p))
        engine_stop(&p->engine);
}

static void pipe_order_release(struct pipe *p, uint32_t index)
{
    assert(p->order[index].live > 0);
    if (--p->order[index].live == 0)
        pipe_order_close(p, index);
}

static void pipe_order_end(struct pipe *p, struct pipe_order *o, enum pipeline_end end,
                           const struct pipeline_message *m)
{
    o->ends++;
    o->end = (uint8_t)end;
    p->count.complete += end == PIPELINE_COMPLETE;
    p->count.filtered += end == PIPELINE_FILTERED;
    p->count.cancelled += end == PIPELINE_CANCELLED;
    if (end == PIPELINE_COMPLETE && o->placed_us >= p->opts.warmup_us)
        hist_add(&p->count.latency, now_us(p) - o->placed_us);
    pipe_tell(p,
              end == PIPELINE_COMPLETE   ? PIPE_COMPLETED
              : end == PIPELINE_FILTERED ? PIPE_FILTERED_OUT
                                         : PIPE_CANCELED,
              o, m, 0);
}

/* ---- rows ---- */

/* The number of rows that wait is about to change, or is looked at. */
static void count_waiting(struct pipe *p, uint32_t station)
{
    struct pipe_station *s = &p->station[station];
    p->count.stage[station].waiting_us += s->waiting * (now_us(p) - s->waiting_since_us);
    s->waiting_since_us = now_us(p);
}

void pipe_count_waiting(struct pipe *p)
{
    for (uint32_t i = 0; i < p->station_count; i++) {
        struct pipe_stage_count *count = &p->count.stage[i];
        count_waiting(p, i);
        if (p->station[i].first == PIPE_NONE)
            continue;
        int64_t oldest_us = now_us(p) - p->row[p->station[i].first].came_us;
        if (oldest_us > count->oldest_us)
            count->oldest_us = oldest_us;
    }
}

static void row_enqueue(struct pipe *p, uint32_t index)
{
    struct pipe_station *s = &p->station[p->row[index].station];
    p->row[index].next = PIPE_NONE;
    if (s->first == PIPE_NONE)
        s->first = index;
    else
        p->row[s->last].next = index;
    s->last = index;
    count_waiting(p, p->row[index].station);
    if (++s->waiting > p->count.stage[p->row[index].station].waiting_max)
        p->count.stage[p->row[index].station].waiting_max = s->waiting;
    s->came++;
    s->active_us = now_us(p);
    if (p->opts.function != NULL && !function_arrive(&s->function, index))
        overflow(p, "events of a function"); /* cannot be: there is room for every row */
    pipe_dispatch(p, p->row[index].station);
}

static void row_close(struct pipe *p, uint32_t index, bool keep)
{
    struct pipe_row *row = &p->row[index];
    struct pipe_order *o = &p->order[row->order];
    row->serial = 0;
    row->next = keep ? o->kept : p->row_free;
    if (keep)
        o->kept = index;
    else
        p->row_free = index;
    pipe_order_release(p, row->order);
}

static void row_bury(struct pipe *p, uint32_t index, uint32_t try)
{
    struct pipe_order *o = &p->order[p->row[index].order];
    o->dead++;
    pipe_tell(p, PIPE_BURIED, o, &p->row[index].m, try);
    row_close(p, index, false);
}

/* The inbox takes what has come, once. */
static void inbox(struct pipe *p, uint32_t station, uint32_t order,
                  const struct pipeline_message *m, const struct pipeline_report *report)
{
    struct pipe_order *o = &p->order[order];
    uint64_t id = station < p->opts.def->stage_count ? m->id : pipeline_report_id(m);
    for (uint32_t i = 0; i < o->seen_count; i++)
        if (o->seen[i] == id) {
            p->count.again++;
            pipe_tell(p, PIPE_AGAIN, o, m, 0);
            return;
        }
    if (o->seen_count == PIPE_SEEN_MAX || p->row_free == PIPE_NONE) {
        overflow(p, o->seen_count == PIPE_SEEN_MAX ? "messages of an order" : "pieces of work");
        return;
    }
    o->seen[o->seen_count++] = id;
    uint32_t index = p->row_free;
    struct pipe_row *row = &p->row[index];
    uint32_t generation = row->generation;
    p->row_free = row->next;
    *row = (struct pipe_row){.m = *m,
                             .report = *report,
                             .work = work_ready(now_us(p)),
                             .serial = ++p->serial_last,
                             .generation = generation,
                             .order = order,
                             .station = station,
                             .came_us = now_us(p)};
    o->live++;
    if (station < p->opts.def->stage_count && pipeline_lost(p->opts.def, m))
        row_bury(p, index, 0);
    else
        row_enqueue(p, index);
}

/* ---- messages ---- */

static void flight_free(struct pipe *p, uint32_t index)
{
    struct pipe_flight *f = &p->flight[index];
    if (!f->acknowledged || f->in_air > 0)
        return;
    f->next_free = p->flight_free;
    p->flight_free = index;
    pipe_order_release(p, f->order);
}

static void flight_go(struct pipe *p, uint32_t index)
{
    struct pipe_flight *f = &p->flight[index];
    bool report = f->station == p->opts.def->stage_count;
    uint16_t copies = 1;
    if (chance(p->opts.loss, &p->network))
        copies = 0;
    else if (chance(p->opts.twice, &p->network))
        copies = 2;
    p->count.messages++;
    p->count.bytes += report ? PIPELINE_REPORT_BYTES : pipeline_bytes(p->opts.def, &f->m);
    f->in_air = (uint16_t)(f->in_air + copies);
    for (; copies > 0; copies--) {
        int64_t way_us = 0;
        if (p->opts.hop_us > 0)
            way_us = (int64_t)(rng_exp(&p->network) * (double)p->opts.hop_us);
        engine_after(&p->engine, way_us, PIPE_EVENT_LAND, index);
    }
    engine_after(&p->engine, p->opts.resend_us, PIPE_EVENT_RESEND, index);
}

/* Commit a message to the outbox; in one database it is in the other stage's inbox at once. */
static void send(struct pipe *p, uint32_t station, uint32_t order, const struct pipeline_message *m,
                 const struct pipeline_report *report)
{
    if (p->opts.central) {
        inbox(p, station, order, m, report);
        return;
    }
    uint32_t index = p->flight_free;
    if (index == PIPE_NONE) {
        overflow(p, "messages under way");
        return;
    }
    struct pipe_flight *f = &p->flight[index];
    p->flight_free = f->next_free;
    f->m = *m;
    f->report = *report;
    f->order = order;
    f->station = station;
    f->in_air = 0;
    f->acknowledged = false;
    p->order[order].live++;
    flight_go(p, index);
}

void pipe_on_land(void *pipe, const struct event *event)
{
    struct pipe *p = pipe;
    struct pipe_flight *f = &p->flight[event->who];
    f->in_air--;
    inbox(p, f->station, f->order, &f->m, &f->report);
    if (!f->acknowledged && !chance(p->opts.loss, &p->network)) { /* or that is lost */
        f->acknowledged = true;
        engine_cancel(&p->engine, PIPE_EVENT_RESEND, event->who);
    }
    flight_free(p, event->who);
}

void pipe_on_resend(void *pipe, const struct event *event)
{
    flight_go(pipe, event->who);
}

/* ---- what follows ---- */

static struct pipeline_barrier *barrier_of(struct pipe *p, struct pipe_order *o, uint64_t group)
{
    uint32_t i = 0;
    if (group == 0)
        return NULL;
    while (i < o->group_count && o->group[i] != group)
        i++;
    if (i == PIPE_GROUPS_MAX) {
        overflow(p, "groups of parts of an order");
        return NULL;
    }
    if (i == o->group_count) {
        o->group_count++;
        o->group[i] = group;
        memset(&o->barrier[i], 0, sizeof o->barrier[i]);
    }
    return &o->barrier[i];
}

static void turn_parts(struct pipe *p, uint32_t order, uint64_t group,
                       const struct pipeline_barrier *barrier, const struct pipeline_message *last)
{
    static const struct pipeline_report none = {0};
    struct pipeline_message out;
    if (last->group != 0 && pipeline_turn(p->opts.def, barrier, last, &out))
        send(p, out.stage, order, &out, &none);
    for (uint32_t i = p->order[order].kept; i != PIPE_NONE; i = p->row[i].next)
        if (p->row[i].m.group == group && pipeline_turn(p->opts.def, barrier, &p->row[i].m, &out))
            send(p, out.stage, order, &out, &none);
}

/* Whoever decides, the stage or the coordinator, does so; the row is over. */
static void decide(struct pipe *p, uint32_t index, const struct pipeline_report *report)
{
    static const struct pipeline_report none = {0};
    struct pipe_row *row = &p->row[index];
    struct pipe_order *o = &p->order[row->order];
    uint64_t group = pipeline_group(p->opts.def, &row->m);
    struct pipeline_barrier *barrier = barrier_of(p, o, group);
    if (group != 0 && barrier == NULL)
        return;
    struct pipeline_step step = pipeline_finish(p->opts.def, &row->m, report, barrier);
    for (uint16_t i = 0; i < step.count; i++) {
        struct pipeline_message out;
        pipeline_follow(p->opts.def, &row->m, &step, i, &out);
        send(p, out.stage, row->order, &out, &none);
    }
    if (step.end == PIPELINE_TURNS)
        turn_parts(p, row->order, group, barrier, &row->m);
    if (is_end(step.end))
        pipe_order_end(p, o, step.end, &row->m);
    if (step.end == PIPELINE_DEAD)
        row_bury(p, index, row->work.tries);
    else
        row_close(p, index, group != 0 && row->m.group != 0);
}

/* The work of a stage is over, with an outcome. What it changed is in the same transaction. */
static void stage_ends(struct pipe *p, uint32_t index, const struct pipeline_report *report)
{
    struct pipe_row *row = &p->row[index];
    struct pipe_order *o = &p->order[row->order];
    bool worked = report->outcome != PIPELINE_NO && !report->cancelled &&
                  pipeline_group(p->opts.def, &row->m) == 0;
    if (worked && row->m.way == PIPELINE_FORWARD) {
        o->done[row->m.stage]++;
        p->count.stage[row->m.stage].done++;
    } else if (worked) {
        uint8_t stage = row->m.trail[row->m.trail_count - 1].stage;
        o->undone[stage]++;
        p->count.stage[stage].undone++;
    }
    if (p->opts.def->mode != PIPELINE_DIRECTED) {
        decide(p, index, report);
        return;
    }
    send(p, (uint32_t)p->opts.def->stage_count, row->order, &row->m, report);
    row_close(p, index, false);
}

struct pipeline_report pipe_outcome(const struct pipe *p, const struct pipe_row *row)
{
    const struct pipe_order *o = &p->order[row->order];
    const struct pipeline_stage *s = &p->opts.def->stages[row->m.stage];
    struct pipeline_report report = {.outcome = PIPELINE_DONE, .parts = o->parts};
    struct rng luck;
    rng_init(&luck, row->m.id ^ o->number * 0x9e3779b97f4a7c15u ^ p->opts.seed << 20);
    report.key = rng_u64(&luck);
    if (row->m.way == PIPELINE_BACK || pipeline_group(p->opts.def, &row->m) != 0)
        return report;
    report.cancelled = o->cancelled && s->next_count > 0;
    if (s->kind == PIPELINE_TASK && chance(p->opts.no, &luck))
        report.outcome = PIPELINE_NO;
    else if (s->kind == PIPELINE_TASK && s->next_count > 1)
        report.outcome = (int)rng_below(&luck, (uint32_t)s->next_count);
    return report;
}

/* ---- what workers do to rows ---- */

uint32_t pipe_take(struct pipe *p, uint32_t station, uint32_t *index)
{
    struct pipe_station *s = &p->station[station];
    *index = s->first;
    struct pipe_row *row = &p->row[*index];
    s->first = row->next;
    count_waiting(p, station);
    s->waiting--;
    if (now_us(p) - row->came_us > p->count.stage[station].oldest_us)
        p->count.stage[station].oldest_us = now_us(p) - row->came_us;
    uint32_t try = work_take(&row->work, &s->work, now_us(p));
    engine_at(&p->engine, row->work.at_us, PIPE_EVENT_ROW, *index);
    p->count.stage[station].taken++;
    if (station < p->opts.def->stage_count)
        pipe_tell(p, PIPE_TAKEN, &p->order[row->order], &row->m, try);
    return try;
}

bool pipe_commit(struct pipe *p, uint32_t index, uint32_t try, const struct pipeline_report *report)
{
    struct pipe_row *row = &p->row[index];
    if (!work_finish(&row->work, try, now_us(p)))
        return false;
    engine_cancel(&p->engine, PIPE_EVENT_ROW, index);
    if (row->station < p->opts.def->stage_count)
        stage_ends(p, index, report);
    else
        decide(p, index, &row->report);
    return true;
}

/* A try has ended badly: the row waits, or is dead, which may count as a no. */
static void row_failed(struct pipe *p, uint32_t index)
{
    static const struct pipeline_report no = {.outcome = PIPELINE_NO};
    struct pipe_row *row = &p->row[index];
    if (row->work.state == WORK_READY)
        engine_at(&p->engine, row->work.at_us, PIPE_EVENT_ROW, index);
    else if (row->station < p->opts.def->stage_count && pipeline_spent(p->opts.def, &row->m))
        stage_ends(p, index, &no);
    else
        row_bury(p, index, row->work.tries);
}

void pipe_fail(struct pipe *p, uint32_t index, uint32_t try)
{
    struct pipe_row *row = &p->row[index];
    const struct work_opts *work = &p->station[row->station].work;
    if (!work_fail(&row->work, work, try, now_us(p), &p->backoff))
        return;
    p->count.failed++;
    pipe_tell(p, PIPE_FAILED, &p->order[row->order], &row->m, try);
    engine_cancel(&p->engine, PIPE_EVENT_ROW, index);
    row_failed(p, index);
}

void pipe_give_back(struct pipe *p, uint32_t index, uint32_t try)
{
    if (!work_give_back(&p->row[index].work, try, now_us(p)))
        return;
    p->count.crowded++;
    engine_cancel(&p->engine, PIPE_EVENT_ROW, index);
    row_enqueue(p, index);
}

void pipe_on_row(void *pipe, const struct event *event)
{
    struct pipe *p = pipe;
    struct pipe_row *row = &p->row[event->who];
    if (work_is_ready(&row->work, now_us(p))) {
        row_enqueue(p, event->who);
        return;
    }
    uint32_t try = row->work.tries;
    bool over = work_expire(&row->work, &p->station[row->station].work, now_us(p), &p->backoff);
    assert(over);
    p->count.expired++;
    pipe_tell(p, PIPE_SILENT, &p->order[row->order], &row->m, try);
    row_failed(p, event->who);
}

/* ---- orders come ---- */

void pipe_place(struct pipe *p)
{
    static const struct pipeline_report none = {0};
    uint32_t index = p->order_free;
    p->number_last++;
    if (index == PIPE_NONE || p->store[p->owner_store].down) {
        p->count.refused++;
        return;
    }
    struct pipe_order *o = &p->order[index];
    uint32_t generation = o->generation;
    p->order_free = o->next_free;
    memset(o, 0, offsetof(struct pipe_order, seen));
    o->generation = generation;
    o->number = p->number_last;
    o->placed_us = now_us(p);
    o->kept = PIPE_NONE;
    struct rng luck;
    rng_init(&luck, o->number ^ p->opts.seed << 32);
    o->parts = (uint16_t)(1 + rng_below(&luck, p->opts.parts_max));
    bool cancel = chance(p->opts.cancel, &luck);
    if (cancel) {
        double in_us = rng_exp(&luck) * (double)p->opts.cancel_in_us;
        engine_after(&p->engine, (int64_t)in_us, PIPE_EVENT_CANCEL, index);
    }
    p->count.placed++;
    p->open++;
    struct pipeline_message first;
    pipeline_begin(&first, o->number);
    pipe_tell(p, PIPE_PLACED, o, &first, 0);
    inbox(p, first.stage, index, &first, &none); /* placed and acknowledged in one transaction */
}

void pipe_on_arrive(void *pipe, const struct event *event)
{
    (void)event;
    struct pipe *p = pipe;
    pipe_place(p);
    if ((int64_t)p->number_last < p->opts.orders) {
        double gap_us = rng_exp(&p->arrivals) * 1e6 / p->opts.orders_per_s;
        engine_after(&p->engine, (int64_t)(gap_us + 0.5), PIPE_EVENT_ARRIVE, 0);
    } else if (pipe_over(p)) { /* the last one was refused */
        engine_stop(&p->engine);
    }
}

void pipe_on_cancel(void *pipe, const struct event *event)
{
    struct pipe *p = pipe;
    p->order[event->who].cancelled = true;
}
