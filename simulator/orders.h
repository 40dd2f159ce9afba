/* orders.h - the order pipeline of every cell, within the world: one clock, the same faults.
 *
 * A share of the users' requests that are answered places an order (the topology's
 * pipeline.orders). It goes through the cell's pipeline, which is simulator/pipe, on that one's own
 * engine: the world wakes it when its next event is due, so that there is one order of events. Each
 * worker has its home in a planned server of its stage's service, zone by zone; its work is an item
 * of that server's admission as any other, in the background: under the priority discipline it
 * gives way to users' requests. A worker whose server dies, or whose zone is silent, is gone with
 * what it does, until the server is back; its lease runs out meanwhile. The store of a stage stops
 * and slows down with the world's store that the stage's service calls, if there is one. Everything
 * that the world has to tell a pipeline comes to it as an event of its own, so neither runs within
 * the other. */
#ifndef SIMULATOR_ORDERS_H
#define SIMULATOR_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "simulator/pipe.h"
#include "simulator/world.h"

struct orders_piece { /* of work, beside the attempt that stands for it */
    uint32_t cell, worker, generation;
    int64_t time_ns;
};

struct orders_cell {
    struct pipe pipe;
    struct world *world;
    uint32_t generation; /* of its next wake, */
    int64_t wake_ns;     /* which is then; INT64_MAX: there is none */
    struct rng rng;      /* which requests place an order */
    uint32_t *home;      /* [workers] a server */
};

struct world_orders {
    struct orders_cell *cell;
    struct orders_piece *piece; /* [pool_count] */
};

/* Does the topology have orders in a simulation? */
bool orders_wanted(const struct topo *topo);

/* Stations of a cell's pipeline: its stages, and behind them the coordinator, if it has one. 0
 * where there are no orders. */
uint32_t orders_stations(const struct topo *topo);

/* Workers of a cell, each of which may have one piece of work under way in the world. */
uint32_t orders_workers(const struct topo *topo);

/* The pipelines of a new world whose servers and pools are there. 0, or -1 with `err` set. */
int orders_init(struct world *w, const struct capacity_plan *plan, uint64_t seed,
                uint64_t replication, struct arena *a, struct error *err);

/* A user's request has been answered. */
void orders_answered(struct world *w, const struct world_request *request);

/* How long the work on a piece takes. */
static inline double orders_time_ns(const struct world_orders *o, uint32_t attempt)
{
    return (double)o->piece[attempt].time_ns;
}

/* The work on a piece has ended, so. */
void orders_ended(struct world *w, uint32_t attempt, enum world_answer answer);

/* Servers of a cell have died or are back, or a store is other than it was. */
void orders_changed(struct world *w, uint32_t cell);

/* The run is over: all is counted up to now, and gets into the digest. 0, or -1 with `err` set. */
int orders_count(struct world *w, struct error *err);

/* Handlers of the engine. */
void orders_wake(void *world, const struct event *event);
void orders_place(void *world, const struct event *event);
void orders_worked(void *world, const struct event *event);
void orders_look(void *world, const struct event *event);

#endif
