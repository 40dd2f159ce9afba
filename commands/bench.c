#include "commands/commands.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "commands/bench_live.h"
#include "commands/bench_plan.h"
#include "commands/table.h"
#include "tests/bench/bench_live.h"
#include "tests/bench/bench_sim.h"

struct bench_options {
    bool json;
    int64_t losses;
    const char *only;
};

static const struct cli_option options[] = {
    {"json", CLI_FLAG, offsetof(struct bench_options, json), NULL, 0, 0,
     "Print the figures as JSON (docs/bench.schema.json, bench_live, bench_plan)"},
    {"losses", CLI_I64, offsetof(struct bench_options, losses), "N", 1, BENCH_LIVE_LOSSES_MAX,
     "live: so many zones are killed, and so many go silent (3)"},
    {"only", CLI_STR, offsetof(struct bench_options, only), "PART", 0, 0,
     "live: this part: up, read, door, orders, zone_kill, zone_silent, idle, idle_large"},
    {.type = CLI_END},
};

/* ---- the result as JSON ---- */

struct row {
    const char *name;
    double events_per_s, floor_events_per_s, ratio, ratio_min, ratio_max, goal;
    bool agrees;
};

struct report {
    struct row mm1;
    struct row *hold;
    size_t hold_count;
    struct row model, model_rich;
};

static const struct json_field row_fields[] = {
    JSON_F64(struct row, events_per_s, "events_per_s", 0, 0,
             .doc = "Events per CPU second through the engine, the median of the rounds"),
    JSON_F64(struct row, floor_events_per_s, "floor_events_per_s", 0, 0,
             .doc = "The same of plain C written for this one workload"),
    JSON_F64(struct row, ratio, "ratio", 0, 0,
             .doc = "Engine over floor: the median of the rounds' ratios"),
    JSON_F64(struct row, ratio_min, "ratio_min", 0, 0, .doc = "The least of them"),
    JSON_F64(struct row, ratio_max, "ratio_max", 0, 0, .doc = "The greatest"),
    JSON_F64(struct row, goal, "goal", 0, 0, .doc = "The ratio to reach; 0: none"),
    JSON_BOOL(struct row, agrees, "agrees",
              .doc = "Both computed the same; a model: its faults were felt, and more than 99 % of "
                     "the requests were answered all the same"),
    JSON_END,
};

const struct json_field bench_fields[] = {
    JSON_OBJECT(struct report, mm1, "mm1", row_fields,
                .doc = "One server at 0.9 load; an event is an arrival or a completion"),
    JSON_MAP(struct report, hold, hold_count, "hold", struct row, row_fields,
             .doc = "By pending events; an event is one pop and one push, and can be cancelled"),
    JSON_OBJECT(struct report, model, "model", row_fields,
                .doc = "The full model on one thread beside the floor of mm1: three cells, four "
                       "services, timeouts, retries, ejection, a zone that dies"),
    JSON_OBJECT(struct report, model_rich, "model_rich", row_fields,
                .doc = "The same with calls between services and to a store, priority, near "
                       "replicas, hedging, breakers and a control plane"),
    JSON_END,
};

static struct row row_of(const struct bench_sim_row *from, const char *name)
{
    return (struct row){name,        from->events_per_s, from->floor_events_per_s,
                        from->ratio, from->ratio_min,    from->ratio_max,
                        from->goal,  from->agrees};
}

static int print_json(const struct bench_sim_result *result)
{
    struct arena a = {0};
    struct row hold[BENCH_SIM_HOLDS];
    struct report report = {
        .mm1 = row_of(&result->mm1, "mm1"),
        .hold = hold,
        .model = row_of(&result->model, "model"),
        .model_rich = row_of(&result->model_rich, "model_rich"),
    };
    const char *text = NULL;
    for (; report.hold_count < BENCH_SIM_HOLDS; report.hold_count++) {
        const struct bench_sim_row *from = &result->hold[report.hold_count];
        const char *name = arena_format(&a, "%u", (unsigned)from->size);
        if (name == NULL)
            break;
        hold[report.hold_count] = row_of(from, name);
    }
    if (report.hold_count == BENCH_SIM_HOLDS)
        text = json_encode(&report, bench_fields, &a);
    fputs(text == NULL ? "" : text, stdout);
    arena_release(&a);
    return text == NULL ? cli_fail("no memory left") : EXIT_YES;
}

