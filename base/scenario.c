#include "base/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/json_place.h"
#include "base/topo.h"

const char *const scenario_fault_words[] = {"zone-down", "server-down", NULL};
const char *const scenario_measure_words[] = {"availability", "shed", "failed", "p99_ms", NULL};

static const double BOUND_NONE = 1e300;

static const struct json_field fault_fields[] = {
    JSON_WORD(struct scenario_fault, kind, "kind", scenario_fault_words, .required = true,
              .doc = "What goes wrong"),
    JSON_STR(struct scenario_fault, scope, "scope", .required = true,
             .doc = "Where: cell/zone as de/a, or cell/zone/service-number as de/b/catalog-2"),
    JSON_DURATION(struct scenario_fault, at_us, "at", 0, 366 * 86400e6, .preset = "0",
                  .doc = "When, from the start of the run"),
    JSON_DURATION(struct scenario_fault, for_us, "for", 0, 366 * 86400e6, .preset = "0",
                  .doc = "For how long; 0: to the end"),
    JSON_END,
};

static const struct json_field expect_fields[] = {
    JSON_WORD(struct scenario_expect, measure, "measure", scenario_measure_words, .required = true,
              .doc = "Availability (share of requests answered), requests shed or failed per "
                     "replication, or the 99th percentile of latency"),
    JSON_STR(struct scenario_expect, country, "country",
             .doc = "The country it is asked of; left out, each one must meet it"),
    JSON_F64(struct scenario_expect, low, "min", -1e300, 1e300, .preset = "-1e300",
             .doc = "The mean over the replications is at least this"),
    JSON_F64(struct scenario_expect, high, "max", -1e300, 1e300, .preset = "1e300",
             .doc = "The mean over the replications is at most this"),
    JSON_END,
};

const struct json_field scenario_fields[] = {
    JSON_STR(struct scenario, about, "about", .doc = "What this is, for people"),
    JSON_STR(struct scenario, topology, "topology", .required = true,
             .doc = "The topology's file, relative to this one's folder"),
    JSON_STR(struct scenario, start, "start", .preset = "Mon 00:00",
             .doc = "Where in the week the run starts: a day and UTC time as Mon 08:00, or "
                    "peak DE for the start of that country's busiest hour"),
    JSON_DURATION(struct scenario, duration_us, "duration", 1000, 366 * 86400e6, .preset = "10m",
                  .doc = "How long it runs in simulated time"),
    JSON_DURATION(struct scenario, warmup_us, "warmup", 0, 366 * 86400e6, .preset = "0",
                  .doc = "The part at its beginning that is not measured"),
    JSON_F64(struct scenario, load, "load", 0, 1e6, .preset = "1", .doc = "Factor on all demand"),
    JSON_LIST(struct scenario, faults, fault_count, "faults", struct scenario_fault, fault_fields,
              .count_max = 10000, .doc = "What goes wrong, and when"),
    JSON_I64(struct scenario, replications, "replications", 1, 100000, .preset = "8",
             .doc = "Independent runs; intervals are over them"),
    JSON_I64(struct scenario, seed, "seed", 0, 9007199254740991, .preset = "1",
             .doc = "The same seed gives the same bits"),
    JSON_LIST(struct scenario, expect, expect_count, "expect", struct scenario_expect,
              expect_fields, .count_max = 1000,
              .doc = "What must hold; otherwise the exit status is 1"),
    JSON_LIST(struct scenario, sweep, sweep_count, "sweep", struct sweep_axis, sweep_fields,
              .count_max = SWEEP_AXES_MAX,
              .doc = "Run every combination of these values, and compare each with the first; at "
                     "most 10000 variants"),
    JSON_END,
};

static int check_times(const struct scenario *s, struct error *err)
{
    char early[DURATION_TEXT_MAX], duration[DURATION_TEXT_MAX];
    duration_format(duration, s->duration_us);
    duration_format(early, s->warmup_us);
    if (s->warmup_us >= s->duration_us)
        return error_set(err, ERR_CONFLICT, "warmup: %s is not shorter than the duration, %s",
                         early, duration);
    for (size_t i = 0; i < s->fault_count; i++) {
        duration_format(early, s->faults[i].at_us);
        if (s->faults[i].at_us >= s->duration_us)
            return error_set(err, ERR_CONFLICT,
                             "faults[%zu].at: %s is not before the end of the run, %s", i, early,
                             duration);
    }
    return 0;
}

static int check_expect(const struct scenario_expect *e, size_t index, struct error *err)
{
    if (e->low <= -BOUND_NONE && e->high >= BOUND_NONE)
        return error_set(err, ERR_MISSING, "expect[%zu]: give min, max or both", index);
    if (e->low > e->high)
        return error_set(err, ERR_CONFLICT, "expect[%zu]: min is above max", index);
    if (e->measure == MEASURE_AVAILABILITY && e->low > 1)
        return error_set(err, ERR_RANGE,
                         "expect[%zu].min: availability is a share, at most 1: write 0.999 for "
                         "99.9 %%",
                         index);
    return 0;
}

