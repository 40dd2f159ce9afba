/* Tests of control/gossip_table.c: everybody has a turn, and news are told often enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "control/gossip_table.h"

enum { MEMBERS = 60, ZONES = 3, NEWS = 8 };

struct made {
    struct arena arena;
    struct gossip_table table;
    struct rng rng;
};

/* Member 0 of zone 0 knows all, those of zone i % ZONES. */
static int setup(void **state)
{
    static struct made made;
    made = (struct made){.arena = {0}};
    rng_init(&made.rng, 1);
    if (gossip_table_init(&made.table, 0, 0, MEMBERS, NEWS, &made.arena) != 0)
        return -1;
    for (uint16_t i = 1; i < MEMBERS; i++)
        gossip_table_set(&made.table, i, (uint8_t)(i % ZONES), GOSSIP_ALIVE, 0);
    *state = &made;
    return 0;
}

static int teardown(void **state)
{
    arena_release(&((struct made *)*state)->arena);
    return 0;
}

static void check_turns(struct made *made, struct gossip_ring *ring, uint8_t zone, bool is_near)
{
    uint16_t count = ring->count;
    int64_t last[MEMBERS] = {0};
    unsigned turns[MEMBERS] = {0};
    for (int64_t turn = 1; turn <= 100 * count; turn++) {
        uint16_t who = gossip_ring_next(&made->table, ring, &made->rng);
        assert_true(who > 0 && who < MEMBERS && (who % ZONES == zone) == is_near);
        assert_true(turn - last[who] <= 2 * count - 1);
        last[who] = turn;
        turns[who]++;
    }
    for (uint16_t i = 1; i < MEMBERS; i++)
        assert_int_equal(turns[i], (i % ZONES == zone) == is_near ? 100 : 0);
}

static void test_gossip_ring_gives_everybody_a_turn_in_each_pass(void **state)
{
    struct made *made = *state;
    check_turns(made, &made->table.near, 0, true);
    check_turns(made, &made->table.far, 0, false);
}

static void test_gossip_ring_forgets_the_dead_and_takes_them_back(void **state)
{
    struct made *made = *state;
    struct gossip_table *t = &made->table;
    for (uint16_t i = 3; i < MEMBERS; i += ZONES)
        gossip_table_set(t, i, 0, i % 2 == 0 ? GOSSIP_DEAD : GOSSIP_LEFT, 1);
    assert_int_equal(t->live, 1 + 40);
    assert_int_equal(gossip_ring_next(t, &t->near, &made->rng), GOSSIP_NOBODY);
    assert_int_equal(gossip_ring_pick(t, &t->near, &made->rng), GOSSIP_NOBODY);
    gossip_table_set(t, 6, 0, GOSSIP_ALIVE, 2);
    gossip_table_set(t, 6, 0, GOSSIP_DEAD, 2);
    gossip_table_set(t, 6, 0, GOSSIP_SUSPECT, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(gossip_ring_next(t, &t->near, &made->rng), 6);
    assert_int_equal(gossip_ring_pick(t, &t->near, &made->rng), GOSSIP_NOBODY);
    assert_int_equal(t->near.count, 1);
    assert_int_equal(t->live, 1 + 40 + 1);
}

static uint16_t take(struct made *made, struct gossip_news out[], uint16_t max)
{
    return gossip_news_take(&made->table, out, max, 3);
}

static void test_gossip_news_least_sent_come_first(void **state)
{
    struct made *made = *state;
    struct gossip_news out[NEWS];
    for (uint16_t i = 1; i <= 3; i++)
        gossip_news_put(&made->table, i, GOSSIP_NOBODY, 0);
    /* The newest first; then those that have not been sent; then each again, as it was. */
    static const uint16_t order[] = {3, 2, 1, 3, 2, 1, 3, 2, 1};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        assert_int_equal(take(made, out, 1), 1);
        assert_int_equal(out[0].member, order[i]);
        assert_int_equal(out[0].sent, i / 3);
    }
    assert_int_equal(take(made, out, 1), 0); /* each three times */
}

static void test_gossip_news_begin_again_when_they_change(void **state)
{
    struct made *made = *state;
    struct gossip_news out[NEWS];
    gossip_news_put(&made->table, 1, 5, 0);
    assert_int_equal(take(made, out, NEWS), 1);
    assert_int_equal(take(made, out, NEWS), 1);
    gossip_news_put(&made->table, 1, 6, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take(made, out, NEWS), 1);
        assert_int_equal(out[0].by, 6);
    }
    assert_int_equal(take(made, out, NEWS), 0);
}

static void test_gossip_news_most_sent_are_dropped(void **state)
{
    struct made *made = *state;
    struct gossip_news out[NEWS];
    gossip_news_put(&made->table, 1, GOSSIP_NOBODY, 0);
    assert_int_equal(take(made, out, NEWS), 1);
    for (uint16_t i = 2; i <= NEWS + 2; i++)
        gossip_news_put(&made->table, i, GOSSIP_NOBODY, 0);
    assert_int_equal(made->table.news_dropped, 2);
    assert_int_equal(take(made, out, NEWS), NEWS);
    for (uint16_t i = 0; i < NEWS; i++)
        assert_int_equal(out[i].member, NEWS + 2 - i); /* without 1, sent once, and 2, the oldest */
    gossip_news_put(&made->table, 1, GOSSIP_NOBODY, 0); /* which was dropped, and knows it */
    assert_int_equal(take(made, out, 1), 1);
    assert_int_equal(out[0].member, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_gossip_ring_gives_everybody_a_turn_in_each_pass, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_gossip_ring_forgets_the_dead_and_takes_them_back,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_gossip_news_least_sent_come_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gossip_news_begin_again_when_they_change, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_gossip_news_most_sent_are_dropped, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
