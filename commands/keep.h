/* keep.h - replications kept in a database of results: --db FILE. */
#ifndef COMMANDS_KEEP_H
#define COMMANDS_KEEP_H

#include <stdint.h>

#include "base/metric.h"

struct error;
struct files;
struct result_sample;
struct results_db;
struct simulate;
struct topo;

struct keep { /* fields are private to keep.c; all zero keeps nothing */
    struct results_db *db;
    const char *path;
    const struct topo *topo;
    struct metric *values; /* of one replication */
    struct simulate *simulate;
    int64_t variant; /* from 0 */
    int64_t count;   /* replications that are in the file */
};

/* Open `path` for the variants of what `base` has loaded, and say on stderr whether the run begins
 * or goes on. What the numbers depend on names the run: the scenario without its texts,
 * expectations and number of replications, the topology, the seed and the program's version.
 * `topo`, whose parts the variants have, and `simulate`, which runs them, outlive `keep`. 0, or -1
 * with `err` set. */
int keep_open(struct keep *keep, const char *path, const char *scenario_path,
              const struct files *base, const struct topo *topo, struct simulate *simulate,
              struct error *err);

/* The calls of struct run_keep, for the variant that keep->variant says. */
int keep_load(void *keep, int64_t index, struct result_sample *sample, struct error *err);
int keep_save(void *keep, int64_t index, const struct result_sample *sample, struct error *err);

/* Say on stderr how to go on with what was not finished. */
void keep_explain(const struct keep *keep);

void keep_close(struct keep *keep);

#endif
