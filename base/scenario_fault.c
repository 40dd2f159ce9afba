#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dist.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/json_place.h"
#include "base/scenario.h"
#include "base/topo.h"

const char *const scenario_fault_words[] = {
    "zone-down", "server-down", "service-down", "cell-down",    "region-down", "slow",
    "errors",    "partition",   "latency",      "control-down", "store-down",  "store-slow",
    "disk-full", "surge",       "poison",       "bad-deploy",   NULL,
};

/* What a scope may name. */
enum {
    FORM_CELL = 1,
    FORM_ZONE = 2,
    FORM_SERVICE = 4,
    FORM_SERVER = 8,
    FORM_REGION = 16,
    FORM_COUNTRY = 32,
    FORM_STORE = 64,
    FORM_ALL = 128, /* of all cells: a service by its name alone */
    FORM_WAY = 256, /* from one zone to another, or to the door; beside a zone */
    FORM_ANY = FORM_CELL | FORM_ZONE | FORM_SERVICE | FORM_SERVER,
};

enum { USES_FACTOR = 1, USES_SHARE = 2, USES_EXTRA = 4, USES_CONTROL = 8 };

static const struct kind {
    unsigned forms, uses;
    const char *takes, *does; /* for people */
} kinds[] = {
    [FAULT_ZONE_DOWN] = {FORM_ZONE, USES_CONTROL, "cell/zone", "all servers of a zone are dead"},
    [FAULT_SERVER_DOWN] = {FORM_SERVER, 0, "cell/zone/service-number", "one server is dead"},
    [FAULT_SERVICE_DOWN] = {FORM_SERVICE, 0, "cell/service", "all servers of a service are dead"},
    [FAULT_CELL_DOWN] = {FORM_CELL, USES_CONTROL, "a cell", "all servers of a cell are dead"},
    [FAULT_REGION_DOWN] = {FORM_REGION, USES_CONTROL, "a region", "all cells in it are dead"},
    [FAULT_SLOW] = {FORM_ANY, USES_FACTOR, "a cell, zone, service or server",
                    "work takes so many times as long"},
    [FAULT_ERRORS] = {FORM_ANY, USES_SHARE, "a cell, zone, service or server",
                      "so many of the answers are errors"},
    [FAULT_PARTITION] = {FORM_ZONE | FORM_WAY, 0, "cell/zone, one way: cell/zone/zone",
                         "what goes into a zone or out of it is lost"},
    [FAULT_LATENCY] = {FORM_ZONE | FORM_WAY, USES_EXTRA, "cell/zone, one way: cell/zone/zone",
                       "it takes longer, each way"},
    [FAULT_CONTROL_DOWN] = {FORM_CELL, 0, "a cell", "nobody looks after the cell"},
    [FAULT_STORE_DOWN] = {FORM_STORE, 0, "cell/store", "the store does not answer"},
    [FAULT_STORE_SLOW] = {FORM_STORE, USES_FACTOR, "cell/store", "it takes so many times as long"},
    [FAULT_DISK_FULL] = {FORM_STORE, 0, "cell/store", "it cannot write"},
    [FAULT_SURGE] = {FORM_COUNTRY, USES_FACTOR, "a country",
                     "a country asks so many times as much"},
    [FAULT_BAD_DEPLOY] = {FORM_ALL, USES_SHARE, "a service, as catalog",
                          "a version with errors is rolled out"},
    [FAULT_POISON] = {FORM_COUNTRY, USES_FACTOR | USES_EXTRA, "a country",
                      "a customer's requests kill the servers"},
};

