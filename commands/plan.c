#include "commands/commands.h"

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/demand_file.h"
#include "commands/table.h"

struct plan_options {
    bool json;
    struct demand_args demand;
    struct cli_sets sets;
};

static const struct cli_option options[] = {
    {"json", CLI_FLAG, offsetof(struct plan_options, json), NULL, 0, 0,
     "Print the plan as JSON (docs/plan.schema.json)"},
    DEMAND_OPTIONS(struct plan_options, demand),
    {"set", CLI_SETS, offsetof(struct plan_options, sets), "PATH=VALUE", 0, 0,
     "Change a value of the file, as cells.de.servers_per_zone=2"},
    {.type = CLI_END},
};

/* Countries of a cell in one field: all, or the first and how many more. */
static void put_countries(struct table *t, const struct capacity_cell *cell)
{
    char text[TABLE_CELL_MAX] = "";
    size_t used = 0, i = 0;
    for (; i < cell->country_count && used + 4 < 24; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : " ",
                                 cell->countries[i]);
    if (i < cell->country_count)
        snprintf(text + used, sizeof text - used, " +%zu", cell->country_count - i);
    table_put(t, "%s", text);
}

static void put_cell(struct table *t, const struct capacity_cell *cell, const struct topo *topo)
{
    const struct topo_country *home = &topo->countries[topo_country_at(topo, cell->countries[0])];
    char local[TOPO_SLOT_TEXT];
    topo_slot_format(local, cell->peak_slot, home->utc_offset_min);
    table_put(t, "%s", cell->name);
    put_countries(t, cell);
    table_put(t, "%s", cell->region == NULL ? "one for all" : cell->region);
    table_put(t, "%s", table_count((long long)(cell->peak_rps + 0.5)));
    table_put(t, "%s", cell->country_count == 1 ? local : "");
    table_put(t, "%s", table_percent(cell->customers_share, 0));
    table_put(t, "%lld", (long long)cell->zones);
    table_put(t, "%s", table_count(cell->servers));
    table_put(t, "%s%s", cell->enough ? "" : "! ", table_percent(cell->busy_after_loss, 0));
}

static void print_cells(FILE *out, const struct files *files)
{
    struct table t;
    table_titles(&t, "<CELL|<COUNTRIES|<REGION|PEAK/S|<LOCAL|CUSTOMERS|ZONES|SERVERS|BUSY AFTER "
                     "LOSS");
    for (size_t i = 0; i < files->plan.cell_count; i++)
        put_cell(&t, &files->plan.cells[i], &files->topo);
    put_cell(&t, &files->plan.together, &files->topo);
    table_print(&t, out);
}

static void print_services(FILE *out, const struct files *files)
{
    struct table t;
    table_titles(&t, "<CELL|<SERVICE|PEAK/S|NEEDED|PER ZONE|SERVERS|BUSY|BUSY AFTER LOSS");
    for (size_t i = 0; i < files->plan.cell_count; i++) {
        const struct capacity_cell *cell = &files->plan.cells[i];
        for (size_t k = 0; k < cell->service_count; k++) {
            const struct capacity_service *s = &cell->services[k];
            bool enough = s->busy_after_loss <= files->topo.target_utilisation * (1 + 1e-9);
            table_put(&t, "%s", k == 0 ? cell->name : "");
            table_put(&t, "%s", s->name);
            table_put(&t, "%s", table_count((long long)(s->peak_rps + 0.5)));
            table_put(&t, "%s", table_count(s->needed));
            if (s->per_zone == s->per_zone_planned)
                table_put(&t, "%s", table_count(s->per_zone));
            else
                table_put(&t, "%s (plan %s)", table_count(s->per_zone),
                          table_count(s->per_zone_planned));
            table_put(&t, "%s", table_count(s->servers));
            table_put(&t, "%s", table_percent(s->busy, 0));
            table_put(&t, "%s%s", enough ? "" : "! ", table_percent(s->busy_after_loss, 0));
        }
    }
    table_print(&t, out);
}

static const char *plural(long long n)
{
    return n == 1 ? "" : "s";
}

static void print_words(FILE *out, const struct capacity_plan *plan)
{
    long long more = plan->servers - plan->together.servers;
    fprintf(out, "apart     %s servers; the loss of one cell touches at most %s of the customers\n",
            table_count(plan->servers), table_percent(plan->blast_customers, 0));
    fprintf(out, "together  %s servers; its loss touches all of them\n",
            table_count(plan->together.servers));
    fprintf(out, "keeping them apart costs %s%s server%s (%+.1f %%)\n", more > 0 ? "+" : "",
            table_count(more), plural(more), plan->separation_cost * 100);
    fprintf(out, "sum of the cells' peaks %s requests/s, peak of their sum %s: a ratio of %.2f\n",
            table_count((long long)(plan->sum_of_peaks_rps + 0.5)),
            table_count((long long)(plan->peak_of_sum_rps + 0.5)), plan->peaks_ratio);
    if (!plan->enough)
        fprintf(out, "NOT ENOUGH: cells marked with ! do not survive the tolerated loss\n");
}

void plan_print(FILE *out, const char *name, const struct files *files)
{
    const struct topo *topo = &files->topo;
    fprintf(out, "%s: %zu countr%s in %zu cell%s\n", name, topo->country_count,
            topo->country_count == 1 ? "y" : "ies", topo->cell_count,
            plural((long long)topo->cell_count));
    fprintf(out,
            "each must survive the loss of %lld zone%s and %lld server%s more, at most %s busy\n\n",
            (long long)topo->tolerance.zones, plural(topo->tolerance.zones),
            (long long)topo->tolerance.servers, plural(topo->tolerance.servers),
            table_percent(topo->target_utilisation, 0));
    print_cells(out, files);
    fprintf(out, "\n");
    print_services(out, files);
    fprintf(out, "\n");
    print_words(out, &files->plan);
}

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

static int plan_main(int argc, char **argv)
{
    struct plan_options o = {0};
    int args;
    int status = cli_parse(&plan_command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    struct arena a = {0};
    struct error err;
    struct files files;
    struct demand_report demand = {0};
    if (o.demand.path == NULL && (status = demand_file_alone(&plan_command, &o.demand)) >= 0)
        return status;
    if (files_topology(&files, argv[1], &o.sets, &a, &err) != 0 ||
        (o.demand.path != NULL && take_demand(&demand, &files, &o.demand, &a, &err) != 0)) {
        arena_release(&a);
        return cli_fail(err.text);
    }
    const char *text = o.json ? json_encode(&files.plan, capacity_fields, &a) : "";
    if (text == NULL) {
        arena_release(&a);
        return cli_fail("no memory left");
    }
    if (o.json) {
        fputs(text, stdout);
    } else {
        if (o.demand.path != NULL)
            demand_file_print(stdout, &demand);
        plan_print(stdout, files_name(argv[1], &a), &files);
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
