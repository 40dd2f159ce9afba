/* http.h - HTTP/1.1 on a libuv loop: a server and a client for 127.0.0.1 and unix sockets.
 *
 * What a request is worth is the handler's business; this module carries it. It is strict: what two
 * parsers could read in two ways (bare CR or LF, folded headers, two lengths, chunk extensions,
 * trailers, a missing or malformed Host) is refused with 400 and the connection closed. Nothing
 * here blocks, one loop does it all, and every buffer that carried a message is wiped before it is
 * used again.
 *
 * Both constructors ignore SIGPIPE for the process, for a peer may die under any write. Every
 * function, and every callback, belongs to the loop's thread. */
#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct error;

enum {
    HTTP_HEADERS_MAX = 100,         /* per message, more are 431 or garbled */
    HTTP_PIPELINE_MAX = 16,         /* requests of a connection that wait for an answer;
                                       while so many do, no more are read */
    HTTP_QUEUE_MAX = 1024,          /* calls of a client that wait for a connection */
    HTTP_REPLY_HEAD_MAX = 64 << 10, /* a larger answer is HTTP_GARBLED */
    HTTP_REPLY_BODY_MAX = 64 << 20, /* the same for its body */
};

struct http_header {
    const char *name, *value; /* NUL-terminated, borrowed */
};

/* ---- server ---- */

struct http_server;
struct http_exchange; /* one request, until it is answered */

struct http_limits {
    size_t head_bytes_max;    /* request line and headers; 0: 16 KiB */
    size_t body_bytes_max;    /* 0: 1 MiB */
    uint32_t connections_max; /* one more gets 503 and is closed; 0: 1024. On a port also from where
                                 half of the process's descriptors are used, or all but 1024 */
    size_t memory_max;        /* of all bodies and answers that are held: while there is more, large
                                 bodies get 503 and who does not read large answers is closed;
                                 0: 256 MiB */
    int64_t head_us;          /* from a head's first byte to its last, else 408; 0: 5 s */
    int64_t body_us;          /* the same for a body; 0: 10 s */
    int64_t idle_us;          /* a connection without a request is closed; 0: 60 s */
    int64_t write_us;         /* for a client to take what it asked for, else closed; 0: 10 s */
};

struct http_counts {
    uint64_t accepted;    /* connections, those over the limit included */
    uint64_t over_limit;  /* connections that got 503 or were closed at once */
    uint64_t requests;    /* given to the handler */
    uint64_t refused;     /* requests not understood or too large: 4xx, 5xx of this module */
    uint64_t slow;        /* connections closed for head_us, body_us or write_us */
    uint64_t over_memory; /* bodies and answers that memory_max cut off */
    size_t held_bytes;    /* bodies and answers that are held now */
    uint32_t connections; /* open now */
    uint32_t running;     /* exchanges that wait for http_answer now */
};

/* Called once for each whole and well-formed request. It answers `x` before it returns, or later.
 */
typedef void http_handler(void *context, struct http_exchange *x);

/* Listen on 127.0.0.1, on a port of the system's choice when `port` is 0. `limits` may be NULL and
 * is copied. 0, or -1 with `err` set: "port 20000 on 127.0.0.1: address already in use". */
int http_server_tcp(struct http_server **out, uv_loop_t *loop, int port,
                    const struct http_limits *limits, http_handler *handler, void *context,
                    struct error *err);

/* Listen on a unix socket that only its owner may open (mode 0600). A socket file that nobody
 * listens on is replaced; closing removes it. */
int http_server_unix(struct http_server **out, uv_loop_t *loop, const char *path,
                     const struct http_limits *limits, http_handler *handler, void *context,
                     struct error *err);

/* Stop listening at once and close idle connections; exchanges that run are answered, then the rest
 * is closed and the server freed, from the loop. `closed` is called then (NULL: nobody). The server
 * is not to be used any more, its exchanges are. A server that is NULL is ignored, and so is
 * `closed` with it. */
void http_server_close(struct http_server *s);
void http_server_close_then(struct http_server *s, void (*closed)(void *context), void *context);

/* The port it listens on; 0 for a unix socket. */
int http_server_port(const struct http_server *s);
const struct http_counts *http_server_counts(const struct http_server *s);

/* The request. All is borrowed until `x` is answered, and stays when the client has gone. */
const char *http_method(const struct http_exchange *x); /* GET HEAD POST PUT PATCH DELETE OPTIONS */
const char *http_target(const struct http_exchange *x); /* path?query as sent, without http://HOST
                                                           in front: begins with '/' and is
                                                           printable ASCII, %xx well formed; or
                                                           "*", of OPTIONS only */
