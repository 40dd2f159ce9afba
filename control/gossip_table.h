/* gossip_table.h - what one member knows of the others: their states, in which order to ping them,
 * and what to pass on.
 *
 * Part of control/gossip.h; no rules of time here. 10 bytes for each member that there may be, and
 * 6 for each piece of news that may wait. */
#ifndef CONTROL_GOSSIP_TABLE_H
#define CONTROL_GOSSIP_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "control/gossip_msg.h"

struct arena;

struct gossip_member {
    uint32_t incarnation;
    uint16_t suspicion; /* its place among the suspicions while it is SUSPECT */
    uint8_t zone;
    uint8_t state : 3;   /* enum gossip_state */
    uint8_t in_ring : 1; /* it leaves its ring when its turn comes and it is no more there */
    uint8_t has_news : 1;
};

/* Members to ping, in a pass of shuffled order. The shuffle (Fisher and Yates) goes on with each
 * turn, so a new pass costs nothing at once. */
struct gossip_ring {
    uint16_t count;
    uint16_t at; /* those before it had their turn in this pass */
};

struct gossip_news { /* something to pass on: the state of a member, as it is when it is sent */
    uint16_t member;
    uint16_t by;   /* who suspects it, where it is suspected */
    uint16_t sent; /* how often */
};

struct gossip_table { /* fields are private to gossip_table.c and gossip.c */
    uint16_t self;
    uint16_t members_max;
    uint16_t live; /* alive or suspect, with oneself */
    uint16_t news_max;
    uint16_t news_count;
    uint64_t news_dropped;
    struct gossip_member *member; /* [members_max] */
    uint16_t *order;              /* [members_max]: near from its front, far from its back */
    struct gossip_news *news;     /* [news_max], least sent first, the newest first of these */
    struct gossip_ring near, far; /* others in our zone; others elsewhere */
};

/* Knowing oneself alone, in `zone`. 0, or -1 when memory is out. */
int gossip_table_init(struct gossip_table *t, uint16_t self, uint8_t zone, uint16_t members_max,
                      uint16_t news_max, struct arena *a);

static inline bool gossip_is_live(const struct gossip_member *m)
{
    return m->state <= GOSSIP_SUSPECT;
}

/* Set a member's state; one that is live stands in its ring afterwards. UNKNOWN is never set. */
void gossip_table_set(struct gossip_table *t, uint16_t member, uint8_t zone,
                      enum gossip_state state, uint32_t incarnation);

/* The next in `ring` (t->near or t->far), GOSSIP_NOBODY when nobody is in it. Each who stays in it
 * comes once in a pass, so at most 2 * count - 1 turns lie between two of his. */
uint16_t gossip_ring_next(struct gossip_table *t, struct gossip_ring *ring, struct rng *rng);

/* Someone in `ring` who is not suspect, by chance and whosever turn it is. GOSSIP_NOBODY when a few
 * tries found none. */
uint16_t gossip_ring_pick(const struct gossip_table *t, const struct gossip_ring *ring,
                          struct rng *rng);

/* Pass the state of `member` on, as if it had been sent `sent` times. When no more fits, what was
 * sent most often is dropped for it, the oldest of these. */
void gossip_news_put(struct gossip_table *t, uint16_t member, uint16_t by, uint16_t sent);

/* Write the state of `member` behind the updates of `m`. */
void gossip_update_add(const struct gossip_table *t, struct gossip_msg *m, uint16_t member,
                       uint16_t by, bool two_zones);

/* Take up to `max` pieces of news, which are members in out[]; each counts as sent once more, and
 * those sent `sent_max` times are done with. Returns how many. `max` <= GOSSIP_UPDATES_MAX. */
uint16_t gossip_news_take(struct gossip_table *t, struct gossip_news *out, uint16_t max,
                          uint16_t sent_max);

#endif
