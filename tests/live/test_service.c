/* Tests of region/live/service.h: real replicas on loopback, talked to by plain HTTP. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/town.h"

enum { MANY = 16 };

static const char order_body[] =
    "{\"customer\":\"de-c-1\",\"lines\":[{\"item\":\"de-i-a\",\"quantity\":2}]}";

/* ---- one replica ---- */

static void test_service_makes_reads_and_lists_records(void **state)
{
    (void)state;
    static const struct {
        size_t service;
        const char *target, *body, *has;
    } rows[] = {
        {CUSTOMER, "/de/customers", "{\"name\":\"Anna\"}", "\"name\": \"Anna\""},
        {CUSTOMER, "/gb/customers", "{\"name\":\"Bob\",\"code\":\"12\"}", "gb-c-12"},
        {VENDOR, "/de/vendors", "{\"name\":\"Zo\xc3\xab\"}", "Zo\xc3\xab"},
        {CATALOG, "/de/items", "{\"description\":\"MUG\",\"stock\":3}", "\"stock\": 3"},
    };
    struct town town;
    town_make(&town, "wide");
    for (size_t service = 0; service < ORDER; service++)
        town_start(&town, 0, service);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct talk c;
        char where[128], etag[80], text[512], more[128];
        assert_int_equal(
            town_ask(&town, 0, rows[i].service, &c, "POST", rows[i].target, "k", rows[i].body),
            201);
        assert_non_null(strstr(c.body, rows[i].has));
        snprintf(where, sizeof where, "%s", talk_header(&c, "Location"));
        snprintf(etag, sizeof etag, "%s", talk_header(&c, "ETag"));
        snprintf(text, sizeof text, "%s", c.body);
        assert_string_equal(talk_header(&c, "Content-Type"), "application/json");
        assert_int_equal(talk(&c, "GET", where, NULL, NULL, NULL), 200);
        assert_string_equal(c.body, text);
        assert_string_equal(talk_header(&c, "ETag"), etag);
        snprintf(more, sizeof more, "If-None-Match: \"x\", %s\r\n", etag);
        assert_int_equal(talk(&c, "GET", where, NULL, more, NULL), 304);
        assert_string_equal(talk_header(&c, "ETag"), etag);
        assert_int_equal(talk(&c, "HEAD", where, NULL, NULL, NULL), 200);
        assert_int_equal(talk(&c, "GET", rows[i].target, NULL, NULL, NULL), 200);
        assert_int_equal(town_count(c.body, "\"id\""), 1);
        assert_non_null(strstr(c.body, "\"next\": null"));
        talk_close(&c);
    }
    struct talk c;
    assert_int_equal(town_ask(&town, 0, CATALOG, &c, "GET", "/de/items?q=mu", NULL, NULL), 200);
    assert_int_equal(town_count(c.body, "\"id\""), 1);
    talk_close(&c);
    town_end(&town);
}

