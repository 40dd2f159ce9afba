/* Tests of control/health.c: which numbers make which word, and which sentence. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/health.h"

enum { ZONES = 3, SERVICES = 2 };

static const char *const services[SERVICES] = {"catalog", "order"};

/* ---- zones ---- */

struct zone_row {
    const char *name;
    const char *up; /* a letter per replica: u is up, s slow, f failing, d down */
    double rps, errors;
    bool ready_once;
    int64_t heard_us_ago;
    bool agent_runs;
    const char *agent_words, *fault, *loop;
    enum status_health health;
    const char *why;
};

static const struct zone_row zone_rows[] = {
    {"all well", "uu", 10, 0, true, 0, true, "", "", "", STATUS_OK, ""},
    {"no traffic", "uu", 0, NAN, true, 0, true, "", "", "", STATUS_IDLE, ""},
    {"no door to say", "uu", NAN, NAN, true, 0, true, "", "", "", STATUS_OK, ""},
    {"just fresh", "uu", 10, 0, true, HEALTH_FRESH_US, true, "", "", "", STATUS_OK, ""},
    {"not heard of yet", "dd", NAN, NAN, false, -1, true, "", "", "", STATUS_STARTING,
     "its agent has not answered yet"},
    {"no agent yet", "dd", NAN, NAN, false, -1, false, "", "", "", STATUS_STARTING,
     "its agent does not run"},
    {"agent silent", "uu", 10, 0, true, 3000000, true, "", "", "", STATUS_UNKNOWN,
     "its agent has not answered for 3.0 s"},
    {"agent dead", "uu", 10, 0, true, 3000000, false, "", "", "", STATUS_UNKNOWN,
     "its agent does not run"},
    {"agent in a loop", "uu", 10, 0, true, 3000000, false, "ended 4 times in a row", "", "",
     STATUS_UNKNOWN, "its agent ended 4 times in a row"},
    {"first start", "ud", 0, NAN, false, 0, true, "", "", "", STATUS_STARTING,
     "1 of 2 replicas answer, missing order"},
    {"a first start that fails", "ud", 0, NAN, false, 0, true, "", "", "order ended",
     STATUS_STARTING, "order ended"},
    {"one lost", "du", 10, 0, true, 0, true, "", "", "", STATUS_DEGRADED,
     "1 of 2 replicas answer, missing catalog"},
    {"all lost", "dd", 0, NAN, true, 0, true, "", "", "", STATUS_DOWN, "no replica answers"},
    {"one slow", "us", 10, 0, true, 0, true, "", "", "order is slow: why", STATUS_DEGRADED,
     "order is slow: why"},
    {"one failing", "fu", 10, 0, true, 0, true, "", "", "catalog is failing: why", STATUS_DEGRADED,
     "catalog is failing: why"},
    {"all slow", "ss", 10, 0, true, 0, true, "", "", "catalog is slow: why", STATUS_DEGRADED,
     "catalog is slow: why"},
    {"some requests fail", "uu", 10, 0.049, true, 0, true, "", "", "", STATUS_OK, ""},
    {"many requests fail", "uu", 10, 0.05, true, 0, true, "", "", "", STATUS_FAILING,
     "5.0 % of its requests fail"},
    {"one request fails", "uu", 0.1, 1, true, 0, true, "", "", "", STATUS_OK, ""},
    {"failures come before losses", "ud", 10, 0.5, true, 0, true, "", "", "", STATUS_FAILING,
     "50.0 % of its requests fail"},
    {"a fault", "uu", 10, 0, true, 0, true, "", "fault 12 zone-down", "", STATUS_DOWN,
     "fault 12 zone-down"},
};

static enum status_health health_of(char letter)
{
    return letter == 'u'   ? STATUS_OK
           : letter == 's' ? STATUS_DEGRADED
           : letter == 'f' ? STATUS_FAILING
                           : STATUS_DOWN;
}

static void test_health_of_zones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof zone_rows / sizeof zone_rows[0]; i++) {
        const struct zone_row *row = &zone_rows[i];
        struct status_replica replicas[SERVICES];
        struct status_zone zone = {.name = "a",
                                   .wanted = SERVICES,
                                   .rps = row->rps,
                                   .errors = row->errors,
                                   .replicas = replicas,
                                   .replica_count = SERVICES};
        for (size_t k = 0; k < SERVICES; k++) {
            replicas[k] =
                (struct status_replica){.service = services[k], .health = health_of(row->up[k])};
            zone.up += health_serves(replicas[k].health);
        }
        const struct health_facts facts = {.ready_once = row->ready_once,
                                           .heard_us_ago = row->heard_us_ago,
                                           .fresh_us = HEALTH_FRESH_US,
                                           .agent_runs = row->agent_runs,
                                           .agent_words = row->agent_words,
                                           .fault = row->fault,
                                           .loop = row->loop};
        char why[HEALTH_WHY_MAX];
        enum status_health health = health_zone(&zone, &facts, why);
        if (health != row->health || strcmp(why, row->why) != 0)
            fail_msg("%s: %s, \"%s\"", row->name, status_health_words[health], why);
    }
}

