#include "control/hedge.h"

#include <assert.h>

/* Each answer moves the estimate by this share of itself at most: it follows a change of load
 * within some hundred answers, and wavers by a few hundredths around the quantile. */
static const double STEP = 0.02;

struct hedge hedge_none_seen(const struct hedge_opts *opts, double rps)
{
    assert(opts->quantile >= 0.5);
    assert(opts->quantile <= 0.999);
    assert(opts->budget >= 0);
    return (struct hedge){.opts = *opts, .budget = retry_full(opts->budget, rps)};
}

/* In balance a share `quantile` of the answers pulls down by (1 - quantile) and the rest pushes up
 * by quantile. The first ones move it farther, so that it does not matter where it began. */
void hedge_learn(struct hedge *h, int64_t latency_us)
{
    double seen_us = (double)latency_us;
    if (h->seen == 0)
        h->wait_us = seen_us + 1;
    h->seen++;
    double step = h->seen < HEDGE_SEEN_MIN ? 10 * STEP : STEP;
    double pull = seen_us > h->wait_us ? h->opts.quantile : h->opts.quantile - 1;
    h->wait_us += h->wait_us * step * pull;
    if (h->wait_us < 1)
        h->wait_us = 1;
}
