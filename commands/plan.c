#include "commands/commands.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/demand_file.h"
#include "commands/plan_frontiers.h"
#include "commands/plan_print.h"
#include "commands/report.h"
#include "commands/report_plan.h"
#include "control/plan.h"

struct plan_options {
    bool json, frontier, all;
    int64_t pick, seed;
    const char *out, *report;
    char command[REPORT_COMMAND];
    struct demand_args demand;
    struct cli_sets sets;
};

static const struct cli_option options[] = {
    {"json", CLI_FLAG, offsetof(struct plan_options, json), NULL, 0, 0,
     "Print the plan as JSON (docs/plan.schema.json)"},
    {"report", CLI_STR, offsetof(struct plan_options, report), "FILE.html", 0, 0,
     "Write the plan as one page with charts, for a browser"},
    {"frontier", CLI_FLAG, offsetof(struct plan_options, frontier), NULL, 0, 0,
     "Add the cheapest cuts for every blast radius, of customers and of demand"},
    {"all", CLI_FLAG, offsetof(struct plan_options, all), NULL, 0, 0,
     "Print every cell, where there are many"},
    {"pick", CLI_I64, offsetof(struct plan_options, pick), "N", 1, 1e6,
     "Write point N of these as a topology, and nothing else"},
    {"out", CLI_STR, offsetof(struct plan_options, out), "FILE", 0, 0,
     "Where --pick writes it; else to stdout"},
    {"seed", CLI_I64, offsetof(struct plan_options, seed), "N", 0, 9e15,
     "Of the search that more than 16 countries take; default 1"},
    DEMAND_OPTIONS(struct plan_options, demand),
    {"set", CLI_SETS, offsetof(struct plan_options, sets), "PATH=VALUE", 0, 0,
     "Change a value of the file, as cells.de.servers_per_zone=2"},
    {.type = CLI_END},
};

/* Read the file of --demand and plan for what is in it. 0, or -1 with `err` set. */
static int take_demand(struct demand_report *report, struct files *files,
                       const struct demand_args *args, struct arena *a, struct error *err)
{
    struct demand *d = arena_alloc(a, 1, sizeof *d);
    if (d == NULL)
        return error_memory(err);
    if (demand_file_read(d, args, a, err) != 0 ||
        demand_report_make(report, d, args->scale > 0 ? (double)args->scale : 1, &files->topo, a,
                           err) != 0)
        return -1;
    return capacity_plan(&files->plan, &files->topo, a, err);
}

static int write_report(const struct plan_options *o, const char *path, const struct files *files,
                        const struct plan *plan, const struct demand_report *demand,
                        struct arena *a, struct error *err)
{
    struct report_info info = {.command = o->command,
                               .name = files_name(path, a),
                               .about = files->topo.about,
                               .topology_path = path};
    if (files_read(&info.topology_text, &info.topology_len, path, a, err) != 0)
        return -1;
    return report_plan(o->report, &info, files, plan, demand, err);
}

/* ---- a point of the frontier ---- */

/* Write point `number` as a topology that reads back. 0, or -1 with `err` set. */
static int write_point(const struct plan *plan, const struct topo *topo,
                       const struct plan_options *o, struct arena *a, struct error *err)
{
    struct topo picked, read;
    const struct frontier_point *point = plan_point(plan, o->pick);
    int64_t points = 0;
    for (size_t i = 0; i < plan->frontier_count; i++)
        points += (int64_t)plan->frontiers[i].point_count;
    if (point == NULL)
        return error_set(err, ERR_RANGE, "--pick: expected a point from 1 to %lld, got %lld",
                         (long long)points, (long long)o->pick);
    if (frontier_pick(&picked, point, topo, a, err) != 0)
        return -1;
    picked.about = arena_format(a,
                                "Point %lld of the frontier: %lld cells, %lld servers, at most "
                                "%.3g %% of customers and %.3g %% of demand in one.",
                                (long long)o->pick, (long long)point->cell_count_all,
                                (long long)point->servers, point->blast_customers * 100,
                                point->blast_demand * 100);
    const char *text = picked.about == NULL ? NULL : topo_text(&picked, a);
    if (text == NULL)
        return error_memory(err);
    if (topo_parse(&read, text, strlen(text), NULL, 0, a, err) != 0)
        return error_prefix(err, "--pick");
    FILE *out = o->out == NULL ? stdout : fopen(o->out, "w");
    if (out == NULL)
        return error_set(err, ERR_SYSTEM, "%s: %s", o->out, strerror(errno));
    int status = fputs(text, out) < 0 ? EOF : 0;
    if (o->out == NULL)
        return status == 0 ? 0 : error_set(err, ERR_SYSTEM, "stdout: cannot be written");
    if (fclose(out) != 0 || status != 0)
        return error_set(err, ERR_SYSTEM, "%s: cannot be written", o->out);
    return 0;
}

