/* Tests of control/gossip.c and gossip_belief.c: whose word counts, who comes and who goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "control/gossip.h"

enum { MEMBERS_MAX = 300, SECOND = 1000000 };

struct lab {
    struct gossip g;
    struct gossip_out out;
    struct gossip_out scratch;
};

static struct arena arena;
static struct lab one, two;

/* Member `self` of zone self % 3, knowing those below `members`. */
static void make(struct lab *l, uint16_t self, uint16_t members)
{
    struct rng rng;
    struct gossip_opts opts = gossip_usual;
    rng_init(&rng, 7);
    opts.self = self;
    opts.zone = (uint8_t)(self % 3);
    opts.members_max = MEMBERS_MAX;
    opts.period_us = SECOND;
    assert_int_equal(gossip_init(&l->g, &opts, &rng, &arena, 0), 0);
    for (uint16_t i = 0; i < members; i++)
        gossip_know(&l->g, i, (uint8_t)(i % 3), 0);
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void hear(struct lab *l, struct gossip_msg *m)
{
    m->zone = (uint8_t)(m->from % 3);
    gossip_step(&l->g, 0, m, &l->out);
}

static void hear_update(struct lab *l, uint16_t from, enum gossip_kind kind,
                        const struct gossip_update *u)
{
    struct gossip_msg m = {.kind = (uint8_t)kind,
                           .from = from,
                           .about = kind == GOSSIP_NEWS ? (uint16_t)GOSSIP_NOBODY : l->g.opts.self,
                           .count = 1,
                           .update = {*u}};
    m.update[0].zone = (uint8_t)(u->member % 3);
    if (u->state != GOSSIP_SUSPECT)
        m.update[0].by = GOSSIP_NOBODY;
    hear(l, &m);
}

static void say(struct lab *l, uint16_t member, int what, uint32_t incarnation)
{
    hear_update(l, 1, GOSSIP_NEWS,
                &(struct gossip_update){
                    .member = member, .state = (uint8_t)what, .incarnation = incarnation, .by = 1});
}

/* Hand what is in the outbox of one to the other, and back, until neither has more for it. */
static void talk(struct lab *a, struct lab *b)
{
    while (a->out.count > 0) {
        b->out.count = 0;
        struct gossip_out *answers = &b->scratch;
        answers->count = 0;
        for (size_t i = 0; i < a->out.count; i++) {
            if (a->out.letter[i].to != b->g.opts.self)
                continue;
            gossip_step(&b->g, 0, &a->out.letter[i].msg, &b->out);
            for (size_t k = 0; k < b->out.count; k++)
                answers->letter[answers->count++] = b->out.letter[k];
        }
        b->out = *answers;
        struct lab *swap = a;
        a = b;
        b = swap;
    }
}

static const struct gossip_update *sent(const struct lab *l, uint16_t member)
{
    assert_int_equal(l->out.count, 1);
    for (unsigned i = 0; i < l->out.letter[0].msg.count; i++)
        if (l->out.letter[0].msg.update[i].member == member)
            return &l->out.letter[0].msg.update[i];
    return NULL;
}

/* ---- whose word counts ---- */

struct word_row {
    int held;
    uint32_t held_incarnation;
    int said;
    uint32_t said_incarnation;
    int then;
    uint32_t then_incarnation;
};

enum { A = GOSSIP_ALIVE, S = GOSSIP_SUSPECT, D = GOSSIP_DEAD, L = GOSSIP_LEFT, U = GOSSIP_UNKNOWN };

static const struct word_row word_rows[] = {
    {A, 2, A, 1, A, 2}, {A, 2, A, 3, A, 3}, {A, 2, S, 1, A, 2}, {A, 2, S, 2, S, 2},
    {A, 2, S, 3, S, 3}, {A, 2, D, 1, A, 2}, {A, 2, D, 2, D, 2}, {A, 2, D, 3, D, 3},
    {A, 2, L, 1, A, 2}, {A, 2, L, 2, L, 2}, {S, 2, A, 2, S, 2}, {S, 2, A, 3, A, 3},
    {S, 2, S, 1, S, 2}, {S, 2, S, 3, S, 3}, {S, 2, D, 1, S, 2}, {S, 2, D, 2, D, 2},
    {S, 2, L, 2, L, 2}, {D, 2, A, 2, D, 2}, {D, 2, A, 3, A, 3}, {D, 2, S, 2, D, 2},
    {D, 2, S, 3, S, 3}, {D, 2, D, 3, D, 3}, {D, 2, L, 2, L, 2}, {L, 2, A, 2, L, 2},
    {L, 2, A, 3, A, 3}, {L, 2, S, 3, S, 3}, {L, 2, D, 2, L, 2}, {L, 2, D, 3, D, 3},
    {U, 0, A, 5, A, 5}, {U, 0, S, 5, S, 5}, {U, 0, D, 5, D, 5}, {U, 0, L, 5, L, 5},
};

static void test_gossip_believes_the_newer_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof word_rows / sizeof word_rows[0]; i++) {
        const struct word_row *row = &word_rows[i];
        make(&one, 0, 5);
        if (row->held != GOSSIP_UNKNOWN)
            say(&one, 7, row->held, row->held_incarnation);
        say(&one, 7, row->said, row->said_incarnation);
        if ((int)gossip_state_of(&one.g, 7) != row->then ||
            gossip_incarnation_of(&one.g, 7) != row->then_incarnation)
            fail_msg("row %zu: %d, incarnation %u", i, (int)gossip_state_of(&one.g, 7),
                     (unsigned)gossip_incarnation_of(&one.g, 7));
        assert_int_equal(gossip_live(&one.g), row->then <= GOSSIP_SUSPECT ? 6 : 5);
        assert_int_equal(one.g.suspicion_count, row->then == GOSSIP_SUSPECT);
    }
}

