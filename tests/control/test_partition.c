/* Tests of control/partition.h: the map that is handed out, and what is refused as one. */
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
#include "base/layout.h"
#include "base/topo.h"
#include "control/partition.h"
#include "control/status.h"

enum { ZONES = 2, SERVICES = 4 };

static const char topology[] =
    "{\"countries\": [\"DE\", \"AT\", \"FR\"],"
    " \"cells\": {\"de\": {\"countries\": [\"DE\", \"AT\"], \"zones\": [\"a\", \"b\"]},"
    "             \"fr\": {\"countries\": [\"FR\"], \"zones\": [\"a\", \"b\"]}},"
    " \"policy\": {\"timeout\": \"300ms\", \"balance\": \"random\"},"
    " \"services\": {\"catalog\": {}, \"customer\": {}, \"order\": {}, \"vendor\": {}}}";

struct world {
    struct arena arena;
    struct topo topo;
    struct layout layout;
    struct partition map;
    struct error err;
    struct status status;
    struct status_cell cell[2];
    struct status_zone zone[2][ZONES];
    struct status_replica replica[2][ZONES][SERVICES];
};

/* A system of which every part is in this health. */
static void see(struct world *w, int health)
{
    w->status = (struct status){.cells = w->cell, .cell_count = 2};
    for (size_t c = 0; c < 2; c++) {
        w->cell[c] = (struct status_cell){.zones = w->zone[c], .zone_count = ZONES};
        for (size_t z = 0; z < ZONES; z++) {
            w->zone[c][z] = (struct status_zone){
                .health = health, .replicas = w->replica[c][z], .replica_count = SERVICES};
            for (size_t s = 0; s < SERVICES; s++)
                w->replica[c][z][s] = (struct status_replica){.health = health};
        }
    }
}

static int setup(void **state)
{
    static struct world w;
    w = (struct world){.map.version = 0};
    *state = &w;
    see(&w, STATUS_OK);
    if (topo_parse(&w.topo, topology, strlen(topology), NULL, 0, &w.arena, &w.err) != 0 ||
        layout_init(&w.layout, &w.topo, ".", 20000, &w.err) != 0 ||
        layout_doors(&w.layout, 2, &w.err) != 0)
        return -1;
    return partition_of(&w.map, &w.layout, "two", &w.arena);
}

static int teardown(void **state)
{
    struct world *w = *state;
    arena_release(&w->arena);
    return 0;
}

static void test_partition_comes_back_from_its_text(void **state)
{
    struct world *w = *state;
    struct partition back;
    w->map.version = 17;
    w->map.cells[1].replicas[3].state = PARTITION_OUT;
    char *text = partition_print(&w->map, &w->arena);
    assert_non_null(text);
    if (partition_parse(&back, text, strlen(text), &w->arena, &w->err) != 0 ||
        partition_same(&back, &w->map, &w->err) != 0)
        fail_msg("%s", w->err.text);
    assert_int_equal(back.version, 17);
    assert_string_equal(back.system, "two");
    assert_int_equal(back.doors[0].port, 20000);
    assert_int_equal(back.doors[1].port, layout_door_port(&w->layout, 1));
    assert_int_equal(back.policy.timeout_us, 300000);
    assert_int_equal(back.policy.balance, TOPO_BALANCE_RANDOM);
    assert_string_equal(back.cells[0].countries[1], "at");
    assert_int_equal(back.cells[1].replicas[3].state, PARTITION_OUT);
    assert_int_equal(back.cells[1].replicas[7].port, layout_port(&w->layout, 1, 1, 3));
    assert_string_equal(partition_print(&back, &w->arena), text);
}

static void test_partition_changes_with_what_is_known_only(void **state)
{
    struct world *w = *state;
    const struct partition_replica *r = &w->map.cells[1].replicas[5]; /* zone b, its second */
    struct status_replica *is = &w->replica[1][1][1];
    assert_false(partition_observe(&w->map, &w->status));
    is->health = STATUS_DOWN;
    assert_true(partition_observe(&w->map, &w->status));
    assert_int_equal(r->state, PARTITION_DOWN);
    assert_false(partition_observe(&w->map, &w->status));
    for (int health = STATUS_UNKNOWN; health <= STATUS_STARTING; health += 2) {
        is->health = health; /* nobody knows */
        assert_false(partition_observe(&w->map, &w->status));
    }
    is->health = STATUS_OK;
    assert_true(partition_observe(&w->map, &w->status));
    assert_int_equal(r->state, PARTITION_IN);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(w->map.cells[0].replicas[i].state, PARTITION_IN);
    w->map.cells[0].replicas[7].state = PARTITION_OUT; /* on purpose: it stays out */
    assert_false(partition_observe(&w->map, &w->status));
    assert_int_equal(w->map.cells[0].replicas[7].state, PARTITION_OUT);
    w->map.cells[0].replicas[7].state = PARTITION_IN;
    w->zone[0][0].health = STATUS_DOWN;
    assert_true(partition_observe(&w->map, &w->status));
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(w->map.cells[0].replicas[i].state, i < 4 ? PARTITION_DOWN : PARTITION_IN);
}

