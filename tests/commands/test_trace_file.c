/* Tests of commands/trace_file.c: what it writes is read back by table and agrees with itself and
 * with the result of the run. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/files.h"
#include "commands/trace_file.h"
#include "simulator/run.h"

/* ---- the file, by table ---- */

struct args {
    const char *name, *end, *why;
    int64_t request, try, waiting, running;
};

struct event {
    const char *phase, *name, *category, *id, *scope;
    int64_t cell, thread;
    double at_us, took_us;
    struct args args;
};

struct other {
    const char *program, *from, *until, *ended_by;
    int64_t seed, replication, records, records_max;
};

struct trace {
    const char *unit;
    struct event *events;
    size_t count;
    struct other other;
};

static const struct json_field args_fields[] = {
    JSON_STR(struct args, name, "name", .doc = "-"),
    JSON_STR(struct args, end, "end", .doc = "-"),
    JSON_STR(struct args, why, "why", .doc = "-"),
    JSON_I64(struct args, request, "request", 0, 0, .doc = "-"),
    JSON_I64(struct args, try, "try", 0, 0, .doc = "-"),
    JSON_I64(struct args, waiting, "waiting", 0, 1e9, .doc = "-"),
    JSON_I64(struct args, running, "running", 0, 1e9, .doc = "-"),
    JSON_END,
};

static const struct json_field event_fields[] = {
    JSON_STR(struct event, phase, "ph", .required = true, .doc = "-"),
    JSON_I64(struct event, cell, "pid", 1, 1000, .required = true, .doc = "-"),
    JSON_I64(struct event, thread, "tid", 0, 1e9, .required = true, .doc = "-"),
    JSON_F64(struct event, at_us, "ts", 0, 1e15, .required = true, .doc = "-"),
    JSON_STR(struct event, name, "name", .required = true, .doc = "-"),
    JSON_STR(struct event, category, "cat", .doc = "-"),
    JSON_STR(struct event, id, "id", .doc = "-"),
    JSON_STR(struct event, scope, "s", .doc = "-"),
    JSON_F64(struct event, took_us, "dur", 0, 1e15, .doc = "-"),
    JSON_OBJECT(struct event, args, "args", args_fields, .doc = "-"),
    JSON_END,
};

static const struct json_field other_fields[] = {
    JSON_STR(struct other, program, "program", .required = true, .doc = "-"),
    JSON_I64(struct other, seed, "seed", 0, 0, .required = true, .doc = "-"),
    JSON_I64(struct other, replication, "replication", 0, 0, .required = true, .doc = "-"),
    JSON_STR(struct other, from, "from", .required = true, .doc = "-"),
    JSON_STR(struct other, until, "until", .required = true, .doc = "-"),
    JSON_STR(struct other, ended_by, "ended_by", .required = true, .doc = "-"),
    JSON_I64(struct other, records, "records", 0, 1e12, .required = true, .doc = "-"),
    JSON_I64(struct other, records_max, "records_max", 1, 1e12, .required = true, .doc = "-"),
    JSON_END,
};

static const struct json_field trace_fields[] = {
    JSON_STR(struct trace, unit, "displayTimeUnit", .required = true, .doc = "-"),
    JSON_LIST(struct trace, events, count, "traceEvents", struct event, event_fields, .doc = "-"),
    JSON_OBJECT(struct trace, other, "otherData", other_fields, .required = true, .doc = "-"),
    JSON_END,
};

/* ---- a scenario that has everything ---- */

struct shot {
    char path[40];
    struct arena arena;
    struct files files;
    struct trace_file_opts opts;
    struct run_result result;
    struct trace trace;
};

/* An overload, a dead zone, short patience and a small budget. */
static const char topology[] =
    "{\"countries\": {\"DE\": {\"peak_rps\": 300, \"curve\": \"flat\"},"
    "\"FR\": {\"peak_rps\": 100, \"curve\": \"flat\"}},"
    "\"cells\": {\"de\": {\"countries\": [\"DE\", \"FR\"], \"zones\": [\"a\", \"b\"], "
    "\"servers_per_zone\": 2}},"
    "\"services\": {\"x\": {\"time\": \"15ms\", \"concurrency\": 2, \"queue\": 2}},"
    "\"tolerance\": {\"zones\": 0, \"servers\": 0},"
    "\"policy\": {\"timeout\": \"60ms\", \"tries\": 3, \"retry_budget\": 0.1, \"eject_failures\": "
    "2,"
    "\"eject_for\": \"200ms\"}}";
