/* trials.h - independent trials, to hold against their probabilities. */
#ifndef SIMULATOR_TRIALS_H
#define SIMULATOR_TRIALS_H

#include <stdint.h>

#include "base/rng.h"

/* The share of `requests` that meet a slow leaf, when each is scattered over `leaves` and a leaf is
 * slow with probability `p`. Only slow leaves are drawn, by the gaps between them. */
double trials_scatter(struct rng *rng, int64_t requests, uint64_t leaves, double p);

/* The shares of `pairs` of tenants who have 0, 1, ... workers in common, by control/shuffle;
 * share[0 .. shard]. shard <= TRIALS_SHARD_MAX. */
enum { TRIALS_SHARD_MAX = 16 };
void trials_share(struct rng *rng, int64_t pairs, uint32_t workers, uint32_t shard, double *share);

#endif
