/* Tests of control/live/door.h: what passes through the door, and what is tried again. A real door
 * process; replicas that do as they are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/shop.h"

enum { MANY = 300, HUNDREDS = 600 };

/* Tries are found again by the number that their request bears. A client may send a request twice
 * to a replica whose kept connection broke, and that counts as one try. */
struct record {
    enum replica_mode first; /* what to do in the zone of each request's first try */
    size_t tries[HUNDREDS];
    size_t zone[HUNDREDS]; /* of the first try */
    size_t elsewhere[HUNDREDS];
    char key[256]; /* the last one seen; "" for none */
    size_t keys_changed;
    char head[8192]; /* of the last try */
    char *body;
    size_t len;
};

static enum replica_mode judge(void *context, struct replica *r, const char *head, const char *body,
                               size_t len)
{
    struct record *seen = context;
    const char *text = replica_header(head, "X-Number");
    size_t number = text == NULL ? 0 : (size_t)strtoul(text, NULL, 10);
    assert_true(number < HUNDREDS);
    if (seen->tries[number]++ == 0)
        seen->zone[number] = r->zone;
    const char *key = replica_header(head, "Idempotency-Key");
    if (seen->tries[number] > 1 && strcmp(seen->key, key == NULL ? "" : key) != 0)
        seen->keys_changed++;
    snprintf(seen->key, sizeof seen->key, "%s", key == NULL ? "" : key);
    snprintf(seen->head, sizeof seen->head, "%s", head);
    free(seen->body);
    seen->body = malloc(len + 1);
    assert_non_null(seen->body);
    memcpy(seen->body, body, len);
    seen->len = len;
    if (seen->zone[number] == r->zone)
        return seen->first;
    seen->elsewhere[number]++;
    return REPLICA_ANSWERS;
}

static void ask_number(struct shop *s, struct ask *a, const char *method, const char *target,
                       size_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", number);
    const struct http_header headers[] = {{"X-Number", text}};
    shop_ask(s, a, method, target, headers, 1, NULL, 0);
}

/* ---- what passes ---- */

static void test_door_serves_without_anyone(void **state)
{
    static const struct {
        const char *method, *target;
        int status;
    } rows[] = {
        {"GET", "/", 200},
        {"GET", "/health", 200},
        {"GET", "/?x", 200},
        {"POST", "/", 405},
        {"GET", "/es/items", 404},
        {"GET", "/DE/items", 404},
        {"GET", "/de", 404},
        {"POST", "/de/reservations", 404},
        {"GET", "/de/health", 404},
        {"GET", "/status", 404},
        {"GET", "/de/items", 503},
        {"POST", "/de/orders", 503},
        {"OPTIONS", "/de/items", 503},
    };
    struct shop s;
    struct arena arena = {0};
    (void)state;
    shop_open(&s, "");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ask a;
        shop_ask(&s, &a, rows[i].method, rows[i].target, NULL, 0, NULL, 0);
        SHOP_UNTIL(&s, a.done);
        if (a.status != rows[i].status)
            fail_msg("%s %s: %d %s", rows[i].method, rows[i].target, a.status, a.body);
        assert_int_equal(strstr(a.head, "Retry-After: ") != NULL, a.status == 503);
        assert_int_equal(strstr(a.head, "application/problem+json") != NULL,
                         a.status == 503 || a.status == 404);
        ask_release(&a);
    }
    struct ask a = shop_get(&s, "/");
    assert_non_null(strstr(a.body, "\"countries\": [\"de\", \"fr\"]"));
    ask_release(&a);
    struct status status = shop_status(&s, &arena);
    assert_int_equal(status.requests, 3);
    assert_int_equal(status.lost, 3);
    arena_release(&arena);
    shop_close(&s);
}

