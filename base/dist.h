/* dist.h - how a duration scatters: service times, repair times.
 *
 * A distribution is its mean and, where it has another parameter, the squared coefficient of
 * variation (variance / mean^2, the number that the formulas of queueing theory take), or for
 * Pareto the tail index. It is set up once, then draws; it may be shared between threads. The unit
 * of a draw is the unit of the mean. Draws are within 0..2^62, so that
 * they fit an int64_t. */
#ifndef BASE_DIST_H
#define BASE_DIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

struct error;

enum dist_kind {
    DIST_EXPONENTIAL,
    DIST_FIXED,
    DIST_LOGNORMAL,
    DIST_GAMMA,
    DIST_PARETO,           /* P(X > x) = (x_min / x)^tail */
    DIST_HYPEREXPONENTIAL, /* two phases of balanced means (Morse 1958) */
    DIST_WEIBULL,
    DIST_EMPIRICAL, /* any of a list's values, each as likely */
};

/* Their names by kind, ended by NULL. */
extern const char *const dist_words[];

/* A mean is at most so much, three years of nanoseconds; no exponential number passes 45 means. */
#define DIST_MEAN_MAX 1e17

/* The squared coefficient of variation is within these. */
#define DIST_CS2_MIN 1e-6
#define DIST_CS2_MAX 1e4

struct dist_opts {
    int kind;    /* enum dist_kind */
    double mean; /* > 0, at most DIST_MEAN_MAX; EMPIRICAL: the list is scaled to it, 0 leaves the
                    list as it is */
    double cs2;  /* LOGNORMAL, GAMMA, WEIBULL; HYPEREXPONENTIAL from 1; others: ignored */
    double tail; /* PARETO: > 1, for the others have no mean; others: ignored */
    const double *sample; /* EMPIRICAL: >= 0, not all 0; borrowed as long as the dist lives */
    size_t sample_count;  /* 1 .. UINT32_MAX */
};

struct dist { /* fields are private to dist.c and dist_draw */
    int kind;
    uint32_t sample_count;
    double mean, cs2;
    double scale, shape, split; /* by kind: see dist.c */
    const double *sample;
};

/* Whether a kind takes `cs2`. */
bool dist_takes_cs2(int kind);

/* Set up. 0, or -1 with `err` set ("cs2: expected ..., got ...") and `*d` untouched. */
int dist_init(struct dist *d, const struct dist_opts *opts, struct error *err);

/* The kinds that need more than a line; only dist_draw calls it. */
double dist_draw_other(const struct dist *d, struct rng *r);

/* One value. */
static inline double dist_draw(const struct dist *d, struct rng *r)
{
    if (__builtin_expect(d->kind == DIST_EXPONENTIAL, 1))
        return d->mean * rng_exp(r);
    if (d->kind == DIST_FIXED)
        return d->mean;
    return dist_draw_other(d, r);
}

/* The mean of what is drawn. */
double dist_mean(const struct dist *d);

/* Its squared coefficient of variation; infinite for a Pareto tail of 2 or less. */
double dist_cs2(const struct dist *d);

/* The probability that a value is above `x`. An empirical one looks at all of its list. */
double dist_above(const struct dist *d, double x);

#endif
