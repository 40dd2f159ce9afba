/* admission.h - what a replica does with a request that reaches it: work, let it wait, or shed it.
 *
 * The live service and the simulated server ask the same function. Beyond concurrency and queue a
 * request is refused at once, because work that waits too long is thrown away by those who asked.
 */
#ifndef REGION_ADMISSION_H
#define REGION_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

struct admission {
    uint32_t running_max; /* requests worked on at once, >= 1 */
    uint32_t waiting_max; /* requests that may wait */
    uint32_t running;
    uint32_t waiting;
};

enum admission_answer { ADMISSION_RUN, ADMISSION_WAIT, ADMISSION_SHED };

/* A request has come. Counts it, unless it is shed. */
static inline enum admission_answer admission_arrive(struct admission *a)
{
    if (a->running < a->running_max) {
        a->running++;
        return ADMISSION_RUN;
    }
    if (a->waiting < a->waiting_max) {
        a->waiting++;
        return ADMISSION_WAIT;
    }
    return ADMISSION_SHED;
}

/* One that was worked on is done. True when the next one that waits must start now. */
static inline bool admission_finish(struct admission *a)
{
    if (a->waiting > 0) {
        a->waiting--;
        return true;
    }
    a->running--;
    return false;
}

/* The replica died: nothing runs and nothing waits. */
static inline void admission_clear(struct admission *a)
{
    a->running = 0;
    a->waiting = 0;
}

#endif
