/* world.h - one replication: demand, doors and servers of every cell on simulated time.
 *
 * A tick of the engine is one nanosecond. Each country asks each service by a Poisson process whose
 * rate follows its local hour. A request goes to the door of its cell, which chooses a replica
 * (control/balance), travels half the zone round trip, is admitted, waits or is shed
 * (region/admission), is worked on, and travels back. A try that fails or takes too long is
 * repeated in another zone as far as the retry budget (control/retry) allows. What decides is the
 * code that runs live; this folder moves time and messages, and counts.
 *
 * Cells share nothing, here as there. world.c builds and runs, flow.c is a request's way, faults.c
 * breaks and heals. */
#ifndef SIMULATOR_WORLD_H
#define SIMULATOR_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/dist.h"
#include "base/hist.h"
#include "base/rng.h"
#include "control/balance.h"
#include "control/retry.h"
#include "region/admission.h"
#include "simulator/engine.h"

struct arena;
struct capacity_plan;
struct error;
struct scenario;
struct topo;

#define WORLD_NONE UINT32_MAX

/* How a try ended, as its door sees it. */
enum world_answer { WORLD_OK, WORLD_SHED, WORLD_RESET };

/* ---- what is counted ---- */

struct world_country_count {
    int64_t requests; /* begun after the warm-up and ended within the run */
    int64_t ok;
    int64_t shed;   /* ended by a refusal */
    int64_t failed; /* ended by a reset or a timeout */
    int64_t retries;
    struct hist latency; /* of the answered ones, at the customer */
};

struct world_group_count {
    int64_t tries_shed; /* after the warm-up */
    int64_t busy_ns;    /* work after the warm-up, over all servers, finished or not */
};

struct world_count {
    int64_t events;
    uint64_t digest; /* of every request's end: the same seed gives the same number everywhere */
    struct world_country_count *country; /* [topo.country_count] */
    struct world_group_count *group;     /* [cells * services] */
};

/* ---- what there is ---- */

struct world_server {
    struct admission admission;
    uint32_t first, last; /* tries that wait, linked by `next`; WORLD_NONE */
    uint32_t group;
    uint32_t down;  /* faults that hold it down; 0: it runs */
    struct rng rng; /* its service times */
};

struct world_group { /* the replicas of one service in one cell, behind its door */
    struct balance balance;
    struct rng rng; /* the door's choices */
    uint32_t cell;
    uint32_t server_first; /* its servers are numbered from here, zone by zone */
    uint32_t per_zone;
    struct dist dist; /* of service times, in ns */
};

struct world_cell {
    struct retry retry;
    int64_t half_rtt_ns;
};

struct world_stream { /* the requests of one country for one service */
    struct rng rng;
    const double *rps; /* [TOPO_SLOTS] of the country */
    double factor;     /* the service's share times the scenario's load */
    double gap_ns;     /* mean gap in the current slot; infinite: no demand */
    int64_t slot_end_ns;
    int64_t client_rtt_us;
    uint32_t group;
    uint32_t country;
};

struct world_request {
    uint32_t generation; /* of its timeout */
    uint32_t stream;
    uint32_t attempt; /* the one that is waited for */
    uint16_t tries;
    uint16_t avoid; /* the zone that failed last */
    int64_t start_ns;
    uint32_t next_free;
};

enum attempt_state { ATTEMPT_FREE, ATTEMPT_OUT, ATTEMPT_WAITS, ATTEMPT_RUNS, ATTEMPT_BACK };

struct world_attempt {
    uint32_t generation; /* of its completion */
    uint32_t request;    /* WORLD_NONE: nobody waits for it any more */
    uint32_t server;     /* index into world.server */
    uint32_t next;       /* behind it in the server's queue, or free */
    uint8_t state;       /* enum attempt_state */
    uint8_t answer;      /* enum world_answer, once it is on its way back */
    int64_t begin_ns;    /* of the work that is not counted yet */
};

struct world {
    struct engine engine;
    const struct topo *topo;
    const struct scenario *scenario;
    int64_t end_ns, warmup_ns, timeout_ns;
    struct world_cell *cell;
    struct world_group *group; /* [cells * services], cell by cell */
    uint32_t group_count;
    struct world_server *server;
    uint32_t server_count;
    struct world_stream *stream;
    uint32_t stream_count;
    struct world_request *request;
    struct world_attempt *attempt;
    uint32_t pool_count; /* of requests, and of attempts */
    uint32_t request_free, attempt_free;
    const char *full; /* which of them had no room for one more; NULL: none */
    struct world_count count;
};

/* The kinds of event: rows of the engine's handler table. */
enum world_kind {
    WORLD_ARRIVE,  /* who: stream */
    WORLD_REACH,   /* who: attempt, at its server */
    WORLD_DONE,    /* who: attempt, cancelled when its server dies */
    WORLD_REPLY,   /* who: attempt, back at the door */
    WORLD_TIMEOUT, /* who: request, cancelled when the try has ended */
    WORLD_RETRY,   /* who: request, its wait before the next try is over */
    WORLD_BREAK,   /* who: fault */
    WORLD_HEAL,    /* who: fault */
};

/* Room for the counts of one replication. 0, or -1 when memory is out. */
int world_count_init(struct world_count *count, const struct topo *topo, struct arena *a);

/* Set up replication `replication` of `seed`. All arguments are borrowed until the run has ended;
 * the plan says how many servers there are. 0, or -1 with `err` set. */
int world_init(struct world *w, const struct topo *topo, const struct capacity_plan *plan,
               const struct scenario *scenario, uint64_t seed, uint64_t replication,
               struct arena *a, struct error *err);

/* Run on to `until_ns`; what is worked on at the end of the run is counted then. 0, or -1 with
 * `err` set when the model outgrew its bounds: it says when, where most waits, and what would help.
 */
int world_run(struct world *w, int64_t until_ns, struct error *err);

#endif
