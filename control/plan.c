#include "control/plan.h"

#include "base/arena.h"
#include "base/error.h"

static const struct json_field shard_fields[] = {
    JSON_STR(struct plan_shards, cell, "cell", .doc = "Of this cell"),
    JSON_STR(struct plan_shards, service, "service", .doc = "Of this service"),
    JSON_OBJECT(struct plan_shards, shares, "shares", shuffle_shares_fields,
                .doc = "What one customer's trouble touches"),
    JSON_END,
};

static const struct json_field far_fields[] = {
    JSON_STR(struct plan_far, country, "country", .doc = "Whose customers"),
    JSON_STR(struct plan_far, cell, "cell", .doc = "Are served by this cell"),
    JSON_STR(struct plan_far, region, "region", .doc = "Which is here"),
    JSON_I64(struct plan_far, rtt_us, "rtt_us", 0, 0, .doc = "So far away"),
    JSON_END,
};

const struct json_field plan_fields[] = {
    JSON_I64(struct plan, capacity.servers, "servers", 0, 0,
             .doc = "Servers of all cells, as the topology cuts them"),
    JSON_BOOL(struct plan, capacity.enough, "enough",
              .doc = "Every cell survives the tolerated loss"),
    JSON_OBJECT(struct plan, capacity.together, "together", capacity_together_fields,
                .doc = "All countries in one cell, under the same tolerance"),
    JSON_F64(struct plan, capacity.separation_cost, "separation_cost", 0, 0,
             .doc = "Servers over the servers together, minus 1"),
    JSON_F64(struct plan, capacity.sum_of_peaks_rps, "sum_of_peaks_rps", 0, 0,
             .doc = "The cells' peaks added up"),
    JSON_F64(struct plan, capacity.peak_of_sum_rps, "peak_of_sum_rps", 0, 0,
             .doc = "The peak of the cells' demand added up"),
    JSON_F64(struct plan, capacity.peaks_ratio, "peaks_ratio", 0, 0,
             .doc = "The first over the second"),
    JSON_F64(struct plan, capacity.blast_customers, "blast_customers", 0, 0,
             .doc = "The largest share of customers that the loss of one cell touches"),
    JSON_F64(struct plan, capacity.blast_demand, "blast_demand", 0, 0,
             .doc = "The same of a week's requests"),
    JSON_MAP(struct plan, capacity.cells, capacity.cell_count, "cells", struct capacity_cell,
             capacity_cell_fields, .doc = "By cell"),
    JSON_OBJECT(struct plan, proof, "proof", proof_fields,
                .doc = "Every tolerated loss at every slot of the week, tried out"),
    JSON_OBJECT(struct plan, separation, "separation", separation_fields,
                .doc = "What it costs that cells share nothing, and why"),
    JSON_LIST(struct plan, far, far_count, "far", struct plan_far, far_fields,
              .doc = "Countries that are farther from their cell than rtt_max"),
    JSON_LIST(struct plan, shards, shard_count, "shards", struct plan_shards, shard_fields,
              .doc =
                  "Under fixed-shards and shuffle-shards, by cell and service; with goal.touched "
                  "also as shuffle-shards would be"),
    JSON_MAYBE(struct plan, demand, "demand", struct demand_report, demand_report_fields,
               .doc = "With --demand: what the file held; or null"),
    JSON_LIST(struct plan, frontiers, frontier_count, "frontiers", struct frontier, frontier_fields,
              .doc = "With --frontier: cost against blast radius, of customers and of demand"),
    JSON_END,
};

static int find_shards(struct plan *plan, const struct topo *topo, struct arena *a,
                       struct error *err)
{
    bool shuffled = topo->policy.balance != TOPO_BALANCE_FIXED;
    if (shuffled && topo->policy.balance != TOPO_BALANCE_SHUFFLE && topo->goal.touched <= 0)
        return 0;
    plan->shards = arena_alloc(a, topo->cell_count * topo->service_count, sizeof plan->shards[0]);
    if (plan->shards == NULL)
        return error_memory(err);
    for (size_t i = 0; i < plan->capacity.cell_count; i++) {
        const struct capacity_cell *cell = &plan->capacity.cells[i];
        for (size_t k = 0; k < cell->service_count; k++) {
            const struct capacity_service *service = &cell->services[k];
            double *shared = arena_alloc(a, TOPO_SHARD_MAX + 1, sizeof shared[0]);
            if (shared == NULL)
                return error_memory(err);
            if (topo->services[k].store || service->servers == 0)
                continue;
            struct plan_shards *to = &plan->shards[plan->shard_count++];
            to->cell = cell->name;
            to->service = service->name;
            shuffle_shares_of(&to->shares, service->servers, topo->policy.shard, shuffled,
                              topo->goal.touched, shared);
        }
    }
    return 0;
}

static int find_far(struct plan *plan, const struct topo *topo, struct arena *a, struct error *err)
{
    plan->far = arena_alloc(a, topo->country_count, sizeof plan->far[0]);
    if (plan->far == NULL)
        return error_memory(err);
    for (size_t i = 0; i < topo->cell_count && topo->rtt_max_us > 0; i++) {
        const struct topo_cell *cell = &topo->cells[i];
        for (size_t k = 0; k < cell->country_count; k++)
            if (cell->client_rtt_us[k] > topo->rtt_max_us)
                plan->far[plan->far_count++] = (struct plan_far){
                    cell->countries[k], cell->name, cell->region, cell->client_rtt_us[k]};
    }
    return 0;
}

int plan_make(struct plan *plan, const struct topo *topo, const struct capacity_plan *capacity,
              struct arena *a, struct error *err)
{
    *plan = (struct plan){.capacity = *capacity};
    if (proof_try(&plan->proof, topo, capacity, a, err) != 0 ||
        separation_find(&plan->separation, topo, capacity, a, err) != 0 ||
        find_far(plan, topo, a, err) != 0)
        return -1;
    return find_shards(plan, topo, a, err);
}

void plan_frontiers_put(struct plan *plan, struct frontier found[PLAN_FRONTIERS])
{
    int64_t number = 0;
    plan->frontiers = found;
    plan->frontier_count = PLAN_FRONTIERS;
    for (size_t i = 0; i < PLAN_FRONTIERS; i++)
        for (size_t k = 0; k < found[i].point_count; k++)
            found[i].points[k].number = ++number;
}

const struct frontier_point *plan_point(const struct plan *plan, int64_t number)
{
    for (size_t i = 0; i < plan->frontier_count; i++)
        for (size_t k = 0; k < plan->frontiers[i].point_count; k++)
            if (plan->frontiers[i].points[k].number == number)
                return &plan->frontiers[i].points[k];
    return NULL;
}
