/* Tests of control/frontier.c and control/cut*.c: every set partition of random small cases tried
 * out, bounds and searches beside the exact answer, rules, and picked points. */
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
#include "base/error.h"
#include "base/rng.h"
#include "control/capacity.h"
#include "control/cut.h"
#include "control/frontier.h"

static const char *const codes[] = {"GB", "DE", "FR", "US", "BR", "JP", "IN", "AU",
                                    "NG", "MX", "KR", "ZA", "IT", "CA", "ID", "EG",
                                    "TR", "PL", "SE", "AR", "NZ", "KE", "TH", "ES"};

static const struct frontier_opts opts = {.seed = 1};

static void parse(struct topo *topo, const char *text, struct arena *a)
{
    struct error err;
    if (topo_parse(topo, text, strlen(text), NULL, 0, a, &err) != 0)
        fail_msg("%s: %s", text, err.text);
}

static struct frontier find(const struct topo *topo, int measure, struct arena *a)
{
    struct frontier f;
    struct error err;
    if (frontier_find(&f, topo, measure, &opts, a, &err) != 0)
        fail_msg("%s", err.text);
    return f;
}

/* A case of `count` countries, with sizes, clocks, rules, parts and prices by luck. */
static void random_case(char *text, size_t size, size_t count, struct rng *rng)
{
    size_t used = (size_t)snprintf(text, size, "{\"countries\": {");
    uint32_t rules = rng_below(rng, 3);
    for (size_t i = 0; i < count; i++) {
        uint32_t customers = 100000 + rng_below(rng, 1u << (12 + rng_below(rng, 11)));
        uint32_t daily = 10 + rng_below(rng, 90), parts = 1;
        if (i < 2 && rules > 0)
            parts = 1 + rng_below(rng, 3);
        used += (size_t)snprintf(text + used, size - used,
                                 "%s\"%s\": {\"customers\": %u, \"requests_per_customer_day\": "
                                 "%u, \"parts\": %u",
                                 i == 0 ? "" : ", ", codes[i], customers, daily, parts);
        uint32_t rule = rules > 1 ? rng_below(rng, 8) : 8;
        size_t other = (i + 1 + rng_below(rng, (uint32_t)count - 1)) % count;
        if (rule == 0)
            used +=
                (size_t)snprintf(text + used, size - used, ", \"residency\": {\"alone\": true}");
        if (rule == 1 || rule == 2)
            used += (size_t)snprintf(text + used, size - used,
                                     ", \"residency\": {\"not_with\": [\"%s\"]}", codes[other]);
        used += (size_t)snprintf(text + used, size - used, "}");
    }
    used += (size_t)snprintf(text + used, size - used, "}");
    if (rng_below(rng, 2) == 0)
        used += (size_t)snprintf(
            text + used, size - used,
            ", \"rtt_max\": \"%ums\", \"regions\": [{\"region\": \"aws/us-east-1\", \"price\": 1}, "
            "{\"region\": \"aws/eu-central-1\", \"price\": 1.25}, {\"region\": "
            "\"aws/ap-southeast-1\", \"price\": 0.9}, {\"region\": \"aws/ap-northeast-1\", "
            "\"price\": 1.4}]",
            230 + rng_below(rng, 150));
    snprintf(text + used, size - used, ", \"tolerance\": {\"zones\": %u, \"servers\": %u}}",
             rng_below(rng, 3), rng_below(rng, 3));
}

/* ---- every set partition ---- */

struct tried { /* a cut: whole millionths, and the weight of its largest cell */
    int64_t cost, weight;
};

struct brute {
    const struct topo *topo;
    struct capacity_rule *rules;
    int measure;
    size_t group[8];
    struct tried best[100000]; /* not bettered so far */
    size_t best_count;
};

static int64_t weight_of(const struct brute *b, size_t i)
{
    double week = 0;
    if (b->measure == FRONTIER_CUSTOMERS)
        return b->topo->countries[i].customers;
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++)
        week += b->topo->countries[i].rps[slot] * 900;
    return (int64_t)week + 1;
}

static void offer(struct brute *b, struct tried cut)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->best_count; i++)
        if (b->best[i].cost <= cut.cost && b->best[i].weight <= cut.weight)
            return;
    for (size_t i = 0; i < b->best_count; i++)
        if (b->best[i].cost < cut.cost || b->best[i].weight < cut.weight)
            b->best[kept++] = b->best[i];
    b->best[kept++] = cut;
    b->best_count = kept;
}

