#include "control/proof.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"

static const struct json_field goal_fields[] = {
    JSON_STR(struct proof_goal, service, "service", .doc = "The service that is nearest to it"),
    JSON_I64(struct proof_goal, slot, "slot", 0, 0,
             .doc = "When: quarter-hours since Monday 00:00 UTC"),
    JSON_STR(struct proof_goal, zones, "zones", .doc = "The zones whose loss binds"),
    JSON_I64(struct proof_goal, sets, "sets", 0, 0,
             .doc = "How many sets of zones bind as much, these among them"),
    JSON_F64(struct proof_goal, strain, "strain", 0, 0, .nullable = true,
             .doc = "Its demand then over the most with which the goal is kept; null: no server is "
                    "left"),
    JSON_END,
};

static const struct json_field cell_fields[] = {
    JSON_STR(struct proof_cell, name, "name", .doc = "The cell"),
    JSON_I64(struct proof_cell, losses, "losses", 0, 0, .doc = "Losses tried, of all its services"),
    JSON_I64(struct proof_cell, failures, "failures", 0, 0,
             .doc = "Losses that are not survived in some slot"),
    JSON_STR(struct proof_cell, service, "service", .nullable = true,
             .doc = "The tightest of its services"),
    JSON_I64(struct proof_cell, slot, "slot", 0, 0,
             .doc = "When: quarter-hours since Monday 00:00 UTC"),
    JSON_STR(struct proof_cell, zones, "zones", .doc = "The zones whose loss binds"),
    JSON_I64(struct proof_cell, sets, "sets", 0, 0,
             .doc = "How many sets of zones bind as much, these among them"),
    JSON_F64(struct proof_cell, busy, "busy", 0, 0, .nullable = true,
             .doc = "Utilisation then; null: no server is left"),
    JSON_MAYBE(struct proof_cell, goal, "goal", struct proof_goal, goal_fields,
               .doc = "What binds by the latency goal; null: there is none"),
    JSON_END,
};

const struct json_field proof_fields[] = {
    JSON_I64(struct proof, losses, "losses", 0, 0,
             .doc = "Tolerated losses of a service that were tried"),
    JSON_I64(struct proof, checks, "checks", 0, 0, .doc = "Losses times slots of the week"),
    JSON_I64(struct proof, failures, "failures", 0, 0, .doc = "Losses that are not survived"),
    JSON_BOOL(struct proof, complete, "complete",
              .doc = "Every loss was tried; a service with more than 200,000 is left out"),
    JSON_LIST(struct proof, cells, cell_count, "cells", struct proof_cell, cell_fields,
              .doc = "By cell, with the loss that binds"),
    JSON_END,
};

/* ---- one service under one number of servers left ---- */

struct trial {
    const struct topo *topo;
    const struct capacity_rule *rule;
    const struct topo_service *service;
    const double *rps; /* of the cell, by slot */
    int64_t per_zone, zones;
    int64_t left; /* the number last tried, and what came of it; -1: none yet */
    bool survives;
    double busy;
    size_t slot;
    int64_t losses, failures; /* so far */
    double busiest;
    size_t busiest_slot;
    int64_t busiest_left; /* servers then */
    unsigned dead;        /* the first set of zones that binds */
    int64_t sets;
    unsigned counted; /* the last set that was counted in `sets` */
};

/* The servers left in every slot of the week. */
static void try_slots(struct trial *t, int64_t left)
{
    double one_rps = capacity_server_rps(t->service, 1);
    t->left = left;
    t->survives = true;
    t->busy = -1;
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++) {
        double rps = t->rps[slot] * t->rule->load;
        double busy = left > 0 ? rps / (one_rps * (double)left) : rps > 0 ? (double)INFINITY : 0;
        if (busy > t->topo->target_utilisation * (1 + 1e-9))
            t->survives = false;
        if (busy > t->busy) {
            t->busy = busy;
            t->slot = slot;
        }
    }
    /* Waits grow with the demand: the busiest slot answers for all. */
    if (!queueing_keeps(&t->rule->queueing, t->rps[t->slot] * t->rule->load, left))
        t->survives = false;
}

static void try_loss(struct trial *t, unsigned dead, int64_t left)
{
    if (left != t->left)
        try_slots(t, left);
    t->losses++;
    t->failures += !t->survives;
    if (t->busy > t->busiest) {
        t->busiest = t->busy;
        t->busiest_slot = t->slot;
        t->busiest_left = left;
        t->dead = t->counted = dead;
        t->sets = 1;
    } else if (t->busy == t->busiest && dead != t->counted) {
        t->counted = dead;
        t->sets++;
    }
}

/* Every way to take up to `lost` servers from the zones from `zone` on that are alive. */
static void try_servers(struct trial *t, unsigned dead, int64_t zone, int64_t lost, int64_t left)
{
    if (zone == t->zones) {
        try_loss(t, dead, left);
        return;
    }
    if (dead >> zone & 1) {
        try_servers(t, dead, zone + 1, lost, left);
        return;
    }
    for (int64_t gone = 0; gone <= lost && gone <= t->per_zone; gone++)
        try_servers(t, dead, zone + 1, lost - gone, left + t->per_zone - gone);
}

