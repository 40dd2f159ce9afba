/* warn.h - what is allowed, but makes a result less than it seems. */
#ifndef SIMULATOR_WARN_H
#define SIMULATOR_WARN_H

#include <stddef.h>

struct arena;
struct capacity_plan;
struct scenario;
struct topo;

/* Sentences, each beginning with its place in topology or scenario:
 * - a spread whose variance is infinite;
 * - a service of a cell that is offered more than all its servers can do, in every slot of the
 *   measured run, with nothing broken.
 * `*warnings` lives in `a`. 0, or -1 when memory is out. */
int warn_of(const char ***warnings, size_t *count, const struct topo *topo,
            const struct capacity_plan *plan, const struct scenario *scenario, struct arena *a);

#endif
