/* rng.h - random numbers in named streams.
 *
 * One stream per (seed, replication, entity, purpose): one more entity does not change the luck of
 * the others, and variants of a scenario share theirs (common random numbers). The generator is
 * xoshiro256++ (Blackman and Vigna 2021, ACM TOMS 47(4)), seeded by splitmix64.
 *
 * Write one draw per statement: in `f(rng_u64(r), rng_u64(r))` the order belongs to the compiler.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

#include "base/rng_exp_table.h"

struct rng {
    uint64_t s[4];
};

/* A stream from a number. */
void rng_init(struct rng *r, uint64_t seed);

/* The stream of `purpose` ("arrivals", "service", ...) of `entity` ("DE", "de/a/catalog-1", ...)
 * in a replication. The same four always give the same stream. */
void rng_named(struct rng *r, uint64_t seed, uint64_t replication, const char *entity,
               const char *purpose);

/* 64 random bits. */
static inline uint64_t rng_u64(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t sum = s[0] + s[3];
    uint64_t result = ((sum << 23) | (sum >> 41)) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

/* Uniform in (0, 1), never 0 and never 1. */
static inline double rng_f64(struct rng *r)
{
    return ((double)(int64_t)(rng_u64(r) >> 12) + 0.5) * 0x1p-52;
}

/* Uniform in 0 .. n-1, n >= 1. The top half of a 64-bit product: the bias is below n / 2^32. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
    return (uint32_t)(((rng_u64(r) >> 32) * n) >> 32);
}

/* The rare ways out of the ziggurat; only rng_exp calls it. */
double rng_exp_edge(struct rng *r, uint64_t mantissa, unsigned layer);

/* Exponential with mean 1, by the ziggurat. */
static inline double rng_exp(struct rng *r)
{
    uint64_t u = rng_u64(r);
    unsigned layer = u & 255;
    uint64_t mantissa = u >> 11;
    if (__builtin_expect(mantissa < rng_exp_inside[layer], 1))
        return (double)(int64_t)mantissa * rng_exp_width[layer];
    return rng_exp_edge(r, mantissa, layer);
}

/* Normal with mean 0 and variance 1. Two exponential numbers: the second decides whether the first
 * stays, which leaves the half of a normal above 0; then a sign (von Neumann 1951, in
 * Devroye 1986, Non-Uniform Random Variate Generation). */
double rng_normal(struct rng *r);

#endif
