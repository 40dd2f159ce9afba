/* Tests of simulator/pairs.c: runs of one seed are compared replication by replication. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "simulator/pairs.h"
#include "tests/world.h"

static void assert_near(double value, double wanted, double within)
{
    if (!(fabs(value - wanted) <= within))
        fail_msg("%.12g is not within %g of %.12g", value, within, wanted);
}

struct side {
    struct made made;
    struct pairs pairs;
    struct run_result result;
};

static int load_none(void *context, int64_t index, struct result_sample *sample, struct error *err)
{
    (void)context, (void)index, (void)sample, (void)err;
    return 0;
}

static int take(void *context, int64_t index, const struct result_sample *sample, struct error *err)
{
    (void)err;
    pairs_take(context, index, sample);
    return 0;
}

/* `cells` as they stand in a topology of GB and DE, and a load. */
static void run(struct side *s, const char *cells, const char *load, int64_t replications)
{
    char topology[600], scenario[200];
    struct error err;
    snprintf(topology, sizeof topology,
             "{\"countries\": {%s\"DE\": {\"peak_rps\": 300, \"curve\": \"flat\"}},%s"
             "\"services\": {\"x\": {\"time\": \"9ms\"}}}",
             cells[0] == '\0' ? "" : "\"GB\": {\"peak_rps\": 100, \"curve\": \"flat\"},", cells);
    snprintf(scenario, sizeof scenario,
             "{\"topology\": \"-\", \"duration\": \"10s\", \"load\": %s}", load);
    make_world(&s->made, topology, scenario);
    assert_int_equal(
        pairs_init(&s->pairs, &s->made.topo, &s->made.scenario, replications, &s->made.arena), 0);
    const struct run_keep keep = {load_none, take, &s->pairs};
    const struct run_opts opts = {
        .seed = 3, .replications = replications, .jobs = 2, .keep = &keep};
    if (run_scenario(&s->result, &s->made.topo, &s->made.plan, &s->made.scenario, &opts,
                     &s->made.arena, &err) != 0)
        fail_msg("%s", err.text);
}

static const char apart[] = "\"cells\": {\"gb\": {\"countries\": [\"GB\"]}, \"de\": "
                            "{\"countries\": [\"DE\"]}},";

static void test_pairs_of_equal_runs_do_not_differ(void **state)
{
    (void)state;
    struct side a, b;
    struct run_difference *d;
    size_t count;
    run(&a, apart, "1", 3);
    run(&b, apart, "1", 3);
    assert_int_equal(pairs_compare(&d, &count, &a.pairs, &b.pairs, &b.made.arena), 0);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        assert_true(d[i].p99_ms.mean == 0 && d[i].p99_ms.ci95[0] == 0 && d[i].p99_ms.ci95[1] == 0);
        assert_true(d[i].availability.mean == 0);
        assert_true(isnan(d[i].hurt_s.mean)); /* without faults nobody is */
    }
    arena_release(&a.made.arena);
    arena_release(&b.made.arena);
}

static void test_pairs_are_of_countries_by_name_and_of_what_both_ran(void **state)
{
    (void)state;
    struct side a, b;
    struct run_difference *d;
    size_t count;
    run(&a, "", "1", 1); /* DE alone, and one replication of it */
    run(&b, apart, "1.5", 3);
    assert_int_equal(pairs_compare(&d, &count, &a.pairs, &b.pairs, &b.made.arena), 0);
    assert_int_equal(count, 1);
    assert_string_equal(d[0].country, "DE");
    assert_true(d[0].p50_ms.mean > -1e9 && isnan(d[0].p50_ms.ci95[0])); /* of one there is none */
    arena_release(&a.made.arena);
    arena_release(&b.made.arena);
}

static void test_pairs_differ_as_the_means_do(void **state)
{
    (void)state;
    struct side a, b;
    struct run_difference *d;
    size_t count;
    run(&a, apart, "1", 6);
    run(&b, apart, "1.3", 6);
    assert_int_equal(pairs_compare(&d, &count, &a.pairs, &b.pairs, &b.made.arena), 0);
    for (size_t i = 0; i < count; i++) {
        const struct run_measure *x = &a.result.countries[i].p99_ms,
                                 *y = &b.result.countries[i].p99_ms;
        assert_near(d[i].p99_ms.mean, y->mean - x->mean, 1e-9);
        assert_true(d[i].p99_ms.ci95[0] <= d[i].p99_ms.mean);
    }
    arena_release(&a.made.arena);
    arena_release(&b.made.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_of_equal_runs_do_not_differ),
        cmocka_unit_test(test_pairs_are_of_countries_by_name_and_of_what_both_ran),
        cmocka_unit_test(test_pairs_differ_as_the_means_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
