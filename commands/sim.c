#include "commands/commands.h"

#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/duration.h"
#include "base/error.h"
#include "commands/table.h"
#include "simulator/run.h"

struct sim_options {
    bool json;
    int64_t seed, replications, jobs;
    struct cli_sets sets;
};

static const struct cli_option options[] = {
    {"json", CLI_FLAG, offsetof(struct sim_options, json), NULL, 0, 0,
     "Print the result as JSON (docs/sim.schema.json)"},
    {"seed", CLI_I64, offsetof(struct sim_options, seed), "N", 0, 9007199254740991,
     "Instead of the scenario's seed"},
    {"replications", CLI_I64, offsetof(struct sim_options, replications), "N", 1, 100000,
     "Instead of the scenario's number of independent runs"},
    {"jobs", CLI_I64, offsetof(struct sim_options, jobs), "N", 1, 256,
     "Threads; the answer does not depend on them (default: processors)"},
    {"set", CLI_SETS, offsetof(struct sim_options, sets), "PATH=VALUE", 0, 0,
     "Change a value of scenario or topology, as cells.de.servers_per_zone=2"},
    {.type = CLI_END},
};

/* ---- running ---- */

static volatile sig_atomic_t stop;

static void on_interrupt(int signal)
{
    (void)signal;
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED); /* the threads read it so */
}

static void show_progress(void *context, double done)
{
    int *shown = context;
    int percent = (int)(done * 100);
    if (percent != *shown)
        fprintf(stderr, "\rsimulating %3d %%", percent);
    *shown = percent;
}

static int64_t processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? count : 1;
}

int sim_simulate(struct run_result *result, const struct files *files, int64_t seed,
                 int64_t replications, int64_t jobs, struct arena *a, struct error *err)
{
    int shown = -1;
    bool terminal = isatty(STDERR_FILENO);
    const struct run_opts opts = {
        .seed = seed >= 0 ? seed : files->scenario.seed,
        .replications = replications > 0 ? replications : files->scenario.replications,
        .jobs = jobs > 0 ? jobs : processors(),
        .stop = &stop,
        .progress = terminal ? show_progress : NULL,
        .context = &shown,
    };
    struct sigaction once = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND}, before;
    stop = 0;
    sigaction(SIGINT, &once, &before); /* a second Ctrl-C ends it at once */
    int status = run_scenario(result, &files->topo, &files->plan, &files->scenario, &opts, a, err);
    sigaction(SIGINT, &before, NULL);
    if (terminal && shown >= 0)
        fprintf(stderr, "\r%*s\r", 20, "");
    return status;
}

/* ---- printing ---- */

static void put_measure(struct table *t, const struct run_measure *m, const char *unit)
{
    if (isnan(m->mean))
        table_put(t, "-");
    else
        table_put(t, m->mean < 10 ? "%.1f %s" : "%.0f %s", m->mean, unit);
}

static void print_countries(FILE *out, const struct run_result *result)
{
    struct table t;
    table_titles(&t, "<COUNTRY|REQUESTS|ANSWERED|<95 % INTERVAL|SHED|FAILED|RETRIES|P50|P99|P99.9|"
                     "MAX");
    for (size_t i = 0; i < result->country_count; i++) {
        const struct run_country *c = &result->countries[i];
        table_put(&t, "%s", c->name);
        table_put(&t, "%s", table_count(c->requests));
        const char *answered = c->ok == c->requests ? "all" : table_nines(c->availability.mean);
        table_put(&t, "%s", c->requests == 0 ? "-" : answered);
        if (isnan(c->availability.ci95[0]))
            table_put(&t, "-");
        else
            table_put(&t, "%s .. %s", table_nines(c->availability.ci95[0]),
                      table_nines(c->availability.ci95[1]));
        table_put(&t, "%s", table_count(c->shed));
        table_put(&t, "%s", table_count(c->failed));
        table_put(&t, "%s", table_count(c->retries));
        put_measure(&t, &c->p50_ms, "ms");
        put_measure(&t, &c->p99_ms, "ms");
        put_measure(&t, &c->p999_ms, "ms");
        const struct run_measure max = {.mean = c->max_ms};
        put_measure(&t, &max, "ms");
    }
    table_print(&t, out);
}

