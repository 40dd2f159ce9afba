/* The order pipeline on simulated time, under loss, doubles, crashes and delays: no order is lost
 * and none is doubled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "simulator/pipe.h"
#include "tests/pipes.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SEEDS = 40 };
#else
enum { SEEDS = 500 };
#endif

/* Short leases, so that some are over before the work is. */
#define STAGE(name, more) "\"" name "\": {\"lease\": \"60ms\", \"backoff\": \"20ms\", " more "}"
static const char
    shop
        [] =
            "{\"stages\": {" STAGE("authorise", "\"service\": \"customer\", \"undo\": "
                                                "\"unauthorise\","
                                                "\"needs_bytes\": 256, \"next\": [\"reserve\"]") "," STAGE("reserve",
                                                                                                           "\"service\": \"catalog\", \"undo\": \"release\", \"needs_bytes\": 512,"
                                                                                                           "\"spent\": \"undo\", \"next\": [\"split\"]") "," STAGE("split",
                                                                                                                                                                   "\"kind\": \"splitter\", \"next\": [\"pack\"]") "," STAGE("pack", "\"service\": \"vendor\", \"undo\": \"unpack\", \"next\": [\"ship\"]") "," STAGE("ship", "\"service\": \"vendor\", \"undo\": \"unship\", \"next\": [\"join\"]") "," STAGE("join", "\"kind\": \"join\", \"next\": [\"complete\"]") "," STAGE("complete", "\"tries\": 2") "," STAGE("unauthorise",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                       "\"service\": \"customer\"") "," STAGE("release",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              "\"service\": \"catalog\"") "," STAGE("unpack", "\"service\": \"vendor\"") "," STAGE("unship",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   "\"service\": \"vendor\"") "}}";
enum { AUTHORISE, RESERVE, SPLIT, PACK, SHIP, JOIN, COMPLETE };

static const struct pipe_opts calm = {
    .seed = 1,
    .orders_per_s = 50,
    .orders = 60,
    .orders_open_max = 60,
    .parts_max = 4,
    .hop_us = 1000,
    .resend_us = 20000,
    .repair_us = 200000,
    .store_us = 500,
    .store_parallel = 2,
    .coordinator_workers = 2,
    .coordinator_us = 1000,
};

static void run(struct pipe *p, const struct pipe_opts *opts, struct arena *a)
{
    struct error err;
    if (pipe_init(p, opts, a, &err) != 0 || pipe_run(p, INT64_C(3600000000), &err) != 0)
        fail_msg("seed %d: %s", (int)opts->seed, err.text);
    if (!pipe_over(p))
        fail_msg("seed %d: %u orders are stuck", (int)opts->seed, (unsigned)p->open);
}

/* What must be true at the end, whatever happened. */
static void assert_kept(const struct pipe *p)
{
    const struct pipe_count *c = &p->count;
    const struct pipe_stage_count *s = c->stage;
    int seed = (int)p->opts.seed;
    if (c->lost != 0 || c->doubled != 0 || c->torn != 0)
        fail_msg("seed %d: %d lost, %d doubled, %d torn", seed, (int)c->lost, (int)c->doubled,
                 (int)c->torn);
    assert_int_equal(c->placed + c->refused, p->opts.orders);
    assert_int_equal(c->complete + c->cancelled + c->dead, c->placed);
    /* Stock that is reserved is that of complete orders, and of those in the dead letters. */
    assert_int_equal(s[RESERVE].done - s[RESERVE].undone, c->complete + s[RESERVE].left_of_dead);
    assert_true(s[RESERVE].left_of_dead <= c->dead);
    assert_int_equal(s[RESERVE].done_of_complete, c->complete);
    assert_int_equal(s[COMPLETE].done, c->complete);
    assert_int_equal(s[PACK].done_of_complete, c->parts_of_complete);
    assert_int_equal(s[SHIP].done_of_complete, c->parts_of_complete);
}

