/* gossip_view.h - what a member's records amount to: of each other one how it is, since when, who
 * said so first and who agreed.
 *
 * The machine keeps only what it needs to decide. This is for those who ask why. */
#ifndef CONTROL_GOSSIP_VIEW_H
#define CONTROL_GOSSIP_VIEW_H

#include <stdint.h>

#include "control/gossip_msg.h"

struct arena;
struct gossip_record;

struct gossip_seen {
    int64_t since_us; /* in this state */
    uint16_t by;      /* who suspected it first; GOSSIP_NOBODY: nobody did, or we were not told */
    uint16_t also;    /* who did in another zone; GOSSIP_NOBODY: we were not told who */
    uint8_t state;    /* enum gossip_state */
};

struct gossip_view {
    struct gossip_seen *seen; /* [members] */
    uint16_t members;
};

/* Nobody is known, `self` lives. 0, or -1 when memory is out. */
int gossip_view_init(struct gossip_view *v, uint16_t members, uint16_t self, int64_t now_us,
                     struct arena *a);

/* Take what gossip.h's trace says. */
void gossip_view_take(struct gossip_view *v, const struct gossip_record *r);

#endif
