/* request.h - the life of one request at a replica: admitted or shed, worked on, answered.
 *
 * Shared by the files of region/live alone. Everything belongs to the loop's thread, but for the
 * command that a store is working on. */
#ifndef REGION_LIVE_REQUEST_H
#define REGION_LIVE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/arena.h"
#include "base/dist.h"
#include "base/layout.h"
#include "base/rng.h"
#include "base/topo.h"
#include "region/admission.h"
#include "region/catalog.h"
#include "region/live/misdirect.h"
#include "region/live/reads.h"
#include "region/order.h"
#include "region/peers.h"
#include "region/record.h"
#include "region/target.h"
#include "wire/http.h"
#include "wire/network.h"
#include "wire/store_loop.h"

struct request;

struct upstream { /* another service of our cell */
    struct peers peers;
    struct http_client *client[TOPO_ZONES_MAX]; /* by zone; NULL where there is none */
};

struct service_counts {
    int64_t requests; /* worked on, now or before */
    int64_t shed;     /* at once, or after a wait */
    int64_t failed;   /* of the store: full, or it said no */
    int64_t finished; /* ended, well or badly */
    int64_t unwell;   /* of these, by an error that is nobody else's */
    int64_t work_us;  /* that they took, without what they waited for others and for commits */
};

struct service {
    const struct topo *topo;
    const struct topo_cell *cell;
    size_t cell_index, zone, index; /* index: into topo->services */
    enum layout_service type;
    const struct kind *kind;
    uv_loop_t loop;
    struct http_server *server;
    struct store_loop store;
    struct reads reads;
    struct network network;
    struct upstream customers, catalogs; /* for orders */
    struct admission_rules rules;        /* ticks are microseconds */
    struct admission admission;
    struct request *ready; /* those that waited and have a place now */
    struct request *spare; /* answered ones, with their memory */
    uint32_t spare_count;
    bool starting;
    struct dist work_us;         /* the service times to spend */
    struct rng rng;              /* of them */
    struct lease_server trouble; /* what faults do to us, while `troubled` */
    bool troubled;
    const char *poisoned; /* the file that says until when we are away */
    int64_t logged_us;    /* the store's last complaint */
    struct service_counts counts;
    int64_t open;                       /* requests not yet answered */
    void (*drained)(struct service *s); /* see request_drain */
    bool draining, server_closed, store_closed;
    uv_signal_t signals[2];
    uv_timer_t patience;
    struct misdirect misdirect;
    const struct service_guest *guest_opts; /* NULL: none is to be */
    void *guest;                            /* NULL: there is none, yet or any more */
};

enum { REPLY_HEADERS_MAX = 4 };

struct reply {
    int status;
    const char *text; /* the request's arena's, or a constant; NULL: none */
    size_t len;
    const char *type; /* NULL: a problem, and `text` its detail */
    struct http_header header[REPLY_HEADERS_MAX];
    size_t header_count;
};

struct route {
    const char *method;
    const char *name; /* "customers" of "/{country}/customers", "health" of "/health" */
    enum route_shape { ROUTE_BARE, ROUTE_ALL, ROUTE_ONE } shape;
    unsigned services;   /* mask by enum layout_service */
    unsigned parameters; /* mask of those it takes */
    void (*run)(struct request *r);
};

enum { PARAMETER_PAGE = 1, PARAMETER_CUSTOMER = 2, PARAMETER_WORDS = 4 };

struct request {
    struct service *service;
    struct http_exchange *exchange;
    const struct route *route;
    struct target target;
    struct arena arena;
    struct admission_item item;
    struct request *next; /* ready, read with it, or spare */
    struct reply reply;
    bool counted;               /* holds one of the replica's places */
    bool unwell;                /* it ends in an error that is nobody else's */
    int64_t left_us, away_us;   /* it waits for others since then; and has so long in all */
    int64_t wanted_until_us;    /* nobody waits longer; DEADLINE_NEVER: nobody said */
    int64_t began_us, until_us; /* work on it; not to be answered before that; 0: at once */
    bool done, stored;          /* the answer is known; the store has been asked */
    struct delay_wait wait;     /* until it may begin, or be answered */
    union {                     /* what the store is asked */
        struct record_create create;
        struct record_read read;
        struct record_list list;
        struct catalog_reserve reserve;
    } work;
    struct order_placing placing;
    const char *wanted; /* the reservation to make */
    size_t asked;       /* the zone asked last */
    uint32_t tried;     /* those that failed in this step, a bit for each */
};

/* A request that may be worked on, on this route: now, when there is a place, or not at all. */
void request_begin(struct service *s, struct http_exchange *x, const struct route *route,
                   const struct target *target);

/* Answer without a request: a problem with one more header. `sentence` is plain ASCII. */
void request_problem(struct http_exchange *x, int status, const char *header, const char *value,
                     const char *sentence);

/* Give back the memory of answered requests. */
void request_release_spare(struct service *s);

/* Take no more requests, and call `drained` once those that there are have been answered. */
void request_drain(struct service *s, void (*drained)(struct service *s));

/* Now, from the loop's clock, us. */
int64_t request_now_us(const struct service *s);

/* It waits for another service or for a commit, and goes on again: that is not its own time. */
void request_wait(struct request *r);
void request_go_on(struct request *r);

/* ---- ways to end one; each is called once for each request that runs ---- */

/* A text of ours, the whole record or page: `status` is 200 or 201. Sets ETag, and answers 304
 * where the client has it already. */
void request_answer(struct request *r, int status, const char *text);

/* The same for a new record or an old one of this id, which gets a Location. */
void request_answer_created(struct request *r, const char *plural, const char *id,
                            const char *text);

/* A problem; the sentence is copied. */
void request_refuse(struct request *r, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* 503 and Retry-After; `sentence` is a constant of plain ASCII. */
void request_refuse_later(struct request *r, const char *sentence);

/* A problem as another service put it. */
void request_pass_on(struct request *r, int status, const char *type, const char *body, size_t len);

/* What `err` says of a body. */
void request_refuse_body(struct request *r, const struct error *err);

/* The store could not do it: 503, and the next. */
void request_store_failed(struct request *r, const struct error *err);

/* Count a failure of the store, with a line in the log now and then. Ends nothing. */
void request_count_failure(struct service *s, const struct error *err);

#endif
