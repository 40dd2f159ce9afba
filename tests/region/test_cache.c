/* Tests of region/cache.h: what is kept, for how long, and how often that hits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/fmath.h"
#include "base/rng.h"
#include "region/cache.h"

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct cache made(enum cache_rule rule, uint32_t entries)
{
    struct cache c;
    const struct cache_opts opts = {.rule = rule, .entries = entries, .fresh_us = INT64_MAX};
    assert_int_equal(cache_init(&c, &opts, &arena), 0);
    return c;
}

static bool ask(struct cache *c, uint64_t key)
{
    uint32_t slot;
    if (cache_get(c, key, 0, &slot) != CACHE_MISS)
        return true;
    cache_put(c, key, 0);
    return false;
}

/* ---- which keys ---- */

static void test_cache_lru_keeps_what_was_asked_for_last(void **state)
{
    (void)state;
    enum { ENTRIES = 37, KEYS = 120 };
    struct cache c = made(CACHE_LRU, ENTRIES);
    struct rng rng;
    rng_init(&rng, 1);
    uint64_t recent[ENTRIES]; /* newest first */
    size_t count = 0;
    for (int n = 0; n < 100000; n++) {
        uint64_t key = rng_below(&rng, KEYS);
        size_t at = 0;
        if (rng_below(&rng, 50) == 0) { /* some are forgotten */
            cache_drop(&c, key);
            while (at < count && recent[at] != key)
                at++;
            if (at < count)
                memmove(&recent[at], &recent[at + 1], (--count - at) * sizeof recent[0]);
            continue;
        }
        while (at < count && recent[at] != key)
            at++;
        assert_int_equal(ask(&c, key), at < count);
        if (at == count && count < ENTRIES)
            count++;
        else if (at == count)
            at--;
        memmove(&recent[1], &recent[0], at * sizeof recent[0]);
        recent[0] = key;
        assert_int_equal(cache_count(&c), count);
    }
}

/* Slots belong to one key at a time, so a value put in one is found by its key alone. */
static void test_cache_slots_hold_their_own_keys(void **state)
{
    (void)state;
    for (int rule = CACHE_LRU; rule <= CACHE_S3_FIFO; rule++) {
        enum { ENTRIES = 64 };
        struct cache c = made((enum cache_rule)rule, ENTRIES);
        struct rng rng;
        rng_init(&rng, 2);
        uint64_t value[ENTRIES] = {0};
        int hits = 0;
        for (int n = 0; n < 200000; n++) {
            uint64_t key = (uint64_t)rng_below(&rng, 100) << 32; /* bad hashes */
            uint32_t slot;
            if (rng_below(&rng, 20) == 0) {
                cache_drop(&c, key);
                assert_int_equal(cache_get(&c, key, 0, &slot), CACHE_MISS);
            } else if (cache_get(&c, key, 0, &slot) != CACHE_MISS) {
                assert_true(value[slot] == key);
                hits++;
            } else {
                slot = cache_put(&c, key, 0);
                assert_true(slot < ENTRIES);
                value[slot] = key;
            }
        }
        assert_true(hits > 50000);
    }
}

static void test_cache_s3_fifo_is_not_emptied_by_a_scan(void **state)
{
    (void)state;
    static const int kept[] = {[CACHE_LRU] = 0, [CACHE_S3_FIFO] = 80};
    for (int rule = CACHE_LRU; rule <= CACHE_S3_FIFO; rule++) {
        struct cache c = made((enum cache_rule)rule, 100);
        for (int round = 0; round < 5; round++)
            for (uint64_t key = 0; key < 80; key++)
                ask(&c, key);
        for (uint64_t key = 1000; key < 3000; key++)
            ask(&c, key);
        int hits = 0;
        for (uint64_t key = 0; key < 80; key++) {
            uint32_t slot;
            hits += cache_get(&c, key, 0, &slot) != CACHE_MISS;
        }
        assert_int_equal(hits, kept[rule]);
    }
}

static void test_cache_s3_fifo_keeps_a_key_that_comes_back(void **state)
{
    (void)state;
    struct cache c = made(CACHE_S3_FIFO, 100);
    for (uint64_t key = 0; key < 101; key++) /* the last one pushes out key 0, */
        ask(&c, key);
    assert_false(ask(&c, 0)); /* which is remembered, and now pushes out key 1 */
    for (uint64_t key = 1000; key < 3000; key++)
        ask(&c, key);
    assert_true(ask(&c, 0));
    assert_false(ask(&c, 1));
}

/* ---- how long ---- */

