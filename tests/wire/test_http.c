#include "tests/wire/http_world.h"

static void test_http_carries_requests_and_answers(void **state)
{
    static const struct {
        const char *method, *target, *body, *expected;
        size_t len;
    } rows[] = {
        {"GET", "/", "", "", 0},
        {"GET", "/de/items?q=a%20b&limit=3", "", "", 0},
        {"POST", "/orders", "{\"item\":1}", "{\"item\":1}", 10},
        {"PUT", "/x", "", "", 0},
        {"DELETE", "/x", "", "", 0},
        {"PATCH", "/x", "p", "p", 1},
        {"OPTIONS", "*", "", "", 0},
        {"HEAD", "/x", "", "", 0},
    };
    (void)state;
    struct world w;
    world_open(&w, NULL);
    struct http_client *c = http_client_new(&w.loop, w.port, 2);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outcome o = {0};
        ask(c, rows[i].method, rows[i].target, rows[i].body, &o);
        RUN_UNTIL(&w.loop, o.count > 0);
        assert_int_equal(o.failure, HTTP_OK);
        assert_int_equal(o.status, 200);
        assert_string_equal(o.header, rows[i].target);
        assert_string_equal(o.body, rows[i].expected);
        assert_int_equal(o.len, rows[i].len);
        free(o.body);
    }
    assert_int_equal(http_server_counts(w.server)->accepted, 1);
    http_client_free(c);
    world_close(&w);
}

static void test_http_keeps_connections_and_uses_few(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, NULL);
    struct http_client *c = http_client_new(&w.loop, w.port, 4);
    static struct outcome o[200];
    memset(o, 0, sizeof o);
    for (int i = 0; i < 200; i++)
        ask(c, "POST", "/", "abc", &o[i]);
    for (int i = 0; i < 200; i++) {
        RUN_UNTIL(&w.loop, o[i].count > 0);
        assert_int_equal(o[i].failure, HTTP_OK);
        assert_string_equal(o[i].body, "abc");
        free(o[i].body);
    }
    assert_int_equal(http_server_counts(w.server)->accepted, 4);
    assert_int_equal(http_server_counts(w.server)->requests, 200);
    http_client_free(c);
    world_close(&w);
}

