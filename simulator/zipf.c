#include "simulator/zipf.h"

#include "base/arena.h"
#include "base/fmath.h"
#include "base/rng.h"

void zipf_shares(double *share, uint32_t keys, double skew)
{
    double sum = 0;
    for (uint32_t i = keys; i-- > 0;) { /* the small ones first, which keeps the sum exact */
        share[i] = fmath_pow((double)i + 1, -skew);
        sum += share[i];
    }
    for (uint32_t i = 0; i < keys; i++)
        share[i] /= sum;
}

/* Vose 1991: each place holds a key with less than its fair share, and is filled up by one with
 * more. */
static void fill_up(struct zipf *z, uint32_t *poor, uint32_t *rich)
{
    uint32_t poor_count = 0, rich_count = 0;
    for (uint32_t i = 0; i < z->keys; i++) {
        z->stay[i] *= (double)z->keys;
        z->alias[i] = i;
        if (z->stay[i] < 1)
            poor[poor_count++] = i;
        else
            rich[rich_count++] = i;
    }
    while (poor_count > 0 && rich_count > 0) {
        uint32_t low = poor[--poor_count], high = rich[rich_count - 1];
        z->alias[low] = high;
        z->stay[high] -= 1 - z->stay[low];
        if (z->stay[high] < 1) {
            rich_count--;
            poor[poor_count++] = high;
        }
    }
    while (poor_count > 0) /* what rounding has left */
        z->stay[poor[--poor_count]] = 1;
}

int zipf_init(struct zipf *z, uint32_t keys, double skew, struct arena *a)
{
    struct arena work = {0};
    uint32_t *poor = arena_alloc(&work, keys, sizeof poor[0]);
    uint32_t *rich = arena_alloc(&work, keys, sizeof rich[0]);
    *z = (struct zipf){
        .keys = keys,
        .stay = arena_alloc(a, keys, sizeof z->stay[0]),
        .alias = arena_alloc(a, keys, sizeof z->alias[0]),
    };
    int status = -1;
    if (poor != NULL && rich != NULL && z->stay != NULL && z->alias != NULL) {
        zipf_shares(z->stay, keys, skew);
        fill_up(z, poor, rich);
        status = 0;
    }
    arena_release(&work);
    return status;
}

uint32_t zipf_draw(const struct zipf *z, struct rng *rng)
{
    uint32_t place = rng_below(rng, z->keys);
    return rng_f64(rng) < z->stay[place] ? place : z->alias[place];
}
