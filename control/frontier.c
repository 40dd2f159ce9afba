#include "control/frontier.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/data.h"
#include "base/error.h"
#include "base/fmath.h"
#include "control/cut.h"

static const double MILLION = 1e6;
static const double STEP = 0.9; /* from one weight that the search tries to the next */

enum { KNEES_MAX = 3, LAYOUTS = 4 };

struct work { /* on one frontier */
    struct frontier *f;
    const struct topo *topo;
    const struct frontier_opts *opts;
    struct arena *a;
    struct cut cut;
    struct cut_bounds *bounds;
    struct cut_plan *plans; /* found so far, in the order of falling weight */
    size_t plan_count, plan_room;
    double *week;            /* [country] requests of a week */
    double weeks, customers; /* of all */
};

/* ---- plans that are kept ---- */

static int plan_new(struct work *w, struct cut_plan *plan, struct error *err)
{
    plan->cell = arena_alloc(w->a, w->cut.atom_count, sizeof plan->cell[0]);
    plan->parts = arena_alloc(w->a, w->cut.atom_count, sizeof plan->parts[0]);
    return plan->cell != NULL && plan->parts != NULL ? 0 : error_memory(err);
}

/* Keep a plan of less weight than those before: it makes those superfluous that cost as much. */
static int plan_keep(struct work *w, const struct cut_plan *plan, struct error *err)
{
    while (w->plan_count > 0 && w->plans[w->plan_count - 1].cost >= plan->cost)
        w->plan_count--;
    if (w->plan_count == w->plan_room) {
        size_t room = w->plan_room * 2 + 64;
        struct cut_plan *more = arena_alloc(w->a, room, sizeof more[0]);
        if (more == NULL)
            return error_memory(err);
        if (w->plan_count > 0)
            memcpy(more, w->plans, w->plan_count * sizeof more[0]);
        w->plans = more;
        w->plan_room = room;
    }
    struct cut_plan kept = *plan;
    if (plan_new(w, &kept, err) != 0)
        return -1;
    memcpy(kept.cell, plan->cell, w->cut.atom_count * sizeof kept.cell[0]);
    memcpy(kept.parts, plan->parts, w->cut.atom_count * sizeof kept.parts[0]);
    w->plans[w->plan_count++] = kept;
    return 0;
}

/* The least weight that any plan can have: that of the heaviest atom in as many parts as it may. */
static int64_t least_weight(const struct cut *cut)
{
    int64_t least = 1;
    for (size_t i = 0; i < cut->atom_count; i++) {
        int64_t weight = cut_part_weight(&cut->atoms[i], cut->atoms[i].parts);
        least = weight > least ? weight : least;
    }
    return least;
}

static bool goes_on(const struct work *w, int64_t weight_max)
{
    double least = (double)least_weight(&w->cut), all = (double)w->cut.weight;
    double way = fmath_log(all / least), done = fmath_log(all / (double)weight_max);
    return w->opts->going == NULL || w->opts->going(w->opts->context, way > 0 ? done / way : 1);
}

static int find_plans(struct work *w, struct error *err)
{
    int64_t least = least_weight(&w->cut), weight_max = w->cut.weight;
    struct cut_exact *exact = NULL;
    struct cut_search *search = NULL;
    struct cut_plan plan = {0};
    if (plan_new(w, &plan, err) != 0)
        return -1;
    w->f->exact = w->cut.atom_count <= FRONTIER_EXACT_MAX;
    w->bounds = cut_bounds_new(&w->cut, w->a);
    if (w->f->exact)
        exact = cut_exact_new(&w->cut, w->a);
    else
        search = cut_search_new(&w->cut, w->opts->seed, w->a);
    if (w->bounds == NULL || (exact == NULL && search == NULL))
        return error_memory(err);
    while (weight_max >= least) {
        w->f->stopped = !goes_on(w, weight_max);
        if (w->f->stopped)
            break;
        bool found = w->f->exact ? cut_exact_find(exact, weight_max, &plan)
                                 : cut_search_find(search, weight_max, &plan);
        if (!found)
            break;
        if (plan_keep(w, &plan, err) != 0)
            return -1;
        int64_t next = (int64_t)((double)weight_max * STEP);
        weight_max = plan.weight - 1;
        if (!w->f->exact && next < weight_max && weight_max > least)
            weight_max = next > least ? next : least;
    }
    return 0;
}

