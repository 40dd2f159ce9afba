/* gossip_send.h - writing messages: what has to be said, and the news that ride along.
 *
 * Part of control/gossip.h; only gossip.c and gossip_probe.c call it. */
#ifndef CONTROL_GOSSIP_SEND_H
#define CONTROL_GOSSIP_SEND_H

#include <stdint.h>

#include "control/gossip_belief.h"
#include "control/gossip_msg.h"

/* Put a message in the outbox. Whoever is thought ill of is told so before anything else, so that
 * it can contradict; then come as many news as fit, those sent least often first. */
void gossip_send(const struct gossip_turn *t, uint16_t to, enum gossip_kind kind, uint16_t about,
                 uint32_t seq);

/* All we know from number `first` on, as far as it fits. Suspicions travel on their own: what has
 * been missed of them is not made up for by starting them again. */
void gossip_send_page(const struct gossip_turn *t, uint16_t to, uint16_t first);

#endif
