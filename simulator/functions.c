#include "simulator/functions.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/topo.h"
#include "simulator/serve.h"

size_t functions_per_cell(const struct topo *topo)
{
    size_t count = 0;
    for (size_t i = 0; i < topo->service_count; i++)
        count += topo->services[i].function.instances > 0;
    return count;
}

uint32_t functions_instances(const struct topo *topo)
{
    uint32_t count = 0;
    for (size_t i = 0; i < topo->service_count; i++)
        count += (uint32_t)topo->services[i].function.instances;
    return count;
}

/* ---- setting up ---- */

static int init_one(struct world *w, uint32_t group, uint32_t *instances, uint64_t seed,
                    uint64_t replication, struct arena *a)
{
    struct world_functions *f = w->functions;
    const struct topo_service *service = w->group[group].service;
    struct functions_one *one = &f->one[f->count];
    const struct function_opts opts = {
        .instances_max = (uint32_t)service->function.instances,
        .instances_min = (uint32_t)service->function.least,
        .concurrency = (uint32_t)service->concurrency,
        .queue_max = service->queue > 0 ? (uint32_t)service->queue : 1,
        .keep_us = service->function.keep_us,
        .start_max_us = INT64_MAX / 4, /* none fails to start here */
    };
    char name[160];
    snprintf(name, sizeof name, "%s/%s", w->topo->cells[w->group[group].cell].name, service->name);
    *one = (struct functions_one){.group = group, .first = *instances, .tick_ns = INT64_MAX};
    rng_named(&one->rng, seed, replication, name, "starts");
    for (uint32_t i = 0; i < opts.instances_max; i++)
        f->instance[(*instances)++].fn = f->count;
    f->of[group] = f->count++;
    world_running(w, group, 0);
    return function_init(&one->function, &opts, a);
}

int functions_init(struct world *w, uint64_t seed, uint64_t replication, struct arena *a)
{
    size_t per_cell = functions_per_cell(w->topo), instances = functions_instances(w->topo);
    uint32_t used = 0;
    if (per_cell == 0)
        return 0;
    struct world_functions *f = w->functions = arena_alloc(a, 1, sizeof *f);
    if (f == NULL)
        return -1;
    f->one = arena_alloc(a, w->topo->cell_count * per_cell, sizeof f->one[0]);
    f->of = arena_alloc(a, w->group_count, sizeof f->of[0]);
    f->instance = arena_alloc(a, w->topo->cell_count * instances, sizeof f->instance[0]);
    f->on = arena_alloc(a, w->pool_count, sizeof f->on[0]);
    f->came_ns = arena_alloc(a, w->pool_count, sizeof f->came_ns[0]);
    f->cold = arena_alloc(a, w->pool_count, sizeof f->cold[0]);
    if (f->one == NULL || f->of == NULL || f->instance == NULL || f->on == NULL ||
        f->came_ns == NULL || f->cold == NULL)
        return -1;
    engine_kind(&w->engine, WORLD_WARM, "warm", functions_warm, &f->instance[0].generation,
                sizeof f->instance[0]);
    for (uint32_t i = 0; i < w->group_count; i++) {
        f->of[i] = WORLD_NONE;
        if (w->group[i].service->function.instances > 0 &&
            init_one(w, i, &used, seed, replication, a) != 0)
            return -1;
    }
    return 0;
}

/* ---- doing what the function says ---- */

static int64_t now_us(const struct world *w)
{
    return engine_now(&w->engine) / 1000;
}

static void start(struct world *w, struct functions_one *one, uint32_t instance)
{
    const struct topo_service *service = w->group[one->group].service;
    double time_ns = rng_exp(&one->rng) * (double)service->function.start_us * 1000;
    if (service->function.start_fixed)
        time_ns = (double)service->function.start_us * 1000;
    if (engine_now(&w->engine) >= w->warmup_ns)
        w->count.function[one - w->functions->one].starts++;
    engine_after(&w->engine, (int64_t)time_ns, WORLD_WARM, one->first + instance);
}

static void run(struct world *w, const struct function_do *todo)
{
    w->functions->on[todo->event] = todo->instance;
    w->functions->cold[todo->event] = engine_now(&w->engine) > w->functions->came_ns[todo->event];
    serve_begin(w, todo->event);
}

static void go_on(struct world *w, struct functions_one *one)
{
    struct function *f = &one->function;
    struct function_do todo;
    while ((todo = function_next(f, now_us(w))).act != FUNCTION_NOTHING) {
        if (todo.act == FUNCTION_START)
            start(w, one, todo.instance);
        else if (todo.act == FUNCTION_RUN)
            run(w, &todo);
        else
            w->functions->instance[one->first + todo.instance].generation++;
    }
    uint32_t running = function_count(f, FUNCTION_STARTING) + function_count(f, FUNCTION_WARM);
    struct world_function_count *count = &w->count.function[one - w->functions->one];
    if (running > count->instances_max && engine_now(&w->engine) >= w->warmup_ns)
        count->instances_max = running;
    world_running(w, one->group, running);
    int64_t deadline_us = function_deadline_us(f);
    if (deadline_us < one->tick_ns / 1000 && deadline_us < w->end_ns / 1000) {
        one->tick_ns = deadline_us * 1000;
        engine_at(&w->engine, one->tick_ns, WORLD_FUNCTION, (uint32_t)(one - w->functions->one));
    }
}

/* Its station has died since: all instances went with it. */
static void forget_dead(struct world *w, struct functions_one *one)
{
    int64_t since_ns = w->server[w->group[one->group].server_first].since_ns;
    if (one->since_ns == since_ns)
        return;
    one->since_ns = since_ns;
    function_clear(&one->function);
    for (uint32_t i = 0; i < one->function.opts.instances_max; i++)
        w->functions->instance[one->first + i].generation++;
}

void functions_tick(void *world, const struct event *event)
{
    struct world *w = world;
    struct functions_one *one = &w->functions->one[event->who];
    if (one->tick_ns != event->at)
        return; /* an earlier one came between */
    one->tick_ns = INT64_MAX;
    forget_dead(w, one);
    go_on(w, one);
}

void functions_warm(void *world, const struct event *event)
{
    struct world *w = world;
    struct functions_one *one = &w->functions->one[w->functions->instance[event->who].fn];
    forget_dead(w, one);
    function_ready(&one->function, event->who - one->first, now_us(w));
    go_on(w, one);
}

bool functions_reach(struct world *w, uint32_t group, uint32_t attempt)
{
    struct functions_one *one = &w->functions->one[w->functions->of[group]];
    forget_dead(w, one);
    if (!function_arrive(&one->function, attempt))
        return false;
    w->functions->came_ns[attempt] = engine_now(&w->engine);
    serve_wait(w, attempt);
    go_on(w, one);
    return true;
}

void functions_ended(struct world *w, uint32_t group, uint32_t attempt)
{
    struct functions_one *one = &w->functions->one[w->functions->of[group]];
    struct world_function_count *count = &w->count.function[w->functions->of[group]];
    if (w->functions->came_ns[attempt] >= w->warmup_ns) {
        int64_t took_us = (engine_now(&w->engine) - w->functions->came_ns[attempt]) / 1000;
        bool cold = w->functions->cold[attempt];
        count->cold += cold;
        count->warm += !cold;
        *(cold ? &count->cold_us : &count->warm_us) += took_us;
    }
    function_ended(&one->function, w->functions->on[attempt], now_us(w));
    go_on(w, one);
}
