/* sweep.h - a scenario with a sweep: each of its variants run, and compared with the first. */
#ifndef COMMANDS_SWEEP_H
#define COMMANDS_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "simulator/run.h"

struct arena;
struct error;
struct files;
struct files_texts;
struct scenario;

struct sweep_set {
    const char *path;
    const char *value; /* JSON text */
};

struct sweep_variant {
    struct sweep_set *sets; /* one per axis, in their order */
    size_t set_count;
    int64_t servers;                    /* in all cells */
    struct run_difference *differences; /* to the first variant */
    size_t difference_count;            /* 0 for that one */
    struct run_result result;
};

struct sweep_report {
    int64_t seed;
    int64_t planned; /* variants in all */
    bool stopped;    /* before all had run */
    bool pass;       /* all that ran meet what they expect */
    double wall_s;
    struct sweep_variant *variants;
    size_t variant_count;
};

/* The table of what sim --json prints for a sweep; docs/sweep.schema.json is printed from it. */
extern const struct json_field sweep_report_fields[];

struct sweep_opts {
    bool json;
    int64_t seed;
    int64_t replications;
    int64_t jobs;        /* 0: as many threads as processors */
    const char *db;      /* NULL: keep nothing */
    const char *report;  /* NULL: none */
    const char *command; /* for it, as it was typed */
};

/* Build every variant and forget it again, but for the first, which is put in `first` and `a`: all
 * others have the same countries, cells and services. `scenario` is as it stands in its file.
 * `work`, unless NULL, has room for a number for each: how much work it is. 0, or -1 with `err`
 * naming the axis, by its path in the file, whose value does not do. */
int sweep_try(struct files *first, const struct files_texts *texts, const struct scenario *scenario,
              double *work, struct arena *a, struct error *err);

/* Run the sweep of `base`, the scenario as it stands in its file, and print the answer. Returns the
 * exit status. */
int sweep_run(const struct files_texts *texts, const struct files *base,
              const struct sweep_opts *opts);

#endif
