/* http_peer.h - the other end of a connection, by hand: bytes out, bytes in, and how it ended; and
 * a loop that runs until something has happened. */
#ifndef TESTS_WIRE_HTTP_PEER_H
#define TESTS_WIRE_HTTP_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include <cmocka.h>

enum { PATIENCE_TICK_MS = 5, PATIENCE_TICKS = 4000 };

static int peer_ticks;

static inline void peer_on_patience(uv_timer_t *timer)
{
    (void)timer;
    peer_ticks++;
}

static inline void peer_on_timer_closed(uv_handle_t *handle)
{
    *(bool *)handle->data = true;
}

/* Run the loop until the condition holds; fail when that takes longer than anybody would wait. The
 * ticks are for UV_RUN_ONCE, which waits once more after a timer has made the condition true. */
#define RUN_UNTIL(loop, condition)                                                        \
    do {                                                                                  \
        uv_timer_t patience_;                                                             \
        bool closed_ = false;                                                             \
        peer_ticks = 0;                                                                   \
        uv_timer_init(loop, &patience_);                                                  \
        patience_.data = &closed_;                                                        \
        uv_timer_start(&patience_, peer_on_patience, PATIENCE_TICK_MS, PATIENCE_TICK_MS); \
        while (!(condition) && peer_ticks < PATIENCE_TICKS)                               \
            uv_run(loop, UV_RUN_ONCE);                                                    \
        uv_close((uv_handle_t *)&patience_, peer_on_timer_closed);                        \
        while (!closed_)                                                                  \
            uv_run(loop, UV_RUN_NOWAIT);                                                  \
        if (peer_ticks >= PATIENCE_TICKS)                                                 \
            fail_msg("line %d: waited in vain for: %s", __LINE__, #condition);            \
    } while (0)

struct peer {
    uv_tcp_t tcp;
    uv_connect_t connecting;
    uv_tcp_t listener;
    void (*on_data)(struct peer *p); /* NULL: gather only */
    void *context;
    char *in; /* all that came, a NUL behind */
    size_t len, size;
    int index; /* of those that a listener accepted */
    bool connected;
    bool ended; /* the other side is done, politely or not */
    bool reset;
    bool closed;
    bool idle; /* reads nothing */
};

static inline void peer_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct peer *p = handle->data;
    (void)suggested;
    if (p->size - p->len < 65537) {
        p->size = 2 * p->size + 65537;
        p->in = realloc(p->in, p->size);
        assert_non_null(p->in);
    }
    *buf = uv_buf_init(p->in + p->len, 65536);
}

static inline void peer_on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct peer *p = stream->data;
    (void)buf;
    if (len < 0) {
        p->ended = true;
        p->reset = len != UV_EOF;
        uv_read_stop(stream);
        return;
    }
    p->len += (size_t)len;
    p->in[p->len] = '\0';
    if (p->on_data != NULL && len > 0)
        p->on_data(p);
}

static inline void peer_on_closed(uv_handle_t *handle)
{
    struct peer *p = handle->data;
    p->closed = true;
}

static inline void peer_read(struct peer *p)
{
    assert_int_equal(uv_read_start((uv_stream_t *)&p->tcp, peer_on_alloc, peer_on_read), 0);
}

static inline void peer_on_connect(uv_connect_t *connect, int status)
{
    struct peer *p = connect->data;
    if (status == UV_ECANCELED)
        return;
    p->connected = status == 0;
    p->ended = status != 0;
    if (status == 0 && !p->idle)
        peer_read(p);
}

static inline void peer_connect(struct peer *p, uv_loop_t *loop, int port)
{
    struct sockaddr_in at;
    bool idle = p->idle;
    memset(p, 0, sizeof *p);
    p->idle = idle;
    p->in = calloc(1, 1);
    uv_tcp_init(loop, &p->tcp);
    p->tcp.data = p->connecting.data = p;
    uv_ip4_addr("127.0.0.1", port, &at);
    assert_int_equal(
        uv_tcp_connect(&p->connecting, &p->tcp, (struct sockaddr *)&at, peer_on_connect), 0);
    uv_tcp_nodelay(&p->tcp, 1);
    RUN_UNTIL(loop, p->connected || p->ended);
}

