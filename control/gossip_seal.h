/* gossip_seal.h - a message of gossip on its way between processes: whose it is, for whom, and that
 * nobody else wrote it.
 *
 * In front of what control/gossip_msg.h writes come the cell, the member it is for, the life of the
 * process that sends it, its number in that life, and a SipHash of all of it by the key that the
 * processes of a system share. What is refused is counted by reason. Whoever has the key can still
 * lie, and who has just started cannot tell that a message was sent before. */
#ifndef CONTROL_GOSSIP_SEAL_H
#define CONTROL_GOSSIP_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "control/gossip_msg.h"

struct arena;

enum {
    GOSSIP_SEAL_BYTES = 26, /* cell 4, for whom 2, life 8, number 4, hash 8 */
    GOSSIP_SEALED_MAX = GOSSIP_SEAL_BYTES + GOSSIP_BYTES_MAX,
};

enum gossip_refusal {
    GOSSIP_TAKEN,   /* it is well */
    GOSSIP_SIZE,    /* no message has this many bytes */
    GOSSIP_CELL,    /* another cell's */
    GOSSIP_FORGED,  /* written without the key, or changed since */
    GOSSIP_ASTRAY,  /* for another member */
    GOSSIP_GARBLED, /* gossip_decode refuses it */
    GOSSIP_NO_ONE,  /* from nobody who may be a member, or out of another zone than its own */
    GOSSIP_AGAIN,   /* heard before, or of a process that another has followed */
    GOSSIP_REFUSALS,
};
extern const char *const gossip_refusal_words[]; /* by reason, ended by NULL */

struct gossip_heard { /* of one member */
    uint64_t life;
    uint64_t bits; /* bit i: number `top` - i has been heard */
    uint32_t top;
};

struct gossip_seal { /* fields are private to gossip_seal.c, but for `count` */
    uint8_t key[SIPHASH_KEY_BYTES];
    uint64_t life;
    uint32_t cell, number;
    uint16_t self, members, per_zone;
    struct gossip_heard *heard; /* [members] */
    uint64_t count[GOSSIP_REFUSALS];
};

/* For member `self` of `members`, of whom each zone has `per_zone`, in the cell of this number.
 * `life` is larger than that of any process that was this member before. 0, or -1 when memory is
 * out. */
int gossip_seal_init(struct gossip_seal *s, const uint8_t key[SIPHASH_KEY_BYTES], uint32_t cell,
                     uint16_t self, uint16_t members, uint16_t per_zone, uint64_t life,
                     struct arena *a);

/* Write `m` for member `to`. Returns how many bytes. */
size_t gossip_seal_put(struct gossip_seal *s, uint8_t out[GOSSIP_SEALED_MAX], uint16_t to,
                       const struct gossip_msg *m);

/* Read what another has put. `*m` is in any state unless GOSSIP_TAKEN. */
enum gossip_refusal gossip_seal_take(struct gossip_seal *s, const uint8_t *bytes, size_t len,
                                     struct gossip_msg *m);

/* All that were refused. */
uint64_t gossip_seal_refused(const struct gossip_seal *s);

#endif
