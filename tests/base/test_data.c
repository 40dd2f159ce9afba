#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/data.h"

extern const char data_countries[], data_countries_end[];
extern const char data_regions[], data_regions_end[];
extern const char data_curves[], data_curves_end[];
extern const char data_country_latency[], data_country_latency_end[];
extern const char data_zone_latency[], data_zone_latency_end[];

/* ---- a reader of our own, cutting a copy of the file into its fields ---- */

enum { FIELDS_MAX = 200 };

struct rows {
    char *text, *next;
    char *field[FIELDS_MAX];
    size_t count;
};

static struct rows rows_open(const char *begin, const char *end)
{
    size_t len = (size_t)(end - begin);
    struct rows rows = {.text = malloc(len + 1)};
    assert_non_null(rows.text);
    memcpy(rows.text, begin, len);
    rows.text[len] = '\0';
    assert_int_equal(rows.text[len - 1], '\n');
    assert_int_equal(strlen(rows.text), len);
    rows.next = rows.text;
    return rows;
}

static bool rows_read(struct rows *rows)
{
    char *line = rows->next;
    if (*line == '\0') {
        free(rows->text);
        return false;
    }
    char *end = strchr(line, '\n');
    *end = '\0';
    rows->next = end + 1;
    rows->count = 0;
    for (;;) {
        char *comma = strchr(line, ',');
        assert_true(rows->count < FIELDS_MAX);
        rows->field[rows->count++] = line;
        if (comma == NULL)
            return true;
        *comma = '\0';
        line = comma + 1;
    }
}

static int64_t whole_number(const char *text)
{
    char *end;
    long long n = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0')
        fail_msg("\"%s\" is not a whole number", text);
    return n;
}

static bool is_code(const char *text)
{
    return strlen(text) == 2 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2;
}

static void assert_degrees(const char *text, double got, double most)
{
    double want = strtod(text, NULL);
    if (!(got - want < 1e-9 && want - got < 1e-9) || !(got >= -most && got <= most))
        fail_msg("%s is read as %.17g", text, got);
}

/* ---- the files ---- */

static void assert_embedded(const char *begin, const char *end, const char *name, size_t lines)
{
    char path[64];
    snprintf(path, sizeof path, "sim-configs/data/%s.csv", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = (size_t)(end - begin), count = 0;
    char *text = malloc(len + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, len + 1, file), len);
    assert_memory_equal(text, begin, len);
    for (size_t i = 0; i < len; i++)
        count += text[i] == '\n';
    if (count != lines + 1)
        fail_msg("%s has %zu rows, not %zu", path, count - 1, lines);
    assert_int_equal(*end, '\0');
    free(text);
    fclose(file);
}

static void test_data_is_what_the_files_say(void **state)
{
    (void)state;
    assert_embedded(data_countries, data_countries_end, "countries", 250);
    assert_embedded(data_regions, data_regions_end, "regions", 138);
    assert_embedded(data_curves, data_curves_end, "demand_curves", 9);
    assert_embedded(data_country_latency, data_country_latency_end, "country_latency", 3948);
    assert_embedded(data_zone_latency, data_zone_latency_end, "zone_latency", 129);
}

