#include "commands/report_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "commands/demand_file.h"
#include "commands/files.h"
#include "commands/report_frontier.h"
#include "commands/table.h"
#include "control/plan.h"

enum { ROWS = 50, CURVES = 5 };

static void put_count(struct page *p, int64_t n)
{
    report_cell_number(p, (double)n, "%s", table_count(n));
}

static void put_rps(struct page *p, double rps)
{
    report_cell_number(p, rps, rps < 10 ? "%.2f" : "%.0f", rps);
}

/* ---- verdict and numbers ---- */

static void put_verdict(struct page *p, const struct files *files, const struct plan *plan)
{
    const struct topo *t = &files->topo;
    char text[400];
    size_t failing = 0;
    for (size_t i = 0; i < plan->capacity.cell_count; i++)
        failing += !plan->capacity.cells[i].enough;
    bool pass = failing == 0 && plan->proof.failures == 0;
    snprintf(text, sizeof text,
             "%zu of %zu cells survive the loss of %lld zone%s and %lld server%s more, at most %s "
             "busy; %s losses tried out in every quarter-hour of the week, %s not survived.",
             plan->capacity.cell_count - failing, plan->capacity.cell_count,
             (long long)t->tolerance.zones, t->tolerance.zones == 1 ? "" : "s",
             (long long)t->tolerance.servers, t->tolerance.servers == 1 ? "" : "s",
             table_percent(t->target_utilisation, 0), table_count(plan->proof.losses),
             table_count(plan->proof.failures));
    report_verdict(p, pass, pass ? "ENOUGH" : "NOT ENOUGH", text);
}

static void put_numbers(struct page *p, const struct plan *plan)
{
    const struct capacity_plan *c = &plan->capacity;
    char small[160];
    page_put(p, "<h2>Numbers</h2>\n");
    report_numbers_begin(p);
    snprintf(small, sizeof small, "in %zu cells", c->cell_count);
    report_number(p, "Servers", small, "%s", table_count(c->servers));
    report_number(p, "Together", "all countries in one cell", "%s",
                  table_count(c->together.servers));
    report_number(p, "Cost of separation", "servers over servers together", "%+.1f %%",
                  c->separation_cost * 100);
    report_number(p, "Blast radius, customers", "most that one cell's loss touches", "%s",
                  table_percent(c->blast_customers, 1));
    report_number(p, "Blast radius, demand", "most of a week's requests in one cell", "%s",
                  table_percent(c->blast_demand, 1));
    snprintf(small, sizeof small, "%.0f over %.0f req/s", c->sum_of_peaks_rps, c->peak_of_sum_rps);
    report_number(p, "Sum of peaks over peak of sum", small, "%.2f", c->peaks_ratio);
    report_numbers_end(p);
}

/* ---- demand ---- */

static int by_peak(const void *a, const void *b)
{
    const struct topo_country *x = *(const struct topo_country *const *)a;
    const struct topo_country *y = *(const struct topo_country *const *)b;
    return x->peak_rps != y->peak_rps ? (x->peak_rps < y->peak_rps ? 1 : -1)
                                      : strcmp(x->name, y->name);
}

static void put_week_of(struct page *p, const char *name, const char *more,
                        const struct topo_country *const *countries, size_t count)
{
    report_series_begin(p, name, more);
    for (size_t slot = 0; slot < TOPO_SLOTS; slot += 4) {
        double rps = 0;
        for (size_t i = 0; i < count; i++)
            rps += countries[i]->rps[slot];
        report_point(p, (double)slot / 4, rps);
    }
    report_series_end(p, "");
}

