/* Tests of control/gossip.c: one member, and the messages and the time that we hand it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "control/gossip.h"
#include "control/gossip_story.h"

enum { MEMBERS_MAX = 300, SECOND = 1000000 };

/* Member 0, in zone a of three unless said otherwise; member i is in zone i % zones. */
struct lab {
    struct arena arena;
    struct gossip g;
    struct gossip_out out;
    int64_t now_us;
    uint16_t zones;
    bool cut_far; /* nothing comes from other zones */
    unsigned events[GOSSIP_EVENTS];
    char story[16][GOSSIP_STORY_MAX]; /* the last lines */
    unsigned lines;
};

static struct lab lab;

static const char *name_of(void *context, uint16_t member)
{
    static char names[4][24];
    static unsigned next;
    (void)context;
    char *name = names[next++ % 4];
    snprintf(name, sizeof names[0], "%c%u", 'a' + member % lab.zones, (unsigned)member);
    return name;
}

static void trace(void *context, const struct gossip_record *r)
{
    struct lab *l = context;
    l->events[r->event]++;
    gossip_story(l->story[l->lines++ % 16], r, name_of, NULL);
}

static void make(uint16_t members, uint16_t zones, const struct gossip_opts *like)
{
    struct rng rng;
    arena_release(&lab.arena);
    lab = (struct lab){.zones = zones};
    rng_init(&rng, 7);
    struct gossip_opts opts = *like;
    opts.members_max = MEMBERS_MAX;
    opts.period_us = SECOND;
    opts.ack_wait_us = SECOND / 4;
    opts.late_us = SECOND / 8;
    opts.trace = trace;
    opts.context = &lab;
    assert_int_equal(gossip_init(&lab.g, &opts, &rng, &lab.arena, 0), 0);
    for (uint16_t i = 1; i < members; i++)
        gossip_know(&lab.g, i, (uint8_t)(i % zones), 0);
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&lab.arena);
    return 0;
}

static const struct gossip_msg *letter(uint16_t to, enum gossip_kind kind)
{
    for (size_t i = 0; i < lab.out.count; i++)
        if (lab.out.letter[i].to == to && lab.out.letter[i].msg.kind == kind)
            return &lab.out.letter[i].msg;
    return NULL;
}

static const struct gossip_update *update_of(const struct gossip_msg *m, uint16_t member)
{
    for (unsigned i = 0; m != NULL && i < m->count; i++)
        if (m->update[i].member == member)
            return &m->update[i];
    return NULL;
}

static void hear_msg(struct gossip_msg *m)
{
    m->zone = (uint8_t)(m->from % lab.zones);
    gossip_step(&lab.g, lab.now_us, m, &lab.out);
}

static void hear(uint16_t from, enum gossip_kind kind, uint16_t about, uint32_t seq)
{
    hear_msg(&(struct gossip_msg){.kind = (uint8_t)kind, .from = from, .about = about, .seq = seq});
}

static void say(uint16_t from, uint16_t member, enum gossip_state what, uint32_t incarnation,
                uint16_t by)
{
    struct gossip_msg m = {.kind = GOSSIP_NEWS, .from = from, .about = GOSSIP_NOBODY, .count = 1};
    m.update[0] = (struct gossip_update){.member = member,
                                         .incarnation = incarnation,
                                         .zone = (uint8_t)(member % lab.zones),
                                         .state = (uint8_t)what,
                                         .by = by};
    hear_msg(&m);
}

static void wake(void)
{
    lab.now_us = gossip_deadline_us(&lab.g);
    gossip_step(&lab.g, lab.now_us, NULL, &lab.out);
}

/* Let time pass, in which all others answer but `dead`. Its own first period ends somewhere. */
static void live(int64_t periods, uint16_t dead)
{
    static struct gossip_out out;
    int64_t end_us = lab.now_us + periods * SECOND;
    while (gossip_deadline_us(&lab.g) <= end_us) {
        wake();
        out = lab.out;
        for (size_t i = 0; i < out.count; i++) {
            const struct gossip_letter *l = &out.letter[i];
            if (l->to == dead || (lab.cut_far && l->to % lab.zones != 0))
                continue;
            if (l->msg.about != dead && l->msg.kind <= GOSSIP_ASK)
                hear(l->to, GOSSIP_ACK, l->msg.about, l->msg.seq);
            else if (l->msg.kind == GOSSIP_ASK)
                hear(l->to, GOSSIP_NACK, l->msg.about, l->msg.seq);
        }
    }
    lab.now_us = end_us;
}

