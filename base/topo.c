#include "base/topo.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/data.h"
#include "base/dist.h"
#include "base/error.h"
#include "base/json_place.h"
#include "base/topo_calls.h"
#include "base/topo_cut.h"

static const int64_t TIME_US = 20000;      /* of a service that does not say */
static const int64_t ZONE_RTT_US = 1015;   /* median of 47 zone pairs of 16 AWS regions, 2019 */
static const double CUSTOMER_SHARE = 0.01; /* of a country's internet users */
static const double WEIGHT_MIN = 1e-9;     /* an hour's weight below this is none */

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
    if (topo_cut_fact(&fact, c, err) != 0)
        return -1;
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
        c->curve = arena_format(a, "retail/%s", fact.code);
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

static int cell_place(size_t *place, const struct topo_cell *cell, size_t index, const char *key,
                      const char *name, struct error *err)
{
    char got[JSON_QUOTE_MAX];
    *place = 0;
    while (*place < cell->zone_count && strcmp(cell->zones[*place], name) != 0)
        ++*place;
    if (*place < cell->zone_count || strcmp(name, "door") == 0)
        return 0;
    json_quote(got, name);
    return error_set(err, ERR_UNKNOWN, "cells.%s.rtts[%zu].%s: no zone %s", cell->name, index, key,
                     got);
}

static int cell_rtts(struct topo_cell *cell, struct error *err)
{
    for (size_t i = 0; i < cell->rtt_count; i++) {
        struct topo_rtt *rtt = &cell->rtts[i];
        if (cell_place(&rtt->a, cell, i, "from", rtt->from, err) != 0 ||
            cell_place(&rtt->b, cell, i, "to", rtt->to, err) != 0)
            return -1;
    }
    return 0;
}

int64_t topo_rtt_us(const struct topo_cell *cell, size_t from, size_t to)
{
    for (size_t i = 0; i < cell->rtt_count; i++) {
        const struct topo_rtt *rtt = &cell->rtts[i];
        if ((rtt->a == from && rtt->b == to) || (rtt->a == to && rtt->b == from))
            return rtt->rtt_us;
    }
    return cell->zone_rtt_us;
}

static int cell_region(struct topo *topo, struct topo_cell *cell, struct arena *a,
                       struct error *err)
{
    struct data_region region;
    struct data_country home;
    cell->country = arena_alloc(a, cell->country_count, sizeof cell->country[0]);
    cell->client_rtt_us = arena_alloc(a, cell->country_count, sizeof cell->client_rtt_us[0]);
    if (cell->country == NULL || cell->client_rtt_us == NULL)
        return error_memory(err);
    for (size_t i = 0; i < cell->country_count; i++)
        cell->country[i] = topo_country_at(topo, cell->countries[i]);
    data_country_at(topo_home(&topo->countries[cell->country[0]]), &home);
    if (cell->region == NULL && topo_cut_region(&cell->region, topo, cell, err) != 0)
        return -1;
    if (cell->region == NULL) {
        if (!data_region_near(&home, (int)cell->zone_count, &region))
            return error_set(err, ERR_MISSING,
                             "cells.%s.region: no region in the tables has %zu zones; name one",
                             cell->name, cell->zone_count);
        cell->region = arena_string(a, region.name, strlen(region.name));
        if (cell->region == NULL)
            return error_memory(err);
    } else if (!data_region_at(cell->region, &region)) {
        char got[JSON_QUOTE_MAX];
        json_quote(got, cell->region);
        return error_set(err, ERR_UNKNOWN,
                         "cells.%s.region: no region %s; write provider/region, as "
                         "aws/eu-central-1",
                         cell->name, got);
    }
    if (cell->zone_rtt_us == 0)
        cell->zone_rtt_us = topo_zone_rtt_us(cell->region);
    for (size_t i = 0; i < cell->country_count; i++)
        cell->client_rtt_us[i] =
            topo_client_rtt_us(topo_home(&topo->countries[cell->country[i]]), cell->region);
    return topo_cut_cell(topo, cell, err);
}

int64_t topo_zone_rtt_us(const char *region)
{
    int64_t rtt_us = data_zone_rtt_us(region);
    return rtt_us < 0 ? ZONE_RTT_US : rtt_us;
}

