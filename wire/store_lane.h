/* store_lane.h - works on their way through a store: what waits for the writer, or for the readers.
 *
 * Made once and never more than so many; under the store's mutex. Threads that take from it are
 * started when there is work and none of them rests. */
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
    struct store_job *unused;          /* given back */
    struct store_job *untouched, *end; /* of the pool: what never was so full costs no memory */
    pthread_cond_t wake;
    unsigned count;            /* jobs between head and tail */
    unsigned threads, resting; /* started; of these, waiting for `wake` */
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

/* Start a thread of the lane, with all signals blocked. False when the system has none left. */
bool store_lane_start(struct store_lane *lane, pthread_t *thread, void *(*body)(void *),
                      void *context);

/* See that somebody takes one job more: start a thread if none rests and fewer than `threads_max`
 * run. False when there is none at all. */
bool store_lane_man(struct store_lane *lane, unsigned threads_max, pthread_t *thread,
                    void *(*body)(void *), void *context);

/* In such a thread: wait for a job, or for `*stopping`. False when there will be none. */
bool store_lane_wait(struct store_lane *lane, pthread_mutex_t *mutex, const bool *stopping);

#endif
