/* pipe.h - an order pipeline on simulated time: stations, workers, stores and messages that get
 * lost.
 *
 * What decides is region/pipeline.h and region/work.h, by the very functions that live services
 * call. Here is what they run on: orders come at random; each stage is a station with an inbox and
 * workers; a worker takes a piece (a transaction of its service's store), works, and commits the
 * outcome with all that follows from it (another one). Messages lie in the sender's outbox and are
 * sent again until they are acknowledged, so they come at least once. Workers crash; what they held
 * is given to others when the lease is over, and what they send after that is late.
 *
 * With `central` it is the shop of 1998 instead: one database, whose tables all stages poll and
 * write; there are no messages, and the database is the one store.
 *
 * An order is placed in the store of the service that splits and joins orders; that it takes a
 * transaction too is left out.
 *
 * Ticks of the engine are microseconds. Memory is set at init: when `orders_open_max` orders are on
 * their way, new ones are refused and counted. */
#ifndef SIMULATOR_PIPE_H
#define SIMULATOR_PIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hist.h"
#include "base/pipeline_def.h"
#include "base/rng.h"
#include "region/function.h"
#include "region/pipeline.h"
#include "simulator/engine.h"

struct arena;
struct error;

enum {
    PIPE_SEEN_MAX = 160, /* messages of one order, */
    PIPE_GROUPS_MAX = 2, /* and groups of its parts */
    PIPE_PARTS_MAX = 8,  /* parts of one group */
    PIPE_STATIONS_MAX = PIPELINE_STAGES_MAX + 1,
    PIPE_STORES_MAX = 64,
};
#define PIPE_NONE UINT32_MAX

/* ---- what is told to a trace ---- */

enum pipe_note {
    PIPE_PLACED,
    PIPE_TAKEN,     /* a worker has begun with `m` */
    PIPE_FAILED,    /* that try has */
    PIPE_SILENT,    /* its lease is over */
    PIPE_LATE,      /* a worker whose lease was over has come with an outcome */
    PIPE_AGAIN,     /* a message has come that had come before */
    PIPE_BURIED,    /* to the dead letters */
    PIPE_COMPLETED, /* and the other ends of an order */
    PIPE_FILTERED_OUT,
    PIPE_CANCELED,
};

typedef void pipe_trace(void *context, int64_t at_us, enum pipe_note note, uint64_t order,
                        const struct pipeline_message *m, uint32_t try);

enum { PIPE_STORY = 160 };

/* The same as a line: "[ 120ms] order de-o-1 > pack parcel 2 of 3 (try 2)". */
void pipe_story(char out[PIPE_STORY], const struct pipeline_def *def, int64_t at_us,
                enum pipe_note note, uint64_t order, const struct pipeline_message *m,
                uint32_t try);

/* ---- what there is ---- */

struct pipe_opts {
    const struct pipeline_def *def; /* borrowed until the run has ended */
    uint64_t seed, replication;
    double orders_per_s; /* 0: they come by pipe_place */
    int64_t orders;      /* that come; then no more */
    uint32_t orders_open_max;
    uint32_t parts_max; /* an order has 1 to so many, <= PIPE_PARTS_MAX */
    int64_t warmup_us;  /* orders placed before are not in the latency */

    bool fixed_times;     /* work and transactions take their mean time, otherwise exponential */
    double no, fail;      /* chances that work is refused, that a try fails */
    double cancel;        /* share of orders that are cancelled at a random time, */
    int64_t cancel_in_us; /* so long after they were placed, on average */

    int64_t hop_us;     /* mean way of a message, exponential; 0: none */
    double loss, twice; /* chances that what is sent is lost, that it comes twice */
    int64_t resend_us;  /* an unacknowledged message is sent again after this */

    double crash_per_s; /* of one worker */
    int64_t repair_us;  /* mean */

    int64_t store_us;        /* mean transaction; 0: they take no time */
    uint32_t store_parallel; /* transactions at once in one store, >= 1 */
    bool central;
    int64_t poll_us; /* central: an idle worker looks again after this on average */

    uint32_t coordinator_workers; /* in directed mode, >= 1 */
    int64_t coordinator_us;       /* mean work on a report */

    const struct work_crew *crew; /* workers come and go with the demand, up to the stage's; NULL:
                                     all run all the time */
    int64_t crew_us;              /* how often that is looked at */

