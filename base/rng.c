#include "base/rng.h"

#include "base/fmath.h"

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void rng_init(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix(&seed);
}

/* FNV-1a over the bytes and the NUL, so that "ab","c" and "a","bc" differ. */
static uint64_t mix_text(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    while (*text++ != '\0');
    return hash;
}

void rng_named(struct rng *r, uint64_t seed, uint64_t replication, const char *entity,
               const char *purpose)
{
    uint64_t state = seed;
    uint64_t hash = splitmix(&state);
    hash = mix_text(hash, entity);
    hash = mix_text(hash, purpose);
    hash ^= replication * 0xd1342543de82ef95u;
    rng_init(r, splitmix(&hash));
}

double rng_exp_edge(struct rng *r, uint64_t mantissa, unsigned layer)
{
    for (;;) {
        if (layer == 0) /* the tail beyond x_1 is the distribution itself, moved */
            return rng_exp_width[1] * 0x1p53 - fmath_log(rng_f64(r));
        double x = (double)(int64_t)mantissa * rng_exp_width[layer];
        double below = rng_exp_height[layer];
        double above = rng_exp_height[layer + 1];
        double y = below + rng_f64(r) * (above - below);
        if (y < fmath_exp(-x))
            return x;
        uint64_t u = rng_u64(r);
        layer = u & 255;
        mantissa = u >> 11;
        if (mantissa < rng_exp_inside[layer])
            return (double)(int64_t)mantissa * rng_exp_width[layer];
    }
}

double rng_normal(struct rng *r)
{
    for (;;) {
        double x = rng_exp(r);
        double y = rng_exp(r);
        if (y < (x - 1) * (x - 1) / 2)
            continue;
        return rng_u64(r) >> 63 ? -x : x;
    }
}
