/* What the statistics promise, on whole models whose truth is known: intervals that hold it as
 * often as they say, Little's law, and variants that share their luck. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/result.h"
#include "simulator/run.h"
#include "simulator/stats.h"
#include "simulator/world.h"
#include "tests/world.h"

/* Sanitizers slow the model down some thirty times. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SHORTER = 20 };
#else
enum { SHORTER = 1 };
#endif

/* One server, 100 ms of work, `tenths` / 10 of its capacity; 9 ms to the customer. */
static void make_queue(struct made *made, int tenths, const char *scenario)
{
    char topology[640], text[512];
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {\"peak_rps\": %d, \"curve\": \"flat\"}},"
             "\"cells\": {\"gb\": {\"region\": \"aws/eu-west-2\", \"zones\": [\"a\"],"
             "\"servers_per_zone\": 1, \"zone_rtt\": \"2us\"}},"
             "\"services\": {\"shop\": {\"time\": \"100ms\", \"concurrency\": 1, \"queue\": 1000}},"
             "\"tolerance\": {\"zones\": 0, \"servers\": 0},"
             "\"policy\": {\"timeout\": \"1h\", \"tries\": 1}}",
             tenths);
    snprintf(text, sizeof text, "{\"topology\": \"-\", %s}", scenario);
    make_world(made, topology, text);
}

static const double WAY_MS = 9 + 0.002;

static void run(struct run_result *result, struct made *made, int64_t seed, int64_t replications)
{
    struct error err;
    const struct run_opts opts = {.seed = seed, .replications = replications, .jobs = 2};
    if (run_scenario(result, &made->topo, &made->plan, &made->scenario, &opts, &made->arena,
                     &err) != 0)
        fail_msg("%s", err.text);
}

/* ---- coverage ---- */

/* The share of experiments whose 95 % interval of the mean latency holds the exact one; those that
 * say that they are too short are left out and counted. */
static double coverage(struct made *made, double exact_ms, int64_t replications, int experiments,
                       int *too_short)
{
    int held = 0;
    *too_short = 0;
    for (int64_t seed = 1; seed <= experiments; seed++) {
        struct run_result result;
        run(&result, made, seed, replications);
        const struct run_measure *m = &result.countries[0].mean_ms;
        int want = replications == 1 ? INTERVAL_BATCHES : INTERVAL_REPLICATIONS;
        *too_short += m->interval == INTERVAL_TOO_SHORT;
        assert_true(m->interval == want || isnan(m->ci95[0]));
        held += m->ci95[0] <= exact_ms + WAY_MS && exact_ms + WAY_MS <= m->ci95[1];
    }
    double share = (double)held / (experiments - *too_short);
    print_message("%d runs of %d: %.2f %% held, %d too short\n", experiments, (int)replications,
                  100 * share, *too_short);
    return share;
}

/* How far a share may lie from 95 % by chance, two-sided at 99.9 %. */
static double chance(int experiments)
{
    return 3.2905 * sqrt(0.95 * 0.05 / experiments);
}

static void test_intervals_over_replications_hold_the_exact_mean_95_times_in_100(void **state)
{
    enum { EXPERIMENTS = 600 / SHORTER };
    (void)state;
    struct made made;
    int too_short;
    make_queue(&made, 5, "\"duration\": \"220s\", \"warmup\": \"20s\"");
    double share = coverage(&made, 200, 8, EXPERIMENTS, &too_short);
    assert_int_equal(too_short, 0);
    assert_true(fabs(share - 0.95) <= chance(EXPERIMENTS));
    arena_release(&made.arena);
}

/* One run each. The test of independence lets a little pass, which costs a point or two. */
static void test_intervals_of_batch_means_hold_the_exact_mean_nearly_as_often(void **state)
{
    static const int tenths[] = {5, 8};
    enum { EXPERIMENTS = 400 / SHORTER };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct made made;
        int too_short;
        make_queue(&made, tenths[i],
                   tenths[i] == 5 ? "\"duration\": \"3610s\", \"warmup\": \"10s\""
                                  : "\"duration\": \"5h\", \"warmup\": \"5m\"");
        double exact_ms = 100 / (1 - tenths[i] / 10.0);
        double share = coverage(&made, exact_ms, 1, EXPERIMENTS, &too_short);
        assert_true(too_short <= EXPERIMENTS / 20 + 2);
        assert_true(share >= 0.93 - chance(EXPERIMENTS - too_short));
        assert_true(share <= 0.95 + chance(EXPERIMENTS - too_short));
        arena_release(&made.arena);
    }
}

static void test_intervals_of_a_single_short_run_are_not_given(void **state)
{
    (void)state;
    struct made made;
    struct run_result result;
    make_queue(&made, 5, "\"duration\": \"20s\"");
    run(&result, &made, 1, 1);
    assert_true(result.countries[0].ok > 50);
    assert_int_equal(result.countries[0].mean_ms.interval, INTERVAL_TOO_SHORT);
    assert_true(isnan(result.countries[0].mean_ms.ci95[0]));
    assert_int_equal(result.countries[0].p99_ms.interval, INTERVAL_NONE);
    assert_int_equal(result.countries[0].availability.interval, INTERVAL_EXACT);
    run(&result, &made, 1, 2);
    assert_int_equal(result.countries[0].mean_ms.interval, INTERVAL_REPLICATIONS);
    arena_release(&made.arena);
}

/* ---- numbers in line and in system ---- */

