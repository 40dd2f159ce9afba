/* reads.h - rows are read in groups: what has arrived in one turn of the loop is one work of the
 * store, and while that runs the next group gathers.
 *
 * Handing a work to another thread and back costs several times what the look itself does, and so
 * does a transaction; a group pays for both once. When little arrives, a group is one request and
 * waits for nothing. */
#ifndef REGION_LIVE_READS_H
#define REGION_LIVE_READS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/store.h"

struct request;
struct service;
struct store;

enum { READS_GROUP_MAX = 64 }; /* a group's work has a time limit */

struct reads { /* fields are private to reads.c */
    struct store *store;
    struct request *first, *last; /* the next group gathers, oldest first */
    struct request *running;      /* the group that is being read */
    uv_check_t check;             /* the turn's end */
};

void reads_init(struct reads *reads, uv_loop_t *loop, struct store *store);

/* Have r->work.read done; reads_done is called later. */
void reads_add(struct reads *reads, struct request *r);

/* Ends a request: handlers.c. `err` is NULL unless the store failed. */
void reads_done(struct request *r, const struct error *err);

/* Close the handle. Nothing may run or wait. */
void reads_close(struct reads *reads);

#endif
