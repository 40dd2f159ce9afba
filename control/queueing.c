#include "control/queueing.h"

#include <math.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/fmath.h"

enum {
    NODES = 256,        /* of the integral over the wait */
    POOL_LANES = 20000, /* of a shared queue that is computed as one; more are several such */
};

double queueing_waits(uint32_t lanes, double load)
{
    /* Erlang's loss formula by its recursion, then his other one from it. */
    double offered = load * lanes, lost = 1;
    for (uint32_t i = 1; i <= lanes; i++)
        lost = offered * lost / (i + offered * lost);
    return lost / (1 - load * (1 - lost));
}

double queueing_wait(uint32_t lanes, double load)
{
    return queueing_waits(lanes, load) / (lanes * (1 - load));
}

/* ---- one queue ---- */

struct line {
    double waits; /* the share that waits */
    double rate;  /* of their exponential wait, 1/us */
};

/* `load` < 1. */
static struct line line_of(const struct queueing *q, uint32_t lanes, double load)
{
    double scatter = (1 + dist_cs2(&q->work)) / 2;
    return (struct line){queueing_waits(lanes, load),
                         lanes * (1 - load) / (dist_mean(&q->work) * scatter)};
}

/* The share of requests whose wait and work take longer than `us`: work alone, or a wait of x and
 * work above us - x. */
static double over(const struct queueing *q, struct line line, double us)
{
    const struct dist *work = &q->work;
    if (work->kind == DIST_EMPIRICAL) {
        double sum = 0;
        for (uint32_t i = 0; i < work->sample_count; i++) {
            double left_us = us - work->scale * work->sample[i];
            sum += left_us < 0 ? 1 : line.waits * fmath_exp(-line.rate * left_us);
        }
        return sum / work->sample_count;
    }
    if (work->kind == DIST_FIXED) {
        double left_us = us - dist_mean(work);
        return left_us < 0 ? 1 : line.waits * fmath_exp(-line.rate * left_us);
    }
    double longest = fmath_exp(-line.rate * us), sum = 0;
    double done = dist_above(work, us), ends = 1 / dist_mean(work);
    if (work->kind == DIST_EXPONENTIAL && fabs(line.rate - ends) > 1e-3 * ends)
        return (1 - line.waits) * done +
               line.waits * (ends * longest - line.rate * done) / (ends - line.rate);
    /* Simpson's rule over the wait, up to where nearly none is longer. */
    double most_us = us * line.rate < 40 ? us : 40 / line.rate;
    for (int i = 0; i <= NODES; i++) {
        double wait_us = most_us * i / NODES;
        double weight = i == 0 || i == NODES ? 1 : i % 2 == 1 ? 4 : 2;
        sum += weight * fmath_exp(-line.rate * wait_us) * dist_above(work, us - wait_us);
    }
    double waited = longest + line.rate * most_us / NODES / 3 * sum;
    return (1 - line.waits) * done + line.waits * waited;
}

static bool line_keeps(const struct queueing *q, uint32_t lanes, double load)
{
    const struct topo_goal *goal = &q->goal;
    double late = 1 - goal->quantile;
    if (!(load < 1))
        return false;
    struct line line = line_of(q, lanes, load);
    if (goal->mean_wait_us > 0 && line.waits > line.rate * (double)goal->mean_wait_us)
        return false;
    if (goal->wait_us > 0 && line.waits * fmath_exp(-line.rate * (double)goal->wait_us) > late)
        return false;
    return goal->time_us == 0 || over(q, line, (double)goal->time_us) <= late;
}

/* ---- servers ---- */

static double lanes_load(const struct queueing *q, double rps, double servers)
{
    return rps * dist_mean(&q->work) / 1e6 / (q->lanes * servers);
}

/* Into how many pools of POOL_LANES or fewer a shared queue is cut; many lanes gain nothing from
 * still more, so this costs next to nothing. */
static int64_t pools(const struct queueing *q, int64_t servers)
{
    return 1 + (servers * q->lanes - 1) / POOL_LANES;
}

bool queueing_keeps(const struct queueing *q, double rps, int64_t servers)
{
    if (!q->wanted || rps <= 0)
        return true;
    if (servers < 1)
        return false;
    if (q->goal.queue == TOPO_QUEUE_OWN)
        return rps <= q->own_rps * (double)servers * (1 + 1e-9);
    int64_t pool_count = pools(q, servers);
    uint32_t lanes = (uint32_t)(servers / pool_count * q->lanes); /* of the smallest */
    return line_keeps(q, lanes, lanes_load(q, rps, (double)servers));
}

