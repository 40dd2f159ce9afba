/* ask.h - who asks: a customer at a door, or a server that calls another service.
 *
 * What is sent where and when, and what follows from how it ended, is control/route's to say, as it
 * is at a live door. Here it travels, and a customer may come again. */
#ifndef SIMULATOR_ASK_H
#define SIMULATOR_ASK_H

#include <stdint.h>

#include "simulator/world.h"

struct event;

/* A request of `stream` reaches its door now. */
void ask_begin(struct world *w, uint32_t stream);

/* The same of a customer whose requests kill. */
void ask_poison(struct world *w, uint32_t stream, uint32_t fault);

/* A server that works on `parent` asks the service of `group`, in its cell. How that ended goes to
 * calls_ended, perhaps before this returns. */
void ask_call(struct world *w, uint32_t parent, uint32_t group);

/* Handlers of the engine. */
void ask_reply(void *world, const struct event *event);
void ask_timeout(void *world, const struct event *event);
void ask_hedge(void *world, const struct event *event);
void ask_retry(void *world, const struct event *event);
void ask_visit(void *world, const struct event *event);

#endif