static void test_cache_serves_fresh_then_stale_then_not(void **state)
{
    (void)state;
    struct cache c;
    const struct cache_opts opts = {
        .rule = CACHE_LRU, .entries = 4, .fresh_us = 100, .stale_us = 50, .refresh_us = 10};
    assert_int_equal(cache_init(&c, &opts, &arena), 0);
    static const struct {
        int64_t at_us;
        enum cache_answer answer;
    } rows[] = {
        {1000, CACHE_HIT},   {1099, CACHE_HIT},     {1100, CACHE_REFRESH}, {1101, CACHE_STALE},
        {1109, CACHE_STALE}, {1110, CACHE_REFRESH}, /* whoever refreshed never came back */
        {1119, CACHE_STALE}, {1149, CACHE_REFRESH}, {1150, CACHE_MISS},
    };
    uint32_t slot, put = cache_put(&c, 7, 1000);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        slot = CACHE_NONE;
        assert_int_equal(cache_get(&c, 7, rows[i].at_us, &slot), rows[i].answer);
        assert_int_equal(slot, rows[i].answer == CACHE_MISS ? CACHE_NONE : put);
    }
    assert_int_equal(cache_count(&c), 0);
    cache_put(&c, 7, 2000);
    assert_int_equal(cache_get(&c, 7, 2120, &slot), CACHE_REFRESH);
    assert_int_equal(cache_put(&c, 7, 2125), slot); /* the new one takes the old one's place */
    assert_int_equal(cache_get(&c, 7, 2224, &slot), CACHE_HIT);
}

/* ---- how often ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { KEYS = 10000, DRAWS = 100000 };
static const double OFF_MAX = 0.05;
#else
enum { KEYS = 10000, DRAWS = 600000 };
static const double OFF_MAX = 0.015;
#endif

struct zipf {
    double p[KEYS], up_to[KEYS];
};

static struct zipf *zipf_of(double exponent)
{
    struct zipf *z = test_calloc(1, sizeof *z);
    double sum = 0;
    for (int i = 0; i < KEYS; i++)
        sum += z->p[i] = fmath_exp(-exponent * fmath_log(i + 1));
    double below = 0;
    for (int i = 0; i < KEYS; i++) {
        z->p[i] /= sum;
        z->up_to[i] = below += z->p[i];
    }
    return z;
}

static uint32_t zipf_draw(const struct zipf *z, struct rng *rng)
{
    double u = rng_f64(rng);
    uint32_t low = 0, high = KEYS - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (z->up_to[middle] < u)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Che, Tung and Wang 2002: under independent draws a key is in an LRU cache of C entries when it
 * was drawn within the last T draws, where T is such that C keys are: sum of 1 - e^(-p T) = C. */
static double che_hit_ratio(const struct zipf *z, double entries)
{
    double low = 0, high = 1e12, hit = 0;
    for (int n = 0; n < 80; n++) {
        double t = (low + high) / 2, in = 0;
        for (int i = 0; i < KEYS; i++)
            in += 1 - fmath_exp(-z->p[i] * t);
        if (in < entries)
            low = t;
        else
            high = t;
    }
    for (int i = 0; i < KEYS; i++)
        hit += z->p[i] * (1 - fmath_exp(-z->p[i] * low));
    return hit;
}

static double measured(enum cache_rule rule, uint32_t entries, const struct zipf *z)
{
    struct cache c = made(rule, entries);
    struct rng rng;
    rng_init(&rng, 3);
    for (int n = 0; n < DRAWS; n++) {
        if (n == DRAWS / 10) /* it is full, and has forgotten how it began */
            c.hits = c.misses = 0;
        ask(&c, zipf_draw(z, &rng) * UINT64_C(0x2545f4914f6cdd1d));
    }
    assert_int_equal(cache_count(&c), entries);
    return (double)c.hits / (double)(c.hits + c.misses);
}

static void test_cache_lru_hits_as_often_as_che_says(void **state)
{
    (void)state;
    static const double exponents[] = {0.6, 0.8, 1.0};
    static const uint32_t entries[] = {100, 1000};
    for (size_t e = 0; e < 3; e++) {
        struct zipf *z = zipf_of(exponents[e]);
        for (size_t k = 0; k < 2; k++) {
            double want = che_hit_ratio(z, entries[k]);
            double lru = measured(CACHE_LRU, entries[k], z);
            double s3 = measured(CACHE_S3_FIFO, entries[k], z);
            double best = z->up_to[entries[k] - 1]; /* the most frequent keys, always */
            assert_true(fabs(lru / want - 1) < OFF_MAX);
            assert_true(s3 > lru && s3 < best);
        }
        test_free(z);
    }
}

static void test_cache_that_is_cleared_is_as_new(void **state)
{
    (void)state;
    for (int rule = CACHE_LRU; rule <= CACHE_S3_FIFO; rule++) {
        struct cache used = made((enum cache_rule)rule, 10);
        struct cache fresh = made((enum cache_rule)rule, 10);
        for (uint64_t i = 0; i < 100; i++)
            ask(&used, i % 17);
        cache_clear(&used);
        assert_int_equal(cache_count(&used), 0);
        used.hits = used.misses = 0;
        for (uint64_t i = 0; i < 200; i++) {
            ask(&used, i * i % 23);
            ask(&fresh, i * i % 23);
            assert_int_equal(used.hits, fresh.hits);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cache_lru_keeps_what_was_asked_for_last),
        cmocka_unit_test(test_cache_slots_hold_their_own_keys),
        cmocka_unit_test(test_cache_s3_fifo_is_not_emptied_by_a_scan),
        cmocka_unit_test(test_cache_s3_fifo_keeps_a_key_that_comes_back),
        cmocka_unit_test(test_cache_serves_fresh_then_stale_then_not),
        cmocka_unit_test(test_cache_that_is_cleared_is_as_new),
        cmocka_unit_test(test_cache_lru_hits_as_often_as_che_says),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
