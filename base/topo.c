#include "base/topo.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/data.h"
#include "base/dist.h"
#include "base/error.h"
#include "base/json_place.h"

/* ---- the file's tables ---- */

static const char *const balance_words[] = {
    [TOPO_BALANCE_CHOICES] = "choices",
    [TOPO_BALANCE_REPEATED] = "repeated-choices",
    [TOPO_BALANCE_RANDOM] = "random",
    [TOPO_BALANCE_ROUND_ROBIN] = "round-robin",
    [TOPO_BALANCE_LEAST_LOADED] = "least-loaded",
    NULL,
};

static const struct json_field country_fields[] = {
    JSON_I64(struct topo_country, customers, "customers", 1, 1e12,
             .doc = "Customers; left out, 1 % of the country's internet users"),
    JSON_F64(struct topo_country, requests_per_customer_day, "requests_per_customer_day", 0.001,
             1e6, .preset = "10", .doc = "Requests of one customer on an average day"),
    JSON_F64(struct topo_country, peak_rps, "peak_rps", 0.001, 1e9,
             .doc = "Requests/s in the busiest hour; left out, customers and curve give it"),
    JSON_STR(struct topo_country, curve, "curve",
             .doc = "Demand by hour of the week in local time: a name from "
                    "sim-configs/data/demand_curves.csv, or flat; left out, the country's own "
                    "retail curve, or retail/ALL"),
    JSON_F64S(struct topo_country, hours, hours_count, "hours", 0, 1e12, .count_min = 24,
              .count_max = DATA_WEEK_HOURS,
              .doc = "A curve of one's own: 24 weights of a day, or 168 of a week from Monday "
                     "00:00, local time"),
    JSON_STR(struct topo_country, utc_offset, "utc_offset",
             .doc = "Local time minus UTC, as +01:00; left out, the January offset of the "
                    "country's main time zone"),
    JSON_END,
};

static const struct json_field cell_fields[] = {
    JSON_STRS(struct topo_cell, countries, country_count, "countries", .count_min = 1,
              .doc = "The countries it serves; left out, the one that it is named after"),
    JSON_STR(struct topo_cell, region, "region",
             .doc = "Provider and region, as aws/eu-central-1; left out, the nearest AWS region "
                    "with enough zones"),
    JSON_STRS(struct topo_cell, zones, zone_count, "zones", .count_min = 1,
              .count_max = TOPO_ZONES_MAX, .doc = "Names of its zones; left out, a, b and c"),
    JSON_I64(struct topo_cell, servers_per_zone, "servers_per_zone", 0, 100000,
             .doc = "Servers of each service in each zone; 0 or left out: as planned"),
    JSON_DURATION(struct topo_cell, zone_rtt_us, "zone_rtt", 1, 10e6,
                  .doc = "Round trip from the door to a server; left out, the median between the "
                         "region's zones, or 1015us, the median of 16 AWS regions"),
    JSON_END,
};

static const struct json_field service_fields[] = {
    JSON_F64(struct topo_service, share, "share", 0.000001, 1e6, .preset = "1",
             .doc = "Its part of the requests, relative to the other services'"),
    JSON_DURATION(struct topo_service, time_us, "time", 1, 3600e6,
                  .doc = "Mean work per request; left out, 20ms, or the mean of an empirical "
                         "spread's times, which are scaled to it otherwise"),
    JSON_WORD(struct topo_service, spread, "spread", dist_words, .preset = "exponential",
              .doc = "How the work scatters around its mean"),
    JSON_F64(struct topo_service, cs2, "cs2", DIST_CS2_MIN, DIST_CS2_MAX, .nullable = true,
             .doc = "Squared coefficient of variation (variance / mean^2) of a lognormal, gamma, "
                    "weibull or, from 1, hyperexponential spread"),
    JSON_F64(struct topo_service, tail, "tail", 0.001, 1000, .nullable = true,
             .doc = "Tail index of a pareto spread: more than 1, or it has no mean; up to 2 its "
                    "variance is infinite"),
    JSON_STR(struct topo_service, times, "times", .nullable = true,
             .doc = "File of an empirical spread, relative to this one: one time per line, as "
                    "12.5ms or a plain number of milliseconds"),
    JSON_I64(struct topo_service, concurrency, "concurrency", 1, 100000, .preset = "4",
             .doc = "Requests that one server works on at once"),
    JSON_I64(struct topo_service, queue, "queue", 0, 1000000, .preset = "32",
             .doc = "Requests that may wait at one server; more are shed"),
    JSON_END,
};

