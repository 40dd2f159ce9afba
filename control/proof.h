/* proof.h - every tolerated loss at every slot of the week, tried out.
 *
 * The count rule says by arithmetic that the tolerated loss is survived. This counts it out: for
 * each cell and service every set of up to k zones, every way to take up to m servers from the
 * zones that are left, and every quarter-hour of the week, whether the servers left carry that
 * quarter-hour's demand at target utilisation and keep the latency goal. */
#ifndef CONTROL_PROOF_H
#define CONTROL_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "control/capacity.h"

struct arena;
struct error;

enum { PROOF_LOSSES_MAX = 200000 }; /* of one service; where there are more, none is tried */

struct proof_goal { /* what binds by the latency goal */
    const char *service;
    size_t slot;
    const char *zones;
    int64_t sets;
    double strain; /* demand over the most that keeps the goal (queueing_strain) */
};

struct proof_cell {
    const char *name;
    int64_t losses;      /* tried, of all services */
    int64_t failures;    /* losses that are not survived in some slot */
    const char *service; /* the tightest one by load */
    size_t slot;         /* its tightest slot */
    const char *zones;   /* which zones' loss binds, "a b"; empty: none may be lost */
    int64_t sets;        /* how many sets of zones bind as much; they are alike when all do */
    double busy;         /* utilisation then; infinite: no server is left */
    const struct proof_goal *goal; /* the same by the goal; NULL: there is none */
};

struct proof {
    int64_t losses, checks; /* a check is a loss in a slot */
    int64_t failures;
    bool complete; /* no service had more than PROOF_LOSSES_MAX losses */
    struct proof_cell *cells;
    size_t cell_count;
};

extern const struct json_field proof_fields[];

/* Try the losses of every cell of `plan`, a plan of `topo`. 0, or -1 with `err` set. */
int proof_try(struct proof *proof, const struct topo *topo, const struct capacity_plan *plan,
              struct arena *a, struct error *err);

#endif
