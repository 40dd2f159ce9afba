/* Tests of simulator/plane.c: what the control plane changes, and what happens when it is away. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/plane_parts.h"
#include "simulator/trace.h"
#include "simulator/world.h"
#include "tests/world.h"

/* One cell, three zones, 100 requests/s of 100 ms: work for 10 servers of one place each, 15 at the
 * target of 2/3. Queues are short, or what waits longer than the timeout would be work for nobody
 * and an overload would stay. `tolerance` and the rest of the scenario are the test's. */
static void begin(struct world *w, struct made *made, int zones_lost, const char *policy,
                  const char *scenario)
{
    char topology[1024], text[2048];
    struct error err;
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {\"peak_rps\": 100, \"curve\": \"flat\", \"customers\": "
             "2800}}, \"cells\": {\"gb\": {\"zone_rtt\": \"2ms\"}},"
             "\"services\": {\"shop\": {\"time\": \"100ms\", \"concurrency\": 1, \"queue\": 3}},"
             "\"tolerance\": {\"zones\": %d, \"servers\": 0}, \"target_utilisation\": 0.6666667,"
             "\"policy\": {%s}}",
             zones_lost, policy);
    snprintf(text, sizeof text, "{\"topology\": \"-\", %s}", scenario);
    make_world(made, topology, text);
    if (world_init(w, &made->topo, &made->plan, &made->scenario, 1, 0, &made->arena, &err) != 0)
        fail_msg("%s", err.text);
}

struct passed { /* between two looks */
    int64_t requests, lost;
};

static struct passed run_to(struct world *w, int64_t second)
{
    const struct world_country_count *c = &w->count.country[0];
    struct passed before = {c->requests, c->requests - c->ok};
    struct error err;
    if (world_run(w, second * 1000000000, &err) != 0)
        fail_msg("%s", err.text);
    return (struct passed){c->requests - before.requests, c->requests - c->ok - before.lost};
}

static double lost(struct passed p)
{
    return (double)p.lost / (double)p.requests;
}

#define ZONE_DIES                                                                                 \
    "\"duration\": \"20m\", \"faults\": [{\"kind\": \"zone-down\", \"scope\": \"gb/a\", \"at\": " \
    "\"2m\", \"for\": \"10m\"}"

static void test_plane_replaces_what_a_zone_took(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 0, "",
          ZONE_DIES "], \"control\": {\"replace\": true, \"gossip\": false, \"detect\": \"20s\", "
                    "\"start\": \"40s\"}");
    assert_int_equal(w.group[0].there, 15);
    assert_true(lost(run_to(&w, 120)) < 0.001);
    struct passed dead = run_to(&w, 175); /* 10 of 15 left, and all of 10 needed: overload */
    assert_true(lost(dead) > 0.005);
    assert_int_equal(w.group[0].there, 15);
    run_to(&w, 190);
    assert_int_equal(w.group[0].there, 20); /* five more, in the two zones that live */
    assert_true(lost(run_to(&w, 720)) < 0.001);
    run_to(&w, 740); /* the zone is back, so some go again */
    assert_int_equal(w.group[0].there, 15);
    for (uint32_t z = 0; z < 3; z++) {
        uint32_t there = 0;
        for (uint32_t i = 0; i < w.group[0].slots; i++)
            there += w.server[z * w.group[0].slots + i].presence == SERVER_THERE;
        assert_int_equal(there, 5);
    }
    assert_true(lost(run_to(&w, 1200)) < 0.001);
    arena_release(&made.arena);
}

/* The second from which on `there` servers take part, or the one before `to`. */
static int64_t first_second(struct world *w, int64_t from, int64_t to, uint32_t there)
{
    while (from < to - 1 && w->group[0].there != there)
        run_to(w, ++from);
    return from;
}

static void test_plane_learns_of_a_silent_zone_by_gossip(void **state)
{
    static const char *const kinds[] = {"zone-down", "partition"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct made made;
        struct world w;
        char scenario[512];
        snprintf(scenario, sizeof scenario,
                 "\"duration\": \"20m\", \"faults\": [{\"kind\": \"%s\", \"scope\": \"gb/a\", "
                 "\"at\": \"2m\", \"for\": \"5m\"}], \"control\": {\"replace\": true, "
                 "\"detect\": \"1h\", \"start\": \"30s\"}",
                 kinds[i]);
        begin(&w, &made, 0, "", scenario);
        int64_t second = first_second(&w, 120, 300, 20);
        print_message("%s: replaced after %lld s\n", kinds[i], (long long)second - 120);
        assert_in_range(second, 120 + 30 + 1, 120 + 30 + 10);
        assert_in_range(first_second(&w, 420, 500, 15), 420, 440);
        arena_release(&made.arena);
    }
}

