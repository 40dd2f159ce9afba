#include "control/separation.h"

#include <string.h>

#include "base/arena.h"
#include "base/data.h"
#include "base/error.h"

static const struct json_field parts_fields[] = {
    JSON_F64(struct separation_parts, time_zones, "time_zones", 0, 0,
             .doc = "Peaks that do not coincide because clocks differ"),
    JSON_F64(struct separation_parts, habits, "habits", 0, 0,
             .doc = "Peaks that would not coincide by one clock either"),
    JSON_F64(struct separation_parts, small_numbers, "small_numbers", 0, 0,
             .doc = "Servers for the latency goal beyond the load, and the rest of the last one"),
    JSON_F64(struct separation_parts, spare, "spare", 0, 0,
             .doc = "Rounding of spare capacity: servers more in each cell, as many in each zone"),
    JSON_F64(struct separation_parts, other, "other", 0, 0,
             .doc = "Cells with other zones than the first, and servers that the topology fixes"),
    JSON_F64(struct separation_parts, sum, "sum", 0, 0, .doc = "All of these"),
    JSON_END,
};

static const struct json_field level_fields[] = {
    JSON_STR(struct separation_level, name, "name",
             .doc = "How it is cut: countries, cells, continents, world"),
    JSON_I64(struct separation_level, groups, "groups", 0, 0, .doc = "Into how many"),
    JSON_I64(struct separation_level, servers, "servers", 0, 0, .doc = "Servers of all"),
    JSON_F64(struct separation_level, sum_of_peaks_rps, "sum_of_peaks_rps", 0, 0,
             .doc = "Their peaks added up"),
    JSON_F64(struct separation_level, peaks_ratio, "peaks_ratio", 0, 0,
             .doc = "Over the peak of the sum"),
    JSON_OBJECT(struct separation_level, parts, "parts", parts_fields,
                .doc = "Servers more than one cell for all takes, by cause"),
    JSON_END,
};

static const struct json_field continent_fields[] = {
    JSON_STR(struct separation_continent, name, "name", .doc = "The continent"),
    JSON_I64(struct separation_continent, countries, "countries", 0, 0, .doc = "How many"),
    JSON_F64(struct separation_continent, peak_rps, "peak_rps", 0, 0,
             .doc = "Peak of its countries' sum"),
    JSON_F64(struct separation_continent, sum_of_peaks_rps, "sum_of_peaks_rps", 0, 0,
             .doc = "Its countries' peaks added up"),
    JSON_F64(struct separation_continent, peaks_ratio, "peaks_ratio", 0, 0,
             .doc = "The second over the first"),
    JSON_I64(struct separation_continent, servers_apart, "servers_apart", 0, 0,
             .doc = "With a cell for each country"),
    JSON_I64(struct separation_continent, servers_together, "servers_together", 0, 0,
             .doc = "With one cell for all of them"),
    JSON_OBJECT(struct separation_continent, parts, "parts", parts_fields,
                .doc = "The difference, by cause"),
    JSON_END,
};

static const struct json_field country_fields[] = {
    JSON_STR(struct separation_country, name, "name", .doc = "The country"),
    JSON_STR(struct separation_country, continent, "continent", .doc = "Where it lies"),
    JSON_F64(struct separation_country, peak_rps, "peak_rps", 0, 0, .doc = "Its peak"),
    JSON_I64(struct separation_country, peak_slot, "peak_slot", 0, 0,
             .doc = "When: quarter-hours since Monday 00:00 UTC"),
    JSON_I64(struct separation_country, servers, "servers", 0, 0,
             .doc = "In a cell of its own, as planned"),
    JSON_END,
};

const struct json_field separation_fields[] = {
    JSON_LIST(struct separation, levels, level_count, "levels", struct separation_level,
              level_fields, .doc = "Ways to cut the world, beside one cell for all"),
    JSON_LIST(struct separation, continents, continent_count, "continents",
              struct separation_continent, continent_fields, .doc = "The same within each"),
    JSON_LIST(struct separation, countries, country_count, "countries", struct separation_country,
              country_fields, .doc = "Each country alone"),
    JSON_END,
};

