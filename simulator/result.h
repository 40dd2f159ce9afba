/* result.h - counts of replications become measures with intervals. */
#ifndef SIMULATOR_RESULT_H
#define SIMULATOR_RESULT_H

#include <stddef.h>
#include <stdint.h>

#include "simulator/recover.h"

#include "base/scenario.h"
#include "simulator/stats.h"

struct arena;
struct capacity_plan;
struct error;
struct run_measure;
struct run_result;
struct topo;
struct world_count;
struct world_group_count;

struct result_background {
    int64_t requests, ok, shed, failed;
    double mean_ms, p50_ms, p99_ms, p999_ms; /* NaN: no answer */
};

struct result_country {
    int64_t requests, ok, shed, failed, retries;
    double mean_ms, p50_ms, p99_ms, p999_ms, max_ms; /* NaN: no answer */
    struct recover_times times;                      /* NaN where there were no faults */
    int64_t customers_hurt; /* who lost a request; 0 where they are not told apart */
    double mean_half_ms; /* half width of its mean's 95 % interval by batch means; NaN: there were
                            faults, or it was too short */
    struct result_background background;
    int64_t again; /* visits of clients after the first */
};

struct result_cache { /* of one step of calls in one cell */
    int64_t looks, hits, stale;
};

struct result_orders { /* of one cell, of the whole run; times of those placed after the warm-up */
    int64_t placed, refused, complete, filtered, cancelled, dead, open;
    int64_t lost, doubled, torn;
    int64_t messages, bytes, asks, ask_bytes;
    int64_t tries_failed, leases_over, late, crowded;
    int64_t transactions, polls_empty;
    double mean_ms, p50_ms, p99_ms; /* NaN: none was complete */
};

struct result_function { /* of one function in one cell */
    int64_t starts, instances_max, cold, warm, cold_us, warm_us;
};

struct result_stage { /* of one station of its pipeline */
    int64_t taken, done, undone, held_us, waiting_us, waiting_max, waiting_end, oldest_us;
};

/* What is kept of one replication: no histograms, so that thousands fit. */
struct result_sample {
    int64_t events;
    uint64_t digest;
    int64_t shifts, retired;
    double detect_s;                  /* NaN: nothing was */
    struct result_country *country;   /* [topo.country_count] */
    int64_t *tries_shed;              /* [cells * services] */
    int64_t *busy_ns;                 /* [cells * services] */
    int64_t *wait_ns;                 /* [cells * services] */
    int64_t *waiting_max;             /* [cells * services] */
    int64_t *server_ns;               /* [cells * services] */
    int64_t *tries;                   /* [cells * services] */
    int64_t *copies;                  /* [cells * services] */
    struct result_function *function; /* [cells * functions_per_cell] */
    struct result_orders *orders;     /* [cells], where there are orders */
    struct result_stage *stage;       /* [cells * orders_stations] */
    struct result_cache *cache;       /* [cells * caches_per_cell] */
};

/* What replications say about one country together. */
struct result_tally {
    int64_t requests, ok, shed, failed, retries, again;
    double max_ms;
    struct stats measure[MEASURE_COUNT]; /* by enum scenario_measure, over replications that have
                                            it */
};

/* Room for one sample. 0, or -1 when memory is out. */
int result_sample_init(struct result_sample *sample, const struct topo *topo, struct arena *a);

/* Take what a replication that ran until `end_ns` has counted. */
void result_sample_take(struct result_sample *sample, const struct world_count *count,
                        const struct topo *topo, int64_t end_ns);

/* What replications say of a number, with its interval. */
struct run_measure result_measure(const struct stats *s);

/* Tally country `index` over `n` replications, in their order. */
void result_tally(struct result_tally *tally, const struct result_sample *const *samples, size_t n,
                  size_t index);

/* Fill countries, cells, verdicts, events and digest of `result` from the `n` samples of finished
 * replications, in their order. 0, or -1 with `err` set. */
int result_fill(struct run_result *result, const struct result_sample *const *samples, size_t n,
                const struct topo *topo, const struct capacity_plan *plan,
                const struct scenario *scenario, struct arena *a, struct error *err);

#endif
