#include "commands/plan_print.h"

#include <stdbool.h>
#include <string.h>

#include "base/duration.h"
#include "commands/commands.h"
#include "commands/table.h"
#include "control/plan.h"

/* ---- which cells are shown ---- */

enum {
    CELLS_SHOWN = 16,
    CELLS_MORE = 8
}; /* of many; so many more are no reason to leave out any */

/* Mark the cells that tables are printed of: all, or the largest and those that are not enough. */
static size_t choose(const struct plan *plan, bool all, bool shown[TOPO_CELLS_MAX])
{
    const struct capacity_plan *c = &plan->capacity;
    size_t count = 0;
    all = all || c->cell_count <= CELLS_SHOWN + CELLS_MORE;
    for (size_t i = 0; i < c->cell_count; i++) {
        size_t larger = 0;
        for (size_t k = 0; k < c->cell_count && !all; k++)
            larger += c->cells[k].servers > c->cells[i].servers ||
                      (c->cells[k].servers == c->cells[i].servers && k < i);
        shown[i] = larger < CELLS_SHOWN || !c->cells[i].enough || plan->proof.cells[i].failures > 0;
        count += shown[i];
    }
    return c->cell_count - count;
}

static const char *plural(long long n)
{
    return n == 1 ? "" : "s";
}

static void print_left_out(FILE *out, size_t hidden)
{
    if (hidden > 0)
        fprintf(out, "and %zu smaller cell%s (--all shows them)\n", hidden,
                plural((long long)hidden));
}

/* ---- counts ---- */

/* Countries of a cell in one field: all, or the first and how many more. */
static void put_countries(struct table *t, const struct capacity_cell *cell)
{
    char text[TABLE_CELL_MAX] = "";
    size_t used = 0, i = 0;
    for (; i < cell->country_count && (i < 2 || cell->country_count <= 3); i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : " ",
                                 cell->countries[i]);
    if (i < cell->country_count)
        snprintf(text + used, sizeof text - used, " +%zu", cell->country_count - i);
    table_put(t, "%s", text);
}

static void put_cell(struct table *t, const struct capacity_cell *cell, bool zones)
{
    table_put(t, "%s", cell->name);
    put_countries(t, cell);
    table_put(t, "%s", cell->region == NULL ? "one for all" : cell->region);
    table_put(t, "%s", table_count((long long)(cell->peak_rps + 0.5)));
    table_put(t, "%s", table_percent(cell->customers_share, 1));
    if (zones)
        table_put(t, "%lld", (long long)cell->zones);
    table_put(t, "%s", table_count(cell->servers));
    table_put(t, "%s%s", cell->enough ? "" : "! ", table_percent(cell->busy_after_loss, 0));
}

static void print_cells(FILE *out, const struct capacity_plan *plan, const bool *shown)
{
    struct table t;
    bool zones = false; /* they differ */
    for (size_t i = 1; i < plan->cell_count; i++)
        zones = zones || plan->cells[i].zones != plan->cells[0].zones;
    table_titles(&t, zones ? "<CELL|<COUNTRIES|<REGION|PEAK/S|CUSTOMERS|ZONES|SERVERS|AFTER LOSS"
                           : "<CELL|<COUNTRIES|<REGION|PEAK/S|CUSTOMERS|SERVERS|AFTER LOSS");
    for (size_t i = 0; i < plan->cell_count; i++)
        if (shown[i])
            put_cell(&t, &plan->cells[i], zones);
    put_cell(&t, &plan->together, zones);
    table_print(&t, out);
}

static bool has_goal(const struct topo *topo)
{
    return topo->goal.wait_us > 0 || topo->goal.time_us > 0 || topo->goal.mean_wait_us > 0;
}

/* A time in us, "-" when it is not known or has no bound. */
static void put_us(struct table *t, const char *mark, double us)
{
    if (us < 1e15)
        table_put(t, "%s%.1f ms", mark, us / 1000);
    else
        table_put(t, "%s-", mark);
}