/* ---- what groups take ---- */

struct take { /* of one group, or added up over some */
    double peak_rps, local_peak_rps;
    double load, needed; /* times n / (n - k), servers */
    int64_t servers;
    size_t peak_slot;
};

struct measure {
    const struct topo *topo;
    const struct capacity_rule *rules;
    int64_t zones;
    double factor; /* n / (n - k) */
};

/* The countries whose group is `group`, in one cell. */
static struct take take_of(const struct measure *m, const size_t *group_of, size_t group)
{
    double rps[TOPO_SLOTS] = {0}, local_rps[TOPO_SLOTS] = {0};
    struct take take = {0};
    for (size_t i = 0; i < m->topo->country_count; i++) {
        const struct topo_country *c = &m->topo->countries[i];
        size_t shift = (size_t)(TOPO_SLOTS + c->utc_offset_min / TOPO_SLOT_MIN) % TOPO_SLOTS;
        if (group_of[i] != group)
            continue;
        for (size_t slot = 0; slot < TOPO_SLOTS; slot++) {
            rps[slot] += c->rps[slot];
            local_rps[(slot + shift) % TOPO_SLOTS] += c->rps[slot];
        }
    }
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++) {
        if (rps[slot] > take.peak_rps) {
            take.peak_rps = rps[slot];
            take.peak_slot = slot;
        }
        if (local_rps[slot] > take.local_peak_rps)
            take.local_peak_rps = local_rps[slot];
    }
    for (size_t i = 0; i < m->topo->service_count; i++) {
        const struct capacity_rule *rule = &m->rules[i];
        double peak_rps = take.peak_rps * rule->load;
        if (rule->store)
            continue;
        take.load += m->factor * peak_rps / rule->server_rps;
        take.needed += m->factor * (double)capacity_rule_needed(rule, peak_rps);
    }
    take.servers = capacity_servers(m->rules, m->topo, take.peak_rps, m->zones);
    return take;
}

static void take_add(struct take *sum, const struct take *take)
{
    sum->peak_rps += take->peak_rps;
    sum->local_peak_rps += take->local_peak_rps;
    sum->load += take->load;
    sum->needed += take->needed;
    sum->servers += take->servers;
}

/* What `apart` takes more than `together`. Load is proportional to the peak. */
static struct separation_parts parts_of(const struct take *apart, const struct take *together)
{
    double per_rps = together->load / together->peak_rps;
    struct separation_parts p = {
        .habits = per_rps * (apart->local_peak_rps - together->local_peak_rps),
        .small_numbers = (apart->needed - apart->load) - (together->needed - together->load),
        .spare = ((double)apart->servers - apart->needed) -
                 ((double)together->servers - together->needed),
    };
    p.time_zones = per_rps * (apart->peak_rps - together->peak_rps) - p.habits;
    p.sum = p.time_zones + p.habits + p.small_numbers + p.spare;
    return p;
}

/* ---- levels, continents, countries ---- */

struct groups { /* [country_count] each: the group that each country is in */
    size_t *country, *cell, *continent, *world;
};

static int groups_find(struct groups *g, struct separation *s, const struct topo *topo,
                       struct arena *a, struct error *err)
{
    size_t n = topo->country_count;
    g->country = arena_alloc(a, 4 * n, sizeof g->country[0]);
    s->continents = arena_alloc(a, n, sizeof s->continents[0]);
    s->countries = arena_alloc(a, n, sizeof s->countries[0]);
    s->levels = arena_alloc(a, SEPARATION_LEVELS, sizeof s->levels[0]);
    if (g->country == NULL || s->continents == NULL || s->countries == NULL || s->levels == NULL)
        return error_memory(err);
    g->cell = g->country + n;
    g->continent = g->cell + n;
    g->world = g->continent + n;
    s->country_count = n;
    for (size_t i = 0; i < n; i++) {
        struct data_country fact;
        size_t at = 0;
        data_country_at(topo_home(&topo->countries[i]), &fact);
        while (at < s->continent_count && strcmp(s->continents[at].name, fact.continent) != 0)
            at++;
        if (at == s->continent_count) {
            s->continents[at].name = arena_string(a, fact.continent, strlen(fact.continent));
            if (s->continents[at].name == NULL)
                return error_memory(err);
            s->continent_count++;
        }
        g->country[i] = i;
        g->cell[i] = topo->countries[i].cell;
        g->continent[i] = at;
        s->continents[at].countries++;
        s->countries[i].name = topo->countries[i].name;
        s->countries[i].continent = s->continents[at].name;
    }
    return 0;
}

