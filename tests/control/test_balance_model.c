/* control/balance.c against a plain model of its rules, over random storms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "control/balance.h"

enum { ZONES_MAX = 5, REPLICAS_MAX = ZONES_MAX * 4, OPEN_MAX = 64, EJECT_US = 500 };

/* A replica as the rules speak of it. */
struct model_replica {
    uint16_t zone;
    uint32_t open;     /* tries under way */
    uint32_t streak;   /* failures since the last answer */
    bool banned;       /* left out until `until_us` */
    bool on_probation; /* its ban is over and no try has told yet */
    bool probed;       /* on probation, and the one try is under way */
    int64_t until_us;
    uint32_t bans;   /* one soon after the other */
    int64_t soon_us; /* until then one more is soon after */
};

struct model {
    struct model_replica replica[REPLICAS_MAX];
    uint32_t count;
    uint32_t limit;
};

static bool takes_part(const struct model_replica *r)
{
    return !r->banned && !r->probed;
}

/* Those who may be picked, in ascending order; `blind` when none of them takes part. */
static uint32_t model_candidates(const struct model *m, uint16_t avoid, uint32_t *list, bool *blind)
{
    uint32_t outside = 0, count = 0;
    for (uint32_t i = 0; i < m->count; i++)
        outside += m->replica[i].zone != avoid;
    for (int all = 0; all < 2 && count == 0; all++) {
        *blind = all;
        for (uint32_t i = 0; i < m->count; i++)
            if ((outside == 0 || m->replica[i].zone != avoid) &&
                (all || takes_part(&m->replica[i])))
                list[count++] = i;
    }
    return count;
}

/* The same draws as the real one: two halves of one number; when blind, of two distinct ones
 * by rng_below the one whose ban ends first. */
static uint32_t model_pick(struct model *m, uint16_t avoid, struct rng *rng, int64_t now_us)
{
    for (uint32_t i = 0; i < m->count; i++) {
        struct model_replica *r = &m->replica[i];
        if (r->banned && r->until_us <= now_us) {
            r->banned = false;
            r->on_probation = true;
            r->streak = m->limit - 1;
        }
    }
    uint32_t list[REPLICAS_MAX];
    bool blind;
    uint32_t count = model_candidates(m, avoid, list, &blind);
    if (count == 0)
        return BALANCE_NONE;
    if (blind) {
        uint32_t first = rng_below(rng, count);
        uint32_t second = count == 1 ? first : rng_below(rng, count - 1);
        second += count > 1 && second >= first;
        bool sooner = m->replica[list[second]].until_us < m->replica[list[first]].until_us;
        return list[sooner ? second : first];
    }
    uint64_t luck = rng_u64(rng);
    uint32_t nth = (uint32_t)(((luck >> 32) * count) >> 32);
    uint32_t one = list[nth];
    if (count == 1)
        return one;
    for (uint32_t i = nth; i + 1 < count; i++)
        list[i] = list[i + 1];
    uint32_t other = list[((luck & UINT32_MAX) * (count - 1)) >> 32];
    const struct model_replica *x = &m->replica[one], *y = &m->replica[other];
    if (avoid != BALANCE_NO_ZONE && (x->streak == 0) != (y->streak == 0))
        return y->streak == 0 ? other : one;
    return y->open < x->open ? other : one;
}

static void model_sent(struct model *m, uint32_t replica)
{
    struct model_replica *r = &m->replica[replica];
    r->open++;
    r->probed = r->probed || r->on_probation;
}

static void model_ended(struct model *m, uint32_t replica, bool answered, int64_t now_us)
{
    struct model_replica *r = &m->replica[replica];
    r->open--;
    r->streak = answered ? 0 : r->streak + 1;
    bool out = !answered && !r->banned && (r->on_probation || r->streak >= m->limit);
    if (out) {
        if (!r->on_probation && now_us >= r->soon_us)
            r->bans = 0;
        int64_t most_us = EJECT_US, parts = 16 >> (r->bans < 4 ? r->bans : 4);
        r->banned = true;
        r->until_us = now_us + most_us / parts;
        r->bans++;
    } else if (answered && r->on_probation) {
        r->soon_us = now_us + EJECT_US;
    }
    r->on_probation = r->probed = false;
}

/* ---- the storm ---- */

struct storm {
    struct arena arena;
    struct balance balance;
    struct model model;
    enum topo_balance policy;
    struct rng rng, luck; /* of the picks, and of what happens */
    uint32_t open[OPEN_MAX];
    uint32_t open_count;
    uint32_t dead_zone;
    int64_t now_us;
};

static void storm_begin(struct storm *s, uint64_t seed, enum topo_balance policy)
{
    *s = (struct storm){.policy = policy};
    rng_init(&s->rng, seed);
    rng_init(&s->luck, ~seed);
    uint32_t per_zone[ZONES_MAX];
    uint32_t zones = 1 + rng_below(&s->luck, ZONES_MAX);
    s->model.limit = 1 + rng_below(&s->luck, 4);
    for (uint32_t z = 0; z < zones; z++) {
        per_zone[z] = rng_below(&s->luck, 5);
        for (uint32_t i = 0; i < per_zone[z]; i++)
            s->model.replica[s->model.count++].zone = (uint16_t)z;
    }
    const struct balance_opts opts = {
        .eject_failures = s->model.limit,
        .eject_us = EJECT_US,
        .policy = policy,
        .choices = policy == TOPO_BALANCE_CHOICES ? 2 : 1 + rng_below(&s->luck, TOPO_CHOICES_MAX),
    };
    assert_int_equal(balance_init(&s->balance, &opts, per_zone, zones, &s->arena), 0);
    assert_int_equal(s->balance.count, s->model.count);
}