static enum gossip_state state_of(uint16_t member)
{
    return gossip_state_of(&lab.g, member);
}

/* ---- a silent one ---- */

static void test_gossip_asks_then_suspects_and_tells_the_suspect(void **state)
{
    (void)state;
    make(12, 3, &gossip_usual);
    wake();
    assert_int_equal(lab.out.count, 1);
    uint16_t target = lab.out.letter[0].to;
    uint32_t seq = lab.out.letter[0].msg.seq;
    int64_t began_us = lab.now_us;
    wake();
    assert_int_equal(lab.now_us - began_us, SECOND / 4);
    assert_int_equal(lab.out.count, 1 + 3); /* once more itself, and three others */
    assert_non_null(letter(target, GOSSIP_PING));
    unsigned near = 0;
    for (size_t i = 1; i < lab.out.count; i++) {
        const struct gossip_letter *l = &lab.out.letter[i];
        assert_int_equal(l->msg.kind, GOSSIP_ASK);
        assert_int_equal(l->msg.about, target);
        assert_int_equal(l->msg.seq, seq);
        assert_true(l->to != target);
        near += l->to % 3 == 0;
    }
    assert_int_equal(near, 1);
    assert_int_equal(state_of(target), GOSSIP_ALIVE);
    wake();
    assert_int_equal(lab.now_us - began_us, SECOND);
    assert_int_equal(state_of(target), GOSSIP_SUSPECT);
    const struct gossip_update *u = update_of(letter(target, GOSSIP_PING), target);
    assert_non_null(u);
    assert_ptr_equal(u, &letter(target, GOSSIP_PING)->update[0]);
    assert_int_equal(u->state, GOSSIP_SUSPECT);
    assert_int_equal(u->by, 0);
    assert_int_equal(lab.out.count, 2);
    assert_true(lab.out.letter[0].to == target && lab.out.letter[1].to != target); /* the next */
    while (lab.g.table.news_count > 0)
        hear(1, GOSSIP_PING, 0, 5);
    hear(target, GOSSIP_PING, 0, 5); /* it is told whenever we write to it */
    assert_int_equal(letter(target, GOSSIP_ACK)->count, 1);
    assert_int_equal(letter(target, GOSSIP_ACK)->update[0].member, target);
    char expected[GOSSIP_STORY_MAX];
    snprintf(expected, sizeof expected, "[%4lldms] a0 > suspect %s (no ack, 3 asked)",
             (long long)lab.now_us / 1000, name_of(NULL, target));
    assert_string_equal(lab.story[1], expected);
}

static void test_gossip_is_content_with_an_answer_that_others_bring(void **state)
{
    (void)state;
    make(6, 3, &gossip_usual);
    wake();
    uint16_t target = lab.out.letter[0].to;
    uint32_t seq = lab.out.letter[0].msg.seq;
    wake();
    uint16_t asked = lab.out.letter[1].to;
    uint16_t not_asked = 0;
    for (uint16_t i = 1; i < 6; i++)
        if (i != target && letter(i, GOSSIP_ASK) == NULL)
            not_asked = i;
    hear(not_asked, GOSSIP_ACK, target, seq); /* who was not asked does not know */
    hear(asked, GOSSIP_ACK, target, seq + 1);
    hear(asked, GOSSIP_ACK, asked, seq);
    assert_int_equal(lab.g.probe.target, target);
    hear(asked, GOSSIP_ACK, target, seq);
    assert_int_equal(lab.g.probe.target, GOSSIP_NOBODY);
    wake();
    assert_int_equal(lab.events[GOSSIP_SUSPECTS], 0);
    assert_int_equal(gossip_live(&lab.g), 6);
}

