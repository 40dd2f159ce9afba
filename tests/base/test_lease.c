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
#include "base/lease.h"
#include "base/topo.h"

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
                               const char *duration, int64_t now_us)
{
    char text[200];
    const struct lease *lease = NULL;
    int n = snprintf(text, sizeof text, "{\"kind\": \"%s\", \"scope\": \"%s\", \"for\": \"%s\"}",
                     kind, scope, duration);
    if (leases_add(&w->leases, text, (size_t)n, "ana", &w->topo, now_us, &lease, &w->err) != 0)
        return NULL;
    return lease;
}

static bool held(const struct world *w, size_t cell, size_t zone, size_t service, int64_t now_us)
{
    return leases_hold(&w->leases, &w->topo, cell, zone, service, now_us) != NULL;
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
        {"region-down", "aws/eu-west-3", true, true, true, true, true, true},
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
        {"{\"kind\": \"bad-deploy\", \"scope\": \"order\"}",
         "kind: bad-deploy needs a rollout to go out with, and a live system has none; errors does "
         "the same to a service without one"},
        {"{\"kind\": \"zone-up\", \"scope\": \"de\"}",
         "kind: expected one of \"zone-down\", \"server-down\", \"service-down\", "
         "\"cell-down\", \"region-down\", \"slow\", \"errors\", \"partition\", "
         "\"latency\", \"control-down\", \"store-down\", \"store-slow\", \"disk-full\", "
         "\"surge\", \"poison\", ...; got \"zone-up\""},
        {"{\"kind\": \"zone-down\", \"scope\": \"de\"}",
         "scope: expected a zone of cell de, as de/a"},
        {"{\"kind\": \"zone-down\", \"scope\": \"de/a/order\"}",
         "scope: zone-down takes cell/zone, got \"de/a/order\""},
        {"{\"kind\": \"zone-down\", \"scope\": \"xx/a\"}", "scope: no cell \"xx\""},
        {"{\"kind\": \"zone-down\", \"scope\": \"de/z\"}", "scope: cell de has no zone \"z\""},
        {"{\"kind\": \"server-down\", \"scope\": \"de/a/order-2\"}",
         "scope: a live zone has one server of each service, as de/a/order-1"},
        {"{\"kind\": \"store-slow\", \"scope\": \"de/a\"}", "scope: cell de has no store \"a\""},
        {"{\"kind\": \"latency\", \"scope\": \"de/a/a\"}",
         "scope: expected another zone of cell de, or door, behind de/a/; got \"a\""},
        {"{\"kind\": \"surge\", \"scope\": \"GB\"}", "scope: no country \"GB\" in the topology"},
        {"{\"kind\": \"slow\", \"scope\": \"de\", \"share\": 0.5}", "share: slow has none"},
        {"{\"kind\": \"errors\", \"scope\": \"de\", \"share\": 1.5}",
         "share: expected 0..1, got 1.5"},
        {"{\"kind\": \"slow\", \"scope\": \"de\", \"every\": \"5s\"}",
         "every: a live fault begins now and comes once"},
        {"{\"kind\": \"zone-down\", \"scope\": \"de/a\", \"for\": \"2d\"}",
         "for: expected 1ms to 1d, for a live fault has an end"},
        {"{\"kind\": \"zone-down\"}", "key \"scope\" is missing"},
        {"not json", NULL},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct lease *lease;
        assert_int_equal(leases_add(&w->leases, rows[i].request, strlen(rows[i].request), "ana",
                                    &w->topo, 0, &lease, &w->err),
                         -1);
        if (rows[i].sentence != NULL)
            assert_string_equal(w->err.text, rows[i].sentence);
        assert_int_equal(w->leases.count, 0);
    }
}

static struct lease_server server(const struct world *w, size_t zone, size_t service)
{
    struct lease_server out;
    leases_server(&w->leases, &w->topo, 0, zone, service, 0, &out);
    return out;
}

static void add_text(struct world *w, const char *request)
{
    const struct lease *lease;
    assert_int_equal(
        leases_add(&w->leases, request, strlen(request), "ana", &w->topo, 0, &lease, &w->err), 0);
}

static void test_server_feels_what_names_it(void **state)
{
    struct world *w = *state;
    add_text(w, "{\"kind\": \"slow\", \"scope\": \"de/a\", \"factor\": 3}");
    add_text(w, "{\"kind\": \"slow\", \"scope\": \"de/order\", \"factor\": 4}");
    add_text(w, "{\"kind\": \"errors\", \"scope\": \"de\", \"share\": 0.5}");
    add_text(w, "{\"kind\": \"errors\", \"scope\": \"de/b/order-1\", \"share\": 0.5}");
    add_text(w, "{\"kind\": \"store-slow\", \"scope\": \"de/order\"}");
    add_text(w, "{\"kind\": \"disk-full\", \"scope\": \"de/catalog\"}");
    add_text(w, "{\"kind\": \"poison\", \"scope\": \"DE\"}");
    assert_true(server(w, 0, 1).slow == 12 && server(w, 1, 1).slow == 4);
    assert_true(server(w, 0, 0).slow == 3 && server(w, 1, 0).slow == 1);
    assert_true(server(w, 0, 1).errors == 0.5 && server(w, 1, 1).errors == 0.75);
    assert_true(server(w, 0, 1).store_slow == 10 && server(w, 0, 0).store_slow == 1);
    assert_true(server(w, 0, 0).store_full && !server(w, 0, 1).store_full);
    assert_true(server(w, 0, 0).poison->fault.factor == 10);
}

