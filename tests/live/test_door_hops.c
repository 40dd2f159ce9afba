/* Tests of what of HTTP/1.1 ends at the door and what it says of itself there (RFC 9110, 7.6; RFC
 * 9112): bytes to a real door, and bytes that a replica by hand got, and the other way. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/shop.h"

/* ---- by hand ---- */

static struct shop shop;
static char got[8192]; /* what the client has read */

static int setup(void **state)
{
    (void)state;
    shop_open(&shop, "\"tries\": 2, \"eject_failures\": 1000000");
    shop_staff(&shop, SHOP_DE, LAYOUT_ORDER, REPLICA_ANSWERS, NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    shop_close(&shop);
    return 0;
}

/* All replicas answer with this. */
static void answer_with(const char *reply)
{
    for (size_t z = 0; z < SHOP_ZONES; z++) {
        shop_replica(&shop, SHOP_DE, z, LAYOUT_ORDER)->reply = reply;
        shop_replica(&shop, SHOP_DE, z, LAYOUT_ORDER)->reply_len = strlen(reply);
    }
}

/* Whether the end of the stream has come, with all that came before it in `got`. */
static bool ended(int fd, size_t *len)
{
    ssize_t n;
    while ((n = recv(fd, got + *len, sizeof got - 1 - *len, MSG_DONTWAIT)) > 0)
        *len += (size_t)n;
    got[*len] = '\0';
    return n == 0;
}

/* Say it all, and hear all until the door closes. */
static const char *say(const char *text)
{
    struct sockaddr_in at;
    size_t len = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    uv_ip4_addr("127.0.0.1", shop.layout.port, &at);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    SHOP_UNTIL(&shop, ended(fd, &len));
    close(fd);
    return got;
}

/* The head that a replica got last; "" when none was asked since the last call. */
static const char *passed(void)
{
    static char head[4096];
    head[0] = '\0';
    for (size_t z = 0; z < SHOP_ZONES; z++) {
        struct replica *r = shop_replica(&shop, SHOP_DE, z, LAYOUT_ORDER);
        if (r->head[0] != '\0')
            snprintf(head, sizeof head, "%s", r->head);
        r->head[0] = '\0';
    }
    return head;
}

static void assert_has(const char *text, const char *what)
{
    if (strstr(text, what) == NULL)
        fail_msg("\"%s\" is not in:\n%s", what, text);
}

static void assert_lacks(const char *text, const char *what)
{
    if (strcasestr(text, what) != NULL)
        fail_msg("\"%s\" is in:\n%s", what, text);
}

#define CLOSE "Connection: close\r\n\r\n"

/* ---- what goes on to a replica ---- */

static void test_door_says_that_it_passed_a_request_on(void **state)
{
    (void)state;
    say("GET /de/orders HTTP/1.1\r\nHost: a\r\nVia: 1.0 fred, 1.1 p.example.net\r\n" CLOSE);
    const char *head = passed();
    assert_has(head, "\r\nVia: 1.0 fred, 1.1 p.example.net\r\n");
    assert_has(strstr(head, "p.example.net"), "\r\nVia: 1.1 bulkhead\r\n");
    say("GET /de/orders HTTP/1.0\r\nHost: a\r\n\r\n");
    assert_has(passed(), "\r\nVia: 1.0 bulkhead\r\n");
}

static void test_door_passes_nothing_that_ends_here(void **state)
{
    static const char *const ends[] = {
        "Connection",        "Keep-Alive", "Proxy-Connection", "TE:",     "Trailer", "Upgrade",
        "Transfer-Encoding", "Expect",     "HTTP2-Settings",   "X-Named", "X-Other", "X-Third",
        "Host: a\r\n",
    };
    (void)state;
    say("POST /de/orders HTTP/1.1\r\nHost: a\r\nKeep-Alive: timeout=5\r\nX-Named: 1\r\n"
        "Proxy-Connection: keep-alive\r\nTE: trailers\r\nTrailer: X-Sum\r\nUpgrade: websocket\r\n"
        "HTTP2-Settings: AAA\r\nConnection: Upgrade, HTTP2-Settings,x-named\r\n"
        "Connection: \t X-OTHER , ,close,X-Third\r\nX-Other: 2\r\nX-third: 3\r\nX-Stays: 4\r\n"
        "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
    const char *head = passed();
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        assert_lacks(head, ends[i]);
    assert_has(head, "\r\nX-Stays: 4\r\n");
    assert_has(head, "\r\nContent-Length: 2\r\n");
    assert_has(head, "\r\nHost: ");
    assert_has(got, "HTTP/1.1 200 OK\r\n");
}

/* Who names what frames a message, or our own key, breaks nothing. */
static void test_door_keeps_what_a_connection_header_cannot_end(void **state)
{
    (void)state;
    say("POST /de/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nIdempotency-Key: k\r\n"
        "Connection: content-length, host, idempotency-key, time-left, close\r\n\r\n{}");
    const char *head = passed();
    assert_has(head, "\r\nContent-Length: 2\r\n");
    assert_has(head, "\r\nHost: ");
    assert_has(head, "\r\nTime-Left: ");
    assert_has(head, "\r\nIdempotency-Key: ");
    assert_lacks(head, "Idempotency-Key: k\r\n"); /* it was to end here; a write has one */
}

static void test_door_takes_absolute_targets(void **state)
{
    static const char *const rows[][2] = {
        {"http://shop.example/de/orders?a=1", "GET /de/orders?a=1 HTTP/1.1\r\n"},
        {"HTTP://[::1]:20000/de/orders", "GET /de/orders HTTP/1.1\r\n"},
        {"/de/orders", "GET /de/orders HTTP/1.1\r\n"},
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: other\r\n" CLOSE, rows[i][0]);
        assert_has(say(text), "HTTP/1.1 200 OK\r\n");
        const char *head = passed();
        assert_memory_equal(head, rows[i][1], strlen(rows[i][1]));
        assert_lacks(head, "other");
        assert_lacks(head, "shop.example");
    }
    assert_has(say("GET http://a HTTP/1.1\r\nHost: a\r\n" CLOSE), "\"countries\"");
    assert_has(say("GET http://a?x HTTP/1.1\r\nHost: a\r\n" CLOSE), "\"countries\"");
}

static void test_door_answers_for_itself_when_it_is_the_last(void **state)
{
    static const struct {
        const char *request, *answer, *forwards; /* forwards NULL: it goes to nobody */
    } rows[] = {
        {"OPTIONS /de/orders HTTP/1.1\r\nMax-Forwards: 0\r\n", "204 No Content\r\n", NULL},
        {"OPTIONS /de/orders HTTP/1.1\r\nMax-Forwards: 7\r\n", "200 OK\r\n", "Max-Forwards: 6\r\n"},
        {"OPTIONS /de/orders HTTP/1.1\r\n", "200 OK\r\n", "OPTIONS /de/orders "},
        {"OPTIONS /de/orders HTTP/1.1\r\nMax-Forwards: x\r\n", "400 Bad Request\r\n", NULL},
        {"OPTIONS * HTTP/1.1\r\n", "204 No Content\r\n", NULL},
        {"GET /de/orders HTTP/1.1\r\nMax-Forwards: 0\r\n", "200 OK\r\n", "GET /de/orders "},
        {"TRACE /de/orders HTTP/1.1\r\n", "405 Method Not Allowed\r\n", NULL},
        {"CONNECT a:80 HTTP/1.1\r\n", "405 Method Not Allowed\r\n", NULL},
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(text, sizeof text, "%sHost: a\r\n" CLOSE, rows[i].request);
        const char *answer = say(text);
        assert_has(answer, rows[i].answer);
        if (strstr(answer, " 204 ") != NULL || strstr(answer, " 405 ") != NULL)
            assert_has(answer, "\r\nAllow: GET, HEAD");
        const char *head = passed();
        if (rows[i].forwards == NULL)
            assert_string_equal(head, "");
        else
            assert_has(head, rows[i].forwards);
    }
}

/* What two readers may read in two ways goes nowhere, and its connection is closed. */
static void test_door_passes_on_nothing_unclear(void **state)
{
    static const char *const rows[] = {
        "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: 2, 2\r\n",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 2\r\nX-Folded: a\r\n b\r\n",
        "Content-Length: 2\r\nX-Folded: a\r\n\tb\r\n",
        "Content-Length : 2\r\n",
        "Content-Length: 2\r\nHost: b\r\n",
    };
    char text[512];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(text, sizeof text, "POST /de/orders HTTP/1.1\r\nHost: a\r\n%s\r\n{}", rows[i]);
        const char *answer = say(text);
        assert_memory_equal(answer, "HTTP/1.1 400 Bad Request\r\n", 26);
        assert_null(strstr(answer + 1, "HTTP/1.1 ")); /* nothing came behind it */
        assert_string_equal(passed(), "");
    }
}

/* ---- what comes back ---- */

static void test_door_waits_for_the_last_answer(void **state)
{
    (void)state;
    answer_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
    assert_memory_equal(say("GET /de/orders HTTP/1.1\r\nHost: a\r\n" CLOSE), "HTTP/1.1 201 ", 13);
    assert_lacks(got, "Link");
    answer_with("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
    assert_memory_equal(say("GET /de/orders HTTP/1.1\r\nHost: a\r\n" CLOSE), "HTTP/1.1 503 ", 13);
    assert_has(got, "garbled");
}

static void test_door_passes_answers_without_a_body(void **state)
{
    static const struct {
        const char *method, *reply, *status, *length; /* length NULL: none is told */
    } rows[] = {
        {"GET", "HTTP/1.1 204 No Content\r\nETag: \"1\"\r\n\r\n", "204", NULL},
        {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 30\r\nETag: \"1\"\r\n\r\n", "304",
         NULL},
        {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 30\r\nETag: \"1\"\r\n\r\n", "200",
         "Content-Length: 30\r\n"},
        {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: \"1\"\r\n\r\n", "200",
         NULL},
        {"HEAD", "HTTP/1.1 404 Not Found\r\nETag: \"1\"\r\n\r\n", "404", NULL},
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        answer_with(rows[i].reply);
        snprintf(text, sizeof text,
                 "%s /de/orders HTTP/1.1\r\nHost: a\r\n\r\n"
                 "GET /health HTTP/1.1\r\nHost: a\r\n" CLOSE,
                 rows[i].method);
        const char *answer = say(text);
        const char *second = strstr(answer, "\r\n\r\n");
        assert_memory_equal(answer + 9, rows[i].status, 3);
        assert_non_null(second);
        assert_memory_equal(second + 4, "HTTP/1.1 200 OK\r\n", 17); /* nothing in between */
        char head[1024];
        snprintf(head, sizeof head, "%.*s", (int)(second + 2 - answer), answer);
        assert_has(head, "ETag: \"1\"\r\n");
        if (rows[i].length != NULL)
            assert_has(head, rows[i].length);
        else
            assert_lacks(head, "Content-Length");
        assert_lacks(head, "Transfer-Encoding");
    }
}

static void test_door_passes_back_nothing_that_ends_here(void **state)
{
    (void)state;
    answer_with("HTTP/1.1 200 OK\r\nConnection: X-Named\r\nX-Named: 1\r\nKeep-Alive: timeout=9\r\n"
                "Proxy-Connection: a\r\nUpgrade: h2c\r\nTrailer: X-Sum\r\nX-Stays: 1\r\n"
                "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n");
    static const char *const ends[] = {"X-Named",          "Keep-Alive: timeout",
                                       "Proxy-Connection", "Upgrade",
                                       "Trailer",          "Transfer-Encoding"};
    const char *answer = say("GET /de/orders HTTP/1.1\r\nHost: a\r\n" CLOSE);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        assert_lacks(answer, ends[i]);
    assert_has(answer, "X-Stays: 1\r\n");
    assert_has(answer, "Content-Length: 2\r\n");
    assert_string_equal(strstr(answer, "\r\n\r\n") + 4, "{}");
}

/* Nor what is unclear: it is tried elsewhere, and then the door says so. */
static void test_door_passes_back_nothing_unclear(void **state)
{
    static const char *const rows[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        answer_with(rows[i]);
        const char *answer = say("GET /de/orders HTTP/1.1\r\nHost: a\r\n" CLOSE);
        assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
        assert_has(answer, "garbled");
    }
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_door_says_that_it_passed_a_request_on),
        TEST(test_door_passes_nothing_that_ends_here),
        TEST(test_door_keeps_what_a_connection_header_cannot_end),
        TEST(test_door_takes_absolute_targets),
        TEST(test_door_answers_for_itself_when_it_is_the_last),
        TEST(test_door_passes_on_nothing_unclear),
        TEST(test_door_waits_for_the_last_answer),
        TEST(test_door_passes_answers_without_a_body),
        TEST(test_door_passes_back_nothing_that_ends_here),
        TEST(test_door_passes_back_nothing_unclear),
    };
    int status;
    if (shop_is_door(argc, argv, &status))
        return status;
    return cmocka_run_group_tests_name("door_hops", tests, NULL, NULL);
}
