/* Tests of the works of region/ on a database in memory: what becomes of the rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "region/catalog.h"
#include "region/order.h"
#include "region/party.h"
#include "region/record.h"
#include "wire/store_tx.h"

enum { WORK_US = 5000000 };

struct rows {
    struct store_tx *tx;
    struct arena a;
    struct error err;
};

static void rows_open(struct rows *r, const struct kind *kind)
{
    *r = (struct rows){0};
    assert_int_equal(store_tx_open(&r->tx, ":memory:", STORE_TX_WRITE, &r->err), 0);
    for (size_t i = 0; i < kind->schema_count; i++)
        assert_int_equal(store_tx_script(r->tx, kind->schema[i], &r->err), 0);
    assert_int_equal(store_tx_begin(r->tx, 0, &r->err), 0);
}

static void rows_close(struct rows *r)
{
    store_tx_close(r->tx);
    arena_release(&r->a);
}

static int work(struct rows *r, store_work *what, void *context)
{
    int status = store_tx_work(r->tx, what, context, WORK_US, &r->err);
    assert_true(store_tx_alive(r->tx));
    return status;
}

static struct record_create create(struct rows *r, const struct kind *kind, const char *country,
                                   const char *key, const char *body)
{
    struct record_create c;
    if (record_create_init(&c, kind, country, key, 5, body, strlen(body), &r->a, &r->err) != 0)
        fail_msg("%s: %s", body, r->err.text);
    if (work(r, record_create_work, &c) != 0)
        fail_msg("%s: %s", body, r->err.text);
    return c;
}

static const char *read_text(struct rows *r, const char *id)
{
    struct record_read read = {.a = &r->a, .id = id};
    assert_int_equal(work(r, record_read_work, &read), 0);
    return read.found;
}

static int64_t count(struct rows *r, const char *sql)
{
    int64_t n;
    assert_int_equal(store_tx_number(r->tx, sql, &n, &r->err), 0);
    return n;
}

/* ---- create ---- */

/* A second write after the first one, which has key "k1" and made a customer of code "7" or none.
 */
static void test_create_twice_is_one_row(void **state)
{
    (void)state;
    static const char *const plain = "{\"name\":\"A\"}", *const coded =
                                                             "{\"name\":\"A\",\"code\":\"7\"}";
    const struct {
        const char *claim, *first, *key, *second;
        enum record_outcome outcome;
    } table[] = {
        {"the same again", plain, "k1", plain, RECORD_REPEATED},
        {"the same with a code", coded, "k1", coded, RECORD_REPEATED},
        {"another key, no code", plain, "k2", plain, RECORD_CREATED},
        {"another key, same code and body", coded, "k2", coded, RECORD_REPEATED},
        {"another body", plain, "k1", "{\"name\":\"B\"}", RECORD_KEY_REUSED},
        {"another body with the code", coded, "k1", "{\"name\":\"B\",\"code\":\"7\"}",
         RECORD_KEY_REUSED},
        {"another code", coded, "k1", "{\"name\":\"A\",\"code\":\"8\"}", RECORD_KEY_REUSED},
        {"the code left out", coded, "k1", plain, RECORD_KEY_REUSED},
        {"a code added", plain, "k1", coded, RECORD_KEY_REUSED},
        {"the code taken by another body", coded, "k2", "{\"name\":\"B\",\"code\":\"7\"}",
         RECORD_TAKEN},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct rows r;
        rows_open(&r, &customer_kind);
        struct record_create first = create(&r, &customer_kind, "de", "k1", table[i].first);
        assert_int_equal(first.outcome, RECORD_CREATED);
        assert_string_equal(first.found, first.text);
        struct record_create second =
            create(&r, &customer_kind, "de", table[i].key, table[i].second);
        if (second.outcome != table[i].outcome)
            fail_msg("%s: outcome %d", table[i].claim, second.outcome);
        if (second.outcome == RECORD_REPEATED)
            assert_string_equal(second.found, first.found);
        assert_int_equal(count(&r, "SELECT count(*) FROM record"),
                         second.outcome == RECORD_CREATED ? 2 : 1);
        assert_string_equal(read_text(&r, first.id), first.found);
        rows_close(&r);
    }
}

