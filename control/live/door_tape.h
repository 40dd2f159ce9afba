/* door_tape.h - a tape of what the door was told and chose (control/tape.h), into a file.
 *
 * The file DIR/tape names it: `bulkhead up --tape FILE` puts it there. No file is written over: a
 * door that finds FILE taken, because it was started again or is not the only one, takes FILE.2, or
 * the next that is free up to FILE.9. Records are gathered and written once per turn of the loop,
 * so a door that is killed loses those of one turn. A tape ends, with a line in the log, when it
 * holds TAPE_BYTES_MAX or the disk is full; the door goes on. */
#ifndef CONTROL_LIVE_DOOR_TAPE_H
#define CONTROL_LIVE_DOOR_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "control/tape.h"

struct arena;
struct layout;

enum { DOOR_TAPE_BYTES_MAX = 256 << 20, DOOR_TAPE_FILES_MAX = 9, DOOR_TAPE_BUFFER = 64 << 10 };

struct door_tape { /* read `on`; fields are private to door_tape.c. All zero: it records nothing */
    bool on;
    int fd;
    const char *path;
    uint8_t *buffer; /* [DOOR_TAPE_BUFFER] */
    size_t used;
    int64_t bytes; /* in the file */
    uint64_t records;
    int64_t before_us;
    uv_prepare_t turn;
};

/* Begin if DIR/tape says so; why it does not is in the log. Storage is the arena's. */
void door_tape_open(struct door_tape *t, const struct layout *l, uv_loop_t *loop, struct arena *a);

/* Append. Nothing when it is not on. */
void door_tape_put(struct door_tape *t, const struct tape_record *record);

/* Write its end. The loop has to run once more for the handle. */
void door_tape_close(struct door_tape *t, int64_t now_us);

#endif