static const char scenario[] =
    "{\"topology\": \"-\", \"duration\": \"6s\", \"warmup\": \"0\", \"faults\": ["
    "{\"kind\": \"zone-down\", \"scope\": \"de/b\", \"at\": \"1s\", \"for\": \"1s\"},"
    "{\"kind\": \"zone-down\", \"scope\": \"de/b\", \"at\": \"1500ms\", \"for\": \"1s\"},"
    "{\"kind\": \"zone-down\", \"scope\": \"de/b\", \"at\": \"5s\"}]}";

static void assert_ok(int status, const struct error *err)
{
    if (status != 0)
        fail_msg("%s", err->text);
}

static void prepare(struct shot *s)
{
    struct error err = {0};
    struct files *f = &s->files;
    *s = (struct shot){.opts = {.records_max = 1000000, .seed = 3}};
    memcpy(s->path, "/tmp/bulkhead-trace-XXXXXX", 27);
    int fd = mkstemp(s->path);
    assert_true(fd >= 0);
    close(fd);
    s->opts.path = s->path;
    assert_ok(topo_parse(&f->topo, topology, sizeof topology - 1, NULL, 0, &s->arena, &err), &err);
    assert_ok(capacity_plan(&f->plan, &f->topo, &s->arena, &err), &err);
    assert_ok(scenario_parse(&f->scenario, scenario, sizeof scenario - 1, NULL, 0, &s->arena, &err),
              &err);
    assert_ok(scenario_bind(&f->scenario, &f->topo, &err), &err);
    f->topo.cells[0].zones[0] = "\\\"\n"; /* no topology may say this, but a trace can */
}

static void take(struct shot *s)
{
    struct error err = {0};
    const char *text;
    size_t len;
    struct trace_file *file = trace_file_open(&s->opts, &s->files, &err);
    assert_non_null(file);
    struct run_listener listener = {.trace = trace_file_take, .context = file};
    const struct run_opts opts = {
        .seed = 3, .replications = 1, .jobs = 1, .listener = &listener, .listener_count = 1};
    const struct files *f = &s->files;
    assert_ok(run_scenario(&s->result, &f->topo, &f->plan, &f->scenario, &opts, &s->arena, &err),
              &err);
    assert_ok(trace_file_close(file, false, &err), &err);
    assert_ok(files_read(&text, &len, s->path, &s->arena, &err), &err);
    assert_ok(
        json_decode(&s->trace, sizeof s->trace, trace_fields, text, len, NULL, 0, &s->arena, &err),
        &err);
}

static void clear(struct shot *s)
{
    unlink(s->path);
    arena_release(&s->arena);
}

static bool is(const struct event *e, const char *phase)
{
    return strcmp(e->phase, phase) == 0;
}

static bool is_of(const struct event *e, const char *phase, const char *category)
{
    return is(e, phase) && strcmp(e->category, category) == 0;
}

static bool is_try(const struct event *e)
{
    return strncmp(e->name, "try ", 4) == 0;
}

/* ---- what holds for every file ---- */

enum { DEPTH_MAX = 4, TRACKS_MAX = 4096 };

struct track { /* an id of one category, or a thread */
    const char *open[DEPTH_MAX];
    size_t depth;
    double last_us;
};

/* Within an id what begins ends, in the order of a stack and of time. */
static void assert_balanced(const struct trace *t)
{
    static struct track requests[TRACKS_MAX], faults[8];
    memset(requests, 0, sizeof requests);
    memset(faults, 0, sizeof faults);
    for (size_t i = 0; i < t->count; i++) {
        const struct event *e = &t->events[i];
        if (!is(e, "b") && !is(e, "e"))
            continue;
        bool fault = strcmp(e->category, "fault") == 0;
        long id = strtol(fault ? e->id + strlen("fault ") : e->id, NULL, 10);
        assert_in_range(id, 0, (fault ? 8 : TRACKS_MAX) - 1);
        struct track *track = fault ? &faults[id] : &requests[id];
        assert_true(e->at_us >= track->last_us);
        track->last_us = e->at_us;
        if (is(e, "b")) {
            assert_true(track->depth < DEPTH_MAX);
            assert_true(fault || (track->depth == 1) == is_try(e));
            track->open[track->depth++] = e->name;
        } else {
            assert_true(track->depth > 0);
            assert_string_equal(track->open[--track->depth], e->name);
        }
    }
    for (size_t i = 0; i < TRACKS_MAX; i++)
        assert_int_equal(requests[i].depth, 0);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(faults[i].depth, 0);
}

