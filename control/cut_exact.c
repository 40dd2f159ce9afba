/* All cuts of up to 16 atoms, by dynamic programming over sets: the cell of a set's first atom is
 * one of its subsets, and what is left is a smaller set. Only sets without atom 0, and the whole,
 * are ever left, so there are about 3^15 / 2 pairs to look at. */
#include <string.h>

#include "base/arena.h"
#include "control/cut.h"

enum { ATOMS_MAX = 16 };

struct cut_exact {
    const struct cut *cut;
    uint32_t all;
    int64_t *weight, *cost; /* [all + 1] of a set as one cell */
    int64_t *now;           /* the same cost, or CUT_NEVER when it is too heavy now */
    int64_t *best, *heavy;  /* of a set cut at best: its cost and its heaviest cell */
    uint32_t *first;        /* the cell of its first atom then */
    int64_t parts[ATOMS_MAX], part_weight[ATOMS_MAX]; /* of atoms alone, now */
};

struct walk { /* down the sets, adding one atom at a time */
    struct cut_exact *x;
    double (*rps)[TOPO_SLOTS]; /* [atom_count + 1] */
};

/* Cost `set`, whose sum is rps[depth], and every set that adds atoms from `next` on. */
static void walk_sets(struct walk *w, uint32_t set, uint64_t regions, bool allowed, size_t next,
                      size_t depth)
{
    struct cut_exact *x = w->x;
    const struct cut *cut = x->cut;
    if (set != 0)
        x->cost[set] = allowed ? cut_cost(cut, cut_peak(cut, w->rps[depth]), regions) : CUT_NEVER;
    for (size_t i = next; i < cut->atom_count; i++) {
        const struct cut_atom *atom = &cut->atoms[i];
        bool may = allowed;
        for (size_t k = 0; k < i && may; k++)
            may = !(set >> k & 1 && cut->apart[i * cut->atom_count + k]);
        for (size_t s = 0; s < cut->slot_count; s++)
            w->rps[depth + 1][s] = w->rps[depth][s] + atom->rps[s];
        x->weight[set | 1u << i] = x->weight[set] + atom->weight;
        walk_sets(w, set | 1u << i, regions & atom->regions, may, i + 1, depth + 1);
    }
}

struct cut_exact *cut_exact_new(const struct cut *cut, struct arena *a)
{
    struct cut_exact *x = arena_alloc(a, 1, sizeof *x);
    size_t sets = (size_t)1 << cut->atom_count;
    double(*rps)[TOPO_SLOTS] = arena_alloc(a, cut->atom_count + 1, sizeof rps[0]);
    if (x == NULL || rps == NULL)
        return NULL;
    x->cut = cut;
    x->all = (uint32_t)sets - 1;
    x->weight = arena_alloc(a, sets, sizeof x->weight[0]);
    x->cost = arena_alloc(a, sets, sizeof x->cost[0]);
    x->now = arena_alloc(a, sets, sizeof x->now[0]);
    x->best = arena_alloc(a, sets, sizeof x->best[0]);
    x->heavy = arena_alloc(a, sets, sizeof x->heavy[0]);
    x->first = arena_alloc(a, sets, sizeof x->first[0]);
    if (x->weight == NULL || x->cost == NULL || x->now == NULL || x->best == NULL ||
        x->heavy == NULL || x->first == NULL)
        return NULL;
    walk_sets(&(struct walk){x, rps}, 0, UINT64_MAX, true, 0, 0);
    return x;
}

static int64_t weight_of(const struct cut_exact *x, uint32_t set)
{
    if ((set & (set - 1)) != 0)
        return x->weight[set];
    return x->part_weight[__builtin_ctz(set)];
}

/* The best cut of `set`, those of its subsets being known. */
static void solve_set(struct cut_exact *x, uint32_t set)
{
    uint32_t low = set & (0 - set), rest = set ^ low, more = rest;
    int64_t best = CUT_NEVER, heavy = INT64_MAX;
    uint32_t first = 0;
    do {
        uint32_t cell = low | more, left = rest ^ more;
        int64_t cost = x->now[cell] + x->best[left];
        if (cost <= best && cost < CUT_NEVER) {
            int64_t most = weight_of(x, cell);
            most = most > x->heavy[left] ? most : x->heavy[left];
            if (cost < best || most < heavy) {
                best = cost;
                heavy = most;
                first = cell;
            }
        }
        more = (more - 1) & rest;
    } while (more != rest);
    x->best[set] = best;
    x->heavy[set] = heavy;
    x->first[set] = first;
}

bool cut_exact_find(struct cut_exact *x, int64_t weight_max, struct cut_plan *plan)
{
    size_t n = x->cut->atom_count;
    for (uint32_t set = 1; set <= x->all; set++)
        x->now[set] = x->weight[set] <= weight_max ? x->cost[set] : CUT_NEVER;
    for (size_t i = 0; i < n; i++) {
        x->parts[i] = 1;
        x->now[1u << i] = cut_alone(x->cut, &x->cut->atoms[i], weight_max, &x->parts[i]);
        x->part_weight[i] = cut_part_weight(&x->cut->atoms[i], x->parts[i]);
    }
    x->best[0] = x->heavy[0] = 0;
    for (uint32_t set = 2; set < x->all; set += 2)
        solve_set(x, set);
    solve_set(x, x->all);
    if (x->best[x->all] >= CUT_NEVER)
        return false;
    uint16_t cells = 0;
    for (uint32_t set = x->all; set != 0; set ^= x->first[set], cells++)
        for (size_t i = 0; i < n; i++)
            if (x->first[set] >> i & 1) {
                plan->cell[i] = cells;
                plan->parts[i] = x->first[set] == 1u << i ? x->parts[i] : 1;
            }
    plan->cost = x->best[x->all];
    plan->weight = x->heavy[x->all];
    return true;
}
