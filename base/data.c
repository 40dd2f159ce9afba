#include "base/data.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fmath.h"

extern const char data_countries[], data_countries_end[];
extern const char data_regions[], data_regions_end[];
extern const char data_curves[], data_curves_end[];
extern const char data_country_latency[], data_country_latency_end[];
extern const char data_zone_latency[], data_zone_latency_end[];
extern const char data_incidents[], data_incidents_end[];

/* ---- one line at a time. The files are ours and need no quoting; tests read every row. ---- */

struct csv {
    const char *at, *end; /* what is left of the file */
    const char *field;    /* what is left of the line; NULL behind its last field */
    const char *line_end;
};

static struct csv csv_open(const char *text, const char *end)
{
    struct csv csv = {.at = text, .end = end};
    const char *header = memchr(text, '\n', (size_t)(end - text));
    assert(header != NULL);
    csv.at = header + 1;
    return csv;
}

static bool csv_line(struct csv *csv)
{
    if (csv->at >= csv->end)
        return false;
    const char *line_end = memchr(csv->at, '\n', (size_t)(csv->end - csv->at));
    csv->field = csv->at;
    csv->line_end = line_end == NULL ? csv->end : line_end;
    csv->at = csv->line_end + 1;
    return true;
}

/* The next field into `out`, cut to `size`; empty behind the last one. */
static void csv_text(struct csv *csv, char *out, size_t size)
{
    size_t len = 0;
    if (csv->field != NULL) {
        const char *comma = memchr(csv->field, ',', (size_t)(csv->line_end - csv->field));
        const char *end = comma == NULL ? csv->line_end : comma;
        len = (size_t)(end - csv->field);
        if (len >= size)
            len = size - 1;
        memcpy(out, csv->field, len);
        csv->field = comma == NULL ? NULL : comma + 1;
    }
    out[len] = '\0';
}

static void csv_skip(struct csv *csv, int fields)
{
    char text[2];
    while (fields-- > 0)
        csv_text(csv, text, sizeof text);
}

static int64_t csv_i64(struct csv *csv)
{
    char text[32];
    csv_text(csv, text, sizeof text);
    return strtoll(text, NULL, 10);
}

/* Degrees with at most four decimals, without strtod: it would read the locale's decimal point. */
static double csv_degrees(struct csv *csv)
{
    char text[32];
    csv_text(csv, text, sizeof text);
    char *rest;
    double whole = (double)strtoll(text, &rest, 10);
    double part = 0, scale = 1;
    if (*rest == '.')
        for (rest++; *rest >= '0' && *rest <= '9'; rest++) {
            part = part * 10 + (*rest - '0');
            scale *= 10;
        }
    return text[0] == '-' ? whole - part / scale : whole + part / scale;
}

/* ---- countries and regions ---- */

bool data_country_at(const char *code, struct data_country *out)
{
    struct csv csv = csv_open(data_countries, data_countries_end);
    while (csv_line(&csv)) {
        char name[8];
        csv_text(&csv, name, sizeof name);
        if (strcmp(name, code) != 0)
            continue;
        *out = (struct data_country){0};
        memcpy(out->code, name, 2);
        csv_text(&csv, out->name, sizeof out->name);
        csv_skip(&csv, 1);
        out->lat = csv_degrees(&csv);
        out->lon = csv_degrees(&csv);
        out->internet_users = csv_i64(&csv);
        out->has_utc_offset = csv.field != NULL && *csv.field != ',';
        out->utc_offset_min = (int)csv_i64(&csv);
        return true;
    }
    return false;
}

static void region_read(struct csv *csv, struct data_region *out)
{
    char provider[8], region[32], country[8];
    csv_text(csv, provider, sizeof provider);
    csv_text(csv, region, sizeof region);
    *out = (struct data_region){0};
    snprintf(out->name, sizeof out->name, "%s/%s", provider, region);
    csv_skip(csv, 1);
    csv_text(csv, country, sizeof country);
    memcpy(out->country, country, 2);
    out->lat = csv_degrees(csv);
    out->lon = csv_degrees(csv);
    out->zones = (int)csv_i64(csv);
}

bool data_region_at(const char *name, struct data_region *out)
{
    struct csv csv = csv_open(data_regions, data_regions_end);
    while (csv_line(&csv)) {
        struct data_region region;
        region_read(&csv, &region);
        if (strcmp(region.name, name) == 0) {
            *out = region;
            return true;
        }
    }
    return false;
}

