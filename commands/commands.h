/* commands.h - the commands, and what they share of their printing. */
#ifndef COMMANDS_COMMANDS_H
#define COMMANDS_COMMANDS_H

#include <stdint.h>
#include <stdio.h>

#include "commands/cli.h"
#include "commands/files.h"

struct arena;
struct error;
struct run_result;
struct run_verdict;

/* The table of what bench --json prints; docs/bench.schema.json is printed from it. */
extern const struct json_field bench_fields[];

extern const struct cli_command bench_command;
extern const struct cli_command catalog_command;
extern const struct cli_command check_command;
extern const struct cli_command customer_command;
extern const struct cli_command demo_command;
extern const struct cli_command down_command;
extern const struct cli_command fault_command;
extern const struct cli_command heal_command;
extern const struct cli_command load_command;
extern const struct cli_command logs_command;
extern const struct cli_command order_command;
extern const struct cli_command plan_command;
extern const struct cli_command replay_command;
extern const struct cli_command sim_command;
extern const struct cli_command status_command;
extern const struct cli_command top_command;
extern const struct cli_command up_command;
extern const struct cli_command validate_command;
extern const struct cli_command vendor_command;

/* The same of replay; docs/replay.schema.json. */
extern const struct json_field replay_fields[];

/* Simulate what is loaded as it says itself, on all processors, with progress on a terminal and
 * Ctrl-C ending it cleanly. */
int sim_simulate(struct run_result *result, const struct files *files, struct arena *a,
                 struct error *err);

/* "pass  availability of DE is 0.9999, expected at least 0.999" and a newline. */
void sim_print_verdict(FILE *out, const struct run_verdict *verdict);

/* The result as tables for people. */
void sim_print(FILE *out, const char *name, const struct files *files,
               const struct run_result *result);

#endif