static void test_gossip_pings_for_others_and_says_what_came_of_it(void **state)
{
    (void)state;
    make(6, 3, &gossip_usual);
    hear(1, GOSSIP_ASK, 2, 77);
    assert_non_null(letter(2, GOSSIP_PING));
    uint32_t seq = letter(2, GOSSIP_PING)->seq;
    hear(4, GOSSIP_ACK, 2, seq); /* only itself can say so */
    hear(2, GOSSIP_ACK, 2, seq + 1);
    assert_int_equal(lab.out.count, 0);
    hear(2, GOSSIP_ACK, 2, seq);
    assert_int_equal(lab.out.count, 1);
    assert_non_null(letter(1, GOSSIP_ACK));
    assert_int_equal(letter(1, GOSSIP_ACK)->about, 2);
    assert_int_equal(letter(1, GOSSIP_ACK)->seq, 77);
    lab.now_us = gossip_deadline_us(&lab.g) - 1;
    hear(1, GOSSIP_ASK, 2, 78);
    int64_t asked_us = lab.now_us;
    do
        wake();
    while (lab.now_us < asked_us + SECOND / 4);
    assert_non_null(letter(1, GOSSIP_NACK));
    assert_int_equal(letter(1, GOSSIP_NACK)->seq, 78);
    hear(1, GOSSIP_ASK, 0, 79); /* about ourselves */
    assert_int_equal(letter(1, GOSSIP_ACK)->seq, 79);
    for (int i = 0; i < GOSSIP_RELAYS_MAX + 3; i++)
        hear(1, GOSSIP_ASK, 2, 80);
    assert_int_equal(lab.g.counts.unheard, 3);
    assert_int_equal(lab.out.count, 0);
}

/* ---- death ---- */

static void test_gossip_silence_in_two_zones_is_death(void **state)
{
    (void)state;
    make(7, 3, &gossip_usual);
    live(60, 3);
    assert_int_equal(state_of(3), GOSSIP_DEAD);
    assert_int_equal(lab.events[GOSSIP_BURIES], 1);
    assert_int_equal(gossip_live(&lab.g), 6);
}

/* One voice alone takes suspect_max = 6 periods by the logarithm, 3; three more in their own right
 * suspect_min = 2. Between them the steps are ln 2 / ln 4 and ln 3 / ln 4 of the way. */
static void test_gossip_more_voices_are_heard_sooner(void **state)
{
    (void)state;
    static const double after_s[] = {18, 12, 18 - 12 * 0.79248, 6, 6};
    for (uint16_t voices = 1; voices <= 5; voices++) {
        make(7, 3, &gossip_usual);
        live(1, GOSSIP_NOBODY);
        for (uint16_t i = 1; i <= voices; i++)
            say(i, 6, GOSSIP_SUSPECT, 0, i);
        for (int i = 0; i < 3; i++) /* the same voice again is none more */
            say(1, 6, GOSSIP_SUSPECT, 0, 1);
        if (voices == 1) /* its zone alone would not do */
            lab.g.suspicion[0].two_zones = true;
        int64_t since_us = lab.now_us;
        while (state_of(6) == GOSSIP_SUSPECT) {
            wake(); /* a ping that is answered */
            hear(lab.out.letter[0].to, GOSSIP_ACK, lab.out.letter[0].to, lab.out.letter[0].msg.seq);
        }
        double took_s = (double)(lab.now_us - since_us) / SECOND;
        assert_true(took_s >= after_s[voices - 1] && took_s <= after_s[voices - 1] + 1);
    }
}

/* Of three members only one besides the first can say so: then it is as if all had. */
static void test_gossip_few_members_need_few_voices(void **state)
{
    (void)state;
    make(3, 3, &gossip_usual);
    say(1, 2, GOSSIP_SUSPECT, 0, 1);
    say(1, 2, GOSSIP_SUSPECT, 0, 0);
    live(3, GOSSIP_NOBODY);
    assert_int_equal(state_of(2), GOSSIP_SUSPECT);
    live(2, GOSSIP_NOBODY); /* suspect_min = 2 by the logarithm, 2 */
    assert_int_equal(state_of(2), GOSSIP_DEAD);
}

/* Everybody in other zones says it lives, or is silent; the first to suspect it is in our zone. */
static void suspect_in_one_zone(void)
{
    say(3, 6, GOSSIP_SUSPECT, 0, 3);
    say(9, 6, GOSSIP_SUSPECT, 0, 9);
    assert_int_equal(state_of(6), GOSSIP_SUSPECT);
}