static void test_data_every_country_is_sane(void **state)
{
    struct rows rows = rows_open(data_countries, data_countries_end);
    char before[8] = "";
    int without_time = 0, without_users = 0;
    (void)state;
    assert_true(rows_read(&rows));
    assert_string_equal(rows.field[5], "internet_users");
    assert_string_equal(rows.field[6], "utc_offset_min_jan");
    while (rows_read(&rows)) {
        struct data_country c;
        char *const *f = rows.field;
        assert_int_equal(rows.count, 10);
        assert_true(is_code(f[0]) && strcmp(before, f[0]) < 0); /* sorted, so each is there once */
        snprintf(before, sizeof before, "%s", f[0]);
        assert_true(data_country_at(f[0], &c));
        assert_string_equal(c.code, f[0]);
        assert_string_equal(c.name, f[1]);
        assert_string_equal(c.code3, f[9]);
        assert_int_equal(strspn(f[9], "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 3);
        assert_true(c.name[0] != '\0');
        assert_degrees(f[3], c.lat, 90);
        assert_degrees(f[4], c.lon, 180);
        assert_true(c.internet_users == (f[5][0] == '\0' ? 0 : whole_number(f[5])));
        assert_true(f[5][0] == '\0' || (c.internet_users >= 100 && c.internet_users < 2000000000));
        without_users += c.internet_users == 0;
        assert_int_equal(c.has_utc_offset, f[6][0] != '\0');
        without_time += !c.has_utc_offset;
        assert_int_equal(c.utc_offset_min, f[6][0] == '\0' ? 0 : whole_number(f[6]));
        assert_true(c.utc_offset_min % 15 == 0);
        assert_true(c.utc_offset_min >= -12 * 60 && c.utc_offset_min <= 14 * 60);
    }
    assert_int_equal(without_time, 3);
    assert_int_equal(without_users, 43);
}

static void test_data_every_region_is_sane(void **state)
{
    struct rows rows = rows_open(data_regions, data_regions_end);
    (void)state;
    assert_true(rows_read(&rows));
    assert_string_equal(rows.field[6], "zones");
    while (rows_read(&rows)) {
        struct data_region r;
        struct data_country c;
        char name[DATA_NAME_MAX];
        char *const *f = rows.field;
        assert_int_equal(rows.count, 7);
        snprintf(name, sizeof name, "%s/%s", f[0], f[1]);
        assert_true(data_region_at(name, &r));
        assert_string_equal(r.name, name);
        assert_string_equal(r.country, f[3]);
        if (!data_country_at(r.country, &c))
            fail_msg("%s lies in %s, which is no country", name, r.country);
        assert_degrees(f[4], r.lat, 90);
        assert_degrees(f[5], r.lon, 180);
        assert_int_equal(r.zones, whole_number(f[6]));
        assert_true(r.zones >= 1 && r.zones <= 6);
    }
}

static void test_data_every_curve_is_its_row(void **state)
{
    struct rows rows = rows_open(data_curves, data_curves_end);
    (void)state;
    assert_true(rows_read(&rows));
    assert_string_equal(rows.field[2], "count_total");
    assert_string_equal(rows.field[3], "h0");
    while (rows_read(&rows)) {
        struct data_curve curve;
        int64_t sum = 0;
        assert_int_equal(rows.count, 3 + DATA_WEEK_HOURS);
        assert_true(data_curve_at(rows.field[0], &curve));
        assert_string_equal(curve.name, rows.field[0]);
        for (size_t h = 0; h < DATA_WEEK_HOURS; h++) {
            assert_true(curve.count[h] == whole_number(rows.field[3 + h]));
            assert_true(curve.count[h] >= 0);
            sum += curve.count[h];
        }
        assert_true(sum == whole_number(rows.field[2]));
        assert_true(sum > 0);
        /* "flat" is a word of topologies, and a country's own curve is found by its code. */
        assert_string_not_equal(curve.name, "flat");
    }
}

static void test_data_every_latency_is_found_both_ways(void **state)
{
    struct rows rows = rows_open(data_country_latency, data_country_latency_end);
    struct data_country c;
    char before[8] = "";
    (void)state;
    assert_true(rows_read(&rows));
    while (rows_read(&rows)) {
        const char *a = rows.field[0], *b = rows.field[1];
        char pair[8];
        assert_int_equal(rows.count, 3);
        assert_true(data_country_at(a, &c) && data_country_at(b, &c));
        snprintf(pair, sizeof pair, "%s,%s", a, b);
        assert_true(strcmp(a, b) <= 0 && strcmp(before, pair) < 0);
        memcpy(before, pair, sizeof pair);
        int64_t rtt_us = whole_number(rows.field[2]);
        assert_true(rtt_us > 0 && rtt_us < 1000000);
        assert_true(data_country_rtt_us(a, b) == rtt_us);
        assert_true(data_country_rtt_us(b, a) == rtt_us);
    }
}

static void test_data_every_zone_pair_has_a_median(void **state)
{
    struct rows rows = rows_open(data_zone_latency, data_zone_latency_end);
    (void)state;
    assert_true(rows_read(&rows));
    while (rows_read(&rows)) {
        char region[DATA_NAME_MAX];
        assert_int_equal(rows.count, 5);
        assert_true(strcmp(rows.field[2], rows.field[3]) <= 0);
        assert_true(whole_number(rows.field[4]) > 0);
        snprintf(region, sizeof region, "%s/%s", rows.field[0], rows.field[1]);
        int64_t rtt_us = data_zone_rtt_us(region);
        if (rtt_us < 100 || rtt_us > 10000)
            fail_msg("%s: %lld us", region, (long long)rtt_us);
    }
}

/* ---- look-ups ---- */

static void test_data_every_country_has_a_region_near(void **state)
{
    struct rows rows = rows_open(data_countries, data_countries_end);
    (void)state;
    assert_true(rows_read(&rows));
    while (rows_read(&rows)) {
        struct data_country c;
        assert_true(data_country_at(rows.field[0], &c));
        for (int zones = 1; zones <= 6; zones++) {
            struct data_region r, again;
            assert_true(data_region_near(&c, zones, &r));
            assert_true(r.zones >= zones);
            assert_int_equal(strncmp(r.name, "aws/", 4), 0);
            assert_true(data_region_at(r.name, &again));
        }
    }
}

static void test_data_regions_near_are_the_known_ones(void **state)
{
    static const struct {
        const char *country;
        int zones;
        const char *region;
    } rows[] = {
        {"DE", 3, "aws/eu-central-1"}, {"GB", 3, "aws/eu-west-2"},      {"FR", 3, "aws/eu-west-3"},
        {"IE", 3, "aws/eu-west-1"},    {"JP", 4, "aws/ap-northeast-2"}, {"BR", 3, "aws/sa-east-1"},
        {"ZA", 3, "aws/af-south-1"},   {"PT", 3, "aws/eu-south-2"},     {"US", 6, "aws/us-east-1"},
        {"GB", 6, "aws/us-east-1"},
    };
    struct data_country c;
    struct data_region r;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(data_country_at(rows[i].country, &c));
        assert_true(data_region_near(&c, rows[i].zones, &r));
        assert_string_equal(r.name, rows[i].region);
    }
    memset(&r, 0x5a, sizeof r);
    assert_false(data_region_near(&c, 7, &r));
}

static void test_data_known_values(void **state)
{
    struct data_country de;
    struct data_region r;
    struct data_curve curve;
    (void)state;
    assert_true(data_country_at("DE", &de));
    assert_string_equal(de.name, "Germany");
    assert_true(de.lat == 51 && de.lon == 9);
    assert_int_equal(de.internet_users, 77233139);
    assert_int_equal(de.utc_offset_min, 60);
    assert_true(data_region_at("aws/af-south-1", &r));
    assert_true(r.lat > -33.90841 && r.lat < -33.90839);
    assert_int_equal(data_zone_rtt_us("aws/eu-central-1"), 954); /* of 731, 954 and 1128 */
    assert_int_equal(data_zone_rtt_us("ibm/au-syd"), 1720);      /* without those inside a zone */
    assert_int_equal(data_country_rtt_us("GB", "GB"), 9000);
    assert_true(data_curve_at("retail/DE", &curve));
    assert_int_equal(curve.count[3 * 24 + 10], 23);
}

static void test_data_does_not_know_what_is_not_there(void **state)
{
    static const char *const names[] = {
        "", "iso2", "de", "DEU", "D", "DE,", "DE\n", "aws/none", "aws/eu-west-2 ", "provider"};
    struct data_country c;
    struct data_region r;
    struct data_curve curve;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_false(data_country_at(names[i], &c));
        assert_false(data_region_at(names[i], &r));
        assert_false(data_curve_at(names[i], &curve));
        assert_int_equal(data_zone_rtt_us(names[i]), -1);
        assert_int_equal(data_country_rtt_us(names[i], "GB"), -1);
    }
    assert_int_equal(data_zone_rtt_us("gcp/asia-south1"), -1);
    assert_int_equal(data_country_rtt_us("FJ", "FJ"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_is_what_the_files_say),
        cmocka_unit_test(test_data_every_country_is_sane),
        cmocka_unit_test(test_data_every_region_is_sane),
        cmocka_unit_test(test_data_every_curve_is_its_row),
        cmocka_unit_test(test_data_every_latency_is_found_both_ways),
        cmocka_unit_test(test_data_every_zone_pair_has_a_median),
        cmocka_unit_test(test_data_every_country_has_a_region_near),
        cmocka_unit_test(test_data_regions_near_are_the_known_ones),
        cmocka_unit_test(test_data_known_values),
        cmocka_unit_test(test_data_does_not_know_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
