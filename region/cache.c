#include "region/cache.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"

enum { QUEUE_FREE, QUEUE_SMALL, QUEUE_MAIN };
enum { ASKED_MAX = 3, ASKED_TO_STAY = 2, SMALL_PART = 10 }; /* Yang 2023: 2 bits, 10 % */

/* ---- queues ---- */

static void take_out(struct cache *c, uint32_t slot)
{
    struct cache_entry *e = &c->entry[slot];
    struct cache_queue *q = &c->queue[e->queue];
    if (e->before != CACHE_NONE)
        c->entry[e->before].after = e->after;
    else
        q->oldest = e->after;
    if (e->after != CACHE_NONE)
        c->entry[e->after].before = e->before;
    else
        q->newest = e->before;
    q->count--;
}

static void put_in(struct cache *c, uint32_t slot, unsigned queue)
{
    struct cache_entry *e = &c->entry[slot];
    struct cache_queue *q = &c->queue[queue];
    e->queue = (uint8_t)queue;
    e->before = q->newest;
    e->after = CACHE_NONE;
    if (q->newest != CACHE_NONE)
        c->entry[q->newest].after = slot;
    else
        q->oldest = slot;
    q->newest = slot;
    q->count++;
}

/* ---- the table: linear probing, and no gaps left by what is taken out ---- */

static uint64_t spread(uint64_t key)
{
    return key * 0x9e3779b97f4a7c15u;
}

static uint32_t home_of(const struct cache *c, uint64_t key)
{
    return (uint32_t)(spread(key) >> 32) & c->table_mask;
}

/* The place of a key in the table, or the free one where it belongs. */
static uint32_t place_of(const struct cache *c, uint64_t key)
{
    uint32_t at = home_of(c, key);
    while (c->table[at] != CACHE_NONE && c->entry[c->table[at]].key != key)
        at = (at + 1) & c->table_mask;
    return at;
}

static void table_remove(struct cache *c, uint64_t key)
{
    uint32_t gap = place_of(c, key);
    assert(c->table[gap] != CACHE_NONE);
    for (uint32_t at = (gap + 1) & c->table_mask; c->table[at] != CACHE_NONE;
         at = (at + 1) & c->table_mask) {
        uint32_t home = home_of(c, c->entry[c->table[at]].key);
        if (((at - home) & c->table_mask) >= ((at - gap) & c->table_mask)) {
            c->table[gap] = c->table[at];
            gap = at;
        }
    }
    c->table[gap] = CACHE_NONE;
}

/* ---- keys that went ---- */

static struct cache_ghost *ghost_of(const struct cache *c, uint64_t key)
{
    return &c->ghost[(uint32_t)(spread(key) >> 32) & c->table_mask];
}

static void ghost_add(struct cache *c, uint64_t key)
{
    *ghost_of(c, key) = (struct cache_ghost){(uint32_t)spread(key), ++c->ghost_clock};
}

/* As many are remembered as the main queue holds. */
static bool ghost_has(const struct cache *c, uint64_t key)
{
    const struct cache_ghost *g = ghost_of(c, key);
    return g->when != 0 && g->mark == (uint32_t)spread(key) &&
           c->ghost_clock - g->when < c->opts.entries - c->small_max;
}

/* ---- what goes ---- */

static void discard(struct cache *c, uint32_t slot)
{
    table_remove(c, c->entry[slot].key);
    take_out(c, slot);
    put_in(c, slot, QUEUE_FREE);
}

static void evict(struct cache *c)
{
    while (c->opts.rule == CACHE_S3_FIFO) {
        bool small = c->queue[QUEUE_SMALL].count >= c->small_max || c->queue[QUEUE_MAIN].count == 0;
        uint32_t slot = c->queue[small ? QUEUE_SMALL : QUEUE_MAIN].oldest;
        struct cache_entry *e = &c->entry[slot];
        if (small && e->asked < ASKED_TO_STAY) {
            ghost_add(c, e->key);
            discard(c, slot);
            return;
        }
        if (!small && e->asked == 0) {
            discard(c, slot);
            return;
        }
        e->asked = small ? 0 : (uint8_t)(e->asked - 1);
        take_out(c, slot);
        put_in(c, slot, QUEUE_MAIN);
    }
    discard(c, c->queue[QUEUE_MAIN].oldest);
}

