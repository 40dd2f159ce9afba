/* client.h - a smart client: it holds the partition map and goes straight to a replica.
 *
 * The choice and the repeat are control/route.h's, as at the door: a try that is refused, reset,
 * timed out or shed is repeated in another zone with the same Idempotency-Key. When no replica
 * answers, and while there is no map, a request goes through a door, and when that one is gone
 * through the next. A replica that is not responsible says so (421): the request goes
 * through a door, and the map is fetched anew unless the replica tells that it is the one we hold.
 * A client that has no doors (the door's own, for requests over all countries) ends there.
 *
 * Everything belongs to the loop's thread; nothing blocks but the writing of the cache file. */
#ifndef CONTROL_LIVE_CLIENT_H
#define CONTROL_LIVE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/layout.h"
#include "wire/http.h"

struct client;
struct client_call;
struct error;

struct client_opts {
    uv_loop_t *loop;
    int door[LAYOUT_DOORS_MAX]; /* ports; those of the map come in their place */
    size_t door_count;          /* 0: there are none */
    const char *cache;          /* a file that keeps the map between runs; NULL: none. Borrowed */
    bool direct;                /* to replicas; false: through the doors alone, without a map */
    bool follow;                /* hear of each new map, all the time */
    uint32_t links_max;         /* connections to one process, >= 1 */
    /* Called for each client that goes to a port; 0, or -1 when memory is out. NULL: nobody */
    int (*route)(void *context, struct http_client *http, int port);
    void *context;
};

struct client_request {
    const char *method, *target;
    const char *key;  /* Idempotency-Key; NULL: a write gets one made up */
    const char *body; /* JSON; NULL: none */
    size_t len;
    int64_t timeout_us; /* patience in all */
};

struct client_counts {
    int64_t direct;      /* tries at replicas */
    int64_t again;       /* of those, second and further ones */
    int64_t door;        /* tries at doors */
    int64_t doors_lost;  /* that ended without an answer */
    int64_t misdirected; /* answers 421: the map was stale */
    int64_t maps;        /* taken, the cached one included */
};

enum { CLIENT_FETCH_US = 2000000 }; /* patience with a door that is asked for the map */

/* A client with the cached map, if that is good. 0, or -1 with `err` set. */
int client_new(struct client **out, const struct client_opts *opts, struct error *err);

/* Nothing is called any more. The loop has to run on for the handles to close. NULL is fine. */
void client_free(struct client *c);

/* Go by this map, unless it is older than the one that is held and nothing speaks against that one.
 * 0, or -1 with `err` set. */
int client_take_map(struct client *c, const char *text, size_t len, struct error *err);

/* Ask a door for the map, and call `done` when it has come or that one does not have it. There are
 * doors. */
void client_fetch_map(struct client *c, void (*done)(void *context), void *context);

/* The version that is held; -1: none is. */
int64_t client_map_version(const struct client *c);

/* Why the last map that was refused was; ERR_NONE when none was. */
const struct error *client_map_refused(const struct client *c);

/* Send a request; all that is given is copied. `done` is called once, from the loop and never from
 * inside client_send, about `timeout_us` from now at the latest. NULL when memory is out, and then
 * `done` is not called. */
struct client_call *client_send(struct client *c, const struct client_request *request,
                                http_done *done, void *context);

/* `done` is not called any more. Not after it was called; NULL is fine. */
void client_cancel(struct client_call *call);

const struct client_counts *client_counts(const struct client *c);

#endif