static void test_create_keeps_countries_of_a_cell_apart(void **state)
{
    (void)state;
    struct rows r;
    rows_open(&r, &customer_kind);
    struct record_create de = create(&r, &customer_kind, "de", "k", "{\"name\":\"A\"}");
    struct record_create fr = create(&r, &customer_kind, "fr", "k", "{\"name\":\"A\"}");
    assert_int_equal(fr.outcome, RECORD_CREATED);
    assert_string_not_equal(de.id, fr.id);
    struct record_list list;
    assert_int_equal(record_list_init(&list, &customer_kind, "fr", NULL, "", 10, &r.a), 0);
    assert_int_equal(work(&r, record_list_work, &list), 0);
    assert_non_null(strstr(list.page, fr.id));
    assert_null(strstr(list.page, de.id));
    rows_close(&r);
}

static void test_read_of_what_is_not_there_finds_nothing(void **state)
{
    (void)state;
    struct rows r;
    rows_open(&r, &customer_kind);
    assert_null(read_text(&r, "de-c-1"));
    assert_int_equal(work(&r, record_probe_work, NULL), 0);
    rows_close(&r);
}

/* ---- list ---- */

static size_t occurrences(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        n++;
    return n;
}

static void test_list_pages_show_everything_once(void **state)
{
    (void)state;
    struct rows r;
    rows_open(&r, &order_kind);
    enum { ORDERS = 25 };
    for (int i = 0; i < ORDERS; i++) {
        char key[16], body[128];
        snprintf(key, sizeof key, "k%d", i);
        snprintf(body, sizeof body,
                 "{\"customer\":\"de-c-%d\",\"lines\":[{\"item\":\"de-i-1\",\"quantity\":1}]}",
                 i % 3);
        create(&r, &order_kind, "de", key, body);
    }
    static const char *const owners[] = {NULL, "de-c-0", "de-c-9"};
    static const size_t wanted[] = {ORDERS, 9, 0};
    for (size_t i = 0; i < 3; i++)
        for (int64_t limit = 1; limit <= ORDERS + 1; limit++) {
            struct record_list list;
            char after[ID_TEXT] = "";
            size_t seen = 0, pages = 0;
            do {
                assert_int_equal(
                    record_list_init(&list, &order_kind, "de", owners[i], after, limit, &r.a), 0);
                assert_int_equal(work(&r, record_list_work, &list), 0);
                seen += occurrences(list.page, "\"id\"");
                const char *next = strstr(list.page, "\"next\": \"");
                snprintf(after, sizeof after, "%.31s", next == NULL ? "" : next + 9);
                assert_true(++pages < 100);
            } while (after[0] != '\0');
            assert_int_equal(seen, wanted[i]);
            size_t full = wanted[i] == 0 ? 1 : (wanted[i] + (size_t)limit - 1) / (size_t)limit;
            assert_int_equal(pages, full);
        }
    rows_close(&r);
}

static void test_list_of_an_owner_begins_with_the_oldest(void **state)
{
    (void)state;
    struct rows r;
    char ids[9][ID_TEXT];
    rows_open(&r, &order_kind);
    for (int i = 0; i < 9; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        struct record_create c =
            create(&r, &order_kind, "de", key,
                   "{\"customer\":\"de-c-1\",\"lines\":[{\"item\":\"de-i-1\",\"quantity\":1}]}");
        memcpy(ids[i], c.id, sizeof ids[i]);
    }
    struct record_list list;
    assert_int_equal(record_list_init(&list, &order_kind, "de", "de-c-1", ids[2], 4, &r.a), 0);
    assert_int_equal(work(&r, record_list_work, &list), 0);
    const char *at = list.page;
    for (int i = 3; i < 7; i++) {
        at = strstr(at, ids[i]);
        assert_non_null(at);
    }
    assert_int_equal(occurrences(list.page, "\"id\""), 4);
    rows_close(&r);
}

static void test_list_ends_a_page_that_grows_too_large(void **state)
{
    (void)state;
    struct rows r;
    static char name[RECORD_NAME_BYTES + 1], body[RECORD_NAME_BYTES + 64];
    rows_open(&r, &customer_kind);
    memset(name, 'x', RECORD_NAME_BYTES);
    snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    for (int i = 0; i < 1200; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        create(&r, &customer_kind, "de", key, body);
    }
    struct record_list list;
    assert_int_equal(record_list_init(&list, &customer_kind, "de", NULL, "", 1000, &r.a), 0);
    assert_int_equal(work(&r, record_list_work, &list), 0);
    assert_in_range(strlen(list.page), RECORD_PAGE_BYTES, RECORD_PAGE_BYTES + 64 * 1024);
    assert_null(strstr(list.page, "\"next\": null"));
    rows_close(&r);
}

