/* Tests of simulator/engine.c: cancelling, and how a run ends. The order is test_engine_order.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "simulator/engine.h"

struct entity {
    uint64_t other;
    uint32_t generation;
};

struct timer_world {
    struct engine engine;
    struct arena arena;
    struct entity timer[100];
    uint32_t fired;
    uint32_t timeouts;
};

enum { TIMER_ANSWER, TIMER_TIMEOUT, TIMER_OTHER };

static void timer_answer(void *world, const struct event *event)
{
    struct timer_world *w = world;
    w->fired++;
    engine_cancel(&w->engine, TIMER_TIMEOUT, event->who);
}

static void timer_timeout(void *world, const struct event *event)
{
    struct timer_world *w = world;
    w->timeouts++;
    engine_cancel(&w->engine, TIMER_ANSWER, event->who);
}

static void timer_other(void *world, const struct event *event)
{
    (void)event;
    struct timer_world *w = world;
    w->fired++;
}

static struct timer_world *timer_new(uint32_t pending_max)
{
    struct timer_world *w = calloc(1, sizeof *w);
    struct error err;
    assert_non_null(w);
    assert_int_equal(engine_init(&w->engine, &(struct engine_opts){pending_max}, &w->arena, &err),
                     0);
    uint32_t *generation = &w->timer[0].generation;
    size_t stride = sizeof w->timer[0];
    engine_kind(&w->engine, TIMER_ANSWER, "answer", timer_answer, generation, stride);
    engine_kind(&w->engine, TIMER_TIMEOUT, "timeout", timer_timeout, generation, stride);
    engine_kind(&w->engine, TIMER_OTHER, "other", timer_other, NULL, 0);
    return w;
}

static void timer_free(struct timer_world *w)
{
    arena_release(&w->arena);
    free(w);
}

static void test_engine_wait_that_ends_leaves_no_stale_timeout(void **state)
{
    (void)state;
    struct timer_world *w = timer_new(100);
    engine_after(&w->engine, 1000, TIMER_TIMEOUT, 7);
    engine_after(&w->engine, 20, TIMER_ANSWER, 7);
    engine_after(&w->engine, 1000, TIMER_TIMEOUT, 8);
    engine_after(&w->engine, 2000, TIMER_ANSWER, 8);
    assert_int_equal(engine_pending(&w->engine), 4);
    assert_int_equal(engine_run(&w->engine, w, 999), ENGINE_TIME);
    assert_int_equal(w->fired, 1);
    assert_int_equal(engine_pending(&w->engine), 2);
    /* Slot 7 is in use again when the first timeout would have come. */
    engine_after(&w->engine, 1000, TIMER_TIMEOUT, 7);
    assert_int_equal(engine_run(&w->engine, w, 1500), ENGINE_TIME);
    assert_int_equal(w->timeouts, 1);
    assert_int_equal(engine_run(&w->engine, w, 5000), ENGINE_EMPTY);
    assert_int_equal(w->timeouts, 2);
    assert_int_equal(w->fired, 1);
    assert_int_equal(engine_handled(&w->engine), 3);
    timer_free(w);
}

/* A hundred customers wait for answers, each with a timeout beside it, and wait again as soon as
 * one of the two has come: exactly one of them, and the earlier. */
enum { WAITS_EACH = 3000 };

struct wait_world {
    struct timer_world timers;
    struct rng rng;
    int64_t answer_at[100], timeout_at[100];
    uint32_t begun[100];
    uint32_t answers, timeouts;
};

static void wait_begin(struct wait_world *w, uint32_t who)
{
    struct engine *e = &w->timers.engine;
    if (w->begun[who]++ == WAITS_EACH)
        return;
    w->answer_at[who] = engine_now(e) + 1 + rng_below(&w->rng, 200);
    w->timeout_at[who] = engine_now(e) + 100;
    engine_at(e, w->answer_at[who], TIMER_ANSWER, who);
    engine_at(e, w->timeout_at[who], TIMER_TIMEOUT, who);
}

static void wait_answer(void *world, const struct event *event)
{
    struct wait_world *w = world;
    assert_int_equal(event->at, w->answer_at[event->who]);
    assert_true(event->at <= w->timeout_at[event->who]);
    w->answers++;
    engine_cancel(&w->timers.engine, TIMER_TIMEOUT, event->who);
    wait_begin(w, event->who);
}

static void wait_timeout(void *world, const struct event *event)
{
    struct wait_world *w = world;
    assert_int_equal(event->at, w->timeout_at[event->who]);
    assert_true(event->at < w->answer_at[event->who]);
    w->timeouts++;
    engine_cancel(&w->timers.engine, TIMER_ANSWER, event->who);
    wait_begin(w, event->who);
}

