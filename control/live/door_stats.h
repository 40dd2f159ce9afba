/* door_stats.h - what the door has seen: requests by cell, tries by zone.
 *
 * A request counts for its cell, from its arrival to its answer; each of its tries counts for its
 * zone. Failed is what ended with a status from 500 up, or without an answer. */
#ifndef CONTROL_LIVE_DOOR_STATS_H
#define CONTROL_LIVE_DOOR_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/window.h"

struct arena;
struct layout;
struct status;

struct door_stats_cell {
    struct window *window; /* its own, then its zones' */
    uint64_t requests, lost;
};

struct door_stats { /* fields are private to door_stats.c */
    const struct layout *layout;
    struct door_stats_cell *cell;
    struct window *windows;
    int64_t began_us;
};

/* `l` is borrowed, `cell` is the arena's; door_stats_release frees the rest. 0, or -1 when memory
 * is out. */
int door_stats_init(struct door_stats *s, const struct layout *l, int64_t now_us, struct arena *a);
void door_stats_release(struct door_stats *s);

/* A try, and a request, has ended after so long. */
void door_stats_try(struct door_stats *s, size_t cell, size_t zone, int64_t now_us,
                    int64_t latency_us, bool failed);
void door_stats_request(struct door_stats *s, size_t cell, int64_t now_us, int64_t latency_us,
                        bool failed);

/* What the door knows, as a status of which the rest is unknown. Storage is the arena's. NULL when
 * memory is out. */
struct status *door_stats_status(const struct door_stats *s, int64_t now_us, struct arena *a);

#endif
