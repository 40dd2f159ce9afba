/* Tests of control/separation.c: the parts add up, and each shows alone where only it is there. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/json.h"
#include "base/rng.h"
#include "control/plan.h"
#include "tests/world.h"

static const char any_scenario[] = "{\"topology\": \"-\"}";

static void assert_close(double got, double want)
{
    if (!(fabs(got - want) <= 1e-9 * (fabs(want) + 1)))
        fail_msg("got %.17g, expected %.17g", got, want);
}

static struct separation find(struct made *made, const char *topology)
{
    struct separation s;
    struct error err;
    make_world(made, topology, any_scenario);
    if (separation_find(&s, &made->topo, &made->plan, &made->arena, &err) != 0)
        fail_msg("%s", err.text);
    return s;
}

static void assert_adds_up(const struct separation_parts *p, double sum)
{
    assert_close(p->time_zones + p->habits + p->small_numbers + p->spare + p->other, sum);
    assert_close(p->sum, sum);
}

static void test_separation_of_the_seed_is_all_spare(void **state)
{
    (void)state;
    struct made made;
    struct separation s =
        find(&made, "{\"countries\": {\"GB\": {\"peak_rps\": 350, \"curve\": \"flat\"}, \"DE\": "
                    "{\"peak_rps\": 350, \"curve\": \"flat\"}, \"FR\": {\"peak_rps\": 350, "
                    "\"curve\": \"flat\"}}, \"services\": {\"shop\": {\"time\": \"100ms\", "
                    "\"concurrency\": 10}}}");
    assert_int_equal(s.levels[0].servers, 27);
    assert_int_equal(s.levels[3].servers, 24);
    assert_close(s.levels[0].parts.spare, 3);
    assert_adds_up(&s.levels[0].parts, 3);
    arena_release(&made.arena);
}

#define NOON "\"hours\": [1,1,1,1,1,1,1,1,1,1,1,1,10,1,1,1,1,1,1,1,1,1,1,1], \"peak_rps\": 700"
#define EVE  "\"hours\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,10,1,1,1], \"peak_rps\": 700"
#define EXACT                                                                               \
    "\"services\": {\"shop\": {\"time\": \"100ms\", \"concurrency\": 10}}, \"tolerance\": " \
    "{\"zones\": 0, \"servers\": 0}, \"cells\": {\"gb\": {\"zones\": [\"a\"]}, \"in\": "    \
    "{\"zones\": [\"a\"]}}}"

static void test_separation_tells_clocks_from_habits(void **state)
{
    (void)state;
    struct made made;
    /* The same habit on two clocks: 700 + 700 apart, 770 together; 70 a server. */
    struct separation s =
        find(&made, "{\"countries\": {\"GB\": {" NOON ", \"utc_offset\": \"+00:00\"}, \"IN\": "
                    "{" NOON ", \"utc_offset\": \"+05:30\"}}, " EXACT);
    assert_close(s.levels[0].parts.time_zones, 9);
    assert_close(s.levels[0].parts.habits, 0);
    assert_close(s.levels[0].peaks_ratio, 1400.0 / 770);
    assert_adds_up(&s.levels[0].parts, 9);
    arena_release(&made.arena);
    /* Two habits on one clock. */
    s = find(&made, "{\"countries\": {\"GB\": {" NOON ", \"utc_offset\": \"+00:00\"}, \"IN\": "
                    "{" EVE ", \"utc_offset\": \"+00:00\"}}, " EXACT);
    assert_close(s.levels[0].parts.time_zones, 0);
    assert_close(s.levels[0].parts.habits, 9);
    arena_release(&made.arena);
}

static void test_separation_shows_small_numbers_under_a_goal(void **state)
{
    (void)state;
    struct made made;
    struct separation s = find(
        &made, "{\"countries\": {\"GB\": {\"peak_rps\": 70, \"curve\": \"flat\"}, \"IN\": "
               "{\"peak_rps\": 70, \"curve\": \"flat\"}}, \"goal\": {\"wait\": \"1ms\", \"queue\": "
               "\"shared\"}, " EXACT);
    assert_close(s.levels[0].parts.time_zones + s.levels[0].parts.habits, 0);
    assert_true(s.levels[0].parts.small_numbers >= 1);
    assert_adds_up(&s.levels[0].parts, (double)(s.levels[0].servers - s.levels[3].servers));
    arena_release(&made.arena);
}