static const struct json_field tolerance_fields[] = {
    JSON_I64(struct topo_tolerance, zones, "zones", 0, TOPO_ZONES_MAX - 1, .preset = "1",
             .doc = "Zones of a cell that may be lost at once"),
    JSON_I64(struct topo_tolerance, servers, "servers", 0, 100000, .preset = "1",
             .doc = "Servers of a service that may be lost besides"),
    JSON_END,
};

static const struct json_field policy_fields[] = {
    JSON_DURATION(struct topo_policy, timeout_us, "timeout", 1000, 3600e6, .preset = "1s",
                  .doc = "How long one try is waited for"),
    JSON_I64(struct topo_policy, tries, "tries", 1, 10, .preset = "2",
             .doc = "Tries in all; each one after the first goes to another zone"),
    JSON_DURATION(struct topo_policy, backoff_us, "backoff", 0, 3600e6, .preset = "10ms",
                  .doc = "How long to wait before the second try, give or take half; doubled for "
                         "each one after"),
    JSON_F64(struct topo_policy, retry_budget, "retry_budget", 0, 10, .preset = "0.2",
             .doc = "Retries allowed per first try, in the long run"),
    JSON_I64(struct topo_policy, eject_failures, "eject_failures", 1, 1000000, .preset = "3",
             .doc = "Failures in a row after which the door leaves a server out"),
    JSON_DURATION(struct topo_policy, eject_us, "eject_for", 1000, 3600e6, .preset = "10s",
                  .doc = "How long it is left out before one request tries it again"),
    JSON_WORD(struct topo_policy, balance, "balance", balance_words, .preset = "choices",
              .doc = "How the door picks a server: the least loaded of some choices, different or "
                     "repeated; any; each in its turn; or the least loaded of all"),
    JSON_I64(struct topo_policy, choices, "choices", 1, TOPO_CHOICES_MAX, .preset = "2",
             .doc = "So many are drawn at random by balance choices and repeated-choices"),
    JSON_BOOL(struct topo_policy, spend, "spend", .preset = "false",
              .doc = "Live replicas take the service's time for each request, so that a laptop "
                     "behaves like the fleet it stands for"),
    JSON_END,
};

const struct json_field topo_fields[] = {
    JSON_STR(struct topo, about, "about", .doc = "What this is, for people"),
    JSON_MAP(struct topo, countries, country_count, "countries", struct topo_country,
             country_fields, .required = true, .count_min = 1,
             .doc = "The countries served, by ISO 3166 code"),
    JSON_MAP(struct topo, cells, cell_count, "cells", struct topo_cell, cell_fields,
             .count_max = TOPO_CELLS_MAX,
             .doc = "How the countries are cut into cells; a country in none gets its own"),
    JSON_MAP(struct topo, services, service_count, "services", struct topo_service, service_fields,
             .count_min = 1, .count_max = TOPO_SERVICES_MAX,
             .doc = "What runs in every cell; left out: catalog, customer, order and vendor"),
    JSON_OBJECT(struct topo, tolerance, "tolerance", tolerance_fields,
                .doc = "The loss that each cell must survive"),
    JSON_F64(struct topo, target_utilisation, "target_utilisation", 0.01, 1, .preset = "0.7",
             .doc = "How busy a server may be in counting servers"),
    JSON_OBJECT(struct topo, policy, "policy", policy_fields, .doc = "What the door does"),
    JSON_END,
};

/* What a shop runs when the topology does not say. The mix is an assumption (most requests browse
 * the catalog, few order); the times are of the order of the 11 ms mean and 25 ms 95th percentile
 * that Alibaba's public traces show for one call. */
static const struct topo_service default_services[] = {
    {.name = "catalog", .share = 60, .time_us = 20000, .concurrency = 4, .queue = 32},
    {.name = "customer", .share = 20, .time_us = 10000, .concurrency = 4, .queue = 32},
    {.name = "order", .share = 15, .time_us = 40000, .concurrency = 4, .queue = 32},
    {.name = "vendor", .share = 5, .time_us = 10000, .concurrency = 4, .queue = 32},
};

