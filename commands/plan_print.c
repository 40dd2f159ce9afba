#include "commands/plan_print.h"

#include <stdbool.h>
#include <string.h>

#include "base/duration.h"
#include "commands/commands.h"
#include "commands/table.h"
#include "control/plan.h"

/* Countries of a cell in one field: all, or the first and how many more. */
static void put_countries(struct table *t, const struct capacity_cell *cell)
{
    char text[TABLE_CELL_MAX] = "";
    size_t used = 0, i = 0;
    for (; i < cell->country_count && used + 4 < 24; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : " ",
                                 cell->countries[i]);
    if (i < cell->country_count)
        snprintf(text + used, sizeof text - used, " +%zu", cell->country_count - i);
    table_put(t, "%s", text);
}

static void put_cell(struct table *t, const struct capacity_cell *cell, const struct topo *topo)
{
    const struct topo_country *home = &topo->countries[topo_country_at(topo, cell->countries[0])];
    char local[TOPO_SLOT_TEXT];
    topo_slot_format(local, cell->peak_slot, home->utc_offset_min);
    table_put(t, "%s", cell->name);
    put_countries(t, cell);
    table_put(t, "%s", cell->region == NULL ? "one for all" : cell->region);
    table_put(t, "%s", table_count((long long)(cell->peak_rps + 0.5)));
    table_put(t, "%s", cell->country_count == 1 ? local : "");
    table_put(t, "%s", table_percent(cell->customers_share, 0));
    table_put(t, "%lld", (long long)cell->zones);
    table_put(t, "%s", table_count(cell->servers));
    table_put(t, "%s%s", cell->enough ? "" : "! ", table_percent(cell->busy_after_loss, 0));
}

