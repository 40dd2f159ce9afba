/* Tests of control/map.h: a path belongs to one cell and service, or is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/map.h"

static const char services[] = "\"services\": {\"order\": {}, \"catalog\": {}, \"vendor\": {}, "
                               "\"customer\": {}}";

struct made {
    struct arena arena;
    struct topo topo;
    struct layout layout;
    struct map map;
};

static void make(struct made *made, const char *countries_and_cells)
{
    struct error err;
    *made = (struct made){0};
    char *text = arena_format(&made->arena, "{%s, %s}", countries_and_cells, services);
    if (topo_parse(&made->topo, text, strlen(text), NULL, 0, &made->arena, &err) != 0 ||
        layout_init(&made->layout, &made->topo, ".", 20000, &err) != 0)
        fail_msg("%s", err.text);
    map_init(&made->map, &made->layout);
}

static int setup(void **state)
{
    static struct made made;
    *state = &made;
    make(&made, "\"countries\": [\"GB\", \"DE\", \"AT\", \"FR\"], \"cells\": {\"islands\": "
                "{\"countries\": [\"GB\"]}, \"middle\": {\"countries\": [\"DE\", \"AT\"]}, "
                "\"west\": {\"countries\": [\"FR\"]}}");
    return 0;
}

static int teardown(void **state)
{
    struct made *made = *state;
    arena_release(&made->arena);
    return 0;
}

static void test_map_finds_cell_and_service(void **state)
{
    const struct made *made = *state;
    static const struct {
        const char *target, *cell, *service;
    } rows[] = {
        {"/gb/customers", "islands", "customer"},
        {"/de/vendors", "middle", "vendor"},
        {"/at/items", "middle", "catalog"},
        {"/fr/orders", "west", "order"},
        {"/fr/orders/", "west", "order"},
        {"/fr/orders/fr-o-12", "west", "order"},
        {"/fr/orders/fr-o-12?x", "west", "order"},
        {"/de/items?q=/../a&limit=3", "middle", "catalog"},
        {"/de/items/?q=a/b/c", "middle", "catalog"},
        {"/de/items/...", "middle", "catalog"},
        {"/de/items/.a", "middle", "catalog"},
        {"/de/items/%2e%2e", "middle", "catalog"},
        {"/de/orders/gb-o-1", "middle", "order"}, /* the cell says 421 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct map_place place = {SIZE_MAX, SIZE_MAX};
        if (map_route(&made->map, rows[i].target, &place) != MAP_SERVICE)
            fail_msg("%s is not found", rows[i].target);
        assert_string_equal(made->topo.cells[place.cell].name, rows[i].cell);
        assert_string_equal(made->topo.services[place.service].name, rows[i].service);
    }
}

static void test_map_refuses_what_is_not_outside(void **state)
{
    const struct made *made = *state;
    static const struct {
        const char *target;
        enum map_found found;
    } rows[] = {
        {"/es/customers", MAP_NO_COUNTRY},
        {"/DE/customers", MAP_NO_COUNTRY},
        {"/d/customers", MAP_NO_COUNTRY},
        {"/dee/customers", MAP_NO_COUNTRY},
        {"/d{/customers", MAP_NO_COUNTRY},
        {"/`e/customers", MAP_NO_COUNTRY},
        {"//customers", MAP_NO_COUNTRY},
        {"/%64e/customers", MAP_NO_COUNTRY},
        {"/zz/orders/1?a", MAP_NO_COUNTRY},
        {"/a/orders", MAP_NO_COUNTRY},
        {"", MAP_NO_PATH},
        {"*", MAP_NO_PATH},
        {"/", MAP_NO_PATH},
        {"/?/de/orders", MAP_NO_PATH},
        {"/de", MAP_NO_PATH},
        {"/de/", MAP_NO_PATH},
        {"/de?/orders", MAP_NO_PATH},
        {"/health", MAP_NO_PATH},
        {"/de/health", MAP_NO_PATH},
        {"/de/reservations", MAP_NO_PATH},
        {"/de/reservations/1", MAP_NO_PATH},
        {"/de/order", MAP_NO_PATH},
        {"/de/orderss", MAP_NO_PATH},
        {"/de/Orders", MAP_NO_PATH},
        {"/de//orders", MAP_NO_PATH},
        {"/de/./orders", MAP_NO_PATH},
        {"/de/orders%2f1", MAP_NO_PATH},
        {"/de/orders/.", MAP_NO_PATH},
        {"/de/orders/..", MAP_NO_PATH},
        {"/de/orders/..?x", MAP_NO_PATH},
        {"/de/items/../reservations", MAP_NO_PATH},
        {"/de/orders//", MAP_NO_PATH},
        {"/de/orders/1/", MAP_NO_PATH},
        {"/de/orders/1/cancel", MAP_NO_PATH},
        {"de/orders", MAP_NO_PATH},
        {"http://de/orders", MAP_NO_PATH},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct map_place place = {77, 78};
        if (map_route(&made->map, rows[i].target, &place) != rows[i].found)
            fail_msg("%s", rows[i].target);
        assert_int_equal(place.cell, 77);
        assert_int_equal(place.service, 78);
    }
}

static void test_map_finds_every_country_of_many(void **state)
{
    static const char list[] =
        "\"countries\": [\"US\", \"AE\", \"ZA\", \"NO\", \"NL\", \"IT\", \"JP\", \"BR\", \"SE\", "
        "\"CA\", \"IN\", \"MX\", \"PL\"]";
    struct made made;
    (void)state;
    make(&made, list);
    for (size_t i = 0; i < made.topo.country_count; i++) {
        const char *name = made.topo.countries[i].name;
        const char target[] = {
            '/', (char)(name[0] | 0x20), (char)(name[1] | 0x20), '/', 'i', 't', 'e', 'm', 's',
            '\0'};
        struct map_place place;
        assert_int_equal(map_route(&made.map, target, &place), MAP_SERVICE);
        assert_int_equal(place.cell, made.topo.countries[i].cell);
    }
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map_finds_cell_and_service),
        cmocka_unit_test(test_map_refuses_what_is_not_outside),
        cmocka_unit_test(test_map_finds_every_country_of_many),
    };
    return cmocka_run_group_tests_name("map", tests, setup, teardown);
}
