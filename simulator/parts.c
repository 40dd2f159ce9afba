#include "simulator/parts.h"

#include <assert.h>
#include <math.h>

#include "base/arena.h"
#include "base/topo.h"
#include "simulator/caches.h"
#include "simulator/functions.h"
#include "simulator/result.h"
#include "simulator/run.h"
#include "simulator/theory.h"

/* ---- samples ---- */

int parts_sample_init(struct result_sample *sample, const struct topo *topo, struct arena *a)
{
    size_t caches = topo->cell_count * caches_per_cell(topo);
    sample->cache = arena_alloc(a, caches, sizeof sample->cache[0]);
    size_t functions = topo->cell_count * functions_per_cell(topo);
    sample->function = arena_alloc(a, functions, sizeof sample->function[0]);
    return sample->cache == NULL || sample->function == NULL ? -1
                                                             : parts_orders_init(sample, topo, a);
}

void parts_sample_take(struct result_sample *sample, const struct world_count *count,
                       const struct topo *topo)
{
    for (size_t i = 0; i < topo->cell_count * caches_per_cell(topo); i++)
        sample->cache[i] = (struct result_cache){count->cache[i].looks, count->cache[i].hits,
                                                 count->cache[i].stale};
    for (size_t i = 0; i < topo->cell_count * functions_per_cell(topo); i++) {
        const struct world_function_count *f = &count->function[i];
        sample->function[i] = (struct result_function){
            .starts = f->starts,
            .instances_max = f->instances_max,
            .cold = f->cold,
            .warm = f->warm,
            .cold_us = f->cold_us,
            .warm_us = f->warm_us,
        };
    }
    parts_orders_take(sample, count, topo);
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : (double)NAN;
}

static void add_known(struct stats *s, double value)
{
    if (!isnan(value))
        stats_add(s, value);
}

/* ---- caches ---- */

struct parts_place parts_cache_place(const struct topo *topo, size_t index)
{
    size_t per_cell = caches_per_cell(topo), left = index % per_cell;
    for (size_t i = 0; i < topo->service_count; i++)
        for (size_t k = 0; k < topo->services[i].call_count; k++)
            if (topo->services[i].calls[k].cache.entries > 0 && left-- == 0)
                return (struct parts_place){index / per_cell, i, k};
    assert(index < topo->cell_count * per_cell);
    return (struct parts_place){0};
}

/* What theory expects of it. */
static int expect_hits(double *expected, const struct topo_cache *cache)
{
    *expected = (double)NAN;
    if (cache->rule != TOPO_CACHE_LRU || cache->fresh_us > 0 || cache->changes_per_s > 0)
        return 0;
    struct arena work = {0};
    double *share = arena_alloc(&work, (size_t)cache->keys, sizeof share[0]);
    if (share != NULL) {
        zipf_shares(share, (uint32_t)cache->keys, cache->skew);
        *expected = theory_cache_hits(share, (uint32_t)cache->keys, (double)cache->entries);
    }
    arena_release(&work);
    return share == NULL ? -1 : 0;
}

static int fill_caches(struct run_result *result, const struct result_sample *const *samples,
                       size_t n, const struct topo *topo, struct arena *a)
{
    size_t per_cell = caches_per_cell(topo);
    result->cache_count = topo->cell_count * per_cell;
    result->caches = arena_alloc(a, result->cache_count, sizeof result->caches[0]);
    if (result->caches == NULL)
        return -1;
    for (size_t i = 0; i < result->cache_count; i++) {
        struct parts_place place = parts_cache_place(topo, i);
        const struct topo_call *call = &topo->services[place.service].calls[place.step];
        struct run_cache *cache = &result->caches[i];
        struct stats hits = {0};
        for (size_t k = 0; k < n; k++) {
            const struct result_cache *c = &samples[k]->cache[i];
            cache->looks += c->looks;
            cache->hits += c->hits;
            cache->stale += c->stale;
            add_known(&hits, ratio((double)c->hits, (double)c->looks));
        }
        cache->cell = topo->cells[place.cell].name;
        cache->service = topo->services[place.service].name;
        cache->to = call->service;
        cache->hit_ratio = result_measure(&hits);
        if (place.cell > 0)
            cache->expected = result->caches[i % per_cell].expected;
        else if (expect_hits(&cache->expected, &call->cache) != 0)
            return -1;
    }
    return 0;
}

