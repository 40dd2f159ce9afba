/* The main numbers of a simulation's report. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "commands/baseline.h"
#include "commands/report_sections.h"
#include "commands/table.h"

enum { SMALL = 320 };

/* ---- beside the baseline ---- */

/* The difference of country `name` to the baseline's, at `offset` in struct run_difference; NULL:
 * there is none. */
static const struct run_measure *difference_of(const struct run_result *r, const char *name,
                                               size_t offset)
{
    for (size_t i = 0; i < r->difference_count; i++)
        if (strcmp(r->differences[i].country, name) == 0)
            return (const struct run_measure *)(const void *)((const char *)&r->differences[i] +
                                                              offset);
    return NULL;
}

/* Append to what stands under a number. */
static void more(char small[SMALL], const char *format, ...) __attribute__((format(printf, 2, 3)));

static void more(char small[SMALL], const char *format, ...)
{
    size_t used = strlen(small);
    va_list args;
    va_start(args, format);
    vsnprintf(small + used, SMALL - used, format, args);
    va_end(args);
}

static void more_difference(char small[SMALL], const struct run_measure *m, double scale,
                            const char *unit)
{
    char range[REPORT_RANGE];
    if (m == NULL || isnan(m->mean))
        return;
    report_range(range, m, scale, "%+.3g");
    more(small, "\n%+.3g %s to the baseline", m->mean * scale + 0.0, unit);
    if (!isnan(m->ci95[0]))
        more(small, " (%s)", range);
}

/* ---- the boxes ---- */

static void put_ms(struct page *p, const char *name, const struct run_measure *m,
                   const struct run_measure *difference, const char *country)
{
    char range[REPORT_RANGE], small[SMALL];
    report_range(range, m, 1, "%.3g");
    snprintf(small, sizeof small, "%s, the slowest%s%s", country, range[0] == '-' ? "" : "; ",
             range[0] == '-' ? "" : range);
    more_difference(small, difference, 1, "ms");
    if (isnan(m->mean))
        report_number(p, name, "no answer", "-");
    else
        report_number(p, name, small, "%.3g ms", m->mean);
}

/* The country where it took longest; at `offset` of struct run_country. */
static void put_seconds(struct page *p, const char *name, const struct run_result *r, size_t offset,
                        size_t difference, const char *zero, const char *none)
{
    const struct run_measure *most = NULL;
    const char *whose = "";
    char small[SMALL], text[REPORT_SECONDS];
    for (size_t i = 0; i < r->country_count; i++) {
        const struct run_measure *m =
            (const struct run_measure *)(const void *)((const char *)&r->countries[i] + offset);
        if (!isnan(m->mean) && (most == NULL || m->mean > most->mean)) {
            most = m;
            whose = r->countries[i].name;
        }
    }
    if (most == NULL) {
        report_number(p, name, none, "-");
        return;
    }
    report_seconds(text, most->mean, (double)NAN, 0);
    if (most->mean > 0)
        snprintf(small, sizeof small, "%s, the longest", whose);
    else
        snprintf(small, sizeof small, "%s", zero);
    if (most->mean > 0 && !isnan(most->ci95[0]))
        more(small, "; %.3g .. %.3g s", fmax(0, most->ci95[0]), most->ci95[1]);
    more_difference(small, difference_of(r, whose, difference), 1, "s");
    report_number(p, name, small, "%s", text);
}

static const struct run_country *worst_of(const struct run_result *r, bool by_latency)
{
    const struct run_country *worst = &r->countries[0];
    for (size_t i = 1; i < r->country_count; i++) {
        const struct run_country *c = &r->countries[i];
        if (by_latency ? c->p99_ms.mean > worst->p99_ms.mean || isnan(worst->p99_ms.mean)
                       : c->availability.mean < worst->availability.mean ||
                             isnan(worst->availability.mean))
            worst = c;
    }
    return worst;
}

static void put_answers(struct page *p, const struct run_result *r, const struct baseline *b)
{
    int64_t requests = 0, lost = 0, other = 0;
    char small[SMALL];
    const struct run_country *worst = worst_of(r, false), *slow = worst_of(r, true);
    for (size_t i = 0; i < r->country_count; i++) {
        requests += r->countries[i].requests;
        lost += r->countries[i].requests - r->countries[i].ok;
    }
    snprintf(small, sizeof small, "%s, the least", worst->name);
    if (!isnan(worst->availability.ci95[0]))
        more(small, "; %s .. %s", table_nines(worst->availability.ci95[0]),
             table_nines(worst->availability.ci95[1]));
    more_difference(small,
                    difference_of(r, worst->name, offsetof(struct run_difference, availability)),
                    100, "% points");
    report_number(p, "Availability", small, "%s",
                  isnan(worst->availability.mean) ? "-" : table_nines(worst->availability.mean));
    snprintf(small, sizeof small, "of %s, in all replications", table_count(requests));
    for (size_t i = 0; b != NULL && i < b->result.country_count; i++)
        other += b->result.countries[i].requests - b->result.countries[i].ok;
    if (b != NULL)
        more(small, "\n%s in the baseline", table_count(other));
    report_number(p, "Requests lost", small, "%s", table_count(lost));
    put_ms(p, "p50", &slow->p50_ms,
           difference_of(r, slow->name, offsetof(struct run_difference, p50_ms)), slow->name);
    put_ms(p, "p99", &slow->p99_ms,
           difference_of(r, slow->name, offsetof(struct run_difference, p99_ms)), slow->name);
    put_ms(p, "p99.9", &slow->p999_ms,
           difference_of(r, slow->name, offsetof(struct run_difference, p999_ms)), slow->name);
    report_number(p, "Slowest answer", slow->name, isnan(slow->max_ms) ? "-" : "%.4g ms",
                  slow->max_ms);
}

