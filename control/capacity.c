#include "control/capacity.h"

#include <math.h>

#include "base/arena.h"
#include "base/error.h"

static const struct json_field service_fields[] = {
    JSON_F64(struct capacity_service, peak_rps, "peak_rps", 0, 0,
             .doc = "Requests/s of this service at the cell's busiest slot"),
    JSON_I64(struct capacity_service, needed_load, "needed_load", 0, 0,
             .doc = "Servers that carry the peak at target utilisation"),
    JSON_I64(struct capacity_service, needed_goal, "needed_goal", 0, 0,
             .doc = "Servers that keep the latency goal at the peak; 0: no goal"),
    JSON_I64(struct capacity_service, needed, "needed", 0, 0, .doc = "The more of both"),
    JSON_I64(struct capacity_service, per_zone_planned, "per_zone_planned", 0, 0,
             .doc = "Servers per zone that survive the tolerated loss"),
    JSON_I64(struct capacity_service, per_zone, "per_zone", 0, 0,
             .doc = "Servers per zone: what the topology fixes, or else as planned"),
    JSON_I64(struct capacity_service, servers, "servers", 0, 0, .doc = "In all zones"),
    JSON_F64(struct capacity_service, busy, "busy", 0, 0,
             .doc = "Utilisation at the peak with nothing lost"),
    JSON_F64(struct capacity_service, busy_after_loss, "busy_after_loss", 0, 0, .nullable = true,
             .doc = "Utilisation at the peak after the tolerated loss; above 1 it sheds; null: no "
                    "server is left"),
    JSON_BOOL(struct capacity_service, keeps_goal, "keeps_goal",
              .doc = "After the tolerated loss it keeps the latency goal; true without one"),
    JSON_F64(struct capacity_service, after_loss.mean_wait_us, "mean_wait_us_after_loss", 0, 0,
             .nullable = true,
             .doc = "Mean wait at the peak after the tolerated loss, by queueing theory; null: it "
                    "sheds, or its work has no variance"),
    JSON_F64(struct capacity_service, after_loss.wait_us, "wait_us_after_loss", 0, 0,
             .nullable = true, .doc = "The wait that the goal's quantile of the requests keeps"),
    JSON_F64(struct capacity_service, after_loss.time_us, "time_us_after_loss", 0, 0,
             .nullable = true, .doc = "The same of wait and work together"),
    JSON_END,
};

#define CELL_ROWS                                                                                  \
    JSON_STRS(struct capacity_cell, countries, country_count, "countries",                         \
              .doc = "The countries it serves"),                                                   \
        JSON_I64(struct capacity_cell, zones, "zones", 0, 0, .doc = "How many zones it has"),      \
        JSON_F64(struct capacity_cell, peak_rps, "peak_rps", 0, 0,                                 \
                 .doc = "Requests/s in its busiest quarter-hour of the week"),                     \
        JSON_I64(struct capacity_cell, peak_slot, "peak_slot", 0, 0,                               \
                 .doc = "Which one: quarter-hours since Monday 00:00 UTC"),                        \
        JSON_F64(struct capacity_cell, customers_share, "customers_share", 0, 0,                   \
                 .doc = "Its share of all customers"),                                             \
        JSON_F64(struct capacity_cell, demand_share, "demand_share", 0, 0,                         \
                 .doc = "Its share of a week's requests"),                                         \
        JSON_I64(struct capacity_cell, servers, "servers", 0, 0,                                   \
                 .doc = "Servers of all services"),                                                \
        JSON_F64(struct capacity_cell, busy_after_loss, "busy_after_loss", 0, 0, .nullable = true, \
                 .doc = "Of its tightest service"),                                                \
        JSON_I64(struct capacity_cell, rtt_us, "rtt_us", 0, 0,                                     \
                 .doc = "The longest round trip from its customers to its region"),                \
        JSON_BOOL(struct capacity_cell, enough, "enough",                                          \
                  .doc =                                                                           \
                      "After the tolerated loss no service is busier than the target or misses "   \
                      "the latency goal"),                                                         \
        JSON_MAP(struct capacity_cell, services, service_count, "services",                        \
                 struct capacity_service, service_fields, .doc = "By service")

const struct json_field capacity_together_fields[] = {CELL_ROWS, JSON_END};

const struct json_field capacity_cell_fields[] = {
    JSON_STR(struct capacity_cell, region, "region", .doc = "Where it runs"), CELL_ROWS, JSON_END};

double capacity_server_rps(const struct topo_service *service, double busy)
{
    return (double)service->concurrency * 1e6 / (double)service->time_us * busy;
}

int64_t capacity_needed(double rps, double server_rps)
{
    double load = rps / server_rps;
    int64_t whole = (int64_t)load;
    return load - (double)whole > 1e-9 * load ? whole + 1 : whole;
}

