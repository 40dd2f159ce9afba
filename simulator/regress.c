#include "simulator/regress.h"

#include <assert.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/fmath.h"
#include "simulator/stats.h"

/* A control of which less than this share is left beside the earlier ones is none. */
static const double LEFT_MIN = 1e-9;

struct column {    /* a control, made orthogonal to those before it */
    double *value; /* [count], centred */
    double mean;   /* before that */
    double squares;
    double factor; /* of it in the values */
};

static double product(const double *x, const double *y, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += x[i] * y[i];
    return sum;
}

/* Copy and centre, from every `stride`-th number; the mean. */
static double centre(double *out, const double *from, int64_t count, int64_t stride)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += from[i * stride];
    double mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++)
        out[i] = from[i * stride] - mean;
    return mean;
}

/* Take the part of `c` that goes together with `earlier` away from it (modified Gram-Schmidt). */
static void part_from(struct column *c, const struct column *earlier, int64_t count)
{
    double factor = product(c->value, earlier->value, count) / earlier->squares;
    for (int64_t i = 0; i < count; i++)
        c->value[i] -= factor * earlier->value[i];
    c->mean -= factor * earlier->mean;
}

/* Orthogonal columns of the controls that are used; their number, or -1 when memory is out. */
static int64_t columns_make(struct column *column, const double *controls, int64_t count,
                            int64_t control_count, struct arena *a)
{
    int64_t used = 0;
    for (int64_t k = 0; k < control_count && used < count / 4; k++) {
        struct column *c = &column[used];
        c->value = arena_alloc(a, (size_t)count, sizeof *c->value);
        if (c->value == NULL)
            return -1;
        c->mean = centre(c->value, controls + k, count, control_count);
        double before = product(c->value, c->value, count);
        for (int64_t i = 0; i < used; i++)
            part_from(c, &column[i], count);
        c->squares = product(c->value, c->value, count);
        used += c->squares > LEFT_MIN * before;
    }
    return used;
}

int regress_mean(struct regress_mean *out, const double *value, const double *controls,
                 int64_t count, int64_t control_count, double level, struct arena *a)
{
    assert(count >= 4);
    double *rest = arena_alloc(a, (size_t)count, sizeof *rest);
    struct column *column = arena_alloc(a, (size_t)control_count + 1, sizeof *column);
    if (rest == NULL || column == NULL)
        return -1;
    double mean = centre(rest, value, count, 1);
    int64_t used = columns_make(column, controls, count, control_count, a);
    if (used < 0)
        return -1;
    for (int64_t k = 0; k < used; k++) {
        struct column *c = &column[k];
        c->factor = product(rest, c->value, count) / c->squares;
        for (int64_t i = 0; i < count; i++)
            rest[i] -= c->factor * c->value[i];
        mean -= c->factor * c->mean;
    }
    /* What each replication says by the coefficients of the others alone. */
    struct stats all = {0};
    for (int64_t i = 0; i < count; i++) {
        double leverage = 1 / (double)count, pull = leverage;
        for (int64_t k = 0; k < used; k++) {
            const struct column *c = &column[k];
            leverage += c->value[i] * c->value[i] / c->squares;
            pull -= c->value[i] * c->mean / c->squares;
        }
        stats_add(&all, mean + (1 - pull) * rest[i] / (1 - leverage));
    }
    double n = (double)count;
    *out = (struct regress_mean){
        .mean = all.mean,
        .half_width =
            stats_student(count - 1 - used, level) * fmath_sqrt(all.squares / (n - 1) / n),
        .controls = used,
    };
    return 0;
}
