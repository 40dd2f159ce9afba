#include "simulator/result.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "control/capacity.h"
#include "simulator/precision.h"
#include "simulator/run.h"
#include "simulator/stats.h"
#include "simulator/world.h"

/* ---- the result's tables ---- */

const char *const run_interval_words[] = {"none",        "replications",  "batch means",
                                          "exact bound", "run too short", NULL};
const char *const run_warmup_words[] = {"given", "found", "not settled", NULL};

static const struct json_field measure_fields[] = {
    JSON_F64(struct run_measure, mean, "mean", 0, 0, .nullable = true,
             .doc = "Mean over the replications"),
    JSON_PAIR(struct run_measure, ci95, "ci95", .nullable = true,
              .doc = "95 % interval; null where there is none"),
    JSON_WORD(struct run_measure, interval, "interval", run_interval_words,
              .doc = "What it is based on: Student's over replications; batch means, for the mean "
                     "latency of one replication without faults, unless the run is too short for "
                     "them; the exact binomial bound where no request failed"),
    JSON_END,
};

static const struct json_field background_fields[] = {
    JSON_I64(struct run_background, requests, "requests", 0, 0, .doc = "As for users"),
    JSON_I64(struct run_background, ok, "ok", 0, 0, .doc = "Answered"),
    JSON_I64(struct run_background, shed, "shed", 0, 0, .doc = "Refused in the end"),
    JSON_I64(struct run_background, failed, "failed", 0, 0,
             .doc = "Reset, timed out or answered with an error in the end"),
    JSON_OBJECT(struct run_background, mean_ms, "mean_ms", measure_fields,
                .doc = "Mean latency of answered requests"),
    JSON_END,
};

static const struct json_field country_fields[] = {
    JSON_I64(struct run_country, requests, "requests", 0, 0,
             .doc = "Requests of all replications, begun after the warm-up and ended"),
    JSON_I64(struct run_country, ok, "ok", 0, 0, .doc = "Answered"),
    JSON_I64(struct run_country, shed, "shed", 0, 0, .doc = "Refused in the end"),
    JSON_I64(struct run_country, failed, "failed", 0, 0,
             .doc = "Reset, timed out or answered with an error in the end"),
    JSON_I64(struct run_country, retries, "retries", 0, 0, .doc = "Tries after the first"),
    JSON_OBJECT(struct run_country, availability, "availability", measure_fields,
                .doc = "Share of requests that were answered"),
    JSON_OBJECT(struct run_country, shed_each, "shed_each", measure_fields,
                .doc = "Requests refused, per replication"),
    JSON_OBJECT(struct run_country, failed_each, "failed_each", measure_fields,
                .doc = "Requests that failed, per replication"),
    JSON_OBJECT(struct run_country, mean_ms, "mean_ms", measure_fields,
                .doc = "Mean latency, to compare with queueing theory; customers feel the tail"),
    JSON_OBJECT(struct run_country, p50_ms, "p50_ms", measure_fields,
                .doc = "Median latency of answered requests at the customer"),
    JSON_OBJECT(struct run_country, p99_ms, "p99_ms", measure_fields, .doc = "99th percentile"),
    JSON_OBJECT(struct run_country, p999_ms, "p999_ms", measure_fields, .doc = "99.9th percentile"),
    JSON_F64(struct run_country, max_ms, "max_ms", 0, 0, .nullable = true,
             .doc = "The slowest of all"),
    JSON_OBJECT(struct run_country, background, "background", background_fields,
                .doc = "Requests that no user waits for, which are not among the others"),
    JSON_END,
};

static const struct json_field service_fields[] = {
    JSON_I64(struct run_service, servers, "servers", 0, 0, .doc = "In all zones, as planned"),
    JSON_I64(struct run_service, tries_shed, "tries_shed", 0, 0,
             .doc = "Tries refused by a server"),
    JSON_OBJECT(
        struct run_service, busy, "busy", measure_fields,
        .doc =
            "Utilisation of the planned servers over the measured time, dead ones included; what "
            "control started besides can bring it above 1"),
    JSON_OBJECT(struct run_service, waiting, "waiting", measure_fields,
                .doc = "Tries that wait, in all servers: the mean number over the measured time"),
    JSON_OBJECT(struct run_service, in_system, "in_system", measure_fields,
                .doc = "Tries that wait or are worked on: the same"),
    JSON_I64(struct run_service, waiting_max, "waiting_max", 0, 0,
             .doc = "Most tries that waited at once, of all replications"),
    JSON_END,
};

