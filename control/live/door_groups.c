#include "control/live/door_groups.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/capacity.h"
#include "control/partition.h"
#include "wire/clock.h"
#include "wire/http.h"
#include "wire/log.h"

/* ---- the map ---- */

static void note_present(struct door_groups *all, const struct door_group *g, uint32_t replica,
                         bool out, int64_t now_us)
{
    const struct topo *topo = all->layout->topo;
    const struct topo_cell *cell = &topo->cells[g->cell];
    const struct tape_record record = {.kind = TAPE_PRESENT,
                                       .now_us = now_us,
                                       .group = (uint32_t)(g - all->group),
                                       .replica = replica,
                                       .present = !out};
    door_tape_put(&all->tape, &record);
    log_line("%s/%s: %s is %s by the map", cell->name,
             cell->zones[g->route.balance.replica[replica].zone], topo->services[g->service].name,
             out ? "taken out" : "back");
}

void door_groups_map(struct door_groups *all, const struct partition *map, int64_t now_us)
{
    size_t services = all->layout->topo->service_count;
    for (size_t i = 0; i < all->group_count; i++) {
        struct door_group *g = &all->group[i];
        for (uint32_t zone = 0; zone < g->route.balance.count; zone++) {
            const struct partition_replica *r =
                &map->cells[g->cell].replicas[zone * services + g->service];
            bool out = r->state == PARTITION_OUT;
            if (out == g->route.balance.replica[zone].withdrawn)
                continue;
            route_present(&g->route, zone, !out);
            g->seen[zone].since_us = now_us;
            note_present(all, g, zone, out, now_us);
        }
    }
}

/* ---- what happens ---- */

void door_groups_chose(struct door_groups *all, struct door_group *g,
                       const struct route_choice *choice, int64_t now_us)
{
    switch (choice->rule) {
    case ROUTE_PANIC:
    case ROUTE_BLIND:
        spell_note(&g->panic, now_us);
        break;
    case ROUTE_HEDGES_SPENT:
        spell_note(&g->copies_off, now_us);
        break;
    case ROUTE_BUDGET:
        spell_note(&all->cell[g->cell].retries_off, now_us);
        break;
    case ROUTE_BREAKER:
        spell_note(&g->broken, now_us);
        break;
    default:
        break;
    }
}

void door_groups_ended(struct door_groups *all, struct door_group *g, uint32_t replica,
                       uint16_t before, enum route_outcome outcome, enum door_last last,
                       int64_t now_us)
{
    const struct topo_cell *cell = &all->layout->topo->cells[g->cell];
    const char *service = all->layout->topo->services[g->service].name;
    const struct balance_replica *r = &g->route.balance.replica[replica];
    struct door_seen *seen = &g->seen[replica];
    if (outcome == ROUTE_ERROR || outcome == ROUTE_LOST) {
        seen->failures++;
        seen->last = last;
    } else if (outcome != ROUTE_UNSENT) {
        seen->failures = 0;
    }
    if (before == BALANCE_IN && r->state == BALANCE_OUT) {
        seen->since_us = now_us;
        log_line("%s/%s: %s is left out: %s, %u failures in a row", cell->name,
                 cell->zones[r->zone], service, door_last_name(last), seen->failures);
    } else if (before != BALANCE_IN && before != BALANCE_GONE && r->state == BALANCE_IN) {
        log_line("%s/%s: %s takes part again", cell->name, cell->zones[r->zone], service);
    }
}

/* ---- beginning and ending ---- */

static void note_group(struct door_groups *all, const struct door_group *g,
                       const struct route_opts *opts, const uint32_t *per_zone,
                       const struct rng *rng, int64_t now_us)
{
    const struct topo *topo = all->layout->topo;
    const struct topo_cell *cell = &topo->cells[g->cell];
    struct tape_record record = {.kind = TAPE_GROUP, .now_us = now_us};
    struct tape_group *make = &record.make;
    snprintf(make->name, sizeof make->name, "%s/%s", cell->name, topo->services[g->service].name);
    make->cell = (uint32_t)g->cell;
    make->opts = *opts;
    make->zones = (uint32_t)cell->zone_count;
    memcpy(make->per_zone, per_zone, cell->zone_count * sizeof per_zone[0]);
    make->rng = *rng;
    door_tape_put(&all->tape, &record);
}

