#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/scenario.h"
#include "base/topo.h"

static struct arena arena;
static struct topo
    topo; /* a cell each for GB (zones a, b, c) and DE (x, y); shop and back-office */

static int setup(void **state)
{
    static const char text[] =
        "{\"countries\": [\"GB\", \"DE\"], \"cells\": {\"gb\": {}, \"de\": {\"zones\": "
        "[\"x\", \"y\"]}}, \"services\": [\"shop\", \"back-office\"]}";
    struct error err;
    (void)state;
    if (topo_parse(&topo, text, sizeof text - 1, NULL, 0, &arena, &err) != 0)
        fail_msg("%s", err.text);
    return 0;
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct scenario parse(const char *text)
{
    struct scenario s;
    struct error err;
    if (scenario_parse(&s, text, strlen(text), NULL, 0, &arena, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    return s;
}

struct refusal {
    const char *text, *sentence;
    enum error_code code;
};

/* ---- alone ---- */

static void test_scenario_refuses_what_makes_no_sense(void **state)
{
    static const struct refusal rows[] = {
        {"{}", "key \"topology\" is missing", ERR_MISSING},
        {"[]", "expected object, got array", ERR_TYPE},
        {"{\"topology\": 1}", "topology: expected string, got number", ERR_TYPE},
        {"{\"topology\": \"t\", \"countries\": []}", "countries: unknown key", ERR_UNKNOWN},
        {"{\"topology\": \"t\", \"topology\": \"u\"}", "key \"topology\" is given twice",
         ERR_DUPLICATE},
        {"{\"topology\": \"t\", \"fault\": []}", "fault: unknown key; did you mean \"faults\"?",
         ERR_UNKNOWN},
        {"{\"topology\": \"t\", \"start\": null}", "start: expected string, got null", ERR_TYPE},
        {"{\"topology\": \"t\", \"duration\": \"0\"}", "duration: expected 1ms..366d, got 0s",
         ERR_RANGE},
        {"{\"topology\": \"t\", \"duration\": \"-1s\"}",
         "duration: \"-1s\" is not a duration such as \"250ms\" or \"1h30m\"", ERR_SYNTAX},
        {"{\"topology\": \"t\", \"duration\": \"367d\"}", "duration: expected 1ms..366d, got 367d",
         ERR_RANGE},
        {"{\"topology\": \"t\", \"warmup\": \"10m\"}",
         "warmup: 10m is not shorter than the duration, 10m", ERR_CONFLICT},
        {"{\"topology\": \"t\", \"duration\": \"1m\", \"warmup\": \"2h\"}",
         "warmup: 2h is not shorter than the duration, 1m", ERR_CONFLICT},
        {"{\"topology\": \"t\", \"load\": -0.5}", "load: expected 0..1000000, got -0.5", ERR_RANGE},
        {"{\"topology\": \"t\", \"replications\": 0}", "replications: expected 1..100000, got 0",
         ERR_RANGE},
        {"{\"topology\": \"t\", \"seed\": -1}", "seed: expected 0..9007199254740991, got -1",
         ERR_RANGE},
        {"{\"topology\": \"t\", \"faults\": {}}", "faults: expected array, got object", ERR_TYPE},
        {"{\"topology\": \"t\", \"faults\": [{}]}", "faults[0]: key \"kind\" is missing",
         ERR_MISSING},
        {"{\"topology\": \"t\", \"faults\": [{\"kind\": \"zone-down\"}]}",
         "faults[0]: key \"scope\" is missing", ERR_MISSING},
        {"{\"topology\": \"t\", \"faults\": [{\"kind\": \"flood\", \"scope\": \"gb/a\"}]}",
         "faults[0].kind: expected one of \"zone-down\", \"server-down\", \"service-down\", "
         "\"cell-down\", \"region-down\", \"slow\", \"errors\", \"partition\", \"latency\", "
         "\"control-down\", \"store-down\", \"store-slow\", \"disk-full\", \"surge\", \"poison\", "
         "...; got \"flood\"",
         ERR_UNKNOWN},
        {"{\"topology\": \"t\", \"faults\": [{\"kind\": \"zone-down\", \"scope\": \"gb/a\"}, "
         "{\"kind\": \"zone-down\", \"scope\": \"gb/a\", \"at\": \"600s\"}]}",
         "faults[1].at: 10m is not before the end of the run, 10m", ERR_CONFLICT},
        {"{\"topology\": \"t\", \"expect\": [{\"min\": 1}]}",
         "expect[0]: key \"measure\" is missing", ERR_MISSING},
        {"{\"topology\": \"t\", \"expect\": [{\"measure\": \"speed\"}]}",
         "expect[0].measure: expected one of \"availability\", \"shed\", \"failed\", \"p99_ms\", "
         "\"mean_ms\", \"p50_ms\", \"p999_ms\", \"hurt_s\", \"mitigate_s\", \"recover_s\", "
         "\"recovered\", \"hit_ratio\", \"cold_share\", \"orders_complete\", \"orders_dead\", "
         "...; got \"speed\"",
         ERR_UNKNOWN},
        {"{\"topology\": \"t\", \"expect\": [{\"measure\": \"shed\"}]}",
         "expect[0]: give min, max or both", ERR_MISSING},
        {"{\"topology\": \"t\", \"expect\": [{\"measure\": \"shed\", \"min\": 2, \"max\": 1}]}",
         "expect[0]: min is above max", ERR_CONFLICT},
        {"{\"topology\": \"t\", \"expect\": [{\"measure\": \"shed\", \"cell\": \"de\", "
         "\"max\": 1}]}",
         "expect[0].cell: shed is measured by country", ERR_CONFLICT},
        {"{\"topology\": \"t\", \"expect\": [{\"measure\": \"hit_ratio\", \"country\": \"DE\", "
         "\"max\": 1}]}",
         "expect[0].country: hit_ratio is measured by cell", ERR_CONFLICT},
        {"{\"topology\": \"t\", \"precision\": {\"relative\": 2}}",
         "precision.relative: expected 0..1, got 2", ERR_RANGE},
        {"{\"topology\": \"t\", \"precision\": {\"relative\": 0.1, \"measures\": [\"shed\", "
         "\"speed\"]}}",
         "precision.measures[1]: expected a measure as in expect, got \"speed\"", ERR_UNKNOWN},
        {"{\"topology\": \"t\", \"precision\": {\"measures\": [\"shed\"]}}",
         "precision.relative: expected a share above 0", ERR_MISSING},
        {"{\"topology\": \"t\", \"precision\": {\"relative\": 0.1}, \"replications\": 7}",
         "replications: with a precision the first round has at least 8, got 7", ERR_RANGE},
        {"{\"topology\": \"t\", \"precision\": {\"relative\": 0.1, \"replications_max\": 9}, "
         "\"replications\": 10}",
         "precision.replications_max: 9 are fewer than the first round's 10", ERR_CONFLICT},
        {"{\"topology\": \"t\", \"expect\": [{\"measure\": \"availability\", \"min\": 99.9}]}",
         "expect[0].min: availability is a share, at most 1: write 0.999 for 99.9 %", ERR_RANGE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scenario s, before;
        struct error err = {0};
        memset(&s, 0x5a, sizeof s);
        memcpy(&before, &s, sizeof s);
        if (scenario_parse(&s, rows[i].text, strlen(rows[i].text), NULL, 0, &arena, &err) == 0)
            fail_msg("%s is accepted", rows[i].text);
        assert_string_equal(err.text, rows[i].sentence);
        assert_int_equal(err.code, rows[i].code);
        assert_memory_equal(&s, &before, sizeof s);
    }
}

static void test_scenario_smallest_names_its_topology(void **state)
{
    (void)state;
    struct scenario s = parse("{\"topology\": \"t.json\"}");
    assert_string_equal(s.topology, "t.json");
    assert_string_equal(s.start, "Mon 00:00");
    assert_int_equal(s.duration_us, 600000000);
    assert_int_equal(s.warmup_us, 0);
    assert_true(s.load == 1);
    assert_int_equal(s.fault_count, 0);
    assert_int_equal(s.replications, 8);
    assert_true(s.precision.relative == 0);
    assert_false(s.warmup_auto);
    assert_int_equal(s.seed, 1);
    assert_int_equal(s.expect_count, 0);
    assert_null(s.about);
}

static void test_scenario_precision_is_of_three_measures_unless_others_are_named(void **state)
{
    (void)state;
    struct scenario s = parse("{\"topology\": \"t\", \"precision\": {\"relative\": 0.02}}");
    assert_true(s.precision.level == 0.95);
    assert_int_equal(s.precision.replications_max, 1000);
    assert_int_equal(s.precision.measures,
                     1 << MEASURE_AVAILABILITY | 1 << MEASURE_MEAN | 1 << MEASURE_P99);
    s = parse("{\"topology\": \"t\", \"precision\": {\"relative\": 0.02, \"measures\": "
              "[\"p999_ms\", \"shed\", \"p999_ms\"]}}");
    assert_int_equal(s.precision.measures, 1 << MEASURE_P999 | 1 << MEASURE_SHED);
}

static void test_scenario_shares_no_key_with_a_topology(void **state)
{
    size_t shared = 0;
    (void)state;
    for (const struct json_field *f = scenario_fields; f->key != NULL; f++)
        if (json_field_at(topo_fields, f->key, strlen(f->key)) != NULL) {
            assert_string_equal(f->key, "about");
            shared++;
        }
    assert_int_equal(shared, 1);
}

static void test_scenario_keeps_its_longest_times(void **state)
{
    (void)state;
    struct scenario s =
        parse("{\"topology\": \"t\", \"duration\": \"366d\", \"warmup\": \"365d\", \"faults\": "
              "[{\"kind\": \"zone-down\", \"scope\": \"gb/a\", \"at\": \"365d\", \"for\": "
              "\"366d\"}]}");
    /* The simulator counts nanoseconds. */
    assert_true(s.duration_us * 1000 / 1000 == s.duration_us);
    assert_true(s.faults[0].at_us + s.faults[0].for_us <= INT64_MAX / 1000);
}

/* ---- bound to a topology ---- */

static void test_scenario_refuses_to_bind_to_what_is_not_there(void **state)
{
    static const struct refusal rows[] = {
        {"\"start\": \"peak FR\"", "start: no country \"FR\" in the topology", ERR_UNKNOWN},
        {"\"start\": \"peak \"", "start: no country \"\" in the topology", ERR_UNKNOWN},
        {"\"start\": \"peak\"",
         "start: expected \"peak DE\" or a quarter-hour as \"Mon 08:15\", got \"peak\"", ERR_RANGE},
        {"\"start\": \"\"",
         "start: expected \"peak DE\" or a quarter-hour as \"Mon 08:15\", got \"\"", ERR_RANGE},
        {"\"start\": \"Mon 08:10\"",
         "start: expected \"peak DE\" or a quarter-hour as \"Mon 08:15\", got \"Mon 08:10\"",
         ERR_RANGE},
        {"\"start\": \"Mon 8:15\"",
         "start: expected \"peak DE\" or a quarter-hour as \"Mon 08:15\", got \"Mon 8:15\"",
         ERR_RANGE},
        {"\"start\": \"Mon 24:00\"",
         "start: expected \"peak DE\" or a quarter-hour as \"Mon 08:15\", got \"Mon 24:00\"",
         ERR_RANGE},
        {"\"expect\": [{\"measure\": \"shed\", \"max\": 0}, "
         "{\"measure\": \"shed\", \"max\": 0, \"country\": \"gb\"}]",
         "expect[1].country: no country \"gb\" in the topology", ERR_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err = {0};
        struct scenario s = parse(arena_format(&arena, "{\"topology\": \"t\", %s}", rows[i].text));
        if (scenario_bind(&s, &topo, &err) == 0)
            fail_msg("%s is bound", rows[i].text);
        assert_string_equal(err.text, rows[i].sentence);
        assert_int_equal(err.code, rows[i].code);
    }
}

static void test_scenario_refuses_faults_on_nothing(void **state)
{
    static const struct {
        const char *kind, *scope, *sentence;
    } rows[] = {
        {"zone-down", "", "no cell \"\""},
        {"zone-down", "fr/a", "no cell \"fr\""},
        {"zone-down", "GB/a", "no cell \"GB\""},
        {"zone-down", "a23456789_b23456789_c23456789_d23456789_e23456789_f23456789_g23456789/a",
         "no cell \"a23456789_b23456789_c23456789_d23456789_...\""},
        {"zone-down", "gb", "expected a zone of cell gb, as gb/a"},
        {"zone-down", "de", "expected a zone of cell de, as de/x"},
        {"zone-down", "gb/", "cell gb has no zone \"\""},
        {"zone-down", "gb/d", "cell gb has no zone \"d\""},
        {"zone-down", "de/a", "cell de has no zone \"a\""},
        {"zone-down", "gb/a/", "zone-down takes cell/zone, got \"gb/a/\""},
        {"zone-down", "gb/a/shop-1", "zone-down takes cell/zone, got \"gb/a/shop-1\""},
        {"server-down", "gb/a", "expected a server, as gb/a/shop-1"},
        {"server-down", "gb/a/",
         "expected a service and a server's number from 1, as shop-1; got \"\""},
        {"server-down", "gb/a/shop",
         "expected a service and a server's number from 1, as shop-1; got \"shop\""},
        {"server-down", "gb/a/shop-0",
         "expected a service and a server's number from 1, as shop-1; got \"shop-0\""},
        {"server-down", "gb/a/shop-01",
         "expected a service and a server's number from 1, as shop-1; got \"shop-01\""},
        {"server-down", "gb/a/shop--1", "no service \"shop-\""},
        {"server-down", "gb/a/shop-1x",
         "expected a service and a server's number from 1, as shop-1; got \"shop-1x\""},
        {"server-down", "gb/a/shop-1/2",
         "expected a service and a server's number from 1, as shop-1; got \"shop-1/2\""},
        {"server-down", "gb/a/shop-99999999999999999999",
         "expected a service and a server's number from 1, as shop-1; got "
         "\"shop-99999999999999999999\""},
        {"server-down", "gb/a/back-1", "no service \"back\""},
        {"server-down", "gb/a/-1", "no service \"\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err = {0};
        struct scenario s = parse(arena_format(&arena,
                                               "{\"topology\": \"t\", \"faults\": [{\"kind\": "
                                               "\"%s\", \"scope\": \"%s\"}]}",
                                               rows[i].kind, rows[i].scope));
        if (scenario_bind(&s, &topo, &err) == 0)
            fail_msg("%s on %s is bound", rows[i].kind, rows[i].scope);
        assert_string_equal(err.text,
                            arena_format(&arena, "faults[0].scope: %s", rows[i].sentence));
    }
}

static void test_scenario_binds_names_to_indices(void **state)
{
    struct error err = {0};
    (void)state;
    struct scenario s = parse("{\"topology\": \"t\", \"start\": \"Tue 08:15\", \"faults\": ["
                              "{\"kind\": \"zone-down\", \"scope\": \"gb/c\"},"
                              "{\"kind\": \"server-down\", \"scope\": \"de/y/back-office-1000000\","
                              " \"at\": \"9m\"}],"
                              "\"expect\": [{\"measure\": \"p99_ms\", \"country\": \"DE\","
                              " \"max\": 5}, {\"measure\": \"availability\", \"min\": 1}]}");
    assert_int_equal(scenario_bind(&s, &topo, &err), 0);
    assert_int_equal(s.start_slot, 96 + 33);
    assert_int_equal(s.faults[0].kind, FAULT_ZONE_DOWN);
    assert_int_equal(s.faults[0].cell, 0);
    assert_int_equal(s.faults[0].zone, 2);
    assert_int_equal(s.faults[1].kind, FAULT_SERVER_DOWN);
    assert_int_equal(s.faults[1].cell, 1);
    assert_int_equal(s.faults[1].zone, 1);
    assert_int_equal(s.faults[1].service, 1);
    assert_int_equal(s.faults[1].server, 999999);
    assert_int_equal(s.faults[1].at_us, 540000000);
    assert_true(s.expect[0].low <= -1e300 && s.expect[0].high == 5);
    assert_true(s.expect[1].low == 1 && s.expect[1].high >= 1e300);
}

static void test_scenario_starts_at_any_quarter_hour(void **state)
{
    struct error err = {0};
    (void)state;
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++) {
        char text[TOPO_SLOT_TEXT];
        topo_slot_format(text, slot, 0);
        struct scenario s =
            parse(arena_format(&arena, "{\"topology\": \"t\", \"start\": \"%s\"}", text));
        assert_int_equal(scenario_bind(&s, &topo, &err), 0);
        assert_int_equal(s.start_slot, slot);
    }
    struct scenario s = parse("{\"topology\": \"t\", \"start\": \"peak DE\"}");
    assert_int_equal(scenario_bind(&s, &topo, &err), 0);
    assert_int_equal(s.start_slot, topo_peak_slot(&topo.countries[1]));
    assert_int_equal(s.start_slot, 3 * 96 + 9 * 4); /* Thursday 10:00 in Germany */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenario_refuses_what_makes_no_sense),
        cmocka_unit_test(test_scenario_smallest_names_its_topology),
        cmocka_unit_test(test_scenario_precision_is_of_three_measures_unless_others_are_named),
        cmocka_unit_test(test_scenario_shares_no_key_with_a_topology),
        cmocka_unit_test(test_scenario_keeps_its_longest_times),
        cmocka_unit_test(test_scenario_refuses_to_bind_to_what_is_not_there),
        cmocka_unit_test(test_scenario_refuses_faults_on_nothing),
        cmocka_unit_test(test_scenario_binds_names_to_indices),
        cmocka_unit_test(test_scenario_starts_at_any_quarter_hour),
    };
    return cmocka_run_group_tests(tests, setup, release);
}
