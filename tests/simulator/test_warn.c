/* Tests of simulator/warn.c: what can be simulated, but not believed without a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/run.h"
#include "simulator/warn.h"
#include "tests/world.h"

/* GB's requests go to a and b, each half; a server of a does 40/s, one of b 400/s. Two zones. */
static void make(struct made *made, const char *demand, const char *extra, const char *scenario)
{
    char topology[1024], text[512];
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {%s}},"
             "\"cells\": {\"gb\": {\"zones\": [\"a\", \"b\"], \"servers_per_zone\": 1}},"
             "\"services\": {\"a\": {\"time\": \"100ms\"%s}, \"b\": {\"time\": \"10ms\"}},"
             "\"tolerance\": {\"zones\": 0, \"servers\": 0}, \"policy\": {\"timeout\": \"1h\"}}",
             demand, extra);
    snprintf(text, sizeof text, "{\"topology\": \"-\", %s}", scenario);
    make_world(made, topology, text);
}

/* The warnings, one to a line. */
static void assert_warned(const char *demand, const char *extra, const char *scenario,
                          const char *expected)
{
    struct made made;
    const char **warning;
    size_t count;
    char got[2048] = "";
    make(&made, demand, extra, scenario);
    assert_int_equal(warn_of(&warning, &count, &made.topo, &made.plan, &made.scenario, &made.arena),
                     0);
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(got);
        snprintf(got + used, sizeof got - used, "%s\n", warning[i]);
    }
    assert_string_equal(got, expected);
    arena_release(&made.arena);
}

#define FLAT(rps) "\"curve\": \"flat\", \"peak_rps\": " rps
/* Twice as much at noon as at any other hour of the day. */
#define NOON(rps)                                                                                \
    "\"hours\": [1,1,1,1,1,1,1,1,1,1,1,1,2,1,1,1,1,1,1,1,1,1,1,1], \"utc_offset\": \"+00:00\", " \
    "\"peak_rps\": " rps

#define OVER_A(percent, shed)                                                                  \
    "cells.gb: a is offered " percent " % of what its 2 servers can do for the whole run: it " \
    "will shed about " shed " %, more if they time out\n"

static void test_warn_names_what_is_overloaded_for_the_whole_run(void **state)
{
    (void)state;
    assert_warned(FLAT("208"), "", "\"duration\": \"1h\"", OVER_A("130", "23"));
    assert_warned(FLAT("104"), "", "\"duration\": \"1h\", \"load\": 2", OVER_A("130", "23"));
    assert_warned(FLAT("1600"), "", "\"duration\": \"1h\", \"load\": 1.25",
                  OVER_A("1250", "92") "cells.gb: b is offered 125 % of what its 2 servers can do "
                                       "for the whole run: it will shed about 20 %, more if "
                                       "they time out\n");
}

static void test_warn_is_silent_below_capacity_and_at_it(void **state)
{
    (void)state;
    assert_warned(FLAT("159"), "", "\"duration\": \"1h\"", "");
    assert_warned(FLAT("160"), "", "\"duration\": \"1h\"", "");
}

/* At noon 120 % is offered, before and after it 60 %. */
static void test_warn_looks_at_every_slot_that_is_measured(void **state)
{
    (void)state;
    assert_warned(NOON("192"), "", "\"start\": \"Mon 12:00\", \"duration\": \"1h\"",
                  OVER_A("120", "17"));
    assert_warned(NOON("192"), "", "\"start\": \"Mon 12:00\", \"duration\": \"61m\"", "");
    assert_warned(NOON("192"), "", "\"start\": \"Mon 11:00\", \"duration\": \"2h\"", "");
    assert_warned(NOON("192"), "",
                  "\"start\": \"Mon 11:00\", \"duration\": \"2h\", \"warmup\": \"1h\"",
                  OVER_A("120", "17"));
    assert_warned(NOON("192"), "", "\"start\": \"Mon 12:00\", \"duration\": \"30d\"", "");
    /* 3 hours of 120 %, then one of 240 %: 150 % on average */
    assert_warned(NOON("384"), "", "\"start\": \"Mon 09:00\", \"duration\": \"4h\"",
                  OVER_A("150", "33"));
}

static void test_warn_names_a_variance_that_is_infinite(void **state)
{
    (void)state;
    assert_warned(FLAT("10"), ", \"spread\": \"pareto\", \"tail\": 1.8", "\"duration\": \"1h\"",
                  "services.a.tail: 1.8 makes the variance infinite, so means converge slowly and "
                  "their intervals are too narrow\n");
    assert_warned(FLAT("10"), ", \"spread\": \"pareto\", \"tail\": 2.01", "\"duration\": \"1h\"",
                  "");
    assert_warned(FLAT("10"), ", \"spread\": \"lognormal\", \"cs2\": 50", "\"duration\": \"1h\"",
                  "");
}

/* What is foretold comes: of 130 % offered the share that is answered is 1 / 1.3. */
static void test_warn_foretells_the_share_that_is_shed(void **state)
{
    struct made made;
    struct run_result result;
    struct error err;
    const struct run_opts opts = {.seed = 1, .replications = 2, .jobs = 1};
    (void)state;
    make(&made, FLAT("208"), "", "\"duration\": \"10m\", \"warmup\": \"1m\"");
    assert_int_equal(
        run_scenario(&result, &made.topo, &made.plan, &made.scenario, &opts, &made.arena, &err), 0);
    assert_int_equal(result.warning_count, 1);
    assert_string_equal(result.warnings[0],
                        "cells.gb: a is offered 130 % of what its 2 servers "
                        "can do for the whole run: it will shed about 23 %, more "
                        "if they time out");
    double lost =
        (double)result.countries[0].shed / (double)result.countries[0].requests; /* half are a's */
    assert_true(lost > 0.11 && lost < 0.12);
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warn_names_what_is_overloaded_for_the_whole_run),
        cmocka_unit_test(test_warn_is_silent_below_capacity_and_at_it),
        cmocka_unit_test(test_warn_looks_at_every_slot_that_is_measured),
        cmocka_unit_test(test_warn_names_a_variance_that_is_infinite),
        cmocka_unit_test(test_warn_foretells_the_share_that_is_shed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
