#include "simulator/ladder.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/arena.h"

enum {
    BOTTOM_KEEP = 64, /* a full bottom with more is spread, with less it moves to its start */
    SMALL_CHUNKS = 2, /* a bucket of so few is sorted as it is */
    DENSITY = 7,      /* events per bucket to aim at; anything from 5 to 12 is about as fast */
    NEAR_PART = 8,    /* the density of the top is that of the first eighth of its times */
    RUNG_BUCKETS_MIN = 8,
    RUNG_BUCKETS_MAX = 4096, /* their heads and last lines fit the second-level cache */
    BUCKETS_RESERVED = LADDER_RUNGS_MAX * RUNG_BUCKETS_MIN, /* so that every rung gets some */
    BUCKETS_MAX = 4 * RUNG_BUCKETS_MAX,
};

static_assert(sizeof(struct ladder_chunk) == LADDER_CHUNK_BYTES,
              "`end` of a full chunk is aligned");

int ladder_init(struct ladder *l, uint32_t held_max, struct arena *a)
{
    *l = (struct ladder){.held_max = held_max, .bottom_end = INT64_MAX};
    uint32_t buckets = held_max < BUCKETS_MAX / 4 ? 4 * held_max : BUCKETS_MAX;
    l->buckets_max = 1 + BUCKETS_RESERVED + buckets;
    /* Every bucket in use has at most one chunk that is not full; one more is being read. */
    uint32_t partial = held_max < l->buckets_max ? held_max : l->buckets_max;
    size_t chunks = held_max / LADDER_CHUNK_EVENTS + partial + 3;
    l->bucket = arena_alloc(a, l->buckets_max, sizeof *l->bucket);
    char *memory = arena_alloc(a, chunks + 1, LADDER_CHUNK_BYTES);
    if (l->bucket == NULL || memory == NULL)
        return -1;
    memory += -(uintptr_t)memory & (LADDER_CHUNK_BYTES - 1);
    l->unused = (struct ladder_chunk *)memory;
    l->unused_count = chunks;
    l->head = l->tail = l->bottom;
    l->rung[0] =
        (struct ladder_rung){.end = INT64_MAX, .bucket = l->bucket, .shift = 63, .count = 1};
    l->fine = l->rung;
    l->buckets_used = 1;
    return 0;
}

struct event *ladder_chunk_add(struct ladder *l, struct ladder_bucket *b)
{
    struct ladder_chunk *chunk = l->free;
    if (chunk != NULL) {
        l->free = chunk->next;
    } else {
        assert(l->unused_count > 0);
        chunk = l->unused++;
        l->unused_count--;
    }
    chunk->next = NULL;
    if (b->end == NULL) {
        b->first = chunk;
        chunk->chunks = 1;
    } else {
        struct ladder_chunk *last = (struct ladder_chunk *)(void *)b->end - 1;
        last->next = chunk;
        b->first->chunks++;
    }
    return chunk->event;
}

static const struct event *chunk_end(const struct ladder_chunk *c, const struct ladder_bucket *b)
{
    return c->next != NULL ? c->event + LADDER_CHUNK_EVENTS : b->end;
}

static bool keep_all(const void *context, const struct event *event)
{
    (void)context;
    (void)event;
    return true;
}

/* Move the events of `from` that are kept to to[(at - start) >> shift], in order. Chunks go back as
 * they are read, so this needs one chunk more than there were. */
static inline void pour(struct ladder *l, struct ladder_bucket *from, struct ladder_bucket *to,
                        int64_t start, uint32_t shift,
                        bool (*keep)(const void *context, const struct event *event),
                        const void *context)
{
    struct ladder_bucket taken = *from;
    struct ladder_chunk *chunk = taken.end != NULL ? taken.first : NULL;
    *from = (struct ladder_bucket){0};
    while (chunk != NULL) {
        struct ladder_chunk *next = chunk->next;
        const struct event *stop = chunk_end(chunk, &taken);
        for (const struct event *e = chunk->event; e < stop; e++) {
            if (keep(context, e))
                ladder_append(l, &to[((uint64_t)e->at - (uint64_t)start) >> shift], *e);
            else
                l->held--;
        }
        chunk->next = l->free;
        l->free = chunk;
        chunk = next;
    }
}

/* A finer rung for start .. last, with about `buckets` buckets, and on to `end` if they reach that
 * far. The bottom now ends at its start.
 *
 * The ladder cannot grow too tall. A rung made of a bucket, or of the bottom, which lies within a
 * bucket, has a width at least 3 bits smaller than that bucket's: 21 rungs span 63 bits. There may
 * be one more before the first time of the top, and one more for a single tick. */
