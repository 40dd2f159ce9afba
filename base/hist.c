#include "base/hist.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

static unsigned bucket_of(uint64_t us)
{
    if (us >> HIST_VALUE_BITS != 0)
        us = (UINT64_C(1) << HIST_VALUE_BITS) - 1;
    if (us < HIST_SUB)
        return (unsigned)us;
    unsigned shift = 63 - (unsigned)__builtin_clzll(us) - HIST_SUB_BITS;
    return (shift + 1) * HIST_SUB + ((unsigned)(us >> shift) & (HIST_SUB - 1));
}

/* The smallest value of a bucket, and how much larger its largest is. */
static double bucket_low(unsigned bucket, double *extent)
{
    *extent = 0;
    if (bucket < HIST_SUB)
        return bucket;
    unsigned shift = bucket / HIST_SUB - 1;
    *extent = (double)((UINT64_C(1) << shift) - 1);
    return (double)((uint64_t)(HIST_SUB + bucket % HIST_SUB) << shift);
}

void hist_add(struct hist *h, int64_t us)
{
    assert(us >= 0);
    h->count++;
    h->sum_us += us;
    h->bucket[bucket_of((uint64_t)us)]++;
    if (us > h->max_us)
        h->max_us = us;
}

/* Which of `count` values in ascending order, from 1. A product like 0.07 * 100 that rounding put a
 * little above a whole number is that number. */
static uint64_t rank_of(double q, uint64_t count)
{
    double product = q * (double)count;
    uint64_t rank = (uint64_t)product;
    if (product - (double)rank > 1e-12 * product)
        rank++;
    return rank > 0 ? rank : 1;
}

void hist_pool(struct hist *h, const struct hist *other)
{
    h->count += other->count;
    h->sum_us += other->sum_us;
    if (other->max_us > h->max_us)
        h->max_us = other->max_us;
    for (size_t i = 0; i < HIST_BUCKETS; i++)
        h->bucket[i] += other->bucket[i];
}

double hist_quantile_us(const struct hist *h, double q)
{
    assert(q >= 0 && q <= 1);
    if (h->count == 0)
        return (double)NAN;
    uint64_t rank = rank_of(q, h->count);
    if (rank >= h->count)
        return (double)h->max_us;
    uint64_t below = 0;
    unsigned bucket = 0;
    while (below + h->bucket[bucket] < rank)
        below += h->bucket[bucket++];
    double extent;
    double low = bucket_low(bucket, &extent);
    if (low + extent > (double)h->max_us)
        extent = (double)h->max_us - low;
    return low + extent * ((double)(rank - below) - 0.5) / (double)h->bucket[bucket];
}
