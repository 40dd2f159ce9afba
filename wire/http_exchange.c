#include <assert.h>
#include <string.h>

#include "wire/http_conn.h"

/* ---- what a handler asks of its request ---- */

const char *http_method(const struct http_exchange *x)
{
    return x->message.method;
}

const char *http_target(const struct http_exchange *x)
{
    return x->message.text.data + x->message.target_at;
}

const char *http_version(const struct http_exchange *x)
{
    return x->message.http_1_0 ? "1.0" : "1.1";
}

const char *http_header_of(const struct http_exchange *x, const char *name)
{
    return http_message_header(&x->message, name);
}

size_t http_header_count(const struct http_exchange *x)
{
    return x->message.header_count;
}

const struct http_header *http_header_at(const struct http_exchange *x, size_t index)
{
    assert(index < x->message.header_count);
    return &x->message.headers[index];
}

const char *http_body(const struct http_exchange *x, size_t *len)
{
    *len = x->message.body.len;
    return x->message.body.data;
}

bool http_gone(const struct http_exchange *x)
{
    return x->conn == NULL;
}

/* ---- answers ---- */

static enum http_format format(struct http_exchange *x, struct bytes *out, int status,
                               const char *content_type, const struct http_header *more,
                               size_t more_count, const void *body, size_t len)
{
    struct http_conn *c = x->conn;
    bool closes = c->ending && c->last == x;
    struct http_manner manner = {
        .date = &x->server->date,
        .close = closes,
        .keep_alive = x->message.http_1_0 && !closes,
        .bodiless = x->bodiless,
    };
    return http_format_answer(out, &manner, status, content_type, more, more_count, body, len);
}

void http_answer(struct http_exchange *x, int status, const char *content_type,
                 const struct http_header *more, size_t more_count, const void *body, size_t len)
{
    static const char sorry[] = "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\","
                                "\"status\":500,\"detail\":\"the answer had a bad header\"}\n";
    struct http_server *s = x->server;
    struct http_conn *c = x->conn;
    assert(!x->answered);
    assert(status >= 200 && status <= 599);
    s->counts.running--;
    if (c == NULL) {
        http_server_exchange_free(s, x);
        http_server_settle(s);
        return;
    }
    struct bytes *out = c->first == x ? &c->out : &x->answer;
    http_server_bytes_lend(s, out);
    enum http_format result = format(x, out, status, content_type, more, more_count, body, len);
    if (result == HTTP_FORMAT_BAD)
        result = format(x, out, 500, "application/problem+json", NULL, 0, sorry, sizeof sorry - 1);
    x->answered = true;
    if (http_server_hold(s, &x->held, x->message.body.size + x->answer.size) &&
        x->answer.size > HTTP_SMALL_BYTES) {
        s->counts.over_memory++;
        result = HTTP_FORMAT_MEMORY;
    }
    if (result != HTTP_FORMAT_OK) {
        http_conn_close(c);
        return;
    }
    http_conn_advance(c);
    if (!c->busy) {
        http_conn_flush(c);
        http_conn_settle(c);
    }
}

void http_problem(struct http_exchange *x, int status, const char *detail)
{
    http_problem_more(x, status, detail, "", NULL, 0);
}

void http_problem_more(struct http_exchange *x, int status, const char *detail, const char *members,
                       const struct http_header *more, size_t more_count)
{
    struct bytes *problem = &x->server->problem;
    bytes_clear(problem);
    if (!http_format_problem(problem, status, detail, members))
        bytes_clear(problem);
    http_answer(x, status, "application/problem+json", more, more_count, problem->data,
                problem->len);
}
