/* Tests of control/live/door_scatter.h: one question to many countries. A real door process,
 * replicas by hand in two cells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/live/door_scatter.h"
#include "tests/shop.h"

#define PAGE(id) "{\"items\": [{\"id\": \"" id "\"}], \"next\": null}"

/* All replicas of a cell's catalog answer this text with 200. */
static void staff(struct shop *s, size_t cell, const char *page, char *room, size_t size)
{
    int n = snprintf(room, size, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(page),
                     page);
    assert_true(n > 0 && (size_t)n < size);
    shop_staff(s, cell, LAYOUT_CATALOG, REPLICA_ANSWERS, NULL, NULL);
    for (size_t z = 0; z < SHOP_ZONES; z++) {
        struct replica *r = shop_replica(s, cell, z, LAYOUT_CATALOG);
        r->reply = room;
        r->reply_len = (size_t)n;
    }
}

static void expect(struct shop *s, const char *target, int status, const char *body)
{
    struct ask a = shop_get(s, target);
    if (a.status != status || strstr(a.body, body) == NULL)
        fail_msg("%s: %d %s", target, a.status, a.body);
    ask_release(&a);
}

static void test_door_asks_all_countries_at_once(void **state)
{
    static char de[256], fr[256];
    struct shop s;
    (void)state;
    shop_open(&s, "\"timeout\": \"10s\"");
    staff(&s, SHOP_DE, PAGE("de-i-1"), de, sizeof de);
    staff(&s, SHOP_FR, PAGE("fr-i-1"), fr, sizeof fr);
    const char *both = "{\"countries\": {\n\"de\": " PAGE("de-i-1") ",\n\"fr\": " PAGE(
        "fr-i-1") "},\n\"missing\": [],\n\"partial\": false}\n";
    expect(&s, "/items?q=red%20pot", 200, both);
    const struct replica *r = shop_replica(&s, SHOP_DE, 0, LAYOUT_CATALOG);
    for (size_t z = 0; z < SHOP_ZONES; z++)
        if (shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG)->requests > 0)
            r = shop_replica(&s, SHOP_DE, z, LAYOUT_CATALOG);
    assert_non_null(strstr(r->head, "GET /de/items?q=red%20pot&limit=10 HTTP/1.1\r\n"));
    expect(&s, "/items?q=a&countries=de,fr&limit=100&within=5s", 200, both);
    expect(&s, "/items?countries=fr&q=a", 200,
           "{\"countries\": {\n\"fr\": " PAGE("fr-i-1") "},\n\"missing\": [],");
    shop_close(&s);
}

static void test_door_says_what_it_expects_of_items(void **state)
{
    static const struct {
        const char *target;
        int status;
        const char *words;
    } rows[] = {
        {"/items", 400, "q is missing"},
        {"/items?q=", 400, "q: expected 1..1024 bytes, got 0"},
        {"/items?q=a&countries=", 400, "countries: expected codes"},
        {"/items?q=a&countries=DE", 400, "countries: expected codes"},
        {"/items?q=a&countries=de,", 400, "countries: expected codes"},
        {"/items?q=a&countries=de;fr", 400, "countries: expected codes"},
        {"/items?q=a&countries=de,fr,de", 400, "countries: de is there twice"},
        {"/items?q=a&countries=de,es", 404, "countries: no cell serves es"},
        {"/items?q=a&limit=0", 400, "limit: expected 1..100"},
        {"/items?q=a&limit=101", 400, "limit: expected 1..100"},
        {"/items?q=a&limit=1e1", 400, "limit: expected 1..100"},
        {"/items?q=a&within=11s", 400, "within: expected 1ms..10s"},
        {"/items?q=a&within=0", 400, "within: expected 1ms..10s"},
        {"/items?q=a&after=de-i-1", 400, "got \\\"after\\\""},
        {"/items?q=a&qq", 400, "got \\\"qq\\\""},
    };
    char *target = calloc(1, 2048);
    struct shop s;
    struct ask a;
    (void)state;
    shop_open(&s, "");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect(&s, rows[i].target, rows[i].status, rows[i].words);
    snprintf(target, 2048, "/items?q=%01025d", 0);
    expect(&s, target, 400, "q: expected 1..1024 bytes, got 1025");
    shop_ask(&s, &a, "POST", "/items?q=a", NULL, 0, "{}", 2);
    assert_int_equal(shop_wait(&s, &a, 1, 405), 1);
    free(target);
    shop_close(&s);
}

static void test_door_answers_in_part_when_a_cell_is_down(void **state)
{
    static char de[256];
    struct shop s;
    (void)state;
    shop_open(&s, "\"backoff\": \"1ms\", \"timeout\": \"10s\"");
    staff(&s, SHOP_DE, PAGE("de-i-1"), de, sizeof de);
    expect(&s, "/items?q=a", 200,
           "\"missing\": [\n  {\"country\": \"fr\", \"why\": \"no answer (refused)\"}],\n"
           "\"partial\": true}\n");
    expect(&s, "/items?q=a&countries=fr", 503, "no country has answered; fr: no answer (refused)");
    shop_staff(&s, SHOP_FR, LAYOUT_CATALOG, REPLICA_SHEDS, NULL, NULL);
    expect(&s, "/items?q=a", 200, "\"why\": \"its cell answers 503\"");
    shop_close(&s);
}

