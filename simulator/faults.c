#include "simulator/faults.h"

#include "base/error.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "control/capacity.h"
#include "simulator/flow.h"
#include "simulator/trace.h"
#include "simulator/world.h"

int faults_check(const struct scenario *s, const struct topo *topo,
                 const struct capacity_plan *plan, struct error *err)
{
    for (size_t i = 0; i < s->fault_count; i++) {
        const struct scenario_fault *f = &s->faults[i];
        if (f->kind != FAULT_SERVER_DOWN)
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

void faults_schedule(struct world *w)
{
    for (size_t i = 0; i < w->scenario->fault_count; i++) {
        const struct scenario_fault *f = &w->scenario->faults[i];
        engine_at(&w->engine, f->at_us * 1000, WORLD_BREAK, (uint32_t)i);
        if (f->for_us > 0 && f->at_us + f->for_us < w->scenario->duration_us)
            engine_at(&w->engine, (f->at_us + f->for_us) * 1000, WORLD_HEAL, (uint32_t)i);
    }
}

/* Faults may overlap, so each server counts those that hold it down. */
static void hold(struct world *w, const struct scenario_fault *f, int step)
{
    for (size_t service = 0; service < w->topo->service_count; service++) {
        if (f->kind == FAULT_SERVER_DOWN && service != f->service)
            continue;
        const struct world_group *group = &w->group[f->cell * w->topo->service_count + service];
        uint32_t first = group->server_first + (uint32_t)f->zone * group->per_zone;
        for (uint32_t i = 0; i < group->per_zone; i++)
            if (f->kind == FAULT_ZONE_DOWN || i == (uint32_t)f->server)
                w->server[first + i].down += (uint32_t)step;
    }
}

void faults_break(void *world, const struct event *event)
{
    struct world *w = world;
    trace_fault(w, TRACE_BREAK, event->who);
    hold(w, &w->scenario->faults[event->who], 1);
    flow_reset_dead(w);
}

void faults_heal(void *world, const struct event *event)
{
    struct world *w = world;
    trace_fault(w, TRACE_HEAL, event->who);
    hold(w, &w->scenario->faults[event->who], -1);
}
