#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"

enum { DRAWS = 2000000 };

/* Standard errors a statistic may be off; chance alone does that once in 1.7 million times. */
static const double Z_MAX = 5;

static void assert_z(const char *name, double got, double want, double error)
{
    double z = (got - want) / error;
    if (!(fabs(z) <= Z_MAX))
        fail_msg("%s: got %.9g, expected %.9g, z %.2f", name, got, want, z);
}

static void test_rng_gives_the_published_numbers(void **state)
{
    /* The state 1, 2, 3, 4 is what other implementations of xoshiro256++ are checked with. */
    static const uint64_t want[] = {
        41943041,
        58720359,
        3588806011781223,
        3591011842654386,
        9228616714210784205u,
        9973669472204895162u,
        14011001112246962877u,
        12406186145184390807u,
        15849039046786891736u,
        10450023813501588000u,
    };
    struct rng r = {{1, 2, 3, 4}};
    (void)state;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        assert_true(rng_u64(&r) == want[i]);
    /* The first outputs of splitmix64 from 0. */
    rng_init(&r, 0);
    assert_true(r.s[0] == 0xe220a8397b1dcdafu && r.s[1] == 0x6e789e6aa1b965f4u);
    assert_true(r.s[2] == 0x06c45d188009454fu && r.s[3] == 0xf88bb8a8724c81ecu);
}

static uint64_t first_of(uint64_t seed, uint64_t replication, const char *entity,
                         const char *purpose)
{
    struct rng r;
    rng_named(&r, seed, replication, entity, purpose);
    return rng_u64(&r);
}

static void test_rng_streams_have_golden_first_numbers(void **state)
{
    (void)state;
    assert_true(first_of(1, 0, "DE", "arrivals") == 0x58eb8d45e5fc66fdu);
    assert_true(first_of(1, 1, "DE", "arrivals") == 0xdf4fc417d2ab17f5u);
    assert_true(first_of(42, 7, "de/a/catalog-1", "service") == 0xca5236e940cf8ff3u);
}

static void test_rng_streams_differ_in_each_part_of_the_name(void **state)
{
    uint64_t base = first_of(1, 2, "ab", "cd");
    (void)state;
    assert_true(first_of(1, 2, "ab", "cd") == base);
    assert_true(first_of(2, 2, "ab", "cd") != base);
    assert_true(first_of(1, 3, "ab", "cd") != base);
    assert_true(first_of(1, 2, "ac", "cd") != base);
    assert_true(first_of(1, 2, "ab", "ce") != base);
    assert_true(first_of(1, 2, "abc", "d") != base);
    assert_true(first_of(1, 2, "a", "bcd") != base);
    assert_true(first_of(1, 2, "", "abcd") != base);
    assert_true(first_of(1, 2, "cd", "ab") != base);
    assert_true(first_of(2, 1, "ab", "cd") != base);
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void test_rng_streams_do_not_collide(void **state)
{
    enum { SEEDS = 40, REPLICATIONS = 40, ENTITIES = 40, COUNT = SEEDS * REPLICATIONS * ENTITIES };
    uint64_t *first = malloc(COUNT * sizeof *first);
    size_t used = 0;
    (void)state;
    assert_non_null(first);
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        for (uint64_t replication = 0; replication < REPLICATIONS; replication++)
            for (int entity = 0; entity < ENTITIES; entity++) {
                char name[] = {(char)('A' + entity), '\0'};
                first[used++] = first_of(seed, replication, name, "arrivals");
            }
    qsort(first, COUNT, sizeof *first, compare_u64);
    for (size_t i = 1; i < COUNT; i++)
        assert_true(first[i - 1] != first[i]);
    free(first);
}

static void test_rng_f64_stays_between_0_and_1(void **state)
{
    struct rng zeros = {{0, 0, 0, 0}};
    struct rng ones = {{0, 0, 0, UINT64_MAX}};
    struct rng r;
    double sum = 0;
    double squares = 0;
    (void)state;
    assert_true(rng_f64(&zeros) == 0x1p-53);
    assert_true(rng_f64(&ones) == 1 - 0x1p-53);
    rng_init(&r, 5);
    for (int i = 0; i < DRAWS; i++) {
        double u = rng_f64(&r);
        assert_true(u > 0 && u < 1);
        sum += u;
        squares += (u - 0.5) * (u - 0.5);
    }
    assert_z("mean", sum / DRAWS, 0.5, sqrt(1.0 / 12 / DRAWS));
    assert_z("variance", squares / DRAWS, 1.0 / 12, sqrt(1.0 / 180 / DRAWS));
}

static void test_rng_below_stays_below_and_is_even(void **state)
{
    static const uint32_t bounds[] = {1, 2, 3, 7, 100};
    struct rng ones = {{0, 0, 0, UINT64_MAX}};
    struct rng r;
    (void)state;
    assert_true(rng_below(&ones, UINT32_MAX) == UINT32_MAX - 1);
    rng_init(&r, 6);
    for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
        uint32_t n = bounds[b];
        long counts[100] = {0};
        for (int i = 0; i < DRAWS; i++) {
            uint32_t x = rng_below(&r, n);
            assert_true(x < n);
            counts[x]++;
        }
        double p = 1.0 / n;
        for (uint32_t x = 0; x < n && n > 1; x++)
            assert_z("share", (double)counts[x] / DRAWS, p, sqrt(p * (1 - p) / DRAWS));
    }
}

