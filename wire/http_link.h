/* http_link.h - the inside of the client: what http_client.c and http_link.c share.
 *
 * http_client.c has the calls, their queue and their deadlines; http_link.c is one connection,
 * which carries one call at a time. A call is with a link, or in the queue, or failed and waiting
 * for the loop to say so. */
#ifndef WIRE_HTTP_LINK_H
#define WIRE_HTTP_LINK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>
#include <uv.h>

#include "wire/bytes.h"
#include "wire/delay.h"
#include "wire/http.h"
#include "wire/http_parse.h"

enum {
    HTTP_LINK_READ_BYTES = 64 << 10,
    HTTP_LINK_IDLE_MS = 30000,
    HTTP_LINK_PARKED_MAX = 64, /* closed while the line is cut, which the peer must not see yet */
    HTTP_CALLS_SPARE_MAX = 64,
};

struct http_call {
    struct http_client *client;
    struct http_link *link;            /* NULL: in the queue, or failed */
    struct http_call *prev, *next;     /* by deadline */
    struct http_call *before, *behind; /* in the queue */
    uint64_t at_ms;
    struct bytes request;
    http_done *done;
    void *context;
    enum http_failure failure; /* when it is due; HTTP_TIMEOUT unless it failed before */
    bool queued;
    bool bodiless;   /* a HEAD */
    bool harmless;   /* may be sent a second time */
    bool tried_once; /* and lost on a stale connection */
};

struct http_client {
    uv_loop_t *loop;
    uv_timer_t timer;
    uint64_t timer_ms; /* when it fires, 0: it does not */
    struct sockaddr_in port;
    struct sockaddr_un path; /* when it is a unix socket */
    char host[32];
    uint32_t links_max, link_count; /* those that are not closing */
    struct http_link *links, *parked;
    unsigned parked_count;
    struct delays *delays; /* NULL: no slow line */
    http_way *way;
    void *way_context;
    uint64_t idle_ms;                         /* a link is closed after that */
    struct http_link *idle_top, *idle_bottom; /* a stack by its `above` and `below` */
    struct http_call *soonest, *latest;
    struct http_call *queue_first, *queue_last;
    uint32_t queue_count;
    struct http_call *spare;
    unsigned spare_count;
    unsigned handles; /* not closed yet: the links' and the timer */
    bool is_unix;
    bool freed;
    char read[HTTP_LINK_READ_BYTES]; /* not cleared: what is never read costs no memory */
};

struct http_link {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct http_client *client;
    struct http_link *prev, *next;
    struct http_link *above, *below;
    struct http_call *call; /* NULL: idle */
    uint64_t idle_since_ms;
    struct http_parser parser;
    struct http_message message;
    unsigned interim_count;
    uv_connect_t connect;
    uv_write_t write;
    struct bytes flying;       /* of the request, what did not fit at once */
    struct delay_line out, in; /* of a slow line */
    struct delay_wait wait;    /* to connect, to be connected, or to be closed */
    int connected;             /* what connecting came to */
    bool is_writing;
    bool is_idle;
    bool is_full;  /* so much is in `in` that we read no more */
    bool reused;   /* it has carried a call before */
    bool answered; /* a byte came for this call */
    bool closing;
};

/* http_client.c */
void http_client_timer(struct http_client *c, uint64_t at_ms); /* fire then, or earlier */
void http_client_next(struct http_client *c); /* connect for calls that wait, as far as allowed */
struct http_call *http_client_dequeue(struct http_client *c); /* NULL: none waits */
void http_client_closed(struct http_client *c);               /* one handle less */
/* Forget the call and tell its owner; the last thing that is done with either. */
void http_call_end(struct http_call *call, const struct http_reply *reply);
void http_call_fail(struct http_call *call, enum http_failure failure);
void http_call_fail_later(struct http_call *call, enum http_failure failure); /* from the loop */

/* http_link.c */
void http_link_new(struct http_client *c, struct http_call *call); /* connect, then send */
void http_link_send(struct http_link *l, struct http_call *call);  /* on one that rests */
void http_link_close(struct http_link *l); /* its call is without a link then */
void http_link_unpark(struct http_link *l);

#endif
