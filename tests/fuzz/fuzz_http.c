/* fuzz_http.c - HTTP from a hostile peer, cut anywhere: to the parser, and to a server.
 *
 * The first byte says what follows: a request or a reply; the second is a seed for the cuts. The
 * parser must say the same of the bytes in pieces as of the bytes in one, and what a server writes
 * must be whole and proper answers. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/rng.h"
#include "wire/http_conn.h"

enum { HEAD_MAX = 1024, BODY_MAX = 256, TRACE_MAX = 32, FUZZ_BYTES_MAX = 16 << 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the parser said of a stream, in numbers. */
struct trace {
    uint64_t sums[TRACE_MAX];
    int count;
    int status;
};

static uint64_t sum(uint64_t before, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        before = (before ^ (unsigned char)data[i]) * 0x100000001b3;
    return before;
}

static uint64_t sum_message(const struct http_message *m)
{
    uint64_t s = sum(7, m->text.data, m->text.len);
    s = sum(s, m->body.data, m->body.len);
    for (size_t i = 0; i < m->header_count; i++) {
        assert(http_token_ok(m->headers[i].name));
        assert(strpbrk(m->headers[i].value, "\r\n") == NULL);
        assert(http_message_header(m, m->headers[i].name) != NULL);
    }
    assert(m->body.len <= BODY_MAX);
    assert(m->body.data[m->body.len] == '\0');
    return s + (uint64_t)m->status + m->keep_alive;
}

static void parse(struct trace *t, enum http_kind kind, const char *data, size_t len,
                  struct rng *cuts)
{
    static struct http_message m;
    struct http_parser p;
    size_t at = 0;
    bool done = true;
    enum http_step step = HTTP_STEP_MORE;
    *t = (struct trace){0};
    http_parser_init(&p, kind, HEAD_MAX, BODY_MAX);
    while (at < len && t->count < TRACE_MAX) {
        size_t piece = len - at;
        size_t used;
        if (cuts != NULL)
            piece = 1 + rng_below(cuts, piece < 40 ? (uint32_t)piece : 40);
        char *copy = malloc(piece); /* so that reading behind its end is found */
        assert(copy != NULL);
        memcpy(copy, data + at, piece);
        step = http_parser_take(&p, &m, copy, piece, &used);
        free(copy);
        assert(used <= piece);
        assert(step == HTTP_STEP_BAD || used > 0);
        assert(step != HTTP_STEP_MORE || used == piece);
        at += used;
        done = step == HTTP_STEP_DONE;
        if (step == HTTP_STEP_BAD)
            break;
        if (done) {
            t->sums[t->count++] = sum_message(&m);
            http_message_clear(&m);
            http_parser_next(&p, false);
        }
    }
    if (step != HTTP_STEP_BAD && !done && http_parser_end(&p, &m) == HTTP_STEP_DONE &&
        t->count < TRACE_MAX)
        t->sums[t->count++] = sum_message(&m);
    t->status = step == HTTP_STEP_BAD ? p.status : 0;
    assert(step != HTTP_STEP_BAD || (p.status >= 400 && p.why != NULL));
    http_message_release(&m);
}

/* ---- the server ---- */

struct held {
    struct http_exchange *x[HTTP_PIPELINE_MAX];
    unsigned count;
    bool hold;
};

static void answer(struct http_exchange *x)
{
    size_t len;
    const char *body = http_body(x, &len);
    struct http_header more = {"X-Target", http_target(x)};
    assert(http_target_ok(http_target(x), http_method(x)));
    http_answer(x, 200, "text/plain", &more, 1, body, len);
}

static void on_request(void *context, struct http_exchange *x)
{
    struct held *h = context;
    if (h->hold && h->count < HTTP_PIPELINE_MAX)
        h->x[h->count++] = x;
    else
        answer(x);
}

/* What comes back is a row of answers, the last one perhaps cut off by our going. */
static void check_answers(struct bytes *in)
{
    static struct http_message m;
    struct http_parser p;
    size_t at = 0;
    http_parser_init(&p, HTTP_KIND_REPLY, HTTP_REPLY_HEAD_MAX, 1 << 20);
    while (at < in->len) {
        size_t used;
        enum http_step step = http_parser_take(&p, &m, in->data + at, in->len - at, &used);
        /* The length that a HEAD is answered with has no body; we asked, and need not know. */
        if (step == HTTP_STEP_BAD)
            break;
        at += used;
        if (step == HTTP_STEP_DONE) {
            assert(m.status == 100 || m.status == 200 || m.status >= 400);
            http_message_clear(&m);
            http_parser_next(&p, false);
        }
    }
    assert(at == in->len || memmem(in->data, in->len, "\r\nX-Target", 10) != NULL);
    http_message_release(&m);
}

static void drain(int fd, struct bytes *in)
{
    char buf[4096];
    ssize_t n;
    while ((n = recv(fd, buf, sizeof buf, MSG_DONTWAIT)) > 0)
        assert(bytes_add(in, buf, (size_t)n));
}

static void serve(const char *data, size_t len, struct rng *cuts)
{
    static uv_loop_t loop;
    static struct http_server *server;
    static struct held held;
    static const struct http_limits limits = {.head_bytes_max = HEAD_MAX,
                                              .body_bytes_max = BODY_MAX};
    struct error err = {0};
    struct bytes in = {0};
    int ends[2];
    if (server == NULL) {
        int status = uv_loop_init(&loop);
        assert(status == 0);
        status = http_server_tcp(&server, &loop, 0, &limits, on_request, &held, &err);
        assert(status == 0);
    }
    held.hold = rng_below(cuts, 2) == 0;
    int status = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
    assert(status == 0);
    http_conn_new(server, ends[0]);
    for (size_t at = 0; at < len;) {
        size_t piece = 1 + rng_below(cuts, (uint32_t)(len - at));
        ssize_t sent = send(ends[1], data + at, piece, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            break;
        at += sent > 0 ? (size_t)sent : 0;
        uv_run(&loop, UV_RUN_NOWAIT);
        drain(ends[1], &in);
        while (held.count > 0 && (rng_below(cuts, 3) == 0 || held.count == HTTP_PIPELINE_MAX))
            answer(held.x[--held.count]);
    }
    shutdown(ends[1], SHUT_WR);
    while (held.count > 0)
        answer(held.x[--held.count]);
    held.hold = false;
    while (http_server_counts(server)->connections > 0) {
        uv_run(&loop, UV_RUN_NOWAIT);
        drain(ends[1], &in);
    }
    drain(ends[1], &in);
    assert(http_server_counts(server)->running == 0);
    check_answers(&in);
    bytes_release(&in);
    close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rng cuts;
    struct trace whole;
    struct trace pieces;
    if (size < 2 || size > FUZZ_BYTES_MAX)
        return 0;
    enum http_kind kind = data[0] & 1 ? HTTP_KIND_REPLY : HTTP_KIND_REQUEST;
    const char *text = (const char *)data + 2;
    rng_init(&cuts, data[1]);
    parse(&whole, kind, text, size - 2, NULL);
    parse(&pieces, kind, text, size - 2, &cuts);
    assert(whole.count == pieces.count);
    assert(whole.status == pieces.status);
    assert(memcmp(whole.sums, pieces.sums, sizeof whole.sums) == 0);
    if (kind == HTTP_KIND_REQUEST)
        serve(text, size - 2, &cuts);
    return 0;
}