int64_t capacity_per_zone(int64_t needed, int64_t zones, struct topo_tolerance lost)
{
    int64_t left = zones - lost.zones;
    return (needed + lost.servers + left - 1) / left;
}

/* Utilisation of `servers` under `rps`; infinite when none is there. */
static double busy(double rps, const struct topo_service *service, int64_t servers)
{
    if (servers <= 0)
        return rps > 0 ? (double)INFINITY : 0;
    return rps / (capacity_server_rps(service, 1) * (double)servers);
}

/* The storage of a cell is outside its zones, is what it is, and is not lost with a zone; so is a
 * function, of which there are as many instances as it may have. */
static void plan_store(struct capacity_service *s, const struct topo_service *service)
{
    s->needed = s->servers = service->function.instances > 0 ? service->function.instances : 1;
    s->busy = s->busy_after_loss = busy(s->peak_rps, service, s->servers);
}

struct capacity_rule *capacity_rules(const struct topo *topo, struct arena *a, struct error *err)
{
    struct capacity_rule *rules = arena_alloc(a, topo->service_count, sizeof rules[0]);
    if (rules == NULL) {
        error_memory(err);
        return NULL;
    }
    for (size_t i = 0; i < topo->service_count; i++) {
        const struct topo_service *service = &topo->services[i];
        const struct topo_goal none = {0};
        rules[i].server_rps = capacity_server_rps(service, topo->target_utilisation);
        rules[i].load = service->load;
        rules[i].store = service->store;
        if (queueing_init(&rules[i].queueing, service, service->store ? &none : &topo->goal, err) !=
            0)
            return NULL;
    }
    return rules;
}

int64_t capacity_rule_needed(const struct capacity_rule *rule, double rps)
{
    int64_t by_load = capacity_needed(rps, rule->server_rps);
    int64_t by_goal = queueing_needed(&rule->queueing, rps);
    return by_load > by_goal ? by_load : by_goal;
}

int64_t capacity_servers(const struct capacity_rule *rules, const struct topo *topo,
                         double peak_rps, int64_t zones)
{
    int64_t servers = 0;
    for (size_t i = 0; i < topo->service_count; i++)
        if (!rules[i].store)
            servers +=
                zones * capacity_per_zone(capacity_rule_needed(&rules[i], peak_rps * rules[i].load),
                                          zones, topo->tolerance);
    return servers;
}

/* Whether a service would need more servers than we are willing to count. */
static bool is_beyond(const struct capacity_rule *rule, double rps)
{
    double server_rps = rule->server_rps;
    if (rule->queueing.own_rps < server_rps)
        server_rps = rule->queueing.own_rps;
    return rps / server_rps > 1e9;
}

static int plan_service(struct capacity_service *s, const struct topo *topo,
                        const struct capacity_rule *rules, size_t index,
                        const struct capacity_cell *cell, int64_t given, struct error *err)
{
    const struct topo_service *service = &topo->services[index];
    const struct capacity_rule *rule = &rules[index];
    s->name = service->name;
    s->peak_rps = cell->peak_rps * service->load;
    s->keeps_goal = true;
    if (is_beyond(rule, s->peak_rps))
        return error_set(err, ERR_LIMIT, "cells.%s: service %s would need over 10^9 servers",
                         cell->name, s->name);
    if (service->store) {
        plan_store(s, service);
        return 0;
    }
    s->needed_load = capacity_needed(s->peak_rps, rule->server_rps);
    s->needed_goal = queueing_needed(&rule->queueing, s->peak_rps);
    s->needed = capacity_rule_needed(rule, s->peak_rps);
    s->per_zone_planned = capacity_per_zone(s->needed, cell->zones, topo->tolerance);
    s->per_zone = given > 0 ? given : s->per_zone_planned;
    int64_t left = (cell->zones - topo->tolerance.zones) * s->per_zone - topo->tolerance.servers;
    s->servers = cell->zones * s->per_zone;
    s->busy = busy(s->peak_rps, service, s->servers);
    s->busy_after_loss = busy(s->peak_rps, service, left);
    s->keeps_goal = queueing_keeps(&rule->queueing, s->peak_rps, left);
    s->after_loss = queueing_times(&rule->queueing, s->peak_rps, left, topo->goal.quantile);
    return 0;
}