/* ---- the command ---- */

struct made {
    struct files files;
    struct plan plan;
    struct demand_report demand;
    struct plan_frontiers frontiers;
};

/* Everything but the printing. 0, or -1 with `err` set. */
static int make(struct made *m, const char *path, const struct plan_options *o, struct arena *a,
                struct error *err)
{
    const struct demand_report *demand = o->demand.path == NULL ? NULL : &m->demand;
    if ((o->report != NULL && page_try(o->report, err) != 0) ||
        files_topology(&m->files, path, &o->sets, a, err) != 0 ||
        (demand != NULL && take_demand(&m->demand, &m->files, &o->demand, a, err) != 0))
        return -1;
    const struct topo *topo = &m->files.topo;
    if (plan_make(&m->plan, topo, &m->files.plan, a, err) != 0 ||
        ((o->frontier || o->pick > 0) &&
         plan_frontiers_find(&m->frontiers, &m->plan, topo, o->seed, err) != 0))
        return error_prefix(err, "%s", path);
    m->plan.demand = demand;
    return o->report == NULL ? 0 : write_report(o, path, &m->files, &m->plan, demand, a, err);
}

static int say(const struct made *m, const struct plan_options *o, const char *path,
               struct arena *a)
{
    const char *text = o->json ? json_encode(&m->plan, plan_fields, a) : "";
    if (text == NULL)
        return cli_fail("no memory left");
    if (o->json) {
        fputs(text, stdout);
    } else {
        if (m->plan.demand != NULL)
            demand_file_print(stdout, m->plan.demand);
        plan_print(stdout, files_name(path, a), &m->files, &m->plan, o->all);
    }
    return m->files.plan.enough && m->plan.proof.failures == 0 && m->plan.far_count == 0 ? EXIT_YES
                                                                                         : EXIT_NO;
}

static int plan_main(int argc, char **argv)
{
    struct plan_options o = {.seed = 1};
    int args;
    report_command(o.command, argc, argv);
    int status = cli_parse(&plan_command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    if (o.out != NULL && o.pick == 0)
        return cli_misuse(&plan_command, "--out needs %s", "--pick");
    if (o.demand.path == NULL && (status = demand_file_alone(&plan_command, &o.demand)) >= 0)
        return status;
    struct arena a = {0};
    struct error err;
    struct made m = {0};
    if (make(&m, argv[1], &o, &a, &err) != 0 ||
        (o.pick > 0 && write_point(&m.plan, &m.files.topo, &o, &a, &err) != 0))
        status = cli_fail(err.text);
    else
        status = o.pick > 0 ? EXIT_YES : say(&m, &o, argv[1], &a);
    plan_frontiers_release(&m.frontiers);
    arena_release(&a);
    return status;
}

const struct cli_command plan_command = {
    "plan",
    plan_main,
    "TOPOLOGY",
    1,
    1,
    "Count the servers that survive the tolerated loss, and find cheaper cuts",
    "Exit status 1 when the topology fixes fewer servers than that, or a country is farther from\n"
    "its cell than rtt_max. docs/PLANNING.md explains the tables.",
    options,
};
