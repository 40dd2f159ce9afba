/* pairs.h - replications of two runs side by side.
 *
 * Two runs of one seed share the luck of their named streams, so replication by replication their
 * differences scatter less than they do (common random numbers, see stats_paired). Countries are
 * compared by name: the runs may have other cells. */
#ifndef SIMULATOR_PAIRS_H
#define SIMULATOR_PAIRS_H

#include <stddef.h>
#include <stdint.h>

#include "simulator/run.h"

struct arena;
struct result_sample;
struct scenario;
struct topo;

enum { PAIRS_NUMBERS = 7 }; /* of a country: those of struct run_difference, in its order */

struct pairs {     /* fields are private to pairs.c */
    double *value; /* [replications * countries * PAIRS_NUMBERS]; NaN: not known */
    size_t replications;
    const struct topo *topo;
};

/* Room for as many replications as the scenario may come to when its first round has
 * `replications`. `topo` is borrowed. 0, or -1 when memory is out. */
int pairs_init(struct pairs *p, const struct topo *topo, const struct scenario *scenario,
               int64_t replications, struct arena *a);

/* What replication `index` gave. Two of them never at once. */
void pairs_take(struct pairs *p, int64_t index, const struct result_sample *sample);

/* `now` minus `first`, of the countries that both have, in the order of `now`. 0, or -1 when memory
 * is out. */
int pairs_compare(struct run_difference **out, size_t *count, const struct pairs *first,
                  const struct pairs *now, struct arena *a);

#endif