double queueing_strain(const struct queueing *q, double rps, int64_t servers)
{
    if (!q->wanted || rps <= 0)
        return 0;
    if (servers < 1)
        return (double)INFINITY;
    if (q->goal.queue == TOPO_QUEUE_OWN)
        return rps / (q->own_rps * (double)servers);
    double low = 0, high = (double)servers * q->lanes * 1e6 / dist_mean(&q->work);
    for (int i = 0; i < 40; i++) {
        double middle = (low + high) / 2;
        if (queueing_keeps(q, middle, servers))
            low = middle;
        else
            high = middle;
    }
    return rps / low;
}

int64_t queueing_needed(const struct queueing *q, double rps)
{
    if (!q->wanted || rps <= 0)
        return 0;
    if (q->goal.queue == TOPO_QUEUE_OWN) {
        double servers = rps / q->own_rps;
        int64_t whole = (int64_t)servers;
        return servers - (double)whole > 1e-9 * servers ? whole + 1 : whole;
    }
    int64_t low = 0, high = 1;
    for (; !queueing_keeps(q, rps, high); high *= 2)
        low = high;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (queueing_keeps(q, rps, middle))
            high = middle;
        else
            low = middle;
    }
    return high;
}

/* The least t for which `share` of the requests is over it no longer, by halving. */
static double time_of(const struct queueing *q, struct line line, double share)
{
    double low = 0, high = dist_mean(&q->work);
    while (over(q, line, high) > share && high < 1e15)
        high *= 2;
    for (int i = 0; i < 50; i++) {
        double middle = (low + high) / 2;
        if (over(q, line, middle) > share)
            low = middle;
        else
            high = middle;
    }
    return high;
}

struct queueing_times queueing_times(const struct queueing *q, double rps, int64_t servers,
                                     double quantile)
{
    struct queueing_times none = {(double)INFINITY, (double)INFINITY, (double)INFINITY};
    double load = servers > 0 ? lanes_load(q, rps, (double)servers) : 1;
    if (!(load < 1) || !(load > 0) || !(dist_cs2(&q->work) < (double)INFINITY))
        return none;
    uint32_t lanes = q->lanes;
    if (q->goal.queue == TOPO_QUEUE_SHARED)
        lanes = (uint32_t)(servers / pools(q, servers) * q->lanes);
    struct line line = line_of(q, lanes, load);
    double late = 1 - quantile;
    return (struct queueing_times){
        .mean_wait_us = line.waits / line.rate,
        .wait_us = line.waits <= late ? 0 : fmath_log(line.waits / late) / line.rate,
        .time_us = q->goal.time_us > 0 ? time_of(q, line, late) : (double)NAN,
    };
}

/* ---- setting up ---- */

/* The goal is out of reach when an idle server misses it. */
static int check_reachable(const struct queueing *q, const struct topo_service *service,
                           struct error *err)
{
    char needs[DURATION_TEXT_MAX], goal[DURATION_TEXT_MAX];
    if (!(dist_cs2(&q->work) < (double)INFINITY))
        return error_set(err, ERR_RANGE,
                         "goal: services.%s has a %s spread of infinite variance, before which "
                         "waits have no bound; give it a tail above 2",
                         service->name, dist_words[service->spread]);
    struct line idle = {0, 1};
    if (q->goal.time_us == 0 || over(q, idle, (double)q->goal.time_us) < 1 - q->goal.quantile)
        return 0;
    double needs_us = time_of(q, idle, 1 - q->goal.quantile);
    duration_format(needs, needs_us < 10000 ? (int64_t)needs_us + 1
                                            : ((int64_t)needs_us / 1000 + 1) * 1000);
    duration_format(goal, q->goal.time_us);
    return error_set(err, ERR_RANGE,
                     "goal.time: no number of servers makes %g %% of services.%s's requests take "
                     "%s or less: the work alone takes up to %s; give more time than that, a lower "
                     "quantile, or quicker work",
                     q->goal.quantile * 100, service->name, goal, needs);
}

int queueing_init(struct queueing *q, const struct topo_service *service,
                  const struct topo_goal *goal, struct error *err)
{
    *q = (struct queueing){
        .goal = *goal, .lanes = (uint32_t)service->concurrency, .own_rps = (double)INFINITY};
    q->wanted = goal->wait_us > 0 || goal->time_us > 0 || goal->mean_wait_us > 0;
    if (topo_dist(&q->work, service, 1, err) != 0)
        return q->wanted ? -1 : 0; /* times that were not read are missed by a goal alone */
    if (!q->wanted)
        return 0;
    if (check_reachable(q, service, err) != 0)
        return -1;
    double low = 0, high = 1; /* load */
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (line_keeps(q, q->lanes, middle))
            low = middle;
        else
            high = middle;
    }
    q->own_rps = low * q->lanes * 1e6 / dist_mean(&q->work);
    return 0;
}
