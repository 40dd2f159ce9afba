#include "control/gossip_belief.h"

#include <assert.h>

#include "control/gossip.h"

/* ln(voices) / ln(most voices) in thousandths, Lifeguard's curve: rows by how many may follow the
 * first, columns by how many did. */
static const uint16_t sooner[GOSSIP_VOICES][GOSSIP_VOICES] = {
    {1000}, {0, 1000}, {0, 631, 1000}, {0, 500, 792, 1000}};

unsigned gossip_log(const struct gossip *g)
{
    unsigned log = 0;
    while (g->table.live >> log != 0)
        log++;
    return log;
}

void gossip_health_add(struct gossip *g, int by)
{
    int health = g->health + by;
    if (health < 0)
        health = 0;
    g->health = health > g->opts.health_max ? g->opts.health_max : (uint8_t)health;
}

void gossip_tell(const struct gossip_turn *t, struct gossip_record record)
{
    const struct gossip_opts *opts = &t->g->opts;
    record.now_us = t->now_us;
    record.self = opts->self;
    if (opts->trace != NULL)
        opts->trace(opts->context, &record);
}

/* ---- suspicions ---- */

static struct gossip_suspicion *suspicion_of(struct gossip *g, uint16_t member)
{
    assert(g->table.member[member].state == GOSSIP_SUSPECT);
    return &g->suspicion[g->table.member[member].suspicion];
}

bool gossip_in_two_zones(const struct gossip *g, uint16_t member)
{
    const struct gossip_member *m = &g->table.member[member];
    return m->state == GOSSIP_SUSPECT && g->suspicion[m->suspicion].two_zones;
}

static void suspicion_end(struct gossip *g, uint16_t member)
{
    struct gossip_suspicion *s = suspicion_of(g, member);
    *s = g->suspicion[--g->suspicion_count];
    g->table.member[s->member].suspicion = (uint16_t)(s - g->suspicion);
}

static uint8_t zone_of(const struct gossip *g, uint16_t member)
{
    const struct gossip_member *m = &g->table.member[member];
    return m->state != GOSSIP_UNKNOWN ? m->zone : GOSSIP_ZONES_MAX;
}

/* One more says so. Whether that is news: a new voice, or a second zone. */
static bool add_voice(const struct gossip_turn *t, struct gossip_suspicion *s, uint16_t by,
                      bool two_zones)
{
    uint8_t zone = zone_of(t->g, by);
    bool had_two = s->two_zones;
    if (s->zone == GOSSIP_ZONES_MAX)
        s->zone = zone;
    s->two_zones = had_two || two_zones || (zone != GOSSIP_ZONES_MAX && zone != s->zone);
    bool news = s->two_zones && !had_two;
    if (news && s->count > 0)
        gossip_tell(t,
                    (struct gossip_record){.event = GOSSIP_AGREES, .member = s->member, .by = by});
    for (unsigned i = 0; i < s->count; i++)
        if (s->by[i] == by)
            return news;
    if (s->count == GOSSIP_VOICES)
        return news;
    s->by[s->count++] = by;
    return true;
}

/* Of one who is live or was dead. */
static bool suspicion_begin(const struct gossip_turn *t, uint16_t member, uint32_t incarnation,
                            uint16_t by, bool two_zones)
{
    struct gossip *g = t->g;
    if (g->suspicion_count == g->opts.suspects_max) {
        g->counts.unheard++;
        return false;
    }
    struct gossip_suspicion *s = &g->suspicion[g->suspicion_count];
    *s = (struct gossip_suspicion){
        .member = member, .zone = GOSSIP_ZONES_MAX, .since_us = t->own_us};
    add_voice(t, s, by, two_zones);
    gossip_table_set(&g->table, member, g->table.member[member].zone, GOSSIP_SUSPECT, incarnation);
    g->table.member[member].suspicion = g->suspicion_count++;
    return true;
}

bool gossip_suspect(const struct gossip_turn *t, uint16_t member, uint32_t incarnation, uint16_t by,
                    bool two_zones)
{
    struct gossip *g = t->g;
    struct gossip_member *m = &g->table.member[member];
    assert(m->state != GOSSIP_UNKNOWN);
    bool news = false;
    if (m->state == GOSSIP_SUSPECT && m->incarnation == incarnation) {
        news = add_voice(t, suspicion_of(g, member), by, two_zones);
    } else {
        if (m->state == GOSSIP_SUSPECT)
            suspicion_end(g, member);
        news = suspicion_begin(t, member, incarnation, by, two_zones);
    }
    if (news)
        gossip_news_put(&g->table, member, by, 0);
    return news;
}

/* ---- death ---- */

/* Is there another zone than `zone` that could agree? Our own can; others when we hear of them. */
static bool others_could_agree(const struct gossip_turn *t, uint8_t zone)
{
    const struct gossip *g = t->g;
    int64_t wait = 4 * g->opts.far_every * g->opts.period_us * (g->health + 1);
    if (zone != g->opts.zone)
        return true;
    for (uint8_t i = 0; i < GOSSIP_ZONES_MAX; i++)
        if (i != zone && t->own_us - g->heard_us[i] < wait)
            return true;
    return false;
}

static int64_t patience_us(const struct gossip *g, const struct gossip_suspicion *s)
{
    int64_t log = gossip_log(g);
    int64_t least = log * g->opts.suspect_min * g->opts.period_us;
    int64_t most = log * g->opts.suspect_max * g->opts.period_us;
    unsigned others = g->table.live < 2U ? 0 : g->table.live - 2U; /* who could say so as well */
    unsigned row = others < GOSSIP_VOICES - 1 ? others : GOSSIP_VOICES - 1;
    unsigned column = s->count - 1U < row ? s->count - 1U : row;
    return most - (most - least) * sooner[row][column] / 1000;
}

