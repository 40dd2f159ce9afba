/* Tests of base/topo_times.c and of how a topology's services scatter. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/dist.h"
#include "base/error.h"
#include "base/topo.h"

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static int parse(struct topo *topo, const char *service, struct error *err)
{
    char text[512];
    snprintf(text, sizeof text, "{\"countries\": [\"GB\"], \"services\": {\"x\": {%s}}}", service);
    return topo_parse(topo, text, strlen(text), NULL, 0, &arena, err);
}

static struct topo_service service_of(const char *service)
{
    struct topo topo;
    struct error err;
    if (parse(&topo, service, &err) != 0)
        fail_msg("%s: %s", service, err.text);
    return topo.services[0];
}

static struct topo_service empirical(void)
{
    return service_of("\"spread\": \"empirical\", \"times\": \"t.csv\"");
}

static int set(struct topo_service *service, const char *text, struct error *err)
{
    return topo_times_set(service, "t.csv", text, strlen(text), &arena, err);
}

/* ---- spreads of a topology ---- */

static void test_topo_spreads_have_their_mean_and_cs2(void **state)
{
    static const struct {
        const char *service;
        int kind;
        double cs2;
    } rows[] = {
        {"\"time\": \"5ms\"", DIST_EXPONENTIAL, 1},
        {"\"time\": \"5ms\", \"spread\": \"fixed\"", DIST_FIXED, 0},
        {"\"time\": \"5ms\", \"spread\": \"lognormal\", \"cs2\": 2", DIST_LOGNORMAL, 2},
        {"\"time\": \"5ms\", \"spread\": \"gamma\", \"cs2\": 0.25", DIST_GAMMA, 0.25},
        {"\"time\": \"5ms\", \"spread\": \"weibull\", \"cs2\": 3", DIST_WEIBULL, 3},
        {"\"time\": \"5ms\", \"spread\": \"hyperexponential\", \"cs2\": 9", DIST_HYPEREXPONENTIAL,
         9},
        {"\"time\": \"5ms\", \"spread\": \"pareto\", \"tail\": 4", DIST_PARETO, 0.125},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct topo_service service = service_of(rows[i].service);
        struct dist d;
        struct error err;
        assert_int_equal(service.spread, rows[i].kind);
        assert_int_equal(topo_dist(&d, &service, 1000, &err), 0);
        assert_true(dist_mean(&d) == 5e6);
        assert_true(dist_cs2(&d) == rows[i].cs2);
    }
    assert_int_equal(service_of("").time_us, 20000);
}

static void test_topo_refuses_spreads_that_cannot_be(void **state)
{
    static const struct {
        const char *service, *sentence;
        enum error_code code;
    } rows[] = {
        {"\"spread\": \"pareto\", \"tail\": 1",
         "services.x.tail: expected more than 1, for with less there is no mean, got 1", ERR_RANGE},
        {"\"spread\": \"pareto\", \"tail\": 0.5",
         "services.x.tail: expected more than 1, for with less there is no mean, got 0.5",
         ERR_RANGE},
        {"\"spread\": \"pareto\"", "services.x.tail: is missing; the pareto spread needs it",
         ERR_MISSING},
        {"\"spread\": \"pareto\", \"tail\": 3, \"cs2\": 2",
         "services.x.cs2: the pareto spread has none", ERR_CONFLICT},
        {"\"spread\": \"hyperexponential\", \"cs2\": 0.5",
         "services.x.cs2: expected 1..10000 for hyperexponential, got 0.5", ERR_RANGE},
        {"\"spread\": \"lognormal\"", "services.x.cs2: is missing; the lognormal spread needs it",
         ERR_MISSING},
        {"\"spread\": \"gamma\", \"cs2\": 0", "services.x.cs2: expected 1e-06..10000, got 0",
         ERR_RANGE},
        {"\"spread\": \"weibull\", \"cs2\": 1, \"tail\": 2",
         "services.x.tail: the weibull spread has none", ERR_CONFLICT},
        {"\"cs2\": 2", "services.x.cs2: the exponential spread has none", ERR_CONFLICT},
        {"\"spread\": \"fixed\", \"tail\": 2", "services.x.tail: the fixed spread has none",
         ERR_CONFLICT},
        {"\"times\": \"t.csv\"", "services.x.times: the exponential spread has none", ERR_CONFLICT},
        {"\"spread\": \"empirical\"", "services.x.times: is missing; the empirical spread needs it",
         ERR_MISSING},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct topo topo;
        struct error err = {0};
        assert_int_equal(parse(&topo, rows[i].service, &err), -1);
        assert_string_equal(err.text, rows[i].sentence);
        assert_int_equal(err.code, rows[i].code);
    }
}