static void test_gossip_one_zone_alone_does_not_kill(void **state)
{
    (void)state;
    make(12, 3, &gossip_usual);
    suspect_in_one_zone();
    live(200, GOSSIP_NOBODY); /* we hear from the others */
    assert_int_equal(state_of(6), GOSSIP_SUSPECT);
    say(1, 6, GOSSIP_SUSPECT, 0, 1); /* of zone b */
    assert_int_equal(lab.events[GOSSIP_AGREES], 1);
    live(2, GOSSIP_NOBODY);
    assert_int_equal(state_of(6), GOSSIP_DEAD);
}

static void test_gossip_one_zone_kills_when_it_hears_of_no_other(void **state)
{
    (void)state;
    make(12, 3, &gossip_usual);
    live(10, GOSSIP_NOBODY);
    suspect_in_one_zone();
    lab.cut_far = true;
    live(15, GOSSIP_NOBODY); /* 4 * far_every = 16 periods: they are waited for */
    assert_int_equal(state_of(6), GOSSIP_SUSPECT);
    live(150, GOSSIP_NOBODY);
    assert_int_equal(state_of(6), GOSSIP_DEAD);
}

static void test_gossip_one_asked_in_our_own_zone_is_no_second_zone(void **state)
{
    (void)state;
    for (int cut = 0; cut < 2; cut++) {
        make(12, 3, &gossip_usual);
        live(4, GOSSIP_NOBODY);
        lab.cut_far = cut == 1; /* those elsewhere cannot say that they hear nothing either */
        for (int i = 0; i < 10 && state_of(6) == GOSSIP_ALIVE; i++)
            live(1, 6);
        assert_int_equal(state_of(6), GOSSIP_SUSPECT);
        for (uint16_t i = 0; i < lab.g.suspicion_count; i++)
            if (lab.g.suspicion[i].member == 6)
                assert_int_equal(lab.g.suspicion[i].two_zones, cut == 0);
    }
}

static void test_gossip_one_zone_kills_when_there_is_no_other(void **state)
{
    (void)state;
    make(12, 1, &gossip_usual);
    live(60, 6);
    assert_int_equal(state_of(6), GOSSIP_DEAD);
    assert_int_equal(lab.events[GOSSIP_AGREES], 0);
}

static void test_gossip_ours_may_agree_with_another_zone(void **state)
{
    (void)state;
    make(12, 3, &gossip_usual);
    lab.cut_far = true; /* but we are there, and in another zone than who began */
    say(1, 6, GOSSIP_SUSPECT, 0, 1);
    say(4, 6, GOSSIP_SUSPECT, 0, 4);
    live(40, GOSSIP_NOBODY);
    assert_int_equal(state_of(6), GOSSIP_SUSPECT);
    say(3, 6, GOSSIP_SUSPECT, 0, 3);
    live(2, GOSSIP_NOBODY);
    assert_int_equal(state_of(6), GOSSIP_DEAD);
}

/* Alone in our zone we hear from one other only, that of those who say so: we are there to agree.
 */
static void test_gossip_alone_in_our_zone_we_are_asked_too(void **state)
{
    (void)state;
    make(1, 2, &gossip_usual);
    for (uint16_t i = 1; i <= 7; i += 2)
        gossip_know(&lab.g, i, 1, 0);
    say(1, 5, GOSSIP_SUSPECT, 0, 1);
    say(3, 5, GOSSIP_SUSPECT, 0, 3);
    live(60, GOSSIP_NOBODY);
    assert_int_equal(state_of(5), GOSSIP_SUSPECT);
    live(30, 5); /* and when it is silent, we do */
    assert_int_equal(state_of(5), GOSSIP_DEAD);
}

static void test_gossip_suspects_no_more_than_there_is_room_for(void **state)
{
    (void)state;
    struct gossip_opts opts = gossip_usual;
    opts.suspects_max = 2;
    make(12, 3, &opts);
    for (uint16_t i = 4; i < 8; i++)
        say(1, i, GOSSIP_SUSPECT, 0, 1);
    assert_int_equal(state_of(5), GOSSIP_SUSPECT);
    assert_int_equal(state_of(6), GOSSIP_ALIVE);
    assert_int_equal(lab.g.counts.unheard, 2);
    say(1, 4, GOSSIP_ALIVE, 1, GOSSIP_NOBODY); /* the first gives its place to the second */
    say(1, 6, GOSSIP_SUSPECT, 0, 1);
    say(1, 5, GOSSIP_DEAD, 0, GOSSIP_NOBODY);
    assert_int_equal(state_of(6), GOSSIP_SUSPECT);
    assert_int_equal(state_of(5), GOSSIP_DEAD);
}

