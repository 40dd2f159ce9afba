/* Tests of control/gossip.c among many, by simulator/gossip_net.c: how soon a crash is seen and
 * known, that those who live are not called dead, and what it costs.
 *
 * Set GOSSIP_TABLE in the environment to have the numbers printed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "simulator/gossip_net.h"
#include "simulator/stats.h"

/* Sanitized programs are many times slower; they repeat less, and leave the largest out. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ || !defined __OPTIMIZE__
enum { SHORTER = 20, LARGEST = 300 };
#else
enum { SHORTER = 1, LARGEST = 10000 };
#endif

static const double LEVEL = 0.999; /* of the intervals: a test that fails by chance is no test */

struct world {
    struct arena arena;
    struct gossip_net net;
    int64_t suspected_us, buried_us; /* `watched` was, by the first; -1 not yet */
    uint16_t watched;
    uint16_t observer; /* who suspects others so often */
    uint64_t observer_suspects;
    uint64_t events[GOSSIP_EVENTS];
    int64_t first_us[LARGEST]; /* that a member was suspected; 0: it was not */
};

static struct world w;

static void trace(void *context, const struct gossip_record *r)
{
    struct world *world = context;
    world->events[r->event]++;
    world->observer_suspects += r->event == GOSSIP_SUSPECTS && r->self == world->observer;
    if (r->event == GOSSIP_SUSPECTS && world->first_us[r->member] == 0)
        world->first_us[r->member] = r->now_us;
    if (r->member != world->watched)
        return;
    if (r->event == GOSSIP_SUSPECTS && world->suspected_us < 0)
        world->suspected_us = r->now_us;
    if (r->event == GOSSIP_BURIES && world->buried_us < 0)
        world->buried_us = r->now_us;
}

static const struct gossip_net_opts usual = {
    .zones = 3, .near_us = 250, .far_us = 1000, .packets_max = 4096, .seed = 1};
static const int64_t PERIOD = 200000;

static void make(const struct gossip_net_opts *like, uint16_t members, uint64_t replication)
{
    struct gossip_net_opts opts = *like;
    struct error err;
    opts.members = members;
    opts.replication = replication;
    opts.trace = trace;
    opts.context = &w;
    if (opts.gossip.asks == 0)
        opts.gossip = gossip_usual;
    arena_release(&w.arena);
    w = (struct world){.watched = GOSSIP_NOBODY, .observer = GOSSIP_NOBODY};
    if (gossip_net_init(&w.net, &opts, &w.arena, &err) != 0)
        fail_msg("%s", err.text);
}

static void pass(double periods)
{
    gossip_net_run(&w.net, gossip_net_now(&w.net) + (int64_t)(periods * (double)PERIOD));
}

static double member_periods(void)
{
    return (double)w.net.counts.member_us / (double)PERIOD;
}

static bool tells(void)
{
    return getenv("GOSSIP_TABLE") != NULL;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&w.arena);
    return 0;
}

/* ---- how soon a crash is seen ---- */

/* The probability that one of `count` in a ring is not among its next `turns`, seen at a random
 * moment: his place in this pass and in the next are uniform and independent. */
static double missed(int count, int turns)
{
    double sum = 0;
    for (int at = 0; at < count; at++) {
        int beyond = at + turns - count;
        if (turns >= 2 * count - 1)
            continue;
        if (beyond <= 0)
            sum += 1 - (double)turns / count;
        else if (beyond < count)
            sum += (double)at / count * (1 - (double)beyond / count);
    }
    return sum / count;
}

/* The same for `periods` whole ones, of which by the rule one in far_every is far. */
static double missed_periods(int count, int periods, bool is_far)
{
    const int every = gossip_usual.far_every;
    double sum = 0;
    for (int offset = 0; offset < every; offset++) {
        int far = (offset + periods) / every; /* of the ends of periods, those divisible */
        sum += missed(count, is_far ? far : periods - far);
    }
    return sum / every;
}

/* Periods from a crash to the first ping of whoever crashed, of `members` in equal zones: the
 * integral of the probability that none has come. Where in its period each observer is, is
 * uniform, so between whole periods the probability of one is linear. With `rounds` time moves in
 * whole periods only, as in SWIM's own expectation, e / (e - 1). */
