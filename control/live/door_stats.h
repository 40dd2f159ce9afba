/* door_stats.h - what the door has seen: requests by cell, tries by zone, questions by country.
 *
 * A request counts for its cell, from its arrival to its answer; each of its tries counts for its
 * zone. Failed is what ended with a status from 500 up, or without an answer; it is counted by the
 * rule that gave it up and by what its last try came to. A question to many countries is one
 * request of no cell, and its parts count for their countries. */
#ifndef CONTROL_LIVE_DOOR_STATS_H
#define CONTROL_LIVE_DOOR_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/status.h"
#include "control/window.h"

struct arena;
struct http_reply;
struct layout;

enum door_last {                    /* what a request's last try came to */
                 DOOR_LAST_NONE,    /* no failure, or none was made; then as enum http_failure */
                 DOOR_LAST_500 = 7, /* a status from 500 to 505; what is above counts as 500 */
                 DOOR_LASTS = DOOR_LAST_500 + 6
};
enum door_last door_last_of(const struct http_reply *reply);
const char *door_last_name(enum door_last last); /* "timeout", "503", "" */

struct door_stats_cell {
    struct window *window; /* its own, then its zones' */
    uint64_t requests, lost;
    uint64_t losses[STATUS_RULES][DOOR_LASTS];
};

struct door_stats_country {
    struct window *window; /* of answers */
    uint64_t asked, missing;
};

struct door_stats { /* fields are private to door_stats.c */
    const struct layout *layout;
    struct door_stats_cell *cell;       /* the topology's, and a last one for questions */
    struct door_stats_country *country; /* in the topology's order */
    struct window *windows;
    uint64_t partial;
    int64_t began_us;
};

/* `l` is borrowed, `cell` is the arena's; door_stats_release frees the rest. 0, or -1 when memory
 * is out. */
int door_stats_init(struct door_stats *s, const struct layout *l, int64_t now_us, struct arena *a);
void door_stats_release(struct door_stats *s);

struct door_end { /* of a request */
    bool failed;
    enum status_rule rule; /* that gave it up, and what its last try came to: when it failed */
    enum door_last last;
};

/* A try, and a request, has ended after so long. */
void door_stats_try(struct door_stats *s, size_t cell, size_t zone, int64_t now_us,
                    int64_t latency_us, bool failed);
void door_stats_request(struct door_stats *s, size_t cell, int64_t now_us, int64_t latency_us,
                        const struct door_end *end);

/* A question to many countries has ended, and one country's part of it. */
void door_stats_question(struct door_stats *s, int64_t now_us, int64_t latency_us, bool partial,
                         const struct door_end *end);
void door_stats_part(struct door_stats *s, size_t country, int64_t now_us, int64_t latency_us,
                     bool missing);

/* What the door knows, as a status with one door of which the rest is unknown. Storage is the
 * arena's. NULL when memory is out. */
struct status *door_stats_status(const struct door_stats *s, int64_t now_us, struct arena *a);

#endif
