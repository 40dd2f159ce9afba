/* serve.h - who is asked: a server that an attempt reaches, where it waits, is worked on or is
 * refused, and whose answer goes back. */
#ifndef SIMULATOR_SERVE_H
#define SIMULATOR_SERVE_H

#include <stdint.h>

#include "simulator/world.h"

struct event;

/* The answer to an attempt goes back to who asked. */
void serve_answer(struct world *w, uint32_t attempt, enum world_answer answer);

/* For functions.c: an attempt waits from now on, and one that waited is worked on. */
void serve_wait(struct world *w, uint32_t attempt);
void serve_begin(struct world *w, uint32_t attempt);

/* Handlers of the engine. */
void serve_reach(void *world, const struct event *event);
void serve_done(void *world, const struct event *event);

/* Reset whatever is worked on or waits at servers that are down: their death is sudden. */
void serve_reset_dead(struct world *w);

/* Count the work and the waiting that is still under way, up to now. */
void serve_count_open(struct world *w);

#endif
