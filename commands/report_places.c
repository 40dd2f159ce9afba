/* Sections about the topology: demand against capacity, and the map. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/data.h"
#include "base/topo.h"
#include "commands/report_parts.h"
#include "commands/table.h"
#include "control/capacity.h"

enum { CHARTS = 6, ROWS = 50, DAY = TOPO_SLOTS / 7 };

/* ---- demand against capacity ---- */

struct margin { /* of a cell */
    size_t cell;
    double after; /* requests/s that it carries at target utilisation after the tolerated loss */
    double whole; /* and before */
    double spare; /* share of `after` that is free in the busiest slot */
    size_t slot;
    const char *service; /* the tightest */
};

static struct margin margin_of(const struct topo *topo, const struct capacity_plan *plan,
                               size_t index, double load)
{
    const struct capacity_cell *cell = &plan->cells[index];
    struct margin m = {.cell = index, .after = INFINITY, .whole = INFINITY, .service = "-"};
    for (size_t i = 0; i < cell->service_count; i++) {
        const struct capacity_service *s = &cell->services[i];
        double after = s->busy_after_loss > 0
                           ? cell->peak_rps * topo->target_utilisation / s->busy_after_loss
                           : INFINITY;
        if (after < m.after) {
            m.after = after;
            m.whole = cell->peak_rps * topo->target_utilisation / s->busy;
            m.service = s->name;
        }
    }
    m.slot = cell->peak_slot;
    m.spare = isfinite(m.after) && m.after > 0 ? 1 - cell->peak_rps * load / m.after
              : m.after > 0                    ? 1
                                               : -INFINITY;
    return m;
}

