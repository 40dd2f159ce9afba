/* door_map.h - GET /map: the partition map, for who wants to go straight to a replica.
 *
 * The answer has the version as its ETag; If-None-Match with that gets 304. Who has the newest one
 * may wait for the next: `Prefer: wait=30`, or ?wait=30s, with If-None-Match or ?after=VERSION. The
 * answer comes when there is a newer one, or at the end of the wait as 304. Those who wait are
 * bounded; one more is told to ask again later. */
#ifndef CONTROL_LIVE_DOOR_MAP_H
#define CONTROL_LIVE_DOOR_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "control/live/map_file.h"
#include "wire/http.h"

struct arena;
struct error;
struct layout;

enum {
    DOOR_MAP_WAITERS_MAX = 512,
    DOOR_MAP_WAIT_MAX_US = 60000000, /* longer wishes are cut to this */
    DOOR_MAP_LOOK_MS = 100,
};

struct door_map_waiter {
    struct http_exchange *x;
    int64_t after, until_us;
};

struct door_map { /* read `file.map`; the rest is private to door_map.c */
    struct map_file file;
    struct door_map_waiter waiter[DOOR_MAP_WAITERS_MAX]; /* [count] */
    size_t count;
    uv_timer_t timer;
    bool open;
    void (*changed)(void *context); /* there is another map */
    void *context;
};

/* Hold the map of the state folder. door_map_close is due either way, and the loop has to run once
 * more after it. 0, or -1 with `err` set. */
int door_map_init(struct door_map *m, const struct layout *l, uv_loop_t *loop,
                  void (*changed)(void *context), void *context, struct arena *a,
                  struct error *err);

/* Answer a GET or HEAD of /map, now or later. */
void door_map_answer(struct door_map *m, struct http_exchange *x);

/* Send away those who wait. */
void door_map_close(struct door_map *m);
void door_map_release(struct door_map *m);

#endif
