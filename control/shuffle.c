#include "control/shuffle.h"

#include <assert.h>

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
