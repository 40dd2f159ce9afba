/* pace.h - how often one process of a live system looks after another.
 *
 * Small systems are looked after five times a second. All processes of a system share one machine
 * here, so the more there are the less often each is asked: from 33 on what all of it costs stays
 * the same, and beyond a hundred it falls, for most of it is being woken. */
#ifndef CONTROL_PACE_H
#define CONTROL_PACE_H

#include <stddef.h>
#include <stdint.h>

enum { PACE_US_MIN = 200000, PACE_US_EACH = 6000, PACE_MANY = 100, PACE_US_EACH_MORE = 18000 };

/* From one question to the next, in a system of so many processes. */
static inline int64_t pace_us(size_t processes)
{
    int64_t more = processes > PACE_MANY ? (int64_t)processes - PACE_MANY : 0;
    int64_t us = ((int64_t)processes - more) * PACE_US_EACH + more * PACE_US_EACH_MORE;
    return us < PACE_US_MIN ? PACE_US_MIN : us;
}

#endif
