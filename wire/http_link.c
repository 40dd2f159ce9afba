#include "wire/http_link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/clock.h"

enum { INTERIM_MAX = 8, HELD_BYTES_MAX = 256 << 10 };

/* ---- idle links are a stack ---- */

static void idle_push(struct http_link *l)
{
    struct http_client *c = l->client;
    l->is_idle = true;
    l->idle_since_ms = uv_now(c->loop);
    l->below = c->idle_top;
    l->above = NULL;
    if (c->idle_top != NULL)
        c->idle_top->above = l;
    else
        c->idle_bottom = l;
    c->idle_top = l;
    http_client_timer(c, l->idle_since_ms + c->idle_ms);
}

static void idle_remove(struct http_link *l)
{
    struct http_client *c = l->client;
    if (!l->is_idle)
        return;
    l->is_idle = false;
    if (l->above != NULL)
        l->above->below = l->below;
    else
        c->idle_top = l->below;
    if (l->below != NULL)
        l->below->above = l->above;
    else
        c->idle_bottom = l->above;
    l->above = l->below = NULL;
}

/* ---- a slow line ---- */

static int64_t way_out(void *context)
{
    const struct http_client *c = ((struct http_link *)context)->client;
    return c->way(c->way_context, false);
}

static int64_t way_in(void *context)
{
    const struct http_client *c = ((struct http_link *)context)->client;
    return c->way(c->way_context, true);
}

static bool is_cut(struct http_link *l)
{
    return l->client->delays != NULL && (way_out(l) == DELAY_CUT || way_in(l) == DELAY_CUT);
}

/* Try `due` again when the line may be whole. */
static bool look_later(struct http_link *l, void (*due)(struct delay_wait *w))
{
    l->wait.due = due;
    return delay_wait(l->client->delays, &l->wait, clock_us() + DELAY_LOOK_US);
}

static struct http_link *link_of(struct delay_wait *w)
{
    return (struct http_link *)((char *)w - offsetof(struct http_link, wait));
}

/* ---- ending ---- */

static void on_closed(uv_handle_t *handle)
{
    struct http_link *l = handle->data;
    struct http_client *c = l->client;
    http_message_release(&l->message);
    bytes_release(&l->flying);
    free(l);
    http_client_closed(c);
}

void http_link_unpark(struct http_link *l)
{
    struct http_client *c = l->client;
    delay_wait_not(c->delays, &l->wait);
    if (l->prev != NULL)
        l->prev->next = l->next;
    else
        c->parked = l->next;
    if (l->next != NULL)
        l->next->prev = l->prev;
    c->parked_count--;
    uv_close(&l->uv.handle, on_closed);
}

static void on_parked(struct delay_wait *w)
{
    struct http_link *l = link_of(w);
    if (!is_cut(l) || !look_later(l, on_parked))
        http_link_unpark(l);
}

/* Close it for us, but keep what the peer sees of it until the line is whole again. */
static bool park(struct http_link *l)
{
    struct http_client *c = l->client;
    if (c->freed || c->parked_count == HTTP_LINK_PARKED_MAX || !is_cut(l) ||
        !look_later(l, on_parked))
        return false;
    uv_read_stop(&l->uv.stream);
    l->prev = NULL;
    l->next = c->parked;
    if (l->next != NULL)
        l->next->prev = l;
    c->parked = l;
    c->parked_count++;
    return true;
}

void http_link_close(struct http_link *l)
{
    struct http_client *c = l->client;
    if (l->closing)
        return;
    l->closing = true;
    if (c->delays != NULL) {
        delay_line_clear(&l->out);
        delay_line_clear(&l->in);
        delay_wait_not(c->delays, &l->wait);
    }
    idle_remove(l);
    if (l->call != NULL)
        l->call->link = NULL;
    l->call = NULL;
    if (l->prev != NULL)
        l->prev->next = l->next;
    else
        c->links = l->next;
    if (l->next != NULL)
        l->next->prev = l->prev;
    c->link_count--;
    if (!park(l))
        uv_close(&l->uv.handle, on_closed);
}

static void link_fail(struct http_link *l, enum http_failure failure)
{
    struct http_client *c = l->client;
    struct http_call *call = l->call;
    http_link_close(l);
    http_client_next(c);
    if (call != NULL)
        http_call_fail(call, failure);
}

/* The connection was lost. When it had been kept and nothing came back, the peer has most likely
 * closed it before the request arrived. */