static void level_add(struct separation *s, const struct measure *m, const char *name,
                      const size_t *group_of, size_t groups, const struct take *world)
{
    struct separation_level *level = &s->levels[s->level_count++];
    struct take sum = {0};
    for (size_t i = 0; i < groups; i++) {
        struct take take = take_of(m, group_of, i);
        take_add(&sum, &take);
    }
    *level = (struct separation_level){
        .name = name,
        .groups = groups,
        .servers = sum.servers,
        .sum_of_peaks_rps = sum.peak_rps,
        .peaks_ratio = sum.peak_rps / world->peak_rps,
        .parts = parts_of(&sum, world),
    };
}

static void continents_find(struct separation *s, const struct measure *m, const struct groups *g)
{
    for (size_t at = 0; at < s->continent_count; at++) {
        struct separation_continent *c = &s->continents[at];
        struct take apart = {0}, together = take_of(m, g->continent, at);
        for (size_t i = 0; i < s->country_count; i++) {
            if (g->continent[i] != at)
                continue;
            struct take alone = take_of(m, g->country, i);
            take_add(&apart, &alone);
            s->countries[i].peak_rps = alone.peak_rps;
            s->countries[i].peak_slot = alone.peak_slot;
            s->countries[i].servers = alone.servers;
        }
        c->peak_rps = together.peak_rps;
        c->sum_of_peaks_rps = apart.peak_rps;
        c->peaks_ratio = apart.peak_rps / together.peak_rps;
        c->servers_apart = apart.servers;
        c->servers_together = together.servers;
        c->parts = parts_of(&apart, &together);
    }
}

int separation_find(struct separation *s, const struct topo *topo, const struct capacity_plan *plan,
                    struct arena *a, struct error *err)
{
    struct measure m = {.topo = topo, .zones = (int64_t)topo->cells[0].zone_count};
    struct groups g = {0};
    *s = (struct separation){0};
    m.factor = (double)m.zones / (double)(m.zones - topo->tolerance.zones);
    m.rules = capacity_rules(topo, a, err);
    if (m.rules == NULL || groups_find(&g, s, topo, a, err) != 0)
        return -1;
    struct take world = take_of(&m, g.world, 0);
    level_add(s, &m, "countries", g.country, topo->country_count, &world);
    level_add(s, &m, "cells", g.cell, topo->cell_count, &world);
    struct separation_level *cells = &s->levels[s->level_count - 1];
    cells->parts.other = (double)(plan->servers - cells->servers);
    cells->parts.sum += cells->parts.other;
    cells->servers = plan->servers;
    level_add(s, &m, "continents", g.continent, s->continent_count, &world);
    level_add(s, &m, "world", g.world, 1, &world);
    continents_find(s, &m, &g);
    return 0;
}

/* ---- counts ---- */

enum { WEEK_HOURS = 168, DAY_HOURS = 24 };

/* What a row has on each local weekday and in each local hour of the day. */
struct profile {
    double weekday[7], hour[DAY_HOURS], events;
};

static size_t hour_of_week(size_t first, size_t hour, int offset)
{
    return (first + hour + WEEK_HOURS + (size_t)(offset + WEEK_HOURS)) % WEEK_HOURS;
}