/* ---- for people ---- */

static void put_row(struct table *t, const char *name, const struct bench_sim_row *row)
{
    table_put(t, "%s", name);
    table_put(t, "%.1f", row->events_per_s / 1e6);
    table_put(t, "%.1f", row->floor_events_per_s / 1e6);
    table_put(t, "%.2f", row->ratio);
    table_put(t, "%.2f..%.2f", row->ratio_min, row->ratio_max);
    if (row->goal > 0)
        table_put(t, "%.2f", row->goal);
    else
        table_put(t, "%s", "");
    table_put(t, "%s", row->ratio >= row->goal ? "" : "missed");
}

static int print_table(const struct bench_sim_result *result)
{
    struct table t;
    printf("The engine beside plain C written for one workload each, millions of events per CPU\n"
           "second; ratios are medians of alternating runs with the same seeds. The models are "
           "whole cells in a\n"
           "zone loss, beside the floor of M/M/1.\n\n");
    table_titles(&t, "<WORKLOAD|ENGINE|FLOOR|RATIO|<SPREAD|GOAL|<");
    put_row(&t, "M/M/1 at 0.9", &result->mm1);
    for (int i = 0; i < BENCH_SIM_HOLDS; i++) {
        char name[TABLE_CELL_MAX];
        snprintf(name, sizeof name, "hold, %s pending", table_count(result->hold[i].size));
        put_row(&t, name, &result->hold[i]);
    }
    put_row(&t, "model, zone loss", &result->model);
    put_row(&t, "model, rich", &result->model_rich);
    table_print(&t, stdout);
    return EXIT_YES;
}

static void show_progress(void *context, const char *workload, unsigned round, unsigned rounds)
{
    (void)context;
    fprintf(stderr, "\r%-12s round %u of %u", workload, round + 1, rounds);
}

static int live(const struct bench_options *o)
{
    int part = 0;
    while (bench_live_words[part] != NULL && o->only != NULL &&
           strcmp(bench_live_words[part], o->only) != 0)
        part++;
    if (bench_live_words[part] == NULL)
        return cli_misuse(&bench_command, "--only: there is no part \"%s\" (see --help)", o->only);
    return bench_live(o->json, o->only == NULL ? BENCH_LIVE_PARTS : (enum bench_live_part)part,
                      (unsigned)o->losses);
}

static int bench_main(int argc, char **argv)
{
    struct bench_options o = {.losses = 3};
    struct bench_sim_result result;
    int args;
    int status = cli_parse(&bench_command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    if (strcmp(argv[1], "live") == 0)
        return live(&o);
    if (o.only != NULL)
        return cli_misuse(&bench_command, "--only is for live, not for %s", argv[1]);
    if (strcmp(argv[1], "plan") == 0)
        return bench_plan(o.json);
    if (strcmp(argv[1], "sim") != 0)
        return cli_misuse(&bench_command, "expected sim, live or plan, got \"%s\"", argv[1]);
    bool terminal = isatty(STDERR_FILENO);
    status = bench_sim_run(&result, terminal ? show_progress : NULL, NULL);
    if (terminal)
        fprintf(stderr, "\r%*s\r", 40, "");
    if (status != 0)
        return cli_fail("no memory left");
    return o.json ? print_json(&result) : print_table(&result);
}

const struct cli_command bench_command = {
    "bench",
    bench_main,
    "sim|live|plan",
    1,
    1,
    "Measure the engine, live cells or the planner, beside floors, peers and goals",
    "About a minute for sim, two for live, ten seconds for plan. Ratios hold on a noisy machine, "
    "absolute figures do not.",
    options,
};