static const struct json_field cell_fields[] = {
    JSON_MAP(struct run_cell, services, service_count, "services", struct run_service,
             service_fields, .doc = "By service"),
    JSON_END,
};

static const struct json_field blast_fields[] = {
    JSON_I64(struct run_blast, countries, "countries", 0, 0,
             .doc = "Countries that lost a request"),
    JSON_F64(struct run_blast, customers, "customers", 0, 0, .doc = "Their share of all customers"),
    JSON_F64(struct run_blast, requests, "requests", 0, 0,
             .doc = "Share of all requests that were lost"),
    JSON_END,
};

static const struct json_field verdict_fields[] = {
    JSON_STR(struct run_verdict, measure, "measure", .doc = "What was expected of"),
    JSON_STR(struct run_verdict, country, "country", .doc = "Which country"),
    JSON_F64(struct run_verdict, value, "value", 0, 0, .nullable = true,
             .doc = "The mean over the replications"),
    JSON_F64(struct run_verdict, low, "min", 0, 0, .nullable = true,
             .doc = "Least value; null: no bound"),
    JSON_F64(struct run_verdict, high, "max", 0, 0, .nullable = true,
             .doc = "Greatest value; null: no bound"),
    JSON_BOOL(struct run_verdict, pass, "pass", .doc = "The value lies within"),
    JSON_END,
};

static const struct json_field imprecise_fields[] = {
    JSON_STR(struct run_imprecise, measure, "measure", .doc = "Which measure"),
    JSON_STR(struct run_imprecise, country, "country", .doc = "Of which country"),
    JSON_F64(struct run_imprecise, relative, "relative", 0, 0, .nullable = true,
             .doc = "Half the width of its interval as a share of its mean, at the level that lets "
                    "all hold at once; null: nothing was seen"),
    JSON_F64(struct run_imprecise, wanted, "wanted", 0, 0, .doc = "What was asked for"),
    JSON_END,
};

const struct json_field run_fields[] = {
    JSON_I64(struct run_result, seed, "seed", 0, 0, .doc = "The seed"),
    JSON_I64(struct run_result, replications, "replications", 0, 0,
             .doc = "Replications that have ended"),
    JSON_BOOL(struct run_result, stopped, "stopped", .doc = "Stopped before all had"),
    JSON_BOOL(struct run_result, precise, "precise",
              .doc = "Every measure is as precise as the scenario's precision asks, or it asks "
                     "none; does not bear on pass or the exit status"),
    JSON_LIST(struct run_result, imprecise, imprecise_count, "imprecise", struct run_imprecise,
              imprecise_fields, .doc = "What is not"),
    JSON_F64(struct run_result, warmup_s, "warmup_s", 0, 0,
             .doc = "Simulated time at the beginning of each replication that was not measured"),
    JSON_WORD(struct run_result, warmup, "warmup", run_warmup_words,
              .doc = "Where it is from: given, found by warmup_auto, or the most that warmup_auto "
                     "may take, as the model had not settled by then"),
    JSON_I64(struct run_result, events, "events", 0, 0, .doc = "Events of all replications"),
    JSON_F64(struct run_result, wall_s, "wall_s", 0, 0, .doc = "Real time it took, seconds"),
    JSON_F64(struct run_result, events_per_s, "events_per_s", 0, 0,
             .doc = "Events per second of real time, without those that found the warm-up"),
    JSON_STR(struct run_result, digest, "digest",
             .doc = "Of every request's fate: same inputs and seed, same digest, everywhere"),
    JSON_BOOL(struct run_result, pass, "pass", .doc = "Every expectation holds"),
    JSON_STRS(struct run_result, warnings, warning_count, "warnings",
              .doc = "What makes the result less than it seems, each with its place"),
    JSON_OBJECT(struct run_result, blast, "blast_radius", blast_fields,
                .doc = "Whom the faults touched"),
    JSON_MAP(struct run_result, countries, country_count, "countries", struct run_country,
             country_fields, .doc = "By country"),
    JSON_MAP(struct run_result, cells, cell_count, "cells", struct run_cell, cell_fields,
             .doc = "By cell"),
    JSON_LIST(struct run_result, verdicts, verdict_count, "expect", struct run_verdict,
              verdict_fields, .doc = "What was expected, and what came"),
    JSON_END,
};

