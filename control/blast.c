#include "control/blast.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/scenario.h"
#include "base/topo.h"
#include "control/capacity.h"
#include "control/shuffle.h"

/* What is asked changes with the quarter-hours of the week, what there is with the faults: between
 * two such moments both are constant. */
static const int64_t SLOT_US = (int64_t)TOPO_SLOT_MIN * 60 * 1000000;

struct count {
    const struct topo *topo;
    const struct capacity_plan *plan;
    const struct scenario *scenario;
    size_t cell;      /* that is being counted */
    double asked;     /* requests, over the measured time */
    double lost;      /* of those */
    double customers; /* share of its customers who may be hurt */
    bool open;        /* counting does not say how much is lost */
};

static bool touches(const struct count *c, const struct scenario_fault *f)
{
    const struct topo_cell *cell = &c->topo->cells[c->cell];
    switch (f->kind) {
    case FAULT_REGION_DOWN:
        return strcmp(cell->region, f->scope) == 0;
    case FAULT_SURGE:
    case FAULT_POISON:
        return c->topo->countries[f->country].cell == c->cell;
    case FAULT_BAD_DEPLOY:
        return true;
    default:
        return f->cell == c->cell;
    }
}

/* Whether what a fault takes can be counted: servers, or more being asked. */
static bool is_counted(const struct scenario_fault *f)
{
    switch (f->kind) {
    case FAULT_ZONE_DOWN:
    case FAULT_SERVER_DOWN:
    case FAULT_SERVICE_DOWN:
    case FAULT_STORE_DOWN:
    case FAULT_CELL_DOWN:
    case FAULT_REGION_DOWN:
    case FAULT_SURGE:
    case FAULT_CONTROL_DOWN:
        return true;
    default:
        return false;
    }
}

static bool is_random(const struct scenario_fault *f)
{
    return f->every_us > 0 || f->spread != NULL;
}

/* Random ones may be on at any time. */
static bool is_on(const struct scenario_fault *f, int64_t at_us)
{
    return is_random(f) || (at_us >= f->at_us && (f->for_us == 0 || at_us < f->at_us + f->for_us));
}

/* ---- what is left, and what is asked ---- */

static double asked_rps(const struct count *c, int64_t at_us)
{
    const struct topo_cell *cell = &c->topo->cells[c->cell];
    const struct scenario *s = c->scenario;
    size_t slot = (s->start_slot + (size_t)(at_us / SLOT_US)) % TOPO_SLOTS;
    double rps = 0;
    for (size_t i = 0; i < cell->country_count; i++) {
        double one = c->topo->countries[cell->country[i]].rps[slot] * s->load;
        for (size_t n = 0; n < s->fault_count; n++)
            if (s->faults[n].kind == FAULT_SURGE && s->faults[n].country == cell->country[i] &&
                is_on(&s->faults[n], at_us))
                one *= s->faults[n].factor;
        rps += one;
    }
    return rps;
}

/* Servers of a service in a zone that are left; of a store, which is in no zone, the one. */
static int64_t left_in(const struct count *c, size_t service, size_t zone, int64_t at_us)
{
    bool store = c->topo->services[service].store;
    int64_t left = store ? 1 : c->plan->cells[c->cell].services[service].per_zone;
    for (size_t n = 0; n < c->scenario->fault_count; n++) {
        const struct scenario_fault *f = &c->scenario->faults[n];
        if (!is_on(f, at_us) || !touches(c, f))
            continue;
        bool whole = f->kind == FAULT_CELL_DOWN || f->kind == FAULT_REGION_DOWN;
        bool service_too =
            (f->kind == FAULT_SERVICE_DOWN || f->kind == FAULT_STORE_DOWN) && f->service == service;
        bool zone_too = f->kind == FAULT_ZONE_DOWN && f->zone == zone && !store;
        if (whole || service_too || zone_too)
            return 0;
        if (f->kind == FAULT_SERVER_DOWN && f->zone == zone && f->service == service)
            left--;
    }
    return left > 0 ? left : 0;
}

/* The share of a service's requests that it cannot carry. */
static double short_by(const struct count *c, size_t service, double rps, int64_t at_us)
{
    const struct topo_service *s = &c->topo->services[service];
    size_t zones = s->store ? 1 : c->topo->cells[c->cell].zone_count;
    int64_t left = 0;
    for (size_t z = 0; z < zones; z++)
        left += left_in(c, service, z, at_us);
    double can = (double)left * capacity_server_rps(s, 1), load = rps * s->load;
    return load > can ? 1 - can / load : 0;
}

struct failing {                      /* shares, at one moment */
    double shorts[TOPO_SERVICES_MAX]; /* of a service's requests, that it cannot carry */
    double all[TOPO_SERVICES_MAX];    /* that fail there or at whom it calls; < 0: not known yet */
};

/* What fails of a service: what it cannot carry, or what the tightest of those cannot that it
 * needs. */
