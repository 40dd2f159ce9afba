/* frontier.h - cost against blast radius: the cheapest way to cut the countries into cells for each
 * largest share of customers, or of demand, that the loss of one cell may touch.
 *
 * A cell serves some countries together from one region. Its servers are those of the count rule
 * for the peak of its countries' sum, in as many zones as the topology's first cell has; its cost
 * is servers times the region's price. Countries share a cell when their residency rules let each
 * pair of them and one candidate region is allowed to, and near enough for, all of them. A country
 * with `parts` may instead be cut into up to so many equal cells of its own. A cell with `keep` is
 * taken as it is.
 *
 * A point is on the frontier when no other cut costs less and touches no more, or touches less and
 * costs no more. Up to FRONTIER_EXACT_MAX countries (or kept cells) all cuts are covered, by
 * dynamic programming over subsets; with more a search from fixed seeds finds cuts, and prints how
 * far each may be above the cheapest one: the gap to a bound that no cut of that blast radius can
 * pass. */
#ifndef CONTROL_FRONTIER_H
#define CONTROL_FRONTIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/topo.h"

struct arena;
struct error;

enum { FRONTIER_EXACT_MAX = 16 };

enum frontier_measure { FRONTIER_CUSTOMERS, FRONTIER_DEMAND };

struct frontier_cell {
    const char **countries;
    size_t country_count;
    int64_t parts;      /* so many cells like this, each with an equal part of the one country */
    const char *region; /* of its cheapest regions the one nearest to its customers */
    double price;       /* of a server there */
    double peak_rps;    /* of one part, like all that follows */
    int64_t servers;
    double cost;
    double customers_share, demand_share;
    int64_t rtt_us; /* the longest from its customers */
};

struct frontier_point {
    int64_t number; /* from 1, for --pick: over both frontiers */
    double cost;
    int64_t servers;
    int64_t cell_count_all; /* with all parts */
    double blast;           /* the largest share of one cell, by the frontier's measure */
    double blast_customers, blast_demand;
    double cost_bound; /* no cut of this blast costs less; exact: the cost itself */
    double gap;        /* cost over that, minus 1 */
    const char *knee;  /* "A", "B": where the price of a smaller blast turns; NULL: it does not */
    struct frontier_cell *cells; /* largest blast first */
    size_t cell_count;
};

struct frontier_layout { /* a cut that one would think of; not on the frontier as a rule */
    const char *name;    /* "today", "every country apart", "by continent", "all together" */
    bool allowed;        /* by rules, regions and latency; a cost of NaN: it cannot be */
    double cost;
    int64_t servers, cells;
    double blast; /* by the frontier's measure */
};

struct frontier {
    int measure;                   /* enum frontier_measure */
    bool exact;                    /* every cut was covered; else see the gaps */
    bool priced;                   /* the topology gives prices: cost is money, else servers */
    bool stopped;                  /* before its end: points with a smaller blast are missing */
    double gap_max;                /* of the points */
    struct frontier_point *points; /* largest blast, least cost first */
    size_t point_count;
    struct frontier_layout *layouts;
    size_t layout_count;
};

extern const struct json_field frontier_fields[];

struct frontier_opts {
    uint64_t seed; /* of the search */
    /* Asked now and then, with how much is done, 0..1; false: stop with what is known. Or NULL. */
    bool (*going)(void *context, double done);
    void *context;
};

/* Find the frontier by `measure`. Everything lives in `a`; names are borrowed from `topo`. 0, or -1
 * with `err` set: memory is out, or no cut meets rules, regions and latency, and what would make
 * one possible. */
int frontier_find(struct frontier *f, const struct topo *topo, int measure,
                  const struct frontier_opts *opts, struct arena *a, struct error *err);

/* The topology that a point stands for: `topo` with its cells, and countries in parts under codes
 * of their own. What it shares with `topo` is borrowed. It is whole but for what topo_parse works
 * out: write it with topo_text and read that. 0, or -1 with `err` set. */
int frontier_pick(struct topo *picked, const struct frontier_point *point, const struct topo *topo,
                  struct arena *a, struct error *err);

#endif
