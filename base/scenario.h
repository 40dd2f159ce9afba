/* scenario.h - what happens to a topology, for how long, and what is expected of it.
 *
 * docs/scenario.schema.json is printed from the same tables. Names of cells, zones and countries
 * are checked against the topology by scenario_bind; a server's number only once the counts are
 * planned, by who runs the scenario. */
#ifndef BASE_SCENARIO_H
#define BASE_SCENARIO_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/sweep.h"

struct arena;
struct error;
struct topo;

enum scenario_fault_kind { FAULT_ZONE_DOWN, FAULT_SERVER_DOWN };
extern const char *const scenario_fault_words[];   /* by kind, ended by NULL */
extern const char *const scenario_measure_words[]; /* by measure */

struct scenario_fault {
    int kind;          /* enum scenario_fault_kind */
    const char *scope; /* "de/a", "de/b/catalog-2" */
    int64_t at_us;     /* from the start of the run */
    int64_t for_us;    /* 0: until the end */
    size_t cell, zone; /* set by scenario_bind: indices into the topology */
    size_t service;    /* server-down */
    int64_t server;    /* server-down: 0-based; the scope's number is 1-based */
};

enum scenario_measure { MEASURE_AVAILABILITY, MEASURE_SHED, MEASURE_FAILED, MEASURE_P99 };

struct scenario_expect {
    int measure;         /* enum scenario_measure */
    const char *country; /* NULL: each country */
    double low, high;    /* the mean over replications must lie within; +-1e300: no bound */
};

struct scenario {
    const char *about;
    const char *topology; /* path, relative to the scenario's own folder */
    const char *start;    /* "Mon 08:00" UTC, or "peak DE" */
    size_t start_slot;    /* set by scenario_bind */
    int64_t duration_us;
    int64_t warmup_us; /* of the duration, not measured */
    double load;       /* factor on all demand */
    struct scenario_fault *faults;
    size_t fault_count;
    int64_t replications;
    int64_t seed;
    struct scenario_expect *expect;
    size_t expect_count;
    struct sweep_axis *sweep; /* as values, ranges no more; see sweep.h */
    size_t sweep_count;
};

/* The table of the file. Its top-level keys and the topology's are disjoint but for "about". */
extern const struct json_field scenario_fields[];

/* Read a scenario. 0, or -1 with `err` set and `*s` untouched. */
int scenario_parse(struct scenario *s, const char *text, size_t len, const struct json_set *sets,
                   size_t set_count, struct arena *a, struct error *err);

/* Find what it names in `topo`. 0, or -1 with `err` set. */
int scenario_bind(struct scenario *s, const struct topo *topo, struct error *err);

#endif
