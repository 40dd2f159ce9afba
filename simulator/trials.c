#include "simulator/trials.h"

#include <assert.h>

#include "base/fmath.h"
#include "control/shuffle.h"

double trials_scatter(struct rng *rng, int64_t requests, uint64_t leaves, double p)
{
    const double each = -1 / fmath_log(1 - p);
    const double end = (double)requests * (double)leaves;
    int64_t last = -1, slow = 0;
    for (double at = 0;; at++) {
        at += (double)(int64_t)(rng_exp(rng) * each); /* leaves that are not slow */
        if (at >= end)
            return (double)slow / (double)requests;
        int64_t request = (int64_t)((uint64_t)at / leaves);
        slow += request != last;
        last = request;
    }
}

void trials_share(struct rng *rng, int64_t pairs, uint32_t workers, uint32_t shard, double *share)
{
    uint32_t one[TRIALS_SHARD_MAX], other[TRIALS_SHARD_MAX];
    assert(shard <= TRIALS_SHARD_MAX);
    for (uint32_t i = 0; i <= shard; i++)
        share[i] = 0;
    for (int64_t i = 0; i < pairs; i++) {
        shuffle_pick(rng, workers, shard, one);
        shuffle_pick(rng, workers, shard, other);
        share[shuffle_common(one, other, shard)] += 1;
    }
    for (uint32_t i = 0; i <= shard; i++)
        share[i] /= (double)pairs;
}
