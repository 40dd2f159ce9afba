#include "control/shuffle.h"

#include <assert.h>

const struct json_field shuffle_shares_fields[] = {
    JSON_I64(struct shuffle_shares, workers, "workers", 0, 0, .doc = "Replicas in the cell"),
    JSON_I64(struct shuffle_shares, shard, "shard", 0, 0, .doc = "Replicas of one customer"),
    JSON_BOOL(struct shuffle_shares, shuffled, "shuffled",
              .doc = "Each customer's are drawn from all; or shards are fixed"),
    JSON_F64S(struct shuffle_shares, shared, shared_count, "shared", 0, 1,
              .doc = "Share of customers with 0, 1, 2, ... replicas in common with a given one"),
    JSON_F64(struct shuffle_shares, touched, "touched", 0, 0,
             .doc = "With all of them: the share of customers that one who breaks his shard "
                    "touches"),
    JSON_F64(struct shuffle_shares, any, "any", 0, 0, .doc = "With one of them at least"),
    JSON_F64(struct shuffle_shares, goal, "goal", 0, 0,
             .doc = "What touched may be; 0: the topology has no such goal"),
    JSON_I64(struct shuffle_shares, enough, "enough", 0, 0,
             .doc = "The smallest shuffled shard that keeps the goal; 0: no goal, or none does"),
    JSON_F64(struct shuffle_shares, touched_least, "touched_least", 0, 0,
             .doc = "The least that shuffled shards of any size make of touched"),
    JSON_END,
};

void shuffle_pick(struct rng *rng, uint32_t workers, uint32_t shard, uint32_t *out)
{
    assert(shard >= 1 && shard <= workers);
    for (uint32_t i = 0; i < shard; i++) {
        uint32_t worker = rng_below(rng, workers - i);
        uint32_t at = 0;
        for (; at < i && out[at] <= worker; at++) /* those that are taken do not count */
            worker++;
        for (uint32_t k = i; k > at; k--)
            out[k] = out[k - 1];
        out[at] = worker;
    }
}

uint32_t shuffle_common(const uint32_t *one, const uint32_t *other, uint32_t shard)
{
    uint32_t common = 0;
    for (uint32_t i = 0, k = 0; i < shard && k < shard;) {
        common += one[i] == other[k];
        uint32_t low = one[i], high = other[k];
        i += low <= high;
        k += high <= low;
    }
    return common;
}

/* n over k. */
static double ways(uint32_t n, uint32_t k)
{
    double product = 1;
    for (uint32_t i = 0; i < k; i++)
        product = product * (n - i) / (i + 1);
    return product;
}

double shuffle_overlap(uint32_t workers, uint32_t shard, uint32_t shared)
{
    if (shared > shard || shard - shared > workers - shard)
        return 0;
    return ways(shard, shared) * ways(workers - shard, shard - shared) / ways(workers, shard);
}

/* Shards of half the workers share the least; more than that share more again. */
static void find_smallest(struct shuffle_shares *s)
{
    s->touched_least = 1;
    for (uint32_t size = 1; size <= (uint32_t)s->workers && size <= TOPO_SHARD_MAX; size++) {
        double touched = shuffle_overlap((uint32_t)s->workers, size, size);
        if (touched < s->touched_least)
            s->touched_least = touched;
        if (s->goal > 0 && touched <= s->goal && s->enough == 0)
            s->enough = size;
    }
}

void shuffle_shares_of(struct shuffle_shares *s, int64_t workers, int64_t shard, bool shuffled,
                       double goal, double shared[TOPO_SHARD_MAX + 1])
{
    assert(workers >= 1 && shard >= 1 && workers <= UINT32_MAX);
    if (shard > TOPO_SHARD_MAX)
        shard = TOPO_SHARD_MAX;
    if (shard > workers)
        shard = workers;
    *s = (struct shuffle_shares){.workers = workers,
                                 .shard = shard,
                                 .shuffled = shuffled,
                                 .shared = shared,
                                 .shared_count = (size_t)shard + 1,
                                 .goal = goal};
    double same = 1 / (double)(workers / shard); /* of fixed ones */
    for (uint32_t i = 0; i <= (uint32_t)shard; i++)
        shared[i] = shuffled ? shuffle_overlap((uint32_t)workers, (uint32_t)shard, i)
                             : (i == 0                 ? 1 - same
                                : i == (uint32_t)shard ? same
                                                       : 0);
    s->touched = shared[shard];
    s->any = 1 - shared[0];
    find_smallest(s);
}
