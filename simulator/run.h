/* run.h - a scenario from its replications to its answer.
 *
 * Replications are independent and run on as many threads as asked; what comes out does not depend
 * on how many. Means and intervals are over replications, not over requests. */
#ifndef SIMULATOR_RUN_H
#define SIMULATOR_RUN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct arena;
struct capacity_plan;
struct error;
struct scenario;
struct topo;
struct trace_record;
struct world;

/* What an interval is based on. */
enum run_interval {
    INTERVAL_NONE,         /* there is none: one replication, or nothing seen */
    INTERVAL_REPLICATIONS, /* Student's, over replications */
    INTERVAL_BATCHES,      /* Student's, over batches of one replication without faults */
    INTERVAL_EXACT,        /* no request failed: from the exact binomial bound to 1 */
    INTERVAL_TOO_SHORT,    /* none: the one replication is too short for batches */
};
extern const char *const run_interval_words[];

struct run_measure {
    double mean;    /* over replications; NaN: nothing was seen */
    double ci95[2]; /* at 95 %; NaN: none */
    int interval;   /* enum run_interval */
};

struct run_background { /* of all replications, after the warm-up */
    int64_t requests, ok, shed, failed;
    struct run_measure mean_ms, p50_ms, p99_ms, p999_ms; /* of answered ones, at the customer */
};

struct run_country { /* users' requests, and background work apart */
    const char *name;
    int64_t requests; /* of all replications, after the warm-up */
    int64_t ok, shed, failed, retries, again;
    struct run_measure availability;            /* ok / requests */
    struct run_measure shed_each;               /* shed per replication */
    struct run_measure failed_each;             /* failed per replication */
    struct run_measure mean_ms;                 /* of answered requests, at the customer */
    struct run_measure p50_ms, p99_ms, p999_ms; /* the same */
    double max_ms;                              /* of all replications; NaN: no answer */
    /* Of runs with faults, see simulator/recover.h; seconds, and the share that recovered. */
    struct run_measure hurt_s, mitigate_s, recover_s, recovered;
    struct run_measure customers_hurt; /* their share, where they are told apart */
    struct run_background background;
};

struct run_service {
    const char *name;
    int64_t servers;
    int64_t tries_shed;           /* by a server; some were then answered by another */
    struct run_measure busy;      /* utilisation, dead servers included, after the warm-up */
    struct run_measure waiting;   /* tries that wait: mean number over the measured time */
    struct run_measure in_system; /* those and the ones worked on */
    int64_t waiting_max;          /* most at once */
    int64_t tries;                /* sent to its servers, copies too */
    int64_t copies;               /* second copies of slow requests */
    struct run_measure server_hours;
};

struct run_cell {
    const char *name;
    struct run_service *services;
    size_t service_count;
};

struct run_cache { /* the caches of one step of calls, in all servers of a cell */
    const char *cell;
    const char *service; /* whose calls, */
    const char *to;      /* to whom */
    int64_t looks, hits, stale;
    struct run_measure hit_ratio;
    double expected; /* the same by Che's approximation; NaN: it says nothing of this one */
};

struct run_counted { /* of control/blast.h */
    int64_t countries;
    double customers, requests; /* NaN: counting does not say */
    const char *words;
};

struct run_function { /* a service that is a function, in one cell */
    const char *cell;
    const char *service;
    int64_t requests, starts, cold, instances_max;
    struct run_measure cold_share;
    struct run_measure cold_ms, warm_ms; /* at the function */
    struct run_measure instance_hours;
};

struct run_stage { /* of a pipeline, of all replications */
    const char *name;
    int64_t workers;
    int64_t taken, done, undone;
    struct run_measure busy;    /* share of their time that its workers held a piece of work */
    struct run_measure waiting; /* pieces that wait for one, mean */
    int64_t waiting_max, waiting_end;
    double oldest_s; /* that a piece had been there before it was taken, at most */
};

struct run_pipeline { /* of one cell: the orders of all replications */
    const char *cell;
    int64_t placed, refused, complete, filtered, cancelled, dead, open;
    int64_t lost, doubled, torn;
    struct run_measure mean_ms, p50_ms, p99_ms;
    int64_t messages, bytes, asks, ask_bytes;
    int64_t tries_failed, leases_over, late, crowded, transactions, polls_empty;
    const char *bottleneck;
    struct run_stage *stages;
    size_t stage_count;
};

struct run_blast {     /* whom the faults touched, over all replications */
    int64_t countries; /* with at least one request lost */
    double customers;  /* their share of all customers */
    double requests;   /* share of all requests that were lost */
    struct run_counted counted;
};

