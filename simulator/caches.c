#include "simulator/caches.h"

#include <assert.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/topo.h"
#include "simulator/engine.h"

static_assert((int)TOPO_CACHE_LRU == (int)CACHE_LRU, "a topology's rules are region/cache's");
static_assert((int)TOPO_CACHE_S3_FIFO == (int)CACHE_S3_FIFO, "a topology's rules are the cache's");

size_t caches_per_cell(const struct topo *topo)
{
    size_t count = 0;
    for (size_t i = 0; i < topo->service_count; i++)
        for (size_t k = 0; k < topo->services[i].call_count; k++)
            count += topo->services[i].calls[k].cache.entries > 0;
    return count;
}

/* ---- setting up ---- */

static int init_cache(struct world_cache *c, const struct topo_cache *made, int64_t timeout_us,
                      struct arena *a)
{
    const struct cache_opts opts = {
        .rule = (enum cache_rule)made->rule,
        .entries = (uint32_t)made->entries,
        .fresh_us = made->fresh_us > 0 ? made->fresh_us : INT64_MAX,
        .stale_us = made->stale_us,
        .refresh_us = timeout_us,
    };
    *c = (struct world_cache){0};
    return cache_init(&c->cache, &opts, a);
}

static const struct topo_cache *made_of(const struct world *w, uint32_t step)
{
    uint32_t steps_max = w->caches->steps_max;
    return &w->group[step / steps_max].service->calls[step % steps_max].cache;
}

static void change_later(struct world *w, uint32_t step)
{
    double per_s = made_of(w, step)->changes_per_s;
    if (per_s <= 0)
        return;
    double gap_ns = 1e9 / per_s * rng_exp(&w->caches->step[step].changes);
    if (gap_ns < (double)(w->end_ns - engine_now(&w->engine)))
        engine_after(&w->engine, (int64_t)gap_ns, WORLD_CHANGE, step);
}

void caches_change(void *world, const struct event *event)
{
    struct world *w = world;
    struct caches_step *step = &w->caches->step[event->who];
    uint64_t key = zipf_draw(&w->caches->zipf[step->zipf], &step->changes);
    const struct world_group *group = &w->group[event->who / w->caches->steps_max];
    for (uint32_t i = 0; i < group->route.balance.count; i++)
        cache_drop(&w->caches->cache[step->first + i].cache, key);
    change_later(w, event->who);
}

/* One service of one cell; `caches` and `count` are how many there are so far. */
static void init_steps(struct world *w, uint32_t group, uint32_t *caches, uint32_t *count,
                       uint64_t seed, uint64_t replication)
{
    const struct world_group *g = &w->group[group];
    const struct topo_service *service = g->service;
    char name[160];
    for (size_t k = 0; k < service->call_count; k++) {
        struct caches_step *step = &w->caches->step[group * w->caches->steps_max + k];
        step->first = WORLD_NONE;
        if (service->calls[k].cache.entries == 0)
            continue;
        step->first = *caches;
        step->zipf = *count % (uint32_t)caches_per_cell(w->topo);
        step->count = (*count)++;
        *caches += g->route.balance.count;
        snprintf(name, sizeof name, "%s/%s", w->topo->cells[g->cell].name, service->name);
        char purpose[32];
        snprintf(purpose, sizeof purpose, "keys %zu", k);
        rng_named(&step->rng, seed, replication, name, purpose);
        snprintf(purpose, sizeof purpose, "changes %zu", k);
        rng_named(&step->changes, seed, replication, name, purpose);
        change_later(w, group * w->caches->steps_max + (uint32_t)k);
    }
}

static int fill_steps(struct world *w, struct arena *a)
{
    for (uint32_t group = 0; group < w->group_count; group++) {
        const struct world_group *g = &w->group[group];
        for (size_t k = 0; k < g->service->call_count; k++) {
            const struct caches_step *step = &w->caches->step[group * w->caches->steps_max + k];
            const struct topo_cache *made = &g->service->calls[k].cache;
            if (step->first == WORLD_NONE)
                continue;
            if (step->count == step->zipf && /* of the first cell: the others share it */
                zipf_init(&w->caches->zipf[step->zipf], (uint32_t)made->keys, made->skew, a) != 0)
                return -1;
            for (uint32_t i = 0; i < g->route.balance.count; i++)
                if (init_cache(&w->caches->cache[step->first + i], made, w->topo->policy.timeout_us,
                               a) != 0)
                    return -1;
        }
    }
    return 0;
}

