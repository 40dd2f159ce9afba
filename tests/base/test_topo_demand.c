#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/topo.h"

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct topo parse(const char *text)
{
    struct topo topo;
    struct error err;
    if (topo_parse(&topo, text, strlen(text), NULL, 0, &arena, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    return topo;
}

/* The weights of a week with its peak at `hour`. */
static const char *one_peak(int hour)
{
    char *text = arena_alloc(&arena, 168 * 2, 1);
    assert_non_null(text);
    for (int h = 0; h < 168; h++) {
        text[2 * h] = h == hour ? '9' : '1';
        text[2 * h + 1] = h == 167 ? '\0' : ',';
    }
    return text;
}

/* Slot of a day (0: Monday) and UTC time. */
static size_t slot_of(int day, int hour, int minute)
{
    return (size_t)(day * 96 + hour * 4 + minute / TOPO_SLOT_MIN);
}

static void test_topo_demand_follows_local_time(void **state)
{
    /* One peak, at Tuesday 09:00 local time, in all of them. */
    static const struct {
        const char *code, *offset;
        int minutes;
        size_t slot;
    } rows[] = {
        {"GB", NULL, 0, 1 * 96 + 9 * 4},         {"DE", NULL, 60, 1 * 96 + 8 * 4},
        {"IN", NULL, 330, 1 * 96 + 3 * 4 + 2},   {"NP", NULL, 345, 1 * 96 + 3 * 4 + 1},
        {"US", NULL, -300, 1 * 96 + 14 * 4},     {"KI", "+14:00", 840, 0 * 96 + 19 * 4},
        {"US", "-10:00", -600, 1 * 96 + 19 * 4}, {"US", "-00:00", 0, 1 * 96 + 9 * 4},
    };
    (void)state;
    const char *hours = one_peak(33);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *offset = rows[i].offset == NULL ? "" : rows[i].offset;
        struct topo t = parse(arena_format(
            &arena, "{\"countries\": {\"%s\": {\"customers\": 1000, \"hours\": [%s]%s%s%s}}}",
            rows[i].code, hours, *offset == '\0' ? "" : ", \"utc_offset\": \"", offset,
            *offset == '\0' ? "" : "\""));
        const struct topo_country *c = &t.countries[0];
        char text[TOPO_SLOT_TEXT];
        assert_int_equal(c->utc_offset_min, rows[i].minutes);
        assert_int_equal(topo_peak_slot(c), rows[i].slot);
        assert_true(c->rps[rows[i].slot + 3] == c->rps[rows[i].slot]);
        assert_true(c->rps[rows[i].slot + 4] < c->rps[rows[i].slot]);
        topo_slot_format(text, rows[i].slot, c->utc_offset_min);
        assert_string_equal(text, "Tue 09:00");
    }
}

static void test_topo_demand_wraps_around_the_week(void **state)
{
    (void)state;
    const char *hours = one_peak(0);
    struct topo east = parse(arena_format(
        &arena, "{\"countries\": {\"NP\": {\"customers\": 1000, \"hours\": [%s]}}}", hours));
    /* Sunday 18:15 UTC */
    assert_int_equal(topo_peak_slot(&east.countries[0]), slot_of(6, 18, 15));
    char text[TOPO_SLOT_TEXT];
    topo_slot_format(text, slot_of(6, 18, 15), 345);
    assert_string_equal(text, "Mon 00:00");
    topo_slot_format(text, 0, -300);
    assert_string_equal(text, "Sun 19:00");
    topo_slot_format(text, TOPO_SLOTS - 1, 0);
    assert_string_equal(text, "Sun 23:45");
}

static double week_sum(const struct topo_country *c)
{
    double sum = 0;
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
        sum += c->rps[slot] * TOPO_SLOT_MIN * 60;
    return sum;
}

static void test_topo_demand_sums_to_what_the_customers_ask(void **state)
{
    (void)state;
    struct topo t = parse(
        "{\"countries\": {\"GB\": {}, \"DE\": {\"requests_per_customer_day\": 3.5},"
        " \"NP\": {\"customers\": 12345, \"curve\": \"nyc-taxi\"}, \"US\": {\"curve\": \"flat\"},"
        " \"FR\": {\"customers\": 10, \"hours\": [0,0,0,0,0,0,0,0,1,2,3,4,5,6,7,8,0,0,0,0,0,0,0,0]}"
        "}}");
    for (size_t i = 0; i < t.country_count; i++) {
        const struct topo_country *c = &t.countries[i];
        double want = (double)c->customers * c->requests_per_customer_day * 7;
        if (fabs(week_sum(c) / want - 1) > 1e-12)
            fail_msg("%s: %.17g requests a week, not %.17g", c->name, week_sum(c), want);
        assert_true(c->rps[topo_peak_slot(c)] == c->peak_rps);
    }
}

static void test_topo_demand_has_the_given_peak(void **state)
{
    (void)state;
    struct topo t = parse("{\"countries\": {\"GB\": {\"peak_rps\": 350, \"curve\": \"flat\"},"
                          " \"DE\": {\"peak_rps\": 0.001}}}");
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++) {
        assert_true(t.countries[0].rps[slot] == 350);
        assert_true(t.countries[1].rps[slot] >= 0 && t.countries[1].rps[slot] <= 0.001);
    }
    assert_true(t.countries[1].rps[topo_peak_slot(&t.countries[1])] == 0.001);
}

static void test_topo_day_of_24_hours_is_repeated(void **state)
{
    (void)state;
    struct topo t = parse("{\"countries\": {\"DE\": {\"peak_rps\": 24, \"hours\": "
                          "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24]}}}");
    const double *rps = t.countries[0].rps;
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
        assert_true(fabs(rps[slot] - (double)((slot / 4 + 1) % 24 + 1)) < 1e-12); /* UTC + 1 h */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_topo_demand_follows_local_time, release),
        cmocka_unit_test_teardown(test_topo_demand_wraps_around_the_week, release),
        cmocka_unit_test_teardown(test_topo_demand_sums_to_what_the_customers_ask, release),
        cmocka_unit_test_teardown(test_topo_demand_has_the_given_peak, release),
        cmocka_unit_test_teardown(test_topo_day_of_24_hours_is_repeated, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