/* Of all caches of a cell. */
static double hit_ratio(const struct result_sample *sample, const struct topo *topo, size_t cell)
{
    size_t per_cell = caches_per_cell(topo);
    int64_t looks = 0, hits = 0;
    for (size_t i = cell * per_cell; i < (cell + 1) * per_cell; i++) {
        looks += sample->cache[i].looks;
        hits += sample->cache[i].hits;
    }
    return ratio((double)hits, (double)looks);
}

/* ---- functions ---- */

struct parts_place parts_function_place(const struct topo *topo, size_t index)
{
    size_t per_cell = functions_per_cell(topo), left = index % per_cell;
    for (size_t i = 0; i < topo->service_count; i++)
        if (topo->services[i].function.instances > 0 && left-- == 0)
            return (struct parts_place){index / per_cell, i, 0};
    assert(index < topo->cell_count * per_cell);
    return (struct parts_place){0};
}

static void fill_function(struct run_function *f, size_t index, size_t group,
                          const struct result_sample *const *samples, size_t n)
{
    struct stats share = {0}, cold = {0}, warm = {0}, hours = {0};
    for (size_t k = 0; k < n; k++) {
        const struct result_function *s = &samples[k]->function[index];
        f->requests += s->cold + s->warm;
        f->starts += s->starts;
        f->cold += s->cold;
        if (f->instances_max < s->instances_max)
            f->instances_max = s->instances_max;
        add_known(&share, ratio((double)s->cold, (double)(s->cold + s->warm)));
        add_known(&cold, ratio((double)s->cold_us / 1000, (double)s->cold));
        add_known(&warm, ratio((double)s->warm_us / 1000, (double)s->warm));
        stats_add(&hours, (double)samples[k]->server_ns[group] / 3.6e12);
    }
    f->cold_share = result_measure(&share);
    f->cold_ms = result_measure(&cold);
    f->warm_ms = result_measure(&warm);
    f->instance_hours = result_measure(&hours);
}

static int fill_functions(struct run_result *result, const struct result_sample *const *samples,
                          size_t n, const struct topo *topo, struct arena *a)
{
    result->function_count = topo->cell_count * functions_per_cell(topo);
    result->functions = arena_alloc(a, result->function_count, sizeof result->functions[0]);
    if (result->functions == NULL)
        return -1;
    for (size_t i = 0; i < result->function_count; i++) {
        struct parts_place place = parts_function_place(topo, i);
        struct run_function *f = &result->functions[i];
        f->cell = topo->cells[place.cell].name;
        f->service = topo->services[place.service].name;
        fill_function(f, i, place.cell * topo->service_count + place.service, samples, n);
    }
    return 0;
}

/* Of all functions of a cell. */
static double cold_share(const struct result_sample *sample, const struct topo *topo, size_t cell)
{
    size_t per_cell = functions_per_cell(topo);
    int64_t cold = 0, all = 0;
    for (size_t i = cell * per_cell; i < (cell + 1) * per_cell; i++) {
        cold += sample->function[i].cold;
        all += sample->function[i].cold + sample->function[i].warm;
    }
    return ratio((double)cold, (double)all);
}

/* ---- the whole ---- */

int parts_fill(struct run_result *result, const struct result_sample *const *samples, size_t n,
               const struct topo *topo, const struct scenario *scenario, struct arena *a)
{
    return fill_caches(result, samples, n, topo, a) != 0 ||
                   fill_functions(result, samples, n, topo, a) != 0 ||
                   parts_orders_fill(result, samples, n, topo, scenario, a) != 0
               ? -1
               : 0;
}

static double value_of(const struct result_sample *sample, const struct topo *topo, size_t cell,
                       int measure)
{
    switch (measure) {
    case MEASURE_HIT_RATIO:
        return hit_ratio(sample, topo, cell);
    case MEASURE_COLD_SHARE:
        return cold_share(sample, topo, cell);
    default:
        return parts_orders_value(sample, topo, cell, measure);
    }
}

double parts_measured(const struct result_sample *const *samples, size_t n, const struct topo *topo,
                      size_t cell, int measure)
{
    struct stats s = {0};
    for (size_t i = 0; i < n; i++)
        add_known(&s, value_of(samples[i], topo, cell, measure));
    return s.count == 0 ? (double)NAN : s.mean;
}