int caches_init(struct world *w, uint64_t seed, uint64_t replication, struct arena *a)
{
    size_t per_cell = caches_per_cell(w->topo);
    uint32_t caches = 0, count = 0;
    if (per_cell == 0)
        return 0;
    struct world_caches *c = w->caches = arena_alloc(a, 1, sizeof *c);
    if (c == NULL)
        return -1;
    for (size_t i = 0; i < w->topo->service_count; i++)
        if (w->topo->services[i].call_count > c->steps_max)
            c->steps_max = (uint32_t)w->topo->services[i].call_count;
    c->step = arena_alloc(a, (size_t)w->group_count * c->steps_max, sizeof c->step[0]);
    c->zipf = arena_alloc(a, per_cell, sizeof c->zipf[0]);
    c->note = arena_alloc(a, w->pool_count, sizeof c->note[0]);
    if (c->step == NULL || c->zipf == NULL || c->note == NULL)
        return -1;
    for (uint32_t group = 0; group < w->group_count; group++)
        init_steps(w, group, &caches, &count, seed, replication);
    c->cache = arena_alloc(a, caches, sizeof c->cache[0]);
    c->asking.cache = WORLD_NONE;
    return c->cache == NULL ? -1 : fill_steps(w, a);
}

/* ---- looking and keeping ---- */

/* The cache as it is now: a server that has died since, or was started anew, begins without. */
static struct world_cache *caches_of(struct world *w, uint32_t index, uint32_t server_index)
{
    const struct world_server *server = &w->server[server_index];
    struct world_cache *c = &w->caches->cache[index];
    if (c->since_ns != server->since_ns || c->starts != server->starts) {
        cache_clear(&c->cache);
        c->since_ns = server->since_ns;
        c->starts = server->starts;
        c->life++;
    }
    return c;
}

enum caches_answer caches_look(struct world *w, uint32_t attempt, uint32_t step_index)
{
    struct world_caches *c = w->caches;
    uint32_t server = w->attempt[attempt].server, group = w->server[server].group, slot;
    struct caches_step *step = &c->step[group * c->steps_max + step_index];
    if (step->first == WORLD_NONE)
        return CACHES_ASK;
    struct world_cache_count *count = &w->count.cache[step->count];
    uint64_t key = zipf_draw(&c->zipf[step->zipf], &step->rng);
    uint32_t index = step->first + server - w->group[group].server_first;
    struct world_cache *cache = caches_of(w, index, server);
    enum cache_answer answer = cache_get(&cache->cache, key, engine_now(&w->engine) / 1000, &slot);
    bool counts = engine_now(&w->engine) >= w->warmup_ns;
    count->looks += counts;
    count->hits += counts && answer != CACHE_MISS;
    count->stale += counts && (answer == CACHE_STALE || answer == CACHE_REFRESH);
    if (answer == CACHE_HIT || answer == CACHE_STALE)
        return CACHES_FOUND;
    c->asking = (struct caches_note){key, index, cache->life};
    c->nobody_waits = answer == CACHE_REFRESH;
    return c->nobody_waits ? CACHES_RENEW : CACHES_ASK;
}

void caches_asked(struct world *w, uint32_t request)
{
    w->caches->note[request] = w->caches->asking;
    w->caches->asking.cache = WORLD_NONE;
    if (w->caches->nobody_waits) /* of an earlier life of its parent, as it were */
        w->request[request].parent_generation--;
    w->caches->nobody_waits = false;
}

void caches_ended(struct world *w, uint32_t request, enum world_answer answer)
{
    const struct caches_note *note = &w->caches->note[request];
    if (note->cache == WORLD_NONE || answer != WORLD_OK)
        return;
    struct world_cache *c = &w->caches->cache[note->cache];
    if (c->life == note->life)
        cache_put(&c->cache, note->key, engine_now(&w->engine) / 1000);
}
