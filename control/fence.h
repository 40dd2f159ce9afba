/* fence.h - whether a process is cut off from most zones of its cell, by its own questions alone.
 *
 * A side that is cut off must not take writes that the others do not know of. Evidence is only what
 * this process has asked itself over its own links and got no word on at all: an answer of any
 * kind, also that nobody listens there, shows that the link is whole. So zones whose processes are
 * dead, and agents or a control that are gone, are no evidence. With one other zone there is no
 * most, and the store alone decides. Plain functions on a plain struct. */
#ifndef CONTROL_FENCE_H
#define CONTROL_FENCE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FENCE_ZONES_MAX = 16, FENCE_MISSES = 4 };

struct fence {                       /* all zero: nothing has been asked */
    uint8_t misses[FENCE_ZONES_MAX]; /* questions to that zone in a row without any word */
};

/* A question to somebody in `zone` ended, with a word of any kind or without. What comes from there
 * unasked is a word too. */
static inline void fence_asked(struct fence *f, size_t zone, bool word)
{
    assert(zone < FENCE_ZONES_MAX);
    f->misses[zone] = (uint8_t)(word                             ? 0
                                : f->misses[zone] < FENCE_MISSES ? f->misses[zone] + 1
                                                                 : FENCE_MISSES);
}

/* Whether most of the other zones, of `zones` with our own, do not answer. */
static inline bool fence_is_cut(const struct fence *f, size_t zones, size_t own)
{
    size_t cut = 0;
    for (size_t i = 0; i < zones; i++)
        cut += i != own && f->misses[i] >= FENCE_MISSES;
    return zones > 2 && 2 * cut > zones - 1;
}

#endif
