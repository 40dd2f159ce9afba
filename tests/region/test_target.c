/* Tests of region/target.h: what a request asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "region/target.h"

static void test_target_reads_paths(void **state)
{
    (void)state;
    static const struct {
        const char *text, *country, *name, *id;
    } rows[] = {
        {"/health", "", "health", ""},
        {"/de/items", "de", "items", ""},
        {"/de/items?limit=5", "de", "items", ""},
        {"/fr/orders/fr-o-1", "fr", "orders", "fr-o-1"},
        {"/de/de/de", "de", "de", "de"},
        {"/gb/items/what%20", "gb", "items", "what%20"}, /* not an id; who looks will see */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct target t;
        struct error err;
        assert_int_equal(target_parse(&t, rows[i].text, &err), 0);
        assert_string_equal(t.country, rows[i].country);
        assert_string_equal(t.name, rows[i].name);
        assert_string_equal(t.id, rows[i].id);
        assert_int_equal(t.plain, strchr(rows[i].text, '?') == NULL);
    }
}

static void test_target_refuses_other_paths_as_unknown(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "/",
        "*",
        "//",
        "/de",
        "/de/",
        "/de/items/",
        "/DE/items",
        "/deu/items",
        "/d1/items",
        "/de//items",
        "//de/items",
        "/de/items/a/b",
        "/de/items/a/",
        "/health/",
        "de/items",
        "/de/itemsitemsitemsitemsitems",
        "/de/items/1234567890123456789012345678901234567890123456",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct target t;
        struct error err = {0};
        assert_int_equal(target_parse(&t, rows[i], &err), -1);
        assert_int_equal(err.code, ERR_UNKNOWN);
    }
}

static void test_target_decodes_parameters(void **state)
{
    (void)state;
    struct target t;
    struct error err;
    assert_int_equal(target_parse(&t, "/de/items?q=caf%C3%A9+%22mug%22%2b&limit=007", &err), 0);
    assert_string_equal(t.words, "caf\xc3\xa9 \"mug\"+");
    assert_int_equal(t.limit, 7);
    assert_string_equal(t.after, "");
    assert_int_equal(target_parse(&t, "/de/orders?customer=de-c-1&after=de%2do-2", &err), 0);
    assert_string_equal(t.customer, "de-c-1");
    assert_string_equal(t.after, "de-o-2");
    assert_int_equal(t.limit, TARGET_LIMIT_PRESET);
}

static void test_target_refuses_bad_parameters_and_says_which(void **state)
{
    (void)state;
    static const struct {
        const char *query, *why;
    } rows[] = {
        {"limit", "limit: expected a value"},
        {"limit=", "limit: expected a value"},
        {"limit=0", "limit: expected 1..1000"},
        {"limit=1001", "limit: expected 1..1000"},
        {"limit=-1", "limit: expected 1..1000"},
        {"limit=1x", "limit: expected 1..1000"},
        {"limit=99999999999", "limit: expected 1..1000"},
        {"limit=12345678901234567890", "limit: expected at most 15 bytes"},
        {"q=a&q=b", "q: given twice"},
        {"q=%4", "q: % stands before two hex digits"},
        {"q=%", "q: % stands before two hex digits"},
        {"q=%zz", "q: % stands before two hex digits"},
        {"q=%00", "q: a control character"},
        {"q=a%0Ab", "q: a control character"},
        {"q=%ff", "q: not UTF-8"},
        {"q=%c3", "q: not UTF-8"},
        {"q=%ed%a0%80", "q: not UTF-8"},
        {"q=", "q: expected a value"},
        {"who=me", "who: no such parameter; after, customer, limit and q are"},
        {"=", ": no such parameter; after, customer, limit and q are"},
        {"&", ": no such parameter; after, customer, limit and q are"},
        {"q=a&", "parameters end with &"},
        {"Q=a", "Q: no such parameter; after, customer, limit and q are"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct target t;
        struct error err = {0};
        char text[80] = "/de/items?";
        memcpy(text + strlen(text), rows[i].query, strlen(rows[i].query) + 1);
        assert_int_equal(target_parse(&t, text, &err), -1);
        assert_string_equal(err.text, rows[i].why);
        assert_int_not_equal(err.code, ERR_UNKNOWN);
    }
}

static void test_target_bounds_the_words(void **state)
{
    (void)state;
    char text[400] = "/de/items?q=";
    struct target t;
    struct error err = {0};
    size_t start = strlen(text);
    memset(text + start, 'x', TARGET_WORDS_TEXT - 1);
    assert_int_equal(target_parse(&t, text, &err), 0);
    assert_int_equal(strlen(t.words), TARGET_WORDS_TEXT - 1);
    text[start + TARGET_WORDS_TEXT - 1] = 'x';
    assert_int_equal(target_parse(&t, text, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
}

static void test_target_finds_an_etag_in_a_list(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool named;
    } rows[] = {
        {"\"a1\"", true},       {"*", true},          {"W/\"a1\"", true}, {"\"x\", \"a1\"", true},
        {"\"x\",\"a1\"", true}, {" , \"a1\" ", true}, {"\"x\", *", true}, {"\"a\"", false},
        {"\"a11\"", false},     {"a1", false},        {"", false},        {"\"a1", false},
        {"\"x\" a1", false},    {"W/", false},        {"\"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(target_names_etag(rows[i].header, "\"a1\""), rows[i].named);
}

static void test_target_knows_json(void **state)
{
    (void)state;
    assert_true(target_is_json("application/json"));
    assert_true(target_is_json("Application/JSON; charset=utf-8"));
    assert_true(target_is_json("application/json ;charset=utf-8"));
    assert_false(target_is_json("application/json5"));
    assert_false(target_is_json("application/jso"));
    assert_false(target_is_json("text/json"));
    assert_false(target_is_json("application/x-www-form-urlencoded"));
    assert_false(target_is_json(""));
}

static void test_target_knows_background_work(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool background;
    } rows[] = {
        {"u=7", true},     {"u=7, i", true},   {"i, u=7", true},      {" i=?0 ,\tu=7;x=1", true},
        {"u=3,u=7", true}, {"u=7,u=3", false}, {"u=7, u", true},      {"u=6", false},
        {"u=0", false},    {"i", false},       {"", false},           {"u=70", false},
        {"u=-7", false},   {"u = 7", false},   {"U=7", false},        {"au=7", false},
        {"u=7x", false},   {"x;u=7", false},   {"u=8, i;u=7", false}, {",,", false},
        {"u=", false},     {"u", false},       {";u=7", false},       {"x=\"u=7\"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (target_is_background(rows[i].header) != rows[i].background)
            fail_msg("%s", rows[i].header);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target_reads_paths),
        cmocka_unit_test(test_target_refuses_other_paths_as_unknown),
        cmocka_unit_test(test_target_decodes_parameters),
        cmocka_unit_test(test_target_refuses_bad_parameters_and_says_which),
        cmocka_unit_test(test_target_bounds_the_words),
        cmocka_unit_test(test_target_finds_an_etag_in_a_list),
        cmocka_unit_test(test_target_knows_json),
        cmocka_unit_test(test_target_knows_background_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
