/* Tests of the bodies of region/: what is taken as a customer, vendor, item, order, reservation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "region/catalog.h"
#include "region/cell.h"
#include "region/order.h"
#include "region/party.h"
#include "region/record.h"

struct made {
    struct arena a;
    struct record_create c;
    struct error err;
};

static int make(struct made *m, const struct kind *kind, const char *key, const char *body)
{
    *m = (struct made){0};
    return record_create_init(&m->c, kind, "de", key, 1700000000000, body, strlen(body), &m->a,
                              &m->err);
}

static void test_record_is_kept_as_it_came_with_id_and_time(void **state)
{
    (void)state;
    struct made m;
    assert_int_equal(make(&m, &customer_kind, "k", "{\"code\":\"12413\",\"name\":\"Zo\xc3\xab\"}"),
                     0);
    assert_string_equal(m.c.id, "de-c-12413");
    assert_string_equal(m.c.text, "{\n  \"id\": \"de-c-12413\",\n  \"name\": \"Zo\xc3\xab\",\n"
                                  "  \"code\": \"12413\",\n  \"created_ms\": 1700000000000\n}\n");
    arena_release(&m.a);
    assert_int_equal(make(&m, &item_kind, "k",
                          "{\"description\":\"MUG\",\"price_pence\":85,\"stock\":7,"
                          "\"vendor\":\"de-v-1\",\"code\":\"85099B\"}"),
                     0);
    assert_string_equal(m.c.text, "{\n  \"id\": \"de-i-85099B\",\n  \"description\": \"MUG\",\n"
                                  "  \"price_pence\": 85,\n  \"vendor\": \"de-v-1\",\n"
                                  "  \"code\": \"85099B\",\n  \"created_ms\": 1700000000000\n}\n");
    assert_true(m.c.facts.counted);
    assert_int_equal(m.c.facts.stock, 7);
    assert_string_equal(m.c.facts.words, "MUG");
    arena_release(&m.a);
    assert_int_equal(make(&m, &order_kind, "k",
                          "{\"customer\":\"de-c-1\","
                          "\"lines\":[{\"item\":\"de-i-1\",\"quantity\":2}]}"),
                     0);
    assert_string_equal(m.c.facts.owner, "de-c-1");
    assert_non_null(strstr(m.c.text, "\"state\": \"confirmed\""));
    arena_release(&m.a);
}

static void test_record_without_a_code_is_named_by_its_key(void **state)
{
    (void)state;
    struct made one, two, other;
    assert_int_equal(make(&one, &vendor_kind, "key", "{\"name\":\"A\"}"), 0);
    assert_int_equal(make(&two, &vendor_kind, "key", "{\"name\":\"B\",\"code\":\"7\"}"), 0);
    assert_int_equal(make(&other, &vendor_kind, "yek", "{\"name\":\"A\"}"), 0);
    assert_string_equal(one.c.id, one.c.key);
    assert_string_equal(two.c.id, "de-v-7");
    assert_string_equal(two.c.key, one.c.key);
    assert_string_not_equal(other.c.id, one.c.id);
    assert_string_equal(other.c.hash, one.c.hash);
    assert_string_not_equal(two.c.hash, one.c.hash);
    arena_release(&one.a);
    arena_release(&two.a);
    arena_release(&other.a);
}

static void test_record_same_body_is_the_same_in_any_spelling(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{\"description\":\"A\",\"stock\":-1}",
        "{\"description\":\"A\"}",
        " { \"stock\" : -1, \"price_pence\": 0 ,\"description\":\"\\u0041\"}\n",
        "{\"description\":\"A\",\"vendor\":null,\"code\":null}",
    };
    struct made first;
    assert_int_equal(make(&first, &item_kind, "k", rows[0]), 0);
    for (size_t i = 1; i < sizeof rows / sizeof rows[0]; i++) {
        struct made m;
        assert_int_equal(make(&m, &item_kind, "k", rows[i]), 0);
        assert_string_equal(m.c.hash, first.c.hash);
        arena_release(&m.a);
    }
    arena_release(&first.a);
}

static void test_record_refuses_bad_bodies_and_says_why(void **state)
{
    (void)state;
    const struct kind *customer = &customer_kind, *item = &item_kind, *order = &order_kind;
    const struct {
        const struct kind *kind;
        const char *body;
        enum error_code code;
        const char *why; /* how it begins */
    } rows[] = {
        {customer, "", ERR_SYNTAX, ""},
        {customer, "{\"name\":\"A\"", ERR_SYNTAX, ""},
        {customer, "{\"name\":\"A\"}x", ERR_SYNTAX, ""},
        {customer, "{\"name\":\"\xff\"}", ERR_SYNTAX, ""},
        {customer, "[]", ERR_TYPE, ""},
        {customer, "null", ERR_TYPE, ""},
        {customer, "{}", ERR_MISSING, "key \"name\" is missing"},
        {customer, "{\"name\":1}", ERR_TYPE, "name: expected string, got number"},
        {customer, "{\"name\":null}", ERR_TYPE, "name: expected string, got null"},
        {customer, "{\"name\":\"A\",\"name\":\"B\"}", ERR_DUPLICATE, "key \"name\" is given twice"},
        {customer, "{\"name\":\"A\",\"id\":\"de-c-1\"}", ERR_UNKNOWN, "id: unknown key; known are"},
        {customer, "{\"name\":\"\"}", ERR_RANGE, "name: expected 1 to 1000 bytes"},
        {customer, "{\"name\":\"  \"}", ERR_RANGE, "name: expected 1 to 1000 bytes"},
        {customer, "{\"name\":\"A\",\"code\":\"\"}", ERR_RANGE, "code: expected 1 to 40"},
        {customer, "{\"name\":\"A\",\"code\":\"a/b\"}", ERR_RANGE, "code: expected 1 to 40"},
        {item, "{\"description\":\"A\",\"stock\":-2}", ERR_RANGE, "stock: expected -1.."},
        {item, "{\"description\":\"A\",\"stock\":1.5}", ERR_TYPE, "stock: expected a whole number"},
        {item, "{\"description\":\"A\",\"stock\":1e300}", ERR_RANGE, "stock: expected -1.."},
        {item, "{\"description\":\"A\",\"price_pence\":-1}", ERR_RANGE,
         "price_pence: expected 0.."},
        {item, "{\"description\":\"A\",\"vendor\":\"v\"}", ERR_RANGE, "vendor: expected the id of"},
        {item, "{\"description\":\"A\",\"vendor\":\"de-c-1\"}", ERR_RANGE, "vendor: expected"},
        {item, "{\"description\":\"A\",\"vendor\":\"fr-v-1\"}", ERR_CONFLICT, "vendor: fr-v-1 is"},
        {order, "{\"customer\":\"de-c-1\"}", ERR_MISSING, "key \"lines\" is missing"},
        {order, "{\"customer\":\"de-c-1\",\"lines\":[]}", ERR_RANGE, "lines: expected 1 or more"},
        {order, "{\"customer\":\"de-c-1\",\"lines\":[1]}", ERR_TYPE, "lines[0]: expected object"},
        {order, "{\"customer\":\"de-c-1\",\"lines\":[{\"item\":\"de-i-1\"}]}", ERR_MISSING,
         "lines[0]: key \"quantity\" is missing"},
        {order, "{\"customer\":\"de-c-1\",\"lines\":[{\"item\":\"de-i-1\",\"quantity\":0}]}",
         ERR_RANGE, "lines[0].quantity: expected 1..1000000, got 0"},
        {order, "{\"customer\":\"de-o-1\",\"lines\":[{\"item\":\"de-i-1\",\"quantity\":1}]}",
         ERR_RANGE, "customer: expected the id of a customer"},
        {order, "{\"customer\":\"fr-c-1\",\"lines\":[{\"item\":\"de-i-1\",\"quantity\":1}]}",
         ERR_CONFLICT, "customer: fr-c-1 is not of this country"},
        {order, "{\"customer\":\"de-c-1\",\"lines\":[{\"item\":\"fr-i-1\",\"quantity\":1}]}",
         ERR_CONFLICT, "lines[0].item: fr-i-1 is not of this country"},
        {order,
         "{\"customer\":\"de-c-1\",\"lines\":[{\"item\":\"de-i-1\",\"quantity\":1},"
         "{\"item\":\"de-i-2\",\"quantity\":1},{\"item\":\"de-i-1\",\"quantity\":2}]}",
         ERR_DUPLICATE, "lines: de-i-1 is there twice"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made m;
        assert_int_equal(make(&m, rows[i].kind, "k", rows[i].body), -1);
        if (m.err.code != rows[i].code ||
            strncmp(m.err.text, rows[i].why, strlen(rows[i].why)) != 0)
            fail_msg("%s: %d, %s", rows[i].body, m.err.code, m.err.text);
        arena_release(&m.a);
    }
}