static void test_health_of_a_silent_zone_that_gossip_buries(void **state)
{
    (void)state;
    char why[HEALTH_WHY_MAX];
    const struct status_zone zone = {.name = "a", .up = -1, .wanted = 2, .rps = 10};
    struct health_facts facts = {.ready_once = true,
                                 .heard_us_ago = 3000000,
                                 .fresh_us = HEALTH_FRESH_US,
                                 .agent_runs = true,
                                 .buried = true,
                                 .agent_words = "",
                                 .fault = "",
                                 .loop = ""};
    assert_int_equal(health_zone(&zone, &facts, why), STATUS_DOWN);
    assert_string_equal(why,
                        "its agent has not answered for 3.0 s, and gossip calls all of it dead");
    facts.buried = false;
    assert_int_equal(health_zone(&zone, &facts, why), STATUS_UNKNOWN);
    facts.buried = true;
    facts.fresh_us = 3000000; /* in a large system that is no long silence */
    const struct status_zone up = {.name = "a", .up = 2, .wanted = 2, .rps = 10};
    assert_int_equal(health_zone(&up, &facts, why), STATUS_OK);
}

/* ---- cells ---- */

struct cell_row {
    const char *name;
    enum status_health zones[ZONES];
    const char *up[ZONES];
    double rps, errors;
    bool ready_once;
    enum status_health health;
    const char *why;
};

static const struct cell_row cell_rows[] = {
    {"all well", {STATUS_OK, STATUS_OK, STATUS_OK}, {"uu", "uu", "uu"}, 10, 0, true, STATUS_OK, ""},
    {"no traffic",
     {STATUS_IDLE, STATUS_IDLE, STATUS_IDLE},
     {"uu", "uu", "uu"},
     0,
     NAN,
     true,
     STATUS_IDLE,
     ""},
    {"a zone lost",
     {STATUS_OK, STATUS_DOWN, STATUS_OK},
     {"uu", "dd", "uu"},
     10,
     0,
     true,
     STATUS_DEGRADED,
     "zone b is DOWN: because"},
    {"two zones lost",
     {STATUS_DOWN, STATUS_DOWN, STATUS_OK},
     {"dd", "dd", "uu"},
     10,
     0,
     true,
     STATUS_DEGRADED,
     "zone a is DOWN: because; 1 more zone is not well"},
    {"the worst speaks",
     {STATUS_DEGRADED, STATUS_UNKNOWN, STATUS_DOWN},
     {"ud", "uu", "dd"},
     10,
     0,
     true,
     STATUS_DEGRADED,
     "zone c is DOWN: because; 2 more zones are not well"},
    {"all lost",
     {STATUS_DOWN, STATUS_DOWN, STATUS_DOWN},
     {"dd", "dd", "dd"},
     0,
     NAN,
     true,
     STATUS_DOWN,
     "zone a is DOWN: because; 2 more zones are not well"},
    {"nothing known",
     {STATUS_UNKNOWN, STATUS_UNKNOWN, STATUS_UNKNOWN},
     {"uu", "uu", "uu"},
     10,
     0,
     true,
     STATUS_UNKNOWN,
     "zone a is UNKNOWN: because; 2 more zones are not well"},
    {"a service lost everywhere",
     {STATUS_DEGRADED, STATUS_DEGRADED, STATUS_DEGRADED},
     {"ud", "ud", "ud"},
     10,
     0,
     true,
     STATUS_FAILING,
     "no replica of order answers"},
    {"a service lost where it is known",
     {STATUS_DEGRADED, STATUS_UNKNOWN, STATUS_DEGRADED},
     {"ud", "dd", "ud"},
     10,
     0,
     true,
     STATUS_DEGRADED,
     "zone b is UNKNOWN: because; 2 more zones are not well"},
    {"what a lost zone last said does not count",
     {STATUS_DEGRADED, STATUS_DOWN, STATUS_DOWN},
     {"ud", "uu", "uu"},
     10,
     0,
     true,
     STATUS_FAILING,
     "no replica of order answers"},
    {"different services lost",
     {STATUS_DEGRADED, STATUS_DEGRADED, STATUS_OK},
     {"ud", "du", "uu"},
     10,
     0,
     true,
     STATUS_DEGRADED,
     "zone a is DEGRADED: because; 1 more zone is not well"},
    {"requests fail",
     {STATUS_OK, STATUS_OK, STATUS_OK},
     {"uu", "uu", "uu"},
     10,
     0.02,
     true,
     STATUS_FAILING,
     "2.0 % of its requests fail"},
    {"few requests fail",
     {STATUS_OK, STATUS_OK, STATUS_OK},
     {"uu", "uu", "uu"},
     10,
     0.009,
     true,
     STATUS_OK,
     ""},
    {"first start",
     {STATUS_OK, STATUS_STARTING, STATUS_STARTING},
     {"uu", "dd", "dd"},
     0,
     NAN,
     false,
     STATUS_STARTING,
     "zone b is STARTING: because; 1 more zone is not well"},
    {"first start with a fault on",
     {STATUS_OK, STATUS_DOWN, STATUS_OK},
     {"uu", "dd", "uu"},
     0,
     NAN,
     false,
     STATUS_DEGRADED,
     "zone b is DOWN: because"},
};