static double first_ping(int members, int zones, bool rounds)
{
    enum { PARTS = 1000 };
    int near = members / zones - 1, far = members - members / zones;
    double sum = 0;
    for (int period = 0; period < 40; period++) {
        double n0 = missed_periods(near, period, false);
        double n1 = missed_periods(near, period + 1, false);
        double f0 = missed_periods(far, period, true), f1 = missed_periods(far, period + 1, true);
        for (int part = 0; part < PARTS; part++) {
            double x = rounds ? 0 : (part + 0.5) / PARTS;
            double n = n0 + (n1 - n0) * x, f = f0 + (f1 - f0) * x, none = 1;
            for (int i = 0; i < near; i++)
                none *= n;
            for (int i = 0; i < far && none > 1e-12; i++)
                none *= f;
            sum += none / PARTS;
        }
    }
    return sum;
}

struct crash { /* in periods */
    struct stats seen, rounds, known, buried, dead;
};

/* Crash `victim` and see what happens until all suspect it, or, `to_death`, call it dead. */
static void crash_one(struct crash *c, uint16_t victim, bool to_death)
{
    uint16_t others = w.net.running - 1;
    int64_t began_us = gossip_net_now(&w.net), known_us = -1;
    w.watched = victim;
    w.suspected_us = w.buried_us = -1;
    gossip_net_crash(&w.net, victim);
    while (known_us < 0) {
        pass(0.05);
        if (gossip_net_hold(&w.net, victim, GOSSIP_ALIVE) == 0)
            known_us = gossip_net_now(&w.net);
    }
    double seen = (double)(w.suspected_us - began_us) / (double)PERIOD;
    stats_add(&c->seen, seen);
    stats_add(&c->rounds, ceil(seen - 1));
    stats_add(&c->known, (double)(known_us - w.suspected_us) / (double)PERIOD);
    if (!to_death)
        return;
    while (gossip_net_hold(&w.net, victim, GOSSIP_DEAD) < others)
        pass(0.05);
    stats_add(&c->buried, (double)(w.buried_us - began_us) / (double)PERIOD);
    stats_add(&c->dead, (double)(gossip_net_now(&w.net) - began_us) / (double)PERIOD);
}

static void check_mean(const char *what, int members, const struct stats *s, double expected)
{
    double half = stats_half_width(s, LEVEL);
    if (!(fabs(s->mean - expected) < half))
        fail_msg("%d members: %s %.3f +- %.3f, expected %.3f", members, what, s->mean, half,
                 expected);
}

struct crash_row {
    uint16_t members;
    int crashes; /* in all */
    int each;    /* in a net, one after the other */
    int deaths;  /* one in so many is followed until all call it dead */
};

static const struct crash_row crash_rows[] = {
    {9, 2000, 1, 1}, {99, 600, 3, 1}, {999, 200, 20, 4}, {9999, 12, 12, 12}};

static void test_gossip_crash_is_seen_as_soon_as_expected_and_known_in_a_logarithm(void **state)
{
    (void)state;
    if (tells())
        print_message("members  seen  +-  expected | rounds  +-  expected | known  +-  ln n | "
                      "buried  dead\n");
    for (size_t i = 0; i < sizeof crash_rows / sizeof crash_rows[0]; i++) {
        const struct crash_row *row = &crash_rows[i];
        struct crash c = {0};
        if (row->members > LARGEST)
            continue;
        for (int k = 0; k < row->crashes / SHORTER; k++) {
            if (k % row->each == 0) {
                make(&usual, row->members, (uint64_t)k);
                pass(3 + k % 4 + 37 * (double)(row->members < 1000)); /* passes are under way */
            }
            crash_one(&c, (uint16_t)(k % row->members), k % row->deaths == 0);
        }
        double n = row->members, expected = first_ping(row->members, 3, false) + 1;
        double in_rounds = first_ping(row->members, 3, true);
        if (tells())
            print_message("%7d %5.2f %4.2f %5.2f | %5.2f %4.2f %5.2f | %5.2f %4.2f %5.2f | %6.2f "
                          "%6.2f\n",
                          row->members, c.seen.mean, stats_half_width(&c.seen, 0.95), expected,
                          c.rounds.mean, stats_half_width(&c.rounds, 0.95), in_rounds, c.known.mean,
                          stats_half_width(&c.known, 0.95), log(n), c.buried.mean, c.dead.mean);
        check_mean("first suspicion after", row->members, &c.seen, expected);
        check_mean("rounds until its first ping", row->members, &c.rounds, in_rounds);
        assert_true(c.known.mean > 0.3 * log(n) && c.known.mean < log(n) + 1);
        assert_int_equal(w.net.counts.killed, 0);
    }
}

static void test_gossip_expectation_is_that_of_the_paper(void **state)
{
    (void)state;
    double e = exp(1);
    assert_true(fabs(first_ping(9999, 3, true) - e / (e - 1)) < 0.001);
    assert_true(fabs(first_ping(9999, 3, false) - 1) < 0.001);
}

