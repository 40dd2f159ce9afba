#include "tests/bench/idle.h"

#include <poll.h>
#include <stddef.h>
#include <time.h>

#include "base/error.h"
#include "control/live/crew.h"
#include "wire/clock.h"

enum { STEP_MS = 50 };

/* Finer than /proc/PID/stat, whose ticks of 10 ms are more than one of hundreds uses in a while. */
static int cpu_of(const struct crew *crew, int64_t *us, struct error *err)
{
    *us = 0;
    for (size_t i = 0; i < crew->count; i++) {
        clockid_t clock;
        struct timespec used;
        pid_t pid = crew->member[i].process.pid;
        if (process_wait_gone(&crew->member[i].process, 0) ||
            clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
            return error_set(err, ERR_SYSTEM,
                             "process %ld (%s) ended while nothing was asked of it", (long)pid,
                             crew_role_words[crew->member[i].role]);
        *us += (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
    }
    return 0;
}

static int rest(int64_t for_us, const volatile sig_atomic_t *stop, struct error *err)
{
    int64_t end_us = clock_us() + for_us;
    while (clock_us() < end_us) {
        if (stop != NULL && *stop)
            return error_set(err, ERR_SYSTEM, "stopped");
        poll(NULL, 0, STEP_MS);
    }
    return 0;
}

int idle_measure(struct idle *out, const char *state, int64_t settle_us, int64_t for_us,
                 const volatile sig_atomic_t *stop, struct error *err)
{
    struct crew crew = {.count = 0};
    int64_t before_us, after_us;
    int status = -1;
    if (rest(settle_us, stop, err) != 0 || crew_find(&crew, state, err) != 0)
        goto out;
    int64_t began_us = clock_us();
    if (cpu_of(&crew, &before_us, err) != 0 || rest(for_us, stop, err) != 0 ||
        cpu_of(&crew, &after_us, err) != 0)
        goto out;
    int64_t took_us = clock_us() - began_us;
    *out = (struct idle){.share = (double)(after_us - before_us) / (double)took_us,
                         .for_s = (double)took_us / 1e6,
                         .processes = (int64_t)crew.count};
    status = 0;

out:
    crew_release(&crew);
    return status;
}
