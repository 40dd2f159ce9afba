#include "base/data.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/fmath.h"

extern const char data_countries[], data_countries_end[];
extern const char data_regions[], data_regions_end[];
extern const char data_curves[], data_curves_end[];
extern const char data_country_latency[], data_country_latency_end[];
extern const char data_zone_latency[], data_zone_latency_end[];
extern const char data_incidents[], data_incidents_end[];

/* ---- the files are ours: every row has all its fields; tests read each of them ---- */

/* A reader that stands behind the header. */
static struct csv rows_of(const char *text, const char *end)
{
    struct csv csv = csv_of(text, (size_t)(end - text));
    csv.quote = '\0';
    csv_row(&csv);
    return csv;
}

static void text_of(const struct csv *csv, size_t index, char *out, size_t size)
{
    assert(index < csv->count);
    csv_copy(&csv->field[index], out, size);
}

static bool is_text(const struct csv *csv, size_t index, const char *text)
{
    assert(index < csv->count);
    return csv->field[index].len == strlen(text) &&
           memcmp(csv->field[index].text, text, csv->field[index].len) == 0;
}

/* 0 when it is empty: not known. */
static int64_t number_of(const struct csv *csv, size_t index)
{
    int64_t value = 0;
    assert(index < csv->count);
    csv_i64(&csv->field[index], &value);
    return value;
}

/* Degrees with at most four decimals, without strtod: it would read the locale's decimal point. */
static double degrees_of(const struct csv *csv, size_t index)
{
    char text[32];
    text_of(csv, index, text, sizeof text);
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

static struct data_country country_of(const struct csv *csv)
{
    struct data_country c = {
        .lat = degrees_of(csv, 3),
        .lon = degrees_of(csv, 4),
        .internet_users = number_of(csv, 5),
        .has_utc_offset = csv->field[6].len > 0,
        .utc_offset_min = (int)number_of(csv, 6),
    };
    text_of(csv, 0, c.code, sizeof c.code);
    text_of(csv, 1, c.name, sizeof c.name);
    text_of(csv, 2, c.continent, sizeof c.continent);
    text_of(csv, 9, c.code3, sizeof c.code3);
    return c;
}

size_t data_countries_all(struct data_country *out, size_t max)
{
    size_t count = 0;
    struct csv csv = rows_of(data_countries, data_countries_end);
    while (count < max && csv_row(&csv) == CSV_ROW)
        out[count++] = country_of(&csv);
    return count;
}

bool data_country_at(const char *code, struct data_country *out)
{
    struct csv csv = rows_of(data_countries, data_countries_end);
    while (csv_row(&csv) == CSV_ROW)
        if (is_text(&csv, 0, code)) {
            *out = country_of(&csv);
            return true;
        }
    return false;
}

static struct data_region region_of(const struct csv *csv)
{
    char provider[8], region[32];
    struct data_region r = {
        .lat = degrees_of(csv, 4), .lon = degrees_of(csv, 5), .zones = (int)number_of(csv, 6)};
    text_of(csv, 0, provider, sizeof provider);
    text_of(csv, 1, region, sizeof region);
    snprintf(r.name, sizeof r.name, "%s/%s", provider, region);
    text_of(csv, 3, r.country, sizeof r.country);
    return r;
}

bool data_region_at(const char *name, struct data_region *out)
{
    struct csv csv = rows_of(data_regions, data_regions_end);
    while (csv_row(&csv) == CSV_ROW) {
        struct data_region region = region_of(&csv);
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
    struct csv csv = rows_of(data_regions, data_regions_end);
    while (csv_row(&csv) == CSV_ROW) {
        struct data_region region = region_of(&csv);
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

bool data_region_number(size_t index, int zones_min, struct data_region *out)
{
    struct csv csv = rows_of(data_regions, data_regions_end);
    while (csv_row(&csv) == CSV_ROW) {
        *out = region_of(&csv);
        if (out->zones >= zones_min && strncmp(out->name, "aws/", 4) == 0 && index-- == 0)
            return true;
    }
    return false;
}

/* ---- demand and latency ---- */

bool data_curve_at(const char *name, struct data_curve *out)
{
    struct csv csv = rows_of(data_curves, data_curves_end);
    while (csv_row(&csv) == CSV_ROW) {
        if (!is_text(&csv, 0, name))
            continue;
        text_of(&csv, 0, out->name, sizeof out->name);
        for (size_t hour = 0; hour < DATA_WEEK_HOURS; hour++)
            out->count[hour] = number_of(&csv, 3 + hour);
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
    struct csv csv = rows_of(data_zone_latency, data_zone_latency_end);
    while (count < 64 && csv_row(&csv) == CSV_ROW) {
        char provider[8], name[32], full[DATA_NAME_MAX], to[8];
        text_of(&csv, 0, provider, sizeof provider);
        text_of(&csv, 1, name, sizeof name);
        snprintf(full, sizeof full, "%s/%s", provider, name);
        text_of(&csv, 3, to, sizeof to);
        if (strcmp(full, region) == 0 && !is_text(&csv, 2, to))
            rtt_us[count++] = number_of(&csv, 4);
    }
    if (count == 0)
        return -1;
    qsort(rtt_us, count, sizeof rtt_us[0], by_value);
    return (rtt_us[(count - 1) / 2] + rtt_us[count / 2]) / 2;
}

int64_t data_country_rtt_us(const char *a, const char *b)
{
    const char *low = strcmp(a, b) <= 0 ? a : b, *high = low == a ? b : a;
    struct csv csv = rows_of(data_country_latency, data_country_latency_end);
    while (csv_row(&csv) == CSV_ROW)
        if (is_text(&csv, 0, low) && is_text(&csv, 1, high))
            return number_of(&csv, 2);
    return -1;
}

void data_country_rtts_us(const char *a, const char *const *b, size_t count, int64_t *out)
{
    struct csv csv = rows_of(data_country_latency, data_country_latency_end);
    for (size_t i = 0; i < count; i++)
        out[i] = -1;
    while (csv_row(&csv) == CSV_ROW)
        for (size_t way = 0; way < 2; way++)
            for (size_t i = 0; is_text(&csv, way, a) && i < count; i++)
                if (is_text(&csv, 1 - way, b[i]))
                    out[i] = number_of(&csv, 2);
}

int64_t data_distance_rtt_us(const struct data_country *country, const struct data_region *region)
{
    const double earth_km = 6371;
    double half2 = chord2(country->lat, country->lon, region->lat, region->lon) / 4;
    double angle = half2 >= 1 ? fmath_atan((double)INFINITY)
                              : fmath_atan(fmath_sqrt(half2 > 0 ? half2 / (1 - half2) : 0));
    return 28000 + (int64_t)(2 * angle * earth_km * 19);
}

size_t data_incident_minutes(bool regions, double *out, size_t max)
{
    static const char *const parts[] = {"scale-unit", "datacenter", "zone", "multi-zone", NULL};
    static const char *const wholes[] = {"region", "multi-region", "global", NULL};
    const char *const *scopes = regions ? wholes : parts;
    struct csv csv = rows_of(data_incidents, data_incidents_end);
    size_t count = 0;
    while (count < max && csv_row(&csv) == CSV_ROW)
        for (int i = 0; scopes[i] != NULL; i++)
            if (is_text(&csv, 4, scopes[i]))
                out[count++] = (double)number_of(&csv, 3);
    return count;
}
