/* The whole model against what is known exactly. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/run.h"
#include "simulator/stats.h"
#include "tests/world.h"

/* Sanitizers slow the model down some thirty times: there the runs are shorter, and the intervals
 * that must hold the exact value are wider. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SHORTER = 50 };
static const double WIDTH_MAX = 0.08;
#else
enum { SHORTER = 1 };
static const double WIDTH_MAX = 0.01;
#endif

static void simulate(struct run_result *result, struct made *made)
{
    struct error err;
    const struct run_opts opts = {
        .seed = made->scenario.seed,
        .replications = made->scenario.replications,
        .jobs = 2,
    };
    if (run_scenario(result, &made->topo, &made->plan, &made->scenario, &opts, &made->arena,
                     &err) != 0)
        fail_msg("%s", err.text);
}

/* ---- one queue against Erlang ---- */

/* Mean time in system of M/M/c in units of the mean service time (Erlang C). */
static double erlang_time(int c, double rho)
{
    double load = c * rho, term = 1, sum = 1;
    for (int k = 1; k < c; k++) {
        term *= load / k;
        sum += term;
    }
    double all_busy = term * load / c / (1 - rho);
    return 1 + all_busy / (sum + all_busy) / (c * (1 - rho));
}

/* Mean time in system of M/G/1 in the same units (Pollaczek and Khinchine): of how the work
 * scatters only its squared coefficient of variation counts. */
static double general_time(double cs2, double rho)
{
    return 1 + rho * (1 + cs2) / (2 * (1 - rho));
}

struct queue_case {
    int servers;
    double rho;
    double hours; /* of simulated time per replication, for the interval to be narrow enough */
    const char *spread; /* NULL: exponential; as JSON */
    double cs2;
};

/* 64 replications; the interval is Student's at 99 %, and its whole width is at most 1 % of the
 * exact value, 3 % where the work scatters in another way than M/M/c's. One cell, one zone, one
 * replica with `servers` at work at once; 100 ms of work, 9 ms to the customer and 2 us to the
 * replica, which are taken off. */
static void assert_queue(const struct queue_case *q)
{
    char topology[640], scenario[256];
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {\"peak_rps\": %.17g, \"curve\": \"flat\"}},"
             "\"cells\": {\"gb\": {\"region\": \"aws/eu-west-2\", \"zones\": [\"a\"],"
             "\"servers_per_zone\": 1, \"zone_rtt\": \"2us\"}},"
             "\"services\": {\"shop\": {\"time\": \"100ms\", %s \"concurrency\": %d,"
             "\"queue\": 4000}}, \"tolerance\": {\"zones\": 0, \"servers\": 0},"
             "\"policy\": {\"timeout\": \"1h\", \"tries\": 1}}",
             q->servers * 10 * q->rho, q->spread == NULL ? "" : q->spread, q->servers);
    snprintf(scenario, sizeof scenario,
             "{\"topology\": \"-\", \"duration\": \"%.0fm\", \"warmup\": \"30m\","
             "\"replications\": 64, \"seed\": 1}",
             30 + q->hours * 60 / SHORTER);
    struct made made;
    struct run_result result;
    make_world(&made, topology, scenario);
    simulate(&result, &made);
    const struct run_country *gb = &result.countries[0];
    assert_int_equal(gb->ok, gb->requests);
    double exact_ms =
        100 * (q->spread == NULL ? erlang_time(q->servers, q->rho) : general_time(q->cs2, q->rho));
    double mean_ms = gb->mean_ms.mean - 9 - 0.002;
    double half_ms = (gb->mean_ms.ci95[1] - gb->mean_ms.mean) / stats_student(63, 0.95) *
                     stats_student(63, 0.99);
    print_message("%d server%s at %.2f: %.3f +- %.3f ms, exact %.3f ms\n", q->servers,
                  q->servers == 1 ? "" : "s", q->rho, mean_ms, half_ms, exact_ms);
    double width_max = q->spread == NULL ? WIDTH_MAX : 3 * WIDTH_MAX;
    assert_true(2 * half_ms <= width_max * exact_ms);
    assert_true(fabs(mean_ms - exact_ms) <= half_ms);
    double busy = result.cells[0].services[0].busy.mean;
    assert_true(fabs(busy - q->rho) <= width_max * q->rho);
    arena_release(&made.arena);
}

static void test_world_mm1_at_half_load_is_exact(void **state)
{
    (void)state;
    assert_queue(&(struct queue_case){1, 0.5, 10, NULL, 0});
}

static void test_world_mm1_at_0_8_is_exact(void **state)
{
    (void)state;
    assert_queue(&(struct queue_case){1, 0.8, 15, NULL, 0});
}

static void test_world_mm1_at_0_9_is_exact(void **state)
{
    (void)state;
    assert_queue(&(struct queue_case){1, 0.9, 60, NULL, 0});
}

static void test_world_mm3_is_exact(void **state)
{
    (void)state;
    assert_queue(&(struct queue_case){3, 0.8, 4, NULL, 0});
}

static void test_world_mm10_is_exact(void **state)
{
    (void)state;
    assert_queue(&(struct queue_case){10, 0.8, 1, NULL, 0});
}

static void test_world_mg1_is_exact_for_every_spread(void **state)
{
    static const struct queue_case rows[] = {
        {1, 0.7, 1, "\"spread\": \"fixed\",", 0},
        {1, 0.7, 2, "\"spread\": \"lognormal\", \"cs2\": 1.5,", 1.5},
        {1, 0.7, 1, "\"spread\": \"gamma\", \"cs2\": 0.25,", 0.25},
        {1, 0.7, 1, "\"spread\": \"weibull\", \"cs2\": 0.5,", 0.5},
        {1, 0.7, 4, "\"spread\": \"hyperexponential\", \"cs2\": 4,", 4},
        {1, 0.7, 1, "\"spread\": \"pareto\", \"tail\": 6,", 1.0 / 24},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_queue(&rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_world_mm1_at_half_load_is_exact),
        cmocka_unit_test(test_world_mm1_at_0_8_is_exact),
        cmocka_unit_test(test_world_mm1_at_0_9_is_exact),
        cmocka_unit_test(test_world_mm3_is_exact),
        cmocka_unit_test(test_world_mm10_is_exact),
        cmocka_unit_test(test_world_mg1_is_exact_for_every_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
