/* engine.h - a simulation's clock, its pending events and who handles them.
 *
 * Time is an integer count of ticks from 0; who uses the engine says what a tick is (the world:
 * 1 ns). Events at the same time come in the order in which they were scheduled. An event is 16
 * bytes and names what happens (`kind`, a row of the handler table) and to whom (`who`, an index
 * that means something to the handler).
 *
 * Cancelling is by generation: a kind may point at a generation number per `who`, kept in the
 * entity itself. An event remembers the low 24 bits of the generation under which it was scheduled;
 * once the entity's has moved on, the event is stale and is never handed out. So a cancel costs one
 * increment, and no event has to be found. Stale events are swept out before they outnumber the
 * live ones, at a constant cost per cancel. (An event that is passed over by exactly 2^24
 * generations would look live again. The sweeps come first as long as fewer than 2^24 wait.)
 *
 * Memory is set at init: nothing is allocated while running. No floating point here. */
#ifndef SIMULATOR_ENGINE_H
#define SIMULATOR_ENGINE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simulator/ladder.h"

struct arena;
struct error;

typedef void engine_handler(void *world, const struct event *event);

enum {
    ENGINE_KINDS_MAX = 32,
    ENGINE_PENDING_MAX = 1 << 26,
    ENGINE_STALE_FREE = 512, /* fewer stale events are not worth a sweep's fixed cost */
    ENGINE_GENERATION_MASK = 0xffffff,
};

/* Why a run came back. */
enum engine_end {
    ENGINE_EMPTY,   /* no event is left; the time is that of the last one */
    ENGINE_TIME,    /* the rest is later than asked (stale events that no engine_cancel counted may
                     * be all of it); the time is what was asked */
    ENGINE_FULL,    /* more than `pending_max` events: the model grows without bound */
    ENGINE_STOPPED, /* a handler called engine_stop */
};

struct engine_opts {
    uint32_t pending_max; /* live events, 1 .. ENGINE_PENDING_MAX; 35 bytes each, and up to 5 MB */
};

enum engine_halt { ENGINE_HALT_NOT, ENGINE_HALT_STOP, ENGINE_HALT_FULL };

struct engine_kind { /* a row of the handler table */
    engine_handler *handler;
    const char *name;
    char *generation; /* of entity 0 */
    size_t stride;
};

struct engine { /* fields are private to engine.c and the inline functions */
    struct ladder ladder;
    uint64_t handled;
    uint32_t pending_max;
    uint32_t held_full; /* pending_max + stale: with so many in the ladder, no more are taken */
    uint32_t stale;     /* cancelled and still in the ladder */
    uint32_t halt;      /* enum engine_halt */
    uint32_t never_cancelled; /* the generation of kinds that have none: always 0 */
    struct engine_kind kind[ENGINE_KINDS_MAX];
};

/* Set up at time 0 without events or kinds. Memory is the arena's and lives as long. 0, or -1 with
 * `err` set. Do not copy or move a struct engine afterwards: it points into itself. */
int engine_init(struct engine *e, const struct engine_opts *opts, struct arena *a,
                struct error *err);

/* Fill row `kind` (< ENGINE_KINDS_MAX) of the handler table; before the first event of that kind.
 * `name` is borrowed for good. `generation` points at the generation number of entity 0; those of
 * the others follow `stride` bytes apart, in an array of structs that stays where it is. Kinds may
 * share them: then a cancel reaches all. NULL: events of this kind are never cancelled. */
void engine_kind(struct engine *e, unsigned kind, const char *name, engine_handler *handler,
                 uint32_t *generation, size_t stride);

/* What engine_kind was told. */
const char *engine_kind_name(const struct engine *e, unsigned kind);

/* Hand out events in order until none is left, the next is later than `until` (then the time
 * becomes `until`), a handler stopped the run, or an event did not fit. What waits, waits on: call
 * again to go on, except after ENGINE_FULL, which lost an event and stays. */
enum engine_end engine_run(struct engine *e, void *world, int64_t until);

/* The next event in `out`, for callers that dispatch themselves; the time becomes its time. False
 * when none is left, or one did not fit (engine_is_full). */
bool engine_next(struct engine *e, struct event *out);

/* The time of the next event, INT64_MAX when none is left. */
int64_t engine_next_at(struct engine *e);

/* Let time pass up to `until`, before which no event may be left. */
void engine_pass(struct engine *e, int64_t until);

/* The run ends when the handler that calls this returns. Outside of a run: the next one ends
 * before its first event. */
static inline void engine_stop(struct engine *e)
{
    if (e->halt == ENGINE_HALT_NOT)
        e->halt = ENGINE_HALT_STOP;
}

/* An event did not fit and is lost. Stays true. */
static inline bool engine_is_full(const struct engine *e)
{
    return e->halt == ENGINE_HALT_FULL;
}

/* The time, in ticks. */
static inline int64_t engine_now(const struct engine *e)
{
    return e->ladder.now;
}

/* Events that wait and have not been cancelled. Exact while each engine_cancel hit just one; off by
 * the others until the next sweep. */
static inline uint32_t engine_pending(const struct engine *e)
{
    return e->ladder.held > e->stale ? e->ladder.held - e->stale : 0;
}

/* Events handed out since the start. */
static inline uint64_t engine_handled(const struct engine *e)
{
    return e->handled;
}

static inline uint32_t *engine_generation(const struct engine *e, unsigned kind, uint32_t who)
{
    return (uint32_t *)(void *)(e->kind[kind].generation + e->kind[kind].stride * who);
}

/* Sweep out what is stale; engine_pending is exact afterwards. Called as needed. */
void engine_sweep(struct engine *e);

/* Room for one more? Only engine_at calls this, when the count says no. */
bool engine_make_room(struct engine *e);

/* Schedule `kind` for `who` at time `at`. A time in the past is a mistake of the caller's and
 * asserted. INT64_MAX is never: nothing is scheduled. */
static inline void engine_at(struct engine *e, int64_t at, unsigned kind, uint32_t who)
{
    assert(kind < ENGINE_KINDS_MAX);
    assert(at >= e->ladder.now);
    if (at == INT64_MAX)
        return;
    if (__builtin_expect(e->ladder.held >= e->held_full, 0) && !engine_make_room(e))
        return;
    struct event event = {.at = at, .who = who, .kind = kind & 0xff};
    event.generation = *engine_generation(e, kind, who) & ENGINE_GENERATION_MASK;
    ladder_push(&e->ladder, event);
}

/* The same, `delay` >= 0 ticks from now. A sum beyond INT64_MAX is never. */
static inline void engine_after(struct engine *e, int64_t delay, unsigned kind, uint32_t who)
{
    int64_t at;
    if (__builtin_add_overflow(e->ladder.now, delay, &at))
        at = INT64_MAX;
    engine_at(e, at, kind, who);
}

/* Cancel what waits for `who` under `kind` and the kinds that share its generations: usually one
 * event, and one is what is counted. With none waiting this is allowed: the count is then off by
 * one until the next sweep, which comes no later for it than a constant cost per call. To only move
 * the generation on (an entity starts a new life, and what waits, if anything, is not known),
 * increment it in the entity: nothing is counted, and what is stale leaves when its time has come
 * or with a sweep. `kind` must have generations. */
static inline void engine_cancel(struct engine *e, unsigned kind, uint32_t who)
{
    assert(e->kind[kind].stride != 0);
    ++*engine_generation(e, kind, who);
    e->stale++;
    e->held_full++;
    if (e->stale > e->ladder.held / 2 + ENGINE_STALE_FREE)
        engine_sweep(e);
}

#endif