static void test_ways_are_longer_or_cut_by_direction(void **state)
{
    struct world *w = *state;
    enum { DOOR = 2 };
    add_text(w, "{\"kind\": \"latency\", \"scope\": \"de/a\", \"extra\": \"20ms\"}");
    add_text(w, "{\"kind\": \"latency\", \"scope\": \"de/a/b\", \"extra\": \"5ms\"}");
    assert_int_equal(leases_way_us(&w->leases, 0, 0, 1, 0), 25000);
    assert_int_equal(leases_way_us(&w->leases, 0, 1, 0, 0), 20000);
    assert_int_equal(leases_way_us(&w->leases, 0, DOOR, 0, 0), 20000);
    assert_int_equal(leases_way_us(&w->leases, 0, DOOR, 1, 0), 0);
    assert_int_equal(leases_way_us(&w->leases, 0, 0, 0, 0), 0); /* it stays in the zone */
    assert_int_equal(leases_way_us(&w->leases, 1, 0, 1, 0), 0); /* another cell */
    add_text(w, "{\"kind\": \"partition\", \"scope\": \"de/b/door\"}");
    assert_true(leases_way_us(&w->leases, 0, 1, DOOR, 0) == LEASE_CUT);
    assert_int_equal(leases_way_us(&w->leases, 0, DOOR, 1, 0), 0);
    add_text(w, "{\"kind\": \"partition\", \"scope\": \"de/b\", \"for\": \"1s\"}");
    assert_true(leases_way_us(&w->leases, 0, DOOR, 1, 0) == LEASE_CUT);
    assert_true(leases_way_us(&w->leases, 0, 0, 1, 0) == LEASE_CUT);
    assert_int_equal(leases_way_us(&w->leases, 0, DOOR, 1, 1000000), 0);
}

static void test_surges_of_a_country_are_multiplied(void **state)
{
    struct world *w = *state;
    add_text(w, "{\"kind\": \"surge\", \"scope\": \"FR\", \"factor\": 3}");
    add_text(w, "{\"kind\": \"surge\", \"scope\": \"FR\", \"for\": \"1s\"}");
    assert_true(leases_surge(&w->leases, 1, 0) == 6);
    assert_true(leases_surge(&w->leases, 1, 1000000) == 3);
    assert_true(leases_surge(&w->leases, 0, 0) == 1);
}

static void test_lease_ends_by_itself(void **state)
{
    struct world *w = *state;
    struct lease over;
    assert_non_null(add(w, "zone-down", "de/a", "5s", 1000000));
    assert_true(held(w, 0, 0, LEASE_ALL, 5999999));
    assert_false(held(w, 0, 0, LEASE_ALL, 6000000));
    assert_false(leases_expire(&w->leases, 5999999, &over));
    assert_true(leases_expire(&w->leases, 6000000, &over));
    assert_string_equal(over.scope, "de/a");
    assert_false(leases_expire(&w->leases, INT64_MAX, &over));
}

static void test_lease_that_ends_last_is_named(void **state)
{
    struct world *w = *state;
    assert_int_equal(add(w, "zone-down", "de/a", "1s", 0)->id, 1);
    assert_int_equal(add(w, "cell-down", "de", "9s", 0)->id, 2);
    assert_int_equal(add(w, "zone-down", "de/a", "5s", 0)->id, 3);
    assert_int_equal(leases_hold(&w->leases, &w->topo, 0, 0, LEASE_ALL, 0)->id, 2);
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
    assert_int_equal(after->fault.kind, before->fault.kind);
    assert_string_equal(after->scope, before->scope);
    assert_string_equal(after->who, "ana");
    assert_int_equal(after->ends_us, before->ends_us);
    assert_int_equal(after->fault.cell, before->fault.cell);
    assert_int_equal(after->fault.zone, before->fault.zone);
    assert_int_equal(after->fault.service, before->fault.service);
}

static void test_leases_of_a_bad_file_change_nothing(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"faults\": [{\"id\": 0}]}",
        "{\"faults\": [{\"id\": 1, \"ends_us\": 1,"
        " \"fault\": {\"kind\": \"zone-down\", \"scope\": \"de/z\"}}]}",
        "{\"faults\": [{\"id\": 1, \"ends_us\": 1,"
        " \"fault\": {\"kind\": \"bad-deploy\", \"scope\": \"order\"}}]}",
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
        TEST(test_server_feels_what_names_it),
        TEST(test_ways_are_longer_or_cut_by_direction),
        TEST(test_surges_of_a_country_are_multiplied),
        TEST(test_lease_ends_by_itself),
        TEST(test_lease_that_ends_last_is_named),
        TEST(test_lease_is_ended_by_number_scope_or_all),
        TEST(test_leases_have_a_limit),
        TEST(test_leases_come_back_from_their_file),
        TEST(test_leases_of_a_bad_file_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
