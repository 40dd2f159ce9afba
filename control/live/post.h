/* post.h - one process that control answers for: a door, or the agent of a zone.
 *
 * It is kept running (control/live/child.h) and asked for its status, which goes into the picture
 * (control/picture.h). */
#ifndef CONTROL_LIVE_POST_H
#define CONTROL_LIVE_POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "control/live/child.h"
#include "control/picture.h"
#include "wire/http.h"

struct arena;
struct layout;

enum {
    POST_EAGER = 10,        /* times as often to a new process, while not all is healthy */
    POST_TIMEOUT_MS = 1000, /* for one answer */
};
#define POST_DOOR SIZE_MAX /* as a cell */

struct post { /* read `child`; the rest is private to post.c */
    struct child child;
    size_t cell, zone; /* of POST_DOOR: which door, from 0 */
    struct picture *picture;
    uint64_t every_ms; /* from an answer to the next question */
    struct http_client *client;
    struct http_call *call;
    uv_timer_t timer;
    int64_t asked_us;  /* the question that waits for an answer */
    int64_t silent_us; /* the first of its questions in a row that were not answered; 0: none */
    unsigned misses;   /* how many of these */
    bool unattended;   /* a fault: nothing is done about it. Set by control */
    bool garbled;      /* its last answer was no status */
    char name[96];     /* "agent de/a", "door", "door 2" */
    char number[8];    /* of the second door and those after it */
    const char *args[CHILD_ARGS_MAX];
};

/* The post of a zone's agent, or of a door: started when driven. `dir` is the state folder as the
 * new process is told it. All is borrowed. 0, or -1 when memory is out. */
int post_init(struct post *p, const struct layout *l, size_t cell, size_t zone, const char *dir,
              struct picture *picture, uv_loop_t *loop, struct arena *a);

/* Start it if it is due; kill it when it is frozen, or while it is held. */
void post_drive(struct post *p);

/* Let it be. The loop has to run once more for the handles. */
void post_close(struct post *p);

#endif
