/* tapes.h - tapes of doors for tests: written by hand, and taken apart. All fail the test that
 * runs.
 */
#ifndef TESTS_TAPES_H
#define TESTS_TAPES_H

#include <stddef.h>
#include <stdint.h>

#include "control/tape.h"

enum { TAPES_RECORDS_MAX = 200000 };

struct tapes { /* a tape as records, and as bytes; tapes_release frees both */
    struct tape_record *record;
    size_t count;
    uint8_t *bytes;
    size_t len;
};

void tapes_release(struct tapes *t);

/* Append a record. */
void tapes_add(struct tapes *t, const struct tape_record *record);

/* Make `bytes` anew of the records. */
void tapes_write(struct tapes *t);

/* Take whole bytes apart; they are copied. */
void tapes_read(struct tapes *t, const uint8_t *bytes, size_t len);

/* What a door with these options notes of `requests`, of which many fail or are slow, by luck. */
void tapes_play(struct tapes *t, const struct route_opts *opts, size_t requests, uint64_t seed);

#endif