static void put_week(struct page *p, const struct topo *topo)
{
    const struct topo_country **sorted = calloc(topo->country_count, sizeof sorted[0]);
    if (sorted == NULL) {
        p->failed = true;
        return;
    }
    for (size_t i = 0; i < topo->country_count; i++)
        sorted[i] = &topo->countries[i];
    qsort(sorted, topo->country_count, sizeof sorted[0], by_peak);
    page_put(p, "<h2 id=\"week\">Demand over the week</h2>\n");
    report_chart_begin(p, "", "week", "day, UTC", "requests/s", false);
    if (topo->country_count > 1)
        put_week_of(p, "all countries", "\"dash\":0,\"thick\":3,\"color\":5,\"style\":\"hold\",",
                    sorted, topo->country_count);
    for (size_t i = 0; i < topo->country_count && i < CURVES; i++) {
        char more[60];
        snprintf(more, sizeof more, "\"dash\":%zu,\"color\":%zu,\"style\":\"hold\",", i, i);
        put_week_of(p, sorted[i]->name, more, &sorted[i], 1);
    }
    report_chart_more(p);
    page_put(p, ",\"end\":168");
    report_chart_end(p,
                     "Hour by hour as planned for; the %zu countries with the highest peaks of "
                     "%zu.",
                     topo->country_count < CURVES ? topo->country_count : (size_t)CURVES,
                     topo->country_count);
    free(sorted);
}

static void put_demand(struct page *p, const struct demand_report *d)
{
    page_put(p, "<h2 id=\"demand\">Where the demand is from</h2>\n<p>");
    page_text(p, d->file);
    page_put(p, ": %s of %s rows, ", table_count(d->used), table_count(d->rows));
    page_put(p, "%s to %s UTC. Columns: time <code>", d->from, d->to);
    page_text(p, d->time_column);
    page_put(p, "</code>, country <code>");
    page_text(p, d->country_column);
    page_put(p, "</code>, count <code>");
    page_text(p, d->count_column == NULL ? "none, each row is one" : d->count_column);
    page_put(p, "</code>.</p>\n");
    for (size_t i = 0; i < d->left_out_count; i++) {
        const struct demand_left_out *left = &d->left_out[i];
        page_put(p, "<p class=\"warn\">! %s rows left out: %s (", table_count(left->rows),
                 left->reason);
        page_text(p, left->example);
        page_put(p, "), lines %s</p>\n", left->lines);
    }
    page_put(p,
             "<p>Busiest hours of the countries added up %s, busiest hour of all together %s: a "
             "ratio of <strong>%.2f</strong>.</p>\n",
             table_count(d->sum_of_peaks), table_count(d->peak_of_sum), d->peaks_ratio);
    if (d->effects)
        page_put(p,
                 "<p>Of the difference of %.4g an hour, time zones are %+.4g, habits %+.4g and "
                 "small numbers %+.4g; by clocks and habits alone the ratio would be %.2f.</p>\n",
                 d->counts.parts.sum, d->counts.parts.time_zones, d->counts.parts.habits,
                 d->counts.parts.small_numbers, d->counts.mean_ratio);
    report_table_begin(p, "<Country|Counted|Busiest hour|<Began, UTC|Times the mean hour|<Planned");
    for (size_t i = 0; i < d->country_count && i < ROWS; i++) {
        const struct demand_country *c = &d->countries[i];
        report_row(p);
        report_cell_text(p, c->code);
        put_count(p, c->count);
        put_count(p, c->peak);
        report_cell_text(p, c->peak_at);
        report_cell_number(p, c->peak_to_mean, "%.1f", c->peak_to_mean);
        report_cell_text(p, c->planned ? "yes" : "not in the topology");
    }
    report_table_end(p, "The most demand first.");
}

/* ---- what separation costs ---- */

static void put_parts(struct page *p, const struct separation_parts *parts)
{
    const double values[] = {parts->sum,           parts->time_zones, parts->habits,
                             parts->small_numbers, parts->spare,      parts->other};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        report_cell_number(p, values[i], "%+.1f", fabs(values[i]) < 0.05 ? 0 : values[i]);
}

