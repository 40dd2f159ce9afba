/* door_reasons.h - what a door has switched off by itself, since when, until when and why. */
#ifndef CONTROL_LIVE_DOOR_REASONS_H
#define CONTROL_LIVE_DOOR_REASONS_H

#include <stdint.h>

struct arena;
struct door_groups;
struct status;

/* Add the reasons, and the budgets that are not full, to the one door of `status`, and say of its
 * zones which of their replicas are left out. Storage is the arena's. 0, or -1 when memory is out.
 */
int door_reasons_add(struct status *status, const struct door_groups *g, int64_t now_us,
                     struct arena *a);

#endif
