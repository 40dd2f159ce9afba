/* The order of simulator/engine.c and ladder.c against a plain heap that carries sequence numbers,
 * whatever the times, sizes and cancels. */
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

/* The reference: a binary heap on (time, sequence number). Stale entries stay until they are on
 * top. */
struct reference_entry {
    int64_t at;
    uint64_t sequence;
    uint32_t who;
    uint32_t kind;
    uint32_t generation;
};

struct reference {
    struct reference_entry *entry;
    size_t count;
    size_t count_max;
    uint64_t sequence;
};

static bool reference_before(const struct reference_entry *a, const struct reference_entry *b)
{
    return a->at != b->at ? a->at < b->at : a->sequence < b->sequence;
}

static void reference_push(struct reference *h, struct reference_entry entry)
{
    if (h->count == h->count_max) {
        h->count_max = h->count_max == 0 ? 1024 : 2 * h->count_max;
        h->entry = realloc(h->entry, h->count_max * sizeof *h->entry);
        assert_non_null(h->entry);
    }
    entry.sequence = h->sequence++;
    size_t i = h->count++;
    for (; i > 0 && reference_before(&entry, &h->entry[(i - 1) / 2]); i = (i - 1) / 2)
        h->entry[i] = h->entry[(i - 1) / 2];
    h->entry[i] = entry;
}

static void reference_drop(struct reference *h)
{
    struct reference_entry last = h->entry[--h->count];
    size_t i = 0;
    for (size_t child = 1; child < h->count; child = 2 * i + 1) {
        if (child + 1 < h->count && reference_before(&h->entry[child + 1], &h->entry[child]))
            child++;
        if (!reference_before(&h->entry[child], &last))
            break;
        h->entry[i] = h->entry[child];
        i = child;
    }
    h->entry[i] = last;
}

/* An engine and the reference, fed with the same events. The two kinds share generations. */
enum { TWIN_KINDS = 3, TWIN_ENTITIES = 4096, KIND_PLAIN = 2 };

struct entity {
    uint64_t other;
    uint32_t generation;
};

struct twin {
    struct engine engine;
    struct reference reference;
    struct arena arena;
    struct rng rng;
    struct entity entity[TWIN_ENTITIES];
    int64_t (*delay)(struct twin *t);
    size_t target; /* handlers keep about so many events waiting */
    uint64_t compared;
    uint64_t stop_at; /* of `compared` */
};

static void reference_clean(struct twin *t)
{
    struct reference *h = &t->reference;
    while (h->count > 0 && h->entry[0].kind != KIND_PLAIN &&
           h->entry[0].generation != t->entity[h->entry[0].who].generation)
        reference_drop(h);
}

static void twin_push(struct twin *t, int64_t at)
{
    uint32_t who = rng_below(&t->rng, TWIN_ENTITIES);
    uint32_t kind = rng_below(&t->rng, TWIN_KINDS);
    struct reference_entry entry = {
        .at = at, .who = who, .kind = kind, .generation = t->entity[who].generation};
    reference_push(&t->reference, entry);
    engine_at(&t->engine, at, kind, who);
}

static void twin_push_ahead(struct twin *t)
{
    int64_t delay = t->delay(t);
    twin_push(t, engine_now(&t->engine) + delay);
}

static void twin_compare(struct twin *t, const struct event *event)
{
    reference_clean(t);
    assert_true(t->reference.count > 0);
    struct reference_entry expected = t->reference.entry[0];
    reference_drop(&t->reference);
    assert_int_equal(event->at, expected.at);
    assert_int_equal(event->who, expected.who);
    assert_int_equal(event->kind, expected.kind);
    assert_int_equal(engine_now(&t->engine), expected.at);
    t->compared++;
}

static void twin_handle(void *world, const struct event *event)
{
    struct twin *t = world;
    twin_compare(t, event);
    unsigned births = t->reference.count < t->target ? 2 : 1;
    for (unsigned i = rng_below(&t->rng, 8) == 0 ? 0 : births; i > 0; i--)
        twin_push_ahead(t);
    if (t->compared >= t->stop_at)
        engine_stop(&t->engine);
}

