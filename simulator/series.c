#include "simulator/series.h"

#include <math.h>
#include <string.h>

#include "base/fmath.h"
#include "simulator/stats.h"

void series_init(struct series *s, struct series_bin *bin)
{
    *s = (struct series){.width = SERIES_WIDTH, .left = SERIES_WIDTH, .bin = bin};
}

void series_copy(struct series *s, const struct series *other)
{
    struct series_bin *bin = s->bin;
    *s = *other;
    s->bin = bin;
    memcpy(bin, other->bin, other->count * sizeof bin[0]);
}

static void merge_neighbours(struct series *s)
{
    s->count /= 2;
    s->width *= 2;
    for (size_t i = 0; i < s->count; i++) {
        s->bin[i].sum = s->bin[2 * i].sum + s->bin[2 * i + 1].sum;
        s->bin[i].end_ns = s->bin[2 * i + 1].end_ns;
    }
}

void series_close(struct series *s, int64_t at_ns)
{
    s->bin[s->count++] = (struct series_bin){s->sum, at_ns};
    s->sum = 0;
    if (s->count == SERIES_BINS)
        merge_neighbours(s);
    s->left = s->width;
}

void series_pool(struct series *s, const struct series *other)
{
    while (s->width < other->width)
        merge_neighbours(s);
    size_t merged = (size_t)(s->width / other->width); /* of the other's bins make one */
    if (s->count > other->count / merged)
        s->count = other->count / merged;
    for (size_t i = 0; i < s->count; i++) {
        struct series_bin *bin = &s->bin[i];
        for (size_t k = 0; k < merged; k++)
            bin->sum += other->bin[i * merged + k].sum;
        int64_t end_ns = other->bin[i * merged + merged - 1].end_ns;
        if (bin->end_ns < end_ns)
            bin->end_ns = end_ns;
    }
    s->sum = 0;
    s->left = s->width;
}

/* ---- warm-up ---- */

enum { CUT_BINS_MIN = 20, CUT_LEFT_MIN = 5, CUT_LEFT_SHARE = 8 };

struct series_cut series_warmup(const struct series *s)
{
    struct series_cut cut = {0, false};
    if (s->count < CUT_BINS_MIN)
        return cut;
    struct stats left = {0};
    double least = (double)INFINITY;
    for (size_t d = s->count; d-- > 0;) { /* from the end, so that one pass does */
        stats_add(&left, (double)s->bin[d].sum);
        if (left.count < CUT_LEFT_MIN || (size_t)left.count * CUT_LEFT_SHARE < s->count)
            continue;
        double error = left.squares / ((double)left.count * (double)left.count);
        if (error <= least) {
            least = error;
            cut.bins = d;
        }
    }
    cut.settled = cut.bins <= s->count / 2;
    if (!cut.settled)
        cut.bins = s->count / 2;
    return cut;
}

/* ---- batch means ---- */

enum { BATCHES_MAX = 32, BATCHES_MIN = 8, BATCHES_TESTED = 4 /* in one of those that are used */ };

/* The mean of one of `batches` equal batches. What does not divide is left out at the beginning. */
static double batch_mean(const struct series *s, size_t batches, size_t index)
{
    size_t bins = s->count / batches;
    const struct series_bin *first = &s->bin[s->count - bins * (batches - index)];
    int64_t sum = 0;
    for (size_t i = 0; i < bins; i++)
        sum += first[i].sum;
    return (double)sum / ((double)bins * (double)s->width);
}

static struct stats batch_stats(const struct series *s, size_t batches)
{
    struct stats stats = {0};
    for (size_t i = 0; i < batches; i++)
        stats_add(&stats, batch_mean(s, batches, i));
    return stats;
}

/* Von Neumann's ratio, as a correlation: normal about 0 with variance (n - 2) / (n^2 - 1) for n
 * independent batches. */
static bool is_uncorrelated(const struct series *s, size_t batches)
{
    const double normal_90 = 1.2815515655446004; /* exceeded with probability 10 % */
    double scatter = batch_stats(s, batches).squares;
    double steps = 0;
    for (size_t i = 1; i < batches; i++) {
        double step = batch_mean(s, batches, i) - batch_mean(s, batches, i - 1);
        steps += step * step;
    }
    double n = (double)batches;
    return scatter - steps / 2 <= scatter * normal_90 * fmath_sqrt((n - 2) / (n * n - 1));
}

double series_half_width(const struct series *s, double level)
{
    for (size_t batches = BATCHES_MAX; batches >= BATCHES_MIN; batches /= 2) {
        if (s->count < batches * BATCHES_TESTED || !is_uncorrelated(s, batches * BATCHES_TESTED))
            continue;
        struct stats means = batch_stats(s, batches);
        return stats_half_width(&means, level);
    }
    return (double)NAN;
}
