/* store_disk.h - the disk below SQLite, which can be made full.
 *
 * SQLite lets its system calls be replaced. Ours is the real one until the disk is full: then it
 * says ENOSPC, and all that follows is SQLite's own path for a disk without room. */
#ifndef WIRE_STORE_DISK_H
#define WIRE_STORE_DISK_H

#include <stdbool.h>

/* For any thread; of all databases of this process. */
void store_disk_full(bool full);

/* Put ours in place; before the first database is opened. Twice is fine. */
void store_disk_init(void);

#endif
