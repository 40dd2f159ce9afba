/* repair.h - parts that fail and are repaired, to hold against k of n.
 *
 * Each part works for an exponential time and is then repaired for an exponential time, whatever
 * the others do: an alternating renewal process, on the simulator's engine. What is measured is the
 * share of time in which fewer than `needed` work. */
#ifndef SIMULATOR_REPAIR_H
#define SIMULATOR_REPAIR_H

#include <stdint.h>

struct arena;
struct error;

enum {
    REPAIR_DRAWS = 2,
    REPAIR_PARTS_MAX = 60,
};

struct repair_opts {
    uint32_t parts;  /* 1 .. REPAIR_PARTS_MAX */
    uint32_t needed; /* 1 .. parts */
    double works;    /* the share of its time that one works, 0 < works < 1 */
    double warmup;   /* in mean times to repair, all parts working at its begin */
    double time;     /* that is counted, in the same */
};

struct repair_sample {
    double down;               /* share of the time */
    double draw[REPAIR_DRAWS]; /* of times to failure, and to repair: means off 1 */
};

/* One replication. `name` and `replication` name the stream. The memory is the arena's. 0, or -1
 * with `err` set when it is out. */
int repair_run(struct repair_sample *sample, const struct repair_opts *opts, uint64_t seed,
               uint64_t replication, const char *name, struct arena *a, struct error *err);

#endif
