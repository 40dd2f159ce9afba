#include "base/scenario.h"
#include "simulator/plane.h"
#include "simulator/plane_parts.h"

enum { SMOOTH_TICKS = 60 };

static bool is_dead(const struct world_server *s)
{
    return s->down > 0 || s->crashed;
}

/* Whether control knows by now that a server is dead: by its agent, or where that is silent as
 * well, by what those of the other zones say of that one. */
static bool known_dead(const struct world *w, const struct world_server *s, uint32_t zone)
{
    const struct plane_cell *cell = &w->plane->cell[w->group[s->group].cell];
    if (cell->agents == NULL || !cell->silent[zone])
        return is_dead(s) &&
               engine_now(&w->engine) - s->since_ns >= w->scenario->control.detect_us * 1000;
    return plane_mourns(cell, w->cell[w->group[s->group].cell].zones, zone);
}

int64_t plane_look(const struct world *w, const struct world_group *group,
                   struct placement_zone *zone, uint32_t zones)
{
    int64_t all = 0;
    for (uint32_t z = 0; z < zones; z++) {
        int64_t there = 0, dead = 0, free = 0;
        for (uint32_t i = 0; i < group->slots; i++) {
            const struct world_server *s = &w->server[group->server_first + z * group->slots + i];
            if (s->presence == SERVER_NONE)
                free++;
            else if (known_dead(w, s, z))
                dead++;
            else
                there++;
        }
        zone[z] =
            (struct placement_zone){.up = there > 0 || dead == 0, .running = there, .room = free};
        all += there;
    }
    return all;
}

static void start_one(struct world *w, struct world_group *group, uint32_t zone)
{
    for (uint32_t i = 0; i < group->slots; i++) {
        uint32_t index = group->server_first + zone * group->slots + i;
        if (w->server[index].presence != SERVER_NONE)
            continue;
        w->server[index].presence = SERVER_STARTING;
        engine_after(&w->engine, w->scenario->control.start_us * 1000, WORLD_STARTED, index);
        return;
    }
}

void plane_started(void *world, const struct event *event)
{
    struct world *w = world;
    struct world_server *server = &w->server[event->who];
    struct world_group *group = &w->group[server->group];
    server->presence = SERVER_THERE;
    world_present(w, event->who, true);
    balance_present(&group->balance, event->who - group->server_first, true);
}

/* One of the last in its zone that is not known to be dead goes; what it works on it ends. */
static void stop_one(struct world *w, struct world_group *group, uint32_t zone)
{
    for (uint32_t i = group->slots; i-- > 0;) {
        uint32_t index = group->server_first + zone * group->slots + i;
        struct world_server *server = &w->server[index];
        if (server->presence == SERVER_NONE || is_dead(server))
            continue;
        if (server->presence == SERVER_STARTING) {
            engine_cancel(&w->engine, WORLD_STARTED, index);
        } else {
            world_present(w, index, false);
            balance_present(&group->balance, index - group->server_first, false);
        }
        server->presence = SERVER_NONE;
        return;
    }
}

/* The utilisation of the servers that control believes in. */
static double busy(const struct world *w, const struct world_group *group, int64_t servers)
{
    int64_t running = 0;
    for (uint32_t i = 0; i < group->balance.count; i++)
        running += w->server[group->server_first + i].admission.running;
    double places = (double)servers * (double)group->service->concurrency;
    return places > 0 ? (double)running / places : 0;
}

void plane_keep(struct world *w, uint32_t index)
{
    const struct scenario_control *control = &w->scenario->control;
    struct world_group *group = &w->group[index];
    struct plane_group *p = &w->plane->group[index];
    struct placement_zone zone[TOPO_ZONES_MAX];
    uint32_t zones = w->cell[group->cell].zones;
    int64_t there = plane_look(w, group, zone, zones), wanted = p->planned;
    p->busy += (busy(w, group, there) - p->busy) / SMOOTH_TICKS;
    if (control->autoscale)
        wanted = autoscale_step(&p->scale, plane_now_us(w), there, p->busy);
    else if (there > wanted && !control->replace)
        return;
    for (; there < wanted && (control->replace || control->autoscale); there++) {
        uint32_t z = placement_add(zone, zones);
        if (z == PLACEMENT_NOWHERE)
            return;
        start_one(w, group, z);
        zone[z].running++;
        zone[z].room--;
    }
    for (; there > wanted; there--) {
        uint32_t z = placement_remove(zone, zones);
        if (z == PLACEMENT_NOWHERE)
            return;
        stop_one(w, group, z);
        zone[z].running--;
        zone[z].room++;
    }
}
