#include "simulator/pairs.h"

#include <assert.h>
#include <math.h>

#include "base/arena.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "simulator/result.h"
#include "simulator/stats.h"

int pairs_init(struct pairs *p, const struct topo *topo, const struct scenario *scenario,
               int64_t replications, struct arena *a)
{
    bool open = scenario->precision.relative > 0;
    size_t most = (size_t)(open ? scenario->precision.replications_max : replications);
    size_t values = most * topo->country_count * PAIRS_NUMBERS;
    *p = (struct pairs){arena_alloc(a, values, sizeof p->value[0]), most, topo};
    for (size_t i = 0; p->value != NULL && i < values; i++)
        p->value[i] = (double)NAN;
    return p->value == NULL ? -1 : 0;
}

static double *values_at(const struct pairs *p, size_t replication, size_t country)
{
    return &p->value[(replication * p->topo->country_count + country) * PAIRS_NUMBERS];
}

void pairs_take(struct pairs *p, int64_t index, const struct result_sample *sample)
{
    assert((size_t)index < p->replications);
    for (size_t i = 0; i < p->topo->country_count; i++) {
        const struct result_country *c = &sample->country[i];
        double *v = values_at(p, (size_t)index, i);
        v[0] = c->requests > 0 ? (double)c->ok / (double)c->requests : (double)NAN;
        v[1] = c->p50_ms;
        v[2] = c->p99_ms;
        v[3] = c->p999_ms;
        v[4] = c->times.hurt_s;
        v[5] = c->times.mitigate_s;
        v[6] = c->times.recover_s;
    }
}

/* Number `what` of one country. */
static struct run_measure difference(const struct pairs *first, size_t first_country,
                                     const struct pairs *now, size_t country, size_t what)
{
    struct stats s = {0};
    for (size_t i = 0; i < first->replications && i < now->replications; i++) {
        double value = values_at(now, i, country)[what] - values_at(first, i, first_country)[what];
        if (!isnan(value))
            stats_add(&s, value);
    }
    return result_measure(&s);
}

int pairs_compare(struct run_difference **out, size_t *count, const struct pairs *first,
                  const struct pairs *now, struct arena *a)
{
    size_t countries = now->topo->country_count;
    struct run_difference *d = arena_alloc(a, countries, sizeof d[0]);
    *count = 0;
    *out = d;
    for (size_t i = 0; d != NULL && i < countries; i++) {
        const char *name = now->topo->countries[i].name;
        size_t k = topo_country_at(first->topo, name);
        if (k == first->topo->country_count)
            continue;
        d[(*count)++] = (struct run_difference){
            .country = name,
            .availability = difference(first, k, now, i, 0),
            .p50_ms = difference(first, k, now, i, 1),
            .p99_ms = difference(first, k, now, i, 2),
            .p999_ms = difference(first, k, now, i, 3),
            .hurt_s = difference(first, k, now, i, 4),
            .mitigate_s = difference(first, k, now, i, 5),
            .recover_s = difference(first, k, now, i, 6),
        };
    }
    return d == NULL ? -1 : 0;
}
