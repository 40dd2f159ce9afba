/* door_scatter.h - one question to many countries: GET /items?q=words&countries=gb,de,fr.
 *
 * Only what is not personal may be asked so. Each country's part goes to its own cell, by the
 * door's own smart client (control/live/client.h), and all of them at once; what has come at the
 * deadline is the answer, with the countries that are missing and why. So a cell that is down or
 * frozen costs its own part and never more time than that.
 *
 *     ?q=WORDS          as of a country's /items
 *     &countries=LIST   two letters each, with commas; left out: all that are served
 *     &limit=N          rows of each country, 1..100, 10 when left out
 *     &within=TIME      the deadline, 1ms..10s, the policy's timeout when left out */
#ifndef CONTROL_LIVE_DOOR_SCATTER_H
#define CONTROL_LIVE_DOOR_SCATTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/arena.h"
#include "control/live/client.h"
#include "wire/bytes.h"
#include "wire/http.h"

struct door_stats;
struct error;
struct layout;
struct network;

enum {
    DOOR_SCATTER_MAX = 32,            /* under way; one more is answered 503 */
    DOOR_SCATTER_BYTES_MAX = 1 << 20, /* of an answer; a part that does not fit is missing */
    DOOR_SCATTER_WORDS_MAX = 1024,    /* bytes of q as sent */
    DOOR_SCATTER_WITHIN_MAX_US = 10000000,
    DOOR_SCATTER_LINKS = 16, /* connections to one replica, if we may have so many */
};

struct door_part { /* of one country */
    struct door_gather *gather;
    char country[3];
    size_t index;             /* of the country, in the topology */
    struct client_call *call; /* NULL: it has come to something */
    struct bytes page;        /* what came; empty: it is missing */
    char why[160];
};

struct door_gather {
    struct door_scatter *scatter;
    struct http_exchange *x; /* NULL: this one is free */
    struct door_part *part;  /* [count], the arena's */
    size_t count, waiting, bytes;
    int64_t begun_us, within_us;
    uv_timer_t timer;
    struct arena arena;
};

struct door_scatter { /* fields are private to door_scatter.c */
    const struct layout *layout;
    struct network *network;
    struct door_stats *stats;
    struct client *client;
    struct door_gather gather[DOOR_SCATTER_MAX];
    bool open;
};

/* `network` leads to the zones, and is open until after door_scatter_close, which is due either
 * way. Questions and their parts are counted in `stats`. 0, or -1 with `err` set. */
int door_scatter_init(struct door_scatter *s, const struct layout *l, uint32_t links_max,
                      struct network *network, struct door_stats *stats, uv_loop_t *loop,
                      struct error *err);

/* Go by this map. */
void door_scatter_map(struct door_scatter *s, const char *text, size_t len);

/* Answer a GET or HEAD of /items, at the deadline at the latest. */
void door_scatter_begin(struct door_scatter *s, struct http_exchange *x);

/* Answer everything that is under way, now. */
void door_scatter_abandon(struct door_scatter *s);

/* Nothing is under way any more. The loop has to run on for the handles. */
void door_scatter_close(struct door_scatter *s);

#endif
