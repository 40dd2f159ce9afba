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
#include "control/live/door_stats.h"
#include "control/live/door_tape.h"
#include "control/retry.h"
#include "control/route.h"
#include "control/spell.h"
#include "wire/network.h"

struct arena;
struct error;
struct http_client;
struct layout;
struct partition;

enum { DOOR_LINKS_MAX = 512 }; /* connections to one replica */

struct door_seen {       /* of a replica: why it is left out, when it is */
    uint32_t failures;   /* in a row */
    enum door_last last; /* what the last of them was */
    int64_t since_us;    /* it has been left out, or taken out */
};

struct door_group { /* the replicas of a service in a cell, one per zone */
    struct route_group route;
    struct http_client **client; /* [zones] */
    struct door_seen *seen;      /* [zones] */
    size_t cell, service;
    struct spell panic, copies_off, broken;
};

struct door_cell {
    struct retry retry;
    struct spell retries_off;
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

/* A choice was made for a request of `group`: was it one that leaves something undone? */
void door_groups_chose(struct door_groups *g, struct door_group *group,
                       const struct route_choice *choice, int64_t now_us);

/* A try at `replica`, which was in state `before`, has ended so, and route_end knows. */
void door_groups_ended(struct door_groups *g, struct door_group *group, uint32_t replica,
                       uint16_t before, enum route_outcome outcome, enum door_last last,
                       int64_t now_us);

/* Nothing is under way any more. The loop has to run once more for the handles. */
void door_groups_close(struct door_groups *g);

#endif
