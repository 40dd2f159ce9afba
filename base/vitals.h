/* vitals.h - what a replica says of itself when it is asked how it is (GET /health).
 *
 * The service fills it, its agent reads it and judges by what is got done. Counts are since the
 * process began, times in us. */
#ifndef BASE_VITALS_H
#define BASE_VITALS_H

#include <stdint.h>

#include "base/json.h"

struct vitals {
    const char *service, *cell, *zone;
    int64_t pid;
    int64_t running, waiting; /* requests, now */
    int64_t oldest_us;        /* how long the oldest of those that wait has waited */
    int64_t requests;         /* work that was begun */
    int64_t finished;         /* and ended, well or badly */
    int64_t failed;           /* of those, badly, and it was no one else's doing */
    int64_t work_us;          /* that they took, without what they waited for others and commits */
    int64_t shed;             /* not begun, for want of room or time */
    int64_t commits, commit_us; /* of the store, and what they took with the wait for their turn */
    int64_t store_failures;
};

extern const struct json_field vitals_fields[];

#endif
