#include "control/demand_report.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/demand.h"
#include "base/error.h"
#include "base/timestamp.h"
#include "base/topo.h"

static const struct json_field country_fields[] = {
    JSON_STR(struct demand_country, code, "country", .doc = "Its code"),
    JSON_I64(struct demand_country, count, "count", 0, 0, .doc = "Requests or orders in all"),
    JSON_I64(struct demand_country, peak, "peak", 0, 0, .doc = "In its busiest hour"),
    JSON_STR(struct demand_country, peak_at, "peak_at", .doc = "When that hour began, UTC"),
    JSON_F64(struct demand_country, peak_to_mean, "peak_to_mean", 0, 0,
             .doc = "That over the mean of all hours of the span"),
    JSON_BOOL(struct demand_country, planned, "planned",
              .doc = "It is one of the topology's countries"),
    JSON_END,
};

static const struct json_field counts_fields[] = {
    JSON_F64(struct separation_counts, parts.sum, "difference", 0, 0,
             .doc = "Sum of the peaks minus peak of the sum, an hour"),
    JSON_F64(struct separation_counts, parts.time_zones, "time_zones", 0, 0,
             .doc = "Of it: clocks differ"),
    JSON_F64(struct separation_counts, parts.habits, "habits", 0, 0,
             .doc = "Of it: peaks that differ by one clock too"),
    JSON_F64(struct separation_counts, parts.small_numbers, "small_numbers", 0, 0,
             .doc = "Of it: chance"),
    JSON_F64(struct separation_counts, mean_ratio, "mean_ratio", 0, 0,
             .doc = "The ratio by clocks and habits alone"),
    JSON_END,
};

static const struct json_field left_out_fields[] = {
    JSON_STR(struct demand_left_out, reason, "reason", .doc = "Why"),
    JSON_I64(struct demand_left_out, rows, "rows", 0, 0, .doc = "How many"),
    JSON_STR(struct demand_left_out, example, "example", .doc = "What stood in the first one"),
    JSON_STR(struct demand_left_out, lines, "lines", .doc = "Lines of the first few"),
    JSON_END,
};

const struct json_field demand_report_fields[] = {
    JSON_STR(struct demand_report, file, "file", .doc = "Where it is from"),
    JSON_STR(struct demand_report, time_column, "time_column", .doc = "Taken for the time"),
    JSON_STR(struct demand_report, country_column, "country_column",
             .doc = "Taken for the country"),
    JSON_STR(struct demand_report, count_column, "count_column", .nullable = true,
             .doc = "Taken for the count; null: each row is one"),
    JSON_STR(struct demand_report, clock, "clock", .nullable = true,
             .doc = "What times without a zone were taken for; null: all have one"),
    JSON_I64(struct demand_report, rows, "rows", 0, 0, .doc = "Behind the header"),
    JSON_I64(struct demand_report, used, "used", 0, 0, .doc = "Of these"),
    JSON_I64(struct demand_report, not_meant, "not_meant", 0, 0,
             .doc = "That do not meet --demand-where"),
    JSON_I64(struct demand_report, count, "count", 0, 0, .doc = "Requests or orders in all"),
    JSON_STR(struct demand_report, from, "from", .doc = "The first hour, UTC"),
    JSON_STR(struct demand_report, to, "to", .doc = "The end of the last one"),
    JSON_I64(struct demand_report, hours, "hours", 0, 0, .doc = "Between them"),
    JSON_I64(struct demand_report, sum_of_peaks, "sum_of_peaks", 0, 0,
             .doc = "Over the countries, each in its busiest hour"),
    JSON_I64(struct demand_report, peak_of_sum, "peak_of_sum", 0, 0,
             .doc = "In the busiest hour of all together"),
    JSON_F64(struct demand_report, peaks_ratio, "peaks_ratio", 0, 0,
             .doc = "The first over the second"),
    JSON_STR(struct demand_report, peak_at, "peak_at", .doc = "When that hour began, UTC"),
    JSON_OBJECT(struct demand_report, counts, "effects", counts_fields,
                .doc = "Why the ratio is more than 1; zeros where the span is too long for it"),
    JSON_LIST(struct demand_report, countries, country_count, "countries", struct demand_country,
              country_fields, .doc = "The most demand first"),
    JSON_LIST(struct demand_report, left_out, left_out_count, "left_out", struct demand_left_out,
              left_out_fields, .doc = "Rows that could not be used"),
    JSON_STRS(struct demand_report, without, without_count, "without",
              .doc = "Countries of the topology without a row, whose demand stays as it was"),
    JSON_END,
};

static const char *hour_text(int64_t hour, struct arena *a)
{
    char text[TIMESTAMP_TEXT];
    timestamp_format(text, hour * 3600);
    return arena_string(a, text, strlen(text));
}

static int by_count(const void *a, const void *b)
{
    const struct demand_country *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->code, y->code);
}

