/* snapshots.h - systems written by hand, for the tests of the dashboard. */
#ifndef TESTS_SNAPSHOTS_H
#define TESTS_SNAPSHOTS_H

#include "control/status.h"

/* Each call makes new ones in static storage: a second call ends the first one's. */
struct status *snapshot_well(void);      /* three cells, all OK */
struct status *snapshot_zone_down(void); /* de lost zone b to a fault */
struct status *snapshot_failing(void);   /* it fails customers, es is down, fr is unknown */
struct status *snapshot_idle(void);      /* well, and nobody asks */
struct status *snapshot_starting(void);  /* the first second: nothing is known */
struct status *snapshot_many(void);      /* 27 cells, long names among them */

#endif