/* ---- search ---- */

static void test_search_finds_words_in_any_case_and_form(void **state)
{
    (void)state;
    struct rows r;
    rows_open(&r, &item_kind);
    static const char *const items[] = {"RED RETROSPOT CUP", "BLUE CUP", "Caf\xc3\xa9 MUG",
                                        "3 HOOK PHOTO SHELF", "\\\"QUOTED\\\" AND MORE"};
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        char body[128], key[2] = {(char)('a' + i)};
        snprintf(body, sizeof body, "{\"description\":\"%s\",\"stock\":4}", items[i]);
        create(&r, &item_kind, "de", key, body);
        create(&r, &item_kind, "fr", key, body);
    }
    static const struct {
        const char *words;
        size_t found;
    } table[] = {
        {"cup", 2},       {"red cup", 1},
        {"cup red", 1},   {"cu", 2},
        {"re cup", 0},    {"red cu", 1},
        {"cafe", 1},      {"CAF\xc3\x89", 1},
        {"mug", 1},       {"3 hook", 1},
        {"\"", 0},        {"\"\"", 0},
        {"*", 0},         {"-", 0},
        {"quoted", 1},    {"\"quoted\"", 1},
        {"AND", 1},       {"OR", 0},
        {"NEAR(red", 0},  {"id:de", 0},
        {"words:cup", 0}, {"(cup", 2},
        {"cup*", 2},      {"^red", 1},
        {"red - cup", 1}, {"'; DROP TABLE record", 0},
        {"nothing", 0},   {"   ", 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct record_list list;
        assert_int_equal(catalog_search_init(&list, "de", table[i].words, 10, &r.a), 0);
        if (work(&r, record_list_work, &list) != 0)
            fail_msg("%s: %s", table[i].words, r.err.text);
        if (occurrences(list.page, "\"id\"") != table[i].found)
            fail_msg("%s: %s", table[i].words, list.page);
        assert_int_equal(occurrences(list.page, "\"stock\": 4"), table[i].found);
        assert_null(strstr(list.page, "fr-i-"));
        assert_non_null(strstr(list.page, "\"next\": null"));
    }
    rows_close(&r);
}

/* ---- reservations ---- */

static int reserve(struct rows *r, struct catalog_reserve *c, const char *order, const char *lines)
{
    char body[512];
    snprintf(body, sizeof body, "{\"order\":\"%s\",\"lines\":[%s]}", order, lines);
    assert_int_equal(catalog_reserve_init(c, "de", body, strlen(body), &r->a, &r->err), 0);
    return work(r, catalog_reserve_work, c);
}

struct stock {
    const char *id;
    int64_t left;
};

static int take_stock(void *context, const struct store_value *column, size_t columns)
{
    struct stock *stock = context;
    assert_int_equal(columns, 1);
    stock->left = column[0].i64;
    return 0;
}

static int stock_work(struct store_tx *tx, void *context, struct error *err)
{
    struct stock *stock = context;
    struct store_value id = store_text(stock->id, strlen(stock->id));
    return store_run(tx, "SELECT stock FROM record WHERE id = ?1", &id, 1, take_stock, stock, NULL,
                     err);
}

static int64_t stock_of(struct rows *r, const char *id)
{
    struct stock stock = {.id = id, .left = -100};
    assert_int_equal(work(r, stock_work, &stock), 0);
    return stock.left;
}

static void stock_three(struct rows *r)
{
    rows_open(r, &item_kind);
    create(r, &item_kind, "de", "1", "{\"description\":\"A\",\"stock\":10,\"code\":\"a\"}");
    create(r, &item_kind, "de", "2", "{\"description\":\"B\",\"stock\":3,\"code\":\"b\"}");
    create(r, &item_kind, "de", "3", "{\"description\":\"C\",\"code\":\"c\"}");
}

