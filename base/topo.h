/* topo.h - a topology: which countries, in which cells, served by what.
 *
 * topo_parse reads the file, fills what it leaves out from base/data.h, and checks that the parts
 * fit together. The smallest topology is {"countries": ["GB"]}. docs/topology.schema.json is
 * printed from the same tables. Everything lives in the arena given to topo_parse. */
#ifndef BASE_TOPO_H
#define BASE_TOPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/pipeline_def.h"

struct arena;
struct dist;
struct error;

enum {
    TOPO_SLOTS = 672, /* quarter-hours of a week, Monday 00:00 UTC first: local offsets from
                         UTC are multiples of 15 minutes, so demand is constant within one */
    TOPO_SLOT_MIN = 15,
    TOPO_CELLS_MAX = 1000,
    TOPO_ZONES_MAX = 16,
    TOPO_SERVICES_MAX = 32,
    TOPO_CALLS_MAX = 32, /* steps of one service */
    TOPO_TIMES_MAX = 1000000,
    TOPO_CHOICES_MAX = 16,
    TOPO_SHARD_MAX = 16,
    TOPO_PARTS_MAX = 40,
    TOPO_CANDIDATES_MAX = 64,
};

/* How a door chooses among the replicas that take part. */
enum topo_balance {
    TOPO_BALANCE_CHOICES,      /* the least loaded of `choices` different ones drawn at random */
    TOPO_BALANCE_REPEATED,     /* the same, but one may be drawn more than once */
    TOPO_BALANCE_RANDOM,       /* any */
    TOPO_BALANCE_ROUND_ROBIN,  /* each in its turn */
    TOPO_BALANCE_LEAST_LOADED, /* the least loaded of all, any of equals */
    TOPO_BALANCE_NEAR,         /* the better of two in the asker's zone, unless much busier than
                                  one elsewhere */
    TOPO_BALANCE_HASH,         /* one for each customer (consistent hashing) */
    TOPO_BALANCE_FIXED,        /* of the customer's shard, as `choices`; shards do not overlap */
    TOPO_BALANCE_SHUFFLE,      /* the same; each customer's shard is drawn from all replicas */
};

/* Which waiting request a server works on next; region/admission.h says what each does. */
enum topo_discipline { TOPO_FIFO, TOPO_LIFO, TOPO_CODEL, TOPO_PRIORITY };

/* Which shop's data may lie beside that of a country; topo_may_share asks both sides. */
struct topo_residency {
    bool alone;                             /* with nobody */
    const char **only_with, **not_with;     /* countries by code */
    size_t only_with_count, not_with_count; /* 0: no such rule */
    const char **regions;                   /* where it may lie */
    size_t region_count;                    /* 0: anywhere */
};

struct topo_country {
    const char *name;  /* "DE" */
    const char *of;    /* "US" of a part of it that has a code of its own; or NULL */
    int64_t customers; /* > 0 */
    double requests_per_customer_day;
    double peak_rps;   /* in its busiest hour, requests/s, > 0 */
    const char *curve; /* "retail/DE", "flat" */
    double *hours;     /* own curve instead: 24 or 168 weights, local time */
    size_t hours_count;
    const char *utc_offset; /* "+01:00" */
    int utc_offset_min;     /* the same as a number */
    struct topo_residency residency;
    int64_t parts; /* equal cells of its own that it may be cut into, 1 .. TOPO_PARTS_MAX */
    size_t cell;   /* index of the one cell that serves it */
    double *rps;   /* [TOPO_SLOTS] demand in requests/s by UTC slot */
};

struct topo_rtt { /* the round trip between two places of a cell: zones, or "door" */
    const char *from, *to;
    int64_t rtt_us;
    size_t a, b; /* zones by index; zone_count: the door, with the stores */
};

struct topo_cell {
    const char *name;       /* "de" */
    const char **countries; /* names; `country` holds the same as indices */
    size_t country_count;
    const char *region; /* "aws/eu-central-1" */
    const char **zones; /* "a", "b", "c" */
    size_t zone_count;
    int64_t servers_per_zone; /* of each service; 0: as planned */
    int64_t zone_rtt_us;      /* round trip from the door to a server, and between any two */
    struct topo_rtt *rtts;    /* but for these */
    size_t rtt_count;
    bool keep;              /* the frontier leaves it as it is */
    size_t *country;        /* [country_count] indices into topo.countries */
    int64_t *client_rtt_us; /* [country_count] round trip from customers to the region */
};

enum topo_cache_rule { TOPO_CACHE_LRU, TOPO_CACHE_S3_FIFO }; /* as in region/cache.h */

