#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dist.h"
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
    FORM_ANY = FORM_CELL | FORM_ZONE | FORM_SERVICE | FORM_SERVER,
};

enum { USES_FACTOR = 1, USES_SHARE = 2, USES_EXTRA = 4, USES_CONTROL = 8 };

static const struct kind {
    unsigned forms, uses;
    const char *takes; /* for people */
} kinds[] = {
    [FAULT_ZONE_DOWN] = {FORM_ZONE, USES_CONTROL, "cell/zone"},
    [FAULT_SERVER_DOWN] = {FORM_SERVER, 0, "cell/zone/service-number"},
    [FAULT_SERVICE_DOWN] = {FORM_SERVICE, 0, "cell/service"},
    [FAULT_CELL_DOWN] = {FORM_CELL, USES_CONTROL, "a cell"},
    [FAULT_REGION_DOWN] = {FORM_REGION, USES_CONTROL, "a region"},
    [FAULT_SLOW] = {FORM_ANY, USES_FACTOR, "a cell, zone, service or server"},
    [FAULT_ERRORS] = {FORM_ANY, USES_SHARE, "a cell, zone, service or server"},
    [FAULT_PARTITION] = {FORM_ZONE, 0, "cell/zone"},
    [FAULT_LATENCY] = {FORM_ZONE, USES_EXTRA, "cell/zone"},
    [FAULT_CONTROL_DOWN] = {FORM_CELL, 0, "a cell"},
    [FAULT_STORE_DOWN] = {FORM_STORE, 0, "cell/store"},
    [FAULT_STORE_SLOW] = {FORM_STORE, USES_FACTOR, "cell/store"},
    [FAULT_DISK_FULL] = {FORM_STORE, 0, "cell/store"},
    [FAULT_SURGE] = {FORM_COUNTRY, USES_FACTOR, "a country"},
    [FAULT_BAD_DEPLOY] = {FORM_ALL, USES_SHARE, "a service, as catalog"},
    [FAULT_POISON] = {FORM_COUNTRY, USES_FACTOR | USES_EXTRA, "a country"},
};

const struct json_field scenario_fault_fields[] = {
    JSON_WORD(struct scenario_fault, kind, "kind", scenario_fault_words, .required = true,
              .doc = "What goes wrong"),
    JSON_STR(
        struct scenario_fault, scope, "scope", .required = true,
        .doc =
            "Where: a cell as de, a zone as de/a, a service or store as de/catalog, a server "
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
    JSON_STR(struct scenario_fault, spread, "spread",
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

static int refuse(struct error *err, size_t index, enum error_code code, const char *sentence)
{
    return error_set(err, code, "faults[%zu].%s", index, sentence);
}

/* The spread's kind, with what it takes. */
static int bind_spread(struct scenario_fault *f, size_t index, struct error *err)
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
                             "faults[%zu].spread: expected exponential, fixed, lognormal, gamma, "
                             "pareto, hyperexponential, weibull or incidents, got %s",
                             index, got);
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
    if (dist_init(&dist, &opts, &why) != 0)
        return refuse(err, index, why.code, why.text);
    if ((f->cs2 > 0 && !dist_takes_cs2(f->spread_kind)) ||
        (f->tail > 0 && f->spread_kind != DIST_PARETO))
        return refuse(err, index, ERR_CONFLICT,
                      f->cs2 > 0 ? "cs2: this spread has none" : "tail: this spread has none");
    return 0;
}

/* What the kind does not use must not be given, and what it uses has a preset. */
static int complete(struct scenario_fault *f, size_t index, struct error *err)
{
    unsigned uses = kinds[f->kind].uses;
    char sentence[96];
    const char *odd = f->factor > 0 && !(uses & USES_FACTOR)        ? "factor"
                      : f->share > 0 && !(uses & USES_SHARE)        ? "share"
                      : f->extra_us > 0 && !(uses & USES_EXTRA)     ? "extra"
                      : f->control_us > 0 && !(uses & USES_CONTROL) ? "control_for"
                                                                    : NULL;
    if (odd != NULL) {
        snprintf(sentence, sizeof sentence, "%s: %s has none", odd, scenario_fault_words[f->kind]);
        return refuse(err, index, ERR_CONFLICT, sentence);
    }
    if (bind_spread(f, index, err) != 0)
        return -1;
    if (f->every_us > 0 && f->for_us == 0 && f->spread_kind != DIST_EMPIRICAL)
        return refuse(err, index, ERR_MISSING,
                      "for: one that comes again and again must end: say how long it lasts");
    if (f->factor <= 0)
        f->factor = f->kind == FAULT_SURGE ? 2 : 10;
    if (f->share <= 0)
        f->share = 1;
    if (f->extra_us == 0)
        f->extra_us = f->kind == FAULT_POISON ? 5000000 : 100000;
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
static int bind_server(struct scenario_fault *f, const char *text, size_t index,
                       const struct topo *topo, struct error *err)
{
    const char *dash = strrchr(text, '-');
    char *end, got[JSON_QUOTE_MAX], name[PART_MAX];
    long number = dash == NULL ? 0 : strtol(dash + 1, &end, 10);
    if (dash == NULL || dash[1] < '1' || dash[1] > '9' || *end != '\0' || number > 1000000) {
        json_quote(got, text);
        return error_set(err, ERR_RANGE,
                         "faults[%zu].scope: expected a service and a server's number from 1, as "
                         "%s-1; got %s",
                         index, topo->services[0].name, got);
    }
    snprintf(name, sizeof name, "%.*s", dash - text < PART_MAX ? (int)(dash - text) : PART_MAX,
             text);
    f->service = service_at(topo, name);
    if (f->service == topo->service_count || topo->services[f->service].store) {
        json_quote(got, name);
        return error_set(err, ERR_UNKNOWN, "faults[%zu].scope: no service %s%s", index, got,
                         f->service < topo->service_count ? " in a zone: it is a store" : "");
    }
    f->server = number - 1;
    return 0;
}

static int bind_region(struct scenario_fault *f, size_t index, const struct topo *topo,
                       struct error *err)
{
    char got[JSON_QUOTE_MAX];
    for (size_t i = 0; i < topo->cell_count; i++)
        if (strcmp(topo->cells[i].region, f->scope) == 0)
            return 0;
    json_quote(got, f->scope);
    return error_set(err, ERR_UNKNOWN, "faults[%zu].scope: no cell is in a region %s; %s is one",
                     index, got, topo->cells[0].region);
}

static int bind_country(struct scenario_fault *f, size_t index, const struct topo *topo,
                        struct error *err)
{
    char got[JSON_QUOTE_MAX];
    f->country = topo_country_at(topo, f->scope);
    if (f->country < topo->country_count)
        return 0;
    json_quote(got, f->scope);
    return error_set(err, ERR_UNKNOWN, "faults[%zu].scope: no country %s in the topology", index,
                     got);
}

static int bind_service(struct scenario_fault *f, size_t index, const struct topo *topo,
                        struct error *err)
{
    char got[JSON_QUOTE_MAX];
    f->service = service_at(topo, f->scope);
    if (f->service < topo->service_count && !topo->services[f->service].store)
        return 0;
    json_quote(got, f->scope);
    return error_set(err, ERR_UNKNOWN, "faults[%zu].scope: no service %s to roll out", index, got);
}

/* Of what a scope lacks: the part that was expected. */
static int too_short(const struct scenario_fault *f, size_t index, const struct topo *topo,
                     const struct topo_cell *cell, struct error *err)
{
    unsigned forms = kinds[f->kind].forms;
    if (forms & (FORM_ZONE | FORM_SERVER))
        return error_set(err, ERR_MISSING,
                         "faults[%zu].scope: expected a zone of cell %s, as %s/%s", index,
                         cell->name, cell->name, cell->zones[0]);
    return error_set(err, ERR_MISSING, "faults[%zu].scope: expected a %s of cell %s, as %s/%s",
                     index, forms & FORM_STORE ? "store" : "service", cell->name, cell->name,
                     topo->services[topo->service_count - 1].name);
}

/* The second part: a zone or a service of the cell. */
static int bind_part(struct scenario_fault *f, const char *part, size_t index,
                     const struct topo *topo, struct error *err)
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
        if (forms & FORM_STORE && !topo->services[service].store)
            return error_set(err, ERR_CONFLICT, "faults[%zu].scope: %s is no store", index, part);
        return 0;
    }
    const char *what = forms & FORM_STORE ? "store" : forms & FORM_SERVICE ? "service" : "zone";
    const char *either = (forms & FORM_ANY) == FORM_ANY ? "zone or " : "";
    return error_set(err, ERR_UNKNOWN, "faults[%zu].scope: cell %s has no %s%s %s", index,
                     cell->name, either, what, got);
}