/* How many losses try_servers would try for all sets of zones, at most: a set of z zones left has
 * (m + z over z) ways to lose up to m servers. */
static double loss_count(int64_t zones, struct topo_tolerance lost)
{
    double sum = 0, sets = 1;
    for (int64_t dead = 0; dead <= lost.zones; dead++) {
        double ways = 1;
        for (int64_t i = 1; i <= zones - dead; i++)
            ways = ways * (double)(lost.servers + i) / (double)i;
        sum += sets * ways;
        sets = sets * (double)(zones - dead) / (double)(dead + 1);
    }
    return sum;
}

static unsigned bits(unsigned x)
{
    unsigned count = 0;
    for (; x != 0; x &= x - 1)
        count++;
    return count;
}

/* ---- a cell ---- */

static const char *zone_names(const struct topo_cell *cell, unsigned dead, struct arena *a)
{
    const char *text = "";
    for (size_t z = 0; z < cell->zone_count && text != NULL; z++)
        if (dead >> z & 1)
            text = arena_format(a, "%s%s%s", text, *text == '\0' ? "" : " ", cell->zones[z]);
    return text;
}

/* All losses of one service. False: there are too many. */
static bool try_service(struct trial *t)
{
    struct topo_tolerance lost = t->topo->tolerance;
    if (loss_count(t->zones, lost) > PROOF_LOSSES_MAX)
        return false;
    for (unsigned set = 0; set < 1u << t->zones; set++)
        if (bits(set) <= (unsigned)lost.zones)
            try_servers(t, set, 0, lost.servers, 0);
    return true;
}

/* The fewest servers at the busiest slot bind by the goal too: waits grow with the load. */
static int try_goal(struct proof_cell *to, const struct trial *t, const struct topo_cell *from,
                    struct arena *a, struct error *err)
{
    double rps = t->rps[t->busiest_slot] * t->rule->load;
    double strain = queueing_strain(&t->rule->queueing, rps, t->busiest_left);
    if (!t->rule->queueing.wanted || (to->goal != NULL && to->goal->strain >= strain))
        return 0;
    struct proof_goal *goal = arena_alloc(a, 1, sizeof *goal);
    if (goal == NULL)
        return error_memory(err);
    *goal = (struct proof_goal){.service = t->service->name,
                                .slot = t->busiest_slot,
                                .zones = zone_names(from, t->dead, a),
                                .sets = t->sets,
                                .strain = strain};
    to->goal = goal;
    return goal->zones != NULL ? 0 : error_memory(err);
}

static int try_cell(struct proof *proof, size_t index, const struct topo *topo,
                    const struct capacity_cell *cell, const struct capacity_rule *rules,
                    struct arena *a, struct error *err)
{
    const struct topo_cell *from = &topo->cells[index];
    struct proof_cell *to = &proof->cells[index];
    double rps[TOPO_SLOTS];
    unsigned dead = 0;
    *to = (struct proof_cell){.name = cell->name, .busy = -1};
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
        rps[slot] = topo_cell_rps(topo, from, slot);
    for (size_t i = 0; i < cell->service_count; i++) {
        struct trial t = {.topo = topo,
                          .rule = &rules[i],
                          .service = &topo->services[i],
                          .rps = rps,
                          .per_zone = cell->services[i].per_zone,
                          .zones = cell->zones,
                          .left = -1,
                          .busiest = -1};
        if (topo->services[i].store)
            continue;
        if (!try_service(&t)) {
            proof->complete = false;
            continue;
        }
        if (try_goal(to, &t, from, a, err) != 0)
            return -1;
        to->losses += t.losses;
        to->failures += t.failures;
        if (t.busiest > to->busy) {
            to->busy = t.busiest;
            to->service = cell->services[i].name;
            to->slot = t.busiest_slot;
            to->sets = t.sets;
            dead = t.dead;
        }
    }
    to->zones = zone_names(from, dead, a);
    proof->losses += to->losses;
    proof->failures += to->failures;
    return to->zones != NULL ? 0 : error_memory(err);
}

int proof_try(struct proof *proof, const struct topo *topo, const struct capacity_plan *plan,
              struct arena *a, struct error *err)
{
    *proof = (struct proof){.complete = true, .cell_count = plan->cell_count};
    struct capacity_rule *rules = capacity_rules(topo, a, err);
    if (rules == NULL)
        return -1;
    proof->cells = arena_alloc(a, plan->cell_count, sizeof proof->cells[0]);
    if (proof->cells == NULL)
        return error_memory(err);
    for (size_t i = 0; i < plan->cell_count; i++)
        if (try_cell(proof, i, topo, &plan->cells[i], rules, a, err) != 0)
            return -1;
    proof->checks = proof->losses * TOPO_SLOTS;
    return 0;
}