static void link_lost(struct http_link *l)
{
    struct http_call *call = l->call;
    if (call == NULL || !l->reused || l->answered || !call->harmless || call->tried_once) {
        link_fail(l, HTTP_RESET);
        return;
    }
    struct http_client *c = l->client;
    http_link_close(l);
    call->tried_once = true;
    http_link_new(c, call);
}

/* ---- the answer ---- */

/* Free for the next call. */
static void link_rest(struct http_link *l)
{
    struct http_call *next = http_client_dequeue(l->client);
    if (next != NULL)
        http_link_send(l, next);
    else
        idle_push(l);
}

/* The next call may go out before this one is told: its answer cannot come before we read again,
 * so the message stays as it is until `done` returns. */
static void link_answered(struct http_link *l, bool reusable)
{
    struct http_client *c = l->client;
    struct http_call *call = l->call;
    struct http_reply reply = {
        .failure = HTTP_OK,
        .status = l->message.status,
        .headers = l->message.headers,
        .header_count = l->message.header_count,
        .body = l->message.body.data,
        .len = l->message.body.len,
    };
    l->call = NULL;
    call->link = NULL;
    l->reused = true;
    if (reusable && l->message.keep_alive && !l->is_writing) {
        link_rest(l);
    } else {
        http_link_close(l);
        http_client_next(c);
    }
    http_call_end(call, &reply);
    http_message_clear(&l->message);
}

static void link_take(struct http_link *l, const char *data, size_t len)
{
    size_t at = 0;
    l->answered = true;
    while (at < len) {
        size_t used;
        enum http_step step = http_parser_take(&l->parser, &l->message, data + at, len - at, &used);
        at += used;
        if (step == HTTP_STEP_BAD) {
            link_fail(l, HTTP_GARBLED);
            return;
        }
        if (step != HTTP_STEP_DONE)
            continue;
        if (l->message.status >= 200) {
            link_answered(l, at == len);
            return;
        }
        if (++l->interim_count > INTERIM_MAX) {
            link_fail(l, HTTP_GARBLED);
            return;
        }
        http_message_clear(&l->message);
        http_parser_next(&l->parser, l->call->bodiless);
    }
}

static void link_eof(struct http_link *l)
{
    if (l->call != NULL && http_parser_in_body(&l->parser) &&
        http_parser_end(&l->parser, &l->message) == HTTP_STEP_DONE)
        link_answered(l, false);
    else
        link_lost(l);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct http_link *l = handle->data;
    (void)suggested;
    *buf = uv_buf_init(l->client->read, sizeof l->client->read);
}

/* Bytes have come, or (`code`) the end. */
static void link_heard(struct http_link *l, const char *data, size_t len, int code)
{
    if (code == UV_EOF)
        link_eof(l);
    else if (code < 0)
        link_lost(l);
    else if (l->call == NULL)
        link_fail(l, HTTP_GARBLED); /* bytes that nobody asked for */
    else
        link_take(l, data, len);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf);

/* The same by the slow line. */
static void on_arrived(void *context, const void *data, size_t len, int code)
{
    struct http_link *l = context;
    if (l->is_full && delay_line_held(&l->in) < HELD_BYTES_MAX / 2) {
        l->is_full = false;
        if (uv_read_start(&l->uv.stream, on_alloc, on_read) != 0)
            code = UV_ECONNRESET;
    }
    link_heard(l, data, len, code);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct http_link *l = stream->data;
    size_t bytes = len > 0 ? (size_t)len : 0;
    int code = len < 0 ? (int)len : 0;
    if (len == 0 || l->closing)
        return;
    if (l->client->delays == NULL || !delay_line_needed(&l->in)) {
        link_heard(l, buf->base, bytes, code);
    } else if (!delay_line_put(&l->in, buf->base, bytes, code)) {
        link_lost(l);
    } else if (delay_line_held(&l->in) >= HELD_BYTES_MAX && !l->is_full) {
        l->is_full = true;
        uv_read_stop(stream);
    }
    if (bytes > 0)
        explicit_bzero(buf->base, bytes);
}

/* ---- the request ---- */

/* A write that fails says nothing: the peer may have answered before it closed. Reading tells. */
static void on_written(uv_write_t *write, int status)
{
    struct http_link *l = write->data;
    (void)status;
    l->is_writing = false;
    bytes_clear(&l->flying);
}

