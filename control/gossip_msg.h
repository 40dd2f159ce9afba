/* gossip_msg.h - what members say to each other, and its bytes.
 *
 * A message is a head and updates: what its sender lately learned of others rides along with
 * whatever it has to say. Members are numbers below GOSSIP_MEMBERS_MAX; names and addresses are
 * kept by who drives the machine. A number keeps its zone for good. */
#ifndef CONTROL_GOSSIP_MSG_H
#define CONTROL_GOSSIP_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum {
    GOSSIP_MEMBERS_MAX = 10000,
    GOSSIP_ZONES_MAX = 16,
    GOSSIP_BYTES_MAX = 1400, /* a message; fits a datagram that no link splits */
    GOSSIP_HEAD_BYTES = 16,
    GOSSIP_UPDATE_BYTES = 10,
    GOSSIP_UPDATES_MAX = (GOSSIP_BYTES_MAX - GOSSIP_HEAD_BYTES) / GOSSIP_UPDATE_BYTES,
    GOSSIP_INCARNATION_MAX = INT32_MAX,
    GOSSIP_NOBODY = UINT16_MAX,
};

/* The order is that of strength at the same incarnation. */
enum gossip_state {
    GOSSIP_ALIVE,
    GOSSIP_SUSPECT,
    GOSSIP_DEAD,
    GOSSIP_LEFT,    /* went politely */
    GOSSIP_UNKNOWN, /* never heard of; not in messages */
};

struct gossip_update {
    uint32_t incarnation; /* how often the member has contradicted; 0..GOSSIP_INCARNATION_MAX */
    uint16_t member;
    uint16_t by;    /* SUSPECT: one who suspects it; else GOSSIP_NOBODY */
    uint8_t zone;   /* the member's */
    uint8_t state;  /* enum gossip_state, not UNKNOWN */
    bool two_zones; /* SUSPECT: those who suspect it are in two zones at least */
};

enum gossip_kind {
    GOSSIP_PING, /* are you there? */
    GOSSIP_ASK,  /* ping `about` for me */
    GOSSIP_ACK,  /* `about` is there */
    GOSSIP_NACK, /* I am here, but `about` does not answer me */
    GOSSIP_NEWS, /* only updates */
    GOSSIP_SYNC, /* tell me all you know from number `about` on */
    GOSSIP_PAGE, /* all I know from number `about` to `seq`, exclusive; `seq` 0: to the end */
    GOSSIP_KINDS,
};

struct gossip_msg {
    uint8_t kind;
    uint8_t zone; /* the sender's */
    uint16_t from;
    uint16_t about;       /* a member; SYNC, PAGE: a number; NEWS: GOSSIP_NOBODY */
    uint16_t count;       /* of updates */
    uint32_t incarnation; /* the sender's */
    uint32_t seq;         /* which PING or ASK an answer answers; NEWS and SYNC: 0 */
    struct gossip_update update[GOSSIP_UPDATES_MAX];
};

/* The bytes of a message with `count` updates. */
static inline size_t gossip_bytes(size_t count)
{
    return GOSSIP_HEAD_BYTES + count * GOSSIP_UPDATE_BYTES;
}

/* Write `m`, which is well formed, in the order of the network. Returns how many bytes. */
size_t gossip_encode(uint8_t out[GOSSIP_BYTES_MAX], const struct gossip_msg *m);

/* Read what gossip_encode writes, and nothing else: what is accepted is written as the same bytes.
 * Every number is within its bounds; whether it makes sense is gossip_step's to judge. 0, or -1
 * with `err` set and `*m` in any state. */
int gossip_decode(struct gossip_msg *m, const uint8_t *bytes, size_t len, struct error *err);

#endif