static void add(struct pipe_count *sum, const struct pipe_count *c)
{
    sum->complete += c->complete;
    sum->cancelled += c->cancelled;
    sum->dead += c->dead;
    sum->again += c->again;
    sum->late += c->late;
    sum->expired += c->expired;
    sum->crashes += c->crashes;
    sum->failed += c->failed;
}

static void test_pipe_loses_and_doubles_no_order(void **state)
{
    (void)state;
    struct arena a = {0};
    struct pipeline_def def = pipes_define(shop, &a);
    struct pipe *p = test_malloc(sizeof *p);
    struct pipe_count sum = {0};
    const struct function_opts function = {
        .instances_max = 3, .keep_us = 50000, .start_max_us = 1000000};
    struct arena running = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct pipe_opts opts = calm;
        struct pipeline_def led = def;
        led.mode = seed % 2 ? PIPELINE_DIRECTED : PIPELINE_AUTONOMOUS;
        led.carry = seed / 2 % 2 ? PIPELINE_CARRY_REFERENCE : PIPELINE_CARRY_ALL;
        opts.def = &led;
        opts.seed = seed;
        opts.no = 0.03;
        opts.fail = 0.05;
        opts.cancel = 0.1;
        opts.cancel_in_us = 100000;
        opts.loss = 0.2;
        opts.twice = 0.1;
        opts.crash_per_s = 1.5;
        opts.hop_us = seed % 3 == 0 ? 30000 : 1000;
        opts.central = seed % 10 == 0;
        opts.poll_us = 20000;
        if (seed % 10 == 5)
            opts.function = &function;
        opts.cold_us = 30000;
        run(p, &opts, &running);
        assert_kept(p);
        add(&sum, &p->count);
        arena_reset(&running);
    }
    assert_true(sum.complete > 20 * SEEDS && sum.cancelled > SEEDS && sum.dead > SEEDS / 4);
    assert_true(sum.again > SEEDS && sum.late > SEEDS / 2 && sum.expired > SEEDS);
    assert_true(sum.crashes > SEEDS && sum.failed > SEEDS);
    test_free(p);
    arena_release(&running);
    arena_release(&a);
}

/* Whoever decides, whatever is carried, and whatever gets lost on the way: as long as no piece of
 * work is given up, the same becomes of every order. */
static void test_pipe_does_the_same_in_both_modes(void **state)
{
    (void)state;
    struct arena a = {0};
    struct pipeline_def def = pipes_define(shop, &a), led = def;
    for (size_t i = 0; i < def.stage_count; i++)
        def.stages[i].tries = 1000;
    led.mode = PIPELINE_DIRECTED;
    struct pipe *p = test_malloc(sizeof *p);
    struct pipe_opts opts = calm;
    opts.def = &def;
    opts.no = 0.05;
    opts.orders = opts.orders_open_max = 300;
    run(p, &opts, &a);
    assert_kept(p);
    struct pipe_count quiet = p->count;
    assert_true(quiet.cancelled > 30 && quiet.complete > 100);
    for (uint64_t replication = 1; replication <= 10; replication++) {
        struct arena running = {0};
        opts.def = replication % 2 ? &led : &def;
        led.carry = replication % 3 ? PIPELINE_CARRY_ALL : PIPELINE_CARRY_REFERENCE;
        opts.replication = replication;
        opts.loss = 0.2;
        opts.twice = 0.2;
        opts.fail = 0.05;
        opts.crash_per_s = 1;
        run(p, &opts, &running);
        assert_kept(p);
        assert_int_equal(p->count.complete, quiet.complete);
        assert_int_equal(p->count.cancelled, quiet.cancelled);
        for (size_t i = 0; i < def.stage_count; i++) {
            assert_int_equal(p->count.stage[i].done, quiet.stage[i].done);
            assert_int_equal(p->count.stage[i].undone, quiet.stage[i].undone);
        }
        arena_release(&running);
    }
    test_free(p);
    arena_release(&a);
}

