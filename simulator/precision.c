#include "simulator/precision.h"

#include <math.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "simulator/result.h"
#include "simulator/run.h"
#include "simulator/stats.h"

/* Half the width of a measure's interval, as a share of its mean. */
static double relative_width(const struct result_tally *tally, int measure, double level)
{
    const struct stats *s = &tally->measure[measure];
    double half = stats_half_width(s, level);
    if (measure == MEASURE_AVAILABILITY && tally->requests > 0 && tally->ok == tally->requests)
        half = stats_none_seen(tally->requests, level);
    if (isnan(half))
        return (double)INFINITY;
    return half > 0 ? half / s->mean : 0; /* no measure is negative */
}

/* The level of each interval. */
static double level_each(const struct topo *topo, const struct scenario_precision *p)
{
    size_t measures = 0;
    for (int m = 0; m < MEASURE_COUNT; m++)
        measures += p->measures >> m & 1u;
    return stats_sidak(p->level, measures * topo->country_count);
}

double precision_widest(const struct result_sample *const *samples, size_t n,
                        const struct topo *topo, const struct scenario *scenario)
{
    const struct scenario_precision *p = &scenario->precision;
    double level = level_each(topo, p);
    double widest = 0;
    for (size_t c = 0; c < topo->country_count; c++) {
        struct result_tally tally;
        result_tally(&tally, samples, n, c);
        for (int m = 0; m < MEASURE_COUNT; m++) {
            if ((p->measures & 1u << m) == 0)
                continue;
            double width = relative_width(&tally, m, level) / p->relative;
            if (width > widest)
                widest = width;
        }
    }
    return widest;
}

int64_t precision_next(int64_t n, double widest, int64_t max)
{
    double wanted = (double)n * widest * widest;
    int64_t next = wanted < (double)n * 2 ? (int64_t)wanted + 1 : n * 2;
    if (next < n + n / 8 + 1)
        next = n + n / 8 + 1;
    return next < max ? next : max;
}

int precision_fill(struct run_result *result, const struct result_sample *const *samples, size_t n,
                   const struct topo *topo, const struct scenario *scenario, struct arena *a,
                   struct error *err)
{
    const struct scenario_precision *p = &scenario->precision;
    result->precise = true;
    if (p->relative <= 0)
        return 0;
    double level = level_each(topo, p);
    result->imprecise =
        arena_alloc(a, topo->country_count * MEASURE_COUNT, sizeof result->imprecise[0]);
    if (result->imprecise == NULL)
        return error_memory(err);
    for (size_t c = 0; c < topo->country_count; c++) {
        struct result_tally tally;
        result_tally(&tally, samples, n, c);
        for (int m = 0; m < MEASURE_COUNT; m++) {
            double width = relative_width(&tally, m, level);
            if ((p->measures & 1u << m) == 0 || width <= p->relative)
                continue;
            result->imprecise[result->imprecise_count++] = (struct run_imprecise){
                .measure = scenario_measure_words[m],
                .country = topo->countries[c].name,
                .relative = isinf(width) ? (double)NAN : width,
                .wanted = p->relative,
            };
        }
    }
    result->precise = result->imprecise_count == 0;
    return 0;
}