static void test_engine_wait_beside_a_timeout_ends_once_and_by_the_earlier(void **state)
{
    (void)state;
    struct wait_world *w = calloc(1, sizeof *w);
    struct error err;
    assert_non_null(w);
    struct engine *e = &w->timers.engine;
    uint32_t *generation = &w->timers.timer[0].generation;
    size_t stride = sizeof w->timers.timer[0];
    assert_int_equal(engine_init(e, &(struct engine_opts){200}, &w->timers.arena, &err), 0);
    engine_kind(e, TIMER_ANSWER, "answer", wait_answer, generation, stride);
    engine_kind(e, TIMER_TIMEOUT, "timeout", wait_timeout, generation, stride);
    rng_init(&w->rng, 1);
    for (uint32_t who = 0; who < 100; who++)
        wait_begin(w, who);
    assert_int_equal(engine_run(e, w, INT64_MAX), ENGINE_EMPTY);
    assert_int_equal(w->answers + w->timeouts, 100 * WAITS_EACH);
    assert_int_equal(engine_handled(e), 100 * WAITS_EACH);
    assert_true(w->answers > 40 * WAITS_EACH && w->timeouts > 40 * WAITS_EACH);
    arena_release(&w->timers.arena);
    free(w);
}

static void test_engine_storm_of_cancels_stays_in_bounded_memory(void **state)
{
    (void)state;
    struct timer_world *w = timer_new(100);
    for (int64_t i = 0; i < 1000000; i++) {
        uint32_t who = (uint32_t)(i % 100);
        engine_after(&w->engine, 1000000 + i, TIMER_TIMEOUT, who);
        if (i >= 99)
            engine_cancel(&w->engine, TIMER_TIMEOUT, (uint32_t)((i + 1) % 100));
        assert_false(engine_is_full(&w->engine));
    }
    assert_int_equal(engine_pending(&w->engine), 99);
    assert_int_equal(engine_run(&w->engine, w, INT64_MAX), ENGINE_EMPTY);
    assert_int_equal(w->timeouts, 99);
    timer_free(w);
}

static void test_engine_generation_moved_by_hand_cancels_too(void **state)
{
    (void)state;
    struct timer_world *w = timer_new(100);
    for (int64_t i = 0; i < 100000; i++) {
        engine_after(&w->engine, 1000000 + i, TIMER_TIMEOUT, 5);
        w->timer[5].generation++;
    }
    assert_false(engine_is_full(&w->engine));
    engine_after(&w->engine, 30, TIMER_TIMEOUT, 5);
    assert_int_equal(engine_run(&w->engine, w, INT64_MAX), ENGINE_EMPTY);
    assert_int_equal(w->timeouts, 1);
    timer_free(w);
}

static void test_engine_cancel_with_nothing_waiting_does_no_harm(void **state)
{
    (void)state;
    struct timer_world *w = timer_new(100);
    for (int i = 0; i < 100000; i++)
        engine_cancel(&w->engine, TIMER_TIMEOUT, 1);
    engine_after(&w->engine, 10, TIMER_OTHER, 1);
    engine_after(&w->engine, 10, TIMER_TIMEOUT, 2);
    for (int i = 0; i < 100000; i++)
        engine_cancel(&w->engine, TIMER_TIMEOUT, 1);
    engine_sweep(&w->engine);
    assert_int_equal(engine_pending(&w->engine), 2);
    for (int i = 0; i < 10; i++)
        engine_cancel(&w->engine, TIMER_TIMEOUT, 1);
    assert_int_equal(engine_run(&w->engine, w, 5), ENGINE_TIME);
    assert_int_equal(engine_run(&w->engine, w, 50), ENGINE_EMPTY);
    assert_int_equal(w->fired, 1);
    assert_int_equal(w->timeouts, 1);
    timer_free(w);
}

static void test_engine_starts_over_when_all_is_cancelled(void **state)
{
    (void)state;
    struct timer_world *w = timer_new(1000);
    for (uint32_t cycle = 0; cycle < 200; cycle++) {
        for (uint32_t i = 0; i < 500; i++) {
            engine_at(&w->engine, 1 + INT64_C(1000003) * i * i, TIMER_TIMEOUT, i % 100);
            if (i == 200) /* looks ahead, and hands down what is near */
                assert_int_equal(engine_run(&w->engine, w, 0), ENGINE_TIME);
        }
        for (uint32_t i = 0; i < 100; i++)
            engine_cancel(&w->engine, TIMER_TIMEOUT, i);
        if (cycle % 2 == 0)
            engine_sweep(&w->engine);
        assert_int_equal(engine_run(&w->engine, w, INT64_MAX), ENGINE_EMPTY);
        assert_int_equal(engine_now(&w->engine), 0);
    }
    assert_int_equal(w->timeouts, 0);
    timer_free(w);
}