/* A lane does one thing at a time, and has a name. Work is written when it ends. */
static void assert_lanes(const struct trace *t)
{
    static struct track lanes[TRACKS_MAX];
    memset(lanes, 0, sizeof lanes);
    for (size_t i = 0; i < t->count; i++) {
        const struct event *e = &t->events[i];
        assert_in_range(e->thread, 0, TRACKS_MAX - 1);
        struct track *lane = &lanes[e->thread];
        if (strcmp(e->name, "thread_name") == 0) {
            assert_int_equal(lane->depth, 0);
            lane->depth = 1;
            continue;
        }
        assert_true(e->thread == 0 || lane->depth == 1);
        if (!is(e, "X"))
            continue;
        assert_true(e->at_us >= lane->last_us - 1e-4);
        lane->last_us = e->at_us + e->took_us;
    }
}

static size_t decisions(const struct trace *t, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct event *e = &t->events[i];
        if (!is_of(e, "i", "decision") || strcmp(e->name, name) != 0)
            continue;
        count++;
        assert_true(strlen(e->args.why) > 20);
    }
    return count;
}

/* ---- tests ---- */

static void test_trace_file_agrees_with_the_result(void **state)
{
    (void)state;
    struct shot s;
    prepare(&s);
    take(&s);
    const struct run_country *de = &s.result.countries[0], *fr = &s.result.countries[1];
    int64_t ended = 0, ok = 0, begun = 0, sent = 0;
    double worked_us = 0;
    for (size_t i = 0; i < s.trace.count; i++) {
        const struct event *e = &s.trace.events[i];
        begun += is_of(e, "b", "request") && !is_try(e);
        sent += is_of(e, "b", "request") && is_try(e);
        if (is(e, "X"))
            worked_us += e->took_us;
        if (!is_of(e, "e", "request") || is_try(e))
            continue;
        ended += strcmp(e->args.end, "unfinished") != 0;
        ok += strcmp(e->args.end, "answered") == 0;
    }
    assert_true(ended > 1000);
    assert_int_equal(ended, de->requests + fr->requests);
    assert_int_equal(ok, de->ok + fr->ok);
    assert_true(begun >= ended);
    assert_true(sent >= begun + de->retries + fr->retries);
    assert_true(de->retries > 0);
    double busy_us = s.result.cells[0].services[0].busy.mean * 4 * 2 * 6e6;
    assert_true(fabs(worked_us / busy_us - 1) < 1e-9);
    assert_string_equal(s.trace.other.ended_by, "the end of the run");
    assert_string_equal(s.trace.other.until, "6s");
    clear(&s);
}

static void test_trace_file_is_balanced_and_lanes_do_one_thing_at_a_time(void **state)
{
    (void)state;
    struct shot s;
    prepare(&s);
    take(&s);
    assert_balanced(&s.trace);
    assert_lanes(&s.trace);
    clear(&s);
}

