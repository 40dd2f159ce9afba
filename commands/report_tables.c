/* The tables of a simulation's report. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/report_sections.h"
#include "commands/table.h"
#include "simulator/run.h"

enum { ROWS = 50 };

static void cell_measure(struct page *p, const struct run_measure *m, const char *format)
{
    if (isnan(m->mean)) {
        report_cell(p, "-");
        return;
    }
    char text[40];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, format, m->mean);
#pragma GCC diagnostic pop
    report_cell_number(p, m->mean, "%s", text);
}

static void cell_count(struct page *p, int64_t n)
{
    report_cell_number(p, (double)n, "%s", table_count(n));
}

static void put_countries(struct page *p, const struct run_result *r,
                          const struct run_country *const *sorted)
{
    page_put(p, "<h3>Countries</h3>\n");
    report_table_begin(p, "<Country|Requests|Answered|95 % interval|Shed|Failed|Retries|p50 ms|p99 "
                          "ms|p99.9 ms|Slowest ms|Hurt s|Mitigated s|Recovered s");
    for (size_t i = 0; i < r->country_count && i < ROWS; i++) {
        const struct run_country *c = sorted[i];
        report_row(p);
        report_cell_text(p, c->name);
        cell_count(p, c->requests);
        report_cell_number(p, c->availability.mean, "%s",
                           c->requests == 0 ? "-" : table_nines(c->availability.mean));
        if (isnan(c->availability.ci95[0]))
            report_cell(p, "-");
        else
            report_cell(p, "%s .. %s", table_nines(c->availability.ci95[0]),
                        table_nines(c->availability.ci95[1]));
        cell_count(p, c->shed);
        cell_count(p, c->failed);
        cell_count(p, c->retries);
        cell_measure(p, &c->p50_ms, "%.1f");
        cell_measure(p, &c->p99_ms, "%.1f");
        cell_measure(p, &c->p999_ms, "%.1f");
        report_cell_number(p, c->max_ms, isnan(c->max_ms) ? "-" : "%.1f", c->max_ms);
        cell_measure(p, &c->hurt_s, "%.1f");
        cell_measure(p, &c->mitigate_s, "%.1f");
        cell_measure(p, &c->recover_s, "%.1f");
    }
    int64_t requests = 0, lost = 0;
    for (size_t i = ROWS; i < r->country_count; i++) {
        requests += sorted[i]->requests;
        lost += sorted[i]->requests - sorted[i]->ok;
    }
    report_table_rest(p, 14, (int64_t)r->country_count - ROWS,
                      "%s requests, %s lost, none a larger share", table_count(requests),
                      table_count(lost));
    report_table_end(p, "All replications, behind the warm-up; the largest share lost first.");
}

/* What background work got: no user waits for it. Nothing where there is none. */
static void put_background(struct page *p, const struct run_result *r,
                           const struct run_country *const *sorted)
{
    int64_t requests = 0;
    for (size_t i = 0; i < r->country_count; i++)
        requests += r->countries[i].background.requests;
    if (requests == 0)
        return;
    page_put(p, "<h3>Background work</h3>\n");
    report_table_begin(p, "<Country|Requests|Answered|Shed|Failed|p50 ms|p99 ms|p99.9 ms");
    for (size_t i = 0; i < r->country_count && i < ROWS; i++) {
        const struct run_background *b = &sorted[i]->background;
        report_row(p);
        report_cell_text(p, sorted[i]->name);
        cell_count(p, b->requests);
        cell_count(p, b->ok);
        cell_count(p, b->shed);
        cell_count(p, b->failed);
        cell_measure(p, &b->p50_ms, "%.1f");
        cell_measure(p, &b->p99_ms, "%.1f");
        cell_measure(p, &b->p999_ms, "%.1f");
    }
    report_table_rest(p, 8, (int64_t)r->country_count - ROWS, "countries");
    report_table_end(p, NULL);
}

/* The tightest first: they are the ones to look at. */
struct row {
    const char *cell;
    const struct run_service *service;
};

static int by_busy(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    double dx = isnan(x->service->busy.mean) ? -1 : x->service->busy.mean;
    double dy = isnan(y->service->busy.mean) ? -1 : y->service->busy.mean;
    if (dx != dy)
        return dx > dy ? -1 : 1;
    int order = strcmp(x->cell, y->cell);
    return order != 0 ? order : strcmp(x->service->name, y->service->name);
}

static void put_services(struct page *p, const struct run_result *r)
{
    size_t count = 0;
    int64_t shed = 0, servers = 0;
    for (size_t i = 0; i < r->cell_count; i++)
        count += r->cells[i].service_count;
    struct row *row = calloc(count + 1, sizeof row[0]);
    if (row == NULL) {
        p->failed = true;
        return;
    }
    count = 0;
    for (size_t i = 0; i < r->cell_count; i++)
        for (size_t k = 0; k < r->cells[i].service_count; k++)
            row[count++] = (struct row){r->cells[i].name, &r->cells[i].services[k]};
    qsort(row, count, sizeof row[0], by_busy);
    page_put(p, "<h3>Services</h3>\n");
    report_table_begin(p, "<Cell|<Service|Servers|Server hours|Busy|Waiting|At most|Tries|Copies|"
                          "Tries shed");
    for (size_t i = 0; i < count; i++) {
        const struct run_service *s = row[i].service;
        if (i >= ROWS) {
            shed += s->tries_shed;
            servers += s->servers;
            continue;
        }
        report_row(p);
        report_cell_text(p, row[i].cell);
        report_cell_text(p, s->name);
        cell_count(p, s->servers);
        cell_measure(p, &s->server_hours, "%.1f");
        report_cell_number(p, s->busy.mean, "%s", table_percent(s->busy.mean, 0));
        cell_measure(p, &s->waiting, "%.2f");
        cell_count(p, s->waiting_max);
        cell_count(p, s->tries);
        cell_count(p, s->copies);
        cell_count(p, s->tries_shed);
    }
    free(row);
    report_table_rest(p, 10, (int64_t)count - ROWS, "%s servers, %s tries shed, none busier",
                      table_count(servers), table_count(shed));
    report_table_end(p, "Means over all replications, the busiest first. Busy counts dead servers "
                        "too; waiting is how many tries wait, and at most at once.");
}

