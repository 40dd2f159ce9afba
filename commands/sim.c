#include "commands/commands.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/duration.h"
#include "base/error.h"
#include "commands/demand_file.h"
#include "commands/keep.h"
#include "commands/report.h"
#include "commands/report_course.h"
#include "commands/simulate.h"
#include "commands/sweep.h"
#include "commands/trace_file.h"
#include "simulator/run.h"

struct sim_options {
    bool json;
    int64_t seed, replications, jobs;
    const char *db, *trace, *trace_from, *report;
    char command[REPORT_COMMAND];
    struct demand_args demand;
    int64_t trace_records;
    struct cli_sets sets;
};

static const struct cli_option options[] = {
    {"json", CLI_FLAG, offsetof(struct sim_options, json), NULL, 0, 0,
     "Print the result as JSON (docs/sim.schema.json, of a sweep docs/sweep.schema.json)"},
    {"seed", CLI_I64, offsetof(struct sim_options, seed), "N", 0, 9007199254740991,
     "Instead of the scenario's seed"},
    {"replications", CLI_I64, offsetof(struct sim_options, replications), "N", 1, 100000,
     "Instead of the scenario's number of independent runs; with precision, of the first round"},
    {"jobs", CLI_I64, offsetof(struct sim_options, jobs), "N", 1, 256,
     "Threads; the answer does not depend on them (default: processors)"},
    {"db", CLI_STR, offsetof(struct sim_options, db), "FILE", 0, 0,
     "Keep every replication in an SQLite file, and go on from what is there"},
    {"trace", CLI_STR, offsetof(struct sim_options, trace), "FILE", 0, 0,
     "Write what happens in the first replication, for ui.perfetto.dev"},
    {"trace-from", CLI_STR, offsetof(struct sim_options, trace_from), "DURATION", 0, 0,
     "From here on, such as 9m59s (default: the start)"},
    {"trace-records", CLI_I64, offsetof(struct sim_options, trace_records), "N", 1, 1e12,
     "So many happenings at most (default: 1000000)"},
    {"report", CLI_STR, offsetof(struct sim_options, report), "FILE.html", 0, 0,
     "Write the answer as one page with charts, for a browser"},
    DEMAND_OPTIONS(struct sim_options, demand),
    {"set", CLI_SETS, offsetof(struct sim_options, sets), "PATH=VALUE", 0, 0,
     "Change a value of scenario or topology, as cells.de.servers_per_zone=2"},
    {.type = CLI_END},
};

/* ---- running ---- */

/* `keep` may keep nothing. */
static int simulate(struct run_result *result, struct simulate *s, const struct files *files,
                    struct keep *keep, struct arena *a, struct error *err)
{
    const struct run_keep calls = {keep_load, keep_save, keep};
    simulate_begin(s);
    int status = simulate_run(s, result, 0, files, keep->db == NULL ? NULL : &calls, a, err);
    simulate_end(s);
    return status;
}

int sim_simulate(struct run_result *result, const struct files *files, struct arena *a,
                 struct error *err)
{
    struct keep none = {0};
    struct simulate s = {
        .seed = files->scenario.seed, .replications = files->scenario.replications, .variants = 1};
    return simulate(result, &s, files, &none, a, err);
}

/* ---- tracing ---- */

enum { TRACE_RECORDS = 1000000 };

/* What the options ask for; none of them is wrong without the scenario. 0, or -1 with `err` set. */
static int trace_open(struct trace_file **trace, const struct sim_options *o,
                      const struct files *files, struct error *err)
{
    int64_t from_us = 0;
    *trace = NULL;
    if (o->trace == NULL)
        return 0;
    if (o->trace_from != NULL && duration_parse(&from_us, o->trace_from, err) != 0)
        return error_prefix(err, "--trace-from");
    if (from_us >= files->scenario.duration_us) {
        char duration[DURATION_TEXT_MAX];
        duration_format(duration, files->scenario.duration_us);
        return error_set(err, ERR_CONFLICT, "--trace-from: %s is not before the end of the run, %s",
                         o->trace_from, duration);
    }
    const struct trace_file_opts opts = {
        .path = o->trace,
        .seed = o->seed,
        .from_ns = from_us * 1000,
        .records_max = o->trace_records > 0 ? o->trace_records : TRACE_RECORDS,
        .stop = simulate_stop_flag(),
    };
    *trace = trace_file_open(&opts, files, err);
    return *trace == NULL ? -1 : 0;
}

/* The trace's end. A trace that could not be written is an error, whatever the simulation says. 0,
 * or -1 with `err` set. */
static int trace_end(struct trace_file *trace, const char *path, bool stopped, struct error *err)
{
    bool full = trace != NULL && trace_file_is_full(trace);
    if (trace_file_close(trace, stopped, err) != 0) {
        *simulate_stop_flag() = 0; /* it was the trace that ended it, and that is no answer */
        return -1;
    }
    if (full)
        fprintf(stderr,
                "bulkhead: %s is full, what came later is left out (--trace-from starts it later, "
                "--trace-records makes it longer)\n",
                path);
    return 0;
}

/* ---- what is told of the first replication, to one or two who listen ---- */

struct listeners {
    struct trace_file *trace; /* NULL: not wanted */
    struct course *course;    /* NULL: the same */
};

static void tell(void *context, const struct trace_record *record)
{
    struct listeners *l = context;
    if (l->trace != NULL)
        trace_file_take(l->trace, record);
    if (l->course != NULL)
        course_take(l->course, record);
}

/* ---- the command ---- */

