/* Tests of what simulator/serve.c counts: work and waiting, up to the end and through deaths. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "simulator/world.h"
#include "tests/trial.h"

static double busy_s(const struct trial *t)
{
    return (double)t->world.count.group[0].busy_ns * 1e-9;
}

static void test_flow_counts_the_work_under_way_at_the_end_and_once(void **state)
{
    (void)state;
    struct trial t;
    trial_single(&t, "\"time\": \"1h\", \"concurrency\": 1", "\"timeout\": \"1h\"",
                 "\"duration\": \"10s\", \"warmup\": \"4s\"");
    trial_run(&t, 9000 * MS);
    assert_true(busy_s(&t) == 0);
    trial_run(&t, t.world.end_ns);
    assert_true(busy_s(&t) == 6);
    trial_run(&t, t.world.end_ns);
    assert_true(busy_s(&t) == 6);
    trial_end(&t);
}

static void test_flow_counts_the_work_that_a_death_cut_short(void **state)
{
    (void)state;
    struct trial t;
    trial_single(&t, "\"time\": \"1h\", \"concurrency\": 1", "\"timeout\": \"1h\"",
                 "\"duration\": \"10s\", \"warmup\": \"4s\","
                 "\"faults\": [{\"kind\": \"zone-down\", \"scope\": \"de/a\", \"at\": \"7s\"}]");
    trial_run(&t, t.world.end_ns);
    assert_true(busy_s(&t) == 3);
    trial_end(&t);
}

/* Waiting grows with a try's arrival only. */
static engine_handler *reach;
static int64_t seen_max; /* waiting after the warm-up */

static void watch_reach(void *world, const struct event *event)
{
    struct world *w = world;
    reach(world, event);
    int64_t waiting = 0;
    for (uint32_t i = 0; i < w->server_count; i++)
        waiting += w->server[i].admission.waiting;
    if (event->at >= w->warmup_ns && waiting > seen_max)
        seen_max = waiting;
}

static void test_flow_most_that_waited_is_the_greatest_number_seen(void **state)
{
    (void)state;
    struct trial t;
    trial_single(&t, "\"time\": \"9ms\", \"concurrency\": 2, \"queue\": 4000",
                 "\"timeout\": \"1h\"", "\"duration\": \"20s\", \"warmup\": \"5s\"");
    reach = t.world.engine.kind[WORLD_REACH].handler;
    seen_max = 0;
    engine_kind(&t.world.engine, WORLD_REACH, "reach", watch_reach, NULL, 0);
    trial_run(&t, t.world.end_ns);
    assert_true(seen_max > 5);
    assert_int_equal(t.world.count.group[0].waiting_max, seen_max);
    trial_end(&t);
}

/* All come in the first second; the line is longest within the warm-up, and what is left of it at
 * its end is the most that is measured. */
static void test_flow_line_from_the_warm_up_is_measured_from_its_end(void **state)
{
    (void)state;
    struct trial t;
    trial_single(&t, "\"time\": \"100ms\", \"concurrency\": 1, \"queue\": 4000",
                 "\"timeout\": \"1h\"", "\"duration\": \"100s\", \"warmup\": \"9950ms\"");
    t.demand_end_ns = 1000 * MS;
    trial_run(&t, t.world.warmup_ns);
    int64_t waiting = t.world.count.group[0].waiting;
    assert_true(waiting > 50);
    trial_run(&t, t.world.end_ns);
    const struct world_group_count *g = &t.world.count.group[0];
    assert_int_equal(g->waiting_max, waiting);
    /* The first goes on within 100 ms, the others each 100 ms later. */
    int64_t least_ns = waiting * (waiting - 1) / 2 * 100 * MS;
    assert_true(g->wait_ns >= least_ns && g->wait_ns <= least_ns + waiting * 100 * MS);
    trial_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flow_counts_the_work_under_way_at_the_end_and_once),
        cmocka_unit_test(test_flow_counts_the_work_that_a_death_cut_short),
        cmocka_unit_test(test_flow_most_that_waited_is_the_greatest_number_seen),
        cmocka_unit_test(test_flow_line_from_the_warm_up_is_measured_from_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
