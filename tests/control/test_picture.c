/* Tests of control/picture.c: what control believes after what it has heard. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/picture.h"

enum { MS = 1000, S = 1000000 };

static const char topology[] =
    "{\"countries\": [\"DE\"],"
    " \"cells\": {\"de\": {\"countries\": [\"DE\"], \"zones\": [\"a\", \"b\"]}},"
    " \"services\": {\"catalog\": {}, \"customer\": {}, \"order\": {}, \"vendor\": {}}}";

struct world {
    struct arena arena;
    struct topo topo;
    struct layout layout;
    struct leases leases;
    struct supervise rule;
    struct picture picture;
    struct error err;
};

static int setup(void **state)
{
    static struct world w;
    w = (struct world){.leases.count = 0};
    *state = &w;
    if (topo_parse(&w.topo, topology, strlen(topology), NULL, 0, &w.arena, &w.err) != 0 ||
        layout_init(&w.layout, &w.topo, ".", 20000, &w.err) != 0)
        return -1;
    supervise_init(&w.rule, &supervise_usual, 0);
    return picture_init(&w.picture, &w.layout, "one", 7, 0, &w.arena);
}

static int teardown(void **state)
{
    struct world *w = *state;
    picture_release(&w->picture);
    arena_release(&w->arena);
    return 0;
}

/* A zone's agent runs, and says of its four replicas which are up, a letter each. */
static int agent_says(struct world *w, size_t zone, const char *up, int64_t now_us)
{
    char text[1000], replicas[600] = "";
    size_t used = 0;
    for (size_t i = 0; i < 4; i++)
        used += (size_t)snprintf(
            replicas + used, sizeof replicas - used,
            "%s{\"service\": \"%s\", \"pid\": %d, \"health\": \"%s\", \"restarts\": %d}",
            i == 0 ? "" : ", ", w->topo.services[i].name, 100 + (int)i,
            up[i] == 'd' ? "DOWN" : "OK", up[i] == 'r');
    int n = snprintf(text, sizeof text,
                     "{\"topology\": \"\", \"healthy\": true, \"cells\": [{\"name\": \"de\", "
                     "\"zones\": [{\"name\": \"%s\", \"replicas\": [%s]}]}]}",
                     w->topo.cells[0].zones[zone], replicas);
    picture_agent(&w->picture, 0, zone, 50 + (int64_t)zone, &w->rule, "", now_us);
    return picture_agent_said(&w->picture, 0, zone, text, (size_t)n, now_us, &w->err);
}

static void door_tells(struct world *w, const char *cells, const char *door, int64_t now_us)
{
    char text[2000];
    int n = snprintf(text, sizeof text,
                     "{\"topology\": \"\", \"healthy\": true, \"requests\": 9, \"lost\": 1, "
                     "\"rps\": 3.5, \"cells\": [%s], \"doors\": [{\"requests\": 9, \"lost\": 1, "
                     "\"rps\": 3.5%s}]}",
                     cells, door);
    assert_int_equal(picture_door_said(&w->picture, 0, text, (size_t)n, now_us, &w->err), 0);
}

static void door_says(struct world *w, const char *cells, int64_t now_us)
{
    door_tells(w, cells, "", now_us);
}

static const struct status *judge(struct world *w, int64_t now_us)
{
    picture_judge(&w->picture, &w->leases, now_us);
    return &w->picture.status;
}

static void all_well(struct world *w, int64_t now_us)
{
    assert_int_equal(agent_says(w, 0, "uuuu", now_us), 0);
    assert_int_equal(agent_says(w, 1, "uuuu", now_us), 0);
    door_says(w, "", now_us);
}

static void test_picture_begins_with_starting(void **state)
{
    struct world *w = *state;
    const struct status *s = judge(w, 1 * S);
    assert_false(s->healthy);
    assert_int_equal(s->cells[0].health, STATUS_STARTING);
    assert_int_equal(s->cells[0].zones[1].health, STATUS_STARTING);
    assert_int_equal(s->cells[0].zones[1].wanted, 4);
    assert_int_equal(s->cells[0].zones[1].replicas[3].port, 20009);
    assert_int_equal(s->requests, -1);
    assert_true(isnan(s->rps));
    assert_int_equal(s->event_count, 0);
    assert_int_equal(s->uptime_ms, 1000);
}

