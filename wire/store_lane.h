/* store_lane.h - works on their way through a store: what waits for the writer, or for the readers.
 *
 * Made once and never more than so many; under the store's mutex. */
#ifndef WIRE_STORE_LANE_H
#define WIRE_STORE_LANE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/store.h"
#include "wire/store_sqlite.h"

struct store_job {
    struct store_job *next;
    struct store_lane *lane;
    store_work *work;
    void *context;
    store_done *done;
    void *done_context;
    int status;
    struct error err;
};

struct store_lane { /* `head` and `wake` are for who waits; the rest is private */
    struct store_job *head, **tail;
    struct store_job *pool;
    struct store_job *unused;
    pthread_cond_t wake;
};

/* A lane for `count` jobs. 0, or -1 when memory is out. */
int store_lane_init(struct store_lane *lane, unsigned count);

/* All zero is fine. */
void store_lane_release(struct store_lane *lane);

/* Put a copy at the end and wake someone. False when the lane is full. */
bool store_lane_push(struct store_lane *lane, const struct store_job *job);

/* Take up to `max` from the front, which count until recycled. */
size_t store_lane_pop(struct store_lane *lane, struct store_job **job, size_t max);

void store_lane_recycle(struct store_job *job);

#endif