const struct json_field scenario_fault_fields[] = {
    JSON_WORD(struct scenario_fault, kind, "kind", scenario_fault_words, .required = true,
              .doc = "What goes wrong"),
    JSON_STR(
        struct scenario_fault, scope, "scope", .required = true,
        .doc =
            "Where: a cell as de, a zone as de/a, the way from one zone to another as de/a/b (or "
            "to the door, de/a/door), a service or store as de/catalog, a server "
            "as de/b/catalog-2, a region as aws/eu-central-1, a country as DE, or a service of all "
            "cells as catalog; each kind takes some of them"),
    JSON_DURATION(struct scenario_fault, at_us, "at", 0, 366 * 86400e6, .preset = "0",
                  .doc = "When, from the start of the run; of one that comes again and again, from "
                         "when on"),
    JSON_DURATION(struct scenario_fault, for_us, "for", 0, 366 * 86400e6, .preset = "0",
                  .doc = "For how long; 0: to the end; with every, on average"),
    JSON_DURATION(struct scenario_fault, every_us, "every", 0, 366 * 86400e6, .preset = "0",
                  .doc = "It comes at random, so long after it last ended on average (exponential "
                         "times, as is how long it lasts); 0: once"),
    JSON_STR(struct scenario_fault, spread, "spread", .nullable = true,
             .doc = "How the time that it lasts scatters: exponential, fixed, lognormal, gamma, "
                    "weibull or hyperexponential (with cs2), pareto (with tail), or incidents: as "
                    "long as published incidents of parts of a region lasted, of region-down whole "
                    "ones (for scales them); left out, fixed once and exponential with every"),
    JSON_F64(struct scenario_fault, cs2, "cs2", 0, DIST_CS2_MAX, .preset = "0",
             .doc = "Squared coefficient of variation of a spread that has one"),
    JSON_F64(struct scenario_fault, tail, "tail", 0, 1000, .preset = "0",
             .doc = "Tail index of a pareto spread, above 1"),
    JSON_DURATION(struct scenario_fault, control_us, "control_for", 0, 366 * 86400e6, .preset = "0",
                  .doc =
                      "zone-, cell- and region-down: the control plane of its cells goes with it "
                      "for so long"),
    JSON_F64(
        struct scenario_fault, factor, "factor", 0, 1e6, .preset = "0",
        .doc = "slow, store-slow: how many times as long work takes, 10 if left out; surge: how "
               "many times the requests, 2 if left out; poison: requests/s of the customer, 10 if "
               "left out"),
    JSON_F64(struct scenario_fault, share, "share", 0, 1, .preset = "0",
             .doc = "errors, bad-deploy: the share of answers that are errors, 1 if left out"),
    JSON_DURATION(struct scenario_fault, extra_us, "extra", 0, 3600e6, .preset = "0",
                  .doc = "latency: what is added to the time of each message, 100ms if left out; "
                         "poison: how long a killed server is away, 5s if left out"),
    JSON_END,
};

/* The spread's kind, with what it takes. */
static int bind_spread(struct scenario_fault *f, struct error *err)
{
    static const double stand_in = 1;
    struct dist dist;
    f->spread_kind = f->every_us > 0 ? DIST_EXPONENTIAL : DIST_FIXED;
    if (f->spread != NULL && strcmp(f->spread, "incidents") == 0) {
        f->spread_kind = DIST_EMPIRICAL;
    } else if (f->spread != NULL) {
        int kind = 0;
        while (kind < DIST_EMPIRICAL && strcmp(dist_words[kind], f->spread) != 0)
            kind++;
        if (kind == DIST_EMPIRICAL) {
            char got[JSON_QUOTE_MAX];
            json_quote(got, f->spread);
            return error_set(err, ERR_UNKNOWN,
                             "spread: expected exponential, fixed, lognormal, gamma, "
                             "pareto, hyperexponential, weibull or incidents, got %s",
                             got);
        }
        f->spread_kind = kind;
    }
    const struct dist_opts opts = {
        .kind = f->spread_kind,
        .mean = f->for_us > 0 ? (double)f->for_us : 1,
        .cs2 = f->cs2,
        .tail = f->tail,
        .sample = &stand_in,
        .sample_count = 1,
    };
    struct error why;
    if (dist_init(&dist, &opts, &why) != 0) {
        *err = why;
        return -1;
    }
    if ((f->cs2 > 0 && !dist_takes_cs2(f->spread_kind)) ||
        (f->tail > 0 && f->spread_kind != DIST_PARETO))
        return error_set(err, ERR_CONFLICT, "%s",
                         f->cs2 > 0 ? "cs2: this spread has none" : "tail: this spread has none");
    return 0;
}

void scenario_fault_preset(struct scenario_fault *f)
{
    if (f->factor <= 0)
        f->factor = f->kind == FAULT_SURGE ? 2 : 10;
    if (f->share <= 0)
        f->share = 1;
    if (f->extra_us == 0)
        f->extra_us = f->kind == FAULT_POISON ? 5000000 : 100000;
}

