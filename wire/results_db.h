/* results_db.h - replications' numbers in one SQLite file, to be gone on with and looked at.
 *
 * The file holds several runs. A run is known by what its numbers depend on: inputs, version and
 * seed; who opens the file with the same goes on with that run. A replication is one transaction,
 * so after a crash at any moment it is there with all of its metrics or not at all.
 *
 *     run(run, inputs, version, seed, scenario, started, scenario_json, topology_json)
 *     variant(run, variant, sets)            what each variant sets, as a JSON object
 *     metric(run, metric, name)
 *     sample(run, variant, replication, metric, value)
 *     result                                 a view: all of it, joined
 *
 * Variants, replications and metrics are numbered from 1, as people count.
 * Integers are stored as integers, other numbers as the same 64 bits, NaN as NULL. While it is open
 * others may read the file, and a second writer is turned away. Not in the log mode that SQLite
 * calls WAL: 3.40 may lose rows there when two connections meet, and this leaves one file. For one
 * thread at a time. */
#ifndef WIRE_RESULTS_DB_H
#define WIRE_RESULTS_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metric.h"

struct error;
struct results_db;

struct results_run {
    const char *inputs;  /* the name of all that the numbers depend on besides version and seed */
    const char *version; /* of the program */
    int64_t seed;

    const char *scenario; /* for people: the path, and what the inputs name */
    const char *scenario_json, *topology_json;

    const char *const *variants; /* what each sets, as JSON; equal inputs have equal variants */
    size_t variant_count;
    const char *const *metrics; /* names; the same of these */
    size_t metric_count;
};

struct results_found {
    int64_t run;          /* its number in the file, from 1 */
    int64_t runs;         /* that the file holds, this one included */
    int64_t replications; /* of this run that are there already, of all variants */
};

/* Open or create the file and find the run in it or begin it. 0, or -1 with `err` set and nothing
 * changed: not a database or not one of ours, of a newer schema, held by another process, not
 * writable. `run` is borrowed for the call. */
int results_open(struct results_db **out, const char *path, const struct results_run *run,
                 struct results_found *found, struct error *err);

/* Get a replication: 1, or 0 when not all of its metrics are there, or -1 with `err` set. `out` has
 * room for all metrics of the run. */
int results_load(struct results_db *db, int64_t variant, int64_t replication, struct metric *out,
                 struct error *err);

/* Put a replication, on the disk when this returns 0. -1 with `err` set: nothing of it is there. */
int results_save(struct results_db *db, int64_t variant, int64_t replication,
                 const struct metric *in, struct error *err);

/* NULL is fine. */
void results_close(struct results_db *db);

#endif