static int print(const struct sim_options *o, const char *path, const struct files *files,
                 const struct run_result *result, struct arena *a)
{
    const char *text = o->json ? json_encode(result, run_fields, a) : "";
    if (text == NULL)
        return cli_fail("no memory left");
    for (size_t i = 0; i < result->warning_count && !o->json; i++)
        fprintf(stderr, "warning: %s\n", result->warnings[i]);
    if (o->json)
        fputs(text, stdout);
    else
        sim_print(stdout, files_name(path, a), files, result);
    return result->pass && !result->stopped ? EXIT_YES : EXIT_NO;
}

/* A scenario without a sweep. */
static int run_one(const struct sim_options *o, const struct files_texts *texts,
                   const struct files *files, struct arena *a)
{
    const char *path = texts->path;
    struct error err;
    struct run_result result;
    struct keep keep = {0};
    struct trace_file *trace;
    struct course course = {0};
    struct listeners listeners = {0};
    struct simulate s = {
        .seed = o->seed, .replications = o->replications, .jobs = o->jobs, .variants = 1};
    if (o->report != NULL && page_try(o->report, &err) != 0)
        return cli_fail(err.text);
    if (trace_open(&trace, o, files, &err) != 0)
        return cli_fail(err.text);
    if (o->db != NULL && keep_open(&keep, o->db, path, files, &files->topo, &s, &err) != 0) {
        struct error write_err;
        trace_file_close(trace, true, &write_err);
        return cli_fail(err.text);
    }
    if (o->report != NULL && course_init(&course, files) == 0)
        listeners.course = &course;
    listeners.trace = trace;
    if (listeners.trace != NULL || listeners.course != NULL) {
        s.trace = tell;
        s.trace_context = &listeners;
    }
    int status = simulate(&result, &s, files, &keep, a, &err);
    struct error write_err;
    if (trace_end(trace, o->trace, status != 0 || result.stopped, &write_err) != 0) {
        err = write_err;
        status = -1;
    }
    if (status == 0 && o->report != NULL) {
        const struct report_info info =
            report_scenario(o->command, texts, files->scenario.about, a);
        bool seen = listeners.course != NULL && course_end(&course);
        status = report_sim(o->report, &info, files, &result, seen ? &course : NULL, &err);
    }
    course_release(&course);
    if (status == 0)
        status = print(o, path, files, &result, a);
    else if (cli_fail(err.text) != EXIT_YES)
        status = simulate_stopped() ? EXIT_NO : EXIT_MISUSE;
    if (simulate_stopped())
        keep_explain(&keep);
    keep_close(&keep);
    return status;
}

/* Read scenario, topology and what --demand names, and build. 0, or -1 with `err` set. */
static int load(struct files *files, struct files_texts *texts, const struct sim_options *o,
                const char *path, struct arena *a, struct error *err)
{
    struct demand_report report;
    if (files_scenario_read(texts, path, &o->sets, a, err) != 0)
        return -1;
    if (o->demand.path == NULL)
        return files_scenario_build(files, texts, NULL, 0, a, err);
    struct demand *d = arena_alloc(a, 1, sizeof *d);
    if (d == NULL)
        return error_memory(err);
    texts->demand = d;
    texts->demand_scale = o->demand.scale > 0 ? (double)o->demand.scale : 1;
    if (demand_file_read(d, &o->demand, a, err) != 0 ||
        files_scenario_build(files, texts, NULL, 0, a, err) != 0 ||
        demand_report_make(&report, d, texts->demand_scale, &files->topo, a, err) != 0)
        return -1;
    if (!o->json)
        demand_file_print(stdout, &report);
    return 0;
}

static int check_options(const struct sim_options *o)
{
    if (o->trace == NULL && (o->trace_from != NULL || o->trace_records > 0))
        return cli_misuse(&sim_command, "--trace-%s needs --trace FILE",
                          o->trace_from != NULL ? "from" : "records");
    if (o->demand.path != NULL && o->db != NULL)
        return cli_misuse(&sim_command, "--db keeps no runs of other demand than the topology's%s",
                          "; leave it or --demand out");
    return o->demand.path == NULL ? demand_file_alone(&sim_command, &o->demand) : -1;
}

static int sim_main(int argc, char **argv)
{
    struct sim_options o = {.seed = -1};
    int args;
    report_command(o.command, argc, argv);
    int status = cli_parse(&sim_command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    status = check_options(&o);
    if (status >= 0)
        return status;
    struct arena a = {0};
    struct error err;
    struct files_texts texts;
    struct files files;
    if (load(&files, &texts, &o, argv[1], &a, &err) != 0) {
        arena_release(&a);
        return cli_fail(err.text);
    }
    o.seed = o.seed >= 0 ? o.seed : files.scenario.seed;
    o.replications = o.replications > 0 ? o.replications : files.scenario.replications;
    if (files.scenario.sweep_count > 0 && o.trace != NULL) {
        arena_release(&a);
        return cli_fail("--trace: a sweep is many runs; give --set for one of them instead");
    }
    const struct sweep_opts sweep = {o.json, o.seed,   o.replications, o.jobs,
                                     o.db,   o.report, o.command};
    status = files.scenario.sweep_count > 0 ? sweep_run(&texts, &files, &sweep)
                                            : run_one(&o, &texts, &files, &a);
    arena_release(&a);
    return status;
}

const struct cli_command sim_command = {
    "sim",
    sim_main,
    "SCENARIO",
    1,
    1,
    "Simulate a scenario and check what it expects",
    "A scenario with a sweep is run once for each combination of its values, and each variant is\n"
    "compared with the first. Exit status 1 when an expectation fails, or when Ctrl-C ended it: "
    "it\n"
    "then prints what is known so far, if a replication has ended. A precision that was not\n"
    "reached is said, and does not change the exit status. With --db the same command goes on\n"
    "from there, even after a crash; the file holds any number of runs.",
    options,
};