static void test_door_passes_a_request_as_it_is(void **state)
{
    static const char body[] = "any \0 bytes \xff";
    static const struct http_header headers[] = {
        {"X-One", "1"},          {"If-None-Match", "\"7\""}, {"Accept-Language", "de, en;q=0.5"},
        {"X-One", "2"},          {"Prefer", "wait=5"},       {"Idempotency-Key", "mine"},
        {"Content-Type", "a/b"}, {"Priority", "u=7"}};
    static const char *const same[] = {"POST /de/orders/de-o-1?a=%2f&b HTTP/1.1\r\n",
                                       "\r\nX-One: 1\r\n",
                                       "\r\nX-One: 2\r\n",
                                       "\r\nIf-None-Match: \"7\"\r\n",
                                       "\r\nAccept-Language: de, en;q=0.5\r\n",
                                       "\r\nPrefer: wait=5\r\n",
                                       "\r\nIdempotency-Key: mine\r\n",
                                       "\r\nContent-Type: a/b\r\n",
                                       "\r\nPriority: u=7\r\n"};
    struct record seen = {.first = REPLICA_ANSWERS};
    struct shop s;
    struct ask a;
    (void)state;
    shop_open(&s, "");
    shop_staff(&s, SHOP_DE, LAYOUT_ORDER, REPLICA_ANSWERS, judge, &seen);
    shop_ask(&s, &a, "POST", "/de/orders/de-o-1?a=%2f&b", headers,
             sizeof headers / sizeof headers[0], body, sizeof body);
    assert_int_equal(shop_wait(&s, &a, 1, 200), 1);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        if (strstr(seen.head, same[i]) == NULL)
            fail_msg("%s is not in %s", same[i], seen.head);
    assert_int_equal(seen.len, sizeof body);
    assert_memory_equal(seen.body, body, sizeof body);
    free(seen.body);
    shop_close(&s);
}

/* Each country's request goes to its own cell, each path to its own service. */
static void test_door_sends_to_cell_and_service(void **state)
{
    static const struct {
        const char *target;
        size_t cell;
        enum layout_service kind;
    } rows[] = {
        {"/de/customers", SHOP_DE, LAYOUT_CUSTOMER}, {"/de/vendors", SHOP_DE, LAYOUT_VENDOR},
        {"/de/items", SHOP_DE, LAYOUT_CATALOG},      {"/de/orders", SHOP_DE, LAYOUT_ORDER},
        {"/fr/customers", SHOP_FR, LAYOUT_CUSTOMER}, {"/fr/items?q=a", SHOP_FR, LAYOUT_CATALOG},
    };
    struct shop s;
    (void)state;
    shop_open(&s, "");
    for (size_t cell = 0; cell < SHOP_CELLS; cell++)
        for (int kind = LAYOUT_CUSTOMER; kind <= LAYOUT_ORDER; kind++)
            shop_staff(&s, cell, (enum layout_service)kind, REPLICA_ANSWERS, NULL, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ask a = shop_get(&s, rows[i].target);
        assert_int_equal(a.status, 200);
        ask_release(&a);
        assert_int_equal(shop_requests(&s, rows[i].cell, rows[i].kind), 1);
    }
    shop_close(&s);
}

static void test_door_passes_an_answer_as_it_is(void **state)
{
    static const char reply[] = "HTTP/1.1 409 Conflict\r\nLocation: /de/orders/de-o-1\r\n"
                                "ETag: \"1\"\r\nX-Two: a\r\nX-Two: b\r\nKeep-Alive: timeout=5\r\n"
                                "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
                                "Content-Type: application/problem+json\r\n"
                                "Content-Length: 6\r\n\r\nab\0cd\n";
    struct shop s;
    (void)state;
    shop_open(&s, "");
    shop_staff(&s, SHOP_DE, LAYOUT_ORDER, REPLICA_ANSWERS, NULL, NULL);
    for (size_t z = 0; z < SHOP_ZONES; z++) {
        shop_replica(&s, SHOP_DE, z, LAYOUT_ORDER)->reply = reply;
        shop_replica(&s, SHOP_DE, z, LAYOUT_ORDER)->reply_len = sizeof reply - 1;
    }
    struct ask a = shop_get(&s, "/de/orders/1");
    assert_int_equal(a.status, 409);
    assert_int_equal(a.len, 6);
    assert_memory_equal(a.body, "ab\0cd\n", 6);
    assert_non_null(strstr(a.head, "Location: /de/orders/de-o-1\n"));
    assert_non_null(strstr(a.head, "ETag: \"1\"\n"));
    assert_non_null(strstr(a.head, "X-Two: a\nX-Two: b\n"));
    assert_non_null(strstr(a.head, "Content-Type: application/problem+json\n"));
    assert_null(strstr(a.head, "Keep-Alive"));
    assert_null(strstr(a.head, "X-Hop"));
    ask_release(&a);
    shop_close(&s);
}

