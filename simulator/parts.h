/* parts.h - what only some topologies have: its counts become results of their own, by cell.
 *
 * Functions, orders in their pipelines, and caches of calls. A topology without them has none of
 * this in its samples and results. */
#ifndef SIMULATOR_PARTS_H
#define SIMULATOR_PARTS_H

#include <stddef.h>

struct arena;
struct result_sample;
struct run_result;
struct scenario;
struct topo;
struct world_count;

struct parts_place { /* whose it is */
    size_t cell, service, step;
};

/* Of cache `index` < cells * caches_per_cell, as samples number them: cell by cell. */
struct parts_place parts_cache_place(const struct topo *topo, size_t index);

/* Of function `index` < cells * functions_per_cell: the same. */
struct parts_place parts_function_place(const struct topo *topo, size_t index);

/* The name of station `index` < orders_stations of a pipeline. */
const char *parts_stage_name(const struct topo *topo, size_t index);

/* Parts of result_sample_init, result_sample_take and result_fill. */
int parts_sample_init(struct result_sample *sample, const struct topo *topo, struct arena *a);
void parts_sample_take(struct result_sample *sample, const struct world_count *count,
                       const struct topo *topo);
int parts_fill(struct run_result *result, const struct result_sample *const *samples, size_t n,
               const struct topo *topo, const struct scenario *scenario, struct arena *a);

/* The same of orders; parts.c calls them. */
int parts_orders_init(struct result_sample *sample, const struct topo *topo, struct arena *a);
void parts_orders_take(struct result_sample *sample, const struct world_count *count,
                       const struct topo *topo);
int parts_orders_fill(struct run_result *result, const struct result_sample *const *samples,
                      size_t n, const struct topo *topo, const struct scenario *scenario,
                      struct arena *a);
double parts_orders_value(const struct result_sample *sample, const struct topo *topo, size_t cell,
                          int measure);

/* The mean over the replications of a measure of a cell (MEASURE_COUNT or above); NaN: none has
 * it. */
double parts_measured(const struct result_sample *const *samples, size_t n, const struct topo *topo,
                      size_t cell, int measure);

#endif
