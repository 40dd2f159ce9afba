#include "simulator/plane.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "control/autoscale.h"
#include "control/capacity.h"
#include "control/health.h"
#include "control/placement.h"
#include "control/rollout.h"
#include "control/shift.h"
#include "simulator/faults.h"
#include "simulator/world.h"

enum { TICK_S = 1, SMOOTH_TICKS = 60, BAD_TICKS = 10, SCALE_DOWN_S = 300, SHIFT_STEPS = 4 };

static const int64_t TICK_NS = TICK_S * INT64_C(1000000000);

struct seen { /* of one zone, since the last look */
    int64_t requests, failed;
};

struct plane_group {
    struct seen seen[TOPO_ZONES_MAX];
    struct autoscale scale;
    int64_t planned; /* servers */
    double busy;     /* smoothed over SMOOTH_TICKS */
};

struct plane_cell {
    struct shift shift;
    uint32_t bad_ticks[TOPO_ZONES_MAX]; /* in a row */
};

struct world_plane {
    struct plane_group *group; /* [world.group_count] */
    struct plane_cell *cell;   /* [cells] */
    struct rollout rollout;    /* of the fault `rollout_fault`; none while that is WORLD_NONE */
    uint32_t rollout_fault;
    uint32_t *zones;  /* [cells] how many each has */
    int64_t ready_ns; /* the zone of the last order is ready then */
    bool ready_waits;
};

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

static int64_t now_us(const struct world *w)
{
    return engine_now(&w->engine) / 1000;
}

static bool is_store(const struct world *w, uint32_t group)
{
    return w->group[group].service->store;
}

int plane_init(struct world *w, const struct capacity_plan *plan, struct arena *a)
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
    for (uint32_t i = 0; i < w->group_count; i++) {
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
        p->cell[c].shift.opts = (struct shift_opts){SHIFT_STEPS, TICK_S * INT64_C(1000000)};
        p->zones[c] = w->cell[c].zones;
        engine_after(&w->engine, TICK_NS, WORLD_TICK, (uint32_t)c);
    }
    return 0;
}

void plane_seen(struct world *w, uint32_t group, uint32_t zone, bool failed)
{
    struct seen *seen = &w->plane->group[group].seen[zone];
    seen->requests++;
    seen->failed += failed;
}

uint16_t plane_avoids(struct world *w, uint32_t group, struct rng *rng)
{
    const struct shift *shift = &w->plane->cell[w->group[group].cell].shift;
    if (shift->state == SHIFT_NONE || is_store(w, group))
        return BALANCE_NO_ZONE;
    double share = shift_share(shift, shift->zone, now_us(w));
    if (share >= 1 || rng_f64(rng) < share)
        return BALANCE_NO_ZONE;
    return (uint16_t)shift->zone;
}

/* ---- servers ---- */

static bool is_dead(const struct world_server *s)
{
    return s->down > 0 || s->crashed;
}

/* Whether control knows by now that a server is dead. */
static bool known_dead(const struct world *w, const struct world_server *s)
{
    return is_dead(s) &&
           engine_now(&w->engine) - s->since_ns >= w->scenario->control.detect_us * 1000;
}

