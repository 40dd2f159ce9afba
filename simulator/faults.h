/* faults.h - what breaks, and heals again. */
#ifndef SIMULATOR_FAULTS_H
#define SIMULATOR_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct capacity_plan;
struct error;
struct event;
struct scenario;
struct topo;
struct world;

/* Servers that faults name must be there. 0, or -1 with `err` set. The scenario is bound. */
int faults_check(const struct scenario *s, const struct topo *topo,
                 const struct capacity_plan *plan, struct error *err);

/* Put every fault's beginning among the events. */
void faults_init(struct world *w, uint64_t seed, uint64_t replication);

/* Set how long messages take in a cell, from the topology and the faults that are on. */
void faults_paths(struct world *w, size_t cell);

/* Set the state of all servers of a cell anew, from the faults that are on and their version. True
 * when some have died of it: serve_reset_dead. */
bool faults_mark(struct world *w, size_t cell);

/* A server dies of a request of fault `fault`, and is started again after a while. */
void faults_crash(struct world *w, uint32_t server, uint32_t fault);

/* Handlers of the engine. */
void faults_poison(void *world, const struct event *event);
void faults_restart(void *world, const struct event *event);
void faults_break(void *world, const struct event *event);
void faults_heal(void *world, const struct event *event);

#endif
