/* gossip_probe.h - pings: the one of a period, and those for others who ask.
 *
 * Part of control/gossip.h; only gossip.c calls it. */
#ifndef CONTROL_GOSSIP_PROBE_H
#define CONTROL_GOSSIP_PROBE_H

#include <stdint.h>

#include "control/gossip_belief.h"

struct gossip_msg;

/* Ping whose turn it is. */
void gossip_probe_begin(const struct gossip_turn *t);

/* It has been silent for a while: ping it again, and ask others to. */
void gossip_probe_ask(const struct gossip_turn *t);

/* The period is over and nothing has come: suspect it. */
void gossip_probe_fail(const struct gossip_turn *t);

/* Those whom we pinged for others and who have been silent for a while: say so. */
void gossip_relays_fail(const struct gossip_turn *t);

/* When gossip_probe_ask or gossip_relays_fail is due, by our own time; INT64_MAX for never. */
int64_t gossip_probe_due_us(const struct gossip *g);

/* Messages of these kinds. */
void gossip_take_ask(const struct gossip_turn *t, const struct gossip_msg *in);
void gossip_take_ack(const struct gossip_turn *t, const struct gossip_msg *in);
void gossip_take_nack(struct gossip *g, const struct gossip_msg *in);

#endif