static int init_group(struct door_groups *all, size_t cell, size_t service,
                      const struct capacity_plan *plan, uv_loop_t *loop, struct arena *a)
{
    const struct topo *topo = all->layout->topo;
    struct door_group *g = &all->group[cell * topo->service_count + service];
    uint32_t zones = (uint32_t)topo->cells[cell].zone_count;
    uint32_t per_zone[TOPO_ZONES_MAX];
    uint64_t seed;
    struct rng rng;
    const struct route_opts opts =
        route_opts_of(&topo->policy, plan->cells[cell].services[service].peak_rps);
    for (uint32_t i = 0; i < zones; i++)
        per_zone[i] = 1;
    g->cell = cell;
    g->service = service;
    door_luck_take(&all->luck, &seed, sizeof seed);
    rng_init(&rng, seed);
    g->client = arena_alloc(a, zones, sizeof g->client[0]);
    g->seen = arena_alloc(a, zones, sizeof g->seen[0]);
    int64_t now_us = clock_us();
    if (g->client == NULL || g->seen == NULL ||
        route_init(&g->route, &opts, per_zone, zones, &all->cell[cell].retry, &rng, now_us, a) != 0)
        return -1;
    note_group(all, g, &opts, per_zone, &rng, now_us);
    all->group_count++;
    for (uint32_t i = 0; i < zones; i++) {
        int port = layout_port(all->layout, cell, i, service);
        g->client[i] = http_client_new(loop, port, all->links_max);
        if (g->client[i] == NULL || network_route(&all->network, g->client[i], cell, zones, i) != 0)
            return -1;
    }
    return 0;
}

static int init_cells(struct door_groups *all, struct capacity_plan *plan, uint32_t requests_max,
                      struct arena *a, struct error *err)
{
    const struct topo *topo = all->layout->topo;
    all->cell = arena_alloc(a, topo->cell_count, sizeof all->cell[0]);
    if (all->cell == NULL)
        return error_memory(err);
    if (capacity_plan(plan, topo, a, err) != 0)
        return -1;
    const struct tape_record begin = {.kind = TAPE_OPEN,
                                      .now_us = clock_us(),
                                      .cells = (uint32_t)topo->cell_count,
                                      .groups = (uint32_t)(topo->cell_count * topo->service_count),
                                      .requests = requests_max};
    door_tape_put(&all->tape, &begin);
    for (size_t i = 0; i < topo->cell_count; i++) {
        all->cell[i].retry = retry_full(topo->policy.retry_budget, plan->cells[i].peak_rps);
        const struct tape_record cell = {
            .kind = TAPE_CELL, .now_us = begin.now_us, .retry = all->cell[i].retry};
        door_tape_put(&all->tape, &cell);
    }
    return 0;
}

int door_groups_init(struct door_groups *all, const struct layout *l, uint32_t requests_max,
                     uint32_t links_max, uv_loop_t *loop, struct arena *a, struct error *err)
{
    const struct topo *topo = l->topo;
    struct capacity_plan plan;
    *all = (struct door_groups){.layout = l, .links_max = links_max};
    door_tape_open(&all->tape, l, loop, a);
    if (network_init(&all->network, loop, l, err) != 0 ||
        init_cells(all, &plan, requests_max, a, err) != 0)
        return -1;
    all->group = arena_alloc(a, topo->cell_count * topo->service_count, sizeof all->group[0]);
    if (all->group == NULL)
        return error_memory(err);
    for (size_t i = 0; i < topo->cell_count; i++)
        for (size_t k = 0; k < topo->service_count; k++)
            if (init_group(all, i, k, &plan, loop, a) != 0)
                return error_memory(err);
    return 0;
}

void door_groups_close(struct door_groups *all)
{
    for (size_t i = 0; i < all->group_count; i++)
        for (size_t k = 0; k < all->group[i].route.balance.count; k++)
            http_client_free(all->group[i].client[k]);
    network_close(&all->network, NULL, NULL);
    door_tape_close(&all->tape, clock_us());
    explicit_bzero(&all->luck, sizeof all->luck);
}
