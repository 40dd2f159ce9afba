#include "control/placement.h"

/* Whether `x` is a better place for one more than `y`. */
static bool is_better(const struct placement_zone *x, const struct placement_zone *y)
{
    return x->running != y->running ? x->running < y->running : x->room > y->room;
}

uint32_t placement_add(const struct placement_zone *zone, uint32_t zones)
{
    uint32_t best = PLACEMENT_NOWHERE;
    for (uint32_t z = 0; z < zones; z++) {
        if (!zone[z].up || zone[z].room <= 0)
            continue;
        if (best == PLACEMENT_NOWHERE || is_better(&zone[z], &zone[best]))
            best = z;
    }
    return best;
}

uint32_t placement_remove(const struct placement_zone *zone, uint32_t zones)
{
    uint32_t best = PLACEMENT_NOWHERE;
    for (uint32_t z = 0; z < zones; z++) {
        if (zone[z].running <= 0)
            continue;
        bool sooner = best == PLACEMENT_NOWHERE || (zone[best].up && !zone[z].up) ||
                      (zone[best].up == zone[z].up && zone[z].running >= zone[best].running);
        if (sooner)
            best = z;
    }
    return best;
}
