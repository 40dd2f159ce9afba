#include "commands/load_report.h"

#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/failures.h"
#include "commands/files.h"
#include "commands/table.h"
#include "control/live/client.h"
#include "wire/load.h"

/* ---- JSON ---- */

struct row {
    const char *name;
    int64_t requests, ok, failed, retries;
    int64_t outcome[LOAD_OUTCOMES];
    double mean_ms, p50_ms, p99_ms, p999_ms, max_ms, pause_ms;
};

struct span {
    double at_ms, max_ms;
    int64_t ok, failed;
};

struct report {
    const char *what;
    int64_t port, seed;
    bool stopped;
    double wall_s, rate, rps;
    double late_ms_max, span_ms;
    int64_t in_flight_peak;
    struct client_counts smart;
    struct row all;
    struct row *countries;
    size_t country_count;
    struct span *timeline;
    size_t span_count;
    struct failure *failures;
    size_t failure_count;
};

#define OUTCOME(kind, key, doc_) JSON_I64(struct row, outcome[kind], key, 0, 0, .doc = (doc_))
#define ROWS                                                                                    \
    JSON_I64(struct row, requests, "requests", 0, 0, .doc = "Whose planned time came"),         \
        JSON_I64(struct row, ok, "ok", 0, 0, .doc = "Answered with 2xx or 304"),                \
        JSON_I64(struct row, failed, "failed", 0, 0, .doc = "All others"),                      \
        JSON_I64(struct row, retries, "retries", 0, 0, .doc = "Repeated by us, when asked to"), \
        OUTCOME(LOAD_4XX, "status_4xx", "Refused by an answer"),                                \
        OUTCOME(LOAD_5XX, "status_5xx", "Failed by an answer"),                                 \
        OUTCOME(LOAD_REFUSED, "refused", "No connection"),                                      \
        OUTCOME(LOAD_RESET, "reset", "Connections lost before the whole answer"),               \
        OUTCOME(LOAD_TIMEOUT, "timeout", "No answer in time"),                                  \
        OUTCOME(LOAD_GARBLED, "garbled", "Answers that are not HTTP"),                          \
        OUTCOME(LOAD_UNSENT, "unsent", "Not sent in time, since too many were under way"),      \
        OUTCOME(LOAD_CUT, "cut", "Under way when it was stopped"),                              \
        JSON_F64(struct row, mean_ms, "mean_ms", 0, 0, .nullable = true,                        \
                 .doc = "Of those answered well, from the planned time; the same below"),       \
        JSON_F64(struct row, p50_ms, "p50_ms", 0, 0, .nullable = true, .doc = "Median"),        \
        JSON_F64(struct row, p99_ms, "p99_ms", 0, 0, .nullable = true, .doc = "99 %"),          \
        JSON_F64(struct row, p999_ms, "p999_ms", 0, 0, .nullable = true, .doc = "99.9 %"),      \
        JSON_F64(struct row, max_ms, "max_ms", 0, 0, .nullable = true, .doc = "The longest"),   \
        JSON_F64(struct row, pause_ms, "pause_ms", 0, 0, .nullable = true,                      \
                 .doc = "The longest time in which some waited and none was answered well")

