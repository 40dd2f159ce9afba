#include "base/topo_calls.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json_place.h"
#include "base/topo.h"

enum { CACHE_ENTRIES_MOST = 10000000, CACHE_KEYS_MOST = 1000000 };

static const char *const cache_words[] = {
    [TOPO_CACHE_LRU] = "lru", [TOPO_CACHE_S3_FIFO] = "s3-fifo", NULL};

static const struct json_field cache_fields[] = {
    JSON_I64(struct topo_cache, entries, "entries", 0, CACHE_ENTRIES_MOST, .preset = "0",
             .doc = "Answers that one server of the caller keeps; 0: there is no cache"),
    JSON_I64(struct topo_cache, keys, "keys", 1, CACHE_KEYS_MOST, .preset = "10000",
             .doc = "Different things that are asked for"),
    JSON_F64(struct topo_cache, skew, "skew", 0, 10, .preset = "0.9",
             .doc = "How unequally: the k-th most popular one as often as 1 / k^skew (Zipf); 0: "
                    "all alike"),
    JSON_WORD(struct topo_cache, rule, "rule", cache_words, .preset = "lru",
              .doc = "What goes when it is full: what was not asked for the longest, or s3-fifo, "
                     "which lets what is asked for once pass quickly"),
    JSON_DURATION(struct topo_cache, fresh_us, "fresh", 0, 366 * 86400e6, .preset = "0",
                  .doc = "How long an answer is good; 0: for ever"),
    JSON_DURATION(struct topo_cache, stale_us, "stale", 0, 366 * 86400e6, .preset = "0",
                  .doc = "How long after that it may still be served, while one request gets a new "
                         "one"),
    JSON_F64(struct topo_cache, changes_per_s, "changes", 0, 1e6, .preset = "0",
             .doc = "Changes at the source per second, of what is asked for most more often; all "
                    "caches of the cell drop what has changed at once"),
    JSON_END,
};

const struct json_field topo_call_fields[] = {
    JSON_STR(struct topo_call, service, "service", .required = true,
             .doc = "The service that is asked, in the same cell"),
    JSON_I64(struct topo_call, count, "count", 1, 10000, .preset = "1",
             .doc = "How many requests this step makes"),
    JSON_BOOL(struct topo_call, parallel, "parallel", .preset = "true",
              .doc = "All at once (scatter and gather), or one after the other"),
    JSON_F64(struct topo_call, need, "need", 0, 1, .preset = "1",
             .doc = "The share of them that must be answered; with fewer the caller fails"),
    JSON_DURATION(struct topo_call, deadline_us, "deadline", 0, 3600e6, .preset = "0",
                  .doc = "Go on after so long with the answers that are there; 0: wait for all"),
    JSON_OBJECT(struct topo_call, cache, "cache", cache_fields,
                .doc = "Answers that the caller's servers keep, each for itself and until it dies; "
                       "simulated only, and the plan does not count on them"),
    JSON_END,
};

static const double LOAD_MAX = 1e6; /* requests of one service per request from outside */

static int check_cache(const struct topo_service *caller, size_t step, struct error *err)
{
    const struct topo_cache *cache = &caller->calls[step].cache;
    if (cache->entries == 1)
        return error_set(err, ERR_RANGE,
                         "services.%s.calls[%zu].cache.entries: expected 2 or more, or 0 for no "
                         "cache",
                         caller->name, step);
    if (cache->stale_us > 0 && cache->fresh_us == 0)
        return error_set(err, ERR_CONFLICT,
                         "services.%s.calls[%zu].cache.stale: what is fresh for ever never is; "
                         "give fresh as well",
                         caller->name, step);
    return 0;
}

static int find(struct topo *topo, size_t caller, size_t step, struct error *err)
{
    struct topo_call *call = &topo->services[caller].calls[step];
    if (check_cache(&topo->services[caller], step, err) != 0)
        return -1;
    for (call->index = 0; call->index < topo->service_count; call->index++)
        if (strcmp(topo->services[call->index].name, call->service) == 0)
            return 0;
    char got[JSON_QUOTE_MAX];
    json_quote(got, call->service);
    return error_set(err, ERR_UNKNOWN, "services.%s.calls[%zu].service: no service %s",
                     topo->services[caller].name, step, got);
}

/* ---- cycles ---- */

struct walk { /* from service to service along the calls */
    const struct topo *topo;
    unsigned char state[TOPO_SERVICES_MAX]; /* 0 not seen, 1 on the way, 2 done */
    size_t way[TOPO_SERVICES_MAX];
    size_t depth;
    size_t order[TOPO_SERVICES_MAX]; /* the done ones: whom a service calls stands before it */
    size_t order_count;
};

static int cycle(const struct walk *walk, size_t step, size_t to, struct error *err)
{
    char names[200] = "";
    size_t used = 0, from = 0;
    while (walk->way[from] != to)
        from++;
    for (size_t i = from; i < walk->depth && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s calls ",
                                 walk->topo->services[walk->way[i]].name);
    return error_set(err, ERR_CONFLICT, "services.%s.calls[%zu].service: a cycle: %s%s",
                     walk->topo->services[walk->way[walk->depth - 1]].name, step, names,
                     walk->topo->services[to].name);
}

static int visit(struct walk *walk, size_t at, struct error *err)
{
    const struct topo_service *service = &walk->topo->services[at];
    walk->state[at] = 1;
    walk->way[walk->depth++] = at;
    for (size_t i = 0; i < service->call_count; i++) {
        size_t to = service->calls[i].index;
        if (walk->state[to] == 1)
            return cycle(walk, i, to, err);
        if (walk->state[to] == 0 && visit(walk, to, err) != 0)
            return -1;
    }
    walk->depth--;
    walk->state[at] = 2;
    walk->order[walk->order_count++] = at;
    return 0;
}

/* ---- load ---- */

static int add_load(struct topo *topo, const struct topo_service *caller, struct error *err)
{
    for (size_t i = 0; i < caller->call_count; i++) {
        struct topo_service *to = &topo->services[caller->calls[i].index];
        to->load += caller->load * (double)caller->calls[i].count;
        if (to->load > LOAD_MAX)
            return error_set(err, ERR_LIMIT,
                             "services.%s.calls[%zu]: %s would be asked over %.0f times for one "
                             "request from outside",
                             caller->name, i, to->name, LOAD_MAX);
    }
    return 0;
}

int topo_calls_complete(struct topo *topo, struct error *err)
{
    struct walk walk = {.topo = topo};
    if (topo->share_sum <= 0)
        return error_set(err, ERR_RANGE, "services: no service has a share of the requests");
    for (size_t i = 0; i < topo->service_count; i++)
        for (size_t k = 0; k < topo->services[i].call_count; k++)
            if (find(topo, i, k, err) != 0)
                return -1;
    for (size_t i = 0; i < topo->service_count; i++) {
        if (walk.state[i] == 0 && visit(&walk, i, err) != 0)
            return -1;
        topo->services[i].load = topo_share(topo, i);
    }
    for (size_t i = walk.order_count; i-- > 0;) /* callers before those whom they call */
        if (add_load(topo, &topo->services[walk.order[i]], err) != 0)
            return -1;
    for (size_t i = 0; i < topo->service_count; i++)
        if (topo->services[i].load <= 0)
            return error_set(err, ERR_CONFLICT,
                             "services.%s.share: 0, and no service calls it: nobody would ask it",
                             topo->services[i].name);
    return 0;
}
