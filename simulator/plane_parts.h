/* plane_parts.h - what the parts of the simulated control plane share: plane.c looks once a second,
 * plane_servers.c keeps servers, plane_zones.c takes zones out, plane_rollout.c changes versions.
 */
#ifndef SIMULATOR_PLANE_PARTS_H
#define SIMULATOR_PLANE_PARTS_H

#include "base/topo.h"
#include "control/autoscale.h"
#include "control/placement.h"
#include "control/progress.h"
#include "control/rollout.h"
#include "control/shift.h"
#include "simulator/world.h"

struct gossip_net;

enum {
    PLANE_TICK_S = 1,   /* between two looks */
    PLANE_AWAY_S = 600, /* what was taken out is tried again after so long: without requests nothing
                           is seen of it */
};

struct plane_count { /* of one zone, since the last look */
    int64_t requests, failed;
};

struct plane_group {
    struct plane_count seen[TOPO_ZONES_MAX];
    struct autoscale scale;
    int64_t planned; /* servers */
    double busy;     /* smoothed over SMOOTH_TICKS */
};

struct plane_server { /* as its agent sees it; only where control looks at progress */
    struct progress progress;
    struct progress_sample sample;
    int64_t barred_ns; /* nothing is started there until then: what was there ailed */
};

struct plane_cell {
    struct gossip_net *agents;   /* one per zone; NULL: they do not gossip */
    bool silent[TOPO_ZONES_MAX]; /* nothing is heard of that zone */
    struct shift shift;
    uint32_t bad_ticks[TOPO_ZONES_MAX]; /* in a row */
};

struct world_plane {
    struct plane_group *group;   /* [world.group_count] */
    struct plane_cell *cell;     /* [cells] */
    struct plane_server *server; /* [world.server_count]; NULL: nobody looks at their progress */
    struct rollout rollout;      /* of the fault `rollout_fault`; none while that is WORLD_NONE */
    uint32_t rollout_fault;
    uint32_t *zones;  /* [cells] how many each has */
    int64_t ready_ns; /* the zone of the last order is ready then */
    bool ready_waits;
};

/* Take the samples of a group's servers. Who is dead, or not heard of, begins anew. */
void plane_progress(struct world *w, uint32_t group);

/* What control believes of each zone of a group. Returns how many servers it believes in. */
int64_t plane_look(const struct world *w, const struct world_group *group,
                   struct placement_zone *zone, uint32_t zones);

/* Start and stop servers of a group, as its plan or its load says. */
void plane_keep(struct world *w, uint32_t group);

/* Set up the agents of a cell that gossip. 0, or -1 when memory is out. */
int plane_init_agents(struct world *w, size_t cell, uint64_t seed, uint64_t replication,
                      struct arena *a);

/* Let the agents of a cell gossip up to now. */
void plane_hear(struct world *w, uint32_t cell);

/* Whether the agents that are left hold a silent zone of a cell to be dead. */
bool plane_mourns(const struct plane_cell *cell, uint32_t zones, uint32_t zone);

/* Take a zone of a cell out that fails much more than the others. */
void plane_judge(struct world *w, uint32_t cell);

/* Tell the rollout of what its zone has seen since the last look, and of the time. */
void plane_roll(struct world *w, uint32_t cell);

static inline int64_t plane_now_us(const struct world *w)
{
    return engine_now(&w->engine) / 1000;
}

#endif