static const struct json_field row_fields[] = {ROWS, JSON_END};
static const struct json_field span_fields[] = {
    JSON_F64(struct span, at_ms, "at_ms", 0, 0, .doc = "When it begins, from the first request"),
    JSON_I64(struct span, ok, "ok", 0, 0, .doc = "Answered well in it"),
    JSON_I64(struct span, failed, "failed", 0, 0, .doc = "Failed in it"),
    JSON_F64(struct span, max_ms, "max_ms", 0, 0, .doc = "The longest latency that ended in it"),
    JSON_END,
};
static const struct json_field smart_fields[] = {
    JSON_I64(struct client_counts, direct, "direct", 0, 0, .doc = "Tries straight at a replica"),
    JSON_I64(struct client_counts, again, "again", 0, 0, .doc = "Of those, all but the first"),
    JSON_I64(struct client_counts, door, "door", 0, 0, .doc = "Tries through a door"),
    JSON_I64(struct client_counts, doors_lost, "doors_lost", 0, 0,
             .doc = "Of those, without an answer: another door was asked"),
    JSON_I64(struct client_counts, misdirected, "misdirected", 0, 0,
             .doc = "Replicas that were not responsible: the map was stale"),
    JSON_I64(struct client_counts, maps, "maps", 0, 0, .doc = "Maps that were taken"),
    JSON_END,
};
const struct json_field load_fields[] = {
    JSON_STR(struct report, what, "what", .doc = "load, fill or replay"),
    JSON_I64(struct report, port, "port", 0, 0, .doc = "Of the door"),
    JSON_I64(struct report, seed, "seed", 0, 0, .doc = "Of arrivals and of what is asked"),
    JSON_BOOL(struct report, stopped, "stopped", .doc = "Before its end"),
    JSON_F64(struct report, wall_s, "wall_s", 0, 0, .doc = "From begin to last outcome"),
    JSON_F64(struct report, rate, "rate", 0, 0, .nullable = true,
             .doc = "Planned per second; null where a file or the answers set the pace"),
    JSON_F64(struct report, rps, "rps", 0, 0, .nullable = true, .doc = "Answered well per second"),
    JSON_F64(struct report, late_ms_max, "late_ms_max", 0, 0,
             .doc = "How late this program was in sending; it is in the latencies"),
    JSON_I64(struct report, in_flight_peak, "in_flight_peak", 0, 0, .doc = "Most at once"),
    JSON_OBJECT(struct report, smart, "smart", smart_fields,
                .doc = "What clients did that hold the map; 0 where none do"),
    JSON_OBJECT(struct report, all, "all", row_fields, .doc = "All countries"),
    JSON_MAP(struct report, countries, country_count, "countries", struct row, row_fields,
             .doc = "By country"),
    JSON_F64(struct report, span_ms, "span_ms", 0, 0, .doc = "Length of a span of the timeline"),
    JSON_LIST(struct report, timeline, span_count, "timeline", struct span, span_fields,
              .doc = "What ended when"),
    JSON_LIST(struct report, failures, failure_count, "failures", struct failure, failure_fields,
              .doc = "Why requests failed, each reason once"),
    JSON_END,
};

static double ms_at(const struct load_tally *t, double q)
{
    return hist_quantile_us(&t->latency, q) / 1000;
}

static struct row row_of(const struct load_tally *t, const char *name)
{
    struct row row = {
        .name = name,
        .requests = (int64_t)t->planned,
        .ok = (int64_t)t->outcome[LOAD_OK],
        .failed = (int64_t)load_failed(t),
        .retries = (int64_t)t->retries,
        .mean_ms = (double)NAN,
        .max_ms = (double)NAN,
        .pause_ms = (double)t->pause_us / 1000,
        .p50_ms = ms_at(t, 0.5),
        .p99_ms = ms_at(t, 0.99),
        .p999_ms = ms_at(t, 0.999),
    };
    for (int i = 0; i < LOAD_OUTCOMES; i++)
        row.outcome[i] = (int64_t)t->outcome[i];
    if (t->latency.count > 0) {
        row.mean_ms = (double)t->latency.sum_us / (double)t->latency.count / 1000;
        row.max_ms = (double)t->latency.max_us / 1000;
    }
    return row;
}

static double per_second(const struct load_result *r)
{
    return r->wall_us == 0 ? (double)NAN
                           : (double)r->all.outcome[LOAD_OK] * 1e6 / (double)r->wall_us;
}

const char *load_report_json(const struct load_facts *facts, const struct load_result *result,
                             struct arena *a)
{
    struct report report = {
        .what = facts->what,
        .port = facts->port,
        .seed = facts->seed,
        .stopped = facts->stopped,
        .wall_s = (double)result->wall_us / 1e6,
        .rate = facts->rate,
        .rps = per_second(result),
        .late_ms_max = (double)result->late_us_max / 1000,
        .span_ms = (double)result->span_us / 1000,
        .in_flight_peak = result->in_flight_peak,
        .all = row_of(&result->all, ""),
        .country_count = facts->country_count,
        .span_count = result->span_count,
    };
    if (facts->smart != NULL)
        report.smart = *facts->smart;
    if (facts->failures != NULL) {
        report.failures = facts->failures->reason;
        report.failure_count = facts->failures->count;
    }
    report.countries = arena_alloc(a, facts->country_count, sizeof report.countries[0]);
    report.timeline = arena_alloc(a, result->span_count, sizeof report.timeline[0]);
    if (report.countries == NULL || report.timeline == NULL)
        return NULL;
    for (size_t i = 0; i < facts->country_count; i++)
        report.countries[i] = row_of(&result->group[i], facts->country[i]);
    for (size_t i = 0; i < result->span_count; i++) {
        const struct load_span *s = &result->spans[i];
        report.timeline[i] =
            (struct span){(double)i * report.span_ms, (double)s->max_us / 1000, s->ok, s->failed};
    }
    return json_encode(&report, load_fields, a);
}

