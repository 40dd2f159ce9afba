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

struct run_measure {
    double mean;    /* over replications; NaN: nothing was seen */
    double ci95[2]; /* Student's interval at 95 %; NaN for fewer than two replications. Where no
                       request failed at all: from the exact binomial bound to 1 */
};

struct run_country {
    const char *name;
    int64_t requests; /* of all replications, after the warm-up */
    int64_t ok, shed, failed, retries;
    struct run_measure availability;            /* ok / requests */
    struct run_measure shed_each;               /* shed per replication */
    struct run_measure failed_each;             /* failed per replication */
    struct run_measure mean_ms;                 /* of answered requests, at the customer */
    struct run_measure p50_ms, p99_ms, p999_ms; /* the same */
    double max_ms;                              /* of all replications; NaN: no answer */
};

struct run_service {
    const char *name;
    int64_t servers;
    int64_t tries_shed;      /* refused by a full server; some were then answered by another */
    struct run_measure busy; /* utilisation, dead servers included, after the warm-up */
};

struct run_cell {
    const char *name;
    struct run_service *services;
    size_t service_count;
};

struct run_blast {     /* whom the faults touched, over all replications */
    int64_t countries; /* with at least one request lost */
    double customers;  /* their share of all customers */
    double requests;   /* share of all requests that were lost */
};

struct run_verdict { /* one expectation of one country */
    const char *measure;
    const char *country;
    double value;
    double low, high; /* NaN: no bound */
    bool pass;
};

struct run_result {
    int64_t seed;
    int64_t replications; /* finished */
    bool stopped;         /* before all were */
    int64_t events;
    double wall_s;
    double events_per_s;
    const char *digest;    /* 16 hexadecimal digits: the same for any number of threads */
    bool pass;             /* every expectation holds */
    const char **warnings; /* sentences of simulator/warn.h */
    size_t warning_count;
    struct run_blast blast;
    struct run_country *countries;
    size_t country_count;
    struct run_cell *cells;
    size_t cell_count;
    struct run_verdict *verdicts;
    size_t verdict_count;
};

/* The table that encodes a result; docs/sim.schema.json is printed from it. */
extern const struct json_field run_fields[];

struct run_opts {
    int64_t seed;
    int64_t replications;              /* >= 1 */
    int64_t jobs;                      /* threads, >= 1 */
    const volatile sig_atomic_t *stop; /* becomes 1, from a signal's handler or by an atomic store:
                                          end soon; may be NULL */
    /* Called from the calling thread with 0, then now and then with more, and unless it was
     * stopped or failed at last with 1; may be NULL. */
    void (*progress)(void *context, double done);
    void *context;
};

/* Simulate a bound scenario. 0, or -1 with `err` set, that of the first replication that failed,
 * and
 * `*result` untouched; being stopped before one replication has ended is an error, later it is not.
 * The result lives in `a` and borrows names. */
int run_scenario(struct run_result *result, const struct topo *topo,
                 const struct capacity_plan *plan, const struct scenario *scenario,
                 const struct run_opts *opts, struct arena *a, struct error *err);

#endif
