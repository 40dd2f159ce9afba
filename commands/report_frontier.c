#include "commands/report_frontier.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "commands/report_parts.h"
#include "commands/table.h"
#include "control/frontier.h"

enum { ROWS = 50, NAMES = 160 };

/* Dots with a name at each. */
static void put_dots(struct page *p, const char *name, const char *more, const double *x,
                     const double *y, const char *const *labels, size_t count)
{
    if (count == 0)
        return;
    report_series_begin(p, name, more);
    for (size_t i = 0; i < count; i++)
        report_point(p, x[i], y[i]);
    page_put(p, "],\"labels\":[");
    for (size_t i = 0; i < count; i++) {
        page_put(p, "%s", i == 0 ? "" : ",");
        page_json(p, labels[i]);
    }
    report_series_end(p, "");
}

static void put_layouts(struct page *p, const struct frontier *f, bool today)
{
    enum { LAYOUTS = 16 };
    double x[LAYOUTS], y[LAYOUTS];
    const char *labels[LAYOUTS];
    size_t count = 0;
    for (size_t i = 0; i < f->layout_count && count < LAYOUTS; i++) {
        const struct frontier_layout *l = &f->layouts[i];
        if (isnan(l->cost) || (strcmp(l->name, "today") == 0) != today)
            continue;
        x[count] = l->cost;
        y[count] = l->blast * 100;
        labels[count++] = l->name;
    }
    if (today)
        put_dots(p, "today's cells", "\"style\":\"dots\",\"ring\":true,\"size\":8,\"color\":1,", x,
                 y, labels, count);
    else
        put_dots(p, "other cuts", "\"style\":\"dots\",\"mark\":\"crossRot\",\"color\":5,", x, y,
                 labels, count);
}

static void put_knees(struct page *p, const struct frontier *f)
{
    enum { KNEES = 26 };
    double x[KNEES], y[KNEES];
    const char *labels[KNEES];
    size_t count = 0;
    for (size_t i = 0; i < f->point_count && count < KNEES; i++)
        if (f->points[i].knee != NULL) {
            x[count] = f->points[i].cost;
            y[count] = f->points[i].blast * 100;
            labels[count++] = f->points[i].knee;
        }
    put_dots(p, "knees", "\"style\":\"dots\",\"mark\":\"triangle\",\"size\":6,\"color\":2,", x, y,
             labels, count);
}

static void put_chart(struct page *p, const struct frontier *f)
{
    const char *whom = f->measure == FRONTIER_DEMAND ? "demand" : "customers";
    char title[120];
    snprintf(title, sizeof title, "Cost against blast radius, %s", whom);
    double least = f->points[0].cost, most = f->points[f->point_count - 1].cost;
    for (size_t i = 0; i < f->layout_count; i++)
        most = fmax(most, f->layouts[i].cost); /* which passes over NaN */
    report_chart_begin(p, title, most > 4 * least ? "log" : "plain", f->priced ? "cost" : "servers",
                       "largest cell, %", true);
    if (!f->exact) { /* what lies between a line and its bound may hold cheaper cuts */
        report_series_begin(p, "no cut costs less than this",
                            "\"style\":\"hold\",\"dash\":2,\"color\":5,\"fill\":1,");
        for (size_t i = 0; i < f->point_count; i++)
            report_point(p, f->points[i].cost_bound, f->points[i].blast * 100);
        report_series_end(p, "");
    }
    report_series_begin(p, f->exact ? "frontier, exact" : "frontier, as found",
                        "\"style\":\"hold\",\"dash\":0,\"thick\":2.5,\"color\":0,");
    for (size_t i = 0; i < f->point_count; i++)
        report_point(p, f->points[i].cost, f->points[i].blast * 100);
    report_series_end(p, "");
    put_layouts(p, f, false);
    put_layouts(p, f, true);
    put_knees(p, f);
    report_chart_more(p);
    report_chart_end(p,
                     "%zu points%s. %s Letters: knees, where a smaller blast radius begins to cost "
                     "more; crosses: cuts one would think of; ring: the topology as it is.",
                     f->point_count, f->stopped ? ", stopped before the end" : "",
                     f->exact ? "Every cut was covered."
                              : "Found by a search; the shaded band is the gap to the bound.");
}

