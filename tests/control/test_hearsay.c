/* Tests of control/hearsay.c and gossip_view.c: from records to views, and from views to one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/gossip_msg.h"
#include "control/gossip_story.h"
#include "control/gossip_view.h"
#include "control/hearsay.h"
#include "control/pace.h"

static const char text[] = "{\"countries\": [\"DE\"], \"cells\": {\"de\": {\"countries\": [\"DE\"],"
                           " \"zones\": [\"a\", \"b\", \"c\"]}},"
                           " \"services\": [\"catalog\", \"customer\", \"order\", \"vendor\"]}";

/* ---- a member's own view ---- */

static void test_view_keeps_who_said_it_first_and_who_agreed(void **state)
{
    enum { SELF, OTHER, THIRD, MEMBERS };
    (void)state;
    struct arena a = {0};
    struct gossip_view v;
    assert_int_equal(gossip_view_init(&v, MEMBERS, SELF, 5, &a), 0);
    const struct gossip_seen *seen = &v.seen[OTHER];
    assert_int_equal(v.seen[SELF].state, GOSSIP_ALIVE);
    assert_int_equal(seen->state, GOSSIP_UNKNOWN);
    static const struct {
        enum gossip_event event;
        enum gossip_state state;
        int64_t since_us;
        uint16_t by, also;
    } rows[] = {
        {GOSSIP_MEETS, GOSSIP_ALIVE, 10, GOSSIP_NOBODY, GOSSIP_NOBODY},
        {GOSSIP_HEARS, GOSSIP_SUSPECT, 20, THIRD, GOSSIP_NOBODY},
        {GOSSIP_SUSPECTS, GOSSIP_SUSPECT, 20, THIRD, GOSSIP_NOBODY},
        {GOSSIP_AGREES, GOSSIP_SUSPECT, 20, THIRD, THIRD},
        {GOSSIP_ASKS, GOSSIP_SUSPECT, 20, THIRD, THIRD},
        {GOSSIP_BURIES, GOSSIP_DEAD, 60, THIRD, THIRD},
        {GOSSIP_MOURNS, GOSSIP_DEAD, 60, THIRD, THIRD},
        {GOSSIP_RETURNS, GOSSIP_ALIVE, 80, GOSSIP_NOBODY, GOSSIP_NOBODY},
        {GOSSIP_SUSPECTS, GOSSIP_SUSPECT, 90, SELF, GOSSIP_NOBODY},
        {GOSSIP_TRUSTS, GOSSIP_ALIVE, 100, GOSSIP_NOBODY, GOSSIP_NOBODY},
        {GOSSIP_GOES, GOSSIP_LEFT, 110, GOSSIP_NOBODY, GOSSIP_NOBODY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct gossip_record r = {.now_us = 10 * (int64_t)(i + 1),
                                        .self = SELF,
                                        .member = OTHER,
                                        .by = THIRD,
                                        .event = (uint8_t)rows[i].event};
        gossip_view_take(&v, &r);
        if (seen->state != rows[i].state || seen->since_us != rows[i].since_us ||
            seen->by != rows[i].by || seen->also != rows[i].also)
            fail_msg("row %zu: state %d since %lld by %d also %d", i, seen->state,
                     (long long)seen->since_us, seen->by, seen->also);
    }
    arena_release(&a);
}

/* ---- of many, one ---- */

struct world {
    struct arena arena;
    struct topo topo;
    struct layout layout;
    struct hearsay hearsay;
    struct status_gossip sum;
    char story[1024]; /* what changed, a line each */
};

static void world_make(struct world *w)
{
    struct error err;
    memset(w, 0, sizeof *w);
    if (topo_parse(&w->topo, text, strlen(text), NULL, 0, &w->arena, &err) != 0 ||
        layout_init(&w->layout, &w->topo, "state", 20000, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(hearsay_init(&w->hearsay, &w->layout, 0, &w->arena), 0);
}

static void on_change(void *context, const struct status_member *now, int before)
{
    struct world *w = context;
    char words[HEARSAY_WORDS_MAX];
    size_t used = strlen(w->story);
    if (before == GOSSIP_UNKNOWN && now->state == GOSSIP_ALIVE)
        return;
    hearsay_words(now, before, words);
    snprintf(w->story + used, sizeof w->story - used, "%s\n", words);
}

static void sum(struct world *w, const struct status_gossip *one, const struct status_gossip *two,
                const struct status_gossip *three)
{
    const struct status_gossip *said[] = {one, two, three};
    w->story[0] = '\0';
    hearsay_sum(&w->hearsay, said, 3, &w->sum, on_change, w);
}

static void test_hearsay_is_what_most_say(void **state)
{
    (void)state;
    struct world w;
    struct status_member suspect = {"b/agent", GOSSIP_SUSPECT, "a/agent", "", 700, 1},
                         dead = {"b/agent", GOSSIP_DEAD, "a/agent", "c/order", 900, 1},
                         stranger = {"z/agent", GOSSIP_DEAD, "", "", 1, 1};
    struct status_gossip well = {15, 15, 2, NULL, 0}, doubts = {15, 15, 1, &suspect, 1},
                         mourns = {15, 14, 0, &dead, 1}, garbles = {15, 14, 0, &stranger, 1};
    world_make(&w);
    sum(&w, &well, &well, &well);
    assert_string_equal(w.story, "");
    assert_int_equal(w.sum.live, 15);
    assert_int_equal(w.sum.refused, 6);
    sum(&w, &doubts, &well, &well); /* one alone is not believed */
    assert_int_equal(w.sum.troubled_count, 0);
    sum(&w, &doubts, &doubts, &well);
    assert_string_equal(w.story, "gossip suspects b/agent (a/agent had no answer)\n");
    assert_int_equal(w.sum.troubled_count, 1);
    assert_int_equal(w.sum.troubled[0].views, 2);
    sum(&w, &mourns, &doubts, &well); /* one each: the worse */
    assert_string_equal(w.story,
                        "gossip calls b/agent dead (a/agent had no answer, nor had c/order)\n");
    assert_int_equal(w.sum.live, 14);
    assert_int_equal(w.sum.troubled[0].ago_ms, 900);
    assert_false(hearsay_zone_is_dead(&w.hearsay, 1));
    sum(&w, &well, &well, &garbles);
    assert_string_equal(w.story, "gossip has heard again of b/agent\n");
    arena_release(&w.arena);
}

static void test_hearsay_calls_a_zone_dead_when_all_of_it_is(void **state)
{
    (void)state;
    struct world w;
    static const char *const names[] = {"c/catalog", "c/customer", "c/order", "c/vendor",
                                        "c/agent"};
    struct status_member dead[5];
    for (size_t i = 0; i < 5; i++)
        dead[i] = (struct status_member){names[i], GOSSIP_DEAD, "", "", 1, 1};
    struct status_gossip four = {15, 11, 0, dead, 4}, all = {15, 10, 0, dead, 5};
    world_make(&w);
    sum(&w, &four, &four, &four);
    assert_false(hearsay_zone_is_dead(&w.hearsay, 2));
    sum(&w, &all, &all, &all);
    assert_true(hearsay_zone_is_dead(&w.hearsay, 2));
    assert_false(hearsay_zone_is_dead(&w.hearsay, 0));
    hearsay_sum(&w.hearsay, NULL, 0, &w.sum, on_change, &w); /* nobody speaks: as it was */
    assert_true(hearsay_zone_is_dead(&w.hearsay, 2));
    arena_release(&w.arena);
}

static void test_pace_is_as_fast_as_all_of_them_may_be(void **state)
{
    (void)state;
    assert_int_equal(pace_us(1), 200000);
    assert_int_equal(pace_us(33), 200000);
    assert_int_equal(pace_us(100), 600000);
    assert_int_equal(pace_us(450), 6900000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view_keeps_who_said_it_first_and_who_agreed),
        cmocka_unit_test(test_hearsay_is_what_most_say),
        cmocka_unit_test(test_hearsay_calls_a_zone_dead_when_all_of_it_is),
        cmocka_unit_test(test_pace_is_as_fast_as_all_of_them_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