/* What the kind does not use must not be given, and what it uses has a preset. */
static int complete(struct scenario_fault *f, struct error *err)
{
    unsigned uses = kinds[f->kind].uses;
    const char *odd = f->factor > 0 && !(uses & USES_FACTOR)        ? "factor"
                      : f->share > 0 && !(uses & USES_SHARE)        ? "share"
                      : f->extra_us > 0 && !(uses & USES_EXTRA)     ? "extra"
                      : f->control_us > 0 && !(uses & USES_CONTROL) ? "control_for"
                                                                    : NULL;
    if (odd != NULL)
        return error_set(err, ERR_CONFLICT, "%s: %s has none", odd, scenario_fault_words[f->kind]);
    if (bind_spread(f, err) != 0)
        return -1;
    if (f->every_us > 0 && f->for_us == 0 && f->spread_kind != DIST_EMPIRICAL)
        return error_set(err, ERR_MISSING, "%s",
                         "for: one that comes again and again must end: say how long it lasts");
    scenario_fault_preset(f);
    return 0;
}

enum { PART_MAX = 64 }; /* longer than any name */

/* The part of `scope` up to the next '/', into `part`; what is behind it is returned, or NULL. */
static const char *scope_part(const char *scope, char part[PART_MAX])
{
    size_t len = strcspn(scope, "/");
    snprintf(part, PART_MAX, "%.*s", len < PART_MAX ? (int)len : PART_MAX, scope);
    return scope[len] == '\0' ? NULL : scope + len + 1;
}

static size_t service_at(const struct topo *topo, const char *name)
{
    size_t i = 0;
    while (i < topo->service_count && strcmp(topo->services[i].name, name) != 0)
        i++;
    return i;
}

static size_t zone_at(const struct topo_cell *cell, const char *name)
{
    size_t i = 0;
    while (i < cell->zone_count && strcmp(cell->zones[i], name) != 0)
        i++;
    return i;
}

/* "catalog-2": the service, and the server's number from 0. */
static int bind_server(struct scenario_fault *f, const char *text, const struct topo *topo,
                       struct error *err)
{
    const char *dash = strrchr(text, '-');
    char *end, got[JSON_QUOTE_MAX], name[PART_MAX];
    long number = dash == NULL ? 0 : strtol(dash + 1, &end, 10);
    if (dash == NULL || dash[1] < '1' || dash[1] > '9' || *end != '\0' || number > 1000000) {
        json_quote(got, text);
        return error_set(err, ERR_RANGE,
                         "scope: expected a service and a server's number from 1, as "
                         "%s-1; got %s",
                         topo->services[0].name, got);
    }
    snprintf(name, sizeof name, "%.*s", dash - text < PART_MAX ? (int)(dash - text) : PART_MAX,
             text);
    f->service = service_at(topo, name);
    if (f->service == topo->service_count || topo->services[f->service].store) {
        json_quote(got, name);
        return error_set(err, ERR_UNKNOWN, "scope: no service %s%s", got,
                         f->service < topo->service_count ? " in a zone: it is a store" : "");
    }
    f->server = number - 1;
    return 0;
}

/* "b" of "de/a/b": what zone a sends to zone b. "door" is the door, with the stores. */
static int bind_way(struct scenario_fault *f, const char *text, const struct topo *topo,
                    struct error *err)
{
    const struct topo_cell *cell = &topo->cells[f->cell];
    char got[JSON_QUOTE_MAX];
    f->to = strcmp(text, "door") == 0 ? cell->zone_count : zone_at(cell, text);
    if ((f->to < cell->zone_count || strcmp(text, "door") == 0) && f->to != f->zone)
        return 0;
    json_quote(got, text);
    return error_set(err, ERR_UNKNOWN,
                     "scope: expected another zone of cell %s, or door, behind %s/%s/; got %s",
                     cell->name, cell->name, cell->zones[f->zone], got);
}

static int bind_region(struct scenario_fault *f, const struct topo *topo, struct error *err)
{
    char got[JSON_QUOTE_MAX];
    for (size_t i = 0; i < topo->cell_count; i++)
        if (strcmp(topo->cells[i].region, f->scope) == 0)
            return 0;
    json_quote(got, f->scope);
    return error_set(err, ERR_UNKNOWN, "scope: no cell is in a region %s; %s is one", got,
                     topo->cells[0].region);
}

