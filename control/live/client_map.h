/* client_map.h - a partition map as a smart client goes by it: for each cell and service the
 * replicas, with what was seen of them.
 *
 * A newer map of the same parts changes their states and nothing else, so that what was seen stays;
 * one of other parts is another client_map. Calls that are under way hold the one they began with.
 */
#ifndef CONTROL_LIVE_CLIENT_MAP_H
#define CONTROL_LIVE_CLIENT_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/rng.h"
#include "control/map.h"
#include "control/partition.h"
#include "control/retry.h"
#include "control/route.h"

struct error;

struct client_group { /* the replicas of one service in one cell; count 0: it has none */
    struct route_group route;
    struct partition_replica *replica; /* [count], zone by zone */
    size_t count;
};

struct client_map { /* fields are private to client*.c */
    struct partition partition;
    struct map map;
    struct client_group *group; /* [cells][MAP_PATHS], by enum layout_service */
    struct retry *retry;        /* [cells] */
    struct arena arena;
    uint32_t users; /* whoever holds it */
};

/* Read a map. Of its replicas, those that are said to be down are left out at first, as if they had
 * failed here. 0 with one that has one user, or -1 with `err` set. */
int client_map_new(struct client_map **out, const char *text, size_t len, struct rng *rng,
                   int64_t now_us, struct error *err);

/* Go by a newer one of the same parts. */
void client_map_follow(struct client_map *m, const struct client_map *newer);

/* One user less; the last one frees it. NULL is fine. */
void client_map_leave(struct client_map *m);

/* Who serves a target; NULL: nobody, or a path that is not outside. */
struct client_group *client_map_group(struct client_map *m, const char *target);

#endif