/* Count one cell whose demand by slot is `rps`. */
static int plan_cell(struct capacity_cell *cell, const struct topo *topo,
                     const struct capacity_rule *rules, const double *rps, int64_t given,
                     struct arena *a, struct error *err)
{
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
        if (rps[slot] > rps[cell->peak_slot])
            cell->peak_slot = slot;
    cell->peak_rps = rps[cell->peak_slot];
    cell->service_count = topo->service_count;
    cell->services = arena_alloc(a, cell->service_count, sizeof cell->services[0]);
    if (cell->services == NULL)
        return error_memory(err);
    cell->enough = true;
    for (size_t i = 0; i < cell->service_count; i++) {
        struct capacity_service *s = &cell->services[i];
        if (plan_service(s, topo, rules, i, cell, given, err) != 0)
            return -1;
        if (!topo->services[i].store)
            cell->servers += s->servers;
        if (s->busy_after_loss > cell->busy_after_loss)
            cell->busy_after_loss = s->busy_after_loss;
        if (s->busy_after_loss > topo->target_utilisation * (1 + 1e-9) || !s->keeps_goal)
            cell->enough = false;
    }
    return 0;
}

/* Shares of all customers and of a week's requests. */
static void plan_shares(struct capacity_cell *cell, const struct topo *topo, const double *rps,
                        const double *world_rps)
{
    double customers = 0, all_customers = 0, week = 0, all_week = 0;
    for (size_t i = 0; i < topo->country_count; i++)
        all_customers += (double)topo->countries[i].customers;
    for (size_t i = 0; i < cell->country_count; i++) {
        size_t at = topo_country_at(topo, cell->countries[i]);
        customers += (double)topo->countries[at].customers;
    }
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++) {
        week += rps[slot];
        all_week += world_rps[slot];
    }
    cell->customers_share = customers / all_customers;
    cell->demand_share = all_week > 0 ? week / all_week : 0;
}

static int plan_together(struct capacity_plan *plan, const struct topo *topo,
                         const struct capacity_rule *rules, const double *rps, struct arena *a,
                         struct error *err)
{
    struct capacity_cell *cell = &plan->together;
    cell->name = "together";
    cell->zones = (int64_t)topo->cells[0].zone_count;
    cell->country_count = topo->country_count;
    cell->countries = arena_alloc(a, topo->country_count, sizeof cell->countries[0]);
    if (cell->countries == NULL)
        return error_memory(err);
    for (size_t i = 0; i < topo->country_count; i++)
        cell->countries[i] = topo->countries[i].name;
    if (plan_cell(cell, topo, rules, rps, 0, a, err) != 0)
        return err->code == ERR_MEMORY
                   ? -1
                   : error_set(err, ERR_LIMIT,
                               "countries: all in one cell would need over 10^9 servers");
    plan_shares(cell, topo, rps, rps);
    plan->peak_of_sum_rps = cell->peak_rps;
    return 0;
}

int capacity_plan(struct capacity_plan *plan, const struct topo *topo, struct arena *a,
                  struct error *err)
{
    *plan = (struct capacity_plan){.cell_count = topo->cell_count, .enough = true};
    plan->cells = arena_alloc(a, topo->cell_count, sizeof plan->cells[0]);
    double *rps = arena_alloc(a, TOPO_SLOTS, sizeof rps[0]);
    double *world_rps = arena_alloc(a, TOPO_SLOTS, sizeof rps[0]);
    struct capacity_rule *rules = capacity_rules(topo, a, err);
    if (rules == NULL)
        return -1;
    if (plan->cells == NULL || rps == NULL || world_rps == NULL)
        return error_memory(err);
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
        for (size_t i = 0; i < topo->cell_count; i++)
            world_rps[slot] += topo_cell_rps(topo, &topo->cells[i], slot);
    for (size_t i = 0; i < topo->cell_count; i++) {
        const struct topo_cell *from = &topo->cells[i];
        struct capacity_cell *cell = &plan->cells[i];
        cell->name = from->name;
        cell->countries = from->countries;
        cell->country_count = from->country_count;
        cell->region = from->region;
        cell->zones = (int64_t)from->zone_count;
        for (size_t k = 0; k < from->country_count; k++)
            if (from->client_rtt_us[k] > cell->rtt_us)
                cell->rtt_us = from->client_rtt_us[k];
        for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
            rps[slot] = topo_cell_rps(topo, from, slot);
        if (plan_cell(cell, topo, rules, rps, from->servers_per_zone, a, err) != 0)
            return -1;
        plan_shares(cell, topo, rps, world_rps);
        plan->servers += cell->servers;
        plan->sum_of_peaks_rps += cell->peak_rps;
        plan->enough = plan->enough && cell->enough;
        if (cell->customers_share > plan->blast_customers)
            plan->blast_customers = cell->customers_share;
        if (cell->demand_share > plan->blast_demand)
            plan->blast_demand = cell->demand_share;
    }
    if (plan_together(plan, topo, rules, world_rps, a, err) != 0)
        return -1;
    plan->peaks_ratio =
        plan->peak_of_sum_rps > 0 ? plan->sum_of_peaks_rps / plan->peak_of_sum_rps : 1;
    plan->separation_cost =
        plan->together.servers > 0 ? (double)plan->servers / (double)plan->together.servers - 1 : 0;
    return 0;
}
