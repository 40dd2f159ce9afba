/* door_try.h - a request on its way through the door: to a replica, to another one, and back.
 *
 * The replica is chosen by control/balance.h, the repeat is allowed by control/retry.h:
 * the functions that the simulator calls. A try that is refused, reset, timed out, garbled or shed
 * (503) is repeated in another zone. Writes may be repeated because each has an Idempotency-Key,
 * its own or one that is added here, and all tries bear the same.
 *
 * All storage is made at the start. One cell never takes more than its share of it, so that a cell
 * in trouble leaves the door open for the others. */
#ifndef CONTROL_LIVE_DOOR_TRY_H
#define CONTROL_LIVE_DOOR_TRY_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "control/balance.h"
#include "control/live/door_headers.h"
#include "control/map.h"
#include "control/retry.h"
#include "wire/http.h"

struct arena;
struct door_stats;
struct error;
struct layout;
struct status;

enum {
    DOOR_REQUESTS_MAX = 4096,      /* under way in all; one more is answered 503 */
    DOOR_CELL_REQUESTS_MAX = 2048, /* in one cell; the same */
    DOOR_LINKS_MAX = 512,          /* connections to one replica */
};

struct door_group { /* the replicas of a service in a cell, one per zone */
    struct balance balance;
    struct http_client **client; /* [zones] */
    struct rng rng;
    size_t cell, service;
};

struct door_cell {
    struct retry retry;
    uint32_t running;
};

struct door_request {
    struct door_tries *tries;
    struct door_group *group;
    struct http_exchange *x; /* NULL: this one is free */
    struct http_call *call;  /* NULL: it waits for its next try */
    struct door_request *next;
    int64_t start_us, try_us;
    uint32_t replica;
    uint32_t count; /* tries so far */
    uint16_t avoid;
    char key[DOOR_KEY_TEXT]; /* that was added; "" */
    uv_timer_t timer;
};

struct door_tries { /* fields are private to door_try.c */
    const struct layout *layout;
    struct door_stats *stats;
    struct door_cell *cell;
    struct door_group *group; /* [cells][services] */
    size_t group_count;
    struct door_request *request; /* [DOOR_REQUESTS_MAX] */
    struct door_request *spare;
    struct door_luck luck;
};

/* Open no connections yet, at most `links_max` to each replica later. All is borrowed, storage is
 * the arena's. 0, or -1 with `err` set; door_tries_close is due either way. */
int door_tries_init(struct door_tries *t, const struct layout *l, struct door_stats *stats,
                    uint32_t links_max, uv_loop_t *loop, struct arena *a, struct error *err);

/* Pass a request on; it is answered from the loop, or at once when it cannot be taken. */
void door_tries_begin(struct door_tries *t, struct http_exchange *x, struct map_place place);

/* Answer everything that is under way, now, with 503. */
void door_tries_abandon(struct door_tries *t);

/* Say of the zones in `status` which of their replicas are left out. Words are in `a`. */
void door_tries_explain(const struct door_tries *t, struct status *status, struct arena *a);

/* Nothing is under way any more. The loop has to run once more for the handles. */
void door_tries_close(struct door_tries *t);

#endif