/* ---- being slow ---- */

static void test_gossip_late_steps_judge_nobody(void **state)
{
    (void)state;
    make(6, 3, &gossip_usual);
    wake();
    uint16_t target = lab.out.letter[0].to;
    uint32_t seq = lab.out.letter[0].msg.seq;
    lab.now_us += 20 * SECOND;
    gossip_step(&lab.g, lab.now_us, NULL, &lab.out);
    assert_int_equal(lab.out.count, 0);
    assert_int_equal(gossip_deadline_us(&lab.g), lab.now_us); /* at once, but read first */
    assert_string_equal(strchr(lab.story[0], '>'), "> late by 19750ms");
    hear(target, GOSSIP_ACK, target, seq);
    assert_int_equal(gossip_deadline_us(&lab.g), lab.now_us + SECOND * 3 / 4);
    assert_int_equal(lab.g.health, 1);
    wake();
    assert_int_equal(lab.events[GOSSIP_SUSPECTS], 0);
    assert_int_equal(lab.g.tick_us + lab.g.slept_us, lab.now_us + 2 * SECOND); /* slower */
}

static void test_gossip_always_late_still_acts(void **state)
{
    (void)state;
    make(6, 3, &gossip_usual);
    unsigned letters = 0;
    for (int i = 0; i < 30; i++) {
        lab.now_us = gossip_deadline_us(&lab.g) + 10 * SECOND;
        gossip_step(&lab.g, lab.now_us, NULL, &lab.out);
        letters += lab.out.count > 0;
    }
    assert_int_equal(letters, 15); /* every second step */
    assert_int_equal(lab.g.health, gossip_usual.health_max);
}

static void test_gossip_sleep_does_not_age_suspicions(void **state)
{
    (void)state;
    make(6, 3, &gossip_usual);
    live(1, GOSSIP_NOBODY);
    say(1, 5, GOSSIP_SUSPECT, 0, 1);
    say(3, 5, GOSSIP_SUSPECT, 0, 3);
    lab.now_us += 100 * SECOND;
    for (int i = 0; i < 2; i++)
        gossip_step(&lab.g, lab.now_us, NULL, &lab.out);
    live(3, GOSSIP_NOBODY);
    assert_int_equal(state_of(5), GOSSIP_SUSPECT);
}

static void test_gossip_silence_of_all_makes_slower_that_of_one_does_not(void **state)
{
    (void)state;
    make(12, 3, &gossip_usual);
    live(40, 5); /* those asked say that they are there */
    assert_int_equal(lab.g.health, 0);
    lab.cut_far = true;
    for (int i = 0; i < 60; i++)
        wake();
    assert_int_equal(lab.g.health, gossip_usual.health_max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gossip_asks_then_suspects_and_tells_the_suspect),
        cmocka_unit_test(test_gossip_is_content_with_an_answer_that_others_bring),
        cmocka_unit_test(test_gossip_pings_for_others_and_says_what_came_of_it),
        cmocka_unit_test(test_gossip_silence_in_two_zones_is_death),
        cmocka_unit_test(test_gossip_more_voices_are_heard_sooner),
        cmocka_unit_test(test_gossip_few_members_need_few_voices),
        cmocka_unit_test(test_gossip_one_zone_alone_does_not_kill),
        cmocka_unit_test(test_gossip_one_zone_kills_when_it_hears_of_no_other),
        cmocka_unit_test(test_gossip_one_asked_in_our_own_zone_is_no_second_zone),
        cmocka_unit_test(test_gossip_one_zone_kills_when_there_is_no_other),
        cmocka_unit_test(test_gossip_ours_may_agree_with_another_zone),
        cmocka_unit_test(test_gossip_alone_in_our_zone_we_are_asked_too),
        cmocka_unit_test(test_gossip_suspects_no_more_than_there_is_room_for),
        cmocka_unit_test(test_gossip_late_steps_judge_nobody),
        cmocka_unit_test(test_gossip_always_late_still_acts),
        cmocka_unit_test(test_gossip_sleep_does_not_age_suspicions),
        cmocka_unit_test(test_gossip_silence_of_all_makes_slower_that_of_one_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
