#include "control/health.h"

#include <stdio.h>
#include <string.h>

const double health_cell_errors_max = 0.01;
const double health_zone_errors_max = 0.05;
const double health_rps_min = 1;

bool health_is_well(int health)
{
    return health == STATUS_OK || health == STATUS_IDLE;
}

bool health_serves(int health)
{
    return health == STATUS_OK || health == STATUS_DEGRADED;
}

/* What is not known (NaN) hurts nobody. */
static bool too_many(double errors, double rps, double errors_max)
{
    return rps >= health_rps_min && errors >= errors_max;
}

static bool idle(double rps)
{
    return rps <= 0;
}

/* ---- a zone ---- */

static enum status_health silent(const struct health_facts *facts, char why[HEALTH_WHY_MAX])
{
    if (facts->agent_words[0] != '\0')
        snprintf(why, HEALTH_WHY_MAX, "its agent %s", facts->agent_words);
    else if (!facts->agent_runs)
        snprintf(why, HEALTH_WHY_MAX, "its agent does not run");
    else if (facts->heard_us_ago < 0)
        snprintf(why, HEALTH_WHY_MAX, "its agent has not answered yet");
    else
        snprintf(why, HEALTH_WHY_MAX, "its agent has not answered for %.1f s",
                 (double)facts->heard_us_ago / 1e6);
    if (facts->buried) { /* the other zones have looked */
        size_t used = strlen(why);
        snprintf(why + used, HEALTH_WHY_MAX - used, ", and gossip calls all of it dead");
        return STATUS_DOWN;
    }
    return facts->ready_once ? STATUS_UNKNOWN : STATUS_STARTING;
}

/* "catalog, order" */
static void name_missing(const struct status_zone *zone, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < zone->replica_count; i++) {
        if (health_serves(zone->replicas[i].health))
            continue;
        int n = snprintf(out + used, size - used, "%s%s", used == 0 ? "" : ", ",
                         zone->replicas[i].service);
        if (n < 0 || (size_t)n >= size - used)
            return;
        used += (size_t)n;
    }
}

static enum status_health missing(const struct status_zone *zone, const struct health_facts *facts,
                                  char why[HEALTH_WHY_MAX])
{
    char names[128];
    name_missing(zone, names, sizeof names);
    if (facts->loop[0] != '\0')
        snprintf(why, HEALTH_WHY_MAX, "%s", facts->loop);
    else if (zone->up == 0)
        snprintf(why, HEALTH_WHY_MAX, "no replica answers");
    else
        snprintf(why, HEALTH_WHY_MAX, "%lld of %lld replicas answer, missing %s",
                 (long long)zone->up, (long long)zone->wanted, names);
    if (!facts->ready_once)
        return STATUS_STARTING;
    return zone->up == 0 ? STATUS_DOWN : STATUS_DEGRADED;
}

static bool any_slow(const struct status_zone *zone)
{
    for (size_t i = 0; i < zone->replica_count; i++)
        if (zone->replicas[i].health == STATUS_DEGRADED)
            return true;
    return false;
}

enum status_health health_zone(const struct status_zone *zone, const struct health_facts *facts,
                               char why[HEALTH_WHY_MAX])
{
    why[0] = '\0';
    if (facts->fault[0] != '\0') {
        snprintf(why, HEALTH_WHY_MAX, "%s", facts->fault);
        return STATUS_DOWN;
    }
    if (facts->heard_us_ago < 0 || facts->heard_us_ago > facts->fresh_us)
        return silent(facts, why);
    if (zone->up == 0)
        return missing(zone, facts, why);
    if (too_many(zone->errors, zone->rps, health_zone_errors_max)) {
        snprintf(why, HEALTH_WHY_MAX, "%.1f %% of its requests fail", zone->errors * 100);
        return STATUS_FAILING;
    }
    if (zone->up < zone->wanted)
        return missing(zone, facts, why);
    if (any_slow(zone)) {
        snprintf(why, HEALTH_WHY_MAX, "%s", facts->loop);
        return STATUS_DEGRADED;
    }
    return idle(zone->rps) ? STATUS_IDLE : STATUS_OK;
}

