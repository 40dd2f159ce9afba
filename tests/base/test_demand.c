#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/demand.h"
#include "base/error.h"
#include "base/timestamp.h"

struct given {
    struct demand d;
    struct demand_opts opts;
    struct arena arena;
    struct error err;
};

static int begin(void **state)
{
    struct given *g = calloc(1, sizeof *g);
    assert_non_null(g);
    g->opts.name = "orders.csv";
    *state = g;
    return 0;
}

static int end(void **state)
{
    struct given *g = *state;
    arena_release(&g->arena);
    free(g);
    return 0;
}

static int read_text(struct given *g, const char *text)
{
    size_t room, len = strlen(text);
    if (demand_init(&g->d, &g->opts, &g->arena, &g->err) != 0)
        return -1;
    char *to = demand_room(&g->d, &room);
    assert_true(len <= room);
    memcpy(to, text, len);
    if (len > 0 && demand_take(&g->d, len, &g->err) != 0)
        return -1;
    return demand_take(&g->d, 0, &g->err);
}

static void assert_read(struct given *g, const char *text)
{
    if (read_text(g, text) != 0)
        fail_msg("%s", g->err.text);
}

static const struct demand_place *place(struct given *g, const char *code)
{
    const struct demand_place *p = demand_place_at(&g->d, code);
    if (p == NULL)
        fail_msg("no rows of %s", code);
    return p;
}

static void test_demand_counts_hours_of_countries(void **state)
{
    struct given *g = *state;
    assert_read(g, "id,order_date,ship,Country\n"
                   "1,2025-01-06 10:05,x,GB\n"
                   "2,2025-01-06 10:59,x,United Kingdom\n"
                   "3,2025-01-06 11:00,x,gbr\n"
                   "4,2025-01-06 10:30,x,DE\n"
                   "5,2025-01-08 10:30,x,XX\n");
    const struct demand_place *gb = place(g, "GB");
    int64_t ten = timestamp_days(2025, 1, 6) * 24 + 10;
    assert_int_equal(g->d.used, 5);
    assert_int_equal(gb->count, 3);
    assert_int_equal(gb->peak, 2);
    assert_true(gb->peak_hour == ten);
    assert_int_equal(demand_hour(gb, ten), 2);
    assert_int_equal(demand_hour(gb, ten + 1), 1);
    assert_int_equal(demand_hour(gb, ten + 2), 0);
    assert_int_equal(gb->week[10 * 4], 1); /* it was a Monday */
    assert_int_equal(gb->week[10 * 4 + 3], 1);
    assert_int_equal(g->d.sum_of_peaks, 2 + 1 + 1);
    assert_int_equal(g->d.peak_of_sum, 3);
    assert_string_equal(g->d.time_name, "order_date");
    assert_false(place(g, "XX")->country);
}

static void test_demand_takes_counts_and_delimiters(void **state)
{
    struct given *g = *state;
    assert_read(g, "\xef\xbb\xbfTimestamp;Country Code;Requests\r\n"
                   "\"2025-01-06T10:00:00Z\";FR;1200\r\n"
                   "2025-01-07T12:00:00+02:00;FR;\"300.00\"\r\n");
    assert_int_equal(place(g, "FR")->count, 1500);
    assert_int_equal(place(g, "FR")->peak, 1200);
    assert_int_equal(g->d.delimiter, ';');
    assert_string_equal(g->d.count_name, "Requests");
    assert_int_equal(demand_hour(place(g, "FR"), timestamp_days(2025, 1, 7) * 24 + 10), 300);
}

static void test_demand_columns_may_be_named(void **state)
{
    struct given *g = *state;
    g->opts.time = "b";
    g->opts.country = "c";
    g->opts.count = "d";
    g->opts.where = "kind=sale,units>0";
    assert_read(g, "kind,units,time,b,c,d\n"
                   "sale,1.5,x,2025-01-06 10:00,GB,7\n"
                   "cancel,1,x,2025-01-06 10:00,GB,7\n"
                   "sale,-1,x,2025-01-06 10:00,GB,7\n"
                   "sale,,x,2025-01-06 10:00,GB,7\n"
                   "sale,2,x,2025-01-08 10:00,GB,1\n");
    assert_int_equal(g->d.not_meant, 3);
    assert_int_equal(g->d.count, 8);
}

