/* blast.h - how far the faults of a scenario can reach, counted and not simulated.
 *
 * Cells share nothing, so a fault reaches those of the cells that it names. In a cell that loses
 * servers the rest carries what it can: nothing is lost while that is enough, and 1 - what it can /
 * what is asked where it is not. A customer whose requests kill takes with him who shares all of
 * his servers: 1 in workers / shard with fixed shards, with shuffled ones 1 in (workers over shard)
 * (MacCarthaigh 2014; control/shuffle.h), and everybody where there are no shards. Pure. */
#ifndef CONTROL_BLAST_H
#define CONTROL_BLAST_H

#include <stdint.h>

struct capacity_plan;
struct scenario;
struct topo;

enum { BLAST_WORDS_MAX = 128 };

/* Of faults alone, whatever the control plane does about them. Queues and retries may make more of
 * it, and keep it up after its cause (a storm): then a run loses what counting does not know of. */
struct blast {
    int64_t countries; /* that may lose a request */
    double customers;  /* share of all customers who may */
    double requests;   /* share of the requests after the warm-up that are lost; NaN: counting alone
                          does not say, as faults come at random, or slow or spoil what they hit */
    char words[BLAST_WORDS_MAX]; /* what bounds it within a cell, as "shuffled shards of 2 of 8
                                    servers: 1 in 28"; "" where it is the cell */
};

/* Count for a bound scenario; `plan` says how many servers there are. */
void blast_count(struct blast *blast, const struct topo *topo, const struct capacity_plan *plan,
                 const struct scenario *scenario);

#endif