static const int64_t TIME_US = 20000;        /* of a service that does not say */
static const int64_t ZONE_RTT_US = 1015;     /* median of 47 zone pairs of 16 AWS regions, 2019 */
static const int64_t CLIENT_RTT_US = 100000; /* where no pair of the two countries was measured */
static const double CUSTOMER_SHARE = 0.01;   /* of a country's internet users */
static const double WEIGHT_MIN = 1e-9;       /* an hour's weight below this is none */

/* ---- countries ---- */

static int parse_offset(struct topo_country *c, struct error *err)
{
    const char *t = c->utc_offset;
    char got[JSON_QUOTE_MAX];
    if (strlen(t) != 6 || (t[0] != '+' && t[0] != '-') || t[3] != ':')
        goto bad;
    for (int i = 1; i < 6; i++)
        if (i != 3 && (t[i] < '0' || t[i] > '9'))
            goto bad;
    int hours = (t[1] - '0') * 10 + t[2] - '0', minutes = (t[4] - '0') * 10 + t[5] - '0';
    if (hours * 60 + minutes > 14 * 60 || minutes > 59 || minutes % TOPO_SLOT_MIN != 0)
        goto bad;
    minutes += hours * 60;
    c->utc_offset_min = t[0] == '-' ? -minutes : minutes;
    return 0;
bad:
    json_quote(got, t);
    return error_set(err, ERR_RANGE,
                     "countries.%s.utc_offset: expected a multiple of 15 minutes from -14:00 to "
                     "+14:00, got %s",
                     c->name, got);
}

/* The weights of the week, from the curve's name or the file's own hours. */
static int curve_weights(const struct topo_country *c, double weight[DATA_WEEK_HOURS],
                         struct error *err)
{
    struct data_curve curve;
    char got[JSON_QUOTE_MAX];
    if (c->hours_count != 0) {
        for (int h = 0; h < DATA_WEEK_HOURS; h++)
            weight[h] = c->hours[(size_t)h % c->hours_count];
    } else if (strcmp(c->curve, "flat") == 0) {
        for (int h = 0; h < DATA_WEEK_HOURS; h++)
            weight[h] = 1;
    } else if (data_curve_at(c->curve, &curve)) {
        for (int h = 0; h < DATA_WEEK_HOURS; h++)
            weight[h] = (double)curve.count[h];
    } else {
        json_quote(got, c->curve);
        return error_set(err, ERR_UNKNOWN,
                         "countries.%s.curve: no curve %s; flat, retail/ALL and nyc-taxi are some "
                         "that exist",
                         c->name, got);
    }
    return 0;
}

/* Demand per slot: either the given peak shapes it, or the customers' mean does. */
static int country_demand(struct topo_country *c, struct arena *a, struct error *err)
{
    double weight[DATA_WEEK_HOURS], sum = 0, max = 0;
    if (curve_weights(c, weight, err) != 0)
        return -1;
    for (int h = 0; h < DATA_WEEK_HOURS; h++) {
        sum += weight[h];
        if (weight[h] > max)
            max = weight[h];
    }
    if (max < WEIGHT_MIN)
        return error_set(err, ERR_RANGE,
                         "countries.%s.hours: expected a weight of 1e-9 or more, got none",
                         c->name);
    if (c->peak_rps <= 0) {
        double mean_rps = (double)c->customers * c->requests_per_customer_day / 86400;
        c->peak_rps = mean_rps * max * DATA_WEEK_HOURS / sum;
    }
    c->rps = arena_alloc(a, TOPO_SLOTS, sizeof c->rps[0]);
    if (c->rps == NULL)
        return error_memory(err);
    for (int slot = 0; slot < TOPO_SLOTS; slot++) {
        const int week_min = DATA_WEEK_HOURS * 60;
        int local_min = (slot * TOPO_SLOT_MIN + c->utc_offset_min + week_min) % week_min;
        c->rps[slot] = c->peak_rps * (weight[local_min / 60] / max);
    }
    return 0;
}

