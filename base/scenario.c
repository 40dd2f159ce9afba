#include "base/scenario.h"

#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/json_place.h"
#include "base/topo.h"

const char *const scenario_measure_words[] = {
    "availability",     "shed",        "failed",       "p99_ms",          "mean_ms",
    "p50_ms",           "p999_ms",     "hurt_s",       "mitigate_s",      "recover_s",
    "recovered",        "hit_ratio",   "cold_share",   "orders_complete", "orders_dead",
    "orders_lost",      "orders_open", "order_p50_ms", "order_p99_ms",    "backlog",
    "backlog_oldest_s", NULL};

static const double BOUND_NONE = 1e300;

static const struct json_field expect_fields[] = {
    JSON_WORD(
        struct scenario_expect, measure, "measure", scenario_measure_words, .required = true,
        .doc =
            "Availability (share of requests answered), requests shed or failed per "
            "replication, the mean or a percentile of latency; of runs with faults the seconds "
            "in which over 1 % were lost, how many until they ended, in all (mitigate_s) "
            "and after the last fault (recover_s), and whether they did (recovered, 0 or "
            "1); of a cell's caches the share of calls that were found in them (hit_ratio); of its "
            "functions the share of requests that found no instance ready (cold_share); of its "
            "orders how many were complete, dead letters, lost (or doubled or half done) and "
            "still open, per replication, a percentile of the time to complete one, the most "
            "pieces of work that waited at one stage, and how long one did at most"),
    JSON_STR(struct scenario_expect, country, "country",
             .doc = "The country it is asked of; left out, each one must meet it"),
    JSON_STR(struct scenario_expect, cell, "cell",
             .doc = "The same of a measure that is a cell's: of its caches, functions and orders"),
    JSON_F64(struct scenario_expect, low, "min", -1e300, 1e300, .preset = "-1e300",
             .doc = "The mean over the replications is at least this"),
    JSON_F64(struct scenario_expect, high, "max", -1e300, 1e300, .preset = "1e300",
             .doc = "The mean over the replications is at most this"),
    JSON_END,
};

static const struct json_field control_fields[] = {
    JSON_BOOL(struct scenario_control, replace, "replace", .preset = "false",
              .doc = "It starts servers for those that died, in the zones where they restore the "
                     "spread"),
    JSON_BOOL(struct scenario_control, autoscale, "autoscale", .preset = "false",
              .doc = "It starts as many servers as the load needs at the target utilisation, and "
                     "never runs fewer than planned"),
    JSON_BOOL(struct scenario_control, shift, "shift", .preset = "false",
              .doc = "It takes a zone out that fails much more than the others, if they can carry "
                     "the load"),
    JSON_BOOL(struct scenario_control, gossip, "gossip", .preset = "true",
              .doc =
                  "It learns of a dead or silent zone as the agents of the others do, who gossip; "
                  "false: after detect, as of a server"),
    JSON_DURATION(struct scenario_control, detect_us, "detect", 0, 86400e6, .preset = "10s",
                  .doc = "How long until it knows of a dead server by the agent of its zone"),
    JSON_DURATION(struct scenario_control, start_us, "start", 0, 86400e6, .preset = "60s",
                  .doc = "How long a server takes from being started to taking part"),
    JSON_I64(struct scenario_control, room, "room", 0, 100000, .preset = "0",
             .doc = "Servers of each service that a zone has room for beyond the plan; 0: as many "
                    "again as planned"),
    JSON_F64(struct scenario_control, error_budget, "error_budget", 0, 1, .preset = "0.01",
             .doc = "The share of a changed zone's requests that may fail before a rollout goes "
                    "back"),
    JSON_DURATION(struct scenario_control, watch_us, "watch", 0, 86400e6, .preset = "60s",
                  .doc = "How long a rollout watches each changed zone before the next"),
    JSON_END,
};

