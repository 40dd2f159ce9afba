/* Tests of region/work.h: who holds a piece of work, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "region/work.h"

static const struct work_opts opts = {
    .tries_max = 3, .lease_us = 1000, .backoff_us = 100, .backoff_max_us = 10000};

static void test_work_is_held_by_one_try_until_its_lease_is_over(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    struct work w = work_ready(50);
    assert_false(work_is_ready(&w, 49));
    assert_true(work_is_ready(&w, 50));
    uint32_t first = work_take(&w, &opts, 50);
    assert_false(work_is_ready(&w, 60));
    assert_true(work_holds(&w, first, 1049));
    assert_false(work_holds(&w, first, 1050));
    assert_false(work_holds(&w, first + 1, 60));
    assert_false(work_expire(&w, &opts, 1049, &rng));
    assert_true(work_expire(&w, &opts, 1050, &rng));
    assert_in_range(w.at_us, 1100, 1200); /* 100 us, give or take half */
    uint32_t second = work_take(&w, &opts, 2000);
    assert_true(second != first);
    struct work before = w;
    assert_false(work_finish(&w, first, 2001)); /* the late worker changes nothing */
    assert_false(work_fail(&w, &opts, first, 2001, &rng));
    assert_false(work_extend(&w, &opts, first, 2001));
    assert_false(work_give_back(&w, first, 2001));
    assert_memory_equal(&w, &before, sizeof w);
    assert_true(work_finish(&w, second, 2999));
    assert_false(work_finish(&w, second, 2999));
    assert_int_equal(w.state, WORK_DONE);
}

static void test_work_lease_is_prolonged_by_its_holder(void **state)
{
    (void)state;
    struct work w = work_ready(0);
    uint32_t try = work_take(&w, &opts, 0);
    for (int64_t now_us = 900; now_us <= 9000; now_us += 900)
        assert_true(work_extend(&w, &opts, try, now_us));
    assert_true(work_finish(&w, try, 9999));
}

static void test_work_is_dead_after_its_tries(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    struct work w = work_ready(0);
    int64_t now_us = 0;
    for (uint32_t i = 1; i <= opts.tries_max; i++) {
        assert_int_equal(w.state, WORK_READY);
        now_us = w.at_us;
        uint32_t try = work_take(&w, &opts, now_us);
        if (i == 2) /* it does not matter how a try ends */
            assert_true(work_expire(&w, &opts, now_us += opts.lease_us, &rng));
        else
            assert_true(work_fail(&w, &opts, try, now_us, &rng));
    }
    assert_int_equal(w.state, WORK_DEAD);
    assert_false(work_expire(&w, &opts, INT64_MAX, &rng));
    work_revive(&w, now_us);
    for (uint32_t i = 1; i <= opts.tries_max; i++) {
        assert_int_equal(w.state, WORK_READY);
        uint32_t try = work_take(&w, &opts, w.at_us);
        assert_true(try > opts.tries_max); /* no late worker of before is meant */
        assert_true(work_fail(&w, &opts, try, w.at_us - 1, &rng));
    }
    assert_int_equal(w.state, WORK_DEAD);
}

static void test_work_given_back_costs_no_try(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    struct work w = work_ready(0);
    for (int i = 0; i < 100; i++) {
        uint32_t try = work_take(&w, &opts, 5);
        assert_true(work_give_back(&w, try, 5));
        assert_true(work_is_ready(&w, 5));
        assert_false(work_finish(&w, try, 5));
    }
    for (uint32_t i = 1; i <= opts.tries_max; i++) {
        assert_int_equal(w.state, WORK_READY);
        uint32_t try = work_take(&w, &opts, w.at_us);
        assert_true(work_fail(&w, &opts, try, w.at_us - 1, &rng));
    }
    assert_int_equal(w.state, WORK_DEAD);
}

/* Whatever workers do and however late: one at most finishes a piece. */
static void test_work_is_finished_once_at_most(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 7);
    enum { WORKERS = 4 };
    int finished = 0, dead = 0;
    for (int round = 0; round < 5000; round++) {
        struct work w = work_ready(0);
        uint32_t try[WORKERS] = {0};
        int64_t now_us = 0;
        int done = 0;
        for (int i = 0; i < 60; i++) {
            now_us += rng_below(&rng, 800);
            uint32_t who = rng_below(&rng, WORKERS);
            uint32_t what = rng_below(&rng, 8);
            work_expire(&w, &opts, now_us, &rng);
            if (work_is_ready(&w, now_us) && what != 0)
                try[who] = work_take(&w, &opts, now_us);
            else if (what == 1)
                work_extend(&w, &opts, try[who], now_us);
            else if (what == 2)
                work_fail(&w, &opts, try[who], now_us, &rng);
            else if (what >= 3 && what <= 5)
                done += work_finish(&w, try[who], now_us);
        }
        assert_true(done <= 1);
        assert_int_equal(done, w.state == WORK_DONE);
        finished += done;
        dead += w.state == WORK_DEAD;
    }
    assert_true(finished > 1000);
    assert_true(dead > 1000);
}

static void test_work_crew_follows_the_demand_down_to_none(void **state)
{
    (void)state;
    const struct work_crew crew = {
        .busy = 0.5, .drain_us = 10000000, .keep_us = 60000000, .count_min = 0, .count_max = 20};
    static const struct {
        const char *claim;
        struct work_demand demand;
        uint32_t count;
    } rows[] = {
        {"nothing for long: none", {0, 100000, 0, 60000000}, 0},
        {"nothing for a while: one stays", {0, 100000, 0, 59999999}, 1},
        {"one piece: one", {0, 100000, 1, 0}, 1},
        {"one piece after long idling: one", {0, 100000, 1, 90000000}, 1},
        {"10/s of 100 ms, half busy: two", {10, 100000, 0, 0}, 2},
        {"the same and a bit: three", {10.1, 100000, 0, 0}, 3},
        {"400 wait, in 10 s: four", {0, 100000, 400, 0}, 4},
        {"both: six", {10, 100000, 400, 0}, 6},
        {"too many", {1000, 100000, 400, 0}, 20},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (work_crew_count(&crew, &rows[i].demand) != rows[i].count)
            fail_msg("%s: %u", rows[i].claim, (unsigned)work_crew_count(&crew, &rows[i].demand));
    struct work_crew kept = crew;
    kept.count_min = 2;
    assert_int_equal(work_crew_count(&kept, &rows[0].demand), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_work_is_held_by_one_try_until_its_lease_is_over),
        cmocka_unit_test(test_work_lease_is_prolonged_by_its_holder),
        cmocka_unit_test(test_work_is_dead_after_its_tries),
        cmocka_unit_test(test_work_given_back_costs_no_try),
        cmocka_unit_test(test_work_is_finished_once_at_most),
        cmocka_unit_test(test_work_crew_follows_the_demand_down_to_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
