/* Tests of control/cure.c: when a replica that answers but ails is started again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/cure.h"
#include "control/status.h"

enum { S = 1000000, ZONES = 3, SERVICES = 3 };

/* One of three ails, and the others serve. */
static struct cure_facts alone(int64_t ails_us)
{
    return (struct cure_facts){
        .pid = 100, .ails_us = ails_us, .ill = 1, .all = 3, .serving = 2, .needed = 2};
}

static void expect_words(const struct cure *c, int64_t now_us, const char *expected)
{
    char words[CURE_WORDS_MAX];
    cure_words(c, now_us, words);
    assert_string_equal(words, expected);
}

static void test_cure_restarts_who_ails_alone_and_for_long(void **state)
{
    (void)state;
    struct cure c;
    struct cure_facts f = alone(10 * S - 1);
    cure_init(&c, &cure_usual, 0);
    assert_int_equal(cure_look(&c, &f, 1 * S), CURE_NOTHING);
    expect_words(&c, 1 * S, "");
    f.ails_us = 10 * S;
    assert_int_equal(cure_look(&c, &f, 2 * S), CURE_END);
    expect_words(&c, 2 * S, "restarted 1 time for that");
}

static void test_cure_leaves_alone_who_would_not_be_helped_or_is_needed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t ill, all, serving, needed;
        bool zone_ill, busy;
        const char *words;
    } rows[] = {
        {"as many of its like ail as do not", 2, 4, 2, 1, false, false,
         "not restarted: half of its like or more ail"},
        {"all of its like ail", 3, 3, 0, 2, false, false,
         "not restarted: half of its like or more ail"},
        {"its zone ails", 1, 3, 2, 2, true, false,
         "not restarted: its zone ails, or another in it for longer"},
        {"another zone is down", 1, 3, 1, 2, false, false,
         "not restarted: 1 other serves, 2 have to"},
        {"another of its like starts", 1, 3, 2, 2, false, true,
         "not restarted: another of its like is, just now"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cure c;
        struct cure_facts f = {.pid = 100,
                               .ails_us = 100LL * S,
                               .ill = rows[i].ill,
                               .all = rows[i].all,
                               .serving = rows[i].serving,
                               .needed = rows[i].needed,
                               .zone_ill = rows[i].zone_ill,
                               .busy = rows[i].busy};
        cure_init(&c, &cure_usual, 0);
        if (cure_look(&c, &f, 200LL * S) != CURE_NOTHING)
            fail_msg("%s", rows[i].name);
        expect_words(&c, 200LL * S, rows[i].words);
    }
}

static void test_cure_kills_who_does_not_end(void **state)
{
    (void)state;
    struct cure c;
    struct cure_facts f = alone(10 * S);
    cure_init(&c, &cure_usual, 0);
    assert_int_equal(cure_look(&c, &f, 0), CURE_END);
    assert_int_equal(cure_look(&c, &f, 3 * S - 1), CURE_NOTHING);
    assert_int_equal(cure_look(&c, &f, 3 * S), CURE_KILL);
    assert_int_equal(cure_look(&c, &f, 3 * S + 1), CURE_NOTHING);
    f.pid = 0; /* it is gone, and its agent has not started another yet */
    f.ails_us = 0;
    assert_int_equal(cure_look(&c, &f, 10 * S), CURE_NOTHING);
    f.pid = 101;
    assert_int_equal(cure_look(&c, &f, 11 * S), CURE_NOTHING);
    expect_words(&c, 11 * S, "");
}

/* An injected fault is one such cause. */
static void test_cure_ends_when_restarts_do_not_help(void **state)
{
    (void)state;
    struct cure c;
    int64_t at_us[8], now_us = 0;
    size_t count = 0;
    struct cure_facts f = alone(0);
    cure_init(&c, &cure_usual, 0);
    for (int64_t since_us = 0; now_us < 86400LL * S; now_us += S / 10) { /* a day */
        f.ails_us = now_us - since_us;
        if (cure_look(&c, &f, now_us) != CURE_END)
            continue;
        assert_in_range(count, 0, 7);
        at_us[count++] = now_us;
        f.pid++;
        since_us = now_us;
    }
    assert_int_equal(count, 3);
    assert_int_equal(at_us[0], 10 * S);
    assert_int_equal(at_us[1] - at_us[0], 60 * S);
    assert_int_equal(at_us[2] - at_us[1], 120 * S);
    expect_words(&c, now_us,
                 "restarted 3 times for that without help: left alone until it is well");
    f.ails_us = 0;
    int64_t good_us = now_us + 600LL * S;
    assert_int_equal(cure_look(&c, &f, good_us), CURE_NOTHING);
    f.ails_us = 10 * S;
    assert_int_equal(cure_look(&c, &f, good_us + 1), CURE_END);
}

static void test_cure_says_when_it_restarts_next(void **state)
{
    (void)state;
    struct cure c;
    struct cure_facts f = alone(10 * S);
    cure_init(&c, &cure_usual, 0);
    assert_int_equal(cure_look(&c, &f, 0), CURE_END);
    f.pid++;
    assert_int_equal(cure_look(&c, &f, 20 * S), CURE_NOTHING);
    expect_words(&c, 20 * S, "restarted 1 time for that, again in 40s at the earliest");
}

/* ---- a cell ---- */

struct world {
    struct status_replica replica[ZONES][SERVICES];
    struct status_zone zone[ZONES];
    struct status_cell cell;
    struct cure cure[ZONES * SERVICES];
    char acts[64]; /* "a2 ": SIGTERM to service 2 of zone a */
};