/* ---- the file of an empirical one ---- */

static void test_topo_times_are_durations_or_milliseconds(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        double us[4];
    } rows[] = {
        {"12.5ms\n7us\n1h\n0\n", 4, {12500, 7, 3600e6, 0}},
        {"12.5\n7\n0.25\n0", 4, {12500, 7000, 250, 0}},
        {"latency_ms\r\n12.5\r\n7\r\n", 2, {12500, 7000}},
        {"\"ms\"\n3", 1, {3000}},
        {"# of last week\n1m30s\n", 1, {90e6}},
        {"0.0010000000000000000000000001\n3\n", 2, {1, 3000}},
        {"3600000\n", 1, {3600e6}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct topo_service service = empirical();
        struct error err;
        double sum = 0;
        if (set(&service, rows[i].text, &err) != 0)
            fail_msg("%s: %s", rows[i].text, err.text);
        assert_int_equal(service.times_count, rows[i].count);
        for (size_t k = 0; k < rows[i].count; k++) {
            assert_true(fabs(service.times_us[k] - rows[i].us[k]) <= 1e-12 * rows[i].us[k]);
            sum += rows[i].us[k];
        }
        double mean_us = sum / (double)rows[i].count;
        assert_int_equal(service.time_us, (int64_t)floor(mean_us + 0.5));
    }
}

static void test_topo_times_keep_their_own_mean_and_values(void **state)
{
    (void)state;
    struct topo_service service = empirical();
    struct dist d;
    struct error err;
    struct rng r;
    assert_int_equal(service.time_us, 20000); /* nothing is known yet, and planning goes on */
    assert_int_equal(topo_dist(&d, &service, 1, &err), -1);
    assert_string_equal(err.text, "services.x.times: expected 1..4294967295 values, got 0");
    assert_int_equal(set(&service, "0.0015\n0.002\n0.002\n", &err), 0);
    assert_int_equal(service.time_us, 2);
    assert_int_equal(topo_dist(&d, &service, 1000, &err), 0);
    assert_true(fabs(dist_mean(&d) - 5500.0 / 3) <= 1e-9); /* not rounded to microseconds */
    rng_init(&r, 1);
    for (int i = 0; i < 100; i++) {
        double ns = dist_draw(&d, &r);
        assert_true(fabs(ns - 1500) <= 1e-9 || fabs(ns - 2000) <= 1e-9);
    }
}

static void test_topo_times_are_scaled_to_a_time_that_is_given(void **state)
{
    (void)state;
    struct topo_service service =
        service_of("\"spread\": \"empirical\", \"times\": \"t.csv\", \"time\": \"6ms\"");
    struct dist d;
    struct error err;
    struct rng r;
    assert_int_equal(set(&service, "1\n3\n", &err), 0);
    assert_int_equal(service.time_us, 6000);
    assert_int_equal(topo_dist(&d, &service, 1, &err), 0);
    assert_true(dist_mean(&d) == 6000 && dist_cs2(&d) == 0.25);
    rng_init(&r, 1);
    for (int i = 0; i < 100; i++) {
        double us = dist_draw(&d, &r);
        assert_true(us == 3000 || us == 9000);
    }
}

/* A topology is written as it was read, for a system that is made from it. */
static void test_topo_spreads_survive_json(void **state)
{
    static const char *const services[] = {
        "",
        "\"spread\": \"lognormal\", \"cs2\": 0.1",
        "\"spread\": \"pareto\", \"tail\": 2.2",
        "\"spread\": \"empirical\", \"times\": \"t.csv\"",
    };
    (void)state;
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        struct topo topo, again;
        struct error err;
        assert_int_equal(parse(&topo, services[i], &err), 0);
        topo.about = topo.countries[0].utc_offset = "+00:00"; /* they may not be null */
        const char *text = json_encode(&topo, topo_fields, &arena);
        if (topo_parse(&again, text, strlen(text), NULL, 0, &arena, &err) != 0)
            fail_msg("%s: %s", text, err.text);
        const struct topo_service *a = &topo.services[0], *b = &again.services[0];
        assert_int_equal(a->spread, b->spread);
        assert_int_equal(a->time_us, b->time_us);
        assert_true(a->cs2 == b->cs2 || (isnan(a->cs2) && isnan(b->cs2)));
        assert_true(a->tail == b->tail || (isnan(a->tail) && isnan(b->tail)));
        assert_int_equal(a->times == NULL, b->times == NULL);
    }
}