/* ---- public ---- */

int cache_init(struct cache *c, const struct cache_opts *opts, struct arena *a)
{
    assert(opts->entries >= 2 && opts->entries <= CACHE_ENTRIES_MAX);
    assert(opts->fresh_us > 0 && opts->stale_us >= 0);
    uint32_t places = 4;
    while (places < 2 * opts->entries)
        places *= 2;
    *c = (struct cache){.opts = *opts, .table_mask = places - 1};
    c->small_max = opts->entries / SMALL_PART > 0 ? opts->entries / SMALL_PART : 1;
    c->entry = arena_alloc(a, opts->entries, sizeof c->entry[0]);
    c->table = arena_alloc(a, places, sizeof c->table[0]);
    c->ghost = arena_alloc(a, opts->rule == CACHE_S3_FIFO ? places : 0, sizeof c->ghost[0]);
    if (c->entry == NULL || c->table == NULL || c->ghost == NULL)
        return -1;
    cache_clear(c);
    return 0;
}

void cache_clear(struct cache *c)
{
    size_t places = (size_t)c->table_mask + 1;
    memset(c->table, 0xff, places * sizeof c->table[0]);
    memset(c->ghost, 0, c->opts.rule == CACHE_S3_FIFO ? places * sizeof c->ghost[0] : 0);
    c->ghost_clock = 0;
    for (unsigned q = QUEUE_FREE; q <= QUEUE_MAIN; q++)
        c->queue[q] = (struct cache_queue){CACHE_NONE, CACHE_NONE, 0};
    for (uint32_t i = 0; i < c->opts.entries; i++)
        put_in(c, i, QUEUE_FREE);
}

/* A sum of times that does not end before it began. */
static int64_t later(int64_t at_us, int64_t by_us)
{
    int64_t sum_us;
    return __builtin_add_overflow(at_us, by_us, &sum_us) ? INT64_MAX : sum_us;
}

enum cache_answer cache_get(struct cache *c, uint64_t key, int64_t now_us, uint32_t *slot)
{
    uint32_t found = c->table[place_of(c, key)];
    if (found == CACHE_NONE) {
        c->misses++;
        return CACHE_MISS;
    }
    struct cache_entry *e = &c->entry[found];
    int64_t fresh_until_us = later(e->put_us, c->opts.fresh_us);
    if (now_us >= later(fresh_until_us, c->opts.stale_us) && now_us >= fresh_until_us) {
        discard(c, found);
        c->misses++;
        return CACHE_MISS;
    }
    c->hits++;
    *slot = found;
    if (c->opts.rule == CACHE_LRU) {
        take_out(c, found);
        put_in(c, found, QUEUE_MAIN);
    } else if (e->asked < ASKED_MAX) {
        e->asked++;
    }
    if (now_us < fresh_until_us)
        return CACHE_HIT;
    if (e->refresh_us >= 0 && now_us < later(e->refresh_us, c->opts.refresh_us))
        return CACHE_STALE;
    e->refresh_us = now_us;
    return CACHE_REFRESH;
}

uint32_t cache_put(struct cache *c, uint64_t key, int64_t now_us)
{
    uint32_t slot = c->table[place_of(c, key)];
    if (slot == CACHE_NONE) {
        if (c->queue[QUEUE_FREE].count == 0)
            evict(c);
        slot = c->queue[QUEUE_FREE].newest;
        take_out(c, slot);
        c->table[place_of(c, key)] = slot;
        c->entry[slot] = (struct cache_entry){.key = key};
        bool main = c->opts.rule == CACHE_LRU || ghost_has(c, key);
        put_in(c, slot, main ? QUEUE_MAIN : QUEUE_SMALL);
    }
    c->entry[slot].put_us = now_us;
    c->entry[slot].refresh_us = -1;
    return slot;
}

void cache_drop(struct cache *c, uint64_t key)
{
    uint32_t slot = c->table[place_of(c, key)];
    if (slot != CACHE_NONE)
        discard(c, slot);
}

uint32_t cache_count(const struct cache *c)
{
    return c->opts.entries - c->queue[QUEUE_FREE].count;
}
