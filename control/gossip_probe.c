#include "control/gossip_probe.h"

#include "control/gossip.h"
#include "control/gossip_send.h"

static uint32_t next_seq(struct gossip *g)
{
    g->seq++;
    g->seq += g->seq == 0; /* 0 is for pings whose answer nobody waits for */
    return g->seq;
}

/* ---- the ping of a period ---- */

void gossip_probe_begin(const struct gossip_turn *t)
{
    struct gossip *g = t->g;
    struct gossip_table *table = &g->table;
    bool is_far = g->periods % g->opts.far_every == 0;
    uint16_t target = gossip_ring_next(table, is_far ? &table->far : &table->near, &g->rng);
    if (target == GOSSIP_NOBODY)
        target = gossip_ring_next(table, is_far ? &table->near : &table->far, &g->rng);
    g->probe = (struct gossip_probe){.target = target};
    if (target == GOSSIP_NOBODY)
        return;
    g->probe.seq = next_seq(g);
    g->probe.due_us = t->own_us + g->opts.ack_wait_us * (g->health + 1);
    gossip_send(t, target, GOSSIP_PING, target, g->probe.seq);
}

static int asked_at(const struct gossip_probe *p, uint16_t member)
{
    for (int i = 0; i < p->asked_count; i++)
        if (p->asked[i] == member)
            return i;
    return -1;
}

static void ask(const struct gossip_turn *t, struct gossip_ring *ring)
{
    struct gossip *g = t->g;
    struct gossip_probe *p = &g->probe;
    uint16_t who = gossip_ring_pick(&g->table, ring, &g->rng);
    if (who == GOSSIP_NOBODY || who == p->target || asked_at(p, who) >= 0)
        return;
    p->asked[p->asked_count++] = who;
    gossip_send(t, who, GOSSIP_ASK, p->target, p->seq);
}

void gossip_probe_ask(const struct gossip_turn *t)
{
    enum { TRIES = 4 };
    struct gossip *g = t->g;
    struct gossip_probe *p = &g->probe;
    p->has_asked = true;
    gossip_send(t, p->target, GOSSIP_PING, p->target, p->seq); /* where messages are lost, most
                                                                * often it was this one */
    for (unsigned i = 0; i < TRIES && p->asked_count < 1; i++)
        ask(t, &g->table.near);
    for (unsigned i = 0; i < TRIES * g->opts.asks && p->asked_count < g->opts.asks; i++)
        ask(t, &g->table.far);
    for (unsigned i = 0; i < TRIES * g->opts.asks && p->asked_count < g->opts.asks; i++)
        ask(t, &g->table.near);
    gossip_tell(t, (struct gossip_record){
                       .event = GOSSIP_ASKS, .member = p->target, .count = p->asked_count});
}

void gossip_probe_fail(const struct gossip_turn *t)
{
    struct gossip *g = t->g;
    struct gossip_probe *p = &g->probe;
    const struct gossip_member *m = &g->table.member[p->target];
    bool two_zones = false;
    int missing = p->asked_count == 0;
    for (unsigned i = 0; i < p->asked_count; i++) {
        bool has_nacked = (p->nacks >> i & 1) != 0;
        bool is_far = g->table.member[p->asked[i]].zone != g->opts.zone;
        two_zones = two_zones || (has_nacked && is_far);
        missing += !has_nacked;
    }
    gossip_health_add(g, missing);
    if (!gossip_is_live(m))
        return;
    if (gossip_suspect(t, p->target, m->incarnation, g->opts.self, two_zones))
        gossip_tell(t, (struct gossip_record){
                           .event = GOSSIP_SUSPECTS, .member = p->target, .count = p->asked_count});
    gossip_send(t, p->target, GOSSIP_PING, p->target, 0);
}

static void probe_answered(struct gossip *g)
{
    g->probe.target = GOSSIP_NOBODY;
    if (!g->is_late)
        gossip_health_add(g, -1);
}

/* ---- pings for others ---- */

static void relay_end(struct gossip *g, unsigned i)
{
    g->relay[i] = g->relay[--g->relay_count];
}

void gossip_relays_fail(const struct gossip_turn *t)
{
    struct gossip *g = t->g;
    for (unsigned i = g->relay_count; i-- > 0;) {
        const struct gossip_relay r = g->relay[i];
        if (r.due_us > t->own_us)
            continue;
        relay_end(g, i);
        gossip_send(t, r.asker, GOSSIP_NACK, r.target, r.asker_seq);
    }
}

void gossip_take_ask(const struct gossip_turn *t, const struct gossip_msg *in)
{
    struct gossip *g = t->g;
    if (in->about == g->opts.self) {
        gossip_send(t, in->from, GOSSIP_ACK, in->about, in->seq);
    } else if (g->relay_count == GOSSIP_RELAYS_MAX) {
        g->counts.unheard++;
    } else {
        uint32_t seq = next_seq(g);
        g->relay[g->relay_count++] = (struct gossip_relay){
            .asker = in->from,
            .target = in->about,
            .seq = seq,
            .asker_seq = in->seq,
            .due_us = t->own_us + g->opts.ack_wait_us,
        };
        gossip_send(t, in->about, GOSSIP_PING, in->about, seq);
    }
}

void gossip_take_ack(const struct gossip_turn *t, const struct gossip_msg *in)
{
    struct gossip *g = t->g;
    const struct gossip_probe *p = &g->probe;
    if (p->target != GOSSIP_NOBODY && p->target == in->about && p->seq == in->seq &&
        (in->from == p->target || asked_at(p, in->from) >= 0)) {
        probe_answered(g);
        return;
    }
    for (unsigned i = 0; i < g->relay_count; i++) {
        const struct gossip_relay r = g->relay[i];
        if (r.seq != in->seq || r.target != in->about || r.target != in->from)
            continue;
        relay_end(g, i);
        gossip_send(t, r.asker, GOSSIP_ACK, r.target, r.asker_seq);
        return;
    }
}

void gossip_take_nack(struct gossip *g, const struct gossip_msg *in)
{
    struct gossip_probe *p = &g->probe;
    int i = asked_at(p, in->from);
    if (p->target != GOSSIP_NOBODY && p->target == in->about && p->seq == in->seq && i >= 0)
        p->nacks |= (uint8_t)(1U << i);
}

/* ---- time ---- */

int64_t gossip_probe_due_us(const struct gossip *g)
{
    int64_t due = INT64_MAX;
    if (g->probe.target != GOSSIP_NOBODY && !g->probe.has_asked && g->probe.due_us < due)
        due = g->probe.due_us;
    for (unsigned i = 0; i < g->relay_count; i++)
        if (g->relay[i].due_us < due)
            due = g->relay[i].due_us;
    return due;
}
