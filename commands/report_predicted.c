/* Predicted beside measured: what can be known without the run that is shown beside it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/files.h"
#include "commands/load_report.h"
#include "commands/report_sections.h"
#include "commands/table.h"
#include "simulator/run.h"

enum { ROWS = 12 };

struct pair { /* a dumbbell; NaN: no interval */
    char name[80];
    double predicted, predicted_low, predicted_high;
    double seen, seen_low, seen_high;
};

static void put_values(struct page *p, const char *key, const struct pair *pair, size_t count,
                       size_t offset)
{
    page_put(p, ",\"%s\":[", key);
    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, (const char *)&pair[i] + offset, sizeof value);
        page_put(p, "%s", i == 0 ? "" : ",");
        page_number(p, value);
    }
    page_put(p, "]");
}

/* Up to the caption. */
static void put_dumbbells(struct page *p, const char *title, const char *x_title, bool log,
                          const char *predicted, const char *seen, const struct pair *pair,
                          size_t count)
{
    report_bars_begin(p, title, x_title);
    for (size_t i = 0; i < count; i++) {
        page_put(p, "%s", i == 0 ? "" : ",");
        page_json(p, pair[i].name);
    }
    page_put(p, "],\"dumbbells\":true,\"log\":%s,\"series\":[{\"name\":", log ? "true" : "false");
    page_json(p, predicted);
    put_values(p, "values", pair, count, offsetof(struct pair, predicted));
    put_values(p, "low", pair, count, offsetof(struct pair, predicted_low));
    put_values(p, "high", pair, count, offsetof(struct pair, predicted_high));
    page_put(p, "},{\"name\":");
    page_json(p, seen);
    put_values(p, "values", pair, count, offsetof(struct pair, seen));
    put_values(p, "low", pair, count, offsetof(struct pair, seen_low));
    put_values(p, "high", pair, count, offsetof(struct pair, seen_high));
    page_put(p, "}]");
}

static void set_predicted(struct pair *d, double value)
{
    d->predicted = value;
    d->predicted_low = d->predicted_high = (double)NAN;
}

static void set_seen(struct pair *d, const struct run_measure *m, double scale)
{
    d->seen = m->mean * scale;
    d->seen_low = m->ci95[0] * scale;
    d->seen_high = m->ci95[1] * scale;
}

/* ---- how busy servers are: by arithmetic, and simulated ---- */

/* A cell's demand in the measured part of the run, on average, over its peak. */
static double demand_share(const struct files *files, const struct run_result *r, size_t cell)
{
    enum { STEPS = 1000 };
    const struct scenario *s = &files->scenario;
    double sum = 0, from_us = r->warmup_s * 1e6;
    for (int i = 0; i < STEPS; i++) {
        double at_us = from_us + ((double)s->duration_us - from_us) * (i + 0.5) / STEPS;
        size_t slot = s->start_slot + (size_t)(at_us / (TOPO_SLOT_MIN * 60e6));
        sum += topo_cell_rps(&files->topo, &files->topo.cells[cell], slot % TOPO_SLOTS);
    }
    return sum / STEPS * s->load / files->plan.cells[cell].peak_rps;
}