static void test_record_takes_as_many_lines_as_it_says(void **state)
{
    (void)state;
    static char body[64 * 1024];
    for (int lines = LINES_MAX; lines <= LINES_MAX + 1; lines++) {
        struct made m;
        size_t used = (size_t)snprintf(body, sizeof body, "{\"customer\":\"de-c-1\",\"lines\":[");
        for (int i = 0; i < lines; i++)
            used += (size_t)snprintf(body + used, sizeof body - used,
                                     "%s{\"item\":\"de-i-%d\",\"quantity\":1000000}",
                                     i > 0 ? "," : "", i);
        snprintf(body + used, sizeof body - used, "]}");
        assert_int_equal(make(&m, &order_kind, "k", body), lines == LINES_MAX ? 0 : -1);
        arena_release(&m.a);
    }
}

static void test_reservation_names_an_order_and_items(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
        enum error_code code;
    } rows[] = {
        {"{\"order\":\"de-o-1\",\"lines\":[{\"item\":\"de-i-1\",\"quantity\":1}]}", 0, ERR_NONE},
        {"{\"order\":\"de-i-1\",\"lines\":[{\"item\":\"de-i-1\",\"quantity\":1}]}", -1, ERR_RANGE},
        {"{\"order\":\"fr-o-1\",\"lines\":[{\"item\":\"de-i-1\",\"quantity\":1}]}", -1,
         ERR_CONFLICT},
        {"{\"order\":\"de-o-1\",\"lines\":[]}", -1, ERR_RANGE},
        {"{\"order\":\"de-o-1\"}", -1, ERR_MISSING},
        {"{", -1, ERR_SYNTAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a = {0};
        struct error err = {0};
        struct catalog_reserve r;
        assert_int_equal(
            catalog_reserve_init(&r, "de", rows[i].body, strlen(rows[i].body), &a, &err),
            rows[i].status);
        assert_int_equal(err.code, rows[i].code);
        arena_release(&a);
    }
}

static void test_cell_keeps_one_kind_per_service(void **state)
{
    (void)state;
    assert_ptr_equal(cell_kind(LAYOUT_CUSTOMER), &customer_kind);
    assert_ptr_equal(cell_kind(LAYOUT_VENDOR), &vendor_kind);
    assert_ptr_equal(cell_kind(LAYOUT_CATALOG), &item_kind);
    assert_ptr_equal(cell_kind(LAYOUT_ORDER), &order_kind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_is_kept_as_it_came_with_id_and_time),
        cmocka_unit_test(test_record_without_a_code_is_named_by_its_key),
        cmocka_unit_test(test_record_same_body_is_the_same_in_any_spelling),
        cmocka_unit_test(test_record_refuses_bad_bodies_and_says_why),
        cmocka_unit_test(test_record_takes_as_many_lines_as_it_says),
        cmocka_unit_test(test_reservation_names_an_order_and_items),
        cmocka_unit_test(test_cell_keeps_one_kind_per_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
