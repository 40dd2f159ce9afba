#include "control/breaker.h"

#include <assert.h>

enum { SLOTS = 8 };

static int64_t slot_at(const struct breaker *b, int64_t now_us)
{
    return now_us / (b->opts.window_us / SLOTS);
}

/* What is remembered of a count after `slots` more. */
static double kept(double count, int64_t slots)
{
    for (int64_t i = 0; i < slots && count > 1e-9; i++)
        count -= count / SLOTS;
    return count > 1e-9 ? count : 0;
}

static void forget(struct breaker *b, int64_t now_us)
{
    int64_t slots = slot_at(b, now_us) - b->slot;
    b->requests = kept(b->requests, slots);
    b->accepts = kept(b->accepts, slots);
    b->slot += slots;
}

struct breaker breaker_closed(const struct breaker_opts *opts, int64_t now_us)
{
    assert(opts->k == 0 || opts->k >= 1);
    assert(opts->window_us >= SLOTS);
    struct breaker b = {.opts = *opts};
    b.slot = slot_at(&b, now_us);
    return b;
}

static double share(const struct breaker *b, double requests, double accepts)
{
    double over = requests - b->opts.k * accepts;
    return b->opts.k > 0 && over > 0 ? over / (requests + 1) : 0;
}

bool breaker_decide(struct breaker *b, struct rng *rng, int64_t now_us)
{
    forget(b, now_us);
    double refused = share(b, b->requests, b->accepts);
    b->requests++;
    return refused <= 0 || rng_f64(rng) >= refused;
}

void breaker_count(struct breaker *b, int64_t now_us)
{
    forget(b, now_us);
    b->accepts++;
}

struct breaker_seen breaker_sees(const struct breaker *b, int64_t now_us)
{
    int64_t slots = slot_at(b, now_us) - b->slot;
    struct breaker_seen seen = {kept(b->requests, slots), kept(b->accepts, slots), 0};
    seen.refused = share(b, seen.requests, seen.accepts);
    return seen;
}