static void print_services(FILE *out, const struct files *files, const bool *shown)
{
    struct table t;
    bool goal = has_goal(&files->topo);
    table_titles(&t, goal ? "<CELL|<SERVICE|PEAK/S|LOAD|GOAL|PER ZONE|SERVERS|BUSY|WAIT|TIME"
                          : "<CELL|<SERVICE|PEAK/S|NEEDED|PER ZONE|SERVERS|BUSY|AFTER LOSS");
    if (goal)
        fprintf(out, "Servers needed by load and by goal; busy, wait and time after the loss:\n\n");
    for (size_t i = 0; i < files->plan.cell_count; i++) {
        const struct capacity_cell *cell = &files->plan.cells[i];
        for (size_t k = 0; shown[i] && k < cell->service_count; k++) {
            const struct capacity_service *s = &cell->services[k];
            bool enough = s->busy_after_loss <= files->topo.target_utilisation * (1 + 1e-9);
            table_put(&t, "%s", k == 0 ? cell->name : "");
            table_put(&t, "%s", s->name);
            table_put(&t, "%s", table_count((long long)(s->peak_rps + 0.5)));
            table_put(&t, "%s", table_count(s->needed_load));
            if (goal)
                table_put(&t, "%s", table_count(s->needed_goal));
            if (s->per_zone == s->per_zone_planned)
                table_put(&t, "%s", table_count(s->per_zone));
            else
                table_put(&t, "%s (plan %s)", table_count(s->per_zone),
                          table_count(s->per_zone_planned));
            table_put(&t, "%s", table_count(s->servers));
            if (!goal)
                table_put(&t, "%s", table_percent(s->busy, 0));
            table_put(&t, "%s%s", enough ? "" : "! ", table_percent(s->busy_after_loss, 0));
            if (goal) {
                put_us(&t, s->keeps_goal ? "" : "! ", s->after_loss.wait_us);
                put_us(&t, "", s->after_loss.time_us);
            }
        }
    }
    table_print(&t, out);
}

static void print_words(FILE *out, const struct capacity_plan *plan)
{
    long long more = plan->servers - plan->together.servers;
    fprintf(out, "apart     %s servers; one cell's loss touches at most %s of the customers\n",
            table_count(plan->servers), table_percent(plan->blast_customers, 0));
    fprintf(out, "together  %s servers; its loss touches all of them\n",
            table_count(plan->together.servers));
    fprintf(out, "keeping them apart costs %s%s server%s (%+.1f %%)\n", more > 0 ? "+" : "",
            table_count(more), plural(more), plan->separation_cost * 100);
    fprintf(out, "sum of the cells' peaks %s/s, peak of their sum %s/s: a ratio of %.2f\n",
            table_count((long long)(plan->sum_of_peaks_rps + 0.5)),
            table_count((long long)(plan->peak_of_sum_rps + 0.5)), plan->peaks_ratio);
    if (!plan->enough)
        fprintf(out, "NOT ENOUGH: cells marked with ! do not survive the tolerated loss\n");
}

static void print_goal(FILE *out, const struct topo *topo)
{
    const struct topo_goal *goal = &topo->goal;
    char text[DURATION_TEXT_MAX];
    if (!has_goal(topo))
        return;
    fprintf(out, "and keep at every service then, with %s:\n",
            goal->queue == TOPO_QUEUE_OWN ? "a queue at each server" : "one queue for all servers");
    if (goal->mean_wait_us > 0) {
        duration_format(text, goal->mean_wait_us);
        fprintf(out, "  a mean wait of %s\n", text);
    }
    if (goal->wait_us > 0) {
        duration_format(text, goal->wait_us);
        fprintf(out, "  %g %% of the waits at most %s\n", goal->quantile * 100, text);
    }
    if (goal->time_us > 0) {
        duration_format(text, goal->time_us);
        fprintf(out, "  %g %% of wait and work at most %s\n", goal->quantile * 100, text);
    }
}

static void print_head(FILE *out, const char *name, const struct topo *topo)
{
    fprintf(out, "%s: %zu countr%s in %zu cell%s\n", name, topo->country_count,
            topo->country_count == 1 ? "y" : "ies", topo->cell_count,
            plural((long long)topo->cell_count));
    fprintf(out,
            "each must survive the loss of %lld zone%s and %lld server%s more, at most %s busy\n",
            (long long)topo->tolerance.zones, plural(topo->tolerance.zones),
            (long long)topo->tolerance.servers, plural(topo->tolerance.servers),
            table_percent(topo->target_utilisation, 0));
    print_goal(out, topo);
    fprintf(out, "\n");
}

static void print_far(FILE *out, const struct plan *plan, const struct topo *topo)
{
    char limit[DURATION_TEXT_MAX];
    duration_format(limit, topo->rtt_max_us);
    for (size_t i = 0; i < plan->far_count; i++)
        fprintf(out, "TOO FAR: customers of %s are %.1f ms from cell %s in %s; rtt_max is %s\n",
                plan->far[i].country, (double)plan->far[i].rtt_us / 1000, plan->far[i].cell,
                plan->far[i].region, limit);
}