/* ---- samples ---- */

int result_sample_init(struct result_sample *sample, const struct topo *topo, struct arena *a)
{
    size_t groups = topo->cell_count * topo->service_count;
    *sample = (struct result_sample){0};
    sample->country = arena_alloc(a, topo->country_count, sizeof sample->country[0]);
    sample->tries_shed = arena_alloc(a, groups, sizeof sample->tries_shed[0]);
    sample->busy_ns = arena_alloc(a, groups, sizeof sample->busy_ns[0]);
    sample->wait_ns = arena_alloc(a, groups, sizeof sample->wait_ns[0]);
    sample->waiting_max = arena_alloc(a, groups, sizeof sample->waiting_max[0]);
    bool room = sample->country != NULL && sample->tries_shed != NULL && sample->busy_ns != NULL &&
                sample->wait_ns != NULL && sample->waiting_max != NULL;
    return room ? 0 : -1;
}

static struct result_background background_of(const struct world_background_count *c)
{
    return (struct result_background){
        .requests = c->requests,
        .ok = c->ok,
        .shed = c->shed,
        .failed = c->failed,
        .mean_ms = c->ok > 0 ? (double)c->latency_us / 1000 / (double)c->ok : (double)NAN,
    };
}

void result_sample_take(struct result_sample *sample, const struct world_count *count,
                        const struct topo *topo)
{
    sample->events = count->events;
    sample->digest = count->digest;
    for (size_t i = 0; i < topo->country_count; i++) {
        const struct world_country_count *c = &count->country[i];
        sample->country[i] = (struct result_country){
            .requests = c->requests,
            .ok = c->ok,
            .shed = c->shed,
            .failed = c->failed,
            .retries = c->retries,
            .mean_ms = c->ok > 0 ? (double)c->latency.sum_us / 1000 / (double)c->ok : (double)NAN,
            .p50_ms = hist_quantile_us(&c->latency, 0.5) / 1000,
            .p99_ms = hist_quantile_us(&c->latency, 0.99) / 1000,
            .p999_ms = hist_quantile_us(&c->latency, 0.999) / 1000,
            .max_ms = c->ok > 0 ? (double)c->latency.max_us / 1000 : (double)NAN,
            .background = background_of(&c->background),
            .mean_half_ms =
                c->series.bin != NULL ? series_half_width(&c->series, 0.95) / 1000 : (double)NAN,
        };
    }
    for (size_t i = 0; i < topo->cell_count * topo->service_count; i++) {
        sample->tries_shed[i] = count->group[i].tries_shed;
        sample->busy_ns[i] = count->group[i].busy_ns;
        sample->wait_ns[i] = count->group[i].wait_ns;
        sample->waiting_max[i] = count->group[i].waiting_max;
    }
}

/* ---- measures ---- */

static struct run_measure measure_of(const struct stats *s)
{
    double half = stats_half_width(s, 0.95);
    struct run_measure m = {s->count == 0 ? (double)NAN : s->mean,
                            {s->mean - half, s->mean + half},
                            s->count < 2 ? INTERVAL_NONE : INTERVAL_REPLICATIONS};
    return m;
}

/* An availability's interval stays within 0..1, and where nothing failed says how little that
 * proves: the replications' scatter is zero then, not the doubt. */
static struct run_measure availability_of(const struct stats *s, int64_t requests, int64_t ok)
{
    struct run_measure m = measure_of(s);
    if (requests > 0 && ok == requests) {
        m.ci95[0] = 1 - stats_none_seen(requests, 0.95);
        m.ci95[1] = 1;
        m.interval = INTERVAL_EXACT;
    }
    if (m.ci95[0] < 0)
        m.ci95[0] = 0;
    if (m.ci95[1] > 1)
        m.ci95[1] = 1;
    return m;
}

/* One replication's value; NaN: it has none. */
static double value_of(const struct result_country *c, int measure)
{
    switch (measure) {
    case MEASURE_AVAILABILITY:
        return c->requests > 0 ? (double)c->ok / (double)c->requests : (double)NAN;
    case MEASURE_SHED:
        return (double)c->shed;
    case MEASURE_FAILED:
        return (double)c->failed;
    case MEASURE_P99:
        return c->p99_ms;
    case MEASURE_MEAN:
        return c->mean_ms;
    case MEASURE_P50:
        return c->p50_ms;
    default:
        return c->p999_ms;
    }
}