static void test_door_passes_bodies_of_a_megabyte(void **state)
{
    enum { UP = 1 << 20, DOWN = 8 << 20 };
    struct record seen = {.first = REPLICA_ANSWERS};
    struct shop s;
    struct ask a;
    char *reply = malloc(DOWN + 128);
    char *body = malloc(UP + 1);
    (void)state;
    assert_true(reply != NULL && body != NULL);
    size_t head =
        (size_t)snprintf(reply, 128, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", DOWN);
    for (size_t i = 0; i < DOWN; i++)
        reply[head + i] = (char)(i * 7 + (i >> 9));
    for (size_t i = 0; i <= UP; i++)
        body[i] = (char)(i * 5 + (i >> 8));
    shop_open(&s, "\"timeout\": \"20s\"");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, judge, &seen);
    for (size_t z = 0; z < SHOP_ZONES; z++) {
        shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->reply = reply;
        shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->reply_len = head + DOWN;
    }
    shop_ask(&s, &a, "POST", "/de/items", NULL, 0, body, UP);
    SHOP_UNTIL(&s, a.done);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.len, DOWN);
    assert_memory_equal(a.body, reply + head, DOWN);
    assert_int_equal(seen.len, UP);
    assert_memory_equal(seen.body, body, UP);
    ask_release(&a);
    shop_ask(&s, &a, "POST", "/de/items", NULL, 0, body, UP + 1);
    assert_int_equal(shop_wait(&s, &a, 1, 413), 1);
    free(seen.body);
    shop_close(&s);
    free(reply);
    free(body);
}

/* ---- keys ---- */

static void test_door_gives_writes_a_key(void **state)
{
    static const char *const writes[] = {"POST", "PUT", "PATCH", "DELETE"};
    static const char *const reads[] = {"GET", "HEAD", "OPTIONS"};
    struct record seen = {.first = REPLICA_ANSWERS};
    struct shop s;
    char before[64] = "";
    (void)state;
    shop_open(&s, "");
    shop_staff(&s, SHOP_DE, LAYOUT_ORDER, REPLICA_ANSWERS, judge, &seen);
    for (size_t i = 0; i < 100; i++) { /* more than one helping of random bytes */
        struct ask a;
        shop_ask(&s, &a, writes[i % 4], "/de/orders", NULL, 0, NULL, 0);
        assert_int_equal(shop_wait(&s, &a, 1, 200), 1);
        assert_int_equal(strlen(seen.key), 32);
        assert_int_equal(strspn(seen.key, "0123456789abcdef"), 32);
        assert_string_not_equal(seen.key, before);
        memcpy(before, seen.key, 33);
    }
    for (size_t i = 0; i < 3; i++) {
        struct ask a;
        shop_ask(&s, &a, reads[i], "/de/orders", NULL, 0, NULL, 0);
        seen.first = REPLICA_ANSWERS;
        if (i == 1) /* the replica by hand sends a body, which HEAD has not */
            for (size_t z = 0; z < SHOP_ZONES; z++) {
                static const char bodiless[] = "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n";
                shop_replica(&s, SHOP_DE, z, LAYOUT_ORDER)->reply = bodiless;
                shop_replica(&s, SHOP_DE, z, LAYOUT_ORDER)->reply_len = sizeof bodiless - 1;
            }
        else
            for (size_t z = 0; z < SHOP_ZONES; z++)
                shop_replica(&s, SHOP_DE, z, LAYOUT_ORDER)->reply = NULL;
        assert_int_equal(shop_wait(&s, &a, 1, 200), 1);
        assert_string_equal(seen.key, "");
    }
    free(seen.body);
    shop_close(&s);
}