static int by_predicted(const void *a, const void *b)
{
    double x = ((const struct pair *)a)->predicted, y = ((const struct pair *)b)->predicted;
    return x != y ? (x > y ? -1 : 1)
                  : strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

static void put_busy(struct page *p, const struct files *files, const struct run_result *r)
{
    size_t services = files->topo.service_count, count = 0;
    struct pair *pair = calloc(files->topo.cell_count * services, sizeof pair[0]);
    if (pair == NULL) {
        p->failed = true;
        return;
    }
    for (size_t i = 0; i < files->plan.cell_count; i++) {
        const struct capacity_cell *cell = &files->plan.cells[i];
        double share = demand_share(files, r, i);
        for (size_t k = 0; k < services && isfinite(share); k++) {
            const struct run_measure *m = &r->cells[i].services[k].busy;
            if (files->topo.services[k].store || isnan(m->mean))
                continue;
            struct pair *d = &pair[count++];
            snprintf(d->name, sizeof d->name, "%s of %s", cell->services[k].name, cell->name);
            set_predicted(d, cell->services[k].busy * share * 100);
            set_seen(d, m, 100);
        }
    }
    qsort(pair, count, sizeof pair[0], by_predicted);
    size_t shown = count < ROWS ? count : ROWS;
    if (shown > 0) {
        put_dumbbells(p, "How busy servers are", "% of their time", false, "by arithmetic",
                      "simulated", pair, shown);
        report_chart_end(p,
                         "By arithmetic: demand in the measured time, times work, over planned "
                         "servers. Simulated: means over %lld replications with 95 %% intervals; "
                         "retries, losses and what control started are in it. The %zu busiest of "
                         "%zu.",
                         (long long)r->replications, shown, count);
    }
    free(pair);
}

/* ---- shares: blast radius and caches ---- */

static void put_shares(struct page *p, const struct files *files, const struct run_result *r)
{
    struct pair pair[ROWS];
    size_t count = 0;
    const struct run_counted *c = &r->blast.counted;
    const struct run_measure customers = {r->blast.customers, {(double)NAN, (double)NAN}, 0};
    const struct run_measure requests = {r->blast.requests, {(double)NAN, (double)NAN}, 0};
    bool faults = files->scenario.fault_count > 0 && c->words != NULL;
    if (faults && !isnan(c->customers)) {
        snprintf(pair[count].name, sizeof pair[0].name, "customers touched");
        set_predicted(&pair[count], c->customers * 100);
        set_seen(&pair[count++], &customers, 100);
    }
    if (faults && !isnan(c->requests)) {
        snprintf(pair[count].name, sizeof pair[0].name, "requests lost");
        set_predicted(&pair[count], c->requests * 100);
        set_seen(&pair[count++], &requests, 100);
    }
    for (size_t i = 0; i < r->cache_count && count < ROWS; i++) {
        if (isnan(r->caches[i].expected) || isnan(r->caches[i].hit_ratio.mean))
            continue;
        snprintf(pair[count].name, sizeof pair[0].name, "found in caches for %s, %s",
                 r->caches[i].to, r->caches[i].cell);
        set_predicted(&pair[count], r->caches[i].expected * 100);
        set_seen(&pair[count++], &r->caches[i].hit_ratio, 100);
    }
    if (count == 0)
        return;
    put_dumbbells(p, "Counted and derived", "%", false, "without the simulation", "simulated", pair,
                  count);
    report_chart_end(p, "Touched and lost: counted without queues, retries and control; what it "
                        "leaves out is the difference. Caches: Che's approximation.");
}

/* ---- measured on a live system ---- */

/* The interval of a share by Wilson (1927), 95 %. */
static void wilson(double out[2], int64_t of, int64_t count)
{
    const double z = 1.959964;
    double n = (double)count, share = (double)of / n;
    double middle = (share + z * z / (2 * n)) / (1 + z * z / n);
    double half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    out[0] = fmax(0, middle - half);
    out[1] = fmin(1, middle + half);
}

static const struct run_country *country_of(const struct run_result *r, const char *name)
{
    for (size_t i = 0; i < r->country_count; i++)
        if (strcmp(r->countries[i].name, name) == 0)
            return &r->countries[i];
    return NULL;
}

static size_t add_latency(struct pair *d, const struct load_row *m, const char *word,
                          const struct run_measure *predicted, double seen)
{
    if (isnan(predicted->mean) || isnan(seen))
        return 0;
    snprintf(d->name, sizeof d->name, "%s %s", m->name, word);
    d->predicted = predicted->mean;
    d->predicted_low = predicted->ci95[0];
    d->predicted_high = predicted->ci95[1];
    d->seen = seen;
    d->seen_low = d->seen_high = (double)NAN;
    return 1;
}

static void put_live(struct page *p, const struct run_result *r, const struct load_summary *m)
{
    struct pair latency[ROWS], lost[ROWS];
    size_t latencies = 0, losts = 0, common = 0;
    for (size_t i = 0; i < m->country_count; i++) {
        const struct load_row *row = &m->countries[i];
        const struct run_country *c = country_of(r, row->name);
        common += c != NULL;
        if (c == NULL || row->requests == 0 || latencies + 3 > ROWS)
            continue;
        latencies += add_latency(&latency[latencies], row, "p50", &c->p50_ms, row->p50_ms);
        latencies += add_latency(&latency[latencies], row, "p99", &c->p99_ms, row->p99_ms);
        latencies += add_latency(&latency[latencies], row, "p99.9", &c->p999_ms, row->p999_ms);
        struct pair *d = &lost[losts++];
        double range[2];
        wilson(range, row->requests - row->ok, row->requests);
        snprintf(d->name, sizeof d->name, "%s", row->name);
        d->predicted = 100 - c->availability.mean * 100;
        d->predicted_low = 100 - c->availability.ci95[1] * 100;
        d->predicted_high = 100 - c->availability.ci95[0] * 100;
        d->seen = 100.0 * (double)(row->requests - row->ok) / (double)row->requests;
        d->seen_low = range[0] * 100;
        d->seen_high = range[1] * 100;
    }
    page_put(p, "<p>Measured: <code>");
    page_text(p, m->path);
    page_put(p,
             "</code>, %s requests in %.4g s. It is compared as it is: that the simulation has "
             "the same demand, faults and service times is up to who gives both. Simulated "
             "latencies count to the customer, with the way there.</p>\n",
             table_count(m->all.requests), m->wall_s);
    if (common == 0) {
        page_put(p, "<p class=\"warn\">! None of its countries is in the simulation.</p>\n");
        return;
    }
    if (latencies > 0) {
        put_dumbbells(p, "Latency", "ms", true, "simulated", "measured", latency, latencies);
        report_chart_end(p,
                         "Simulated: means over %lld replications with 95 %% intervals. Measured: "
                         "one run, from the planned send time; it has no interval.",
                         (long long)r->replications);
    }
    if (losts > 0) {
        put_dumbbells(p, "Requests lost", "%", false, "simulated", "measured", lost, losts);
        report_chart_end(p, "Simulated with its 95 %% interval; measured with Wilson's, as if "
                            "requests failed independently.");
    }
}

void report_predicted(struct page *p, const struct report_run *run)
{
    page_put(p, "<h2 id=\"predicted\">Predicted beside measured</h2>\n");
    if (run->measured == NULL)
        page_put(p, "<p>Nothing was measured on a live system: <code>--measured FILE</code> takes "
                    "what <code>bulkhead load --json</code> printed. What can be said without the "
                    "simulation stands beside it here.</p>\n");
    else
        put_live(p, run->result, run->measured);
    page_put(p, "<div class=\"plots\">\n");
    put_busy(p, run->files, run->result);
    put_shares(p, run->files, run->result);
    page_put(p, "</div>\n");
}
