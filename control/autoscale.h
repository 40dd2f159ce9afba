/* autoscale.h - how many servers there should be, from how busy they are.
 *
 * Target tracking: servers x busy / target, never fewer than the plan says, so that the tolerated
 * loss is survived before anything is started (static stability: scaling is for growth, not for
 * rescue). Up at once, as far as it takes; down only after the need has been lower for a while,
 * and by the highest need of that while. A machine: `now_us` is handed in and never goes back. */
#ifndef CONTROL_AUTOSCALE_H
#define CONTROL_AUTOSCALE_H

#include <stdint.h>

struct autoscale_opts {
    double target;        /* utilisation to keep, 0 < target <= 1 */
    double slack;         /* relative distance from the target that is left alone, 0 .. 1 */
    int64_t servers_min;  /* as planned, >= 1 */
    int64_t servers_max;  /* >= servers_min */
    int64_t down_us;      /* how long the need must be lower before servers go */
    int64_t step_servers; /* counts are multiples of this, as of the zones; >= 1 */
};

struct autoscale { /* fields are private to autoscale.c */
    struct autoscale_opts opts;
    int64_t lower_since_us; /* INT64_MAX: the need is not lower */
    int64_t highest;        /* need since then */
};

void autoscale_init(struct autoscale *s, const struct autoscale_opts *opts);

/* How many servers there should be, with `servers` there now (those that are being started
 * included) that are `busy` on average (of those that run; above 1 when requests wait or are
 * shed). */
int64_t autoscale_step(struct autoscale *s, int64_t now_us, int64_t servers, double busy);

#endif