static void test_reserve_takes_all_lines_or_none(void **state)
{
    (void)state;
    struct rows r;
    struct catalog_reserve c;
    stock_three(&r);
    assert_int_equal(reserve(&r, &c, "de-o-1",
                             "{\"item\":\"de-i-a\",\"quantity\":4},"
                             "{\"item\":\"de-i-b\",\"quantity\":4}"),
                     -1);
    assert_int_equal(c.outcome, RESERVE_LACKS);
    assert_int_equal(c.line, 1);
    assert_int_equal(c.left, 3);
    assert_int_equal(reserve(&r, &c, "de-o-1",
                             "{\"item\":\"de-i-a\",\"quantity\":4},"
                             "{\"item\":\"de-i-x\",\"quantity\":1}"),
                     -1);
    assert_int_equal(c.outcome, RESERVE_UNKNOWN);
    assert_int_equal(c.line, 1);
    assert_int_equal(stock_of(&r, "de-i-a"), 10);
    assert_int_equal(count(&r, "SELECT count(*) FROM reservation"), 0);
    assert_int_equal(reserve(&r, &c, "de-o-1",
                             "{\"item\":\"de-i-a\",\"quantity\":4},"
                             "{\"item\":\"de-i-b\",\"quantity\":3}"),
                     0);
    assert_int_equal(c.outcome, RESERVE_MADE);
    assert_int_equal(stock_of(&r, "de-i-a"), 6);
    assert_int_equal(stock_of(&r, "de-i-b"), 0);
    rows_close(&r);
}

static void test_reserve_twice_for_one_order_takes_once(void **state)
{
    (void)state;
    struct rows r;
    struct catalog_reserve c;
    stock_three(&r);
    static const char *const lines = "{\"item\":\"de-i-b\",\"quantity\":2}";
    assert_int_equal(reserve(&r, &c, "de-o-1", lines), 0);
    assert_int_equal(reserve(&r, &c, "de-o-1", lines), 0);
    assert_int_equal(c.outcome, RESERVE_REPEATED);
    assert_int_equal(stock_of(&r, "de-i-b"), 1);
    assert_int_equal(reserve(&r, &c, "de-o-1", "{\"item\":\"de-i-b\",\"quantity\":1}"), 0);
    assert_int_equal(c.outcome, RESERVE_CHANGED);
    assert_int_equal(reserve(&r, &c, "de-o-2", lines), -1);
    assert_int_equal(c.outcome, RESERVE_LACKS);
    assert_int_equal(stock_of(&r, "de-i-b"), 1);
    rows_close(&r);
}

static void test_reserve_never_ends_a_stock_that_is_not_counted(void **state)
{
    (void)state;
    struct rows r;
    struct catalog_reserve c;
    stock_three(&r);
    for (int i = 0; i < 3; i++) {
        char order[32];
        snprintf(order, sizeof order, "de-o-%d", i);
        assert_int_equal(reserve(&r, &c, order, "{\"item\":\"de-i-c\",\"quantity\":1000000}"), 0);
        assert_int_equal(c.outcome, RESERVE_MADE);
    }
    assert_int_equal(stock_of(&r, "de-i-c"), RECORD_UNCOUNTED);
    rows_close(&r);
}

static void test_read_of_an_item_shows_what_is_left(void **state)
{
    (void)state;
    struct rows r;
    struct catalog_reserve c;
    stock_three(&r);
    assert_int_equal(reserve(&r, &c, "de-o-1", "{\"item\":\"de-i-a\",\"quantity\":4}"), 0);
    assert_string_equal(read_text(&r, "de-i-a"),
                        "{\n  \"id\": \"de-i-a\",\n  \"description\": \"A\",\n"
                        "  \"price_pence\": 0,\n  \"vendor\": null,\n  \"code\": \"a\",\n"
                        "  \"created_ms\": 5,\n  \"stock\": 6\n}\n");
    assert_non_null(strstr(read_text(&r, "de-i-c"), "\"stock\": -1\n}\n"));
    rows_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_twice_is_one_row),
        cmocka_unit_test(test_create_keeps_countries_of_a_cell_apart),
        cmocka_unit_test(test_read_of_what_is_not_there_finds_nothing),
        cmocka_unit_test(test_list_pages_show_everything_once),
        cmocka_unit_test(test_list_of_an_owner_begins_with_the_oldest),
        cmocka_unit_test(test_list_ends_a_page_that_grows_too_large),
        cmocka_unit_test(test_search_finds_words_in_any_case_and_form),
        cmocka_unit_test(test_reserve_takes_all_lines_or_none),
        cmocka_unit_test(test_reserve_twice_for_one_order_takes_once),
        cmocka_unit_test(test_reserve_never_ends_a_stock_that_is_not_counted),
        cmocka_unit_test(test_read_of_an_item_shows_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
