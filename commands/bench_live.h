/* bench_live.h - `bulkhead bench live`: the printing. */
#ifndef COMMANDS_BENCH_LIVE_H
#define COMMANDS_BENCH_LIVE_H

#include <stdbool.h>

#include "base/json.h"
#include "tests/bench/bench_live.h"

/* The table of what bench live --json prints. */
extern const struct json_field bench_live_fields[];

/* Measure a part, or all, with so many zones killed and so many gone silent, and print. The exit
 * status. */
int bench_live(bool json, enum bench_live_part part, unsigned losses);

#endif
