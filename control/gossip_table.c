#include "control/gossip_table.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"

int gossip_table_init(struct gossip_table *t, uint16_t self, uint8_t zone, uint16_t members_max,
                      uint16_t news_max, struct arena *a)
{
    assert(self < members_max);
    assert(members_max <= GOSSIP_MEMBERS_MAX);
    assert(news_max > 0);
    *t = (struct gossip_table){.self = self, .members_max = members_max, .news_max = news_max};
    t->member = arena_alloc(a, members_max, sizeof t->member[0]);
    t->order = arena_alloc(a, members_max, sizeof t->order[0]);
    t->news = arena_alloc(a, news_max, sizeof t->news[0]);
    if (t->member == NULL || t->order == NULL || t->news == NULL)
        return -1;
    for (uint16_t i = 0; i < members_max; i++)
        t->member[i].state = GOSSIP_UNKNOWN;
    t->member[self] = (struct gossip_member){.zone = zone, .state = GOSSIP_ALIVE};
    t->live = 1;
    return 0;
}

/* ---- rings ---- */

/* Both lie in one array: together they never have more than all members. */
static uint16_t *slot(const struct gossip_table *t, const struct gossip_ring *ring, uint32_t i)
{
    return ring == &t->near ? &t->order[i] : &t->order[t->members_max - 1U - i];
}

static void ring_add(struct gossip_table *t, uint16_t member)
{
    bool is_near = t->member[member].zone == t->member[t->self].zone;
    struct gossip_ring *ring = is_near ? &t->near : &t->far;
    t->member[member].in_ring = true;
    *slot(t, ring, ring->count++) = member;
    assert(t->near.count + t->far.count < t->members_max);
}

uint16_t gossip_ring_next(struct gossip_table *t, struct gossip_ring *ring, struct rng *rng)
{
    while (ring->count > 0) {
        if (ring->at == ring->count)
            ring->at = 0;
        uint32_t left = (uint32_t)ring->count - ring->at;
        uint16_t *other = slot(t, ring, ring->at + rng_below(rng, left));
        uint16_t *turn = slot(t, ring, ring->at);
        uint16_t member = *other;
        *other = *turn;
        *turn = member;
        if (gossip_is_live(&t->member[member])) {
            ring->at++;
            return member;
        }
        t->member[member].in_ring = false;
        *turn = *slot(t, ring, --ring->count);
    }
    ring->at = 0;
    return GOSSIP_NOBODY;
}

uint16_t gossip_ring_pick(const struct gossip_table *t, const struct gossip_ring *ring,
                          struct rng *rng)
{
    enum { TRIES = 8 };
    if (ring->count == 0)
        return GOSSIP_NOBODY;
    uint32_t at = rng_below(rng, ring->count);
    for (unsigned i = 0; i < TRIES; i++) {
        uint16_t member = *slot(t, ring, at);
        if (t->member[member].state == GOSSIP_ALIVE)
            return member;
        at = at + 1 == ring->count ? 0 : at + 1;
    }
    return GOSSIP_NOBODY;
}

void gossip_table_set(struct gossip_table *t, uint16_t member, uint8_t zone,
                      enum gossip_state state, uint32_t incarnation)
{
    struct gossip_member *m = &t->member[member];
    assert(state != GOSSIP_UNKNOWN);
    assert(m->state == GOSSIP_UNKNOWN || m->zone == zone);
    assert(incarnation >= m->incarnation);
    t->live -= gossip_is_live(m);
    m->zone = zone;
    m->state = (uint8_t)state & 7;
    m->incarnation = incarnation;
    t->live += gossip_is_live(m);
    if (gossip_is_live(m) && !m->in_ring && member != t->self)
        ring_add(t, member);
}

/* ---- news ---- */

static void news_remove(struct gossip_table *t, uint16_t member)
{
    uint16_t i = 0;
    while (t->news[i].member != member)
        i++;
    t->news_count--;
    memmove(&t->news[i], &t->news[i + 1], (size_t)(t->news_count - i) * sizeof t->news[0]);
}

void gossip_news_put(struct gossip_table *t, uint16_t member, uint16_t by, uint16_t sent)
{
    if (t->member[member].has_news)
        news_remove(t, member);
    if (t->news_count == t->news_max) {
        t->member[t->news[--t->news_count].member].has_news = false;
        t->news_dropped++;
    }
    uint16_t i = t->news_count;
    while (i > 0 && t->news[i - 1].sent >= sent)
        i--;
    memmove(&t->news[i + 1], &t->news[i], (size_t)(t->news_count - i) * sizeof t->news[0]);
    t->news[i] = (struct gossip_news){.member = member, .by = by, .sent = sent};
    t->news_count++;
    t->member[member].has_news = true;
}

uint16_t gossip_news_take(struct gossip_table *t, struct gossip_news *out, uint16_t max,
                          uint16_t sent_max)
{
    uint16_t taken = t->news_count < max ? t->news_count : max;
    if (taken == 0)
        return 0;
    memcpy(out, t->news, taken * sizeof out[0]);
    /* What was taken is in order, and so is the rest: merge them. Of those sent equally often the
     * ones just taken come last. */
    uint16_t to = 0, rest = taken;
    for (uint16_t i = 0; i < taken; i++) {
        struct gossip_news news = out[i];
        news.sent++;
        if (news.sent >= sent_max) {
            t->member[news.member].has_news = false;
            continue;
        }
        while (rest < t->news_count && t->news[rest].sent <= news.sent)
            t->news[to++] = t->news[rest++];
        t->news[to++] = news;
    }
    while (rest < t->news_count)
        t->news[to++] = t->news[rest++];
    t->news_count = to;
    return taken;
}

void gossip_update_add(const struct gossip_table *t, struct gossip_msg *m, uint16_t member,
                       uint16_t by, bool two_zones)
{
    const struct gossip_member *of = &t->member[member];
    bool suspect = of->state == GOSSIP_SUSPECT;
    assert(of->state != GOSSIP_UNKNOWN);
    m->update[m->count++] = (struct gossip_update){
        .incarnation = of->incarnation,
        .member = member,
        .by = suspect ? by : (uint16_t)GOSSIP_NOBODY,
        .zone = of->zone,
        .state = of->state,
        .two_zones = suspect && two_zones,
    };
}
