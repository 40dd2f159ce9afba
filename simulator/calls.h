/* calls.h - a server that asks other services before it answers.
 *
 * When an attempt's own work is done, the steps of its service's calls follow one another; the
 * server's place is free for others meanwhile. The requests of a step go out at once or one after
 * the other, each through the same balance, retries and timeouts as a customer's. A step is over
 * when all have ended, when so many have failed that the rest does not matter, or at its deadline;
 * then either enough were answered, or the attempt fails. Answers that come later are for nobody.
 */
#ifndef SIMULATOR_CALLS_H
#define SIMULATOR_CALLS_H

#include <stdint.h>

#include "simulator/world.h"

struct event;

/* The work of `attempt` is done, and its service has calls to make. */
void calls_begin(struct world *w, uint32_t attempt);

/* A request of the step that `generation` of `attempt` stood for has ended. */
void calls_ended(struct world *w, uint32_t attempt, uint32_t generation, enum world_answer answer);

/* Handler of the engine. */
void calls_deadline(void *world, const struct event *event);

#endif
