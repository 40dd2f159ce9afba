/* doors.h - several front doors as one: what they say is summed.
 *
 * Rates and counts add up; shares are weighted by the requests that they are of; of percentiles the
 * worst is taken, as the sum's own is not known from them. */
#ifndef CONTROL_DOORS_H
#define CONTROL_DOORS_H

#include <stddef.h>

struct arena;
struct status;
struct status_door;

/* The sum of `count` >= 1 statuses of doors of one system, cell by cell in the order of the first.
 * Storage is the arena's; with one status it is that one. NULL when memory is out. */
const struct status *doors_sum(const struct status *const *said, size_t count, struct arena *a);

/* Show a door as it said of itself, with the port and process that control knows; `said` NULL: it
 * does not answer, and nothing is known. What was said is borrowed. */
void doors_take(struct status_door *door, const struct status_door *said);

#endif