static void test_door_repeats_a_write_with_the_same_key(void **state)
{
    static const struct http_header given[] = {{"idempotency-key", "a-key-of-mine"}};
    struct shop s;
    (void)state;
    shop_open(&s, "");
    for (size_t count = 0; count <= 1; count++) {
        struct record seen = {.first = REPLICA_RESETS};
        struct ask a;
        shop_staff(&s, SHOP_DE, LAYOUT_ORDER, REPLICA_ANSWERS, judge, &seen);
        shop_ask(&s, &a, "POST", "/de/orders", given, count, "{}", 2);
        assert_int_equal(shop_wait(&s, &a, 1, 200), 1);
        assert_int_equal(seen.elsewhere[0], 1);
        assert_int_equal(seen.keys_changed, 0);
        assert_int_equal(strlen(seen.key), count == 0 ? 32 : 13);
        assert_int_equal(seen.len, 2);
        free(seen.body);
    }
    shop_close(&s);
}

/* ---- deadlines ---- */

static void test_door_tells_replicas_how_long_it_waits(void **state)
{
    static const struct {
        const char *left; /* what the client says; NULL: nothing */
        long most_ms;     /* a replica hears at most this */
    } rows[] = {{NULL, 2000}, {"60000", 2000}, {"1500", 1500}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct record seen = {.first = REPLICA_SHEDS};
        const struct http_header header = {"Time-Left", rows[i].left};
        struct shop s;
        struct ask a;
        shop_open(&s, "\"timeout\": \"2s\"");
        shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, judge, &seen);
        shop_ask(&s, &a, "GET", "/de/items", &header, rows[i].left != NULL, NULL, 0);
        assert_int_equal(shop_wait(&s, &a, 1, 200), 1);
        assert_int_equal(seen.tries[0], 2);
        const char *told = replica_header(seen.head, "Time-Left");
        assert_non_null(told);
        assert_in_range(strtol(told, NULL, 10), 1, rows[i].most_ms);
        assert_null(strstr(strstr(seen.head, "Time-Left") + 1, "Time-Left"));
        free(seen.body);
        shop_close(&s);
    }
}

static void test_door_waits_no_longer_than_its_client(void **state)
{
    static const struct {
        const char *left;
        int status;
        size_t requests; /* that replicas got in all */
    } rows[] = {{"0", 504, 0}, {"soon", 400, 0}, {"100", 504, 1}};
    struct shop s;
    (void)state;
    shop_open(&s, "\"timeout\": \"60s\", \"tries\": 3");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct http_header header = {"Time-Left", rows[i].left};
        struct ask a;
        shop_ask(&s, &a, "GET", "/de/items", &header, 1, NULL, 0);
        SHOP_UNTIL(&s, a.done);
        assert_int_equal(a.status, rows[i].status);
        if (a.status == 504)
            assert_non_null(strstr(a.body, "nobody waits so long"));
        ask_release(&a);
        assert_int_equal(shop_requests(&s, SHOP_DE, LAYOUT_CATALOG), rows[i].requests);
    }
    shop_close(&s);
}

/* ---- second copies ---- */

/* A zone that is slow: after a hundred answers a second copy goes to another one, and the first
 * that answers wins. */
static void test_door_asks_another_zone_when_one_is_slow(void **state)
{
    struct shop s;
    struct arena arena = {0};
    (void)state;
    shop_open(&s, "\"timeout\": \"60s\", \"tries\": 1, \"hedge\": 1, \"eject_failures\": 1000000");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    for (int i = 0; i < 150; i++) {
        struct ask a = shop_get(&s, "/de/items");
        assert_int_equal(a.status, 200);
        ask_release(&a);
    }
    struct replica *slow = shop_replica(&s, SHOP_DE, 1, LAYOUT_CATALOG);
    size_t before = slow->requests;
    slow->mode = REPLICA_HOLDS;
    for (int i = 0; i < 50; i++) {
        struct ask a = shop_get(&s, "/de/items");
        assert_int_equal(a.status, 200);
        ask_release(&a);
    }
    assert_true(slow->requests > before); /* it is asked as before, */
    SHOP_UNTIL(&s, slow->held == 0);      /* and left alone when another one has answered */
    struct status status = shop_status(&s, &arena);
    assert_int_equal(status.requests, 200);
    assert_int_equal(status.lost, 0);
    arena_release(&arena);
    shop_close(&s);
}

/* ---- tries ---- */

