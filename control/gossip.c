#include "control/gossip.h"

#include <assert.h>

#include "base/arena.h"
#include "control/gossip_belief.h"
#include "control/gossip_probe.h"
#include "control/gossip_send.h"

const struct gossip_opts gossip_usual = {
    .asks = 3,
    .far_every = 4,
    .dead_every = 4,
    .sync_every = 32,
    .spread = 2,
    .suspect_min = 2,
    .suspect_max = 6,
    .health_max = 7,
    .bytes_max = GOSSIP_BYTES_MAX,
    .news_max = 512,
    .suspects_max = 512,
    .period_us = 200000,
    .ack_wait_us = 50000,
    .late_us = 25000,
};

/* ---- time ---- */

static int64_t due_us(const struct gossip *g)
{
    int64_t due = gossip_probe_due_us(g);
    return g->tick_us < due ? g->tick_us : due;
}

static void ping_dead(const struct gossip_turn *t)
{
    enum { LOOK = 64 };
    struct gossip *g = t->g;
    for (unsigned i = 0; i < LOOK; i++) {
        uint16_t member = g->dead_cursor++;
        if (g->dead_cursor == g->opts.members_max)
            g->dead_cursor = 0;
        if (g->table.member[member].state == GOSSIP_DEAD) {
            gossip_send(t, member, GOSSIP_PING, member, 0);
            return;
        }
    }
}

/* While we join from a seed, later from anybody. */
static void sync(const struct gossip_turn *t)
{
    struct gossip *g = t->g;
    struct gossip_table *table = &g->table;
    uint16_t whom;
    if (g->seed_count > 0) {
        whom = g->seed[g->periods % g->seed_count];
    } else {
        bool is_far = rng_below(&g->rng, g->opts.far_every) == 0;
        whom = gossip_ring_pick(table, is_far ? &table->far : &table->near, &g->rng);
    }
    if (whom != GOSSIP_NOBODY)
        gossip_send(t, whom, GOSSIP_SYNC, g->sync_at, 0);
}

static void tick(const struct gossip_turn *t)
{
    struct gossip *g = t->g;
    if (g->probe.target != GOSSIP_NOBODY)
        gossip_probe_fail(t);
    gossip_bury(t);
    g->is_late = false;
    g->periods++;
    gossip_probe_begin(t);
    if (g->opts.dead_every > 0 && g->periods % g->opts.dead_every == 0)
        ping_dead(t);
    if (g->seed_count > 0 ||
        (g->opts.sync_every > 0 && (g->periods + g->opts.self) % g->opts.sync_every == 0))
        sync(t);
    g->tick_us = t->own_us + g->opts.period_us * (g->health + 1);
}

static void wake(struct gossip_turn *t)
{
    struct gossip *g = t->g;
    int64_t due = due_us(g);
    int64_t late = t->own_us - due;
    if (late < 0)
        return;
    if (late > g->opts.late_us) {
        g->slept_us += late;
        t->own_us -= late;
        g->is_late = true;
        g->counts.late++;
        gossip_health_add(g, 1);
        gossip_tell(t, (struct gossip_record){.event = GOSSIP_WAKES, .us = late});
        if (g->grace_us != due) {
            g->grace_us = due;
            return;
        }
    }
    gossip_relays_fail(t);
    if (g->probe.target != GOSSIP_NOBODY && !g->probe.has_asked && g->probe.due_us <= t->own_us)
        gossip_probe_ask(t);
    if (g->tick_us <= t->own_us)
        tick(t);
}

/* ---- messages ---- */

static void take_page(const struct gossip_turn *t, const struct gossip_msg *in)
{
    struct gossip *g = t->g;
    if (in->about != g->sync_at || in->seq >= g->opts.members_max)
        return;
    g->sync_at = (uint16_t)in->seq;
    if (g->seed_count == 0)
        return;
    if (g->sync_at > 0) {
        gossip_send(t, in->from, GOSSIP_SYNC, g->sync_at, 0);
        return;
    }
    g->seed_count = 0;
    gossip_tell(t, (struct gossip_record){.event = GOSSIP_JOINED, .count = g->table.live});
}

/* Who sends is alive, at least as it says. False when the message makes no sense. */
static bool take_head(const struct gossip_turn *t, const struct gossip_msg *in)
{
    struct gossip *g = t->g;
    const struct gossip_update sender = {.incarnation = in->incarnation,
                                         .member = in->from,
                                         .by = GOSSIP_NOBODY,
                                         .zone = in->zone,
                                         .state = GOSSIP_ALIVE};
    if (in->from == g->opts.self || in->kind >= GOSSIP_KINDS || in->count > GOSSIP_UPDATES_MAX ||
        (in->kind != GOSSIP_NEWS && in->about >= g->opts.members_max) ||
        (in->kind == GOSSIP_PING && in->about != g->opts.self))
        return false;
    if (!gossip_believe(t, &sender))
        return false;
    g->heard_us[in->zone] = t->own_us;
    return true;
}

static void take(const struct gossip_turn *t, const struct gossip_msg *in)
{
    struct gossip *g = t->g;
    if (!take_head(t, in)) {
        g->counts.refused++;
        return;
    }
    for (unsigned i = 0; i < in->count; i++)
        g->counts.refused += !gossip_believe(t, &in->update[i]);
    switch (in->kind) {
    case GOSSIP_PING:
        gossip_send(t, in->from, GOSSIP_ACK, in->about, in->seq);
        break;
    case GOSSIP_ASK:
        gossip_take_ask(t, in);
        break;
    case GOSSIP_ACK:
        gossip_take_ack(t, in);
        break;
    case GOSSIP_NACK:
        gossip_take_nack(g, in);
        break;
    case GOSSIP_SYNC:
        gossip_send_page(t, in->from, in->about);
        break;
    case GOSSIP_PAGE:
        take_page(t, in);
        break;
    }
}