/* Half of the answer at the deadline, and no sooner. */
static void test_door_answers_in_part_when_a_cell_is_frozen(void **state)
{
    static char de[256];
    struct shop s;
    (void)state;
    shop_open(&s, "\"timeout\": \"30s\"");
    staff(&s, SHOP_DE, PAGE("de-i-1"), de, sizeof de);
    shop_staff(&s, SHOP_FR, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    uint64_t before = uv_hrtime();
    expect(&s, "/items?q=a&within=1500ms", 200,
           "\"missing\": [\n  {\"country\": \"fr\", \"why\": \"no answer within 1500 ms\"}]");
    uint64_t took_ms = (uv_hrtime() - before) / 1000000;
    if (took_ms < 1490 || took_ms >= 15000) /* the loop's clock counts whole milliseconds */
        fail_msg("the answer came after %llu ms", (unsigned long long)took_ms);
    shop_close(&s);
}

static void test_door_bounds_questions_to_many(void **state)
{
    static struct ask ask[DOOR_SCATTER_MAX];
    struct shop s;
    (void)state;
    shop_open(&s, "\"timeout\": \"30s\"");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    for (size_t i = 0; i < DOOR_SCATTER_MAX; i++)
        shop_ask(&s, &ask[i], "GET", "/items?q=a&countries=de&within=10s", NULL, 0, NULL, 0);
    SHOP_UNTIL(&s, shop_held(&s, SHOP_DE, LAYOUT_CATALOG) == DOOR_SCATTER_MAX);
    expect(&s, "/items?q=a", 503, "too many such questions are under way");
    expect(&s, "/items", 400, "q is missing");
    shop_release(&s, SHOP_DE, LAYOUT_CATALOG);
    size_t answered = 0;
    for (size_t i = 0; i < DOOR_SCATTER_MAX; i++) {
        SHOP_UNTIL(&s, ask[i].done);
        answered += ask[i].status == 200;
        ask_release(&ask[i]);
    }
    assert_int_equal(answered, DOOR_SCATTER_MAX);
    shop_close(&s);
}

/* Texts that would garble what stands beside them are left out, and so is what is too large. */
static void test_door_does_not_pass_on_pages_that_are_none(void **state)
{
    static const char *const pages[] = {
        "[]",
        "{",
        "}",
        "{}}",
        "{]",
        "{\"a\": \"}",
        "{} {}",
        "null",
        "{\"a\": [}]",
        "\"{}\"",
        "{\"a\": \"\\\"}",
        "{\"a\": {\"b\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}}",
    };
    static const char *const good[] = {"{}", "{\"a\": \"]}\\\"\"}", "{\"a\": [{}, [1]]}\n"};
    enum { LARGE = 700 << 10 };
    static char de[256], fr[LARGE + 256], large[LARGE];
    struct shop s;
    (void)state;
    shop_open(&s, "\"timeout\": \"10s\"");
    staff(&s, SHOP_FR, PAGE("fr-i-1"), fr, sizeof fr);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        staff(&s, SHOP_DE, pages[i], de, sizeof de);
        expect(
            &s, "/items?q=a", 200,
            "{\"countries\": {\n\"fr\": " PAGE("fr-i-1") "},\n\"missing\": [\n"
                                                         "  {\"country\": \"de\", \"why\": \"its "
                                                         "cell answers what is no page\"}]");
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        staff(&s, SHOP_DE, good[i], de, sizeof de);
        expect(&s, "/items?q=a", 200, "\"partial\": false");
    }
    memset(large, ' ', sizeof large - 1);
    large[0] = '{';
    large[sizeof large - 2] = '}';
    static char more[LARGE + 256];
    staff(&s, SHOP_FR, large, fr, sizeof fr);
    staff(&s, SHOP_DE, large, more, sizeof more);
    expect(&s, "/items?q=a", 200, "are too many beside the others: 1048576 in all are the most");
    shop_close(&s);
}

static void test_door_ends_questions_to_many_when_it_ends(void **state)
{
    struct shop s;
    struct ask ask;
    (void)state;
    shop_open(&s, "\"timeout\": \"30s\"");
    shop_staff(&s, SHOP_DE, LAYOUT_CATALOG, REPLICA_HOLDS, NULL, NULL);
    shop_ask(&s, &ask, "GET", "/items?q=a&countries=de&within=10s", NULL, 0, NULL, 0);
    SHOP_UNTIL(&s, shop_held(&s, SHOP_DE, LAYOUT_CATALOG) == 1);
    shop_end(&s);
    SHOP_UNTIL(&s, ask.done);
    assert_int_equal(ask.status, 503);
    assert_non_null(strstr(ask.body, "the door is closing"));
    ask_release(&ask);
    shop_close(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_door_asks_all_countries_at_once),
        cmocka_unit_test(test_door_says_what_it_expects_of_items),
        cmocka_unit_test(test_door_answers_in_part_when_a_cell_is_down),
        cmocka_unit_test(test_door_answers_in_part_when_a_cell_is_frozen),
        cmocka_unit_test(test_door_bounds_questions_to_many),
        cmocka_unit_test(test_door_does_not_pass_on_pages_that_are_none),
        cmocka_unit_test(test_door_ends_questions_to_many_when_it_ends),
    };
    int status;
    if (shop_is_door(argc, argv, &status))
        return status;
    return cmocka_run_group_tests_name("door_scatter", tests, NULL, NULL);
}
