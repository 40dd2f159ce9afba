/* idle.h - what a live system costs while nothing is asked of it: the CPU time of all its processes
 * over a while. */
#ifndef TESTS_BENCH_IDLE_H
#define TESTS_BENCH_IDLE_H

#include <signal.h>
#include <stdint.h>

struct error;

struct idle {
    double share; /* of one core */
    double for_s; /* measured for so long */
    int64_t processes;
};

/* Let the system of the folder `state` settle for `settle_us`, then measure for `for_us`. 0, or -1
 * with `err` set, also when a process has ended meanwhile or `*stop` (NULL: never) was set. */
int idle_measure(struct idle *out, const char *state, int64_t settle_us, int64_t for_us,
                 const volatile sig_atomic_t *stop, struct error *err);

#endif