static void test_demand_local_time_is_the_countrys(void **state)
{
    struct given *g = *state;
    g->opts.zone = DEMAND_ZONE_LOCAL;
    assert_read(g, "time,country\n"
                   "2025-01-06 10:10,IN\n" /* 04:40 UTC */
                   "2025-01-06 10:10,JP\n" /* 01:10 UTC */
                   "2025-01-07 10:10Z,JP\n"
                   "2025-01-06 10:10,XX\n");
    int64_t midnight = timestamp_days(2025, 1, 6) * 24;
    assert_int_equal(demand_hour(place(g, "IN"), midnight + 4), 1);
    assert_int_equal(demand_hour(place(g, "JP"), midnight + 1), 1);
    assert_int_equal(demand_hour(place(g, "JP"), midnight + 34), 1);
    assert_int_equal(place(g, "IN")->week[4 * 4 + 2], 1);
    assert_int_equal(g->d.left[DEMAND_CLOCK].rows, 1);
    assert_int_equal(g->d.left[DEMAND_CLOCK].line[0], 5);
}

static void test_demand_says_what_it_left_out(void **state)
{
    struct given *g = *state;
    assert_read(g, "time,country,count\n"
                   "2025-01-06 10:10,GB,1\n2025-01-07 10:10,GB,1\n2025-01-08 10:10,GB,1\n"
                   "2025-01-09 10:10,GB,1\n2025-01-10 10:10,GB,1\n2025-01-11 10:10,GB,1\n"
                   "2025-01-12 10:10,GB,1\n2025-01-13 10:10,GB,1\n"
                   "2025-01-06 10:10,Narnia,1\n"
                   "\n"
                   "tomorrow,GB,1\n"
                   "2025-01-06,GB,1\n"
                   "12/31/2025 10:10,GB,1\n"
                   "2025-01-06 10:10,GB,-2\n"
                   "2025-01-06 10:10,GB,many\n"
                   "2025-01-06 10:10,GB\n"
                   "2025-01-06 10:10,,1\n");
    static const struct {
        enum demand_reason why;
        int64_t rows, line;
        const char *example;
    } left[] = {
        {DEMAND_COUNTRY, 2, 10, "Narnia"},
        {DEMAND_TIME, 1, 12, "tomorrow"},
        {DEMAND_DAY, 1, 13, "2025-01-06"},
        {DEMAND_MONTH, 1, 14, "12/31/2025 10:10"},
        {DEMAND_NEGATIVE, 1, 15, "-2"},
        {DEMAND_COUNT, 1, 16, "many"},
        {DEMAND_FIELDS, 1, 17, "2025-01-06 10:10"},
    };
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        const struct demand_left *got = &g->d.left[left[i].why];
        assert_int_equal(got->rows, left[i].rows);
        assert_int_equal(got->line[0], left[i].line);
        assert_string_equal(got->example, left[i].example);
    }
    assert_int_equal(g->d.left[DEMAND_COUNTRY].line[1], 18);
    assert_int_equal(g->d.used, 8);
    assert_int_equal(g->d.rows, 16);
}

static void test_demand_refuses_a_doubtful_file(void **state)
{
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"", "orders.csv: is empty; expected a header and rows"},
        {"time,country\n", "orders.csv: a header, and no rows behind it"},
        {"a,country\n1,2\n", "orders.csv:1: no column is called like the time; --demand-time "
                             "COLUMN says which one it is of a, country"},
        {"time,b\n1,2\n", "orders.csv:1: no column is called like the country; --demand-country "
                          "COLUMN says which one it is of time, b"},
        {"time,country\n2025-01-06 10:00,GB\n2025-01-06 10:00Z,GB\n",
         "orders.csv:3: a time with a zone, while that of line 2 has none; --demand-zone UTC or "
         "local says what the ones without mean"},
        {"time,country\n1736157600,GB\n2025-01-06 10:00,GB\n",
         "orders.csv:3: a time without a zone, while that of line 2 has one"},
        {"time,country\n2025-01-06 10:00,A\n2025-01-06 10:00,B\n2025-01-06 10:00,GB\n",
         "orders.csv:2: unknown country (\"A\"), as in 2 rows; 2 of 3 cannot be used"},
        {"time,country,count\n2025-01-06 10:00,GB,0\n", "orders.csv: every count (column count) "
                                                        "is 0"},
        {"time,country\n2025-01-06 00:00,GB\n2025-01-07 00:00,GB\n",
         "orders.csv: every time (column time) is midnight"},
        {"time,country\n2025-01-06 10:00,GB\n2025-01-07 08:59,GB\n",
         "orders.csv: spans 23 hours; the shape of a day needs 24"},
        {"time,country\n\"2025-01-06 10:00,GB\n", "orders.csv:2: a quoted field does not end"},
        {"PK\3\4", "orders.csv: is a zip or a workbook, not CSV"},
        {"\xff\xfet", "orders.csv: is UTF-16; save it as UTF-8"},
    };
    struct given *g = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (read_text(g, rows[i].text) == 0)
            fail_msg("not refused: %s", rows[i].text);
        if (strncmp(g->err.text, rows[i].sentence, strlen(rows[i].sentence)) != 0)
            fail_msg("%s: %s", rows[i].text, g->err.text);
    }
}