static void test_trace_file_shows_every_kind_of_decision_and_fault(void **state)
{
    (void)state;
    struct shot s;
    prepare(&s);
    take(&s);
    static const char *const names[] = {"retry",   "budget refused", "timeout", "shed",
                                        "ejected", "trial",          "back in"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_true(decisions(&s.trace, names[i]) > 0);
    int begins = 0, marks = 0;
    for (size_t i = 0; i < s.trace.count; i++) {
        const struct event *e = &s.trace.events[i];
        begins += is_of(e, "b", "fault");
        marks += is_of(e, "i", "fault");
        if (is_of(e, "b", "fault"))
            assert_string_equal(e->name, "zone-down de/b");
    }
    assert_int_equal(begins, 3);
    assert_int_equal(marks, 5); /* the last one does not heal */
    clear(&s);
}

/* How many are worked on is never more than there is room, nor than the slices that overlap. */
static void test_trace_file_counts_within_what_a_zone_holds(void **state)
{
    (void)state;
    struct shot s;
    prepare(&s);
    take(&s);
    int64_t most_waiting = 0, most_running = 0;
    double last_us = 0;
    for (size_t i = 0; i < s.trace.count; i++) {
        const struct event *e = &s.trace.events[i];
        if (!is(e, "C"))
            continue;
        assert_true(e->at_us >= last_us);
        last_us = e->at_us;
        most_waiting = e->args.waiting > most_waiting ? e->args.waiting : most_waiting;
        most_running = e->args.running > most_running ? e->args.running : most_running;
    }
    assert_int_equal(most_waiting, 4);
    assert_int_equal(most_running, 4);
    clear(&s);
}

static void test_trace_file_is_bounded_and_says_so(void **state)
{
    (void)state;
    struct error err;
    static const int64_t bounds[] = {1, 2, 10, 777, 5000};
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        struct shot s;
        prepare(&s);
        s.opts.records_max = bounds[i];
        take(&s);
        assert_int_equal(s.trace.other.records, bounds[i]);
        assert_string_equal(s.trace.other.ended_by, "records_max, the rest is left out");
        assert_true((int64_t)s.trace.count < 4 * bounds[i] + 50);
        assert_balanced(&s.trace);
        assert_lanes(&s.trace);
        clear(&s);
    }
    struct shot s;
    prepare(&s); /* a run of which nothing was told */
    assert_ok(trace_file_close(trace_file_open(&s.opts, &s.files, &err), true, &err), &err);
    clear(&s);
}

/* From within a fault, with requests under way. */
static void test_trace_file_begins_when_asked(void **state)
{
    (void)state;
    struct shot s;
    prepare(&s);
    s.opts.from_ns = 1800000000;
    take(&s);
    assert_balanced(&s.trace);
    assert_lanes(&s.trace);
    int down = 0;
    for (size_t i = 0; i < s.trace.count; i++) {
        const struct event *e = &s.trace.events[i];
        assert_true(is(e, "M") || e->at_us >= 1800000);
        down += is_of(e, "b", "fault") && e->at_us == 1800000;
    }
    assert_int_equal(down, 2);
    assert_string_equal(s.trace.other.from, "1800ms");
    clear(&s);
}

static void test_trace_file_that_cannot_be_written_says_why_and_stops_the_run(void **state)
{
    (void)state;
    struct error err;
    struct shot s;
    volatile sig_atomic_t stop = 0;
    prepare(&s);
    s.opts.path = "/nosuch/folder/trace.json";
    assert_null(trace_file_open(&s.opts, &s.files, &err));
    assert_string_equal(err.text, "/nosuch/folder/trace.json: No such file or directory");
    s.opts.path = "/dev/full";
    s.opts.stop = &stop;
    if (access("/dev/full", W_OK) == 0) {
        struct trace_file *file = trace_file_open(&s.opts, &s.files, &err);
        struct run_listener listener = {.trace = trace_file_take, .context = file};
        const struct run_opts opts = {.seed = 3,
                                      .replications = 1,
                                      .jobs = 1,
                                      .stop = &stop,
                                      .listener = &listener,
                                      .listener_count = 1};
        struct run_result none;
        assert_int_equal(run_scenario(&none, &s.files.topo, &s.files.plan, &s.files.scenario, &opts,
                                      &s.arena, &err),
                         -1);
        assert_int_equal(stop, 1);
        assert_int_equal(trace_file_close(file, true, &err), -1);
        assert_string_equal(err.text, "/dev/full: cannot write the trace: No space left on device");
        assert_int_equal(access("/dev/full", F_OK), 0);
    }
    clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trace_file_agrees_with_the_result),
        cmocka_unit_test(test_trace_file_is_balanced_and_lanes_do_one_thing_at_a_time),
        cmocka_unit_test(test_trace_file_shows_every_kind_of_decision_and_fault),
        cmocka_unit_test(test_trace_file_counts_within_what_a_zone_holds),
        cmocka_unit_test(test_trace_file_is_bounded_and_says_so),
        cmocka_unit_test(test_trace_file_begins_when_asked),
        cmocka_unit_test(test_trace_file_that_cannot_be_written_says_why_and_stops_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
