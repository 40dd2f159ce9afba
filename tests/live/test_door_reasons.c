/* Tests of control/live/door_reasons.h and door_stats.h: what a door has switched off says so in
 * its status, with rule, numbers and end; and what it lost is explained. A real door process,
 * replicas that do as they are told. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/shop.h"

enum { ASKS = 300 };
static struct ask asks[ASKS];

/* The first reason of this kind; NULL: there is none. */
static const struct status_reason *reason(struct shop *s, enum status_what what, struct arena *a)
{
    struct status status = shop_status(s, a);
    assert_int_equal(status.door_count, 1);
    const struct status_door *door = &status.doors[0];
    for (size_t i = 0; i < door->reason_count; i++)
        if (door->reasons[i].what == (int)what)
            return &door->reasons[i];
    return NULL;
}

/* Lost requests by this rule and last answer; all of them must be in the list. */
static int64_t lost(struct shop *s, enum status_rule rule, const char *last)
{
    struct arena a = {0};
    struct status status = shop_status(s, &a);
    const struct status_door *door = &status.doors[0];
    int64_t count = 0, all = 0;
    for (size_t i = 0; i < door->loss_count; i++) {
        const struct status_loss *l = &door->losses[i];
        all += l->count;
        if (l->rule == (int)rule && strcmp(l->last, last) == 0)
            count += l->count;
    }
    assert_int_equal(all, door->lost);
    assert_int_equal(door->lost, status.lost);
    arena_release(&a);
    return count;
}

static void ask_many(struct shop *s, const char *target, size_t count, int status)
{
    for (size_t i = 0; i < count; i++)
        shop_ask(s, &asks[i], "GET", target, NULL, 0, NULL, 0);
    assert_int_equal(shop_wait(s, asks, count, status), count);
}