/* The price of a cell's cheapest region in millionths; -1: none will do. */
static int64_t price_of(const struct brute *b, size_t group)
{
    int64_t price = -1;
    for (size_t r = 0; r < b->topo->candidate_count; r++) {
        bool may = true;
        for (size_t i = 0; i < b->topo->country_count; i++)
            if (b->group[i] == group &&
                topo_client_rtt_us(b->topo->countries[i].name, b->topo->candidates[r].region) >
                    b->topo->rtt_max_us)
                may = false;
        int64_t here = (int64_t)(b->topo->candidates[r].price * 1e6 + 0.5);
        if (may && (price < 0 || here < price))
            price = here;
    }
    return b->topo->candidate_count == 0 ? 1000000 : price;
}

/* Cost the groups from `group` on, a country alone in every number of parts. */
static void try_groups(struct brute *b, size_t group, size_t groups, struct tried so_far)
{
    if (group == groups) {
        offer(b, so_far);
        return;
    }
    double peak_rps = 0;
    int64_t weight = 0, price = price_of(b, group), parts_max = 1;
    size_t count = 0;
    if (price < 0)
        return;
    for (size_t slot = 0; slot < TOPO_SLOTS; slot++) {
        double rps = 0;
        for (size_t i = 0; i < b->topo->country_count; i++)
            rps += b->group[i] == group ? b->topo->countries[i].rps[slot] : 0;
        peak_rps = rps > peak_rps ? rps : peak_rps;
    }
    for (size_t i = 0; i < b->topo->country_count; i++) {
        if (b->group[i] != group)
            continue;
        for (size_t k = 0; k < i; k++)
            if (b->group[k] == group && !topo_may_share(b->topo, i, k))
                return;
        weight += weight_of(b, i);
        parts_max = b->topo->countries[i].parts;
        count++;
    }
    for (int64_t parts = 1; parts == 1 || (count == 1 && parts <= parts_max); parts++) {
        int64_t each = (weight + parts - 1) / parts;
        int64_t servers = capacity_servers(b->rules, b->topo, peak_rps / (double)parts,
                                           (int64_t)b->topo->cells[0].zone_count);
        try_groups(b, group + 1, groups,
                   (struct tried){so_far.cost + parts * servers * price,
                                  each > so_far.weight ? each : so_far.weight});
    }
}

static void try_partitions(struct brute *b, size_t country, size_t groups)
{
    if (country == b->topo->country_count) {
        try_groups(b, 0, groups, (struct tried){0});
        return;
    }
    for (size_t g = 0; g <= groups; g++) {
        b->group[country] = g;
        try_partitions(b, country + 1, g == groups ? groups + 1 : groups);
    }
}

static int by_cost(const void *a, const void *b)
{
    const struct tried *x = a, *y = b;
    return (x->cost > y->cost) - (x->cost < y->cost);
}

static void test_frontier_is_that_of_all_set_partitions(void **state)
{
    (void)state;
    static char text[8192];
    static struct brute b;
    struct rng rng;
    int cases = 0, refused = 0;
    size_t points = 0;
    rng_init(&rng, 11);
    for (size_t count = 2; count <= 8; count++)
        for (int round = 0; round < (count < 7 ? 8 : 2); round++) {
            struct arena a = {0};
            struct topo topo;
            struct error err;
            struct frontier f;
            random_case(text, sizeof text, count, &rng);
            parse(&topo, text, &a);
            for (int measure = 0; measure < 2; measure++) {
                b = (struct brute){.topo = &topo, .measure = measure};
                b.rules = capacity_rules(&topo, &a, &err);
                assert_non_null(b.rules);
                try_partitions(&b, 0, 0);
                if (frontier_find(&f, &topo, measure, &opts, &a, &err) != 0) {
                    assert_int_equal(b.best_count, 0); /* too far from every region */
                    refused++;
                    continue;
                }
                qsort(b.best, b.best_count, sizeof b.best[0], by_cost);
                if (f.point_count != b.best_count)
                    fail_msg("%zu points, %zu by trying all: %s", f.point_count, b.best_count,
                             text);
                double all = 0;
                for (size_t i = 0; i < count; i++)
                    all += (double)weight_of(&b, i);
                for (size_t i = 0; i < f.point_count; i++) {
                    assert_true(fabs(f.points[i].cost * 1e6 - (double)b.best[i].cost) < 0.5);
                    /* A part of a customer is less than one. */
                    assert_true(fabs(f.points[i].blast - (double)b.best[i].weight / all) <
                                2 / all + 1e-5);
                }
                points += f.point_count;
                cases++;
            }
            arena_release(&a);
        }
    if (cases < 60 || points < 300 || refused > cases)
        fail_msg("%d cases, %zu points, %d refused", cases, points, refused);
}

