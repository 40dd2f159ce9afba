/* Where a live system's parts are: no two at one place. */

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

static const char three[] = "{\"countries\": [\"GB\", \"DE\", \"FR\"],"
                            "\"cells\": {\"de\": {\"zones\": [\"a\", \"b\", \"c\", \"d\"]}}}";

static int lay(struct layout *l, struct topo *topo, const char *text, int port, struct arena *a,
               struct error *err)
{
    if (topo_parse(topo, text, strlen(text), NULL, 0, a, err) != 0)
        fail_msg("%s", err->text);
    return layout_init(l, topo, "state", port, err);
}

static void test_layout_gives_every_replica_its_own_port(void **state)
{
    (void)state;
    struct arena a = {0};
    struct error err;
    struct topo topo;
    struct layout l;
    size_t members = 0;
    bool used[200] = {true}; /* the door's */
    assert_int_equal(lay(&l, &topo, three, 20000, &a, &err), 0);
    assert_int_equal(layout_door_port(&l, 0), 20000);
    assert_int_equal(layout_doors(&l, LAYOUT_DOORS_MAX, &err), 0);
    for (int i = 1; i < l.doors; i++) {
        size_t cell, zone;
        assert_false(layout_place(&l, layout_door_port(&l, i), &cell, &zone));
        assert_false(used[layout_door_port(&l, i) - 20000]);
        used[layout_door_port(&l, i) - 20000] = true;
    }
    for (size_t c = 0; c < topo.cell_count; c++)
        for (size_t z = 0; z < topo.cells[c].zone_count; z++)
            for (size_t s = 0; s <= topo.service_count; s++) { /* the last is the agent */
                int port = layout_port(&l, c, z, s) - 20000;
                assert_true(port > 0 && port < 200);
                size_t cell, zone;
                assert_true(layout_place(&l, port + 20000, &cell, &zone));
                assert_true(cell == c && zone == z);
                assert_false(used[port]);
                used[port] = true;
                assert_int_equal(layout_member_port(&l, c, layout_member(&l, z, s)), port + 20000);
                members++;
            }
    assert_int_equal(members, layout_processes(&l));
    arena_release(&a);
}

static void test_layout_keeps_run_files_apart_from_stores(void **state)
{
    (void)state;
    struct arena a = {0};
    struct error err;
    struct topo topo;
    struct layout l;
    assert_int_equal(lay(&l, &topo, three, 20000, &a, &err), 0);
    size_t de = topo_cell_at(&topo, "de"), order = layout_index(&l, LAYOUT_ORDER);
    assert_string_equal(layout_file(&l, "door.pid", &a), "state/door.pid");
    assert_string_equal(layout_door(&l, 0, "pid", &a), "state/door.pid");
    assert_string_equal(layout_door(&l, 1, "sock", &a), "state/door-2.sock");
    assert_string_equal(layout_agent(&l, de, 3, "sock", &a), "state/zones/de/d/agent.sock");
    assert_string_equal(layout_replica(&l, de, 0, order, "log", &a), "state/zones/de/a/order.log");
    assert_string_equal(layout_store(&l, de, order, &a), "state/cells/de/order");
    assert_int_equal(layout_kind(&l, order), LAYOUT_ORDER);
    arena_release(&a);
}

static void test_layout_refuses_what_cannot_be_laid(void **state)
{
    static const struct {
        const char *text;
        int port;
        const char *sentence;
    } rows[] = {
        {three, 32760,
         "ports 32760..32820 are needed, and they must lie in 1..32767: choose another "
         "first port or fewer cells"},
        {three, 0,
         "ports 0..60 are needed, and they must lie in 1..32767: choose another first port "
         "or fewer cells"},
        {"{\"countries\": [\"GB\"], \"services\": [\"shop\"]}", 20000,
         "services: live cells need a service \"customer\""},
        {"{\"countries\": [\"GB\"], \"services\": [\"customer\", \"vendor\", \"catalog\", "
         "\"order\","
         "\"extra\"]}",
         20000, "services: live cells run customer, vendor, catalog and order only"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a = {0};
        struct error err;
        struct topo topo;
        struct layout l;
        assert_int_equal(lay(&l, &topo, rows[i].text, rows[i].port, &a, &err), -1);
        assert_string_equal(err.text, rows[i].sentence);
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout_gives_every_replica_its_own_port),
        cmocka_unit_test(test_layout_keeps_run_files_apart_from_stores),
        cmocka_unit_test(test_layout_refuses_what_cannot_be_laid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
