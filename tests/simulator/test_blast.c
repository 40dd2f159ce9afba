/* How far a fault reaches, beside what control/ says exactly: the customers whom a poisonous one
 * takes with him beside control/shuffle, and what lost zones cost beside control/capacity. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"
#include "control/shuffle.h"
#include "simulator/run.h"
#include "simulator/world.h"
#include "tests/world.h"

enum { CUSTOMERS = 11200 };

static void begin(struct world *w, struct made *made, const char *topology, const char *scenario)
{
    struct error err;
    make_world(made, topology, scenario);
    if (world_init(w, &made->topo, &made->plan, &made->scenario, 1, 0, &made->arena, &err) != 0)
        fail_msg("%s", err.text);
}

static void run_to(struct world *w, int64_t second)
{
    struct error err;
    if (world_run(w, second * 1000000000, &err) != 0)
        fail_msg("%s", err.text);
}

/* ---- a poisonous customer ---- */

struct shape {
    int zones, per_zone, shard;
};

/* The customers hurt besides him when one kills, for half an hour, each server that works on a
 * request of his. Everyone asks 20 times on average: whoever can be hurt is. */
static int64_t hurt(const char *policy, const struct shape *shape)
{
    struct made made;
    struct world w;
    char topology[1024];
    snprintf(
        topology, sizeof topology,
        "{\"countries\": {\"GB\": {\"peak_rps\": 1120, \"curve\": \"flat\", \"customers\": %d}},"
        "\"cells\": {\"gb\": {\"zones\": [%s], \"servers_per_zone\": %d}},"
        "\"services\": {\"shop\": {\"time\": \"10ms\", \"concurrency\": 16}},"
        "\"policy\": {\"tries\": %d, \"retry_budget\": 1, \"eject_failures\": 1, "
        "\"eject_for\": \"1h\", \"panic\": 0, \"balance\": \"%s\", \"shard\": %d}}",
        CUSTOMERS, shape->zones == 4 ? "\"a\", \"b\", \"c\", \"d\"" : "\"a\", \"b\", \"c\"",
        shape->per_zone, shape->shard + 1, policy, shape->shard);
    begin(&w, &made, topology,
          "{\"topology\": \"-\", \"duration\": \"200s\", \"faults\": [{\"kind\": \"poison\","
          "\"scope\": \"GB\", \"factor\": 20, \"extra\": \"30m\"}]}");
    run_to(&w, 200);
    int64_t count = w.count.country[0].customers_hurt - 1;
    arena_release(&made.arena);
    return count;
}

/* The probability of at most `count` hits in `trials` of probability `p`. */
static double binomial(int64_t count, int64_t trials, double p)
{
    double sum = 0, n = (double)trials;
    for (int64_t i = 0; i <= count; i++) {
        double k = (double)i;
        sum += exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) +
                   (n - k) * log1p(-p));
    }
    return sum;
}

/* Each tail is at least a thousandth: so many hits are no surprise where `p` is right. */
static bool is_likely(int64_t count, double p)
{
    return binomial(count, CUSTOMERS - 1, p) >= 0.001 &&
           1 - (count > 0 ? binomial(count - 1, CUSTOMERS - 1, p) : 0) >= 0.001;
}

static const struct shape shapes[] = {{4, 2, 2}, {3, 2, 2}, {4, 2, 3}, {4, 3, 3}};

static void test_blast_of_shuffled_shards_is_who_shares_all_workers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        uint32_t workers = (uint32_t)(shapes[i].zones * shapes[i].per_zone);
        uint32_t shard = (uint32_t)shapes[i].shard;
        double exact = shuffle_overlap(workers, shard, shard);
        int64_t count = hurt("shuffle-shards", &shapes[i]);
        print_message("%u of %u: %lld of %d customers hurt, exactly %.1f\n", shard, workers,
                      (long long)count, CUSTOMERS, exact * (CUSTOMERS - 1));
        assert_true(is_likely(count, exact));
        assert_false(is_likely(count, exact * 2)); /* the bounds are worth something */
        assert_false(is_likely(count, exact / 2));
    }
}

static void test_blast_of_fixed_shards_is_one_shard(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        int workers = shapes[i].zones * shapes[i].per_zone;
        if (workers % shapes[i].shard != 0)
            continue;
        int64_t count = hurt("fixed-shards", &shapes[i]);
        print_message("%d of %d, fixed: %lld of %d customers hurt\n", shapes[i].shard, workers,
                      (long long)count, CUSTOMERS);
        assert_true(is_likely(count, (double)shapes[i].shard / workers));
    }
}

static void test_blast_without_shards_is_everyone(void **state)
{
    (void)state;
    assert_true(hurt("choices", &shapes[0]) >= CUSTOMERS * 999 / 1000);
}

/* ---- zones that die ---- */

/* The share of requests lost while the first `dead` of `zones` are away, and what the plan, told of
 * that loss, says of how busy the rest is. Requests are tried often enough to find a zone that is
 * alive, queues are short, and a minute passes before counting. */
