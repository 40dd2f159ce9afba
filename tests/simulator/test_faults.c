/* Tests of simulator/faults.c at the borders of time: repairs that take next to nothing, that take
 * longer than the run, and that end when something else breaks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/world.h"
#include "tests/world.h"

static const int64_t SECOND = 1000000000; /* in ns */

struct site {
    struct made made;
    struct world world;
    struct arena arena;
};

/* Zones a and b of one server each; `rps` requests/s of 10 ms. */
static void site_begin(struct site *s, double rps, const char *duration, const char *faults)
{
    char topology[1024], scenario[16384];
    struct error err;
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"DE\": {\"peak_rps\": %g, \"curve\": \"flat\"}},"
             "\"cells\": {\"de\": {\"region\": \"aws/eu-central-1\", \"zones\": [\"a\", \"b\"],"
             "\"servers_per_zone\": 1}},"
             "\"services\": {\"x\": {\"time\": \"10ms\", \"spread\": \"fixed\","
             "\"concurrency\": 1000}}, \"tolerance\": {\"zones\": 0, \"servers\": 0},"
             "\"policy\": {\"tries\": 2, \"retry_budget\": 10, \"backoff\": \"0\"}}",
             rps);
    snprintf(scenario, sizeof scenario,
             "{\"topology\": \"-\", \"duration\": \"%s\", \"warmup\": \"0\", \"faults\": [%s]}",
             duration, faults);
    *s = (struct site){0};
    make_world(&s->made, topology, scenario);
    if (world_init(&s->world, &s->made.topo, &s->made.plan, &s->made.scenario, 1, 0, &s->arena,
                   &err) != 0)
        fail_msg("%s", err.text);
}

static void site_run(struct site *s, int64_t until_ns)
{
    struct error err;
    if (world_run(&s->world, until_ns, &err) != 0)
        fail_msg("%s", err.text);
}

static void site_end(struct site *s)
{
    arena_release(&s->arena);
    arena_release(&s->made.arena);
}

static uint32_t down(const struct site *s, int zone)
{
    assert_int_equal(s->world.server_count, 2);
    return s->world.server[zone].down;
}

static const struct world_country_count *count(const struct site *s)
{
    return &s->world.count.country[0];
}

static void test_faults_shortest_repair_resets_what_runs_and_is_over(void **state)
{
    (void)state;
    struct site s;
    site_begin(&s, 1000, "20s",
               "{\"kind\": \"zone-down\", \"scope\": \"de/a\", \"at\": \"1s\", \"for\": \"1us\"}");
    site_run(&s, SECOND - 1);
    assert_int_equal(down(&s, 0), 0);
    assert_true(s.world.server[0].admission.running > 0);
    site_run(&s, SECOND);
    assert_int_equal(down(&s, 0), 1);
    assert_int_equal(s.world.server[0].admission.running, 0);
    site_run(&s, SECOND + 999);
    assert_int_equal(down(&s, 0), 1);
    site_run(&s, SECOND + 1000);
    assert_int_equal(down(&s, 0), 0);
    site_run(&s, 20 * SECOND);
    assert_true(count(&s)->retries > 0);
    assert_int_equal(count(&s)->ok, count(&s)->requests);
    /* It works again. */
    assert_int_equal(s.world.group[0].route.balance.replica[0].state, BALANCE_IN);
    site_end(&s);
}

static void test_faults_repair_of_nothing_lasts_to_the_end(void **state)
{
    (void)state;
    struct site s;
    site_begin(&s, 100, "9s",
               "{\"kind\": \"zone-down\", \"scope\": \"de/a\", \"at\": \"1s\", \"for\": \"0\"},"
               "{\"kind\": \"zone-down\", \"scope\": \"de/b\", \"at\": \"1s\", \"for\": \"1s\"}");
    site_run(&s, 9 * SECOND);
    assert_int_equal(down(&s, 0), 1);
    assert_int_equal(down(&s, 1), 0);
    site_end(&s);
}

/* Whichever is listed first. */
static void test_faults_break_at_the_tick_of_a_repair_stays(void **state)
{
    (void)state;
    static const char first[] = "{\"kind\": \"zone-down\", \"scope\": \"de/a\", \"at\": \"1s\","
                                "\"for\": \"1s\"}";
    static const char second[] = "{\"kind\": \"server-down\", \"scope\": \"de/a/x-1\","
                                 "\"at\": \"2s\", \"for\": \"1s\"}";
    for (int order = 0; order < 2; order++) {
        struct site s;
        char faults[512];
        snprintf(faults, sizeof faults, "%s,%s", order == 0 ? first : second,
                 order == 0 ? second : first);
        site_begin(&s, 100, "9s", faults);
        static const uint32_t expected[] = {0, 1, 1, 0, 0};
        for (int second_at = 0; second_at < 5; second_at++) {
            site_run(&s, second_at * SECOND);
            assert_int_equal(down(&s, 0), expected[second_at]);
            assert_int_equal(down(&s, 1), 0);
        }
        site_run(&s, 9 * SECOND);
        assert_int_equal(down(&s, 0), 0);
        site_end(&s);
    }
}

