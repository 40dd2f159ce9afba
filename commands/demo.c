#include "commands/commands.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/demo_live.h"
#include "commands/table.h"
#include "simulator/run.h"

/* The main job in one screen: plan the seed example and three real countries, lose a zone at peak
 * with the planned servers and with too few. */

struct demo {
    const char *folder;
    struct arena arena;
    struct error err;
};

static const char *path_of(struct demo *d, const char *file)
{
    const char *path = arena_format(&d->arena, "%s/%s.json", d->folder, file);
    return path == NULL ? file : path;
}

static int show_seed(struct demo *d)
{
    static const struct cli_sets none;
    struct files files;
    if (files_topology(&files, path_of(d, "seed-27-24"), &none, &d->arena, &d->err) != 0)
        return -1;
    const struct topo *topo = &files.topo;
    printf("1. How many servers survive a zone?  (bulkhead plan %s)\n\n", files.topology_path);
    printf("   %zu countries, each with the load of %s servers, over %lld zones, to survive the\n"
           "   loss of %lld zone and %lld server more:\n"
           "   apart, in a cell each, %s servers; together, in one cell, %s.\n\n",
           topo->country_count, table_count(files.plan.cells[0].services[0].needed),
           (long long)files.plan.cells[0].zones, (long long)topo->tolerance.zones,
           (long long)topo->tolerance.servers, table_count(files.plan.servers),
           table_count(files.plan.together.servers));
    return 0;
}

static int show_countries(struct demo *d)
{
    static const struct cli_sets none;
    struct files files;
    if (files_topology(&files, path_of(d, "three-countries"), &none, &d->arena, &d->err) != 0)
        return -1;
    printf("2. Three real countries  (bulkhead plan %s)\n\n", files.topology_path);
    struct table t;
    table_titles(&t, "   <CELL|<REGION|PEAK/S|<PEAK (UTC)|CUSTOMERS|SERVERS|BUSY|AFTER LOSS");
    for (size_t i = 0; i < files.plan.cell_count; i++) {
        const struct capacity_cell *cell = &files.plan.cells[i];
        char peak[TOPO_SLOT_TEXT];
        topo_slot_format(peak, cell->peak_slot, 0);
        double busy = 0;
        for (size_t k = 0; k < cell->service_count; k++)
            if (cell->services[k].busy > busy)
                busy = cell->services[k].busy;
        table_put(&t, "   %s", cell->name);
        table_put(&t, "%s", cell->region);
        table_put(&t, "%s", table_count((long long)(cell->peak_rps + 0.5)));
        table_put(&t, "%s", peak);
        table_put(&t, "%s", table_percent(cell->customers_share, 0));
        table_put(&t, "%s", table_count(cell->servers));
        table_put(&t, "%s", table_percent(busy, 0));
        table_put(&t, "%s", table_percent(cell->busy_after_loss, 0));
    }
    table_print(&t, stdout);
    printf("   apart %s servers, together %s; sum of peaks / peak of sum %.2f\n\n",
           table_count(files.plan.servers), table_count(files.plan.together.servers),
           files.plan.peaks_ratio);
    return 0;
}

/* One run of the zone loss; `sets` changes the servers. */
static int put_loss(struct demo *d, struct table *t, const char *label, const struct cli_sets *sets,
                    int *pass)
{
    struct files files;
    struct run_result result;
    if (files_scenario(&files, path_of(d, "zone-loss-at-peak"), sets, &d->arena, &d->err) != 0 ||
        sim_simulate(&result, &files, &d->arena, &d->err) != 0)
        return -1;
    if (result.stopped)
        return error_set(&d->err, ERR_SYSTEM, "stopped");
    size_t de = topo_country_at(&files.topo, "DE");
    if (de == files.topo.country_count)
        return error_set(&d->err, ERR_MISSING, "%s: the demo needs the country DE",
                         files.topology_path);
    const struct run_country *country = &result.countries[de];
    int64_t servers = files.plan.cells[files.topo.countries[de].cell].servers;
    table_put(t, "   %s", label);
    table_put(t, "%s", table_count(servers));
    table_put(t, "%s", table_count(country->requests));
    table_put(t, "%s",
              country->ok == country->requests ? "all" : table_nines(country->availability.mean));
    table_put(t, "%s .. %s", table_nines(country->availability.ci95[0]),
              table_nines(country->availability.ci95[1]));
    table_put(t, "%s", table_count(country->shed + country->failed));
    table_put(t, "%.0f ms", country->p99_ms.mean);
    table_put(t, "%s", result.pass ? "pass" : "FAIL");
    *pass = result.pass;
    return 0;
}

static int show_loss(struct demo *d, int *as_told)
{
    static const struct cli_sets none;
    static const struct cli_sets few = {{{"cells.de.servers_per_zone", "1"}}, 1};
    int planned, too_few;
    printf("3. At DE's peak its zone a dies for 20 minutes  (bulkhead sim "
           "%s/zone-loss-at-peak.json)\n\n",
           d->folder);
    struct table t;
    table_titles(&t,
                 "   <SERVERS OF DE|NUMBER|REQUESTS|ANSWERED|<95 % INTERVAL|LOST|P99|<EXPECTED");
    if (put_loss(d, &t, "as planned", &none, &planned) != 0 ||
        put_loss(d, &t, "1 of each per zone", &few, &too_few) != 0) {
        table_release(&t);
        return -1;
    }
    table_print(&t, stdout);
    *as_told = planned && !too_few;
    return 0;
}

static int demo_main(int argc, char **argv)
{
    int args, as_told = 0;
    int status = cli_parse(&demo_command, argc, argv, NULL, &args);
    if (status >= 0)
        return status;
    struct demo d = {.folder = args == 0 ? "sim-configs" : argv[1]};
    if (args == 0 && access("sim-configs/seed-27-24.json", R_OK) != 0) {
        char *seed = arena_format(&d.arena, "%s", files_example("seed-27-24.json", &d.arena));
        if (seed != NULL && strrchr(seed, '/') != NULL) {
            *strrchr(seed, '/') = '\0';
            d.folder = seed;
        }
    }
    if (show_seed(&d) != 0) {
        arena_release(&d.arena);
        return cli_misuse(&demo_command, "%s; FOLDER tells where the example files are",
                          d.err.text);
    }
    if (show_countries(&d) != 0 || show_loss(&d, &as_told) != 0) {
        arena_release(&d.arena);
        return cli_fail(d.err.text);
    }
    printf("\n   %s\n", as_told ? "With the plan the loss of a zone is not felt; with too few "
                                  "servers it is."
                                : "NOT AS EXPECTED: the plan should pass and too few servers "
                                  "should fail.");
    arena_release(&d.arena);
    if (!as_told)
        return EXIT_NO;
    printf("\n");
    fflush(stdout);
    return demo_live(d.folder);
}

const struct cli_command demo_command = {
    "demo",
    demo_main,
    "[FOLDER]",
    0,
    1,
    "Plan, simulate and run three countries, and lose a zone",
    "FOLDER holds seed-27-24.json, three-countries.json and zone-loss-at-peak.json; sim-configs\n"
    "when left out.",
    NULL,
};
