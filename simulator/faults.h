/* faults.h - what breaks, and heals again. */
#ifndef SIMULATOR_FAULTS_H
#define SIMULATOR_FAULTS_H

struct capacity_plan;
struct error;
struct event;
struct scenario;
struct topo;
struct world;

/* Servers that faults name must be there. 0, or -1 with `err` set. The scenario is bound. */
int faults_check(const struct scenario *s, const struct topo *topo,
                 const struct capacity_plan *plan, struct error *err);

/* Put every fault's beginning and end among the events. */
void faults_schedule(struct world *w);

/* Handlers of the engine. */
void faults_break(void *world, const struct event *event);
void faults_heal(void *world, const struct event *event);

#endif
