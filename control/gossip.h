/* gossip.h - who is alive, as one member of a cell sees it, without a centre.
 *
 * SWIM (Das, Gupta, Motivala 2002) with Lifeguard's health of one's own (Dadgar, Phillips, Currey
 * 2018). Each period a member pings one other; when it is silent, others are asked to ping it; when
 * they hear nothing either it is suspected, and everybody is told. Who is suspected and lives
 * contradicts with a higher incarnation. Who does not, dies. The news ride on the pings and their
 * answers, so the load of a member does not grow with their number.
 *
 * A machine: no clock, no sockets, no allocation. Time is handed in, in microseconds, and never
 * goes back; messages come and go as structs. docs/decisions/0010-gossip.md has the rules, which
 * are these:
 *
 * - Near first: of `far_every` pings one goes to another zone, the others to one's own. In each of
 *   the two a member has its turn once in a shuffled pass. So in its own zone of n members one is
 *   pinged by each other at least every (2 (n - 1) - 1) far_every / (far_every - 1) periods,
 *   rounded up, and by each of those elsewhere, who see n, every (2 n - 1) far_every.
 * - Whom it asks to ping for it: one in its own zone, the others elsewhere, as far as there are.
 * - A suspicion ends in death when it is `suspect_max` periods old, multiplied by the binary
 *   logarithm of the members; the more have said the same independently (up to 3), the sooner, down
 *   to `suspect_min`. But those who say so have to be in two zones, of which one may be that of a
 *   member who was asked, was there, and heard nothing either. Only when this member itself is in
 *   the zone of the one who said it first, and has heard directly from no other zone for 4 *
 *   far_every of its periods, does one zone suffice: there is nobody else to agree.
 * - Slower when slow itself: a missed answer of one who was asked, having been suspected, and a
 *   step later than half of `ack_wait_us` each make period and wait longer by one length, up to
 *   `health_max` more; each answer in time, shorter. And the time by which a step is late does not
 *   count: nobody is judged by it, and what waits to be read is read first.
 * - The dead are pinged now and then, and told what is thought of them: cut halves find each other
 *   again, and each member that was called dead comes back with a higher incarnation. */
#ifndef CONTROL_GOSSIP_H
#define CONTROL_GOSSIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "control/gossip_msg.h"
#include "control/gossip_table.h"

struct arena;
struct gossip_record;

enum {
    GOSSIP_ASKS_MAX = 4,
    GOSSIP_VOICES = 4,      /* who says so: the first, and as many as make a suspicion shorter */
    GOSSIP_RELAYS_MAX = 16, /* pings under way for others; whoever asks for more hears nothing */
    GOSSIP_SEEDS_MAX = 4,
    GOSSIP_OUT_MAX = GOSSIP_RELAYS_MAX + GOSSIP_ASKS_MAX + 4,
};

struct gossip_opts {
    uint16_t self;
    uint16_t members_max; /* numbers are below this; 1..GOSSIP_MEMBERS_MAX */
    uint8_t zone;         /* ours, < GOSSIP_ZONES_MAX */
    uint8_t asks;         /* others asked to ping a silent one, 1..GOSSIP_ASKS_MAX */
    uint8_t far_every;    /* one ping in so many goes to another zone, >= 2 */
    uint8_t dead_every;   /* periods between pings of the dead */
    uint8_t sync_every;   /* periods between pages read from another, against what was missed */
    uint8_t spread;       /* times that a piece of news is sent, by the logarithm */
    uint8_t suspect_min;  /* in periods, by the logarithm */
    uint8_t suspect_max;
    uint8_t health_max;    /* 0: never slower */
    uint16_t bytes_max;    /* of a message, up to GOSSIP_BYTES_MAX */
    uint16_t news_max;     /* pieces that wait to be sent; more push out what was sent most */
    uint16_t suspects_max; /* at a time; others stay alive until there is room */
    int64_t period_us;
    int64_t ack_wait_us; /* silence before others are asked, <= period_us / 3 */
    int64_t late_us;     /* steps later than this are late */
    void (*trace)(void *context, const struct gossip_record *record); /* or NULL */
    void *context;
};

/* For a cell within a region: 200 ms, and `self`, `zone` and members_max to be filled in. */
extern const struct gossip_opts gossip_usual;

