/* faults.h - what breaks, and heals again. */
#ifndef SIMULATOR_FAULTS_H
#define SIMULATOR_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simulator/world.h"

struct event;

/* Servers that faults name must be there. 0, or -1 with `err` set. The scenario is bound. */
int faults_check(const struct scenario *s, const struct topo *topo,
                 const struct capacity_plan *plan, struct error *err);

/* Put every fault's beginning among the events. 0, or -1 when memory is out. */
int faults_init(struct world *w, uint64_t seed, uint64_t replication, struct arena *a);

/* Set how long messages take in a cell, from the topology and the faults that are on. */
void faults_paths(struct world *w, size_t cell);

/* Set the state of all servers of a cell anew, from the faults that are on and their version. True
 * when some have died of it: serve_reset_dead. */
bool faults_mark(struct world *w, size_t cell);

/* A try has failed, and its replica's state is enum balance_state `state` now. */
static inline void faults_detected(struct world *w, unsigned state)
{
    if (state == BALANCE_OUT && w->count.detect_ns < 0 && w->count.fault_last_ns == INT64_MAX)
        w->count.detect_ns = engine_now(&w->engine);
}

/* Whether nothing is heard of a zone: it is dead, or cut off. */
bool faults_silence(const struct world *w, size_t cell, uint32_t zone);

/* A server dies of a request of fault `fault`, and is started again after a while. */
void faults_crash(struct world *w, uint32_t server, uint32_t fault);

/* Handlers of the engine. */
void faults_poison(void *world, const struct event *event);
void faults_control(void *world, const struct event *event);
void faults_restart(void *world, const struct event *event);
void faults_break(void *world, const struct event *event);
void faults_heal(void *world, const struct event *event);

#endif