static void test_http_answers_pipelined_requests_in_their_order(void **state)
{
    (void)state;
    struct world w;
    struct peer p = {0};
    world_open(&w, NULL);
    w.hold = true;
    peer_connect(&p, &w.loop, w.port);
    for (int i = 0; i < 5; i++)
        peer_send(&p, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    RUN_UNTIL(&w.loop, w.held_count == 5);
    for (int i = 4; i >= 0; i--) {
        char text[16];
        snprintf(text, sizeof text, "<%d>", i);
        assert_int_equal(p.len, 0);
        answer_held(&w, i, text);
    }
    RUN_UNTIL(&w.loop, peer_count(&p, "<4>") == 1);
    assert_true(strstr(p.in, "<0>") < strstr(p.in, "<1>"));
    assert_true(strstr(p.in, "<1>") < strstr(p.in, "<2>"));
    assert_true(strstr(p.in, "<2>") < strstr(p.in, "<3>"));
    assert_true(strstr(p.in, "<3>") < strstr(p.in, "<4>"));
    peer_close(&p, &w.loop);
    world_close(&w);
}

static void test_http_reads_no_more_than_may_wait(void **state)
{
    (void)state;
    enum { ALL = 100 };
    struct world w;
    struct peer p = {0};
    world_open(&w, NULL);
    w.hold = true;
    peer_connect(&p, &w.loop, w.port);
    for (int i = 0; i < ALL; i++)
        peer_send(&p, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    RUN_UNTIL(&w.loop, w.held_count == HTTP_PIPELINE_MAX);
    for (int i = 0; i < ALL; i++) {
        char text[16];
        snprintf(text, sizeof text, "<%d>", i);
        RUN_UNTIL(&w.loop, w.held_count > i);
        assert_true(w.held_count - i <= HTTP_PIPELINE_MAX);
        answer_held(&w, i, text);
    }
    RUN_UNTIL(&w.loop, peer_count(&p, "HTTP/1.1 200 OK") == ALL && peer_count(&p, "<99>") == 1);
    peer_close(&p, &w.loop);
    world_close(&w);
}

static void test_http_carries_big_bodies_both_ways(void **state)
{
    (void)state;
    enum { BIG = 24 << 20 };
    struct http_limits limits = {.body_bytes_max = BIG};
    struct world w;
    struct outcome o = {0};
    world_open(&w, &limits);
    struct http_client *c = http_client_new(&w.loop, w.port, 1);
    char *body = malloc(BIG + 1);
    for (size_t i = 0; i < BIG; i++)
        body[i] = (char)('a' + i % 23);
    body[BIG] = '\0';
    for (int i = 0; i < 2; i++) {
        ask(c, "PUT", "/", body, &o);
        RUN_UNTIL(&w.loop, o.count > i);
        assert_int_equal(o.failure, HTTP_OK);
        assert_int_equal(o.len, BIG);
        assert_memory_equal(o.body, body, BIG);
    }
    free(o.body);
    free(body);
    http_client_free(c);
    world_close(&w);
}

static void test_http_takes_chunked_bodies(void **state)
{
    (void)state;
    struct world w;
    struct peer p = {0};
    world_open(&w, NULL);
    peer_connect(&p, &w.loop, w.port);
    peer_send(&p, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "4\r\nWiki\r\n6\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\n\r\n");
    RUN_UNTIL(&w.loop, peer_count(&p, "Wikipedia in \r\n\r\nchunks.") == 1);
    assert_int_equal(peer_count(&p, "Content-Length: 24\r\n"), 1);
    peer_close(&p, &w.loop);
    world_close(&w);
}

static void test_http_ends_the_connection_when_asked_to(void **state)
{
    static const struct {
        const char *request;
        bool closes;
        const char *said;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true, "Connection: close\r\n"},
        {"GET / HTTP/1.0\r\n\r\n", true, "Connection: close\r\n"},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false, "Connection: keep-alive\r\n"},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", false, "HTTP/1.1 200 OK\r\n"},
    };
    (void)state;
    struct world w;
    world_open(&w, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct peer p = {0};
        peer_connect(&p, &w.loop, w.port);
        peer_send(&p, rows[i].request);
        RUN_UNTIL(&w.loop, peer_count(&p, "\r\n\r\n") == 1);
        assert_int_equal(peer_count(&p, rows[i].said), 1);
        if (rows[i].closes) {
            RUN_UNTIL(&w.loop, p.ended);
            assert_false(p.reset);
        } else {
            peer_send(&p, rows[i].request);
            RUN_UNTIL(&w.loop, peer_count(&p, "\r\n\r\n") == 2);
        }
        peer_close(&p, &w.loop);
    }
    world_close(&w);
}