static struct profile profile_of(const struct separation_row *row, size_t hours, size_t first)
{
    struct profile p = {0};
    for (size_t h = 0; h < hours; h++) {
        size_t local = hour_of_week(first, h, row->utc_offset_min / 60);
        p.weekday[local / DAY_HOURS] += (double)row->count[h];
        p.hour[local % DAY_HOURS] += (double)row->count[h];
        p.events += (double)row->count[h];
    }
    return p;
}

/* Its mean in an hour of the local week, where there are `weeks` of them. */
static double profile_mean(const struct profile *p, size_t local, double weeks)
{
    return p->events == 0
               ? 0
               : p->weekday[local / DAY_HOURS] * p->hour[local % DAY_HOURS] / (p->events * weeks);
}

/* The busiest week of all rows over the mean week; weeks begin with the first hour, and a rest of
 * less than half a week counts to the one before. */
static double season(const double *sum, size_t hours, double events)
{
    double most = 0, weeks = (double)hours / WEEK_HOURS;
    for (size_t begin = 0; begin == 0 || begin + WEEK_HOURS / 2 < hours; begin += WEEK_HOURS) {
        size_t end = begin + WEEK_HOURS + WEEK_HOURS / 2 < hours ? begin + WEEK_HOURS : hours;
        double week = 0;
        for (size_t h = begin; h < end; h++)
            week += sum[h];
        week *= (double)WEEK_HOURS / (double)(end - begin);
        most = week > most ? week : most;
        if (end == hours)
            break;
    }
    return most / (events / weeks);
}

static double highest(const double *values, size_t count, size_t *at)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (values[i] > values[best])
            best = i;
    if (at != NULL)
        *at = best;
    return values[best];
}

int separation_of_counts(struct separation_counts *out, const struct separation_row *rows,
                         size_t row_count, size_t hours, size_t first_hour, struct arena *a,
                         struct error *err)
{
    struct separation_counts c = {.hours = hours};
    double utc[WEEK_HOURS] = {0}, local[WEEK_HOURS] = {0}, means = 0;
    double weeks = (double)hours / WEEK_HOURS;
    double *sum = arena_alloc(a, hours, sizeof sum[0]);
    if (sum == NULL)
        return error_memory(err);
    for (size_t i = 0; i < row_count; i++) {
        const struct separation_row *row = &rows[i];
        struct profile p = profile_of(row, hours, first_hour);
        int64_t most = 0;
        double mean_most = 0;
        for (size_t h = 0; h < hours; h++) {
            sum[h] += (double)row->count[h];
            most = row->count[h] > most ? row->count[h] : most;
        }
        for (size_t h = 0; h < WEEK_HOURS; h++) {
            double mean = profile_mean(&p, h, weeks);
            local[h] += mean;
            utc[hour_of_week(0, h, -(row->utc_offset_min / 60))] += mean;
            mean_most = mean > mean_most ? mean : mean_most;
        }
        c.events += (int64_t)p.events;
        c.sum_of_peaks += (double)most;
        means += mean_most;
    }
    double factor = season(sum, hours, (double)c.events);
    c.peak_of_sum = highest(sum, hours, &c.peak_hour);
    c.ratio = c.sum_of_peaks / c.peak_of_sum;
    c.mean_sum_of_peaks = factor * means;
    c.mean_peak_of_sum = factor * highest(utc, WEEK_HOURS, NULL);
    c.mean_ratio = c.mean_sum_of_peaks / c.mean_peak_of_sum;
    c.parts.habits = c.mean_sum_of_peaks - factor * highest(local, WEEK_HOURS, NULL);
    c.parts.time_zones = c.mean_sum_of_peaks - c.mean_peak_of_sum - c.parts.habits;
    c.parts.small_numbers =
        (c.sum_of_peaks - c.mean_sum_of_peaks) - (c.peak_of_sum - c.mean_peak_of_sum);
    c.parts.sum = c.parts.habits + c.parts.time_zones + c.parts.small_numbers;
    *out = c;
    return 0;
}
