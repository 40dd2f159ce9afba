#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/rng.h"
#include "tests/bench/floors.h"

struct item {
    double at;
    uint64_t who;
};

struct list {
    struct item *item;
    uint32_t count;
    uint32_t count_max;
};

struct object {
    double last;
    uint64_t score;
};

enum { BOTTOM_MAX = 4096, COARSE_MAX = 1024 };

/* The coarse rung is a ring of buckets around `now`, the fine one its current bucket cut up, the
 * bottom the current fine bucket in descending order. What the ring does not reach is `far`. */
struct hold {
    struct item bottom[BOTTOM_MAX];
    uint32_t bottom_count;
    uint32_t fine_at;
    uint32_t fine_count;
    uint32_t coarse_count; /* a power of two */
    uint64_t coarse_at;    /* counts on around the ring */
    double coarse_per_time;
    double fine_per_time;
    double fine_start;
    struct list *fine;
    struct list coarse[COARSE_MAX];
    struct list far;
    struct object *object;
    struct rng rng;
};

static inline void list_add(struct list *l, struct item item)
{
    if (__builtin_expect(l->count == l->count_max, 0)) {
        l->count_max = l->count_max == 0 ? 32 : 2 * l->count_max;
        l->item = realloc(l->item, l->count_max * sizeof *l->item);
        if (l->item == NULL)
            abort();
    }
    l->item[l->count++] = item;
}

static inline void bottom_add(struct hold *h, struct item item)
{
    uint32_t i = h->bottom_count++;
    for (; i > 0 && h->bottom[i - 1].at < item.at; i--)
        h->bottom[i] = h->bottom[i - 1];
    h->bottom[i] = item;
}

static inline uint32_t fine_index(const struct hold *h, double at)
{
    double offset = (at - h->fine_start) * h->fine_per_time;
    uint32_t i = offset > 0 ? (uint32_t)offset : 0;
    return i < h->fine_count ? i : h->fine_count - 1;
}

static inline void hold_push(struct hold *h, struct item item)
{
    uint64_t i = (uint64_t)(item.at * h->coarse_per_time);
    if (i == h->coarse_at) {
        uint32_t k = fine_index(h, item.at);
        if (k <= h->fine_at)
            bottom_add(h, item);
        else
            list_add(&h->fine[k], item);
    } else if (i < h->coarse_at + h->coarse_count) {
        list_add(&h->coarse[i & (h->coarse_count - 1)], item);
    } else {
        list_add(&h->far, item);
    }
}

static void far_look(struct hold *h)
{
    uint32_t count = h->far.count;
    h->far.count = 0;
    for (uint32_t i = 0; i < count; i++)
        hold_push(h, h->far.item[i]);
}

static __attribute__((noinline)) void hold_refill(struct hold *h)
{
    for (;;) {
        while (++h->fine_at < h->fine_count) {
            struct list *l = &h->fine[h->fine_at];
            if (l->count == 0)
                continue;
            for (uint32_t i = 0; i < l->count; i++)
                bottom_add(h, l->item[i]);
            l->count = 0;
            return;
        }
        h->coarse_at++;
        h->fine_at = UINT32_MAX;
        h->fine_start = (double)h->coarse_at / h->coarse_per_time;
        struct list *l = &h->coarse[h->coarse_at & (h->coarse_count - 1)];
        for (uint32_t i = 0; i < l->count; i++)
            list_add(&h->fine[fine_index(h, l->item[i].at)], l->item[i]);
        l->count = 0;
        if ((h->coarse_at & (h->coarse_count - 1)) == 0)
            far_look(h);
    }
}

typedef double object_handler(struct object *object, double now, struct rng *rng);

#define HANDLER(name, points)                                                       \
    static __attribute__((noinline)) double name(struct object *object, double now, \
                                                 struct rng *rng)                   \
    {                                                                               \
        object->score += points;                                                    \
        object->last = now;                                                         \
        return rng_exp(rng);                                                        \
    }
HANDLER(handle_one, 1)
HANDLER(handle_two, 2)
HANDLER(handle_three, 3)
HANDLER(handle_four, 4)

static object_handler *const handlers[4] = {handle_one, handle_two, handle_three, handle_four};

static double hold_run(struct hold *h, uint64_t events)
{
    double now = 0;
    for (uint64_t i = 0; i < events; i++) {
        while (h->bottom_count == 0)
            hold_refill(h);
        struct item item = h->bottom[--h->bottom_count];
        now = item.at;
        item.at += handlers[item.who & 3](&h->object[item.who], now, &h->rng);
        hold_push(h, item);
    }
    return now;
}

static bool hold_init(struct hold *h, uint32_t size, uint64_t seed)
{
    double width = size <= 2000 ? 1.0 / 4 : size <= 200000 ? 1.0 / 16 : 1.0 / 64;
    h->coarse_count = size <= 2000 ? 64 : size <= 200000 ? 256 : 1024;
    h->coarse_per_time = 1 / width;
    h->fine_count = (uint32_t)(size * width / 6);
    h->fine_count = h->fine_count < 4 ? 4 : h->fine_count;
    h->fine_per_time = h->fine_count / width;
    h->fine = calloc(h->fine_count, sizeof *h->fine);
    h->object = calloc(size, sizeof *h->object);
    if (h->fine == NULL || h->object == NULL)
        return false;
    rng_init(&h->rng, seed);
    for (uint32_t i = 0; i < size; i++)
        hold_push(h, (struct item){rng_exp(&h->rng), i});
    return true;
}

static void hold_free(struct hold *h)
{
    for (uint32_t i = 0; h->fine != NULL && i < h->fine_count; i++)
        free(h->fine[i].item);
    for (uint32_t i = 0; i < COARSE_MAX; i++)
        free(h->coarse[i].item);
    free(h->far.item);
    free(h->fine);
    free(h->object);
    free(h);
}

struct bench_rate floor_hold(uint32_t size, uint64_t events, uint64_t seed)
{
    struct bench_rate rate = {0};
    struct hold *h = calloc(1, sizeof *h);
    if (h == NULL)
        return rate;
    if (hold_init(h, size, seed)) {
        hold_run(h, 2 * (uint64_t)size);
        double start_s = bench_cpu_s();
        rate.check = hold_run(h, events);
        rate.events_per_s = (double)events / (bench_cpu_s() - start_s);
    }
    hold_free(h);
    return rate;
}
