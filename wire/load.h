/* load.h - send requests at planned times, and count what becomes of them.
 *
 * Open loop: a request leaves at its planned time whatever the answers do, and its latency counts
 * from that time, not from when it could be sent. So a stall is seen by all who would have come
 * during it, and not by one (no coordinated omission). What cannot leave because too many are under
 * way, or because the sender itself is later than the request's timeout, is not sent at all and
 * counted as that; nothing waits in silence.
 *
 * A stream is a plan of requests to one destination; a run carries several at once, on a loop of
 * its own, and ends when every request of every stream has come to something. */
#ifndef WIRE_LOAD_H
#define WIRE_LOAD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hist.h"
#include "wire/http.h"

struct arena;
struct error;

enum load_outcome {
    LOAD_OK, /* answered with 2xx or 304 */
    LOAD_4XX,
    LOAD_5XX,
    LOAD_REFUSED, /* no connection */
    LOAD_RESET,   /* the connection was lost before the whole answer */
    LOAD_TIMEOUT,
    LOAD_GARBLED, /* the answer is not HTTP, or the request could not be sent */
    LOAD_UNSENT,  /* not sent in time: too many were under way, or we were later than its timeout */
    LOAD_CUT,     /* still under way when the run was stopped */
    LOAD_OUTCOMES
};
extern const char *const load_outcome_words[LOAD_OUTCOMES + 1]; /* ended by NULL */

struct load_request {
    const char *method, *target;
    const char *key;  /* its Idempotency-Key; NULL: none */
    const char *body; /* JSON; NULL: none */
    size_t len;
    int64_t at_us;  /* LOAD_AS_TOLD: its time, from the beginning of the run; never goes back */
    uint32_t group; /* which tally, < stream.groups */
    uint32_t id;    /* the caller's own */
};

enum load_pace {
    LOAD_RANDOM,  /* gaps are exponential with mean 1 / rate (a Poisson process) */
    LOAD_EVEN,    /* gaps are 1 / rate */
    LOAD_AS_TOLD, /* at load_request.at_us */
    LOAD_CLOSED,  /* in_flight_max are always under way; latency counts from the sending */
};

/* Another way to the destination than one HTTP client. */
struct load_carrier {
    int (*open)(void *context, uv_loop_t *loop, struct error *err); /* 0, or -1 with `err` set */
    /* Send, copying what is given; `done` is called once, from the loop. NULL when memory is out,
     * and then it is not. */
    void *(*send)(void *context, const struct load_request *r, int64_t timeout_us, http_done *done,
                  void *done_context);
    void (*cancel)(void *call);
    void (*close)(void *context); /* also when it could not be opened */
    void *context;                /* of open, send and close */
};

struct load_stream {
    int port;                           /* on 127.0.0.1 */
    const char *socket;                 /* a unix socket instead; NULL: none */
    const struct load_carrier *carrier; /* instead of both; NULL: none. Borrowed */
    enum load_pace pace;
    double rate;            /* per second, > 0: RANDOM, EVEN */
    uint64_t seed;          /* RANDOM */
    int64_t for_us;         /* no request is planned later than this, from the beginning */
    uint32_t in_flight_max; /* 1..LOAD_IN_FLIGHT_MAX */
    int64_t timeout_us;     /* patience with one try */
    uint32_t retries;       /* of a request without an answer, or with 5xx; at once, the same key */
    size_t groups;          /* >= 1 */

    /* The next request. False: there are no more. What it points to is kept by the caller until
     * the next call of `next`. */
    bool (*next)(void *context, struct load_request *out);

    /* How many times `rate` is sent now: RANDOM, EVEN. NULL: 1. */
    double (*pace_factor)(void *context);

    /* What became of a request, once for each; `reply` is NULL when it was not sent, or cut. May be
     * NULL. */
    void (*done)(void *context, const struct load_request *r, enum load_outcome outcome,
                 const struct http_reply *reply); /* of `r`: group, id and at_us, its time */
    void *context;
};

enum {
    LOAD_IN_FLIGHT_MAX = 16384,
    LOAD_SPANS_MAX = 3000, /* of a timeline; when they are all used, each becomes twice as long */
    LOAD_SPAN_US = 100000,
};

struct load_tally {
    uint64_t planned; /* whose time has come */
    uint64_t outcome[LOAD_OUTCOMES];
    uint64_t retries;
    struct hist latency; /* of LOAD_OK, from the planned time */
    /* The longest time in which somebody waited and nobody was answered well; a refusal does not
     * end it, and where nobody waits there is none. */
    int64_t pause_us;
    int64_t quiet_us; /* since when nobody was answered while somebody waits; -1: nobody does */
    uint32_t waiting;
};

struct load_span {
    uint32_t ok, failed; /* that ended in it */
    int64_t max_us;      /* the longest latency of those */
};

struct load_result {
    struct load_tally all;
    struct load_tally *group; /* [groups] */
    size_t groups;
    struct load_span *spans; /* the timeline, from the beginning of the run */
    size_t span_count;
    int64_t span_us;
    int64_t late_us_max; /* how late we were ourselves in sending; it is in the latencies */
    uint32_t in_flight_peak;
    int64_t wall_us; /* from the beginning of the run to the last outcome */
    uint32_t in_flight;
    bool planned_all; /* nothing more is to come */
};

struct load_opts {
    const volatile sig_atomic_t *stop; /* becomes 1: no more are sent, and what is under way is
                                          given a second; may be NULL */
    /* Called several times a second with the results so far; may be NULL. */
    void (*progress)(void *context, const struct load_result *results);
    void *context;
};

/* Carry out `count` streams. results[i] is that of streams[i] and lives in `a`. 0, or -1 with `err`
 * set when it could not begin. */
int load_run(struct load_result *results, const struct load_stream *streams, size_t count,
             const struct load_opts *opts, struct arena *a, struct error *err);

/* Requests that did not come to LOAD_OK. */
uint64_t load_failed(const struct load_tally *t);

#endif
