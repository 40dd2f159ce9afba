#include "base/sweep.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json_place.h"
#include "base/json_text.h"

const struct json_field sweep_fields[] = {
    JSON_STR(struct sweep_axis, path, "path", .required = true,
             .doc = "A field of the scenario or of its topology, as load or "
                    "cells.de.servers_per_zone"),
    JSON_SCALARS(struct sweep_axis, values, value_count, "values", .count_min = 1,
                 .count_max = SWEEP_VARIANTS_MAX,
                 .doc = "The values it takes; or give from and to"),
    JSON_F64(struct sweep_axis, from, "from", -1e15, 1e15, .nullable = true,
             .doc = "The first of a range of numbers"),
    JSON_F64(struct sweep_axis, to, "to", -1e15, 1e15, .nullable = true,
             .doc = "Its last; with a step that does not meet it, what is not beyond it"),
    JSON_F64(struct sweep_axis, step, "step", -1e15, 1e15, .nullable = true,
             .doc = "From one value of the range to the next; or give count"),
    JSON_I64(struct sweep_axis, points, "count", 2, SWEEP_VARIANTS_MAX,
             .doc = "How many values the range has, evenly spaced"),
    JSON_END,
};

/* Keys that are the same for a whole sweep. */
static const struct {
    const char *key, *why;
} fixed[] = {
    {"seed", "all variants share the seed, so that they differ by nothing else"},
    {"replications", "all variants have as many, so that each is compared with its like"},
    {"topology", "all variants have one topology, so that countries are compared with themselves"},
    {"sweep", "a sweep does not change itself"},
};

static int check_path(const struct sweep_axis *axes, size_t index, struct error *err)
{
    const char *path = axes[index].path;
    size_t len = strcspn(path, ".");
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (strlen(fixed[i].key) == len && memcmp(fixed[i].key, path, len) == 0)
            return error_set(err, ERR_CONFLICT, "sweep[%zu].path: %s is no axis: %s", index,
                             fixed[i].key, fixed[i].why);
    for (size_t i = 0; i < index; i++) {
        char quoted[JSON_QUOTE_MAX];
        json_quote(quoted, path);
        if (strcmp(axes[i].path, path) == 0)
            return error_set(err, ERR_DUPLICATE,
                             "sweep[%zu].path: %s is the path of sweep[%zu] too", index, quoted, i);
    }
    return 0;
}

/* `value` without the dirt of adding: 0.3, not 0.30000000000000004. */
static double rounded(double value)
{
    double scale = 1; /* powers of ten are exact up to 1e22 */
    while (fabs(value) * scale < 1e11 && scale < 1e22)
        scale *= 10;
    return floor(value * scale + 0.5) / scale;
}

static int make_values(struct sweep_axis *axis, size_t count, bool ends_at_to, struct arena *a,
                       struct error *err)
{
    axis->values = arena_alloc(a, count, sizeof axis->values[0]);
    if (axis->values == NULL)
        return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        char text[JSON_NUMBER_TEXT_MAX];
        double value = rounded(axis->from + (double)i * axis->step);
        if (i == 0)
            value = axis->from;
        else if (ends_at_to && i == count - 1)
            value = axis->to;
        json_number_text(text, value);
        axis->values[i] = arena_string(a, text, strlen(text));
        if (axis->values[i] == NULL)
            return error_memory(err);
    }
    axis->value_count = count;
    return 0;
}

static int expand_range(struct sweep_axis *axis, size_t index, struct arena *a, struct error *err)
{
    if (axis->from == axis->to)
        return error_set(err, ERR_CONFLICT,
                         "sweep[%zu].to: is the same as from; give values instead", index);
    if (isnan(axis->step) == (axis->points == 0))
        return error_set(err, isnan(axis->step) ? ERR_MISSING : ERR_CONFLICT,
                         "sweep[%zu]: a range takes step or count, one of the two", index);
    size_t count = (size_t)axis->points;
    bool by_points = axis->points > 0;
    if (by_points) {
        axis->step = (axis->to - axis->from) / (double)(axis->points - 1);
    } else {
        /* A billionth more, for the last step that rounding leaves just short of the end. */
        double steps = (axis->to - axis->from) / axis->step + 1e-9;
        if (!(steps >= 0) || axis->step == 0)
            return error_set(err, ERR_RANGE,
                             "sweep[%zu].step: %.12g does not lead from %.12g to %.12g", index,
                             axis->step, axis->from, axis->to);
        if (steps >= SWEEP_VARIANTS_MAX)
            return error_set(err, ERR_LIMIT, "sweep[%zu]: expected at most %d values, got more",
                             index, SWEEP_VARIANTS_MAX);
        count = (size_t)steps + 1;
    }
    if (make_values(axis, count, by_points, a, err) != 0)
        return -1;
    axis->from = axis->to = axis->step = (double)NAN;
    axis->points = 0;
    return 0;
}

int sweep_check(struct sweep_axis *axes, size_t count, struct arena *a, struct error *err)
{
    double variants = 1;
    for (size_t i = 0; i < count; i++) {
        struct sweep_axis *axis = &axes[i];
        bool ends = !isnan(axis->from) && !isnan(axis->to);
        bool range =
            !isnan(axis->from) || !isnan(axis->to) || !isnan(axis->step) || axis->points > 0;
        if (check_path(axes, i, err) != 0)
            return -1;
        if (range == (axis->value_count > 0) || range != ends)
            return error_set(err, range && ends ? ERR_CONFLICT : ERR_MISSING,
                             "sweep[%zu]: an axis takes values, or from and to, with step or count",
                             i);
        if (range && expand_range(axis, i, a, err) != 0)
            return -1;
        variants *= (double)axis->value_count;
    }
    if (variants > SWEEP_VARIANTS_MAX)
        return error_set(err, ERR_LIMIT, "sweep: expected at most %d variants, got %.0f",
                         SWEEP_VARIANTS_MAX, variants);
    return 0;
}

size_t sweep_variants(const struct sweep_axis *axes, size_t count)
{
    size_t variants = 1;
    for (size_t i = 0; i < count; i++)
        variants *= axes[i].value_count;
    return variants;
}

size_t sweep_value(const struct sweep_axis *axes, size_t count, size_t variant, size_t axis)
{
    assert(axis < count);
    for (size_t i = count - 1; i > axis; i--)
        variant /= axes[i].value_count;
    return variant % axes[axis].value_count;
}

void sweep_sets(struct json_set out[SWEEP_AXES_MAX], const struct sweep_axis *axes, size_t count,
                size_t variant)
{
    assert(count <= SWEEP_AXES_MAX);
    assert(variant < sweep_variants(axes, count));
    for (size_t i = 0; i < count; i++)
        out[i] = (struct json_set){
            .path = axes[i].path,
            .value = axes[i].values[sweep_value(axes, count, variant, i)],
        };
}
