/* function.h - an event-driven function: instances that start when events come and stop when none
 * do.
 *
 *     none --start--> starting --ready--> warm --idle for keep_us--> none
 *                        |                  |
 *                        +--start_max_us----+--died--> none
 *
 * An event that finds a warm instance with room runs on it, the one used last, so that the others
 * may go idle and stop. Otherwise it waits, and an instance is started where those that are
 * starting will not have room for all that wait. The queue is bounded: beyond it events are
 * refused.
 *
 * The caller tells what happened (an event came, an instance is ready, has ended an event, has
 * died) and then asks function_next until nothing is left to do. Events are the caller's numbers.
 * Nothing is allocated after function_init. No clock: `now_us` never goes back. */
#ifndef REGION_FUNCTION_H
#define REGION_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

struct arena;

enum { FUNCTION_INSTANCES_MAX = 10000 };
#define FUNCTION_NONE UINT32_MAX

struct function_opts {
    uint32_t instances_max; /* 1..FUNCTION_INSTANCES_MAX */
    uint32_t instances_min; /* kept warm however idle, once they have started */
    uint32_t concurrency;   /* events that one instance works on at once, >= 1 */
    uint32_t queue_max;     /* events that may wait, >= 1 */
    int64_t keep_us;        /* how long an idle instance is kept */
    int64_t start_max_us;   /* one that is not ready by then is given up, > 0 */
};

enum function_state { FUNCTION_OFF, FUNCTION_STARTING, FUNCTION_WARM };

struct function_instance { /* private to function.c */
    uint8_t state;
    uint32_t running;
    int64_t since_us;       /* starting: begun then; idle: since then */
    uint32_t before, after; /* in the list of its state, FUNCTION_NONE at its ends */
};

struct function { /* fields are private to function.c */
    struct function_opts opts;
    struct function_instance *instance;
    uint32_t *queue; /* a ring */
    uint32_t queue_first, queue_count;
    uint32_t count[3]; /* of instances, by state */
    uint32_t off_oldest, off_newest;
    uint32_t starting_oldest, starting_newest;
    uint32_t idle_oldest, idle_newest; /* warm, and nothing runs */
    uint32_t part_oldest, part_newest; /* something runs, and there is room for more */
};

/* 0, or -1 when memory is out. */
int function_init(struct function *f, const struct function_opts *opts, struct arena *a);

/* All instances are gone, and nothing waits: as new. */
void function_clear(struct function *f);

/* ---- what happened ---- */

/* An event came, and is in the queue until function_next has it run. False when it is refused: the
 * queue is full. */
bool function_arrive(struct function *f, uint32_t event);

/* A starting instance can work now. One that was given up meanwhile is not listened to. */
void function_ready(struct function *f, uint32_t instance, int64_t now_us);

/* An instance has ended one of its events. */
void function_ended(struct function *f, uint32_t instance, int64_t now_us);

/* An instance is gone, and what ran on it: that many events. What becomes of them is the caller's.
 */
uint32_t function_died(struct function *f, uint32_t instance);

/* ---- what to do ---- */

enum function_act {
    FUNCTION_NOTHING,
    FUNCTION_START, /* `instance` */
    FUNCTION_RUN,   /* `event` on `instance` */
    FUNCTION_STOP,  /* `instance`: idle for long, or never got ready */
};

struct function_do {
    enum function_act act;
    uint32_t instance;
    uint32_t event;
};

/* The next thing to do at `now_us`; ask until it is nothing. */
struct function_do function_next(struct function *f, int64_t now_us);

/* When to ask again if nothing happens before; INT64_MAX for never. */
int64_t function_deadline_us(const struct function *f);

static inline uint32_t function_count(const struct function *f, enum function_state state)
{
    return f->count[state];
}

static inline uint32_t function_waiting(const struct function *f)
{
    return f->queue_count;
}

#endif
