/* peers.h - which of another service's replicas in this cell to ask: the one in our own zone first,
 * then the others, each once before one that has failed is asked again.
 *
 * One that fails several times in a row is left out for a while, at first a short one
 * (base/backoff.h); then a single request tries it.
 * No clock: `now_us` is handed in and never goes back. */
#ifndef REGION_PEERS_H
#define REGION_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/topo.h"

struct peers_opts {
    size_t zones;            /* 1..TOPO_ZONES_MAX, a replica in each */
    size_t own;              /* our zone */
    uint32_t eject_failures; /* in a row, before one is left out, >= 1 */
    int64_t eject_us;        /* at most so long */
};

struct peers { /* fields are private to peers.c */
    struct peers_opts opts;
    struct {
        uint32_t failures; /* in a row */
        int64_t until_us;  /* left out so long */
        uint32_t times;    /* it was left out, one after the other */
    } peer[TOPO_ZONES_MAX];
};

void peers_init(struct peers *p, const struct peers_opts *opts);

/* The zone to ask next, none of `tried` (a bit for each zone) unless there are no others. When all
 * of those are left out, the one whose time is over first, since a guess is better than a refusal.
 */
size_t peers_pick(struct peers *p, uint32_t tried, int64_t now_us);

/* `tried` and `zone`, which has failed; when that is all of them, `zone` alone: they are asked
 * anew. */
uint32_t peers_tried(const struct peers *p, uint32_t tried, size_t zone);

/* A question to `zone` has ended, with any answer at all or without. */
void peers_ended(struct peers *p, size_t zone, bool answered, int64_t now_us);

#endif