static void test_separation_adds_up_over_the_world(void **state)
{
    (void)state;
    struct made made;
    struct separation s = find(
        &made, "{\"countries\": [\"GB\", \"DE\", \"FR\", \"US\", \"BR\", \"JP\", \"IN\", \"NG\", "
               "\"AU\", \"NP\"], \"goal\": {\"wait\": \"5ms\"}, \"cells\": {\"eu\": "
               "{\"countries\": [\"DE\", \"FR\"], \"servers_per_zone\": 70}}}");
    assert_int_equal(s.level_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_adds_up(&s.levels[i].parts, (double)(s.levels[i].servers - s.levels[3].servers));
    assert_int_equal(s.levels[1].servers, made.plan.servers);
    assert_true(s.levels[1].parts.other != 0);
    assert_true(s.levels[0].parts.time_zones > 0);
    size_t countries = 0;
    for (size_t i = 0; i < s.continent_count; i++) {
        const struct separation_continent *c = &s.continents[i];
        countries += c->countries;
        assert_adds_up(&c->parts, (double)(c->servers_apart - c->servers_together));
    }
    assert_int_equal(countries, 10);
    arena_release(&made.arena);
}

/* ---- counts ---- */

enum { WEEKS = 20, HOURS = WEEKS * 168 };

/* Counts of two countries `apart` hours from each other: `each` at 12 to 13 local, or by chance
 * around that. */
static struct separation_counts count(int apart, int64_t each, bool chance, struct arena *a)
{
    static int64_t counts[2][HOURS];
    struct rng rng;
    struct error err;
    struct separation_counts c;
    const struct separation_row rows[2] = {{"GB", 0, counts[0]}, {"X", apart * 60, counts[1]}};
    rng_init(&rng, 7);
    memset(counts, 0, sizeof counts);
    for (int i = 0; i < 2; i++)
        for (int h = 0; h < HOURS; h++) {
            int local = (h + (i == 0 ? 0 : apart) + 24) % 24;
            if (local != 12 && local != 13)
                continue;
            if (!chance) {
                counts[i][h] = each;
                continue;
            }
            double at = rng_exp(&rng) * 1.0;
            for (; at < (double)each; at += rng_exp(&rng))
                counts[i][h]++;
        }
    if (separation_of_counts(&c, rows, 2, HOURS, 0, a, &err) != 0)
        fail_msg("%s", err.text);
    assert_close(c.parts.sum, c.sum_of_peaks - c.peak_of_sum);
    assert_close(c.ratio, c.sum_of_peaks / c.peak_of_sum);
    return c;
}

static void test_separation_of_counts_by_the_clock_has_no_small_numbers(void **state)
{
    (void)state;
    struct arena a = {0};
    struct separation_counts c = count(-6, 50, false, &a);
    assert_int_equal(c.events, 2 * 50 * 2 * 7 * WEEKS);
    assert_close(c.ratio, 2);
    assert_close(c.parts.time_zones, 50);
    assert_close(c.parts.habits, 0);
    assert_close(c.parts.small_numbers, 0);
    c = count(0, 50, false, &a);
    assert_close(c.ratio, 1);
    assert_close(c.parts.sum, 0);
    arena_release(&a);
}

static void test_separation_of_counts_by_chance_is_small_numbers(void **state)
{
    (void)state;
    struct arena a = {0};
    struct separation_counts few = count(0, 4, true, &a), many = count(0, 4000, true, &a);
    assert_true(few.ratio > 1.2 && many.ratio < 1.05);
    assert_true(few.parts.small_numbers > 0.5 * few.parts.sum);
    assert_close(few.parts.time_zones, 0);
    arena_release(&a);
}

/* ---- the whole plan as JSON ---- */

static void test_plan_survives_json(void **state)
{
    (void)state;
    struct made made;
    struct error err;
    struct plan plan, read;
    make_world(&made,
               "{\"countries\": [\"GB\", \"JP\"], \"policy\": {\"balance\": \"shuffle-shards\", "
               "\"shard\": 3}, \"goal\": {\"time\": \"1s\", \"touched\": 0.1}}",
               any_scenario);
    if (plan_make(&plan, &made.topo, &made.plan, &made.arena, &err) != 0)
        fail_msg("%s", err.text);
    struct demand_country country = {.code = "GB", .count = 12, .peak_at = "2011-01-05 10:00"};
    const struct demand_report demand = {.file = "orders.csv",
                                         .time_column = "at",
                                         .country_column = "to",
                                         .from = "2011-01-05 00:00",
                                         .to = "2011-01-06 00:00",
                                         .peak_at = "2011-01-05 10:00",
                                         .countries = &country,
                                         .country_count = 1};
    plan.demand = &demand;
    const char *text = json_encode(&plan, plan_fields, &made.arena);
    assert_non_null(text);
    if (json_decode(&read, sizeof read, plan_fields, text, strlen(text), NULL, 0, &made.arena,
                    &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(read.capacity.servers, made.plan.servers);
    assert_int_equal(read.capacity.cells[1].services[0].needed_goal,
                     made.plan.cells[1].services[0].needed_goal);
    assert_true(read.separation.levels[0].parts.sum == plan.separation.levels[0].parts.sum);
    assert_int_equal(read.proof.checks, plan.proof.checks);
    assert_int_equal(read.demand->countries[0].count, 12);
    assert_null(read.demand->clock);
    assert_int_equal(read.shard_count, 8);
    assert_true(read.shards[0].shares.touched == plan.shards[0].shares.touched);
    arena_release(&made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_separation_of_the_seed_is_all_spare),
        cmocka_unit_test(test_separation_tells_clocks_from_habits),
        cmocka_unit_test(test_separation_shows_small_numbers_under_a_goal),
        cmocka_unit_test(test_separation_adds_up_over_the_world),
        cmocka_unit_test(test_separation_of_counts_by_the_clock_has_no_small_numbers),
        cmocka_unit_test(test_separation_of_counts_by_chance_is_small_numbers),
        cmocka_unit_test(test_plan_survives_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