static void test_health_of_cells(void **state)
{
    (void)state;
    static const char *const names[ZONES] = {"a", "b", "c"};
    for (size_t i = 0; i < sizeof cell_rows / sizeof cell_rows[0]; i++) {
        const struct cell_row *row = &cell_rows[i];
        struct status_replica replicas[ZONES][SERVICES];
        struct status_zone zones[ZONES];
        struct status_cell cell = {
            .rps = row->rps, .errors = row->errors, .zones = zones, .zone_count = ZONES};
        for (size_t z = 0; z < ZONES; z++) {
            zones[z] = (struct status_zone){.name = names[z],
                                            .health = (int)row->zones[z],
                                            .why = "because",
                                            .replicas = replicas[z],
                                            .replica_count = SERVICES};
            for (size_t k = 0; k < SERVICES; k++)
                replicas[z][k] = (struct status_replica){
                    .service = services[k],
                    .health = row->up[z][k] == 'u' ? STATUS_OK : STATUS_DOWN};
        }
        char why[HEALTH_WHY_MAX];
        enum status_health health = health_cell(&cell, row->ready_once, why);
        if (health != row->health || strcmp(why, row->why) != 0)
            fail_msg("%s: %s, \"%s\"", row->name, status_health_words[health], why);
    }
}

static void test_health_words_stay_within_their_room(void **state)
{
    (void)state;
    char long_name[300], why[HEALTH_WHY_MAX];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    struct status_replica replicas[16];
    for (size_t i = 0; i < 16; i++)
        replicas[i] = (struct status_replica){.service = long_name, .health = STATUS_DOWN};
    struct status_zone zone = {.name = long_name,
                               .up = 1,
                               .wanted = 16,
                               .why = long_name,
                               .health = STATUS_DOWN,
                               .replicas = replicas,
                               .replica_count = 16};
    struct status_cell cell = {.zones = &zone, .zone_count = 1};
    const struct health_facts facts = {
        .ready_once = true, .agent_runs = true, .agent_words = "", .fault = "", .loop = ""};
    assert_int_equal(health_zone(&zone, &facts, why), STATUS_DEGRADED);
    assert_true(strlen(why) < sizeof why);
    assert_int_equal(health_cell(&cell, true, why), STATUS_DOWN);
    assert_true(strlen(why) < sizeof why);
}

/* ---- since when ---- */

static void test_health_notes_what_is_news(void **state)
{
    (void)state;
    static const struct {
        enum status_health from, to;
        bool news;
    } rows[] = {
        {STATUS_STARTING, STATUS_OK, true}, {STATUS_OK, STATUS_OK, false},
        {STATUS_OK, STATUS_IDLE, false},    {STATUS_IDLE, STATUS_OK, false},
        {STATUS_IDLE, STATUS_DOWN, true},   {STATUS_DOWN, STATUS_FAILING, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct health_clock clock = {(int)rows[i].from, 5};
        assert_int_equal(health_note(&clock, (int)rows[i].to, 9), rows[i].news);
        assert_int_equal(clock.since_us, rows[i].from == rows[i].to ? 5 : 9);
        assert_int_equal(clock.health, rows[i].to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health_of_zones),
        cmocka_unit_test(test_health_of_a_silent_zone_that_gossip_buries),
        cmocka_unit_test(test_health_of_cells),
        cmocka_unit_test(test_health_words_stay_within_their_room),
        cmocka_unit_test(test_health_notes_what_is_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
