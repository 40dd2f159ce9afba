/* Tests of commands/report_course.c and report_courses.c: what a report shows in the course of time
 * is what the run counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/error.h"
#include "commands/files.h"
#include "commands/report_course.h"
#include "tests/world.h"

static void assert_near(double value, double wanted, double within)
{
    if (!(fabs(value - wanted) <= within))
        fail_msg("%.12g is not within %g of %.12g", value, within, wanted);
}

static const char shop[] =
    "{\"countries\": {\"DE\": {\"peak_rps\": 400, \"curve\": \"flat\"}},"
    "\"cells\": {\"de\": {\"region\": \"aws/eu-central-1\", \"servers_per_zone\": 2}},"
    "\"services\": {\"x\": {\"time\": \"8ms\", \"concurrency\": 1, \"queue\": 4}},"
    "\"policy\": {\"tries\": 1}}";

struct heard {
    struct made made;
    struct files files;
    struct courses courses;
    struct run_result result;
};

static void hear(struct heard *h, const char *topology, const char *scenario, int64_t replications,
                 int64_t listened)
{
    struct error err;
    make_world(&h->made, topology, scenario);
    h->files =
        (struct files){.topo = h->made.topo, .plan = h->made.plan, .scenario = h->made.scenario};
    assert_int_equal(courses_init(&h->courses, &h->files, listened), 0);
    const struct run_opts opts = {.seed = 7,
                                  .replications = replications,
                                  .jobs = 2,
                                  .listener = h->courses.listener,
                                  .listener_count = (int64_t)h->courses.count};
    if (run_scenario(&h->result, &h->made.topo, &h->made.plan, &h->made.scenario, &opts,
                     &h->made.arena, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(courses_end(&h->courses));
}

static void forget(struct heard *h)
{
    courses_release(&h->courses);
    arena_release(&h->made.arena);
}

/* What a rate of the first replication adds up to from `from_s` on. */
static double total(const struct course *c, enum course_number what, double from_s)
{
    double sum = 0;
    for (size_t i = 0; i < c->bins; i++) {
        double begin_s = (double)i * (double)c->bin_ns * 1e-9;
        double end_s = fmin(begin_s + (double)c->bin_ns * 1e-9, (double)c->duration_ns * 1e-9);
        sum += begin_s >= from_s ? c->bin[i][what] * (end_s - begin_s) : 0;
    }
    return sum;
}

static void test_course_bins_add_up_to_the_result(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, shop, "{\"topology\": \"-\", \"duration\": \"21s\", \"load\": 2.2}", 1, 1);
    const struct course *c = &h.courses.run[0];
    const struct run_country *de = &h.result.countries[0];
    assert_true(de->shed > 0);
    assert_int_equal((int64_t)(total(c, COURSE_OK, 0) + 0.5), de->ok);
    assert_int_equal((int64_t)(total(c, COURSE_SHED, 0) + 0.5), de->shed);
    assert_int_equal((int64_t)(total(c, COURSE_FAILED, 0) + 0.5), de->failed);
    assert_true(total(c, COURSE_OFFERED, 0) >= (double)de->requests);
    assert_int_equal(h.courses.phase[COURSE_BEFORE].count, de->ok);
    assert_near(hist_quantile_us(&h.courses.phase[COURSE_BEFORE], 0.99) / 1000, de->p99_ms.mean,
                1e-9);
    double slowest = 0;
    for (size_t i = 0; i < c->bins; i++)
        slowest = fmax(slowest, c->bin[i][COURSE_MAX_MS]);
    assert_near(slowest, de->max_ms, 1e-9);
    forget(&h);
}

static void test_course_times_a_fault_as_the_result_does(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, shop,
         "{\"topology\": \"-\", \"duration\": \"30s\", \"faults\": [{\"kind\": \"cell-down\","
         "\"scope\": \"de\", \"at\": \"10s\", \"for\": \"5s\"}]}",
         1, 1);
    const struct course *c = &h.courses.run[0];
    const struct run_country *de = &h.result.countries[0];
    assert_int_equal(c->fault_count, 1);
    assert_true(h.result.detect_s.mean > 0);
    assert_near(c->fault[0].detect_s, h.result.detect_s.mean, 1e-9);
    assert_true(de->mitigate_s.mean > 4);
    assert_near(c->fault[0].mitigate_s, de->mitigate_s.mean, 1e-9);
    assert_near(c->fault[0].recover_s, de->recover_s.mean, 1e-9);
    assert_true(isnan(c->fault[0].shift_s));
    /* All that ended while it was on was lost, and that is in the share. */
    assert_int_equal(c->share[0].lost, c->share[0].requests);
    assert_true(c->share[0].lost > 1500);
    forget(&h);
}

