#include "simulator/result.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "control/blast.h"
#include "control/capacity.h"
#include "simulator/parts.h"
#include "simulator/precision.h"
#include "simulator/run.h"
#include "simulator/stats.h"
#include "simulator/world.h"

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
    sample->server_ns = arena_alloc(a, groups, sizeof sample->server_ns[0]);
    sample->tries = arena_alloc(a, groups, sizeof sample->tries[0]);
    sample->copies = arena_alloc(a, groups, sizeof sample->copies[0]);
    bool room = parts_sample_init(sample, topo, a) == 0 && sample->country != NULL &&
                sample->tries_shed != NULL && sample->busy_ns != NULL && sample->wait_ns != NULL &&
                sample->waiting_max != NULL && sample->server_ns != NULL && sample->tries != NULL &&
                sample->copies != NULL;
    return room ? 0 : -1;
}

static double mean_ms(const struct hist *h, int64_t ok)
{
    return ok > 0 ? (double)h->sum_us / 1000 / (double)ok : (double)NAN;
}

static struct result_background background_of(const struct world_background_count *c)
{
    return (struct result_background){
        .requests = c->requests,
        .ok = c->ok,
        .shed = c->shed,
        .failed = c->failed,
        .mean_ms = mean_ms(&c->latency, c->ok),
        .p50_ms = hist_quantile_us(&c->latency, 0.5) / 1000,
        .p99_ms = hist_quantile_us(&c->latency, 0.99) / 1000,
        .p999_ms = hist_quantile_us(&c->latency, 0.999) / 1000,
    };
}

static struct recover_times times_of(const struct world_count *count,
                                     const struct world_country_count *c, int64_t end_ns)
{
    if (c->course.bin != NULL)
        return recover_read(&c->course, count->fault_first_ns, count->fault_last_ns, end_ns);
    return (struct recover_times){(double)NAN, (double)NAN, (double)NAN, (double)NAN};
}

