#include "commands/commands.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/duration.h"
#include "base/error.h"
#include "commands/baseline.h"
#include "commands/demand_file.h"
#include "commands/keep.h"
#include "commands/load_report.h"
#include "commands/report.h"
#include "commands/report_course.h"
#include "commands/simulate.h"
#include "commands/sweep.h"
#include "commands/trace_file.h"
#include "simulator/run.h"

struct sim_options {
    bool json;
    int64_t seed, replications, jobs;
    const char *db, *trace, *trace_from, *report, *baseline, *measured;
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
    {"baseline", CLI_STR, offsetof(struct sim_options, baseline), "SCENARIO", 0, 0,
     "Run this one too, with the same luck, and print the differences (--set is not for it)"},
    {"measured", CLI_STR, offsetof(struct sim_options, measured), "FILE", 0, 0,
     "What load --json measured, to stand beside in the report"},
    DEMAND_OPTIONS(struct sim_options, demand),
    {"set", CLI_SETS, offsetof(struct sim_options, sets), "PATH=VALUE", 0, 0,
     "Change a value of scenario or topology, as cells.de.servers_per_zone=2"},
    {.type = CLI_END},
};

/* ---- running ---- */

int sim_simulate(struct run_result *result, const struct files *files, struct arena *a,
                 struct error *err)
{
    struct simulate s = {
        .seed = files->scenario.seed, .replications = files->scenario.replications, .variants = 1};
    simulate_begin(&s);
    int status = simulate_run(&s, result, 0, files, NULL, a, err);
    simulate_end(&s);
    return status;
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

/* ---- who listens: the trace to the first replication, the report's courses to some ---- */

struct listeners {
    struct trace_file *trace; /* NULL: not wanted */
    struct courses *courses;  /* NULL: the same */
    struct run_listener first;
};

static void tell(void *context, const struct trace_record *record)
{
    struct listeners *l = context;
    trace_file_take(l->trace, record);
    if (l->courses != NULL)
        course_take(&l->courses->run[0], record);
}

static void look(void *context, const struct world *world)
{
    struct listeners *l = context;
    if (l->courses != NULL)
        course_look(&l->courses->run[0], world);
}

static void listen(struct simulate *s, struct listeners *l)
{
    if (l->courses != NULL) {
        s->listener = l->courses->listener;
        s->listener_count = (int64_t)l->courses->count;
    }
    if (l->trace == NULL)
        return;
    if (l->courses == NULL) {
        l->first = (struct run_listener){.trace = tell, .context = l};
        s->listener = &l->first;
        s->listener_count = 1;
    } else { /* both, of the first */
        s->listener[0].trace = tell;
        s->listener[0].look = look;
        s->listener[0].context = l;
    }
}

/* ---- the command ---- */

static int print(const struct sim_options *o, const char *path, const struct files *files,
                 const struct run_result *result, const struct baseline *baseline, struct arena *a)
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
    if (result->difference_count > 0 && !o->json)
        baseline_print(stdout, baseline, result, a);
    return result->pass && !result->stopped ? EXIT_YES : EXIT_NO;
}

struct one { /* a scenario without a sweep, as it is run */
    const struct sim_options *o;
    const struct files_texts *texts;
    const struct files *files;
    struct arena *arena;
    struct simulate simulate;
    struct keep keep;
    struct baseline baseline;
    struct load_summary measured; /* all zero: none is given */
    struct listeners listeners;
    struct run_result result;
};