static void put_effects(struct page *p, const struct separation *s)
{
    static const struct {
        const char *name;
        size_t offset;
    } parts[] = {{"time zones", offsetof(struct separation_parts, time_zones)},
                 {"habits", offsetof(struct separation_parts, habits)},
                 {"small numbers", offsetof(struct separation_parts, small_numbers)},
                 {"spare", offsetof(struct separation_parts, spare)}};
    report_bars_begin(p, "Servers more than together", "servers");
    for (size_t i = 0; i < s->level_count; i++) {
        page_put(p, "%s", i == 0 ? "" : ",");
        page_json(p, s->levels[i].name);
    }
    page_put(p, "],\"series\":[");
    for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++) {
        page_put(p, "%s{\"name\":\"%s\",\"values\":[", k == 0 ? "" : ",", parts[k].name);
        for (size_t i = 0; i < s->level_count; i++) {
            double value;
            memcpy(&value, (const char *)&s->levels[i].parts + parts[k].offset, sizeof value);
            page_put(p, "%s", i == 0 ? "" : ",");
            page_number(p, value);
        }
        page_put(p, "]}");
    }
    page_put(p, "]");
    report_chart_end(p,
                     "What each way to cut the world costs beside one cell for all, and why; the "
                     "parts add up.");
}

static void put_separation(struct page *p, const struct separation *s)
{
    page_put(p, "<h2 id=\"separation\">What separation costs</h2>\n");
    if (s->level_count > 1)
        put_effects(p, s);
    report_table_begin(p, "<Apart by|Cells|Servers|Sum of peaks, req/s|Ratio|Servers more|Time "
                          "zones|Habits|Small numbers|Spare|Other");
    for (size_t i = 0; i < s->level_count; i++) {
        const struct separation_level *l = &s->levels[i];
        report_row(p);
        report_cell_text(p, strcmp(l->name, "cells") == 0 ? "the topology's cells" : l->name);
        put_count(p, (int64_t)l->groups);
        put_count(p, l->servers);
        put_rps(p, l->sum_of_peaks_rps);
        report_cell_number(p, l->peaks_ratio, "%.2f", l->peaks_ratio);
        put_parts(p, &l->parts);
    }
    report_table_end(p, "Time zones: clocks differ. Habits: peaks that differ by one clock too. "
                        "Small numbers: rounding up to whole servers. Spare: that of each cell for "
                        "the tolerated loss.");
    if (s->continent_count < 2)
        return;
    page_put(p, "<h3>Continents</h3>\n");
    report_table_begin(p, "<Continent|Countries|Apart|Together|Ratio|Servers more|Time zones|"
                          "Habits|Small numbers|Spare|Other");
    for (size_t i = 0; i < s->continent_count; i++) {
        const struct separation_continent *c = &s->continents[i];
        report_row(p);
        report_cell_text(p, c->name);
        put_count(p, (int64_t)c->countries);
        put_count(p, c->servers_apart);
        put_count(p, c->servers_together);
        report_cell_number(p, c->peaks_ratio, "%.2f", c->peaks_ratio);
        put_parts(p, &c->parts);
    }
    report_table_end(p, "Each country in a cell of its own, beside all of a continent in one.");
}

/* ---- tables ---- */

static void put_countries_of(struct page *p, const struct capacity_cell *cell)
{
    char text[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < cell->country_count && used + 24 < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : " ",
                                 cell->countries[i]);
    report_cell_text(p, text);
}