void gossip_step(struct gossip *g, int64_t now_us, const struct gossip_msg *in,
                 struct gossip_out *out)
{
    struct gossip_turn t = {.g = g, .out = out, .now_us = now_us, .own_us = now_us - g->slept_us};
    out->count = 0;
    if (g->has_left)
        return;
    if (in != NULL)
        take(&t, in);
    else
        wake(&t);
}

/* ---- coming and going ---- */

size_t gossip_memory(const struct gossip_opts *opts)
{
    return opts->members_max * (sizeof(struct gossip_member) + sizeof(uint16_t)) +
           opts->news_max * sizeof(struct gossip_news) +
           opts->suspects_max * sizeof(struct gossip_suspicion);
}

int gossip_init(struct gossip *g, const struct gossip_opts *opts, const struct rng *rng,
                struct arena *a, int64_t now_us)
{
    assert(opts->zone < GOSSIP_ZONES_MAX);
    assert(opts->asks >= 1 && opts->asks <= GOSSIP_ASKS_MAX);
    assert(opts->far_every >= 2 && opts->spread >= 1);
    assert(opts->suspect_min >= 1 && opts->suspect_max >= opts->suspect_min);
    assert(opts->bytes_max <= GOSSIP_BYTES_MAX);
    assert(opts->bytes_max >= GOSSIP_HEAD_BYTES + 4 * GOSSIP_UPDATE_BYTES);
    assert(opts->ack_wait_us > 0 && opts->ack_wait_us <= opts->period_us / 3);
    *g = (struct gossip){.opts = *opts, .rng = *rng, .probe = {.target = GOSSIP_NOBODY}};
    g->suspicion = arena_alloc(a, opts->suspects_max, sizeof g->suspicion[0]);
    if (g->suspicion == NULL || gossip_table_init(&g->table, opts->self, opts->zone,
                                                  opts->members_max, opts->news_max, a) != 0)
        return -1;
    for (unsigned i = 0; i < GOSSIP_ZONES_MAX; i++)
        g->heard_us[i] = INT64_MIN / 2;
    g->grace_us = INT64_MIN;
    g->periods = rng_below(&g->rng, 1U << 16);
    g->tick_us = now_us + rng_below(&g->rng, (uint32_t)opts->period_us);
    return 0;
}

void gossip_know(struct gossip *g, uint16_t member, uint8_t zone, int64_t now_us)
{
    assert(member < g->opts.members_max);
    if (g->table.member[member].state != GOSSIP_UNKNOWN)
        return;
    gossip_table_set(&g->table, member, zone, GOSSIP_ALIVE, 0);
    g->heard_us[zone] = now_us - g->slept_us;
}

void gossip_join(struct gossip *g, const uint16_t *seeds, size_t count, int64_t now_us,
                 struct gossip_out *out)
{
    struct gossip_turn t = {.g = g, .out = out, .now_us = now_us, .own_us = now_us - g->slept_us};
    assert(count >= 1 && count <= GOSSIP_SEEDS_MAX);
    out->count = 0;
    g->sync_at = 0;
    g->seed_count = (uint8_t)count;
    for (size_t i = 0; i < count; i++) {
        assert(seeds[i] < g->opts.members_max);
        g->seed[i] = seeds[i];
        gossip_send(&t, seeds[i], GOSSIP_SYNC, 0, 0);
    }
}

void gossip_leave(struct gossip *g, int64_t now_us, struct gossip_out *out)
{
    struct gossip_turn t = {.g = g, .out = out, .now_us = now_us, .own_us = now_us - g->slept_us};
    struct gossip_table *table = &g->table;
    const struct gossip_member *me = &table->member[g->opts.self];
    out->count = 0;
    gossip_table_set(table, g->opts.self, me->zone, GOSSIP_LEFT, me->incarnation);
    gossip_news_put(table, g->opts.self, GOSSIP_NOBODY, 0);
    for (unsigned i = 0; i < GOSSIP_ASKS_MAX + 4U; i++) {
        uint16_t who = gossip_ring_pick(table, i % 2 == 0 ? &table->near : &table->far, &g->rng);
        if (who != GOSSIP_NOBODY)
            gossip_send(&t, who, GOSSIP_NEWS, GOSSIP_NOBODY, 0);
    }
    g->has_left = true;
    gossip_tell(&t, (struct gossip_record){.event = GOSSIP_GOES, .member = g->opts.self});
}

/* ---- looking ---- */

int64_t gossip_deadline_us(const struct gossip *g)
{
    return g->has_left ? INT64_MAX : due_us(g) + g->slept_us;
}

enum gossip_state gossip_state_of(const struct gossip *g, uint16_t member)
{
    return member < g->opts.members_max ? g->table.member[member].state : GOSSIP_UNKNOWN;
}

uint32_t gossip_incarnation_of(const struct gossip *g, uint16_t member)
{
    return member < g->opts.members_max ? g->table.member[member].incarnation : 0;
}

uint16_t gossip_live(const struct gossip *g)
{
    return g->table.live;
}
