#include "commands/baseline.h"

#include <math.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/cli.h"
#include "commands/keep.h"
#include "commands/simulate.h"
#include "commands/table.h"

int baseline_load(struct baseline *b, const char *path, const struct files *ours,
                  int64_t replications, struct keep *keep, struct arena *a, struct error *err)
{
    static const struct cli_sets none = {0};
    size_t common = 0;
    *b = (struct baseline){.path = path, .keep = keep};
    if (files_scenario(&b->files, path, &none, a, err) != 0)
        return error_prefix(err, "--baseline");
    if (b->files.scenario.sweep_count > 0)
        return error_set(err, ERR_CONFLICT,
                         "--baseline: %s: a sweep is many runs; its first "
                         "variant is the baseline of the others",
                         path);
    for (size_t i = 0; i < ours->topo.country_count; i++)
        common += topo_country_at(&b->files.topo, ours->topo.countries[i].name) <
                  b->files.topo.country_count;
    if (common == 0)
        return error_set(err, ERR_CONFLICT, "--baseline: %s: none of its countries is in %s", path,
                         ours->topology_path);
    b->files.scenario.precision.relative = 0; /* it gets as many as the other one needs */
    if (pairs_init(&b->ours, &ours->topo, &ours->scenario, replications, a) != 0)
        return error_memory(err);
    return 0;
}

/* ---- replications as they come ---- */

static int load_ours(void *context, int64_t index, struct result_sample *sample, struct error *err)
{
    struct baseline *b = context;
    int found = b->keep->db == NULL ? 0 : keep_load(b->keep, index, sample, err);
    if (found > 0)
        pairs_take(&b->ours, index, sample);
    return found;
}

static int save_ours(void *context, int64_t index, const struct result_sample *sample,
                     struct error *err)
{
    struct baseline *b = context;
    pairs_take(&b->ours, index, sample);
    return b->keep->db == NULL ? 0 : keep_save(b->keep, index, sample, err);
}

const struct run_keep baseline_keep = {load_ours, save_ours, NULL};

static int load_none(void *context, int64_t index, struct result_sample *sample, struct error *err)
{
    (void)context, (void)index, (void)sample, (void)err;
    return 0;
}

static int save_its(void *context, int64_t index, const struct result_sample *sample,
                    struct error *err)
{
    struct baseline *b = context;
    (void)err;
    pairs_take(&b->pairs, index, sample);
    return 0;
}

int baseline_run(struct baseline *b, struct simulate *s, struct run_result *result, struct arena *a,
                 struct error *err)
{
    const struct run_keep calls = {load_none, save_its, b};
    s->replications = result->replications;
    s->listener_count = 0;
    if (pairs_init(&b->pairs, &b->files.topo, &b->files.scenario, s->replications, a) != 0)
        return error_memory(err);
    if (simulate_run(s, &b->result, 1, &b->files, &calls, a, err) != 0)
        return error_prefix(err, "--baseline");
    result->stopped = result->stopped || b->result.stopped;
    if (pairs_compare(&result->differences, &result->difference_count, &b->pairs, &b->ours, a) != 0)
        return error_memory(err);
    return 0;
}

/* ---- for people ---- */

static void put(struct table *t, const struct run_measure *m, double scale, const char *unit)
{
    double mean = m->mean * scale, low = m->ci95[0] * scale, high = m->ci95[1] * scale;
    if (isnan(mean))
        table_put(t, "-");
    else if (isnan(low))
        table_put(t, "%+.3g %s", mean + 0.0, unit);
    else
        table_put(t, "%+.3g (%+.3g .. %+.3g) %s", mean + 0.0, low + 0.0, high + 0.0, unit);
}

void baseline_print(FILE *out, const struct baseline *b, const struct run_result *result,
                    struct arena *a)
{
    struct table t;
    bool faults = false;
    for (size_t i = 0; i < result->difference_count; i++)
        faults = faults || !isnan(result->differences[i].hurt_s.mean);
    fprintf(out, "to %s, whose replications share their luck with these:\n",
            files_name(b->path, a));
    table_titles(&t, faults ? "<COUNTRY|<ANSWERED|<P50|<P99|<P99.9|<HURT FOR"
                            : "<COUNTRY|<ANSWERED|<P50|<P99|<P99.9");
    for (size_t i = 0; i < result->difference_count; i++) {
        const struct run_difference *d = &result->differences[i];
        table_put(&t, "%s", d->country);
        put(&t, &d->availability, 100, "points");
        put(&t, &d->p50_ms, 1, "ms");
        put(&t, &d->p99_ms, 1, "ms");
        put(&t, &d->p999_ms, 1, "ms");
        if (faults)
            put(&t, &d->hurt_s, 1, "s");
    }
    table_print(&t, out);
    fprintf(out, "\n");
}