static void put_orders(struct page *p, const struct run_result *r)
{
    int64_t placed = 0, lost = 0, dead = 0;
    char small[SMALL];
    for (size_t i = 0; i < r->pipeline_count; i++) {
        const struct run_pipeline *o = &r->pipelines[i];
        placed += o->placed;
        lost += o->lost + o->doubled + o->torn;
        dead += o->dead;
    }
    if (r->pipeline_count == 0)
        return;
    snprintf(small, sizeof small, "of %s placed, doubled and torn ones too; %s given up as dead",
             table_count(placed), table_count(dead));
    report_number(p, "Orders lost", small, "%s", table_count(lost));
}

static void put_blast(struct page *p, const struct run_result *r, const struct baseline *b)
{
    const struct run_counted *c = &r->blast.counted;
    char small[SMALL];
    snprintf(small, sizeof small, "with %s of the customers; %s of the requests lost",
             table_percent(r->blast.customers, 1), table_percent(r->blast.requests, 3));
    if (b != NULL)
        more(small, "\nbaseline: %lld of %zu; %s lost", (long long)b->result.blast.countries,
             b->result.country_count, table_percent(b->result.blast.requests, 3));
    report_number(p, "Blast radius, simulated", small, "%lld of %zu countries",
                  (long long)r->blast.countries, r->country_count);
    if (c->words == NULL)
        return;
    snprintf(small, sizeof small, "with %s of the customers", table_percent(c->customers, 1));
    if (!isnan(c->requests))
        more(small, "; %s of the requests", table_percent(c->requests, 3));
    more(small, "%s%s", c->words[0] != '\0' ? "\n" : "", c->words);
    if (c->countries == 0)
        snprintf(small, sizeof small, "none: what is left can carry it all%s%s",
                 c->words[0] != '\0' ? "\n" : "", c->words);
    report_number(p, "Blast radius, counted", small, "%lld of %zu countries",
                  (long long)c->countries, r->country_count);
}

static void put_fault_times(struct page *p, const struct run_result *r)
{
    char text[REPORT_SECONDS], small[SMALL] = "a server was left out";
    report_seconds(text, r->detect_s.mean, (double)NAN, 0);
    if (!isnan(r->detect_s.ci95[0]))
        more(small, "; %.3g .. %.3g ms", fmax(0, r->detect_s.ci95[0]) * 1000,
             r->detect_s.ci95[1] * 1000);
    if (isnan(r->detect_s.mean))
        report_number(p, "Detected", "no server was left out", "-");
    else
        report_number(p, "Detected after", small, "%s", text);
    put_seconds(p, "Routed round after", r, offsetof(struct run_country, mitigate_s),
                offsetof(struct run_difference, mitigate_s), "never was more than 1 % lost",
                "not felt");
    put_seconds(p, "Recovered after", r, offsetof(struct run_country, recover_s),
                offsetof(struct run_difference, recover_s), "nothing was lost behind its end",
                "still hurt, or the fault lasted to the end");
}

static double price_of(const struct topo *t, const char *region)
{
    for (size_t i = 0; i < t->candidate_count && region != NULL; i++)
        if (strcmp(t->candidates[i].region, region) == 0)
            return t->candidates[i].price;
    return 0;
}

/* What the planned servers cost; 0: the topology has no prices, or not of all regions. */
static double cost_of(const struct files *files)
{
    double cost = 0;
    for (size_t i = 0; i < files->plan.cell_count; i++) {
        const struct capacity_cell *cell = &files->plan.cells[i];
        double price = price_of(&files->topo, cell->region);
        if (!(price > 0))
            return 0;
        cost += price * (double)cell->servers;
    }
    return cost;
}

static void put_servers(struct page *p, const struct report_run *run)
{
    const struct files *files = run->files;
    double hours = 0, cost = cost_of(files);
    char small[SMALL];
    for (size_t i = 0; i < run->result->cell_count; i++)
        for (size_t k = 0; k < run->result->cells[i].service_count; k++)
            hours += run->result->cells[i].services[k].server_hours.mean;
    snprintf(small, sizeof small, "as planned, in all cells; %.4g server hours a replication",
             hours);
    if (run->baseline != NULL)
        more(small, "\n%+lld to the baseline",
             (long long)(files->plan.servers - run->baseline->files.plan.servers));
    report_number(p, "Servers", small, "%s", table_count(files->plan.servers));
    if (cost > 0)
        report_number(p, "Cost", "of the planned servers, by the topology's prices", "%.6g", cost);
}

void report_numbers(struct page *p, const struct report_run *run)
{
    const struct run_result *r = run->result;
    page_put(p, "<h2 id=\"numbers\">Numbers</h2>\n");
    if (run->baseline != NULL) {
        page_put(p, "<p>Baseline: <code>");
        page_text(p, run->baseline->path);
        page_put(p, "</code>, with the same seed and as many replications. Differences are this "
                    "minus the baseline, replication by replication, with their 95 %% "
                    "interval.</p>\n");
    }
    report_numbers_begin(p);
    put_answers(p, r, run->baseline);
    put_orders(p, r);
    put_blast(p, r, run->baseline);
    if (run->files->scenario.fault_count > 0)
        put_fault_times(p, r);
    put_servers(p, run);
    report_numbers_end(p);
    char caption[160];
    snprintf(caption, sizeof caption,
             "Means over %lld replication%s behind a warm-up of %.3g s (%s), with 95 %% intervals.",
             (long long)r->replications, r->replications == 1 ? "" : "s", r->warmup_s,
             run_warmup_words[r->warmup]);
    page_element(p, "p class=soft", "%s", caption);
}