static void test_engine_is_empty_when_only_cancelled_events_are_left(void **state)
{
    (void)state;
    struct timer_world *w = timer_new(100);
    for (uint32_t i = 0; i < 10; i++) {
        engine_after(&w->engine, 1000 + i, TIMER_TIMEOUT, i);
        engine_cancel(&w->engine, TIMER_TIMEOUT, i);
    }
    assert_int_equal(engine_run(&w->engine, w, 100), ENGINE_EMPTY);
    assert_int_equal(engine_now(&w->engine), 0);
    timer_free(w);
}

/* How a run ends. */

static void test_engine_stops_when_the_pool_is_full(void **state)
{
    (void)state;
    for (uint32_t pending_max = 1; pending_max < 1000; pending_max = pending_max * 3 + 1) {
        struct timer_world *w = timer_new(pending_max);
        for (uint32_t i = 0; i < pending_max; i++)
            engine_after(&w->engine, i, TIMER_OTHER, i);
        assert_int_equal(engine_run(&w->engine, w, 0),
                         pending_max > 1 ? ENGINE_TIME : ENGINE_EMPTY);
        engine_after(&w->engine, 5, TIMER_OTHER, 0);
        assert_false(engine_is_full(&w->engine));
        engine_after(&w->engine, 5, TIMER_OTHER, 0);
        assert_true(engine_is_full(&w->engine));
        assert_int_equal(engine_run(&w->engine, w, INT64_MAX), ENGINE_FULL);
        assert_int_equal(engine_run(&w->engine, w, INT64_MAX), ENGINE_FULL);
        assert_int_equal(w->fired, 1);
        timer_free(w);
    }
}

static void breed(void *world, const struct event *event)
{
    struct timer_world *w = world;
    engine_after(&w->engine, 1, event->kind, 0);
    engine_after(&w->engine, 3, event->kind, 0);
}

static void test_engine_ends_a_model_that_grows_without_bound(void **state)
{
    (void)state;
    struct timer_world *w = timer_new(10000);
    engine_kind(&w->engine, 9, "breed", breed, NULL, 0);
    engine_after(&w->engine, 1, 9, 0);
    assert_int_equal(engine_run(&w->engine, w, INT64_MAX), ENGINE_FULL);
    assert_int_equal(engine_pending(&w->engine), 10000);
    timer_free(w);
}

static void test_engine_until_is_inclusive_and_moves_the_time(void **state)
{
    (void)state;
    struct timer_world *w = timer_new(100);
    engine_at(&w->engine, 10, TIMER_OTHER, 0);
    engine_at(&w->engine, 20, TIMER_OTHER, 0);
    engine_at(&w->engine, 21, TIMER_OTHER, 0);
    assert_int_equal(engine_run(&w->engine, w, 20), ENGINE_TIME);
    assert_int_equal(w->fired, 2);
    assert_int_equal(engine_now(&w->engine), 20);
    engine_after(&w->engine, 0, TIMER_OTHER, 0); /* before what was looked at already */
    assert_int_equal(engine_run(&w->engine, w, 20), ENGINE_TIME);
    assert_int_equal(w->fired, 3);
    assert_int_equal(engine_run(&w->engine, w, 100), ENGINE_EMPTY);
    assert_int_equal(engine_now(&w->engine), 21);
    timer_free(w);
}

struct chain_world {
    struct engine engine;
    struct arena arena;
    uint32_t order[8];
    uint32_t count;
};

static void chain_step(void *world, const struct event *event)
{
    struct chain_world *w = world;
    w->order[w->count++] = event->who;
    if (event->who == 0) {
        engine_after(&w->engine, 0, 0, 10);
        engine_at(&w->engine, engine_now(&w->engine), 0, 11);
    } else if (event->who == 10) {
        engine_after(&w->engine, 0, 0, 12);
    } else if (event->who == 12) {
        engine_stop(&w->engine);
    }
}

