/* Tests of the order in which a real replica works on what waits: region/admission.h decides, over
 * HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/town.h"
#include "wire/clock.h"

static const char unknown[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

static const char background[] = "Priority: u=7, i\r\n";

/* Begin to place an order, on a connection of its own. */
static void begin(const struct town *town, struct talk *c, const char *key, const char *more)
{
    talk_open(c, town_port(town, 0, ORDER));
    talk_send(c, "POST", "/de/orders", key, more,
              "{\"customer\":\"de-c-1\",\"lines\":[{\"item\":\"de-i-a\",\"quantity\":2}]}");
}

static void assert_status(struct talk *c, int status)
{
    assert_true(talk_hear(c, false));
    assert_int_equal(c->status, status);
    talk_close(c);
}

/* Ask for its health until it has `what`. */
static void await_health(const struct town *town, const char *what)
{
    struct talk h;
    talk_open(&h, town_port(town, 0, ORDER));
    do
        assert_int_equal(talk(&h, "GET", "/health", NULL, NULL, NULL), 200);
    while (strstr(h.body, what) == NULL);
    talk_close(&h);
}

/* An order replica is kept busy by a customer service that answers when the test says so. */
static void test_service_works_for_users_before_background(void **state)
{
    (void)state;
    struct town town;
    struct talk first, old, young, user, late;
    town_make(&town, "ranked");
    int listener = talk_listen(town_port(&town, 0, CUSTOMER));
    town_start(&town, 0, ORDER);
    begin(&town, &first, "first", NULL);
    int customers = talk_accept(listener);
    assert_null(strstr(talk_take(customers), "Priority")); /* it runs */
    begin(&town, &old, "old", background);
    await_health(&town, "\"waiting\": 1");
    begin(&town, &young, "young", background);
    await_health(&town, "\"waiting\": 2");
    begin(&town, &user, "user", NULL);
    assert_true(talk_hear(&young, false)); /* pushed out */
    assert_int_equal(young.status, 503);
    assert_string_equal(talk_header(&young, "Retry-After"), "1");
    talk_close(&young);
    begin(&town, &late, "late", background);
    assert_status(&late, 503); /* full */
    talk_give(customers, unknown);
    assert_status(&first, 422);
    assert_null(strstr(talk_take(customers), "Priority"));
    talk_give(customers, unknown);
    assert_status(&user, 422); /* came later than `old` */
    assert_non_null(strstr(talk_take(customers), "\r\nPriority: u=7\r\n"));
    talk_give(customers, unknown);
    assert_status(&old, 422);
    await_health(&town, "\"requests\": 3,");
    await_health(&town, "\"shed\": 2,");
    close(customers);
    close(listener);
    town_end(&town);
}

/* What waits for its turn longer than its asker does is not begun, and who is asked in turn hears
 * how long that is. */
static void test_service_keeps_to_the_time_that_is_left(void **state)
{
    (void)state;
    struct town town;
    struct talk first, second;
    town_make(&town, "ranked");
    int listener = talk_listen(town_port(&town, 0, CUSTOMER));
    town_start(&town, 0, ORDER);
    begin(&town, &first, "first", "Time-Left: 15000\r\n");
    int customers = talk_accept(listener);
    const char *left = strstr(talk_take(customers), "\r\nTime-Left: ");
    assert_non_null(left);
    assert_in_range(strtol(left + sizeof "\r\nTime-Left: " - 1, NULL, 10), 1, 15000);
    begin(&town, &second, "second", "Time-Left: 1\r\n");
    await_health(&town, "\"waiting\": 1");
    for (int64_t until_us = clock_us() + 5000; clock_us() < until_us;)
        await_health(&town, "\"waiting\": 1");
    talk_give(customers, unknown);
    assert_status(&first, 422);
    assert_status(&second, 503);
    await_health(&town, "\"requests\": 1,");
    await_health(&town, "\"shed\": 1,");
    close(customers);
    close(listener);
    town_end(&town);
}

/* One at a time, 150 ms each, and nobody waits for more than 400 ms: of those that come together
 * the first is answered and the last is not. */
static void test_service_drops_what_waited_too_long(void **state)
{
    (void)state;
    enum { REQUESTS = 12 };
    struct town town;
    struct talk c[REQUESTS];
    town_make(&town, "late");
    town_start(&town, 0, VENDOR);
    for (size_t i = 0; i < REQUESTS; i++) {
        talk_open(&c[i], town_port(&town, 0, VENDOR));
        talk_send(&c[i], "GET", "/de/vendors", NULL, NULL, NULL);
    }
    size_t dropped = 0;
    for (size_t i = 0; i < REQUESTS; i++) {
        assert_true(talk_hear(&c[i], false));
        assert_true(c[i].status == 200 || c[i].status == 503);
        dropped += c[i].status == 503;
        talk_close(&c[i]);
    }
    assert_in_range(dropped, 1, REQUESTS - 1);
    town_end(&town);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service_works_for_users_before_background),
        cmocka_unit_test(test_service_keeps_to_the_time_that_is_left),
        cmocka_unit_test(test_service_drops_what_waited_too_long),
    };
    int status;
    if (town_role(argc, argv, &status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
