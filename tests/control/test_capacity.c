/* Tests of control/capacity.c: the count rule against every loss tried out, and plans of small
 * topologies against numbers worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/rng.h"
#include "tests/world.h"

static const char any_scenario[] = "{\"topology\": \"-\"}";

static void plan(struct made *made, const char *topology)
{
    make_world(made, topology, any_scenario);
}

static void assert_close(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12 * (fabs(want) + 1)))
        fail_msg("got %.17g, expected %.17g", got, want);
}

/* ---- the count rule ---- */

/* Whether the servers left in zones `zone` and after still carry the load in every way to take
 * `lost` servers from them. `left` are those counted so far. */
static bool survives_servers(const int *servers, int zones, int zone, int lost, int left,
                             double rps, double server_rps)
{
    if (zone == zones)
        return lost > 0 || left * server_rps >= rps; /* another way takes what this one spared */
    for (int gone = 0; gone <= lost && gone <= servers[zone]; gone++)
        if (!survives_servers(servers, zones, zone + 1, lost - gone, left + servers[zone] - gone,
                              rps, server_rps))
            return false;
    return true;
}

/* Whether `per_zone` servers in each zone survive every loss of `k` zones and `m` servers. */
static bool survives(int per_zone, int zones, int k, int m, double rps, double server_rps)
{
    for (int dead = 0; dead < 1 << zones; dead++) {
        if (__builtin_popcount((unsigned)dead) != k)
            continue;
        int servers[8];
        for (int z = 0; z < zones; z++)
            servers[z] = dead >> z & 1 ? 0 : per_zone;
        if ((zones - k) * per_zone <= m) /* nothing is left */
            return rps <= 0;
        if (!survives_servers(servers, zones, 0, m, 0, rps, server_rps))
            return false;
    }
    return true;
}

static void test_capacity_counts_the_fewest_that_survive_every_loss(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    for (int zones = 1; zones <= 6; zones++)
        for (int k = 0; k < zones; k++)
            for (int m = 0; m <= 4; m++)
                for (int round = 0; round < 40; round++) {
                    double server_rps = 1 + 99 * rng_f64(&rng);
                    double rps = server_rps * 25 * rng_f64(&rng);
                    struct topo_tolerance lost = {.zones = k, .servers = m};
                    int64_t needed = capacity_needed(rps, server_rps);
                    int planned = (int)capacity_per_zone(needed, zones, lost);
                    assert_true(survives(planned, zones, k, m, rps, server_rps));
                    assert_false(survives(planned - 1, zones, k, m, rps, server_rps));
                }
}

static void test_capacity_of_an_exact_multiple_is_not_rounded_up(void **state)
{
    static const double servers[] = {0.1,     0.3,   0.7, 1.1,     1.0 / 3,
                                     2.0 / 3, 0.007, 70,  123.456, 1e-5};
    (void)state;
    assert_int_equal(capacity_needed(350, 70), 5);
    assert_int_equal(
        capacity_needed(
            350,
            capacity_server_rps(&(struct topo_service){.time_us = 100000, .concurrency = 10}, 0.7)),
        5);
    assert_int_equal(capacity_needed(0.1 * 3, 0.3), 1);
    assert_int_equal(capacity_needed(0.1 + 0.2, 0.3), 1);
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        double sum = 0;
        for (int count = 1; count <= 3000; count++) {
            sum += servers[i];
            assert_int_equal(capacity_needed(sum, servers[i]), count);
            assert_int_equal(capacity_needed(count * servers[i], servers[i]), count);
            assert_int_equal(capacity_needed(servers[i], servers[i] / count), count);
        }
    }
}

static void test_capacity_of_a_little_more_is_one_more(void **state)
{
    (void)state;
    for (int count = 1; count <= 3000; count++) {
        assert_int_equal(capacity_needed(count * (1 + 1e-8), 1), count + 1);
        assert_int_equal(capacity_needed(count * (1 - 1e-8), 1), count);
    }
    assert_int_equal(capacity_needed(0, 70), 0);
    assert_int_equal(capacity_needed(1e-12, 70), 1); /* little is not nothing */
}

/* ---- whole plans ---- */

#define SEED_SERVICES                                                        \
    "\"services\": {\"shop\": {\"time\": \"100ms\", \"concurrency\": 10}}, " \
    "\"tolerance\": {\"zones\": 1, \"servers\": 1}"
#define SEED_COUNTRIES                                                                          \
    "\"countries\": {\"GB\": {\"peak_rps\": 350, \"curve\": \"flat\"}, \"DE\": {\"peak_rps\": " \
    "350, \"curve\": \"flat\"}, \"FR\": {\"peak_rps\": 350, \"curve\": \"flat\"}}, "

