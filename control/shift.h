/* shift.h - taking a zone out of service on purpose, and back.
 *
 * A zonal shift moves a zone's requests to the others of its cell, in steps, so that an error can
 * be seen before it is whole; a drain ends with nothing sent there. It is refused when the others
 * could not carry the load, and the refusal is the arithmetic. Lost capacity is not found by
 * shifting: a shift is for zones that are bad, not for servers that are few.
 *
 * A machine: `now_us` is handed in and never goes back; the shares follow from it. */
#ifndef CONTROL_SHIFT_H
#define CONTROL_SHIFT_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct rng;

struct shift_opts {
    uint32_t steps;  /* from whole to nothing, >= 1 */
    int64_t step_us; /* between them, >= 0 */
};

enum shift_state {
    SHIFT_NONE, /* all zones take their part */
    SHIFT_AWAY, /* leaving, or gone */
    SHIFT_BACK, /* coming back */
};

struct shift { /* of one cell; fields are private to shift.c. All zero with opts: SHIFT_NONE */
    struct shift_opts opts;
    uint32_t state; /* enum shift_state */
    uint32_t zone;
    int64_t since_us;
    uint32_t from; /* steps gone when this direction began */
};

struct shift_facts { /* of the cell's tightest service */
    const char *cell, *zone, *service;
    double rps;        /* that it must carry */
    double server_rps; /* of one server at the highest utilisation that is allowed */
    int64_t servers;   /* that run in the zones that would be left */
};

/* Begin to take `zone` out. 0, or -1 with `err` set, the arithmetic in it: the rest lacks
 * capacity, or another zone is out already. `force` skips the arithmetic. */
int shift_away(struct shift *s, uint32_t zone, const struct shift_facts *facts, bool force,
               int64_t now_us, struct error *err);

/* Begin to bring it back; nothing to do when none is out. */
void shift_back(struct shift *s, int64_t now_us);

/* The part of its requests that `zone` still takes, 0..1, in steps. */
double shift_share(const struct shift *s, uint32_t zone, int64_t now_us);

/* The zone that a request should not go to; SHIFT_NOWHERE: it may go to all. A first try takes its
 * share of the steps by chance, with one draw while there are any; `again`, a retry or a second
 * copy, does not go to a zone that is leaving at all: a guess less where something failed already.
 */
enum { SHIFT_NOWHERE = UINT16_MAX };
uint16_t shift_avoids(const struct shift *s, bool again, struct rng *rng, int64_t now_us);

/* When the next step comes; INT64_MAX: none. */
int64_t shift_deadline_us(const struct shift *s, int64_t now_us);

#endif
