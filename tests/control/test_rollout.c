/* Tests of control/rollout.h, as stories: news on the left, orders on the right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "control/rollout.h"

enum { SECOND = 1000000 };

static const uint32_t zones[] = {2, 3};
static const struct rollout_opts usual = {.zones = zones,
                                          .cells = 2,
                                          .ready_us = 30 * SECOND,
                                          .watch_us = 60 * SECOND,
                                          .watch_first_us = 600 * SECOND,
                                          .error_budget = 0.01,
                                          .requests_min = 100};

struct tale {
    struct rollout r;
    int64_t now_us;
    char text[1024];
};

static struct tale begin(void)
{
    struct tale t = {.text = ""};
    rollout_init(&t.r, &usual, 0);
    return t;
}

static void tell(struct tale *t, enum rollout_news news, int64_t requests, int64_t failed)
{
    static const char *const orders[] = {"", "+", "-"};
    enum rollout_state before = t->r.state;
    struct rollout_order o = rollout_step(&t->r, t->now_us, news, requests, failed);
    size_t used = strlen(t->text);
    if (o.what != ROLLOUT_NOTHING)
        used += (size_t)snprintf(t->text + used, sizeof t->text - used, "%s%u.%u ", orders[o.what],
                                 (unsigned)o.cell, (unsigned)o.zone);
    if (t->r.state != before && t->r.state >= ROLLOUT_DONE)
        snprintf(t->text + used, sizeof t->text - used, "%s ", rollout_state_words[t->r.state]);
}

static void wait_out(struct tale *t)
{
    assert_true(rollout_deadline_us(&t->r) < INT64_MAX);
    t->now_us = rollout_deadline_us(&t->r) - 1;
    size_t before = strlen(t->text);
    tell(t, ROLLOUT_TIMEOUT, 0, 0); /* too early: nothing */
    assert_int_equal(strlen(t->text), before);
    t->now_us++;
    tell(t, ROLLOUT_TIMEOUT, 0, 0);
}

/* A zone that becomes ready and works well. */
static void zone_goes_well(struct tale *t)
{
    t->now_us += SECOND;
    tell(t, ROLLOUT_READY, 0, 0);
    tell(t, ROLLOUT_SEEN, 10000, 100);
    wait_out(t);
}

static void test_rollout_goes_cell_by_cell_zone_by_zone(void **state)
{
    struct tale t = begin();
    (void)state;
    tell(&t, ROLLOUT_START, 0, 0);
    for (int i = 0; i < 5; i++)
        zone_goes_well(&t);
    assert_string_equal(t.text, "+0.0 +0.1 +1.0 +1.1 +1.2 done ");
    assert_true(t.now_us > 600 * (int64_t)SECOND); /* the first cell was watched for longer */
}

static void test_rollout_that_burns_its_budget_goes_back(void **state)
{
    struct tale t = begin();
    (void)state;
    tell(&t, ROLLOUT_START, 0, 0);
    for (int i = 0; i < 3; i++)
        zone_goes_well(&t);
    tell(&t, ROLLOUT_READY, 0, 0);
    tell(&t, ROLLOUT_SEEN, 1000, 10);
    assert_int_equal(t.r.state, ROLLOUT_WATCHING);
    tell(&t, ROLLOUT_SEEN, 100, 2);
    for (int i = 0; i < 4; i++)
        tell(&t, ROLLOUT_READY, 0, 0);
    assert_string_equal(t.text, "+0.0 +0.1 +1.0 +1.1 -1.1 -1.0 -0.1 -0.0 undone ");
    assert_string_equal(t.r.why, "12 of 1100 requests failed, more than 1 %");
}

static void test_rollout_few_requests_say_nothing(void **state)
{
    struct tale t = begin();
    (void)state;
    tell(&t, ROLLOUT_START, 0, 0);
    tell(&t, ROLLOUT_READY, 0, 0);
    tell(&t, ROLLOUT_SEEN, 1, 1); /* all of it, yet no more than 1 % of 100 */
    assert_int_equal(t.r.state, ROLLOUT_WATCHING);
    tell(&t, ROLLOUT_SEEN, 1, 1);
    assert_int_equal(t.r.state, ROLLOUT_UNDOING);
}