int64_t topo_client_rtt_us(const char *home, const char *region)
{
    struct data_country from;
    struct data_region to;
    data_country_at(home, &from);
    data_region_at(region, &to);
    int64_t rtt_us = data_country_rtt_us(home, to.country);
    return rtt_us < 0 ? data_distance_rtt_us(&from, &to) : rtt_us;
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
    if (s->function.least > s->function.instances)
        return error_set(err, ERR_CONFLICT,
                         "services.%s.function.least: %lld are more than its %lld instances",
                         s->name, (long long)s->function.least, (long long)s->function.instances);
    if (s->function.instances > 0 && (s->discipline != TOPO_FIFO || s->drop_late))
        return error_set(
            err, ERR_CONFLICT,
            "services.%s.%s: a function takes the oldest request first, whatever it is", s->name,
            s->drop_late ? "drop_late" : "discipline");
    s->store = s->store || s->function.instances > 0;
    s->times_mean_us = (double)s->time_us;
    if (s->time_us == 0)
        s->time_us = TIME_US;
    if (s->codel_target_us > s->codel_interval_us)
        return error_set(err, ERR_CONFLICT,
                         "services.%s.codel_target: expected at most the codel_interval", s->name);
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

static int pipeline_complete(struct topo *topo, struct arena *a, struct error *err)
{
    const char *names[TOPO_SERVICES_MAX];
    for (size_t i = 0; i < topo->service_count; i++)
        names[i] = topo->services[i].name;
    return pipeline_def_complete(&topo->pipeline, names, topo->service_count, a, err);
}

static int topo_complete(struct topo *topo, struct arena *a, struct error *err)
{
    for (size_t i = 0; i < topo->service_count; i++) {
        if (service_complete(&topo->services[i], err) != 0)
            return -1;
        topo->share_sum += topo->services[i].share;
    }
    if (topo_calls_complete(topo, err) != 0)
        return -1;
    for (size_t i = 0; i < topo->country_count; i++) {
        topo->countries[i].cell = SIZE_MAX;
        if (country_complete(&topo->countries[i], a, err) != 0)
            return -1;
    }
    if (topo_cut_rules(topo, err) != 0)
        return -1;
    for (size_t i = 0; i < topo->cell_count; i++)
        if (cell_countries(topo, i, a, err) != 0)
            return -1;
    if (cells_add_missing(topo, a, err) != 0)
        return -1;
    for (size_t i = 0; i < topo->cell_count; i++) {
        struct topo_cell *cell = &topo->cells[i];
        if (cell_zones(cell, err) != 0 || cell_rtts(cell, err) != 0 ||
            cell_region(topo, cell, a, err) != 0)
            return -1;
        if (topo->tolerance.zones >= (int64_t)cell->zone_count)
            return error_set(
                err, ERR_CONFLICT,
                "tolerance.zones: cell %s has %zu zone%s, so %lld cannot be lost; give "
                "it %lld, or tolerate the loss of %zu",
                cell->name, cell->zone_count, cell->zone_count == 1 ? "" : "s",
                (long long)topo->tolerance.zones, (long long)topo->tolerance.zones + 1,
                cell->zone_count - 1);
    }
    return pipeline_complete(topo, a, err);
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

char *topo_text(const struct topo *topo, struct arena *a)
{
    struct topo whole = *topo;
    whole.countries = arena_alloc(a, topo->country_count, sizeof whole.countries[0]);
    if (whole.countries == NULL)
        return NULL;
    if (whole.about == NULL)
        whole.about = "";
    for (size_t i = 0; i < topo->country_count; i++) {
        struct topo_country *c = &whole.countries[i];
        *c = topo->countries[i];
        if (c->utc_offset == NULL)
            c->utc_offset = arena_format(a, "%c%02d:%02d", c->utc_offset_min < 0 ? '-' : '+',
                                         abs(c->utc_offset_min) / 60, abs(c->utc_offset_min) % 60);
        if (c->utc_offset == NULL)
            return NULL;
    }
    return json_encode(&whole, topo_fields, a);
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
