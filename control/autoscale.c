#include "control/autoscale.h"

#include <assert.h>
#include <stdbool.h>

void autoscale_init(struct autoscale *s, const struct autoscale_opts *opts)
{
    assert(opts->target > 0);
    assert(opts->target <= 1);
    assert(opts->servers_min >= 1);
    assert(opts->servers_max >= opts->servers_min);
    assert(opts->step_servers >= 1);
    *s = (struct autoscale){.opts = *opts, .lower_since_us = INT64_MAX};
}

/* Rounded up to a multiple of the step, within the bounds. */
static int64_t needed(const struct autoscale_opts *o, int64_t servers, double busy)
{
    double exact = (double)servers * busy / o->target;
    if (exact >= (double)o->servers_max)
        return o->servers_max;
    int64_t whole = (int64_t)exact;
    whole += exact - (double)whole > 1e-9 * exact; /* 350 / 70 is 5 */
    whole = (whole + o->step_servers - 1) / o->step_servers * o->step_servers;
    if (whole > o->servers_max)
        whole = o->servers_max;
    return whole < o->servers_min ? o->servers_min : whole;
}

int64_t autoscale_step(struct autoscale *s, int64_t now_us, int64_t servers, double busy)
{
    const struct autoscale_opts *o = &s->opts;
    int64_t need = needed(o, servers, busy);
    bool close = busy >= o->target * (1 - o->slack) && busy <= o->target * (1 + o->slack);
    if (close && servers >= o->servers_min && servers <= o->servers_max)
        need = servers;
    if (need >= servers) {
        s->lower_since_us = INT64_MAX;
        return need;
    }
    if (s->lower_since_us == INT64_MAX) {
        s->lower_since_us = now_us;
        s->highest = 0;
    }
    s->highest = need > s->highest ? need : s->highest;
    if (now_us - s->lower_since_us < o->down_us)
        return servers;
    s->lower_since_us = INT64_MAX;
    return s->highest;
}
