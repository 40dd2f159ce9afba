/* placement.h - where a replacement goes.
 *
 * Not anywhere: to the zone where it restores the spread. Otherwise the servers that a failed zone
 * lost would gather in one of the others, and its failure would then cost more than was planned. */
#ifndef CONTROL_PLACEMENT_H
#define CONTROL_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#define PLACEMENT_NOWHERE UINT32_MAX

struct placement_zone {
    bool up;         /* what is started there runs */
    int64_t running; /* servers of the service, those being started included */
    int64_t room;    /* servers that may still be started there */
};

/* The zone for one more server: of those that are up and have room the one with the fewest
 * running; of equals the one with the most room, then the first. PLACEMENT_NOWHERE when there is
 * none. */
uint32_t placement_add(const struct placement_zone *zone, uint32_t zones);

/* The zone to take one from: of those with any the one with the most running, the last of equals;
 * a zone that is down first. PLACEMENT_NOWHERE when none runs. */
uint32_t placement_remove(const struct placement_zone *zone, uint32_t zones);

#endif
