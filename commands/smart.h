/* smart.h - the smart client (control/live/client.h) as commands use it: of a running system by its
 * state folder, which also keeps the map between commands, or by a door's port alone. */
#ifndef COMMANDS_SMART_H
#define COMMANDS_SMART_H

#include <limits.h>
#include <stdbool.h>
#include <uv.h>

#include "control/live/client.h"
#include "wire/load.h"

struct error;
struct layout;

struct smart {          /* set `direct` and `links_max`, then call smart_of or smart_at */
    bool direct;        /* to replicas; else through the doors */
    uint32_t links_max; /* connections to one process, >= 1 */
    int door[LAYOUT_DOORS_MAX];
    size_t door_count;
    char cache[PATH_MAX];        /* "" for none */
    struct client *client;       /* between open and close */
    struct client_counts counts; /* after close */
};

/* All doors of a system, and a map kept in its folder. */
void smart_of(struct smart *s, const struct layout *l);

/* One door. */
void smart_at(struct smart *s, int port);

/* Open on a loop, with a map if it is to be direct; `follow`: hear of each new one. 0, or -1 with
 * `err` set: no door has one. smart_close is due either way. */
int smart_open(struct smart *s, uv_loop_t *loop, bool follow, struct error *err);
void smart_close(struct smart *s);

/* For load_stream.carrier: the requests of a load. */
struct load_carrier smart_carrier(struct smart *s);

#endif