static int country_complete(struct topo_country *c, struct arena *a, struct error *err)
{
    struct data_country fact;
    struct data_curve curve;
    if (!data_country_at(c->name, &fact))
        return error_set(err, ERR_UNKNOWN,
                         "countries.%s: unknown country; use ISO 3166 codes in capitals, such as "
                         "DE or GB",
                         c->name);
    if (c->customers == 0)
        c->customers = (int64_t)((double)fact.internet_users * CUSTOMER_SHARE);
    if (c->customers == 0)
        return error_set(err, ERR_MISSING,
                         "countries.%s.customers: how many internet users %s has is not known; "
                         "give the customers",
                         c->name, fact.name);
    if (c->hours_count != 0 && c->curve != NULL)
        return error_set(err, ERR_CONFLICT, "countries.%s: give curve or hours, not both", c->name);
    if (c->hours_count != 0 && c->hours_count != 24 && c->hours_count != DATA_WEEK_HOURS)
        return error_set(err, ERR_RANGE, "countries.%s.hours: expected 24 or 168 numbers, got %zu",
                         c->name, c->hours_count);
    if (c->hours_count == 0 && c->curve == NULL) {
        c->curve = arena_format(a, "retail/%s", c->name);
        if (c->curve == NULL)
            return error_memory(err);
        if (!data_curve_at(c->curve, &curve))
            c->curve = "retail/ALL";
    }
    c->utc_offset_min = fact.utc_offset_min;
    if (c->utc_offset == NULL && !fact.has_utc_offset)
        return error_set(err, ERR_MISSING,
                         "countries.%s.utc_offset: the local time of %s is not known; give the "
                         "utc_offset",
                         c->name, fact.name);
    if (c->utc_offset != NULL && parse_offset(c, err) != 0)
        return -1;
    return country_demand(c, a, err);
}

/* ---- cells ---- */