#define EXPECTED ": expected a time of 0..1h such as 12.5ms, or a number of milliseconds, got "
#define SIXTY    "012345678901234567890123456789012345678901234567890123456789"

static void test_topo_times_refuse_with_file_and_line(void **state)
{
    static const struct {
        const char *text, *sentence;
        enum error_code code;
    } rows[] = {
        {"", "t.csv: expected times, got none", ERR_MISSING},
        {"latency\n", "t.csv: expected times, got none", ERR_MISSING},
        {"0\n0\n", "t.csv: expected a mean of 1us or more, got 0us", ERR_RANGE},
        {"0.0005\n", "t.csv: expected a mean of 1us or more, got 0.5us", ERR_RANGE},
        {"1\n2\nthree\n", "t.csv:3" EXPECTED "\"three\"", ERR_SYNTAX},
        {"ms\nms\n", "t.csv:2" EXPECTED "\"ms\"", ERR_SYNTAX},
        {"-5\n", "t.csv:1" EXPECTED "\"-5\"", ERR_SYNTAX},
        {"5\n\n6\n", "t.csv:2" EXPECTED "\"\"", ERR_SYNTAX},
        {"5, 6\n", "t.csv:1" EXPECTED "\"5, 6\"", ERR_SYNTAX},
        {"1.\n", "t.csv:1" EXPECTED "\"1.\"", ERR_SYNTAX},
        {"1.2.3\n", "t.csv:1" EXPECTED "\"1.2.3\"", ERR_SYNTAX},
        {"1e-3\n", "t.csv:1" EXPECTED "\"1e-3\"", ERR_SYNTAX},
        {"61m\n", "t.csv:1" EXPECTED "\"61m\"", ERR_SYNTAX},
        {"3600000.1\n", "t.csv:1" EXPECTED "\"3600000.1\"", ERR_SYNTAX},
        {"99999999999999999999\n", "t.csv:1" EXPECTED "\"99999999999999999999\"", ERR_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct topo_service service = empirical(), before = service;
        struct error err = {0};
        assert_int_equal(set(&service, rows[i].text, &err), -1);
        assert_string_equal(err.text, rows[i].sentence);
        assert_int_equal(err.code, rows[i].code);
        assert_memory_equal(&service, &before, sizeof service);
    }
}

static void test_topo_times_refuse_long_lines_and_nul(void **state)
{
    (void)state;
    struct topo_service service = empirical();
    struct error err;
    assert_int_equal(set(&service, "1\n" SIXTY "\n", &err), -1);
    assert_memory_equal(err.text, "t.csv:2: ", 9);
    assert_int_equal(topo_times_set(&service, "t.csv", "1\0\n2\n", 5, &arena, &err), -1);
    assert_memory_equal(err.text, "t.csv:1: ", 9);
}

static void test_topo_times_are_a_million_at_most(void **state)
{
    (void)state;
    struct topo_service service = empirical();
    struct error err;
    size_t len = 2 * (TOPO_TIMES_MAX + 1);
    char *text = malloc(len + 1);
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = i % 2 == 0 ? '3' : '\n';
    assert_int_equal(topo_times_set(&service, "t.csv", text, len - 2, &arena, &err), 0);
    assert_int_equal(service.times_count, TOPO_TIMES_MAX);
    assert_int_equal(topo_times_set(&service, "t.csv", text, len, &arena, &err), -1);
    assert_string_equal(err.text, "t.csv: expected at most 1000000 times, got 1000001");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topo_spreads_have_their_mean_and_cs2),
        cmocka_unit_test(test_topo_refuses_spreads_that_cannot_be),
        cmocka_unit_test(test_topo_times_are_durations_or_milliseconds),
        cmocka_unit_test(test_topo_times_keep_their_own_mean_and_values),
        cmocka_unit_test(test_topo_times_are_scaled_to_a_time_that_is_given),
        cmocka_unit_test(test_topo_spreads_survive_json),
        cmocka_unit_test(test_topo_times_refuse_with_file_and_line),
        cmocka_unit_test(test_topo_times_refuse_long_lines_and_nul),
        cmocka_unit_test(test_topo_times_are_a_million_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