static void test_pipe_gives_the_same_run_for_the_same_seed(void **state)
{
    (void)state;
    struct arena a = {0};
    struct pipeline_def def = pipes_define(shop, &a);
    struct pipe *p = test_malloc(sizeof *p), *q = test_malloc(sizeof *q);
    struct pipe_opts opts = calm;
    opts.def = &def;
    opts.loss = 0.1;
    opts.crash_per_s = 1;
    run(p, &opts, &a);
    run(q, &opts, &a);
    assert_memory_equal(&p->count, &q->count, sizeof p->count);
    opts.replication = 1;
    run(q, &opts, &a);
    assert_memory_not_equal(&p->count, &q->count, sizeof p->count);
    test_free(p);
    test_free(q);
    arena_release(&a);
}

static void test_pipe_says_when_it_is_full(void **state)
{
    (void)state;
    struct arena a = {0};
    struct pipeline_def def = pipes_define(shop, &a);
    struct pipe *p = test_malloc(sizeof *p);
    struct pipe_opts opts = calm;
    opts.def = &def;
    opts.orders_per_s = 100000;
    opts.orders_open_max = 10;
    run(p, &opts, &a);
    assert_kept(p);
    assert_true(p->count.refused >= 40 && p->count.placed >= 10);
    test_free(p);
    arena_release(&a);
}

/* ---- the story of one order ---- */

static char story[8192];
static size_t story_len;

static void tell(void *context, int64_t at_us, enum pipe_note note, uint64_t order,
                 const struct pipeline_message *m, uint32_t try)
{
    char line[PIPE_STORY];
    pipe_story(line, context, at_us, note, order, m, try);
    int n = snprintf(story + story_len, sizeof story - story_len, "%s\n", line);
    assert_true(n > 0 && (size_t)n < sizeof story - story_len);
    story_len += (size_t)n;
}

static void assert_story(const struct pipe_opts *opts, const char *want)
{
    struct arena a = {0};
    struct pipe *p = test_malloc(sizeof *p);
    story_len = 0;
    struct pipe_opts told = *opts;
    told.trace = tell;
    told.trace_context = (void *)(uintptr_t)opts->def;
    run(p, &told, &a);
    if (strcmp(story, want) != 0)
        fail_msg("the story is:\n%s", story);
    test_free(p);
    arena_release(&a);
}

/* One order among failures: a tenth of the tries fail, workers crash, messages get lost. */
static struct pipe_opts troubled(const struct pipeline_def *def, uint64_t seed, double no)
{
    return (struct pipe_opts){
        .def = def,
        .seed = seed,
        .orders_per_s = 1,
        .orders = 1,
        .orders_open_max = 1,
        .parts_max = 3,
        .fixed_times = true,
        .no = no,
        .fail = 0.08,
        .hop_us = 2000,
        .loss = 0.05,
        .resend_us = 100000,
        .crash_per_s = 0.3,
        .repair_us = 50000,
        .store_parallel = 1,
    };
}

static void test_pipe_story_of_an_order_that_goes_on_without_a_dead_worker(void **state)
{
    (void)state;
    struct arena a = {0};
    struct pipeline_def def = pipes_define(shop, &a);
    const struct pipe_opts opts = troubled(&def, 14, 0);
    assert_story(&opts, "[   0ms] order de-o-1 placed\n"
                        "[   0ms] order de-o-1 > authorise (try 1)\n"
                        "[  60ms] order de-o-1 ! authorise (try 1) is silent, its lease is over\n"
                        "[  72ms] order de-o-1 > authorise (try 2)\n"
                        "[  93ms] order de-o-1 > reserve (try 1)\n"
                        "[ 113ms] order de-o-1 > split (try 1)\n"
                        "[ 134ms] order de-o-1 > pack parcel 2 of 3 (try 1)\n"
                        "[ 136ms] order de-o-1 > pack parcel 1 of 3 (try 1)\n"
                        "[ 142ms] order de-o-1 > pack parcel 3 of 3 (try 1)\n"
                        "[ 158ms] order de-o-1 > ship parcel 2 of 3 (try 1)\n"
                        "[ 159ms] order de-o-1 > ship parcel 1 of 3 (try 1)\n"
                        "[ 178ms] order de-o-1 > ship parcel 3 of 3 (try 1)\n"
                        "[ 178ms] order de-o-1 > join parcel 2 of 3 (try 1)\n"
                        "[ 179ms] order de-o-1 > join parcel 1 of 3 (try 1)\n"
                        "[ 198ms] order de-o-1 > join parcel 3 of 3 (try 1)\n"
                        "[ 199ms] order de-o-1 ! join parcel 1 of 3 (try 1) has failed\n"
                        "[ 209ms] order de-o-1 > join parcel 1 of 3 (try 2)\n"
                        "[ 230ms] order de-o-1 > complete (try 1)\n"
                        "[ 234ms] order de-o-1 = pack parcel 2 of 3 came again\n"
                        "[ 250ms] order de-o-1 complete\n");
    arena_release(&a);
}

