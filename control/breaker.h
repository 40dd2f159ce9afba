/* breaker.h - when those who ask are to stop asking for a while.
 *
 * Adaptive throttling (Beyer et al. 2016, Site Reliability Engineering, "Handling Overload"): who
 * asks counts its requests and those that were accepted over a window, and refuses by itself, with
 * probability max(0, (requests - k * accepts) / (requests + 1)). With k = 2 one request is wasted
 * for each that is accepted, and a server that recovers is noticed by those that still pass. Unlike
 * a breaker with an open and a closed state it has no edge at which all come back at once.
 *
 * The window forgets by an eighth at a time. No clock: `now_us` is handed in and never goes back.
 */
#ifndef CONTROL_BREAKER_H
#define CONTROL_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"

struct breaker_opts {
    double k;          /* requests sent per request accepted before it refuses, >= 1; 0: never */
    int64_t window_us; /* how long it remembers, about; >= 8 */
};

struct breaker { /* fields are private to breaker.c */
    struct breaker_opts opts;
    double requests, accepts;
    int64_t slot; /* eighths of a window since time 0, of the last look */
};

struct breaker breaker_closed(const struct breaker_opts *opts, int64_t now_us);

/* For the inline functions: a breaker that is not just always closed. */
bool breaker_decide(struct breaker *b, struct rng *rng, int64_t now_us);
void breaker_count(struct breaker *b, int64_t now_us);

/* May this request be sent? Counts it either way. Draws from `rng` only while it refuses some. */
static inline bool breaker_allows(struct breaker *b, struct rng *rng, int64_t now_us)
{
    return b->opts.k <= 0 || breaker_decide(b, rng, now_us);
}

/* A request that was allowed has been accepted: answered with anything but a refusal, a reset or
 * silence. */
static inline void breaker_accepted(struct breaker *b, int64_t now_us)
{
    if (b->opts.k > 0)
        breaker_count(b, now_us);
}

struct breaker_seen {
    double requests, accepts; /* that it remembers */
    double refused;           /* the share of requests that it refuses, 0..1 */
};
struct breaker_seen breaker_sees(const struct breaker *b, int64_t now_us);

#endif
