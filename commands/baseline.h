/* baseline.h - another scenario to compare a simulation with: --baseline FILE.
 *
 * Both run with the same seed, so countries of the same name have the same customers and luck. */
#ifndef COMMANDS_BASELINE_H
#define COMMANDS_BASELINE_H

#include <stdint.h>
#include <stdio.h>

#include "commands/files.h"
#include "simulator/pairs.h"
#include "simulator/run.h"

struct arena;
struct error;
struct keep;
struct simulate;

struct baseline { /* all zero: there is none */
    const char *path;
    struct files files;
    struct run_result result; /* after baseline_run */
    struct pairs pairs, ours; /* of its replications, and of those that are compared with it */
    struct keep *keep;        /* of the latter */
};

/* Read the other scenario as it stands: options that change values are for the first one. It may
 * have another topology, but no sweep, and must have a country of `ours`. `keep` may keep nothing.
 * 0, or -1 with `err` set. */
int baseline_load(struct baseline *b, const char *path, const struct files *ours,
                  int64_t replications, struct keep *keep, struct arena *a, struct error *err);

/* What the first run keeps its replications by; the baseline is the context. */
extern const struct run_keep baseline_keep;

/* Run it as variant 1 of `s`, with as many replications as `result` came to, and put the
 * differences there. 0, or -1 with `err` set. */
int baseline_run(struct baseline *b, struct simulate *s, struct run_result *result, struct arena *a,
                 struct error *err);

/* The differences as a table. */
void baseline_print(FILE *out, const struct baseline *b, const struct run_result *result,
                    struct arena *a);

#endif