struct topo_cache {  /* of what a step of calls brings: each server of the caller has one of its own
                      */
    int64_t entries; /* 0: there is none */
    int64_t keys;    /* that are asked for, */
    double skew;     /* the k-th as often as 1 / k^skew */
    int rule;        /* enum topo_cache_rule */
    int64_t fresh_us;     /* a value is; 0: for ever */
    int64_t stale_us;     /* and may be served for so long after that, while one gets a new one */
    double changes_per_s; /* at the source, of all keys as often as they are asked for; the caches
                             of the cell are told, and drop what they have of it */
};

struct topo_call { /* a step of a service's work: it asks another service of its cell */
    const char *service;
    int64_t count;       /* requests of this step, >= 1 */
    bool parallel;       /* all at once, or one after the other */
    double need;         /* share of them that must be answered, or else the caller fails */
    int64_t deadline_us; /* go on with what is there after so long; 0: wait for all */
    struct topo_cache cache;
    size_t index; /* of the service */
};

struct topo_function { /* instances that start when requests come, and stop when none do */
    int64_t instances; /* of one cell at most; 0: the service is none */
    int64_t least;     /* so many stay, once they have started */
    int64_t start_us;  /* how long one takes to start, on average */
    bool start_fixed;  /* exactly so long */
    int64_t keep_us;   /* how long an idle one is kept */
};

struct topo_service {
    const char *name;  /* "catalog" */
    double share;      /* of the requests, relative to the other services'; 0: only called */
    int64_t time_us;   /* mean work per request */
    int spread;        /* enum dist_kind: how it scatters */
    double cs2;        /* its squared coefficient of variation; NaN: not a parameter of it */
    double tail;       /* its tail index; NaN: the same */
    const char *times; /* the file of an empirical spread, relative to the topology's; or NULL */
    double *times_us;  /* [times_count] what is in it, once topo_times_set was called */
    size_t times_count;
    double times_mean_us; /* what they are scaled to; 0: not known yet */
    int64_t concurrency;  /* requests worked on at once by one server */
    int64_t queue;        /* requests that may wait at one server */
    int discipline;       /* enum topo_discipline */
    int64_t codel_target_us, codel_interval_us;
    bool drop_late;          /* requests that nobody waits for any more are not worked on */
    double background;       /* share of its requests that no user waits for, 0..1 */
    struct topo_call *calls; /* made when the work is done, in this order */
    size_t call_count;
    struct topo_function function; /* of one that is, `store` is set: it is in no zone either */
    bool store;  /* the cell's one storage of its callers: in no zone, not planned */
    double load; /* requests per request from outside, calls included */
};

struct topo_tolerance { /* what may be lost without a customer noticing */
    int64_t zones;      /* of each cell at once */
    int64_t servers;    /* of each service in the zones that are left */
};

struct topo_client {     /* in front of the door: a customer's app, or who calls from outside */
    int64_t timeout_us;  /* patience with one visit, round trip included; 0: until it is answered */
    int64_t tries;       /* visits in all */
    int64_t backoff_us;  /* before the second one, about; doubled for each one after */
    double retry_budget; /* further visits per first one in the long run, of a country's clients */
};

/* Which queue the goal's formulas assume before the replicas of a service. */
enum topo_queue {
    TOPO_QUEUE_OWN,    /* each replica its own, and requests spread at random: what `random` does,
                          and no better than what the other balances do */
    TOPO_QUEUE_SHARED, /* one for all of the cell: what no balance betters */
};

struct topo_goal {        /* what every service keeps after the tolerated loss; 0: no such goal */
    int64_t wait_us;      /* `quantile` of the requests wait at most so long at one service */
    int64_t time_us;      /* and their wait and work take at most so long */
    int64_t mean_wait_us; /* and the mean wait is at most so long */
    double quantile;
    int queue;      /* enum topo_queue */
    double touched; /* share of customers who have all replicas in common with one, of shards */
};

struct topo_candidate { /* a region that cells may be put into */
    const char *region;
    double price; /* of a server, in any unit of money per any time */
};