void result_sample_take(struct result_sample *sample, const struct world_count *count,
                        const struct topo *topo, int64_t end_ns)
{
    sample->events = count->events;
    sample->digest = count->digest;
    sample->shifts = count->shifts;
    sample->retired = count->retired;
    sample->detect_s = count->detect_ns < 0
                           ? (double)NAN
                           : (double)(count->detect_ns - count->fault_first_ns) * 1e-9;
    for (size_t i = 0; i < topo->country_count; i++) {
        const struct world_country_count *c = &count->country[i];
        sample->country[i] = (struct result_country){
            .requests = c->requests,
            .ok = c->ok,
            .shed = c->shed,
            .failed = c->failed,
            .retries = c->retries,
            .again = c->again,
            .mean_ms = mean_ms(&c->latency, c->ok),
            .p50_ms = hist_quantile_us(&c->latency, 0.5) / 1000,
            .p99_ms = hist_quantile_us(&c->latency, 0.99) / 1000,
            .p999_ms = hist_quantile_us(&c->latency, 0.999) / 1000,
            .max_ms = c->ok > 0 ? (double)c->latency.max_us / 1000 : (double)NAN,
            .times = times_of(count, c, end_ns),
            .customers_hurt = c->customers_hurt,
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
        sample->server_ns[i] = count->group[i].server_ns;
        sample->tries[i] = count->group[i].tries;
        sample->copies[i] = count->group[i].copies;
    }
    parts_sample_take(sample, count, topo);
}

/* ---- measures ---- */

struct run_measure result_measure(const struct stats *s)
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
    struct run_measure m = result_measure(s);
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
    case MEASURE_HURT:
        return c->times.hurt_s;
    case MEASURE_MITIGATE:
        return c->times.mitigate_s;
    case MEASURE_RECOVER:
        return c->times.recover_s;
    case MEASURE_RECOVERED:
        return c->times.recovered;
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
        tally->again += c->again;
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

static void add_known(struct stats *s, double value)
{
    if (!isnan(value))
        stats_add(s, value);
}

static void fill_background(struct run_background *background, size_t index,
                            const struct result_sample *const *samples, size_t n)
{
    struct stats mean = {0}, p50 = {0}, p99 = {0}, p999 = {0};
    for (size_t i = 0; i < n; i++) {
        const struct result_background *b = &samples[i]->country[index].background;
        background->requests += b->requests;
        background->ok += b->ok;
        background->shed += b->shed;
        background->failed += b->failed;
        add_known(&mean, b->mean_ms);
        add_known(&p50, b->p50_ms);
        add_known(&p99, b->p99_ms);
        add_known(&p999, b->p999_ms);
    }
    background->mean_ms = result_measure(&mean);
    background->p50_ms = result_measure(&p50);
    background->p99_ms = result_measure(&p99);
    background->p999_ms = result_measure(&p999);
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
    country->again = tally.again;
    country->max_ms = tally.max_ms;
    country->availability =
        availability_of(&tally.measure[MEASURE_AVAILABILITY], tally.requests, tally.ok);
    country->shed_each = result_measure(&tally.measure[MEASURE_SHED]);
    country->failed_each = result_measure(&tally.measure[MEASURE_FAILED]);
    country->mean_ms = result_measure(&tally.measure[MEASURE_MEAN]);
    country->p50_ms = result_measure(&tally.measure[MEASURE_P50]);
    country->p99_ms = result_measure(&tally.measure[MEASURE_P99]);
    country->p999_ms = result_measure(&tally.measure[MEASURE_P999]);
    country->hurt_s = result_measure(&tally.measure[MEASURE_HURT]);
    country->mitigate_s = result_measure(&tally.measure[MEASURE_MITIGATE]);
    country->recover_s = result_measure(&tally.measure[MEASURE_RECOVER]);
    country->recovered = result_measure(&tally.measure[MEASURE_RECOVERED]);
    if (n == 1 && scenario->fault_count == 0)
        batch_interval(&country->mean_ms, samples[0]->country[index].mean_half_ms);
}

static void fill_hurt(struct run_country *country, size_t index, double customers,
                      const struct result_sample *const *samples, size_t n)
{
    struct stats who = {0};
    for (size_t i = 0; i < n; i++)
        stats_add(&who, (double)samples[i]->country[index].customers_hurt / customers);
    country->customers_hurt = result_measure(&who);
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
        struct stats busy = {0}, waiting = {0}, in_system = {0}, hours = {0};
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
            stats_add(&hours, (double)samples[k]->server_ns[group] / 3.6e12);
            service->tries += samples[k]->tries[group];
            service->copies += samples[k]->copies[group];
            service->tries_shed += samples[k]->tries_shed[group];
            if (service->waiting_max < samples[k]->waiting_max[group])
                service->waiting_max = samples[k]->waiting_max[group];
        }
        service->busy = result_measure(&busy);
        service->waiting = result_measure(&waiting);
        service->in_system = result_measure(&in_system);
        service->server_hours = result_measure(&hours);
    }
    return 0;
}

/* What happened, and beside it what counting alone says. */
static int fill_blast(struct run_result *result, const struct topo *topo,
                      const struct capacity_plan *plan, const struct scenario *scenario,
                      struct arena *a)
{
    struct blast counted;
    blast_count(&counted, topo, plan, scenario);
    result->blast.counted = (struct run_counted){
        .countries = counted.countries,
        .customers = counted.customers,
        .requests = counted.requests,
        .words = arena_format(a, "%s", counted.words),
    };
    double customers = 0, touched = 0, requests = 0, lost = 0;
    for (size_t i = 0; i < topo->country_count; i++) {
        const struct run_country *country = &result->countries[i];
        customers += (double)topo->countries[i].customers;
        requests += (double)country->requests;
        if (country->ok == country->requests)
            continue;
        bool apart = country->customers_hurt.mean > 0; /* or else any of them may have been */
        result->blast.countries++;
        touched +=
            (double)topo->countries[i].customers * (apart ? country->customers_hurt.mean : 1);
        lost += (double)(country->requests - country->ok);
    }
    result->blast.customers = touched / customers;
    result->blast.requests = requests > 0 ? lost / requests : 0;
    return result->blast.counted.words != NULL ? 0 : -1;
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
    case MEASURE_HURT:
        return country->hurt_s.mean;
    case MEASURE_MITIGATE:
        return country->mitigate_s.mean;
    case MEASURE_RECOVER:
        return country->recover_s.mean;
    case MEASURE_RECOVERED:
        return country->recovered.mean;
    default:
        return country->p999_ms.mean;
    }
}