static void put_functions(struct page *p, const struct run_result *r)
{
    if (r->function_count == 0)
        return;
    page_put(p, "<h3>Functions</h3>\n");
    report_table_begin(p, "<Cell|<Function|Requests|Starts|Instances at most|Instance hours|"
                          "Found none ready");
    for (size_t i = 0; i < r->function_count && i < ROWS; i++) {
        const struct run_function *f = &r->functions[i];
        report_row(p);
        report_cell_text(p, f->cell);
        report_cell_text(p, f->service);
        cell_count(p, f->requests);
        cell_count(p, f->starts);
        cell_count(p, f->instances_max);
        cell_measure(p, &f->instance_hours, "%.2f");
        report_cell_number(p, f->cold_share.mean, "%s",
                           f->requests == 0 ? "-" : table_percent(f->cold_share.mean, 2));
    }
    report_table_rest(p, 7, (int64_t)r->function_count - ROWS, "functions");
    report_table_end(p, NULL);
}

static void put_caches(struct page *p, const struct run_result *r)
{
    if (r->cache_count == 0)
        return;
    page_put(p, "<h3>Caches</h3>\n");
    report_table_begin(p, "<Cell|<Cache of|<For|Looks|Found|By theory|Stale");
    for (size_t i = 0; i < r->cache_count && i < ROWS; i++) {
        const struct run_cache *c = &r->caches[i];
        report_row(p);
        report_cell_text(p, c->cell);
        report_cell_text(p, c->service);
        report_cell_text(p, c->to);
        cell_count(p, c->looks);
        report_cell_number(p, c->hit_ratio.mean, "%s",
                           c->looks == 0 ? "-" : table_percent(c->hit_ratio.mean, 1));
        report_cell_number(p, c->expected, "%s",
                           isnan(c->expected) ? "-" : table_percent(c->expected, 1));
        cell_count(p, c->stale);
    }
    report_table_rest(p, 7, (int64_t)r->cache_count - ROWS, "caches");
    report_table_end(p, "By theory: Che's approximation, for what is asked for independently.");
}

static void put_orders(struct page *p, const struct run_result *r)
{
    if (r->pipeline_count == 0)
        return;
    page_put(p, "<h3>Orders</h3>\n");
    report_table_begin(p, "<Cell|Placed|Complete|Cancelled|Dead|Open|Lost|p50 ms|p99 ms|Leases "
                          "over|<Bottleneck");
    for (size_t i = 0; i < r->pipeline_count && i < ROWS; i++) {
        const struct run_pipeline *o = &r->pipelines[i];
        report_row(p);
        report_cell_text(p, o->cell);
        cell_count(p, o->placed);
        cell_count(p, o->complete + o->filtered);
        cell_count(p, o->cancelled);
        cell_count(p, o->dead);
        cell_count(p, o->open);
        cell_count(p, o->lost + o->doubled + o->torn);
        cell_measure(p, &o->p50_ms, "%.0f");
        cell_measure(p, &o->p99_ms, "%.0f");
        cell_count(p, o->leases_over);
        report_cell_text(p, o->bottleneck);
    }
    report_table_rest(p, 11, (int64_t)r->pipeline_count - ROWS, "cells");
    report_table_end(p, NULL);
}

static void put_stages(struct page *p, const struct run_result *r)
{
    size_t all = 0;
    if (r->pipeline_count == 0)
        return;
    page_put(p, "<h3>Stages</h3>\n");
    report_table_begin(p, "<Cell|<Stage|Workers|Done|Undone|Busy|Waiting|At most|At the end|"
                          "Oldest s");
    for (size_t i = 0; i < r->pipeline_count; i++)
        for (size_t k = 0; k < r->pipelines[i].stage_count; k++, all++) {
            const struct run_stage *s = &r->pipelines[i].stages[k];
            if (all >= ROWS)
                continue;
            report_row(p);
            report_cell_text(p, r->pipelines[i].cell);
            report_cell_text(p, s->name);
            cell_count(p, s->workers);
            cell_count(p, s->done);
            cell_count(p, s->undone);
            report_cell_number(p, s->busy.mean, "%s", table_percent(s->busy.mean, 0));
            cell_measure(p, &s->waiting, "%.2f");
            cell_count(p, s->waiting_max);
            cell_count(p, s->waiting_end);
            report_cell_number(p, s->oldest_s, "%.1f", s->oldest_s);
        }
    report_table_rest(p, 10, (int64_t)all - ROWS, "stages");
    report_table_end(p, NULL);
}

void report_tables(struct page *p, const struct run_result *result,
                   const struct run_country *const *sorted)
{
    page_put(p, "<h2 id=\"tables\">Tables</h2>\n");
    put_countries(p, result, sorted);
    put_background(p, result, sorted);
    put_services(p, result);
    put_functions(p, result);
    put_caches(p, result);
    put_orders(p, result);
    put_stages(p, result);
}
