/* door_groups.h - whom a door may ask: for each service of each cell the replicas, as
 * control/route.h sees them, what may be spent on retries, and the connections.
 *
 * Each call of control/route.h that tells a group something goes onto the tape, if there is one. */
#ifndef CONTROL_LIVE_DOOR_GROUPS_H
#define CONTROL_LIVE_DOOR_GROUPS_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "control/live/door_headers.h"
#include "control/live/door_tape.h"
#include "control/retry.h"
#include "control/route.h"
#include "wire/network.h"

struct arena;
struct error;
struct http_client;
struct layout;
struct partition;
struct status;

enum { DOOR_LINKS_MAX = 512 }; /* connections to one replica */

struct door_group { /* the replicas of a service in a cell, one per zone */
    struct route_group route;
    struct http_client **client; /* [zones] */
    size_t cell, service;
};

struct door_cell {
    struct retry retry;
    uint32_t running; /* requests */
};

struct door_groups { /* fields are for door*.c */
    const struct layout *layout;
    struct network network; /* to the zones */
    struct door_cell *cell;
    struct door_group *group; /* [cells][services] */
    size_t group_count;
    struct door_luck luck;
    struct door_tape tape;
    uint32_t links_max;
};

/* Open no connections yet, at most `links_max` to each replica later. `requests_max` are under way
 * at once, for the tape. All is borrowed, storage is the arena's. 0, or -1 with `err` set;
 * door_groups_close is due either way. */
int door_groups_init(struct door_groups *g, const struct layout *l, uint32_t requests_max,
                     uint32_t links_max, uv_loop_t *loop, struct arena *a, struct error *err);

/* Go by this map, which is of our system: what it says to be taken out gets nothing new. */
void door_groups_map(struct door_groups *g, const struct partition *map, int64_t now_us);

/* Say of the zones in `status` which of their replicas are left out. Words are in `a`. */
void door_groups_explain(const struct door_groups *g, struct status *status, struct arena *a);

/* Nothing is under way any more. The loop has to run once more for the handles. */
void door_groups_close(struct door_groups *g);

#endif
