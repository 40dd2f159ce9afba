/* smart.h - the smart client (control/live/client.h) for who has no loop: of a running system by
 * its state folder, which also keeps the map between runs, or by a door's port alone. */
#ifndef CONTROL_LIVE_SMART_H
#define CONTROL_LIVE_SMART_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/live/client.h"
#include "wire/load.h"
#include "wire/network.h"

struct arena;
struct error;
struct layout;

struct smart {          /* set `direct` and `links_max`, then call smart_of or smart_at */
    bool direct;        /* to replicas; else through the doors */
    uint32_t links_max; /* connections to one process, >= 1 */
    int door[LAYOUT_DOORS_MAX];
    size_t door_count;
    char cache[PATH_MAX];        /* "" for none */
    const struct layout *layout; /* NULL: not known */
    struct network network;      /* of a system that is known: zones may be far, or cut off */
    struct client *client;       /* while it works */
    struct client_counts counts; /* of what it did */
};

/* All doors of a system, and a map kept in its folder. `l` is borrowed. */
void smart_of(struct smart *s, const struct layout *l);

/* One door. */
void smart_at(struct smart *s, int port);

/* One request, and wait for what becomes of it; the body is in `a`. `refused`: why a map that was
 * kept, or fetched, is not used; ERR_NONE when it is. 0, or -1 with `err` set: there is no map. */
int smart_ask(struct smart *s, const struct client_request *request, struct http_reply *reply,
              struct error *refused, struct arena *a, struct error *err);

/* For load_stream.carrier: the requests of a load. */
struct load_carrier smart_carrier(struct smart *s);

#endif
