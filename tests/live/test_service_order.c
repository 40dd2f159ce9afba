/* Tests of region/live/place.c: an order and the replicas that it needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/town.h"

static const char order_body[] =
    "{\"customer\":\"de-c-1\",\"lines\":[{\"item\":\"de-i-a\",\"quantity\":2}]}";

static void stock_shop(struct town *t, size_t zone)
{
    town_start(t, zone, CUSTOMER);
    town_start(t, zone, CATALOG);
    assert_int_equal(town_quick(t, zone, CUSTOMER, "POST", "/de/customers", "c1",
                                "{\"name\":\"A\",\"code\":\"1\"}"),
                     201);
    assert_int_equal(town_quick(t, zone, CATALOG, "POST", "/de/items", "ia",
                                "{\"description\":\"A\",\"stock\":7,\"code\":\"a\"}"),
                     201);
}

static void assert_stock(struct town *t, size_t zone, int stock)
{
    struct talk c;
    char text[32];
    snprintf(text, sizeof text, "\"stock\": %d\n", stock);
    assert_int_equal(town_ask(t, zone, CATALOG, &c, "GET", "/de/items/de-i-a", NULL, NULL), 200);
    if (strstr(c.body, text) == NULL)
        fail_msg("not %s in %s", text, c.body);
    talk_close(&c);
}

static void test_order_needs_a_customer_and_stock(void **state)
{
    (void)state;
    struct town town;
    struct talk c;
    char text[512];
    town_make(&town, "wide");
    stock_shop(&town, 0);
    town_start(&town, 0, ORDER);
    assert_int_equal(town_ask(&town, 0, ORDER, &c, "POST", "/de/orders", "o1", order_body), 201);
    snprintf(text, sizeof text, "%s", c.body);
    assert_int_equal(talk(&c, "POST", "/de/orders", "o1", NULL, order_body), 201);
    assert_string_equal(c.body, text);
    assert_stock(&town, 0, 5);
    static const struct {
        const char *key, *body, *why;
        int status;
    } rows[] = {
        {"o1", "{\"customer\":\"de-c-1\",\"lines\":[{\"item\":\"de-i-a\",\"quantity\":1}]}",
         "other lines", 422},
        {"o2", "{\"customer\":\"de-c-2\",\"lines\":[{\"item\":\"de-i-a\",\"quantity\":1}]}",
         "de-c-2 does not exist", 422},
        {"o3", "{\"customer\":\"de-c-1\",\"lines\":[{\"item\":\"de-i-x\",\"quantity\":1}]}",
         "de-i-x: there is no such item", 422},
        {"o4", "{\"customer\":\"de-c-1\",\"lines\":[{\"item\":\"de-i-a\",\"quantity\":6}]}",
         "de-i-a: 6 are wanted and 5 are there", 409},
        {"o5", "{\"customer\":\"fr-c-1\",\"lines\":[{\"item\":\"de-i-a\",\"quantity\":1}]}",
         "not of this country", 421},
        {"o6", "{\"customer\":\"de-c-1\",\"lines\":[]}", "lines: expected 1 or more", 422},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(talk(&c, "POST", "/de/orders", rows[i].key, NULL, rows[i].body),
                         rows[i].status);
        if (strstr(c.body, rows[i].why) == NULL)
            fail_msg("%s: %s", rows[i].body, c.body);
    }
    assert_stock(&town, 0, 5);
    assert_int_equal(talk(&c, "GET", "/de/orders?customer=de-c-1", NULL, NULL, NULL), 200);
    assert_int_equal(town_count(c.body, "\"id\""), 1);
    assert_int_equal(talk(&c, "GET", "/de/orders?customer=de-c-2", NULL, NULL, NULL), 200);
    assert_int_equal(town_count(c.body, "\"id\""), 0);
    talk_close(&c);
    town_end(&town);
}

static void test_order_goes_to_another_zone_when_its_own_is_dead(void **state)
{
    (void)state;
    struct town town;
    town_make(&town, "wide");
    stock_shop(&town, 1);
    town_start(&town, 0, ORDER);
    for (int i = 0; i < 3; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(town_quick(&town, 0, ORDER, "POST", "/de/orders", key, order_body), 201);
    }
    assert_stock(&town, 1, 1);
    town_end(&town);
}

/* In zone a are sockets that say nothing. */
static void test_order_goes_to_another_zone_when_its_own_is_silent(void **state)
{
    (void)state;
    struct town town;
    town_make(&town, "hasty");
    int silent[] = {talk_listen(town_port(&town, 0, CUSTOMER)),
                    talk_listen(town_port(&town, 0, CATALOG))};
    stock_shop(&town, 1);
    town_start(&town, 0, ORDER);
    assert_int_equal(town_quick(&town, 0, ORDER, "POST", "/de/orders", "k", order_body), 201);
    assert_stock(&town, 1, 5);
    town_end(&town);
    close(silent[0]);
    close(silent[1]);
}

static void test_order_that_failed_goes_on_when_it_is_placed_again(void **state)
{
    (void)state;
    struct town town;
    struct talk c;
    town_make(&town, "wide");
    stock_shop(&town, 1);
    town_start(&town, 1, ORDER);
    town_stop(&town, 1, CATALOG);
    assert_int_equal(town_ask(&town, 1, ORDER, &c, "POST", "/de/orders", "k", order_body), 503);
    assert_string_equal(talk_header(&c, "Retry-After"), "1");
    assert_non_null(strstr(c.body, "(catalog: refused)"));
    town_start(&town, 1, CATALOG);
    assert_int_equal(talk(&c, "POST", "/de/orders", "k", NULL, order_body), 201);
    assert_int_equal(talk(&c, "POST", "/de/orders", "k", NULL, order_body), 201);
    assert_stock(&town, 1, 5);
    talk_close(&c);
    town_end(&town);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_needs_a_customer_and_stock),
        cmocka_unit_test(test_order_goes_to_another_zone_when_its_own_is_dead),
        cmocka_unit_test(test_order_goes_to_another_zone_when_its_own_is_silent),
        cmocka_unit_test(test_order_that_failed_goes_on_when_it_is_placed_again),
    };
    int status;
    if (town_role(argc, argv, &status))
        return status;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
