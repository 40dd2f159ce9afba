/* separation.h - what it costs that cells share nothing, and why.
 *
 * Cells that are kept apart need more servers than one cell for all. The difference is cut into
 * four parts that add up to it exactly:
 *
 *   time zones     peaks that do not coincide because clocks differ: what is left of the sum of
 *                  peaks minus the peak of the sum after habits are taken off;
 *   habits         peaks that would not coincide by one clock either: the same difference with
 * every country's demand moved to its local time; small numbers  demand that is too little for its
 * randomness to even out: servers that a latency goal asks for beyond the load, and the rest of the
 * last whole server; spare          the rounding of spare capacity: m servers more in each cell,
 * and as many in each of its zones.
 *
 * In servers, for one service of a cell with n zones that survives the loss of k zones and m
 * servers: load is peak / server, needed what control/capacity.h says, f = n / (n - k). Then
 * servers = f load + f (needed - load) + (servers - f needed); the first term is cut by clocks, the
 * second is small numbers, the third spare, and each is taken apart minus together. */
#ifndef CONTROL_SEPARATION_H
#define CONTROL_SEPARATION_H

#include <stddef.h>
#include <stdint.h>

#include "control/capacity.h"

struct arena;
struct error;

struct separation_parts { /* of one cell for all: servers, or counts */
    double time_zones, habits, small_numbers;
    double spare; /* counts: 0 */
    double other; /* cells of the topology with other zones than the first, or fixed servers */
    double sum;   /* of these */
};

struct separation_level { /* one way to cut the world: "countries", "cells", "continents", "world"
                           */
    const char *name;
    size_t groups;
    int64_t servers;
    double sum_of_peaks_rps;
    double peaks_ratio; /* over the peak of the sum */
    struct separation_parts parts;
};

struct separation_continent {
    const char *name;
    size_t countries;
    double peak_rps; /* of the sum of its countries */
    double sum_of_peaks_rps;
    double peaks_ratio;
    int64_t servers_apart;         /* each of its countries in a cell of its own */
    int64_t servers_together;      /* all of them in one */
    struct separation_parts parts; /* of the first minus the second */
};

struct separation_country {
    const char *name, *continent;
    double peak_rps;
    size_t peak_slot;
    int64_t servers; /* in a cell of its own */
};

enum { SEPARATION_LEVELS = 4 };

struct separation {
    struct separation_level *levels; /* [SEPARATION_LEVELS], the most parts first */
    size_t level_count;
    struct separation_continent *continents;
    size_t continent_count;
    struct separation_country *countries; /* in the topology's order */
    size_t country_count;
};

extern const struct json_field separation_fields[];

/* Take the cost of separation apart. All cells have as many zones as the topology's first.
 * Everything lives in `a`. 0, or -1 with `err` set. */
int separation_find(struct separation *s, const struct topo *topo, const struct capacity_plan *plan,
                    struct arena *a, struct error *err);

/* ---- the same of counts: orders or requests by the hour ---- */

struct separation_row {
    const char *name;
    int utc_offset_min;   /* whole hours count; the rest is dropped */
    const int64_t *count; /* [hours] events by hour UTC */
};

/* What the hours of a year hold is a mean that follows clock and season, and chance. The mean of a
 * country in an hour is taken to be its total, times the share of that local weekday, times the
 * share of that local hour of the day, times what the week of all countries was to the mean week.
 * Then, apart minus together:
 *
 *   habits         of the means' peaks with all countries on their local clock,
 *   time zones     the rest of the means' peaks,
 *   small numbers  of the peaks of what was counted over those of the means: chance. */
struct separation_counts {
    int64_t events;
    size_t hours;
    double sum_of_peaks, peak_of_sum; /* events in an hour */
    size_t peak_hour;                 /* of the sum */
    double ratio;
    double mean_sum_of_peaks, mean_peak_of_sum; /* of the means */
    double mean_ratio;                          /* clocks alone */
    struct separation_parts parts; /* of sum_of_peaks - peak_of_sum; events in an hour */
};

/* `first_hour` is the hour of the week (0: Monday 00:00 UTC) of count[0]. At least one row, one
 * hour and one event. 0, or -1 when memory is out. */
int separation_of_counts(struct separation_counts *out, const struct separation_row *rows,
                         size_t row_count, size_t hours, size_t first_hour, struct arena *a,
                         struct error *err);

#endif
