/* Tests of region/function.h: instances come with the events and go without. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/fmath.h"
#include "base/rng.h"
#include "region/function.h"

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const struct function_opts usual = {
    .instances_max = 3, .concurrency = 1, .queue_max = 4, .keep_us = 1000, .start_max_us = 500};

static struct function made(const struct function_opts *opts)
{
    struct function f;
    assert_int_equal(function_init(&f, opts, &arena), 0);
    return f;
}

static void assert_does(struct function *f, int64_t now_us, enum function_act act, uint32_t event)
{
    struct function_do d = function_next(f, now_us);
    assert_int_equal(d.act, act);
    if (act == FUNCTION_RUN)
        assert_int_equal(d.event, event);
}

static void test_function_starts_cold_runs_and_stops_when_idle(void **state)
{
    (void)state;
    struct function f = made(&usual);
    assert_does(&f, 0, FUNCTION_NOTHING, 0);
    assert_true(function_deadline_us(&f) == INT64_MAX);
    assert_true(function_arrive(&f, 7));
    struct function_do d = function_next(&f, 0);
    assert_int_equal(d.act, FUNCTION_START);
    assert_does(&f, 0, FUNCTION_NOTHING, 0);
    function_ready(&f, d.instance, 200);
    assert_does(&f, 200, FUNCTION_RUN, 7);
    assert_does(&f, 5000, FUNCTION_NOTHING, 0); /* a long run is not idle */
    function_ended(&f, d.instance, 6000);
    assert_int_equal(function_deadline_us(&f), 7000);
    assert_true(function_arrive(&f, 8));
    assert_does(&f, 6999, FUNCTION_RUN, 8); /* warm */
    function_ended(&f, d.instance, 6999);
    assert_does(&f, 7998, FUNCTION_NOTHING, 0);
    assert_does(&f, 7999, FUNCTION_STOP, 0);
    assert_int_equal(function_count(&f, FUNCTION_OFF), 3);
}

static void test_function_starts_as_many_as_those_that_wait_need(void **state)
{
    (void)state;
    struct function_opts opts = usual;
    opts.concurrency = 2;
    struct function f = made(&opts);
    static const uint32_t starting[] = {1, 1, 2, 2};
    for (uint32_t event = 0; event < 4; event++) {
        assert_true(function_arrive(&f, event));
        while (function_next(&f, 0).act != FUNCTION_NOTHING)
            continue;
        assert_int_equal(function_count(&f, FUNCTION_STARTING), starting[event]);
    }
    assert_false(function_arrive(&f, 4)); /* the queue holds four */
    function_ready(&f, 0, 10);
    function_ready(&f, 1, 10);
    function_ready(&f, 2, 10); /* off: not listened to */
    assert_int_equal(function_count(&f, FUNCTION_WARM), 2);
    for (uint32_t event = 0; event < 4; event++)
        assert_does(&f, 10, FUNCTION_RUN, event); /* first come, first served */
    assert_does(&f, 10, FUNCTION_NOTHING, 0);
}

static void test_function_runs_events_on_the_instance_used_last(void **state)
{
    (void)state;
    struct function_opts opts = usual;
    opts.concurrency = 2;
    struct function f = made(&opts);
    uint32_t first = FUNCTION_NONE, second = FUNCTION_NONE;
    for (uint32_t event = 0; event < 3; event++) { /* two on the first, one on the second */
        assert_true(function_arrive(&f, event));
        struct function_do d = function_next(&f, 0);
        if (d.act == FUNCTION_START) {
            function_ready(&f, d.instance, 0);
            d = function_next(&f, 0);
        }
        assert_int_equal(d.act, FUNCTION_RUN);
        if (event == 0)
            first = d.instance;
        second = d.instance;
    }
    assert_true(first != second);
    function_ended(&f, first, 10);
    assert_true(function_arrive(&f, 3)); /* both have room */
    assert_int_equal(function_next(&f, 10).instance, first);
    function_ended(&f, second, 20); /* idle: the first runs two */
    function_ended(&f, first, 20);
    assert_true(function_arrive(&f, 4));
    assert_int_equal(function_next(&f, 20).instance, first); /* the second may stop soon */
}