/* What is told of a crash, in order, when no message is lost. */
static struct gossip_record told[64];
static size_t told_count;

static void record(void *context, const struct gossip_record *r)
{
    (void)context;
    if (told_count < sizeof told / sizeof told[0])
        told[told_count++] = *r;
}

static size_t find(enum gossip_event event, size_t from)
{
    while (from < told_count && told[from].event != event)
        from++;
    return from;
}

static void test_gossip_crash_reads_as_a_story(void **state)
{
    (void)state;
    for (uint16_t victim = 0; victim < 9; victim++) {
        make(&usual, 9, victim);
        w.net.opts.trace = record;
        pass(10);
        told_count = 0;
        gossip_net_crash(&w.net, victim);
        pass(40);
        size_t asks = find(GOSSIP_ASKS, 0), suspects = find(GOSSIP_SUSPECTS, 0);
        size_t hears = find(GOSSIP_HEARS, 0), buries = find(GOSSIP_BURIES, 0);
        assert_true(asks == 0 && asks < suspects && suspects < hears && hears < buries);
        assert_true(buries < told_count);
        assert_int_equal(told[asks].self, told[suspects].self);
        while (suspects < hears && told[suspects].self != told[hears].by)
            suspects = find(GOSSIP_SUSPECTS, suspects + 1);
        assert_true(suspects < hears); /* who was heard has spoken */
        assert_int_equal(told[suspects].count, 3);
        for (size_t i = 0; i < told_count; i++)
            assert_int_equal(told[i].member, victim);
    }
}

/* The dead of a zone are pinged by the other zones alone, with one ping in `far_every`: each that
 * much less often, and the last of m after far_every * (1 + 1/2 + ... + 1/m) periods if that were a
 * Poisson process. Periods grow meanwhile, as many of those who are asked to ping are dead too. */
static void test_gossip_whole_zone_dies_at_once_and_no_one_else(void **state)
{
    (void)state;
    static const uint16_t sizes[] = {9, 60, 300};
    for (size_t i = 0; i < 3; i++) {
        double mean = 0, last = 0, harmonic = 0;
        make(&usual, sizes[i], 0);
        pass(10);
        int64_t began_us = gossip_net_now(&w.net);
        for (uint16_t k = 0; k < sizes[i]; k += 3)
            gossip_net_crash(&w.net, k);
        for (uint16_t k = 0; k < sizes[i]; k += 3)
            while (gossip_net_hold(&w.net, k, GOSSIP_DEAD) < w.net.running)
                pass(0.5);
        double all = (double)(gossip_net_now(&w.net) - began_us) / (double)PERIOD;
        for (uint16_t k = 0; k < sizes[i]; k += 3) {
            double seen = (double)(w.first_us[k] - began_us) / (double)PERIOD;
            mean += seen / (sizes[i] / 3);
            last = seen > last ? seen : last;
            harmonic += 1.0 / (k / 3 + 1);
        }
        double poisson = gossip_usual.far_every * harmonic;
        if (tells())
            print_message("a zone of %d members dies: suspected after %.1f periods on average, the "
                          "last after %.1f (%.1f), known to all after %.1f\n",
                          sizes[i], mean, last, poisson, all);
        assert_true(mean < 1.5 * gossip_usual.far_every + 1);
        assert_true(last < 1.5 * poisson);
        assert_int_equal(w.net.counts.killed, 0);
    }
}

/* ---- that the living are left alone ---- */

static void run_lossy(uint16_t members, double periods)
{
    struct gossip_net_opts opts = usual;
    opts.loss = 0.05;
    make(&opts, members, 0);
    pass(periods);
    if (tells())
        print_message("5 %% lost: %d members, %.0f member-periods, %llu suspicions, %llu killed, "
                      "%.1f bytes and %.2f messages a member-period\n",
                      members, member_periods(), (unsigned long long)w.net.counts.suspected,
                      (unsigned long long)w.net.counts.killed,
                      (double)w.net.counts.bytes / member_periods(),
                      (double)w.net.counts.sent / member_periods());
    assert_true(w.net.counts.suspected > 0 || SHORTER > 1);
    assert_int_equal(w.net.counts.killed, 0);
    assert_int_equal(w.events[GOSSIP_MOURNS], 0);
    assert_int_equal(w.net.counts.overflow, 0);
}

