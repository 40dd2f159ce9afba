#include "wire/http_conn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- ending ---- */

static void on_closed(uv_handle_t *handle)
{
    struct http_conn *c = handle->data;
    struct http_server *s = c->server;
    http_server_bytes_return(s, &c->out);
    http_server_bytes_return(s, &c->flying);
    bytes_release(&c->unread);
    http_server_hold(s, &c->held, 0);
    free(c);
    s->counts.connections--;
    http_server_settle(s);
}

/* At once. Exchanges that run belong to the handler from here on. */
void http_conn_close(struct http_conn *c)
{
    struct http_server *s = c->server;
    if (c->closed)
        return;
    c->closed = c->ending = true;
    http_server_wait(s, &c->reads, HTTP_WAIT_NONE);
    http_server_wait(s, &c->writes, HTTP_WAIT_NONE);
    if (c->reading != NULL)
        http_server_exchange_free(s, c->reading);
    c->reading = NULL;
    while (c->first != NULL) {
        struct http_exchange *x = c->first;
        c->first = x->next;
        x->conn = NULL;
        if (x->answered)
            http_server_exchange_free(s, x);
    }
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    uv_close(&c->uv.handle, on_closed);
}

/* All is sent. A close with bytes unread would be a reset, which may overtake our last answer: say
 * that we are done, and read on until the peer is. */
static void conn_finish(struct http_conn *c)
{
    uv_os_fd_t fd;
    if (c->lingering)
        return;
    if (c->eof || uv_fileno(&c->uv.handle, &fd) != 0 || shutdown(fd, SHUT_WR) != 0) {
        http_conn_close(c);
        return;
    }
    c->lingering = true;
    http_server_wait(c->server, &c->reads, HTTP_WAIT_LINGER);
}

void http_conn_end(struct http_conn *c)
{
    c->ending = true;
    if (c->lingering || (c->first == NULL && !c->is_writing && !c->busy)) {
        http_conn_close(c);
        return;
    }
    if (c->reading != NULL)
        http_server_exchange_free(c->server, c->reading);
    c->reading = NULL;
    bytes_release(&c->unread);
    if (!c->busy)
        http_conn_settle(c);
}

/* ---- writing ---- */

static void on_written(uv_write_t *write, int status)
{
    struct http_conn *c = write->data;
    c->is_writing = false;
    if (c->closed)
        return;
    http_server_bytes_return(c->server, &c->flying);
    http_server_wait(c->server, &c->writes, HTTP_WAIT_NONE);
    if (status != 0) {
        http_conn_close(c);
        return;
    }
    http_conn_flush(c);
    http_conn_settle(c);
}

/* Write what has gathered: mostly one system call, and nothing to wait for. */
void http_conn_flush(struct http_conn *c)
{
    struct http_server *s = c->server;
    if (c->closed || c->is_writing || c->out.len == 0)
        return;
    uv_buf_t all = uv_buf_init(c->out.data, (unsigned)c->out.len);
    int written = uv_try_write(&c->uv.stream, &all, 1);
    if (written == UV_EAGAIN)
        written = 0;
    if (written < 0) {
        http_conn_close(c);
        return;
    }
    if ((size_t)written == c->out.len) {
        http_server_bytes_return(s, &c->out);
        return;
    }
    c->flying = c->out;
    c->out = (struct bytes){0};
    c->write.data = c;
    uv_buf_t rest =
        uv_buf_init(c->flying.data + written, (unsigned)c->flying.len - (unsigned)written);
    if (uv_write(&c->write, &c->uv.stream, &rest, 1, on_written) != 0) {
        http_conn_close(c);
        return;
    }
    c->is_writing = true;
    http_server_wait(s, &c->writes, HTTP_WAIT_WRITE);
    if (http_server_hold(s, &c->held, c->flying.size + c->unread.size) &&
        c->flying.size > HTTP_SMALL_BYTES) {
        s->counts.over_memory++;
        http_conn_close(c);
    }
}

static void send_continue(struct http_conn *c)
{
    c->continue_due = false;
    http_server_bytes_lend(c->server, &c->out);
    if (!bytes_add_text(&c->out, "HTTP/1.1 100 Continue\r\n\r\n"))
        http_conn_close(c);
}

/* Move the answers whose turn it is behind what goes out. */
void http_conn_advance(struct http_conn *c)
{
    while (c->first != NULL && c->first->answered) {
        struct http_exchange *x = c->first;
        if (x->answer.len > 0) {
            http_server_bytes_lend(c->server, &c->out);
            if (!bytes_add(&c->out, x->answer.data, x->answer.len)) {
                http_conn_close(c);
                return;
            }
        }
        c->first = x->next;
        if (c->first == NULL)
            c->last = NULL;
        c->waiting--;
        http_server_exchange_free(c->server, x);
    }
    if (c->first == NULL && c->continue_due)
        send_continue(c);
}