static struct ladder_rung *rung_add(struct ladder *l, int64_t start, int64_t last, int64_t end,
                                    uint32_t buckets)
{
    uint32_t left = l->buckets_max - l->buckets_used;
    uint32_t most = buckets + buckets / 2; /* so that the nearest power of two is taken */
    if (most > RUNG_BUCKETS_MAX)
        most = RUNG_BUCKETS_MAX;
    if (most + BUCKETS_RESERVED > left / 2)
        most = left / 2 > BUCKETS_RESERVED ? left / 2 - BUCKETS_RESERVED : 0;
    if (most < RUNG_BUCKETS_MIN)
        most = RUNG_BUCKETS_MIN;
    uint64_t span = (uint64_t)last - (uint64_t)start;
    uint32_t shift = 0;
    while (span >> shift >= most)
        shift++;
    uint32_t count = (uint32_t)(span >> shift) + 1;
    assert(count <= left);
    assert(l->fine < &l->rung[LADDER_RUNGS_MAX - 1]);
    uint64_t reach = (uint64_t)count << shift;
    if (reach < (uint64_t)end - (uint64_t)start)
        end = (int64_t)((uint64_t)start + reach);
    struct ladder_rung *r = ++l->fine;
    *r = (struct ladder_rung){.start = start,
                              .end = end,
                              .bucket = l->bucket + l->buckets_used,
                              .shift = shift,
                              .count = count};
    l->buckets_used += count;
    l->bottom_end = start;
    return r;
}

/* The finest rung has been handed down whole. */
static void rung_drop(struct ladder *l)
{
    l->buckets_used -= l->fine->count;
    l->fine--;
}

/* Where bucket `i` starts. */
static int64_t rung_time(const struct ladder_rung *r, uint32_t i)
{
    return (int64_t)((uint64_t)r->start + ((uint64_t)i << r->shift));
}

/* Make a rung of the bottom, which has more than a bottom should. From `now` on, not from its first
 * event, so that whoever pushes backwards in time finds buckets and does not come here again. */
static void bottom_spread(struct ladder *l)
{
    uint32_t count = (uint32_t)(l->tail - l->head);
    assert(l->tail[-1].at < l->bottom_end);
    while (l->fine > l->rung && l->fine->next == l->fine->count)
        rung_drop(l);
    struct ladder_rung *r = l->fine;
    if (r > l->rung || r->bucket->end != NULL)
        r = rung_add(l, l->now, l->bottom_end - 1, l->bottom_end, count / DENSITY);
    for (; l->head < l->tail; l->head++)
        ladder_append(l, ladder_bucket_of(r, l->head->at), *l->head);
    l->bottom_end = l->now;
}

void ladder_bottom_full(struct ladder *l, struct event event)
{
    size_t count = (size_t)(l->tail - l->head);
    if (count > BOTTOM_KEEP) {
        bottom_spread(l);
        count = 0;
    }
    memmove(l->bottom, l->head, count * sizeof *l->head);
    l->head = l->bottom;
    l->tail = l->bottom + count;
    l->held--; /* it is counted again */
    ladder_push(l, event);
}

/* Move the events of the bucket's first chunk to `out`. Their count. */
static size_t chunk_read(struct ladder *l, struct ladder_bucket *b, struct event *out)
{
    struct ladder_chunk *chunk = b->first;
    size_t count = (size_t)(chunk_end(chunk, b) - chunk->event);
    memcpy(out, chunk->event, count * sizeof *out);
    if (chunk->next != NULL) {
        chunk->next->chunks = chunk->chunks - 1;
        b->first = chunk->next;
    } else {
        *b = (struct ladder_bucket){0};
    }
    chunk->next = l->free;
    l->free = chunk;
    return count;
}

/* Sort by counting for each how many come before it: no branch depends on the times, and a
 * mispredicted branch costs more than comparisons. `max` is a constant, so that the loops unroll.
 */
static inline __attribute__((always_inline)) void rank_sort(struct event *out,
                                                            const struct event *event, size_t count,
                                                            size_t max)
{
    uint32_t rank[SMALL_CHUNKS * LADDER_CHUNK_EVENTS];
    for (size_t i = 0; i < max && i < count; i++) {
        int64_t at = event[i].at;
        uint32_t later = 0;
        for (size_t k = 0; k < i; k++) {
            uint32_t is_later = event[k].at > at;
            rank[k] += is_later;
            later += is_later;
        }
        rank[i] = (uint32_t)i - later;
    }
    for (size_t i = 0; i < max && i < count; i++)
        out[rank[i]] = event[i];
}

