#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "tests/oom.h"

/* Blocks of an arena are large, so only a long text takes several of them. */
static const char topology_text[] =
    "{\"countries\": {\"GB\": {}, \"DE\": {\"curve\": \"flat\"}, \"FR\": {}, \"IT\": {}, \"ES\": "
    "{}, \"AT\": {}, \"BE\": {}, \"NL\": {}, \"SE\": {}, \"PL\": {}, \"US\": {}, \"IN\": {}, "
    "\"JP\": {}, \"BR\": {}, \"MX\": {}, \"CA\": {}, \"AU\": {}, \"NZ\": {}, \"ZA\": {}, \"NG\": "
    "{}, \"EG\": {}, \"KE\": {}, \"TR\": {}, \"GR\": {}, \"PT\": {}},"
    " \"cells\": {\"west\": {\"countries\": [\"GB\", \"FR\"], \"zones\": [\"a\", \"b\"]},"
    " \"de\": {}}, \"services\": [\"shop\"]}";

static const char scenario_text[] =
    "{\"topology\": \"t.json\", \"faults\": [{\"kind\": \"zone-down\", \"scope\": \"de/a\"}],"
    " \"expect\": [{\"measure\": \"shed\", \"max\": 0}]}";

static const struct json_set topo_set = {"cells.de.zones", "[\"a\", \"b\", \"c\"]"};
static const struct json_set scenario_set = {"faults.0.for", "5m"};

static bool parse_topo(void *context)
{
    struct arena a = {0};
    struct error err = {0};
    struct topo out, before;
    (void)context;
    memset(&out, 0x5a, sizeof out);
    memcpy(&before, &out, sizeof out);
    int status = topo_parse(&out, topology_text, sizeof topology_text - 1, &topo_set, 1, &a, &err);
    if (status != 0) {
        assert_string_equal(err.text, "no memory left");
        assert_int_equal(err.code, ERR_MEMORY);
        assert_memory_equal(&out, &before, sizeof out);
    }
    arena_release(&a);
    return status == 0;
}

static bool parse_scenario(void *context)
{
    struct arena a = {0};
    struct error err = {0};
    struct scenario out, before;
    (void)context;
    memset(&out, 0x5a, sizeof out);
    memcpy(&before, &out, sizeof out);
    int status =
        scenario_parse(&out, scenario_text, sizeof scenario_text - 1, &scenario_set, 1, &a, &err);
    if (status != 0) {
        assert_string_equal(err.text, "no memory left");
        assert_int_equal(err.code, ERR_MEMORY);
        assert_memory_equal(&out, &before, sizeof out);
    }
    arena_release(&a);
    return status == 0;
}

static bool set_times(void *context)
{
    struct arena a = {0};
    struct error err = {0};
    struct topo_service service = {.name = "x"}, before = service;
    (void)context;
    int status = topo_times_set(&service, "t", "1\n2\n", 4, &a, &err);
    if (status != 0) {
        assert_int_equal(err.code, ERR_MEMORY);
        assert_memory_equal(&service, &before, sizeof service);
    }
    arena_release(&a);
    return status == 0;
}

static void test_topo_times_survive_every_failing_allocation(void **state)
{
    (void)state;
    assert_true(oom_each(set_times, NULL) >= 1);
}

static void test_topo_parse_survives_every_failing_allocation(void **state)
{
    (void)state;
    assert_true(oom_each(parse_topo, NULL) > 100);
}

static void test_scenario_parse_survives_every_failing_allocation(void **state)
{
    (void)state;
    assert_true(oom_each(parse_scenario, NULL) > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topo_times_survive_every_failing_allocation),
        cmocka_unit_test(test_topo_parse_survives_every_failing_allocation),
        cmocka_unit_test(test_scenario_parse_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