void gossip_bury(const struct gossip_turn *t)
{
    struct gossip *g = t->g;
    for (uint16_t i = g->suspicion_count; i-- > 0;) {
        const struct gossip_suspicion s = g->suspicion[i];
        const struct gossip_member *m = &g->table.member[s.member];
        if (t->own_us - s.since_us < patience_us(g, &s))
            continue;
        if (!s.two_zones && others_could_agree(t, s.zone))
            continue;
        suspicion_end(g, s.member);
        gossip_table_set(&g->table, s.member, m->zone, GOSSIP_DEAD, m->incarnation);
        gossip_news_put(&g->table, s.member, GOSSIP_NOBODY, 0);
        gossip_tell(t, (struct gossip_record){.event = GOSSIP_BURIES,
                                              .member = s.member,
                                              .us = t->own_us - s.since_us});
    }
}

/* ---- what others say ---- */

/* Somebody thinks ill of us, or remembers us from an earlier life. */
static void contradict(const struct gossip_turn *t, const struct gossip_update *u)
{
    struct gossip *g = t->g;
    struct gossip_member *me = &g->table.member[g->opts.self];
    bool ill = u->state != GOSSIP_ALIVE;
    if (u->incarnation < me->incarnation + (uint32_t)!ill)
        return;
    uint32_t next = u->incarnation < GOSSIP_INCARNATION_MAX ? u->incarnation + 1
                                                            : (uint32_t)GOSSIP_INCARNATION_MAX;
    gossip_table_set(&g->table, g->opts.self, me->zone, GOSSIP_ALIVE, next);
    gossip_news_put(&g->table, g->opts.self, GOSSIP_NOBODY, 0);
    if (ill)
        gossip_health_add(g, 1);
    gossip_tell(t, (struct gossip_record){
                       .event = GOSSIP_CONTRADICTS, .member = g->opts.self, .count = next});
}

/* Whether `u` overrides what we hold. At the same incarnation the worse word does. */
static bool is_newer(const struct gossip_member *m, const struct gossip_update *u)
{
    return m->state == GOSSIP_UNKNOWN || u->incarnation > m->incarnation ||
           (u->incarnation == m->incarnation && u->state > m->state);
}

static enum gossip_event event_of(enum gossip_state before, enum gossip_state after)
{
    if (after == GOSSIP_DEAD)
        return GOSSIP_MOURNS;
    if (after == GOSSIP_LEFT)
        return GOSSIP_GOES;
    if (before == GOSSIP_UNKNOWN)
        return GOSSIP_MEETS;
    return before == GOSSIP_SUSPECT ? GOSSIP_TRUSTS : GOSSIP_RETURNS;
}

static void set(const struct gossip_turn *t, const struct gossip_update *u, enum gossip_state state)
{
    struct gossip *g = t->g;
    enum gossip_state before = g->table.member[u->member].state;
    if (before == GOSSIP_SUSPECT)
        suspicion_end(g, u->member);
    if (before == GOSSIP_UNKNOWN && g->heard_us[u->zone] == INT64_MIN / 2)
        g->heard_us[u->zone] = t->own_us; /* the zone exists */
    gossip_table_set(&g->table, u->member, u->zone, state, u->incarnation);
    gossip_news_put(&g->table, u->member, GOSSIP_NOBODY, 0);
    if (before != state)
        gossip_tell(t, (struct gossip_record){.event = (uint8_t)event_of(before, state),
                                              .member = u->member,
                                              .count = u->incarnation});
}

static void hear_suspicion(const struct gossip_turn *t, const struct gossip_update *u)
{
    struct gossip *g = t->g;
    const struct gossip_member *m = &g->table.member[u->member];
    bool is_fresh = m->state != GOSSIP_SUSPECT;
    if (!gossip_is_live(m)) /* nobody, or one who came back and is suspected at once */
        set(t, u, GOSSIP_ALIVE);
    if (gossip_suspect(t, u->member, u->incarnation, u->by, u->two_zones) && is_fresh)
        gossip_tell(
            t, (struct gossip_record){.event = GOSSIP_HEARS, .member = u->member, .by = u->by});
}

bool gossip_believe(const struct gossip_turn *t, const struct gossip_update *u)
{
    struct gossip *g = t->g;
    if (u->member >= g->opts.members_max || u->zone >= GOSSIP_ZONES_MAX ||
        (u->state == GOSSIP_SUSPECT && u->by >= g->opts.members_max))
        return false;
    const struct gossip_member *m = &g->table.member[u->member];
    if (m->state != GOSSIP_UNKNOWN && m->zone != u->zone)
        return false;
    if (u->member == g->opts.self) {
        contradict(t, u);
        return true;
    }
    bool is_same = u->incarnation == m->incarnation && u->state == m->state;
    if (u->state == GOSSIP_SUSPECT && (is_same || is_newer(m, u)))
        hear_suspicion(t, u);
    else if (is_newer(m, u))
        set(t, u, u->state);
    else if (!is_same && !m->has_news && m->state != GOSSIP_SUSPECT)
        /* Old news: say what we know once more, probably to whoever told us. */
        gossip_news_put(&g->table, u->member, GOSSIP_NOBODY,
                        (uint16_t)(g->opts.spread * gossip_log(g) - 1));
    return true;
}