static void assert_says(const char *text, const char *expected)
{
    if (strstr(text, expected) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", expected, text);
}

/* ---- what is switched off ---- */

static void test_door_says_until_when_a_replica_is_left_out(void **state)
{
    struct shop s;
    struct arena a = {0};
    const struct status_reason *r;
    (void)state;
    shop_open(&s, "\"eject_failures\": 3, \"eject_for\": \"1h\"");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    assert_null(reason(&s, STATUS_LEFT_OUT, &a));
    shop_replica(&s, SHOP_DE, 1, LAYOUT_CATALOG)->mode = REPLICA_HANGS_UP;
    while ((r = reason(&s, STATUS_LEFT_OUT, &a)) == NULL)
        ask_many(&s, "/de/items", 1, 200);
    assert_string_equal(r->cell, "de");
    assert_string_equal(r->zone, "b");
    assert_string_equal(r->service, "catalog");
    assert_in_range(r->until_ms, 60000, 3600000); /* a part of it the first time */
    assert_in_range(r->since_ms, 0, 60000);
    assert_string_equal(r->why, "3 failures in a row, last reset");
    assert_int_equal(shop_status(&s, &a).doors[0].reason_count, 1);
    arena_release(&a);
    shop_close(&s);
}

static void test_door_says_that_a_request_will_tell(void **state)
{
    struct shop s;
    struct arena a = {0};
    const struct status_reason *r;
    (void)state;
    shop_open(&s, "\"eject_failures\": 1, \"eject_for\": \"50ms\", \"timeout\": \"60s\"");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    struct replica *bad = shop_replica(&s, SHOP_DE, 1, LAYOUT_CATALOG);
    replica_kill(bad);
    while ((r = reason(&s, STATUS_LEFT_OUT, &a)) == NULL)
        ask_many(&s, "/de/items", 1, 200);
    assert_says(r->why, "1 failure in a row, last refused");
    SHOP_UNTIL(&s, reason(&s, STATUS_LEFT_OUT, &a)->until_ms == 0); /* nobody has asked since */
    bad->mode = REPLICA_HOLDS;
    replica_open(bad, &s.loop, bad->port);
    size_t sent = 0;
    while (bad->held == 0) { /* its trial; the others are answered */
        shop_ask(&s, &asks[sent], "GET", "/de/items", NULL, 0, NULL, 0);
        SHOP_UNTIL(&s, asks[sent].done || bad->held > 0);
        sent += 1;
        assert_true(sent < ASKS);
    }
    assert_says(reason(&s, STATUS_LEFT_OUT, &a)->why, "a trial is under way");
    replica_release(bad);
    assert_int_equal(shop_wait(&s, asks, sent, 200), sent);
    assert_null(reason(&s, STATUS_LEFT_OUT, &a));
    arena_release(&a);
    shop_close(&s);
}

static void test_door_says_the_arithmetic_of_panic(void **state)
{
    struct shop s;
    struct arena a = {0};
    const struct status_reason *r;
    (void)state;
    shop_open(&s, "\"eject_failures\": 1, \"eject_for\": \"1h\", \"panic\": 0.5, \"tries\": 3");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    replica_kill(shop_replica(&s, SHOP_DE, 0, LAYOUT_CATALOG));
    replica_kill(shop_replica(&s, SHOP_DE, 1, LAYOUT_CATALOG));
    while ((r = reason(&s, STATUS_PANIC, &a)) == NULL) { /* guesses may all be wrong */
        struct ask one = shop_get(&s, "/de/items");
        ask_release(&one);
    }
    assert_string_equal(r->why, "1 of 3 take part, less than 50 %");
    assert_string_equal(r->service, "catalog");
    assert_int_equal(r->until_ms, -1);
    replica_kill(shop_replica(&s, SHOP_DE, 2, LAYOUT_CATALOG));
    while (strstr(reason(&s, STATUS_PANIC, &a)->why, "none of 3 takes part") == NULL)
        ask_many(&s, "/de/items", 1, 503);
    arena_release(&a);
    shop_close(&s);
}

static void test_door_says_that_retries_are_off(void **state)
{
    struct shop s;
    struct arena a = {0};
    const struct status_reason *r;
    (void)state;
    shop_open(&s, "\"eject_failures\": 1000000, \"retry_budget\": 0.1, \"tries\": 2");
    shop_staff(&s, SHOP_FR, LAYOUT_CATALOG, REPLICA_SHEDS, NULL, NULL);
    ask_many(&s, "/fr/items", 1, 503);
    struct status status = shop_status(&s, &a);
    assert_int_equal(status.doors[0].budget_count, 1);
    const struct status_budget *budget = &status.doors[0].budgets[0];
    assert_string_equal(budget->cell, "fr");
    assert_string_equal(budget->of, "retries");
    assert_true(budget->full >= 100 && budget->earned == 0.1);
    assert_true(fabs(budget->full - budget->left - 1) < 1e-9);
    assert_null(reason(&s, STATUS_RETRIES_OFF, &a));
    assert_int_equal(lost(&s, STATUS_BY_TRIES, "503"), 1);
    ask_many(&s, "/fr/items", ASKS, 503);
    r = reason(&s, STATUS_RETRIES_OFF, &a);
    assert_non_null(r);
    assert_string_equal(r->service, "");
    assert_says(r->why, " tokens left, each takes 1 and a request earns 0.10; ");
    assert_says(r->why, " refused");
    assert_true(lost(&s, STATUS_BY_BUDGET, "503") > 30);
    assert_int_equal(lost(&s, STATUS_BY_TRIES, "503") + lost(&s, STATUS_BY_BUDGET, "503"),
                     1 + ASKS);
    arena_release(&a);
    shop_close(&s);
}

static void test_door_says_that_second_copies_are_off(void **state)
{
    struct shop s;
    struct arena a = {0};
    (void)state;
    shop_open(&s, "\"timeout\": \"60s\", \"tries\": 1, \"hedge\": 0.001, "
                  "\"eject_failures\": 1000000");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    ask_many(&s, "/de/items", ASKS, 200);
    for (size_t z = 0; z < SHOP_ZONES; z++)
        shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->mode = REPLICA_HOLDS;
    for (size_t i = 0; i < ASKS; i++)
        shop_ask(&s, &asks[i], "GET", "/de/items", NULL, 0, NULL, 0);
    SHOP_UNTIL(&s, reason(&s, STATUS_COPIES_OFF, &a) != NULL);
    const struct status_reason *r = reason(&s, STATUS_COPIES_OFF, &a);
    assert_string_equal(r->service, "catalog");
    assert_says(r->why, " tokens left, each takes 1");
    shop_release(&s, SHOP_DE, LAYOUT_CATALOG);
    for (size_t z = 0; z < SHOP_ZONES; z++)
        shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->mode = REPLICA_ANSWERS;
    assert_int_equal(shop_wait(&s, asks, ASKS, 200), ASKS);
    arena_release(&a);
    shop_close(&s);
}

static void test_door_says_what_its_breaker_refuses(void **state)
{
    struct shop s;
    struct arena a = {0};
    (void)state;
    shop_open(&s, "\"breaker\": 2, \"tries\": 1, \"eject_failures\": 1000000");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_SHEDS, NULL, NULL);
    ask_many(&s, "/de/items", ASKS, 503);
    const struct status_reason *r = reason(&s, STATUS_BREAKER, &a);
    assert_non_null(r);
    assert_says(r->why, " % of them, as 0 of the last 300 were accepted and 2.0 may be sent");
    assert_true(lost(&s, STATUS_BY_BREAKER, "") > 100);
    arena_release(&a);
    shop_close(&s);
}

