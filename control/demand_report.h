/* demand_report.h - what a user's own orders or request counts held (base/demand.h): what was used
 * and what was not, when each country is busiest, and why those peaks do not add up. */
#ifndef CONTROL_DEMAND_REPORT_H
#define CONTROL_DEMAND_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "control/separation.h"

struct arena;
struct demand;
struct error;
struct topo;

struct demand_country { /* of one place, for tables and --json */
    const char *code;
    int64_t count;
    int64_t peak;        /* in its busiest hour */
    const char *peak_at; /* that hour, UTC */
    double peak_to_mean; /* mean over all hours of the span */
    bool planned;        /* one of the topology's countries */
};

struct demand_left_out {
    const char *reason;
    int64_t rows;
    const char *example;
    const char *lines; /* "7, 9, 12" */
};

struct demand_report {
    const char *file;
    const char *time_column, *country_column, *count_column;
    int64_t rows, used, not_meant, count;
    const char *from, *to; /* UTC */
    int64_t hours;
    int64_t sum_of_peaks, peak_of_sum;
    double peaks_ratio;
    const char *peak_at;
    bool effects;                     /* `counts` is known: the span was not too long for it */
    struct separation_counts counts;  /* why the sum of peaks is more than the peak of the sum */
    struct demand_country *countries; /* the most demand first */
    size_t country_count;
    struct demand_left_out *left_out;
    size_t left_out_count;
    const char **without; /* countries of the topology of which there is no row */
    size_t without_count;
    const char *clock; /* what times without a zone were taken for; NULL: there were none */
};

extern const struct json_field demand_report_fields[];

/* Make what was read, to its end, the demand of the topology's countries (demand_put, `scale`
 * requests for each that was counted), and say what it held. Everything lives in `a`; names are
 * borrowed from `d` and `topo`. 0, or -1 with `err` set: it has nothing of these countries. */
int demand_report_make(struct demand_report *report, const struct demand *d, double scale,
                       struct topo *topo, struct arena *a, struct error *err);

#endif