struct gossip_out {
    struct gossip_letter {
        uint16_t to;
        struct gossip_msg msg;
    } letter[GOSSIP_OUT_MAX];
    size_t count;
};

struct gossip_suspicion {
    uint16_t member;
    uint16_t by[GOSSIP_VOICES]; /* [count], the first first */
    uint8_t count;
    uint8_t zone; /* of the first whose zone is known, or GOSSIP_ZONES_MAX */
    bool two_zones;
    int64_t since_us; /* by our own time */
};

struct gossip_probe { /* the ping of this period */
    uint16_t target;  /* GOSSIP_NOBODY: none, or it was answered */
    uint16_t asked[GOSSIP_ASKS_MAX];
    uint8_t asked_count;
    uint8_t nacks;  /* a bit for each of `asked` */
    bool has_asked; /* even when there was nobody to be asked */
    uint32_t seq;
    int64_t due_us;
};

struct gossip_relay { /* a ping for another */
    uint16_t asker, target;
    uint32_t seq, asker_seq;
    int64_t due_us;
};

struct gossip_counts { /* since the start */
    uint64_t refused;  /* messages and updates that make no sense */
    uint64_t unheard;  /* questions and suspicions for which there was no room */
    uint64_t late;     /* own steps */
};

struct gossip { /* fields are private to gossip*.c */
    struct gossip_opts opts;
    struct gossip_table table;
    struct gossip_suspicion *suspicion; /* [opts.suspects_max] */
    uint16_t suspicion_count;
    uint16_t relay_count;
    struct gossip_relay relay[GOSSIP_RELAYS_MAX];
    struct gossip_probe probe;
    struct rng rng;
    struct gossip_counts counts;
    int64_t heard_us[GOSSIP_ZONES_MAX]; /* directly */
    int64_t tick_us;                    /* the next period; own time, as all but now_us */
    int64_t slept_us;                   /* by which our own time is behind the clock */
    int64_t grace_us;                   /* what was due then was put off once for a late step */
    uint32_t seq, periods;
    uint8_t health; /* 0 is good */
    bool is_late;   /* a late step in this period */
    bool has_left;
    uint8_t seed_count; /* > 0 while we join */
    uint16_t seed[GOSSIP_SEEDS_MAX];
    uint16_t sync_at;     /* the page to read next */
    uint16_t dead_cursor; /* where to look for a dead one to ping */
};

/* Know oneself alone, at time `now_us`; the first period begins at a random moment within one.
 * Memory is the arena's. `rng` is copied. 0, or -1 when memory is out. */
int gossip_init(struct gossip *g, const struct gossip_opts *opts, const struct rng *rng,
                struct arena *a, int64_t now_us);

/* Know of another member before anybody tells: from a list that all are given. */
void gossip_know(struct gossip *g, uint16_t member, uint8_t zone, int64_t now_us);

/* Join those who know: up to GOSSIP_SEEDS_MAX members are asked, again and again, until one has
 * told everything. One who was here before comes back with a higher incarnation. */
void gossip_join(struct gossip *g, const uint16_t *seeds, size_t count, int64_t now_us,
                 struct gossip_out *out);

/* Say good-bye. Afterwards nothing is answered and nothing is due. */
void gossip_leave(struct gossip *g, int64_t now_us, struct gossip_out *out);

/* Take a message, or NULL when the deadline has come. What is to be sent is in `out`, which is
 * emptied first. A message that makes no sense is counted and otherwise ignored. */
void gossip_step(struct gossip *g, int64_t now_us, const struct gossip_msg *in,
                 struct gossip_out *out);

/* When gossip_step(NULL) is due, INT64_MAX for never. After a late step it is due at once: first
 * read what has come in the meantime. */
int64_t gossip_deadline_us(const struct gossip *g);

enum gossip_state gossip_state_of(const struct gossip *g, uint16_t member);
uint32_t gossip_incarnation_of(const struct gossip *g, uint16_t member);

/* Alive or suspect, with oneself. */
uint16_t gossip_live(const struct gossip *g);

/* Bytes of the arena that gossip_init takes, but for the arena's own rounding. */
size_t gossip_memory(const struct gossip_opts *opts);

#endif
