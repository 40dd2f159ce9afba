/* door_try.h - a request on its way through the door: to a replica, to another one, and back.
 *
 * What becomes of it control/route.h decides; here its choices are carried out. A try that is
 * refused, reset, timed out, garbled, shed (503) or an error of the replica (500, 502, 504) is
 * repeated in another zone, and a slow one may get a second copy there: the first answer wins, and
 * the other copy is called off. Writes may be repeated because each has an Idempotency-Key, its own
 * or one that is added here, and all copies bear the same.
 *
 * All storage is made at the start. One cell never takes more than its share of it, so that a cell
 * in trouble leaves the door open for the others. */
#ifndef CONTROL_LIVE_DOOR_TRY_H
#define CONTROL_LIVE_DOOR_TRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "control/live/door_groups.h"
#include "control/live/door_headers.h"
#include "control/map.h"
#include "control/route.h"
#include "wire/http.h"

struct arena;
struct door_stats;
struct error;
struct layout;

enum {
    DOOR_REQUESTS_MAX = 4096,      /* under way in all; one more is answered 503 */
    DOOR_CELL_REQUESTS_MAX = 2048, /* in one cell; the same */
};

struct door_copy { /* of a request, at one replica */
    struct door_request *request;
    struct http_call *call; /* NULL: it is not out */
    uint32_t replica;
    int64_t sent_us;
};

enum { DOOR_COPIES = 2 };

struct door_request {
    struct door_tries *tries;
    struct door_group *group;
    struct http_exchange *x; /* NULL: this one is free */
    struct door_request *next;
    struct route_request route;
    struct door_copy copy[DOOR_COPIES];
    int64_t start_us;
    enum door_last last;     /* what its last try came to */
    char key[DOOR_KEY_TEXT]; /* that was added; "" */
    bool timed;              /* `timer` runs, for a retry or a second copy */
    uv_timer_t timer;
};

struct door_tries { /* fields are private to door_try.c, but for `groups` */
    struct door_groups groups;
    struct door_stats *stats;
    struct door_request *request; /* [DOOR_REQUESTS_MAX] */
    struct door_request *spare;
};

/* Open no connections yet, at most `links_max` to each replica later. All is borrowed, storage is
 * the arena's. 0, or -1 with `err` set; door_tries_close is due either way. */
int door_tries_init(struct door_tries *t, const struct layout *l, struct door_stats *stats,
                    uint32_t links_max, uv_loop_t *loop, struct arena *a, struct error *err);

/* Pass a request on; it is answered from the loop, or at once when it cannot be taken. */
void door_tries_begin(struct door_tries *t, struct http_exchange *x, struct map_place place);

/* Answer everything that is under way, now, with 503. */
void door_tries_abandon(struct door_tries *t);

/* Nothing is under way any more. The loop has to run once more for the handles. */
void door_tries_close(struct door_tries *t);

#endif
