/* data.h - the facts that configs lean on: countries, regions, latency, demand by hour.
 *
 * They are the files of sim-configs/data, compiled into the program, so that a topology means the
 * same wherever it is read. Units, sources and licences are in sim-configs/data/README.md. Look-ups
 * read the text anew: a few hundred kilobytes, well under a millisecond. Nothing here allocates. */
#ifndef BASE_DATA_H
#define BASE_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DATA_NAME_MAX = 64,
    DATA_WEEK_HOURS = 168, /* Monday 00:00 first */
};

struct data_country {
    char code[3];  /* ISO 3166-1 alpha-2 */
    char code3[4]; /* alpha-3 */
    char name[DATA_NAME_MAX];
    char continent[16];     /* Africa, Americas, Antarctic, Asia, Europe, Oceania */
    double lat, lon;        /* degrees */
    int64_t internet_users; /* estimate; 0 when not known */
    bool has_utc_offset;
    int utc_offset_min; /* local time minus UTC in January, of the largest or capital zone */
};

struct data_region {
    char name[DATA_NAME_MAX]; /* "aws/eu-central-1" */
    char country[3];
    double lat, lon;
    int zones;
};

struct data_curve {
    char name[DATA_NAME_MAX];       /* "retail/DE" */
    int64_t count[DATA_WEEK_HOURS]; /* events seen in each hour of the week, local time */
};

/* All countries in the order of their codes, at most `max`. Returns how many. */
enum { DATA_COUNTRIES_MAX = 256 };
size_t data_countries_all(struct data_country *out, size_t max);

/* The country of an upper-case code. */
bool data_country_at(const char *code, struct data_country *out);

/* The region of a name with its provider. */
bool data_region_at(const char *name, struct data_region *out);

/* The AWS region nearest to a country (by great circle from its centre) with at least `zones_min`
 * zones; one inside the country comes before any other. False when no region has so many zones. */
bool data_region_near(const struct data_country *country, int zones_min, struct data_region *out);

/* The AWS region number `index` with at least `zones_min` zones; false behind the last one. */
bool data_region_number(size_t index, int zones_min, struct data_region *out);

/* The curve of a name. */
bool data_curve_at(const char *name, struct data_curve *out);

/* Median round trip between two zones of a region, us; -1 when the tables have none. */
int64_t data_zone_rtt_us(const char *region);

/* Median round trip between two cities of two countries (or of one), us; -1 when not known. */
int64_t data_country_rtt_us(const char *a, const char *b);

/* The same to each of `count` countries, in one reading. */
void data_country_rtts_us(const char *a, const char *const *b, size_t count, int64_t *out);

/* The round trip that the distance between a country's centre and a region suggests, us: 28 ms and
 * 19 us per km of the great circle, the median regression of all 3,915 measured pairs of countries;
 * half of those lie within 30.1 ms of it. */
int64_t data_distance_rtt_us(const struct data_country *country, const struct data_region *region);

/* How long published incidents lasted, in minutes: those that took a part of one region (from a
 * scale unit to several zones), or with `regions` a whole region or more. At most `max` into `out`;
 * returns how many. Durations are usable, their number is no rate (sim-configs/data/README.md). */
enum { DATA_INCIDENTS_MAX = 256 };
size_t data_incident_minutes(bool regions, double *out, size_t max);

#endif
