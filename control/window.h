/* window.h - what happened in the last ten seconds, in fixed memory.
 *
 * A ring of slots of one second each: requests, how many of them failed, and their latencies. The
 * oldest slot is forgotten when its place is needed, so nothing has to run when nothing comes. No
 * clock: `now_us` is handed in and never goes back. */
#ifndef CONTROL_WINDOW_H
#define CONTROL_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hist.h"

enum { WINDOW_SLOTS = 10, WINDOW_SLOT_US = 1000000 };

struct window_slot {
    int64_t number; /* of the second it holds */
    uint64_t failed;
    struct hist latency; /* counts the requests */
};

struct window { /* fields are private to window.c; about 180 KB */
    int64_t began_us;
    struct window_slot slot[WINDOW_SLOTS];
};

/* `w` is all zero. Nothing was there before `now_us`. */
void window_init(struct window *w, int64_t now_us);

/* A request ended after `latency_us` >= 0. */
void window_add(struct window *w, int64_t now_us, int64_t latency_us, bool failed);

struct window_sum {
    uint64_t requests;
    double rps;    /* over the ten seconds, or since window_init when that is less */
    double failed; /* share of the requests; NaN when there are none */
    double p99_us; /* NaN when there are none */
};

struct window_sum window_read(const struct window *w, int64_t now_us);

#endif