/* A bucket of at most SMALL_CHUNKS, sorted, becomes the bottom. */
static void bottom_sort(struct ladder *l, struct ladder_bucket *b)
{
    struct event event[SMALL_CHUNKS * LADDER_CHUNK_EVENTS];
    size_t count = chunk_read(l, b, event);
    if (b->end == NULL) {
        rank_sort(l->bottom, event, count, LADDER_CHUNK_EVENTS);
    } else {
        while (b->end != NULL)
            count += chunk_read(l, b, event + count);
        rank_sort(l->bottom, event, count, SMALL_CHUNKS * LADDER_CHUNK_EVENTS);
    }
    l->tail = l->bottom + count;
}

/* Hand the top down: to the bottom, or to a rung from its first time to its last. */
static void top_next(struct ladder *l)
{
    struct ladder_bucket *top = l->rung[0].bucket;
    if (top->first->chunks <= SMALL_CHUNKS) {
        bottom_sort(l, top);
        l->bottom_end = INT64_MAX;
        return;
    }
    int64_t min = INT64_MAX;
    int64_t max = 0;
    for (const struct ladder_chunk *c = top->first; c != NULL; c = c->next) {
        for (const struct event *e = c->event; e < chunk_end(c, top); e++) {
            min = e->at < min ? e->at : min;
            max = e->at > max ? e->at : max;
        }
    }
    /* Times thin out towards the far end, and what is pushed later falls among the near ones. So
     * the width is made for the density there. */
    int64_t near_max = min + (max - min) / NEAR_PART;
    uint32_t near_count = 0;
    for (const struct ladder_chunk *c = top->first; c != NULL; c = c->next) {
        for (const struct event *e = c->event; e < chunk_end(c, top); e++)
            near_count += e->at <= near_max;
    }
    uint32_t buckets = near_count / DENSITY * NEAR_PART;
    struct ladder_rung *r = rung_add(l, min, max, INT64_MAX, buckets);
    assert(r != NULL);
    pour(l, top, r->bucket, r->start, r->shift, keep_all, NULL);
}

/* Hand the next bucket of the finest rung down. False when it is later than `until`. */
static bool rung_next(struct ladder *l, int64_t until)
{
    struct ladder_rung *r = l->fine;
    uint32_t i = r->next;
    while (i < r->count && r->bucket[i].end == NULL)
        i++;
    if (i == r->count) {
        l->bottom_end = r->end;
        rung_drop(l);
        return true;
    }
    struct ladder_bucket *b = &r->bucket[i];
    int64_t start = rung_time(r, i);
    if (start > until) {
        /* Pass the empty buckets before `until`, so that a caller who asks in small steps does not
         * look at them each time. */
        r->next = (uint32_t)((uint64_t)(until - r->start) >> r->shift);
        l->bottom_end = rung_time(r, r->next);
        return false;
    }
    if (r->shift == 0 && b->first->chunks > 1) {
        /* All of one time: in parts, and what is pushed meanwhile goes behind the rest. */
        r->next = i;
        l->bottom_end = start;
        l->tail += chunk_read(l, b, l->tail);
        return true;
    }
    int64_t end = rung_time(r, i + 1);
    if (end > r->end || end < start) /* the last bucket in use may be cut short; 2^63 wraps */
        end = r->end;
    if (b->first->chunks <= SMALL_CHUNKS) {
        bottom_sort(l, b);
        r->next = i + 1;
        l->bottom_end = end;
        return true;
    }
    uint32_t events = b->first->chunks * LADDER_CHUNK_EVENTS;
    r->next = i + 1;
    struct ladder_rung *fine = rung_add(l, start, end - 1, end, events / DENSITY);
    pour(l, b, fine->bucket, fine->start, fine->shift, keep_all, NULL);
    return true;
}

/* Nothing is left: start over with the bottom alone. */
static void start_over(struct ladder *l)
{
    l->head = l->tail = l->bottom;
    l->fine = l->rung;
    l->buckets_used = 1;
    l->bottom_end = INT64_MAX;
}

bool ladder_refill(struct ladder *l, int64_t until)
{
    l->head = l->tail = l->bottom;
    if (l->held == 0) {
        start_over(l);
        return false;
    }
    while (l->bottom_end <= until) {
        if (l->fine == l->rung)
            top_next(l);
        else if (!rung_next(l, until))
            return false;
        if (l->tail > l->head)
            return true;
    }
    return false;
}

void ladder_filter(struct ladder *l, bool (*keep)(const void *context, const struct event *event),
                   const void *context)
{
    struct event *out = l->head;
    for (const struct event *e = l->head; e < l->tail; e++) {
        if (keep(context, e))
            *out++ = *e;
        else
            l->held--;
    }
    l->tail = out;
    for (struct ladder_rung *r = l->rung; r <= l->fine; r++) {
        for (uint32_t i = r->next; i < r->count; i++) {
            struct ladder_bucket kept = {0};
            pour(l, &r->bucket[i], &kept, 0, 63, keep, context);
            r->bucket[i] = kept;
        }
    }
    if (l->held == 0)
        start_over(l);
}
