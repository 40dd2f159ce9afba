/* plan_frontiers.h - both frontiers of a plan, each on a thread of its own. */
#ifndef COMMANDS_PLAN_FRONTIERS_H
#define COMMANDS_PLAN_FRONTIERS_H

#include <stdint.h>

#include "base/arena.h"
#include "control/plan.h"

struct error;

struct plan_frontiers { /* all zero is none */
    struct frontier found[PLAN_FRONTIERS];
    struct arena arena[PLAN_FRONTIERS];
};

/* Find them and put them into `plan`, which borrows them; what a search beyond 16 countries draws
 * comes from `seed`, whatever the threads. Ctrl-C ends it with what is known; how far it is goes to
 * a terminal's stderr. 0, or -1 with `err` set. */
int plan_frontiers_find(struct plan_frontiers *f, struct plan *plan, const struct topo *topo,
                        int64_t seed, struct error *err);

void plan_frontiers_release(struct plan_frontiers *f);

#endif