struct run_verdict { /* one expectation of one country, or cell */
    const char *measure;
    const char *country; /* NULL: it is of */
    const char *cell;    /* this, or the other way round */
    double value;
    double low, high; /* NaN: no bound */
    bool pass;
};

struct run_difference { /* of a country, to a run of the same seed: replication by replication */
    const char *country;
    struct run_measure availability, p50_ms, p99_ms, p999_ms, hurt_s, mitigate_s, recover_s;
};

struct run_imprecise { /* a measure that is not as precise as was asked */
    const char *measure;
    const char *country;
    double relative; /* half width over mean, at the level for all at once; NaN: nothing seen */
    double wanted;
};

enum run_warmup { WARMUP_GIVEN, WARMUP_FOUND, WARMUP_NOT_SETTLED };
extern const char *const run_warmup_words[];

struct run_result {
    int64_t seed;
    int64_t replications; /* finished */
    bool stopped;         /* before all were */
    bool precise;         /* nothing is in the list */
    struct run_imprecise *imprecise;
    size_t imprecise_count;
    double warmup_s; /* of simulated time, not measured */
    int warmup;      /* enum run_warmup */
    int64_t events;
    double wall_s;
    double events_per_s;
    const char *digest;    /* 16 hexadecimal digits: the same for any number of threads */
    bool pass;             /* every expectation holds */
    const char **warnings; /* sentences of simulator/warn.h */
    size_t warning_count;
    struct run_measure detect_s;
    int64_t shifts, retired;
    struct run_blast blast;
    struct run_country *countries;
    size_t country_count;
    struct run_cell *cells;
    size_t cell_count;
    struct run_function *functions;
    size_t function_count;
    struct run_pipeline *pipelines;
    size_t pipeline_count;
    struct run_cache *caches;
    size_t cache_count;
    struct run_verdict *verdicts;
    size_t verdict_count;
    struct run_difference *differences; /* to a baseline; run_scenario leaves it empty */
    size_t difference_count;
};

/* The table that encodes a result; docs/sim.schema.json is printed from it. */
extern const struct json_field run_fields[];

/* Parts of it. */
extern const struct json_field run_measure_fields[];
extern const struct json_field run_difference_fields[];
extern const struct json_field run_cache_fields[], run_function_fields[], run_pipeline_fields[];

struct result_sample;

/* What replications gave, kept outside of the run. Called with one lock held, so never twice at
 * once, but on any of the run's threads. */
struct run_keep {
    /* Fill `sample` with what replication `index` gave when it ran before: 1, or 0 when it has not,
     * or -1 with `err` set. */
    int (*load)(void *context, int64_t index, struct result_sample *sample, struct error *err);
    /* Take what replication `index` gave. 0, or -1 with `err` set. */
    int (*save)(void *context, int64_t index, const struct result_sample *sample,
                struct error *err);
    void *context;
};

/* Who listens to one replication, on the thread that runs it. */
struct run_listener {
    void (*trace)(void *context, const struct trace_record *record); /* may be NULL */
    /* Called at the start, every `look_ns` of simulated time and at the end; may be NULL. */
    void (*look)(void *context, const struct world *world);
    void *context;
    int64_t look_ns; /* > 0 */
    bool heard;      /* filled in: it was told of all, to the end */
};

struct run_opts {
    int64_t seed;
    int64_t replications;              /* >= 1; with a precision, of the first round */
    int64_t jobs;                      /* threads, >= 1 */
    const volatile sig_atomic_t *stop; /* becomes 1, from a signal's handler or by an atomic store:
                                          end soon; may be NULL */
    /* Called from the calling thread with 0, then now and then with more, and unless it was
     * stopped or failed at last with 1; may be NULL. */
    void (*progress)(void *context, double done);
    void *context;
    struct run_listener *listener; /* [listener_count] of replications 0 ..; may be NULL */
    int64_t listener_count;
    const struct run_keep *keep; /* may be NULL. What it finds counts as run, but not in the events
                                    per second, and is run again only for who listens to it; when it
                                    fails, so does the replication */
};

/* Simulate a bound scenario. 0, or -1 with `err` set, that of the first replication that failed,
 * and `*result` untouched; being stopped before one replication has ended is an error, later it is
 * not. The result lives in `a` and borrows names. */
int run_scenario(struct run_result *result, const struct topo *topo,
                 const struct capacity_plan *plan, const struct scenario *scenario,
                 const struct run_opts *opts, struct arena *a, struct error *err);

#endif
