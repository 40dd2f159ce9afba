#include "tests/bench/bench_sim.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "tests/bench/floors.h"

enum { ROUNDS = 5 };

enum kind { MM1, HOLD, MODEL, MODEL_RICH };

struct workload {
    const char *name;
    enum kind kind;
    uint32_t size;
    uint64_t events; /* of the floor */
    double goal;
};

static const struct workload mm1 = {"mm1", MM1, 0, 50000000, 0.50};
static const struct workload holds[BENCH_SIM_HOLDS] = {
    {"hold 10^3", HOLD, 1000, 20000000, 0.85},
    {"hold 10^5", HOLD, 100000, 16000000, 0.80},
    {"hold 10^6", HOLD, 1000000, 6000000, 0.75},
};
static const struct workload model = {"model", MODEL, 0, 50000000, 0.10};
static const struct workload rich = {"model, rich", MODEL_RICH, 0, 50000000, 0};

static struct bench_rate measure_floor(const struct workload *w, uint64_t seed)
{
    return w->kind == HOLD ? floor_hold(w->size, w->events, seed) : floor_mm1(w->events, seed);
}

static struct bench_rate measure_engine(const struct workload *w, uint64_t seed)
{
    switch (w->kind) {
    case MM1:
        return engine_mm1(w->events, seed);
    case HOLD:
        return engine_hold(w->size, w->events, seed);
    case MODEL:
        return model_plain(seed);
    default:
        return model_rich(seed);
    }
}

/* Whether what came out is as it has to be. Rounding to 1e-9 now and then swaps two events, and so
 * whose luck is whose. */
static bool agree(const struct workload *w, double floor, double engine)
{
    if (w->kind == MODEL || w->kind == MODEL_RICH)
        return engine > 0.99;
    return fabs(engine / floor - 1) <= 1e-3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *value)
{
    qsort(value, ROUNDS, sizeof *value, compare);
    return value[ROUNDS / 2];
}

static int measure(struct bench_sim_row *row, const struct workload *w,
                   bench_sim_progress *progress, void *context)
{
    double floors[ROUNDS];
    double engines[ROUNDS];
    double ratios[ROUNDS];
    *row = (struct bench_sim_row){.size = w->size, .goal = w->goal, .agrees = true};
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (progress != NULL)
            progress(context, w->name, i, ROUNDS);
        struct bench_rate floor = measure_floor(w, i + 1);
        struct bench_rate engine = measure_engine(w, i + 1);
        if (floor.events_per_s == 0 || engine.events_per_s == 0)
            return -1;
        floors[i] = floor.events_per_s;
        engines[i] = engine.events_per_s;
        ratios[i] = engine.events_per_s / floor.events_per_s;
        row->agrees = row->agrees && agree(w, floor.check, engine.check);
    }
    row->floor_events_per_s = median(floors);
    row->events_per_s = median(engines);
    row->ratio = median(ratios);
    row->ratio_min = ratios[0]; /* sorted by now */
    row->ratio_max = ratios[ROUNDS - 1];
    return 0;
}

int bench_sim_run(struct bench_sim_result *r, bench_sim_progress *progress, void *context)
{
    *r = (struct bench_sim_result){0};
    if (measure(&r->mm1, &mm1, progress, context) != 0)
        return -1;
    for (int i = 0; i < BENCH_SIM_HOLDS; i++) {
        if (measure(&r->hold[i], &holds[i], progress, context) != 0)
            return -1;
    }
    if (measure(&r->model, &model, progress, context) != 0)
        return -1;
    return measure(&r->model_rich, &rich, progress, context);
}
