/* The plan is true: what it says a cell survives, the simulated cell survives. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/run.h"
#include "tests/world.h"

static char seed_topology[4096]; /* sim-configs/seed-27-24.json */

static int read_topology(void **state)
{
    (void)state;
    FILE *file = fopen("sim-configs/seed-27-24.json", "r");
    if (file == NULL)
        return -1;
    size_t len = fread(seed_topology, 1, sizeof seed_topology - 1, file);
    fclose(file);
    seed_topology[len] = '\0';
    return len > 0 ? 0 : -1;
}

/* What a loss did to the cell: tries refused, and requests that were not answered. */
struct loss {
    int64_t shed, lost, untouched_lost;
};

/* Cell `cell` loses `zone`, and with it server `number` (from 1) of another zone `other`, for good
 * after 10 s of 40; `per_zone` servers, or as planned when 0. */
static struct loss lose(size_t cell, size_t zone, size_t other, int number, int64_t per_zone)
{
    struct made made;
    char scenario[512];
    static const char *const cells[] = {"gb", "de", "fr"};
    static const char *const zones[] = {"a", "b", "c"};
    snprintf(scenario, sizeof scenario,
             "{\"topology\": \"-\", \"duration\": \"40s\", \"replications\": 1, \"seed\": 3,"
             "\"faults\": [{\"kind\": \"zone-down\", \"scope\": \"%s/%s\", \"at\": \"10s\"},"
             "{\"kind\": \"server-down\", \"scope\": \"%s/%s/shop-%d\", \"at\": \"10s\"}]}",
             cells[cell], zones[zone], cells[cell], zones[other], number);
    make_world(&made, seed_topology, scenario);
    if (per_zone > 0)
        made.plan.cells[cell].services[0].per_zone = per_zone;
    struct error err;
    struct run_result result;
    const struct run_opts opts = {.seed = 3, .replications = 1, .jobs = 1};
    if (run_scenario(&result, &made.topo, &made.plan, &made.scenario, &opts, &made.arena, &err) !=
        0)
        fail_msg("%s", err.text);
    struct loss loss = {0};
    for (size_t i = 0; i < 3; i++) {
        const struct run_country *country = &result.countries[made.topo.cells[i].country[0]];
        int64_t lost = country->requests - country->ok;
        if (i == cell) {
            loss.lost = lost;
            loss.shed = result.cells[i].services[0].tries_shed;
        } else {
            loss.untouched_lost += lost;
        }
    }
    arena_release(&made.arena);
    return loss;
}

static void test_losses_tolerated_by_the_plan_shed_nothing(void **state)
{
    (void)state;
    int tried = 0;
    for (size_t cell = 0; cell < 3; cell++)
        for (size_t zone = 0; zone < 3; zone++)
            for (size_t other = 0; other < 3; other++)
                for (int number = 1; other != zone && number <= 3; number++) {
                    struct loss loss = lose(cell, zone, other, number, 0);
                    assert_int_equal(loss.shed, 0);
                    /* A request may meet both failures, one per try, before the door knows. */
                    assert_true(loss.lost <= 3);
                    assert_int_equal(loss.untouched_lost, 0);
                    tried++;
                }
    assert_int_equal(tried, 3 * 3 * 6);
}

static void test_losses_with_one_server_per_zone_fewer_shed(void **state)
{
    (void)state;
    for (size_t cell = 0; cell < 3; cell++)
        for (size_t zone = 0; zone < 3; zone++)
            for (size_t other = 0; other < 3; other++)
                for (int number = 1; other != zone && number <= 2; number++) {
                    struct loss loss = lose(cell, zone, other, number, 2);
                    assert_true(loss.shed > 0);
                    assert_true(loss.lost > 0);
                    assert_int_equal(loss.untouched_lost, 0);
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_losses_tolerated_by_the_plan_shed_nothing),
        cmocka_unit_test(test_losses_with_one_server_per_zone_fewer_shed),
    };
    return cmocka_run_group_tests(tests, read_topology, NULL);
}
