/* pace.h - how often one process of a live system looks after another.
 *
 * Small systems are looked after five times a second. All processes of a system share one machine
 * here, so from 33 of them on each is asked less often, and what all of it costs stays the same. */
#ifndef CONTROL_PACE_H
#define CONTROL_PACE_H

#include <stddef.h>
#include <stdint.h>

enum { PACE_US_MIN = 200000, PACE_US_EACH = 6000 };

/* From one question to the next, in a system of so many processes. */
static inline int64_t pace_us(size_t processes)
{
    int64_t us = (int64_t)processes * PACE_US_EACH;
    return us < PACE_US_MIN ? PACE_US_MIN : us;
}

#endif
