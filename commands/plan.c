#include "commands/commands.h"

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/demand_file.h"
#include "commands/plan_print.h"
#include "commands/report.h"
#include "commands/report_plan.h"
#include "control/plan.h"

struct plan_options {
    bool json;
    const char *report;
    char command[REPORT_COMMAND];
    struct demand_args demand;
    struct cli_sets sets;
};

static const struct cli_option options[] = {
    {"json", CLI_FLAG, offsetof(struct plan_options, json), NULL, 0, 0,
     "Print the plan as JSON (docs/plan.schema.json)"},
    {"report", CLI_STR, offsetof(struct plan_options, report), "FILE.html", 0, 0,
     "Write the plan as one page with charts, for a browser"},
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
        demand_file_put(report, d, args, &files->topo, a, err) != 0)
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

static int plan_main(int argc, char **argv)
{
    struct plan_options o = {0};
    int args;
    report_command(o.command, argc, argv);
    int status = cli_parse(&plan_command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    struct arena a = {0};
    struct error err;
    struct files files;
    struct plan plan;
    struct demand_report demand = {0};
    if (o.demand.path == NULL && (status = demand_file_alone(&plan_command, &o.demand)) >= 0)
        return status;
    bool given = o.demand.path != NULL;
    if ((o.report != NULL && page_try(o.report, &err) != 0) ||
        files_topology(&files, argv[1], &o.sets, &a, &err) != 0 ||
        (given && take_demand(&demand, &files, &o.demand, &a, &err) != 0) ||
        plan_make(&plan, &files.topo, &files.plan, &a, &err) != 0 ||
        (o.report != NULL &&
         write_report(&o, argv[1], &files, &plan, given ? &demand : NULL, &a, &err) != 0)) {
        arena_release(&a);
        return cli_fail(err.text);
    }
    const char *text = o.json ? json_encode(&plan, plan_fields, &a) : "";
    if (text == NULL) {
        arena_release(&a);
        return cli_fail("no memory left");
    }
    if (o.json) {
        fputs(text, stdout);
    } else {
        if (given)
            demand_file_print(stdout, &demand);
        plan_print(stdout, files_name(argv[1], &a), &files);
        plan_print_rest(stdout, &plan);
    }
    status = files.plan.enough ? EXIT_YES : EXIT_NO;
    arena_release(&a);
    return status;
}

const struct cli_command plan_command = {
    "plan",
    plan_main,
    "TOPOLOGY",
    1,
    1,
    "Count the servers that survive the tolerated loss",
    "Exit status 1 when the topology fixes fewer servers than that.",
    options,
};
