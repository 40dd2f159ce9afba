/* caches.h - what servers keep of the answers to their calls, by region/cache.
 *
 * A step of a service's calls may have a cache (base/topo.h). Each server of the caller then has
 * one of its own, empty when the server starts: what is found in it is answered at once and asks
 * nobody. A call that does ask gets the answer for the cache, so it goes on when its caller has
 * given up: it inherits no deadline. Otherwise a store that is too slow for its callers would never
 * fill a cold cache. Which key a call is for is drawn by its popularity, from a stream of its own.
 */
#ifndef SIMULATOR_CACHES_H
#define SIMULATOR_CACHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "region/cache.h"
#include "simulator/world.h"
#include "simulator/zipf.h"

struct world_cache { /* of one server, for one step */
    struct cache cache;
    uint32_t starts;  /* of its server, when it was last looked at, */
    int64_t since_ns; /* and that one's last death: it is empty after either */
    uint32_t life;    /* how often it was emptied */
};

struct caches_step { /* of one group's calls */
    uint32_t first;  /* cache of the group's first server; WORLD_NONE: the step has none */
    uint32_t count;  /* index into world.count.cache */
    uint32_t zipf;
    struct rng rng;
    struct rng changes;
};

struct caches_note { /* of a call that asks: where its answer is to be kept */
    uint64_t key;
    uint32_t cache; /* WORLD_NONE: nowhere */
    uint32_t life;
};

struct world_caches {
    struct caches_step *step; /* [groups * steps_max] */
    uint32_t steps_max;
    struct world_cache *cache;
    struct zipf *zipf;
    struct caches_note *note;  /* [pool_count] beside the requests */
    struct caches_note asking; /* of the request that is about to be made */
    bool nobody_waits;         /* for that one */
};

/* How many steps of calls of the topology have a cache, in one cell. */
size_t caches_per_cell(const struct topo *topo);

/* The caches of a new world whose groups, servers and pools are there; none, and world.caches stays
 * NULL, where no call has one. 0, or -1 when memory is out. */
int caches_init(struct world *w, uint64_t seed, uint64_t replication, struct arena *a);

enum caches_answer {
    CACHES_ASK,   /* not there: the call must be made */
    CACHES_FOUND, /* answered */
    CACHES_RENEW, /* answered, and a call must be made for which nobody waits */
};

/* The server that works on `attempt` looks for what the step of its calls wants. After CACHES_ASK
 * and CACHES_RENEW ask_call follows. */
enum caches_answer caches_look(struct world *w, uint32_t attempt, uint32_t step);

/* ask_call has made this request. */
void caches_asked(struct world *w, uint32_t request);

/* A call's request has ended: an answer is kept. */
void caches_ended(struct world *w, uint32_t request, enum world_answer answer);

/* Handler of the engine. */
void caches_change(void *world, const struct event *event);

#endif