static void test_faults_in_a_heap_at_one_tick_all_heal(void **state)
{
    (void)state;
    enum { HEAP = 100 };
    struct site s;
    char faults[HEAP * 96];
    size_t used = 0;
    for (int i = 0; i < HEAP; i++)
        used += (size_t)snprintf(
            faults + used, sizeof faults - used,
            "%s{\"kind\": \"zone-down\", \"scope\": \"de/%c\", \"at\": \"1s\", \"for\": \"%dus\"}",
            i == 0 ? "" : ",", 'a' + i % 2, 1 + i % 3);
    site_begin(&s, 1000, "2s", faults);
    site_run(&s, SECOND);
    assert_int_equal(down(&s, 0), HEAP / 2);
    assert_int_equal(down(&s, 1), HEAP / 2);
    site_run(&s, SECOND + 2999);
    assert_true(down(&s, 0) > 0 && down(&s, 0) < HEAP / 2);
    site_run(&s, SECOND + 3000);
    assert_int_equal(down(&s, 0) + down(&s, 1), 0);
    site_run(&s, 2 * SECOND);
    assert_int_equal(down(&s, 0) + down(&s, 1), 0);
    site_end(&s);
}

static void test_faults_longer_than_the_run_do_not_heal(void **state)
{
    (void)state;
    struct site s;
    site_begin(&s, 100, "2s",
               "{\"kind\": \"zone-down\", \"scope\": \"de/a\", \"at\": \"1s\", \"for\": \"366d\"},"
               "{\"kind\": \"zone-down\", \"scope\": \"de/b\", \"at\": \"1s\", \"for\": \"1s\"}");
    site_run(&s, 2 * SECOND);
    assert_int_equal(down(&s, 0), 1);
    assert_int_equal(down(&s, 1), 1); /* would heal when nobody looks any more */
    assert_true(count(&s)->failed > 50);
    site_run(&s, INT64_MAX - 1); /* and nothing is left that could */
    assert_int_equal(down(&s, 0), 1);
    site_end(&s);
}

/* Ticks of one nanosecond reach 292 years. */
static void test_faults_of_a_year_are_exact_to_the_tick(void **state)
{
    (void)state;
    const int64_t day = 86400 * SECOND;
    struct site s;
    site_begin(&s, 0.01, "366d",
               "{\"kind\": \"zone-down\", \"scope\": \"de/a\", \"at\": \"12h\", \"for\": \"365d\"},"
               "{\"kind\": \"zone-down\", \"scope\": \"de/b\", \"at\": \"365d\","
               "\"for\": \"1us\"}");
    site_run(&s, day / 2 - 1);
    assert_int_equal(down(&s, 0), 0);
    site_run(&s, day / 2);
    assert_int_equal(down(&s, 0), 1);
    site_run(&s, 365 * day);
    assert_int_equal(down(&s, 1), 1);
    site_run(&s, 365 * day + 1000);
    assert_int_equal(down(&s, 1), 0);
    site_run(&s, 365 * day + day / 2 - 1);
    assert_int_equal(down(&s, 0), 1);
    site_run(&s, 365 * day + day / 2);
    assert_int_equal(down(&s, 0), 0);
    site_run(&s, 366 * day);
    assert_int_equal(engine_now(&s.world.engine), 366 * day);
    double expected = 0.01 * 366 * 86400;
    assert_true(fabs((double)count(&s)->requests - expected) < 6 * sqrt(expected));
    assert_true(count(&s)->retries > 365); /* a trial of the dead zone now and then */
    assert_true(count(&s)->ok >= count(&s)->requests - 1);
    site_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_shortest_repair_resets_what_runs_and_is_over),
        cmocka_unit_test(test_faults_repair_of_nothing_lasts_to_the_end),
        cmocka_unit_test(test_faults_break_at_the_tick_of_a_repair_stays),
        cmocka_unit_test(test_faults_in_a_heap_at_one_tick_all_heal),
        cmocka_unit_test(test_faults_longer_than_the_run_do_not_heal),
        cmocka_unit_test(test_faults_of_a_year_are_exact_to_the_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
