#include <stdio.h>

#include "base/error.h"
#include "base/rng.h"
#include "tests/wire/http_peer.h"
#include "tests/wire/http_reference.h"
#include "tests/wire/http_seen.h"
#include "wire/http.h"
#include "wire/http_parse.h"

#define HOST    "Host: a\r\n"
#define GET     "GET / HTTP/1.1\r\n" HOST
#define POST    "POST / HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define X16     "xxxxxxxxxxxxxxxx"
#define X256    X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16
#define X2048   X256 X256 X256 X256 X256 X256 X256 X256

struct row {
    const char *claim;
    const char *bytes;
    int status; /* 200 or what it is refused with; the connection ends behind a refusal */
    size_t len; /* 0: of the string */
};

static const struct row rows[] = {
    {"plain", GET "\r\n", 200, 0},
    {"an empty line before", "\r\n" GET "\r\n", 200, 0},
    {"a body", POST "Content-Length: 2\r\n\r\nhi", 200, 0},
    {"no body for POST", POST "\r\n", 200, 0},
    {"blanks around a value", POST "Content-Length: \t 2  \r\n\r\nhi", 200, 0},
    {"a tab behind a value", GET "X: a \t\r\n\r\n", 200, 0},
    {"an empty value", GET "X:\r\n\r\n", 200, 0},
    {"chunks", CHUNKED "2\r\nhi\r\n0\r\n\r\n", 200, 0},
    {"chunks in capitals", POST "TRANSFER-ENCODING: CHUNKED\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
     200, 0},
    {"Upgrade is not taken up", GET "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", 200, 0},
    {"bytes above ASCII in a value", GET "X: \xc3\xbc\xff\r\n\r\n", 200, 0},
    {"OPTIONS of all", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 200, 0},
    {"HTTP/1.0 without a Host", "GET / HTTP/1.0\r\n\r\n", 200, 0},

    {"two equal lengths", POST "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 400, 0},
    {"two different lengths", POST "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", 400, 0},
    {"a list of lengths", POST "Content-Length: 2, 2\r\n\r\nhi", 400, 0},
    {"a length with a sign", POST "Content-Length: +2\r\n\r\nhi", 400, 0},
    {"a negative length", POST "Content-Length: -2\r\n\r\nhi", 400, 0},
    {"a hexadecimal length", POST "Content-Length: 0x2\r\n\r\nhi", 400, 0},
    {"an empty length", POST "Content-Length:\r\n\r\n", 400, 0},
    {"a length over 64 bits", POST "Content-Length: 18446744073709551618\r\n\r\nhi", 400, 0},
    {"a tab behind a length", POST "Content-Length: 2\t\r\n\r\nhi", 400, 0},
    {"blanks within a length", POST "Content-Length: 1 2\r\n\r\nhi", 400, 0},
    {"length and chunks", POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, 0},
    {"chunks and length", POST "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
     400, 0},
    {"chunks twice",
     POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 0},
    {"chunks in HTTP/1.0", "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, 0},

    {"a blank before the colon", POST "Content-Length : 2\r\n\r\nhi", 400, 0},
    {"a folded header", GET "X: a\r\n b\r\n\r\n", 400, 0},
    {"a header folded by a tab", GET "X: a\r\n\tb\r\n\r\n", 400, 0},
    {"a blank before the first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, 0},
    {"a header without a colon", GET "X\r\n\r\n", 400, 0},
    {"a header without a name", GET ": x\r\n\r\n", 400, 0},
    {"a bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400, 0},
    {"a bare LF behind the last header", GET "X: a\n\r\n", 400, 0},
    {"a bare LF at the end", GET "\n", 400, 0},
    {"a bare CR in a value", GET "X: a\rContent-Length: 9\r\n\r\n", 400, 0},
    {"CR CR LF", GET "X: a\r\r\n\r\n", 400, 0},
    {"a NUL in a value", GET "X: a\0b\r\n\r\n", 400, sizeof(GET "X: a\0b\r\n\r\n") - 1},
    {"a NUL in a name", GET "X\0: a\r\n\r\n", 400, sizeof(GET "X\0: a\r\n\r\n") - 1},
    {"a control character", GET "X: \x1b[2J\r\n\r\n", 400, 0},
    {"a quote in a name", GET "\"X\": a\r\n\r\n", 400, 0},
    {"bytes above ASCII in a name", GET "\xc3\xbc: a\r\n\r\n", 400, 0},
    {"no Host", "GET / HTTP/1.1\r\n\r\n", 400, 0},
    {"two Hosts", GET "Host: b\r\n\r\n", 400, 0},

    {"a chunk size that is no number", CHUNKED "z\r\nhi\r\n0\r\n\r\n", 400, 0},
    {"a chunk size with a prefix", CHUNKED "0x2\r\nhi\r\n0\r\n\r\n", 400, 0},
    {"a chunk size with a sign", CHUNKED "+2\r\nhi\r\n0\r\n\r\n", 400, 0},
    {"an empty chunk size", CHUNKED "\r\nhi\r\n0\r\n\r\n", 400, 0},
    {"a blank behind a chunk size", CHUNKED "2 \r\nhi\r\n0\r\n\r\n", 400, 0},
    {"a chunk size over 64 bits", CHUNKED "10000000000000002\r\nhi\r\n0\r\n\r\n", 400, 0},
    {"a chunk longer than its size", CHUNKED "1\r\nhi\r\n0\r\n\r\n", 400, 0},
    {"a chunk line that ends in LF", CHUNKED "2\nhi\r\n0\r\n\r\n", 400, 0},
    {"a chunk that ends in LF", CHUNKED "2\r\nhi\n0\r\n\r\n", 400, 0},
    {"a chunk line with CR and a byte", CHUNKED "2\rXhi\r\n0\r\n\r\n", 400, 0},
    {"a last chunk that ends in LF", CHUNKED "0\n\n", 400, 0},
    {"a chunk extension", CHUNKED "2;a=b\r\nhi\r\n0\r\n\r\n", 400, 0},
    {"a chunk extension with LF", CHUNKED "2;a\nhi\r\n0\r\n\r\n", 400, 0},
    {"a trailer", CHUNKED "0\r\nX: a\r\n\r\n", 400, 0},
    {"a trailer that is a length", CHUNKED "0\r\nContent-Length: 5\r\n\r\n", 400, 0},

    {"a coding that is not chunked", POST "Transfer-Encoding: gzip\r\n\r\n", 501, 0},
    {"chunks that are zipped", POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, 0},
    {"chunked not last", POST "Transfer-Encoding: chunked, identity\r\n\r\n", 400, 0},
    {"chunked with a control",
     POST "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n0\r\n\r\n",
     400, 0},
    {"nearly chunked", POST "Transfer-Encoding: xchunked\r\n\r\n", 501, 0},

    {"an unknown method", "BREW / HTTP/1.1\r\n" HOST "\r\n", 501, 0},
    {"a method in small letters", "get / HTTP/1.1\r\n" HOST "\r\n", 501, 0},
    {"TRACE", "TRACE / HTTP/1.1\r\n" HOST "\r\n", 405, 0},
    {"CONNECT", "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n", 405, 0},
    {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 0},
    {"HTTP/2.0", "GET / HTTP/2.0\r\n" HOST "\r\n", 505, 0},
    {"HTTP/1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", 505, 0},
    {"HTTP/0.9", "GET /\r\n\r\n", 505, 0},
    {"another protocol", "GET / ICE/1.0\r\n" HOST "\r\n", 400, 0},
    {"TLS", "\x16\x03\x01\x02", 400, 0},

    {"a target without a slash", "GET x HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"an absolute target with a user", "GET http://u@a/ HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"an absolute target of nobody", "GET http:///a HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"an absolute target in brackets", "GET http://[]/a HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"a target of another scheme", "GET https://a/ HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"a fragment behind a host", "GET http://a#b HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, 0},
    {"a Host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, 0},
    {"a Host with a blank", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, 0},
    {"a Host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400, 0},
    {"a Host that is a port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400, 0},
    {"all, for another than OPTIONS", "GET * HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"a blank in the target", "GET /a b HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"a fragment", "GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"bytes above ASCII in the target", "GET /\xc3\xbc HTTP/1.1\r\n" HOST "\r\n", 400, 0},
    {"bad escapes", "GET /%4 HTTP/1.1\r\n" HOST "\r\n", 400, 0},

    {"an expectation", POST "Expect: tea\r\nContent-Length: 2\r\n\r\nhi", 417, 0},
    {"a head too large", GET "X: " X2048 "\r\n\r\n", 431, 0},
    {"a target too long", "GET /" X2048 " HTTP/1.1\r\n" HOST "\r\n", 414, 0},
    {"a body too large", POST "Content-Length: 513\r\n\r\n", 413, 0},
    {"a chunk too large", CHUNKED "201\r\n" X256 X256 "x\r\n0\r\n\r\n", 413, 0},
    {"too many headers",
     GET "a:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\n"
         "a:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\n"
         "a:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\n"
         "a:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\n"
         "a:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\n"
         "a:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\n"
         "a:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\n"
         "a:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\na:\r\nb:\r\n\r\n",
     431, 0},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

/* ---- the parser alone ---- */

static void test_http_parser_reads_the_same_wherever_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        size_t len = rows[i].len != 0 ? rows[i].len : strlen(rows[i].bytes);
        struct seen seen;
        for (size_t split = 0; split <= len; split++) {
            seen_parse(&seen, rows[i].bytes, len, split);
            int status = seen.count == 1 && seen.status == 0 ? 200 : seen.status;
            if (status != rows[i].status || (status != 200 && seen.count != 0))
                fail_msg("%s, cut at %zu: %d requests, status %d, expected %d", rows[i].claim,
                         split, seen.count, seen.status, rows[i].status);
        }
    }
}

/* ---- smuggling: what is one request to us is one to everybody ---- */

static const char *pick(struct rng *r, const char *const *words, uint32_t count)
{
    return words[rng_below(r, count)];
}

#define PICK(r, words) pick(r, words, sizeof(words) / sizeof(words)[0])

static size_t smuggle(struct rng *r, char *out, size_t size)
{
    static const char *const targets[] = {
        "/first", "/first",         "/first",       "/first",     "/first",
        "/first", "http://a/first", "HTTP://a:1?x", "http://a.b", "http://u@a/"};
    static const char *const hosts[] = {"a", "a", "a", "a", "a", "a", "a.b:80", "", "a/b"};
    static const char *const methods[] = {"POST", "POST", "GET", "PUT", "HEAD"};
    static const char *const versions[] = {"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"};
    static const char *const names[] = {"Content-Length", "Transfer-Encoding", "Content-Length",
                                        "content-length", "Transfer-encoding", "X",
                                        "Connection",     "Content_Length",    "Host"};
    static const char *const values[] = {
        "5",     "0",    "44",       "chunked",   "chunked", "Chunked", "identity", "keep-alive",
        "close", "6, 6", "chunked,", "chunked ;", "\"5\"",   "+5",      "05"};
    static const char *const colons[] = {": ", ": ", ": ", ":", ":\t", " : ", ":  ", "::", ""};
    static const char *const ends[] = {"\r\n",   "\r\n",   "\r\n",  "\r\n",   "\r\n",    "\r\n",
                                       "\r\n",   "\r\n",   "\r\n",  "\r\n",   "\n",      "\r",
                                       "\r\r\n", "\n\r\n", "\r\n ", "\t\r\n", "\x0b\r\n"};
    static const char *const bodies[] = {
        "",
        "hello",
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n00\r\n\r\n",
        "2c\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\nX: 12345\r\n\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5;x\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "0\r\nX: y\r\n\r\n",
    };
    static const char *const seconds[] = {"", "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n",
                                          "GET /smuggled HTTP/1.1\r\nX: "};
    const char *method = PICK(r, methods);
    const char *version = PICK(r, versions);
    const char *target = PICK(r, targets);
    const char *host = PICK(r, hosts);
    int len =
        snprintf(out, size, "%s %s %s\r\nHost: %s%s", method, target, version, host, PICK(r, ends));
    for (uint32_t i = rng_below(r, 4); i > 0; i--) {
        const char *name = PICK(r, names);
        const char *colon = PICK(r, colons);
        const char *value = PICK(r, values);
        len +=
            snprintf(out + len, size - (size_t)len, "%s%s%s%s", name, colon, value, PICK(r, ends));
    }
    const char *end = PICK(r, ends);
    const char *body = PICK(r, bodies);
    len += snprintf(out + len, size - (size_t)len, "%s%s%s", end, body, PICK(r, seconds));
    return (size_t)len;
}

/* What is cut off may be refused as soon as it cannot become good any more. */
static bool same(const struct seen *seen, const struct reference *ref)
{
    if (seen->count != ref->count || (ref->end == REFERENCE_BAD && seen->status == 0) ||
        (ref->end == REFERENCE_WHOLE && (seen->status != 0 || seen->cut)))
        return false;
    for (int i = 0; i < seen->count; i++)
        if (strcmp(seen->requests[i].target, ref->requests[i].target) != 0 ||
            seen->requests[i].body_len != ref->requests[i].body_len ||
            memcmp(seen->requests[i].body, ref->requests[i].body, ref->requests[i].body_len) != 0)
            return false;
    return true;
}

static void test_http_parser_agrees_with_a_plain_reader_about_smuggling(void **state)
{
    enum { VARIANTS = 10000 };
    struct rng r;
    int refused = 0;
    int taken = 0;
    (void)state;
    rng_init(&r, 1);
    for (int i = 0; i < VARIANTS; i++) {
        char text[1024];
        struct reference ref;
        struct seen seen;
        size_t len = smuggle(&r, text, sizeof text);
        size_t split = rng_below(&r, (uint32_t)len + 1);
        reference_read(&ref, text, len);
        seen_parse(&seen, text, len, split);
        if (!same(&seen, &ref))
            fail_msg(
                "variant %d, cut at %zu: %d requests and status %d, expected %d and end %d:\n%s", i,
                split, seen.count, seen.status, ref.count, (int)ref.end, text);
        refused += seen.status != 0;
        taken += seen.count;
    }
    assert_true(refused > VARIANTS / 4);
    assert_true(taken > VARIANTS / 10);
}

/* ---- the server ---- */

struct world {
    uv_loop_t loop;
    struct http_server *server;
    int requests;
    size_t answer_bytes;
};

static void on_request(void *context, struct http_exchange *x)
{
    struct world *w = context;
    w->requests++;
    char *body = calloc(1, w->answer_bytes + 1);
    http_answer(x, 200, "text/plain", NULL, 0, body, w->answer_bytes);
    free(body);
}

static void world_open(struct world *w, const struct http_limits *limits)
{
    struct error err = {0};
    memset(w, 0, sizeof *w);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    if (http_server_tcp(&w->server, &w->loop, 0, limits, on_request, w, &err) != 0)
        fail_msg("%s", err.text);
}

static void world_close(struct world *w)
{
    http_server_close(w->server);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void test_http_server_refuses_and_closes(void **state)
{
    (void)state;
    struct http_limits limits = {.head_bytes_max = SEEN_HEAD_MAX, .body_bytes_max = REFERENCE_BODY};
    struct world w;
    world_open(&w, &limits);
    for (size_t i = 0; i < ROWS; i++) {
        struct peer p = {0};
        char expected[32];
        size_t len = rows[i].len != 0 ? rows[i].len : strlen(rows[i].bytes);
        snprintf(expected, sizeof expected, "HTTP/1.1 %d ", rows[i].status);
        peer_connect(&p, &w.loop, http_server_port(w.server));
        peer_send_bytes(&p, rows[i].bytes, len);
        RUN_UNTIL(&w.loop, peer_count(&p, "\r\n\r\n") > 0);
        if (peer_count(&p, expected) != 1)
            fail_msg("%s: expected %d, got %s", rows[i].claim, rows[i].status, p.in);
        if (rows[i].status != 200) {
            RUN_UNTIL(&w.loop, p.ended);
            assert_int_equal(peer_count(&p, "Connection: close\r\n"), 1);
            assert_int_equal(peer_count(&p, "application/problem+json"), 1);
            assert_false(p.reset);
        }
        peer_close(&p, &w.loop);
    }
    assert_int_equal(http_server_counts(w.server)->running, 0);
    world_close(&w);
}

static void test_http_server_answers_what_came_before_the_bad_one(void **state)
{
    (void)state;
    struct world w;
    struct peer p = {0};
    world_open(&w, NULL);
    peer_connect(&p, &w.loop, http_server_port(w.server));
    peer_send(&p, GET "\r\n" GET "\r\nBAD\r\n\r\n" GET "\r\n");
    RUN_UNTIL(&w.loop, p.ended);
    assert_int_equal(peer_count(&p, "HTTP/1.1 200 OK\r\n"), 2);
    assert_int_equal(peer_count(&p, "HTTP/1.1 501 Not Implemented\r\n"), 1);
    assert_int_equal(w.requests, 2);
    peer_close(&p, &w.loop);
    world_close(&w);
}

static void test_http_server_refuses_what_is_cut_off(void **state)
{
    static const char *const cut[] = {"G", GET, GET "X: a\r\n", POST "Content-Length: 5\r\n\r\nhi",
                                      CHUNKED "5\r\nhi"};
    (void)state;
    struct world w;
    world_open(&w, NULL);
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        struct peer p = {0};
        peer_connect(&p, &w.loop, http_server_port(w.server));
        peer_send(&p, cut[i]);
        uv_run(&w.loop, UV_RUN_NOWAIT);
        peer_hang_up(&p);
        RUN_UNTIL(&w.loop, p.ended);
        assert_int_equal(peer_count(&p, "HTTP/1.1 400 Bad Request\r\n"), 1);
        peer_close(&p, &w.loop);
    }
    assert_int_equal(w.requests, 0);
    world_close(&w);
}

static void test_http_server_does_not_wait_for_the_slow(void **state)
{
    static const struct {
        const char *claim, *bytes;
        const char *expected; /* NULL: closed without a word */
    } slow[] = {
        {"nothing", "", NULL},
        {"a head", GET "X: a", "HTTP/1.1 408 Request Timeout\r\n"},
        {"a body", POST "Content-Length: 5\r\n\r\nhi", "HTTP/1.1 408 Request Timeout\r\n"},
        {"a second head", GET "\r\nGET", "HTTP/1.1 408 Request Timeout\r\n"},
        {"a second request", GET "\r\n", "HTTP/1.1 200 OK\r\n"},
    };
    (void)state;
    struct http_limits limits = {.head_us = 100000, .body_us = 100000, .idle_us = 300000};
    struct world w;
    world_open(&w, &limits);
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
        struct peer p = {0};
        peer_connect(&p, &w.loop, http_server_port(w.server));
        peer_send(&p, slow[i].bytes);
        RUN_UNTIL(&w.loop, p.ended);
        if (slow[i].expected == NULL ? p.len != 0 : peer_count(&p, slow[i].expected) != 1)
            fail_msg("%s: got %s", slow[i].claim, p.in);
        peer_close(&p, &w.loop);
    }
    assert_int_equal(http_server_counts(w.server)->slow, 3);
    world_close(&w);
}

static void drip(uv_timer_t *timer)
{
    struct peer *p = timer->data;
    if (!p->ended)
        peer_send(p, "X: a\r\n");
}

/* A byte now and then does not prolong the wait. */
static void test_http_server_does_not_wait_for_drips(void **state)
{
    (void)state;
    struct http_limits limits = {.head_us = 50000};
    struct world w;
    struct peer p = {0};
    uv_timer_t timer;
    world_open(&w, &limits);
    peer_connect(&p, &w.loop, http_server_port(w.server));
    peer_send(&p, GET);
    uv_timer_init(&w.loop, &timer);
    timer.data = &p;
    uv_timer_start(&timer, drip, 5, 5);
    RUN_UNTIL(&w.loop, p.ended);
    assert_int_equal(peer_count(&p, "HTTP/1.1 408 Request Timeout\r\n"), 1);
    uv_close((uv_handle_t *)&timer, NULL);
    peer_close(&p, &w.loop);
    world_close(&w);
}

static void test_http_server_closes_on_who_does_not_read(void **state)
{
    (void)state;
    struct http_limits limits = {.write_us = 50000};
    struct world w;
    struct peer p = {.idle = true};
    world_open(&w, &limits);
    w.answer_bytes = 16 << 20;
    peer_connect(&p, &w.loop, http_server_port(w.server));
    for (int i = 0; i < 100; i++)
        peer_send(&p, GET "\r\n");
    RUN_UNTIL(&w.loop, http_server_counts(w.server)->slow == 1);
    RUN_UNTIL(&w.loop, http_server_counts(w.server)->connections == 0);
    assert_int_equal(w.requests, 1); /* no more are taken while an answer waits */
    peer_close(&p, &w.loop);
    world_close(&w);
}

/* Many bodies at once: what is held stays below the limit, small requests are served all the same.
 */
static void test_http_server_bounds_bodies_that_are_held(void **state)
{
    enum { PEERS = 12, PART = 200 << 10, MEMORY = 1 << 20 };
    static struct peer p[PEERS];
    static char part[PART];
    (void)state;
    struct http_limits limits = {.body_bytes_max = PART + 1, .memory_max = MEMORY};
    struct world w;
    struct peer small = {0};
    size_t refused = 0;
    memset(p, 0, sizeof p);
    world_open(&w, &limits);
    const struct http_counts *counts = http_server_counts(w.server);
    for (size_t i = 0; i < PEERS; i++) {
        peer_connect(&p[i], &w.loop, http_server_port(w.server));
        peer_send(&p[i], POST "Content-Length: 204801\r\n\r\n");
        peer_send_bytes(&p[i], part, PART); /* one byte is missing */
    }
    RUN_UNTIL(&w.loop, counts->over_memory >= PEERS - MEMORY / PART);
    peer_connect(&small, &w.loop, http_server_port(w.server));
    peer_send(&small, GET "\r\n");
    RUN_UNTIL(&w.loop, peer_count(&small, "HTTP/1.1 200 OK\r\n") == 1);
    assert_true(counts->held_bytes <= MEMORY + PART);
    for (size_t i = 0; i < PEERS; i++)
        if (!p[i].ended)
            peer_send(&p[i], "x");
    for (size_t i = 0; i < PEERS; i++) {
        RUN_UNTIL(&w.loop, p[i].len > 0 || p[i].ended);
        refused += peer_count(&p[i], "too much is held for others: come back later");
        peer_close(&p[i], &w.loop);
    }
    assert_int_equal(refused, counts->over_memory);
    assert_true(refused < PEERS && w.requests == (int)(PEERS - refused) + 1);
    peer_close(&small, &w.loop);
    RUN_UNTIL(&w.loop, counts->connections == 0);
    assert_int_equal(counts->held_bytes, 0);
    world_close(&w);
}

/* Many who ask for much and read nothing. */
static void test_http_server_bounds_answers_that_are_held(void **state)
{
    enum { PEERS = 20, ANSWER = 8 << 20, MEMORY = 32 << 20 };
    static struct peer p[PEERS];
    (void)state;
    struct http_limits limits = {.memory_max = MEMORY, .write_us = 60000000};
    struct world w;
    struct peer small = {0};
    memset(p, 0, sizeof p);
    world_open(&w, &limits);
    const struct http_counts *counts = http_server_counts(w.server);
    w.answer_bytes = ANSWER;
    for (size_t i = 0; i < PEERS; i++) {
        p[i].idle = true;
        peer_connect(&p[i], &w.loop, http_server_port(w.server));
        peer_send(&p[i], GET "\r\n" GET "\r\n");
        RUN_UNTIL(&w.loop, w.requests + (int)counts->over_memory > (int)i);
        assert_true(counts->held_bytes <= MEMORY + 2 * ANSWER);
    }
    RUN_UNTIL(&w.loop, counts->over_memory > 0);
    w.answer_bytes = 10;
    peer_connect(&small, &w.loop, http_server_port(w.server));
    peer_send(&small, GET "\r\n");
    RUN_UNTIL(&w.loop, peer_count(&small, "HTTP/1.1 200 OK\r\n") == 1);
    peer_close(&small, &w.loop);
    for (size_t i = 0; i < PEERS; i++)
        peer_close(&p[i], &w.loop);
    RUN_UNTIL(&w.loop, counts->connections == 0);
    assert_int_equal(counts->held_bytes, 0);
    world_close(&w);
}

static void test_http_server_survives_garbage(void **state)
{
    enum { ROUNDS = 500 };
    struct rng r;
    struct world w;
    struct http_limits limits = {.head_bytes_max = SEEN_HEAD_MAX, .body_bytes_max = REFERENCE_BODY};
    (void)state;
    rng_init(&r, 2);
    world_open(&w, &limits);
    for (int i = 0; i < ROUNDS; i++) {
        struct peer p = {0};
        char text[4096];
        size_t len = rng_below(&r, sizeof text - 256);
        size_t good = rng_below(&r, 2) == 0 ? smuggle(&r, text, 1024) : 0;
        for (size_t k = good; k < len; k++)
            text[k] = (char)rng_u64(&r);
        for (uint32_t k = rng_below(&r, 4); k > 0 && good > 0; k--)
            text[rng_below(&r, (uint32_t)good)] = (char)rng_u64(&r);
        peer_connect(&p, &w.loop, http_server_port(w.server));
        peer_send_bytes(&p, text, len > good ? len : good);
        uv_run(&w.loop, UV_RUN_NOWAIT);
        peer_hang_up(&p);
        RUN_UNTIL(&w.loop, p.ended);
        peer_close(&p, &w.loop);
    }
    RUN_UNTIL(&w.loop, http_server_counts(w.server)->connections == 0);
    struct peer p = {0};
    peer_connect(&p, &w.loop, http_server_port(w.server));
    peer_send(&p, GET "\r\n");
    RUN_UNTIL(&w.loop, peer_count(&p, "HTTP/1.1 200 OK\r\n") == 1);
    peer_close(&p, &w.loop);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_parser_reads_the_same_wherever_it_is_cut),
        cmocka_unit_test(test_http_parser_agrees_with_a_plain_reader_about_smuggling),
        cmocka_unit_test(test_http_server_refuses_and_closes),
        cmocka_unit_test(test_http_server_answers_what_came_before_the_bad_one),
        cmocka_unit_test(test_http_server_refuses_what_is_cut_off),
        cmocka_unit_test(test_http_server_does_not_wait_for_the_slow),
        cmocka_unit_test(test_http_server_does_not_wait_for_drips),
        cmocka_unit_test(test_http_server_closes_on_who_does_not_read),
        cmocka_unit_test(test_http_server_bounds_bodies_that_are_held),
        cmocka_unit_test(test_http_server_bounds_answers_that_are_held),
        cmocka_unit_test(test_http_server_survives_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