/* M/M/1: L = rho / (1 - rho), of which rho is worked on, and L = lambda W for whatever came. What
 * is under way at both ends of the run is all that may differ. */
static void test_intervals_of_numbers_in_system_obey_little(void **state)
{
    static const int tenths[] = {5, 8};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct made made;
        struct run_result result;
        char text[128];
        double rho = tenths[i] / 10.0, hours = 10.0 / SHORTER;
        snprintf(text, sizeof text, "\"duration\": \"%.0fs\", \"warmup\": \"5m\"",
                 300 + hours * 3600);
        make_queue(&made, tenths[i], text);
        run(&result, &made, 1, 16);
        const struct run_service *s = &result.cells[0].services[0];
        const struct run_country *c = &result.countries[0];
        double lambda = (double)c->requests / (16 * hours * 3600);
        double little = lambda * (c->mean_ms.mean - WAY_MS) / 1000;
        double wider = stats_student(15, 0.999) / stats_student(15, 0.95);
        double half = (s->in_system.ci95[1] - s->in_system.mean) * wider;
        print_message("rho %.1f: L %.4f +- %.4f, lambda W %.4f, exact %.4f\n", rho,
                      s->in_system.mean, half, little, rho / (1 - rho));
        assert_true(fabs(s->in_system.mean - rho / (1 - rho)) <= half);
        assert_true(half <= 0.05 * SHORTER * rho / (1 - rho));
        assert_true(fabs(s->in_system.mean / little - 1) <= 0.001 * SHORTER);
        assert_true(fabs(s->in_system.mean - s->waiting.mean - s->busy.mean) <= 1e-12);
        assert_true((double)s->waiting_max > 3 * s->waiting.mean);
        arena_release(&made.arena);
    }
}

/* ---- variants ---- */

enum { PAIRS = 40 };

struct variant {
    int per_zone; /* servers in each of three zones */
    int time_ms;  /* of work */
};

/* Mean latencies of replications at about 0.7 of the capacity of the first variant. */
static void latencies(double out[PAIRS], const struct variant *v)
{
    struct made made;
    char topology[640];
    snprintf(topology, sizeof topology,
             "{\"countries\": {\"GB\": {\"peak_rps\": 670, \"curve\": \"flat\"}},"
             "\"cells\": {\"gb\": {\"region\": \"aws/eu-west-2\", \"servers_per_zone\": %d}},"
             "\"services\": {\"shop\": {\"time\": \"%dms\", \"concurrency\": 4,"
             "\"queue\": 40}}, \"tolerance\": {\"zones\": 0, \"servers\": 0},"
             "\"policy\": {\"timeout\": \"1h\", \"tries\": 1}}",
             v->per_zone, v->time_ms);
    make_world(&made, topology,
               "{\"topology\": \"-\", \"duration\": \"40s\", \"warmup\": \"10s\"}");
    for (uint64_t i = 0; i < PAIRS; i++) {
        struct arena a = {0};
        struct error err;
        struct world *w = arena_alloc(&a, 1, sizeof *w);
        struct result_sample sample;
        assert_non_null(w);
        assert_int_equal(result_sample_init(&sample, &made.topo, &a), 0);
        if (world_init(w, &made.topo, &made.plan, &made.scenario, 1, i, &a, &err) != 0 ||
            world_run(w, w->end_ns, &err) != 0)
            fail_msg("%s", err.text);
        result_sample_take(&sample, &w->count, &made.topo, w->end_ns);
        out[i] = sample.country[0].mean_ms;
        arena_release(&a);
    }
    arena_release(&made.arena);
}

/* How much narrower the difference's interval is than with luck of their own, where the variances
 * would add. */
static double narrowing(struct variant x, struct variant y)
{
    static double first[PAIRS], second[PAIRS];
    struct stats alone[2] = {{0}, {0}};
    latencies(first, &x);
    latencies(second, &y);
    for (size_t i = 0; i < PAIRS; i++) {
        stats_add(&alone[0], first[i]);
        stats_add(&alone[1], second[i]);
    }
    struct stats paired = stats_paired(first, second, PAIRS);
    double half = stats_half_width(&paired, 0.95);
    double unpaired = hypot(stats_half_width(&alone[0], 0.95), stats_half_width(&alone[1], 0.95));
    print_message("%d servers of %d ms, then %d of %d ms: %.2f +- %.2f ms, unpaired +- %.2f\n",
                  x.per_zone, x.time_ms, y.per_zone, y.time_ms, paired.mean, half, unpaired);
    assert_true(fabs(paired.mean - (alone[1].mean - alone[0].mean)) < 1e-9);
    assert_true(paired.mean + half < 0); /* the second is faster */
    return unpaired / half;
}

/* Arrivals and each server's work are the same in both, so what they have in common drops out. With
 * more servers the work is shared out otherwise, which leaves more of it. */
static void test_intervals_of_paired_differences_are_much_narrower(void **state)
{
    (void)state;
    assert_true(narrowing((struct variant){4, 50}, (struct variant){5, 50}) > 1.3);
    assert_true(narrowing((struct variant){4, 50}, (struct variant){4, 48}) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intervals_over_replications_hold_the_exact_mean_95_times_in_100),
        cmocka_unit_test(test_intervals_of_batch_means_hold_the_exact_mean_nearly_as_often),
        cmocka_unit_test(test_intervals_of_a_single_short_run_are_not_given),
        cmocka_unit_test(test_intervals_of_numbers_in_system_obey_little),
        cmocka_unit_test(test_intervals_of_paired_differences_are_much_narrower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
