#include "control/live/client_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/layout.h"

/* ---- made from a partition ---- */

/* The cell's replicas of a service, zone by zone; how many there are in each. 0, or -1 when memory
 * is out. */
static int gather(struct client_group *g, const struct partition_cell *cell, const char *service,
                  uint32_t *per_zone, uint32_t *zones, struct arena *a)
{
    g->replica = arena_alloc(a, cell->replica_count, sizeof g->replica[0]);
    if (g->replica == NULL)
        return -1;
    *zones = 0;
    for (size_t i = 0; i < cell->replica_count; i++)
        if (strcmp(cell->replicas[i].service, service) == 0) { /* one in a zone: it was checked */
            g->replica[g->count++] = cell->replicas[i];
            per_zone[(*zones)++] = 1;
        }
    return 0;
}

/* What control saw counts as if it had been seen here: left out now, tried again after a while. */
static void take_hint(struct client_group *g, uint32_t replica, int64_t now_us)
{
    struct balance *b = &g->route.balance;
    for (uint32_t i = 0; i < b->opts.eject_failures && b->replica[replica].state == BALANCE_IN;
         i++) {
        balance_sent(b, replica);
        balance_ended(b, replica, BALANCE_FAILED, now_us);
    }
}

static int make_group(struct client_map *m, size_t cell, int kind, struct rng *rng, int64_t now_us)
{
    enum { REPLICAS_MAX = TOPO_ZONES_MAX * TOPO_SERVICES_MAX };
    struct client_group *g = &m->group[cell * MAP_PATHS + (size_t)kind];
    uint32_t per_zone[REPLICAS_MAX], zones;
    struct rng own;
    struct route_opts opts = route_opts_of(&m->partition.policy, 0);
    opts.hedge.budget = 0; /* second copies are the door's */
    rng_init(&own, rng_u64(rng));
    if (gather(g, &m->partition.cells[cell], layout_service_words[kind], per_zone, &zones,
               &m->arena) != 0 ||
        (zones > 0 && route_init(&g->route, &opts, per_zone, zones, &m->retry[cell], &own, now_us,
                                 &m->arena) != 0))
        return -1;
    for (uint32_t i = 0; i < g->count; i++) {
        if (g->replica[i].state == PARTITION_OUT)
            route_present(&g->route, i, false);
        else if (g->replica[i].state == PARTITION_DOWN)
            take_hint(g, i, now_us);
    }
    return 0;
}

static int make(struct client_map *m, struct rng *rng, int64_t now_us)
{
    const struct partition *p = &m->partition;
    m->group = arena_alloc(&m->arena, p->cell_count * MAP_PATHS, sizeof m->group[0]);
    m->retry = arena_alloc(&m->arena, p->cell_count, sizeof m->retry[0]);
    if (m->group == NULL || m->retry == NULL)
        return -1;
    map_clear(&m->map);
    for (size_t i = 0; i < p->cell_count; i++) {
        for (size_t k = 0; k < p->cells[i].country_count; k++)
            map_country(&m->map, p->cells[i].countries[k], i);
        m->retry[i] = retry_full(p->policy.retry_budget, 0);
        for (int kind = 0; kind < MAP_PATHS; kind++)
            if (make_group(m, i, kind, rng, now_us) != 0)
                return -1;
    }
    return 0;
}

int client_map_new(struct client_map **out, const char *text, size_t len, struct rng *rng,
                   int64_t now_us, struct error *err)
{
    struct client_map *m = calloc(1, sizeof *m);
    if (m == NULL)
        return error_memory(err);
    m->users = 1;
    int status = partition_parse(&m->partition, text, len, &m->arena, err);
    if (status == 0 && make(m, rng, now_us) != 0)
        status = error_memory(err);
    if (status != 0)
        client_map_leave(m);
    else
        *out = m;
    return status;
}

void client_map_leave(struct client_map *m)
{
    if (m == NULL || --m->users > 0)
        return;
    arena_release(&m->arena);
    free(m);
}

/* ---- in use ---- */

void client_map_follow(struct client_map *m, const struct client_map *newer)
{
    size_t groups = m->partition.cell_count * MAP_PATHS;
    for (size_t i = 0; i < groups; i++)
        for (uint32_t k = 0; k < m->group[i].count; k++) {
            struct partition_replica *r = &m->group[i].replica[k];
            int state = newer->group[i].replica[k].state;
            if ((state == PARTITION_OUT) != (r->state == PARTITION_OUT))
                route_present(&m->group[i].route, k, state != PARTITION_OUT);
            r->state = state;
        }
    m->partition.version = newer->partition.version;
}

struct client_group *client_map_group(struct client_map *m, const char *target)
{
    struct map_place place;
    if (map_route(&m->map, target, &place) != MAP_SERVICE)
        return NULL;
    struct client_group *g = &m->group[place.cell * MAP_PATHS + place.service];
    return g->count > 0 ? g : NULL;
}