int scenario_bind_fault(struct scenario_fault *f, size_t index, const struct topo *topo,
                        struct error *err)
{
    char part[PART_MAX], got[JSON_QUOTE_MAX];
    unsigned forms = kinds[f->kind].forms;
    f->cell = f->zone = f->service = f->country = SCENARIO_ANY;
    f->server = -1;
    if (complete(f, index, err) != 0)
        return -1;
    if (forms & FORM_REGION)
        return bind_region(f, index, topo, err);
    if (forms & FORM_COUNTRY)
        return bind_country(f, index, topo, err);
    if (forms & FORM_ALL)
        return bind_service(f, index, topo, err);
    const char *rest = scope_part(f->scope, part);
    json_quote(got, part);
    f->cell = topo_cell_at(topo, part);
    if (f->cell == topo->cell_count)
        return error_set(err, ERR_UNKNOWN, "faults[%zu].scope: no cell %s", index, got);
    const struct topo_cell *cell = &topo->cells[f->cell];
    if (rest == NULL)
        return forms & FORM_CELL ? 0 : too_short(f, index, topo, cell, err);
    rest = scope_part(rest, part);
    json_quote(got, f->scope);
    if (forms == FORM_CELL)
        return error_set(err, ERR_RANGE, "faults[%zu].scope: %s takes a cell, got %s", index,
                         scenario_fault_words[f->kind], got);
    if (bind_part(f, part, index, topo, err) != 0)
        return -1;
    if (rest == NULL && f->zone != SCENARIO_ANY && !(forms & FORM_ZONE))
        return error_set(err, ERR_MISSING, "faults[%zu].scope: expected a server, as %s/%s/%s-1",
                         index, cell->name, part, topo->services[0].name);
    if (rest == NULL)
        return 0;
    if (f->zone != SCENARIO_ANY && forms & FORM_SERVER)
        return bind_server(f, rest, index, topo, err);
    return error_set(err, ERR_RANGE, "faults[%zu].scope: %s takes %s, got %s", index,
                     scenario_fault_words[f->kind], kinds[f->kind].takes, got);
}
