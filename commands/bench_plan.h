/* bench_plan.h - `bulkhead bench plan`: how long the frontier takes. */
#ifndef COMMANDS_BENCH_PLAN_H
#define COMMANDS_BENCH_PLAN_H

#include <stdbool.h>

#include "base/json.h"

/* The table of what bench plan --json prints. */
extern const struct json_field bench_plan_fields[];

/* Measure and print. The exit status. */
int bench_plan(bool json);

#endif