void result_tally(struct result_tally *tally, const struct result_sample *const *samples, size_t n,
                  size_t index)
{
    *tally = (struct result_tally){.max_ms = (double)NAN};
    for (size_t i = 0; i < n; i++) {
        const struct result_country *c = &samples[i]->country[index];
        tally->requests += c->requests;
        tally->ok += c->ok;
        tally->shed += c->shed;
        tally->failed += c->failed;
        tally->retries += c->retries;
        if (isnan(tally->max_ms) || c->max_ms > tally->max_ms)
            tally->max_ms = c->max_ms;
        for (int m = 0; m < MEASURE_COUNT; m++) {
            double value = value_of(c, m);
            if (!isnan(value))
                stats_add(&tally->measure[m], value);
        }
    }
}

/* The mean of a single run without faults has an interval all the same. */
static void batch_interval(struct run_measure *mean, double half_ms)
{
    mean->interval = isnan(half_ms) ? INTERVAL_TOO_SHORT : INTERVAL_BATCHES;
    mean->ci95[0] = mean->mean - half_ms;
    mean->ci95[1] = mean->mean + half_ms;
}

static void fill_background(struct run_background *background, size_t index,
                            const struct result_sample *const *samples, size_t n)
{
    struct stats mean = {0};
    for (size_t i = 0; i < n; i++) {
        const struct result_background *b = &samples[i]->country[index].background;
        background->requests += b->requests;
        background->ok += b->ok;
        background->shed += b->shed;
        background->failed += b->failed;
        if (!isnan(b->mean_ms))
            stats_add(&mean, b->mean_ms);
    }
    background->mean_ms = measure_of(&mean);
}

static void fill_country(struct run_country *country, size_t index,
                         const struct result_sample *const *samples, size_t n,
                         const struct scenario *scenario)
{
    struct result_tally tally;
    result_tally(&tally, samples, n, index);
    country->requests = tally.requests;
    country->ok = tally.ok;
    country->shed = tally.shed;
    country->failed = tally.failed;
    country->retries = tally.retries;
    country->max_ms = tally.max_ms;
    country->availability =
        availability_of(&tally.measure[MEASURE_AVAILABILITY], tally.requests, tally.ok);
    country->shed_each = measure_of(&tally.measure[MEASURE_SHED]);
    country->failed_each = measure_of(&tally.measure[MEASURE_FAILED]);
    country->mean_ms = measure_of(&tally.measure[MEASURE_MEAN]);
    country->p50_ms = measure_of(&tally.measure[MEASURE_P50]);
    country->p99_ms = measure_of(&tally.measure[MEASURE_P99]);
    country->p999_ms = measure_of(&tally.measure[MEASURE_P999]);
    if (n == 1 && scenario->fault_count == 0)
        batch_interval(&country->mean_ms, samples[0]->country[index].mean_half_ms);
}

static int fill_cell(struct run_cell *cell, size_t index,
                     const struct result_sample *const *samples, size_t n, const struct topo *topo,
                     const struct capacity_plan *plan, const struct scenario *scenario,
                     struct arena *a)
{
    cell->name = topo->cells[index].name;
    cell->service_count = topo->service_count;
    cell->services = arena_alloc(a, cell->service_count, sizeof cell->services[0]);
    if (cell->services == NULL)
        return -1;
    double measured_ns = (double)(scenario->duration_us - scenario->warmup_us) * 1000;
    for (size_t i = 0; i < cell->service_count; i++) {
        struct run_service *service = &cell->services[i];
        struct stats busy = {0}, waiting = {0}, in_system = {0};
        service->name = topo->services[i].name;
        service->servers = plan->cells[index].services[i].servers;
        double slots = (double)(service->servers * topo->services[i].concurrency);
        for (size_t k = 0; k < n; k++) {
            size_t group = index * topo->service_count + i;
            double busy_ns = (double)samples[k]->busy_ns[group];
            double wait_ns = (double)samples[k]->wait_ns[group];
            stats_add(&busy, busy_ns / (measured_ns * slots));
            stats_add(&waiting, wait_ns / measured_ns);
            stats_add(&in_system, (wait_ns + busy_ns) / measured_ns);
            service->tries_shed += samples[k]->tries_shed[group];
            if (service->waiting_max < samples[k]->waiting_max[group])
                service->waiting_max = samples[k]->waiting_max[group];
        }
        service->busy = measure_of(&busy);
        service->waiting = measure_of(&waiting);
        service->in_system = measure_of(&in_system);
    }
    return 0;
}

