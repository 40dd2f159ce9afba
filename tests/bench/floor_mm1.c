#include <math.h>
#include <time.h>

#include "base/rng.h"
#include "tests/bench/floors.h"

enum { RING = 1 << 20 };

double bench_cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double two_events(uint64_t customers, struct rng *rng)
{
    static double arrived[RING]; /* who is in the system, oldest first */
    const double gap = 1 / 0.9;
    uint64_t in = 0;
    uint64_t out = 0;
    double sum = 0;
    double arrival = gap * rng_exp(rng);
    double completion = INFINITY;
    while (out < customers) {
        if (arrival < completion) {
            if (in == out)
                completion = arrival + rng_exp(rng);
            arrived[in++ % RING] = arrival;
            arrival += gap * rng_exp(rng);
        } else {
            sum += completion - arrived[out++ % RING];
            completion = in == out ? INFINITY : completion + rng_exp(rng);
        }
    }
    return sum / (double)customers;
}

struct bench_rate floor_mm1(uint64_t events, uint64_t seed)
{
    struct rng rng;
    rng_init(&rng, seed);
    double start_s = bench_cpu_s();
    double mean = two_events(events / 2, &rng);
    return (struct bench_rate){(double)events / (bench_cpu_s() - start_s), mean};
}
