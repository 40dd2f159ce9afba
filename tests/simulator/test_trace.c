/* Tests of simulator/trace.c: a small scripted world tells the story that it must, and listening
 * changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/ask.h"
#include "simulator/run.h"
#include "simulator/trace.h"
#include "tests/world.h"

static const int64_t MS = 1000000; /* in ns */

/* ---- a listener that writes a line for each record ---- */

enum { STORY_MAX = 8192 };

struct stage {
    struct made made;
    struct world world;
    struct arena arena;
    char story[STORY_MAX];
    size_t used;
};

static const char *const answers[] = {"ok", "shed", "reset", "error"};
static const char *const froms[] = {"free", "way", "queue", "work", "calls", "back", "lost"};
static const char *const words[] = {
    [TRACE_REQUEST] = "comes",     [TRACE_NO_ROOM] = "finds no room",
    [TRACE_SEND] = "goes to",      [TRACE_WAIT] = "waits at",
    [TRACE_WORK] = "starts at",    [TRACE_LEAVE] = "leaves",
    [TRACE_ANSWER] = "has from",   [TRACE_TIMEOUT] = "gives up on",
    [TRACE_RETRY] = "again after", [TRACE_NO_RETRY] = "no budget",
    [TRACE_LATE] = "is late",      [TRACE_AGAIN] = "comes again",
    [TRACE_END] = "ends",          [TRACE_EJECT] = "ejects",
    [TRACE_TRIAL] = "tries",       [TRACE_BACK] = "readmits",
    [TRACE_CALLS] = "asks others", [TRACE_LEFT] = "leaves alone",
    [TRACE_SHIFT] = "takes out",   [TRACE_RETURN] = "brings back",
    [TRACE_START] = "starts",      [TRACE_STOP] = "stops",
    [TRACE_RETIRE] = "retires",    [TRACE_CHANGE] = "changes",
    [TRACE_UNDO] = "undoes",       [TRACE_BREAK] = "breaks",
    [TRACE_HEAL] = "heals",
};

static void say(struct stage *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct stage *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    s->used += (size_t)vsnprintf(s->story + s->used, STORY_MAX - s->used, format, args);
    va_end(args);
    assert_true(s->used < STORY_MAX);
}

/* "7ms #2 leaves a/1 ok (work)" */
static void listen(void *context, const struct trace_record *r)
{
    struct stage *s = context;
    const struct topo_cell *cell = &s->made.topo.cells[0];
    say(s, "%lldms ", (long long)(r->at_ns / MS));
    if (r->kind == TRACE_BREAK || r->kind == TRACE_HEAL) {
        say(s, "fault %u %s\n", (unsigned)r->who, words[r->kind]);
        return;
    }
    assert_int_equal(r->who, 0);
    assert_int_equal(r->group, 0);
    say(s, "#%lld %s", (long long)r->request, words[r->kind]);
    if (r->server != WORLD_NONE)
        say(s, " %s/%u try %u", cell->zones[r->zone], (unsigned)r->nth + 1, (unsigned)r->tries);
    if (r->kind == TRACE_RETRY)
        say(s, " %lldms not in %s", (long long)(r->delay_ns / MS), cell->zones[r->zone]);
    if (r->kind == TRACE_LEAVE || r->kind == TRACE_ANSWER || r->kind == TRACE_END)
        say(s, " %s", answers[r->answer]);
    if (r->kind == TRACE_LEAVE || r->kind == TRACE_WORK)
        say(s, " (%s)", froms[r->from]);
    say(s, "\n");
}

/* One country, one cell, one service of 10 ms behind a round trip of 2 ms; nobody comes by chance.
 */