static void test_engine_events_at_now_come_after_those_that_wait(void **state)
{
    (void)state;
    struct chain_world w = {0};
    struct error err;
    assert_int_equal(engine_init(&w.engine, &(struct engine_opts){100}, &w.arena, &err), 0);
    engine_kind(&w.engine, 0, "step", chain_step, NULL, 0);
    assert_string_equal(engine_kind_name(&w.engine, 0), "step");
    for (uint32_t i = 0; i < 3; i++)
        engine_at(&w.engine, 5, 0, i);
    engine_at(&w.engine, 6, 0, 20);
    assert_int_equal(engine_run(&w.engine, &w, INT64_MAX), ENGINE_STOPPED);
    static const uint32_t expected[] = {0, 1, 2, 10, 11, 12};
    assert_int_equal(w.count, 6);
    assert_memory_equal(w.order, expected, sizeof expected);
    assert_int_equal(engine_now(&w.engine), 5);
    assert_int_equal(engine_run(&w.engine, &w, INT64_MAX), ENGINE_EMPTY);
    assert_int_equal(w.order[6], 20);
    arena_release(&w.arena);
}

static void test_engine_never_schedules_what_never_comes(void **state)
{
    (void)state;
    struct timer_world *w = timer_new(100);
    engine_at(&w->engine, 100, TIMER_OTHER, 0);
    engine_at(&w->engine, INT64_MAX, TIMER_OTHER, 0);
    assert_int_equal(engine_run(&w->engine, w, 200), ENGINE_EMPTY);
    engine_after(&w->engine, INT64_MAX - 50, TIMER_OTHER, 0);
    engine_after(&w->engine, INT64_MAX, TIMER_OTHER, 0);
    assert_int_equal(engine_pending(&w->engine), 0);
    timer_free(w);
}

static void test_engine_knows_when_the_next_live_event_is(void **state)
{
    (void)state;
    struct timer_world *w = timer_new(100);
    assert_true(engine_next_at(&w->engine) == INT64_MAX);
    engine_at(&w->engine, 50, TIMER_ANSWER, 0);
    engine_at(&w->engine, 70000, TIMER_OTHER, 0);
    assert_int_equal(engine_next_at(&w->engine), 50);
    assert_int_equal(engine_now(&w->engine), 0);
    engine_at(&w->engine, 20, TIMER_OTHER, 0); /* before one that was looked at */
    assert_int_equal(engine_next_at(&w->engine), 20);
    assert_int_equal(engine_run(&w->engine, w, 20), ENGINE_TIME);
    engine_cancel(&w->engine, TIMER_ANSWER, 0);
    assert_int_equal(engine_next_at(&w->engine), 70000);
    assert_int_equal(engine_pending(&w->engine), 1);
    engine_pass(&w->engine, 60000);
    engine_after(&w->engine, 1, TIMER_OTHER, 0);
    assert_int_equal(engine_next_at(&w->engine), 60001);
    assert_int_equal(engine_run(&w->engine, w, INT64_MAX), ENGINE_EMPTY);
    engine_pass(&w->engine, 80000);
    assert_int_equal(engine_now(&w->engine), 80000);
    assert_int_equal(w->fired, 3);
    timer_free(w);
}

static void test_engine_refuses_sizes_out_of_range(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct engine e;
    struct error err;
    assert_int_equal(engine_init(&e, &(struct engine_opts){0}, &arena, &err), -1);
    assert_int_equal(err.code, ERR_RANGE);
    struct engine_opts opts = {ENGINE_PENDING_MAX + 1};
    assert_int_equal(engine_init(&e, &opts, &arena, &err), -1);
    assert_int_equal(err.code, ERR_RANGE);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_wait_that_ends_leaves_no_stale_timeout),
        cmocka_unit_test(test_engine_wait_beside_a_timeout_ends_once_and_by_the_earlier),
        cmocka_unit_test(test_engine_storm_of_cancels_stays_in_bounded_memory),
        cmocka_unit_test(test_engine_generation_moved_by_hand_cancels_too),
        cmocka_unit_test(test_engine_cancel_with_nothing_waiting_does_no_harm),
        cmocka_unit_test(test_engine_starts_over_when_all_is_cancelled),
        cmocka_unit_test(test_engine_is_empty_when_only_cancelled_events_are_left),
        cmocka_unit_test(test_engine_stops_when_the_pool_is_full),
        cmocka_unit_test(test_engine_ends_a_model_that_grows_without_bound),
        cmocka_unit_test(test_engine_until_is_inclusive_and_moves_the_time),
        cmocka_unit_test(test_engine_events_at_now_come_after_those_that_wait),
        cmocka_unit_test(test_engine_never_schedules_what_never_comes),
        cmocka_unit_test(test_engine_knows_when_the_next_live_event_is),
        cmocka_unit_test(test_engine_refuses_sizes_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
