#include <stdio.h>

#include "base/error.h"
#include "tests/wire/http_peer.h"
#include "wire/http.h"

/* A client, and a host whose answers are scripted: each whole request head that a connection gets
 * is answered by the script's line for (connection, request on it). */
struct script {
    const char *answer; /* NULL: none */
    bool closes;
};

enum { SCRIPT_PEERS = 4, SCRIPT_REQUESTS = 4, SLOW_US = 10000000 };

struct world {
    uv_loop_t loop;
    struct host host;
    struct http_client *client;
    struct script script[SCRIPT_PEERS][SCRIPT_REQUESTS];
    int seen[HOST_PEERS_MAX]; /* requests by connection */
    int all_seen;
};

struct outcome {
    int count;
    enum http_failure failure;
    int status;
    char body[128];
    bool inside;
    struct world *again; /* free this client inside done */
};

#define OK_BODY(text, length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" text

static void on_data(struct peer *p)
{
    struct world *w = p->context;
    int whole = (int)peer_count(p, "\r\n\r\n");
    while (w->seen[p->index] < whole) {
        int request = w->seen[p->index]++;
        w->all_seen++;
        if (p->index >= SCRIPT_PEERS || request >= SCRIPT_REQUESTS)
            continue;
        const struct script *s = &w->script[p->index][request];
        if (s->answer != NULL) {
            uv_buf_t buf = uv_buf_init((char *)(uintptr_t)s->answer, (unsigned)strlen(s->answer));
            assert_int_equal(uv_try_write((uv_stream_t *)&p->tcp, &buf, 1), (int)buf.len);
        }
        if (s->closes)
            peer_drop(p);
    }
}

static void on_done(void *context, const struct http_reply *reply)
{
    struct outcome *o = context;
    assert_false(o->inside);
    o->count++;
    o->failure = reply->failure;
    o->status = reply->status;
    assert_int_equal(reply->body[reply->len], '\0');
    snprintf(o->body, sizeof o->body, "%s", reply->body);
    if (o->again != NULL) {
        http_client_free(o->again->client);
        o->again->client = NULL;
    }
}

static struct http_call *ask(struct world *w, const char *method, const struct http_header *header,
                             int64_t timeout_us, struct outcome *o)
{
    o->inside = true;
    struct http_call *call =
        http_send(w->client, method, "/", header, header != NULL, "", 0, timeout_us, on_done, o);
    o->inside = false;
    return call;
}

static void world_open(struct world *w, uint32_t connections_max)
{
    memset(w, 0, sizeof *w);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    host_open(&w->host, &w->loop, on_data, w);
    w->client = http_client_new(&w->loop, w->host.port, connections_max);
    assert_non_null(w->client);
}