static void test_http_says_continue_before_a_body_that_waits_for_it(void **state)
{
    (void)state;
    struct world w;
    struct peer p = {0};
    world_open(&w, NULL);
    w.hold = true;
    peer_connect(&p, &w.loop, w.port);
    peer_send(&p,
              "GET /first HTTP/1.1\r\nHost: a\r\n\r\n"
              "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    RUN_UNTIL(&w.loop, w.held_count == 1);
    assert_int_equal(p.len, 0);
    answer_held(&w, 0, "first");
    RUN_UNTIL(&w.loop, peer_count(&p, "first") == 1 && peer_count(&p, " 100 Continue\r\n") == 1);
    w.hold = false;
    peer_send(&p, "body");
    RUN_UNTIL(&w.loop, peer_count(&p, "\r\n\r\nbody") == 1);
    peer_close(&p, &w.loop);
    world_close(&w);
}

static void answer_badly(void *context, struct http_exchange *x)
{
    const struct http_header *more = context;
    http_answer(x, 200, "text/plain", more, 1, "body", 4);
}

static void test_http_sends_no_header_that_would_end_a_line(void **state)
{
    static const struct {
        struct http_header header;
        int status;
    } rows[] = {
        {{"Location", "/a\r\nSet-Cookie: b"}, 500},
        {{"Location", "/a\nb"}, 500},
        {{"Location", "/a\x01"}, 500},
        {{"Bad Name", "x"}, 500},
        {{"", "x"}, 500},
        {{"A:B", "x"}, 500},
        {{"Content-Length", "9999"}, 200},
        {{"Transfer-Encoding", "chunked"}, 200},
        {{"Connection", "close"}, 200},
        {{"Location", "/\xc3\xbc\tx"}, 200},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        struct error err = {0};
        struct http_header header = rows[i].header;
        struct outcome o = {0};
        memset(&w, 0, sizeof w);
        assert_int_equal(uv_loop_init(&w.loop), 0);
        assert_int_equal(http_server_tcp(&w.server, &w.loop, 0, NULL, answer_badly, &header, &err),
                         0);
        struct http_client *c = http_client_new(&w.loop, http_server_port(w.server), 1);
        ask(c, "GET", "/", "", &o);
        RUN_UNTIL(&w.loop, o.count > 0);
        assert_int_equal(o.failure, HTTP_OK);
        assert_int_equal(o.status, rows[i].status);
        if (o.status == 200)
            assert_string_equal(o.body, "body");
        free(o.body);

        memset(&o, 0, sizeof o);
        o.inside = true;
        http_send(c, "GET", "/", &header, 1, NULL, 0, 1000000, on_done, &o);
        o.inside = false;
        RUN_UNTIL(&w.loop, o.count > 0);
        assert_int_equal(o.failure, rows[i].status == 200 ? HTTP_OK : HTTP_UNSENT);
        free(o.body);
        http_client_free(c);
        world_close(&w);
    }
}

static void answer_with_problem(void *context, struct http_exchange *x)
{
    http_problem(x, 404, context);
}

static void test_http_problems_are_json_whatever_the_detail(void **state)
{
    static const struct {
        const char *detail, *expected;
    } rows[] = {
        {"no such order", "\"detail\":\"no such order\"}\n"},
        {"a \"b\" \\ \n\x01", "\"detail\":\"a \\\"b\\\" \\\\ \\u000a\\u0001\"}\n"},
        {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x8d\x8b",
         "\"detail\":\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x8d\x8b\"}\n"},
        {"\xff \xc3 \xed\xa0\x80", "\"detail\":\"\\ufffd \\ufffd \\ufffd\\ufffd\\ufffd\"}\n"},
        {"\xf0\x9f\x8d", "\"detail\":\"\\ufffd\\ufffd\\ufffd\"}\n"},
        {NULL, "\"title\":\"Not Found\",\"status\":404}\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        struct error err = {0};
        struct outcome o = {0};
        memset(&w, 0, sizeof w);
        assert_int_equal(uv_loop_init(&w.loop), 0);
        assert_int_equal(http_server_tcp(&w.server, &w.loop, 0, NULL, answer_with_problem,
                                         (void *)(uintptr_t)rows[i].detail, &err),
                         0);
        struct http_client *c = http_client_new(&w.loop, http_server_port(w.server), 1);
        ask(c, "GET", "/", "", &o);
        RUN_UNTIL(&w.loop, o.count > 0);
        assert_int_equal(o.status, 404);
        assert_non_null(strstr(o.body, rows[i].expected));
        free(o.body);
        http_client_free(c);
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_carries_requests_and_answers),
        cmocka_unit_test(test_http_keeps_connections_and_uses_few),
        cmocka_unit_test(test_http_answers_pipelined_requests_in_their_order),
        cmocka_unit_test(test_http_reads_no_more_than_may_wait),
        cmocka_unit_test(test_http_carries_big_bodies_both_ways),
        cmocka_unit_test(test_http_takes_chunked_bodies),
        cmocka_unit_test(test_http_ends_the_connection_when_asked_to),
        cmocka_unit_test(test_http_says_continue_before_a_body_that_waits_for_it),
        cmocka_unit_test(test_http_sends_no_header_that_would_end_a_line),
        cmocka_unit_test(test_http_problems_are_json_whatever_the_detail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