/* What control believes of each zone of a group. Returns how many servers it believes in. */
static int64_t look(const struct world *w, const struct world_group *group,
                    struct placement_zone *zone, uint32_t zones)
{
    int64_t all = 0;
    for (uint32_t z = 0; z < zones; z++) {
        int64_t there = 0, dead = 0, free = 0;
        for (uint32_t i = 0; i < group->slots; i++) {
            const struct world_server *s = &w->server[group->server_first + z * group->slots + i];
            if (s->presence == SERVER_NONE)
                free++;
            else if (known_dead(w, s))
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

static void keep_servers(struct world *w, uint32_t index)
{
    const struct scenario_control *control = &w->scenario->control;
    struct world_group *group = &w->group[index];
    struct plane_group *p = &w->plane->group[index];
    struct placement_zone zone[TOPO_ZONES_MAX];
    uint32_t zones = w->cell[group->cell].zones;
    int64_t there = look(w, group, zone, zones), wanted = p->planned;
    p->busy += (busy(w, group, there) - p->busy) / SMOOTH_TICKS;
    if (control->autoscale)
        wanted = autoscale_step(&p->scale, now_us(w), there, p->busy);
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

/* ---- zones that fail ---- */

/* Whether a zone's tries fail, and those of the others do not. */
static bool stands_out(const struct seen *seen, uint32_t zones, uint32_t zone)
{
    int64_t requests = 0, failed = 0;
    for (uint32_t z = 0; z < zones; z++)
        if (z != zone) {
            requests += seen[z].requests;
            failed += seen[z].failed;
        }
    return (double)seen[zone].requests >= health_rps_min * TICK_S &&
           (double)seen[zone].failed > health_zone_errors_max * (double)seen[zone].requests &&
           (double)failed <= health_zone_errors_max * (double)requests;
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
        facts.servers = look(w, group, each, w->cell[cell].zones) - each[zone].running;
        facts.rps = world_cell_rps(w, cell) * group->service->load;
        double busy_then = facts.rps / (facts.server_rps * (double)facts.servers);
        if (busy_then > worst_busy) {
            worst_busy = busy_then;
            worst = facts;
        }
    }
    return worst;
}

static void judge_zones(struct world *w, uint32_t cell)
{
    struct plane_cell *p = &w->plane->cell[cell];
    struct seen seen[TOPO_ZONES_MAX] = {{0}};
    uint32_t zones = w->cell[cell].zones;
    for (size_t k = 0; k < w->topo->service_count; k++) {
        size_t group = cell * w->topo->service_count + k;
        for (uint32_t z = 0; z < zones; z++) {
            seen[z].requests += w->plane->group[group].seen[z].requests;
            seen[z].failed += w->plane->group[group].seen[z].failed;
        }
    }
    for (uint32_t z = 0; z < zones; z++) {
        struct error err;
        p->bad_ticks[z] = stands_out(seen, zones, z) ? p->bad_ticks[z] + 1 : 0;
        if (p->bad_ticks[z] != BAD_TICKS)
            continue;
        struct shift_facts facts = facts_of(w, cell, z);
        if (shift_away(&p->shift, z, &facts, false, now_us(w), &err) == 0)
            w->count.shifts++;
    }
}

/* ---- rollout ---- */

/* Give a zone of a cell the version of the rollout, or the old one. */
static void change_zone(struct world *w, const struct rollout_order *order)
{
    const struct scenario_fault *f = &w->scenario->faults[w->plane->rollout_fault];
    const struct world_group *group = &w->group[order->cell * w->topo->service_count + f->service];
    double errors = order->what == ROLLOUT_CHANGE ? f->share : 0;
    for (uint32_t i = 0; i < group->slots; i++)
        w->server[group->server_first + order->zone * group->slots + i].new_errors = errors;
    faults_mark(w, order->cell);
    w->plane->ready_waits = true;
    w->plane->ready_ns = engine_now(&w->engine) + w->scenario->control.start_us * 1000;
}

static void tell_rollout(struct world *w, enum rollout_news news, int64_t requests, int64_t failed)
{
    struct rollout_order order =
        rollout_step(&w->plane->rollout, now_us(w), news, requests, failed);
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
        rollout_init(&p->rollout, &opts, now_us(w));
        tell_rollout(w, ROLLOUT_START, 0, 0);
    } else if (!begins && p->rollout_fault == fault) {
        tell_rollout(w, ROLLOUT_UNDO, 0, 0);
    }
}

/* What the watched zone has seen since the last tick, and the time. */
static void move_rollout(struct world *w, uint32_t cell)
{
    struct world_plane *p = w->plane;
    const struct rollout *r = &p->rollout;
    if (p->rollout_fault == WORLD_NONE || r->cell != cell)
        return;
    const struct scenario_fault *f = &w->scenario->faults[p->rollout_fault];
    const struct seen *seen = &p->group[cell * w->topo->service_count + f->service].seen[r->zone];
    tell_rollout(w, ROLLOUT_SEEN, seen->requests, seen->failed);
    if (p->ready_waits && engine_now(&w->engine) >= p->ready_ns) {
        p->ready_waits = false;
        tell_rollout(w, ROLLOUT_READY, 0, 0);
    }
    if (rollout_deadline_us(r) <= now_us(w))
        tell_rollout(w, ROLLOUT_TIMEOUT, 0, 0);
}

/* ---- the tick ---- */

void plane_tick(void *world, const struct event *event)
{
    struct world *w = world;
    uint32_t cell = event->who;
    size_t services = w->topo->service_count;
    if (engine_now(&w->engine) + TICK_NS <= w->end_ns)
        engine_after(&w->engine, TICK_NS, WORLD_TICK, cell);
    if (w->cell[cell].control_down == 0) {
        for (size_t k = 0; k < services; k++)
            if (!is_store(w, (uint32_t)(cell * services + k)))
                keep_servers(w, (uint32_t)(cell * services + k));
        if (w->scenario->control.shift)
            judge_zones(w, cell);
        move_rollout(w, cell);
    }
    for (size_t k = 0; k < services; k++)
        for (uint32_t z = 0; z < w->cell[cell].zones; z++)
            w->plane->group[cell * services + k].seen[z] = (struct seen){0, 0};
}