static void test_rng_exp_has_the_moments_and_the_tail(void **state)
{
    /* The last lies beyond the widest layer of the ziggurat, at 7.697. */
    static const double beyond[] = {0.01, 0.1, 0.5, 1, 2, 3, 5, 7.5, 8, 10};
    enum { BEYOND_COUNT = sizeof beyond / sizeof beyond[0] };
    long counts[BEYOND_COUNT] = {0};
    struct rng r;
    double sum = 0;
    double squares = 0;
    (void)state;
    rng_init(&r, 7);
    for (int i = 0; i < DRAWS; i++) {
        double x = rng_exp(&r);
        assert_true(x >= 0 && x < 60);
        sum += x;
        squares += (x - 1) * (x - 1);
        for (size_t k = 0; k < BEYOND_COUNT; k++)
            counts[k] += x > beyond[k];
    }
    assert_z("mean", sum / DRAWS, 1, sqrt(1.0 / DRAWS));
    assert_z("variance", squares / DRAWS, 1, sqrt(8.0 / DRAWS)); /* the fourth moment is 9 */
    for (size_t k = 0; k < BEYOND_COUNT; k++) {
        double p = exp(-beyond[k]);
        assert_z("tail", (double)counts[k] / DRAWS, p, sqrt(p * (1 - p) / DRAWS));
    }
}

static void test_rng_normal_has_the_moments_and_the_tails(void **state)
{
    static const double beyond[] = {0, 0.5, 1, 2, 3, 4};
    enum { BEYOND_COUNT = sizeof beyond / sizeof beyond[0] };
    long above[BEYOND_COUNT] = {0}, below[BEYOND_COUNT] = {0};
    struct rng r;
    double sum = 0;
    double squares = 0;
    (void)state;
    rng_init(&r, 8);
    for (int i = 0; i < DRAWS; i++) {
        double x = rng_normal(&r);
        sum += x;
        squares += x * x;
        for (size_t k = 0; k < BEYOND_COUNT; k++) {
            above[k] += x > beyond[k];
            below[k] += x < -beyond[k];
        }
    }
    assert_z("mean", sum / DRAWS, 0, sqrt(1.0 / DRAWS));
    assert_z("variance", squares / DRAWS, 1, sqrt(2.0 / DRAWS)); /* the fourth moment is 3 */
    for (size_t k = 0; k < BEYOND_COUNT; k++) {
        double p = erfc(beyond[k] / sqrt(2)) / 2;
        assert_z("upper tail", (double)above[k] / DRAWS, p, sqrt(p * (1 - p) / DRAWS));
        assert_z("lower tail", (double)below[k] / DRAWS, p, sqrt(p * (1 - p) / DRAWS));
    }
}

/* The widths x_1 ... x_255 of layers of equal area under exp(-x), from the widest. Returns how far
 * the last one's top is above 1, where it ought to be. */
static long double layers(long double widest, long double x[257])
{
    long double area = (widest + 1) * expl(-widest); /* with the tail, whose area is exp(-x_1) */
    x[0] = area * expl(widest);
    x[1] = widest;
    x[256] = 0;
    for (int i = 2; i < 256; i++) {
        x[i] = -logl(expl(-x[i - 1]) + area / x[i - 1]);
        if (x[i] <= 0) /* the top of layer i - 1 is above 1 already */
            return 1;
    }
    return expl(-x[255]) + area / x[255] - 1;
}

static void test_rng_table_follows_from_the_recurrence(void **state)
{
    long double x[257];
    long double low = 7.5L;
    long double high = 8;
    (void)state;
    for (int i = 0; i < 80; i++) { /* too wide a first layer leaves the last one too low */
        long double middle = (low + high) / 2;
        if (layers(middle, x) > 0)
            low = middle;
        else
            high = middle;
    }
    (void)layers(high, x);
    for (int i = 0; i < 256; i++) {
        double width = rng_exp_width[i] * 0x1p53;
        double inside = (double)(int64_t)rng_exp_inside[i];
        double ratio = (double)(x[i + 1] / x[i]);
        assert_true(fabs(width - (double)x[i]) <= 1e-14 * width);
        assert_true(fabs(inside - 0x1p53 * ratio) <= 0x1p53 * 1e-14);
        if (i > 0) /* layer 0 is a rectangle and the tail, and has no edge of its own */
            assert_true(fabs(rng_exp_height[i] - (double)expl(-x[i])) <= 1e-15);
    }
    assert_true(rng_exp_height[256] == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rng_gives_the_published_numbers),
        cmocka_unit_test(test_rng_streams_have_golden_first_numbers),
        cmocka_unit_test(test_rng_streams_differ_in_each_part_of_the_name),
        cmocka_unit_test(test_rng_streams_do_not_collide),
        cmocka_unit_test(test_rng_f64_stays_between_0_and_1),
        cmocka_unit_test(test_rng_below_stays_below_and_is_even),
        cmocka_unit_test(test_rng_exp_has_the_moments_and_the_tail),
        cmocka_unit_test(test_rng_normal_has_the_moments_and_the_tails),
        cmocka_unit_test(test_rng_table_follows_from_the_recurrence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
