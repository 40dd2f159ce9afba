#include "commands/sweep_print.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/duration.h"
#include "commands/commands.h"
#include "commands/sweep.h"
#include "commands/table.h"

/* ---- the tables of --json ---- */

static const struct json_field set_fields[] = {
    JSON_STR(struct sweep_set, path, "path", .doc = "A field of scenario or topology"),
    JSON_SCALAR(struct sweep_set, value, "value", .doc = "Its value in this variant"),
    JSON_END,
};

static const struct json_field variant_fields[] = {
    JSON_LIST(struct sweep_variant, sets, set_count, "set", struct sweep_set, set_fields,
              .doc = "What makes this variant, axis by axis"),
    JSON_I64(struct sweep_variant, servers, "servers", 0, 0, .doc = "In all cells"),
    JSON_MAP(struct sweep_variant, differences, difference_count, "differences",
             struct run_difference, run_difference_fields,
             .doc = "To the first variant, by country: each replication with the same of the "
                    "first, which has the same luck; empty for the first itself"),
    JSON_OBJECT(struct sweep_variant, result, "result", run_fields,
                .doc = "As of a scenario by itself"),
    JSON_END,
};

const struct json_field sweep_report_fields[] = {
    JSON_I64(struct sweep_report, seed, "seed", 0, 0, .doc = "The seed of all variants"),
    JSON_I64(struct sweep_report, planned, "planned", 0, 0, .doc = "Variants in all"),
    JSON_BOOL(struct sweep_report, stopped, "stopped",
              .doc = "Stopped before all had run; the last one may then lack replications"),
    JSON_BOOL(struct sweep_report, pass, "pass", .doc = "Every expectation of every variant holds"),
    JSON_F64(struct sweep_report, wall_s, "wall_s", 0, 0, .doc = "Real time it took, seconds"),
    JSON_LIST(struct sweep_report, variants, variant_count, "variants", struct sweep_variant,
              variant_fields, .doc = "Those that ran, the last axis moving fastest"),
    JSON_END,
};

/* ---- text ---- */

/* The country with the least availability; where these are equal, with the slowest p99. */
static size_t worst_of(const struct run_result *r)
{
    size_t worst = 0;
    for (size_t i = 1; i < r->country_count; i++) {
        const struct run_country *a = &r->countries[i], *b = &r->countries[worst];
        double less = b->availability.mean - a->availability.mean;
        if (less > 0 || (!(less < 0) && a->p99_ms.mean > b->p99_ms.mean))
            worst = i;
    }
    return worst;
}

/* What `decimals` show of it, and no minus before a zero. */
static double shown(double value, int decimals)
{
    for (int i = 0; i < decimals; i++)
        value *= 10;
    value = round(value);
    for (int i = 0; i < decimals; i++)
        value /= 10;
    return value + 0.0;
}

static void put_difference(struct table *t, const struct run_measure *m, double scale, int decimals,
                           const char *unit)
{
    double mean = shown(m->mean * scale, decimals);
    double low = shown(m->ci95[0] * scale, decimals), high = shown(m->ci95[1] * scale, decimals);
    if (isnan(mean))
        table_put(t, "-");
    else if (isnan(low))
        table_put(t, "%+.*f %s", decimals, mean, unit);
    else
        table_put(t, "%+.*f (%+.*f .. %+.*f) %s", decimals, mean, decimals, low, decimals, high,
                  unit);
}

static void put_country(struct table *t, const struct run_country *c)
{
    const char *answered = c->ok == c->requests ? "all" : table_nines(c->availability.mean);
    table_put(t, "%s", c->name);
    table_put(t, "%s", c->requests == 0 ? "-" : answered);
    if (isnan(c->availability.ci95[0]))
        table_put(t, "-");
    else
        table_put(t, "%s .. %s", table_nines(c->availability.ci95[0]),
                  table_nines(c->availability.ci95[1]));
    if (isnan(c->p99_ms.mean))
        table_put(t, "-");
    else
        table_put(t, "%.0f ms", c->p99_ms.mean);
    table_put(t, "%s", table_count(c->shed));
}

/* A string without its quotes; the rest as it is written. */
static void put_value(struct table *t, const char *value)
{
    size_t len = strlen(value);
    if (value[0] == '"')
        table_put(t, "%.*s", (int)len - 2, value + 1);
    else
        table_put(t, "%s", value);
}

static void put_variant(struct table *t, const struct sweep_report *report, size_t index)
{
    const struct sweep_variant *v = &report->variants[index];
    size_t worst = worst_of(&v->result);
    table_put(t, "%zu", index + 1);
    for (size_t i = 0; i < v->set_count; i++)
        put_value(t, v->sets[i].value);
    table_put(t, "%s", table_count(v->servers));
    put_country(t, &v->result.countries[worst]);
    if (worst < v->difference_count) {
        put_difference(t, &v->differences[worst].availability, 100, 3, "%");
        put_difference(t, &v->differences[worst].p99_ms, 1, 1, "ms");
    } else {
        table_put(t, "-");
        table_put(t, "-");
    }
    table_put(t, "%s", v->result.verdict_count == 0 ? "-" : v->result.pass ? "pass" : "FAIL");
}

static void print_table(FILE *out, const struct scenario *s, const struct sweep_report *report)
{
    char titles[2048] = "VARIANT";
    size_t used = strlen(titles);
    for (size_t i = 0; i < s->sweep_count && used < sizeof titles / 2; i++)
        used += (size_t)snprintf(titles + used, sizeof titles - used, "|%.100s", s->sweep[i].path);
    snprintf(titles + used, sizeof titles - used,
             "|SERVERS|<WORST|ANSWERED|<95 %% INTERVAL|P99|SHED|ANSWERED - FIRST|P99 - "
             "FIRST|<EXPECTED");
    struct table t;
    table_titles(&t, titles);
    for (size_t i = 0; i < report->variant_count; i++)
        put_variant(&t, report, i);
    table_print(&t, out);
}

static void print_failures(FILE *out, const struct sweep_report *report)
{
    for (size_t i = 0; i < report->variant_count; i++) {
        const struct run_result *r = &report->variants[i].result;
        for (size_t k = 0; k < r->verdict_count; k++) {
            if (r->verdicts[k].pass)
                continue;
            fprintf(out, "variant %zu: ", i + 1);
            sim_print_verdict(out, &r->verdicts[k]);
        }
    }
}

void sweep_print(FILE *out, const char *name, const struct files *base,
                 const struct sweep_report *report)
{
    const struct sweep_variant *last = &report->variants[report->variant_count - 1];
    int64_t replications = report->variants[0].result.replications, events = 0;
    fprintf(out, "%s: %zu of %lld variants, %lld replication%s each, seed %lld%s\n\n", name,
            report->variant_count, (long long)report->planned, (long long)replications,
            replications == 1 ? "" : "s", (long long)report->seed,
            report->stopped ? " (stopped: what is known so far)" : "");
    print_table(out, &base->scenario, report);
    if (report->stopped && last->result.stopped)
        fprintf(out, "variant %zu was stopped after %lld of its replications\n",
                report->variant_count, (long long)last->result.replications);
    fprintf(out, "\n");
    print_failures(out, report);
    bool expects = base->scenario.expect_count > 0;
    if (expects && report->pass)
        fprintf(out, "pass  every expectation of every variant\n");
    for (size_t i = 0; i < report->variant_count; i++)
        events += report->variants[i].result.events;
    fprintf(out,
            "%s events in %.2f s; the worst country of each variant is shown, with the same "
            "country of variant 1\n",
            table_count(events), report->wall_s);
}