static void stage_begin(struct stage *s, const char *zones, const char *service, const char *policy,
                        const char *faults)
{
    char topology[1024], scenario[512];
    struct error err;
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"DE\": {\"peak_rps\": 100, \"curve\": \"flat\"}},"
             "\"cells\": {\"de\": {\"region\": \"aws/eu-central-1\", \"zones\": [%s],"
             "\"servers_per_zone\": 1, \"zone_rtt\": \"2ms\"}},"
             "\"services\": {\"x\": {\"time\": \"10ms\", \"spread\": \"fixed\", %s}},"
             "\"tolerance\": {\"zones\": 0, \"servers\": 0}, \"policy\": {%s}}",
             zones, service, policy);
    snprintf(scenario, sizeof scenario,
             "{\"topology\": \"-\", \"duration\": \"10s\", \"load\": 0, \"faults\": [%s]}", faults);
    *s = (struct stage){0};
    make_world(&s->made, topology, scenario);
    if (world_init(&s->world, &s->made.topo, &s->made.plan, &s->made.scenario, 1, 0, &s->arena,
                   &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(trace_listen(&s->world, listen, s, &s->arena), 0);
}

static void stage_run(struct stage *s, int64_t until_ms)
{
    struct error err;
    if (world_run(&s->world, until_ms * MS, &err) != 0)
        fail_msg("%s", err.text);
}

static void stage_end(struct stage *s, const char *story)
{
    assert_string_equal(s->story, story);
    arena_release(&s->arena);
    arena_release(&s->made.arena);
}

/* ---- stories ---- */

static void test_trace_tells_of_work_waiting_and_shedding(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s, "\"a\"", "\"concurrency\": 1, \"queue\": 1", "\"tries\": 1", "");
    for (int i = 0; i < 3; i++)
        ask_begin(&s.world, 0);
    stage_run(&s, 1000);
    stage_end(&s, "0ms #0 comes\n"
                  "0ms #0 goes to a/1 try 1\n"
                  "0ms #1 comes\n"
                  "0ms #1 goes to a/1 try 1\n"
                  "0ms #2 comes\n"
                  "0ms #2 goes to a/1 try 1\n"
                  "1ms #0 starts at a/1 try 1 (way)\n"
                  "1ms #1 waits at a/1 try 1\n"
                  "1ms #2 leaves a/1 try 1 shed (way)\n"
                  "2ms #2 has from a/1 try 1 shed\n"
                  "2ms #2 ends shed\n"
                  "11ms #0 leaves a/1 try 1 ok (work)\n"
                  "11ms #1 starts at a/1 try 1 (queue)\n"
                  "12ms #0 has from a/1 try 1 ok\n"
                  "12ms #0 ends ok\n"
                  "21ms #1 leaves a/1 try 1 ok (work)\n"
                  "22ms #1 has from a/1 try 1 ok\n"
                  "22ms #1 ends ok\n");
}

static void test_trace_tells_of_a_timeout_and_of_the_work_that_goes_on(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s, "\"a\"", "\"concurrency\": 1",
                "\"tries\": 2, \"timeout\": \"5ms\", \"retry_budget\": 0", "");
    ask_begin(&s.world, 0);
    stage_run(&s, 1000);
    stage_end(&s, "0ms #0 comes\n"
                  "0ms #0 goes to a/1 try 1\n"
                  "1ms #0 starts at a/1 try 1 (way)\n"
                  "5ms #0 gives up on a/1 try 1\n"
                  "5ms #0 no budget\n"
                  "5ms #0 ends reset\n"
                  "11ms #0 leaves a/1 try 1 ok (work)\n");
}

/* Of two requests at one moment each zone gets one, whichever comes first. */
static void test_trace_tells_of_a_dead_zone_and_of_its_return(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(
        &s, "\"a\", \"b\"", "\"concurrency\": 4",
        "\"tries\": 2, \"backoff\": \"0\", \"eject_failures\": 1, \"eject_for\": \"1s\"",
        "{\"kind\": \"zone-down\", \"scope\": \"de/a\", \"at\": \"5ms\", \"for\": \"1500ms\"},"
        "{\"kind\": \"zone-down\", \"scope\": \"de/a\", \"at\": \"9s\"}");
    ask_begin(&s.world, 0);
    ask_begin(&s.world, 0);
    stage_run(&s, 900);
    bool first = strstr(s.story, "#0 goes to a/1") != NULL;
    char story[STORY_MAX];
    int hurt = first ? 0 : 1, well = 1 - hurt;
    snprintf(story, sizeof story,
             "0ms #0 comes\n"
             "0ms #0 goes to %s/1 try 1\n"
             "0ms #1 comes\n"
             "0ms #1 goes to %s/1 try 1\n"
             "1ms #0 starts at %s/1 try 1 (way)\n"
             "1ms #1 starts at %s/1 try 1 (way)\n"
             "5ms fault 0 breaks\n"
             "5ms #%d leaves a/1 try 1 reset (work)\n"
             "6ms #%d has from a/1 try 1 reset\n"
             "6ms #%d ejects a/1 try 1\n"
             "6ms #%d again after 0ms not in a\n"
             "6ms #%d goes to b/1 try 2\n"
             "7ms #%d starts at b/1 try 2 (way)\n"
             "11ms #%d leaves b/1 try 1 ok (work)\n"
             "12ms #%d has from b/1 try 1 ok\n"
             "12ms #%d ends ok\n"
             "17ms #%d leaves b/1 try 2 ok (work)\n"
             "18ms #%d has from b/1 try 2 ok\n"
             "18ms #%d ends ok\n",
             first ? "a" : "b", first ? "b" : "a", first ? "a" : "b", first ? "b" : "a", hurt, hurt,
             hurt, hurt, hurt, hurt, well, well, well, hurt, hurt, hurt);
    assert_string_equal(s.story, story);
    /* At 1.1 s one of two requests is the trial, and the zone is still dead; at 2.2 s it is not. */
    s.used = 0;
    stage_run(&s, 1100);
    ask_begin(&s.world, 0);
    ask_begin(&s.world, 0);
    stage_run(&s, 2200);
    assert_non_null(strstr(s.story, " tries a/1 try 1\n"));
    assert_non_null(strstr(s.story, " ejects a/1 try 1\n"));
    assert_null(strstr(s.story, "readmits"));
    const char *heals = strstr(s.story, "1505ms fault 0 heals\n");
    assert_non_null(heals);
    assert_null(strchr(heals, '#'));
    s.used = 0;
    ask_begin(&s.world, 0);
    ask_begin(&s.world, 0);
    stage_run(&s, 3000);
    const char *trial = strstr(s.story, " tries a/1 try 1\n");
    assert_non_null(trial);
    assert_non_null(strstr(trial, " readmits a/1 try 1\n"));
    assert_null(strstr(s.story, "ejects"));
    arena_release(&s.arena);
    arena_release(&s.made.arena);
}

