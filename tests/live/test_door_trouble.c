/* Tests of control/live/door.h: clients that go away, too many at once, replicas left out and taken
 * back, the numbers, and the end. */
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/shop.h"

/* ---- clients by hand ---- */

static int dial(const struct shop *s)
{
    struct sockaddr_in at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    uv_ip4_addr("127.0.0.1", s->layout.port, &at);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Not a farewell but a reset. */
static void slam(int fd)
{
    const struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

static const char ask_items[] = "GET /de/items HTTP/1.1\r\nHost: a\r\n\r\n";

/* ---- tests ---- */

static void test_door_drops_headers_of_the_connection(void **state)
{
    static const char *const gone[] = {
        "X-Hop",   "X-Other",    "Keep-Alive",       "TE:", "Upgrade", "Proxy-Connection", "Expect",
        "Host: a", "Connection", "Transfer-Encoding"};
    struct shop s;
    char head[4096] = "";
    (void)state;
    shop_open(&s, "");
    shop_staff(&s, SHOP_DE, LAYOUT_ORDER, REPLICA_HOLDS, NULL, NULL);
    int fd = dial(&s);
    say(fd, "POST /de/orders HTTP/1.1\r\nHost: a\r\nX-Hop: 1\r\nX-Stays: 1\r\n"
            "Connection: keep-alive, x-hop\r\nConnection: X-Other\r\nX-Other: 1\r\n"
            "Keep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\nProxy-Connection: a\r\n"
            "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    SHOP_UNTIL(&s, shop_held(&s, SHOP_DE, LAYOUT_ORDER) == 1);
    for (size_t z = 0; z < SHOP_ZONES; z++)
        if (shop_replica(&s, SHOP_DE, z, LAYOUT_ORDER)->held > 0)
            snprintf(head, sizeof head, "%s", shop_replica(&s, SHOP_DE, z, LAYOUT_ORDER)->head);
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        if (strcasestr(head, gone[i]) != NULL)
            fail_msg("%s is in %s", gone[i], head);
    assert_non_null(strstr(head, "\r\nX-Stays: 1\r\n"));
    assert_non_null(strstr(head, "\r\nContent-Length: 3\r\n"));
    close(fd);
    shop_close(&s);
}

static void test_door_refuses_more_headers_than_it_can_pass(void **state)
{
    struct http_header headers[HTTP_HEADERS_MAX - 4];
    struct shop s;
    struct ask a;
    (void)state;
    shop_open(&s, "");
    shop_staff(&s, SHOP_DE, LAYOUT_ORDER, REPLICA_ANSWERS, NULL, NULL);
    for (size_t i = 0; i < HTTP_HEADERS_MAX - 4; i++)
        headers[i] = (struct http_header){"X-A", "1"};
    shop_ask(&s, &a, "POST", "/de/orders", headers, HTTP_HEADERS_MAX - 5, NULL, 0);
    assert_int_equal(shop_wait(&s, &a, 1, 200), 1);
    shop_ask(&s, &a, "POST", "/de/orders", headers, HTTP_HEADERS_MAX - 4, NULL, 0);
    assert_int_equal(shop_wait(&s, &a, 1, 431), 1);
    shop_close(&s);
}

/* Nobody waits for them any more: they are not tried again, and nothing is left of them. */
static void test_door_forgets_clients_that_go_away(void **state)
{
    enum { GONE = 60 };
    struct shop s;
    struct arena arena = {0};
    int fd[GONE];
    (void)state;
    shop_open(&s, "\"timeout\": \"20s\", \"tries\": 5");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    for (size_t i = 0; i < GONE; i++) {
        fd[i] = dial(&s);
        say(fd[i], ask_items);
    }
    SHOP_UNTIL(&s, shop_held(&s, SHOP_DE, LAYOUT_CATALOG) == GONE);
    for (size_t i = 0; i < GONE; i++)
        slam(fd[i]);
    struct ask a = shop_get(&s, "/health"); /* the door has seen them go */
    ask_release(&a);
    for (size_t z = 0; z < SHOP_ZONES; z++)
        replica_kill(shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG));
    SHOP_UNTIL(&s, shop_status(&s, &arena).requests == GONE);
    assert_int_equal(shop_requests(&s, SHOP_DE, LAYOUT_CATALOG), GONE);
    assert_int_equal(shop_status(&s, &arena).lost, 0);
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    a = shop_get(&s, "/de/items");
    assert_int_equal(a.status, 200);
    ask_release(&a);
    arena_release(&arena);
    shop_close(&s);
}

/* One cell takes all that it may have; what comes then is refused at once, and the other cell does
 * not feel it. */
static void test_door_keeps_room_for_other_cells(void **state)
{
    enum { PIPELINED = HTTP_PIPELINE_MAX, CLIENTS = 2048 / PIPELINED };
    struct shop s;
    struct arena arena = {0};
    int fd[CLIENTS];
    (void)state;
    shop_open(&s, "\"timeout\": \"60s\", \"tries\": 1");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    shop_staff(&s, SHOP_FR, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    for (size_t i = 0; i < CLIENTS; i++) {
        fd[i] = dial(&s);
        for (size_t k = 0; k < PIPELINED; k++)
            say(fd[i], ask_items);
    }
    /* Each replica has as many as there are connections to it, the others wait in the door. */
    SHOP_UNTIL(&s, shop_held(&s, SHOP_DE, LAYOUT_CATALOG) == 3 * 512);
    struct ask a = {0};
    while (a.status != 503) { /* the last ones may still be on their way */
        ask_release(&a);
        shop_ask(&s, &a, "GET", "/de/vendors", NULL, 0, NULL, 0);
        SHOP_UNTIL(&s, a.done);
    }
    assert_non_null(strstr(a.body, "too many requests"));
    ask_release(&a);
    a = shop_get(&s, "/fr/items");
    assert_int_equal(a.status, 200);
    ask_release(&a);
    struct status status = shop_status(&s, &arena);
    assert_int_equal(status.cells[SHOP_FR].lost, 0);
    assert_true(status.cells[SHOP_DE].lost >= 1);
    for (size_t i = 0; i < CLIENTS; i++)
        close(fd[i]);
    shop_release(&s, SHOP_DE, LAYOUT_CATALOG);
    arena_release(&arena);
    shop_close(&s);
}

static const char *why(struct shop *s, size_t zone, struct arena *a)
{
    return shop_status(s, a).cells[SHOP_DE].zones[zone].why;
}

static void test_door_leaves_out_what_fails(void **state)
{
    enum { ASKS = 200 };
    static struct ask asks[ASKS];
    struct shop s;
    struct arena arena = {0};
    (void)state;
    shop_open(&s, "\"eject_failures\": 3, \"eject_for\": \"1h\"");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    struct replica *bad = shop_replica(&s, SHOP_DE, 0, LAYOUT_CATALOG);
    bad->mode = REPLICA_HANGS_UP;
    while (why(&s, 0, &arena)[0] == '\0') {
        struct ask a = shop_get(&s, "/de/items");
        assert_int_equal(a.status, 200);
        ask_release(&a);
    }
    assert_string_equal(why(&s, 0, &arena), "left out after failures: catalog");
    assert_true(shop_logged(&s, "de/a: catalog is left out: reset, 3 failures in a row"));
    assert_int_equal(bad->requests, 3);
    for (size_t i = 0; i < ASKS; i++)
        shop_ask(&s, &asks[i], "GET", "/de/items", NULL, 0, NULL, 0);
    assert_int_equal(shop_wait(&s, asks, ASKS, 200), ASKS);
    assert_int_equal(bad->requests, 3);
    arena_release(&arena);
    shop_close(&s);
}

static void test_door_takes_back_what_is_well_again(void **state)
{
    struct shop s;
    struct arena arena = {0};
    (void)state;
    shop_open(&s, "\"eject_failures\": 2, \"eject_for\": \"100ms\"");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    struct replica *bad = shop_replica(&s, SHOP_DE, 2, LAYOUT_CATALOG);
    replica_kill(bad);
    while (why(&s, 2, &arena)[0] == '\0') {
        struct ask a = shop_get(&s, "/de/items");
        assert_int_equal(a.status, 200);
        ask_release(&a);
    }
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    while (bad->requests == 0) {
        struct ask a = shop_get(&s, "/de/items");
        assert_int_equal(a.status, 200);
        ask_release(&a);
    }
    assert_string_equal(why(&s, 2, &arena), "");
    assert_true(shop_logged(&s, "de/c: catalog takes part again"));
    assert_int_equal(shop_status(&s, &arena).lost, 0);
    arena_release(&arena);
    shop_close(&s);
}

/* All zones are left out: a guess is better than a refusal. */
static void test_door_tries_even_when_all_are_left_out(void **state)
{
    struct shop s;
    struct ask a = {0};
    struct arena arena = {0};
    (void)state;
    shop_open(&s, "\"eject_failures\": 1, \"eject_for\": \"1h\", \"tries\": 3");
    for (int i = 0; i < 10; i++) {
        ask_release(&a);
        a = shop_get(&s, "/de/items");
        assert_int_equal(a.status, 503);
    }
    assert_non_null(
        strstr(a.body, "cell de, service catalog: no answer (refused): 3 of 3 tries made"));
    for (size_t z = 0; z < SHOP_ZONES; z++)
        assert_string_equal(why(&s, z, &arena), "left out after failures: catalog");
    ask_release(&a);
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    a = shop_get(&s, "/de/items");
    assert_int_equal(a.status, 200);
    ask_release(&a);
    arena_release(&arena);
    shop_close(&s);
}

static void test_door_counts(void **state)
{
    static const char broken[] = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
    enum { GOOD = 90, BAD = 10, TRIES = GOOD + 2 * BAD };
    struct shop s;
    struct arena arena = {0};
    (void)state;
    shop_open(&s, "");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    for (size_t i = 0; i < GOOD + BAD; i++) {
        for (size_t z = 0; z < SHOP_ZONES; z++) {
            struct replica *r = shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG);
            r->reply = i < BAD ? broken : NULL;
            r->reply_len = sizeof broken - 1;
        }
        struct ask a = shop_get(&s, "/de/items");
        assert_int_equal(a.status, i < BAD ? 500 : 200); /* tried twice, and passed back */
        ask_release(&a);
    }
    struct status status = shop_status(&s, &arena);
    const struct status_cell *de = &status.cells[SHOP_DE];
    const struct status_cell *fr = &status.cells[SHOP_FR];
    double share = 0;
    double tries = 0;
    assert_int_equal(status.requests, GOOD + BAD);
    assert_int_equal(status.lost, BAD);
    assert_int_equal(status.door_pid, s.door.pid);
    assert_int_equal(status.port, s.layout.port);
    assert_true(status.errors == 0.1 && de->errors == 0.1);
    assert_true(status.rps == de->rps && de->rps > 0);
    assert_true(de->p99_ms > 0 && de->p99_ms < 10000);
    assert_int_equal(de->lost, BAD);
    assert_string_equal(de->name, "de");
    assert_string_equal(de->countries[0], "DE");
    assert_int_equal(de->zone_count, SHOP_ZONES);
    for (size_t z = 0; z < SHOP_ZONES; z++) {
        double seen = (double)shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->requests;
        assert_true(fabs(de->zones[z].share - seen / TRIES) < 1e-9);
        share += de->zones[z].share;
        tries += de->zones[z].rps;
        assert_true(seen == 0 || de->zones[z].p99_ms > 0);
    }
    assert_true(fabs(share - 1) < 1e-9);
    assert_true(fabs(tries * (GOOD + BAD) - de->rps * TRIES) < 1e-6 * tries * TRIES);
    assert_true(fr->rps == 0 && fr->lost == 0);
    assert_true(isnan(fr->errors) && isnan(fr->p99_ms) && isnan(fr->zones[0].share));
    arena_release(&arena);
    shop_close(&s);
}

/* ---- the end ---- */

static void test_door_is_alone_in_its_folder(void **state)
{
    struct shop s;
    struct kid second;
    char port[16];
    (void)state;
    shop_open(&s, "");
    snprintf(port, sizeof port, "%d", s.layout.port + 1);
    kid_start(&second, "door", (const char *const[]){s.dir, port, "0", NULL});
    int status = kid_wait(&second);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_true(shop_logged(&s, "runs already"));
    struct ask a = shop_get(&s, "/health");
    assert_int_equal(a.status, 200);
    ask_release(&a);
    shop_close(&s);
}

/* What is under way is still answered: by its replica, or at last by the door. */
static void test_door_ends_politely(void **state)
{
    enum { ASKS = 40 };
    static struct ask asks[ASKS];
    struct shop s;
    (void)state;
    for (int answered = 0; answered <= 1; answered++) {
        shop_open(&s, "\"timeout\": \"60s\"");
        shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
        for (size_t i = 0; i < ASKS; i++)
            shop_ask(&s, &asks[i], "GET", "/de/items", NULL, 0, NULL, 0);
        SHOP_UNTIL(&s, shop_held(&s, SHOP_DE, LAYOUT_CATALOG) == ASKS);
        shop_end(&s);
        SHOP_UNTIL(&s, shop_logged(&s, "the door closes"));
        if (answered)
            shop_release(&s, SHOP_DE, LAYOUT_CATALOG);
        assert_int_equal(shop_wait(&s, asks, ASKS, answered ? 200 : 503), ASKS);
        shop_close(&s);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_door_drops_headers_of_the_connection),
        cmocka_unit_test(test_door_refuses_more_headers_than_it_can_pass),
        cmocka_unit_test(test_door_forgets_clients_that_go_away),
        cmocka_unit_test(test_door_keeps_room_for_other_cells),
        cmocka_unit_test(test_door_leaves_out_what_fails),
        cmocka_unit_test(test_door_takes_back_what_is_well_again),
        cmocka_unit_test(test_door_tries_even_when_all_are_left_out),
        cmocka_unit_test(test_door_counts),
        cmocka_unit_test(test_door_is_alone_in_its_folder),
        cmocka_unit_test(test_door_ends_politely),
    };
    int status;
    if (shop_is_door(argc, argv, &status))
        return status;
    return cmocka_run_group_tests_name("door_trouble", tests, NULL, NULL);
}