static void put_cells(struct page *p, const struct plan *plan)
{
    const struct capacity_plan *c = &plan->capacity;
    page_put(p, "<h2 id=\"tables\">Tables</h2>\n<h3>Cells</h3>\n");
    report_table_begin(p, "<Cell|<Countries|<Region|Zones|Servers|Peak, req/s|<Peak at, UTC|"
                          "Customers|Demand|Busy after loss|<Binds: service, zones lost|<Verdict");
    for (size_t i = 0; i < c->cell_count && i < ROWS; i++) {
        const struct capacity_cell *cell = &c->cells[i];
        const struct proof_cell *proof = &plan->proof.cells[i];
        char at[TOPO_SLOT_TEXT], binds[160];
        topo_slot_format(at, cell->peak_slot, 0);
        snprintf(binds, sizeof binds, "%s, %s%s", proof->service == NULL ? "-" : proof->service,
                 *proof->zones == '\0' ? "none" : proof->zones,
                 proof->sets > 1 ? " or others alike" : "");
        report_row(p);
        report_cell_text(p, cell->name);
        put_countries_of(p, cell);
        report_cell_text(p, cell->region == NULL ? "-" : cell->region);
        put_count(p, cell->zones);
        put_count(p, cell->servers);
        put_rps(p, cell->peak_rps);
        report_cell_text(p, at);
        report_cell_number(p, cell->customers_share, "%s", table_percent(cell->customers_share, 1));
        report_cell_number(p, cell->demand_share, "%s", table_percent(cell->demand_share, 1));
        report_cell_number(p, cell->busy_after_loss, "%s", table_percent(cell->busy_after_loss, 0));
        report_cell_text(p, binds);
        page_put(p, cell->enough ? "<td class=\"l ok\">enough</td>"
                                 : "<td class=\"l fail\">&#x2717; NOT ENOUGH</td>");
    }
    int64_t servers = 0, short_of = 0;
    for (size_t i = ROWS; i < c->cell_count; i++) {
        servers += c->cells[i].servers;
        short_of += !c->cells[i].enough;
    }
    report_table_rest(p, 12, (int64_t)c->cell_count - ROWS, "%s servers, %s of them not enough",
                      table_count(servers), table_count(short_of));
    report_table_end(p, "In the topology's order; tolerance as it says.");
}

static void put_services(struct page *p, const struct plan *plan)
{
    size_t rows = 0, all = 0;
    page_put(p, "<h3>Services</h3>\n");
    report_table_begin(p, "<Cell|<Service|Peak, req/s|Needed by load|By latency goal|Per zone|"
                          "Planned per zone|Servers|Busy|Busy after loss");
    for (size_t i = 0; i < plan->capacity.cell_count; i++)
        for (size_t k = 0; k < plan->capacity.cells[i].service_count; k++, all++) {
            const struct capacity_service *s = &plan->capacity.cells[i].services[k];
            if (rows == 2 * ROWS)
                continue;
            rows++;
            report_row(p);
            report_cell_text(p, plan->capacity.cells[i].name);
            report_cell_text(p, s->name);
            put_rps(p, s->peak_rps);
            put_count(p, s->needed_load);
            if (s->needed_goal > 0)
                put_count(p, s->needed_goal);
            else
                report_cell(p, "-");
            put_count(p, s->per_zone);
            put_count(p, s->per_zone_planned);
            put_count(p, s->servers);
            report_cell_number(p, s->busy, "%s", table_percent(s->busy, 0));
            report_cell_number(p, s->busy_after_loss, "%s", table_percent(s->busy_after_loss, 0));
        }
    report_table_rest(p, 10, (int64_t)(all - rows), "services");
    report_table_end(p, "At the cell's busiest quarter-hour.");
}

int report_plan(const char *path, const struct report_info *info, const struct files *files,
                const struct plan *plan, const struct demand_report *demand, struct error *err)
{
    struct page p = {0};
    report_head(&p, "plan", info);
    put_verdict(&p, files, plan);
    page_put(&p, "<p class=\"soft\">Bulkhead %s.</p>\n<p><code>", BULKHEAD_VERSION);
    page_text(&p, info->command);
    page_put(&p, "</code></p>\n");
    put_numbers(&p, plan);
    for (size_t i = 0; i < plan->frontier_count; i++)
        report_frontier(&p, &plan->frontiers[i]);
    report_capacity(&p, &files->topo, &files->plan, 1);
    put_week(&p, &files->topo);
    if (demand != NULL)
        put_demand(&p, demand);
    put_separation(&p, &plan->separation);
    report_map(&p, &files->topo, &files->plan);
    put_cells(&p, plan);
    put_services(&p, plan);
    report_foot(&p, info);
    return page_save(&p, path, err);
}