/* "DE FR | GB/3 | ...": cells with their countries, parts behind a slash. */
static void cut_text(char text[NAMES], const struct frontier_point *point)
{
    text[0] = '\0';
    size_t used = 0, i = 0;
    for (; i < point->cell_count && used + 40 < NAMES; i++) {
        const struct frontier_cell *cell = &point->cells[i];
        used += (size_t)snprintf(text + used, NAMES - used, "%s", i == 0 ? "" : " | ");
        size_t k = 0;
        for (; k < cell->country_count && used + 40 < NAMES; k++)
            used += (size_t)snprintf(text + used, NAMES - used, "%s%s", k == 0 ? "" : " ",
                                     cell->countries[k]);
        if (k < cell->country_count)
            used += (size_t)snprintf(text + used, NAMES - used, " +%zu", cell->country_count - k);
        if (cell->parts > 1)
            used += (size_t)snprintf(text + used, NAMES - used, "/%lld", (long long)cell->parts);
    }
    if (i < point->cell_count)
        snprintf(text + used, NAMES - used, " | +%zu cells", point->cell_count - i);
}

/* The knees with their groupings, under the chart. */
static void put_groupings(struct page *p, const struct frontier *f)
{
    enum { KNEES = 8 };
    char text[NAMES];
    size_t shown = 0;
    page_put(p, "<ul class=\"soft\">\n");
    for (size_t i = 0; i < f->point_count && shown < KNEES; i++) {
        const struct frontier_point *point = &f->points[i];
        if (point->knee == NULL)
            continue;
        shown++;
        cut_text(text, point);
        page_put(p, "<li><b>%s</b>, point %lld: cost %.6g, largest cell %s: ", point->knee,
                 (long long)point->number, point->cost, table_percent(point->blast, 1));
        page_text(p, text);
        page_put(p, "</li>\n");
    }
    page_put(p, "</ul>\n");
}

static void put_points(struct page *p, const struct frontier *f)
{
    size_t shown = 0;
    report_table_begin(p, "Pick|<Knee|Cost|Servers|Cells|Customers in one cell|Demand in one cell|"
                          "Gap|<Cells: countries, /parts");
    for (size_t i = 0; i < f->point_count; i++) {
        const struct frontier_point *point = &f->points[i];
        /* All knees, and of the others evenly. */
        bool even = i * ROWS / f->point_count != (i + 1) * ROWS / f->point_count;
        if (f->point_count > ROWS && !even && point->knee == NULL)
            continue;
        shown++;
        report_row(p);
        report_cell_number(p, (double)point->number, "%lld", (long long)point->number);
        report_cell_text(p, point->knee == NULL ? "" : point->knee);
        report_cell_number(p, point->cost, "%.6g", point->cost);
        report_cell_number(p, (double)point->servers, "%s", table_count(point->servers));
        report_cell_number(p, (double)point->cell_count_all, "%s",
                           table_count(point->cell_count_all));
        report_cell_number(p, point->blast_customers, "%s",
                           table_percent(point->blast_customers, 1));
        report_cell_number(p, point->blast_demand, "%s", table_percent(point->blast_demand, 1));
        report_cell_number(p, point->gap, "%s",
                           point->gap > 0 ? table_percent(point->gap, 2) : "0");
        char cut[NAMES];
        cut_text(cut, point);
        report_cell_text(p, cut);
    }
    char caption[200];
    snprintf(caption, sizeof caption,
             "%zu of %zu points; --pick N writes one as a topology. Gap: how far the cost may be "
             "above the cheapest cut of that blast radius.",
             shown, f->point_count);
    report_table_end(p, caption);
}

void report_frontier(struct page *p, const struct frontier *f)
{
    page_put(p, "<h2>Frontier, %s</h2>\n", f->measure == FRONTIER_DEMAND ? "demand" : "customers");
    if (f->point_count == 0) {
        page_put(p, "<p>No cut was found.</p>\n");
        return;
    }
    put_chart(p, f);
    put_groupings(p, f);
    put_points(p, f);
}