static void world_close(struct world *w)
{
    http_client_free(w->client);
    host_close(&w->host, &w->loop);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void test_http_client_reads_what_servers_say(void **state)
{
    static const struct {
        const char *claim, *method, *answer;
        bool closes;
        enum http_failure failure;
        int status;
        const char *body;
    } rows[] = {
        {"a length", "GET", OK_BODY("abc", "3"), false, HTTP_OK, 200, "abc"},
        {"chunks", "GET",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
         false, HTTP_OK, 200, "abc"},
        {"until the end", "GET", "HTTP/1.1 200 OK\r\n\r\nabc", true, HTTP_OK, 200, "abc"},
        {"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc", false, HTTP_OK, 200,
         "abc"},
        {"204", "GET", "HTTP/1.1 204 No Content\r\n\r\n", false, HTTP_OK, 204, ""},
        {"304 with the length of another", "GET",
         "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false, HTTP_OK, 304, ""},
        {"HEAD with a length", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", false,
         HTTP_OK, 200, ""},
        {"a status without a reason", "GET", "HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", false,
         HTTP_OK, 503, ""},
        {"100 and 103 before", "GET",
         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" OK_BODY("abc",
                                                                                            "3"),
         false, HTTP_OK, 200, "abc"},
        {"bytes behind", "GET", OK_BODY("abc", "3") "HTTP/1.1 200 OK\r\n\r\n", false, HTTP_OK, 200,
         "abc"},
        {"no answer", "GET", NULL, true, HTTP_RESET, 0, ""},
        {"half a head", "GET", "HTTP/1.1 200 OK\r\nConte", true, HTTP_RESET, 0, ""},
        {"half a body", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", true, HTTP_RESET,
         0, ""},
        {"half the chunks", "GET",
         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", true, HTTP_RESET, 0,
         ""},
        {"another protocol", "GET", "220 smtp.example.org ready\r\n", false, HTTP_GARBLED, 0, ""},
        {"another version", "GET", "HTTP/2.0 200 OK\r\n\r\n", false, HTTP_GARBLED, 0, ""},
        {"a bare LF", "GET", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", false, HTTP_GARBLED, 0,
         ""},
        {"two lengths", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 3\r\n\r\n",
         false, HTTP_GARBLED, 0, ""},
        {"length and chunks", "GET",
         "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         false, HTTP_GARBLED, 0, ""},
        {"a switch of protocols", "GET",
         "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", false, HTTP_GARBLED,
         0, ""},
        {"interim answers without end", "GET",
         "HTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\n"
         "HTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\nHTTP/1.1 100 A\r\n\r\n"
         "HTTP/1.1 100 A\r\n\r\n",
         false, HTTP_GARBLED, 0, ""},
        {"a body beyond reason", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n",
         false, HTTP_GARBLED, 0, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        struct outcome o = {0};
        world_open(&w, 1);
        w.script[0][0] = (struct script){rows[i].answer, rows[i].closes};
        ask(&w, rows[i].method, NULL, SLOW_US, &o);
        RUN_UNTIL(&w.loop, o.count > 0);
        if (o.failure != rows[i].failure || o.status != rows[i].status ||
            strcmp(o.body, rows[i].body) != 0)
            fail_msg("%s: %s, status %d, body \"%s\"", rows[i].claim, http_failure_name(o.failure),
                     o.status, o.body);
        world_close(&w);
    }
}

static void test_http_client_is_refused_where_nobody_listens(void **state)
{
    (void)state;
    struct world w;
    struct outcome o[3] = {0};
    world_open(&w, 2);
    http_client_free(w.client);
    struct host gone;
    host_open(&gone, &w.loop, NULL, NULL);
    host_close(&gone, &w.loop);
    w.client = http_client_new(&w.loop, gone.port, 2);
    for (int i = 0; i < 3; i++)
        ask(&w, "GET", NULL, SLOW_US, &o[i]);
    RUN_UNTIL(&w.loop, o[0].count + o[1].count + o[2].count == 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(o[i].failure, HTTP_REFUSED);
    http_client_free(w.client);
    w.client = http_client_new_unix(&w.loop, "/nonexistent/socket", 2);
    ask(&w, "GET", NULL, SLOW_US, &o[0]);
    RUN_UNTIL(&w.loop, o[0].count == 2);
    assert_int_equal(o[0].failure, HTTP_REFUSED);
    world_close(&w);
}

static void test_http_client_times_out(void **state)
{
    (void)state;
    struct world w;
    struct outcome late = {0};
    struct outcome now = {0};
    struct outcome queued = {0};
    struct outcome fine = {0};
    world_open(&w, 1);
    w.script[1][0] = (struct script){OK_BODY("fine", "4"), false};
    ask(&w, "GET", NULL, 400000, &late);
    ask(&w, "GET", NULL, 200000, &queued);
    ask(&w, "GET", NULL, 0, &now);
    ask(&w, "GET", NULL, SLOW_US, &fine);
    RUN_UNTIL(&w.loop, now.count > 0);
    assert_int_equal(queued.count + late.count, 0);
    RUN_UNTIL(&w.loop, queued.count > 0);
    assert_int_equal(late.count, 0);
    RUN_UNTIL(&w.loop, late.count > 0);
    assert_int_equal(now.failure, HTTP_TIMEOUT);
    assert_int_equal(queued.failure, HTTP_TIMEOUT);
    assert_int_equal(late.failure, HTTP_TIMEOUT);
    RUN_UNTIL(&w.loop, fine.count > 0); /* on a new connection: the old one owes an answer */
    assert_string_equal(fine.body, "fine");
    assert_int_equal(w.host.count, 2);
    world_close(&w);
}

static void test_http_client_calls_can_be_cancelled(void **state)
{
    (void)state;
    struct world w;
    struct outcome o[4] = {0};
    world_open(&w, 1);
    w.script[2][0] = (struct script){OK_BODY("last", "4"), false};
    http_cancel(ask(&w, "GET", NULL, SLOW_US, &o[0])); /* while it connects */
    struct http_call *sent = ask(&w, "GET", NULL, SLOW_US, &o[1]);
    struct http_call *queued = ask(&w, "GET", NULL, SLOW_US, &o[2]);
    ask(&w, "GET", NULL, SLOW_US, &o[3]);
    RUN_UNTIL(&w.loop, w.all_seen == 1);
    http_cancel(queued);
    for (int i = 0; i < SCRIPT_PEERS; i++)
        w.script[i][0] = (struct script){OK_BODY("last", "4"), false};
    http_cancel(sent);
    RUN_UNTIL(&w.loop, o[3].count > 0);
    assert_string_equal(o[3].body, "last");
    assert_int_equal(o[0].count + o[1].count + o[2].count, 0);
    http_cancel(NULL);
    world_close(&w);
}

static void test_http_client_tries_again_on_a_stale_connection(void **state)
{
    static const struct http_header key = {"Idempotency-Key", "k1"};
    static const struct {
        const char *claim, *method;
        bool has_key;
        struct script second; /* on the kept connection */
        struct script fresh;
        enum http_failure failure;
        int connections;
    } rows[] = {
        {"GET", "GET", false, {NULL, true}, {OK_BODY("ok", "2"), false}, HTTP_OK, 2},
        {"PUT", "PUT", false, {NULL, true}, {OK_BODY("ok", "2"), false}, HTTP_OK, 2},
        {"POST with a key", "POST", true, {NULL, true}, {OK_BODY("ok", "2"), false}, HTTP_OK, 2},
        {"POST without", "POST", false, {NULL, true}, {NULL, true}, HTTP_RESET, 1},
        {"only once", "GET", false, {NULL, true}, {NULL, true}, HTTP_RESET, 2},
        {"not when answered in part", "GET", false, {"HTTP", true}, {NULL, true}, HTTP_RESET, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        struct outcome o = {0};
        world_open(&w, 1);
        w.script[0][0] = (struct script){OK_BODY("", "0"), false};
        w.script[0][1] = rows[i].second;
        w.script[1][0] = rows[i].fresh;
        ask(&w, "GET", NULL, SLOW_US, &o);
        RUN_UNTIL(&w.loop, o.count == 1);
        ask(&w, rows[i].method, rows[i].has_key ? &key : NULL, SLOW_US, &o);
        RUN_UNTIL(&w.loop, o.count == 2);
        if (o.failure != rows[i].failure || w.host.count != rows[i].connections)
            fail_msg("%s: %s after %d connections", rows[i].claim, http_failure_name(o.failure),
                     w.host.count);
        world_close(&w);
    }
}

static void test_http_client_drops_connections_that_end_while_idle(void **state)
{
    (void)state;
    struct world w;
    struct outcome o = {0};
    world_open(&w, 1);
    w.script[0][0] = w.script[1][0] = (struct script){OK_BODY("ok", "2"), false};
    ask(&w, "GET", NULL, SLOW_US, &o);
    RUN_UNTIL(&w.loop, o.count == 1);
    peer_send(&w.host.peers[0], "HTTP/1.1 408 Too Late\r\n\r\n"); /* to nobody's question */
    RUN_UNTIL(&w.loop, w.host.peers[0].ended);
    ask(&w, "POST", NULL, SLOW_US, &o);
    RUN_UNTIL(&w.loop, o.count == 2);
    assert_int_equal(o.failure, HTTP_OK);
    assert_int_equal(w.host.count, 2);
    world_close(&w);
}

/* The timeout of a call that was answered is nothing to wake for; the end of a rest is. */
static void test_http_client_sleeps_between_calls(void **state)
{
    enum { REST_MS = 300, TIMEOUT_MS = 60 };
    struct world w;
    struct outcome o = {0};
    (void)state;
    world_open(&w, 1);
    http_client_keep(w.client, REST_MS * 1000);
    w.script[0][0] = (struct script){OK_BODY("abc", "3"), false};
    ask(&w, "GET", NULL, TIMEOUT_MS * 1000, &o);
    RUN_UNTIL(&w.loop, o.count == 1);
    assert_int_equal(o.status, 200);
    uv_update_time(&w.loop);
    int sleeps_ms = uv_backend_timeout(&w.loop);
    assert_true(sleeps_ms > TIMEOUT_MS && sleeps_ms <= REST_MS);
    RUN_UNTIL(&w.loop, w.host.peers[0].ended);
    world_close(&w);
}

static void test_http_client_uses_the_last_connection_first(void **state)
{
    (void)state;
    struct world w;
    struct outcome o[3] = {0};
    struct outcome more = {0};
    world_open(&w, 3);
    for (int i = 0; i < 3; i++)
        ask(&w, "GET", NULL, SLOW_US, &o[i]);
    RUN_UNTIL(&w.loop, w.all_seen == 3);
    for (int i = 0; i < 3; i++) {
        int peer = (i + 1) % 3;
        peer_send(&w.host.peers[peer], OK_BODY("ok", "2"));
        RUN_UNTIL(&w.loop, o[0].count + o[1].count + o[2].count == i + 1);
    }
    w.script[0][1] = w.script[0][2] = (struct script){OK_BODY("ok", "2"), false};
    for (int i = 0; i < 2; i++) {
        ask(&w, "GET", NULL, SLOW_US, &more);
        RUN_UNTIL(&w.loop, more.count == i + 1);
    }
    assert_int_equal(w.seen[0], 3);
    assert_int_equal(w.seen[1] + w.seen[2], 2);
    world_close(&w);
}

static void test_http_client_says_when_too_many_wait(void **state)
{
    (void)state;
    struct world w;
    static struct outcome o[HTTP_QUEUE_MAX + 2];
    memset(o, 0, sizeof o);
    world_open(&w, 1);
    for (int i = 0; i < HTTP_QUEUE_MAX + 2; i++)
        ask(&w, "GET", NULL, SLOW_US, &o[i]);
    RUN_UNTIL(&w.loop, o[HTTP_QUEUE_MAX + 1].count > 0);
    assert_int_equal(o[HTTP_QUEUE_MAX + 1].failure, HTTP_BUSY);
    for (int i = 0; i < HTTP_QUEUE_MAX + 1; i++)
        assert_int_equal(o[i].count, 0);
    http_client_free(w.client);
    w.client = NULL;
    world_close(&w);
    for (int i = 0; i < HTTP_QUEUE_MAX + 1; i++)
        assert_int_equal(o[i].count, 0);
}

static void test_http_client_may_be_freed_when_it_is_done(void **state)
{
    static const char *const answers[] = {OK_BODY("ok", "2"), "garbage\r\n\r\n", NULL};
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct world w;
        struct outcome o = {.again = &w};
        struct outcome other = {0};
        world_open(&w, 2);
        w.script[0][0] = w.script[1][0] = (struct script){answers[i], false};
        ask(&w, "GET", NULL, answers[i] != NULL ? SLOW_US : 10000, &o);
        ask(&w, "POST", NULL, answers[i] != NULL ? SLOW_US : 10000, &other);
        RUN_UNTIL(&w.loop, o.count > 0);
        world_close(&w);
        assert_int_equal(o.count, 1);
    }
}

/* A server that says no at once and closes is heard, though it does not read what is sent. */
static void refuse_early(struct peer *p)
{
    if (p->len > 0 && peer_count(p, "\r\n\r\n") > 0 && !p->idle) {
        uv_os_fd_t fd;
        p->idle = true;
        uv_read_stop((uv_stream_t *)&p->tcp);
        peer_send(p, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        uv_fileno((uv_handle_t *)&p->tcp, &fd);
        shutdown(fd, SHUT_WR);
    }
}

static void test_http_client_hears_an_answer_while_it_still_sends(void **state)
{
    (void)state;
    enum { BIG = 32 << 20 };
    struct world w;
    struct outcome o = {0};
    char *body = calloc(1, BIG);
    world_open(&w, 1);
    w.host.on_data = refuse_early;
    http_send(w.client, "POST", "/", NULL, 0, body, BIG, SLOW_US, on_done, &o);
    free(body);
    RUN_UNTIL(&w.loop, o.count > 0);
    assert_int_equal(o.failure, HTTP_OK);
    assert_int_equal(o.status, 413);
    world_close(&w);
}

static void test_http_client_refuses_bad_requests_before_sending(void **state)
{
    static const struct {
        const char *method, *target;
    } rows[] = {{"GET", "x"},   {"GET", ""},         {"GET", "/a b"}, {"GET", "/a\r\nX: y"},
                {"GET", "*"},   {"GET", "/%zz"},     {"G T", "/"},    {"", "/"},
                {"GET", "/#x"}, {"GET", "http://x/"}};
    (void)state;
    struct world w;
    world_open(&w, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outcome o = {.inside = true};
        http_send(w.client, rows[i].method, rows[i].target, NULL, 0, NULL, 0, SLOW_US, on_done, &o);
        o.inside = false;
        RUN_UNTIL(&w.loop, o.count > 0);
        assert_int_equal(o.failure, HTTP_UNSENT);
    }
    assert_int_equal(w.host.count, 0);
    char path[200];
    memset(path, 'p', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_null(http_client_new_unix(&w.loop, path, 1));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_client_reads_what_servers_say),
        cmocka_unit_test(test_http_client_is_refused_where_nobody_listens),
        cmocka_unit_test(test_http_client_times_out),
        cmocka_unit_test(test_http_client_calls_can_be_cancelled),
        cmocka_unit_test(test_http_client_tries_again_on_a_stale_connection),
        cmocka_unit_test(test_http_client_drops_connections_that_end_while_idle),
        cmocka_unit_test(test_http_client_sleeps_between_calls),
        cmocka_unit_test(test_http_client_uses_the_last_connection_first),
        cmocka_unit_test(test_http_client_says_when_too_many_wait),
        cmocka_unit_test(test_http_client_may_be_freed_when_it_is_done),
        cmocka_unit_test(test_http_client_hears_an_answer_while_it_still_sends),
        cmocka_unit_test(test_http_client_refuses_bad_requests_before_sending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
