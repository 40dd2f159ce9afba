/* The orders of a result: see parts.h. */
#include <math.h>

#include "base/arena.h"
#include "base/topo.h"
#include "simulator/orders.h"
#include "simulator/parts.h"
#include "simulator/result.h"
#include "simulator/run.h"

const char *parts_stage_name(const struct topo *topo, size_t index)
{
    return index < topo->pipeline.stage_count ? topo->pipeline.stages[index].name : "coordinator";
}

int parts_orders_init(struct result_sample *sample, const struct topo *topo, struct arena *a)
{
    size_t cells = orders_wanted(topo) ? topo->cell_count : 0;
    sample->orders = arena_alloc(a, cells, sizeof sample->orders[0]);
    sample->stage = arena_alloc(a, cells * orders_stations(topo), sizeof sample->stage[0]);
    return sample->orders == NULL || sample->stage == NULL ? -1 : 0;
}

static void take_cell(struct result_orders *orders, const struct pipe *p)
{
    const struct pipe_count *c = &p->count;
    *orders = (struct result_orders){
        .placed = c->placed,
        .refused = c->refused,
        .complete = c->complete,
        .filtered = c->filtered,
        .cancelled = c->cancelled,
        .dead = c->dead,
        .open = p->open,
        .lost = c->lost,
        .doubled = c->doubled,
        .torn = c->torn,
        .messages = c->messages,
        .bytes = c->bytes,
        .asks = c->asks,
        .ask_bytes = c->ask_bytes,
        .tries_failed = c->failed,
        .leases_over = c->expired,
        .late = c->late,
        .crowded = c->crowded,
        .transactions = c->transactions,
        .polls_empty = c->polls_empty,
        .mean_ms = c->latency.count > 0
                       ? (double)c->latency.sum_us / 1000 / (double)c->latency.count
                       : (double)NAN,
        .p50_ms = hist_quantile_us(&c->latency, 0.5) / 1000,
        .p99_ms = hist_quantile_us(&c->latency, 0.99) / 1000,
    };
}

void parts_orders_take(struct result_sample *sample, const struct world_count *count,
                       const struct topo *topo)
{
    uint32_t stations = orders_stations(topo);
    for (size_t c = 0; count->orders != NULL && c < topo->cell_count; c++) {
        const struct pipe *p = &count->orders->cell[c].pipe;
        take_cell(&sample->orders[c], p);
        for (uint32_t i = 0; i < stations; i++) {
            const struct pipe_stage_count *s = &p->count.stage[i];
            sample->stage[c * stations + i] = (struct result_stage){
                .taken = s->taken,
                .done = s->done,
                .undone = s->undone,
                .held_us = s->held_us,
                .waiting_us = s->waiting_us,
                .waiting_max = s->waiting_max,
                .waiting_end = p->station[i].waiting,
                .oldest_us = s->oldest_us,
            };
        }
    }
}

static void add_known(struct stats *s, double value)
{
    if (!isnan(value))
        stats_add(s, value);
}

static void fill_stage(struct run_stage *stage, size_t at,
                       const struct result_sample *const *samples, size_t n, double run_us)
{
    struct stats busy = {0}, waiting = {0};
    for (size_t k = 0; k < n; k++) {
        const struct result_stage *s = &samples[k]->stage[at];
        stage->taken += s->taken;
        stage->done += s->done;
        stage->undone += s->undone;
        if (stage->waiting_max < s->waiting_max)
            stage->waiting_max = s->waiting_max;
        if (stage->waiting_end < s->waiting_end)
            stage->waiting_end = s->waiting_end;
        if (stage->oldest_s < (double)s->oldest_us * 1e-6)
            stage->oldest_s = (double)s->oldest_us * 1e-6;
        stats_add(&busy, (double)s->held_us / ((double)stage->workers * run_us));
        stats_add(&waiting, (double)s->waiting_us / run_us);
    }
    stage->busy = result_measure(&busy);
    stage->waiting = result_measure(&waiting);
}

