/* retry.h - may a failed try be repeated? A budget, so that retries cannot become the load.
 *
 * A token bucket as in Brooker 2022 ("Fixing retries with token buckets and circuit breakers"):
 * each first try earns a part of a token, each retry spends a whole one. In the long run there are
 * at most `ratio` retries per first try; a full bucket covers a burst, such as a zone's sudden
 * death, which resets at one moment what that zone had under way. How long to wait before a retry
 * is base/backoff.h's: without it, those requests would all choose again before any of them has
 * told of its failure. */
#ifndef CONTROL_RETRY_H
#define CONTROL_RETRY_H

#include <stdbool.h>
#include <stdint.h>

enum { RETRY_TOKEN = 1000000, RETRY_BURST = 100 }; /* parts of a token; least tokens in a bucket */

struct retry {
    int64_t earn; /* parts of a token per first try, >= 0 */
    int64_t have, full;
};

/* A full bucket. `ratio` is retries per first try, >= 0; 0 allows none. The bucket holds what a
 * tenth of a second brings of `rps` first tries, the highest expected, and RETRY_BURST at least. */
static inline struct retry retry_full(double ratio, double rps)
{
    double tokens = rps / 10 > RETRY_BURST ? rps / 10 : RETRY_BURST;
    int64_t full = ratio > 0 ? (int64_t)(tokens * RETRY_TOKEN) : 0;
    return (struct retry){(int64_t)(ratio * RETRY_TOKEN + 0.5), full, full};
}

/* A request was sent for the first time. */
static inline void retry_earn(struct retry *r)
{
    r->have = r->have + r->earn < r->full ? r->have + r->earn : r->full;
}

/* May one more try be made, after `tries` so far of at most `tries_max`? Spends a token if so. */
static inline bool retry_allowed(struct retry *r, uint32_t tries, uint32_t tries_max)
{
    if (tries >= tries_max || r->have < RETRY_TOKEN)
        return false;
    r->have -= RETRY_TOKEN;
    return true;
}

#endif
