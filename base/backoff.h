/* backoff.h - how long to wait before what failed is tried again. */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

#include "base/rng.h"

/* The wait in us after `tries` >= 1: `first_us` (>= 0), doubled for each try after the second, at
 * most `most_us`, and half of it up or down by chance, so that those who failed at one moment do
 * not come again at one moment. */
static inline int64_t backoff_delay_us(int64_t first_us, int64_t most_us, uint32_t tries,
                                       struct rng *rng)
{
    int64_t middle_us = first_us << (tries < 16 ? tries - 1 : 15);
    if (middle_us > most_us)
        middle_us = most_us;
    return middle_us / 2 + (int64_t)(rng_f64(rng) * (double)middle_us);
}

enum { BACKOFF_TIMES_MAX = 4 };

/* How long what fails is left out before one trial, in us: a sixteenth of `most_us` (>= 0) at
 * first, twice that each time it fails again soon after, `times` before, and `most_us` in the end.
 * What is gone for a moment is soon back, and what stays away costs few trials. (As in Envoy's
 * outlier detection, whose time out grows with each ejection up to a limit.) */
static inline int64_t backoff_eject_us(int64_t most_us, uint32_t times)
{
    return most_us >> (BACKOFF_TIMES_MAX - (times < BACKOFF_TIMES_MAX ? times : BACKOFF_TIMES_MAX));
}

#endif
