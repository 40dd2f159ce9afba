/* Tests of control/progress.c: what makes a replica slow or failing, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/topo.h"
#include "control/progress.h"

enum { MS = 1000, S = 1000000 };

static const struct progress_opts opts = {
    .look_us = S,
    .silent_us = 2 * S,
    .stuck_us = 2 * S,
    .errors_max = 0.05,
    .wait_us = 500 * MS,
    .commit_us = 250 * MS,
    .work_us = 60 * MS,
    .count_min = 10,
    .window_us = 10 * S,
    .worse_looks = 3,
    .better_looks = 5,
    .leave = 0.7,
};

struct second { /* of a replica's life */
    int64_t finished, failed, each_us, commits, commit_us, under_way, oldest_us;
};

struct life {
    struct progress p;
    struct progress_sample s;
    int64_t now_us;
};

static void begin(struct life *l)
{
    *l = (struct life){.now_us = 7 * S};
    progress_init(&l->p, &opts, l->now_us);
}

/* So many seconds of one kind, with a look after each. How many looks changed the state. */
static int live(struct life *l, const struct second *second, int seconds)
{
    int news = 0;
    for (int i = 0; i < seconds; i++) {
        l->s.finished += second->finished;
        l->s.failed += second->failed;
        l->s.work_us += second->finished * second->each_us;
        l->s.commits += second->commits;
        l->s.commit_us += second->commits * second->commit_us;
        l->s.under_way = second->under_way;
        l->s.oldest_us = second->oldest_us;
        l->now_us += S;
        news += progress_look(&l->p, &l->s, l->now_us);
        assert_int_equal(progress_next_us(&l->p), l->now_us + S);
    }
    return news;
}

static const struct second busy = {.finished = 50, .each_us = 20 * MS, .under_way = 2};