/* A million member-periods with 100 members, and with 1,000. */
static void test_gossip_loss_kills_nobody(void **state)
{
    (void)state;
    run_lossy(10, 10000.0 / SHORTER);
    run_lossy(100, 10000.0 / SHORTER);
    run_lossy(SHORTER == 1 ? 1000 : LARGEST, SHORTER == 1 ? 1000 : 100);
}

/* One of 60 naps. How often it suspects others, who live. */
static uint64_t nap(const struct gossip_opts *gossip, double waits, double periods)
{
    struct gossip_net_opts opts = usual;
    opts.gossip = *gossip;
    make(&opts, 60, 0);
    pass(5);
    w.observer = 0;
    gossip_net_nap(&w.net, 0, (int64_t)(waits * (double)gossip->ack_wait_us));
    pass(periods);
    if (tells())
        print_message("one of 60 acts every %.0f ack_wait_us, for %.0f periods: it suspects %llu "
                      "times, it is suspected %llu times, %llu killed\n",
                      waits, periods, (unsigned long long)w.observer_suspects,
                      (unsigned long long)(w.net.counts.suspected - w.observer_suspects),
                      (unsigned long long)w.net.counts.killed);
    return w.observer_suspects;
}

static void test_gossip_slow_observer_kills_nobody(void **state)
{
    (void)state;
    for (int waits = 10; waits <= 40; waits *= 2) {
        nap(&gossip_usual, waits, 2000.0 / SHORTER);
        assert_int_equal(w.net.counts.killed, 0);
        for (uint16_t i = 1; i < 60; i++)
            assert_int_equal(gossip_net_hold(&w.net, i, GOSSIP_ALIVE), 59);
    }
}

/* The same without the rules for slow observers: it suspects those who live. */
static void test_gossip_slow_observer_needs_its_rules(void **state)
{
    (void)state;
    struct gossip_opts opts = gossip_usual;
    uint64_t with = nap(&opts, 10, 300);
    opts.late_us = INT64_MAX;
    uint64_t without_grace = nap(&opts, 10, 300);
    opts.health_max = 0;
    uint64_t without = nap(&opts, 10, 300);
    assert_true(with <= 1);
    assert_true(without > 50);
    assert_true(without_grace <= without);
}

/* ---- a zone that is cut off ---- */

static uint32_t incarnations(uint16_t members)
{
    uint32_t least = UINT32_MAX;
    for (uint16_t i = 0; i < members; i++) {
        uint32_t one = gossip_incarnation_of(gossip_net_at(&w.net, i), i);
        least = one < least ? one : least;
    }
    return least;
}

static bool all_hold(uint16_t members, enum gossip_state across)
{
    for (uint16_t i = 0; i < members; i++)
        for (uint16_t k = 0; k < members; k++) {
            bool apart = (i % 3 == 0) != (k % 3 == 0);
            if (gossip_state_of(gossip_net_at(&w.net, i), k) != (apart ? across : GOSSIP_ALIVE))
                return false;
        }
    return true;
}

static double wait_for(uint16_t members, enum gossip_state across)
{
    int64_t began_us = gossip_net_now(&w.net);
    for (int i = 0; i < 3000 && !all_hold(members, across); i++)
        pass(1);
    assert_true(all_hold(members, across));
    return (double)(gossip_net_now(&w.net) - began_us) / (double)PERIOD;
}

static void test_gossip_cut_zone_and_the_rest_call_each_other_dead_and_heal(void **state)
{
    (void)state;
    static const uint16_t sizes[] = {9, 60, 300};
    for (size_t i = 0; i < (SHORTER == 1 ? 3 : 2); i++) {
        make(&usual, sizes[i], 0);
        pass(10);
        assert_int_equal(incarnations(sizes[i]), 0);
        gossip_net_cut(&w.net, 0, true);
        double apart = wait_for(sizes[i], GOSSIP_DEAD);
        assert_int_equal(w.net.counts.killed, 0); /* none on one's own side */
        gossip_net_cut(&w.net, 0, false);
        double healed = wait_for(sizes[i], GOSSIP_ALIVE);
        assert_true(incarnations(sizes[i]) >= 1);
        if (tells())
            print_message("a zone of %d members cut: apart after %.0f periods, together %.0f after "
                          "the cut's end\n",
                          sizes[i], apart, healed);
    }
}

static void test_gossip_short_cut_does_no_harm(void **state)
{
    (void)state;
    make(&usual, 60, 0);
    pass(10);
    gossip_net_cut(&w.net, 0, true);
    pass(8); /* less than suspect_min by the logarithm */
    assert_true(w.net.counts.suspected > 0);
    gossip_net_cut(&w.net, 0, false);
    pass(100);
    assert_true(all_hold(60, GOSSIP_ALIVE));
    assert_int_equal(w.net.counts.killed + w.net.counts.cut_killed, 0);
}

