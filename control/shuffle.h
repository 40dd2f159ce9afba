/* shuffle.h - shuffle sharding: each tenant gets its own few of the workers.
 *
 * What one tenant breaks reaches those who share all of its workers, and these are few: with shards
 * of 5 of 100 one in 75 million (MacCarthaigh 2014, "Shuffle Sharding", AWS). Pure. */
#ifndef CONTROL_SHUFFLE_H
#define CONTROL_SHUFFLE_H

#include <stdint.h>

#include "base/rng.h"

/* Draw a tenant's shard: `shard` different ones of 0 .. workers-1 in ascending order in `out`,
 * every set as likely. 1 <= shard <= workers. */
void shuffle_pick(struct rng *rng, uint32_t workers, uint32_t shard, uint32_t *out);

/* How many two shards of the same size have in common. */
uint32_t shuffle_common(const uint32_t *one, const uint32_t *other, uint32_t shard);

/* The probability that two tenants' shards have `shared` workers in common (hypergeometric). */
double shuffle_overlap(uint32_t workers, uint32_t shard, uint32_t shared);

#endif