static double fails(const struct topo *topo, size_t service, struct failing *f)
{
    const struct topo_service *s = &topo->services[service];
    if (f->all[service] >= 0)
        return f->all[service];
    double worst = f->shorts[service];
    for (size_t i = 0; i < s->call_count; i++) {
        double there = fails(topo, s->calls[i].index, f);
        if (there > worst && there > 1 - s->calls[i].need + 1e-9)
            worst = there;
    }
    f->all[service] = worst;
    return worst;
}

/* The share of what customers ask at a moment that is lost. */
static double lost_share(const struct count *c, int64_t at_us)
{
    const struct topo *topo = c->topo;
    double rps = asked_rps(c, at_us), lost = 0;
    struct failing f;
    for (size_t i = 0; i < topo->service_count; i++) {
        f.shorts[i] = short_by(c, i, rps, at_us);
        f.all[i] = -1;
    }
    for (size_t i = 0; i < topo->service_count; i++)
        lost += topo_share(topo, i) * fails(topo, i, &f);
    return lost;
}

/* ---- over the run ---- */

/* The next moment after `at_us` at which something changes. */
static int64_t next_change_us(const struct count *c, int64_t at_us)
{
    int64_t next_us = (at_us / SLOT_US + 1) * SLOT_US;
    if (next_us > c->scenario->duration_us)
        next_us = c->scenario->duration_us;
    for (size_t n = 0; n < c->scenario->fault_count; n++) {
        const struct scenario_fault *f = &c->scenario->faults[n];
        if (f->at_us > at_us && f->at_us < next_us)
            next_us = f->at_us;
        if (f->for_us > 0 && f->at_us + f->for_us > at_us && f->at_us + f->for_us < next_us)
            next_us = f->at_us + f->for_us;
    }
    return next_us;
}

static void count_requests(struct count *c)
{
    int64_t end_us = c->scenario->duration_us;
    for (int64_t at_us = c->scenario->warmup_us, next_us; at_us < end_us; at_us = next_us) {
        next_us = next_change_us(c, at_us);
        double requests = asked_rps(c, at_us) * (double)(next_us - at_us) * 1e-6;
        double share = lost_share(c, at_us);
        c->asked += requests;
        c->lost += requests * share;
        if (share > 0)
            c->customers = 1;
    }
}

/* ---- within a cell ---- */

/* The first service that customers ask: the one whose servers a poisonous one kills. */
static size_t service_asked(const struct topo *topo)
{
    size_t i = 0;
    while (i + 1 < topo->service_count && topo->services[i].share <= 0)
        i++;
    return i;
}

/* The share of a cell's customers who share all servers with one of them. */
static double share_all(const struct count *c, char words[BLAST_WORDS_MAX])
{
    const struct topo_policy *policy = &c->topo->policy;
    int64_t servers = c->plan->cells[c->cell].services[service_asked(c->topo)].servers;
    int64_t shard = policy->shard < servers ? policy->shard : servers;
    const char *kind = NULL;
    double share = 1;
    if (policy->balance == TOPO_BALANCE_SHUFFLE && servers > 0) {
        kind = "shuffled";
        share = shuffle_overlap((uint32_t)servers, (uint32_t)shard, (uint32_t)shard);
    } else if (policy->balance == TOPO_BALANCE_FIXED && servers > 0) {
        kind = "fixed";
        share = 1 / (double)(servers / shard);
    }
    if (kind != NULL)
        snprintf(words, BLAST_WORDS_MAX, "%s shards of %lld of %lld servers: 1 in %.10g", kind,
                 (long long)shard, (long long)servers, (double)(int64_t)(1 / share + 0.5));
    return share;
}

static void count_cell(struct count *c, struct blast *blast)
{
    for (size_t n = 0; n < c->scenario->fault_count; n++) {
        const struct scenario_fault *f = &c->scenario->faults[n];
        if (!touches(c, f))
            continue;
        c->open = c->open || is_random(f) || !is_counted(f);
        double share = is_counted(f) ? 0 : 1;
        if (f->kind == FAULT_POISON)
            share = share_all(c, blast->words);
        c->customers = c->customers + share < 1 ? c->customers + share : 1;
    }
    count_requests(c);
}

void blast_count(struct blast *blast, const struct topo *topo, const struct capacity_plan *plan,
                 const struct scenario *scenario)
{
    double customers = 0, touched = 0, asked = 0, lost = 0;
    bool open = false;
    *blast = (struct blast){0};
    for (size_t i = 0; i < topo->cell_count; i++) {
        struct count c = {.topo = topo, .plan = plan, .scenario = scenario, .cell = i};
        count_cell(&c, blast);
        for (size_t k = 0; k < topo->cells[i].country_count; k++) {
            double own = (double)topo->countries[topo->cells[i].country[k]].customers;
            customers += own;
            touched += own * c.customers;
            blast->countries += c.customers > 0;
        }
        asked += c.asked;
        lost += c.lost;
        open = open || c.open;
    }
    blast->customers = customers > 0 ? touched / customers : 0;
    blast->requests = open ? (double)NAN : asked > 0 ? lost / asked : 0;
}
