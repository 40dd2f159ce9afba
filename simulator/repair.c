#include "simulator/repair.h"

#include <assert.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "simulator/engine.h"

enum { FAILURE, REPAIR };
enum { DRAWS_WORKS, DRAWS_REPAIR, FLOW_DOWN, FLOW_UP = FLOW_DOWN + 2 };

static_assert(FLOW_UP + 2 == (int)REPAIR_CONTROLS, "there are as many as the header says");

static const double ticks = 1e9; /* in a mean time to repair */

struct flow { /* of parts, by two weights of how many are down */
    double jumps[2], expected[2];
};

struct plant {
    struct engine engine;
    struct rng rng;
    uint32_t parts, needed;
    double works_ticks; /* mean time of a part until it fails */
    int64_t time;
    uint32_t down;
    bool counts;
    double time_down;
    struct flow fail, mend;
    double drawn[2]; /* sums of draws less their mean */
    double weight[REPAIR_PARTS_MAX + 1];
};

/* As in simulator/station.c: how much longer the next one down is away, up to where the whole is
 * down; and whether it is. */
static inline void weigh(const struct plant *p, uint32_t down, double weight[2])
{
    weight[0] = p->weight[down];
    weight[1] = p->parts - down < p->needed;
}

static inline void jump(const struct plant *p, struct flow *f, uint32_t down)
{
    double weight[2];
    if (!p->counts)
        return;
    weigh(p, down, weight);
    f->jumps[0] += weight[0];
    f->jumps[1] += weight[1];
}

static inline void expect(const struct plant *p, struct flow *f, uint32_t down, double rate)
{
    double weight[2];
    weigh(p, down, weight);
    f->expected[0] += weight[0] * rate;
    f->expected[1] += weight[1] * rate;
}

static inline void pass(struct plant *p, int64_t now)
{
    double passed = (double)(now - p->time);
    p->time = now;
    if (!p->counts)
        return;
    if (p->parts - p->down < p->needed)
        p->time_down += passed;
    expect(p, &p->fail, p->down, passed * (p->parts - p->down) / p->works_ticks);
    if (p->down > 0)
        expect(p, &p->mend, p->down - 1, passed * p->down / ticks);
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
    jump(p, &p->fail, p->down);
    p->down++;
    engine_after(&p->engine, draw(p, DRAWS_REPAIR, ticks), REPAIR, event->who);
}

static void mend(void *world, const struct event *event)
{
    struct plant *p = world;
    pass(p, event->at);
    p->down--;
    jump(p, &p->mend, p->down);
    engine_after(&p->engine, draw(p, DRAWS_WORKS, p->works_ticks), FAILURE, event->who);
}

/* From `down` parts to one more takes (1 + down * the time from one fewer) / rate of failures. */
static void init_weights(struct plant *p)
{
    double works = p->works_ticks / ticks;
    uint32_t last = p->parts - p->needed; /* the most that may be down */
    double climb = 0;
    for (uint32_t down = 0; down <= last; down++) {
        climb = (1 + down * climb) * works / (p->parts - down);
        p->weight[down] = climb;
    }
    for (uint32_t down = 0; down <= p->parts; down++)
        p->weight[down] = down <= last ? p->weight[down] / climb : 1;
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
    init_weights(p);
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
    for (int i = 0; i < 2; i++) {
        sample->control[i] = p->drawn[i] / n;
        sample->control[FLOW_DOWN + i] = (p->fail.jumps[i] - p->fail.expected[i]) / n;
        sample->control[FLOW_UP + i] = (p->mend.jumps[i] - p->mend.expected[i]) / n;
    }
    return 0;
}
