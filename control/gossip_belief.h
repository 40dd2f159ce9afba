/* gossip_belief.h - what to believe: whose word is newer, who is suspected, and who dies of it.
 *
 * The half of control/gossip.h that sends nothing; only gossip.c calls it. */
#ifndef CONTROL_GOSSIP_BELIEF_H
#define CONTROL_GOSSIP_BELIEF_H

#include <stdbool.h>
#include <stdint.h>

#include "control/gossip_msg.h"
#include "control/gossip_story.h"

struct gossip;
struct gossip_out;

struct gossip_turn { /* a step under way */
    struct gossip *g;
    struct gossip_out *out;
    int64_t now_us;
    int64_t own_us; /* without the time that we slept through */
};

/* The smallest whole number above the binary logarithm of the live members. */
unsigned gossip_log(const struct gossip *g);

/* Slower by `by`, or faster, within bounds. */
void gossip_health_add(struct gossip *g, int by);

/* Trace `record`; when it was and whose it is is filled in. */
void gossip_tell(const struct gossip_turn *t, struct gossip_record record);

/* Take what somebody says of a member. False when it makes no sense. */
bool gossip_believe(const struct gossip_turn *t, const struct gossip_update *u);

/* `by` (perhaps we) had no answer from `member`, who is live. `two_zones`: nor had somebody in
 * another zone. False when it is no news. */
bool gossip_suspect(const struct gossip_turn *t, uint16_t member, uint32_t incarnation, uint16_t by,
                    bool two_zones);

/* Whether they are in two zones who suspect `member`. */
bool gossip_in_two_zones(const struct gossip *g, uint16_t member);

/* Let those die whose time is over. */
void gossip_bury(const struct gossip_turn *t);

#endif
