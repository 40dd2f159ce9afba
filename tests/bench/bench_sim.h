/* bench_sim.h - the engine and the full model beside their floors, in one run.
 *
 * Machines differ and are shared, so the ratio is the result: floor and engine alternate with the
 * same seed, each pair gives a ratio, and the median of the ratios is reported, beside the medians
 * of the rates. */
#ifndef TESTS_BENCH_BENCH_SIM_H
#define TESTS_BENCH_BENCH_SIM_H

#include <stdbool.h>
#include <stdint.h>

enum { BENCH_SIM_HOLDS = 3 };

struct bench_sim_row {
    uint32_t size; /* pending events of a hold */
    double events_per_s;
    double floor_events_per_s;
    double ratio;     /* engine / floor, the median of the pairs */
    double ratio_min; /* of the pairs */
    double ratio_max;
    double goal; /* the ratio to reach; 0: none */
    bool agrees; /* both computed the same result, within what rounding to ticks explains; a model:
                    its faults were felt, and nearly all requests were answered all the same */
};

struct bench_sim_result {
    struct bench_sim_row mm1;
    struct bench_sim_row hold[BENCH_SIM_HOLDS];
    struct bench_sim_row model; /* beside the floor of mm1, as the next one */
    struct bench_sim_row model_rich;
};

/* Called before each of `rounds` pairs of a workload, whose name is borrowed for the call. */
typedef void bench_sim_progress(void *context, const char *workload, unsigned round,
                                unsigned rounds);

/* Measure for about a minute. `progress` may be NULL. 0, or -1 when memory is out. */
int bench_sim_run(struct bench_sim_result *r, bench_sim_progress *progress, void *context);

#endif
