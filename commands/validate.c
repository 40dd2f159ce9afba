#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/commands.h"
#include "commands/simulate.h"
#include "commands/table.h"
#include "simulator/validate.h"

struct validate_options {
    bool json;
    int64_t seed, jobs, within;
    const char *only;
};

static const struct cli_option options[] = {
    {"json", CLI_FLAG, offsetof(struct validate_options, json), NULL, 0, 0,
     "Print the rows as JSON (docs/validate.schema.json)"},
    {"seed", CLI_I64, offsetof(struct validate_options, seed), "N", 0, 9007199254740991,
     "Of the random streams (default: 1)"},
    {"jobs", CLI_I64, offsetof(struct validate_options, jobs), "N", 1, 256,
     "Threads; the answer does not depend on them (default: processors)"},
    {"within", CLI_I64, offsetof(struct validate_options, within), "PERCENT", 1, 20,
     "Half width of the intervals (default: 1); five times that at load 0.99. More is faster"},
    {"only", CLI_STR, offsetof(struct validate_options, only), "WORD", 0, 0,
     "Only the tables whose name begins so, as choices, servers or tail"},
    {.type = CLI_END},
};

static void show_progress(void *context, double done)
{
    (void)context;
    fprintf(stderr, "\rvalidating %3d %%", (int)(done * 100));
}

/* ---- for people ---- */

static void put_value(struct table *t, const struct validate_table *of, double value)
{
    double shown = of->percent ? value * 100 : value;
    if (isnan(value))
        table_put(t, "-");
    else if (of->decimals > 0)
        table_put(t, "%.*f", of->decimals, shown);
    else
        table_put(t, "%.6g", shown);
}

/* Of the simulated value; of what is left to 1 where the table is about that. */
static void put_half_width(struct table *t, const struct validate_row *row)
{
    if (isnan(row->half_width) || row->half_width <= 0)
        table_put(t, "-");
    else
        table_put(t, "%.2f %%", row->half_width / fabs(row->base) * 100);
}

static void print_rows(const struct validate_table *of)
{
    struct table t;
    printf("%s: %s\n%s\n\n", of->word, of->title, of->source);
    table_titles(&t, of->percent ? "<|PUBLISHED %|EXACT %|SIMULATED %|HALF WIDTH|<"
                                 : "<|PUBLISHED|EXACT|SIMULATED|HALF WIDTH|<");
    for (size_t i = 0; i < of->row_count; i++) {
        const struct validate_row *row = &of->rows[i];
        table_put(&t, "%s", row->name);
        put_value(&t, of, row->published);
        put_value(&t, of, row->exact);
        put_value(&t, of, row->simulated);
        put_half_width(&t, row);
        table_put(&t, "%s%s",
                  row->verdict == VALIDATE_MISSES  ? "MISSES: "
                  : row->verdict == VALIDATE_EXACT ? "exact only: "
                                                   : "",
                  row->note == NULL ? "" : row->note);
    }
    table_print(&t, stdout);
    printf("\n");
}

static void print_result(const struct validate_result *result)
{
    for (size_t i = 0; i < result->table_count; i++)
        print_rows(&result->tables[i]);
    printf("%lld of %lld rows agree, %lld of them simulated; family-wise %.0f %%; %.0f s; seed "
           "%lld\n",
           (long long)result->agree, (long long)result->rows, (long long)result->simulated,
           result->family_level * 100, result->wall_s, (long long)result->seed);
}

static int validate_main(int argc, char **argv)
{
    struct validate_options o = {.seed = 1};
    int args;
    int status = cli_parse(&validate_command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    bool terminal = isatty(STDERR_FILENO);
    struct simulate s = {.jobs = o.jobs, .variants = 1};
    simulate_begin(&s); /* Ctrl-C, and how many threads */
    const struct validate_opts opts = {
        .seed = o.seed,
        .jobs = s.jobs,
        .within = (double)o.within,
        .only = o.only,
        .stop = simulate_stop_flag(),
        .progress = terminal ? show_progress : NULL,
    };
    struct arena a = {0};
    struct error err;
    struct validate_result result;
    status = validate_run(&result, &opts, &a, &err);
    simulate_end(&s);
    if (terminal)
        fprintf(stderr, "\r%*s\r", 20, "");
    if (status != 0) {
        status = cli_fail(err.text);
        status = simulate_stopped() ? EXIT_NO : status;
    } else if (!o.json) {
        print_result(&result);
        status = result.pass ? EXIT_YES : EXIT_NO;
    } else {
        const char *text = json_encode(&result, validate_fields, &a);
        fputs(text == NULL ? "" : text, stdout);
        status = text == NULL ? cli_fail("no memory left") : result.pass ? EXIT_YES : EXIT_NO;
    }
    arena_release(&a);
    return status;
}

const struct cli_command validate_command = {
    "validate",
    validate_main,
    "",
    0,
    0,
    "Hold the simulator against theory and published figures",
    "Less than a minute on two quiet cores. Exit status 1 when a row misses; with probability 99 % "
    "none does by "
    "chance.",
    options,
};