static void test_trace_tells_of_a_door_that_is_full(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s, "\"a\"", "\"concurrency\": 1", "\"tries\": 1", "");
    s.world.request_used = s.world.pool_count;
    ask_begin(&s.world, 0);
    stage_end(&s, "0ms #0 comes\n0ms #0 finds no room\n0ms #0 ends shed\n");
}

/* ---- listening ---- */

static void count(void *context, const struct trace_record *r)
{
    int64_t *kinds = context;
    kinds[r->kind]++;
}

static void test_trace_changes_nothing_and_tells_of_each_request(void **state)
{
    (void)state;
    struct made made;
    struct error err;
    make_world(&made,
               "{\"countries\": {\"DE\": {\"peak_rps\": 300, \"curve\": \"flat\"}},"
               "\"services\": {\"x\": {\"time\": \"9ms\"}, \"y\": {\"time\": \"1ms\"}}}",
               "{\"topology\": \"-\", \"duration\": \"60s\", \"load\": 1.5, \"faults\": ["
               "{\"kind\": \"zone-down\", \"scope\": \"de/b\", \"at\": \"9s\", \"for\": \"9s\"}]}");
    for (int jobs = 1; jobs <= 3; jobs += 2) {
        struct run_result quiet, told;
        int64_t kinds[TRACE_HEAL + 1] = {0};
        struct run_opts opts = {.seed = 5, .replications = 3, .jobs = jobs};
        assert_int_equal(
            run_scenario(&quiet, &made.topo, &made.plan, &made.scenario, &opts, &made.arena, &err),
            0);
        struct run_listener listener = {.trace = count, .context = kinds};
        opts.listener = &listener;
        opts.listener_count = 1;
        assert_int_equal(
            run_scenario(&told, &made.topo, &made.plan, &made.scenario, &opts, &made.arena, &err),
            0);
        assert_true(listener.heard);
        assert_string_equal(told.digest, quiet.digest);
        assert_int_equal(told.events, quiet.events);
        assert_int_equal(told.countries[0].retries, quiet.countries[0].retries);
        opts = (struct run_opts){.seed = 5, .replications = 1, .jobs = 1};
        assert_int_equal(
            run_scenario(&quiet, &made.topo, &made.plan, &made.scenario, &opts, &made.arena, &err),
            0); /* only replication 0 is told */
        assert_int_equal(kinds[TRACE_END], quiet.countries[0].requests);
        assert_int_equal(kinds[TRACE_BREAK], 1);
        assert_int_equal(kinds[TRACE_HEAL], 1);
        assert_true(kinds[TRACE_REQUEST] >= kinds[TRACE_END]);
        assert_true(kinds[TRACE_RETRY] >= quiet.countries[0].retries);
        assert_true(quiet.countries[0].retries > 0);
    }
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trace_tells_of_work_waiting_and_shedding),
        cmocka_unit_test(test_trace_tells_of_a_timeout_and_of_the_work_that_goes_on),
        cmocka_unit_test(test_trace_tells_of_a_dead_zone_and_of_its_return),
        cmocka_unit_test(test_trace_tells_of_a_door_that_is_full),
        cmocka_unit_test(test_trace_changes_nothing_and_tells_of_each_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