static double lost(int zones, int per_zone, int dead, double *busy)
{
    static const char *const letters[] = {"\"a\"", "\"a\", \"b\"", "\"a\", \"b\", \"c\"",
                                          "\"a\", \"b\", \"c\", \"d\"",
                                          "\"a\", \"b\", \"c\", \"d\", \"e\""};
    struct made made;
    struct world w;
    char topology[1024], scenario[1024];
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {\"peak_rps\": 480, \"curve\": \"flat\"}},"
             "\"cells\": {\"gb\": {\"zones\": [%s], \"servers_per_zone\": %d}},"
             "\"services\": {\"shop\": {\"time\": \"100ms\", \"concurrency\": 10, \"queue\": 10}},"
             "\"tolerance\": {\"zones\": %d, \"servers\": 0}, \"target_utilisation\": 0.8,"
             "\"policy\": {\"tries\": 4, \"retry_budget\": 3, \"eject_for\": \"1h\", "
             "\"panic\": 0}}",
             letters[zones - 1], per_zone, dead);
    int length = snprintf(scenario, sizeof scenario,
                          "{\"topology\": \"-\", \"duration\": \"5m\", \"faults\": [");
    for (int z = 0; z < dead; z++)
        length += snprintf(scenario + length, sizeof scenario - (size_t)length,
                           "%s{\"kind\": \"zone-down\", \"scope\": \"gb/%c\", \"at\": \"1s\"}",
                           z > 0 ? ", " : "", 'a' + z);
    snprintf(scenario + length, sizeof scenario - (size_t)length, "]}");
    begin(&w, &made, topology, scenario);
    *busy = made.plan.cells[0].services[0].busy_after_loss;
    run_to(&w, 60);
    const struct world_country_count *c = &w.count.country[0];
    int64_t requests = c->requests, ok = c->ok;
    run_to(&w, 300);
    double share = 1 - (double)(c->ok - ok) / (double)(c->requests - requests);
    arena_release(&made.arena);
    return share;
}

/* Work for 6 servers at 80 %. Of `zones` those that are planned for may die; one more, and what the
 * rest cannot carry is lost: 1 - 1 / busy. */
static void test_blast_of_zones_is_what_the_rest_cannot_carry(void **state)
{
    static const struct {
        int zones, tolerated;
    } rows[] = {{2, 1}, {3, 1}, {4, 1}, {4, 2}, {5, 2}, {5, 3}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct topo_tolerance tolerance = {.zones = rows[i].tolerated};
        int per_zone = (int)capacity_per_zone(6, rows[i].zones, tolerance);
        for (int dead = 0; dead < rows[i].zones; dead++) {
            double busy, share = lost(rows[i].zones, per_zone, dead, &busy);
            double want = busy > 1 ? 1 - 1 / busy : 0;
            print_message("%d of %d zones of %d dead: lost %.4f, the plan says %.4f (busy %.3f)\n",
                          dead, rows[i].zones, per_zone, share, want, busy);
            if (dead <= rows[i].tolerated) {
                assert_true(busy <= 0.8 + 1e-9);
                assert_true(share < 0.001);
            } else
                assert_true(fabs(share - want) < 0.015);
        }
    }
}

/* ---- what a run says of itself ---- */

static void test_blast_is_printed_beside_what_is_counted(void **state)
{
    struct made made;
    struct run_result r;
    struct error err;
    const struct run_opts opts = {.seed = 1, .replications = 2, .jobs = 2};
    (void)state;
    make_world(&made,
               "{\"countries\": {\"GB\": {\"peak_rps\": 100, \"curve\": \"flat\", \"customers\": "
               "1000}, \"DE\": {\"peak_rps\": 300, \"curve\": \"flat\", \"customers\": 3000}}}",
               "{\"topology\": \"-\", \"duration\": \"10m\", \"faults\": [{\"kind\": "
               "\"cell-down\", \"scope\": \"de\", \"at\": \"4m\", \"for\": \"2m\"}, {\"kind\": "
               "\"zone-down\", \"scope\": \"gb/a\", \"at\": \"4m\"}]}");
    if (run_scenario(&r, &made.topo, &made.plan, &made.scenario, &opts, &made.arena, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(r.blast.countries, 1);
    assert_int_equal(r.blast.counted.countries, 1);
    assert_true(fabs(r.blast.customers - 0.75) < 1e-9);
    assert_true(fabs(r.blast.counted.customers - 0.75) < 1e-9);
    assert_true(fabs(r.blast.counted.requests - 0.15) < 1e-9);
    assert_true(fabs(r.blast.requests - 0.15) < 0.005);
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blast_of_shuffled_shards_is_who_shares_all_workers),
        cmocka_unit_test(test_blast_of_fixed_shards_is_one_shard),
        cmocka_unit_test(test_blast_without_shards_is_everyone),
        cmocka_unit_test(test_blast_of_zones_is_what_the_rest_cannot_carry),
        cmocka_unit_test(test_blast_is_printed_beside_what_is_counted),
    };
    return cmocka_run_group_tests_name("blast", tests, NULL, NULL);
}