/* ---- proof ---- */

/* Zones whose loss binds: "any 1 of 3", or the first set and how many are alike. */
static void put_zones(struct table *t, const char *zones, int64_t sets, int64_t zone_count)
{
    int64_t lost = *zones == '\0' ? 0 : 1, all = 1;
    for (const char *c = zones; *c != '\0'; c++)
        lost += *c == ' ';
    for (int64_t i = 0; i < lost; i++)
        all = all * (zone_count - i) / (i + 1);
    if (lost == 0)
        table_put(t, "none");
    else if (sets == all && all > 1)
        table_put(t, "any %lld of %lld", (long long)lost, (long long)zone_count);
    else if (sets > 1)
        table_put(t, "%s, or %lld alike", zones, (long long)sets - 1);
    else
        table_put(t, "%s", zones);
}

static void put_binding(struct table *t, const struct topo_cell *cell, const struct topo *topo,
                        const char *service, size_t slot)
{
    char utc[TOPO_SLOT_TEXT], local[TOPO_SLOT_TEXT];
    const struct topo_country *home = &topo->countries[cell->country[0]];
    topo_slot_format(utc, slot, 0);
    topo_slot_format(local, slot, home->utc_offset_min);
    table_put(t, "%s", service == NULL ? "-" : service);
    table_put(t, "%s", utc);
    table_put(t, "%s", cell->country_count == 1 ? local : "");
}

static void print_proof(FILE *out, const struct plan *plan, const struct topo *topo,
                        const bool *shown)
{
    const struct proof *p = &plan->proof;
    struct table t;
    bool goal = has_goal(topo);
    fprintf(out, "\nTolerated losses tried out: %s of a service x %d quarter-hours,\n",
            table_count(p->losses), TOPO_SLOTS);
    if (p->failures == 0)
        fprintf(out, "all survived.\n");
    else
        fprintf(out, "%s NOT SURVIVED.\n", table_count(p->failures));
    if (!p->complete)
        fprintf(out, "Services with more than %s such losses were left out.\n",
                table_count(PROOF_LOSSES_MAX));
    fprintf(out, "What binds in each cell%s:\n\n",
            has_goal(topo) ? ", by load (of one server's work) and by goal (of what keeps it)"
                           : "");
    table_titles(&t, goal ? "<CELL|<BY|<SERVICE|<AT (UTC)|<LOCAL|<ZONES LOST|USED|LOSSES|FAILED"
                          : "<CELL|<SERVICE|<AT (UTC)|<LOCAL|<ZONES LOST|BUSY|LOSSES|FAILED");
    for (size_t i = 0; i < p->cell_count; i++) {
        const struct proof_cell *cell = &p->cells[i];
        const struct topo_cell *from = &topo->cells[i];
        if (!shown[i])
            continue;
        table_put(&t, "%s", cell->name);
        if (goal)
            table_put(&t, "load");
        put_binding(&t, from, topo, cell->service, cell->slot);
        put_zones(&t, cell->zones, cell->sets, (int64_t)from->zone_count);
        table_put(&t, "%s", table_percent(cell->busy, 0));
        table_put(&t, "%s", table_count(cell->losses));
        table_put(&t, "%s", table_count(cell->failures));
        if (cell->goal == NULL)
            continue;
        table_put(&t, "%s", "");
        table_put(&t, "goal");
        put_binding(&t, from, topo, cell->goal->service, cell->goal->slot);
        put_zones(&t, cell->goal->zones, cell->goal->sets, (int64_t)from->zone_count);
        table_put(&t, "%s", table_percent(cell->goal->strain, 0));
        table_put(&t, "%s", "");
        table_put(&t, "%s", "");
    }
    table_print(&t, out);
}

void plan_print(FILE *out, const char *name, const struct files *files, const struct plan *plan,
                bool all)
{
    const struct topo *topo = &files->topo;
    bool shown[TOPO_CELLS_MAX];
    size_t hidden = choose(plan, all, shown);
    print_head(out, name, topo);
    print_cells(out, &plan->capacity, shown);
    print_left_out(out, hidden);
    fprintf(out, "\n");
    print_services(out, files, shown);
    fprintf(out, "\n");
    print_words(out, &plan->capacity);
    print_far(out, plan, topo);
    print_proof(out, plan, topo, shown);
    plan_print_cuts(out, plan, topo);
}
