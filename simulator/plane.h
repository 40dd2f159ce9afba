/* plane.h - the control plane of the simulated cells.
 *
 * Once a second of simulated time it looks at what it knows and does what the machines of control/
 * say: replaces servers that are dead or that ail (control/progress, placement), keeps as many as
 * the load needs (control/autoscale), takes a zone out that fails (control/shift), and moves a
 * rollout on (control/rollout). It knows of a death only after a while, what it starts takes part
 * only after a while, and while it is down it does nothing: what happens then is static stability.
 */
#ifndef SIMULATOR_PLANE_H
#define SIMULATOR_PLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct capacity_plan;
struct error;
struct event;
struct scenario;
struct world;

/* Whether the scenario has a control plane that may do something. */
bool plane_wanted(const struct scenario *scenario);

/* Servers that each zone has room for beyond `per_zone`, which the plan says. */
uint32_t plane_room(const struct scenario *scenario, uint32_t per_zone);

/* Set up what a wanted one remembers; servers and balances are there. 0, or -1 when memory is
 * out. */
int plane_init(struct world *w, const struct capacity_plan *plan, uint64_t seed,
               uint64_t replication, struct arena *a);

/* A try in `zone` of a group has ended: what a shift and a rollout go by. */
void plane_seen(struct world *w, uint32_t group, uint32_t zone, bool failed);

/* A server has ended a piece of work, which took so long: what its progress is judged by. */
void plane_served(struct world *w, uint32_t server, bool failed, int64_t work_ns);

/* A faulty version begins to go out, unless the last one is still being taken back, or is taken
 * back by those who made it. Of a scenario's faults at most one is such a version. */
void plane_deploy(struct world *w, uint32_t fault, bool begins);

/* Handlers of the engine. */
void plane_tick(void *world, const struct event *event);
void plane_started(void *world, const struct event *event);

#endif