static const struct json_field precision_fields[] = {
    JSON_F64(struct scenario_precision, relative, "relative", 0, 1, .preset = "0",
             .doc = "The half width of each interval is at most this share of its mean; 0: the "
                    "number of replications is fixed"),
    JSON_F64(struct scenario_precision, level, "level", 0.5, 0.9999, .preset = "0.95",
             .doc = "So sure, of all measures of all countries at once (Sidak)"),
    JSON_STRS(struct scenario_precision, names, name_count, "measures", .count_min = 1,
              .count_max = MEASURE_COUNT,
              .doc = "Of these, named as in expect; left out: availability, mean_ms and p99_ms"),
    JSON_I64(struct scenario_precision, replications_max, "replications_max",
             PRECISION_REPLICATIONS_MIN, 100000, .preset = "1000",
             .doc = "No more than these; then the result says what is not yet precise"),
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
    JSON_BOOL(struct scenario, warmup_auto, "warmup_auto",
              .doc = "Find the warm-up, warmup being the least: four more replications without "
                     "faults are pooled, and each country leaves out as many requests at the "
                     "beginning as make the standard error of the mean latency of the rest least "
                     "(MSER-5). The longest counts, for all replications; at most half of what "
                     "warmup leaves, and not beyond the first fault after warmup"),
    JSON_F64(struct scenario, load, "load", 0, 1e6, .preset = "1", .doc = "Factor on all demand"),
    JSON_OBJECT(struct scenario, control, "control", control_fields,
                .doc = "What the control plane does while it is up; left out, nothing: what is "
                       "planned must do"),
    JSON_LIST(struct scenario, faults, fault_count, "faults", struct scenario_fault,
              scenario_fault_fields, .count_max = 10000, .doc = "What goes wrong, and when"),
    JSON_I64(struct scenario, replications, "replications", 1, 100000, .preset = "8",
             .doc = "Independent runs; intervals are over them. With precision: of the first "
                    "round, at least 8"),
    JSON_OBJECT(struct scenario, precision, "precision", precision_fields,
                .doc = "Add replications until the result is as precise as this"),
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
    bool of_cells = e->measure >= MEASURE_COUNT;
    const char *odd = of_cells ? e->country : e->cell;
    if (odd != NULL)
        return error_set(err, ERR_CONFLICT, "expect[%zu].%s: %s is measured by %s", index,
                         of_cells ? "country" : "cell", scenario_measure_words[e->measure],
                         of_cells ? "cell" : "country");
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

static int check_measures(struct scenario_precision *p, struct error *err)
{
    for (size_t i = 0; i < p->name_count; i++) {
        char got[JSON_QUOTE_MAX];
        int measure = 0;
        while (measure < MEASURE_COUNT && strcmp(p->names[i], scenario_measure_words[measure]) != 0)
            measure++;
        json_quote(got, p->names[i]);
        if (measure == MEASURE_COUNT)
            return error_set(err, ERR_UNKNOWN,
                             "precision.measures[%zu]: expected a measure as in expect, got %s", i,
                             got);
        p->measures |= 1u << measure;
    }
    if (p->name_count == 0)
        p->measures = 1u << MEASURE_AVAILABILITY | 1u << MEASURE_MEAN | 1u << MEASURE_P99;
    return 0;
}

static int check_precision(struct scenario *s, struct error *err)
{
    const struct scenario_precision *p = &s->precision;
    if (check_measures(&s->precision, err) != 0)
        return -1;
    if (p->relative <= 0) {
        if (p->name_count > 0)
            return error_set(err, ERR_MISSING, "precision.relative: expected a share above 0");
        return 0;
    }
    if (s->replications < PRECISION_REPLICATIONS_MIN)
        return error_set(err, ERR_RANGE,
                         "replications: with a precision the first round has at least %d, got %lld",
                         PRECISION_REPLICATIONS_MIN, (long long)s->replications);
    if (s->replications > p->replications_max)
        return error_set(err, ERR_CONFLICT,
                         "precision.replications_max: %lld are fewer than the first round's %lld",
                         (long long)p->replications_max, (long long)s->replications);
    return 0;
}

int scenario_parse(struct scenario *s, const char *text, size_t len, const struct json_set *sets,
                   size_t set_count, struct arena *a, struct error *err)
{
    struct scenario read;
    if (json_decode(&read, sizeof read, scenario_fields, text, len, sets, set_count, a, err) != 0)
        return -1;
    if (check_times(&read, err) != 0 || check_precision(&read, err) != 0 ||
        sweep_check(read.sweep, read.sweep_count, a, err) != 0)
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

/* Cells roll one version out at a time. */
static int check_one_deploy(const struct scenario *s, size_t index, struct error *err)
{
    for (size_t i = 0; i < index && s->faults[index].kind == FAULT_BAD_DEPLOY; i++)
        if (s->faults[i].kind == FAULT_BAD_DEPLOY)
            return error_set(err, ERR_CONFLICT,
                             "faults[%zu].kind: faults[%zu] is a bad-deploy too; a scenario takes "
                             "one, which may come again and again",
                             index, i);
    return 0;
}

static int bind_expect(const struct scenario_expect *e, size_t index, const struct topo *topo,
                       struct error *err)
{
    char got[JSON_QUOTE_MAX];
    bool country = e->country != NULL && topo_country_at(topo, e->country) == topo->country_count;
    if (!country && (e->cell == NULL || topo_cell_at(topo, e->cell) < topo->cell_count))
        return 0;
    json_quote(got, country ? e->country : e->cell);
    return error_set(err, ERR_UNKNOWN, "expect[%zu].%s: no %s %s in the topology", index,
                     country ? "country" : "cell", country ? "country" : "cell", got);
}

int scenario_bind(struct scenario *s, const struct topo *topo, struct error *err)
{
    if (bind_start(s, topo, err) != 0)
        return -1;
    for (size_t i = 0; i < s->fault_count; i++)
        if (scenario_bind_fault(&s->faults[i], i, topo, err) != 0 ||
            check_one_deploy(s, i, err) != 0)
            return -1;
    for (size_t i = 0; i < s->expect_count; i++)
        if (bind_expect(&s->expect[i], i, topo, err) != 0)
            return -1;
    return 0;
}
