/* agent.h - the agent process of one zone: the control plane's hand there.
 *
 * It adopts the zone's replicas or starts them, watches them, starts them again by
 * control/supervise.h, asks each how it is, and says so on its socket. It needs nobody: without it
 * its replicas go on, and the next agent adopts them. */
#ifndef CONTROL_LIVE_AGENT_H
#define CONTROL_LIVE_AGENT_H

#include <stddef.h>

struct layout;

/* Be the agent of a zone, in the folder l->dir, until SIGTERM or SIGINT; the replicas stay. When
 * the system is no longer wanted (control/live/crew.h) they are ended too. The exit status. */
int agent_run(const struct layout *l, size_t cell, size_t zone);

#endif