/* The mean of the bins within a span; each must be known. */
static double mean_of(const struct course *c, enum course_number what, double from_s, double to_s)
{
    double sum = 0, n = 0;
    for (size_t i = 0; i < c->bins; i++) {
        double at_s = ((double)i + 0.5) * (double)c->bin_ns * 1e-9;
        if (at_s < from_s || at_s > to_s)
            continue;
        assert_false(isnan(c->bin[i][what]));
        sum += c->bin[i][what];
        n++;
    }
    return sum / n;
}

static void test_course_headroom_is_what_the_living_have_to_spare(void **state)
{
    (void)state;
    struct heard h;
    /* 400/s of 8 ms: 3.2 of 6 servers are busy, and of the 4 that are left. */
    hear(&h, shop,
         "{\"topology\": \"-\", \"duration\": \"40s\", \"warmup\": \"2s\", \"faults\": [{\"kind\":"
         "\"zone-down\", \"scope\": \"de/a\", \"at\": \"20s\"}]}",
         1, 1);
    const struct course *c = &h.courses.run[0];
    assert_true(isnan(c->bin[0][COURSE_HEADROOM])); /* the warm-up is not counted */
    assert_near(mean_of(c, COURSE_HEADROOM, 5, 19), 1 - 3.2 / 6, 0.05);
    double left = mean_of(c, COURSE_HEADROOM, 25, 39);
    assert_true(left < 0.35 && left > 0.1); /* a little is shed */
    assert_int_equal(c->tightest, 0);
    assert_true(isnan(c->bin[5][COURSE_BACKLOG])); /* there are no orders */
    assert_true(mean_of(c, COURSE_WAITING, 25, 39) > mean_of(c, COURSE_WAITING, 5, 19));
    assert_true(mean_of(c, COURSE_WAIT_MS, 25, 39) > 8);
    forget(&h);
}

static void test_course_takes_the_warmup_that_was_found(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, shop,
         "{\"topology\": \"-\", \"duration\": \"60s\", \"warmup\": \"1s\", \"warmup_auto\": true,"
         "\"load\": 1.8}",
         1, 1);
    assert_int_equal(h.courses.run[0].warmup_ns, (int64_t)(h.result.warmup_s * 1e9 + 0.5));
    assert_int_equal(h.courses.phase[COURSE_BEFORE].count, h.result.countries[0].ok);
    forget(&h);
}

static void test_courses_are_those_that_were_heard_to_the_end(void **state)
{
    (void)state;
    struct heard h;
    hear(&h, shop, "{\"topology\": \"-\", \"duration\": \"3s\"}", 2, 5);
    assert_int_equal(h.courses.count, 2);
    assert_int_equal(h.courses.phase[COURSE_BEFORE].count, h.result.countries[0].ok);
    struct course_spread ok = courses_bin(&h.courses, 0, COURSE_OK);
    assert_int_equal(ok.known, 2);
    assert_true(ok.low <= ok.median && ok.median <= ok.high);
    assert_near(ok.median * 2, ok.low + ok.high, 1e-9);
    forget(&h);
}

static void test_course_spread_knows_how_many_know(void **state)
{
    (void)state;
    double none[] = {NAN, NAN, 3}, half[] = {5, NAN, 1, NAN}, odd[] = {9, 2, 4};
    assert_true(isnan(course_spread(none, 3).median)); /* most do not know */
    struct course_spread s = course_spread(half, 4);
    assert_true(s.median == 3 && s.low == 1 && s.high == 5 && s.known == 2);
    s = course_spread(odd, 3);
    assert_true(s.median == 4 && s.low == 2 && s.high == 9 && s.known == 3);
    assert_true(isnan(course_spread(odd, 0).median));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_course_bins_add_up_to_the_result),
        cmocka_unit_test(test_course_times_a_fault_as_the_result_does),
        cmocka_unit_test(test_course_headroom_is_what_the_living_have_to_spare),
        cmocka_unit_test(test_course_takes_the_warmup_that_was_found),
        cmocka_unit_test(test_courses_are_those_that_were_heard_to_the_end),
        cmocka_unit_test(test_course_spread_knows_how_many_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
