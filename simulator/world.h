/* world.h - one replication: demand, doors and servers of every cell on simulated time.
 *
 * A tick of the engine is one nanosecond. Each country asks each service by a Poisson process whose
 * rate follows its local hour. A request goes to the door of its cell, which chooses a replica
 * (control/route), travels half the zone round trip, is admitted, waits or is shed
 * (region/admission), is worked on, and travels back. A try that fails or takes too long is
 * repeated in another zone as far as the retry budget and the customer's patience allow. What
 * decides is the code that runs live; this folder moves time and messages, and counts.
 *
 * Cells share nothing, here as there. world.c builds and runs, ask.c and serve.c are a request's
 * way, faults.c breaks and heals. */
#ifndef SIMULATOR_WORLD_H
#define SIMULATOR_WORLD_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/dist.h"
#include "base/hist.h"
#include "base/rng.h"
#include "control/retry.h"
#include "control/route.h"
#include "region/admission.h"
#include "simulator/engine.h"
#include "simulator/recover.h"
#include "simulator/series.h"

struct arena;
struct capacity_plan;
struct error;
struct scenario;
struct topo;
struct topo_service;
struct world_caches;
struct world_functions;
struct world_orders;
struct world_plane;
struct trace;

#define WORLD_NONE  UINT32_MAX
#define WORLD_CUT   INT64_MAX
#define WORLD_PIECE UINT16_MAX /* as the place an attempt comes from: it is work of a pipeline */

enum { WORLD_CUSTOMERS_MAX = 1 << 24 }; /* that are told apart, per country */

/* How a try ended, as the one who asked sees it. */
enum world_answer {
    WORLD_OK,
    WORLD_SHED,  /* refused: too busy */
    WORLD_RESET, /* reset, or no answer in time */
    WORLD_ERROR, /* the server could not do it: an error of its own, or a call that failed */
};

/* ---- what is counted ---- */

struct world_background_count { /* as for users, who are counted apart */
    int64_t requests, ok, shed, failed;
    struct hist latency; /* of the answered ones */
};

struct world_country_count { /* users' requests */
    int64_t requests;        /* begun after the warm-up and ended within the run */
    int64_t ok;
    int64_t shed;           /* ended by a refusal */
    int64_t failed;         /* ended by a reset, a timeout or an error */
    int64_t retries;        /* of the door */
    int64_t again;          /* visits after the first, of clients */
    struct series series;   /* latencies in the order of their ends, us; without bins: not kept */
    int64_t customers_hurt; /* who lost one or more; only with world.customers */
    uint64_t *hurt;         /* a bit for each */
    struct recover course;  /* of all requests, where there are faults; without bins: not kept */
    struct hist latency;    /* of the answered ones, at the customer */
    struct world_background_count background;
};

struct world_group_count {
    int64_t tries;       /* sent to its servers after the warm-up, copies too */
    int64_t copies;      /* second copies sent after the warm-up */
    int64_t tries_shed;  /* after the warm-up, at once or after a wait */
    int64_t busy_ns;     /* work after the warm-up, over all servers, finished or not */
    int64_t wait_ns;     /* the same of waiting: divided by the measured time, the mean number */
    int64_t waiting;     /* tries that wait now */
    int64_t waiting_max; /* most at once after the warm-up */
    int64_t server_ns;   /* time that servers took part after the warm-up, over all */
};

struct world_cache_count { /* of one step's caches, over the servers of a cell, after the warm-up */
    int64_t looks, hits;
    int64_t stale; /* of the hits, that were served though they were no longer fresh */
};

struct world_function_count { /* of one function in one cell, after the warm-up */
    int64_t starts, instances_max;
    int64_t cold, warm;       /* requests that found no instance ready, and the others, */
    int64_t cold_us, warm_us; /* and the sums of how long they took there */
};

struct world_fault {
    bool on;
    uint32_t generation; /* of its customer's next request, where it is one that kills */
    struct dist lasts;   /* ns */
    struct rng rng;      /* when it comes and goes, where that is random */
};

struct world_count {
    int64_t events;
    uint64_t digest; /* of every request's end: the same seed gives the same number everywhere */
    int64_t fault_first_ns; /* when the first fault came; -1: none has */
    int64_t fault_last_ns;  /* when the last one ended; INT64_MAX: one is on */
    int64_t detect_ns; /* when a server was first left out while a fault was on; -1: none was */
    int64_t shifts;    /* zones that control took out */
    int64_t retired;   /* servers that it took out, as they ailed */
    struct world_country_count *country;   /* [topo.country_count] */
    struct world_group_count *group;       /* [cells * services] */
    struct world_function_count *function; /* [cells * functions_per_cell], cell by cell */
    const struct world_orders *orders;     /* world.orders, with the counts of its pipelines */
    struct world_cache_count *cache;       /* [cells * caches_per_cell], cell by cell */
};

/* ---- what there is ---- */

enum server_presence { SERVER_THERE, SERVER_STARTING, SERVER_NONE };