static void init(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->cell = (struct status_cell){.name = "de", .zones = w->zone, .zone_count = ZONES};
    for (size_t i = 0; i < ZONES; i++) {
        w->zone[i] = (struct status_zone){.replicas = w->replica[i], .replica_count = SERVICES};
        for (size_t k = 0; k < SERVICES; k++) {
            w->replica[i][k] =
                (struct status_replica){.pid = (int64_t)(10 * i + k + 1), .health = STATUS_OK};
            cure_init(&w->cure[i * SERVICES + k], &cure_usual, 0);
        }
    }
}

static void ails(struct world *w, size_t zone, size_t service, int64_t ms)
{
    w->replica[zone][service].health = STATUS_FAILING;
    w->replica[zone][service].ails_ms = ms;
}

static void on_act(void *context, size_t zone, size_t service, enum cure_act what)
{
    struct world *w = context;
    size_t used = strlen(w->acts);
    w->acts[used] = (char)((what == CURE_KILL ? 'A' : 'a') + zone);
    w->acts[used + 1] = (char)('0' + service);
    w->acts[used + 2] = ' ';
}

static const char *look(struct world *w, int64_t now_us)
{
    memset(w->acts, 0, sizeof w->acts);
    cure_cell(w->cure, &w->cell, 2, now_us, on_act, w);
    return w->acts;
}

static void test_cure_cell_restarts_the_one(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    assert_string_equal(look(&w, 1 * S), "");
    ails(&w, 1, 2, 10000);
    assert_string_equal(look(&w, 20 * S), "b2 ");
    assert_string_equal(look(&w, 23 * S), "B2 ");
}

static void test_cure_cell_leaves_a_store_that_fails_to_itself(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    for (size_t i = 0; i < ZONES; i++) /* which all zones share */
        ails(&w, i, 1, 20000);
    assert_string_equal(look(&w, 30 * S), "");
}

static void test_cure_cell_leaves_a_zone_that_ails_to_itself(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    for (size_t k = 0; k < 2; k++)
        ails(&w, 0, k, 20000);
    assert_string_equal(look(&w, 30 * S), "");
}

/* Orders wait for customers: who began to ail goes first, and the other may be well then. */
static void test_cure_cell_begins_with_who_ails_longest(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    struct status_zone big = {
        .replicas = (struct status_replica[4]){{.pid = 1}, {.pid = 2}, {.pid = 3}, {.pid = 4}},
        .replica_count = 4};
    struct status_zone zones[ZONES] = {big, big, big};
    struct status_replica room[ZONES][4];
    struct cure cure[ZONES * 4];
    for (size_t i = 0; i < ZONES; i++)
        for (size_t k = 0; k < 4; k++) {
            room[i][k] = (struct status_replica){.pid = (int64_t)(1 + k), .health = STATUS_OK};
            zones[i].replicas = room[i];
            cure_init(&cure[i * 4 + k], &cure_usual, 0);
        }
    room[2][0] = (struct status_replica){.pid = 1, .health = STATUS_FAILING, .ails_ms = 12000};
    room[2][3] = (struct status_replica){.pid = 4, .health = STATUS_FAILING, .ails_ms = 15000};
    const struct status_cell cell = {.zones = zones, .zone_count = ZONES};
    cure_cell(cure, &cell, 2, 30 * S, on_act, &w);
    assert_string_equal(w.acts, "c3 ");
}

static void test_cure_cell_spares_what_is_needed(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    ails(&w, 0, 0, 20000);
    for (size_t k = 0; k < SERVICES; k++) /* zone c is lost */
        w.replica[2][k] = (struct status_replica){.health = STATUS_DOWN};
    assert_string_equal(look(&w, 30 * S), "");
    for (size_t k = 0; k < SERVICES; k++)
        w.replica[2][k] = (struct status_replica){.pid = 90, .health = STATUS_STARTING};
    assert_string_equal(look(&w, 31 * S), "");
    for (size_t k = 0; k < SERVICES; k++)
        w.replica[2][k].health = STATUS_OK;
    assert_string_equal(look(&w, 32 * S), "a0 ");
}

/* What nobody knows of is not ended, and does not count as one that serves. */
static void test_cure_cell_ends_nobody_by_hearsay(void **state)
{
    (void)state;
    struct world w;
    init(&w);
    ails(&w, 0, 0, 20000);
    for (size_t i = 1; i < ZONES; i++)
        for (size_t k = 0; k < SERVICES; k++)
            w.replica[i][k].health = STATUS_UNKNOWN;
    assert_string_equal(look(&w, 30 * S), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cure_restarts_who_ails_alone_and_for_long),
        cmocka_unit_test(test_cure_leaves_alone_who_would_not_be_helped_or_is_needed),
        cmocka_unit_test(test_cure_kills_who_does_not_end),
        cmocka_unit_test(test_cure_ends_when_restarts_do_not_help),
        cmocka_unit_test(test_cure_says_when_it_restarts_next),
        cmocka_unit_test(test_cure_cell_restarts_the_one),
        cmocka_unit_test(test_cure_cell_leaves_a_store_that_fails_to_itself),
        cmocka_unit_test(test_cure_cell_leaves_a_zone_that_ails_to_itself),
        cmocka_unit_test(test_cure_cell_begins_with_who_ails_longest),
        cmocka_unit_test(test_cure_cell_spares_what_is_needed),
        cmocka_unit_test(test_cure_cell_ends_nobody_by_hearsay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