/* False when memory is out. */
static bool link_write(struct http_link *l, const char *data, size_t len)
{
    uv_buf_t all = uv_buf_init((char *)data, (unsigned)len);
    int written = uv_try_write(&l->uv.stream, &all, 1);
    if (written < 0 && written != UV_EAGAIN)
        return true;
    size_t done = written < 0 ? 0 : (size_t)written;
    if (done == len)
        return true;
    /* A copy: the call may end before the write does. */
    if (!bytes_add(&l->flying, data + done, len - done))
        return false;
    l->write.data = l;
    uv_buf_t rest = uv_buf_init(l->flying.data, (unsigned)l->flying.len);
    l->is_writing = uv_write(&l->write, &l->uv.stream, &rest, 1, on_written) == 0;
    return true;
}

/* It has come to the end of the slow line. */
static void on_sent(void *context, const void *data, size_t len, int code)
{
    struct http_link *l = context;
    if (code != 0 || !link_write(l, data, len))
        link_lost(l);
}

void http_link_send(struct http_link *l, struct http_call *call)
{
    idle_remove(l);
    l->call = call;
    call->link = l;
    l->answered = false;
    l->interim_count = 0;
    http_parser_next(&l->parser, call->bodiless);
    bool slow = l->client->delays != NULL && delay_line_needed(&l->out);
    if (slow ? delay_line_put(&l->out, call->request.data, call->request.len, 0)
             : link_write(l, call->request.data, call->request.len))
        return;
    http_link_close(l);
    http_call_fail_later(call, HTTP_UNSENT);
}

/* ---- beginning ---- */

static void link_ready(struct http_link *l)
{
    if (l->connected != 0 || uv_read_start(&l->uv.stream, on_alloc, on_read) != 0)
        link_fail(l, l->call->tried_once ? HTTP_RESET : HTTP_REFUSED);
    else
        http_link_send(l, l->call);
}

static void on_round_trip(struct delay_wait *w)
{
    struct http_link *l = link_of(w);
    if (!is_cut(l) || !look_later(l, on_round_trip))
        link_ready(l);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct http_link *l = connect->data;
    if (l->closing)
        return;
    l->connected = status;
    if (l->client->delays == NULL) {
        link_ready(l);
        return;
    }
    int64_t there_us = way_out(l), back_us = way_in(l);
    bool cut = there_us == DELAY_CUT || back_us == DELAY_CUT;
    int64_t after_us = cut ? DELAY_LOOK_US : there_us + back_us;
    l->wait.due = on_round_trip;
    if (after_us == 0 || !delay_wait(l->client->delays, &l->wait, clock_us() + after_us))
        link_ready(l);
}

static int link_connect(struct http_link *l)
{
    return uv_tcp_connect(&l->connect, &l->uv.tcp, (const struct sockaddr *)&l->client->port,
                          on_connected);
}

static void on_look(struct delay_wait *w)
{
    struct http_link *l = link_of(w);
    if (is_cut(l) && look_later(l, on_look))
        return;
    if (link_connect(l) != 0)
        link_fail(l, l->call->tried_once ? HTTP_RESET : HTTP_REFUSED);
}

static void init_lines(struct http_link *l)
{
    struct delays *delays = l->client->delays;
    l->out = (struct delay_line){.delays = delays, .way = way_out, .out = on_sent, .context = l};
    l->in = (struct delay_line){.delays = delays, .way = way_in, .out = on_arrived, .context = l};
}

void http_link_new(struct http_client *c, struct http_call *call)
{
    enum http_failure failure = call->tried_once ? HTTP_RESET : HTTP_REFUSED;
    struct http_link *l = calloc(1, sizeof *l);
    if (l == NULL) {
        http_call_fail_later(call, failure);
        return;
    }
    l->client = c;
    l->call = call;
    call->link = l;
    l->connect.data = l;
    l->next = c->links;
    if (l->next != NULL)
        l->next->prev = l;
    c->links = l;
    c->link_count++;
    c->handles++;
    http_parser_init(&l->parser, HTTP_KIND_REPLY, HTTP_REPLY_HEAD_MAX, HTTP_REPLY_BODY_MAX);
    int status = 0;
    if (c->is_unix) {
        uv_pipe_init(c->loop, &l->uv.pipe, 0);
        uv_pipe_connect(&l->connect, &l->uv.pipe, c->path.sun_path, on_connected);
    } else {
        uv_tcp_init(c->loop, &l->uv.tcp);
        uv_tcp_nodelay(&l->uv.tcp, 1);
        init_lines(l);
        status = is_cut(l) && look_later(l, on_look) ? 0 : link_connect(l);
    }
    l->uv.handle.data = l;
    if (status != 0) {
        http_link_close(l);
        http_call_fail_later(call, failure);
    }
}