static void test_partition_versions_rise(void **state)
{
    (void)state;
    assert_int_equal(partition_version(0, 1000), 1000);
    assert_int_equal(partition_version(1000, 1000), 1001);
    assert_int_equal(partition_version(1001, 1000), 1002); /* a clock that was set back */
    assert_int_equal(partition_version(1002, 5000), 5000);
}

#define REPLICA "{\"service\": \"order\", \"zone\": \"a\", \"port\": 1}"
#define CELL(countries, replicas) \
    "{\"name\": \"x\", \"countries\": [" countries "], \"replicas\": [" replicas "]}"
#define MAP(version, doors, cells) \
    "{\"format\": 1, \"version\": " version ", \"doors\": [" doors "], \"cells\": [" cells "]}"
#define DOOR "{\"port\": 1}"

static void test_partition_refuses_what_is_no_map(void **state)
{
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"", "line 1"},
        {"{\"format\": 1, \"version\": 1", "line 1"},
        {"[]", "expected object"},
        {MAP("-1", DOOR, CELL("\"de\"", REPLICA)), "version: expected 0.."},
        {MAP("1", "", CELL("\"de\"", REPLICA)), "doors: "},
        {MAP("1", "{\"port\": 65536}", CELL("\"de\"", REPLICA)),
         "doors[0].port: expected 1..65535"},
        {MAP("1", DOOR, ""), "cells: "},
        {MAP("1", DOOR, CELL("", REPLICA)), "cells[0].countries: "},
        {MAP("1", DOOR, CELL("\"DE\"", REPLICA)), "cells[0].countries[0]: expected two letters"},
        {MAP("1", DOOR, CELL("\"d\xc3\xa9\"", REPLICA)), "cells[0].countries[0]: expected two"},
        {MAP("1", DOOR, CELL("\"de\", \"de\"", REPLICA)), "cells[0].countries[1]: de is served"},
        {MAP("1", DOOR, CELL("\"de\"", REPLICA) "," CELL("\"de\"", REPLICA)),
         "cells[1].countries[0]: de is served already"},
        {MAP("1", DOOR, CELL("\"de\"", "")), "cells[0].replicas: "},
        {MAP("1", DOOR, CELL("\"de\"", REPLICA "," REPLICA)),
         "cells[0].replicas[1]: zone a has its order already"},
        {MAP("1", DOOR, CELL("\"de\"", "{\"service\": \"till\", \"zone\": \"a\", \"port\": 1}")),
         "cells[0].replicas[0].service: there is no \"till\""},
        {MAP("1", DOOR,
             CELL("\"de\"", "{\"service\": \"order\", \"zone\": \"a\", \"port\": 1, "
                            "\"host\": \"example.com\"}")),
         "host"},
        {"{\"format\": 2, \"version\": 1, \"doors\": [" DOOR
         "], \"cells\": [" CELL("\"de\"", REPLICA) "]}",
         "format: expected 1..1, got 2"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct partition p = {.version = 99};
        struct error err = {0};
        if (partition_parse(&p, rows[i].text, strlen(rows[i].text), &w->arena, &err) == 0 ||
            strstr(err.text, rows[i].sentence) == NULL)
            fail_msg("%s: '%s'", rows[i].text, err.text);
        assert_int_equal(p.version, 99);
    }
}

static void test_partition_refuses_what_is_too_large(void **state)
{
    struct world *w = *state;
    struct partition p;
    char *text = arena_alloc(&w->arena, PARTITION_BYTES_MAX + 2, 1);
    memset(text, ' ', PARTITION_BYTES_MAX + 1);
    assert_int_equal(partition_parse(&p, text, PARTITION_BYTES_MAX + 1, &w->arena, &w->err), -1);
    assert_int_equal(w->err.code, ERR_LIMIT);
}

static void test_partition_knows_its_system(void **state)
{
    struct world *w = *state;
    struct partition own;
    struct layout other = w->layout;
    other.port++;
    assert_int_equal(partition_of(&own, &w->layout, "two", &w->arena), 0);
    w->map.version = 5;
    w->map.cells[0].replicas[0].state = PARTITION_OUT;
    assert_int_equal(partition_same(&w->map, &own, &w->err), 0);
    w->map.cells[1].countries[0] = "es";
    assert_int_equal(partition_same(&w->map, &own, &w->err), -1);
    assert_string_equal(w->err.text, "cells[1] is of another system: this one has fr");
    w->map.cells[1].countries[0] = "fr";
    w->map.cells[0].replicas[2].zone = "c";
    assert_int_equal(partition_same(&w->map, &own, &w->err), -1);
    w->map.cells[0].replicas[2].zone = "a";
    w->map.door_count = 1;
    assert_int_equal(partition_same(&w->map, &own, &w->err), -1);
    assert_int_equal(partition_of(&w->map, &other, "two", &w->arena), 0);
    assert_int_equal(partition_same(&w->map, &own, &w->err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_partition_comes_back_from_its_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_partition_changes_with_what_is_known_only, setup,
                                        teardown),
        cmocka_unit_test(test_partition_versions_rise),
        cmocka_unit_test_setup_teardown(test_partition_refuses_what_is_no_map, setup, teardown),
        cmocka_unit_test_setup_teardown(test_partition_refuses_what_is_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_partition_knows_its_system, setup, teardown),
    };
    return cmocka_run_group_tests_name("partition", tests, NULL, NULL);
}