static void fill_blast(struct run_result *result, const struct topo *topo)
{
    double customers = 0, touched = 0, requests = 0, lost = 0;
    for (size_t i = 0; i < topo->country_count; i++) {
        const struct run_country *country = &result->countries[i];
        customers += (double)topo->countries[i].customers;
        requests += (double)country->requests;
        if (country->ok == country->requests)
            continue;
        result->blast.countries++;
        touched += (double)topo->countries[i].customers;
        lost += (double)(country->requests - country->ok);
    }
    result->blast.customers = touched / customers;
    result->blast.requests = requests > 0 ? lost / requests : 0;
}

/* ---- expectations ---- */

static double measured(const struct run_country *country, int measure)
{
    switch (measure) {
    case MEASURE_AVAILABILITY:
        return country->availability.mean;
    case MEASURE_SHED:
        return country->shed_each.mean;
    case MEASURE_FAILED:
        return country->failed_each.mean;
    case MEASURE_P99:
        return country->p99_ms.mean;
    case MEASURE_MEAN:
        return country->mean_ms.mean;
    case MEASURE_P50:
        return country->p50_ms.mean;
    default:
        return country->p999_ms.mean;
    }
}

static int fill_verdicts(struct run_result *result, const struct scenario *scenario,
                         struct arena *a)
{
    result->pass = true;
    result->verdicts =
        arena_alloc(a, scenario->expect_count * result->country_count, sizeof result->verdicts[0]);
    if (result->verdicts == NULL)
        return -1;
    for (size_t i = 0; i < scenario->expect_count; i++) {
        const struct scenario_expect *e = &scenario->expect[i];
        for (size_t c = 0; c < result->country_count; c++) {
            const struct run_country *country = &result->countries[c];
            if (e->country != NULL && strcmp(e->country, country->name) != 0)
                continue;
            struct run_verdict *v = &result->verdicts[result->verdict_count++];
            v->measure = scenario_measure_words[e->measure];
            v->country = country->name;
            v->value = measured(country, e->measure);
            v->low = e->low > -1e300 ? e->low : (double)NAN;
            v->high = e->high < 1e300 ? e->high : (double)NAN;
            v->pass = v->value >= e->low && v->value <= e->high; /* NaN: nothing seen, no pass */
            result->pass = result->pass && v->pass;
        }
    }
    return 0;
}

int result_fill(struct run_result *result, const struct result_sample *const *samples, size_t n,
                const struct topo *topo, const struct capacity_plan *plan,
                const struct scenario *scenario, struct arena *a, struct error *err)
{
    uint64_t digest = 0;
    for (size_t i = 0; i < n; i++) {
        result->events += samples[i]->events;
        digest = (digest ^ samples[i]->digest) * 0xd1342543de82ef95u;
        digest = (digest ^ (uint64_t)samples[i]->events) * 0xd1342543de82ef95u;
    }
    result->digest = arena_format(a, "%016llx", (unsigned long long)digest);
    result->country_count = topo->country_count;
    result->countries = arena_alloc(a, topo->country_count, sizeof result->countries[0]);
    result->cell_count = topo->cell_count;
    result->cells = arena_alloc(a, topo->cell_count, sizeof result->cells[0]);
    if (result->digest == NULL || result->countries == NULL || result->cells == NULL)
        return error_memory(err);
    for (size_t i = 0; i < topo->country_count; i++) {
        result->countries[i].name = topo->countries[i].name;
        fill_country(&result->countries[i], i, samples, n, scenario);
        fill_background(&result->countries[i].background, i, samples, n);
    }
    fill_blast(result, topo);
    for (size_t i = 0; i < topo->cell_count; i++)
        if (fill_cell(&result->cells[i], i, samples, n, topo, plan, scenario, a) != 0)
            return error_memory(err);
    if (fill_verdicts(result, scenario, a) != 0)
        return error_memory(err);
    return precision_fill(result, samples, n, topo, scenario, a, err);
}
