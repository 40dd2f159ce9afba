/* trial.h - a small world run by hand, for tests: requests are counted as they begin, and pools may
 * be cut down. */
#ifndef TESTS_TRIAL_H
#define TESTS_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "simulator/world.h"
#include "tests/world.h"

#define MS INT64_C(1000000) /* in ns */

struct trial {
    struct made made;
    struct world world;
    struct arena arena;
    engine_handler *arrive;
    int64_t demand_end_ns;
    int64_t begun;          /* requests */
    int64_t begun_measured; /* after the warm-up */
};

/* Set up what `made` says; one trial at a time. `pool` > 0 cuts the pools down to so many requests
 * and tries. */
void trial_begin(struct trial *t, uint64_t seed, uint32_t pool);

/* One cell of one zone with one large server; `policy` and the service's rest as given, the insides
 * of JSON objects. */
void trial_single(struct trial *t, const char *service, const char *policy, const char *scenario);

/* Run on. trial_runs is false when the pools are full: the run has ended. */
bool trial_runs(struct trial *t, int64_t until_ns);
void trial_run(struct trial *t, int64_t until_ns);

void trial_end(struct trial *t);

#endif
