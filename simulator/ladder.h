/* ladder.h - events in time order, those of equal times in the order in which they were pushed.
 *
 * A ladder queue (Tang, Goh and Thng 2005, ACM TOMACS 15(3)) on integer time. Time is cut into
 * levels that do not overlap:
 *
 *     bottom          up to bottom_end   a small sorted array; events leave at its head
 *     rung[depth]     up to its end      buckets of equal width, unsorted
 *     ...             ...                each rung is one bucket of the next coarser, spread out
 *     rung[0], "top"  the rest           a single bucket: the far future
 *
 * A push goes to the level that owns its time. When the bottom is empty, the next bucket of the
 * finest rung becomes the bottom if it is small, and a finer rung if it is not. Widths are powers
 * of two and chosen from what is there each time, never guessed for good. With few events all of
 * them stay in the bottom.
 *
 * Ties need no sequence number: at any moment one level owns a time, and within it events of that
 * time are in order; a level is handed down whole, from its front, before its owner changes.
 *
 * Buckets are lists of chunks from a pool made at init: nothing is allocated while running. */
#ifndef SIMULATOR_LADDER_H
#define SIMULATOR_LADDER_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct event {
    int64_t at;               /* ticks */
    uint32_t who;             /* which entity; its meaning is the handler's */
    uint32_t kind : 8;        /* which row of the handler table */
    uint32_t generation : 24; /* of `who` when this was scheduled */
};

static_assert(sizeof(struct event) == 16, "four events in a cache line");
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "ladder_put packs the fields of struct event for little-endian processors"
#endif

enum {
    LADDER_CHUNK_EVENTS = 15, /* with the header 256 bytes, four cache lines */
    LADDER_CHUNK_BYTES = 256,
    LADDER_BOTTOM_MAX = 128,
    LADDER_RUNGS_MAX = 32,
};

struct ladder_chunk { /* aligned to its size, so that a full one is seen from `end` alone */
    struct ladder_chunk *next;
    uint32_t chunks; /* in the first of a list: its length */
    uint32_t unused;
    struct event event[LADDER_CHUNK_EVENTS];
};

struct ladder_bucket {
    struct event *end; /* behind the last event; NULL when empty */
    struct ladder_chunk *first;
};

struct ladder_rung {
    int64_t start; /* of bucket 0 */
    int64_t end;   /* the first time that belongs to a coarser rung */
    struct ladder_bucket *bucket;
    uint32_t shift; /* a bucket is 2^shift ticks wide */
    uint32_t count; /* buckets */
    uint32_t next;  /* those below have been handed down */
};

struct ladder {         /* fields are private to ladder.c and the inline functions */
    int64_t now;        /* nothing is pushed before this; the caller moves it */
    int64_t bottom_end; /* the first time that the bottom does not own */
    struct event *head; /* the bottom is head .. tail-1, ascending */
    struct event *tail;
    struct ladder_rung *fine;    /* &rung[depth] */
    struct ladder_chunk *free;   /* a list through `next` */
    struct ladder_chunk *unused; /* those that have not been yet: their memory is untouched */
    size_t unused_count;
    uint32_t held; /* events in the ladder */
    uint32_t held_max;
    uint32_t buckets_used; /* of bucket[], a stack */
    uint32_t buckets_max;
    struct ladder_bucket *bucket;
    struct ladder_rung rung[LADDER_RUNGS_MAX];
    struct event bottom[LADDER_BOTTOM_MAX];
};

/* Set up an empty ladder at time 0 for up to `held_max` events, 1 .. 2^28. Memory is the arena's.
 * 0, or -1 when memory is out. */
int ladder_init(struct ladder *l, uint32_t held_max, struct arena *a);

/* Have the bottom, which is empty, hold the earliest events. False when none is left (`held` is 0),
 * or when all are certainly later than `until`. True does not say that one is not: look at
 * head->at. Before the next push the caller moves `now` to an event it takes, or to `until`. */
bool ladder_refill(struct ladder *l, int64_t until);

/* Keep the events that `keep` says yes to; the order stays. */
void ladder_filter(struct ladder *l, bool (*keep)(const void *context, const struct event *event),
                   const void *context);

/* The slow ways of a push: a bucket has no room in its last chunk, the bottom has none at its end.
 * Only ladder_push calls them. */
struct event *ladder_chunk_add(struct ladder *l, struct ladder_bucket *b);
void ladder_bottom_full(struct ladder *l, struct event event);

/* *slot = event in one store. Soon after it is loaded in one piece, and two stores would have to
 * reach the cache before that. */
static inline void ladder_put(struct event *slot, struct event event)
{
    typedef long long pair __attribute__((vector_size(16)));
    uint64_t what = event.who | (uint64_t)event.kind << 32 | (uint64_t)event.generation << 40;
    pair words = {event.at, (long long)what};
    memcpy(slot, &words, sizeof words);
}

/* Put behind all events of the same list. */
static inline void ladder_append(struct ladder *l, struct ladder_bucket *b, struct event event)
{
    struct event *slot = b->end;
    if (__builtin_expect(((uintptr_t)slot & (LADDER_CHUNK_BYTES - 1)) == 0, 0))
        slot = ladder_chunk_add(l, b);
    ladder_put(slot, event);
    b->end = slot + 1;
}

static inline struct ladder_bucket *ladder_bucket_of(const struct ladder_rung *r, int64_t at)
{
    return &r->bucket[((uint64_t)at - (uint64_t)r->start) >> r->shift];
}

/* Insert behind all events of the same time. now <= event.at < INT64_MAX, held < held_max. */
static inline void ladder_push(struct ladder *l, struct event event)
{
    l->held++;
    if (event.at >= l->bottom_end) {
        struct ladder_rung *r = l->fine;
        while (event.at >= r->end) /* the top ends at INT64_MAX */
            r--;
        ladder_append(l, ladder_bucket_of(r, event.at), event);
        return;
    }
    struct event *slot = l->tail;
    if (__builtin_expect(slot == l->bottom + LADDER_BOTTOM_MAX, 0)) {
        ladder_bottom_full(l, event);
        return;
    }
    l->tail = slot + 1;
    for (; slot > l->head && slot[-1].at > event.at; slot--)
        slot[0] = slot[-1];
    ladder_put(slot, event);
}

#endif