/* ---- what is lost ---- */

static void test_door_says_by_which_rule_requests_were_lost(void **state)
{
    static const char broken[] = "HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\n\r\n";
    static const struct http_header hasty = {"Time-Left", "0"};
    struct shop s;
    struct ask a;
    (void)state;
    shop_open(&s, "\"eject_failures\": 1000000, \"timeout\": \"100ms\", \"tries\": 2");
    ask_many(&s, "/de/items", 3, 503);
    assert_int_equal(lost(&s, STATUS_BY_TRIES, "refused"), 3);
    shop_ask(&s, &a, "GET", "/de/items", &hasty, 1, NULL, 0);
    assert_int_equal(shop_wait(&s, &a, 1, 504), 1);
    assert_int_equal(lost(&s, STATUS_BY_DEADLINE, ""), 1);
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    ask_many(&s, "/de/items", 2, 504);
    assert_int_equal(lost(&s, STATUS_BY_TRIES, "timeout"), 2);
    for (size_t z = 0; z < SHOP_ZONES; z++) {
        shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->mode = REPLICA_ANSWERS;
        shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->reply = broken;
        shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->reply_len = sizeof broken - 1;
    }
    ask_many(&s, "/de/items", 1, 507);
    assert_int_equal(lost(&s, STATUS_BY_ANSWER, "500"), 1);
    shop_close(&s);
}

/* ---- questions ---- */

static const struct status_country *country(const struct status_questions *q, const char *name)
{
    for (size_t i = 0; i < q->country_count; i++)
        if (strcmp(q->countries[i].country, name) == 0)
            return &q->countries[i];
    return NULL;
}

static void test_door_counts_questions_by_country(void **state)
{
    struct shop s;
    struct ask a;
    struct arena arena = {0};
    (void)state;
    shop_open(&s, "\"timeout\": \"100ms\"");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    shop_staff(&s, SHOP_FR, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    assert_int_equal(shop_status(&s, &arena).doors[0].questions.country_count, 0);
    a = shop_get(&s, "/items?q=a&countries=de");
    assert_int_equal(a.status, 200);
    ask_release(&a);
    a = shop_get(&s, "/items?q=a&within=50ms");
    assert_int_equal(a.status, 200);
    ask_release(&a);
    a = shop_get(&s, "/items?q=a&countries=fr&within=50ms");
    assert_int_equal(a.status, 503);
    ask_release(&a);
    struct status status = shop_status(&s, &arena);
    const struct status_questions *q = &status.doors[0].questions;
    assert_int_equal(q->asked, 3);
    assert_int_equal(q->partial, 1);
    assert_int_equal(q->lost, 1);
    assert_true(q->rps > 0 && q->p99_ms >= 50);
    assert_int_equal(q->country_count, 2);
    assert_int_equal(country(q, "DE")->asked, 2);
    assert_int_equal(country(q, "DE")->missing, 0);
    assert_true(country(q, "DE")->rps > 0 && country(q, "DE")->p99_ms > 0);
    assert_int_equal(country(q, "FR")->asked, 2);
    assert_int_equal(country(q, "FR")->missing, 2);
    assert_true(isnan(country(q, "FR")->p99_ms));
    assert_int_equal(status.requests, 3); /* a question is one request */
    assert_int_equal(lost(&s, STATUS_BY_COUNTRIES, ""), 1);
    arena_release(&arena);
    shop_close(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_door_says_until_when_a_replica_is_left_out),
        cmocka_unit_test(test_door_says_that_a_request_will_tell),
        cmocka_unit_test(test_door_says_the_arithmetic_of_panic),
        cmocka_unit_test(test_door_says_that_retries_are_off),
        cmocka_unit_test(test_door_says_that_second_copies_are_off),
        cmocka_unit_test(test_door_says_what_its_breaker_refuses),
        cmocka_unit_test(test_door_says_by_which_rule_requests_were_lost),
        cmocka_unit_test(test_door_counts_questions_by_country),
    };
    int status;
    if (shop_is_door(argc, argv, &status))
        return status;
    return cmocka_run_group_tests_name("door_reasons", tests, NULL, NULL);
}
