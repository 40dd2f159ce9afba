/* flow.h - a request's way through door, network and server. */
#ifndef SIMULATOR_FLOW_H
#define SIMULATOR_FLOW_H

#include <stdint.h>

#include "simulator/world.h"

struct event;

/* A request of `stream` reaches its door now. */
void flow_begin(struct world *w, uint32_t stream);

/* The same of a customer whose requests kill. */
void flow_poison(struct world *w, uint32_t stream, uint32_t fault);

/* A server that works on `parent` asks the service of `group`, in its cell. How that ended goes to
 * calls_ended, perhaps before this returns. */
void flow_call(struct world *w, uint32_t parent, uint32_t group);

/* The answer to an attempt goes back to who asked. */
void flow_answer(struct world *w, uint32_t attempt, enum world_answer answer);

/* Handlers of the engine. */
void flow_reach(void *world, const struct event *event);
void flow_done(void *world, const struct event *event);
void flow_reply(void *world, const struct event *event);
void flow_timeout(void *world, const struct event *event);
void flow_hedge(void *world, const struct event *event);
void flow_retry(void *world, const struct event *event);

/* Reset whatever is worked on or waits at servers that are down: their death is sudden. */
void flow_reset_dead(struct world *w);

/* Count the work and the waiting that is still under way, up to now. */
void flow_count_open(struct world *w);

#endif