/* ---- points ---- */

/* Of the cheapest regions the one nearest to the customers of a cell. */
static void choose_region(const struct work *w, struct frontier_cell *cell, const size_t *country)
{
    const struct cut *cut = &w->cut;
    uint64_t regions = UINT64_MAX;
    double nearest = (double)INFINITY;
    for (size_t r = 0; r < cut->region_count; r++)
        for (size_t i = 0; i < cell->country_count; i++)
            if (!topo_may_lie(&w->topo->countries[country[i]], cut->regions[r].name) ||
                (w->topo->rtt_max_us > 0 &&
                 cut->rtt_us[country[i] * cut->region_count + r] > w->topo->rtt_max_us))
                regions &= ~(1ull << r);
    int64_t price = cut_price(cut, regions);
    for (size_t r = 0; r < cut->region_count; r++) {
        double sum = 0;
        int64_t most = 0;
        if (!(regions >> r & 1) || cut->regions[r].price != price)
            continue;
        for (size_t i = 0; i < cell->country_count; i++) {
            int64_t rtt_us = cut->rtt_us[country[i] * cut->region_count + r];
            sum += (double)rtt_us * (double)w->topo->countries[country[i]].customers;
            most = rtt_us > most ? rtt_us : most;
        }
        if (sum < nearest) {
            nearest = sum;
            cell->region = cut->regions[r].name;
            cell->rtt_us = most;
        }
    }
    cell->price = (double)price / MILLION;
}

/* The cell that `plan` has under number `at`. */
static int cell_make(struct work *w, struct frontier_cell *cell, const struct cut_plan *plan,
                     size_t at, struct error *err)
{
    double rps[TOPO_SLOTS] = {0};
    size_t *country = arena_alloc(w->a, w->topo->country_count, sizeof country[0]);
    cell->parts = 1;
    if (country == NULL)
        return error_memory(err);
    for (size_t i = 0; i < w->cut.atom_count; i++) {
        const struct cut_atom *atom = &w->cut.atoms[i];
        if (plan->cell[i] != at)
            continue;
        cell->parts = plan->parts[i];
        for (size_t k = 0; k < atom->country_count; k++)
            country[cell->country_count++] = atom->country[k];
    }
    cell->countries = arena_alloc(w->a, cell->country_count, sizeof cell->countries[0]);
    if (cell->countries == NULL)
        return error_memory(err);
    for (size_t i = 0; i < cell->country_count; i++) {
        const struct topo_country *c = &w->topo->countries[country[i]];
        cell->countries[i] = c->name;
        cell->customers_share += (double)c->customers / w->customers / (double)cell->parts;
        cell->demand_share += w->week[country[i]] / w->weeks / (double)cell->parts;
        for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
            rps[slot] += c->rps[slot];
    }
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
        if (rps[slot] / (double)cell->parts > cell->peak_rps)
            cell->peak_rps = rps[slot] / (double)cell->parts;
    choose_region(w, cell, country);
    cell->servers = capacity_servers(w->cut.rules, w->topo, cell->peak_rps, w->cut.zones);
    cell->cost = (double)cell->servers * cell->price;
    return 0;
}

static double blast_of(const struct frontier *f, const struct frontier_cell *cell)
{
    return f->measure == FRONTIER_CUSTOMERS ? cell->customers_share : cell->demand_share;
}

