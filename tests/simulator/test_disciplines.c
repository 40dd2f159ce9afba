/* The orders of region/admission.h in the whole model: against exact means where there are some,
 * and against each other under overload. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/run.h"
#include "simulator/stats.h"
#include "tests/world.h"

/* Sanitizers slow the model down some thirty times: there the runs are shorter, and the intervals
 * that must hold the exact value are wider. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SHORTER = 20 };
static const double WIDER = 5;
#else
enum { SHORTER = 1 };
static const double WIDER = 1;
#endif

/* One cell of one zone with one replica; `rest` is more of its service, with a comma before. */
static void simulate(struct run_result *result, struct made *made, double rps, const char *rest,
                     const char *policy, const char *times)
{
    char topology[768], scenario[256];
    struct error err;
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {\"peak_rps\": %.17g, \"curve\": \"flat\"}},"
             "\"cells\": {\"gb\": {\"region\": \"aws/eu-west-2\", \"zones\": [\"a\"],"
             "\"servers_per_zone\": 1, \"zone_rtt\": \"2us\"}},"
             "\"services\": {\"shop\": {%s}}, \"tolerance\": {\"zones\": 0, \"servers\": 0},"
             "\"policy\": {%s, \"tries\": 1}}",
             rps, rest, policy);
    snprintf(scenario, sizeof scenario, "{\"topology\": \"-\", %s, \"seed\": 1}", times);
    make_world(made, topology, scenario);
    const struct run_opts opts = {
        .seed = 1, .replications = made->scenario.replications, .jobs = 2};
    if (run_scenario(result, &made->topo, &made->plan, &made->scenario, &opts, &made->arena,
                     &err) != 0)
        fail_msg("%s", err.text);
}

/* ---- exact means ---- */

enum { REPLICATIONS = 64, WORK_MS = 100 };
static const double WAY_MS = 9.002; /* to the customer, and from the door to the replica */

/* M/M/1 at 10 * rho requests/s, with patience and room for everybody. */
static void simulate_queue(struct run_result *result, struct made *made, double rho, double hours,
                           const char *order)
{
    char service[160], times[160];
    snprintf(service, sizeof service,
             "\"time\": \"%dms\", \"concurrency\": 1, \"queue\": 100000, %s", WORK_MS, order);
    snprintf(times, sizeof times,
             "\"duration\": \"%.0fm\", \"warmup\": \"2m\", \"replications\": %d",
             2 + hours * 60 / SHORTER, REPLICATIONS);
    simulate(result, made, 10 * rho, service, "\"timeout\": \"1h\"", times);
}

/* Student's interval at 99 % holds the exact mean and is at most `width` of it wide. */
static void assert_exact(const char *name, const struct run_measure *m, double exact_ms,
                         double width)
{
    double mean_ms = m->mean - WAY_MS;
    double half_ms = (m->ci95[1] - m->mean) / stats_student(REPLICATIONS - 1, 0.95) *
                     stats_student(REPLICATIONS - 1, 0.99);
    print_message("%s: %.3f +- %.3f ms, exact %.3f ms\n", name, mean_ms, half_ms, exact_ms);
    assert_true(2 * half_ms <= width * WIDER * exact_ms);
    assert_true(fabs(mean_ms - exact_ms) <= half_ms);
}

/* Cobham 1954 (Operations Research 2(1)): with W0 = rho * work, users wait W0 / (1 - rho1) and the
 * others W0 / ((1 - rho1) (1 - rho)), where rho1 is the users' part of the load. */
static void test_disciplines_priority_has_cobhams_waits(void **state)
{
    (void)state;
    static const struct {
        double rho, background, hours;
    } rows[] = {{0.8, 0.4, 4}, {0.9, 0.8, 6}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made made;
        struct run_result result;
        char order[96];
        double rho = rows[i].rho, users = rho * (1 - rows[i].background);
        snprintf(order, sizeof order, "\"discipline\": \"priority\", \"background\": %g",
                 rows[i].background);
        simulate_queue(&result, &made, rho, rows[i].hours, order);
        const struct run_country *gb = &result.countries[0];
        double share =
            (double)gb->background.requests / (double)(gb->background.requests + gb->requests);
        assert_true(fabs(share - rows[i].background) < 0.002 * WIDER);
        assert_int_equal(gb->ok, gb->requests);
        assert_int_equal(gb->background.ok, gb->background.requests);
        assert_exact("users", &gb->mean_ms, WORK_MS * (1 + rho / (1 - users)), 0.01);
        assert_exact("background", &gb->background.mean_ms,
                     WORK_MS * (1 + rho / ((1 - users) * (1 - rho))), 0.05);
        arena_release(&made.arena);
    }
}

/* Every order that does not look at the work ahead has the same mean; of those the oldest first has
 * the least variance (Kingman 1962), the newest first the greatest (Tambouratzis 1968). */
