#include "base/dist.h"

#include <assert.h>
#include <math.h>

#include "base/error.h"
#include "base/fmath.h"

const char *const dist_words[] = {"exponential",      "fixed",   "lognormal", "gamma", "pareto",
                                  "hyperexponential", "weibull", "empirical", NULL};

bool dist_takes_cs2(int kind)
{
    return kind == DIST_LOGNORMAL || kind == DIST_GAMMA || kind == DIST_HYPEREXPONENTIAL ||
           kind == DIST_WEIBULL;
}

/* ---- setting up ---- */

/* The inverse of the Weibull shape that has this squared coefficient of variation. ln(1 + cs2) =
 * ln Gamma(1 + 2 i) - 2 ln Gamma(1 + i) grows with i, so halving the interval finds it. */
static double weibull_inverse_shape(double cs2)
{
    double want = fmath_log(1 + cs2), low = 0x1p-12, high = 16;
    for (;;) {
        double middle = (low + high) / 2;
        if (middle <= low || middle >= high)
            return middle;
        if (fmath_lgamma(1 + 2 * middle) - 2 * fmath_lgamma(1 + middle) < want)
            low = middle;
        else
            high = middle;
    }
}

static int init_sample(struct dist *d, const struct dist_opts *opts, struct error *err)
{
    if (opts->sample_count < 1 || opts->sample_count > UINT32_MAX)
        return error_set(err, ERR_MISSING, "times: expected 1..%lu values, got %zu",
                         (unsigned long)UINT32_MAX, opts->sample_count);
    double sum = 0, squares = 0, count = (double)opts->sample_count;
    for (size_t i = 0; i < opts->sample_count; i++) {
        if (!(opts->sample[i] >= 0 && opts->sample[i] < (double)INFINITY))
            return error_set(err, ERR_RANGE, "times: expected values >= 0, got %g as number %zu",
                             opts->sample[i], i + 1);
        sum += opts->sample[i];
    }
    double mean = sum / count;
    if (!(mean > 0 && mean <= DIST_MEAN_MAX))
        return error_set(err, ERR_RANGE, "times: expected a mean above 0 and up to %g, got %g",
                         DIST_MEAN_MAX, mean);
    for (size_t i = 0; i < opts->sample_count; i++) {
        double off = opts->sample[i] / mean - 1;
        squares += off * off;
    }
    d->sample = opts->sample;
    d->sample_count = (uint32_t)opts->sample_count;
    d->scale = opts->mean > 0 ? opts->mean / mean : 1;
    d->mean = opts->mean > 0 ? opts->mean : mean;
    d->cs2 = squares / count;
    return 0;
}

static void init_shape(struct dist *d, const struct dist_opts *opts)
{
    double mean = opts->mean;
    switch (opts->kind) {
    case DIST_EXPONENTIAL:
        d->cs2 = 1;
        break;
    case DIST_LOGNORMAL: /* exp of a normal with mean `scale` and standard deviation `shape` */
        d->shape = fmath_sqrt(fmath_log(1 + d->cs2));
        d->scale = fmath_log(mean) - d->shape * d->shape / 2;
        break;
    case DIST_GAMMA:
        d->shape = 1 / d->cs2;
        d->scale = mean * d->cs2;
        break;
    case DIST_PARETO: /* `scale` is the smallest value, `shape` the inverse of the tail index */
        d->shape = 1 / opts->tail;
        d->scale = mean * (opts->tail - 1) / opts->tail;
        d->cs2 = opts->tail > 2 ? 1 / (opts->tail * (opts->tail - 2)) : (double)INFINITY;
        break;
    case DIST_HYPEREXPONENTIAL: { /* mean `scale` with probability `split`, else mean `shape`;
                                     1 - root is written so that nothing cancels */
        double root = fmath_sqrt((d->cs2 - 1) / (d->cs2 + 1));
        d->split = (1 + root) / 2;
        d->scale = mean / (1 + root);
        d->shape = mean * (d->cs2 + 1) * (1 + root) / 2;
        break;
    }
    case DIST_WEIBULL: /* `shape` is the inverse of the usual one */
        d->shape = weibull_inverse_shape(d->cs2);
        d->scale = mean * fmath_exp(-fmath_lgamma(1 + d->shape));
        break;
    default:
        assert(opts->kind == DIST_FIXED);
        d->cs2 = 0;
        break;
    }
}

int dist_init(struct dist *d, const struct dist_opts *opts, struct error *err)
{
    struct dist fresh = {.kind = opts->kind, .mean = opts->mean, .cs2 = opts->cs2};
    if (opts->kind == DIST_EMPIRICAL && opts->mean == 0) {
        /* as the list says */
    } else if (!(opts->mean > 0 && opts->mean <= DIST_MEAN_MAX)) {
        return error_set(err, ERR_RANGE, "mean: expected more than 0 and up to %g, got %g",
                         DIST_MEAN_MAX, opts->mean);
    }
    if (opts->kind == DIST_EMPIRICAL) {
        if (init_sample(&fresh, opts, err) != 0)
            return -1;
        *d = fresh;
        return 0;
    }
    double cs2_min = opts->kind == DIST_HYPEREXPONENTIAL ? 1 : DIST_CS2_MIN;
    if (dist_takes_cs2(opts->kind) && !(opts->cs2 >= cs2_min && opts->cs2 <= DIST_CS2_MAX))
        return error_set(err, ERR_RANGE, "cs2: expected %g..%g for %s, got %g", cs2_min,
                         DIST_CS2_MAX, dist_words[opts->kind], opts->cs2);
    if (opts->kind == DIST_PARETO && !(opts->tail > 1 && opts->tail < (double)INFINITY))
        return error_set(err, ERR_RANGE,
                         "tail: expected more than 1, for with less there is no mean, got %g",
                         opts->tail);
    init_shape(&fresh, opts);
    *d = fresh;
    return 0;
}