static int point_make(struct work *w, struct frontier_point *point, const struct cut_plan *plan,
                      struct error *err)
{
    for (size_t i = 0; i < w->cut.atom_count; i++)
        if (plan->cell[i] >= point->cell_count)
            point->cell_count = (size_t)plan->cell[i] + 1;
    point->cells = arena_alloc(w->a, point->cell_count, sizeof point->cells[0]);
    if (point->cells == NULL)
        return error_memory(err);
    for (size_t i = 0; i < point->cell_count; i++) {
        struct frontier_cell cell = {0};
        if (cell_make(w, &cell, plan, i, err) != 0)
            return -1;
        point->servers += cell.servers * cell.parts;
        point->cell_count_all += cell.parts;
        if (cell.customers_share > point->blast_customers)
            point->blast_customers = cell.customers_share;
        if (cell.demand_share > point->blast_demand)
            point->blast_demand = cell.demand_share;
        size_t at = i;
        for (; at > 0 && blast_of(w->f, &point->cells[at - 1]) < blast_of(w->f, &cell); at--)
            point->cells[at] = point->cells[at - 1];
        point->cells[at] = cell;
    }
    point->cost = (double)plan->cost / MILLION;
    point->blast = blast_of(w->f, &point->cells[0]);
    int64_t bound = w->f->exact ? plan->cost : cut_bound(w->bounds, plan->weight);
    point->cost_bound = (double)bound / MILLION;
    point->gap = point->cost / point->cost_bound - 1;
    w->f->gap_max = point->gap > w->f->gap_max ? point->gap : w->f->gap_max;
    return 0;
}

/* ---- knees ---- */

/* A knee is the point farthest below the straight line between two others, over cost and the
 * logarithm of the blast, both scaled to 0..1: first between the ends, then on both sides of it. */
static void find_knees(struct frontier *f, size_t from, size_t to, size_t *found)
{
    static const char *const letters[KNEES_MAX] = {"A", "B", "C"};
    const struct frontier_point *first = &f->points[from], *last = &f->points[to];
    double costs = f->points[f->point_count - 1].cost - f->points[0].cost;
    double blasts = fmath_log(f->points[0].blast / f->points[f->point_count - 1].blast);
    double most = 0.05;
    size_t at = from;
    if (to - from < 2 || *found == KNEES_MAX || !(costs > 0) || !(blasts > 0))
        return;
    for (size_t i = from + 1; i < to; i++) {
        const struct frontier_point *p = &f->points[i];
        double share = fmath_log(first->blast / p->blast) / fmath_log(first->blast / last->blast);
        double below = (first->cost + share * (last->cost - first->cost) - p->cost) / costs;
        if (below > most) {
            most = below;
            at = i;
        }
    }
    if (at == from)
        return;
    f->points[at].knee = letters[(*found)++];
    find_knees(f, from, at, found);
    find_knees(f, at, to, found);
}

/* ---- other cuts ---- */

/* The cut that puts countries of the same group together, as planned. */
static void layout_make(struct work *w, const char *name, const size_t *group_of, size_t groups)
{
    struct frontier_layout *layout = &w->f->layouts[w->f->layout_count++];
    int64_t all = 0;
    *layout = (struct frontier_layout){.name = name, .allowed = true, .cells = (int64_t)groups};
    for (size_t g = 0; g < groups; g++) {
        double rps[TOPO_SLOTS] = {0}, peak_rps = 0, customers = 0, week = 0;
        uint64_t regions = UINT64_MAX;
        for (size_t i = 0; i < w->cut.atom_count; i++) {
            const struct cut_atom *atom = &w->cut.atoms[i];
            for (size_t k = 0; k < atom->country_count; k++)
                if (group_of[atom->country[k]] == g)
                    regions &= atom->regions;
        }
        for (size_t i = 0; i < w->topo->country_count; i++) {
            const struct topo_country *c = &w->topo->countries[i];
            if (group_of[i] != g)
                continue;
            customers += (double)c->customers;
            week += w->week[i];
            for (size_t k = 0; k < i; k++)
                if (group_of[k] == g && !topo_may_share(w->topo, i, k))
                    layout->allowed = false;
            for (size_t slot = 0; slot < TOPO_SLOTS; slot++) {
                rps[slot] += c->rps[slot];
                peak_rps = rps[slot] > peak_rps ? rps[slot] : peak_rps;
            }
        }
        int64_t cost = cut_cost(&w->cut, peak_rps, regions);
        double blast =
            w->f->measure == FRONTIER_CUSTOMERS ? customers / w->customers : week / w->weeks;
        layout->servers += capacity_servers(w->cut.rules, w->topo, peak_rps, w->cut.zones);
        layout->blast = blast > layout->blast ? blast : layout->blast;
        layout->allowed = layout->allowed && cost < CUT_NEVER;
        all = cost < CUT_NEVER && all < CUT_NEVER ? all + cost : CUT_NEVER;
    }
    layout->cost = all < CUT_NEVER ? (double)all / MILLION : (double)NAN;
}