static void judge(struct run_result *result, const struct scenario_expect *e, const char *country,
                  const char *cell, double value)
{
    struct run_verdict *v = &result->verdicts[result->verdict_count++];
    *v = (struct run_verdict){
        .measure = scenario_measure_words[e->measure],
        .country = country,
        .cell = cell,
        .value = value,
        .low = e->low > -1e300 ? e->low : (double)NAN,
        .high = e->high < 1e300 ? e->high : (double)NAN,
        .pass = value >= e->low && value <= e->high, /* NaN: nothing seen, no pass */
    };
    result->pass = result->pass && v->pass;
}

static int fill_verdicts(struct run_result *result, const struct result_sample *const *samples,
                         size_t n, const struct topo *topo, const struct scenario *scenario,
                         struct arena *a)
{
    size_t most = topo->country_count > topo->cell_count ? topo->country_count : topo->cell_count;
    result->pass = true;
    result->verdicts = arena_alloc(a, scenario->expect_count * most, sizeof result->verdicts[0]);
    if (result->verdicts == NULL)
        return -1;
    for (size_t i = 0; i < scenario->expect_count; i++) {
        const struct scenario_expect *e = &scenario->expect[i];
        for (size_t c = 0; e->measure < MEASURE_COUNT && c < result->country_count; c++) {
            const struct run_country *country = &result->countries[c];
            if (e->country == NULL || strcmp(e->country, country->name) == 0)
                judge(result, e, country->name, NULL, measured(country, e->measure));
        }
        for (size_t c = 0; e->measure >= MEASURE_COUNT && c < topo->cell_count; c++) {
            const char *cell = topo->cells[c].name;
            if (e->cell == NULL || strcmp(e->cell, cell) == 0)
                judge(result, e, NULL, cell, parts_measured(samples, n, topo, c, e->measure));
        }
    }
    return 0;
}

int result_fill(struct run_result *result, const struct result_sample *const *samples, size_t n,
                const struct topo *topo, const struct capacity_plan *plan,
                const struct scenario *scenario, struct arena *a, struct error *err)
{
    uint64_t digest = 0;
    struct stats detect = {0};
    for (size_t i = 0; i < n; i++) {
        add_known(&detect, samples[i]->detect_s);
        result->shifts += samples[i]->shifts;
        result->retired += samples[i]->retired;
        result->events += samples[i]->events;
        digest = (digest ^ samples[i]->digest) * 0xd1342543de82ef95u;
        digest = (digest ^ (uint64_t)samples[i]->events) * 0xd1342543de82ef95u;
    }
    result->detect_s = result_measure(&detect);
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
        fill_hurt(&result->countries[i], i, (double)topo->countries[i].customers, samples, n);
    }
    if (fill_blast(result, topo, plan, scenario, a) != 0)
        return error_memory(err);
    for (size_t i = 0; i < topo->cell_count; i++)
        if (fill_cell(&result->cells[i], i, samples, n, topo, plan, scenario, a) != 0)
            return error_memory(err);
    if (parts_fill(result, samples, n, topo, scenario, a) != 0 ||
        fill_verdicts(result, samples, n, topo, scenario, a) != 0)
        return error_memory(err);
    return precision_fill(result, samples, n, topo, scenario, a, err);
}
