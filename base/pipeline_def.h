/* pipeline_def.h - an order pipeline as data: which stages there are, and how work moves on.
 *
 * It is the topology's "pipeline". A stage is a kind and a service; `next` names the stages behind
 * it, each for one outcome of the work ("done" unless said otherwise). "no" without a stage behind
 * it turns the work back: the stages that were done are undone, in reverse order.
 *
 *     task      works, and goes on by its outcome
 *     filter    the same; a "no" without a stage behind it ends the work quietly
 *     merger    several lines run together here; each piece goes on by itself
 *     reduce    adds the piece to a total, then goes on
 *     sharder   goes on to one of `next`, chosen by a key's hash
 *     splitter  makes parts, each of which goes on to `next`
 *     copier    goes on to every one of `next`. Where a join waits for it, the copies are parts;
 *               otherwise the first is the order and the others are side lines, whose fate does not
 *               touch it
 *     join      waits for all parts of its splitter or copier, and goes on as the whole
 *
 * What the rules make of it is region/pipeline.h. */
#ifndef BASE_PIPELINE_DEF_H
#define BASE_PIPELINE_DEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct arena;
struct error;

enum {
    PIPELINE_STAGES_MAX = 32,
    PIPELINE_NEXT_MAX = 8,
    PIPELINE_HOPS_MAX = 64,
    PIPELINE_WORKERS_MAX = 10000,
};

#define PIPELINE_NONE SIZE_MAX

enum pipeline_kind {
    PIPELINE_TASK,
    PIPELINE_COPIER,
    PIPELINE_FILTER,
    PIPELINE_SPLITTER,
    PIPELINE_SHARDER,
    PIPELINE_MERGER,
    PIPELINE_JOIN,
    PIPELINE_REDUCE,
};

enum pipeline_mode {
    PIPELINE_AUTONOMOUS, /* each stage decides where its work goes next */
    PIPELINE_DIRECTED,   /* a coordinator is told, and decides */
};

enum pipeline_carry {
    PIPELINE_CARRY_ALL,       /* a message brings all that the stages before it need */
    PIPELINE_CARRY_REFERENCE, /* a stage asks the order's owner for what it needs */
};

enum pipeline_spent { /* what follows when a piece of work has failed as often as it may */
                      PIPELINE_SPENT_DEAD, /* it lies in the dead letters until someone looks */
                      PIPELINE_SPENT_UNDO, /* it counts as a no */
};

struct pipeline_hop {
    const char *to;   /* a stage's name */
    const char *when; /* the outcome that leads there */
    size_t stage;     /* index of `to` */
};

struct pipeline_stage {
    const char *name;
    int kind;            /* enum pipeline_kind */
    const char *service; /* runs it; NULL until completed */
    int64_t workers;     /* pieces of work done at once, in all zones */
    int64_t time_us;     /* mean work on a piece */
    struct pipeline_hop *next;
    size_t next_count;
    const char *undo; /* the stage that undoes it; NULL: nothing is to be undone */
    const char *of;   /* join: whose parts it waits for; NULL: found by looking */
    int64_t tries;
    int64_t backoff_us, backoff_max_us;
    int64_t lease_us;
    int spent;           /* enum pipeline_spent */
    int64_t needs_bytes; /* of the order's data, to do one piece of work */

    /* Worked out by pipeline_def_complete. */
    size_t service_index; /* among the topology's */
    size_t undo_stage;    /* PIPELINE_NONE: none */
    size_t join;          /* splitter, copier: its join, or PIPELINE_NONE */
    size_t splitter;      /* join: whose parts it waits for */
    uint32_t reach;       /* mask of the stages that a piece of work here may yet see: it, those
                             behind it, and those that undo any of them */
};

/* What the simulator is told besides. */
struct pipeline_orders { /* where they come from, and what becomes of them */
    double share;      /* of the answered users' requests to `from` that place one; 0: none does */
    const char *from;  /* a service; NULL until completed */
    int64_t parts;     /* an order has 1 to so many */
    double refused;    /* chance that a task refuses a piece of work */
    double cancelled;  /* share of the orders that their customers cancel, */
    int64_t cancel_us; /* so long after they were placed, on average */
    size_t from_index; /* of the service */
};

struct pipeline_store { /* that a service keeps its part of the orders in */
    int64_t time_us;    /* mean transaction */
    int64_t parallel;   /* transactions at once */
    bool central;       /* one for all services, whose tables the stages poll */
    int64_t poll_us;    /* central: an idle worker looks again after this on average */
};

enum { PIPELINE_ORDER_PARTS_MAX = 8 };

struct pipeline_def {
    int mode;  /* enum pipeline_mode */
    int carry; /* enum pipeline_carry */
    struct pipeline_orders orders;
    struct pipeline_store store;
    int64_t coordinators; /* directed: reports worked on at once, simulated */
    int64_t hops_max;     /* stages that a message may pass, then it goes to the dead letters */
    struct pipeline_stage *stages; /* an order begins at the first */
    size_t stage_count;
    const char *warning; /* what is allowed and hardly meant; NULL: nothing */
};

extern const char *const pipeline_kind_words[]; /* by kind, ended by NULL */
extern const struct json_field pipeline_def_fields[];

/* Complete a decoded definition: the default stages where it has none (placed orders are
 * authorised, stock is reserved, parts by vendor are packed and shipped, then all is complete),
 * names to indices, and whether the parts fit. `services` [service_count >= 1] are the names of the
 * topology's. Memory is the arena's. 0, or -1 with `err` set, which names the place below
 * "pipeline". */
int pipeline_def_complete(struct pipeline_def *def, const char *const *services,
                          size_t service_count, struct arena *a, struct error *err);

/* The stage of that name, PIPELINE_NONE when there is none. */
size_t pipeline_stage_at(const struct pipeline_def *def, const char *name);

#endif