const char *http_version(const struct http_exchange *x);                     /* "1.1", or "1.0" */
const char *http_header_of(const struct http_exchange *x, const char *name); /* any case; the
                                                           first of several; NULL: not sent */
size_t http_header_count(const struct http_exchange *x);
const struct http_header *http_header_at(const struct http_exchange *x, size_t index);
const char *http_body(const struct http_exchange *x, size_t *len); /* never NULL, a NUL behind */
bool http_gone(const struct http_exchange *x); /* the connection is lost: nobody reads the answer */

/* Answer, once, now or later; frees `x`. Answers leave in the order of the requests. Fine when the
 * client has gone. `status` is 200..599; `content_type` may be NULL; what is given is copied.
 * Headers about this connection (Connection, Content-Length, Transfer-Encoding and their kin) are
 * left out of `more`, so that a reply's headers can be passed on; a header with a bad name, or with
 * a control character in its value, turns the whole answer into a 500. A body given for HEAD, 204
 * or 304 is not sent: of HEAD `body` may be NULL, and `len` is what GET would send, SIZE_MAX when
 * that is not known. Date is added where `more` has none. */
void http_answer(struct http_exchange *x, int status, const char *content_type,
                 const struct http_header *more, size_t more_count, const void *body, size_t len);

/* Answer with application/problem+json (RFC 9457). `detail` may hold anything, and may be NULL. */
void http_problem(struct http_exchange *x, int status, const char *detail);

/* The same with headers, and with members of the object as they are to stand there: ",\"n\":1". */
void http_problem_more(struct http_exchange *x, int status, const char *detail, const char *members,
                       const struct http_header *more, size_t more_count);

/* ---- client ---- */

struct http_client; /* keep-alive connections to one destination */
struct http_call;   /* one request, until `done` is called or it is cancelled */

enum http_failure {
    HTTP_OK,      /* an answer came, whatever its status */
    HTTP_REFUSED, /* no connection */
    HTTP_RESET,   /* lost before a whole answer */
    HTTP_TIMEOUT, /* no whole answer in time */
    HTTP_GARBLED, /* the answer is not HTTP, or too large */
    HTTP_BUSY,    /* HTTP_QUEUE_MAX calls wait already */
    HTTP_UNSENT   /* the request cannot be sent: a bad method, target or header, or no memory */
};

struct http_reply { /* borrowed for the callback */
    enum http_failure failure;
    int status; /* 0 and no headers and no body, unless HTTP_OK */
    const struct http_header *headers;
    size_t header_count;
    const char *body; /* never NULL, a NUL behind */
    size_t len;
};

typedef void http_done(void *context, const struct http_reply *reply);

/* Connections are opened when they are needed, the last one used is used first, and they are closed
 * when idle for 30 s, or for as long as http_client_keep says. NULL when memory is out, or the path
 * is too long for a unix socket. */
struct http_client *http_client_new(uv_loop_t *loop, int port, uint32_t connections_max);
struct http_client *http_client_new_unix(uv_loop_t *loop, const char *path,
                                         uint32_t connections_max);

/* Keep its connections for so long, which had better be less than the server does. */
void http_client_keep(struct http_client *c, int64_t idle_us);

/* Lead its connections over a slow line: `way` says how long what leaves now, or (`back`) comes
 * now, takes in us, or DELAY_CUT. A new connection pays one round trip more. While the line is cut
 * bytes vanish both ways, connecting hangs, and nobody is told that a connection is closed.
 * `delays` and `context` outlive the client. Before the first http_send. */
struct delays;
typedef int64_t http_way(void *context, bool back);
void http_client_route(struct http_client *c, struct delays *delays, http_way *way, void *context);

/* Cancels what is under way. The loop has to run on for the handles to close. NULL is fine. */
void http_client_free(struct http_client *c);

/* Send a request; all that is given is copied. `done` is called exactly once, from the loop and
 * never from inside http_send, at most `timeout_us` from now (rounded up to a millisecond). Host
 * and Content-Length are ours; headers about the connection are left out, as in http_answer.
 *
 * A kept connection may be closed by the peer just when it is used again. If it closes before one
 * byte of an answer, the call is tried once more on a new connection, when that does no harm: GET,
 * HEAD, PUT, DELETE and OPTIONS, and whatever bears an Idempotency-Key. */
struct http_call *http_send(struct http_client *c, const char *method, const char *target,
                            const struct http_header *headers, size_t header_count,
                            const void *body, size_t len, int64_t timeout_us, http_done *done,
                            void *context);

/* `done` is not called any more. Not after it was called; NULL is fine. */
void http_cancel(struct http_call *call);

/* The first of this name, in any case; NULL: not there. */
const char *http_reply_header(const struct http_reply *reply, const char *name);

const char *http_failure_name(enum http_failure failure); /* "refused", "timeout", ... */

#endif