/* Countries that no cell names get a cell of their own, called after them in small letters. */
static int cells_add_missing(struct topo *topo, struct arena *a, struct error *err)
{
    size_t count = topo->cell_count;
    struct topo_cell *cells = arena_alloc(a, count + topo->country_count, sizeof(struct topo_cell));
    if (cells == NULL)
        return error_memory(err);
    if (count > 0)
        memcpy(cells, topo->cells, count * sizeof cells[0]);
    for (size_t i = 0; i < topo->country_count; i++) {
        struct topo_country *country = &topo->countries[i];
        if (country->cell < topo->cell_count)
            continue;
        char *name = arena_string(a, country->name, strlen(country->name));
        const char **list = arena_alloc(a, 1, sizeof list[0]);
        if (name == NULL || list == NULL)
            return error_memory(err);
        for (char *c = name; *c != '\0'; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
        for (size_t k = 0; k < topo->cell_count; k++)
            if (strcmp(topo->cells[k].name, name) == 0)
                return error_set(err, ERR_CONFLICT,
                                 "cells.%s: is called like %s but does not serve it, and no other "
                                 "cell does",
                                 name, country->name);
        list[0] = country->name;
        country->cell = count;
        cells[count++] = (struct topo_cell){.name = name, .countries = list, .country_count = 1};
    }
    topo->cells = cells;
    topo->cell_count = count;
    assert(count <= TOPO_CELLS_MAX); /* each has a country of its own */
    return 0;
}

static int cell_countries(struct topo *topo, size_t index, struct arena *a, struct error *err)
{
    struct topo_cell *cell = &topo->cells[index];
    if (cell->country_count == 0) {
        char code[3] = {0};
        if (strlen(cell->name) == 2)
            for (int i = 0; i < 2; i++)
                code[i] = (char)(cell->name[i] & ~0x20);
        size_t at = topo_country_at(topo, code);
        cell->countries = arena_alloc(a, 1, sizeof cell->countries[0]);
        if (cell->countries == NULL)
            return error_memory(err);
        if (at == topo->country_count)
            return error_set(err, ERR_MISSING,
                             "cells.%s: a cell for no country; list its countries", cell->name);
        cell->countries[0] = topo->countries[at].name;
        cell->country_count = 1;
    }
    for (size_t i = 0; i < cell->country_count; i++) {
        size_t at = topo_country_at(topo, cell->countries[i]);
        if (at == topo->country_count) {
            char got[JSON_QUOTE_MAX];
            json_quote(got, cell->countries[i]);
            return error_set(err, ERR_UNKNOWN,
                             "cells.%s.countries[%zu]: %s is not among the countries", cell->name,
                             i, got);
        }
        struct topo_country *country = &topo->countries[at];
        if (country->cell < topo->cell_count)
            return error_set(err, ERR_CONFLICT, "cells.%s.countries[%zu]: %s is in cell %s already",
                             cell->name, i, country->name, topo->cells[country->cell].name);
        country->cell = index;
    }
    return 0;
}

static int cell_zones(struct topo_cell *cell, struct error *err)
{
    static const char *default_zones[] = {"a", "b", "c"};
    if (cell->zone_count == 0) {
        cell->zones = default_zones;
        cell->zone_count = 3;
    }
    for (size_t i = 0; i < cell->zone_count; i++) {
        const char *zone = cell->zones[i];
        if (zone[0] == '\0' || strlen(zone) > 20 ||
            strspn(zone, "abcdefghijklmnopqrstuvwxyz"
                         "0123456789_") != strlen(zone)) {
            char got[JSON_QUOTE_MAX];
            json_quote(got, zone);
            return error_set(err, ERR_RANGE,
                             "cells.%s.zones[%zu]: expected 1 to 20 small letters, digits and '_', "
                             "got %s",
                             cell->name, i, got);
        }
        for (size_t k = 0; k < i; k++)
            if (strcmp(cell->zones[k], zone) == 0)
                return error_set(err, ERR_DUPLICATE, "cells.%s.zones[%zu]: zone %s is given twice",
                                 cell->name, i, zone);
    }
    return 0;
}

static int cell_region(struct topo *topo, struct topo_cell *cell, struct arena *a,
                       struct error *err)
{
    struct data_region region;
    struct data_country home;
    data_country_at(cell->countries[0], &home);
    if (cell->region == NULL) {
        if (!data_region_near(&home, (int)cell->zone_count, &region))
            return error_set(err, ERR_MISSING,
                             "cells.%s.region: no region in the tables has %zu zones; name one",
                             cell->name, cell->zone_count);
        cell->region = arena_string(a, region.name, strlen(region.name));
    } else if (!data_region_at(cell->region, &region)) {
        char got[JSON_QUOTE_MAX];
        json_quote(got, cell->region);
        return error_set(err, ERR_UNKNOWN,
                         "cells.%s.region: no region %s; write provider/region, as "
                         "aws/eu-central-1",
                         cell->name, got);
    }
    cell->country = arena_alloc(a, cell->country_count, sizeof cell->country[0]);
    cell->client_rtt_us = arena_alloc(a, cell->country_count, sizeof cell->client_rtt_us[0]);
    if (cell->region == NULL || cell->country == NULL || cell->client_rtt_us == NULL)
        return error_memory(err);
    if (cell->zone_rtt_us == 0)
        cell->zone_rtt_us = data_zone_rtt_us(cell->region);
    if (cell->zone_rtt_us < 0)
        cell->zone_rtt_us = ZONE_RTT_US;
    for (size_t i = 0; i < cell->country_count; i++) {
        cell->country[i] = topo_country_at(topo, cell->countries[i]);
        int64_t rtt_us = data_country_rtt_us(cell->countries[i], region.country);
        cell->client_rtt_us[i] = rtt_us < 0 ? CLIENT_RTT_US : rtt_us;
    }
    return 0;
}

/* ---- services ---- */

/* A key that belongs to some spreads is there for them, and only for them. */
static int check_key(const struct topo_service *s, const char *key, bool given, bool wanted,
                     struct error *err)
{
    if (given == wanted)
        return 0;
    return error_set(err, given ? ERR_CONFLICT : ERR_MISSING,
                     given ? "services.%s.%s: the %s spread has none"
                           : "services.%s.%s: is missing; the %s spread needs it",
                     s->name, key, dist_words[s->spread]);
}

static int service_complete(struct topo_service *s, struct error *err)
{
    struct dist d;
    bool empirical = s->spread == DIST_EMPIRICAL;
    if (!(s->cs2 > 0)) /* the defaults' zeros */
        s->cs2 = (double)NAN;
    if (!(s->tail > 0))
        s->tail = (double)NAN;
    if (check_key(s, "cs2", s->cs2 > 0, dist_takes_cs2(s->spread), err) != 0 ||
        check_key(s, "tail", s->tail > 0, s->spread == DIST_PARETO, err) != 0 ||
        check_key(s, "times", s->times != NULL, empirical, err) != 0)
        return -1;
    s->times_mean_us = (double)s->time_us;
    if (s->time_us == 0)
        s->time_us = TIME_US;
    return empirical ? 0 : topo_dist(&d, s, 1, err);
}

int topo_dist(struct dist *d, const struct topo_service *service, double per_us, struct error *err)
{
    bool empirical = service->spread == DIST_EMPIRICAL;
    const struct dist_opts opts = {
        .kind = service->spread,
        .mean = (empirical ? service->times_mean_us : (double)service->time_us) * per_us,
        .cs2 = service->cs2,
        .tail = service->tail,
        .sample = service->times_us,
        .sample_count = service->times_count,
    };
    struct error why;
    if (dist_init(d, &opts, &why) != 0)
        return error_set(err, why.code, "services.%s.%s", service->name, why.text);
    return 0;
}

/* ---- the whole ---- */

static int topo_complete(struct topo *topo, struct arena *a, struct error *err)
{
    if (topo->service_count == 0) {
        topo->service_count = sizeof default_services / sizeof default_services[0];
        topo->services = arena_alloc(a, topo->service_count, sizeof topo->services[0]);
        if (topo->services == NULL)
            return error_memory(err);
        memcpy(topo->services, default_services, sizeof default_services);
    }
    for (size_t i = 0; i < topo->service_count; i++) {
        if (service_complete(&topo->services[i], err) != 0)
            return -1;
        topo->share_sum += topo->services[i].share;
    }
    for (size_t i = 0; i < topo->country_count; i++) {
        topo->countries[i].cell = SIZE_MAX;
        if (country_complete(&topo->countries[i], a, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < topo->cell_count; i++)
        if (cell_countries(topo, i, a, err) != 0)
            return -1;
    if (cells_add_missing(topo, a, err) != 0)
        return -1;
    for (size_t i = 0; i < topo->cell_count; i++) {
        struct topo_cell *cell = &topo->cells[i];
        if (cell_zones(cell, err) != 0 || cell_region(topo, cell, a, err) != 0)
            return -1;
        if (topo->tolerance.zones >= (int64_t)cell->zone_count)
            return error_set(err, ERR_CONFLICT,
                             "tolerance.zones: cell %s has %zu zone%s, so %lld cannot be lost",
                             cell->name, cell->zone_count, cell->zone_count == 1 ? "" : "s",
                             (long long)topo->tolerance.zones);
    }
    return 0;
}

int topo_parse(struct topo *topo, const char *text, size_t len, const struct json_set *sets,
               size_t set_count, struct arena *a, struct error *err)
{
    struct topo read;
    if (json_decode(&read, sizeof read, topo_fields, text, len, sets, set_count, a, err) != 0)
        return -1;
    if (topo_complete(&read, a, err) != 0)
        return -1;
    *topo = read;
    return 0;
}

size_t topo_country_at(const struct topo *topo, const char *name)
{
    size_t i = 0;
    while (i < topo->country_count && strcmp(topo->countries[i].name, name) != 0)
        i++;
    return i;
}

size_t topo_cell_at(const struct topo *topo, const char *name)
{
    size_t i = 0;
    while (i < topo->cell_count && strcmp(topo->cells[i].name, name) != 0)
        i++;
    return i;
}

double topo_share(const struct topo *topo, size_t index)
{
    return topo->services[index].share / topo->share_sum;
}

double topo_cell_rps(const struct topo *topo, const struct topo_cell *cell, size_t slot)
{
    double rps = 0;
    for (size_t i = 0; i < cell->country_count; i++)
        rps += topo->countries[cell->country[i]].rps[slot];
    return rps;
}

size_t topo_peak_slot(const struct topo_country *country)
{
    size_t peak = 0;
    for (size_t slot = 1; slot < TOPO_SLOTS; slot++)
        if (country->rps[slot] > country->rps[peak])
            peak = slot;
    return peak;
}

void topo_slot_format(char out[TOPO_SLOT_TEXT], size_t slot, int offset_min)
{
    static const char days[] = "MonTueWedThuFriSatSun";
    const int week_min = DATA_WEEK_HOURS * 60;
    unsigned at = (unsigned)(((int)slot * TOPO_SLOT_MIN + offset_min + week_min) % week_min);
    snprintf(out, TOPO_SLOT_TEXT, "%.3s %02u:%02u", &days[at / 1440 * 3], at / 60 % 24u, at % 60u);
}
