#include "region/function.h"

#include <assert.h>

#include "base/arena.h"

/* Every instance is in at most one list: off, starting, idle (the newest at the end), or part:
 * those that run something and have room. A full one is in none. */

static void unlink_one(struct function *f, uint32_t i, uint32_t *oldest, uint32_t *newest)
{
    struct function_instance *it = &f->instance[i];
    if (it->before != FUNCTION_NONE)
        f->instance[it->before].after = it->after;
    else
        *oldest = it->after;
    if (it->after != FUNCTION_NONE)
        f->instance[it->after].before = it->before;
    else
        *newest = it->before;
}

static void append(struct function *f, uint32_t i, uint32_t *oldest, uint32_t *newest)
{
    f->instance[i].before = *newest;
    f->instance[i].after = FUNCTION_NONE;
    if (*newest != FUNCTION_NONE)
        f->instance[*newest].after = i;
    else
        *oldest = i;
    *newest = i;
}

static void move(struct function *f, uint32_t i, enum function_state to)
{
    f->count[f->instance[i].state]--;
    f->count[to]++;
    f->instance[i].state = (uint8_t)to;
}

int function_init(struct function *f, const struct function_opts *opts, struct arena *a)
{
    assert(opts->instances_max >= 1 && opts->instances_max <= FUNCTION_INSTANCES_MAX);
    assert(opts->concurrency >= 1 && opts->queue_max >= 1 && opts->start_max_us > 0);
    *f = (struct function){
        .opts = *opts,
        .instance = arena_alloc(a, opts->instances_max, sizeof f->instance[0]),
        .queue = arena_alloc(a, opts->queue_max, sizeof f->queue[0]),
    };
    if (f->instance == NULL || f->queue == NULL)
        return -1;
    function_clear(f);
    return 0;
}

void function_clear(struct function *f)
{
    *f = (struct function){
        .opts = f->opts,
        .instance = f->instance,
        .queue = f->queue,
        .count = {[FUNCTION_OFF] = f->opts.instances_max},
        .starting_oldest = FUNCTION_NONE,
        .starting_newest = FUNCTION_NONE,
        .idle_oldest = FUNCTION_NONE,
        .idle_newest = FUNCTION_NONE,
        .part_oldest = FUNCTION_NONE,
        .part_newest = FUNCTION_NONE,
        .off_oldest = FUNCTION_NONE,
        .off_newest = FUNCTION_NONE,
    };
    for (uint32_t i = 0; i < f->opts.instances_max; i++) {
        f->instance[i] = (struct function_instance){.state = FUNCTION_OFF};
        append(f, i, &f->off_oldest, &f->off_newest);
    }
}

/* ---- what happened ---- */

bool function_arrive(struct function *f, uint32_t event)
{
    if (f->queue_count == f->opts.queue_max)
        return false;
    f->queue[(f->queue_first + f->queue_count) % f->opts.queue_max] = event;
    f->queue_count++;
    return true;
}

void function_ready(struct function *f, uint32_t instance, int64_t now_us)
{
    struct function_instance *it = &f->instance[instance];
    if (it->state != FUNCTION_STARTING)
        return;
    unlink_one(f, instance, &f->starting_oldest, &f->starting_newest);
    move(f, instance, FUNCTION_WARM);
    it->since_us = now_us;
    append(f, instance, &f->idle_oldest, &f->idle_newest);
}

void function_ended(struct function *f, uint32_t instance, int64_t now_us)
{
    struct function_instance *it = &f->instance[instance];
    assert(it->state == FUNCTION_WARM && it->running > 0);
    if (it->running < f->opts.concurrency)
        unlink_one(f, instance, &f->part_oldest, &f->part_newest);
    it->running--;
    it->since_us = now_us;
    if (it->running > 0)
        append(f, instance, &f->part_oldest, &f->part_newest);
    else
        append(f, instance, &f->idle_oldest, &f->idle_newest);
}

/* Take a starting or idle instance out of its list and switch it off. */
static void switch_off(struct function *f, uint32_t i)
{
    if (f->instance[i].state == FUNCTION_STARTING)
        unlink_one(f, i, &f->starting_oldest, &f->starting_newest);
    else
        unlink_one(f, i, &f->idle_oldest, &f->idle_newest);
    move(f, i, FUNCTION_OFF);
    append(f, i, &f->off_oldest, &f->off_newest);
}

uint32_t function_died(struct function *f, uint32_t instance)
{
    struct function_instance *it = &f->instance[instance];
    uint32_t lost = it->running;
    if (it->state == FUNCTION_OFF)
        return 0;
    if (lost > 0) { /* as one that is idle */
        if (lost < f->opts.concurrency)
            unlink_one(f, instance, &f->part_oldest, &f->part_newest);
        it->running = 0;
        append(f, instance, &f->idle_oldest, &f->idle_newest);
    }
    switch_off(f, instance);
    return lost;
}

/* ---- what to do ---- */

static struct function_do run(struct function *f)
{
    uint32_t i = f->part_newest;
    if (i != FUNCTION_NONE) {
        unlink_one(f, i, &f->part_oldest, &f->part_newest);
    } else {
        i = f->idle_newest;
        unlink_one(f, i, &f->idle_oldest, &f->idle_newest);
    }
    if (++f->instance[i].running < f->opts.concurrency)
        append(f, i, &f->part_oldest, &f->part_newest);
    uint32_t event = f->queue[f->queue_first];
    f->queue_first = (f->queue_first + 1) % f->opts.queue_max;
    f->queue_count--;
    return (struct function_do){FUNCTION_RUN, i, event};
}

static struct function_do start(struct function *f, int64_t now_us)
{
    uint32_t i = f->off_newest;
    unlink_one(f, i, &f->off_oldest, &f->off_newest);
    move(f, i, FUNCTION_STARTING);
    f->instance[i].since_us = now_us;
    append(f, i, &f->starting_oldest, &f->starting_newest);
    return (struct function_do){FUNCTION_START, i, FUNCTION_NONE};
}

static int64_t give_up_us(const struct function *f)
{
    return f->starting_oldest == FUNCTION_NONE
               ? INT64_MAX
               : f->instance[f->starting_oldest].since_us + f->opts.start_max_us;
}

static int64_t stop_us(const struct function *f)
{
    return f->idle_oldest == FUNCTION_NONE || f->count[FUNCTION_WARM] <= f->opts.instances_min
               ? INT64_MAX
               : f->instance[f->idle_oldest].since_us + f->opts.keep_us;
}

struct function_do function_next(struct function *f, int64_t now_us)
{
    bool room = f->part_oldest != FUNCTION_NONE || f->idle_oldest != FUNCTION_NONE;
    if (f->queue_count > 0 && room)
        return run(f);
    uint32_t i = FUNCTION_NONE;
    if (now_us >= give_up_us(f))
        i = f->starting_oldest;
    else if (now_us >= stop_us(f))
        i = f->idle_oldest;
    if (i != FUNCTION_NONE) {
        switch_off(f, i);
        return (struct function_do){FUNCTION_STOP, i, FUNCTION_NONE};
    }
    uint64_t coming = (uint64_t)f->count[FUNCTION_STARTING] * f->opts.concurrency;
    if (f->queue_count > coming && f->off_oldest != FUNCTION_NONE)
        return start(f, now_us);
    return (struct function_do){FUNCTION_NOTHING, FUNCTION_NONE, FUNCTION_NONE};
}

int64_t function_deadline_us(const struct function *f)
{
    int64_t a_us = give_up_us(f), b_us = stop_us(f);
    return a_us < b_us ? a_us : b_us;
}
