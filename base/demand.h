/* demand.h - demand as a user has it: orders or request counts, row by row, of any number.
 *
 * A table with a time and a country in every row, and perhaps a count, becomes what each country
 * asked in every hour of the span and in every quarter-hour of the week. Rows are read in pieces,
 * in any order; memory grows with the span and the countries, up to a bound, not with the rows.
 * Rows that cannot be used are counted by reason, with the lines of the first few; what makes the
 * whole file doubtful is an error, with file and line and what would help. */
#ifndef BASE_DEMAND_H
#define BASE_DEMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/csv.h"
#include "base/topo.h"

struct arena;
struct error;

enum demand_zone {                   /* whose clock is a time without a zone? */
                   DEMAND_ZONE_NONE, /* nobody said: UTC, as long as no row has a zone of its own */
                   DEMAND_ZONE_UTC,
                   DEMAND_ZONE_LOCAL, /* the row's country's, by its January offset, all year */
};

enum {
    DEMAND_LINES = 3,        /* that are told of each reason */
    DEMAND_EXAMPLE = 32,     /* bytes of what stood in the first one */
    DEMAND_PLACES_MAX = 300, /* countries, and codes for no country */
    DEMAND_PAGE_HOURS = 512,
    DEMAND_PAGES = 2226,      /* 1970..2099 */
    DEMAND_PAGES_MAX = 32768, /* of all places: 128 MiB, ten years of every country */
    DEMAND_WHERE_MAX = 8,
};

struct demand_opts {
    const char *name;                   /* of the file, for sentences */
    const char *time, *country, *count; /* columns; NULL: found by their usual names */
    const char *where; /* rows that are meant, as "kind=sale,units>0"; NULL: all of them */
    enum demand_zone zone;
    bool month_first; /* 12/31/2010 */
};

enum demand_reason { /* why a row was left out */
                     DEMAND_FIELDS,
                     DEMAND_TIME,
                     DEMAND_DAY,
                     DEMAND_ZONE,
                     DEMAND_MONTH,
                     DEMAND_COUNTRY,
                     DEMAND_CLOCK,
                     DEMAND_COUNT,
                     DEMAND_NEGATIVE,
                     DEMAND_REASONS,
};
extern const char *const demand_reason_words[]; /* "unknown country" */

struct demand_left { /* out */
    int64_t rows;
    int64_t line[DEMAND_LINES]; /* of the first ones; 0: none */
    char example[DEMAND_EXAMPLE];
};

struct demand_place {
    char code[3]; /* ISO 3166-1 alpha-2; of rows without a country, as EU or XX, what they say */
    bool country; /* one of base/data.h */
    bool has_offset;
    int offset_min;
    uint64_t count;    /* requests or orders in all */
    uint64_t peak;     /* of its busiest hour */
    int64_t peak_hour; /* the first such one: hours since 1970, UTC */
    uint64_t *week;    /* [TOPO_SLOTS] sums by quarter-hour of the UTC week */
    uint64_t **page;   /* [DEMAND_PAGES] of hours since 1970; NULL where there is nothing */
};

struct demand_where {
    char name[64], value[64];
    char op[3]; /* "=", "!=", "<", "<=", ">", ">=" */
    double number;
    size_t column;
};

struct demand { /* what is behind `opts` is private until the end was taken */
    struct demand_opts opts;
    struct arena *arena;
    int64_t rows; /* behind the header */
    int64_t used; /* of these, with what they count: */
    uint64_t count;
    int64_t not_meant; /* by opts.where */
    struct demand_left left[DEMAND_REASONS];
    struct demand_place *place; /* [place_count] by the first row of each */
    size_t place_count;
    int64_t hour_first, hour_last; /* of the rows used, hours since 1970, UTC */
    bool minutes;                  /* times have minutes: rows are no hourly sums */
    uint64_t sum_of_peaks;         /* of the places' busiest hours */
    uint64_t peak_of_sum;          /* the busiest hour of all together */
    int64_t peak_hour;             /* the first such one */
    char delimiter;
    char time_name[64], country_name[64], count_name[64]; /* the columns taken; "": none */
    struct csv csv;
    char *buffer;
    size_t kept;    /* bytes of it that are not read yet */
    bool begun;     /* the first line is there */
    bool header;    /* and was read */
    bool days_only; /* every time was midnight */
    size_t time, country, counts;
    size_t columns;                  /* that a row must have */
    int64_t zone_line, no_zone_line; /* the first of each; 0: none */
    size_t pages;
    struct demand_where where[DEMAND_WHERE_MAX];
    size_t where_count;
    struct demand_names *names;
};

/* Begin. `opts` and what it points to is borrowed until the end, memory comes from `a`. 0, or -1
 * with `err` set: opts.where is no list of conditions. */
int demand_init(struct demand *d, const struct demand_opts *opts, struct arena *a,
                struct error *err);

/* Where the next bytes of the file go, `*room` >= 1 of them at most. */
char *demand_room(struct demand *d, size_t *room);

/* So many were put there; 0: that was the end. 0, or -1 with `err` set ("orders.csv:17: ..."):
 * nothing may be asked of `d` then. */
int demand_take(struct demand *d, size_t len, struct error *err);

/* ---- after the end ---- */

/* What a place asked in an hour since 1970, UTC. */
uint64_t demand_hour(const struct demand_place *place, int64_t hour);

/* The place of a code; NULL: the file has no row of it. */
const struct demand_place *demand_place_at(const struct demand *d, const char *code);

/* The mean week of a place, in counts per quarter-hour, by UTC slot. Where rows are sums of hours,
 * or too few (under 30 for each slot), the quarters of an hour share alike. Slots that a span of
 * less than a week has not seen get the mean of the same time on the days that it has. */
void demand_week(const struct demand *d, const struct demand_place *place, double week[TOPO_SLOTS]);

/* Make it the demand of the topology's countries: the shape of the mean week, and as its peak the
 * busiest hour of the whole span, `scale` requests for each that was counted. Countries of which
 * the file has no row keep what they have; parts of one get equal parts of its demand. Returns how
 * many got a new one. */
size_t demand_put(const struct demand *d, struct topo *topo, double scale);

#endif
