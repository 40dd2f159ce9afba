/* The frontier, its points as topologies, and a whole plan, when memory runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "control/plan.h"
#include "tests/oom.h"

/* Exact, with rules, parts and prices. */
static const char few[] =
    "{\"countries\": {\"GB\": {}, \"DE\": {\"residency\": {\"not_with\": [\"US\"]}}, \"FR\": {}, "
    "\"US\": {\"parts\": 3}, \"IN\": {\"parts\": 2}, \"JP\": {\"residency\": {\"alone\": true}}, "
    "\"BR\": {}}, \"regions\": [{\"region\": \"aws/eu-west-1\", \"price\": 1.1}, {\"region\": "
    "\"aws/us-east-1\"}], \"goal\": {\"wait\": \"20ms\"}}";

/* By search. */
static const char many[] =
    "{\"countries\": [\"GB\", \"DE\", \"FR\", \"US\", \"BR\", \"JP\", \"IN\", \"AU\", \"NG\", "
    "\"MX\", \"KR\", \"ZA\", \"IT\", \"CA\", \"ID\", \"EG\", \"TR\", \"PL\", \"SE\", \"AR\", "
    "\"NZ\", \"KE\", \"TH\", \"ES\"]}";

static bool goes_on(void *context, double done)
{
    int *asked = context;
    (void)done;
    return (*asked)++ < 2; /* the search takes its time, and what it allocates comes first */
}

static bool refused(const struct error *err)
{
    assert_string_equal(err->text, "no memory left");
    assert_int_equal(err->code, ERR_MEMORY);
    return false;
}

static bool find(void *context)
{
    struct arena a = {0};
    struct error err = {0};
    struct frontier f;
    struct topo picked;
    int asked = 0;
    const struct frontier_opts opts = {.seed = 1, .going = goes_on, .context = &asked};
    int status = frontier_find(&f, context, FRONTIER_CUSTOMERS, &opts, &a, &err);
    bool whole = status == 0 || refused(&err);
    if (status == 0) {
        assert_true(f.point_count > 0);
        const struct frontier_point *last = &f.points[f.point_count - 1];
        status = frontier_pick(&picked, last, context, &a, &err);
        whole = status == 0 ? topo_text(&picked, &a) != NULL : refused(&err);
    }
    arena_release(&a);
    return whole;
}

static bool plan(void *context)
{
    struct arena a = {0};
    struct error err = {0};
    struct capacity_plan capacity;
    struct plan plan;
    int status = capacity_plan(&capacity, context, &a, &err);
    if (status == 0)
        status = plan_make(&plan, context, &capacity, &a, &err);
    bool whole = status == 0 || refused(&err);
    if (whole)
        whole = json_encode(&plan, plan_fields, &a) != NULL;
    arena_release(&a);
    return whole;
}

static void survives(const char *text, bool (*attempt)(void *), long least)
{
    struct arena a = {0};
    struct error err = {0};
    struct topo topo;
    if (topo_parse(&topo, text, strlen(text), NULL, 0, &a, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(oom_each(attempt, &topo) >= least);
    arena_release(&a);
}

static void test_frontier_survives_every_failing_allocation(void **state)
{
    (void)state;
    survives(few, find, 3);
    survives(many, find, 3);
}

static void test_plan_survives_every_failing_allocation(void **state)
{
    (void)state;
    survives(few, plan, 3);
    survives(many, plan, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frontier_survives_every_failing_allocation),
        cmocka_unit_test(test_plan_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
