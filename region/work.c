#include "region/work.h"

#include <assert.h>
#include <math.h>

#include "base/backoff.h"

struct work work_ready(int64_t now_us)
{
    return (struct work){.state = WORK_READY, .at_us = now_us};
}

bool work_is_ready(const struct work *w, int64_t now_us)
{
    return w->state == WORK_READY && now_us >= w->at_us;
}

uint32_t work_take(struct work *w, const struct work_opts *opts, int64_t now_us)
{
    assert(work_is_ready(w, now_us));
    w->state = WORK_LEASED;
    w->at_us = now_us + opts->lease_us;
    return ++w->tries;
}

bool work_holds(const struct work *w, uint32_t try, int64_t now_us)
{
    return w->state == WORK_LEASED && w->tries == try && now_us < w->at_us;
}

bool work_extend(struct work *w, const struct work_opts *opts, uint32_t try, int64_t now_us)
{
    if (!work_holds(w, try, now_us))
        return false;
    w->at_us = now_us + opts->lease_us;
    return true;
}

bool work_finish(struct work *w, uint32_t try, int64_t now_us)
{
    if (!work_holds(w, try, now_us))
        return false;
    w->state = WORK_DONE;
    return true;
}

bool work_give_back(struct work *w, uint32_t try, int64_t now_us)
{
    if (!work_holds(w, try, now_us))
        return false;
    w->state = WORK_READY;
    w->forgiven++;
    w->at_us = now_us;
    return true;
}

static void try_ended(struct work *w, const struct work_opts *opts, int64_t now_us, struct rng *rng)
{
    uint32_t tries = w->tries - w->forgiven;
    if (tries >= opts->tries_max) {
        w->state = WORK_DEAD;
        return;
    }
    w->state = WORK_READY;
    w->at_us = now_us + backoff_delay_us(opts->backoff_us, opts->backoff_max_us, tries, rng);
}

bool work_fail(struct work *w, const struct work_opts *opts, uint32_t try, int64_t now_us,
               struct rng *rng)
{
    if (!work_holds(w, try, now_us))
        return false;
    try_ended(w, opts, now_us, rng);
    return true;
}

bool work_expire(struct work *w, const struct work_opts *opts, int64_t now_us, struct rng *rng)
{
    if (w->state != WORK_LEASED || now_us < w->at_us)
        return false;
    try_ended(w, opts, now_us, rng);
    return true;
}

void work_revive(struct work *w, int64_t now_us)
{
    assert(w->state == WORK_DEAD);
    w->state = WORK_READY;
    w->forgiven = w->tries;
    w->at_us = now_us;
}

uint32_t work_crew_count(const struct work_crew *crew, const struct work_demand *demand)
{
    double load = demand->arrivals_per_s * demand->time_us * 1e-6 / crew->busy;
    double backlog = (double)demand->waiting * demand->time_us / (double)crew->drain_us;
    double want = ceil(load + backlog);
    if (demand->waiting == 0 && demand->idle_us >= crew->keep_us)
        want = 0;
    else if (want < 1)
        want = 1;
    if (want < (double)crew->count_min)
        return crew->count_min;
    return want > (double)crew->count_max ? crew->count_max : (uint32_t)want;
}
