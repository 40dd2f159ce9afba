/* tables_model.c - the whole model, as people run it, where one queue is all there is. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "control/capacity.h"
#include "control/queueing.h"
#include "simulator/run.h"
#include "simulator/tables.h"

/* The way to the customer and back, and to the server: what is not queueing. */
static const double AWAY_MS = 9 + 0.002;
static const double SERVICE_MS = 100;

static int simulate(double *time, const struct subject *s, int64_t seed, struct arena *a,
                    struct error *err)
{
    const struct station_opts *o = &s->station;
    char topology[640], scenario[256];
    double rate = (double)o->servers * o->load * 1000 / SERVICE_MS;
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {\"peak_rps\": %.17g, \"curve\": \"flat\"}},"
             "\"cells\": {\"gb\": {\"region\": \"aws/eu-west-2\", \"zones\": [\"a\"],"
             "\"servers_per_zone\": 1, \"zone_rtt\": \"2us\"}},"
             "\"services\": {\"shop\": {\"time\": \"%.0fms\", \"concurrency\": %u,"
             "\"queue\": 4000}}, \"tolerance\": {\"zones\": 0, \"servers\": 0},"
             "\"policy\": {\"timeout\": \"1h\", \"tries\": 1}}",
             rate, SERVICE_MS, (unsigned)o->servers);
    snprintf(scenario, sizeof scenario,
             "{\"topology\": \"-\", \"duration\": \"%.0fs\", \"warmup\": \"%.0fs\"}",
             (double)(o->warmup + o->customers) / rate, (double)o->warmup / rate);
    struct topo topo;
    struct capacity_plan plan;
    struct scenario bound;
    struct run_result result;
    const struct run_opts opts = {.seed = seed, .replications = 1, .jobs = 1};
    if (topo_parse(&topo, topology, strlen(topology), NULL, 0, a, err) != 0 ||
        capacity_plan(&plan, &topo, a, err) != 0 ||
        scenario_parse(&bound, scenario, strlen(scenario), NULL, 0, a, err) != 0 ||
        scenario_bind(&bound, &topo, err) != 0 ||
        run_scenario(&result, &topo, &plan, &bound, &opts, a, err) != 0)
        return -1;
    *time = (result.countries[0].mean_ms.mean - AWAY_MS) / SERVICE_MS;
    return 0;
}

static int replicate(const struct subject *s, uint64_t seed, uint64_t replication,
                     struct subject_sample *sample, struct arena *a, struct error *err)
{
    const uint64_t seeds = UINT64_C(1) << 53; /* that a scenario takes */
    return simulate(&sample->value[0], s, (int64_t)((seed * 65536 + replication) % seeds), a, err);
}

void tables_model(struct tables *t)
{
    static const struct {
        uint32_t servers;
        double load;
        double customers; /* of a replication */
    } rows[] = {{1, 0.5, 25000}, {1, 0.7, 80000}, {10, 0.8, 60000}};
    struct validate_table *table = tables_begin(
        t, "model",
        "The whole model of bulkhead sim with one cell of c servers: mean time in system",
        "Erlang's C formula, 1917, plus the mean service time");
    if (table == NULL)
        return;
    table->decimals = 6;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double exact = 1 + queueing_wait(rows[i].servers, rows[i].load);
        struct validate_row *row = tables_row(t, (double)NAN, 0, exact, "c = %u, load %.2f",
                                              (unsigned)rows[i].servers, rows[i].load);
        struct subject s = {.replicate = replicate, .replications = 64};
        s.station.servers = rows[i].servers;
        s.station.load = rows[i].load;
        s.station.warmup = 2000;
        s.station.customers = (int64_t)(rows[i].customers / (t->within * t->within)) + 500;
        tables_measure(t, &s, 0, row, 1, exact);
        s.cost = 64.0 * (double)(s.station.warmup + s.station.customers) * 5;
        tables_simulate(t, &s, "model/%u/%.2f", (unsigned)rows[i].servers, rows[i].load);
    }
}
