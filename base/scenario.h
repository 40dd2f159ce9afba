/* scenario.h - what happens to a topology, for how long, and what is expected of it.
 *
 * docs/scenario.schema.json is printed from the same tables. Names of cells, zones and countries
 * are checked against the topology by scenario_bind; a server's number only once the counts are
 * planned, by who runs the scenario. */
#ifndef BASE_SCENARIO_H
#define BASE_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/sweep.h"

struct arena;
struct error;
struct topo;

enum scenario_fault_kind {
    FAULT_ZONE_DOWN,
    FAULT_SERVER_DOWN,
    FAULT_SERVICE_DOWN, /* all its servers in a cell */
    FAULT_CELL_DOWN,
    FAULT_REGION_DOWN, /* all cells in a region */
    FAULT_SLOW,        /* work takes `factor` times as long */
    FAULT_ERRORS,      /* a share of the answers are errors */
    FAULT_PARTITION,   /* what a zone sends and what is sent there is lost */
    FAULT_LATENCY,     /* it takes longer, each way */
    FAULT_CONTROL_DOWN,
    FAULT_STORE_DOWN,
    FAULT_STORE_SLOW,
    FAULT_DISK_FULL,  /* a store answers everything with an error */
    FAULT_SURGE,      /* a country asks `factor` times as much */
    FAULT_POISON,     /* a customer's requests kill the servers that work on them */
    FAULT_BAD_DEPLOY, /* a new version of a service goes out, and a share of its answers are errors
                       */
};
extern const char *const scenario_fault_words[];   /* by kind, ended by NULL */
extern const char *const scenario_measure_words[]; /* by measure */

#define SCENARIO_ANY SIZE_MAX /* a fault takes all of these */

struct scenario_fault {
    int kind;           /* enum scenario_fault_kind */
    const char *scope;  /* "de/a", "de/b/catalog-2" */
    int64_t at_us;      /* from the start of the run */
    int64_t for_us;     /* 0: until the end; the mean, where it comes again and again */
    int64_t every_us;   /* 0: once; or else the mean time from its end to the next */
    const char *spread; /* how the time it lasts scatters: of dist_words, "incidents", or NULL */
    int spread_kind;    /* enum dist_kind; EMPIRICAL: incidents. Set by scenario_bind */
    double cs2, tail;   /* of that; 0: none */
    int64_t control_us; /* the control plane of its cells is down too, for so long */
    double factor;      /* slow, store-slow, surge; poison: requests/s */
    double share;       /* errors, bad-deploy: of the answers, 0..1 */
    int64_t extra_us;   /* latency, each way; poison: until a killed server is back */
    size_t cell;        /* this and the rest: set by scenario_bind. Indices into the topology, or
                           SCENARIO_ANY: of a region-down, the cells of region `scope` */
    size_t zone, service;
    size_t to;      /* partition, latency: only what `zone` sends there; its zone_count: the door */
    int64_t server; /* 0-based, the scope's number is 1-based; -1: any */
    size_t country; /* surge, poison */
};

enum scenario_measure {
    MEASURE_AVAILABILITY,
    MEASURE_SHED,
    MEASURE_FAILED,
    MEASURE_P99,
    MEASURE_MEAN,
    MEASURE_P50,
    MEASURE_P999,
    MEASURE_HURT,
    MEASURE_MITIGATE,
    MEASURE_RECOVER,
    MEASURE_RECOVERED,
    MEASURE_COUNT, /* of the above, which are a country's; the others are a cell's */
    MEASURE_HIT_RATIO = MEASURE_COUNT,
    MEASURE_COLD_SHARE,
    MEASURE_ORDERS_COMPLETE,
    MEASURE_ORDERS_DEAD,
    MEASURE_ORDERS_LOST,
    MEASURE_ORDERS_OPEN,
    MEASURE_ORDER_P50,
    MEASURE_ORDER_P99,
    MEASURE_BACKLOG,
    MEASURE_BACKLOG_OLDEST,
    MEASURE_ALL
};

struct scenario_expect {
    int measure;         /* enum scenario_measure */
    const char *country; /* NULL: each country */
    const char *cell;    /* of a cell's measures instead; NULL: each cell */
    double low, high;    /* the mean over replications must lie within; +-1e300: no bound */
};

struct scenario_control { /* what the control plane does, while it is up */
    bool replace;         /* starts servers for those that died */
    bool autoscale;       /* and as many as the load needs, never fewer than planned */
    bool shift;           /* takes zones out that fail more than the others */
    bool gossip;          /* its agents gossip, so that it learns of a dead zone */
    int64_t detect_us;    /* until it knows that a server is dead, by its agent */
    int64_t start_us;     /* until a server that it starts takes part */
    int64_t room;         /* servers of a service that each zone has room for beyond the plan */
    double error_budget;  /* of a rollout: share of a changed zone's requests that may fail */
    int64_t watch_us;     /* and how long each zone is watched */
};

/* Replications are added until the half width of every measure of every country is at most a share
 * of its mean, all at once at `level`. */
struct scenario_precision {
    double relative; /* 0: not asked, the number of replications is given */
    double level;
    const char **names; /* of the measures */
    size_t name_count;
    unsigned measures; /* the same as bits: 1 << enum scenario_measure; set by scenario_parse */
    int64_t replications_max;
};

enum { PRECISION_REPLICATIONS_MIN = 8 }; /* fewer say too little about their own scatter */

struct scenario {
    const char *about;
    const char *topology; /* path, relative to the scenario's own folder */
    const char *start;    /* "Mon 08:00" UTC, or "peak DE" */
    size_t start_slot;    /* set by scenario_bind */
    int64_t duration_us;
    int64_t warmup_us; /* of the duration, not measured */
    bool warmup_auto;  /* it is found, and warmup_us is the least */
    double load;       /* factor on all demand */
    struct scenario_control control;
    struct scenario_fault *faults;
    size_t fault_count;
    int64_t replications; /* with a precision those of the first round */
    struct scenario_precision precision;
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

/* The table of one fault, and finding what it names: parts of the two above and below. */
extern const struct json_field scenario_fault_fields[];
int scenario_bind_fault(struct scenario_fault *f, size_t index, const struct topo *topo,
                        struct error *err);

/* The same for a fault of a live system, which begins now and has an end (1m when none is given).
 * Its stores are those of its services, as de/catalog. Errors begin with the field. */
int scenario_bind_live(struct scenario_fault *f, const struct topo *topo, struct error *err);

/* For people: the parameters of a fault, "factor 10, extra 5s", "" when its kind has none; what a
 * kind's scope names, "cell/zone"; and what it does. */
enum { SCENARIO_FAULT_TEXT = 96 };
void scenario_fault_words_of(char out[SCENARIO_FAULT_TEXT], const struct scenario_fault *f);
const char *scenario_fault_takes(int kind);
const char *scenario_fault_does(int kind);

/* Give the parameters that are left out their presets, also those that the kind has not; and the
 * other way round, copy those that it has. */
void scenario_fault_preset(struct scenario_fault *f);
void scenario_fault_trim(struct scenario_fault *out, const struct scenario_fault *f);

/* Of a bound fault: whether it concerns a cell; and of one of a zone of that cell, whether a
 * message between two places goes into the zone or out of it. */
bool scenario_fault_touches(const struct scenario_fault *f, const struct topo *topo, size_t cell);
bool scenario_fault_crosses(const struct scenario_fault *f, size_t from, size_t to);

/* Find what it names in `topo`. 0, or -1 with `err` set. */
int scenario_bind(struct scenario *s, const struct topo *topo, struct error *err);

#endif
