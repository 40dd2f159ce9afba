#include "simulator/engine.h"

#include "base/arena.h"
#include "base/error.h"

int engine_init(struct engine *e, const struct engine_opts *opts, struct arena *a,
                struct error *err)
{
    if (opts->pending_max < 1 || opts->pending_max > ENGINE_PENDING_MAX)
        return error_set(err, ERR_RANGE, "pending events: expected 1..%d, got %u",
                         ENGINE_PENDING_MAX, (unsigned)opts->pending_max);
    *e = (struct engine){.pending_max = opts->pending_max, .held_full = opts->pending_max};
    for (unsigned i = 0; i < ENGINE_KINDS_MAX; i++)
        engine_kind(e, i, "", NULL, NULL, 0);
    /* engine_cancel keeps stale <= held / 2 + ENGINE_STALE_FREE, so held is at most twice this. */
    if (ladder_init(&e->ladder, 2 * (opts->pending_max + ENGINE_STALE_FREE), a) != 0)
        return error_memory(err);
    return 0;
}

void engine_kind(struct engine *e, unsigned kind, const char *name, engine_handler *handler,
                 uint32_t *generation, size_t stride)
{
    assert(kind < ENGINE_KINDS_MAX);
    assert(generation == NULL || stride >= sizeof *generation);
    bool cancellable = generation != NULL;
    e->kind[kind] = (struct engine_kind){
        .handler = handler,
        .name = name,
        .generation = (char *)(cancellable ? generation : &e->never_cancelled),
        .stride = cancellable ? stride : 0,
    };
}

const char *engine_kind_name(const struct engine *e, unsigned kind)
{
    assert(kind < ENGINE_KINDS_MAX);
    return e->kind[kind].name;
}

static inline bool is_live(const struct engine *e, const struct event *event)
{
    uint32_t generation = *engine_generation(e, event->kind, event->who);
    return event->generation == (generation & ENGINE_GENERATION_MASK);
}

static bool keep_live(const void *context, const struct event *event)
{
    return is_live(context, event);
}

void engine_sweep(struct engine *e)
{
    ladder_filter(&e->ladder, keep_live, e);
    e->stale = 0;
    e->held_full = e->pending_max;
}

bool engine_make_room(struct engine *e)
{
    /* A model that moves generations on by itself has stale events that were not counted. Unless a
     * sweep frees a good part the next would come too soon, so that is called full as well. */
    engine_sweep(e);
    if (e->ladder.held >= e->pending_max - e->pending_max / 16)
        e->halt = ENGINE_HALT_FULL;
    return e->halt != ENGINE_HALT_FULL;
}

/* The entities' generations are looked at soon, and one that sleeps is far from the processor. */
static bool refill(struct engine *e, int64_t until)
{
    if (!ladder_refill(&e->ladder, until))
        return false;
    for (const struct event *event = e->ladder.head; event < e->ladder.tail; event++)
        __builtin_prefetch(engine_generation(e, event->kind, event->who));
    return true;
}

/* Have the earliest live event at the ladder's head. False when none is left, or the ladder knows
 * that it is later than `until`. */
static inline bool find(struct engine *e, int64_t until)
{
    struct ladder *l = &e->ladder;
    for (;;) {
        if (l->head == l->tail && !refill(e, until))
            return false;
        if (is_live(e, l->head))
            return true;
        l->held--;
        l->head++;
        if (e->stale > 0) {
            e->stale--;
            e->held_full--;
        }
    }
}

/* Take the earliest live event that is not later than `until`. */
static inline bool take(struct engine *e, int64_t until, struct event *out)
{
    struct ladder *l = &e->ladder;
    if (!find(e, until) || l->head->at > until)
        return false;
    l->held--;
    *out = *l->head++;
    l->now = out->at;
    e->handled++;
    return true;
}

int64_t engine_next_at(struct engine *e)
{
    return find(e, INT64_MAX) ? e->ladder.head->at : INT64_MAX;
}

void engine_pass(struct engine *e, int64_t until)
{
    assert(until >= e->ladder.now && engine_next_at(e) >= until);
    e->ladder.now = until;
}

bool engine_next(struct engine *e, struct event *out)
{
    return e->halt != ENGINE_HALT_FULL && take(e, INT64_MAX, out);
}

enum engine_end engine_run(struct engine *e, void *world, int64_t until)
{
    assert(until >= e->ladder.now);
    struct event event;
    while (e->halt == ENGINE_HALT_NOT) {
        if (!take(e, until, &event)) {
            if (engine_pending(e) == 0 && e->ladder.held > 0)
                engine_sweep(e);
            if (e->ladder.held == 0)
                return ENGINE_EMPTY;
            e->ladder.now = until;
            return ENGINE_TIME;
        }
        e->kind[event.kind].handler(world, &event);
    }
    if (e->halt == ENGINE_HALT_FULL)
        return ENGINE_FULL;
    e->halt = ENGINE_HALT_NOT;
    return ENGINE_STOPPED;
}