    const struct function_opts *function; /* stages are event-driven functions, a worker is an
                                             instance; its queue_max is not used. NULL: they are
                                             not. Not with a crew, nor central */
    int64_t cold_us;                      /* how long an instance takes to start */

    /* Where work is done, if not here for as long as it takes: told of a worker that begins, which
     * ends by pipe_worked, later and not from within. Its `generation` goes with it. NULL: here. */
    void (*work)(void *context, uint32_t worker, uint32_t generation, int64_t time_us);
    void *work_context;

    pipe_trace *trace; /* may be NULL */
    void *trace_context;
};

struct pipe_stage_count {
    int64_t taken, done, undone; /* tries begun; effects that were committed */
    int64_t done_of_complete;    /* effects of orders that are complete */
    int64_t left_of_dead;        /* done and not undone, of orders in the dead letters */
    int64_t busy_us;
    int64_t crew_us;     /* sum over the workers that ran, with a crew or as functions */
    int64_t starts;      /* of functions */
    int64_t unmanned;    /* looks at the crew that left none */
    int64_t held_us;     /* sum over the workers that held a piece */
    int64_t waiting_max; /* pieces that waited at once, at most, */
    int64_t waiting_us;  /* and their number, added up over time */
    int64_t oldest_us;   /* that a piece had been there when it was taken, at most */
};

struct pipe_count {
    int64_t placed, refused; /* orders: `refused` found no room, or their store down */
    int64_t complete, filtered, cancelled, dead;
    int64_t lost, doubled; /* ended in no way, in several: must not be */
    int64_t torn; /* cancelled with something not undone, or complete with something undone */
    int64_t parts_of_complete;
    int64_t messages, bytes; /* sent, repeats included */
    int64_t asks, ask_bytes;
    int64_t again, late, expired, crashes, failed;
    int64_t polls, polls_empty, transactions;
    int64_t crowded; /* work that was given back, as there was no room for it */
    struct pipe_stage_count stage[PIPE_STATIONS_MAX];
    struct hist latency; /* of complete orders, from placed to complete */
};

struct pipe_order {
    uint64_t number; /* from 1 */
    int64_t placed_us;
    uint32_t generation; /* of its cancellation */
    uint32_t live;       /* rows and messages under way; 0: the slot is free again */
    uint32_t kept;       /* rows at joins */
    uint32_t next_free;
    uint16_t parts;
    bool cancelled;
    uint8_t seen_count, group_count;
    uint8_t ends, dead;
    uint8_t end; /* enum pipeline_end, the last one */
    uint8_t done[PIPELINE_STAGES_MAX], undone[PIPELINE_STAGES_MAX];
    uint64_t seen[PIPE_SEEN_MAX];
    uint64_t group[PIPE_GROUPS_MAX];
    struct pipeline_barrier barrier[PIPE_GROUPS_MAX];
};

struct pipe_row { /* a piece of work in an inbox */
    struct pipeline_message m;
    struct pipeline_report report; /* coordinator: of the stage */
    struct work work;
    uint64_t serial; /* another one for every use of this slot */
    uint32_t generation;
    uint32_t order, station;
    int64_t came_us;
    uint32_t next; /* in its station's queue, among its order's kept rows, or free */
};

struct pipe_flight { /* a message in an outbox */
    struct pipeline_message m;
    struct pipeline_report report;
    uint32_t generation;
    uint32_t order, station; /* for which */
    uint16_t in_air;
    bool acknowledged;
    uint32_t next_free;
};

enum pipe_worker_state {
    PIPE_IDLE,
    PIPE_PAUSES, /* found no room for its work */
    PIPE_POLLS,
    PIPE_TAKES,
    PIPE_ASKS,
    PIPE_WORKS,
    PIPE_WRITES,
};

struct pipe_worker {
    uint32_t generation; /* of its work, and its next poll */
    uint32_t station;
    uint32_t row, try;
    uint64_t serial;
    int64_t since_us; /* that it has held its piece; -1: it holds none */
    struct pipeline_report report;
    uint32_t next;   /* in its store's queue */
    uint32_t sleeps; /* next in its station's list of idle workers */
    uint8_t state;
    bool listed; /* in that list, perhaps no longer rightly */
    bool off;    /* not needed now */
    bool down;
    bool forgot; /* crashed while its transaction was under way */
};

