/* client_inside.h - the inside of the smart client: client.c has the client, its connections and
 * its map, client_call.c has one request on its way. */
#ifndef CONTROL_LIVE_CLIENT_INSIDE_H
#define CONTROL_LIVE_CLIENT_INSIDE_H

#include <uv.h>

#include "base/error.h"
#include "base/rng.h"
#include "control/live/client.h"
#include "control/live/client_map.h"
#include "control/live/door_headers.h"
#include "wire/bytes.h"

enum { CLIENT_PORTS = 65536 };

struct client_call {
    struct client *client;
    struct client_call *prev, *next; /* under way, or spare */
    struct client_map *map;          /* NULL: it goes through a door */
    struct client_group *group;
    struct route_request route;
    struct http_call *http;
    uv_timer_t timer;          /* to the next try, or to the end that `failure` is */
    enum http_failure failure; /* HTTP_OK: none */
    int64_t port;              /* of the door that is asked */
    size_t doors_tried;
    int64_t deadline_us;
    struct client_request request; /* strings are in `text` */
    struct bytes text;
    http_done *done; /* NULL: it is spare */
    void *context;
};

struct client {
    struct client_opts opts;
    struct client_counts counts;
    struct client_map *map; /* NULL: none yet */
    bool doubted;           /* the map led astray: a door's word is better, whatever its version */
    size_t door_at;         /* the one that is asked next */
    struct rng rng;
    struct door_luck luck;
    struct http_client **http; /* [CLIENT_PORTS], made when first needed */
    struct client_call *calls, *spare;
    struct http_call *fetch;
    uv_timer_t fetch_timer;
    int fetch_port; /* where */
    void (*fetched)(void *context);
    void *fetched_context;
    struct error refused;
    size_t handles; /* not closed yet */
};

/* client.c */
struct http_client *client_http(struct client *c, int64_t port); /* NULL when memory is out */
void client_next_door(struct client *c, int64_t lost_port);      /* that one did not answer */
int client_door_port(const struct client *c);
void client_doubt(struct client *c); /* the map led astray: fetch it soon */
void client_closed(struct client *c);

/* client_call.c */
void client_calls_free(struct client *c);

#endif