static void print_cells(FILE *out, const struct files *files)
{
    struct table t;
    table_titles(&t, "<CELL|<COUNTRIES|<REGION|PEAK/S|<LOCAL|CUSTOMERS|ZONES|SERVERS|BUSY AFTER "
                     "LOSS");
    for (size_t i = 0; i < files->plan.cell_count; i++)
        put_cell(&t, &files->plan.cells[i], &files->topo);
    put_cell(&t, &files->plan.together, &files->topo);
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

static void print_services(FILE *out, const struct files *files)
{
    struct table t;
    bool goal = has_goal(&files->topo);
    table_titles(&t, goal
                         ? "<CELL|<SERVICE|PEAK/S|BY LOAD|BY GOAL|PER ZONE|SERVERS|BUSY|BUSY AFTER "
                           "LOSS|WAIT AFTER LOSS|TIME"
                         : "<CELL|<SERVICE|PEAK/S|NEEDED|PER ZONE|SERVERS|BUSY|BUSY AFTER LOSS");
    for (size_t i = 0; i < files->plan.cell_count; i++) {
        const struct capacity_cell *cell = &files->plan.cells[i];
        for (size_t k = 0; k < cell->service_count; k++) {
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

static const char *plural(long long n)
{
    return n == 1 ? "" : "s";
}

static void print_words(FILE *out, const struct capacity_plan *plan)
{
    long long more = plan->servers - plan->together.servers;
    fprintf(out, "apart     %s servers; the loss of one cell touches at most %s of the customers\n",
            table_count(plan->servers), table_percent(plan->blast_customers, 0));
    fprintf(out, "together  %s servers; its loss touches all of them\n",
            table_count(plan->together.servers));
    fprintf(out, "keeping them apart costs %s%s server%s (%+.1f %%)\n", more > 0 ? "+" : "",
            table_count(more), plural(more), plan->separation_cost * 100);
    fprintf(out, "sum of the cells' peaks %s requests/s, peak of their sum %s: a ratio of %.2f\n",
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
    fprintf(out, "and keep at every service then:");
    if (goal->mean_wait_us > 0) {
        duration_format(text, goal->mean_wait_us);
        fprintf(out, " a mean wait of %s;", text);
    }
    if (goal->wait_us > 0) {
        duration_format(text, goal->wait_us);
        fprintf(out, " %g %% of the waits at most %s;", goal->quantile * 100, text);
    }
    if (goal->time_us > 0) {
        duration_format(text, goal->time_us);
        fprintf(out, " %g %% of wait and work at most %s;", goal->quantile * 100, text);
    }
    fprintf(out, " with %s\n",
            goal->queue == TOPO_QUEUE_OWN ? "a queue at each server" : "one queue for all servers");
}

void plan_print(FILE *out, const char *name, const struct files *files)
{
    const struct topo *topo = &files->topo;
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
    print_cells(out, files);
    fprintf(out, "\n");
    print_services(out, files);
    fprintf(out, "\n");
    print_words(out, &files->plan);
}

/* ---- proof ---- */

static void print_proof(FILE *out, const struct plan *plan)
{
    const struct proof *p = &plan->proof;
    struct table t;
    fprintf(out, "\nTolerated losses tried out: %s of a service x %d quarter-hours, ",
            table_count(p->losses), TOPO_SLOTS);
    if (p->failures == 0)
        fprintf(out, "all survived.\n");
    else
        fprintf(out, "%s NOT SURVIVED.\n", table_count(p->failures));
    if (!p->complete)
        fprintf(out, "Services with more than %s such losses were left out.\n",
                table_count(PROOF_LOSSES_MAX));
    fprintf(out, "What binds in each cell:\n\n");
    table_titles(&t, "<CELL|<SERVICE|<AT (UTC)|<ZONES LOST|<|BUSY|LOSSES|FAILED");
    for (size_t i = 0; i < p->cell_count; i++) {
        const struct proof_cell *cell = &p->cells[i];
        char when[TOPO_SLOT_TEXT];
        topo_slot_format(when, cell->slot, 0);
        table_put(&t, "%s", cell->name);
        table_put(&t, "%s", cell->service == NULL ? "-" : cell->service);
        table_put(&t, "%s", when);
        table_put(&t, "%s", *cell->zones == '\0' ? "none" : cell->zones);
        if (cell->sets > 1)
            table_put(&t, "or any of %lld alike", (long long)cell->sets);
        else
            table_put(&t, "%s", "");
        table_put(&t, "%s", table_percent(cell->busy, 0));
        table_put(&t, "%s", table_count(cell->losses));
        table_put(&t, "%s", table_count(cell->failures));
    }
    table_print(&t, out);
}

/* ---- separation ---- */

static void put_parts(struct table *t, const struct separation_parts *p)
{
    table_put(t, "%+.1f", p->sum);
    table_put(t, "%+.1f", p->time_zones);
    table_put(t, "%+.1f", p->habits);
    table_put(t, "%+.1f", p->small_numbers);
    table_put(t, "%+.1f", p->spare);
}

static void print_separation(FILE *out, const struct separation *s)
{
    struct table t;
    fprintf(out, "\nWhat separation costs, in servers more than one cell for all takes:\n\n");
    table_titles(&t, "<APART BY|CELLS|SERVERS|SUM OF PEAKS|RATIO|MORE|TIME ZONES|HABITS|SMALL "
                     "NUMBERS|SPARE|OTHER");
    for (size_t i = 0; i < s->level_count; i++) {
        const struct separation_level *level = &s->levels[i];
        table_put(&t, "%s",
                  strcmp(level->name, "cells") == 0 ? "the topology's cells" : level->name);
        table_put(&t, "%zu", level->groups);
        table_put(&t, "%s", table_count(level->servers));
        table_put(&t, "%s/s", table_count((long long)(level->sum_of_peaks_rps + 0.5)));
        table_put(&t, "%.2f", level->peaks_ratio);
        put_parts(&t, &level->parts);
        table_put(&t, "%+.1f", level->parts.other);
    }
    table_print(&t, out);
    if (s->continent_count < 2)
        return;
    fprintf(out, "\nThe same within each continent, its countries apart beside together:\n\n");
    table_titles(&t, "<CONTINENT|COUNTRIES|APART|TOGETHER|RATIO|MORE|TIME ZONES|HABITS|SMALL "
                     "NUMBERS|SPARE");
    for (size_t i = 0; i < s->continent_count; i++) {
        const struct separation_continent *c = &s->continents[i];
        table_put(&t, "%s", c->name);
        table_put(&t, "%zu", c->countries);
        table_put(&t, "%s", table_count(c->servers_apart));
        table_put(&t, "%s", table_count(c->servers_together));
        table_put(&t, "%.2f", c->peaks_ratio);
        put_parts(&t, &c->parts);
    }
    table_print(&t, out);
}

/* ---- shards ---- */

static void print_shards(FILE *out, const struct plan *plan)
{
    struct table t;
    if (plan->shard_count == 0)
        return;
    fprintf(out, "\nShards of replicas: the share of customers that one who breaks his shard "
                 "touches:\n\n");
    table_titles(&t, "<CELL|<SERVICE|REPLICAS|SHARD|SHARE NONE|SHARE SOME|SHARE ALL|GOAL|SMALLEST "
                     "SHARD");
    for (size_t i = 0; i < plan->shard_count; i++) {
        const struct shuffle_shares *s = &plan->shards[i].shares;
        table_put(&t, "%s", plan->shards[i].cell);
        table_put(&t, "%s", plan->shards[i].service);
        table_put(&t, "%s", table_count(s->workers));
        table_put(&t, "%lld %s", (long long)s->shard, s->shuffled ? "shuffled" : "fixed");
        table_put(&t, "%.4g %%", s->shared[0] * 100);
        table_put(&t, "%.4g %%", (s->any - s->touched) * 100);
        table_put(&t, "%.4g %%", s->touched * 100);
        if (s->goal > 0)
            table_put(&t, "%s%.4g %%", s->touched > s->goal ? "! " : "", s->goal * 100);
        else
            table_put(&t, "%s", "");
        if (s->enough > 0)
            table_put(&t, "%lld", (long long)s->enough);
        else if (s->goal > 0)
            table_put(&t, "none: %.2g %% at best", s->touched_least * 100);
        else
            table_put(&t, "%s", "");
    }
    table_print(&t, out);
}

/* ---- the frontier ---- */

/* "GB DE FR +2" of a cell, with "2 x " before a country in parts. */
static void spell_cell(char out[TABLE_CELL_MAX], const struct frontier_cell *cell, size_t most)
{
    size_t used = 0;
    out[0] = '\0';
    if (cell->parts > 1)
        used = (size_t)snprintf(out, TABLE_CELL_MAX, "%lld x ", (long long)cell->parts);
    for (size_t i = 0; i < cell->country_count && i < most; i++)
        used += (size_t)snprintf(out + used, TABLE_CELL_MAX - used, "%s%s", i == 0 ? "" : " ",
                                 cell->countries[i]);
    if (cell->country_count > most)
        snprintf(out + used, TABLE_CELL_MAX - used, " +%zu", cell->country_count - most);
}

static const char *bar(double share)
{
    static const char full[] = "####################";
    int length = (int)(share * 20 + 0.5);
    return full + 20 - (length < 1 ? 1 : length > 20 ? 20 : length);
}

static void print_points(FILE *out, const struct frontier *f)
{
    struct table t;
    table_titles(&t, f->priced ? "N|COST|SERVERS|CELLS|CUSTOMERS|DEMAND|<LARGEST|<|GAP|<KNEE"
                               : "N|SERVERS|CELLS|CUSTOMERS|DEMAND|<LARGEST|<|GAP|<KNEE");
    for (size_t i = 0; i < f->point_count; i++) {
        const struct frontier_point *p = &f->points[i];
        char largest[TABLE_CELL_MAX];
        spell_cell(largest, &p->cells[0], 4);
        table_put(&t, "%lld", (long long)p->number);
        if (f->priced)
            table_put(&t, "%.2f", p->cost);
        table_put(&t, "%s", table_count(p->servers));
        table_put(&t, "%s", table_count(p->cell_count_all));
        table_put(&t, "%.1f %%", p->blast_customers * 100);
        table_put(&t, "%.1f %%", p->blast_demand * 100);
        table_put(&t, "%s", largest);
        table_put(&t, "%s", bar(p->blast));
        table_put(&t, "%.1f %%", p->gap * 100);
        table_put(&t, "%s", p->knee == NULL ? "" : p->knee);
    }
    table_print(&t, out);
}

static void print_knees(FILE *out, const struct frontier *f)
{
    for (size_t i = 0; i < f->point_count; i++) {
        const struct frontier_point *p = &f->points[i];
        if (p->knee == NULL)
            continue;
        fprintf(out, "\nknee %s, point %lld: ", p->knee, (long long)p->number);
        for (size_t k = 0; k < p->cell_count && k < 12; k++) {
            char cell[TABLE_CELL_MAX];
            spell_cell(cell, &p->cells[k], 8);
            fprintf(out, "%s%s (%s)", k == 0 ? "" : ", ", cell, p->cells[k].region);
        }
        fprintf(out, p->cell_count > 12 ? ", and %zu cells more\n" : "\n", p->cell_count - 12);
    }
}

static void print_layouts(FILE *out, const struct frontier *f)
{
    struct table t;
    fprintf(out, "\nBeside them:\n\n");
    table_titles(&t,
                 f->priced ? "<CUT|COST|SERVERS|CELLS|LARGEST|<" : "<CUT|SERVERS|CELLS|LARGEST|<");
    for (size_t i = 0; i < f->layout_count; i++) {
        const struct frontier_layout *l = &f->layouts[i];
        table_put(&t, "%s", l->name);
        if (f->priced && l->cost == l->cost)
            table_put(&t, "%.2f", l->cost);
        else if (f->priced)
            table_put(&t, "%s", "-");
        table_put(&t, "%s", table_count(l->servers));
        table_put(&t, "%s", table_count(l->cells));
        table_put(&t, "%.1f %%", l->blast * 100);
        table_put(&t, "%s", l->allowed ? "" : "not allowed by rules, regions or latency");
    }
    table_print(&t, out);
}

static void print_frontier(FILE *out, const struct frontier *f)
{
    fprintf(out, "\nThe cheapest cuts by the largest share of %s that one cell's loss touches; ",
            f->measure == FRONTIER_CUSTOMERS ? "customers" : "demand");
    if (f->exact)
        fprintf(out, "exact: no cut betters them.\n");
    else
        fprintf(out,
                "found by search: each is at most its gap above the cheapest (%.1f %% at "
                "worst).\n",
                f->gap_max * 100);
    if (f->stopped)
        fprintf(out, "STOPPED before its end: cuts of smaller blast are missing.\n");
    fprintf(out, "\n");
    print_points(out, f);
    print_knees(out, f);
    print_layouts(out, f);
}

void plan_print_rest(FILE *out, const struct plan *plan)
{
    print_proof(out, plan);
    print_separation(out, &plan->separation);
    print_shards(out, plan);
    for (size_t i = 0; i < plan->frontier_count; i++)
        print_frontier(out, &plan->frontiers[i]);
}