static void test_door_tries_again_in_another_zone(void **state)
{
    static const enum replica_mode modes[] = {REPLICA_SHEDS,    REPLICA_GARBLES, REPLICA_CUTS,
                                              REPLICA_HANGS_UP, REPLICA_RESETS,  REPLICA_HOLDS};
    static struct ask asks[MANY];
    struct shop s;
    (void)state;
    shop_open(&s, "\"timeout\": \"1s\", \"retry_budget\": 1, \"eject_failures\": 1000000, "
                  "\"backoff\": \"1ms\", \"tries\": 2");
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct record seen = {.first = modes[i]};
        shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, judge, &seen);
        for (size_t k = 0; k < MANY; k++)
            ask_number(&s, &asks[k], k % 2 == 0 ? "GET" : "POST", "/de/items", k);
        assert_int_equal(shop_wait(&s, asks, MANY, 200), MANY);
        for (size_t k = 0; k < MANY; k++)
            if (seen.elsewhere[k] != 1)
                fail_msg("mode %d: request %zu was tried %zu times elsewhere", (int)modes[i], k,
                         seen.elsewhere[k]);
        free(seen.body);
    }
    shop_close(&s);
}

static void test_door_loses_nothing_when_a_replica_dies(void **state)
{
    static struct ask asks[HUNDREDS];
    struct shop s;
    struct arena arena = {0};
    (void)state;
    shop_open(&s, "\"timeout\": \"20s\", \"tries\": 2");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    for (size_t i = 0; i < HUNDREDS; i++)
        ask_number(&s, &asks[i], i % 2 == 0 ? "GET" : "POST", "/de/items", i);
    SHOP_UNTIL(&s, shop_held(&s, SHOP_DE, LAYOUT_CATALOG) == HUNDREDS);
    struct replica *victim = shop_replica(&s, SHOP_DE, 1, LAYOUT_CATALOG);
    size_t lost = victim->held;
    assert_true(lost > HUNDREDS / 5); /* the load was spread */
    replica_kill(victim);
    SHOP_UNTIL(&s, shop_held(&s, SHOP_DE, LAYOUT_CATALOG) == HUNDREDS);
    assert_int_equal(shop_requests(&s, SHOP_DE, LAYOUT_CATALOG), HUNDREDS + lost);
    for (size_t z = 0; z < SHOP_ZONES; z++)
        shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->mode = REPLICA_ANSWERS;
    shop_release(&s, SHOP_DE, LAYOUT_CATALOG);
    assert_int_equal(shop_wait(&s, asks, HUNDREDS, 200), HUNDREDS);
    for (size_t i = 0; i < HUNDREDS; i++) /* now it refuses */
        ask_number(&s, &asks[i], i % 2 == 0 ? "GET" : "POST", "/de/items", i);
    assert_int_equal(shop_wait(&s, asks, HUNDREDS, 200), HUNDREDS);
    struct status status = shop_status(&s, &arena);
    assert_int_equal(status.requests, 2 * HUNDREDS);
    assert_int_equal(status.lost, 0);
    assert_true(status.cells[SHOP_DE].errors == 0);
    assert_true(status.cells[SHOP_DE].zones[1].errors > 0);
    assert_non_null(strstr(status.cells[SHOP_DE].zones[1].why, "catalog"));
    arena_release(&arena);
    shop_close(&s);
}

/* A connection that was kept, and closed by the replica, is no failure. */
static void test_door_survives_closed_connections(void **state)
{
    struct shop s;
    struct arena arena = {0};
    (void)state;
    shop_open(&s, "\"tries\": 1");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    for (size_t i = 0; i < 50; i++) {
        struct ask a;
        shop_ask(&s, &a, i % 2 == 0 ? "GET" : "POST", "/de/items", NULL, 0, NULL, 0);
        assert_int_equal(shop_wait(&s, &a, 1, 200), 1);
        for (size_t z = 0; z < SHOP_ZONES; z++)
            replica_drop_idle(shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG));
    }
    assert_int_equal(shop_status(&s, &arena).lost, 0);
    arena_release(&arena);
    shop_close(&s);
}