/* ---- read again ---- */

static struct load_row summary_of(const struct row *row)
{
    return (struct load_row){row->name,   row->requests, row->ok,
                             row->p50_ms, row->p99_ms,   row->p999_ms};
}

int load_report_read(struct load_summary *out, const char *path, struct arena *a, struct error *err)
{
    struct report report;
    const char *text;
    size_t len;
    if (files_read(&text, &len, path, a, err) != 0)
        return -1;
    if (json_decode(&report, sizeof report, load_fields, text, len, NULL, 0, a, err) != 0)
        return error_prefix(err, "%s", path);
    if (report.what == NULL || report.country_count == 0)
        return error_set(err, ERR_CONFLICT, "%s: is not what load --json prints: no %s", path,
                         report.what == NULL ? "what" : "countries");
    *out = (struct load_summary){
        .path = path,
        .wall_s = report.wall_s,
        .rate = report.rate,
        .all = summary_of(&report.all),
        .countries = arena_alloc(a, report.country_count, sizeof out->countries[0]),
        .country_count = report.country_count,
    };
    if (out->countries == NULL)
        return error_memory(err);
    for (size_t i = 0; i < report.country_count; i++)
        out->countries[i] = summary_of(&report.countries[i]);
    return 0;
}

/* ---- for people ---- */

const char *load_report_failures(const struct load_tally *t, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = LOAD_OK + 1; i < LOAD_OUTCOMES; i++) {
        if (t->outcome[i] == 0 || used >= size)
            continue;
        int n = snprintf(text + used, size - used, "%s%s %s", used == 0 ? "" : ", ",
                         table_count((long long)t->outcome[i]), load_outcome_words[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return text;
}

void load_report_reasons(FILE *out, const char *indent, const struct failures *failures)
{
    for (size_t i = 0; i < failures->count; i++) {
        const struct failure *f = &failures->reason[i];
        fprintf(out, "%s%s x %s (first at %.2f s)\n", indent, table_count(f->count), f->why,
                f->first_s);
    }
    if (failures->others > 0)
        fprintf(out, "%s%s for other reasons\n", indent, table_count(failures->others));
}

static void put_ms(struct table *t, double ms)
{
    if (isnan(ms))
        table_put(t, "-");
    else
        table_put(t, ms < 10 ? "%.1f ms" : "%.0f ms", ms);
}

static void put_row(struct table *t, const struct row *row)
{
    table_put(t, "%s", row->name);
    table_put(t, "%s", table_count(row->requests));
    table_put(t, "%s", table_count(row->ok));
    table_put(t, "%s", table_count(row->failed));
    table_put(t, "%s", table_count(row->retries));
    put_ms(t, row->p50_ms);
    put_ms(t, row->p99_ms);
    put_ms(t, row->p999_ms);
    put_ms(t, row->max_ms);
    put_ms(t, row->pause_ms);
}

void load_report_print(FILE *out, const struct load_facts *facts, const struct load_result *result)
{
    struct table t;
    char failures[256];
    table_titles(&t, "<COUNTRY|REQUESTS|OK|FAILED|RETRIES|P50|P99|P99.9|MAX|PAUSE");
    for (size_t i = 0; i < facts->country_count; i++) {
        const struct row row = row_of(&result->group[i], facts->country[i]);
        put_row(&t, &row);
    }
    if (facts->country_count > 1) {
        const struct row row = row_of(&result->all, "all");
        put_row(&t, &row);
    }
    table_print(&t, out);
    uint64_t failed = load_failed(&result->all);
    fprintf(out, "\n%s%s: %s requests in %.1f s, %.0f answered well per second; ", facts->what,
            facts->stopped ? " (stopped: what is known so far)" : "",
            table_count((long long)result->all.planned), (double)result->wall_us / 1e6,
            result->wall_us == 0 ? 0 : per_second(result));
    if (failed == 0)
        fprintf(out, "none failed\n");
    else
        fprintf(out, "failed: %s\n", load_report_failures(&result->all, failures, sizeof failures));
    if (facts->failures != NULL)
        load_report_reasons(out, "  ", facts->failures);
    if (facts->smart != NULL)
        fprintf(out, "%s tries straight at a replica, %s of them again; %s through a door\n",
                table_count(facts->smart->direct), table_count(facts->smart->again),
                table_count(facts->smart->door));
    if (result->late_us_max > 20000)
        fprintf(out,
                "this program itself sent up to %lld ms late, which is in the latencies: the "
                "machine is too busy\n",
                (long long)(result->late_us_max / 1000));
}
