/* zipf.h - what is asked for, and how often: key k (from 0) with a chance in proportion to
 * 1 / (k + 1)^skew. */
#ifndef SIMULATOR_ZIPF_H
#define SIMULATOR_ZIPF_H

#include <stdint.h>

struct arena;
struct rng;

struct zipf { /* Walker's aliases: 12 bytes a key, and a draw costs the same however many there are
               */
    uint32_t keys;
    double *stay;    /* the chance that a place drawn is the key, */
    uint32_t *alias; /* and else it is this one */
};

/* 0, or -1 when memory is out. keys >= 1, skew >= 0. */
int zipf_init(struct zipf *z, uint32_t keys, double skew, struct arena *a);

/* The chances of all keys: `share` [keys], their sum is 1. */
void zipf_shares(double *share, uint32_t keys, double skew);

uint32_t zipf_draw(const struct zipf *z, struct rng *rng);

#endif