struct world_server {
    struct admission admission;
    uint32_t group;
    uint32_t down;     /* faults that hold it down */
    bool crashed;      /* by itself, and not started again yet */
    uint8_t presence;  /* enum server_presence */
    uint16_t place;    /* its zone, or the one outside of them all */
    uint32_t starts;   /* generation of WORLD_STARTED */
    int64_t since_ns;  /* dead since then, if it is */
    double new_errors; /* of its version: part of `errors` */
    struct rng rng;    /* its service times */
    double slow;       /* its work takes so many times as long */
    double errors;     /* share of its answers that are errors */
};

struct world_group {              /* the replicas of one service in one cell, behind its door */
    struct route_group route;     /* who is asked, how often, when */
    struct admission_rules rules; /* of its servers; ticks are nanoseconds */
    uint32_t cell;
    uint32_t server_first;  /* its servers are numbered from here, zone by zone */
    uint32_t slots;         /* of servers in each zone; 1 of a store, which is in no zone */
    uint32_t there;         /* servers that take part */
    int64_t there_since_ns; /* what is before that is counted */
    const struct topo_service *service;
    struct dist dist; /* of service times, in ns */
};

struct world_cell {
    struct retry retry;
    uint32_t control_down; /* faults that hold its control plane down */
    uint32_t zones;   /* places are its zones by number, and last the one outside of them all, where
                         the door and the stores are */
    int64_t *path_ns; /* [(zones + 1)^2] how long a message takes, from place to place;
                         WORLD_CUT: it is lost */
};

struct world_stream { /* the requests of one country for one service */
    struct rng rng;
    struct rng class_rng; /* draws only where there is background work */
    double background;    /* share of its requests */
    const double *rps;    /* [TOPO_SLOTS] of the country */
    double factor;        /* the service's share times the scenario's load */
    double surge;         /* times this, by faults */
    uint32_t generation;  /* of its next arrival */
    double gap_ns;        /* mean gap in the current slot; infinite: no demand */
    int64_t slot_end_ns;
    int64_t client_rtt_us;
    uint32_t group;
    uint32_t country;
    uint32_t customers; /* of the country, WORLD_CUSTOMERS_MAX at most */
    struct rng who_rng; /* which of them asks */
    struct retry retry; /* what its clients have for asking again */
    struct rng client_rng;
};

struct world_request {          /* of a customer, or a call of a server */
    struct route_request route; /* its key is the customer of its country, where that matters
                                   (world.customers), or else 0 */
    uint32_t generation;        /* of its timeout */
    uint32_t stream;            /* a customer's: where it comes from */
    uint32_t group;             /* whom it asks */
    uint32_t attempt;           /* the one that is waited for; WORLD_NONE: its copy only */
    uint32_t copy;              /* a second one, sent because the first is slow; WORLD_NONE */
    uint32_t parent;            /* the attempt whose call this is; WORLD_NONE: a customer's */
    uint32_t parent_generation; /* it is the same attempt, at the same step */
    bool background;
    uint8_t visits;  /* times that its customer has come to the door with it, 1.. */
    uint16_t poison; /* the fault whose customer this is, counted from 1; 0: none */
    union {
        int64_t start_ns;
        uint32_t next_free;
    };
};

enum attempt_state {
    ATTEMPT_FREE,
    ATTEMPT_OUT,   /* on its way to its server */
    ATTEMPT_WAITS, /* in its queue */
    ATTEMPT_RUNS,
    ATTEMPT_CALLS, /* its work is done, and it waits for other services */
    ATTEMPT_BACK,
    ATTEMPT_LOST, /* nothing will be heard of it */
};

struct world_calls {                /* of an attempt in ATTEMPT_CALLS */
    int64_t until_ns;               /* the step's deadline */
    uint32_t step;                  /* of its service's calls */
    uint32_t unsent, out, answered; /* requests of that step */
    bool sending;                   /* one of them, this moment */
};

struct world_attempt {          /* one cache line */
    struct admission_item item; /* first: serve.c comes from it to its attempt */
    uint32_t generation;        /* of its completion, and of each step of its calls */
    uint32_t request;           /* WORLD_NONE: nobody waits for it any more */
    uint32_t server;            /* index into world.server */
    uint16_t place;             /* where it was sent from */
    uint8_t state;              /* enum attempt_state */
    uint8_t answer;             /* enum world_answer, once it is on its way back */
    union {
        int64_t begin_ns; /* of the work that is not counted yet */
        uint32_t next_free;
    };
};

static_assert(sizeof(struct world_attempt) == 64, "one cache line");

struct world {
    struct engine engine;
    const struct topo *topo;
    const struct scenario *scenario;
    int64_t end_ns, warmup_ns;
    struct world_cell *cell;
    struct world_group *group; /* [cells * services], cell by cell */
    uint32_t group_count;
    struct world_server *server;
    uint32_t server_count;
    bool customers;            /* who asks matters: requests carry it, and those hurt are counted */
    struct world_plane *plane; /* NULL: no control plane does anything */
    uint32_t faults_on;
    struct world_fault *fault; /* [scenario.fault_count] */
    struct world_stream *stream;
    uint32_t stream_count;
    struct world_request *request;
    struct world_attempt *attempt;
    struct world_calls *calls;         /* beside `attempt`; NULL when no service calls */
    struct world_caches *caches;       /* NULL: no call has one */
    struct world_orders *orders;       /* NULL: there are none */
    struct world_functions *functions; /* NULL: the same */
    uint32_t pool_count;               /* of requests, and of attempts, that there may be at once */
    uint32_t request_used, attempt_used; /* the others have never been: their memory is untouched */
    uint32_t request_free, attempt_free;
    const char *full;    /* which of them had no room for one more; NULL: none */
    struct trace *trace; /* NULL: nobody listens */
    struct world_count count;
};

