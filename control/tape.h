/* tape.h - what a door was told and what it chose to do, as bytes.
 *
 * A tape begins with TAPE_MAGIC; then come records. Each is its length in a byte, its content, and
 * a check of both. It begins with what the door was made of: TAPE_OPEN, a TAPE_CELL for each cell,
 * a TAPE_GROUP for each service of one. Then one record for each call of control/route.h: what was
 * handed in, the time, and the choice that came back. So whoever makes the same calls again must
 * get the same choices. TAPE_CLOSE is the last one; a tape without it was cut off.
 *
 * Numbers are as short as they can be, and longer ones are refused: a record has one spelling. */
#ifndef CONTROL_TAPE_H
#define CONTROL_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/topo.h"
#include "control/retry.h"
#include "control/route.h"

struct error;

#define TAPE_MAGIC "bulkhead tape 1\n" /* its version in it */
enum {
    TAPE_MAGIC_BYTES = sizeof TAPE_MAGIC - 1,
    TAPE_RECORD_MAX = 260, /* bytes of one */
    TAPE_NAME_MAX = 48,    /* with its NUL */
    TAPE_CELLS_MAX = TOPO_CELLS_MAX,
    TAPE_GROUPS_MAX = TOPO_CELLS_MAX * TOPO_SERVICES_MAX,
    TAPE_REQUESTS_MAX = 1 << 16, /* at once */
};

enum tape_kind {
    TAPE_OPEN,    /* how many cells, groups and requests at once there are */
    TAPE_CELL,    /* its retry budget */
    TAPE_GROUP,   /* what route_init is given */
    TAPE_BEGIN,   /* route_begin */
    TAPE_TRY,     /* route_try */
    TAPE_HEDGE,   /* route_hedge */
    TAPE_END,     /* route_end; `gone`: and nobody waits any more */
    TAPE_LEAVE,   /* route_leave */
    TAPE_PRESENT, /* route_present */
    TAPE_CLOSE,   /* how many records came before; `full`: there was no room for more */
    TAPE_KINDS
};

struct tape_group {
    char name[TAPE_NAME_MAX]; /* "de/catalog", for those who read what differs */
    uint32_t cell;
    struct route_opts opts;
    uint32_t zones;
    uint32_t per_zone[TOPO_ZONES_MAX];
    struct rng rng;
};

struct tape_record {
    uint8_t kind; /* enum tape_kind; what it has of the rest is in a table in tape.c */
    int64_t now_us;
    uint32_t cells, groups, requests;
    struct retry retry;
    struct tape_group make;
    uint32_t request; /* which of them, < OPEN's requests; it is free again after its end */
    uint32_t group;   /* in the order of the TAPE_GROUPs */
    uint32_t replica;
    uint32_t outcome; /* enum route_outcome */
    uint64_t key;
    int64_t deadline_us;
    bool gone, present, full;
    struct route_choice choice;
    uint64_t records;
};

/* Write a record; `before_us` <= now_us is the time of the one before, 0 for the first. The number
 * of its bytes. A name that is too long is cut. */
size_t tape_encode(uint8_t out[TAPE_RECORD_MAX], const struct tape_record *r, int64_t before_us);

enum tape_got {
    TAPE_WHOLE, /* a record, *used bytes long */
    TAPE_CUT,   /* the bytes end within it */
    TAPE_BAD,   /* `err` says what is wrong */
};

/* Read one. Whatever the bytes are, it reads no further than `len`. What is accepted has words in
 * their ranges; whether it makes sense there is for simulator/replay.h. */
enum tape_got tape_decode(struct tape_record *r, size_t *used, const uint8_t *in, size_t len,
                          int64_t before_us, struct error *err);

#endif