/* ---- bounds and searches ---- */

static struct cut_plan plan_new(const struct cut *cut, struct arena *a)
{
    return (struct cut_plan){.cell = arena_alloc(a, cut->atom_count, sizeof(uint16_t)),
                             .parts = arena_alloc(a, cut->atom_count, sizeof(int64_t))};
}

/* What a plan says of itself is what its cells add up to, and no rule is broken. */
static void check_plan(const struct cut *cut, const struct cut_plan *plan, int64_t weight_max)
{
    int64_t cost = 0, heaviest = 0;
    for (size_t c = 0; c < cut->atom_count; c++) {
        double rps[TOPO_SLOTS] = {0};
        int64_t weight = 0, parts = 1;
        uint64_t regions = UINT64_MAX;
        size_t count = 0;
        for (size_t i = 0; i < cut->atom_count; i++) {
            if (plan->cell[i] != c)
                continue;
            for (size_t k = 0; k < i; k++)
                assert_false(plan->cell[k] == c && cut->apart[i * cut->atom_count + k]);
            for (size_t s = 0; s < cut->slot_count; s++)
                rps[s] += cut->atoms[i].rps[s];
            weight += cut->atoms[i].weight;
            regions &= cut->atoms[i].regions;
            parts = plan->parts[i];
            count++;
        }
        if (count == 0)
            continue;
        assert_true(parts == 1 || count == 1);
        assert_true(regions != 0);
        weight = (weight + parts - 1) / parts;
        cost += parts * cut_cost(cut, cut_peak(cut, rps) / (double)parts, regions);
        heaviest = weight > heaviest ? weight : heaviest;
    }
    assert_int_equal(cost, plan->cost);
    assert_int_equal(heaviest, plan->weight);
    assert_true(heaviest <= weight_max);
}

static void test_frontier_lies_between_its_bound_and_its_search(void **state)
{
    (void)state;
    static char text[8192];
    struct rng rng;
    int compared = 0, equal = 0;
    rng_init(&rng, 5);
    for (int round = 0; round < 5; round++) {
        struct arena a = {0};
        struct topo topo;
        struct error err;
        struct cut cut;
        random_case(text, sizeof text, 11, &rng);
        parse(&topo, text, &a);
        if (cut_init(&cut, &topo, round % 2, &a, &err) != 0) {
            arena_release(&a);
            continue;
        }
        struct cut_exact *exact = cut_exact_new(&cut, &a);
        struct cut_search *search = cut_search_new(&cut, 1, &a);
        struct cut_bounds *bounds = cut_bounds_new(&cut, &a);
        struct cut_plan best = plan_new(&cut, &a), found = plan_new(&cut, &a);
        int64_t before = 0;
        for (int64_t limit = cut.weight; limit > 0; limit = limit * 3 / 4) {
            bool is = cut_exact_find(exact, limit, &best);
            assert_int_equal(cut_search_find(search, limit, &found), is);
            if (!is)
                break;
            check_plan(&cut, &best, limit);
            check_plan(&cut, &found, limit);
            int64_t bound = cut_bound(bounds, limit);
            assert_true(bound > 0 && bound <= best.cost);
            assert_true(best.cost <= found.cost);
            assert_true((double)found.cost <= 1.1 * (double)best.cost);
            assert_true(best.cost >= before);
            before = best.cost;
            compared++;
            equal += best.cost == found.cost;
        }
        arena_release(&a);
    }
    if (compared < 15 || equal <= compared / 2)
        fail_msg("%d of %d equal", equal, compared);
}