static int bind_country(struct scenario_fault *f, const struct topo *topo, struct error *err)
{
    char got[JSON_QUOTE_MAX];
    f->country = topo_country_at(topo, f->scope);
    if (f->country < topo->country_count)
        return 0;
    json_quote(got, f->scope);
    return error_set(err, ERR_UNKNOWN, "scope: no country %s in the topology", got);
}

static int bind_service(struct scenario_fault *f, const struct topo *topo, struct error *err)
{
    char got[JSON_QUOTE_MAX];
    f->service = service_at(topo, f->scope);
    if (f->service < topo->service_count && !topo->services[f->service].store)
        return 0;
    json_quote(got, f->scope);
    return error_set(err, ERR_UNKNOWN, "scope: no service %s to roll out", got);
}

/* Of what a scope lacks: the part that was expected. */
static int too_short(const struct scenario_fault *f, const struct topo *topo,
                     const struct topo_cell *cell, struct error *err)
{
    unsigned forms = kinds[f->kind].forms;
    if (forms & (FORM_ZONE | FORM_SERVER))
        return error_set(err, ERR_MISSING, "scope: expected a zone of cell %s, as %s/%s",
                         cell->name, cell->name, cell->zones[0]);
    return error_set(err, ERR_MISSING, "scope: expected a %s of cell %s, as %s/%s",
                     forms & FORM_STORE ? "store" : "service", cell->name, cell->name,
                     topo->services[topo->service_count - 1].name);
}

/* The second part: a zone or a service of the cell. */
static int bind_part(struct scenario_fault *f, const char *part, const struct topo *topo, bool live,
                     struct error *err)
{
    const struct topo_cell *cell = &topo->cells[f->cell];
    unsigned forms = kinds[f->kind].forms;
    char got[JSON_QUOTE_MAX];
    size_t zone = zone_at(cell, part), service = service_at(topo, part);
    json_quote(got, part);
    if (forms & (FORM_ZONE | FORM_SERVER) && zone < cell->zone_count) {
        f->zone = zone;
        return 0;
    }
    if (forms & (FORM_SERVICE | FORM_STORE) && service < topo->service_count) {
        f->service = service;
        if (forms & FORM_STORE && !live && !topo->services[service].store)
            return error_set(err, ERR_CONFLICT, "scope: %s is no store", part);
        return 0;
    }
    const char *what = forms & FORM_STORE ? "store" : forms & FORM_SERVICE ? "service" : "zone";
    const char *either = (forms & FORM_ANY) == FORM_ANY ? "zone or " : "";
    return error_set(err, ERR_UNKNOWN, "scope: cell %s has no %s%s %s", cell->name, either, what,
                     got);
}

static int bind(struct scenario_fault *f, const struct topo *topo, bool live, struct error *err)
{
    char part[PART_MAX], got[JSON_QUOTE_MAX];
    unsigned forms = kinds[f->kind].forms;
    f->cell = f->zone = f->to = f->service = f->country = SCENARIO_ANY;
    f->server = -1;
    if (complete(f, err) != 0)
        return -1;
    if (forms & FORM_REGION)
        return bind_region(f, topo, err);
    if (forms & FORM_COUNTRY)
        return bind_country(f, topo, err);
    if (forms & FORM_ALL)
        return bind_service(f, topo, err);
    const char *rest = scope_part(f->scope, part);
    json_quote(got, part);
    f->cell = topo_cell_at(topo, part);
    if (f->cell == topo->cell_count)
        return error_set(err, ERR_UNKNOWN, "scope: no cell %s", got);
    const struct topo_cell *cell = &topo->cells[f->cell];
    if (rest == NULL)
        return forms & FORM_CELL ? 0 : too_short(f, topo, cell, err);
    rest = scope_part(rest, part);
    json_quote(got, f->scope);
    if (forms == FORM_CELL)
        return error_set(err, ERR_RANGE, "scope: %s takes a cell, got %s",
                         scenario_fault_words[f->kind], got);
    if (bind_part(f, part, topo, live, err) != 0)
        return -1;
    if (rest == NULL && f->zone != SCENARIO_ANY && !(forms & FORM_ZONE))
        return error_set(err, ERR_MISSING, "scope: expected a server, as %s/%s/%s-1", cell->name,
                         part, topo->services[0].name);
    if (rest == NULL)
        return 0;
    if (forms & FORM_WAY)
        return bind_way(f, rest, topo, err);
    if (f->zone != SCENARIO_ANY && forms & FORM_SERVER)
        return bind_server(f, rest, topo, err);
    return error_set(err, ERR_RANGE, "scope: %s takes %s, got %s", scenario_fault_words[f->kind],
                     kinds[f->kind].takes, got);
}