static void test_door_waits_for_each_try_no_longer_than_the_timeout(void **state)
{
    enum { TIMEOUT_MS = 200 };
    struct shop s;
    (void)state;
    shop_open(&s, "\"timeout\": \"200ms\", \"tries\": 2, \"backoff\": \"1ms\"");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    uint64_t begin_ns = uv_hrtime();
    struct ask a = shop_get(&s, "/de/items");
    uint64_t ms = (uv_hrtime() - begin_ns) / 1000000;
    assert_int_equal(a.status, 504);
    assert_non_null(strstr(a.head, "Retry-After: "));
    assert_non_null(strstr(a.body, "timeout"));
    assert_int_equal(shop_requests(&s, SHOP_DE, LAYOUT_CATALOG), 2);
    assert_true(ms >= 2 * TIMEOUT_MS - 2);
    assert_true(ms < 10 * 2 * TIMEOUT_MS);
    ask_release(&a);
    shop_close(&s);
}

static void test_door_says_at_once_that_all_are_dead(void **state)
{
    static struct ask asks[MANY];
    struct shop s;
    (void)state;
    shop_open(&s, "\"timeout\": \"20s\", \"tries\": 3");
    uint64_t begin_ns = uv_hrtime();
    for (size_t i = 0; i < MANY; i++)
        ask_number(&s, &asks[i], "GET", "/de/items", i);
    assert_int_equal(shop_wait(&s, asks, MANY, 503), MANY);
    assert_true(uv_hrtime() - begin_ns < UINT64_C(5) * 1000000000);
    shop_close(&s);
}

static void test_door_retries_stay_within_the_budget(void **state)
{
    static struct ask asks[HUNDREDS];
    struct shop s;
    (void)state;
    shop_open(&s, "\"retry_budget\": 0.1, \"tries\": 10, \"eject_failures\": 1000000, "
                  "\"backoff\": \"1ms\"");
    /* FR's peak of 50 requests/s gives the least bucket, of 100 tokens. */
    shop_staff(&s, SHOP_FR, LAYOUT_CATALOG, REPLICA_SHEDS, NULL, NULL);
    size_t sent = 0;
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < HUNDREDS; i++)
            ask_number(&s, &asks[i], "GET", "/fr/items", i);
        for (size_t i = 0; i < HUNDREDS; i++)
            SHOP_UNTIL(&s, asks[i].done);
        assert_string_equal(asks[HUNDREDS - 1].body, "full\n"); /* the replica's own words */
        assert_non_null(strstr(asks[HUNDREDS - 1].head, "Retry-After: 7\n"));
        assert_int_equal(shop_wait(&s, asks, HUNDREDS, 503), HUNDREDS);
        sent += HUNDREDS;
    }
    size_t tries = shop_requests(&s, SHOP_FR, LAYOUT_CATALOG);
    assert_true(tries <= sent + 100 + sent / 10);
    assert_true(tries >= sent + 100 + sent / 10 - HUNDREDS / 10 - 2); /* the first round earns
                                                                         into a full bucket */
    shop_close(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_door_serves_without_anyone),
        cmocka_unit_test(test_door_passes_a_request_as_it_is),
        cmocka_unit_test(test_door_sends_to_cell_and_service),
        cmocka_unit_test(test_door_passes_an_answer_as_it_is),
        cmocka_unit_test(test_door_passes_bodies_of_a_megabyte),
        cmocka_unit_test(test_door_gives_writes_a_key),
        cmocka_unit_test(test_door_repeats_a_write_with_the_same_key),
        cmocka_unit_test(test_door_tells_replicas_how_long_it_waits),
        cmocka_unit_test(test_door_waits_no_longer_than_its_client),
        cmocka_unit_test(test_door_asks_another_zone_when_one_is_slow),
        cmocka_unit_test(test_door_tries_again_in_another_zone),
        cmocka_unit_test(test_door_loses_nothing_when_a_replica_dies),
        cmocka_unit_test(test_door_survives_closed_connections),
        cmocka_unit_test(test_door_waits_for_each_try_no_longer_than_the_timeout),
        cmocka_unit_test(test_door_says_at_once_that_all_are_dead),
        cmocka_unit_test(test_door_retries_stay_within_the_budget),
    };
    int status;
    if (shop_is_door(argc, argv, &status))
        return status;
    return cmocka_run_group_tests_name("door", tests, NULL, NULL);
}