static void test_picture_is_healthy_when_all_and_the_door_answer(void **state)
{
    struct world *w = *state;
    assert_int_equal(agent_says(w, 0, "uuuu", 5), 0);
    assert_int_equal(agent_says(w, 1, "uuuu", 5), 0);
    assert_false(judge(w, 6)->healthy);
    door_says(w, "{\"name\": \"de\", \"rps\": 3.5, \"zones\": [{\"name\": \"b\", \"rps\": 2}]}", 7);
    const struct status *s = judge(w, 8);
    assert_true(s->healthy);
    assert_int_equal(s->requests, 9);
    assert_int_equal(s->cells[0].health, STATUS_OK);
    assert_true(s->cells[0].rps > 3 && s->cells[0].zones[1].rps > 1);
    assert_true(isnan(s->cells[0].zones[0].rps));
    assert_int_equal(s->cells[0].zones[1].agent_pid, 51);
    assert_int_equal(s->event_count, 3);
    assert_string_equal(s->events[0].text, "de is OK");
}

static void test_picture_fades_without_news(void **state)
{
    struct world *w = *state;
    all_well(w, 0);
    assert_true(judge(w, 1)->healthy);
    assert_true(judge(w, HEALTH_FRESH_US)->healthy);
    const struct status *s = judge(w, HEALTH_FRESH_US + 1);
    assert_false(s->healthy);
    assert_int_equal(s->cells[0].health, STATUS_UNKNOWN);
    assert_int_equal(s->cells[0].zones[0].up, -1);
    assert_int_equal(s->cells[0].zones[0].replicas[0].health, STATUS_UNKNOWN);
    assert_int_equal(s->requests, -1);
}

static void test_picture_tells_losses_and_restarts(void **state)
{
    struct world *w = *state;
    all_well(w, 0);
    judge(w, 0);
    assert_int_equal(agent_says(w, 1, "udud", 1 * S), 0);
    assert_int_equal(agent_says(w, 0, "uuuu", 1 * S), 0);
    const struct status *s = judge(w, 1 * S);
    assert_int_equal(s->cells[0].health, STATUS_DEGRADED);
    assert_string_equal(s->cells[0].zones[1].why,
                        "2 of 4 replicas answer, missing customer, vendor");
    assert_string_equal(s->events[1].text,
                        "de/b is DEGRADED: 2 of 4 replicas answer, missing customer, vendor");
    assert_int_equal(agent_says(w, 1, "urur", 3 * S / 2), 0);
    s = judge(w, 2 * S);
    assert_int_equal(s->cells[0].zones[1].since_ms, 0);
    assert_int_equal(s->cells[0].zones[0].since_ms, 2000);
    assert_string_equal(s->events[2].text, "de/b: vendor was started again");
    assert_int_equal(s->events[2].ago_ms, 500);
}

static void test_picture_shows_a_fault_until_the_zone_speaks_again(void **state)
{
    static const char request[] = "{\"kind\": \"zone-down\", \"scope\": \"de/a\", \"for\": \"5s\"}";
    struct world *w = *state;
    const struct lease *lease;
    all_well(w, 0);
    judge(w, 0);
    assert_int_equal(
        leases_add(&w->leases, request, strlen(request), "ana", &w->topo, 0, &lease, &w->err), 0);
    const struct status *s = judge(w, 1);
    assert_int_equal(s->cells[0].zones[0].health, STATUS_DOWN);
    assert_int_equal(s->cells[0].zones[0].up, 0);
    assert_string_equal(s->cells[0].why, "zone a is DOWN: fault 1 zone-down");
    assert_int_equal(s->fault_count, 1);
    assert_int_equal(s->faults[0].ends_in_ms, 5000);
    leases_end(&w->leases, 1, NULL);
    s = judge(w, 2); /* what it said before is no longer so */
    assert_int_equal(s->cells[0].zones[0].health, STATUS_STARTING);
    assert_int_equal(s->cells[0].health, STATUS_DEGRADED);
    assert_int_equal(agent_says(w, 0, "uuuu", 3), 0);
    assert_true(judge(w, 4)->healthy);
}

