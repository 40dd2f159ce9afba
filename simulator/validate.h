/* validate.h - the simulator against what is published and what is exactly known.
 *
 * Every row is a number from the literature. Where there is a formula it is computed here too. Most
 * rows are then simulated, by the code that simulates everything else, until the interval is
 * narrow: half its width at most 1 % of the number (5 % at load 0.99), so that a row can fail.
 *
 * A row agrees when all of this holds:
 * - what is published is what is exact, to the published digits;
 * - the simulated interval, widened by what is allowed for the row, holds the exact value (where
 *   there is none, the published one);
 * - so does the interval without controls (simulator/station.h), twice as wide as it is;
 * - what was drawn has the mean and variance that it should.
 * Intervals are Student's, over replications. The level of each is such that with probability 99 %
 * all of them hold at once (Sidak 1967). Seeds are not chosen: one in a hundred may miss a row.
 *
 * Replications begin empty, and the first three relaxation times are not counted: by then a queue
 * in heavy traffic is within 0.3 % of its limit (Abate and Whitt 1987, Queueing Systems 2), and the
 * mean over what is counted, five times as long or longer, within 0.03 %. */
#ifndef SIMULATOR_VALIDATE_H
#define SIMULATOR_VALIDATE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct arena;
struct error;

enum validate_verdict {
    VALIDATE_AGREES,
    VALIDATE_EXACT, /* agrees, and is not simulated: `note` says why */
    VALIDATE_MISSES,
};

struct validate_row { /* NaN: there is none */
    const char *name;
    double published;
    double exact;
    double simulated;
    double half_width;
    double plain; /* the same without controls; NaN where there are none */
    double plain_half_width;
    double allowed; /* by which the simulated value may be off besides, and why is in `note` */
    int64_t replications;
    int verdict;      /* enum validate_verdict */
    const char *note; /* NULL: nothing to add */
    double digit;     /* what is published is exact within this */
    double expected;  /* what the simulated value is held against */
    double base;      /* what half widths are a part of: that, or what is left of 1 */
};

struct validate_table {
    const char *word; /* for --only */
    const char *title;
    const char *source;
    int percent;  /* values are shares, written as percentages */
    int decimals; /* to write them with */
    struct validate_row *rows;
    size_t row_count;
};

struct validate_result {
    int64_t seed;
    double family_level; /* 0.99 */
    double row_level;    /* of each interval */
    int64_t rows, agree; /* those that are exact only included */
    int64_t simulated;
    double wall_s;
    bool pass;
    struct validate_table *tables;
    size_t table_count;
};

/* The table that encodes a result; docs/validate.schema.json is printed from it. */
extern const struct json_field validate_fields[];

struct validate_opts {
    int64_t seed;
    int64_t jobs;      /* threads, >= 1; the answer does not depend on them */
    double within;     /* half widths are asked to be so many percent; 0: 1. More is faster */
    const char *only;  /* the tables whose word begins so; NULL: all */
    double distortion; /* expected values are taken times this, to see rows miss; 0: 1 */
    const volatile sig_atomic_t *stop; /* becomes 1: give up; may be NULL */
    /* Called now and then, from the calling thread, with the share that is done; may be NULL. */
    void (*progress)(void *context, double done);
    void *context;
};

/* Do it. 0, or -1 with `err` set: no such table, stopped, or memory is out. The result is the
 * arena's. */
int validate_run(struct validate_result *result, const struct validate_opts *opts, struct arena *a,
                 struct error *err);

#endif
