/* sweep.h - the axes of a sweep: fields of scenario or topology, and the values they take.
 *
 * The variants of a sweep are all combinations of its axes' values, numbered so that the last axis
 * moves fastest. A value is put in by its path, as json.h says of struct json_set, so it passes the
 * same checks as if it were written in the file. */
#ifndef BASE_SWEEP_H
#define BASE_SWEEP_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct arena;
struct error;

enum { SWEEP_AXES_MAX = 8, SWEEP_VARIANTS_MAX = 10000 };

struct sweep_axis {
    const char *path;    /* "load", "cells.de.servers_per_zone" */
    const char **values; /* JSON texts of scalars; sweep_check makes those of a range */
    size_t value_count;
    double from, to, step; /* a range; NaN: not given, and all of it after sweep_check */
    int64_t points;        /* of a range, instead of a step; 0: not given */
};

/* The table of an axis. */
extern const struct json_field sweep_fields[];

/* Check the axes, and turn ranges into values: numbers with 12 digits at most between the ends.
 * What decides for the sweep as a whole (seed, replications, topology, sweep) is no axis. 0, or -1
 * with `err` set. Whether paths and values are good, only decoding with them tells. */
int sweep_check(struct sweep_axis *axes, size_t count, struct arena *a, struct error *err);

/* How many variants there are; 1 for no axes. */
size_t sweep_variants(const struct sweep_axis *axes, size_t count);

/* Which of its values axis `axis` has in a variant. */
size_t sweep_value(const struct sweep_axis *axes, size_t count, size_t variant, size_t axis);

/* What makes variant `variant`: one value for each axis, borrowed. */
void sweep_sets(struct json_set out[SWEEP_AXES_MAX], const struct sweep_axis *axes, size_t count,
                size_t variant);

#endif
