/* stats.h - what replications say together: means and how far to trust them. */
#ifndef SIMULATOR_STATS_H
#define SIMULATOR_STATS_H

#include <stddef.h>
#include <stdint.h>

struct stats { /* independent values, one per replication; all zero is none */
    int64_t count;
    double mean;
    double squares; /* sum of squared distances from the mean (Welford 1962) */
};

/* Take one more value. */
void stats_add(struct stats *s, double value);

/* Half the width of the two-sided Student interval around the mean at `level` (0.95, ...). NaN for
 * fewer than two values. */
double stats_half_width(const struct stats *s, double level);

/* The differences `second[i] - first[i]` of two variants of a scenario that were run with the same
 * seed, by replication; those where either is NaN are left out. Variants share the luck of their
 * named streams (common random numbers), so that the interval around the mean difference,
 * stats_half_width, is narrower than the variants' own ones: what both felt drops out. */
struct stats stats_paired(const double *first, const double *second, size_t count);

/* The level at which each of `count` >= 1 intervals must hold for all of them to hold at once at
 * `level`, were they independent: level^(1 / count) (Sidak 1967). Those of one run are not, and
 * then hold together at least as often in all but contrived cases. */
double stats_sidak(double level, size_t count);

/* The value that Student's t with `freedom` >= 1 degrees exceeds in absolute value with probability
 * 1 - level. From the closed form of the distribution for whole degrees (Abramowitz and Stegun
 * 26.7.3 and 26.7.4), by bisection. */
double stats_student(int64_t freedom, double level);

/* Upper end of the one-sided interval for a probability when none of `count` independent trials
 * had the event: 1 - (1 - level)^(1 / count), the exact binomial bound. 1 for no trial. */
double stats_none_seen(int64_t count, double level);

#endif
