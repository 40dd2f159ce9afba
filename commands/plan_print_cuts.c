/* What a plan says of cuts: the cost of separation, shards, the frontiers. */
#include <stdbool.h>
#include <string.h>

#include "commands/plan_print.h"
#include "commands/table.h"
#include "control/plan.h"

/* ---- separation ---- */

static void put_parts(struct table *t, const struct separation_parts *p)
{
    const double parts[] = {p->sum, p->time_zones, p->habits, p->small_numbers, p->spare};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        table_put(t, "%+.*f", parts[i] < 1000 && parts[i] > -1000 ? 1 : 0, parts[i]);
}

/* A bar of `share` of the longest, at least one mark long. */
static const char *bar(double share, int longest)
{
    static const char full[] = "####################";
    int length = (int)(share * longest + 0.5);
    return full + 20 - (length < 1 ? 1 : length > longest ? longest : length);
}

static void print_separation(FILE *out, const struct separation *s)
{
    struct table t;
    double most = 0, other = 0;
    fprintf(out, "\nWhat separation costs, in servers more than one cell for all takes: by time\n"
                 "zones, habits, small numbers, and spare that is rounded:\n\n");
    table_titles(&t, "<APART BY|CELLS|SERVERS|RATIO|MORE|TIME|HABITS|NUMBERS|SPARE|<");
    for (size_t i = 0; i < s->level_count; i++)
        most = s->levels[i].parts.sum > most ? s->levels[i].parts.sum : most;
    for (size_t i = 0; i < s->level_count; i++) {
        const struct separation_level *level = &s->levels[i];
        table_put(&t, "%s", strcmp(level->name, "cells") == 0 ? "your cells" : level->name);
        table_put(&t, "%zu", level->groups);
        table_put(&t, "%s", table_count(level->servers));
        table_put(&t, "%.2f", level->peaks_ratio);
        put_parts(&t, &level->parts);
        table_put(&t, "%s", level->parts.sum > 0 ? bar(level->parts.sum / most, 5) : "");
        other += level->parts.other;
    }
    table_print(&t, out);
    fprintf(out, "ratio: sum of the peaks over peak of the sum\n");
    if (other != 0)
        fprintf(out, "of your cells %+.1f more: zones or servers that your file fixes\n", other);
    if (s->continent_count < 2)
        return;
    fprintf(out, "\nThe same within each continent, its countries apart beside together:\n\n");
    table_titles(&t, "<CONTINENT|CELLS|APART|AS ONE|RATIO|MORE|TIME|HABITS|NUMBERS|SPARE");
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

static void print_shards(FILE *out, const struct plan *plan, bool would_be)
{
    struct table t;
    if (plan->shard_count == 0)
        return;
    bool goal = plan->shards[0].shares.goal > 0;
    fprintf(out,
            "\nShards of replicas, %s%s. The share of customers\n"
            "with none, some or all of theirs in common with one of them, who breaks his:\n\n",
            would_be ? "if they were " : "",
            plan->shards[0].shares.shuffled ? "drawn for each customer" : "fixed");
    table_titles(&t, goal ? "<CELL|<SERVICE|SHARD|NONE|SOME|ALL|GOAL|<SMALLEST SHARD"
                          : "<CELL|<SERVICE|SHARD|NONE|SOME|ALL");
    for (size_t i = 0; i < plan->shard_count; i++) {
        const struct shuffle_shares *s = &plan->shards[i].shares;
        table_put(&t, "%s", plan->shards[i].cell);
        table_put(&t, "%s", plan->shards[i].service);
        table_put(&t, "%lld of %s", (long long)s->shard, table_count(s->workers));
        table_put(&t, "%.4g %%", s->shared[0] * 100);
        table_put(&t, "%.4g %%", (s->any - s->touched) * 100);
        table_put(&t, "%.4g %%", s->touched * 100);
        if (!goal)
            continue;
        table_put(&t, "%s%.4g %%", s->touched > s->goal ? "! " : "", s->goal * 100);
        if (s->enough > 0)
            table_put(&t, "%lld", (long long)s->enough);
        else
            table_put(&t, "none: %.2g %% at best", s->touched_least * 100);
    }
    table_print(&t, out);
    if (!goal)
        fprintf(out, "with --set goal.touched=0.01 the smallest shard for a goal of 1 %%\n");
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
        table_put(&t, "%s", bar(p->blast, 8));
        table_put(&t, "%.1f %%", p->gap * 100);
        table_put(&t, "%s", p->knee == NULL ? "" : p->knee);
    }
    table_print(&t, out);
}