static void test_gossip_contradicts_what_is_said_of_itself(void **state)
{
    (void)state;
    static const struct {
        int said;
        uint32_t incarnation, then;
    } rows[] = {{A, 0, 0}, {S, 0, 1}, {D, 0, 1}, {L, 0, 1}, {A, 5, 6}, {S, 5, 6}, {D, 9, 10}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        make(&one, 0, 5);
        hear_update(&one, 1, GOSSIP_PING,
                    &(struct gossip_update){.member = 0,
                                            .state = (uint8_t)rows[i].said,
                                            .incarnation = rows[i].incarnation,
                                            .by = 2});
        assert_int_equal(gossip_incarnation_of(&one.g, 0), rows[i].then);
        assert_int_equal(gossip_state_of(&one.g, 0), GOSSIP_ALIVE);
        assert_int_equal(one.out.letter[0].msg.incarnation, rows[i].then);
        assert_int_equal(sent(&one, 0) != NULL, rows[i].then > 0);
        assert_int_equal(one.g.health, rows[i].said != A);
    }
}

static void test_gossip_incarnations_have_an_end(void **state)
{
    (void)state;
    make(&one, 0, 5);
    for (int i = 0; i < 3; i++)
        say(&one, 0, D, GOSSIP_INCARNATION_MAX);
    assert_int_equal(gossip_incarnation_of(&one.g, 0), GOSSIP_INCARNATION_MAX);
    assert_int_equal(gossip_state_of(&one.g, 0), GOSSIP_ALIVE);
}

static void test_gossip_corrects_old_news_once(void **state)
{
    (void)state;
    make(&one, 0, 5);
    const struct gossip_update old = {.member = 4, .state = S, .incarnation = 2, .by = 1};
    say(&one, 4, A, 3);
    while (one.g.table.news_count > 0)
        hear_update(&one, 1, GOSSIP_PING, &(struct gossip_update){.member = 4, .incarnation = 3});
    hear_update(&one, 1, GOSSIP_PING, &old);
    assert_non_null(sent(&one, 4));
    assert_int_equal(sent(&one, 4)->incarnation, 3);
    assert_int_equal(one.g.table.news_count, 0);
}