/* Parcel 1 cannot be shipped, nor can parcel 3; parcel 2, which was, comes back from the join. */
static void test_pipe_story_of_an_order_that_is_undone(void **state)
{
    (void)state;
    struct arena a = {0};
    struct pipeline_def def = pipes_define(shop, &a);
    const struct pipe_opts opts = troubled(&def, 15, 0.12);
    assert_story(&opts, "[   0ms] order de-o-1 placed\n"
                        "[   0ms] order de-o-1 > authorise (try 1)\n"
                        "[  20ms] order de-o-1 > reserve (try 1)\n"
                        "[  40ms] order de-o-1 > split (try 1)\n"
                        "[  61ms] order de-o-1 > pack parcel 2 of 3 (try 1)\n"
                        "[  61ms] order de-o-1 > pack parcel 1 of 3 (try 1)\n"
                        "[  62ms] order de-o-1 > pack parcel 3 of 3 (try 1)\n"
                        "[  81ms] order de-o-1 > ship parcel 2 of 3 (try 1)\n"
                        "[  82ms] order de-o-1 ! pack parcel 3 of 3 (try 1) has failed\n"
                        "[  86ms] order de-o-1 > ship parcel 1 of 3 (try 1)\n"
                        "[  95ms] order de-o-1 > pack parcel 3 of 3 (try 2)\n"
                        "[ 106ms] order de-o-1 > join parcel 2 of 3 (try 1)\n"
                        "[ 106ms] order de-o-1 > unpack parcel 1 of 3 (try 1)\n"
                        "[ 116ms] order de-o-1 > ship parcel 3 of 3 (try 1)\n"
                        "[ 126ms] order de-o-1 > join parcel 1 of 3 (try 1)\n"
                        "[ 138ms] order de-o-1 > unpack parcel 3 of 3 (try 1)\n"
                        "[ 158ms] order de-o-1 > join parcel 3 of 3 (try 1)\n"
                        "[ 179ms] order de-o-1 > unship parcel 2 of 3 (try 1)\n"
                        "[ 202ms] order de-o-1 > unpack parcel 2 of 3 (try 1)\n"
                        "[ 225ms] order de-o-1 > join parcel 2 of 3 (try 1)\n"
                        "[ 248ms] order de-o-1 > release (try 1)\n"
                        "[ 268ms] order de-o-1 ! release (try 1) has failed\n"
                        "[ 291ms] order de-o-1 > release (try 2)\n"
                        "[ 311ms] order de-o-1 ! release (try 2) has failed\n"
                        "[ 365ms] order de-o-1 > release (try 3)\n"
                        "[ 391ms] order de-o-1 > unauthorise (try 1)\n"
                        "[ 411ms] order de-o-1 cancelled, all is undone\n");
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipe_loses_and_doubles_no_order),
        cmocka_unit_test(test_pipe_does_the_same_in_both_modes),
        cmocka_unit_test(test_pipe_gives_the_same_run_for_the_same_seed),
        cmocka_unit_test(test_pipe_says_when_it_is_full),
        cmocka_unit_test(test_pipe_story_of_an_order_that_goes_on_without_a_dead_worker),
        cmocka_unit_test(test_pipe_story_of_an_order_that_is_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
