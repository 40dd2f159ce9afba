/* latency.h - round trips between the places of a cell, as they should be and as they are.
 *
 * An agent measures from its zone to the others, a door to all zones of all cells; only when they
 * are asked. What is measured is a request that a replica refuses at once, on a connection that is
 * open already: the best of several. */
#ifndef CONTROL_LIVE_LATENCY_H
#define CONTROL_LIVE_LATENCY_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/json.h"

struct http_exchange;
struct layout;

#define LATENCY_DOOR SIZE_MAX /* as a cell: from the door, to all of them */

struct latency_pair {
    const char *cell, *from, *to; /* zones, or "door" */
    int64_t wanted_us;            /* by topology and faults; -1: cut */
    int64_t measured_us;          /* -1: no answer */
};

struct latency {
    struct latency_pair *pair;
    size_t count;
};

extern const struct json_field latency_fields[];

/* Measure, then answer `x` with that. */
void latency_answer(struct http_exchange *x, uv_loop_t *loop, const struct layout *l, size_t cell,
                    size_t zone);

#endif
