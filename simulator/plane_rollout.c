#include "base/scenario.h"
#include "simulator/faults.h"
#include "simulator/plane.h"
#include "simulator/plane_parts.h"
#include "simulator/trace.h"

/* Give a zone of a cell the version of the rollout, or the old one. */
static void change_zone(struct world *w, const struct rollout_order *order)
{
    const struct scenario_fault *f = &w->scenario->faults[w->plane->rollout_fault];
    uint32_t index = (uint32_t)(order->cell * w->topo->service_count + f->service);
    const struct world_group *group = &w->group[index];
    bool change = order->what == ROLLOUT_CHANGE;
    double errors = change ? f->share : 0;
    trace_control(w, change ? TRACE_CHANGE : TRACE_UNDO, index, WORLD_NONE, order->zone);
    for (uint32_t i = 0; i < group->slots; i++)
        w->server[group->server_first + order->zone * group->slots + i].new_errors = errors;
    faults_mark(w, order->cell);
    w->plane->ready_waits = true;
    w->plane->ready_ns = engine_now(&w->engine) + w->scenario->control.start_us * 1000;
}

static void tell_rollout(struct world *w, enum rollout_news news, int64_t requests, int64_t failed)
{
    struct rollout_order order =
        rollout_step(&w->plane->rollout, plane_now_us(w), news, requests, failed);
    if (order.what != ROLLOUT_NOTHING)
        change_zone(w, &order);
}

void plane_deploy(struct world *w, uint32_t fault, bool begins)
{
    struct world_plane *p = w->plane;
    const struct scenario_control *control = &w->scenario->control;
    bool idle = p->rollout_fault == WORLD_NONE || p->rollout.state == ROLLOUT_UNDONE;
    if (begins && idle) { /* none goes out while the last is still being taken back */
        const struct rollout_opts opts = {
            .zones = p->zones,
            .cells = (uint32_t)w->topo->cell_count,
            .ready_us = 2 * control->start_us + 1000000,
            .watch_us = control->watch_us,
            .watch_first_us = 2 * control->watch_us,
            .error_budget = control->error_budget,
            .requests_min = 100,
        };
        p->rollout_fault = fault;
        rollout_init(&p->rollout, &opts, plane_now_us(w));
        tell_rollout(w, ROLLOUT_START, 0, 0);
    } else if (!begins && p->rollout_fault == fault) {
        tell_rollout(w, ROLLOUT_UNDO, 0, 0);
    }
}

/* What the watched zone has seen since the last tick, and the time. */
void plane_roll(struct world *w, uint32_t cell)
{
    struct world_plane *p = w->plane;
    const struct rollout *r = &p->rollout;
    if (p->rollout_fault == WORLD_NONE || r->cell != cell)
        return;
    const struct scenario_fault *f = &w->scenario->faults[p->rollout_fault];
    const struct plane_count *seen =
        &p->group[cell * w->topo->service_count + f->service].seen[r->zone];
    tell_rollout(w, ROLLOUT_SEEN, seen->requests, seen->failed);
    if (p->ready_waits && engine_now(&w->engine) >= p->ready_ns) {
        p->ready_waits = false;
        tell_rollout(w, ROLLOUT_READY, 0, 0);
    }
    if (rollout_deadline_us(r) <= plane_now_us(w))
        tell_rollout(w, ROLLOUT_TIMEOUT, 0, 0);
}
