/* peers.h - which of another service's replicas in this cell to ask: the one in our own zone first,
 * then the others, never the one that has just failed.
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

#define PEERS_NONE SIZE_MAX

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

/* The zone to ask next, after `failed` has, or PEERS_NONE. When all others are left out, the
 * one of those whose time is over first, since a guess is better than a refusal; `failed` itself
 * only when there is no other. */
size_t peers_pick(struct peers *p, size_t failed, int64_t now_us);

/* A question to `zone` has ended, with any answer at all or without. */
void peers_ended(struct peers *p, size_t zone, bool answered, int64_t now_us);

#endif
