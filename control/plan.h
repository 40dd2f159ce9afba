/* plan.h - all that `bulkhead plan` says of a topology, computed at once. */
#ifndef CONTROL_PLAN_H
#define CONTROL_PLAN_H

#include <stddef.h>

#include "control/capacity.h"
#include "control/frontier.h"
#include "control/proof.h"
#include "control/separation.h"
#include "control/shuffle.h"

struct arena;
struct error;

struct plan_shards { /* the shards of a service in a cell, under fixed-shards or shuffle-shards */
    const char *cell, *service;
    struct shuffle_shares shares;
};

struct plan {
    struct capacity_plan capacity;
    struct proof proof;
    struct separation separation;
    struct plan_shards *shards; /* none unless the policy shards */
    size_t shard_count;
    struct frontier *frontiers; /* none unless asked for; else by customers, then by demand */
    size_t frontier_count;
};

/* The table of `bulkhead plan --json`; docs/plan.schema.json is printed from it. */
extern const struct json_field plan_fields[];

/* Everything but the frontiers, beside a count that is done: `capacity` is copied. Everything lives
 * in `a`. 0, or -1 with `err` set. */
int plan_make(struct plan *plan, const struct topo *topo, const struct capacity_plan *capacity,
              struct arena *a, struct error *err);

/* Add both frontiers. What is known is there when `opts` stops it. 0, or -1 with `err` set. */
int plan_frontiers(struct plan *plan, const struct topo *topo, const struct frontier_opts *opts,
                   struct arena *a, struct error *err);

/* Point `number` of both frontiers together, counted from 1; NULL when there is none. */
const struct frontier_point *plan_point(const struct plan *plan, int64_t number);

#endif
