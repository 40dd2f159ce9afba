#include "control/shift.h"

#include <assert.h>

#include "base/error.h"
#include "base/rng.h"

/* Steps gone at `now_us`: 0 all there, opts.steps nothing there. The first one is taken at once. */
static uint32_t gone(const struct shift *s, int64_t now_us)
{
    if (s->state == SHIFT_NONE)
        return 0;
    assert(now_us >= s->since_us);
    int64_t taken = s->opts.steps;
    if (s->opts.step_us > 0 && (now_us - s->since_us) / s->opts.step_us < taken)
        taken = (now_us - s->since_us) / s->opts.step_us + 1;
    if (s->state == SHIFT_AWAY)
        return s->from + taken < s->opts.steps ? s->from + (uint32_t)taken : s->opts.steps;
    return taken < s->from ? s->from - (uint32_t)taken : 0;
}

int shift_away(struct shift *s, uint32_t zone, const struct shift_facts *facts, bool force,
               int64_t now_us, struct error *err)
{
    assert(s->opts.steps >= 1);
    uint32_t now_gone = gone(s, now_us);
    if (now_gone > 0 && s->zone != zone)
        return error_set(err, ERR_CONFLICT,
                         "%s/%s: another zone of the cell is shifted away; bring it back first",
                         facts->cell, facts->zone);
    double can_rps = facts->server_rps * (double)facts->servers;
    if (!force && facts->rps > can_rps * (1 + 1e-9))
        return error_set(err, ERR_LIMIT,
                         "%s/%s: without it %lld servers of %s are left, which carry %lld x %.6g = "
                         "%.6g requests/s; %.6g are asked",
                         facts->cell, facts->zone, (long long)facts->servers, facts->service,
                         (long long)facts->servers, facts->server_rps, can_rps, facts->rps);
    if (s->state == SHIFT_AWAY)
        return 0;
    *s = (struct shift){s->opts, SHIFT_AWAY, zone, now_us, now_gone};
    return 0;
}

void shift_back(struct shift *s, int64_t now_us)
{
    if (s->state != SHIFT_AWAY)
        return;
    *s = (struct shift){s->opts, SHIFT_BACK, s->zone, now_us, gone(s, now_us)};
}

double shift_share(const struct shift *s, uint32_t zone, int64_t now_us)
{
    if (s->state == SHIFT_NONE || zone != s->zone)
        return 1;
    return 1 - (double)gone(s, now_us) / (double)s->opts.steps;
}

uint16_t shift_avoids(const struct shift *s, bool again, struct rng *rng, int64_t now_us)
{
    if (s->state == SHIFT_NONE)
        return SHIFT_NOWHERE;
    if (again && s->state == SHIFT_AWAY)
        return (uint16_t)s->zone;
    double share = shift_share(s, s->zone, now_us);
    if (share >= 1 || rng_f64(rng) < share)
        return SHIFT_NOWHERE;
    return (uint16_t)s->zone;
}

int64_t shift_deadline_us(const struct shift *s, int64_t now_us)
{
    uint32_t now_gone = gone(s, now_us);
    bool moves = (s->state == SHIFT_AWAY && now_gone < s->opts.steps) ||
                 (s->state == SHIFT_BACK && now_gone > 0);
    if (!moves)
        return INT64_MAX;
    return s->since_us + ((now_us - s->since_us) / s->opts.step_us + 1) * s->opts.step_us;
}