/* ---- coming and going ---- */

static void test_gossip_members_come_and_go_and_come_back(void **state)
{
    (void)state;
    struct gossip_net_opts opts = usual;
    opts.asleep = 200;
    opts.loss = 0.05;
    make(&opts, 300, 0);
    for (uint16_t i = 100; i < 300; i++) {
        assert_int_equal(gossip_net_start(&w.net, i, (uint16_t)(i % 100)), 0);
        pass(0.5);
    }
    pass(60);
    for (uint16_t i = 0; i < 300; i++)
        assert_int_equal(gossip_net_hold(&w.net, i, GOSSIP_ALIVE), 299);
    assert_int_equal(w.events[GOSSIP_JOINED], 200);
    for (uint16_t i = 50; i < 60; i++)
        gossip_net_leave(&w.net, i);
    for (uint16_t i = 60; i < 70; i++)
        gossip_net_crash(&w.net, i);
    pass(80);
    for (uint16_t i = 50; i < 70; i++)
        assert_int_equal(gossip_net_hold(&w.net, i, i < 60 ? GOSSIP_LEFT : GOSSIP_DEAD), 280);
    for (uint16_t i = 50; i < 70; i++)
        assert_int_equal(gossip_net_start(&w.net, i, 1), 0);
    pass(60);
    for (uint16_t i = 50; i < 70; i++) {
        assert_int_equal(gossip_net_hold(&w.net, i, GOSSIP_ALIVE), 299);
        assert_true(gossip_incarnation_of(gossip_net_at(&w.net, 0), i) >= 1);
    }
    assert_int_equal(w.net.counts.killed, 0);
}

/* ---- what it costs ---- */

/* Without loss: 2 messages, a page in every sync_every periods, and nothing that grows. */
static void test_gossip_load_does_not_grow_with_the_members(void **state)
{
    (void)state;
    static const uint16_t sizes[] = {10, 100, 300, 1000, 10000};
    double bytes[5], page = (double)GOSSIP_BYTES_MAX / gossip_usual.sync_every;
    for (size_t i = 0; i < 5 && sizes[i] <= LARGEST; i++) {
        make(&usual, sizes[i], 0);
        pass(sizes[i] < 10000 ? 64 : 16);
        bytes[i] = (double)w.net.counts.bytes / member_periods();
        if (tells())
            print_message("%d members: %.1f bytes and %.2f messages a member-period, %zu bytes of "
                          "memory a member\n",
                          sizes[i], bytes[i], (double)w.net.counts.sent / member_periods(),
                          gossip_memory(&gossip_net_at(&w.net, 0)->opts));
        assert_true(bytes[i] < 2 * GOSSIP_HEAD_BYTES + 1 + page);
        assert_true(i < 3 || fabs(bytes[i] / bytes[2] - 1) < 0.05);
    }
}

/* The same net twice does the same. */
static void test_gossip_net_repeats_itself(void **state)
{
    (void)state;
    struct gossip_net_opts opts = usual;
    struct gossip_net_counts first = {0};
    opts.loss = 0.2;
    for (int i = 0; i < 2; i++) {
        make(&opts, 40, 5);
        pass(50);
        gossip_net_crash(&w.net, 7);
        pass(100);
        if (i == 0)
            first = w.net.counts;
    }
    assert_int_equal(first.bytes, w.net.counts.bytes);
    assert_int_equal(first.lost, w.net.counts.lost);
    assert_int_equal(first.suspected, w.net.counts.suspected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gossip_expectation_is_that_of_the_paper),
        cmocka_unit_test(test_gossip_crash_is_seen_as_soon_as_expected_and_known_in_a_logarithm),
        cmocka_unit_test(test_gossip_crash_reads_as_a_story),
        cmocka_unit_test(test_gossip_whole_zone_dies_at_once_and_no_one_else),
        cmocka_unit_test(test_gossip_loss_kills_nobody),
        cmocka_unit_test(test_gossip_slow_observer_kills_nobody),
        cmocka_unit_test(test_gossip_slow_observer_needs_its_rules),
        cmocka_unit_test(test_gossip_cut_zone_and_the_rest_call_each_other_dead_and_heal),
        cmocka_unit_test(test_gossip_short_cut_does_no_harm),
        cmocka_unit_test(test_gossip_members_come_and_go_and_come_back),
        cmocka_unit_test(test_gossip_load_does_not_grow_with_the_members),
        cmocka_unit_test(test_gossip_net_repeats_itself),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
