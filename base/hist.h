/* hist.h - latencies in fixed memory.
 *
 * A histogram whose buckets grow with the value, 64 to every doubling: a percentile is off by less
 * than 1/64, under 1.6 % (the layout of HdrHistogram, Tene 2012). Values are microseconds up to
 * 2^40, about 12 days; larger ones count as that. The maximum is kept exactly. */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include <stdint.h>

enum { HIST_SUB = 64, HIST_SUB_BITS = 6, HIST_VALUE_BITS = 40 };
enum { HIST_BUCKETS = (HIST_VALUE_BITS - HIST_SUB_BITS + 1) * HIST_SUB };

struct hist {
    uint64_t count;
    int64_t max_us;
    int64_t sum_us; /* exact; enough for 10^6 values of 10^12 us */
    uint64_t bucket[HIST_BUCKETS];
};

/* Count one value, >= 0. */
void hist_add(struct hist *h, int64_t us);

/* Count all of `other` too. */
void hist_pool(struct hist *h, const struct hist *other);

/* The smallest value that a share `q` (0..1) of what was counted does not exceed. Where it lies in
 * its bucket is not known: those that share one are taken to be spread evenly over it. So it is off
 * by less than the bucket's width, exact below 2^(HIST_SUB_BITS + 1), never above the maximum and
 * never below the lower end of the smallest value's bucket; the largest one is the maximum itself.
 * NaN when nothing was counted. */
double hist_quantile_us(const struct hist *h, double q);

#endif
