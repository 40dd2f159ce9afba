/* network.h - the lines between the places of a cell: how slow they are, and whether they are cut.
 *
 * Times come from the topology, when its policy says `network`, and from faults that are on. Places
 * are as in topo_rtt_us: zones, and zone_count for the door, the stores and all that is outside. */
#ifndef WIRE_NETWORK_H
#define WIRE_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "wire/delay.h"
#include "wire/lease_file.h"

struct error;
struct http_client;
struct layout;

struct network { /* read `leases`; the rest is private to network.c */
    struct lease_file leases;
    struct delays delays;
    struct arena arena;
};

/* `l` is borrowed. 0, or -1 with `err` set, and network_close is due either way. */
int network_init(struct network *n, uv_loop_t *loop, const struct layout *l, struct error *err);

/* Lead a client's connections from one place of a cell to another. 0, or -1 when memory is out. */
int network_route(struct network *n, struct http_client *c, size_t cell, size_t from, size_t to);

/* All its clients are freed. `closed` (NULL: nobody) is called from the loop when it is not used
 * any more, or at once. All zero is fine. */
void network_close(struct network *n, void (*closed)(void *context), void *context);

#endif
