#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "control/capacity.h"
#include "simulator/world.h"
#include "tests/bench/floors.h"

#define PLACES                                                               \
    "\"countries\": {"                                                       \
    "  \"GB\": {\"customers\": 660000, \"curve\": \"retail/GB\"},"           \
    "  \"DE\": {\"customers\": 772000, \"curve\": \"retail/DE\"},"           \
    "  \"FR\": {\"customers\": 595000, \"curve\": \"retail/FR\"}},"          \
    "\"cells\": {"                                                           \
    "  \"gb\": {\"countries\": [\"GB\"], \"region\": \"aws/eu-west-2\"},"    \
    "  \"de\": {\"countries\": [\"DE\"], \"region\": \"aws/eu-central-1\"}," \
    "  \"fr\": {\"countries\": [\"FR\"], \"region\": \"aws/eu-west-3\"}},"   \
    "\"tolerance\": {\"zones\": 1, \"servers\": 1},"

#define LOSS                                                                              \
    "\"topology\": \"\", \"start\": \"peak DE\", \"warmup\": \"1m\","                     \
    "\"faults\": ["                                                                       \
    "  {\"kind\": \"zone-down\", \"scope\": \"de/a\", \"at\": \"5m\", \"for\": \"10m\"}," \
    "  {\"kind\": \"partition\", \"scope\": \"fr/b\", \"at\": \"8m\", \"for\": \"1m\"}],"

struct model {
    const char *topology, *scenario;
};

static const struct model plain = {
    "{" PLACES "\"services\": {"
    "  \"catalog\": {\"share\": 60, \"time\": \"20ms\"},"
    "  \"customer\": {\"share\": 20, \"time\": \"10ms\"},"
    "  \"order\": {\"share\": 15, \"time\": \"40ms\"},"
    "  \"vendor\": {\"share\": 5, \"time\": \"10ms\"}}}",
    "{" LOSS "\"duration\": \"20m\"}",
};

static const struct model rich = {
    "{" PLACES "\"services\": {"
    "  \"catalog\": {\"share\": 60, \"time\": \"20ms\", \"discipline\": \"priority\","
    "    \"background\": 0.2, \"calls\": [{\"service\": \"vendor\", \"count\": 3,"
    "    \"need\": 0.6, \"deadline\": \"200ms\"}]},"
    "  \"customer\": {\"share\": 20, \"time\": \"10ms\", \"calls\": [{\"service\": \"store\"}]},"
    "  \"order\": {\"share\": 15, \"time\": \"40ms\", \"calls\": [{\"service\": \"customer\"},"
    "    {\"service\": \"store\", \"count\": 2, \"parallel\": false}]},"
    "  \"vendor\": {\"share\": 5, \"time\": \"10ms\"},"
    "  \"store\": {\"share\": 0, \"store\": true, \"time\": \"1ms\", \"concurrency\": 64}},"
    "\"policy\": {\"balance\": \"near\", \"hedge\": 0.05, \"breaker\": 2}}",
    "{" LOSS "\"duration\": \"15m\", \"control\": {\"replace\": true, \"shift\": true}}",
};

static int model_run(struct world *w, const struct model *model, uint64_t seed, double *used_s,
                     struct arena *a, struct error *err)
{
    struct topo topo;
    struct capacity_plan plan;
    struct scenario scenario;
    if (topo_parse(&topo, model->topology, strlen(model->topology), NULL, 0, a, err) != 0 ||
        capacity_plan(&plan, &topo, a, err) != 0 ||
        scenario_parse(&scenario, model->scenario, strlen(model->scenario), NULL, 0, a, err) != 0 ||
        scenario_bind(&scenario, &topo, err) != 0 ||
        world_init(w, &topo, &plan, &scenario, seed, 0, a, err) != 0)
        return -1;
    double start_s = bench_cpu_s();
    int status = world_run(w, w->end_ns, err);
    *used_s = bench_cpu_s() - start_s;
    return status;
}

/* The share of users' requests that were answered, or 0 when something that the model is to show
 * did not happen. */
static double answered(const struct world *w)
{
    double requests = 0, ok = 0, retries = 0;
    for (size_t i = 0; i < w->topo->country_count; i++) {
        const struct world_country_count *count = &w->count.country[i];
        requests += (double)count->requests;
        ok += (double)count->ok;
        retries += (double)count->retries;
    }
    return requests > 0 && retries > 0 ? ok / requests : 0;
}

static struct bench_rate measure(const struct model *model, uint64_t seed)
{
    struct bench_rate rate = {0};
    struct arena a = {0};
    struct error err;
    double used_s;
    struct world *w = arena_alloc(&a, 1, sizeof *w);
    if (w != NULL && model_run(w, model, seed, &used_s, &a, &err) == 0) {
        rate.events_per_s = (double)w->count.events / used_s;
        rate.check = answered(w);
    }
    arena_release(&a);
    return rate;
}

struct bench_rate model_plain(uint64_t seed)
{
    return measure(&plain, seed);
}

struct bench_rate model_rich(uint64_t seed)
{
    return measure(&rich, seed);
}