static void test_gossip_refuses_what_makes_no_sense(void **state)
{
    (void)state;
    make(&one, 0, 5);
    struct gossip_msg rows[] = {
        {.kind = GOSSIP_PING, .from = 0, .about = 0},           /* ourselves */
        {.kind = GOSSIP_PING, .from = 1, .about = 2},           /* for another */
        {.kind = GOSSIP_PING, .from = MEMBERS_MAX, .about = 0}, /* beyond our members */
        {.kind = GOSSIP_ASK, .from = 1, .about = MEMBERS_MAX},
        {.kind = GOSSIP_SYNC, .from = 1, .about = MEMBERS_MAX},
        {.kind = GOSSIP_KINDS, .from = 1, .about = 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hear(&one, &rows[i]);
        assert_int_equal(one.out.count, 0);
        assert_int_equal(one.g.counts.refused, i + 1);
    }
    say(&one, MEMBERS_MAX, A, 0);
    hear_update(&one, 1, GOSSIP_NEWS,
                &(struct gossip_update){.member = 4, .state = S, .by = MEMBERS_MAX});
    struct gossip_msg moved = {.kind = GOSSIP_PING, .from = 1, .zone = 2};
    gossip_step(&one.g, 0, &moved, &one.out);
    assert_int_equal(one.g.counts.refused, 9);
    assert_int_equal(gossip_live(&one.g), 5);
    assert_int_equal(one.g.suspicion_count, 0);
}

/* ---- coming and going ---- */

static void test_gossip_join_learns_all_in_pages_that_fit(void **state)
{
    (void)state;
    make(&one, 0, MEMBERS_MAX - 1);
    make(&two, MEMBERS_MAX - 1, 0);
    say(&one, 4, D, 3);
    say(&one, 5, L, 2);
    say(&one, 6, S, 1);
    gossip_join(&two.g, (const uint16_t[]){0}, 1, 0, &two.out);
    talk(&two, &one);
    assert_int_equal(two.g.seed_count, 0);
    assert_int_equal(gossip_live(&two.g), MEMBERS_MAX - 2);
    assert_int_equal(gossip_live(&one.g), MEMBERS_MAX - 2);
    assert_int_equal(gossip_state_of(&two.g, 4), GOSSIP_DEAD);
    assert_int_equal(gossip_state_of(&two.g, 5), GOSSIP_LEFT);
    assert_int_equal(gossip_state_of(&two.g, 6), GOSSIP_ALIVE); /* suspicions go their own way */
    assert_int_equal(gossip_incarnation_of(&two.g, 6), 1);
    assert_int_equal(gossip_state_of(&one.g, MEMBERS_MAX - 1), GOSSIP_ALIVE);
}

static void test_gossip_join_asks_again_until_it_is_told(void **state)
{
    (void)state;
    make(&one, 0, 5);
    make(&two, 9, 0);
    gossip_join(&two.g, (const uint16_t[]){0, 1}, 2, 0, &two.out);
    assert_int_equal(two.out.count, 2);
    int64_t now_us = 0;
    unsigned asked[2] = {0};
    for (int i = 0; i < 6; i++) {
        now_us = gossip_deadline_us(&two.g);
        gossip_step(&two.g, now_us, NULL, &two.out);
        for (size_t k = 0; k < two.out.count; k++)
            asked[two.out.letter[k].to] += two.out.letter[k].msg.kind == GOSSIP_SYNC;
    }
    assert_int_equal(asked[0], 3);
    assert_int_equal(asked[1], 3);
}

static void test_gossip_comes_back_with_a_higher_incarnation(void **state)
{
    (void)state;
    static const int before[] = {A, S, D, L};
    for (size_t i = 0; i < 4; i++) {
        make(&one, 0, 5);
        say(&one, 3, before[i], 7);
        make(&two, 3, 0);
        gossip_join(&two.g, (const uint16_t[]){0}, 1, 0, &two.out);
        talk(&two, &one);
        assert_int_equal(gossip_incarnation_of(&two.g, 3), 8);
        two.out.count = 1;
        two.out.letter[0] = (struct gossip_letter){
            .to = 0, .msg = {.kind = GOSSIP_PING, .from = 3, .incarnation = 8}};
        talk(&two, &one);
        assert_int_equal(gossip_state_of(&one.g, 3), GOSSIP_ALIVE);
        assert_int_equal(gossip_incarnation_of(&one.g, 3), 8);
    }
}

static void test_gossip_leaves_with_a_word(void **state)
{
    (void)state;
    make(&one, 0, 5);
    make(&two, 1, 5);
    gossip_leave(&one.g, 0, &one.out);
    assert_true(one.out.count >= 4);
    for (size_t i = 0; i < one.out.count; i++) {
        assert_int_equal(one.out.letter[i].msg.kind, GOSSIP_NEWS);
        gossip_step(&two.g, 0, &one.out.letter[i].msg, &two.out);
    }
    assert_int_equal(gossip_state_of(&two.g, 0), GOSSIP_LEFT);
    assert_true(gossip_deadline_us(&one.g) == INT64_MAX);
    hear_update(&one, 1, GOSSIP_PING, &(struct gossip_update){.member = 0, .state = L});
    assert_int_equal(one.out.count, 0);
}

static void test_gossip_tells_the_dead(void **state)
{
    (void)state;
    make(&one, 0, 5);
    say(&one, 4, D, 2);
    unsigned told = 0;
    for (int i = 0; i < 200; i++) {
        gossip_step(&one.g, gossip_deadline_us(&one.g), NULL, &one.out);
        for (size_t k = 0; k < one.out.count; k++) {
            const struct gossip_letter *l = &one.out.letter[k];
            if (l->to != 4)
                continue;
            told++;
            assert_int_equal(l->msg.kind, GOSSIP_PING);
            assert_int_equal(l->msg.update[0].member, 4);
            assert_int_equal(l->msg.update[0].state, GOSSIP_DEAD);
            assert_int_equal(l->msg.update[0].incarnation, 2);
        }
    }
    assert_true(told > 0);
}

static void test_gossip_takes_the_memory_that_it_says(void **state)
{
    (void)state;
    struct gossip_opts opts = gossip_usual;
    struct arena own = {0};
    struct rng rng;
    rng_init(&rng, 1);
    opts.members_max = GOSSIP_MEMBERS_MAX;
    assert_int_equal(gossip_init(&one.g, &opts, &rng, &own, 0), 0);
    assert_int_equal(gossip_memory(&opts), 10000 * 10 + 512 * 6 + 512 * 24);
    assert_in_range(arena_bytes(&own), gossip_memory(&opts), gossip_memory(&opts) + 2 * 65536);
    arena_release(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gossip_believes_the_newer_word),
        cmocka_unit_test(test_gossip_contradicts_what_is_said_of_itself),
        cmocka_unit_test(test_gossip_incarnations_have_an_end),
        cmocka_unit_test(test_gossip_corrects_old_news_once),
        cmocka_unit_test(test_gossip_refuses_what_makes_no_sense),
        cmocka_unit_test(test_gossip_join_learns_all_in_pages_that_fit),
        cmocka_unit_test(test_gossip_join_asks_again_until_it_is_told),
        cmocka_unit_test(test_gossip_comes_back_with_a_higher_incarnation),
        cmocka_unit_test(test_gossip_leaves_with_a_word),
        cmocka_unit_test(test_gossip_tells_the_dead),
        cmocka_unit_test(test_gossip_takes_the_memory_that_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