struct topo_policy {
    struct topo_client client; /* simulated only: live ones are who they are */
    int64_t timeout_us;        /* patience with one try */
    int64_t tries;             /* in all, each in another zone than the last */
    int64_t backoff_us;        /* before the second try, about; doubled for each one after */
    double retry_budget;       /* retries allowed per first try, in the long run */
    int64_t eject_failures;    /* failures in a row after which a server is left out */
    int64_t eject_us;          /* for so long, then one trial */
    int balance;               /* enum topo_balance */
    int64_t choices;           /* 1 .. TOPO_CHOICES_MAX, of the policies that draw some */
    int64_t shard;             /* replicas of a customer's shard, 1 .. TOPO_SHARD_MAX */
    int64_t spill;         /* near: requests that a replica near by may have more than one afar */
    double hedge;          /* second copies of slow requests per request; 0: none */
    double hedge_quantile; /* of the latencies: a try slower than that is slow */
    double breaker;        /* requests per accepted one before some are not sent; 0: no breaker */
    int64_t breaker_us;    /* over so long */
    double panic;          /* share of the replicas: when fewer take part, all are asked */
    bool spend;            /* live replicas spend the service time that the topology gives */
    bool network;          /* live messages take the times of zone_rtt and rtts */
};

struct topo {
    const char *about;
    struct topo_country *countries;
    size_t country_count;
    struct topo_cell *cells;
    size_t cell_count;
    struct topo_service *services;
    size_t service_count;
    struct topo_tolerance tolerance;
    struct topo_goal goal;
    struct topo_candidate *candidates;
    size_t candidate_count;    /* 0: every AWS region with enough zones, all at one price */
    int64_t rtt_max_us;        /* from customers to their cell's region, in the frontier; 0: any */
    double target_utilisation; /* of a server, in counting; 0 < u <= 1 */
    struct topo_policy policy;
    struct pipeline_def pipeline; /* of every cell's orders */
    double share_sum;             /* of the services' shares */
};

/* The tables of the file, and of its policy. */
extern const struct json_field topo_fields[];
extern const struct json_field topo_policy_fields[];

/* Read a topology. 0, or -1 with `err` set and `*topo` untouched. */
int topo_parse(struct topo *topo, const char *text, size_t len, const struct json_set *sets,
               size_t set_count, struct arena *a, struct error *err);

/* Give an empirical service what its file `path` holds: one time per line, as a duration ("12.5ms")
 * or a plain number of milliseconds; a first line that begins with a letter is a title. Up to
 * TOPO_TIMES_MAX values of 0..1h, with a mean of 1us or more. They are scaled to the service's
 * time; where the topology gives none, their mean becomes that, and until then topo_parse, which
 * opens no files, has put 20ms there. 0, or -1 with `err` set ("times.csv:7: expected ..."). */
int topo_times_set(struct topo_service *service, const char *path, const char *text, size_t len,
                   struct arena *a, struct error *err);

/* How the work of a service scatters, in units of which `per_us` are a microsecond. It borrows the
 * service's times. 0, or -1 with `err` set ("services.x.cs2: expected ..."). */
int topo_dist(struct dist *d, const struct topo_service *service, double per_us, struct error *err);

/* The text that reads back as `topo`, with what its file left out; NULL when memory is out. */
char *topo_text(const struct topo *topo, struct arena *a);

/* The country of the world that `country` is, or is a part of: "US". */
const char *topo_home(const struct topo_country *country);

/* Whether the residency rules of two countries let them share a cell. */
bool topo_may_share(const struct topo *topo, size_t one, size_t other);

/* Whether a country's residency rule lets its data lie in `region`. */
bool topo_may_lie(const struct topo_country *country, const char *region);

/* Round trip between two zones of a region, us: the median of what was measured there, or else of
 * all AWS regions. */
int64_t topo_zone_rtt_us(const char *region);

/* Round trip from the customers of a country to a region, us: as measured between the two
 * countries, or by distance (base/data.h). The names are known ones. */
int64_t topo_client_rtt_us(const char *home, const char *region);

/* Look a country or cell up by name; topo->country_count or cell_count when there is none. */
size_t topo_country_at(const struct topo *topo, const char *name);
size_t topo_cell_at(const struct topo *topo, const char *name);

/* The share of the requests from outside that service `index` gets, 0..1. */
double topo_share(const struct topo *topo, size_t index);

/* Demand of a cell in a slot: the sum over its countries, requests/s. */
double topo_cell_rps(const struct topo *topo, const struct topo_cell *cell, size_t slot);

/* Round trip between two places of a cell, us: zones by index, or zone_count for the door. */
int64_t topo_rtt_us(const struct topo_cell *cell, size_t from, size_t to);

/* The slot of a country's highest demand, the first one if several. */
size_t topo_peak_slot(const struct topo_country *country);

/* "Tue 09:00" of a slot moved by an offset in minutes (0: UTC). */
enum { TOPO_SLOT_TEXT = 16 };
void topo_slot_format(char out[TOPO_SLOT_TEXT], size_t slot, int offset_min);

#endif
