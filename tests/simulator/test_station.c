/* simulator/station.c and repair.c: against brute force on the same draws, and their controls. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "simulator/repair.h"
#include "simulator/station.h"
#include "simulator/stats.h"

enum { CUSTOMERS = 20000, SERVERS_MAX = 20 };

static struct station_opts options(uint32_t stations, uint32_t servers, double load)
{
    return (struct station_opts){
        .stations = stations,
        .servers = servers,
        .load = load,
        .service = {.kind = DIST_EXPONENTIAL, .mean = 1},
        .customers = CUSTOMERS,
    };
}

static void run(struct station_sample *sample, const struct station_opts *o, uint64_t replication)
{
    struct arena a = {0};
    struct error err;
    if (station_run(sample, o, 7, replication, "test", &a, &err) != 0)
        fail_msg("%s", err.text);
    arena_release(&a);
}

/* The first customers of one queue before `servers`: each takes the server that is free first
 * (Kiefer and Wolfowitz 1955), from the same streams. */
static double brute_wait(const struct station_opts *o, double *waited)
{
    struct rng arrivals, services;
    struct dist service;
    struct error err;
    double free_at[SERVERS_MAX] = {0}, now = 0, wait = 0;
    rng_named(&arrivals, 7, 0, "test", "arrivals");
    rng_named(&services, 7, 0, "test", "services");
    assert_int_equal(dist_init(&service, &o->service, &err), 0);
    *waited = 0;
    for (int64_t i = 0; i < o->customers; i++) {
        uint32_t first = 0;
        for (uint32_t k = 1; k < o->servers; k++)
            if (free_at[k] < free_at[first])
                first = k;
        now += rng_exp(&arrivals) / (o->load * o->servers);
        double start = free_at[first] > now ? free_at[first] : now;
        wait += start - now;
        *waited += start > now;
        free_at[first] = start + dist_draw(&service, &services);
    }
    *waited /= (double)o->customers;
    return wait / (double)o->customers;
}

static void test_station_waits_as_the_recursion_says(void **state)
{
    static const uint32_t servers[] = {1, 2, 7, SERVERS_MAX};
    static const struct dist_opts services[] = {
        {.kind = DIST_EXPONENTIAL, .mean = 1},
        {.kind = DIST_FIXED, .mean = 1},
        {.kind = DIST_HYPEREXPONENTIAL, .mean = 1, .cs2 = 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        for (size_t k = 0; k < sizeof services / sizeof services[0]; k++) {
            struct station_opts o = options(1, servers[i], 0.9);
            struct station_sample sample;
            double waited;
            o.service = services[k];
            run(&sample, &o, 0);
            double wait = brute_wait(&o, &waited);
            assert_true(fabs(sample.wait - wait) < 1e-6);
            assert_true(fabs(sample.waited - waited) < 1e-3);
        }
    }
}

static void test_station_time_is_wait_and_service(void **state)
{
    (void)state;
    struct station_opts o = options(3, 1, 0.7);
    struct station_sample sample;
    o.service.kind = DIST_FIXED;
    run(&sample, &o, 0);
    assert_true(fabs(sample.time - sample.wait - 1) < 1e-9);
}

static void test_station_with_more_choices_waits_less(void **state)
{
    (void)state;
    struct station_opts o = options(10, 1, 0.8);
    struct station_sample random, two, three, all;
    o.customers = 10 * CUSTOMERS;
    o.balance = TOPO_BALANCE_RANDOM;
    run(&random, &o, 0);
    o.balance = TOPO_BALANCE_CHOICES;
    o.choices = 2;
    run(&two, &o, 0);
    o.choices = 3;
    run(&three, &o, 0);
    o.balance = TOPO_BALANCE_LEAST_LOADED;
    run(&all, &o, 0);
    assert_true(random.wait > 2 * two.wait);
    assert_true(two.wait > three.wait);
    assert_true(three.wait > all.wait);
}

/* Whatever the queue does; otherwise what they explain would be the wrong mean. */
static void assert_controls(const struct station_opts *o)
{
    enum { REPLICATIONS = 200 };
    struct stats control[STATION_CONTROLS] = {{0}};
    for (uint64_t r = 0; r < REPLICATIONS; r++) {
        struct station_sample sample;
        run(&sample, o, r);
        for (int k = 0; k < STATION_CONTROLS; k++)
            stats_add(&control[k], sample.control[k]);
    }
    for (int k = 0; k < STATION_CONTROLS; k++)
        if (!(fabs(control[k].mean) <= stats_half_width(&control[k], 0.99999)))
            fail_msg("control %d of %u stations: %g", k, (unsigned)o->stations, control[k].mean);
}

static void test_station_controls_have_mean_zero(void **state)
{
    (void)state;
    struct station_opts o = options(1, 3, 0.8);
    o.customers = 1000;
    assert_controls(&o);
    o.service = (struct dist_opts){.kind = DIST_HYPEREXPONENTIAL, .mean = 1, .cs2 = 4};
    assert_controls(&o);
    o = options(4, 1, 0.9);
    o.customers = 1000;
    o.warmup = 4000;
    o.balance = TOPO_BALANCE_RANDOM;
    assert_controls(&o);
    o.balance = TOPO_BALANCE_REPEATED;
    o.choices = 2;
    assert_controls(&o);
}

static void test_station_says_when_too_many_wait(void **state)
{
    (void)state;
    struct station_opts o = options(1, 1, 0.999999);
    struct station_sample sample;
    struct arena a = {0};
    struct error err;
    o.service = (struct dist_opts){.kind = DIST_HYPEREXPONENTIAL, .mean = 1, .cs2 = 10000};
    o.customers = 100000000;
    assert_int_equal(station_run(&sample, &o, 7, 0, "test", &a, &err), -1);
    assert_non_null(strstr(err.text, "test: more than 8208 customers wait"));
    arena_release(&a);
}

static void test_repair_is_down_as_often_as_the_binomial_says(void **state)
{
    enum { REPLICATIONS = 64 };
    (void)state;
    const struct repair_opts o = {.parts = 3, .needed = 2, .works = 0.8, .warmup = 20, .time = 500};
    struct stats down = {0}, draw[REPAIR_DRAWS] = {{0}};
    for (uint64_t r = 0; r < REPLICATIONS; r++) {
        struct repair_sample sample;
        struct arena a = {0};
        struct error err;
        assert_int_equal(repair_run(&sample, &o, 7, r, "test", &a, &err), 0);
        stats_add(&down, sample.down);
        for (int k = 0; k < REPAIR_DRAWS; k++)
            stats_add(&draw[k], sample.draw[k]);
        arena_release(&a);
    }
    /* Two or three down of three. */
    double exact = 3 * 0.2 * 0.2 * 0.8 + 0.2 * 0.2 * 0.2;
    assert_true(fabs(down.mean - exact) <= stats_half_width(&down, 0.9999));
    assert_true(stats_half_width(&down, 0.9999) < 0.1 * exact);
    for (int k = 0; k < REPAIR_DRAWS; k++)
        assert_true(fabs(draw[k].mean) <= stats_half_width(&draw[k], 0.99999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_station_waits_as_the_recursion_says),
        cmocka_unit_test(test_station_time_is_wait_and_service),
        cmocka_unit_test(test_station_with_more_choices_waits_less),
        cmocka_unit_test(test_station_controls_have_mean_zero),
        cmocka_unit_test(test_station_says_when_too_many_wait),
        cmocka_unit_test(test_repair_is_down_as_often_as_the_binomial_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
