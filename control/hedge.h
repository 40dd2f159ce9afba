/* hedge.h - when a second copy of a slow request is sent to another replica.
 *
 * Dean and Barroso 2013 ("The Tail at Scale", CACM 56(2)): wait until the first try is slower than
 * most are, then ask another replica as well and take whichever answers first. What "slower than
 * most" is, is learned: a quantile tracked by stochastic approximation (Robbins and Monro 1951),
 * in one number. A budget bounds the extra load, since in an overload every request is slow.
 *
 * Only what may be done twice is hedged; the caller knows. No clock, no allocation. */
#ifndef CONTROL_HEDGE_H
#define CONTROL_HEDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/retry.h"

enum { HEDGE_SEEN_MIN = 100 }; /* answers before anything is hedged */

struct hedge_opts {
    double quantile; /* of the latencies, 0.5 .. 0.999: a try slower than that is hedged */
    double budget;   /* second copies per request in the long run, >= 0; 0: none */
};

struct hedge { /* fields are private to hedge.c */
    struct hedge_opts opts;
    struct retry budget;
    double wait_us;
    int64_t seen;
};

/* `rps` is the highest rate of requests expected, for the budget's burst (retry_full). */
struct hedge hedge_none_seen(const struct hedge_opts *opts, double rps);

/* For hedge_seen: it counts. */
void hedge_learn(struct hedge *h, int64_t latency_us);

/* A request begins. */
static inline void hedge_begin(struct hedge *h)
{
    retry_earn(&h->budget);
}

/* How long its first try is waited for before a copy is sent, us; INT64_MAX: none is. */
static inline int64_t hedge_wait_us(const struct hedge *h)
{
    return h->seen < HEDGE_SEEN_MIN ? INT64_MAX : (int64_t)h->wait_us + 1;
}

/* That time has passed: may a copy be sent? Spends from the budget if so. */
static inline bool hedge_allowed(struct hedge *h)
{
    return retry_allowed(&h->budget, 0, 1);
}

/* A try was answered after `latency_us` >= 0. */
static inline void hedge_seen(struct hedge *h, int64_t latency_us)
{
    if (h->opts.budget > 0)
        hedge_learn(h, latency_us);
}

#endif
