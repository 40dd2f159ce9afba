/* Tests of control/lease.c: which faults are taken, what they keep down, when they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/topo.h"
#include "control/lease.h"

static const char topology[] =
    "{\"countries\": [\"DE\", \"FR\"],"
    " \"cells\": {\"de\": {\"countries\": [\"DE\"], \"zones\": [\"a\", \"b\"]},"
    "             \"fr\": {\"countries\": [\"FR\"], \"zones\": [\"a\", \"b\"]}},"
    " \"services\": {\"catalog\": {}, \"order\": {}}}";

struct world {
    struct arena arena;
    struct topo topo;
    struct leases leases;
    struct error err;
};

static int setup(void **state)
{
    static struct world w;
    w = (struct world){.leases.count = 0};
    *state = &w;
    return topo_parse(&w.topo, topology, strlen(topology), NULL, 0, &w.arena, &w.err);
}

static int teardown(void **state)
{
    struct world *w = *state;
    arena_release(&w->arena);
    return 0;
}

static const struct lease *add(struct world *w, const char *kind, const char *scope,
                               const char *duration, int64_t now_ms)
{
    char text[200];
    const struct lease *lease = NULL;
    int n = snprintf(text, sizeof text, "{\"kind\": \"%s\", \"scope\": \"%s\", \"for\": \"%s\"}",
                     kind, scope, duration);
    if (leases_add(&w->leases, text, (size_t)n, &w->topo, now_ms, &lease, &w->err) != 0)
        return NULL;
    return lease;
}

static bool held(const struct world *w, size_t cell, size_t zone, size_t service, int64_t now_ms)
{
    return leases_hold(&w->leases, cell, zone, service, now_ms) != NULL;
}

static void test_lease_keeps_down_what_its_scope_names(void **state)
{
    static const struct {
        const char *kind, *scope;
        bool zone_a, zone_b;   /* as a whole */
        bool order_a, order_b; /* order in them */
        bool catalog_a, catalog_b;
    } rows[] = {
        {"cell-down", "fr", true, true, true, true, true, true},
        {"zone-down", "fr/b", false, true, false, true, false, true},
        {"service-down", "fr/order", false, false, true, true, false, false},
        {"server-down", "fr/a/order", false, false, true, false, false, false},
        {"server-down", "fr/a/order-1", false, false, true, false, false, false},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_non_null(add(w, rows[i].kind, rows[i].scope, "1s", 0));
        assert_int_equal(held(w, 1, 0, LEASE_ALL, 0), rows[i].zone_a);
        assert_int_equal(held(w, 1, 1, LEASE_ALL, 0), rows[i].zone_b);
        assert_int_equal(held(w, 1, 0, 1, 0), rows[i].order_a);
        assert_int_equal(held(w, 1, 1, 1, 0), rows[i].order_b);
        assert_int_equal(held(w, 1, 0, 0, 0), rows[i].catalog_a);
        assert_int_equal(held(w, 1, 1, 0, 0), rows[i].catalog_b);
        assert_false(held(w, 0, 0, 0, 0)); /* trouble stays in its cell */
        assert_int_equal(leases_end(&w->leases, 0, NULL), 1);
    }
}

static void test_lease_refuses_with_a_sentence(void **state)
{
    static const struct {
        const char *request, *sentence;
    } rows[] = {
        {"{\"kind\": \"slow\", \"scope\": \"de/a\"}",
         "a live system has no fault \"slow\": cell-down, zone-down, service-down and server-down "
         "can be injected"},
        {"{\"kind\": \"zone-down\", \"scope\": \"de\"}",
         "zone-down de: expected a scope as CELL/ZONE"},
        {"{\"kind\": \"zone-down\", \"scope\": \"de/a/order\"}",
         "zone-down de/a/order: expected a scope as CELL/ZONE"},
        {"{\"kind\": \"server-down\", \"scope\": \"de/a/b/c/d\"}",
         "server-down de/a/b/c/d: expected a scope as CELL/ZONE/SERVICE"},
        {"{\"kind\": \"zone-down\", \"scope\": \"xx/a\"}",
         "zone-down xx/a: there is no cell \"xx\""},
        {"{\"kind\": \"zone-down\", \"scope\": \"de/z\"}",
         "zone-down de/z: there is no zone \"z\""},
        {"{\"kind\": \"zone-down\", \"scope\": \"de/\"}", "zone-down de/: there is no zone \"\""},
        {"{\"kind\": \"server-down\", \"scope\": \"de/a/order-2\"}",
         "server-down de/a/order-2: there is no service \"order-2\""},
        {"{\"kind\": \"zone-down\", \"scope\": \"de/a\", \"for\": \"2d\"}",
         "for: expected 1ms..1d, got 2d"},
        {"{\"kind\": \"zone-down\"}", "key \"scope\" is missing"},
        {"not json", NULL},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct lease *lease;
        assert_int_equal(leases_add(&w->leases, rows[i].request, strlen(rows[i].request), &w->topo,
                                    0, &lease, &w->err),
                         -1);
        if (rows[i].sentence != NULL)
            assert_string_equal(w->err.text, rows[i].sentence);
        assert_int_equal(w->leases.count, 0);
    }
}