struct pipe_station {
    struct rng rng;
    uint32_t first, last; /* rows that wait */
    uint32_t waiting;
    int64_t waiting_since_us; /* its number is counted up to then */
    uint32_t idle;
    uint32_t store;
    uint32_t service;                          /* among the topology's, that runs it */
    uint32_t worker_first, worker_count, crew; /* so many of them are to run */
    int64_t came, came_before;                 /* rows, ever and when the crew was last looked at */
    int64_t active_us;                         /* something came or was worked on */
    struct function function;
    int64_t function_us, tick_us; /* last looked at; will be next */
    int64_t time_us;
    struct work_opts work;
};

struct pipe_store {
    uint32_t first, last; /* workers that wait */
    uint32_t busy;
    bool down;
    double slow; /* transactions take so many times as long */
};

struct pipe {
    struct engine engine;
    struct pipe_opts opts;
    struct rng arrivals, network, crashes, backoff, polls, store_rng;
    struct pipe_station station[PIPE_STATIONS_MAX];
    uint32_t station_count; /* the stages, and in directed mode the coordinator behind them */
    struct pipe_store store[PIPE_STORES_MAX];
    uint32_t owner_store, owner_service; /* of the orders */
    struct pipe_worker *worker;
    uint32_t worker_count;
    struct pipe_order *order;
    struct pipe_row *row;
    struct pipe_flight *flight;
    uint32_t order_free, row_free, flight_free;
    uint32_t open; /* orders */
    uint64_t number_last, serial_last;
    const char *full; /* what has outgrown its bound; NULL: nothing */
    struct pipe_count count;
};

enum pipe_kind {
    PIPE_EVENT_ARRIVE, /* an order */
    PIPE_EVENT_CANCEL, /* who: order */
    PIPE_EVENT_LAND,   /* who: flight */
    PIPE_EVENT_RESEND, /* who: flight */
    PIPE_EVENT_ROW,    /* who: row; its lease is over, or its wait */
    PIPE_EVENT_STORE,  /* who: worker, its transaction is through */
    PIPE_EVENT_WORKED, /* who: worker */
    PIPE_EVENT_POLL,   /* who: worker */
    PIPE_EVENT_CRASH,  /* who: worker */
    PIPE_EVENT_REPAIR, /* who: worker */
    PIPE_EVENT_CREW,   /* who: station */
    PIPE_EVENT_WARM,   /* who: worker, its instance has started */
    PIPE_EVENT_TICK,   /* who: station, its function's deadline */
    PIPE_EVENT_PAUSE,  /* who: worker, its pause is over */
};

/* ---- running it ---- */

/* Set up. 0, or -1 with `err` set. Do not copy or move a struct pipe afterwards. */
int pipe_init(struct pipe *p, const struct pipe_opts *opts, struct arena *a, struct error *err);

/* Run on to `until_us`, or until the last order's last message is gone. 0, or -1 with `err` set
 * when a bound was too small. */
int pipe_run(struct pipe *p, int64_t until_us, struct error *err);

/* Have all orders come, and is nothing of them under way any more? */
static inline bool pipe_over(const struct pipe *p)
{
    return p->open == 0 && (int64_t)p->number_last == p->opts.orders;
}

/* The store of a station stops, or goes on: transactions wait meanwhile. */
void pipe_store_down(struct pipe *p, size_t station, bool down);

/* Its transactions take `factor` times as long from now on. */
void pipe_store_slow(struct pipe *p, size_t station, double factor);

/* ---- for a pipeline within something larger: opts.work, and orders_per_s is 0 ---- */

/* An order is placed now. */
void pipe_place(struct pipe *p);

/* A worker is lost with what it does, silently; or it is back. */
void pipe_worker_down(struct pipe *p, uint32_t worker, bool down);

enum pipe_fate {
    PIPE_DONE,    /* the work is */
    PIPE_ERROR,   /* that try has failed */
    PIPE_CROWDED, /* there was no room for it */
    PIPE_GONE,    /* nothing is heard of it, and the worker is down */
};

/* What opts.work was told of has ended. Of an older `generation` it means nothing any more. */
void pipe_worked(struct pipe *p, uint32_t worker, uint32_t generation, enum pipe_fate fate);

/* What waits is counted up to now. */
void pipe_count_waiting(struct pipe *p);

#endif