/* The squared chord between two points of the unit sphere: it orders pairs as the great circle
 * does, and needs cosines only. */
static double chord2(double lat_a, double lon_a, double lat_b, double lon_b)
{
    const double radian = 0x1.1df46a2529d39p-6; /* pi / 180 */
    double across = fmath_cos((lon_a - lon_b) * radian);
    double cos_a = fmath_cos(lat_a * radian), cos_b = fmath_cos(lat_b * radian);
    double sin_a = fmath_cos((lat_a - 90) * radian), sin_b = fmath_cos((lat_b - 90) * radian);
    return 2 - 2 * (sin_a * sin_b + cos_a * cos_b * across);
}

bool data_region_near(const struct data_country *country, int zones_min, struct data_region *out)
{
    double best = INFINITY;
    struct csv csv = csv_open(data_regions, data_regions_end);
    while (csv_line(&csv)) {
        struct data_region region;
        region_read(&csv, &region);
        if (region.zones < zones_min || strncmp(region.name, "aws/", 4) != 0)
            continue;
        double far = chord2(country->lat, country->lon, region.lat, region.lon);
        if (strcmp(region.country, country->code) != 0)
            far += 4; /* beyond the antipode: a region at home comes first */
        if (far < best) {
            best = far;
            *out = region;
        }
    }
    return best < INFINITY;
}

/* ---- demand and latency ---- */

bool data_curve_at(const char *name, struct data_curve *out)
{
    struct csv csv = csv_open(data_curves, data_curves_end);
    while (csv_line(&csv)) {
        char row[DATA_NAME_MAX];
        csv_text(&csv, row, sizeof row);
        if (strcmp(row, name) != 0)
            continue;
        memcpy(out->name, row, sizeof row);
        csv_skip(&csv, 2);
        for (int hour = 0; hour < DATA_WEEK_HOURS; hour++)
            out->count[hour] = csv_i64(&csv);
        return true;
    }
    return false;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t data_zone_rtt_us(const char *region)
{
    int64_t rtt_us[64];
    size_t count = 0;
    struct csv csv = csv_open(data_zone_latency, data_zone_latency_end);
    while (csv_line(&csv) && count < 64) {
        char provider[8], name[32], full[DATA_NAME_MAX], from[8], to[8];
        csv_text(&csv, provider, sizeof provider);
        csv_text(&csv, name, sizeof name);
        snprintf(full, sizeof full, "%s/%s", provider, name);
        csv_text(&csv, from, sizeof from);
        csv_text(&csv, to, sizeof to);
        if (strcmp(full, region) == 0 && strcmp(from, to) != 0)
            rtt_us[count++] = csv_i64(&csv);
    }
    if (count == 0)
        return -1;
    qsort(rtt_us, count, sizeof rtt_us[0], by_value);
    return (rtt_us[(count - 1) / 2] + rtt_us[count / 2]) / 2;
}

int64_t data_country_rtt_us(const char *a, const char *b)
{
    const char *low = strcmp(a, b) <= 0 ? a : b, *high = low == a ? b : a;
    struct csv csv = csv_open(data_country_latency, data_country_latency_end);
    while (csv_line(&csv)) {
        char from[8], to[8];
        csv_text(&csv, from, sizeof from);
        csv_text(&csv, to, sizeof to);
        if (strcmp(from, low) == 0 && strcmp(to, high) == 0)
            return csv_i64(&csv);
    }
    return -1;
}

size_t data_incident_minutes(bool regions, double *out, size_t max)
{
    static const char *const parts[] = {"scale-unit", "datacenter", "zone", "multi-zone", NULL};
    static const char *const wholes[] = {"region", "multi-region", "global", NULL};
    const char *const *scopes = regions ? wholes : parts;
    struct csv csv = csv_open(data_incidents, data_incidents_end);
    size_t count = 0;
    while (csv_line(&csv) && count < max) {
        char scope[DATA_NAME_MAX];
        csv_skip(&csv, 3);
        int64_t minutes = csv_i64(&csv);
        csv_text(&csv, scope, sizeof scope);
        for (int i = 0; scopes[i] != NULL; i++)
            if (strcmp(scope, scopes[i]) == 0)
                out[count++] = (double)minutes;
    }
    return count;
}
