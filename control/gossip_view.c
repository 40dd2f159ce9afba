#include "control/gossip_view.h"

#include <assert.h>
#include <stdbool.h>

#include "base/arena.h"
#include "control/gossip_story.h"

int gossip_view_init(struct gossip_view *v, uint16_t members, uint16_t self, int64_t now_us,
                     struct arena *a)
{
    assert(self < members);
    *v = (struct gossip_view){.members = members};
    v->seen = arena_alloc(a, members, sizeof v->seen[0]);
    if (v->seen == NULL)
        return -1;
    for (uint16_t i = 0; i < members; i++)
        v->seen[i] = (struct gossip_seen){.since_us = now_us,
                                          .by = GOSSIP_NOBODY,
                                          .also = GOSSIP_NOBODY,
                                          .state = i == self ? GOSSIP_ALIVE : GOSSIP_UNKNOWN};
    return 0;
}

/* A new state; one that is well is nobody's suspect. */
static void become(struct gossip_seen *s, enum gossip_state state, int64_t now_us)
{
    if (s->state == state)
        return;
    s->state = (uint8_t)state;
    s->since_us = now_us;
    if (state != GOSSIP_DEAD)
        s->by = s->also = GOSSIP_NOBODY;
}

static void suspect(struct gossip_seen *s, uint16_t by, int64_t now_us)
{
    bool fresh = s->state != GOSSIP_SUSPECT;
    become(s, GOSSIP_SUSPECT, now_us);
    if (fresh)
        s->by = by;
}

void gossip_view_take(struct gossip_view *v, const struct gossip_record *r)
{
    if (r->member >= v->members)
        return;
    struct gossip_seen *s = &v->seen[r->member];
    switch (r->event) {
    case GOSSIP_MEETS:
    case GOSSIP_TRUSTS:
    case GOSSIP_RETURNS:
        become(s, GOSSIP_ALIVE, r->now_us);
        break;
    case GOSSIP_SUSPECTS:
        suspect(s, r->self, r->now_us);
        break;
    case GOSSIP_HEARS:
        suspect(s, r->by, r->now_us);
        break;
    case GOSSIP_AGREES:
        s->also = r->by;
        break;
    case GOSSIP_BURIES:
    case GOSSIP_MOURNS:
        become(s, GOSSIP_DEAD, r->now_us);
        break;
    case GOSSIP_GOES:
        become(s, GOSSIP_LEFT, r->now_us);
        break;
    default:
        break;
    }
}
