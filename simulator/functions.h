/* functions.h - services whose instances start when requests come and stop when none do, by
 * region/function.
 *
 * Such a service is in no zone, as a store; its requests wait in one queue until an instance has
 * room. One that finds none ready is a cold one: an instance is started for it, unless enough are,
 * and it runs on that or on another one that has room before. What goes down with its service or
 * cell starts with nothing. */
#ifndef SIMULATOR_FUNCTIONS_H
#define SIMULATOR_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "region/function.h"
#include "simulator/world.h"

struct functions_instance {
    uint32_t generation; /* of its start */
    uint32_t fn;         /* whose it is */
};

struct functions_one { /* of one service in one cell */
    struct function function;
    uint32_t group;
    uint32_t first;   /* its instances are numbered from here */
    int64_t tick_ns;  /* when it will be looked at next */
    int64_t since_ns; /* the last death of its station that was seen */
    struct rng rng;   /* how long starts take */
};

struct world_functions {
    struct functions_one *one; /* [cells * functions_per_cell], as world.count.function */
    uint32_t count;
    uint32_t *of; /* [groups] index of the group's, or WORLD_NONE */
    struct functions_instance *instance;
    uint32_t *on;     /* [pool_count] the instance that works on an attempt, */
    int64_t *came_ns; /* and when it came */
    bool *cold;
};

/* Services of the topology that are functions. */
size_t functions_per_cell(const struct topo *topo);

/* Instances that a cell may have at once. */
uint32_t functions_instances(const struct topo *topo);

/* Those of a new world whose groups and pools are there; none, and world.functions stays NULL,
 * where no service is one. 0, or -1 when memory is out. */
int functions_init(struct world *w, uint64_t seed, uint64_t replication, struct arena *a);

static inline bool functions_has(const struct world *w, uint32_t group)
{
    return w->functions != NULL && w->functions->of[group] != WORLD_NONE;
}

/* An attempt has come to the group. False: the queue is full. */
bool functions_reach(struct world *w, uint32_t group, uint32_t attempt);

/* The work on it has ended. */
void functions_ended(struct world *w, uint32_t group, uint32_t attempt);

/* Handlers of the engine. */
void functions_warm(void *world, const struct event *event);
void functions_tick(void *world, const struct event *event);

#endif