static void test_function_gives_up_what_does_not_get_ready(void **state)
{
    (void)state;
    struct function f = made(&usual);
    assert_true(function_arrive(&f, 1));
    struct function_do d = function_next(&f, 0);
    assert_int_equal(function_deadline_us(&f), 500);
    assert_does(&f, 499, FUNCTION_NOTHING, 0);
    assert_does(&f, 500, FUNCTION_STOP, 0);
    struct function_do again = function_next(&f, 500); /* the event still waits */
    assert_int_equal(again.act, FUNCTION_START);
    function_ready(&f, again.instance, 600);
    assert_does(&f, 600, FUNCTION_RUN, 1);
    assert_int_equal(function_died(&f, again.instance), 1);
    assert_int_equal(function_died(&f, again.instance), 0);
    assert_int_equal(function_died(&f, d.instance), 0);
    assert_int_equal(function_count(&f, FUNCTION_OFF), 3);
}

static void test_function_keeps_its_least_warm(void **state)
{
    (void)state;
    struct function_opts opts = usual;
    opts.instances_min = 1;
    struct function f = made(&opts);
    for (uint32_t event = 0; event < 3; event++) {
        function_arrive(&f, event);
        struct function_do d = function_next(&f, 0);
        function_ready(&f, d.instance, 0);
        function_next(&f, 0);
    }
    for (uint32_t i = 0; i < 3; i++)
        function_ended(&f, i, 100 + i);
    assert_does(&f, 1102, FUNCTION_STOP, 0);
    assert_does(&f, 1102, FUNCTION_STOP, 0);
    assert_does(&f, 1102, FUNCTION_NOTHING, 0);
    assert_int_equal(function_count(&f, FUNCTION_WARM), 1);
    assert_true(function_deadline_us(&f) == INT64_MAX);
}

/* Events that take no time, from a Poisson stream of rate r, meet a cold function when the gap
 * before them was longer than keep: with probability e^(-r * keep). */
static void test_function_is_cold_as_often_as_gaps_are_long(void **state)
{
    (void)state;
    static const double products[] = {0.1, 1, 3};
    enum { EVENTS = 200000 };
    struct rng rng;
    rng_init(&rng, 11);
    for (size_t k = 0; k < 3; k++) {
        struct function f = made(&usual);
        double now_us = 0;
        int starts = 0, runs = 0;
        for (uint32_t event = 0; event < EVENTS; event++) {
            now_us += rng_exp(&rng) * 1000 / products[k];
            int64_t at_us = (int64_t)now_us;
            while (function_next(&f, at_us).act == FUNCTION_STOP) /* what was due meanwhile */
                continue;
            assert_true(function_arrive(&f, event));
            struct function_do d;
            while ((d = function_next(&f, at_us)).act != FUNCTION_NOTHING) {
                starts += d.act == FUNCTION_START;
                if (d.act == FUNCTION_START)
                    function_ready(&f, d.instance, at_us);
                runs += d.act == FUNCTION_RUN;
                if (d.act == FUNCTION_RUN)
                    function_ended(&f, d.instance, at_us);
            }
        }
        assert_int_equal(runs, EVENTS);
        double p = fmath_exp(-products[k]), error = sqrt(p * (1 - p) / EVENTS);
        if (fabs((double)starts / EVENTS - p) > 5 * error + 0.002 * p) /* whole microseconds */
            fail_msg("rate * keep %g: cold %g, expected %g", products[k], (double)starts / EVENTS,
                     p);
    }
}