/* ---- where an attempt is, for those who ask and those who are asked ---- */

static inline struct world_group *world_group_of(struct world *w,
                                                 const struct world_attempt *attempt)
{
    return &w->group[w->server[attempt->server].group];
}

static inline int64_t world_path_ns(const struct world_cell *cell, uint32_t from, uint32_t to)
{
    return cell->path_ns[from * (cell->zones + 1) + to];
}

/* No room for one more: shedding it quietly would be an answer that no server gave. The run ends.
 */
void world_full(struct world *w, const char *pool);

/* A free place of a pool: one that was used before, or a new one. WORLD_NONE, and the run ends:
 * there is no room. */
static inline uint32_t world_attempt_take(struct world *w)
{
    uint32_t index = w->attempt_free;
    if (index != WORLD_NONE)
        w->attempt_free = w->attempt[index].next_free;
    else if (w->attempt_used < w->pool_count)
        index = w->attempt_used++;
    else
        world_full(w, "tries");
    return index;
}

/* Nothing will be heard of an attempt any more, and nobody waits for it. */
static inline void world_release(struct world *w, uint32_t attempt)
{
    w->attempt[attempt].state = ATTEMPT_FREE;
    w->attempt[attempt].next_free = w->attempt_free;
    w->attempt_free = attempt;
}

/* ---- what happens ---- */

/* The kinds of event: rows of the engine's handler table. */
enum world_kind {
    WORLD_ARRIVE,   /* who: stream */
    WORLD_REACH,    /* who: attempt, at its server */
    WORLD_DONE,     /* who: attempt, cancelled when its server dies */
    WORLD_REPLY,    /* who: attempt, back at the door */
    WORLD_TIMEOUT,  /* who: request, cancelled when the try has ended */
    WORLD_HEDGE,    /* who: request, cancelled with its timeout */
    WORLD_RETRY,    /* who: request, its wait before the next try is over */
    WORLD_VISIT,    /* who: request, its customer comes with it again */
    WORLD_BREAK,    /* who: fault */
    WORLD_HEAL,     /* who: fault */
    WORLD_POISON,   /* who: fault, whose customer asks; cancelled when the fault ends */
    WORLD_CONTROL,  /* who: cell, whose control plane is back */
    WORLD_RESTART,  /* who: server */
    WORLD_TICK,     /* who: cell, whose control plane looks at it */
    WORLD_STARTED,  /* who: server, that control started; cancelled when it is stopped */
    WORLD_DEADLINE, /* who: attempt, a step of its calls has taken too long */
    WORLD_PIPE,     /* who: cell, whose pipeline's next event is due */
    WORLD_PLACE,    /* who: cell, in which an order is placed */
    WORLD_WORKED,   /* who: attempt, a pipeline's work on it has ended */
    WORLD_LOOK,     /* who: cell, whose pipeline learns of what is down */
    WORLD_WARM,     /* who: instance of a function, it has started; cancelled when it is gone */
    WORLD_FUNCTION, /* who: function, its deadline */
    WORLD_CHANGE,   /* who: step with a cache, something has changed at its source */
};

/* Room for the counts of one replication; `customers`: with those hurt. 0, or -1 when memory is
 * out. */
int world_count_init(struct world_count *count, const struct topo *topo, bool customers,
                     struct arena *a);

/* Set up replication `replication` of `seed`. All arguments are borrowed until the run has ended;
 * the plan says how many servers there are. 0, or -1 with `err` set. */
int world_init(struct world *w, const struct topo *topo, const struct capacity_plan *plan,
               const struct scenario *scenario, uint64_t seed, uint64_t replication,
               struct arena *a, struct error *err);

/* From now on a country asks `factor` times as much as the topology says. */
void world_surge(struct world *w, size_t country, double factor);

/* A server begins to take part, or has left: its time is counted. */
void world_present(struct world *w, uint32_t server, bool present);

/* A function's instances are so many from now on: the same. */
void world_running(struct world *w, uint32_t group, uint32_t instances);

/* Count the time of a group's servers up to now. */
void world_present_count(struct world *w, uint32_t group);

/* Requests/s from outside that a cell gets now. */
double world_cell_rps(const struct world *w, size_t cell);

/* Run on to `until_ns`; what is worked on or waits at the end of the run is counted then. 0, or -1
 * with `err` set when the model outgrew its bounds: it says when, where most waits, and what would
 * help.
 */
int world_run(struct world *w, int64_t until_ns, struct error *err);

#endif