int scenario_parse(struct scenario *s, const char *text, size_t len, const struct json_set *sets,
                   size_t set_count, struct arena *a, struct error *err)
{
    struct scenario read;
    if (json_decode(&read, sizeof read, scenario_fields, text, len, sets, set_count, a, err) != 0)
        return -1;
    if (check_times(&read, err) != 0 || sweep_check(read.sweep, read.sweep_count, a, err) != 0)
        return -1;
    for (size_t i = 0; i < read.expect_count; i++)
        if (check_expect(&read.expect[i], i, err) != 0)
            return -1;
    *s = read;
    return 0;
}

/* ---- binding to a topology ---- */

static int bind_start(struct scenario *s, const struct topo *topo, struct error *err)
{
    char got[JSON_QUOTE_MAX];
    if (strncmp(s->start, "peak ", 5) == 0) {
        size_t country = topo_country_at(topo, s->start + 5);
        if (country == topo->country_count) {
            json_quote(got, s->start + 5);
            return error_set(err, ERR_UNKNOWN, "start: no country %s in the topology", got);
        }
        s->start_slot = topo_peak_slot(&topo->countries[country]);
        return 0;
    }
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++) {
        char text[TOPO_SLOT_TEXT];
        topo_slot_format(text, slot, 0);
        if (strcmp(text, s->start) == 0) {
            s->start_slot = slot;
            return 0;
        }
    }
    json_quote(got, s->start);
    return error_set(err, ERR_RANGE,
                     "start: expected \"peak DE\" or a quarter-hour as \"Mon 08:15\", got %s", got);
}

enum { PART_MAX = 64 }; /* longer than any name */

/* The part of `scope` up to the next '/', into `part`; what is behind it is returned, or NULL. */
static const char *scope_part(const char *scope, char part[PART_MAX])
{
    size_t len = strcspn(scope, "/");
    snprintf(part, PART_MAX, "%.*s", len < PART_MAX ? (int)len : PART_MAX, scope);
    return scope[len] == '\0' ? NULL : scope + len + 1;
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
    for (f->service = 0; f->service < topo->service_count; f->service++)
        if (strcmp(topo->services[f->service].name, name) == 0)
            break;
    if (f->service == topo->service_count) {
        json_quote(got, name);
        return error_set(err, ERR_UNKNOWN, "faults[%zu].scope: no service %s", index, got);
    }
    f->server = number - 1;
    return 0;
}

static int bind_fault(struct scenario_fault *f, size_t index, const struct topo *topo,
                      struct error *err)
{
    char part[PART_MAX], got[JSON_QUOTE_MAX];
    const char *rest = scope_part(f->scope, part);
    json_quote(got, part);
    f->cell = topo_cell_at(topo, part);
    if (f->cell == topo->cell_count)
        return error_set(err, ERR_UNKNOWN, "faults[%zu].scope: no cell %s", index, got);
    const struct topo_cell *cell = &topo->cells[f->cell];
    if (rest == NULL)
        return error_set(err, ERR_MISSING,
                         "faults[%zu].scope: expected a zone of cell %s, as %s/%s", index,
                         cell->name, cell->name, cell->zones[0]);
    rest = scope_part(rest, part);
    json_quote(got, part);
    for (f->zone = 0; f->zone < cell->zone_count; f->zone++)
        if (strcmp(cell->zones[f->zone], part) == 0)
            break;
    if (f->zone == cell->zone_count)
        return error_set(err, ERR_UNKNOWN, "faults[%zu].scope: cell %s has no zone %s", index,
                         cell->name, got);
    if (f->kind == FAULT_SERVER_DOWN) {
        if (rest == NULL)
            return error_set(err, ERR_MISSING,
                             "faults[%zu].scope: expected a server, as %s/%s/%s-1", index,
                             cell->name, part, topo->services[0].name);
        return bind_server(f, rest, index, topo, err);
    }
    json_quote(got, f->scope);
    if (rest != NULL)
        return error_set(err, ERR_RANGE, "faults[%zu].scope: %s takes cell/zone, got %s", index,
                         scenario_fault_words[f->kind], got);
    return 0;
}

int scenario_bind(struct scenario *s, const struct topo *topo, struct error *err)
{
    if (bind_start(s, topo, err) != 0)
        return -1;
    for (size_t i = 0; i < s->fault_count; i++)
        if (bind_fault(&s->faults[i], i, topo, err) != 0)
            return -1;
    for (size_t i = 0; i < s->expect_count; i++) {
        char got[JSON_QUOTE_MAX];
        const char *name = s->expect[i].country;
        if (name == NULL || topo_country_at(topo, name) < topo->country_count)
            continue;
        json_quote(got, name);
        return error_set(err, ERR_UNKNOWN, "expect[%zu].country: no country %s in the topology", i,
                         got);
    }
    return 0;
}