static void test_service_refuses_what_is_not_right(void **state)
{
    (void)state;
    static const char json[] = "Content-Type: application/json\r\n";
    static char large[300 * 1024];
    memset(large, ' ', sizeof large - 1);
    const struct {
        const char *method, *target, *key, *more, *body;
        int status;
    } rows[] = {
        {"GET", "/", NULL, NULL, NULL, 404},
        {"GET", "/de", NULL, NULL, NULL, 404},
        {"GET", "/de/orders", NULL, NULL, NULL, 404},
        {"GET", "/de/customers/", NULL, NULL, NULL, 404},
        {"GET", "/de/customers/de-c-404", NULL, NULL, NULL, 404},
        {"GET", "/de/customers/de-o-1", NULL, NULL, NULL, 404},
        {"GET", "/de/customers/what", NULL, NULL, NULL, 404},
        {"GET", "/de/customers/gb-c-1", NULL, NULL, NULL, 404}, /* of this cell, not of de */
        {"GET", "/de/customers/fr-c-1", NULL, NULL, NULL, 421},
        {"GET", "/fr/customers", NULL, NULL, NULL, 421},
        {"GET", "/fr/customers/de-c-1", NULL, NULL, NULL, 421},
        {"POST", "/fr/customers", "k", NULL, "{\"name\":\"A\"}", 421},
        {"GET", "/es/customers", NULL, NULL, NULL, 404}, /* of no cell at all */
        {"GET", "/de/customers?after=fr-c-1", NULL, NULL, NULL, 421},
        {"GET", "/de/customers?after=what", NULL, NULL, NULL, 400},
        {"GET", "/de/customers?limit=0", NULL, NULL, NULL, 400},
        {"GET", "/de/customers?limit=1001", NULL, NULL, NULL, 400},
        {"GET", "/de/customers?q=a", NULL, NULL, NULL, 400},
        {"GET", "/de/customers?customer=de-c-1", NULL, NULL, NULL, 400},
        {"GET", "/de/customers?x=y", NULL, NULL, NULL, 400},
        {"GET", "/de/customers/de-c-1?limit=100", NULL, NULL, NULL, 400},
        {"DELETE", "/de/customers", NULL, NULL, NULL, 405},
        {"PUT", "/de/customers/de-c-1", "k", NULL, "{}", 405},
        {"POST", "/de/customers/de-c-1", "k", NULL, "{}", 405},
        {"POST", "/health", "k", NULL, "{}", 405},
        {"POST", "/de/customers", NULL, NULL, "{\"name\":\"A\"}", 400},
        {"POST", "/de/customers", "a b", NULL, "{\"name\":\"A\"}", 400},
        {"POST", "/de/customers", "k", "Content-Type: text/plain\r\n", "{\"name\":\"A\"}", 415},
        {"POST", "/de/customers", "k", json, "{\"name\":", 400},
        {"POST", "/de/customers", "k", json, "{\"name\":\"\xc3\"}", 400},
        {"POST", "/de/customers", "k", json, NULL, 400},
        {"POST", "/de/customers", "k", json, "[]", 422},
        {"POST", "/de/customers", "k", json, "{}", 422},
        {"POST", "/de/customers", "k", json, "{\"name\":7}", 422},
        {"POST", "/de/customers", "k", json, "{\"name\":\"A\",\"x\":1}", 422},
        {"POST", "/de/customers", "k", json, "{\"name\":\"A\",\"code\":\"a/b\"}", 422},
        {"POST", "/de/customers", "k", json, large, 413},
        {"GET", "/de/customers", NULL, "Time-Left: soon\r\n", NULL, 400},
        {"GET", "/de/customers", NULL, "Time-Left: 0\r\n", NULL, 503},
    };
    struct town town;
    town_make(&town, "wide");
    town_start(&town, 0, CUSTOMER);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct talk c;
        talk_open(&c, town_port(&town, 0, CUSTOMER));
        int status =
            talk(&c, rows[i].method, rows[i].target, rows[i].key, rows[i].more, rows[i].body);
        if (status != rows[i].status)
            fail_msg("%s %s %.40s: %d %s", rows[i].method, rows[i].target,
                     rows[i].body == NULL ? "" : rows[i].body, status, c.body);
        assert_string_equal(talk_header(&c, "Content-Type"), "application/problem+json");
        if (status == 405)
            assert_non_null(strstr(talk_header(&c, "Allow"), "GET, HEAD"));
        talk_close(&c);
    }
    struct talk c;
    assert_int_equal(town_ask(&town, 0, CUSTOMER, &c, "GET", "/de/customers", NULL, NULL), 200);
    assert_int_equal(town_count(c.body, "\"id\""), 0);
    talk_close(&c);
    town_end(&town);
}

/* ---- the same write again ---- */

