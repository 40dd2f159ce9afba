/* cache.h - what a bounded cache keeps, by its keys: 64-bit hashes.
 *
 * The cache says which slot (0 .. entries - 1) holds a key; the values lie with the caller, by
 * slot. Two rules for what goes when it is full:
 *
 *     lru      what was not asked for the longest
 *     s3-fifo  new keys pass a small queue and go unless they are asked for there again; what stays
 *              goes round a large one while it is asked for; a memory of keys that went lets those
 *              that come back straight into the large one (Yang and others 2023, "FIFO queues are
 *              all you need for cache eviction")
 *
 * A value is fresh for fresh_us. For stale_us after that it may still be served, while one caller
 * alone, the first to ask, gets a new one; then it is gone. Nothing is allocated after cache_init.
 * No clock: `now_us` never goes back. */
#ifndef REGION_CACHE_H
#define REGION_CACHE_H

#include <stdbool.h>
#include <stdint.h>

struct arena;

enum { CACHE_ENTRIES_MAX = 1 << 26 };
#define CACHE_NONE UINT32_MAX

enum cache_rule { CACHE_LRU, CACHE_S3_FIFO };

struct cache_opts {
    enum cache_rule rule;
    uint32_t entries;   /* 2..CACHE_ENTRIES_MAX; some 50 bytes each */
    int64_t fresh_us;   /* > 0; INT64_MAX: for ever */
    int64_t stale_us;   /* >= 0 */
    int64_t refresh_us; /* a caller that was told to refresh and did not is given up after this */
};

enum cache_answer {
    CACHE_MISS,    /* get it, and cache_put it */
    CACHE_HIT,     /* `slot` is fresh */
    CACHE_STALE,   /* `slot` is not, but somebody gets a new one: serve it */
    CACHE_REFRESH, /* serve `slot`, get a new one, and cache_put it: nobody else does */
};

struct cache_entry { /* private to cache.c */
    uint64_t key;
    int64_t put_us;
    int64_t refresh_us; /* somebody has been told to refresh, then; -1: nobody */
    uint32_t before, after;
    uint8_t queue;
    uint8_t asked; /* of late, at most 3 */
};

struct cache_ghost { /* one key that went; another one may take its place */
    uint32_t mark;   /* of the key */
    uint32_t when;   /* by ghost_clock */
};

struct cache_queue {
    uint32_t oldest, newest, count;
};

struct cache { /* fields are private to cache.c */
    struct cache_opts opts;
    struct cache_entry *entry;
    struct cache_queue queue[3]; /* free, small, main; lru has only the main one */
    uint32_t small_max;
    uint32_t *table; /* slots by hash, CACHE_NONE between them */
    uint32_t table_mask;
    struct cache_ghost *ghost; /* keys that went from the small queue of late */
    uint32_t ghost_clock;      /* how many went */
    uint64_t hits, misses;     /* of cache_get; what was served stale is a hit */
};

/* 0, or -1 when memory is out. */
int cache_init(struct cache *c, const struct cache_opts *opts, struct arena *a);

/* Ask for a key. `*slot` is set unless it is a miss. */
enum cache_answer cache_get(struct cache *c, uint64_t key, int64_t now_us, uint32_t *slot);

/* Keep a value for the key: the slot to put it in. What was in there before is gone. */
uint32_t cache_put(struct cache *c, uint64_t key, int64_t now_us);

/* Forget a key, if it is there: the value has changed at its source. */
void cache_drop(struct cache *c, uint64_t key);

/* Forget all of them, and those that went: as new, but for the counts. */
void cache_clear(struct cache *c);

/* How many keys are kept, those past their time included until they are asked for. */
uint32_t cache_count(const struct cache *c);

#endif