int scenario_bind_fault(struct scenario_fault *f, size_t index, const struct topo *topo,
                        struct error *err)
{
    struct error why;
    if (bind(f, topo, false, &why) == 0)
        return 0;
    return error_set(err, why.code, "faults[%zu].%s", index, why.text);
}

/* ---- live ---- */

static const int64_t LIVE_US_MIN = 1000, LIVE_US_MAX = 86400000000, LIVE_US_PRESET = 60000000;

/* What only a simulated run can mean. */
static int refuse_simulated(const struct scenario_fault *f, struct error *err)
{
    const char *odd = f->at_us > 0        ? "at"
                      : f->every_us > 0   ? "every"
                      : f->spread != NULL ? "spread"
                      : f->cs2 > 0        ? "cs2"
                      : f->tail > 0       ? "tail"
                      : f->control_us > 0 ? "control_for"
                                          : NULL;
    if (odd != NULL)
        return error_set(err, ERR_CONFLICT, "%s: a live fault begins now and comes once", odd);
    if (f->kind == FAULT_BAD_DEPLOY)
        return error_set(err, ERR_CONFLICT,
                         "kind: bad-deploy needs a rollout to go out with, and a live system has "
                         "none; errors does the same to a service without one");
    if (f->for_us < LIVE_US_MIN || f->for_us > LIVE_US_MAX)
        return error_set(err, ERR_RANGE, "for: expected 1ms to 1d, for a live fault has an end");
    return 0;
}

int scenario_bind_live(struct scenario_fault *f, const struct topo *topo, struct error *err)
{
    f->for_us = f->for_us == 0 ? LIVE_US_PRESET : f->for_us;
    if (refuse_simulated(f, err) != 0 || bind(f, topo, true, err) != 0)
        return -1;
    if (f->server > 0)
        return error_set(err, ERR_UNKNOWN,
                         "scope: a live zone has one server of each service, as %s/%s/%s-1",
                         topo->cells[f->cell].name, topo->cells[f->cell].zones[f->zone],
                         topo->services[f->service].name);
    return 0;
}

void scenario_fault_words_of(char out[SCENARIO_FAULT_TEXT], const struct scenario_fault *f)
{
    char extra[DURATION_TEXT_MAX];
    unsigned uses = kinds[f->kind].uses;
    duration_format(extra, f->extra_us);
    int n = 0;
    out[0] = '\0';
    if (uses & USES_FACTOR)
        n += snprintf(out, SCENARIO_FAULT_TEXT, "factor %g", f->factor);
    if (uses & USES_SHARE)
        n += snprintf(out + n, SCENARIO_FAULT_TEXT - (size_t)n, "share %g", f->share);
    if (uses & USES_EXTRA)
        snprintf(out + n, SCENARIO_FAULT_TEXT - (size_t)n, "%sextra %s", n > 0 ? ", " : "", extra);
}

void scenario_fault_trim(struct scenario_fault *out, const struct scenario_fault *f)
{
    unsigned uses = kinds[f->kind].uses;
    out->factor = uses & USES_FACTOR ? f->factor : 0;
    out->share = uses & USES_SHARE ? f->share : 0;
    out->extra_us = uses & USES_EXTRA ? f->extra_us : 0;
}

const char *scenario_fault_takes(int kind)
{
    return kinds[kind].takes;
}

const char *scenario_fault_does(int kind)
{
    return kinds[kind].does;
}

/* ---- what a fault touches ---- */

bool scenario_fault_touches(const struct scenario_fault *f, const struct topo *topo, size_t cell)
{
    if (f->kind == FAULT_REGION_DOWN)
        return strcmp(topo->cells[cell].region, f->scope) == 0;
    return f->cell == cell;
}

bool scenario_fault_crosses(const struct scenario_fault *f, size_t from, size_t to)
{
    if (f->to != SCENARIO_ANY)
        return from == f->zone && to == f->to;
    return (from == f->zone) != (to == f->zone);
}