static int fill_countries(struct demand_report *r, const struct demand *d, const struct topo *topo,
                          struct arena *a)
{
    r->countries = arena_alloc(a, d->place_count, sizeof r->countries[0]);
    if (r->countries == NULL)
        return -1;
    for (size_t i = 0; i < d->place_count; i++) {
        const struct demand_place *p = &d->place[i];
        if (p->count == 0)
            continue;
        struct demand_country *c = &r->countries[r->country_count++];
        *c = (struct demand_country){
            .code = p->code,
            .count = (int64_t)p->count,
            .peak = (int64_t)p->peak,
            .peak_at = hour_text(p->peak_hour, a),
            .peak_to_mean = (double)p->peak * (double)r->hours / (double)p->count,
            .planned = topo_country_at(topo, p->code) < topo->country_count,
        };
        if (c->peak_at == NULL)
            return -1;
    }
    qsort(r->countries, r->country_count, sizeof r->countries[0], by_count);
    return 0;
}

static int fill_left_out(struct demand_report *r, const struct demand *d, struct arena *a)
{
    r->left_out = arena_alloc(a, DEMAND_REASONS, sizeof r->left_out[0]);
    if (r->left_out == NULL)
        return -1;
    for (int i = 0; i < DEMAND_REASONS; i++) {
        const struct demand_left *left = &d->left[i];
        if (left->rows == 0)
            continue;
        const char *lines = arena_format(a, "%lld", (long long)left->line[0]);
        for (int k = 1; k < DEMAND_LINES && left->line[k] > 0 && lines != NULL; k++)
            lines = arena_format(a, "%s, %lld", lines, (long long)left->line[k]);
        if (lines != NULL && left->rows > DEMAND_LINES)
            lines = arena_format(a, "%s, ...", lines);
        if (lines == NULL)
            return -1;
        r->left_out[r->left_out_count++] =
            (struct demand_left_out){demand_reason_words[i], left->rows, left->example, lines};
    }
    return 0;
}

/* Why peaks do not add up, by hours; nothing where these would take much memory. */
static int fill_effects(struct demand_report *r, const struct demand *d, struct arena *a,
                        struct error *err)
{
    enum { COUNTS_MAX = 16 << 20 };
    size_t hours = (size_t)r->hours, rows = 0;
    if (hours * d->place_count > COUNTS_MAX)
        return 0;
    struct separation_row *row = arena_alloc(a, d->place_count, sizeof row[0]);
    for (size_t i = 0; row != NULL && i < d->place_count; i++) {
        const struct demand_place *p = &d->place[i];
        int64_t *count = p->count == 0 ? NULL : arena_alloc(a, hours, sizeof count[0]);
        if (p->count == 0)
            continue;
        if (count == NULL)
            return error_memory(err);
        for (size_t h = 0; h < hours; h++)
            count[h] = (int64_t)demand_hour(p, d->hour_first + (int64_t)h);
        row[rows++] = (struct separation_row){p->code, p->offset_min, count};
    }
    if (row == NULL)
        return error_memory(err);
    r->effects = true;
    return separation_of_counts(&r->counts, row, rows, hours,
                                (size_t)((d->hour_first + 3 * 24) % 168), a, err);
}

static int fill_without(struct demand_report *r, const struct demand *d, const struct topo *topo,
                        struct arena *a)
{
    r->without = arena_alloc(a, topo->country_count, sizeof r->without[0]);
    for (size_t i = 0; r->without != NULL && i < topo->country_count; i++) {
        const struct demand_place *p = demand_place_at(d, topo_home(&topo->countries[i]));
        if (p == NULL || p->count == 0)
            r->without[r->without_count++] = topo->countries[i].name;
    }
    return r->without == NULL ? -1 : 0;
}

int demand_report_make(struct demand_report *report, const struct demand *d, double scale,
                       struct topo *topo, struct arena *a, struct error *err)
{
    struct demand_report r = {
        .file = d->opts.name,
        .time_column = d->time_name,
        .country_column = d->country_name,
        .count_column = d->count_name[0] == '\0' ? NULL : d->count_name,
        .rows = d->rows,
        .used = d->used,
        .not_meant = d->not_meant,
        .count = (int64_t)d->count,
        .from = hour_text(d->hour_first, a),
        .to = hour_text(d->hour_last + 1, a),
        .hours = d->hour_last - d->hour_first + 1,
        .sum_of_peaks = (int64_t)d->sum_of_peaks,
        .peak_of_sum = (int64_t)d->peak_of_sum,
        .peaks_ratio = (double)d->sum_of_peaks / (double)d->peak_of_sum,
        .peak_at = hour_text(d->peak_hour, a),
        .clock = d->no_zone_line == 0                ? NULL
                 : d->opts.zone == DEMAND_ZONE_LOCAL ? "local"
                                                     : "UTC",
    };
    if (fill_countries(&r, d, topo, a) != 0 || fill_left_out(&r, d, a) != 0 ||
        fill_without(&r, d, topo, a) != 0 || r.from == NULL || r.to == NULL || r.peak_at == NULL)
        return error_memory(err);
    if (fill_effects(&r, d, a, err) != 0)
        return -1;
    if (demand_put(d, topo, scale) == 0)
        return error_set(err, ERR_CONFLICT,
                         "%s: has rows of %s%s, and of none of the topology's countries (%s, ...)",
                         d->opts.name, r.countries[0].code, r.country_count > 1 ? ", ..." : "",
                         topo->countries[0].name);
    *report = r;
    return 0;
}