static struct twin *twin_new(uint64_t seed, uint32_t pending_max)
{
    struct twin *t = calloc(1, sizeof *t);
    struct error err;
    assert_non_null(t);
    rng_init(&t->rng, seed);
    assert_int_equal(engine_init(&t->engine, &(struct engine_opts){pending_max}, &t->arena, &err),
                     0);
    uint32_t *generation = &t->entity[0].generation;
    engine_kind(&t->engine, 0, "wait", twin_handle, generation, sizeof t->entity[0]);
    engine_kind(&t->engine, 1, "timeout", twin_handle, generation, sizeof t->entity[0]);
    engine_kind(&t->engine, KIND_PLAIN, "plain", twin_handle, NULL, 0);
    return t;
}

static void twin_free(struct twin *t)
{
    arena_release(&t->arena);
    free(t->reference.entry);
    free(t);
}

static void twin_drain(struct twin *t)
{
    struct event event;
    while (engine_next(&t->engine, &event))
        twin_compare(t, &event);
    reference_clean(t);
    assert_int_equal(t->reference.count, 0);
    assert_int_equal(engine_pending(&t->engine), 0);
}

static int64_t delay_uniform(struct twin *t)
{
    return rng_below(&t->rng, 1000000);
}

static int64_t delay_exponential(struct twin *t)
{
    return (int64_t)(rng_exp(&t->rng) * 1e9);
}

static int64_t delay_few_ticks(struct twin *t)
{
    return rng_below(&t->rng, 4);
}

static int64_t delay_none(struct twin *t)
{
    return rng_below(&t->rng, 64) == 0;
}

static int64_t delay_constant(struct twin *t)
{
    (void)t;
    return 1000;
}

static int64_t delay_bimodal(struct twin *t)
{
    int64_t base = rng_below(&t->rng, 10) == 0 ? INT64_C(60000000000) : 0;
    return base + rng_below(&t->rng, 2000);
}

static int64_t delay_far_apart(struct twin *t)
{
    return INT64_C(1000000000) * rng_below(&t->rng, 100000);
}

/* A tick, a second and thirty years, each a billion times as long as the one before. */
static int64_t delay_three_scales(struct twin *t)
{
    static const int64_t scale[] = {1, INT64_C(1000000000), INT64_C(1000000000000000000)};
    uint32_t which = rng_below(&t->rng, 1000);
    return scale[which < 500   ? 0
                 : which < 998 ? 1
                               : 2] *
               rng_below(&t->rng, 2) +
           rng_below(&t->rng, 2);
}

/* Any number of bits as likely as any other: clusters within clusters. */
static int64_t delay_any_scale(struct twin *t)
{
    uint64_t bits = rng_u64(&t->rng);
    return (int64_t)(bits >> (10 + rng_below(&t->rng, 54)));
}

/* Round times, as people write them in a scenario. */
static int64_t delay_to_round_times(struct twin *t)
{
    int64_t now = engine_now(&t->engine);
    int64_t step = rng_below(&t->rng, 2) ? 1000000 : 60000000;
    int64_t steps = rng_below(&t->rng, 3);
    return step - now % step + step * steps;
}

static int64_t (*const delays[])(struct twin *) = {
    delay_uniform,  delay_exponential, delay_few_ticks, delay_none,
    delay_constant, delay_bimodal,     delay_far_apart, delay_to_round_times,
};

static int64_t delay_mixed(struct twin *t)
{
    return delays[rng_below(&t->rng, sizeof delays / sizeof *delays)](t);
}

static void twin_run(struct twin *t, int64_t until)
{
    enum engine_end end = engine_run(&t->engine, t, until);
    reference_clean(t);
    if (end == ENGINE_STOPPED) {
        assert_true(t->compared >= t->stop_at);
    } else if (end == ENGINE_EMPTY) {
        assert_int_equal(t->reference.count, 0);
    } else {
        assert_int_equal(end, ENGINE_TIME);
        assert_int_equal(engine_now(&t->engine), until);
        assert_true(t->reference.count == 0 || t->reference.entry[0].at > until);
    }
}

/* A life in phases: loads, pops, runs to some time, cancels; sizes grow and shrink. */
static void twin_live(struct twin *t, uint32_t size)
{
    for (int phase = 0; phase < 40; phase++) {
        struct event event;
        uint32_t action = rng_below(&t->rng, 5);
        uint32_t count = rng_below(&t->rng, size) + 1;
        t->target = rng_below(&t->rng, size);
        if (action == 0) {
            for (uint32_t i = 0; i < count; i++)
                twin_push_ahead(t);
        } else if (action == 1) {
            for (uint32_t i = 0; i < count && engine_next(&t->engine, &event); i++)
                twin_compare(t, &event);
        } else if (action == 2) {
            for (uint32_t i = 0; i < count; i++)
                engine_cancel(&t->engine, 0, rng_below(&t->rng, TWIN_ENTITIES));
        } else {
            t->stop_at = t->compared + size;
            for (int i = 0; i < 20 && t->compared < t->stop_at; i++) {
                twin_run(t, engine_now(&t->engine) + t->delay(t) / (action == 3 ? 1 : 64));
                for (uint32_t k = rng_below(&t->rng, 100); k > 0; k--)
                    twin_push_ahead(t);
            }
        }
    }
    twin_drain(t);
}

