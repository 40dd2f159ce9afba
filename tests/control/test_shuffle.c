/* control/shuffle.c: every shard is as likely, and overlaps are hypergeometric. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/shuffle.h"

/* Standard errors a count may be off; chance alone does that once in 1.7 million times. */
static const double Z_MAX = 5;

static void test_shuffle_picks_every_shard_as_often(void **state)
{
    enum { WORKERS = 5, SHARD = 3, SHARDS = 10, PICKS = 100000 };
    (void)state;
    int counts[1 << WORKERS] = {0}, seen = 0;
    struct rng rng;
    rng_init(&rng, 1);
    for (int i = 0; i < PICKS; i++) {
        uint32_t shard[SHARD], bits = 0;
        shuffle_pick(&rng, WORKERS, SHARD, shard);
        for (int k = 0; k < SHARD; k++) {
            assert_true(shard[k] < WORKERS);
            assert_true(k == 0 || shard[k] > shard[k - 1]);
            bits |= 1u << shard[k];
        }
        counts[bits]++;
    }
    double error = sqrt(PICKS * (1.0 / SHARDS) * (1 - 1.0 / SHARDS));
    for (int bits = 0; bits < 1 << WORKERS; bits++) {
        seen += counts[bits] > 0;
        assert_true(counts[bits] == 0 ||
                    fabs(counts[bits] - (double)PICKS / SHARDS) <= Z_MAX * error);
    }
    assert_int_equal(seen, SHARDS);
}

static void test_shuffle_of_all_workers_is_all_of_them(void **state)
{
    (void)state;
    struct rng rng;
    uint32_t shard[4];
    rng_init(&rng, 1);
    shuffle_pick(&rng, 4, 4, shard);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(shard[i], i);
}

static void test_shuffle_common_counts_what_both_have(void **state)
{
    static const uint32_t one[] = {1, 3, 5, 9}, other[] = {0, 3, 9, 10}, none[] = {2, 4, 6, 8};
    (void)state;
    assert_int_equal(shuffle_common(one, other, 4), 2);
    assert_int_equal(shuffle_common(one, none, 4), 0);
    assert_int_equal(shuffle_common(one, one, 4), 4);
}

static void test_shuffle_overlap_is_the_published_one(void **state)
{
    (void)state;
    assert_true(fabs(shuffle_overlap(8, 2, 2) - 1.0 / 28) < 1e-15);
    assert_true(fabs(shuffle_overlap(100, 5, 5) - 1.0 / 75287520) < 1e-20);
    assert_true(shuffle_overlap(4, 3, 1) == 0); /* they must share two at least */
    assert_true(shuffle_overlap(4, 3, 4) == 0);
    for (uint32_t shard = 1; shard <= 20; shard++) {
        double sum = 0;
        for (uint32_t shared = 0; shared <= shard; shared++)
            sum += shuffle_overlap(20, shard, shared);
        assert_true(fabs(sum - 1) < 1e-12);
    }
}

static uint32_t bits(uint32_t set)
{
    uint32_t count = 0;
    for (; set != 0; set &= set - 1)
        count++;
    return count;
}

static void test_shuffle_overlap_is_that_of_all_pairs_counted(void **state)
{
    (void)state;
    for (uint32_t workers = 1; workers <= 9; workers++)
        for (uint32_t shard = 1; shard <= workers; shard++) {
            uint32_t one = (1u << shard) - 1; /* any is like any other */
            double shared[10] = {0}, sets = 0;
            for (uint32_t other = 0; other < 1u << workers; other++) {
                if (bits(other) != shard)
                    continue;
                shared[bits(one & other)]++;
                sets++;
            }
            for (uint32_t i = 0; i <= shard; i++)
                assert_true(fabs(shuffle_overlap(workers, shard, i) - shared[i] / sets) < 1e-12);
        }
}

static void test_shuffle_smallest_shard_is_that_of_trying_all(void **state)
{
    static const double goals[] = {0.5, 0.2, 0.05, 0.01, 0.002, 0.0001};
    (void)state;
    for (uint32_t workers = 1; workers <= 14; workers++)
        for (size_t g = 0; g < sizeof goals / sizeof goals[0]; g++) {
            struct shuffle_shares s;
            double shared[TOPO_SHARD_MAX + 1];
            uint32_t smallest = 0;
            shuffle_shares_of(&s, workers, 1, true, goals[g], shared);
            for (uint32_t shard = 1; shard <= workers && smallest == 0; shard++) {
                uint32_t one = (1u << shard) - 1;
                double all = 0, sets = 0;
                for (uint32_t other = 0; other < 1u << workers; other++) {
                    sets += bits(other) == shard;
                    all += other == one;
                }
                if (all / sets <= goals[g])
                    smallest = shard;
            }
            assert_int_equal(s.enough, smallest);
        }
}

static void test_shuffle_shares_are_the_published_ones(void **state)
{
    (void)state;
    struct shuffle_shares s;
    double shared[TOPO_SHARD_MAX + 1];
    static const double percent[] = {76.959, 21.1426, 1.83849, 0.059306, 0.000630915, 1.32824e-6};
    shuffle_shares_of(&s, 100, 5, true, 1e-6, shared);
    for (int i = 0; i <= 5; i++)
        assert_true(fabs(s.shared[i] * 100 / percent[i] - 1) < 3e-5);
    assert_true(s.touched == shared[5] && fabs(s.any - 0.23041) < 1e-5);
    assert_int_equal(s.enough, 4); /* 1 of 3,921,225; of 3 it is 1 of 161,700 */
    shuffle_shares_of(&s, 8, 2, true, 0.01, shared);
    assert_true(fabs(s.touched - 1.0 / 28) < 1e-15);
    assert_int_equal(s.enough, 0);
    assert_true(fabs(s.touched_least - 1.0 / 70) < 1e-15); /* shards of 4 */
    shuffle_shares_of(&s, 8, 2, false, 0, shared);
    assert_true(s.touched == 0.25 && s.any == 0.25);
    shuffle_shares_of(&s, 2, 16, true, 0, shared);
    assert_int_equal(s.shard, 2);
    assert_true(s.touched == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shuffle_picks_every_shard_as_often),
        cmocka_unit_test(test_shuffle_of_all_workers_is_all_of_them),
        cmocka_unit_test(test_shuffle_common_counts_what_both_have),
        cmocka_unit_test(test_shuffle_overlap_is_the_published_one),
        cmocka_unit_test(test_shuffle_overlap_is_that_of_all_pairs_counted),
        cmocka_unit_test(test_shuffle_smallest_shard_is_that_of_trying_all),
        cmocka_unit_test(test_shuffle_shares_are_the_published_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
