#include "commands/commands.h"

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/bench_live.h"
#include "commands/bench_plan.h"
#include "commands/load_report.h"
#include "commands/state.h"
#include "commands/sweep.h"
#include "control/live/latency.h"
#include "control/partition.h"
#include "control/plan.h"
#include "control/status.h"
#include "simulator/run.h"
#include "simulator/validate.h"

struct check_options {
    const char *schema;
    const char *state;
};

static const struct cli_option options[] = {
    {"schema", CLI_STR, offsetof(struct check_options, schema), "KIND", 0, 0,
     "Print a JSON Schema instead; an unknown KIND lists them"},
    {"state", CLI_STR, offsetof(struct check_options, state), "DIR", 0, 0,
     "Check a state folder instead, and say what runs in it"},
    {.type = CLI_END},
};

static const struct {
    const char *kind, *title;
    const struct json_field *fields;
} schemas[] = {
    {"topology", "A topology of bulkhead", topo_fields},
    {"scenario", "A scenario of bulkhead", scenario_fields},
    {"plan", "What bulkhead plan --json prints", plan_fields},
    {"sim", "What bulkhead sim --json prints", run_fields},
    {"sweep", "What bulkhead sim --json prints of a scenario with a sweep", sweep_report_fields},
    {"bench", "What bulkhead bench sim --json prints", bench_fields},
    {"bench_live", "What bulkhead bench live --json prints", bench_live_fields},
    {"bench_plan", "What bulkhead bench plan --json prints", bench_plan_fields},
    {"latency", "What bulkhead status --latency --json prints", latency_fields},
    {"load", "What bulkhead load --json prints", load_fields},
    {"map", "What a door answers to GET /map", partition_fields},
    {"replay", "What bulkhead replay --json prints", replay_fields},
    {"status", "What bulkhead status --json prints", status_fields},
    {"validate", "What bulkhead validate --json prints", validate_fields},
};

static int print_schema(const char *kind)
{
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
        if (strcmp(schemas[i].kind, kind) != 0)
            continue;
        struct arena a = {0};
        const char *text = json_schema(schemas[i].fields, schemas[i].title, &a);
        fputs(text == NULL ? "" : text, stdout);
        arena_release(&a);
        return text == NULL ? cli_fail("no memory left") : EXIT_YES;
    }
    return cli_misuse(
        &check_command,
        "--schema: expected topology, scenario, plan, sim, sweep, bench, bench_live, load, "
        "map, replay, status or validate, got \"%s\"",
        kind);
}

static int check_file(const char *path, struct arena *a, struct error *err)
{
    static const struct cli_sets none;
    const char *text;
    size_t len;
    struct files_texts texts;
    struct files files, first;
    if (files_read(&text, &len, path, a, err) != 0)
        return -1;
    if (files_kind(text, len) == FILES_SCENARIO) {
        if (files_scenario_read(&texts, path, &none, a, err) != 0 ||
            files_scenario_build(&files, &texts, NULL, 0, a, err) != 0 ||
            sweep_try(&first, &texts, &files.scenario, NULL, a, err) != 0)
            return -1;
        printf("%s: ok, a scenario on %s", path, files.topology_path);
        if (files.scenario.sweep_count > 0)
            printf(", in %zu variants",
                   sweep_variants(files.scenario.sweep, files.scenario.sweep_count));
        printf("\n");
        return 0;
    }
    if (files_topology(&files, path, &none, a, err) != 0)
        return -1;
    printf("%s: ok, a topology of %zu countr%s in %zu cell%s\n", path, files.topo.country_count,
           files.topo.country_count == 1 ? "y" : "ies", files.topo.cell_count,
           files.topo.cell_count == 1 ? "" : "s");
    if (files.topo.pipeline.warning != NULL)
        fprintf(stderr, "%s: warning: %s\n", path, files.topo.pipeline.warning);
    return 0;
}

static int check_state(const char *dir)
{
    struct error err;
    if (state_check(dir, stdout, &err) == 0)
        return EXIT_YES;
    fprintf(stderr, "%s\n", err.text);
    return EXIT_NO;
}

static int check_main(int argc, char **argv)
{
    struct check_options o = {0};
    int args;
    int status = cli_parse(&check_command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    if ((o.schema != NULL || o.state != NULL) && args > 0)
        return cli_misuse(&check_command, "--schema and --state take no FILE: %s", argv[1]);
    if (o.schema != NULL)
        return print_schema(o.schema);
    if (o.state != NULL)
        return check_state(o.state);
    if (args == 0)
        return cli_misuse(&check_command, "%s is missing", "FILE");
    status = EXIT_YES;
    for (int i = 1; i <= args; i++) {
        struct arena a = {0};
        struct error err;
        if (check_file(argv[i], &a, &err) != 0) {
            fprintf(stderr, "%s\n", err.text);
            status = EXIT_NO;
        }
        arena_release(&a);
    }
    return status;
}

const struct cli_command check_command = {
    "check",
    check_main,
    "FILE...",
    0,
    1000000,
    "Validate topologies, scenarios or a state folder",
    "Every file is checked with all that it refers to. Exit status 1 when one is not valid.",
    options,
};
