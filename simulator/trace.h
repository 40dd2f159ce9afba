/* trace.h - what happens in a replication, told to whoever listens, as it happens.
 *
 * The hooks in ask.c, serve.c and faults.c are the inline functions at the end: without a listener
 * each is one comparison. With one, the result is the same, bit by bit: nothing is drawn, scheduled
 * or changed here. */
#ifndef SIMULATOR_TRACE_H
#define SIMULATOR_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "simulator/world.h"

enum trace_kind {
    TRACE_REQUEST,  /* reached its door */
    TRACE_NO_ROOM,  /* the door has no replica for it, or holds as much as it can */
    TRACE_SEND,     /* a try leaves the door */
    TRACE_WAIT,     /* it waits at the server */
    TRACE_WORK,     /* it is worked on */
    TRACE_CALLS,    /* its work is done, and its server asks others */
    TRACE_LEAVE,    /* it leaves the server with an answer */
    TRACE_ANSWER,   /* the door, which waited for it, has that answer */
    TRACE_TIMEOUT,  /* the door gave up on it */
    TRACE_LEFT,     /* another copy of the request was answered first */
    TRACE_RETRY,    /* another try will be sent, outside `zone` */
    TRACE_NO_RETRY, /* another try is allowed by number, but not by the budget */
    TRACE_LATE,     /* no other try, as nobody would wait for its answer */
    TRACE_AGAIN,    /* the customer will ask once more, in a while */
    TRACE_END,      /* the request is answered, or lost */
    TRACE_EJECT,    /* a server is left out */
    TRACE_TRIAL,    /* the try that was just sent decides whether it comes back */
    TRACE_BACK,     /* a server takes part again */
    TRACE_SHIFT,    /* control begins to take `zone` of the cell out, */
    TRACE_RETURN,   /* and to bring it back */
    TRACE_START,    /* it starts a server, */
    TRACE_STOP,     /* stops one that is not needed any more, */
    TRACE_RETIRE,   /* or one that ails */
    TRACE_CHANGE,   /* a rollout changes `zone` of the group, */
    TRACE_UNDO,     /* or changes it back */
    TRACE_BREAK,    /* a fault begins */
    TRACE_HEAL,     /* and ends */
};

struct trace_record {
    int64_t at_ns;
    int64_t request;       /* in the order of beginning, from 0; -1: about none, as from SHIFT on */
    int64_t delay_ns;      /* RETRY: until the next try is sent */
    uint32_t request_slot; /* below the world's pool_count; another's after END. The same for */
    uint32_t
        attempt_slot; /* a try: another's after LEAVE and ANSWER or TIMEOUT. WORLD_NONE: none */
    uint32_t who;     /* country, of a call the first one of its cell where nobody waits for it any
                         more; BREAK and HEAL: fault */
    uint32_t group;   /* cell * services + service; not of a fault */
    uint32_t server;  /* of a try or a replica, numbered as the world's; WORLD_NONE: none */
    uint32_t nth;     /* the same within its zone, from 0 */
    uint16_t zone;    /* of the server; RETRY: that which is avoided */
    uint16_t tries;   /* of the request so far; of a try its number, from 1 */
    uint8_t kind;     /* enum trace_kind */
    uint8_t answer;   /* enum world_answer, of LEAVE, ANSWER, RETRY, NO_RETRY and END */
    uint8_t inner;    /* REQUEST and END: 1 of a server's call, 2 of background work, 0 of a user */
    uint8_t from; /* enum attempt_state before WORK, CALLS and LEAVE; balance_state before EJECT */
};

/* Called in the order of time, from the thread that runs the replication. */
typedef void trace_sink(void *context, const struct trace_record *record);

struct trace { /* fields are private to trace.c */
    trace_sink *sink;
    void *context;
    int64_t begun;                 /* requests */
    int64_t *request;              /* [pool_count] the number of the one in this slot */
    struct trace_attempt *attempt; /* [pool_count] */
    uint8_t *state;                /* [server_count] enum balance_state, as last told */
};

/* Listen to `w` from now on; after world_init and before the first world_run. Memory is the
 * arena's. 0, or -1 when memory is out. */
int trace_listen(struct world *w, trace_sink *sink, void *context, struct arena *a);

/* ---- hooks; the functions they call are theirs alone, and kept out of the way ---- */

#define TRACE_RARE __attribute__((cold, noinline))

TRACE_RARE void trace_tell_request(struct world *w, enum trace_kind kind, uint32_t request,
                                   int answer);
TRACE_RARE void trace_tell_refused(struct world *w, uint32_t stream);
TRACE_RARE void trace_tell_try(struct world *w, enum trace_kind kind, uint32_t attempt, int answer);
TRACE_RARE void trace_tell_replica(struct world *w, uint32_t attempt);
TRACE_RARE void trace_tell_retry(struct world *w, uint32_t request, int answer, int64_t delay_ns);
TRACE_RARE void trace_tell_control(struct world *w, enum trace_kind kind, uint32_t group,
                                   uint32_t server, uint32_t zone);
TRACE_RARE void trace_tell_fault(struct world *w, enum trace_kind kind, uint32_t fault);

static inline bool trace_is_on(const struct world *w)
{
    return __builtin_expect(w->trace != NULL, 0);
}

/* REQUEST, NO_ROOM, or with its answer LATE, AGAIN, NO_RETRY (which only a failure of tries left
 * is) and END. */
static inline void trace_request(struct world *w, enum trace_kind kind, uint32_t request,
                                 int answer)
{
    if (trace_is_on(w))
        trace_tell_request(w, kind, request, answer);
}

/* A request that found no slot. */
static inline void trace_refused(struct world *w, uint32_t stream)
{
    if (trace_is_on(w))
        trace_tell_refused(w, stream);
}

/* SEND, WAIT, WORK, CALLS, LEAVE, ANSWER, TIMEOUT or LEFT; before the attempt's state changes. */
static inline void trace_try(struct world *w, enum trace_kind kind, uint32_t attempt, int answer)
{
    if (trace_is_on(w))
        trace_tell_try(w, kind, attempt, answer);
}

/* What the door thinks of the attempt's server may have changed: EJECT, TRIAL or BACK. */
static inline void trace_replica(struct world *w, uint32_t attempt)
{
    if (trace_is_on(w))
        trace_tell_replica(w, attempt);
}

static inline void trace_retry(struct world *w, uint32_t request, int answer, int64_t delay_ns)
{
    if (trace_is_on(w))
        trace_tell_retry(w, request, answer, delay_ns);
}

/* SHIFT, RETURN, CHANGE or UNDO of a zone, and `server` is WORLD_NONE; or START, STOP or RETIRE of
 * a server of the group. */
static inline void trace_control(struct world *w, enum trace_kind kind, uint32_t group,
                                 uint32_t server, uint32_t zone)
{
    if (trace_is_on(w))
        trace_tell_control(w, kind, group, server, zone);
}

/* BREAK or HEAL. */
static inline void trace_fault(struct world *w, enum trace_kind kind, uint32_t fault)
{
    if (trace_is_on(w))
        trace_tell_fault(w, kind, fault);
}

#endif
