/* shuffle.h - shuffle sharding: each tenant gets its own few of the workers.
 *
 * What one tenant breaks reaches those who share all of its workers, and these are few: with shards
 * of 5 of 100 one in 75 million (MacCarthaigh 2014, "Shuffle Sharding", AWS). Pure. */
#ifndef CONTROL_SHUFFLE_H
#define CONTROL_SHUFFLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/rng.h"
#include "base/topo.h"

/* Draw a tenant's shard: `shard` different ones of 0 .. workers-1 in ascending order in `out`,
 * every set as likely. 1 <= shard <= workers. */
void shuffle_pick(struct rng *rng, uint32_t workers, uint32_t shard, uint32_t *out);

/* How many two shards of the same size have in common. */
uint32_t shuffle_common(const uint32_t *one, const uint32_t *other, uint32_t shard);

/* The probability that two tenants' shards have `shared` workers in common (hypergeometric). */
double shuffle_overlap(uint32_t workers, uint32_t shard, uint32_t shared);

struct shuffle_shares { /* what one customer's trouble touches, among the others */
    int64_t workers, shard;
    bool shuffled;  /* or fixed: all of a shard is shared, or none */
    double *shared; /* [shared_count] share of customers with 0, 1, ... workers in common */
    size_t shared_count;
    double touched; /* with all of them: no worker is left to them */
    double any;     /* with one at least */
    double goal;    /* `touched` at most, 0: none given */
    int64_t enough; /* the smallest shuffled shard that keeps the goal; 0: no goal, or none does */
    double touched_least; /* by shuffled shards of any size up to TOPO_SHARD_MAX */
};

extern const struct json_field shuffle_shares_fields[];

/* The shares of `workers` >= 1 in shards of `shard` >= 1; larger ones are cut to the workers, and
 * to TOPO_SHARD_MAX. `shared` is the caller's, of TOPO_SHARD_MAX + 1. */
void shuffle_shares_of(struct shuffle_shares *s, int64_t workers, int64_t shard, bool shuffled,
                       double goal, double shared[TOPO_SHARD_MAX + 1]);

#endif