static void test_plane_that_is_down_replaces_nothing(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 0, "",
          ZONE_DIES ", {\"kind\": \"control-down\", \"scope\": \"gb\", \"at\": \"1m\", \"for\": "
                    "\"10m\"}], \"control\": {\"replace\": true, \"start\": \"30s\"}");
    run_to(&w, 300);
    assert_int_equal(w.group[0].there, 15);
    assert_true(lost(run_to(&w, 660)) > 0.005);
    run_to(&w, 710); /* control is back before the zone is */
    assert_int_equal(w.group[0].there, 20);
    arena_release(&made.arena);
}

static void test_plane_is_not_missed_where_spare_was_planned(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 1, "",
          ZONE_DIES ", {\"kind\": \"control-down\", \"scope\": \"gb\", \"at\": \"1m\"}]");
    assert_null(w.plane);
    struct passed all = run_to(&w, 1200);
    assert_true(all.requests > 110000);
    assert_true(all.lost <= all.requests / 20000); /* a queue of three is full now and then */
    arena_release(&made.arena);
}

static void test_plane_that_the_zone_takes_along_comes_back_first(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 0, "",
          "\"duration\": \"20m\", \"faults\": [{\"kind\": \"zone-down\", \"scope\": \"gb/a\", "
          "\"at\": \"2m\", \"control_for\": \"5m\"}], \"control\": {\"replace\": true, "
          "\"detect\": \"10s\", \"start\": \"30s\"}");
    run_to(&w, 415);
    assert_int_equal(w.group[0].there, 15);
    run_to(&w, 460);
    assert_int_equal(w.group[0].there, 20);
    arena_release(&made.arena);
}

static void test_plane_scales_with_the_load_and_back(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 0, "",
          "\"duration\": \"40m\", \"faults\": [{\"kind\": \"surge\", \"scope\": \"GB\","
          "\"factor\": 1.8, \"at\": \"5m\", \"for\": \"10m\"}], \"control\": {\"autoscale\": true,"
          "\"start\": \"30s\"}");
    run_to(&w, 300);
    assert_in_range(w.group[0].there, 15, 18);
    run_to(&w, 600);
    assert_in_range(w.group[0].there, 24, 30); /* 27 at the target */
    assert_true(lost(run_to(&w, 900)) < 0.002);
    run_to(&w, 2400);
    assert_in_range(w.group[0].there, 15, 18);
    double hours = (double)w.count.group[0].server_ns / 3.6e12;
    assert_true(hours > 15 * 40 / 60.0 + 2 && hours < 30 * 40 / 60.0);
    arena_release(&made.arena);
}

#define ZONE_ERRS                                                                                 \
    "\"duration\": \"20m\", \"faults\": [{\"kind\": \"errors\", \"scope\": \"gb/b\", \"share\": " \
    "0.3, \"at\": \"2m\"}]"

static void test_plane_takes_a_zone_out_that_fails(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 1, "\"tries\": 1, \"eject_failures\": 1000000", ZONE_ERRS);
    run_to(&w, 180);
    double suffered = lost(run_to(&w, 1200));
    assert_true(fabs(suffered - 0.1) < 0.02); /* a third of 30 % */
    arena_release(&made.arena);
    begin(&w, &made, 1, "\"tries\": 1, \"eject_failures\": 1000000",
          ZONE_ERRS ", \"control\": {\"shift\": true}");
    run_to(&w, 180);
    assert_int_equal(w.count.shifts, 1);
    assert_true(lost(run_to(&w, 700)) < suffered / 20);
    struct passed again = run_to(&w, 800); /* it is tried again, and is no better */
    assert_true(again.lost > 10 && lost(again) < suffered / 2);
    assert_int_equal(w.count.shifts, 2);
    assert_true(lost(run_to(&w, 1200)) < suffered / 20);
    arena_release(&made.arena);
}

struct retries { /* tries after the first, by whether they went where they must not */
    struct world *w;
    uint16_t failed[1 << 16]; /* by slot of the request: the zone that failed last */
    int64_t all, again, away;
};

static void watch_retries(void *context, const struct trace_record *r)
{
    struct retries *seen = context;
    if (r->kind == TRACE_RETRY)
        seen->failed[r->request_slot] = r->zone;
    if (r->kind != TRACE_SEND || r->tries < 2 || seen->w->count.shifts == 0)
        return;
    seen->all++;
    seen->again += r->zone == seen->failed[r->request_slot];
    seen->away += r->zone == 1;
}