static void test_frontier_of_many_is_the_same_each_time(void **state)
{
    (void)state;
    static char text[16384];
    struct rng rng;
    rng_init(&rng, 3);
    struct arena a = {0};
    struct topo topo;
    random_case(text, sizeof text, 24, &rng);
    parse(&topo, text, &a);
    topo.rtt_max_us = 0;
    topo.candidate_count = 0;
    struct frontier one = find(&topo, FRONTIER_CUSTOMERS, &a);
    struct frontier other = find(&topo, FRONTIER_CUSTOMERS, &a);
    assert_false(one.exact);
    assert_true(one.point_count > 5);
    assert_int_equal(one.point_count, other.point_count);
    for (size_t i = 0; i < one.point_count; i++) {
        assert_true(one.points[i].cost == other.points[i].cost);
        assert_true(one.points[i].gap >= 0 && one.points[i].gap < 0.5);
        assert_true(i == 0 || one.points[i].cost > one.points[i - 1].cost);
        assert_true(i == 0 || one.points[i].blast < one.points[i - 1].blast);
    }
    arena_release(&a);
}

/* ---- stop ---- */

static bool stop_at_third(void *context, double done)
{
    assert_true(done >= 0 && done <= 1 + 1e-9);
    return ++*(int *)context < 4;
}

static void test_frontier_that_is_stopped_keeps_what_it_found(void **state)
{
    (void)state;
    static char text[8192];
    struct rng rng;
    rng_init(&rng, 2);
    struct arena a = {0};
    struct topo topo;
    struct error err;
    struct frontier f;
    int asked = 0;
    random_case(text, sizeof text, 10, &rng);
    parse(&topo, text, &a);
    topo.rtt_max_us = 0;
    const struct frontier_opts stopping = {1, stop_at_third, &asked};
    struct frontier whole = find(&topo, FRONTIER_CUSTOMERS, &a);
    assert_int_equal(frontier_find(&f, &topo, FRONTIER_CUSTOMERS, &stopping, &a, &err), 0);
    assert_true(f.stopped && !whole.stopped);
    assert_int_equal(f.point_count, 3);
    for (size_t i = 0; i < f.point_count; i++)
        assert_true(f.points[i].cost == whole.points[i].cost);
    arena_release(&a);
}

/* ---- what cannot be ---- */

static void test_frontier_says_what_no_layout_meets(void **state)
{
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"{\"countries\": [\"DE\", \"AU\"], \"rtt_max\": \"50ms\", \"regions\": [{\"region\": "
         "\"aws/eu-central-1\"}]}",
         "rtt_max: no region is within 50.0 ms of AU: the nearest, aws/eu-central-1, is 288.4 ms "
         "away; allow that, or add a nearer region"},
        {"{\"countries\": {\"DE\": {\"residency\": {\"regions\": [\"aws/eu-west-1\"]}}}, "
         "\"regions\": [{\"region\": \"aws/eu-central-1\"}]}",
         "countries.DE.residency.regions: none of them is among the regions; add aws/eu-west-1 "
         "there, or drop the rule"},
        {"{\"countries\": [\"DE\"], \"regions\": [{\"region\": \"azure/westus\"}]}",
         "regions[0].region: azure/westus has 1 zone, and a cell here 3"},
        {"{\"countries\": [\"DE\", \"AU\"], \"cells\": {\"x\": {\"countries\": [\"DE\", \"AU\"], "
         "\"keep\": true}}, \"rtt_max\": \"100ms\"}",
         "cells.x.keep: no region is allowed and near enough for all its countries; part them, or "
         "raise rtt_max"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a = {0};
        struct topo topo;
        struct error err;
        struct frontier f;
        parse(&topo, rows[i].text, &a);
        assert_int_equal(frontier_find(&f, &topo, FRONTIER_CUSTOMERS, &opts, &a, &err), -1);
        assert_string_equal(err.text, rows[i].sentence);
        arena_release(&a);
    }
}

/* ---- points ---- */