static void fill_cell(struct run_pipeline *p, size_t cell,
                      const struct result_sample *const *samples, size_t n)
{
    struct stats mean = {0}, p50 = {0}, p99 = {0};
    for (size_t k = 0; k < n; k++) {
        const struct result_orders *o = &samples[k]->orders[cell];
        p->placed += o->placed;
        p->refused += o->refused;
        p->complete += o->complete;
        p->filtered += o->filtered;
        p->cancelled += o->cancelled;
        p->dead += o->dead;
        p->open += o->open;
        p->lost += o->lost;
        p->doubled += o->doubled;
        p->torn += o->torn;
        p->messages += o->messages;
        p->bytes += o->bytes;
        p->asks += o->asks;
        p->ask_bytes += o->ask_bytes;
        p->tries_failed += o->tries_failed;
        p->leases_over += o->leases_over;
        p->late += o->late;
        p->crowded += o->crowded;
        p->transactions += o->transactions;
        p->polls_empty += o->polls_empty;
        add_known(&mean, o->mean_ms);
        add_known(&p50, o->p50_ms);
        add_known(&p99, o->p99_ms);
    }
    p->mean_ms = result_measure(&mean);
    p->p50_ms = result_measure(&p50);
    p->p99_ms = result_measure(&p99);
}

int parts_orders_fill(struct run_result *result, const struct result_sample *const *samples,
                      size_t n, const struct topo *topo, const struct scenario *scenario,
                      struct arena *a)
{
    uint32_t stations = orders_stations(topo);
    result->pipeline_count = stations > 0 ? topo->cell_count : 0;
    result->pipelines = arena_alloc(a, result->pipeline_count, sizeof result->pipelines[0]);
    if (result->pipelines == NULL)
        return -1;
    for (size_t c = 0; c < result->pipeline_count; c++) {
        struct run_pipeline *p = &result->pipelines[c];
        p->cell = topo->cells[c].name;
        p->stage_count = stations;
        p->stages = arena_alloc(a, stations, sizeof p->stages[0]);
        if (p->stages == NULL)
            return -1;
        fill_cell(p, c, samples, n);
        size_t most = 0;
        for (size_t i = 0; i < stations; i++) {
            p->stages[i].name = parts_stage_name(topo, i);
            p->stages[i].workers = i < topo->pipeline.stage_count ? topo->pipeline.stages[i].workers
                                                                  : topo->pipeline.coordinators;
            fill_stage(&p->stages[i], c * stations + i, samples, n, (double)scenario->duration_us);
            if (p->stages[i].busy.mean > p->stages[most].busy.mean)
                most = i;
        }
        p->bottleneck = p->stages[most].name;
    }
    return 0;
}

double parts_orders_value(const struct result_sample *sample, const struct topo *topo, size_t cell,
                          int measure)
{
    uint32_t stations = orders_stations(topo);
    if (stations == 0)
        return (double)NAN;
    const struct result_orders *o = &sample->orders[cell];
    int64_t backlog = 0, oldest_us = 0;
    for (size_t i = cell * stations; i < (cell + 1) * stations; i++) {
        const struct result_stage *s = &sample->stage[i];
        backlog = s->waiting_max > backlog ? s->waiting_max : backlog;
        oldest_us = s->oldest_us > oldest_us ? s->oldest_us : oldest_us;
    }
    switch (measure) {
    case MEASURE_ORDERS_COMPLETE:
        return (double)o->complete;
    case MEASURE_ORDERS_DEAD:
        return (double)o->dead;
    case MEASURE_ORDERS_LOST:
        return (double)(o->lost + o->doubled + o->torn);
    case MEASURE_ORDERS_OPEN:
        return (double)o->open;
    case MEASURE_ORDER_P50:
        return o->p50_ms;
    case MEASURE_ORDER_P99:
        return o->p99_ms;
    case MEASURE_BACKLOG:
        return (double)backlog;
    case MEASURE_BACKLOG_OLDEST:
        return (double)oldest_us * 1e-6;
    default:
        return (double)NAN;
    }
}