static void test_plane_retries_stay_out_of_a_zone_that_is_taken_out(void **state)
{
    static struct retries seen;
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 1, "\"tries\": 3, \"retry_budget\": 1, \"eject_failures\": 1000000",
          "\"duration\": \"10m\", \"control\": {\"shift\": true}, \"faults\": ["
          "{\"kind\": \"errors\", \"scope\": \"gb/b\", \"share\": 0.3, \"at\": \"1m\"},"
          "{\"kind\": \"errors\", \"scope\": \"gb/a\", \"share\": 0.03, \"at\": \"1m\"}]");
    seen.w = &w;
    assert_true(w.pool_count <= 1 << 16);
    assert_int_equal(trace_listen(&w, watch_retries, &seen, &made.arena), 0);
    run_to(&w, 600);
    assert_int_equal(w.count.shifts, 1);
    assert_true(seen.all > 200);
    assert_int_equal(seen.again, 0);
    assert_int_equal(seen.away, 0);
    arena_release(&made.arena);
}

/* One server works ten times as slowly: it answers all the same, and late. */
static void test_plane_replaces_a_server_that_ails(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 1, "\"tries\": 1, \"eject_failures\": 1000000",
          "\"duration\": \"10m\", \"faults\": [{\"kind\": \"slow\", \"scope\": \"gb/b/shop-2\", "
          "\"factor\": 20, \"at\": \"2m\"}], \"control\": {\"replace\": true, \"start\": \"30s\"}");
    uint32_t planned = w.group[0].there, bad = w.group[0].slots + 1;
    run_to(&w, 120);
    assert_int_equal(w.count.retired, 0);
    double suffered = lost(run_to(&w, 145));
    assert_true(suffered > 0.01);
    run_to(&w, 260);
    assert_int_equal(w.count.retired, 1);
    assert_int_equal(w.server[bad].presence, SERVER_NONE);
    assert_int_equal(w.group[0].there, planned);
    assert_true(lost(run_to(&w, 600)) < suffered / 20);
    assert_int_equal(w.count.retired, 1);
    assert_int_equal(w.server[bad].presence, SERVER_NONE); /* another place was there */
    arena_release(&made.arena);
}

static void test_plane_does_not_take_an_overload_for_an_ailment(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 0, "",
          "\"duration\": \"10m\", \"load\": 2, \"control\": {\"replace\": true, "
          "\"shift\": true, \"start\": \"30s\"}");
    assert_true(lost(run_to(&w, 600)) > 0.1);
    assert_int_equal(w.group[0].there, 15);
    assert_int_equal(w.count.retired, 0);
    assert_int_equal(w.count.shifts, 0);
    arena_release(&made.arena);
}

/* Nothing fails in it, it is only slow. */
static void test_plane_takes_a_zone_out_that_ails(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 1, "\"timeout\": \"20s\"",
          "\"duration\": \"10m\", \"faults\": [{\"kind\": \"slow\", \"scope\": \"gb/b\", "
          "\"factor\": 5, "
          "\"at\": \"2m\"}], \"control\": {\"shift\": true}");
    run_to(&w, 120);
    assert_int_equal(w.count.shifts, 0);
    run_to(&w, 180);
    assert_int_equal(w.count.shifts, 1);
    assert_int_equal(w.plane->cell[0].shift.zone, 1);
    run_to(&w, 190);
    for (uint32_t i = w.group[0].slots; i < 2 * w.group[0].slots; i++)
        assert_int_equal(w.server[i].admission.running, 0);
    arena_release(&made.arena);
}

static void test_plane_shifts_no_zone_that_cannot_be_spared(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 0, "\"tries\": 1, \"eject_failures\": 1000000",
          ZONE_ERRS ", \"load\": 1.2, \"control\": {\"shift\": true}"); /* 12 servers' work */
    run_to(&w, 1200);
    assert_int_equal(w.count.shifts, 0);
    arena_release(&made.arena);
}

#define BAD_VERSION                                                                              \
    "\"duration\": \"20m\", \"control\": {\"start\": \"5s\", \"watch\": \"60s\"}, \"faults\": [" \
    "{\"kind\": \"bad-deploy\", \"scope\": \"shop\", \"share\": 0.2, \"at\": \"2m\"}"

static void test_plane_halts_a_bad_version_and_goes_back(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 1, "\"tries\": 1, \"eject_failures\": 1000000", BAD_VERSION "]");
    struct passed all = run_to(&w, 1200);
    assert_true(all.lost > 0);
    assert_true(all.lost < 100); /* seconds of a third of 20 % */
    for (uint32_t i = 0; i < w.server_count; i++)
        assert_true(w.server[i].errors == 0);
    arena_release(&made.arena);
}

static void test_plane_that_dies_in_a_rollout_leaves_it_where_it_is(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 1, "\"tries\": 1, \"eject_failures\": 1000000",
          BAD_VERSION ", {\"kind\": \"control-down\", \"scope\": \"gb\", \"at\": \"121s\", "
                      "\"for\": \"5m\"}]");
    run_to(&w, 180);
    assert_true(fabs(lost(run_to(&w, 420)) - 0.2 / 3) < 0.01); /* one zone has it, for minutes */
    run_to(&w, 460);
    assert_true(lost(run_to(&w, 1200)) < 0.001);
    arena_release(&made.arena);
}