static void test_frontier_keeps_cells_that_are_to_be_kept(void **state)
{
    (void)state;
    struct arena a = {0};
    struct topo topo;
    parse(&topo,
          "{\"countries\": [\"DE\", \"FR\", \"GB\", \"US\"], \"cells\": {\"x\": "
          "{\"countries\": [\"DE\", \"FR\"], \"keep\": true}}}",
          &a);
    struct frontier f = find(&topo, FRONTIER_CUSTOMERS, &a);
    for (size_t i = 0; i < f.point_count; i++)
        for (size_t c = 0; c < f.points[i].cell_count; c++) {
            const struct frontier_cell *cell = &f.points[i].cells[c];
            for (size_t k = 0; k < cell->country_count; k++)
                if (strcmp(cell->countries[k], "DE") == 0) {
                    assert_int_equal(cell->country_count, 2);
                    assert_string_equal(cell->countries[1 - k], "FR");
                }
        }
    arena_release(&a);
}

/* A picked point is planned as the frontier says: servers, blast and demand. */
static void test_frontier_pick_is_planned_as_the_point_says(void **state)
{
    (void)state;
    struct arena a = {0};
    struct topo topo;
    parse(&topo,
          "{\"countries\": {\"US\": {\"parts\": 3}, \"DE\": {\"residency\": {\"not_with\": "
          "[\"US\"]}}, \"FR\": {}, \"JP\": {}, \"BR\": {}}, \"goal\": {\"time\": \"1s\"}}",
          &a);
    for (int measure = 0; measure < 2; measure++) {
        struct frontier f = find(&topo, measure, &a);
        bool cut = false;
        for (size_t i = 0; i < f.point_count; i++) {
            const struct frontier_point *p = &f.points[i];
            struct topo picked, read;
            struct capacity_plan plan;
            struct error err;
            if (frontier_pick(&picked, p, &topo, &a, &err) != 0)
                fail_msg("%s", err.text);
            const char *text = topo_text(&picked, &a);
            assert_non_null(text);
            parse(&read, text, &a);
            assert_int_equal(capacity_plan(&plan, &read, &a, &err), 0);
            assert_int_equal(plan.servers, p->servers);
            assert_int_equal(plan.cell_count, p->cell_count_all);
            assert_true(plan.enough);
            assert_true(fabs(plan.blast_customers - p->blast_customers) < 1e-6);
            assert_true(fabs(plan.blast_demand - p->blast_demand) < 1e-6);
            for (size_t c = 0; c < plan.cell_count; c++)
                assert_non_null(plan.cells[c].region);
            if (topo_country_at(&read, "XA") < read.country_count) {
                assert_true(topo_cell_at(&read, "us-1") < read.cell_count);
                assert_true(topo_cell_at(&read, "us-2") < read.cell_count);
                cut = true;
            }
        }
        assert_true(cut); /* some point has the US in parts */
    }
    arena_release(&a);
}

/* Codes for users are given out, and those that the topology has are not given twice. */
static void test_frontier_pick_gives_parts_codes_that_are_free(void **state)
{
    (void)state;
    struct arena a = {0};
    struct topo topo, picked, read;
    struct error err;
    parse(&topo,
          "{\"countries\": {\"US\": {\"parts\": 3}, \"FR\": {\"residency\": {\"alone\": true}}, "
          "\"XA\": {\"of\": \"FR\", \"residency\": {\"alone\": true}}}}",
          &a);
    struct frontier f = find(&topo, FRONTIER_CUSTOMERS, &a);
    if (frontier_pick(&picked, &f.points[f.point_count - 1], &topo, &a, &err) != 0)
        fail_msg("%s", err.text);
    parse(&read, topo_text(&picked, &a), &a);
    assert_int_equal(read.country_count, 5);
    assert_string_equal(topo_home(&read.countries[topo_country_at(&read, "XA")]), "FR");
    assert_string_equal(topo_home(&read.countries[topo_country_at(&read, "XB")]), "US");
    assert_string_equal(topo_home(&read.countries[topo_country_at(&read, "XC")]), "US");
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frontier_is_that_of_all_set_partitions),
        cmocka_unit_test(test_frontier_lies_between_its_bound_and_its_search),
        cmocka_unit_test(test_frontier_of_many_is_the_same_each_time),
        cmocka_unit_test(test_frontier_that_is_stopped_keeps_what_it_found),
        cmocka_unit_test(test_frontier_says_what_no_layout_meets),
        cmocka_unit_test(test_frontier_keeps_cells_that_are_to_be_kept),
        cmocka_unit_test(test_frontier_pick_is_planned_as_the_point_says),
        cmocka_unit_test(test_frontier_pick_gives_parts_codes_that_are_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
