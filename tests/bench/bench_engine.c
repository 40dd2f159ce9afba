#include <stdlib.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "simulator/engine.h"
#include "tests/bench/floors.h"

static const double ticks = 1e9; /* in a unit of the workload's time */

/* One server, FIFO. */

enum { MM1_ARRIVAL, MM1_COMPLETION };
enum { RING = 1 << 20 };

struct mm1 {
    struct engine engine;
    struct rng rng;
    uint64_t in;
    uint64_t out;
    uint64_t customers;
    int64_t sum;
    int64_t arrived[RING]; /* who is in the system, oldest first */
};

static void mm1_serve(struct mm1 *m)
{
    engine_after(&m->engine, (int64_t)(rng_exp(&m->rng) * ticks), MM1_COMPLETION, 0);
}

static void mm1_arrival(void *world, const struct event *event)
{
    struct mm1 *m = world;
    if (m->in == m->out)
        mm1_serve(m);
    m->arrived[m->in++ % RING] = event->at;
    engine_after(&m->engine, (int64_t)(rng_exp(&m->rng) * (ticks / 0.9)), MM1_ARRIVAL, 0);
}

static void mm1_completion(void *world, const struct event *event)
{
    struct mm1 *m = world;
    m->sum += event->at - m->arrived[m->out++ % RING];
    if (m->out == m->customers)
        engine_stop(&m->engine);
    if (m->in != m->out)
        mm1_serve(m);
}

struct bench_rate engine_mm1(uint64_t events, uint64_t seed)
{
    struct bench_rate rate = {0};
    struct arena arena = {0};
    struct error err;
    struct mm1 *m = calloc(1, sizeof *m);
    if (m != NULL && engine_init(&m->engine, &(struct engine_opts){1000}, &arena, &err) == 0) {
        engine_kind(&m->engine, MM1_ARRIVAL, "arrival", mm1_arrival, NULL, 0);
        engine_kind(&m->engine, MM1_COMPLETION, "completion", mm1_completion, NULL, 0);
        rng_init(&m->rng, seed);
        m->customers = events / 2;
        engine_after(&m->engine, (int64_t)(rng_exp(&m->rng) * (ticks / 0.9)), MM1_ARRIVAL, 0);
        double start_s = bench_cpu_s();
        engine_run(&m->engine, m, INT64_MAX);
        double used_s = bench_cpu_s() - start_s;
        rate.events_per_s = (double)engine_handled(&m->engine) / used_s;
        rate.check = (double)m->sum / ticks / (double)m->customers;
    }
    arena_release(&arena);
    free(m);
    return rate;
}

/* Objects that reschedule themselves. */

struct object {
    int64_t last;
    uint32_t score;
    uint32_t generation;
};

struct hold {
    struct engine engine;
    struct rng rng;
    struct object *object;
    uint64_t left;
};

static inline void hold_handle(struct hold *h, const struct event *event, uint32_t points)
{
    struct object *object = &h->object[event->who];
    object->score += points;
    object->last = event->at;
    engine_after(&h->engine, (int64_t)(rng_exp(&h->rng) * ticks), event->kind, event->who);
    if (--h->left == 0)
        engine_stop(&h->engine);
}

#define HANDLER(name, points)                                \
    static void name(void *world, const struct event *event) \
    {                                                        \
        hold_handle(world, event, points);                   \
    }
HANDLER(handle_one, 1)
HANDLER(handle_two, 2)
HANDLER(handle_three, 3)
HANDLER(handle_four, 4)

static engine_handler *const handlers[4] = {handle_one, handle_two, handle_three, handle_four};

static void hold_run(struct hold *h, uint64_t events)
{
    h->left = events;
    engine_run(&h->engine, h, INT64_MAX);
}

struct bench_rate engine_hold(uint32_t size, uint64_t events, uint64_t seed)
{
    struct bench_rate rate = {0};
    struct arena arena = {0};
    struct error err;
    struct hold h = {.object = arena_alloc(&arena, size, sizeof *h.object)};
    if (h.object != NULL &&
        engine_init(&h.engine, &(struct engine_opts){size}, &arena, &err) == 0) {
        for (unsigned kind = 0; kind < 4; kind++)
            engine_kind(&h.engine, kind, "hold", handlers[kind], &h.object[0].generation,
                        sizeof h.object[0]);
        rng_init(&h.rng, seed);
        for (uint32_t i = 0; i < size; i++)
            engine_after(&h.engine, (int64_t)(rng_exp(&h.rng) * ticks), i & 3, i);
        hold_run(&h, 2 * (uint64_t)size);
        double start_s = bench_cpu_s();
        hold_run(&h, events);
        rate.events_per_s = (double)events / (bench_cpu_s() - start_s);
        rate.check = (double)engine_now(&h.engine) / ticks;
    }
    arena_release(&arena);
    return rate;
}
