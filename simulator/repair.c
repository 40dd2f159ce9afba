#include "simulator/repair.h"

#include <assert.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "simulator/engine.h"

enum { FAILURE, REPAIR };
enum { DRAWS_WORKS, DRAWS_REPAIR };

static const double ticks = 1e9; /* in a mean time to repair */

struct plant {
    struct engine engine;
    struct rng rng;
    uint32_t parts, needed;
    double works_ticks; /* mean time of a part until it fails */
    int64_t time;
    uint32_t down;
    bool counts;
    double time_down;
    double drawn[2]; /* sums of draws less their mean */
};

static inline void pass(struct plant *p, int64_t now)
{
    if (p->counts && p->parts - p->down < p->needed)
        p->time_down += (double)(now - p->time);
    p->time = now;
}

static inline int64_t draw(struct plant *p, int which, double mean_ticks)
{
    double drawn = rng_exp(&p->rng);
    if (p->counts)
        p->drawn[which] += drawn - 1;
    return (int64_t)(drawn * mean_ticks);
}

static void fail(void *world, const struct event *event)
{
    struct plant *p = world;
    pass(p, event->at);
    p->down++;
    engine_after(&p->engine, draw(p, DRAWS_REPAIR, ticks), REPAIR, event->who);
}

static void mend(void *world, const struct event *event)
{
    struct plant *p = world;
    pass(p, event->at);
    p->down--;
    engine_after(&p->engine, draw(p, DRAWS_WORKS, p->works_ticks), FAILURE, event->who);
}

int repair_run(struct repair_sample *sample, const struct repair_opts *opts, uint64_t seed,
               uint64_t replication, const char *name, struct arena *a, struct error *err)
{
    assert(opts->parts <= REPAIR_PARTS_MAX);
    assert(opts->needed >= 1 && opts->needed <= opts->parts);
    assert(opts->works > 0 && opts->works < 1);
    const struct engine_opts engine = {.pending_max = 16 + opts->parts};
    struct plant *p = arena_alloc(a, 1, sizeof *p);
    if (p == NULL)
        return error_memory(err);
    if (engine_init(&p->engine, &engine, a, err) != 0)
        return -1;
    p->parts = opts->parts;
    p->needed = opts->needed;
    p->works_ticks = ticks * opts->works / (1 - opts->works);
    engine_kind(&p->engine, FAILURE, "failure", fail, NULL, 0);
    engine_kind(&p->engine, REPAIR, "repair", mend, NULL, 0);
    rng_named(&p->rng, seed, replication, name, "parts");
    for (uint32_t i = 0; i < p->parts; i++)
        engine_at(&p->engine, draw(p, DRAWS_WORKS, p->works_ticks), FAILURE, i);
    int64_t begin = (int64_t)(opts->warmup * ticks), end = begin + (int64_t)(opts->time * ticks);
    engine_run(&p->engine, p, begin);
    pass(p, begin);
    p->counts = true;
    engine_run(&p->engine, p, end);
    pass(p, end);
    *sample = (struct repair_sample){.down = p->time_down / (double)(end - begin)};
    /* Over a number that is no matter of luck, or their ratio to it would not have mean zero. */
    double n = opts->time * (1 - opts->works) * opts->parts + 1;
    for (int i = 0; i < REPAIR_DRAWS; i++)
        sample->draw[i] = p->drawn[i] / n;
    return 0;
}