static void test_capacity_three_countries_of_5_take_27_apart_and_24_together(void **state)
{
    (void)state;
    struct made made;
    plan(&made, "{" SEED_COUNTRIES SEED_SERVICES "}");
    assert_int_equal(made.plan.servers, 27);
    assert_int_equal(made.plan.together.servers, 24);
    assert_close(made.plan.separation_cost, 27.0 / 24 - 1);
    assert_true(made.plan.enough);
    for (size_t i = 0; i < 3; i++) {
        const struct capacity_cell *cell = &made.plan.cells[i];
        assert_int_equal(cell->services[0].needed, 5);
        assert_int_equal(cell->services[0].per_zone_planned, 3);
        assert_int_equal(cell->services[0].per_zone, 3);
        assert_int_equal(cell->servers, 9);
        assert_close(cell->services[0].busy, 350.0 / 900);
        assert_close(cell->busy_after_loss, 0.7); /* 5 of 9 are left */
        assert_close(cell->demand_share, 1.0 / 3);
    }
    arena_release(&made.arena);
}

static void test_capacity_says_when_the_given_servers_are_too_few(void **state)
{
    static const struct {
        int per_zone;
        bool enough;
        double busy_after_loss;
    } cases[] = {{1, false, 3.5}, {2, false, 3.5 / 3}, {3, true, 0.7}, {4, true, 0.5}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct made made;
        char text[1024];
        snprintf(text, sizeof text,
                 "{" SEED_COUNTRIES SEED_SERVICES ", \"cells\": {\"de\": {\"servers_per_zone\": "
                 "%d}}}",
                 cases[i].per_zone);
        plan(&made, text);
        const struct capacity_cell *de = &made.plan.cells[topo_cell_at(&made.topo, "de")];
        assert_int_equal(de->services[0].per_zone, cases[i].per_zone);
        assert_int_equal(de->services[0].per_zone_planned, 3);
        assert_int_equal(de->servers, 3 * cases[i].per_zone);
        assert_close(de->busy_after_loss, cases[i].busy_after_loss);
        assert_int_equal(de->enough, cases[i].enough);
        assert_int_equal(made.plan.enough, cases[i].enough);
        arena_release(&made.arena);
    }
}

static void test_capacity_with_nothing_left_after_the_loss_is_not_enough(void **state)
{
    (void)state;
    struct made made;
    plan(&made, "{\"countries\": [\"DE\"], \"cells\": {\"de\": {\"servers_per_zone\": 1}}, "
                "\"tolerance\": {\"zones\": 2, \"servers\": 1}}");
    assert_true(isinf(made.plan.cells[0].busy_after_loss));
    assert_false(made.plan.enough);
    const char *text = json_encode(&made.plan.cells[0], capacity_cell_fields, &made.arena);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"busy_after_loss\": null"));
    arena_release(&made.arena);
}

