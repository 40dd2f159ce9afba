/* regress.h - a mean from replications, with control variates. */
#ifndef SIMULATOR_REGRESS_H
#define SIMULATOR_REGRESS_H

#include <stdint.h>

struct arena;

struct regress_mean {
    double mean;
    double half_width; /* of the two-sided Student interval */
    int64_t controls;  /* that were used */
};

/* The mean of value[0 .. count-1], one per replication, after regression on controls[r][k] of
 * replication r, which are known to have mean zero: where its controls are off zero, a value is
 * taken to be off by as much as the two go together (Lavenberg and Welch 1981, Management Science
 * 27(3)). How much that is, is estimated from the other replications alone: so the mean is unbiased
 * whatever the values' distribution (splitting, Nelson 1990, Operations Research 38(6)). The
 * interval is Student's with count - 1 - controls degrees of freedom. Controls that are constant,
 * or that the earlier ones determine, are left out, as are those beyond a quarter of `count`. Needs
 * count >= 4. 0, or -1 when memory is out; it is the arena's. */
int regress_mean(struct regress_mean *out, const double *value, const double *controls,
                 int64_t count, int64_t control_count, double level, struct arena *a);

#endif