static int by_spare(const void *a, const void *b)
{
    const struct margin *x = a, *y = b;
    if (x->spare != y->spare)
        return x->spare < y->spare ? -1 : 1;
    return x->cell < y->cell ? -1 : 1;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of the normal distribution, which a Poisson number of requests in a second is close to: within so
 * many standard deviations, each the root of the mean, lie 99.9 %. */
static const double seconds_999 = 3.2905;

/* The demand of one time of day on each of the seven days, ascending. */
static void days_of(double out[7], const struct topo *topo, const struct topo_cell *cell,
                    size_t slot, double load)
{
    for (size_t d = 0; d < 7; d++)
        out[d] = topo_cell_rps(topo, cell, d * DAY + slot % DAY) * load;
    qsort(out, 7, sizeof out[0], by_value);
}

/* Both capacities, over the first `slots` of a chart. */
static void put_levels(struct page *p, const struct margin *m, size_t slots)
{
    const struct {
        const char *name, *more;
        double rps;
    } levels[] = {
        {"capacity after the tolerated loss", "\"dash\":0,\"thick\":4,\"color\":2,", m->after},
        {"capacity, nothing lost", "\"dash\":1,\"color\":2,", m->whole},
    };
    for (size_t i = 0; i < 2; i++) {
        report_series_begin(p, levels[i].name, levels[i].more);
        for (size_t slot = 0; slot <= slots; slot += slots)
            report_point(p, (double)slot / 4, isfinite(levels[i].rps) ? levels[i].rps : NAN);
        report_series_end(p, "");
    }
}

static void put_cell_chart(struct page *p, const struct topo *topo,
                           const struct capacity_plan *plan, const struct margin *m, double load)
{
    const struct topo_cell *cell = &topo->cells[m->cell];
    char title[120], text[TOPO_SLOT_TEXT];
    double days[7];
    topo_slot_format(text, m->slot, 0);
    snprintf(title, sizeof title, "Cell %s, %s", cell->name,
             plan->cells[m->cell].region == NULL ? "" : plan->cells[m->cell].region);
    report_chart_begin(p, title, "hours", "hour of the day, UTC", "requests/s", false);
    report_series_begin(p, "busiest day of the week", "\"style\":\"hold\",\"dash\":0,\"above\":2,");
    for (size_t slot = 0; slot <= DAY; slot++) {
        days_of(days, topo, cell, slot, load);
        report_point(p, (double)slot / 4, days[6]);
    }
    report_series_end(p, "");
    report_series_begin(p, "median day", "\"style\":\"hold\",\"dash\":2,\"color\":5,");
    for (size_t slot = 0; slot <= DAY; slot++) {
        days_of(days, topo, cell, slot, load);
        report_point(p, (double)slot / 4, days[3]);
    }
    page_put(p, "],\"band\":[");
    for (size_t slot = 0; slot <= DAY; slot++) {
        days_of(days, topo, cell, slot, load);
        double around = seconds_999 * sqrt(days[3]);
        report_point(p, fmax(0, days[3] - around), days[3] + around);
    }
    report_series_end(p, "");
    put_levels(p, m, DAY);
    report_chart_more(p);
    page_put(p, ",\"end\":24");
    report_chart_end(p,
                     "Peak %s/s on %s UTC; %s/s after the loss of %lld zone%s and %lld server%s "
                     "more, at %s busy; tightest service %s; hatched: demand above that; shaded: "
                     "99.9 %% of the median day's seconds, arrivals at random.",
                     table_count((long long)(plan->cells[m->cell].peak_rps * load + 0.5)), text,
                     isfinite(m->after) ? table_count((long long)m->after) : "any",
                     (long long)topo->tolerance.zones, topo->tolerance.zones == 1 ? "" : "s",
                     (long long)topo->tolerance.servers, topo->tolerance.servers == 1 ? "" : "s",
                     table_percent(topo->target_utilisation, 0), m->service);
}

/* The whole week of the cell with the least margin. */
static void put_week(struct page *p, const struct topo *topo, const struct margin *m, double load)
{
    const struct topo_cell *cell = &topo->cells[m->cell];
    char title[120];
    snprintf(title, sizeof title, "Cell %s over the week: it has the least margin", cell->name);
    report_chart_begin(p, title, "week", "day, UTC", "requests/s", false);
    report_series_begin(p, "demand", "\"style\":\"hold\",\"dash\":0,\"above\":1,");
    for (size_t slot = 0; slot <= TOPO_SLOTS; slot += 2)
        report_point(p, (double)slot / 4,
                     fmax(topo_cell_rps(topo, cell, slot % TOPO_SLOTS),
                          topo_cell_rps(topo, cell, (slot + 1) % TOPO_SLOTS)) *
                         load);
    report_series_end(p, "");
    put_levels(p, m, TOPO_SLOTS);
    report_chart_more(p);
    page_put(p, ",\"end\":168");
    report_chart_end(p, "The higher of two quarter-hours each half-hour, as planned for; hatched: "
                        "demand above what is left after the tolerated loss.");
}

void report_capacity(struct page *p, const struct topo *topo, const struct capacity_plan *plan,
                     double load)
{
    struct margin *m = calloc(topo->cell_count, sizeof m[0]);
    char text[TOPO_SLOT_TEXT];
    if (m == NULL) {
        p->failed = true;
        return;
    }
    for (size_t i = 0; i < topo->cell_count; i++)
        m[i] = margin_of(topo, plan, i, load);
    qsort(m, topo->cell_count, sizeof m[0], by_spare);
    page_put(p,
             "<h2 id=\"capacity\">Demand against capacity, by hour</h2>\n<div class=\"plots\">\n");
    for (size_t i = 0; i < topo->cell_count && i < CHARTS; i++)
        put_cell_chart(p, topo, plan, &m[i], load);
    page_put(p, "</div>\n");
    put_week(p, topo, &m[0], load);
    report_table_begin(p, "<Cell|<Tightest hour, UTC|Peak, req/s|After the loss, req/s|Margin|"
                          "<Tightest service|Servers");
    for (size_t i = 0; i < topo->cell_count && i < ROWS; i++) {
        const struct capacity_cell *cell = &plan->cells[m[i].cell];
        double peak = cell->peak_rps * load;
        topo_slot_format(text, m[i].slot, 0);
        report_row(p);
        report_cell_text(p, cell->name);
        report_cell_text(p, text);
        report_cell_number(p, peak, peak < 10 ? "%.2f" : "%.0f", peak);
        report_cell_number(p, m[i].after, m[i].after < 10 ? "%.2f" : "%.0f", m[i].after);
        report_cell_number(p, m[i].spare, "%s%s", m[i].spare < 0 ? "! " : "",
                           isfinite(m[i].spare) ? table_percent(m[i].spare, 0) : "nothing left");
        report_cell_text(p, m[i].service);
        report_cell_number(p, (double)cell->servers, "%s", table_count(cell->servers));
    }
    int64_t servers = 0;
    for (size_t i = ROWS; i < topo->cell_count; i++)
        servers += plan->cells[m[i].cell].servers;
    report_table_rest(p, 7, (int64_t)topo->cell_count - ROWS, "%s servers, none with less margin",
                      table_count(servers));
    report_table_end(p, "Least margin first.");
    free(m);
}

/* ---- the map: longitude to the right, latitude up, both in the same degrees ---- */

struct box {
    double west, east, south, north;
};

static void stretch(struct box *b, double lat, double lon)
{
    b->west = fmin(b->west, lon);
    b->east = fmax(b->east, lon);
    b->south = fmin(b->south, lat);
    b->north = fmax(b->north, lat);
}

static double across(const struct box *b, double lon)
{
    return (lon - b->west) / (b->east - b->west) * 1000;
}

static double down(const struct box *b, double lat)
{
    return (b->north - lat) / (b->east - b->west) * 1000;
}

/* With room around, and at least twice as wide as high is usual for the world. */
static void widen(struct box *b)
{
    double pad_x = fmax(6, (b->east - b->west) * 0.08),
           pad_y = fmax(4, (b->north - b->south) * 0.1);
    b->west -= pad_x;
    b->east += pad_x;
    b->south -= pad_y;
    b->north += pad_y;
    double wide = (b->north - b->south) * 2 - (b->east - b->west);
    if (wide > 0) {
        b->west -= wide / 2;
        b->east += wide / 2;
    }
    double high = (b->east - b->west) / 3 - (b->north - b->south);
    if (high > 0) {
        b->south -= high / 2;
        b->north += high / 2;
    }
}

static void put_country(struct page *p, const struct topo *topo, const struct capacity_plan *plan,
                        const struct box *b, size_t index, double most)
{
    const struct topo_country *c = &topo->countries[index];
    struct data_country at;
    struct data_region region;
    const struct capacity_cell *cell = &plan->cells[c->cell];
    if (!data_country_at(c->name, &at))
        return;
    double x = across(b, at.lon), y = down(b, at.lat);
    if (cell->region != NULL && data_region_at(cell->region, &region))
        page_put(p, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x, y,
                 across(b, region.lon), down(b, region.lat));
    page_put(p, "<circle class=\"country\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"><title>", x, y,
             4 + 22 * sqrt(c->peak_rps / most));
    page_text(p, at.name);
    page_put(p, ", cell %s, peak %.3g req/s</title></circle>\n", cell->name, c->peak_rps);
    if (topo->country_count <= 60)
        page_put(p, "<text x=\"%.1f\" y=\"%.1f\">%s</text>\n", x + 6, y - 5, c->name);
}

static void put_region(struct page *p, const struct capacity_plan *plan, const struct box *b,
                       size_t index)
{
    const struct capacity_cell *cell = &plan->cells[index];
    struct data_region at;
    size_t cells = 0;
    if (cell->region == NULL || !data_region_at(cell->region, &at))
        return;
    for (size_t i = 0; i < plan->cell_count; i++) {
        bool same =
            plan->cells[i].region != NULL && strcmp(plan->cells[i].region, cell->region) == 0;
        if (same && i < index)
            return; /* drawn already */
        cells += same;
    }
    double x = across(b, at.lon), y = down(b, at.lat);
    page_put(p,
             "<rect class=\"region\" x=\"%.1f\" y=\"%.1f\" width=\"9\" height=\"9\"><title>%s, "
             "%zu cell%s</title></rect>\n",
             x - 4.5, y - 4.5, cell->region, cells, cells == 1 ? "" : "s");
    if (plan->cell_count <= 60)
        page_put(p, "<text x=\"%.1f\" y=\"%.1f\">%s</text>\n", x + 7, y + 12, cell->region);
}

void report_map(struct page *p, const struct topo *topo, const struct capacity_plan *plan)
{
    struct data_country *all = calloc(DATA_COUNTRIES_MAX, sizeof all[0]), at;
    struct data_region region;
    struct box b = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    double most = 0;
    if (all == NULL) {
        p->failed = true;
        return;
    }
    for (size_t i = 0; i < topo->country_count; i++) {
        most = fmax(most, topo->countries[i].peak_rps);
        if (data_country_at(topo->countries[i].name, &at))
            stretch(&b, at.lat, at.lon);
    }
    for (size_t i = 0; i < plan->cell_count; i++)
        if (plan->cells[i].region != NULL && data_region_at(plan->cells[i].region, &region))
            stretch(&b, region.lat, region.lon);
    widen(&b);
    page_put(p,
             "<h2 id=\"map\">Where</h2>\n<svg class=\"map\" viewBox=\"0 0 1000 %.0f\" role=\"img\" "
             "aria-label=\"Map of countries and regions\">\n",
             down(&b, b.south));
    size_t count = data_countries_all(all, DATA_COUNTRIES_MAX);
    for (size_t i = 0; i < count; i++)
        page_put(
            p,
            "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"><title>%s</title></circle>"
            "\n",
            across(&b, all[i].lon), down(&b, all[i].lat), all[i].code);
    for (size_t i = 0; i < topo->country_count; i++)
        put_country(p, topo, plan, &b, i, most);
    for (size_t i = 0; i < plan->cell_count; i++)
        put_region(p, plan, &b, i);
    page_put(p,
             "</svg>\n<p class=\"soft\">Circles: countries at their middle, by their peak demand. "
             "Squares: regions, and who is served from there. Grey dots: all other countries."
             "</p>\n");
    free(all);
}
