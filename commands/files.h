/* files.h - the two kinds of file, from a path to checked structs. */
#ifndef COMMANDS_FILES_H
#define COMMANDS_FILES_H

#include <stddef.h>

#include "base/json.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "control/capacity.h"

struct arena;
struct cli_sets;
struct demand;
struct error;

struct files { /* what a command works on; everything lives in the arena */
    const char *topology_path;
    struct topo topo;
    struct capacity_plan plan;
    struct scenario scenario; /* after files_scenario only */
};

/* The text of a regular file of at most JSON_BYTES_MAX bytes. 0, or -1 with `err` set. */
int files_read(const char **text, size_t *len, const char *path, struct arena *a,
               struct error *err);

struct files_text {
    const char *text;
    size_t len;
};

/* Give the empirical services of `topo` their times, from files relative to `topology_path`. What
 * was read goes to `texts` [topo.service_count], unless that is NULL. 0, or -1 with `err` set. */
int files_times(struct topo *topo, const char *topology_path, struct files_text *texts,
                struct arena *a, struct error *err);

/* Which kind a text is, by the key that only that kind has; a look, nothing is checked. */
enum files_kind { FILES_TOPOLOGY, FILES_SCENARIO, FILES_NEITHER };
enum files_kind files_kind(const char *text, size_t len);

/* Read a topology and plan it. Errors begin with the path. */
int files_topology(struct files *files, const char *path, const struct cli_sets *sets,
                   struct arena *a, struct error *err);

/* Read a scenario, its topology, and bind the one to the other. Each of `sets` goes to the file
 * that has its first key; the scenario first. */
int files_scenario(struct files *files, const char *path, const struct cli_sets *sets,
                   struct arena *a, struct error *err);

/* The same in two steps, for who builds several variants: the texts are read once, so that all are
 * of one moment. */
struct files_texts {
    const char *path, *text;
    size_t len;
    const char *topology_path, *topology_text;
    size_t topology_len;
    const struct cli_sets *sets;
    const struct demand *demand; /* put into the topology of all that is built; NULL: its own */
    double demand_scale;
};

/* Read the two files; `sets` are borrowed and go into what is built. */
int files_scenario_read(struct files_texts *texts, const char *path, const struct cli_sets *sets,
                        struct arena *a, struct error *err);

/* Build from the texts, with the values of `more` put in last. Each goes to the file that has its
 * first key; none may change which topology it is. */
int files_scenario_build(struct files *files, const struct files_texts *texts,
                         const struct json_set *more, size_t more_count, struct arena *a,
                         struct error *err);

/* Where an example lies, as "three-countries.json" or "data": in sim-configs below the current
 * folder, or beside the program, as built or as installed; "sim-configs/NAME" when it is nowhere.
 */
const char *files_example(const char *name, struct arena *a);

/* "zone-loss-at-peak" of "sim-configs/zone-loss-at-peak.json". */
const char *files_name(const char *path, struct arena *a);

#endif
