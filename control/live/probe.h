/* probe.h - ask a replica again and again how it is.
 *
 * GET /health, which it answers after its store has answered a real query, with what it has got
 * done. Whether that is enough is judged by control/progress.h. */
#ifndef CONTROL_LIVE_PROBE_H
#define CONTROL_LIVE_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "control/progress.h"
#include "wire/http.h"

enum {
    PROBE_EAGER = 10,       /* times as often while a new process has not been well yet */
    PROBE_DOUBT_MS = 200,   /* after one that was not answered in time */
    PROBE_TIMEOUT_MS = 500, /* for one answer */
    PROBE_SAID_MAX = 120,
    PROBE_MISSES_MAX = 2, /* timeouts in a row before it counts as silent */
};

struct probe {                 /* read what has no other note; the rest is private to probe.c */
    bool heard;                /* it answered, refused or was silent since probe_restart */
    bool well;                 /* the last answer was 200 */
    bool well_once;            /* since probe_restart */
    bool answers;              /* with anything; not refused, not silent */
    char said[PROBE_SAID_MAX]; /* why it is not well, in its own words; "" when it gave none */
    int64_t silent_us;         /* it has been silent since then, 0: it is not */
    struct progress progress;  /* of the process that is there since probe_restart */
    unsigned misses;           /* private from here */
    int64_t new_us;            /* there is this process since then */
    struct progress_opts opts;
    uint64_t every_ms;
    struct http_client *client;
    struct http_call *call;
    uv_timer_t timer;
};

/* Ask 127.0.0.1:port from now on, at the pace of `every_us`. `opts` is copied, and looks are not
 * closer than the questions. 0, or -1 when memory is out. */
int probe_init(struct probe *p, uv_loop_t *loop, int port, int64_t every_us,
               const struct progress_opts *opts);

/* How long until the next of the moments that are `every_ms` apart and this process's own. What it
 * does at a pace it does at these, so that it is woken once for all of it. */
uint64_t probe_turn_ms(const uv_loop_t *loop, uint64_t every_ms);

/* There is another process behind it, or none. */
void probe_restart(struct probe *p);

/* Ask no more. The loop has to run once more for the handles. */
void probe_close(struct probe *p);

#endif
