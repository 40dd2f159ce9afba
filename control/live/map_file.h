/* map_file.h - the partition map on the disk: control writes it, doors go by it.
 *
 * The file outlives its writer, so a door that starts while control is away starts from the last
 * map, and its version never goes back. A file that is too large, cannot be read, is of another
 * system or is older than what is held already is refused, with the reason, and what is held stays:
 * at first that is the map of the topology. */
#ifndef CONTROL_LIVE_MAP_FILE_H
#define CONTROL_LIVE_MAP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "control/partition.h"
#include "wire/text_file.h"

struct layout;

struct map_file { /* read map, text, len and why; the rest is private to map_file.c */
    const char *path;
    struct partition map;
    const char *text; /* of the map; good until the next look or note */
    size_t len;
    struct error why;        /* the file that is there is not used; ERR_NONE when it is */
    struct arena made, held; /* what the map, and its text, lie in */
    struct text_file_stamp stamp;
};

/* Hold the topology's map, or that of the file if it is good. `system` is the topology's name, and
 * all are borrowed. map_file_release is due either way. 0, or -1 when memory is out. */
int map_file_init(struct map_file *f, const struct layout *l, const char *system, const char *path);
void map_file_release(struct map_file *f);

/* For a reader: hold what the file says if it is another one than last time. True when the map has
 * changed. What is refused is logged once. */
bool map_file_look(struct map_file *f);

/* For the writer: take what it sees now. When that changes the map, or the file is gone or no good,
 * there is a new version on the disk. A good one that somebody else put there, with a version that
 * is not lower, is taken: so a replica that a hand took out stays out. True when there is another
 * version. */
bool map_file_note(struct map_file *f, const struct status *status, int64_t now_ms);

#endif