static void conn_queue(struct http_conn *c, struct http_exchange *x)
{
    x->conn = c;
    if (c->last != NULL)
        c->last->next = x;
    else
        c->first = x;
    c->last = x;
    c->waiting++;
    c->server->counts.running++;
}

/* ---- requests ---- */

/* Answer what cannot be understood, in its turn, and take nothing more. */
static void conn_refuse(struct http_conn *c, int status, const char *why)
{
    static const struct http_header allow = {"Allow",
                                             "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"};
    struct http_server *s = c->server;
    struct http_exchange *x = c->reading != NULL ? c->reading : http_server_exchange(s);
    c->reading = NULL;
    c->ending = true;
    c->continue_due = false;
    http_server_wait(s, &c->reads, HTTP_WAIT_NONE);
    if (x == NULL) {
        http_conn_close(c);
        return;
    }
    s->counts.refused++;
    x->message.http_1_0 = false;
    conn_queue(c, x);
    bytes_clear(&s->problem);
    if (!http_format_problem(&s->problem, status, why, ""))
        bytes_clear(&s->problem);
    http_answer(x, status, "application/problem+json", &allow, status == 405, s->problem.data,
                s->problem.len);
}

static void conn_deliver(struct http_conn *c)
{
    struct http_server *s = c->server;
    struct http_exchange *x = c->reading;
    c->reading = NULL;
    c->continue_due = false;
    http_server_wait(s, &c->reads, HTTP_WAIT_NONE);
    http_parser_next(&c->parser, false);
    x->bodiless = strcmp(x->message.method, "HEAD") == 0;
    if (!x->message.keep_alive)
        c->ending = true;
    conn_queue(c, x);
    s->counts.requests++;
    s->handler(s->context, x);
}

static bool conn_takes_more(const struct http_conn *c)
{
    return !c->ending && c->waiting < HTTP_PIPELINE_MAX && !c->is_writing;
}

/* Take what has come as far as it may be taken; returns how much that was. */
static size_t take_requests(struct http_conn *c, const char *data, size_t len)
{
    size_t at = 0;
    while (at < len && conn_takes_more(c)) {
        size_t used;
        if (c->reading == NULL && (c->reading = http_server_exchange(c->server)) == NULL) {
            http_conn_close(c);
            break;
        }
        enum http_step step =
            http_parser_take(&c->parser, &c->reading->message, data + at, len - at, &used);
        at += used;
        size_t body = c->reading->message.body.size;
        if (http_server_hold(c->server, &c->reading->held, body) && body > HTTP_SMALL_BYTES &&
            step != HTTP_STEP_BAD) {
            c->server->counts.over_memory++;
            conn_refuse(c, 503, "too much is held for others: come back later");
        } else if (step == HTTP_STEP_BAD) {
            conn_refuse(c, c->parser.status, c->parser.why);
        } else if (step == HTTP_STEP_DONE) {
            conn_deliver(c);
        } else if (step == HTTP_STEP_HEAD && c->reading->message.expects_continue && at == len) {
            c->continue_due = true;
            http_conn_advance(c);
        }
        if (c->out.len > HTTP_OUT_BYTES)
            http_conn_flush(c);
    }
    return at;
}

static void conn_take(struct http_conn *c, const char *data, size_t len)
{
    c->busy = true;
    size_t taken = take_requests(c, data, len);
    c->busy = false;
    if (!c->ending && taken < len && !bytes_add(&c->unread, data + taken, len - taken))
        http_conn_close(c);
    http_conn_flush(c);
    http_conn_settle(c);
}

/* The same with what had to wait. */
static void conn_resume(struct http_conn *c)
{
    struct bytes unread = c->unread;
    size_t at = c->unread_at;
    c->unread = (struct bytes){0};
    c->unread_at = 0;
    c->busy = true;
    at += take_requests(c, unread.data + at, unread.len - at);
    c->busy = false;
    if (!c->ending && at < unread.len) {
        c->unread = unread;
        c->unread_at = at;
    } else {
        bytes_release(&unread);
    }
    http_conn_flush(c);
    http_conn_settle(c);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct http_conn *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init(c->server->read, sizeof c->server->read);
}

static void conn_linger(struct http_conn *c, size_t len)
{
    c->lingered += len;
    if (c->lingered > HTTP_LINGER_BYTES)
        http_conn_close(c);
}

