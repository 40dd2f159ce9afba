#include "base/arena.h"
#include "base/error.h"
#include "base/scenario.h"
#include "control/capacity.h"
#include "control/health.h"
#include "simulator/faults.h"
#include "simulator/gossip_net.h"
#include "simulator/plane_parts.h"
#include "simulator/trace.h"

enum { BAD_TICKS = 10 };

/* One agent in each zone; their net delays as the cell's does, and loses nothing. */
int plane_init_agents(struct world *w, size_t cell, uint64_t seed, uint64_t replication,
                      struct arena *a)
{
    struct error err;
    uint32_t zones = w->cell[cell].zones;
    struct gossip_net_opts opts = {
        .gossip = gossip_usual,
        .members = (uint16_t)zones,
        .zones = (uint8_t)zones,
        .near_us = w->topo->cells[cell].zone_rtt_us / 2 + 1,
        .far_us = w->topo->cells[cell].zone_rtt_us / 2 + 1,
        .packets_max = 1024,
        .seed = seed ^ cell * UINT64_C(0x9e3779b97f4a7c15),
        .replication = replication,
    };
    w->plane->cell[cell].agents = arena_alloc(a, 1, sizeof(struct gossip_net));
    if (w->plane->cell[cell].agents == NULL)
        return -1;
    return gossip_net_init(w->plane->cell[cell].agents, &opts, a, &err);
}

/* Let the agents gossip up to now. Who is dead is silent to the others, as who is cut off. */
void plane_hear(struct world *w, uint32_t index)
{
    struct plane_cell *cell = &w->plane->cell[index];
    if (cell->agents == NULL)
        return;
    gossip_net_run(cell->agents, plane_now_us(w));
    for (uint32_t z = 0; z < w->cell[index].zones; z++) {
        bool silent = faults_silence(w, index, z);
        if (silent != cell->silent[z])
            gossip_net_cut(cell->agents, (uint8_t)z, silent);
        cell->silent[z] = silent;
    }
}
bool plane_mourns(const struct plane_cell *cell, uint32_t zones, uint32_t zone)
{
    uint16_t observer = 0;
    while (observer < zones && cell->silent[observer])
        observer++;
    if (observer == zones)
        return false; /* nobody is left to tell */
    return gossip_state_of(gossip_net_at(cell->agents, observer), (uint16_t)zone) == GOSSIP_DEAD;
}

/* Whether a zone's tries fail, and those of the others do not. */
static bool stands_out(const struct plane_count *seen, uint32_t zones, uint32_t zone)
{
    int64_t requests = 0, failed = 0;
    for (uint32_t z = 0; z < zones; z++)
        if (z != zone) {
            requests += seen[z].requests;
            failed += seen[z].failed;
        }
    return (double)seen[zone].requests >= health_rps_min * PLANE_TICK_S &&
           (double)seen[zone].failed > health_zone_errors_max * (double)seen[zone].requests &&
           (double)failed <= health_zone_errors_max * (double)requests;
}

/* Whether its replicas ail, and those of the others do not. */
static bool ails(const struct world *w, size_t cell, uint32_t zone)
{
    uint32_t ill[2] = {0}, all[2] = {0}; /* elsewhere, and there */
    for (size_t k = 0; k < w->topo->service_count; k++) {
        const struct world_group *group = &w->group[cell * w->topo->service_count + k];
        for (uint32_t i = 0; i < group->route.balance.count && !group->service->store; i++) {
            const struct world_server *s = &w->server[group->server_first + i];
            all[s->place == zone] += s->presence == SERVER_THERE;
            ill[s->place == zone] +=
                s->presence == SERVER_THERE &&
                progress_ails(&w->plane->server[group->server_first + i].progress);
        }
    }
    return progress_zone_alone(ill[1], all[1], ill[0], all[0]);
}

/* The arithmetic of the service that is tightest without `zone`. */
static struct shift_facts facts_of(const struct world *w, size_t cell, uint32_t zone)
{
    struct shift_facts worst = {0};
    double worst_busy = -1;
    for (size_t k = 0; k < w->topo->service_count; k++) {
        const struct world_group *group = &w->group[cell * w->topo->service_count + k];
        struct placement_zone each[TOPO_ZONES_MAX];
        if (group->service->store)
            continue;
        struct shift_facts facts = {
            .cell = w->topo->cells[cell].name,
            .zone = w->topo->cells[cell].zones[zone],
            .service = group->service->name,
            .server_rps = capacity_server_rps(group->service, 1),
        };
        facts.servers = plane_look(w, group, each, w->cell[cell].zones) - each[zone].running;
        facts.rps = world_cell_rps(w, cell) * group->service->load;
        double busy_then = facts.rps / (facts.server_rps * (double)facts.servers);
        if (busy_then > worst_busy) {
            worst_busy = busy_then;
            worst = facts;
        }
    }
    return worst;
}

void plane_judge(struct world *w, uint32_t cell)
{
    struct plane_cell *p = &w->plane->cell[cell];
    struct plane_count seen[TOPO_ZONES_MAX] = {{0}};
    uint32_t zones = w->cell[cell].zones, first = cell * (uint32_t)w->topo->service_count;
    for (size_t k = 0; k < w->topo->service_count; k++) {
        size_t group = cell * w->topo->service_count + k;
        for (uint32_t z = 0; z < zones; z++) {
            seen[z].requests += w->plane->group[group].seen[z].requests;
            seen[z].failed += w->plane->group[group].seen[z].failed;
        }
    }
    if (p->shift.state == SHIFT_AWAY &&
        plane_now_us(w) - p->shift.since_us >= PLANE_AWAY_S * INT64_C(1000000)) {
        trace_control(w, TRACE_RETURN, first, WORLD_NONE, p->shift.zone);
        shift_back(&p->shift, plane_now_us(w));
    }
    for (uint32_t z = 0; z < zones; z++) {
        struct error err;
        bool bad = stands_out(seen, zones, z) || ails(w, cell, z);
        p->bad_ticks[z] = bad ? p->bad_ticks[z] + 1 : 0;
        if (p->bad_ticks[z] != BAD_TICKS)
            continue;
        struct shift_facts facts = facts_of(w, cell, z);
        if (shift_away(&p->shift, z, &facts, false, plane_now_us(w), &err) != 0)
            continue;
        w->count.shifts++;
        trace_control(w, TRACE_SHIFT, first, WORLD_NONE, z);
    }
}
