/* series.h - what came one after another, in fixed memory: how long a run takes to settle, and how
 * far the mean of a single run may be trusted.
 *
 * Values are gathered in bins of equal numbers of values, five at first. When all bins are full,
 * neighbours are merged and the width doubles: so a series of any length is between half and all of
 * the bins, at the finest width that fits. Sums are whole numbers: no order of adding or pooling
 * changes a bit. */
#ifndef SIMULATOR_SERIES_H
#define SIMULATOR_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SERIES_BINS = 2048, SERIES_WIDTH = 5 };

struct series_bin {
    int64_t sum;
    int64_t end_ns; /* when its last value came */
};

struct series {
    int64_t width;          /* values of a bin: SERIES_WIDTH times a power of two */
    int64_t left;           /* values until the bin that is being filled is full */
    int64_t sum;            /* of the values in it */
    size_t count;           /* full bins, < SERIES_BINS after each call */
    struct series_bin *bin; /* [SERIES_BINS], whoever's */
};

/* Empty, on `bin`, room for SERIES_BINS. */
void series_init(struct series *s, struct series_bin *bin);

/* Make `s` a copy of `other`, on its own bins. */
void series_copy(struct series *s, const struct series *other);

/* The bin that is being filled is full. Only series_add calls this. */
void series_close(struct series *s, int64_t at_ns);

/* Take the next value, seen at `at_ns`, which never goes back. Sums of a bin stay below 2^63. */
static inline void series_add(struct series *s, int64_t value, int64_t at_ns)
{
    s->sum += value;
    if (--s->left == 0)
        series_close(s, at_ns);
}

/* Add the bins of `other`, one by one, at the coarser width of both and as long as both have some:
 * the i-th values of independent runs together scatter less, while what all have in common at their
 * beginning stays (Welch 1983). The end of a bin is the later one. What was in unfinished bins is
 * dropped. Series may be pooled in any order. */
void series_pool(struct series *s, const struct series *other);

struct series_cut {
    size_t bins;  /* to leave out at the beginning */
    bool settled; /* false: no beginning in the first half explains what is seen */
};

/* Where the warm-up ends, by the marginal standard error rule on batches of five values, MSER-5
 * (White 1997; White, Cobb and Spratt 2000): leave out the first d bins, where d makes
 *
 *     sum over i >= d of (bin[i] - mean of those)^2 / (count - d)^2
 *
 * least; the first such d. So a bin at the beginning is left out when it lies so far from the rest
 * that its going narrows the interval of what is left, in spite of the smaller number. Not tried
 * are the last eighth of the bins, and the last five, as Hoad, Robinson and Davies (2010) advise:
 * there few neighbours are alike by chance. When the minimum lies in the second half, the run is
 * too short for its warm-up: then half of the bins go, and it is not settled. Neither are fewer
 * than 20 bins, of which none go. */
struct series_cut series_warmup(const struct series *s);

/* Half the width of the two-sided interval at `level` around the mean, by batch means: Student's
 * over 32 batches of neighbouring bins. Batches must be long enough to be independent. That is
 * tested on batches a quarter as long, by von Neumann's ratio of their lag-1 differences to their
 * scatter (Fishman 1978), one-sided at 10 %; as long as it fails, batches double in length and
 * halve in number. NaN where fewer than 8 would be left, or there are too few bins: the run is too
 * short. */
double series_half_width(const struct series *s, double level);

#endif
