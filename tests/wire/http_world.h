/* http_world.h - one server on a loop of its own, whose handler echoes or holds, and what became of
 * the calls that were made to it. */
#ifndef TESTS_WIRE_HTTP_WORLD_H
#define TESTS_WIRE_HTTP_WORLD_H

#include <stdio.h>

#include "base/error.h"
#include "tests/wire/http_peer.h"
#include "wire/http.h"

enum { HELD_MAX = 256 };

/* One server with a handler that echoes, or holds what comes until the test answers it. */
struct world {
    uv_loop_t loop;
    struct http_server *server;
    int port;
    bool hold;
    bool closed;
    struct http_exchange *held[HELD_MAX];
    int held_count;
};

static inline void on_request(void *context, struct http_exchange *x)
{
    struct world *w = context;
    size_t len;
    const char *body = http_body(x, &len);
    struct http_header more[] = {{"X-Method", http_method(x)}, {"X-Target", http_target(x)}};
    if (w->hold) {
        assert_true(w->held_count < HELD_MAX);
        w->held[w->held_count++] = x;
        return;
    }
    http_answer(x, 200, http_header_of(x, "content-type"), more, 2, body, len);
}

static inline void on_closed(void *context)
{
    struct world *w = context;
    w->closed = true;
}

static inline void world_open(struct world *w, const struct http_limits *limits)
{
    struct error err = {0};
    memset(w, 0, sizeof *w);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    if (http_server_tcp(&w->server, &w->loop, 0, limits, on_request, w, &err) != 0)
        fail_msg("%s", err.text);
    w->port = http_server_port(w->server);
}

static inline void world_close(struct world *w)
{
    if (w->server != NULL)
        http_server_close_then(w->server, on_closed, w);
    RUN_UNTIL(&w->loop, w->closed || w->server == NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static inline void answer_held(struct world *w, int index, const char *text)
{
    http_answer(w->held[index], 200, "text/plain", NULL, 0, text, strlen(text));
}

/* What a call came to. */
struct outcome {
    int count;
    enum http_failure failure;
    int status;
    char *body;
    size_t len;
    char header[64];
    bool inside; /* http_send is under way */
};

static inline void on_done(void *context, const struct http_reply *reply)
{
    struct outcome *o = context;
    assert_false(o->inside);
    o->count++;
    o->failure = reply->failure;
    o->status = reply->status;
    o->len = reply->len;
    free(o->body);
    o->body = malloc(reply->len + 1);
    memcpy(o->body, reply->body, reply->len + 1);
    const char *target = http_reply_header(reply, "x-target");
    snprintf(o->header, sizeof o->header, "%s", target != NULL ? target : "");
}

static inline struct http_call *ask(struct http_client *c, const char *method, const char *target,
                                    const char *body, struct outcome *o)
{
    o->inside = true;
    struct http_call *call =
        http_send(c, method, target, NULL, 0, body, strlen(body), 60000000, on_done, o);
    o->inside = false;
    return call;
}

#endif
