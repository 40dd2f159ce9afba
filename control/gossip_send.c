#include "control/gossip_send.h"

#include <assert.h>

#include "control/gossip.h"
#include "control/gossip_belief.h"

static uint16_t updates_max(const struct gossip *g)
{
    return (uint16_t)((g->opts.bytes_max - GOSSIP_HEAD_BYTES) / GOSSIP_UPDATE_BYTES);
}

static struct gossip_msg *letter(const struct gossip_turn *t, uint16_t to, enum gossip_kind kind,
                                 uint16_t about, uint32_t seq)
{
    const struct gossip *g = t->g;
    assert(t->out->count < GOSSIP_OUT_MAX);
    assert(to != g->opts.self);
    struct gossip_letter *l = &t->out->letter[t->out->count++];
    l->to = to;
    l->msg.kind = (uint8_t)kind;
    l->msg.zone = g->opts.zone;
    l->msg.from = g->opts.self;
    l->msg.about = about;
    l->msg.count = 0;
    l->msg.incarnation = g->table.member[g->opts.self].incarnation;
    l->msg.seq = seq;
    /* Whoever is thought ill of is told before anything else, so that it can contradict. */
    const struct gossip_member *m = &g->table.member[to];
    if (m->state == GOSSIP_SUSPECT)
        gossip_update_add(&g->table, &l->msg, to, g->suspicion[m->suspicion].by[0],
                          gossip_in_two_zones(g, to));
    else if (m->state == GOSSIP_DEAD || m->state == GOSSIP_LEFT)
        gossip_update_add(&g->table, &l->msg, to, GOSSIP_NOBODY, false);
    return &l->msg;
}

void gossip_send(const struct gossip_turn *t, uint16_t to, enum gossip_kind kind, uint16_t about,
                 uint32_t seq)
{
    struct gossip *g = t->g;
    struct gossip_news news[GOSSIP_UPDATES_MAX];
    struct gossip_msg *m = letter(t, to, kind, about, seq);
    uint16_t room = (uint16_t)(updates_max(g) - m->count);
    uint16_t count =
        gossip_news_take(&g->table, news, room, (uint16_t)(g->opts.spread * gossip_log(g)));
    for (uint16_t i = 0; i < count; i++)
        gossip_update_add(&g->table, m, news[i].member, news[i].by,
                          gossip_in_two_zones(g, news[i].member));
}

void gossip_send_page(const struct gossip_turn *t, uint16_t to, uint16_t first)
{
    const struct gossip_table *table = &t->g->table;
    struct gossip_msg *m = letter(t, to, GOSSIP_PAGE, first, 0);
    for (uint16_t i = first; i < table->members_max; i++) {
        if (table->member[i].state == GOSSIP_UNKNOWN)
            continue;
        if (m->count == updates_max(t->g)) {
            m->seq = i;
            return;
        }
        gossip_update_add(table, m, i, GOSSIP_NOBODY, false);
        struct gossip_update *u = &m->update[m->count - 1];
        if (u->state == GOSSIP_SUSPECT) {
            u->state = GOSSIP_ALIVE;
            u->by = GOSSIP_NOBODY;
        }
    }
}