static void print_services(FILE *out, const struct run_result *result)
{
    struct table t;
    table_titles(&t, "<CELL|<SERVICE|SERVERS|BUSY|TRIES SHED");
    for (size_t i = 0; i < result->cell_count; i++)
        for (size_t k = 0; k < result->cells[i].service_count; k++) {
            const struct run_service *s = &result->cells[i].services[k];
            table_put(&t, "%s", k == 0 ? result->cells[i].name : "");
            table_put(&t, "%s", s->name);
            table_put(&t, "%s", table_count(s->servers));
            table_put(&t, "%s", table_percent(s->busy.mean, 0));
            table_put(&t, "%s", table_count(s->tries_shed));
        }
    table_print(&t, out);
}

static void print_faults(FILE *out, const struct scenario *s)
{
    for (size_t i = 0; i < s->fault_count; i++) {
        char at[DURATION_TEXT_MAX], how_long[DURATION_TEXT_MAX];
        duration_format(at, s->faults[i].at_us);
        duration_format(how_long, s->faults[i].for_us);
        fprintf(out, "fault: %s %s at %s %s%s\n", scenario_fault_words[s->faults[i].kind],
                s->faults[i].scope, at, s->faults[i].for_us == 0 ? "to the end" : "for ",
                s->faults[i].for_us == 0 ? "" : how_long);
    }
}

static void print_blast(FILE *out, const struct run_result *result)
{
    fprintf(out, "blast radius: ");
    if (result->blast.countries == 0)
        fprintf(out, "none, no request was lost\n");
    else
        fprintf(out, "%lld of %zu countries with %s of the customers; %s of all requests lost\n",
                (long long)result->blast.countries, result->country_count,
                table_percent(result->blast.customers, 0),
                table_percent(result->blast.requests, 4));
}

static void print_verdicts(FILE *out, const struct run_result *result)
{
    for (size_t i = 0; i < result->verdict_count; i++) {
        const struct run_verdict *v = &result->verdicts[i];
        fprintf(out, "%s  %s of %s is ", v->pass ? "pass" : "FAIL", v->measure, v->country);
        if (isnan(v->value))
            fprintf(out, "not known, expected");
        else
            fprintf(out, "%.9g, expected", v->value);
        if (!isnan(v->low))
            fprintf(out, " at least %.6g", v->low);
        if (!isnan(v->high))
            fprintf(out, "%s at most %.6g", isnan(v->low) ? "" : " and", v->high);
        fprintf(out, "\n");
    }
}

void sim_print(FILE *out, const char *name, const struct files *files,
               const struct run_result *result)
{
    char duration[DURATION_TEXT_MAX], start[TOPO_SLOT_TEXT];
    duration_format(duration, files->scenario.duration_us);
    topo_slot_format(start, files->scenario.start_slot, 0);
    fprintf(out, "%s: %lld replication%s of %s from %s UTC, seed %lld%s\n", name,
            (long long)result->replications, result->replications == 1 ? "" : "s", duration, start,
            (long long)result->seed, result->stopped ? " (stopped: what is known so far)" : "");
    print_faults(out, &files->scenario);
    fprintf(out, "\n");
    print_countries(out, result);
    fprintf(out, "\n");
    print_services(out, result);
    fprintf(out, "\n");
    print_blast(out, result);
    print_verdicts(out, result);
    fprintf(out, "%s events in %.2f s (%.1f million/s), digest %s\n", table_count(result->events),
            result->wall_s, result->events_per_s / 1e6, result->digest);
}

static int sim_main(int argc, char **argv)
{
    struct sim_options o = {.seed = -1};
    int args;
    int status = cli_parse(&sim_command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    struct arena a = {0};
    struct error err;
    struct files files;
    struct run_result result;
    if (files_scenario(&files, argv[1], &o.sets, &a, &err) != 0 ||
        sim_simulate(&result, &files, o.seed, o.replications, o.jobs, &a, &err) != 0) {
        arena_release(&a);
        status = cli_fail(err.text);
        return __atomic_load_n(&stop, __ATOMIC_RELAXED) != 0 ? EXIT_NO : status;
    }
    const char *text = o.json ? json_encode(&result, run_fields, &a) : "";
    if (text == NULL) {
        arena_release(&a);
        return cli_fail("no memory left");
    }
    if (o.json) {
        fputs(text, stdout);
    } else {
        for (size_t i = 0; i < result.warning_count; i++)
            fprintf(stderr, "warning: %s\n", result.warnings[i]);
        sim_print(stdout, files_name(argv[1], &a), &files, &result);
    }
    status = result.pass && !result.stopped ? EXIT_YES : EXIT_NO;
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
    "Exit status 1 when an expectation fails, or when Ctrl-C ended it: it then prints what is\n"
    "known so far, if a replication has ended.",
    options,
};