static void conn_eof(struct http_conn *c)
{
    c->eof = true;
    c->is_reading = false;
    if (c->lingering)
        http_conn_close(c);
    else if (!c->ending && http_parser_begun(&c->parser))
        conn_refuse(c, 400, "the request is cut off");
    c->ending = true;
    if (!c->closed)
        http_conn_settle(c);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct http_conn *c = stream->data;
    if (len == UV_EOF) {
        conn_eof(c);
    } else if (len < 0) {
        http_conn_close(c);
    } else if (len > 0) {
        if (c->ending)
            conn_linger(c, (size_t)len);
        else
            conn_take(c, buf->base, (size_t)len);
        explicit_bzero(buf->base, (size_t)len);
    }
}

/* What should happen next on this connection, whatever happened last. */
void http_conn_settle(struct http_conn *c)
{
    struct http_server *s = c->server;
    if (c->closed)
        return;
    bool idle = c->first == NULL && !c->is_writing;
    if (c->ending && idle)
        conn_finish(c);
    if (c->closed)
        return;
    bool held = c->unread.len > 0;
    http_server_hold(s, &c->held, c->out.size + c->flying.size + c->unread.size);
    /* While it ends it reads on: the peer's bytes must go somewhere, and its end is seen. */
    bool reads = !c->eof && !held && (c->ending ? c->lingering : conn_takes_more(c));
    if (reads != c->is_reading) {
        c->is_reading = reads;
        if (!reads)
            uv_read_stop(&c->uv.stream);
        else if (uv_read_start(&c->uv.stream, on_alloc, on_read) != 0) {
            http_conn_close(c);
            return;
        }
    }
    if (c->lingering)
        return;
    enum http_wait wait = HTTP_WAIT_NONE;
    if (held)
        wait = conn_takes_more(c) ? HTTP_WAIT_RESUME : HTTP_WAIT_NONE;
    else if (!reads)
        wait = HTTP_WAIT_NONE;
    else if (http_parser_in_body(&c->parser))
        wait = HTTP_WAIT_BODY;
    else if (http_parser_begun(&c->parser))
        wait = HTTP_WAIT_HEAD;
    else if (idle)
        wait = HTTP_WAIT_IDLE;
    if (wait == HTTP_WAIT_IDLE || wait != c->reads.wait)
        http_server_wait(s, &c->reads, wait);
}

void http_conn_expired(struct http_conn *c, enum http_wait wait)
{
    switch (wait) {
    case HTTP_WAIT_HEAD:
    case HTTP_WAIT_BODY:
        c->server->counts.slow++;
        conn_refuse(c, 408,
                    wait == HTTP_WAIT_HEAD ? "the head took too long" : "the body took too long");
        break;
    case HTTP_WAIT_WRITE:
        c->server->counts.slow++;
        http_conn_close(c);
        break;
    case HTTP_WAIT_RESUME:
        conn_resume(c);
        break;
    default:
        http_conn_close(c);
        break;
    }
}

/* ---- beginning ---- */

static struct http_conn *conn_start(struct http_server *s, int fd)
{
    struct http_conn *c = calloc(1, sizeof *c);
    if (c == NULL) {
        close(fd);
        return NULL;
    }
    c->server = s;
    c->reads.conn = c->writes.conn = c;
    http_parser_init(&c->parser, HTTP_KIND_REQUEST, s->limits.head_bytes_max,
                     s->limits.body_bytes_max);
    int status;
    if (s->path != NULL) {
        uv_pipe_init(s->loop, &c->uv.pipe, 0);
        status = uv_pipe_open(&c->uv.pipe, fd);
    } else {
        uv_tcp_init(s->loop, &c->uv.tcp);
        status = uv_tcp_open(&c->uv.tcp, fd);
    }
    c->uv.handle.data = c;
    c->next = s->conns;
    if (c->next != NULL)
        c->next->prev = c;
    s->conns = c;
    s->counts.connections++;
    if (status != 0) {
        close(fd);
        http_conn_close(c);
        return NULL;
    }
    return c;
}

void http_conn_new(struct http_server *s, int fd)
{
    struct http_conn *c = conn_start(s, fd);
    if (c != NULL)
        http_conn_settle(c);
}

void http_conn_over(struct http_server *s, int fd)
{
    s->counts.over_limit++;
    if (s->counts.connections >= s->limits.connections_max + HTTP_OVER_MAX) {
        close(fd);
        return;
    }
    struct http_conn *c = conn_start(s, fd);
    if (c != NULL)
        conn_refuse(c, 503, "too many connections");
}