static void storm_send(struct storm *s)
{
    struct rng same = s->rng;
    uint32_t zone = rng_below(&s->luck, ZONES_MAX + 1);
    uint16_t avoid = zone == ZONES_MAX ? (uint16_t)BALANCE_NO_ZONE : (uint16_t)zone;
    uint32_t picked = balance_pick(&s->balance, avoid, &s->rng, s->now_us);
    uint32_t modelled = model_pick(&s->model, avoid, &same, s->now_us);
    if (s->policy == TOPO_BALANCE_CHOICES || modelled == BALANCE_NONE) {
        assert_true(picked == modelled);
    } else { /* the other policies choose in their own way, but from the same */
        uint32_t list[REPLICAS_MAX], listed = 0;
        bool blind;
        uint32_t count = model_candidates(&s->model, avoid, list, &blind);
        for (uint32_t i = 0; i < count; i++)
            listed += list[i] == picked;
        assert_int_equal(listed, 1);
    }
    if (picked == BALANCE_NONE)
        return;
    balance_sent(&s->balance, picked);
    model_sent(&s->model, picked);
    s->open[s->open_count++] = picked;
}

static void storm_end(struct storm *s)
{
    uint32_t at = rng_below(&s->luck, s->open_count);
    uint32_t replica = s->open[at];
    s->open[at] = s->open[--s->open_count];
    bool dead = s->model.replica[replica].zone == s->dead_zone;
    bool answered = rng_below(&s->luck, 100) < (dead ? 2u : 90u);
    balance_ended(&s->balance, replica, answered ? BALANCE_ANSWERED : BALANCE_FAILED, s->now_us);
    model_ended(&s->model, replica, answered, s->now_us);
}

/* What is out must be what was sent and has not ended, replica by replica. */
static void assert_conserved(const struct storm *s)
{
    uint32_t open[REPLICAS_MAX] = {0};
    for (uint32_t i = 0; i < s->open_count; i++)
        open[s->open[i]]++;
    for (uint32_t i = 0; i < s->balance.count; i++) {
        assert_int_equal(s->balance.replica[i].outstanding, open[i]);
        assert_int_equal(s->model.replica[i].open, open[i]);
    }
}

static void storm_step(struct storm *s)
{
    if (rng_below(&s->luck, 400) == 0)
        s->dead_zone = rng_below(&s->luck, ZONES_MAX + 3); /* often none */
    s->now_us += rng_below(&s->luck, 20);
    bool more = s->open_count < OPEN_MAX && rng_below(&s->luck, 2) == 0;
    if (more || s->open_count == 0)
        storm_send(s);
    else
        storm_end(s);
}

static void test_balance_does_what_the_plain_model_does(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct storm s;
        storm_begin(&s, seed, TOPO_BALANCE_CHOICES);
        for (int i = 0; i < 3000; i++) {
            storm_step(&s);
            if (i % 64 == 0)
                assert_conserved(&s);
        }
        while (s.open_count > 0)
            storm_end(&s);
        assert_conserved(&s);
        arena_release(&s.arena);
    }
}

static void test_balance_leaves_out_the_same_by_every_policy(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct storm s;
        storm_begin(&s, seed, (enum topo_balance)(seed % (TOPO_BALANCE_LEAST_LOADED + 1)));
        for (int i = 0; i < 3000; i++)
            storm_step(&s);
        while (s.open_count > 0)
            storm_end(&s);
        assert_conserved(&s);
        arena_release(&s.arena);
    }
}

/* Whatever happened: once everything answers again, all take part again after one trial each. */
static void test_balance_recovers_from_any_storm(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct storm s;
        storm_begin(&s, seed, TOPO_BALANCE_CHOICES);
        for (int i = 0; i < 1000; i++)
            storm_step(&s);
        while (s.open_count > 0)
            storm_end(&s);
        s.now_us += EJECT_US;
        for (int i = 0; i < 2000 && s.balance.count > 0; i++) {
            uint32_t picked = balance_pick(&s.balance, BALANCE_NO_ZONE, &s.rng, s.now_us);
            balance_sent(&s.balance, picked);
            balance_ended(&s.balance, picked, BALANCE_ANSWERED, s.now_us);
        }
        assert_int_equal(s.balance.in_count, s.balance.count);
        for (uint32_t i = 0; i < s.balance.count; i++)
            assert_int_equal(s.balance.replica[i].state, BALANCE_IN);
        arena_release(&s.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_balance_does_what_the_plain_model_does),
        cmocka_unit_test(test_balance_leaves_out_the_same_by_every_policy),
        cmocka_unit_test(test_balance_recovers_from_any_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
