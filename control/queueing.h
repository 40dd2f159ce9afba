/* queueing.h - how many servers keep a latency goal.
 *
 * Requests arrive at random (Poisson) before c lanes, each busy a share `load` < 1 of the time.
 * With exponential work the share that waits is Erlang's C formula (1917), and the wait of those is
 * exponential with the rate c (1 - load) / time. For other work that rate is divided by
 * (1 + cs2) / 2, which makes the mean wait that of Allen and Cunneen (1990): exact for one lane
 * (Pollaczek and Khinchine) and for cs2 = 1, an approximation otherwise.
 *
 * A server is `concurrency` lanes. With queues of their own every server gets an equal part of the
 * requests at random; with a shared queue all lanes are one. What the balances do lies between. */
#ifndef CONTROL_QUEUEING_H
#define CONTROL_QUEUEING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/dist.h"
#include "base/topo.h"

struct error;

/* The share of requests that waits before `lanes` >= 1, and the mean wait in mean service times,
 * both for exponential work. 0 <= load < 1. */
double queueing_waits(uint32_t lanes, double load);
double queueing_wait(uint32_t lanes, double load);

struct queueing { /* a service and its goal; fields are private to queueing.c but for `own_rps` */
    struct dist work; /* us */
    struct topo_goal goal;
    uint32_t lanes;
    bool wanted;    /* there is a goal */
    double own_rps; /* the most that one server with a queue of its own takes; infinite: no goal */
};

/* Set up. The service is borrowed where its times are empirical. 0, or -1 with `err` set when no
 * number of servers keeps the goal, with what would. */
int queueing_init(struct queueing *q, const struct topo_service *service,
                  const struct topo_goal *goal, struct error *err);

/* Whether `servers` keep the goal under `rps`. No server keeps it under none alone. */
bool queueing_keeps(const struct queueing *q, double rps, int64_t servers);

/* How near `rps` is to the most that `servers` take and keep the goal: 1 is just kept; 0: no goal;
 * infinite: no server. */
double queueing_strain(const struct queueing *q, double rps, int64_t servers);

/* The fewest servers that keep the goal under `rps`; 0 when there is no goal. */
int64_t queueing_needed(const struct queueing *q, double rps);

/* What `servers` do under `rps`: the mean wait and the wait and time that `quantile` of the
 * requests keep, us; infinite when they are too few. The time takes long to compute: NaN unless the
 * goal has one. */
struct queueing_times {
    double mean_wait_us, wait_us, time_us;
};
struct queueing_times queueing_times(const struct queueing *q, double rps, int64_t servers,
                                     double quantile);

#endif