static void live_with(int64_t (*delay)(struct twin *))
{
    static const uint32_t sizes[] = {3, 40, 150, 1000, 20000};
    for (uint64_t seed = 1; seed <= 8; seed++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            struct twin *t = twin_new(seed * 100 + i, 40 * sizes[i] + 10000);
            t->delay = delay;
            twin_live(t, sizes[i]);
            twin_free(t);
        }
    }
}

static void test_engine_keeps_order_with_uniform_times(void **state)
{
    (void)state;
    live_with(delay_uniform);
}

static void test_engine_keeps_order_with_exponential_times(void **state)
{
    (void)state;
    live_with(delay_exponential);
}

static void test_engine_keeps_order_with_near_and_far_times(void **state)
{
    (void)state;
    live_with(delay_bimodal);
}

static void test_engine_keeps_order_with_times_seconds_apart(void **state)
{
    (void)state;
    live_with(delay_far_apart);
}

/* All are there at once and what is handed out has no children: time would leave 63 bits. */
static void test_engine_keeps_order_with_scales_a_billion_apart(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct twin *t = twin_new(seed, 200000);
        struct event event;
        t->delay = delay_three_scales;
        for (int i = 0; i < 100000; i++)
            twin_push_ahead(t);
        for (int i = 0; i < 40000; i++) { /* these have, and are near */
            assert_true(engine_next(&t->engine, &event));
            twin_compare(t, &event);
            twin_push(t, engine_now(&t->engine) + (i % 3 == 0 ? 1 : INT64_C(1000000000)));
        }
        twin_drain(t);
        assert_true(engine_now(&t->engine) >= INT64_C(1000000000000000000));
        twin_free(t);
    }
}

static void test_engine_keeps_order_with_times_of_every_scale(void **state)
{
    (void)state;
    live_with(delay_any_scale);
}

static void test_engine_keeps_order_with_constant_delays(void **state)
{
    (void)state;
    live_with(delay_constant);
}

static void test_engine_keeps_order_with_all_of_these_mixed(void **state)
{
    (void)state;
    live_with(delay_mixed);
}

static void test_engine_equal_times_come_in_scheduling_order(void **state)
{
    (void)state;
    live_with(delay_none);
    live_with(delay_few_ticks);
    live_with(delay_to_round_times);
}

static void test_engine_takes_a_million_before_the_first_is_handed_out(void **state)
{
    (void)state;
    static int64_t (*const loads[])(struct twin *) = {delay_uniform, delay_exponential, delay_none,
                                                      delay_any_scale};
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        struct twin *t = twin_new(i, 1000000);
        t->delay = loads[i];
        for (int k = 0; k < 1000000; k++)
            twin_push_ahead(t);
        assert_int_equal(engine_pending(&t->engine), 1000000);
        twin_drain(t);
        twin_free(t);
    }
}

static void test_engine_takes_times_that_run_backwards(void **state)
{
    (void)state;
    struct twin *t = twin_new(1, 1000000);
    for (int64_t at = 400000; at > 300000; at--)
        twin_push(t, at);
    for (int64_t at = 300000; at > 0; at--) {
        twin_push(t, at);
        if (at % 70 == 0) /* looks ahead, and so fixes the bottom */
            assert_int_equal(engine_run(&t->engine, t, 0), ENGINE_TIME);
    }
    twin_drain(t);
    twin_free(t);
}

static void test_engine_takes_one_far_event_among_many_near(void **state)
{
    (void)state;
    struct twin *t = twin_new(1, 100000);
    twin_push(t, INT64_MAX - 1);
    t->delay = delay_few_ticks;
    t->target = 1000;
    t->stop_at = 300000;
    for (int i = 0; i < 1000; i++)
        twin_push_ahead(t);
    assert_int_equal(engine_run(&t->engine, t, INT64_MAX), ENGINE_STOPPED);
    assert_true(engine_now(&t->engine) < 10000);
    t->delay = delay_uniform;
    t->stop_at = 600000;
    assert_int_equal(engine_run(&t->engine, t, INT64_MAX), ENGINE_STOPPED);
    twin_drain(t);
    assert_int_equal(engine_now(&t->engine), INT64_MAX - 1);
    twin_free(t);
}