static void test_progress_rules(void **state)
{
    static const struct row {
        const char *name;
        struct second second;
        int seconds;
        enum progress_state state;
        enum progress_rule rule;
        const char *words;
    } rows[] = {
        {"nothing to do", {0}, 100, PROGRESS_WELL, PROGRESS_FINE, ""},
        {"busy",
         {100, 5, 60 * MS, 100, 250 * MS, 9, 500 * MS},
         100,
         PROGRESS_WELL,
         PROGRESS_FINE,
         ""},
        {"alone with long work",
         {1, 0, 20 * MS, .under_way = 1},
         100,
         PROGRESS_WELL,
         PROGRESS_FINE,
         ""},
        {"stuck, not yet", {.under_way = 12}, 2, PROGRESS_WELL, PROGRESS_FINE, ""},
        {"stuck",
         {.under_way = 12},
         3,
         PROGRESS_FAILING,
         PROGRESS_STUCK,
         "nothing finished for 3 s with 12 under way, limit 2 s; next look in 1 s"},
        {"commits are progress too",
         {.under_way = 1, .commits = 1},
         9,
         PROGRESS_WELL,
         PROGRESS_FINE,
         ""},
        {"errors, not yet", {100, 7, 20 * MS, .under_way = 1}, 2, PROGRESS_WELL, PROGRESS_FINE, ""},
        {"errors",
         {100, 7, 20 * MS, .under_way = 1},
         3,
         PROGRESS_FAILING,
         PROGRESS_ERRORS,
         "7 % of its answers are errors, limit 6 %; next look in 1 s"},
        {"few errors of few",
         {1, 1, 20 * MS, .under_way = 0},
         20,
         PROGRESS_WELL,
         PROGRESS_FINE,
         ""},
        {"but for long",
         {1, 1, 20 * MS, .under_way = 0},
         30,
         PROGRESS_FAILING,
         PROGRESS_ERRORS,
         "100 % of its answers are errors, limit 8.16 %; next look in 1 s"},
        {"long waits",
         {100, 0, 20 * MS, 0, 0, 80, 600 * MS},
         3,
         PROGRESS_SLOW,
         PROGRESS_WAITS,
         "the oldest waits for 600 ms, limit 500 ms; next look in 1 s"},
        {"slow commits",
         {100, 0, 20 * MS, 100, 320 * MS, 2, 600 * MS},
         3,
         PROGRESS_SLOW,
         PROGRESS_COMMITS,
         "a commit takes 320 ms, limit 300 ms; next look in 1 s"},
        {"slow work",
         {100, 0, 80 * MS, 0, 0, 2, 600 * MS},
         3,
         PROGRESS_SLOW,
         PROGRESS_WORKS,
         "a request takes 80 ms of work, limit 72 ms; next look in 1 s"},
        {"slow work of few",
         {1, 0, 150 * MS, 0, 0, 2, 0},
         30,
         PROGRESS_SLOW,
         PROGRESS_WORKS,
         "a request takes 150 ms of work, limit 97.9 ms; next look in 1 s"},
        {"the worst speaks",
         {100, 100, 80 * MS, 100, 320 * MS, 80, 600 * MS},
         3,
         PROGRESS_FAILING,
         PROGRESS_ERRORS,
         "100 % of its answers are errors, limit 6 %; next look in 1 s"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        char words[PROGRESS_WORDS_MAX];
        struct life l;
        begin(&l);
        int news = live(&l, &r->second, r->seconds);
        progress_words(&l.p, l.now_us, words);
        if (l.p.state != r->state || l.p.rule != r->rule || strcmp(words, r->words) != 0 ||
            news != (r->state != PROGRESS_WELL))
            fail_msg("%s: %s, rule %d, %d changes, \"%s\"", r->name,
                     progress_state_words[l.p.state], (int)l.p.rule, news, words);
    }
}

static void test_progress_gets_better_later_than_worse(void **state)
{
    static const struct second errs = {40, 40, 20 * MS, .under_way = 1};
    static const struct second between = {100, 5, 20 * MS, .under_way = 1}; /* of a limit of 6 % */
    struct life l;
    (void)state;
    begin(&l);
    assert_int_equal(live(&l, &errs, 3), 1);
    assert_int_equal(l.p.since_us, l.now_us);
    assert_int_equal(live(&l, &busy, 4), 0);
    assert_int_equal(live(&l, &errs, 1), 0); /* which starts the count again */
    assert_int_equal(live(&l, &busy, 4), 0);
    assert_int_equal(live(&l, &between, 100), 0);
    assert_int_equal(l.p.state, PROGRESS_FAILING);
    assert_int_equal(live(&l, &busy, 5), 1);
    assert_int_equal(l.p.state, PROGRESS_WELL);
    assert_int_equal(live(&l, &between, 100), 0);
    assert_int_equal(l.p.state, PROGRESS_WELL);
}

static void test_progress_does_not_flap(void **state)
{
    static const struct second errs = {40, 40, 20 * MS, .under_way = 1};
    struct life l;
    (void)state;
    begin(&l);
    for (int i = 0; i < 100; i++)
        assert_int_equal(live(&l, i % 3 == 0 ? &busy : &errs, 1), 0);
}

static void test_progress_of_who_is_left_alone_is_well_again(void **state)
{
    static const struct second errs = {40, 40, 20 * MS, .under_way = 1}, none = {0};
    struct life l;
    (void)state;
    begin(&l);
    live(&l, &errs, 3);
    assert_int_equal(live(&l, &none, 4), 0);
    assert_int_equal(live(&l, &none, 1), 1);
    assert_int_equal(l.p.state, PROGRESS_WELL);
}

static void test_progress_work_after_idle_hours_is_not_stuck_at_once(void **state)
{
    static const struct second none = {0}, stuck = {.under_way = 1};
    struct life l;
    (void)state;
    begin(&l);
    live(&l, &none, 10000);
    assert_int_equal(live(&l, &stuck, 2), 0);
    assert_int_equal(live(&l, &stuck, 1), 1);
    assert_int_equal(l.p.rule, PROGRESS_STUCK);
}

static void test_progress_silence_is_failing(void **state)
{
    struct life l;
    char words[PROGRESS_WORDS_MAX];
    (void)state;
    begin(&l);
    live(&l, &busy, 10);
    assert_false(progress_look(&l.p, NULL, l.now_us + S));
    assert_false(progress_look(&l.p, NULL, l.now_us + 2 * S));
    assert_true(progress_look(&l.p, NULL, l.now_us + 2500 * MS));
    assert_int_equal(l.p.state, PROGRESS_FAILING);
    progress_words(&l.p, l.now_us + 3 * S, words);
    assert_string_equal(words, "no report for 2.5 s, limit 2 s; next look in 500 ms");
    l.now_us += 3 * S;
    assert_int_equal(live(&l, &busy, 1), 1); /* and ends with the first report */
    assert_int_equal(l.p.state, PROGRESS_WELL);
    assert_int_equal(live(&l, &busy, 100), 0);
}

static void test_progress_begins_anew_with_a_new_process(void **state)
{
    static const struct second stuck = {.under_way = 1};
    struct life l;
    (void)state;
    begin(&l);
    live(&l, &busy, 10);
    live(&l, &stuck, 5);
    assert_int_equal(l.p.state, PROGRESS_FAILING);
    l.s = (struct progress_sample){.finished = 3};
    l.now_us += S;
    assert_true(progress_look(&l.p, &l.s, l.now_us));
    assert_int_equal(l.p.state, PROGRESS_WELL);
    assert_int_equal(live(&l, &busy, 100), 0);
}

static void test_progress_limits_follow_the_topology(void **state)
{
    struct topo_service service = {.time_us = 20 * MS};
    struct topo_policy policy = {.timeout_us = 800 * MS};
    (void)state;
    struct progress_opts o = progress_opts_of(&service, &policy);
    assert_int_equal(o.work_us, 40 * MS);
    assert_int_equal(o.wait_us, 400 * MS);
    assert_int_equal(o.stuck_us, 2 * S);
    service.time_us = 3 * S;
    policy.timeout_us = 4 * S;
    o = progress_opts_of(&service, &policy);
    assert_int_equal(o.stuck_us, 30 * S); /* one piece of work alone may take that */
    assert_int_equal(o.silent_us, 8 * S);
}

static void test_progress_of_rare_requests_is_held_between_them(void **state)
{
    static const struct second rare = {.finished = 1, .failed = 1, .each_us = MS, .under_way = 1};
    static const struct second between = {.under_way = 1, .oldest_us = MS};
    struct life l;
    (void)state;
    begin(&l);
    for (int i = 0; i < 60 && l.p.state == PROGRESS_WELL; i++) {
        live(&l, &rare, 1);
        live(&l, &between, 1);
    }
    assert_int_equal(l.p.rule, PROGRESS_ERRORS);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(live(&l, &rare, 1), 0);
        assert_int_equal(live(&l, &between, 1), 0);
        assert_int_equal(l.p.rule, PROGRESS_ERRORS);
    }
}