static void test_service_makes_one_row_of_the_same_write_at_the_same_time(void **state)
{
    (void)state;
    struct town town;
    struct talk c[MANY];
    char text[512] = "";
    town_make(&town, "wide");
    town_start(&town, 0, CUSTOMER);
    town_start(&town, 1, CUSTOMER);
    for (size_t i = 0; i < MANY; i++)
        talk_open(&c[i], town_port(&town, i % ZONES, CUSTOMER));
    for (size_t i = 0; i < MANY; i++)
        talk_send(&c[i], "POST", "/de/customers", "same", NULL, "{\"name\":\"A\"}");
    for (size_t i = 0; i < MANY; i++) {
        assert_true(talk_hear(&c[i], false));
        assert_int_equal(c[i].status, 201);
        if (i == 0)
            snprintf(text, sizeof text, "%s", c[i].body);
        assert_string_equal(c[i].body, text);
    }
    assert_int_equal(talk(&c[0], "POST", "/de/customers", "same", NULL, "{\"name\":\"B\"}"), 422);
    assert_int_equal(talk(&c[1], "GET", "/de/customers", NULL, NULL, NULL), 200);
    assert_int_equal(town_count(c[1].body, "\"id\""), 1);
    for (size_t i = 0; i < MANY; i++)
        talk_close(&c[i]);
    town_end(&town);
}

static void test_service_reserves_all_or_nothing_at_the_same_time(void **state)
{
    (void)state;
    enum { A = 30, B = 20, ORDERS = 48 };
    struct town town;
    struct talk c[ORDERS];
    int made = 0;
    town_make(&town, "wide");
    town_start(&town, 0, CATALOG);
    town_start(&town, 1, CATALOG);
    assert_int_equal(town_quick(&town, 0, CATALOG, "POST", "/de/items", "a",
                                "{\"description\":\"A\",\"stock\":30,\"code\":\"a\"}"),
                     201);
    assert_int_equal(town_quick(&town, 0, CATALOG, "POST", "/de/items", "b",
                                "{\"description\":\"B\",\"stock\":20,\"code\":\"b\"}"),
                     201);
    for (int i = 0; i < ORDERS; i++) {
        char body[160], key[16];
        snprintf(key, sizeof key, "%d", i / 2); /* each order asks twice */
        snprintf(body, sizeof body,
                 "{\"order\":\"de-o-%d\",\"lines\":[{\"item\":\"de-i-a\",\"quantity\":1},"
                 "{\"item\":\"de-i-b\",\"quantity\":1}]}",
                 i / 2);
        talk_open(&c[i], town_port(&town, (size_t)i % ZONES, CATALOG));
        talk_send(&c[i], "POST", "/de/reservations", key, NULL, body);
    }
    for (int i = 0; i < ORDERS; i++) {
        assert_true(talk_hear(&c[i], false));
        if (c[i].status == 201)
            made++;
        else
            assert_int_equal(c[i].status, 409);
    }
    assert_in_range(made, B, 2 * B);
    assert_int_equal(talk(&c[0], "GET", "/de/items/de-i-a", NULL, NULL, NULL), 200);
    assert_non_null(strstr(c[0].body, "\"stock\": 10\n"));
    assert_int_equal(talk(&c[0], "GET", "/de/items/de-i-b", NULL, NULL, NULL), 200);
    assert_non_null(strstr(c[0].body, "\"stock\": 0\n"));
    for (int i = 0; i < ORDERS; i++)
        talk_close(&c[i]);
    town_end(&town);
}

/* ---- full, dying, ending ---- */

