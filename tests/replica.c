#include "tests/replica.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

enum { FIRST_BYTES = 4096 };

struct replica_conn {
    uv_tcp_t tcp;
    struct replica *replica;
    struct replica_conn *next;
    char *in;
    size_t len, size;
    bool held;
};

struct sending {
    uv_write_t write;
    struct replica_conn *then_close;
};

static void conn_take(struct replica_conn *c);

static void conn_unlink(struct replica_conn *c)
{
    struct replica_conn **at = &c->replica->conns;
    while (*at != NULL && *at != c)
        at = &(*at)->next;
    if (*at == c)
        *at = c->next;
}

static void on_conn_closed(uv_handle_t *handle)
{
    struct replica_conn *c = handle->data;
    c->replica->handles--;
    free(c->in);
    free(c);
}

static void conn_close(struct replica_conn *c, bool reset)
{
    if (uv_is_closing((uv_handle_t *)&c->tcp))
        return;
    conn_unlink(c);
    c->replica->held -= c->held;
    if (!reset || uv_tcp_close_reset(&c->tcp, on_conn_closed) != 0)
        uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
}

/* ---- answers ---- */

static void on_sent(uv_write_t *write, int status)
{
    struct sending *s = write->data;
    (void)status;
    if (s->then_close != NULL)
        conn_close(s->then_close, false);
    free(s);
}

/* What is sent outlives the writing. */
static void conn_send(struct replica_conn *c, const char *text, size_t len, bool then_close)
{
    struct sending *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->write.data = s;
    s->then_close = then_close ? c : NULL;
    union {
        const char *in;
        char *out;
    } base = {.in = text}; /* libuv does not write to it */
    uv_buf_t buf = uv_buf_init(base.out, (unsigned)len);
    if (uv_write(&s->write, (uv_stream_t *)&c->tcp, &buf, 1, on_sent) != 0)
        free(s);
}

static void conn_answer(struct replica_conn *c)
{
    static const char small[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                "Content-Length: 3\r\n\r\n{}\n";
    const struct replica *r = c->replica;
    if (r->reply != NULL)
        conn_send(c, r->reply, r->reply_len, false);
    else
        conn_send(c, small, sizeof small - 1, false);
}

static void conn_act(struct replica_conn *c, enum replica_mode mode)
{
    static const char shed[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n"
                               "Content-Length: 5\r\n\r\nfull\n";
    static const char garbage[] = "220 mail.example.com ESMTP\r\n\r\n";
    static const char cut[] = "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nhalf of";
    switch (mode) {
    case REPLICA_ANSWERS:
        conn_answer(c);
        break;
    case REPLICA_HOLDS:
        c->held = true;
        c->replica->held++;
        break;
    case REPLICA_SHEDS:
        conn_send(c, shed, sizeof shed - 1, false);
        break;
    case REPLICA_GARBLES:
        conn_send(c, garbage, sizeof garbage - 1, false);
        break;
    case REPLICA_CUTS:
        conn_send(c, cut, sizeof cut - 1, true);
        break;
    case REPLICA_HANGS_UP:
    case REPLICA_RESETS:
        conn_close(c, mode == REPLICA_RESETS);
        break;
    }
}

/* ---- requests ---- */

const char *replica_header(const char *head, const char *name)
{
    static char value[8192];
    size_t name_len = strlen(name);
    for (const char *line = head; (line = strstr(line, "\r\n")) != NULL;) {
        line += 2;
        if (strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
            continue;
        const char *from = line + name_len + 1 + strspn(line + name_len + 1, " ");
        snprintf(value, sizeof value, "%.*s", (int)strcspn(from, "\r"), from);
        return value;
    }
    return NULL;
}

/* Our client sends one request at a time, with a length or without a body. */
static void conn_take(struct replica_conn *c)
{
    struct replica *r = c->replica;
    const char *end = c->in == NULL ? NULL : strstr(c->in, "\r\n\r\n");
    if (end == NULL)
        return;
    size_t head_len = (size_t)(end + 4 - c->in);
    char *head = strndup(c->in, head_len);
    assert_non_null(head);
    const char *length = replica_header(head, "Content-Length");
    size_t body_len = length == NULL ? 0 : (size_t)strtoul(length, NULL, 10);
    if (c->len - head_len >= body_len) {
        assert_int_equal(c->len - head_len, body_len);
        r->requests++;
        snprintf(r->head, sizeof r->head, "%s", head);
        enum replica_mode mode =
            r->judge == NULL ? r->mode : r->judge(r->context, r, head, c->in + head_len, body_len);
        c->len = 0;
        conn_act(c, mode);
    }
    free(head);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct replica_conn *c = handle->data;
    (void)suggested;
    if (c->size - c->len < FIRST_BYTES) {
        c->size = 2 * c->size + 2 * FIRST_BYTES;
        c->in = realloc(c->in, c->size);
        assert_non_null(c->in);
    }
    *buf = uv_buf_init(c->in + c->len, (unsigned)(c->size - c->len - 1));
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct replica_conn *c = stream->data;
    (void)buf;
    if (len < 0) {
        conn_close(c, false);
        return;
    }
    c->len += (size_t)len;
    c->in[c->len] = '\0';
    if (len > 0)
        conn_take(c);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct replica *r = stream->data;
    struct replica_conn *c = calloc(1, sizeof *c);
    assert_int_equal(status, 0);
    assert_non_null(c);
    c->replica = r;
    uv_tcp_init(r->loop, &c->tcp);
    c->tcp.data = c;
    r->handles++;
    c->next = r->conns;
    r->conns = c;
    assert_int_equal(uv_accept(stream, (uv_stream_t *)&c->tcp), 0);
    uv_tcp_nodelay(&c->tcp, 1);
    assert_int_equal(uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read), 0);
}

/* ---- life and death ---- */

void replica_open(struct replica *r, uv_loop_t *loop, int port)
{
    struct sockaddr_in at;
    r->loop = loop;
    r->port = port;
    r->open = true;
    uv_tcp_init(loop, &r->listener);
    r->listener.data = r;
    r->handles++;
    uv_ip4_addr("127.0.0.1", port, &at);
    if (uv_tcp_bind(&r->listener, (const struct sockaddr *)&at, 0) != 0 ||
        uv_listen((uv_stream_t *)&r->listener, 511, on_connection) != 0)
        fail_msg("port %d is taken", port);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct replica *r = handle->data;
    r->handles--;
}

void replica_kill(struct replica *r)
{
    if (!r->open)
        return;
    r->open = false;
    uv_close((uv_handle_t *)&r->listener, on_listener_closed);
    while (r->conns != NULL)
        conn_close(r->conns, true);
    while (r->handles > 0)
        uv_run(r->loop, UV_RUN_NOWAIT);
}

void replica_drop_idle(struct replica *r)
{
    for (struct replica_conn *c = r->conns, *next; c != NULL; c = next) {
        next = c->next;
        if (!c->held)
            conn_close(c, false);
    }
}

void replica_release(struct replica *r)
{
    for (struct replica_conn *c = r->conns; c != NULL; c = c->next) {
        if (!c->held)
            continue;
        c->held = false;
        r->held--;
        conn_answer(c);
    }
}
