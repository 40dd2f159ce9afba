/* bench_live.h - how fast a live system on this machine is, beside floors that are measured with
 * it.
 *
 * Three cells of three zones and four services each, in a folder of their own, on free ports.
 * Rounds alternate between what is measured and its floor; medians are reported, and of a killed
 * zone the worst. What hangs on the disk stands beside the time that one flush takes. */
#ifndef TESTS_BENCH_BENCH_LIVE_H
#define TESTS_BENCH_BENCH_LIVE_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/idle.h"

struct arena;
struct failure;
struct error;

struct bench_live_read { /* one item, by id, from a replica */
    double rps, floor_rps, ratio;
    double wall_rps, floor_wall_rps;
};

struct bench_live_orders { /* of one line, 64 clients, at the door of one cell */
    double per_s, p99_ms;
    int64_t flush_us;
};

enum { BENCH_LIVE_LOSSES_MAX = 1000 };

struct bench_live_loss { /* load on one cell, whose zones are lost one after the other */
    int64_t requests, failed;
    double pause_ms, max_ms; /* the longest of all */
    double *pauses_ms;       /* the longest of each loss, in order of length */
    size_t count;
    struct failure *failures; /* why they failed */
    size_t failure_count;
};

struct bench_live_door {                      /* one item, by id, through it */
    double per_cpu_s, nginx_per_cpu_s, ratio; /* NaN: nginx is not installed */
    double p99_ms, nginx_p99_ms;
};

struct bench_live_result {
    double up_s;
    double pss_mb;
    int64_t processes;
    struct bench_live_read read;
    struct bench_live_orders orders;
    struct bench_live_loss zone_kill, zone_silent;
    struct bench_live_door door;
    struct idle idle, idle_large; /* of ours, and of sim-configs/thirty-countries.json */
};

/* Called before each of `rounds` rounds of a part, whose name is borrowed for the call. */
typedef void bench_live_progress(void *context, const char *part, unsigned round, unsigned rounds);

enum bench_live_part {
    BENCH_LIVE_UP, /* and memory */
    BENCH_LIVE_READ,
    BENCH_LIVE_DOOR,
    BENCH_LIVE_ORDERS,
    BENCH_LIVE_KILL,
    BENCH_LIVE_SILENT,
    BENCH_LIVE_IDLE,
    BENCH_LIVE_IDLE_LARGE, /* after the others, in a folder of its own */
    BENCH_LIVE_PARTS       /* all of them */
};
extern const char *const bench_live_words[BENCH_LIVE_PARTS + 1]; /* ended by NULL */

/* Measure `part`, others stay NaN and 0; about three minutes for all, and for each of the `losses`
 * (1..BENCH_LIVE_LOSSES_MAX), of zones killed and of zones gone silent, five seconds more. Lists
 * are in `a`. `stop` and `progress` may be NULL. 0, or -1 with `err` set; nothing is left running
 * either way. */
int bench_live_run(struct bench_live_result *r, enum bench_live_part part, unsigned losses,
                   const volatile sig_atomic_t *stop, bench_live_progress *progress, void *context,
                   struct arena *a, struct error *err);

#endif