static void test_picture_keeps_its_own_when_it_hears_nonsense(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {
        "",
        "{",
        "{\"topology\": \"\", \"healthy\": true}",
        "{\"topology\": \"\", \"healthy\": true, \"cells\": [{\"name\": \"fr\", \"zones\": "
        "[{\"name\": \"a\"}]}]}",
        "{\"topology\": \"\", \"healthy\": true, \"cells\": [{\"name\": \"de\", \"zones\": "
        "[{\"name\": \"a\", \"replicas\": [{\"service\": \"catalog\"}]}]}]}",
    };
    all_well(w, 0);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(
            picture_agent_said(&w->picture, 0, 0, texts[i], strlen(texts[i]), 1, &w->err), -1);
    assert_int_equal(picture_door_said(&w->picture, 0, "{", 1, 1, &w->err), -1);
    assert_true(judge(w, 2)->healthy);
}

static void test_picture_forgets_the_oldest_events(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < PICTURE_EVENTS_MAX + 3; i++)
        picture_event(&w->picture, i * MS, "event %d", i);
    const struct status *s = judge(w, 100 * MS);
    assert_int_equal(s->event_count, PICTURE_EVENTS_MAX);
    assert_string_equal(s->events[0].text, "event 66");
    assert_string_equal(s->events[PICTURE_EVENTS_MAX - 1].text, "event 3");
    assert_int_equal(s->events[0].ago_ms, 34);
}

/* What a door has switched off is an event when it begins and when it ends, once for a zone. */
static void test_picture_tells_what_a_door_switches_off(void **state)
{
    static const char off[] =
        ", \"reasons\": ["
        "{\"what\": \"retries-off\", \"cell\": \"de\", \"why\": \"0.20 of 100 tokens left\"},"
        "{\"what\": \"left-out\", \"cell\": \"de\", \"zone\": \"b\", \"service\": \"catalog\","
        " \"until_ms\": 900, \"why\": \"3 failures in a row\"},"
        "{\"what\": \"left-out\", \"cell\": \"de\", \"zone\": \"b\", \"service\": \"order\","
        " \"until_ms\": 950, \"why\": \"4 failures in a row\"}]";
    struct world *w = *state;
    all_well(w, 1 * S);
    judge(w, 1 * S);
    uint64_t before = w->picture.event_count;
    door_tells(w, "", off, 1200 * MS);
    door_tells(w, "", off, 1400 * MS);
    const struct status *s = judge(w, 1400 * MS);
    assert_int_equal(w->picture.event_count, before + 2);
    assert_string_equal(s->events[1].text, "door: de: retries are off: 0.20 of 100 tokens left");
    assert_string_equal(s->events[0].text,
                        "door: de/b: catalog (and 1 more) is left out: 3 failures in a row");
    assert_int_equal(s->doors[0].reason_count, 3);
    assert_int_equal(s->doors[0].reasons[1].until_ms, 900);
    door_says(w, "", 1600 * MS);
    s = judge(w, 1600 * MS);
    assert_int_equal(w->picture.event_count, before + 4);
    assert_string_equal(s->events[1].text, "door: de: retries are on again");
    assert_string_equal(s->events[0].text, "door: de/b: catalog (and 1 more) takes part again");
    assert_int_equal(s->doors[0].reason_count, 0);
    s = judge(w, 30 * S); /* a door of which nothing is heard says nothing */
    assert_int_equal(s->doors[0].requests, -1);
    assert_int_equal(s->doors[0].questions.asked, -1);
    static const char no_door[] = "{\"topology\": \"\", \"healthy\": true}";
    assert_int_equal(picture_door_said(&w->picture, 0, no_door, sizeof no_door - 1, 1, &w->err),
                     -1);
    assert_int_equal(w->err.code, ERR_CONFLICT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_picture_begins_with_starting),
        TEST(test_picture_is_healthy_when_all_and_the_door_answer),
        TEST(test_picture_tells_what_a_door_switches_off),
        TEST(test_picture_fades_without_news),
        TEST(test_picture_tells_losses_and_restarts),
        TEST(test_picture_shows_a_fault_until_the_zone_speaks_again),
        TEST(test_picture_keeps_its_own_when_it_hears_nonsense),
        TEST(test_picture_forgets_the_oldest_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
