/* station.h - a queueing model and nothing else, to hold against theory.
 *
 * Poisson arrivals go to one of some stations, chosen by control/balance; each station has some
 * servers and one queue, first come first served; what a customer needs is drawn from a
 * distribution of mean 1, the unit of time. Two events per customer, its arrival and its
 * completion. It runs on the simulator's engine, streams and distributions, so what it agrees with
 * speaks for them.
 *
 * Controls. What a customer draws, its service time S and the gap A to the next arrival, does not
 * depend on what it found. So with any f of what it found, f (S - 1) and f (A / mean - 1) have mean
 * zero whatever the queue does; and with exponential draws so has f summed over the arrivals, or
 * over the completions, less what their rates make of it over time. These averages are measured
 * beside the wait, with f = its wait, the work in the system, the number in it, ...: regressing on
 * them takes away most of the noise, and only that (Lavenberg and Welch 1981, Management Science
 * 27(3); on such martingales Henderson and Glynn 2002, Mathematics of Operations Research 27(2)).
 * But it also takes away an error in the draws themselves, so those are to be tested beside. */
#ifndef SIMULATOR_STATION_H
#define SIMULATOR_STATION_H

#include <stdint.h>

#include "base/dist.h"
#include "base/topo.h"

struct arena;
struct error;

enum {
    STATION_DRAWS = 4, /* the first controls: the draws' means and variances alone */
    STATION_CONTROLS = 15,
};

struct station_opts {
    uint32_t stations;         /* 1 .. 100000 */
    uint32_t servers;          /* of each, 1 .. 1000 */
    double load;               /* of a server, 0 < load < 1 */
    struct dist_opts service;  /* its mean is 1 */
    enum topo_balance balance; /* among several stations */
    uint32_t choices;
    int64_t warmup;    /* customers that are not counted, from an empty system */
    int64_t customers; /* that are */
};

struct station_sample {               /* of one replication */
    double wait;                      /* mean, in service times */
    double time;                      /* mean in system */
    double waited;                    /* share of customers */
    double control[STATION_CONTROLS]; /* means; expected to be 0 */
};

/* One replication. `name` and `replication` name the streams. The memory is the arena's: whoever
 * has many to run resets it between them. 0, or -1 with `err` set, when the distribution is not one
 * or more customers wait than there is room for: 8192, and 16 for each station. */
int station_run(struct station_sample *sample, const struct station_opts *opts, uint64_t seed,
                uint64_t replication, const char *name, struct arena *a, struct error *err);

#endif
