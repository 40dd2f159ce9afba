/* http_conn.h - the inside of the server: what http_server.c and http_conn.c share.
 *
 * http_server.c listens, accepts, keeps the deadlines and ends; http_conn.c is one connection, from
 * its first byte to its last; http_exchange.c is what the handlers see. An exchange belongs to its
 * connection until it is answered or the connection is gone; from then on only to the handler. */
#ifndef WIRE_HTTP_CONN_H
#define WIRE_HTTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "wire/bytes.h"
#include "wire/http.h"
#include "wire/http_format.h"
#include "wire/http_parse.h"

enum {
    HTTP_READ_BYTES = 64 << 10, /* one read, into the server's own buffer */
    HTTP_OUT_BYTES = 256 << 10, /* answers gathered before they are written */
    HTTP_LINGER_MS = 2000,      /* to let the peer read our last answer before a reset kills it */
    HTTP_LINGER_BYTES = 4 << 20,
    HTTP_ACCEPT_PAUSE_MS = 100, /* when descriptors are used up */
    HTTP_OVER_MAX = 64,         /* connections over the limit that get an answer */
    HTTP_SPARE_MAX = 64,
    HTTP_SMALL_BYTES = 64 << 10, /* bodies and answers up to this pass however much is held */
};

/* What a connection waits for. The deadline of each kind is a fixed time from its start, so each
 * kind is a list that is sorted by itself, and one timer serves them all. */
enum http_wait {
    HTTP_WAIT_NONE,
    HTTP_WAIT_HEAD,
    HTTP_WAIT_BODY,
    HTTP_WAIT_IDLE,
    HTTP_WAIT_WRITE,
    HTTP_WAIT_LINGER,
    HTTP_WAIT_RESUME, /* nothing: go on from the loop */
    HTTP_WAIT_ACCEPT,
    HTTP_WAITS
};

struct http_deadline { /* all zero waits for nothing */
    struct http_deadline *prev, *next;
    uint64_t at_ms;
    enum http_wait wait;
    struct http_conn *conn; /* NULL: the listener */
};

struct http_exchange {
    struct http_server *server;
    struct http_conn *conn; /* NULL: gone */
    struct http_exchange *next;
    struct http_message message;
    struct bytes answer; /* when others have to be answered before */
    size_t held;         /* of the two, as counted */
    bool answered;
    bool bodiless;
};

struct http_server {
    uv_loop_t *loop;
    uv_poll_t listener;
    uv_timer_t timer;
    uint64_t timer_ms; /* when it fires, 0: it does not */
    int fd;
    int port;
    char *path;
    struct http_limits limits;
    uint64_t wait_ms[HTTP_WAITS];
    struct http_deadline waits[HTTP_WAITS]; /* heads of rings */
    struct http_deadline accept_wait;
    http_handler *handler;
    void *context;
    struct http_conn *conns;
    struct http_exchange *spare;
    unsigned spare_count;
    struct bytes spare_bytes[HTTP_SPARE_MAX];
    unsigned spare_bytes_count;
    struct http_date date;
    struct bytes problem;
    struct http_counts counts;
    unsigned handles; /* of our own that are not closed yet */
    bool closing;
    void (*closed)(void *context);
    void *closed_context;
    char read[HTTP_READ_BYTES]; /* not cleared: what is never read costs no memory */
};

struct http_conn {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct http_server *server;
    struct http_conn *prev, *next;
    struct http_parser parser;
    struct http_exchange *reading;      /* being received */
    struct http_exchange *first, *last; /* whole, in order, unanswered or behind such */
    unsigned waiting;                   /* of those */
    struct bytes unread;                /* came behind more requests than may wait */
    size_t unread_at;
    struct bytes out;    /* to be written */
    struct bytes flying; /* being written */
    uv_write_t write;
    struct http_deadline reads, writes;
    size_t lingered;
    size_t held;     /* in its own buffers, as counted */
    bool busy;       /* inside conn_take: it flushes at its end */
    bool is_reading; /* libuv is */
    bool is_writing; /* `flying` is */
    bool ending;     /* no more requests are taken */
    bool eof;        /* the peer will not send more */
    bool lingering;  /* all is sent, the peer may still read */
    bool closed;
    bool continue_due; /* 100 Continue, when it is its turn */
};

/* http_server.c */
void http_server_wait(struct http_server *s, struct http_deadline *d, enum http_wait wait);
void http_server_settle(struct http_server *s); /* free it if it is closed and nothing is left */
struct http_exchange *http_server_exchange(struct http_server *s); /* NULL: no memory */
void http_server_exchange_free(struct http_server *s, struct http_exchange *x);
/* Count what is held now in the place of what was; true when there is too much in all. */
bool http_server_hold(struct http_server *s, size_t *held, size_t now);
void http_server_bytes_lend(struct http_server *s, struct bytes *b);
void http_server_bytes_return(struct http_server *s, struct bytes *b);

/* http_conn.c */
void http_conn_new(struct http_server *s, int fd);
void http_conn_over(struct http_server *s, int fd); /* one too many: 503 */
void http_conn_end(struct http_conn *c);            /* answer what runs, then close */
void http_conn_close(struct http_conn *c);          /* now; what runs is the handlers' from here */
void http_conn_expired(struct http_conn *c, enum http_wait wait);
void http_conn_advance(struct http_conn *c); /* gather the answers whose turn it is */
void http_conn_flush(struct http_conn *c);   /* write what has gathered */
void http_conn_settle(struct http_conn *c);  /* what is next, whatever happened last */

#endif
