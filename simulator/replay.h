/* replay.h - a tape of a live door (control/tape.h), played again on its own time.
 *
 * The functions that the door called are called again with what it handed them. A door's choices
 * follow from nothing else, so each must come out as it is on the tape, byte for byte. */
#ifndef SIMULATOR_REPLAY_H
#define SIMULATOR_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

enum { REPLAY_WORDS_MAX = 600 };

struct replay_result {
    int64_t records; /* before the end, or before the first that differs */
    int64_t cells, groups;
    int64_t requests;  /* that came */
    int64_t choices;   /* that were compared */
    int64_t tries;     /* sent, without second copies */
    int64_t copies;    /* second ones */
    int64_t retries;   /* allowed */
    int64_t given_up;  /* stopped without a good answer */
    int64_t under_way; /* at the end of the tape */
    double span_s;     /* from the first record to the last */
    bool closed;       /* the tape has its end; else it was cut off */
    bool full;         /* recording ended for want of room */
    bool differs;
    char difference[REPLAY_WORDS_MAX]; /* the first: which record, what it says, what is so now */
};

/* Play it. 0, or -1 with `err` set when it is no tape, of another version, damaged, or tells what
 * cannot have happened: "record 17 at byte 4242: ...". Storage is the arena's. */
int replay_tape(struct replay_result *out, const uint8_t *bytes, size_t len, struct arena *a,
                struct error *err);

#endif