static void test_rollout_zone_that_does_not_come_up_goes_back(void **state)
{
    struct tale t = begin();
    (void)state;
    tell(&t, ROLLOUT_START, 0, 0);
    zone_goes_well(&t);
    wait_out(&t);
    tell(&t, ROLLOUT_READY, 0, 0);
    wait_out(&t); /* nor does the way back go well */
    assert_string_equal(t.text, "+0.0 +0.1 -0.1 -0.0 stuck ");
    tell(&t, ROLLOUT_READY, 0, 0); /* somebody has helped */
    assert_string_equal(t.text, "+0.0 +0.1 -0.1 -0.0 stuck undone ");
}

static void test_rollout_waits_while_a_zone_is_missing(void **state)
{
    struct tale t = begin();
    (void)state;
    tell(&t, ROLLOUT_START, 0, 0);
    tell(&t, ROLLOUT_MISSING, 0, 0);
    zone_goes_well(&t);
    assert_int_equal(t.r.state, ROLLOUT_WAITING);
    assert_true(rollout_deadline_us(&t.r) == INT64_MAX);
    tell(&t, ROLLOUT_PAUSE, 0, 0);
    tell(&t, ROLLOUT_WHOLE, 0, 0);
    assert_string_equal(t.text, "+0.0 ");
    tell(&t, ROLLOUT_RESUME, 0, 0);
    assert_string_equal(t.text, "+0.0 +0.1 ");
}

static void test_rollout_done_can_be_taken_back(void **state)
{
    struct tale t = begin();
    (void)state;
    tell(&t, ROLLOUT_START, 0, 0);
    for (int i = 0; i < 5; i++)
        zone_goes_well(&t);
    tell(&t, ROLLOUT_UNDO, 0, 0);
    for (int i = 0; i < 5; i++)
        tell(&t, ROLLOUT_READY, 0, 0);
    assert_string_equal(t.text, "+0.0 +0.1 +1.0 +1.1 +1.2 done -1.2 -1.1 -1.0 -0.1 -0.0 undone ");
}

/* Whatever news come in whatever order: at most one zone is being changed, orders go one by one
 * along the line, and what is undone has nothing changed. */
static void test_rollout_survives_any_news(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct rng rng;
        rng_init(&rng, seed);
        struct rollout r;
        rollout_init(&r, &usual, 0);
        int64_t now_us = 0;
        int at = -1;
        for (int i = 0; i < 200; i++) {
            now_us += rng_below(&rng, 2) ? rng_below(&rng, 700) * (int64_t)SECOND : 0;
            enum rollout_news news = (enum rollout_news)rng_below(&rng, ROLLOUT_TIMEOUT + 1);
            int64_t requests = rng_below(&rng, 1000);
            struct rollout_order o = rollout_step(&r, now_us, news, requests, requests / 150);
            int place = (int)(o.cell * zones[0] + o.zone);
            if (o.what == ROLLOUT_CHANGE)
                assert_int_equal(place, ++at);
            if (o.what == ROLLOUT_CHANGE_BACK) {
                assert_true(place == at || place == at - 1);
                at = place;
            }
            assert_in_range(r.changed, 0, 5);
            assert_true(r.state != ROLLOUT_UNDONE || r.changed == 0);
            assert_true(r.state != ROLLOUT_DONE || r.changed == 5);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rollout_goes_cell_by_cell_zone_by_zone),
        cmocka_unit_test(test_rollout_that_burns_its_budget_goes_back),
        cmocka_unit_test(test_rollout_few_requests_say_nothing),
        cmocka_unit_test(test_rollout_zone_that_does_not_come_up_goes_back),
        cmocka_unit_test(test_rollout_waits_while_a_zone_is_missing),
        cmocka_unit_test(test_rollout_done_can_be_taken_back),
        cmocka_unit_test(test_rollout_survives_any_news),
    };
    return cmocka_run_group_tests_name("rollout", tests, NULL, NULL);
}