static int find_layouts(struct work *w, struct error *err)
{
    size_t n = w->topo->country_count, continents = 0;
    size_t *group_of = arena_alloc(w->a, n, sizeof group_of[0]);
    char(*name)[16] = arena_alloc(w->a, n, sizeof name[0]);
    w->f->layouts = arena_alloc(w->a, LAYOUTS, sizeof w->f->layouts[0]);
    if (group_of == NULL || name == NULL || w->f->layouts == NULL)
        return error_memory(err);
    for (size_t i = 0; i < n; i++)
        group_of[i] = w->topo->countries[i].cell;
    layout_make(w, "today", group_of, w->topo->cell_count);
    for (size_t i = 0; i < n; i++)
        group_of[i] = i;
    layout_make(w, "every country apart", group_of, n);
    for (size_t i = 0; i < n; i++) {
        struct data_country fact;
        size_t at = 0;
        data_country_at(topo_home(&w->topo->countries[i]), &fact);
        while (at < continents && strcmp(name[at], fact.continent) != 0)
            at++;
        if (at == continents)
            memcpy(name[continents++], fact.continent, sizeof name[0]);
        group_of[i] = at;
    }
    layout_make(w, "by continent", group_of, continents);
    memset(group_of, 0, n * sizeof group_of[0]);
    layout_make(w, "all together", group_of, 1);
    return 0;
}

/* ---- the whole ---- */

static int weigh(struct work *w, struct error *err)
{
    w->week = arena_alloc(w->a, w->topo->country_count, sizeof w->week[0]);
    if (w->week == NULL)
        return error_memory(err);
    for (size_t i = 0; i < w->topo->country_count; i++) {
        const struct topo_country *c = &w->topo->countries[i];
        for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
            w->week[i] += c->rps[slot] * (TOPO_SLOT_MIN * 60);
        w->weeks += w->week[i];
        w->customers += (double)c->customers;
    }
    return 0;
}

int frontier_find(struct frontier *f, const struct topo *topo, int measure,
                  const struct frontier_opts *opts, struct arena *a, struct error *err)
{
    *f = (struct frontier){.measure = measure};
    struct work w = {.f = f, .topo = topo, .opts = opts, .a = a};
    size_t knees = 0;
    for (size_t i = 0; i < topo->candidate_count; i++)
        f->priced = f->priced || topo->candidates[i].price != 1;
    if (cut_init(&w.cut, topo, measure == FRONTIER_DEMAND, a, err) != 0 || weigh(&w, err) != 0 ||
        find_plans(&w, err) != 0)
        return -1;
    f->points = arena_alloc(a, w.plan_count, sizeof f->points[0]);
    if (f->points == NULL)
        return error_memory(err);
    for (; f->point_count < w.plan_count; f->point_count++) {
        f->points[f->point_count] = (struct frontier_point){.number = (int64_t)f->point_count + 1};
        if (point_make(&w, &f->points[f->point_count], &w.plans[f->point_count], err) != 0)
            return -1;
    }
    if (f->point_count > 2)
        find_knees(f, 0, f->point_count - 1, &knees);
    return find_layouts(&w, err);
}