/* ---- a cell ---- */

static size_t count_health(const struct status_cell *cell, int health)
{
    size_t count = 0;
    for (size_t i = 0; i < cell->zone_count; i++)
        count += cell->zones[i].health == health;
    return count;
}

/* Whether a replica of the service may be up: one that nobody knows of may. */
static bool may_serve(const struct status_cell *cell, const char *service)
{
    for (size_t i = 0; i < cell->zone_count; i++) {
        const struct status_zone *zone = &cell->zones[i];
        if (zone->health == STATUS_UNKNOWN)
            return true;
        for (size_t k = 0; zone->health != STATUS_DOWN && k < zone->replica_count; k++)
            if (health_serves(zone->replicas[k].health) &&
                strcmp(zone->replicas[k].service, service) == 0)
                return true;
    }
    return false;
}

static const char *unserved(const struct status_cell *cell)
{
    for (size_t i = 0; i < cell->zone_count; i++)
        for (size_t k = 0; k < cell->zones[i].replica_count; k++)
            if (!may_serve(cell, cell->zones[i].replicas[k].service))
                return cell->zones[i].replicas[k].service;
    return NULL;
}

/* Of its zones the worst one speaks. */
static void tell_worst(const struct status_cell *cell, char why[HEALTH_WHY_MAX])
{
    const struct status_zone *worst = &cell->zones[0];
    size_t others = 0;
    for (size_t i = 0; i < cell->zone_count; i++) {
        others += !health_is_well(cell->zones[i].health);
        if (cell->zones[i].health < worst->health)
            worst = &cell->zones[i];
    }
    others--;
    int used = snprintf(why, HEALTH_WHY_MAX, "zone %s is %s: %.160s", worst->name,
                        status_health_words[worst->health], worst->why == NULL ? "" : worst->why);
    if (others > 0 && used > 0 && used < HEALTH_WHY_MAX)
        snprintf(why + used, HEALTH_WHY_MAX - (size_t)used, "; %zu more zone%s not well", others,
                 others == 1 ? " is" : "s are");
}

enum status_health health_cell(const struct status_cell *cell, bool ready_once,
                               char why[HEALTH_WHY_MAX])
{
    size_t well = count_health(cell, STATUS_OK) + count_health(cell, STATUS_IDLE);
    why[0] = '\0';
    if (well < cell->zone_count)
        tell_worst(cell, why);
    if (count_health(cell, STATUS_DOWN) == cell->zone_count)
        return STATUS_DOWN;
    if (!ready_once && count_health(cell, STATUS_STARTING) > 0)
        return STATUS_STARTING;
    if (count_health(cell, STATUS_UNKNOWN) == cell->zone_count)
        return STATUS_UNKNOWN;
    const char *service = unserved(cell);
    if (service != NULL) {
        snprintf(why, HEALTH_WHY_MAX, "no replica of %s answers", service);
        return STATUS_FAILING;
    }
    if (too_many(cell->errors, cell->rps, health_cell_errors_max)) {
        snprintf(why, HEALTH_WHY_MAX, "%.1f %% of its requests fail", cell->errors * 100);
        return STATUS_FAILING;
    }
    if (well < cell->zone_count)
        return STATUS_DEGRADED;
    return idle(cell->rps) ? STATUS_IDLE : STATUS_OK;
}

/* ---- since when ---- */

bool health_note(struct health_clock *clock, int health, int64_t now_us)
{
    if (clock->health == health)
        return false;
    bool news = !health_is_well(clock->health) || !health_is_well(health);
    *clock = (struct health_clock){.health = health, .since_us = now_us};
    return news;
}
