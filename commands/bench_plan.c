#include "commands/bench_plan.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/cli.h"
#include "commands/files.h"
#include "commands/table.h"
#include "control/frontier.h"

struct row {
    double cpu_s, goal_s;
    int64_t countries, points;
    bool exact;
    double gap_max;
};

struct report {
    struct row exact, search;
};

static const struct json_field row_fields[] = {
    JSON_F64(struct row, cpu_s, "cpu_s", 0, 0,
             .doc = "CPU seconds on one core, one frontier, by customers"),
    JSON_F64(struct row, goal_s, "goal_s", 0, 0, .doc = "What it should stay under"),
    JSON_I64(struct row, countries, "countries", 0, 0, .doc = "How many"),
    JSON_I64(struct row, points, "points", 0, 0, .doc = "Points of the frontier"),
    JSON_BOOL(struct row, exact, "exact", .doc = "Every cut was covered"),
    JSON_F64(struct row, gap_max, "gap_max", 0, 0, .doc = "The largest gap to the lower bound"),
    JSON_END,
};

const struct json_field bench_plan_fields[] = {
    JSON_OBJECT(struct report, exact, "exact", row_fields,
                .doc = "16 countries that may share as they like: the most work there is"),
    JSON_OBJECT(struct report, search, "search", row_fields, .doc = "sim-configs/world.json"),
    JSON_END,
};

static const char sixteen[] =
    "{\"countries\": [\"US\", \"IN\", \"ID\", \"BR\", \"JP\", \"MX\", \"DE\", \"GB\", \"FR\", "
    "\"NG\", \"TR\", \"IT\", \"KR\", \"ES\", \"CA\", \"AU\"]}";

static int measure(struct row *row, const struct topo *topo, double goal_s, struct arena *a,
                   struct error *err)
{
    const struct frontier_opts opts = {.seed = 1};
    struct frontier f;
    clock_t begin = clock();
    if (frontier_find(&f, topo, FRONTIER_CUSTOMERS, &opts, a, err) != 0)
        return -1;
    *row = (struct row){.cpu_s = (double)(clock() - begin) / CLOCKS_PER_SEC,
                        .goal_s = goal_s,
                        .countries = (int64_t)topo->country_count,
                        .points = (int64_t)f.point_count,
                        .exact = f.exact,
                        .gap_max = f.gap_max};
    return 0;
}

static void put(struct table *t, const char *name, const struct row *row)
{
    table_put(t, "%s", name);
    table_put(t, "%lld", (long long)row->countries);
    table_put(t, "%.2f s", row->cpu_s);
    table_put(t, "%.0f s", row->goal_s);
    table_put(t, "%lld", (long long)row->points);
    table_put(t, "%s", row->exact ? "exact" : table_percent(row->gap_max, 1));
    table_put(t, "%s", row->cpu_s <= row->goal_s ? "" : "missed");
}

static int print(const struct report *report, bool json, struct arena *a)
{
    struct table t;
    if (json) {
        const char *text = json_encode(report, bench_plan_fields, a);
        fputs(text == NULL ? "" : text, stdout);
        return text == NULL ? cli_fail("no memory left") : EXIT_YES;
    }
    table_titles(&t, "<FRONTIER|COUNTRIES|CPU|GOAL|POINTS|GAP|<");
    put(&t, "all cuts", &report->exact);
    put(&t, "search", &report->search);
    table_print(&t, stdout);
    return EXIT_YES;
}

int bench_plan(bool json)
{
    struct arena a = {0};
    struct error err;
    struct report report;
    struct topo topo;
    struct files world;
    const struct cli_sets none = {.count = 0};
    int status;
    if (topo_parse(&topo, sixteen, sizeof sixteen - 1, NULL, 0, &a, &err) != 0 ||
        measure(&report.exact, &topo, 5, &a, &err) != 0 ||
        files_topology(&world, files_example("world.json", &a), &none, &a, &err) != 0 ||
        measure(&report.search, &world.topo, 60, &a, &err) != 0)
        status = cli_fail(err.text);
    else
        status = print(&report, json, &a);
    arena_release(&a);
    return status;
}