static void test_plane_rolls_a_bad_version_out_each_time_it_comes(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 1, "\"tries\": 1, \"eject_failures\": 1000000",
          "\"duration\": \"3h\", \"control\": {\"start\": \"5s\", \"watch\": \"60s\"}, "
          "\"faults\": [{\"kind\": \"bad-deploy\", \"scope\": \"shop\", \"share\": 0.5, "
          "\"for\": \"1m\", \"every\": \"5m\"}]");
    int hurt = 0;
    for (int64_t minute = 1; minute <= 180; minute++)
        hurt += run_to(&w, minute * 60).lost > 5;
    assert_in_range(hurt, 10, 60); /* once in six minutes, of seconds each */
    arena_release(&made.arena);
}

/* A customer who comes and goes many times between two of his requests asks no more often. */
static void test_plane_poison_that_comes_again_asks_at_its_rate(void **state)
{
    struct made made;
    struct world w;
    struct error err;
    (void)state;
    make_world(&made,
               "{\"countries\": {\"GB\": {\"peak_rps\": 0.001, \"curve\": \"flat\", "
               "\"customers\": 2800}}, \"services\": {\"shop\": {\"time\": \"1ms\"}},"
               "\"policy\": {\"tries\": 1}}",
               "{\"topology\": \"-\", \"duration\": \"10h\", \"faults\": [{\"kind\": "
               "\"poison\", \"scope\": \"GB\", \"factor\": 0.0001, \"extra\": \"1ms\", "
               "\"for\": \"1m\", \"every\": \"1m\"}]}");
    if (world_init(&w, &made.topo, &made.plan, &made.scenario, 1, 0, &made.arena, &err) != 0)
        fail_msg("%s", err.text);
    struct passed all = run_to(&w, 36000);
    assert_in_range(all.requests, 280, 400); /* 300 times one, and 36 of others */
    arena_release(&made.arena);
}

/* One that is stopped while it starts, and started anew, takes its time. */
static void test_plane_start_that_was_called_off_starts_nothing(void **state)
{
    struct made made;
    struct world w;
    (void)state;
    begin(&w, &made, 0, "",
          "\"duration\": \"40m\", \"faults\": ["
          "{\"kind\": \"zone-down\", \"scope\": \"gb/a\", \"at\": \"60s\", \"for\": \"40s\"},"
          "{\"kind\": \"zone-down\", \"scope\": \"gb/a\", \"at\": \"200s\"}],"
          "\"control\": {\"replace\": true, \"detect\": \"10s\", \"start\": \"5m\"}");
    run_to(&w, 120); /* five were ordered at 70 s, and called off at 100 s */
    for (uint32_t i = 0; i < w.server_count; i++)
        assert_true(w.server[i].presence != SERVER_STARTING);
    run_to(&w, 500); /* five more were ordered at 210 s */
    assert_int_equal(w.group[0].there, 15);
    run_to(&w, 520);
    assert_int_equal(w.group[0].there, 20);
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plane_replaces_what_a_zone_took),
        cmocka_unit_test(test_plane_learns_of_a_silent_zone_by_gossip),
        cmocka_unit_test(test_plane_that_is_down_replaces_nothing),
        cmocka_unit_test(test_plane_is_not_missed_where_spare_was_planned),
        cmocka_unit_test(test_plane_that_the_zone_takes_along_comes_back_first),
        cmocka_unit_test(test_plane_scales_with_the_load_and_back),
        cmocka_unit_test(test_plane_takes_a_zone_out_that_fails),
        cmocka_unit_test(test_plane_retries_stay_out_of_a_zone_that_is_taken_out),
        cmocka_unit_test(test_plane_replaces_a_server_that_ails),
        cmocka_unit_test(test_plane_does_not_take_an_overload_for_an_ailment),
        cmocka_unit_test(test_plane_takes_a_zone_out_that_ails),
        cmocka_unit_test(test_plane_shifts_no_zone_that_cannot_be_spared),
        cmocka_unit_test(test_plane_halts_a_bad_version_and_goes_back),
        cmocka_unit_test(test_plane_that_dies_in_a_rollout_leaves_it_where_it_is),
        cmocka_unit_test(test_plane_rolls_a_bad_version_out_each_time_it_comes),
        cmocka_unit_test(test_plane_poison_that_comes_again_asks_at_its_rate),
        cmocka_unit_test(test_plane_start_that_was_called_off_starts_nothing),
    };
    return cmocka_run_group_tests_name("plane", tests, NULL, NULL);
}
