/* cut.h - the problem of cutting countries into cells, reduced to what its cost depends on.
 *
 * An atom is what stays together: a country, or the countries of a kept cell. A cell of some atoms
 * costs its servers times the least price of the regions that all of them may use; its weight is
 * what its loss touches, in customers or in requests of a week. Costs are whole millionths of the
 * price's unit, so that sums do not depend on their order. */
#ifndef CONTROL_CUT_H
#define CONTROL_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/topo.h"
#include "control/capacity.h"

struct arena;
struct error;

enum { CUT_REGIONS_MAX = 64 };

#define CUT_NEVER (INT64_MAX / 4) /* the cost of what is not allowed */

struct cut_region {
    const char *name;
    int64_t price; /* of a server, millionths */
};

struct cut_atom {
    const size_t *country; /* [country_count] indices into the topology */
    size_t country_count;
    int64_t weight;
    uint64_t regions;  /* a bit for each that all its countries may use */
    int64_t parts;     /* equal cells of its own that it may be cut into */
    bool alone;        /* shares with no other atom */
    const double *rps; /* [slot_count] */
};

struct cut {
    const struct topo *topo;
    struct capacity_rule *rules;
    int64_t zones;
    struct cut_region regions[CUT_REGIONS_MAX];
    size_t region_count;
    int64_t *rtt_us; /* [country][region_count] from customers */
    struct cut_atom *atoms;
    size_t atom_count;
    bool *apart;       /* [atom][atom_count]: may not share */
    size_t slot_count; /* slots that can be a peak: the others are below one of these everywhere */
    int64_t weight;    /* of all */
};

/* Set up for what a cell's loss touches: customers, or with `demand` a week's requests. 0, or -1
 * with `err` set: no region is allowed and near enough for some country, and what would help. */
int cut_init(struct cut *cut, const struct topo *topo, bool demand, struct arena *a,
             struct error *err);

/* The highest of a cell's slots, requests/s. */
double cut_peak(const struct cut *cut, const double *rps);

/* What a cell costs. CUT_NEVER when `regions` is empty. */
int64_t cut_cost(const struct cut *cut, double peak_rps, uint64_t regions);

/* The least price among some regions, which are not empty. */
int64_t cut_price(const struct cut *cut, uint64_t regions);

/* What one of `parts` equal cells of an atom touches. */
int64_t cut_part_weight(const struct cut_atom *atom, int64_t parts);

/* The least cost of an atom in cells of its own, none of more than `weight_max`, and how many there
 * are: CUT_NEVER when it may not be cut into so many. */
int64_t cut_alone(const struct cut *cut, const struct cut_atom *atom, int64_t weight_max,
                  int64_t *parts);

/* ---- all cuts: control/cut_exact.c ---- */

struct cut_plan {         /* which cell each atom is in */
    uint16_t *cell;       /* [atom_count]: 0 .. */
    int64_t *parts;       /* [atom_count]: of an atom alone */
    int64_t cost, weight; /* of the largest cell */
};

struct cut_exact; /* what does not depend on the weight */

/* Cost all sets of atoms, at most 16. NULL when memory is out. */
struct cut_exact *cut_exact_new(const struct cut *cut, struct arena *a);

/* The cheapest plan with no cell above `weight_max`; of equal cost, with the least largest cell.
 * False when there is none. `plan` has its arrays. */
bool cut_exact_find(struct cut_exact *exact, int64_t weight_max, struct cut_plan *plan);

/* ---- some cuts: control/cut_search.c ---- */

struct cut_search;

struct cut_search *cut_search_new(const struct cut *cut, uint64_t seed, struct arena *a);

/* A cheap plan with no cell above `weight_max`, or false: an atom is too large for that. */
bool cut_search_find(struct cut_search *search, int64_t weight_max, struct cut_plan *plan);

/* ---- control/cut_bound.c ----
 *
 * Atoms that no chain of shared cells can join are bounded by themselves, and a lone one exactly.
 * Of others, whatever the cut: there are at least so many cells as weights and pairs that do not
 * fit together ask for; the sum of peaks is at least the peak of the sum, and more where heavy
 * atoms leave little room beside them; a cell's servers lie above some lines in its peak. */

struct cut_bounds;

struct cut_bounds *cut_bounds_new(const struct cut *cut, struct arena *a);

/* No plan without a cell above `weight_max` costs less than this. */
int64_t cut_bound(struct cut_bounds *bounds, int64_t weight_max);

#endif