static void test_engine_handles_storms_at_one_time(void **state)
{
    (void)state;
    struct twin *t = twin_new(1, 100000);
    t->delay = delay_none;
    for (uint32_t wave = 0; wave < 300; wave++) {
        int64_t now = engine_now(&t->engine);
        for (uint32_t i = 0; i < 500; i++)
            twin_push(t, now + (wave % 3 == 0));
        twin_push(t, INT64_C(1000000) * 1000);
        /* Few are left of each wave, and the next comes in the middle of them. */
        struct event event;
        for (uint32_t i = 0; i < 495; i++) {
            assert_true(engine_next(&t->engine, &event));
            twin_compare(t, &event);
        }
    }
    twin_drain(t);
    twin_free(t);
}

/* Handed out one by one, with more of the same time pushed in between. */
static void test_engine_keeps_the_order_of_a_hundred_thousand_at_one_time(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    for (int64_t at = 0; at <= INT64_C(1000000000000); at += INT64_C(1000000000000)) {
        struct twin *t = twin_new(1, 2 * COUNT);
        struct event event;
        for (uint32_t i = 0; i < COUNT; i++)
            engine_at(&t->engine, at, KIND_PLAIN, i);
        for (uint32_t i = 0; i < 2 * COUNT; i++) {
            assert_true(engine_next(&t->engine, &event));
            assert_int_equal(event.who, i);
            assert_int_equal(event.at, at);
            if (i < COUNT)
                engine_at(&t->engine, at, KIND_PLAIN, COUNT + i);
        }
        assert_false(engine_next(&t->engine, &event));
        twin_free(t);
    }
}

/* Every entity is armed anew a hundred times: its old event is stale, its last one must come. In
 * the ladder there are never many more than twice the live ones. */
static void test_engine_storm_of_cancels_leaves_the_live_ones_in_order(void **state)
{
    (void)state;
    struct twin *t = twin_new(1, TWIN_ENTITIES);
    size_t bytes = arena_bytes(&t->arena);
    for (int64_t i = 0; i < 100 * TWIN_ENTITIES; i++) {
        uint32_t who = (uint32_t)(i % TWIN_ENTITIES);
        if (i >= TWIN_ENTITIES)
            engine_cancel(&t->engine, 0, who);
        int64_t at = delay_exponential(t) + 1000;
        engine_at(&t->engine, at, 0, who);
        if (i >= 99 * TWIN_ENTITIES)
            reference_push(&t->reference,
                           (struct reference_entry){
                               .at = at, .who = who, .generation = t->entity[who].generation});
        assert_false(engine_is_full(&t->engine));
        assert_true(t->engine.ladder.held <= 2 * (TWIN_ENTITIES + ENGINE_STALE_FREE));
    }
    assert_int_equal(engine_pending(&t->engine), TWIN_ENTITIES);
    assert_int_equal(arena_bytes(&t->arena), bytes);
    twin_drain(t);
    assert_int_equal(t->compared, TWIN_ENTITIES);
    twin_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_keeps_order_with_uniform_times),
        cmocka_unit_test(test_engine_keeps_order_with_exponential_times),
        cmocka_unit_test(test_engine_keeps_order_with_near_and_far_times),
        cmocka_unit_test(test_engine_keeps_order_with_times_seconds_apart),
        cmocka_unit_test(test_engine_keeps_order_with_scales_a_billion_apart),
        cmocka_unit_test(test_engine_keeps_order_with_times_of_every_scale),
        cmocka_unit_test(test_engine_keeps_order_with_constant_delays),
        cmocka_unit_test(test_engine_keeps_order_with_all_of_these_mixed),
        cmocka_unit_test(test_engine_equal_times_come_in_scheduling_order),
        cmocka_unit_test(test_engine_takes_a_million_before_the_first_is_handed_out),
        cmocka_unit_test(test_engine_takes_times_that_run_backwards),
        cmocka_unit_test(test_engine_takes_one_far_event_among_many_near),
        cmocka_unit_test(test_engine_handles_storms_at_one_time),
        cmocka_unit_test(test_engine_keeps_the_order_of_a_hundred_thousand_at_one_time),
        cmocka_unit_test(test_engine_storm_of_cancels_leaves_the_live_ones_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
