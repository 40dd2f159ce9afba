/* cures.h - replicas that answer but ail are ended, and their agents start them again.
 *
 * Which and when is decided by control/cure.h from what control knows of all zones. */
#ifndef CONTROL_LIVE_CURES_H
#define CONTROL_LIVE_CURES_H

#include <stddef.h>
#include <stdint.h>

#include "control/cure.h"

struct arena;
struct layout;
struct leases;
struct picture;

struct cures { /* fields are private to cures.c */
    const struct layout *layout;
    struct picture *picture;
    struct cure_opts opts;
    struct cure **cell; /* [cells][zones * services] */
    const struct leases *leases;
    size_t at;      /* the cell that is looked at */
    int64_t now_us; /* of this look */
};

/* None so far. All is borrowed. 0, or -1 when memory is out. */
int cures_init(struct cures *c, const struct layout *l, struct picture *picture,
               const struct leases *leases, int64_t now_us, struct arena *a);

/* Look at what picture_judge has found last, end who is to be ended, and tell the picture. Cells
 * whose control plane is down, by a fault, are left alone. */
void cures_look(struct cures *c, int64_t now_us);

#endif