static void test_lease_ends_by_itself(void **state)
{
    struct world *w = *state;
    struct lease over;
    assert_non_null(add(w, "zone-down", "de/a", "5s", 1000));
    assert_true(held(w, 0, 0, LEASE_ALL, 5999));
    assert_false(held(w, 0, 0, LEASE_ALL, 6000));
    assert_false(leases_expire(&w->leases, 5999, &over));
    assert_true(leases_expire(&w->leases, 6000, &over));
    assert_string_equal(over.scope, "de/a");
    assert_false(leases_expire(&w->leases, INT64_MAX, &over));
}

static void test_lease_that_ends_last_is_named(void **state)
{
    struct world *w = *state;
    assert_int_equal(add(w, "zone-down", "de/a", "1s", 0)->id, 1);
    assert_int_equal(add(w, "cell-down", "de", "9s", 0)->id, 2);
    assert_int_equal(add(w, "zone-down", "de/a", "5s", 0)->id, 3);
    assert_int_equal(leases_hold(&w->leases, 0, 0, LEASE_ALL, 0)->id, 2);
}

static void test_lease_is_ended_by_number_scope_or_all(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 2; i++) {
        add(w, "zone-down", "de/a", "1s", 0);
        add(w, "zone-down", "fr/a", "1s", 0);
    }
    assert_int_equal(leases_end(&w->leases, 9, NULL), 0);
    assert_int_equal(leases_end(&w->leases, 2, NULL), 1);
    assert_int_equal(leases_end(&w->leases, 0, "de/b"), 0);
    assert_int_equal(leases_end(&w->leases, 0, "de/a"), 2);
    assert_int_equal(leases_end(&w->leases, 0, NULL), 1);
    assert_int_equal(w->leases.count, 0);
}

static void test_leases_have_a_limit(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < LEASES_MAX; i++)
        assert_non_null(add(w, "zone-down", "de/a", "1s", 0));
    assert_null(add(w, "zone-down", "de/a", "1s", 0));
    assert_int_equal(w->err.code, ERR_LIMIT);
}

static void test_leases_come_back_from_their_file(void **state)
{
    struct world *w = *state;
    struct leases read;
    add(w, "zone-down", "de/b", "1s", 0);
    add(w, "service-down", "fr/order", "7s", 0);
    leases_end(&w->leases, 1, NULL);
    const char *text = leases_print(&w->leases, &w->arena);
    assert_int_equal(leases_parse(&read, text, strlen(text), &w->topo, &w->err), 0);
    assert_int_equal(read.count, 1);
    assert_int_equal(read.id_last, 2);
    const struct lease *before = &w->leases.lease[0], *after = &read.lease[0];
    assert_int_equal(after->id, before->id);
    assert_int_equal(after->kind, before->kind);
    assert_string_equal(after->scope, before->scope);
    assert_int_equal(after->ends_ms, before->ends_ms);
    assert_int_equal(after->cell, before->cell);
    assert_int_equal(after->zone, before->zone);
    assert_int_equal(after->service, before->service);
}

static void test_leases_of_a_bad_file_change_nothing(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"faults\": [{\"id\": 0}]}",
        "{\"faults\": [{\"id\": 1, \"kind\": \"zone-down\", \"scope\": \"de/z\", \"ends_ms\": 1}]}",
    };
    add(w, "zone-down", "de/b", "1s", 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(leases_parse(&w->leases, texts[i], strlen(texts[i]), &w->topo, &w->err),
                         -1);
    assert_int_equal(w->leases.count, 1);
    assert_string_equal(w->leases.lease[0].scope, "de/b");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_lease_keeps_down_what_its_scope_names),
        TEST(test_lease_refuses_with_a_sentence),
        TEST(test_lease_ends_by_itself),
        TEST(test_lease_that_ends_last_is_named),
        TEST(test_lease_is_ended_by_number_scope_or_all),
        TEST(test_leases_have_a_limit),
        TEST(test_leases_come_back_from_their_file),
        TEST(test_leases_of_a_bad_file_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
