/* lease_file.h - DIR/faults.json: the faults that are on, for whoever has to feel them.
 *
 * Control writes the file; every other process looks at it when it does something, so that nobody
 * has to tell it that a fault has begun, and its own clock says that it is over. */
#ifndef WIRE_LEASE_FILE_H
#define WIRE_LEASE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/lease.h"
#include "wire/text_file.h"

struct error;

enum { LEASE_FILE_LOOK_US = 20000 }; /* a fault is felt at most so late */

struct lease_file { /* read `leases`; the rest is private to lease_file.c */
    const char *path;
    const struct topo *topo;
    struct leases leases;
    int64_t looked_us;
    struct text_file_stamp stamp; /* of what was read last */
    bool unread;                  /* it could not be, last time */
    char boot[LEASE_BOOT_MAX];
};

/* Nothing read yet; `path` and `topo` are borrowed. */
void lease_file_init(struct lease_file *f, const char *path, const struct topo *topo);

/* Read the file again if it is another than last time; none is no leases, and so is one from before
 * the machine started. True when it was. One that cannot be read is reported to the log once, tried
 * again at each look, and changes nothing. */
bool lease_file_look(struct lease_file *f);

/* The same when the last look was LEASE_FILE_LOOK_US ago: cheap enough for every request. */
void lease_file_glance(struct lease_file *f, int64_t now_us);

/* Write the leases: a new file, flushed, put in the place of the old one. 0, or -1 with `err`. */
int lease_file_save(struct lease_file *f, struct error *err);

/* How long a message takes from one place of a cell to another: by the topology when its policy
 * says `network`, and by faults. LEASE_CUT: it does not arrive. */
int64_t lease_file_way_us(struct lease_file *f, size_t cell, size_t from, size_t to,
                          int64_t now_us);

#endif