/* Whatever happens: an accepted event runs once, unless its instance died; bounds are kept. */
static void test_function_runs_every_accepted_event_once(void **state)
{
    (void)state;
    enum { EVENTS = 100000, INSTANCES = 7, CONCURRENCY = 3 };
    const struct function_opts opts = {.instances_max = INSTANCES,
                                       .concurrency = CONCURRENCY,
                                       .queue_max = 10,
                                       .keep_us = 300,
                                       .start_max_us = 200};
    struct function f = made(&opts);
    struct rng rng;
    rng_init(&rng, 5);
    uint32_t running[INSTANCES] = {0}, event = 0, refused = 0, lost = 0, next_event = 0;
    enum function_state is[INSTANCES] = {0};
    uint32_t *accepted = test_calloc(EVENTS, sizeof accepted[0]);
    uint32_t accepted_count = 0, ended = 0, stops = 0;
    for (int64_t now_us = 0; event < EVENTS; now_us += rng_below(&rng, 60)) {
        uint32_t what = rng_below(&rng, 10), who = rng_below(&rng, INSTANCES);
        if (what < 5) {
            if (function_arrive(&f, event))
                accepted[accepted_count++] = event;
            else
                refused++;
            event++;
        } else if (what < 7 && is[who] == FUNCTION_STARTING) {
            function_ready(&f, who, now_us);
            is[who] = FUNCTION_WARM;
        } else if (what < 9 && running[who] > 0) {
            function_ended(&f, who, now_us);
            running[who]--;
            ended++;
        } else if (what == 9 && rng_below(&rng, 4) == 0) {
            assert_int_equal(function_died(&f, who), running[who]);
            lost += running[who];
            running[who] = 0;
            is[who] = FUNCTION_OFF;
        }
        struct function_do d;
        while ((d = function_next(&f, now_us)).act != FUNCTION_NOTHING) {
            if (d.act == FUNCTION_START) {
                assert_int_equal(is[d.instance], FUNCTION_OFF);
                is[d.instance] = FUNCTION_STARTING;
            } else if (d.act == FUNCTION_STOP) {
                assert_true(is[d.instance] != FUNCTION_OFF && running[d.instance] == 0);
                is[d.instance] = FUNCTION_OFF;
                stops++;
            } else {
                assert_int_equal(is[d.instance], FUNCTION_WARM);
                assert_true(++running[d.instance] <= CONCURRENCY);
                assert_int_equal(d.event, accepted[next_event]); /* in order */
                next_event++;
            }
        }
        uint32_t count[3] = {0};
        for (uint32_t i = 0; i < INSTANCES; i++)
            count[is[i]]++;
        for (int s = FUNCTION_OFF; s <= FUNCTION_WARM; s++)
            assert_int_equal(function_count(&f, (enum function_state)s), count[s]);
    }
    uint32_t left = 0;
    for (uint32_t i = 0; i < INSTANCES; i++)
        left += running[i];
    assert_int_equal(next_event + function_waiting(&f), accepted_count);
    assert_int_equal(ended + lost + left, next_event);
    assert_true(refused > 100 && lost > 100 && stops > 100);
    test_free(accepted);
}

static void test_function_that_is_cleared_is_as_new(void **state)
{
    (void)state;
    struct function f = made(&usual);
    for (uint32_t event = 0; event < 3; event++)
        assert_true(function_arrive(&f, event));
    struct function_do d = function_next(&f, 0);
    assert_int_equal(d.act, FUNCTION_START);
    function_ready(&f, d.instance, 10);
    assert_does(&f, 10, FUNCTION_RUN, 0);
    function_clear(&f);
    assert_int_equal(function_count(&f, FUNCTION_OFF), 3);
    assert_int_equal(function_waiting(&f), 0);
    assert_true(function_deadline_us(&f) == INT64_MAX);
    function_ready(&f, d.instance, 20); /* of one that is gone */
    assert_does(&f, 20, FUNCTION_NOTHING, 0);
    for (uint32_t event = 5; event < 9; event++)
        assert_true(function_arrive(&f, event));
    d = function_next(&f, 30);
    assert_int_equal(d.act, FUNCTION_START);
    function_ready(&f, d.instance, 40);
    assert_does(&f, 40, FUNCTION_RUN, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_function_starts_cold_runs_and_stops_when_idle),
        cmocka_unit_test(test_function_that_is_cleared_is_as_new),
        cmocka_unit_test(test_function_starts_as_many_as_those_that_wait_need),
        cmocka_unit_test(test_function_runs_events_on_the_instance_used_last),
        cmocka_unit_test(test_function_gives_up_what_does_not_get_ready),
        cmocka_unit_test(test_function_keeps_its_least_warm),
        cmocka_unit_test(test_function_is_cold_as_often_as_gaps_are_long),
        cmocka_unit_test(test_function_runs_every_accepted_event_once),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