double dist_mean(const struct dist *d)
{
    return d->mean;
}

double dist_cs2(const struct dist *d)
{
    return d->cs2;
}

/* ---- what lies above ---- */

/* The regularised upper incomplete gamma function for shape > 0, x > 0: by its series below the
 * bulk, by its continued fraction above (Lentz's method; DLMF 8.11.4 and 8.9.2). */
static double gamma_above(double shape, double x)
{
    double front = fmath_exp(shape * fmath_log(x) - x - fmath_lgamma(shape));
    if (x < shape + 1) {
        double term = 1 / shape, sum = term;
        for (double n = shape + 1; term > 1e-16 * sum; n++) {
            term *= x / n;
            sum += term;
        }
        return 1 - front * sum;
    }
    double b = x + 1 - shape, c = 1e300, d = 1 / b, product = d, change = 0;
    for (int i = 1; i < 100000 && !(change > 1 - 1e-15 && change < 1 + 1e-15); i++) {
        double a = -i * (i - shape);
        b += 2;
        d = 1 / (a * d + b);
        c = b + a / c;
        change = c * d;
        product *= change;
    }
    return front * product;
}

/* The upper tail of a standard normal. */
static double normal_above(double z)
{
    double half = z == 0 ? 0.5 : gamma_above(0.5, z * z / 2) / 2;
    return z >= 0 ? half : 1 - half;
}

static double sample_above(const struct dist *d, double x)
{
    uint32_t above = 0;
    for (uint32_t i = 0; i < d->sample_count; i++)
        above += d->scale * d->sample[i] > x;
    return (double)above / d->sample_count;
}

double dist_above(const struct dist *d, double x)
{
    if (d->kind == DIST_EMPIRICAL)
        return sample_above(d, x);
    if (x <= 0)
        return 1;
    switch (d->kind) {
    case DIST_EXPONENTIAL:
        return fmath_exp(-x / d->mean);
    case DIST_LOGNORMAL:
        return normal_above((fmath_log(x) - d->scale) / d->shape);
    case DIST_GAMMA:
        return gamma_above(d->shape, x / d->scale);
    case DIST_PARETO:
        return x <= d->scale ? 1 : fmath_pow(d->scale / x, 1 / d->shape);
    case DIST_HYPEREXPONENTIAL:
        return d->split * fmath_exp(-x / d->scale) + (1 - d->split) * fmath_exp(-x / d->shape);
    case DIST_WEIBULL:
        return fmath_exp(-fmath_pow(x / d->scale, 1 / d->shape));
    default:
        assert(d->kind == DIST_FIXED);
        return d->mean > x;
    }
}

/* ---- drawing ---- */

/* Gamma with this shape and scale 1, shape >= 1 (Marsaglia and Tsang 2000, ACM TOMS 26(3)). */
static double gamma_from_1(double shape, struct rng *r)
{
    double third = shape - 1.0 / 3;
    double spread = 1 / fmath_sqrt(9 * third);
    for (;;) {
        double x = rng_normal(r);
        double v = 1 + spread * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        double u = rng_f64(r);
        double square = x * x;
        if (u < 1 - 0.0331 * square * square ||
            fmath_log(u) < square / 2 + third * (1 - v + fmath_log(v)))
            return third * v;
    }
}

static double gamma_draw(const struct dist *d, struct rng *r)
{
    if (d->shape >= 1)
        return d->scale * gamma_from_1(d->shape, r);
    /* One shape higher, times a power of a uniform number, whose logarithm is exponential. */
    double above = gamma_from_1(d->shape + 1, r);
    return d->scale * above * fmath_exp(-rng_exp(r) * d->cs2);
}

static double hyper_draw(const struct dist *d, struct rng *r)
{
    double u = rng_f64(r);
    double mean = u < d->split ? d->scale : d->shape;
    return mean * rng_exp(r);
}

static double draw(const struct dist *d, struct rng *r)
{
    switch (d->kind) {
    case DIST_LOGNORMAL:
        return fmath_exp(d->scale + d->shape * rng_normal(r));
    case DIST_GAMMA:
        return gamma_draw(d, r);
    case DIST_PARETO:
        return d->scale * fmath_exp(d->shape * rng_exp(r));
    case DIST_HYPEREXPONENTIAL:
        return hyper_draw(d, r);
    case DIST_WEIBULL:
        return d->scale * fmath_pow(rng_exp(r), d->shape);
    default:
        assert(d->kind == DIST_EMPIRICAL);
        return d->scale * d->sample[rng_below(r, d->sample_count)];
    }
}

double dist_draw_other(const struct dist *d, struct rng *r)
{
    double x = draw(d, r);
    return x < 0x1p62 ? x : 0x1p62;
}