static void print_knees(FILE *out, const struct frontier *f)
{
    enum { WIDTH = 80, INDENT = 2, CELLS = 12 };
    for (size_t i = 0; i < f->point_count; i++) {
        const struct frontier_point *p = &f->points[i];
        if (p->knee == NULL)
            continue;
        int at = fprintf(out, "\nknee %s, point %lld:", p->knee, (long long)p->number) - 1;
        for (size_t k = 0; k < p->cell_count && k <= CELLS; k++) {
            char cell[TABLE_CELL_MAX], text[2 * TABLE_CELL_MAX];
            spell_cell(cell, &p->cells[k], 8);
            int len = k == CELLS
                          ? snprintf(text, sizeof text, " and %zu cells more", p->cell_count - k)
                          : snprintf(text, sizeof text, " %s (%s)%s", cell, p->cells[k].region,
                                     k + 1 == p->cell_count ? "" : ",");
            if (at + len > WIDTH)
                at = fprintf(out, "\n%*s", INDENT - 1, "") - 1;
            at += fprintf(out, "%s", text);
        }
        fprintf(out, "\n");
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
        table_put(&t, "%s", l->allowed ? "" : "against rules or latency");
    }
    table_print(&t, out);
}

/* Whether two frontiers have the same points, of the same cells. */
static bool is_same(const struct frontier *f, const struct frontier *other)
{
    bool same = f->point_count == other->point_count && f->stopped == other->stopped;
    for (size_t i = 0; same && i < f->point_count; i++) {
        const struct frontier_point *p = &f->points[i], *q = &other->points[i];
        same = p->cost == q->cost && p->blast_customers == q->blast_customers &&
               p->blast_demand == q->blast_demand && p->cell_count == q->cell_count;
    }
    return same && f->point_count > 0;
}

static void print_frontier(FILE *out, const struct frontier *f, const struct frontier *before)
{
    const char *whom = f->measure == FRONTIER_CUSTOMERS ? "customers" : "demand";
    if (before != NULL && is_same(f, before)) {
        fprintf(
            out, "\nThe cuts by the largest share of %s are the same, as points %lld to %lld.\n",
            whom, (long long)f->points[0].number, (long long)f->points[f->point_count - 1].number);
        return;
    }
    fprintf(out, "\nThe cheapest cuts by the largest share of %s in one cell;\n", whom);
    if (f->exact)
        fprintf(out, "exact: no cut betters them.\n");
    else
        fprintf(out,
                "found by search: each is at most its gap above the cheapest (%.1f %% at worst).\n",
                f->gap_max * 100);
    if (f->stopped)
        fprintf(out, "STOPPED before its end: cuts of smaller blast are missing.\n");
    fprintf(out, "\n");
    print_points(out, f);
    print_knees(out, f);
    print_layouts(out, f);
}

void plan_print_cuts(FILE *out, const struct plan *plan, const struct topo *topo)
{
    print_separation(out, &plan->separation);
    print_shards(out, plan,
                 topo->policy.balance != TOPO_BALANCE_SHUFFLE &&
                     topo->policy.balance != TOPO_BALANCE_FIXED);
    for (size_t i = 0; i < plan->frontier_count; i++)
        print_frontier(out, &plan->frontiers[i], i == 0 ? NULL : &plan->frontiers[i - 1]);
}