static void test_demand_refuses_bad_conditions(void **state)
{
    static const struct {
        const char *where, *sentence;
    } rows[] = {
        {"kind", "--demand-where: expected conditions as kind=sale,units>0, got \"kind\""},
        {"", "--demand-where: expected conditions"},
        {"=sale", "--demand-where: expected conditions"},
        {"kind=>sale", "--demand-where: expected conditions"},
        {"units>many", "--demand-where: units> wants a number, got \"many\""},
        {"size=1", "orders.csv:1: no column \"size\" (--demand-where); there are time, country"},
        {"country=FR", "orders.csv: none of 1 rows meets --demand-where country=FR"},
    };
    struct given *g = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        g->opts.where = rows[i].where;
        assert_int_equal(read_text(g, "time,country\n2025-01-06 10:00,GB\n"), -1);
        if (strncmp(g->err.text, rows[i].sentence, strlen(rows[i].sentence)) != 0)
            fail_msg("%s: %s", rows[i].where, g->err.text);
    }
}

/* A row an hour from a Monday on, 1 to 24 requests by the hour of the day. */
static char *hourly(int64_t hours, const char *minutes)
{
    size_t size = ((size_t)hours + 1) * 40;
    char *text = calloc(size, 1);
    assert_non_null(text);
    size_t used = (size_t)snprintf(text, size, "time,country,count\n");
    int64_t monday = timestamp_days(2025, 1, 6) * 24;
    for (int64_t h = 0; h < hours; h++) {
        char at[TIMESTAMP_TEXT];
        timestamp_format(at, (monday + h) * 3600);
        at[14] = '\0';
        used += (size_t)snprintf(text + used, size - used, "%s%s,GB,%d\n", at, minutes,
                                 1 + (int)(h % 24));
    }
    return text;
}

static void test_demand_week_is_a_mean(void **state)
{
    struct given *g = *state;
    double week[TOPO_SLOTS];
    static const int64_t hours[] = {168, 168 * 3, 168 + 5, 30};
    static const char *const minutes[] = {"00", "17"};
    for (size_t i = 0; i < 8; i++) { /* also where only a part of the week was seen, or twice */
        char *text = hourly(hours[i % 4], minutes[i / 4]);
        assert_read(g, text);
        demand_week(&g->d, place(g, "GB"), week);
        for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
            assert_float_equal(week[slot], (1 + (double)(slot / 4 % 24)) / 4, 1e-9);
        free(text);
    }
}

static void test_demand_becomes_the_topologys(void **state)
{
    static const char file[] =
        "{\"countries\": {\"GB\": {\"utc_offset\": \"+00:00\"}, \"FR\": {}}}";
    struct given *g = *state;
    struct topo topo;
    char *text = hourly(168, "00");
    assert_int_equal(topo_parse(&topo, file, strlen(file), NULL, 0, &g->arena, &g->err), 0);
    double fr = topo.countries[1].rps[100];
    assert_read(g, text);
    assert_int_equal(demand_put(&g->d, &topo, 3600), 1);
    assert_float_equal(topo.countries[0].peak_rps, 24, 1e-9);
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
        assert_float_equal(topo.countries[0].rps[slot], 1 + (double)(slot / 4 % 24), 1e-9);
    assert_true(topo.countries[1].rps[100] == fr);
    free(text);
}

static void test_demand_of_a_country_in_parts_is_shared_among_them(void **state)
{
    static const char file[] =
        "{\"countries\": {\"GB\": {\"utc_offset\": \"+00:00\"}, \"XB\": {\"of\": \"GB\"}}}";
    struct given *g = *state;
    struct topo topo;
    char *text = hourly(168, "00");
    assert_int_equal(topo_parse(&topo, file, strlen(file), NULL, 0, &g->arena, &g->err), 0);
    assert_read(g, text);
    assert_int_equal(demand_put(&g->d, &topo, 3600), 2);
    assert_float_equal(topo.countries[0].peak_rps, 12, 1e-9);
    assert_float_equal(topo.countries[1].peak_rps, 12, 1e-9);
    free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_demand_counts_hours_of_countries),
        TEST(test_demand_takes_counts_and_delimiters),
        TEST(test_demand_columns_may_be_named),
        TEST(test_demand_local_time_is_the_countrys),
        TEST(test_demand_says_what_it_left_out),
        TEST(test_demand_refuses_a_doubtful_file),
        TEST(test_demand_refuses_bad_conditions),
        TEST(test_demand_week_is_a_mean),
        TEST(test_demand_becomes_the_topologys),
        TEST(test_demand_of_a_country_in_parts_is_shared_among_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