/* Everything that can fail before the work. 0, or -1 with `err` set. */
static int prepare(struct one *w, struct error *err)
{
    const struct sim_options *o = w->o;
    if (o->report != NULL && page_try(o->report, err) != 0)
        return -1;
    if (o->measured != NULL && load_report_read(&w->measured, o->measured, w->arena, err) != 0)
        return -1;
    if (o->baseline != NULL && baseline_load(&w->baseline, o->baseline, w->files, o->replications,
                                             &w->keep, w->arena, err) != 0)
        return -1;
    if (o->report != NULL) {
        w->listeners.courses = arena_alloc(w->arena, 1, sizeof *w->listeners.courses);
        if (w->listeners.courses == NULL ||
            courses_init(w->listeners.courses, w->files, o->replications) != 0)
            return error_memory(err);
    }
    w->simulate = (struct simulate){.seed = o->seed,
                                    .replications = o->replications,
                                    .jobs = o->jobs,
                                    .variants = o->baseline != NULL ? 2 : 1};
    if (trace_open(&w->listeners.trace, o, w->files, err) != 0)
        return -1;
    if (o->db != NULL && keep_open(&w->keep, o->db, w->texts->path, w->files, &w->files->topo,
                                   &w->simulate, err) != 0) {
        struct error write_err;
        trace_file_close(w->listeners.trace, true, &write_err);
        return -1;
    }
    listen(&w->simulate, &w->listeners);
    return 0;
}

static int run_both(struct one *w, struct error *err)
{
    const struct run_keep plain = {keep_load, keep_save, &w->keep};
    const struct run_keep paired = {baseline_keep.load, baseline_keep.save, &w->baseline};
    bool pair = w->o->baseline != NULL;
    const struct run_keep *calls = pair ? &paired : w->keep.db != NULL ? &plain : NULL;
    simulate_begin(&w->simulate);
    int status = simulate_run(&w->simulate, &w->result, 0, w->files, calls, w->arena, err);
    if (status == 0 && pair)
        status = baseline_run(&w->baseline, &w->simulate, &w->result, w->arena, err);
    simulate_end(&w->simulate);
    return status;
}

static int write_report(struct one *w, struct error *err)
{
    const struct report_info info =
        report_scenario(w->o->command, w->texts, w->files->scenario.about, w->arena);
    const struct report_run run = {
        .files = w->files,
        .result = &w->result,
        .courses = courses_end(w->listeners.courses) ? w->listeners.courses : NULL,
        .baseline = w->o->baseline != NULL ? &w->baseline : NULL,
        .measured = w->o->measured != NULL ? &w->measured : NULL,
    };
    return report_sim(w->o->report, &info, &run, err);
}

/* Run it and print. Returns the exit status. */
static int finish(struct one *w)
{
    struct error err, write_err;
    int status = run_both(w, &err);
    if (trace_end(w->listeners.trace, w->o->trace, status != 0 || w->result.stopped, &write_err) !=
        0) {
        err = write_err;
        status = -1;
    }
    if (status == 0 && w->o->report != NULL)
        status = write_report(w, &err);
    if (status == 0) {
        status = print(w->o, w->texts->path, w->files, &w->result, &w->baseline, w->arena);
    } else {
        cli_fail(err.text);
        status = simulate_stopped() ? EXIT_NO : EXIT_MISUSE;
    }
    if (simulate_stopped())
        keep_explain(&w->keep);
    return status;
}

static int run_one(const struct sim_options *o, const struct files_texts *texts,
                   const struct files *files, struct arena *a)
{
    struct one *w = arena_alloc(a, 1, sizeof *w);
    struct error err;
    if (w == NULL)
        return cli_fail("no memory left");
    *w = (struct one){.o = o, .texts = texts, .files = files, .arena = a};
    int status = prepare(w, &err) == 0 ? finish(w) : cli_fail(err.text);
    if (w->listeners.courses != NULL)
        courses_release(w->listeners.courses);
    keep_close(&w->keep);
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
    if (o->measured != NULL && o->report == NULL)
        return cli_misuse(&sim_command, "--measured needs %s", "--report FILE.html");
    if (o->demand.path != NULL && o->baseline != NULL)
        return cli_misuse(&sim_command, "--demand is of one topology; leave it or %s out",
                          "--baseline");
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
    if (files.scenario.sweep_count > 0 && (o.baseline != NULL || o.measured != NULL)) {
        arena_release(&a);
        return cli_fail("a sweep is many runs without --baseline or --measured, and its first "
                        "variant is their baseline; give "
                        "--set sweep=[] for the scenario without it");
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
