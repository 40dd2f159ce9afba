#include "base/scenario.h"
#include "simulator/plane.h"
#include "simulator/plane_parts.h"
#include "simulator/trace.h"

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

void plane_progress(struct world *w, uint32_t index)
{
    const struct world_group *group = &w->group[index];
    const struct plane_cell *cell = &w->plane->cell[group->cell];
    struct plane_server *of = w->plane->server;
    if (of == NULL)
        return;
    const struct progress_opts opts = progress_opts_of(group->service, &w->topo->policy);
    for (uint32_t i = group->server_first; i < group->server_first + group->route.balance.count;
         i++) {
        const struct world_server *s = &w->server[i];
        int64_t now_ns = engine_now(&w->engine), oldest_ns = admission_oldest(&s->admission);
        if (s->presence != SERVER_THERE || is_dead(s) || cell->silent[s->place] ||
            of[i].progress.looked_us == 0) {
            progress_init(&of[i].progress, &opts, now_ns / 1000);
            of[i].sample = (struct progress_sample){0};
            continue;
        }
        of[i].sample.under_way = s->admission.running + s->admission.waiting;
        of[i].sample.oldest_us = oldest_ns == INT64_MAX ? 0 : (now_ns - oldest_ns) / 1000;
        progress_look(&of[i].progress, &of[i].sample, now_ns / 1000);
    }
}

static bool ails(const struct world *w, uint32_t server)
{
    return w->plane->server != NULL && w->server[server].presence == SERVER_THERE &&
           progress_ails(&w->plane->server[server].progress);
}

/* How many of a group's servers ail, if that is their own trouble and others are to be started in
 * their place; or else 0. */
static uint32_t ailing(const struct world *w, const struct world_group *group)
{
    uint32_t ill = 0;
    for (uint32_t i = 0; i < group->route.balance.count; i++)
        ill += ails(w, group->server_first + i);
    return w->scenario->control.replace && progress_alone(ill, group->there) ? ill : 0;
}

/* Whether something may be started in a place that is free. */
static bool may_start(const struct world *w, uint32_t server)
{
    return w->plane->server == NULL || w->plane->server[server].barred_ns <= engine_now(&w->engine);
}

int64_t plane_look(const struct world *w, const struct world_group *group,
                   struct placement_zone *zone, uint32_t zones)
{
    int64_t all = 0;
    bool some_ail = ailing(w, group) > 0;
    for (uint32_t z = 0; z < zones; z++) {
        int64_t there = 0, dead = 0, free = 0;
        for (uint32_t i = 0; i < group->slots; i++) {
            uint32_t index = group->server_first + z * group->slots + i;
            const struct world_server *s = &w->server[index];
            if (s->presence == SERVER_NONE)
                free += may_start(w, index);
            else if (known_dead(w, s, z) || (some_ail && ails(w, index)))
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
        if (w->server[index].presence != SERVER_NONE || !may_start(w, index))
            continue;
        w->server[index].presence = SERVER_STARTING;
        trace_control(w, TRACE_START, w->server[index].group, index, zone);
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
    balance_present(&group->route.balance, event->who - group->server_first, true);
}

/* What it works on it ends. */
static void stop(struct world *w, struct world_group *group, uint32_t index)
{
    struct world_server *server = &w->server[index];
    if (server->presence == SERVER_STARTING) {
        engine_cancel(&w->engine, WORLD_STARTED, index);
    } else {
        world_present(w, index, false);
        balance_present(&group->route.balance, index - group->server_first, false);
    }
    server->presence = SERVER_NONE;
}

/* One of the last in its zone that is not known to be dead goes. */
static void stop_one(struct world *w, struct world_group *group, uint32_t zone)
{
    for (uint32_t i = group->slots; i-- > 0;) {
        uint32_t index = group->server_first + zone * group->slots + i;
        if (w->server[index].presence == SERVER_NONE || is_dead(&w->server[index]) ||
            ails(w, index))
            continue;
        trace_control(w, TRACE_STOP, w->server[index].group, index, zone);
        stop(w, group, index);
        return;
    }
}

/* Servers that ail go once others have come for them, one after the other, and nothing is started
 * in their places for a while. */
static void retire(struct world *w, struct world_group *group, int64_t wanted)
{
    uint32_t ill = ailing(w, group);
    int64_t well = 0;
    for (uint32_t i = 0; i < group->route.balance.count; i++) {
        const struct world_server *s = &w->server[group->server_first + i];
        well += s->presence == SERVER_THERE && !is_dead(s) && !ails(w, group->server_first + i);
    }
    for (uint32_t i = 0; i < group->route.balance.count && ill > 0 && well >= wanted; i++) {
        uint32_t index = group->server_first + i;
        if (!ails(w, index))
            continue;
        trace_control(w, TRACE_RETIRE, w->server[index].group, index, w->server[index].place);
        stop(w, group, index);
        w->plane->server[index].barred_ns =
            engine_now(&w->engine) + PLANE_AWAY_S * INT64_C(1000000000);
        w->count.retired++;
        return;
    }
}

/* The utilisation of the servers that control believes in. */
static double busy(const struct world *w, const struct world_group *group, int64_t servers)
{
    int64_t running = 0;
    for (uint32_t i = 0; i < group->route.balance.count; i++)
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
    retire(w, group, wanted);
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