/* The least that a file may ask for, and what it may set to zero. */
static void test_capacity_never_leaves_a_cell_without_a_server(void **state)
{
    static const char *const least[] = {
        ("{\"countries\": {\"GB\": {\"peak_rps\": 0.001, \"curve\": \"flat\"}}, \"services\": {"
         "\"a\": {\"share\": 0.000001, \"time\": \"1us\", \"concurrency\": 100000},"
         "\"b\": {\"share\": 1000000}}, \"target_utilisation\": 1,"
         "\"tolerance\": {\"zones\": 0, \"servers\": 0}}"),
        ("{\"countries\": {\"GB\": {\"customers\": 1, \"requests_per_customer_day\": 0.001,"
         "\"hours\": [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0.000000001]}},"
         "\"services\": {\"a\": {\"share\": 0.000001, \"time\": \"1us\", \"concurrency\": 100000},"
         "\"b\": {\"share\": 1000000}}, \"tolerance\": {\"zones\": 0, \"servers\": 0}}"),
        ("{\"countries\": [\"GB\"], \"cells\": {\"gb\": {\"zones\": [\"a\"],"
         "\"servers_per_zone\": 0}}, \"tolerance\": {\"zones\": 0, \"servers\": 0}}"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof least / sizeof least[0]; i++) {
        struct made made;
        plan(&made, least[i]);
        for (size_t k = 0; k < made.plan.cells[0].service_count; k++) {
            const struct capacity_service *s = &made.plan.cells[0].services[k];
            assert_true(s->peak_rps > 0);
            assert_true(s->needed >= 1 && s->per_zone >= 1 && s->servers >= 1);
        }
        arena_release(&made.arena);
    }
}

static void test_capacity_at_target_1_uses_all_of_a_server(void **state)
{
    (void)state;
    struct made made;
    plan(&made, "{" SEED_COUNTRIES SEED_SERVICES ", \"target_utilisation\": 1}");
    const struct capacity_service *shop = &made.plan.cells[0].services[0];
    assert_int_equal(shop->needed, 4); /* 3.5 */
    assert_int_equal(shop->per_zone, 3);
    assert_int_equal(made.plan.together.services[0].needed, 11);
    assert_int_equal(made.plan.together.services[0].per_zone, 6);
    arena_release(&made.arena);
}

static void test_capacity_shares_the_demand_among_services(void **state)
{
    (void)state;
    struct made made;
    plan(&made, "{\"countries\": {\"DE\": {\"peak_rps\": 1000, \"curve\": \"flat\"}}, "
                "\"services\": {\"a\": {\"share\": 3, \"time\": \"10ms\", \"concurrency\": 1}, "
                "\"b\": {\"share\": 1, \"time\": \"1s\", \"concurrency\": 50}}, "
                "\"tolerance\": {\"zones\": 0, \"servers\": 0}, \"target_utilisation\": 0.5}");
    const struct capacity_cell *de = &made.plan.cells[0];
    assert_close(de->services[0].peak_rps, 750);
    assert_close(de->services[1].peak_rps, 250);
    assert_int_equal(de->services[0].needed, 15);
    assert_int_equal(de->services[0].servers, 15);
    assert_int_equal(de->services[1].needed, 10);
    assert_int_equal(de->services[1].servers, 12); /* 4 in each of 3 zones */
    assert_int_equal(de->servers, 27);
    arena_release(&made.arena);
}

/* A day in which one local hour, that from 12:00, has ten times the demand of the others. */
#define NOON                                                                                 \
    "\"hours\": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], " \
    "\"peak_rps\": "

static void test_capacity_peaks_that_do_not_meet_need_less_together(void **state)
{
    (void)state;
    struct made made;
    plan(&made, "{\"countries\": {\"GB\": {" NOON "100, \"customers\": 1, \"utc_offset\": "
                "\"+00:00\"}, \"IN\": {" NOON "100, \"customers\": 1, \"utc_offset\": "
                "\"+05:30\"}}}");
    assert_close(made.plan.cells[0].peak_rps, 100);
    assert_int_equal(made.plan.cells[0].peak_slot, 12 * 4);
    assert_int_equal(made.plan.cells[1].peak_slot, 6 * 4 + 2);
    assert_close(made.plan.sum_of_peaks_rps, 200);
    assert_close(made.plan.peak_of_sum_rps, 110);
    assert_close(made.plan.peaks_ratio, 200.0 / 110);
    assert_int_equal(made.plan.together.peak_slot, 6 * 4 + 2); /* the first of two equal ones */
    arena_release(&made.arena);
}

static void test_capacity_shares_of_customers_and_demand_add_up_to_1(void **state)
{
    (void)state;
    struct made made;
    plan(&made, "{\"countries\": {\"GB\": {\"customers\": 500}, \"DE\": {\"customers\": 300}, "
                "\"FR\": {\"customers\": 150}, \"JP\": {\"customers\": 50, "
                "\"requests_per_customer_day\": 77}}, "
                "\"cells\": {\"north\": {\"countries\": [\"DE\", \"GB\"]}}}");
    double customers = 0, demand = 0, most = 0;
    for (size_t i = 0; i < made.plan.cell_count; i++) {
        customers += made.plan.cells[i].customers_share;
        demand += made.plan.cells[i].demand_share;
        if (made.plan.cells[i].demand_share > most)
            most = made.plan.cells[i].demand_share;
    }
    assert_close(customers, 1);
    assert_close(demand, 1);
    assert_close(made.plan.blast_customers, 0.8);
    assert_close(made.plan.blast_demand, most);
    assert_close(made.plan.together.customers_share, 1);
    assert_close(made.plan.together.demand_share, 1);
    arena_release(&made.arena);
}

static void test_capacity_refuses_counts_beyond_any_reason(void **state)
{
    static const char text[] = "{\"countries\": {\"DE\": {\"peak_rps\": 1e9}}, "
                               "\"services\": {\"slow\": {\"time\": \"1h\"}}}";
    (void)state;
    struct arena a = {0};
    struct topo topo;
    struct capacity_plan made;
    struct error err;
    assert_int_equal(topo_parse(&topo, text, strlen(text), NULL, 0, &a, &err), 0);
    assert_int_equal(capacity_plan(&made, &topo, &a, &err), -1);
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.text, "cells.de: service slow would need over 10^9 servers");
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity_counts_the_fewest_that_survive_every_loss),
        cmocka_unit_test(test_capacity_of_an_exact_multiple_is_not_rounded_up),
        cmocka_unit_test(test_capacity_of_a_little_more_is_one_more),
        cmocka_unit_test(test_capacity_three_countries_of_5_take_27_apart_and_24_together),
        cmocka_unit_test(test_capacity_says_when_the_given_servers_are_too_few),
        cmocka_unit_test(test_capacity_with_nothing_left_after_the_loss_is_not_enough),
        cmocka_unit_test(test_capacity_never_leaves_a_cell_without_a_server),
        cmocka_unit_test(test_capacity_at_target_1_uses_all_of_a_server),
        cmocka_unit_test(test_capacity_shares_the_demand_among_services),
        cmocka_unit_test(test_capacity_peaks_that_do_not_meet_need_less_together),
        cmocka_unit_test(test_capacity_shares_of_customers_and_demand_add_up_to_1),
        cmocka_unit_test(test_capacity_refuses_counts_beyond_any_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