static void test_disciplines_lifo_has_the_mean_of_fifo_and_a_longer_tail(void **state)
{
    (void)state;
    struct made fifo, lifo;
    struct run_result first, last;
    simulate_queue(&first, &fifo, 0.8, 5, "\"discipline\": \"fifo\"");
    simulate_queue(&last, &lifo, 0.8, 5, "\"discipline\": \"lifo\"");
    const struct run_country *f = &first.countries[0], *l = &last.countries[0];
    assert_exact("fifo", &f->mean_ms, WORK_MS / (1 - 0.8), 0.02);
    assert_exact("lifo", &l->mean_ms, WORK_MS / (1 - 0.8), 0.02);
    print_message("p50 %.0f and %.0f ms, p99 %.0f and %.0f ms\n", f->p50_ms.mean, l->p50_ms.mean,
                  f->p99_ms.mean, l->p99_ms.mean);
    assert_true(l->p50_ms.mean < f->p50_ms.mean / 1.5);
    assert_true(l->p99_ms.mean > f->p99_ms.mean * 1.5);
    arena_release(&fifo.arena);
    arena_release(&lifo.arena);
}

/* ---- overload ---- */

enum { CAPACITY_RPS = 200 };

/* Share of the capacity that is answered in time, when half as much again is asked for and the line
 * is longer than anybody's patience. */
static double goodput(const char *order)
{
    struct made made;
    struct run_result result;
    char service[160];
    snprintf(service, sizeof service, "\"time\": \"20ms\", \"concurrency\": 4, \"queue\": 2000, %s",
             order);
    simulate(&result, &made, 1.5 * CAPACITY_RPS, service, "\"timeout\": \"1s\"",
             SHORTER > 1 ? "\"duration\": \"1m\", \"warmup\": \"30s\", \"replications\": 2"
                         : "\"duration\": \"10m\", \"warmup\": \"2m\", \"replications\": 4");
    const struct run_country *gb = &result.countries[0];
    double share = gb->availability.mean * 1.5;
    assert_true(result.cells[0].services[0].busy.mean > 0.99);
    arena_release(&made.arena);
    return share;
}

static void test_disciplines_fifo_collapses_under_overload_and_the_others_do_not(void **state)
{
    (void)state;
    static const struct {
        const char *order;
        double least, most;
    } rows[] = {
        {"\"discipline\": \"fifo\"", 0, 0.01},
        {"\"discipline\": \"fifo\", \"drop_late\": true", 0.2, 0.5}, /* begun at the last moment */
        {"\"discipline\": \"codel\"", 0.8, 1.03},
        {"\"discipline\": \"codel\", \"drop_late\": true", 0.9, 1.03},
        {"\"discipline\": \"lifo\"", 0.98, 1.03},
        {"\"discipline\": \"lifo\", \"drop_late\": true", 0.98, 1.03},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double share = goodput(rows[i].order);
        print_message("%5.1f %% of the capacity with %s\n", share * 100, rows[i].order);
        assert_true(share >= rows[i].least);
        assert_true(share <= rows[i].most);
    }
}

/* Users alone would be served by 60 % of the server, so they are, whatever else is asked for. */
static void test_disciplines_priority_keeps_users_unharmed_by_background_work(void **state)
{
    (void)state;
    static const char *const orders[] = {"fifo", "priority"};
    struct run_country gb[2];
    for (size_t i = 0; i < 2; i++) {
        struct made made;
        struct run_result result;
        char service[160];
        snprintf(service, sizeof service,
                 "\"time\": \"20ms\", \"concurrency\": 4, \"queue\": 32, \"background\": 0.6,"
                 "\"discipline\": \"%s\"",
                 orders[i]);
        simulate(&result, &made, 1.5 * CAPACITY_RPS, service, "\"timeout\": \"1s\"",
                 SHORTER > 1 ? "\"duration\": \"30s\", \"replications\": 2"
                             : "\"duration\": \"10m\", \"replications\": 4");
        gb[i] = result.countries[0];
        print_message("%s: %.2f %% of users' requests, %.0f %% of background work answered\n",
                      orders[i], gb[i].availability.mean * 100,
                      (double)gb[i].background.ok / (double)gb[i].background.requests * 100);
        arena_release(&made.arena);
    }
    assert_true(gb[0].availability.mean < 0.7);
    assert_true(gb[1].availability.mean > 0.9999);
    assert_true(gb[1].background.ok > 0);
    assert_true(gb[1].background.shed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disciplines_priority_has_cobhams_waits),
        cmocka_unit_test(test_disciplines_lifo_has_the_mean_of_fifo_and_a_longer_tail),
        cmocka_unit_test(test_disciplines_fifo_collapses_under_overload_and_the_others_do_not),
        cmocka_unit_test(test_disciplines_priority_keeps_users_unharmed_by_background_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