static void test_progress_long_lines_are_no_ailment_of_ones_own(void **state)
{
    static const struct second line = {100, 0, 20 * MS, 0, 0, 80, 600 * MS};
    static const struct second both = {100, 0, 90 * MS, 0, 0, 80, 600 * MS};
    struct life l;
    (void)state;
    begin(&l);
    live(&l, &line, 100);
    assert_int_equal(l.p.state, PROGRESS_SLOW);
    assert_false(progress_ails(&l.p));
    live(&l, &both, 1);
    assert_true(progress_ails(&l.p));
}

static void test_progress_alone_is_a_minority(void **state)
{
    (void)state;
    assert_false(progress_alone(0, 3));
    assert_true(progress_alone(1, 3));
    assert_false(progress_alone(1, 2));
    assert_false(progress_alone(2, 3));
    assert_false(progress_alone(1, 1));
    assert_true(progress_zone_alone(2, 3, 2, 6));
    assert_false(progress_zone_alone(1, 2, 0, 6));
    assert_false(progress_zone_alone(3, 3, 3, 6));
    assert_false(progress_zone_alone(0, 0, 0, 6));
    assert_false(progress_zone_alone(3, 3, 0, 0)); /* nobody to compare with */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress_rules),
        cmocka_unit_test(test_progress_gets_better_later_than_worse),
        cmocka_unit_test(test_progress_does_not_flap),
        cmocka_unit_test(test_progress_of_who_is_left_alone_is_well_again),
        cmocka_unit_test(test_progress_work_after_idle_hours_is_not_stuck_at_once),
        cmocka_unit_test(test_progress_silence_is_failing),
        cmocka_unit_test(test_progress_begins_anew_with_a_new_process),
        cmocka_unit_test(test_progress_limits_follow_the_topology),
        cmocka_unit_test(test_progress_of_rare_requests_is_held_between_them),
        cmocka_unit_test(test_progress_long_lines_are_no_ailment_of_ones_own),
        cmocka_unit_test(test_progress_alone_is_a_minority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
