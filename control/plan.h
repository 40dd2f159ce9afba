/* plan.h - all that `bulkhead plan` says of a topology, computed at once. */
#ifndef CONTROL_PLAN_H
#define CONTROL_PLAN_H

#include <stddef.h>

#include "control/capacity.h"
#include "control/demand_report.h"
#include "control/frontier.h"
#include "control/proof.h"
#include "control/separation.h"
#include "control/shuffle.h"

struct arena;
struct error;

/* The shards of a service in a cell, under fixed-shards or shuffle-shards, or as these would be. */
struct plan_shards {
    const char *cell, *service;
    struct shuffle_shares shares;
};

struct plan_far { /* a country whose customers are farther from their cell than rtt_max */
    const char *country, *cell, *region;
    int64_t rtt_us;
};

struct plan {
    struct capacity_plan capacity;
    struct proof proof;
    struct separation separation;
    struct plan_far *far;
    size_t far_count;
    struct plan_shards *shards; /* none unless the policy shards, or there is a goal of it */
    size_t shard_count;
    const struct demand_report *demand; /* what is planned for; NULL: the topology says it all */
    struct frontier *frontiers; /* none unless asked for; else by customers, then by demand */
    size_t frontier_count;
};

/* The table of `bulkhead plan --json`; docs/plan.schema.json is printed from it. */
extern const struct json_field plan_fields[];

/* Everything but the frontiers, beside a count that is done: `capacity` is copied. Everything lives
 * in `a`. 0, or -1 with `err` set. */
int plan_make(struct plan *plan, const struct topo *topo, const struct capacity_plan *capacity,
              struct arena *a, struct error *err);

enum { PLAN_FRONTIERS = FRONTIER_DEMAND + 1 };

/* Take both frontiers as they were found, by measure, and number their points. They are borrowed.
 */
void plan_frontiers_put(struct plan *plan, struct frontier found[PLAN_FRONTIERS]);

/* Point `number` of both frontiers together, counted from 1; NULL when there is none. */
const struct frontier_point *plan_point(const struct plan *plan, int64_t number);

#endif
