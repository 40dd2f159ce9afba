#include "simulator/plane.h"

#include "base/arena.h"
#include "base/scenario.h"
#include "control/capacity.h"
#include "simulator/plane_parts.h"

enum { SCALE_DOWN_S = 300, SHIFT_STEPS = 4 };

static const int64_t TICK_NS = PLANE_TICK_S * INT64_C(1000000000);

bool plane_wanted(const struct scenario *scenario)
{
    const struct scenario_control *c = &scenario->control;
    bool wanted = c->replace || c->autoscale || c->shift;
    for (size_t i = 0; i < scenario->fault_count; i++)
        wanted = wanted || scenario->faults[i].kind == FAULT_BAD_DEPLOY;
    return wanted;
}

uint32_t plane_room(const struct scenario *scenario, uint32_t per_zone)
{
    const struct scenario_control *c = &scenario->control;
    if (!c->replace && !c->autoscale)
        return 0;
    return c->room > 0 ? (uint32_t)c->room : per_zone;
}

static bool is_store(const struct world *w, uint32_t group)
{
    return w->group[group].service->store;
}

int plane_init(struct world *w, const struct capacity_plan *plan, uint64_t seed,
               uint64_t replication, struct arena *a)
{
    size_t cells = w->topo->cell_count, services = w->topo->service_count;
    struct world_plane *p = w->plane = arena_alloc(a, 1, sizeof *w->plane);
    if (p == NULL)
        return -1;
    p->rollout_fault = WORLD_NONE;
    p->group = arena_alloc(a, w->group_count, sizeof p->group[0]);
    p->cell = arena_alloc(a, cells, sizeof p->cell[0]);
    p->zones = arena_alloc(a, cells, sizeof p->zones[0]);
    if (p->group == NULL || p->cell == NULL || p->zones == NULL)
        return -1;
    if (w->scenario->control.replace || w->scenario->control.shift) {
        p->server = arena_alloc(a, w->server_count, sizeof p->server[0]);
        if (p->server == NULL)
            return -1;
    }
    for (uint32_t i = 0; i < w->group_count; i++) {
        if (!is_store(w, i))
            w->group[i].route.shift = &p->cell[w->group[i].cell].shift;
        const struct capacity_service *s = &plan->cells[i / services].services[i % services];
        uint32_t zones = w->cell[w->group[i].cell].zones;
        p->group[i].planned = s->servers;
        const struct autoscale_opts opts = {
            .target = w->topo->target_utilisation,
            .slack = 0.1,
            .servers_min = s->servers,
            .servers_max = (int64_t)w->group[i].slots * (is_store(w, i) ? 1 : zones),
            .down_us = SCALE_DOWN_S * INT64_C(1000000),
            .step_servers = is_store(w, i) ? 1 : zones,
        };
        autoscale_init(&p->group[i].scale, &opts);
    }
    for (size_t c = 0; c < cells; c++) {
        p->cell[c].shift.opts = (struct shift_opts){SHIFT_STEPS, PLANE_TICK_S * INT64_C(1000000)};
        p->zones[c] = w->cell[c].zones;
        if (w->scenario->control.gossip && p->zones[c] > 1 &&
            plane_init_agents(w, c, seed, replication, a) != 0)
            return -1;
        engine_after(&w->engine, TICK_NS, WORLD_TICK, (uint32_t)c);
    }
    return 0;
}

void plane_seen(struct world *w, uint32_t group, uint32_t zone, bool failed)
{
    struct plane_count *seen = &w->plane->group[group].seen[zone];
    seen->requests++;
    seen->failed += failed;
}

void plane_served(struct world *w, uint32_t server, bool failed, int64_t work_ns)
{
    if (w->plane->server == NULL)
        return;
    struct progress_sample *sample = &w->plane->server[server].sample;
    sample->finished++;
    sample->failed += failed;
    sample->work_us += work_ns / 1000;
}

void plane_tick(void *world, const struct event *event)
{
    struct world *w = world;
    uint32_t cell = event->who;
    size_t services = w->topo->service_count;
    if (engine_now(&w->engine) + TICK_NS <= w->end_ns)
        engine_after(&w->engine, TICK_NS, WORLD_TICK, cell);
    plane_hear(w, cell);
    if (w->cell[cell].control_down == 0) {
        for (size_t k = 0; k < services; k++)
            if (!is_store(w, (uint32_t)(cell * services + k))) {
                plane_progress(w, (uint32_t)(cell * services + k));
                plane_keep(w, (uint32_t)(cell * services + k));
            }
        if (w->scenario->control.shift)
            plane_judge(w, cell);
        plane_roll(w, cell);
    }
    for (size_t k = 0; k < services; k++)
        for (uint32_t z = 0; z < w->cell[cell].zones; z++)
            w->plane->group[cell * services + k].seen[z] = (struct plane_count){0, 0};
}
