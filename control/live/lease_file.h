/* lease_file.h - DIR/faults.json: the faults that are on, for whoever has to know. */
#ifndef CONTROL_LIVE_LEASE_FILE_H
#define CONTROL_LIVE_LEASE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "control/lease.h"

struct error;
struct layout;

struct lease_file {
    const char *path;
    struct leases leases;
    struct timespec mtime; /* of what was read last */
    uint64_t inode;
};

/* Nothing read yet; `path` is borrowed. */
void lease_file_init(struct lease_file *f, const char *path);

/* Read it again if it is another file than last time; none is no leases. True when it was.
 * A file that cannot be read is reported to the log once, and changes nothing. */
bool lease_file_look(struct lease_file *f, const struct topo *topo);

/* Write the leases: a new file, flushed, put in the place of the old one. 0, or -1 with `err`. */
int lease_file_save(struct lease_file *f, struct error *err);

#endif