struct peer_write {
    uv_write_t write;
    char bytes[];
};

static inline void peer_on_written(uv_write_t *write, int status)
{
    (void)status;
    free(write);
}

static inline void peer_send_bytes(struct peer *p, const char *data, size_t len)
{
    struct peer_write *w = malloc(sizeof *w + len);
    assert_non_null(w);
    memcpy(w->bytes, data, len);
    uv_buf_t buf = uv_buf_init(w->bytes, (unsigned)len);
    if (uv_write(&w->write, (uv_stream_t *)&p->tcp, &buf, 1, peer_on_written) != 0)
        free(w);
}

static inline void peer_send(struct peer *p, const char *text)
{
    peer_send_bytes(p, text, strlen(text));
}

static inline void peer_hang_up(struct peer *p) /* no more bytes from here */
{
    uv_os_fd_t fd;
    assert_int_equal(uv_fileno((uv_handle_t *)&p->tcp, &fd), 0);
    shutdown(fd, SHUT_WR);
}

static inline void peer_close(struct peer *p, uv_loop_t *loop)
{
    uv_close((uv_handle_t *)&p->tcp, peer_on_closed);
    RUN_UNTIL(loop, p->closed);
    free(p->in);
    p->in = NULL;
}

/* How often `what` is in what came. */
static inline size_t peer_count(const struct peer *p, const char *what)
{
    size_t count = 0;
    for (const char *at = p->in;
         (at = memmem(at, (size_t)(p->in + p->len - at), what, strlen(what))) != NULL;
         at += strlen(what))
        count++;
    return count;
}

/* ---- the other side of a client, by hand: a listener and what it accepted ---- */

enum { HOST_PEERS_MAX = 64 };

struct host {
    uv_tcp_t listener;
    struct peer peers[HOST_PEERS_MAX];
    int count;
    int port;
    bool closed;
    void (*on_data)(struct peer *p);
    void *context;
};

static inline void host_on_connection(uv_stream_t *stream, int status)
{
    struct host *h = stream->data;
    assert_int_equal(status, 0);
    assert_true(h->count < HOST_PEERS_MAX);
    struct peer *p = &h->peers[h->count];
    memset(p, 0, sizeof *p);
    p->in = calloc(1, 1);
    p->index = h->count++;
    p->on_data = h->on_data;
    p->context = h->context;
    uv_tcp_init(stream->loop, &p->tcp);
    p->tcp.data = p;
    assert_int_equal(uv_accept(stream, (uv_stream_t *)&p->tcp), 0);
    p->connected = true;
    peer_read(p);
}

static inline void host_open(struct host *h, uv_loop_t *loop, void (*on_data)(struct peer *),
                             void *context)
{
    struct sockaddr_in at;
    int size = sizeof at;
    memset(h, 0, sizeof *h);
    h->on_data = on_data;
    h->context = context;
    uv_tcp_init(loop, &h->listener);
    h->listener.data = h;
    uv_ip4_addr("127.0.0.1", 0, &at);
    assert_int_equal(uv_tcp_bind(&h->listener, (struct sockaddr *)&at, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&h->listener, 64, host_on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&h->listener, (struct sockaddr *)&at, &size), 0);
    h->port = ntohs(at.sin_port);
}

static inline void host_on_closed(uv_handle_t *handle)
{
    struct host *h = handle->data;
    h->closed = true;
}

/* Now, from a callback as well. */
static inline void peer_drop(struct peer *p)
{
    if (!uv_is_closing((uv_handle_t *)&p->tcp))
        uv_close((uv_handle_t *)&p->tcp, peer_on_closed);
}

static inline void host_close(struct host *h, uv_loop_t *loop)
{
    uv_close((uv_handle_t *)&h->listener, host_on_closed);
    RUN_UNTIL(loop, h->closed);
    for (int i = 0; i < h->count; i++) {
        peer_drop(&h->peers[i]);
        RUN_UNTIL(loop, h->peers[i].closed);
        free(h->peers[i].in);
    }
}

#endif