/* Both customer replicas are sockets that say nothing. */
static void test_service_sheds_at_once_what_is_too_much(void **state)
{
    (void)state;
    struct town town;
    struct talk c[4];
    char key[4][24];
    town_make(&town, "narrow");
    int listener = talk_listen(town_port(&town, 0, CUSTOMER));
    town_start(&town, 0, ORDER);
    for (size_t i = 0; i < 4; i++) {
        snprintf(key[i], sizeof key[i], "k%zu", i);
        talk_open(&c[i], town_port(&town, 0, ORDER));
    }
    talk_send(&c[0], "POST", "/de/orders", key[0], NULL, order_body);
    int first = talk_accept(listener); /* runs */
    talk_take(first);
    talk_send(&c[1], "POST", "/de/orders", key[1], NULL, order_body);
    struct talk h; /* one more waits when health says so; then there is no more room */
    talk_open(&h, town_port(&town, 0, ORDER));
    do
        assert_int_equal(talk(&h, "GET", "/health", NULL, NULL, NULL), 200);
    while (strstr(h.body, "\"waiting\": 1") == NULL);
    for (size_t i = 2; i < 4; i++) {
        assert_int_equal(talk(&c[i], "POST", "/de/orders", key[i], NULL, order_body), 503);
        assert_string_equal(talk_header(&c[i], "Retry-After"), "1");
    }
    assert_int_equal(talk(&h, "GET", "/health", NULL, NULL, NULL), 200);
    assert_non_null(strstr(h.body, "\"shed\": 2"));
    talk_give(first, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_true(talk_hear(&c[0], false));
    assert_int_equal(c[0].status, 422);
    talk_take(first); /* the one that waited, on the same connection */
    talk_give(first, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_true(talk_hear(&c[1], false));
    assert_int_equal(c[1].status, 422);
    for (size_t i = 0; i < 4; i++)
        talk_close(&c[i]);
    talk_close(&h);
    close(first);
    close(listener);
    town_end(&town);
}

static bool nobody_listens(void *context)
{
    struct talk c;
    talk_open(&c, *(int *)context);
    bool nobody = c.fd < 0;
    talk_close(&c);
    return nobody;
}

static void test_service_finishes_what_runs_when_it_is_ended(void **state)
{
    (void)state;
    struct town town;
    struct talk c, idle;
    town_make(&town, "narrow");
    int listener = talk_listen(town_port(&town, 0, CUSTOMER)), port = town_port(&town, 0, ORDER);
    town_start(&town, 0, ORDER);
    talk_open(&idle, port);
    talk_open(&c, port);
    talk_send(&c, "POST", "/de/orders", "k", NULL, order_body);
    int first = talk_accept(listener);
    talk_take(first);
    kill(town.kid[0][ORDER].pid, SIGTERM);
    assert_true(eventually(nobody_listens, &port));
    talk_give(first, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_true(talk_hear(&c, false));
    assert_int_equal(c.status, 422);
    assert_false(talk_hear(&idle, false));
    talk_close(&c);
    talk_close(&idle);
    assert_int_equal(kid_wait(&town.kid[0][ORDER]), 0);
    close(first);
    close(listener);
    town_end(&town);
}

static void test_service_ends_though_something_never_does(void **state)
{
    (void)state;
    struct town town;
    struct talk c;
    town_make(&town, "narrow");
    int listener = talk_listen(town_port(&town, 0, CUSTOMER));
    town_start(&town, 0, ORDER);
    talk_open(&c, town_port(&town, 0, ORDER));
    talk_send(&c, "POST", "/de/orders", "k", NULL, order_body);
    int first = talk_accept(listener);
    talk_take(first);
    town_stop(&town, 0, ORDER);
    talk_close(&c);
    close(first);
    close(listener);
    town_end(&town);
}

static void test_service_loses_and_doubles_nothing_when_a_replica_is_killed(void **state)
{
    (void)state;
    enum { ROUNDS = 60, KILL_AT = 25 };
    struct town town;
    static char acked[ROUNDS * MANY][64];
    size_t ack_count = 0;
    town_make(&town, "wide");
    for (size_t zone = 0; zone < ZONES; zone++)
        town_start(&town, zone, CUSTOMER);
    struct talk c[MANY];
    for (size_t i = 0; i < MANY; i++)
        talk_open(&c[i], town_port(&town, i % ZONES, CUSTOMER));
    for (int round = 0; round < ROUNDS; round++) {
        char key[32];
        for (size_t i = 0; i < MANY; i++) {
            snprintf(key, sizeof key, "k-%d-%zu", round, i);
            talk_send(&c[i], "POST", "/de/customers", key, NULL, "{\"name\":\"A\"}");
        }
        if (round == KILL_AT) /* with requests on their way */
            kid_kill(&town.kid[0][CUSTOMER]);
        for (size_t i = 0; i < MANY; i++) {
            if (talk_hear(&c[i], false)) {
                assert_int_equal(c[i].status, 201);
            } else { /* again, elsewhere, with the same key: the first may have been kept */
                assert_true(round >= KILL_AT && i % ZONES == 0);
                talk_close(&c[i]);
                talk_open(&c[i], town_port(&town, 1, CUSTOMER));
                snprintf(key, sizeof key, "k-%d-%zu", round, i);
                assert_int_equal(
                    talk(&c[i], "POST", "/de/customers", key, NULL, "{\"name\":\"A\"}"), 201);
            }
            snprintf(acked[ack_count++], sizeof acked[0], "%s", talk_header(&c[i], "Location"));
        }
    }
    town_start(&town, 0, CUSTOMER); /* comes back to the same rows */
    for (size_t zone = 0; zone < ZONES; zone++) {
        struct talk l;
        assert_int_equal(
            town_ask(&town, zone, CUSTOMER, &l, "GET", "/de/customers?limit=1000", NULL, NULL),
            200);
        assert_int_equal(town_count(l.body, "\"id\""), ack_count);
        for (size_t i = 0; i < ack_count; i++)
            assert_int_equal(town_count(l.body, acked[i] + strlen("/de/customers/")), 1);
        talk_close(&l);
    }
    for (size_t i = 0; i < MANY; i++)
        talk_close(&c[i]);
    town_end(&town);
}

static void test_service_refuses_a_replica_that_runs_already(void **state)
{
    (void)state;
    struct town town;
    char line[512];
    town_make(&town, "wide");
    town_start(&town, 0, VENDOR);
    struct kid first = town.kid[0][VENDOR];
    town_begin(&town, 0, VENDOR, line, sizeof line);
    assert_non_null(strstr(line, "de/a/vendor: "));
    int status = kid_wait(&town.kid[0][VENDOR]);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    town.kid[0][VENDOR] = first;
    assert_int_equal(town_quick(&town, 0, VENDOR, "GET", "/health", NULL, NULL), 200);
    town_end(&town);
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Two at a time, 30 ms each: six take three times as long as one. */
static void test_service_spends_the_time_of_the_topology(void **state)
{
    (void)state;
    enum { REQUESTS = 6 };
    struct town town;
    struct talk c[REQUESTS];
    town_make(&town, "slow");
    town_start(&town, 0, VENDOR);
    int64_t start_us = now_us();
    for (size_t i = 0; i < REQUESTS; i++) {
        talk_open(&c[i], town_port(&town, 0, VENDOR));
        talk_send(&c[i], "GET", "/de/vendors", NULL, NULL, NULL);
    }
    for (size_t i = 0; i < REQUESTS; i++) {
        assert_true(talk_hear(&c[i], false));
        assert_int_equal(c[i].status, 200);
        talk_close(&c[i]);
    }
    assert_true(now_us() - start_us >= 85000); /* timers count in milliseconds */
    town_end(&town);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_makes_reads_and_lists_records),
        cmocka_unit_test(test_service_refuses_what_is_not_right),
        cmocka_unit_test(test_service_makes_one_row_of_the_same_write_at_the_same_time),
        cmocka_unit_test(test_service_reserves_all_or_nothing_at_the_same_time),
        cmocka_unit_test(test_service_sheds_at_once_what_is_too_much),
        cmocka_unit_test(test_service_finishes_what_runs_when_it_is_ended),
        cmocka_unit_test(test_service_ends_though_something_never_does),
        cmocka_unit_test(test_service_loses_and_doubles_nothing_when_a_replica_is_killed),
        cmocka_unit_test(test_service_refuses_a_replica_that_runs_already),
        cmocka_unit_test(test_service_spends_the_time_of_the_topology),
    };
    int status;
    if (town_role(argc, argv, &status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
