/* Tests of base/topo_calls.c: which service asks which, what load that is, and what cannot be. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/topo.h"

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static int parse(struct topo *t, const char *services, struct error *err)
{
    char text[2048];
    int len = snprintf(text, sizeof text, "{\"countries\": [\"GB\"], \"services\": %s}", services);
    return topo_parse(t, text, (size_t)len, NULL, 0, &arena, err);
}

static void test_calls_load_is_added_up_along_them(void **state)
{
    struct topo t;
    struct error err;
    (void)state;
    assert_int_equal(
        parse(&t,
              "{\"stock\": {\"share\": 0, \"store\": true},"
              "\"page\": {\"share\": 3, \"calls\": [{\"service\": \"item\", \"count\": 150},"
              "{\"service\": \"user\"}]},"
              "\"item\": {\"share\": 0, \"calls\": [{\"service\": \"stock\", \"count\": 2}]},"
              "\"user\": {\"share\": 1, \"calls\": [{\"service\": \"stock\"}]}}",
              &err),
        0);
    assert_true(t.services[1].load == 0.75);
    assert_true(t.services[2].load == 0.75 * 150);
    assert_true(t.services[3].load == 0.25 + 0.75);
    assert_true(t.services[0].load == 0.75 * 150 * 2 + 1);
    assert_true(t.services[0].store);
    assert_int_equal(t.services[1].calls[0].index, 2);
    assert_true(t.services[1].calls[0].parallel);
    assert_true(t.services[1].calls[0].need == 1);
}

static void test_calls_in_a_diamond_are_no_cycle(void **state)
{
    struct topo t;
    struct error err;
    (void)state;
    assert_int_equal(
        parse(&t,
              "{\"a\": {\"calls\": [{\"service\": \"b\"}, {\"service\": \"c\"}]},"
              "\"b\": {\"share\": 0, \"calls\": [{\"service\": \"d\"}]},"
              "\"c\": {\"share\": 0, \"calls\": [{\"service\": \"d\"}, {\"service\": \"d\"}]},"
              "\"d\": {\"share\": 0}}",
              &err),
        0);
    assert_true(t.services[3].load == 3);
}

static void test_calls_that_cannot_be_are_refused(void **state)
{
    static const char *const rows[][2] = {
        {"{\"a\": {\"calls\": [{\"service\": \"a\"}]}}",
         "services.a.calls[0].service: a cycle: a calls a"},
        {"{\"a\": {\"calls\": [{\"service\": \"b\"}]}, \"b\": {\"calls\": [{\"service\": \"c\"}]},"
         "\"c\": {\"calls\": [{\"service\": \"d\"}, {\"service\": \"b\"}]}, \"d\": {}}",
         "services.c.calls[1].service: a cycle: b calls c calls b"},
        {"{\"a\": {\"calls\": [{\"service\": \"nobody\"}]}}",
         "services.a.calls[0].service: no service \"nobody\""},
        {"{\"a\": {}, \"b\": {\"share\": 0}}",
         "services.b.share: 0, and no service calls it: nobody would ask it"},
        {"{\"a\": {\"calls\": [{\"service\": \"b\", \"count\": 10000}]},"
         "\"b\": {\"share\": 0, \"calls\": [{\"service\": \"c\", \"count\": 10000}]},"
         "\"c\": {\"share\": 0}}",
         "services.b.calls[0]: c would be asked over 1000000 times for one request from outside"},
        {"{\"a\": {\"calls\": [{\"service\": \"a\", \"count\": 0}]}}",
         "services.a.calls[0].count: expected 1..10000, got 0"},
        {"{\"a\": {\"function\": {\"instances\": 2, \"least\": 3}}}",
         "services.a.function.least: 3 are more than its 2 instances"},
        {"{\"a\": {\"discipline\": \"lifo\", \"function\": {\"instances\": 2}}}",
         "services.a.discipline: a function takes the oldest request first, whatever it is"},
        {"{\"a\": {\"calls\": [{\"service\": \"b\", \"cache\": {\"entries\": 1}}]},"
         "\"b\": {\"share\": 0}}",
         "services.a.calls[0].cache.entries: expected 2 or more, or 0 for no cache"},
        {"{\"a\": {\"calls\": [{\"service\": \"b\", \"cache\": {\"stale\": \"1s\"}}]},"
         "\"b\": {\"share\": 0}}",
         "services.a.calls[0].cache.stale: what is fresh for ever never is; give fresh as well"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct topo t;
        struct error err;
        assert_int_equal(parse(&t, rows[i][0], &err), -1);
        assert_string_equal(err.text, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_calls_load_is_added_up_along_them, release),
        cmocka_unit_test_teardown(test_calls_in_a_diamond_are_no_cycle, release),
        cmocka_unit_test_teardown(test_calls_that_cannot_be_are_refused, release),
    };
    return cmocka_run_group_tests_name("topo_calls", tests, NULL, NULL);
}
