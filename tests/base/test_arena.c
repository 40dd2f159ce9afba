#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void test_arena_gives_zeroed_and_aligned_memory(void **state)
{
    struct arena a = {0};
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (size_t size = 0; size < 3000; size += 7) {
            unsigned char *bytes = arena_alloc(&a, 1, size);
            assert_non_null(bytes);
            assert_true((uintptr_t)bytes % (size >= 64 ? 64 : 16) == 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(bytes[i], 0);
            if (size > 0)
                memset(bytes, 0xff, size);
        }
        arena_release(&a);
    }
}

static void test_arena_allocations_do_not_overlap(void **state)
{
    enum { COUNT = 500 };
    struct arena a = {0};
    unsigned char *bytes[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        bytes[i] = arena_alloc(&a, i, 3);
        if (i > 0)
            memset(bytes[i], (int)(i & 0xff), 3 * i);
    }
    for (size_t i = 1; i < COUNT; i++)
        for (size_t k = 0; k < 3 * i; k++)
            assert_int_equal(bytes[i][k], i & 0xff);
    arena_release(&a);
}

static void test_arena_refuses_sizes_that_overflow(void **state)
{
    struct arena a = {0};
    (void)state;
    assert_null(arena_alloc(&a, SIZE_MAX, 2));
    assert_null(arena_alloc(&a, SIZE_MAX / 2, 3));
    assert_null(arena_string(&a, "", SIZE_MAX));
    assert_int_equal(arena_bytes(&a), 0);
    assert_non_null(arena_alloc(&a, 0, SIZE_MAX));
    assert_non_null(arena_alloc(&a, SIZE_MAX, 0));
    arena_release(&a);
}

static void test_arena_holds_more_than_a_block(void **state)
{
    struct arena a = {0};
    (void)state;
    char *large = arena_alloc(&a, 1000, 1000);
    char *small = arena_alloc(&a, 1, 10);
    assert_non_null(large);
    assert_non_null(small);
    assert_true(arena_bytes(&a) >= 1000010);
    large[999999] = 1;
    arena_release(&a);
    assert_int_equal(arena_bytes(&a), 0);
    assert_non_null(arena_alloc(&a, 1, 1));
    arena_release(&a);
    arena_release(&a);
}

static void test_arena_takes_little_for_little(void **state)
{
    struct arena a = {0};
    (void)state;
    assert_non_null(arena_alloc(&a, 1, 100));
    assert_true(arena_bytes(&a) <= 4096);
    size_t used = 0;
    while (used < 100000) {
        assert_non_null(arena_alloc(&a, 1, 1000));
        used += 1000;
        assert_true(arena_bytes(&a) <= 4096 + 4 * used);
    }
    arena_release(&a);
}

static void test_arena_copies_and_formats_text(void **state)
{
    struct arena a = {0};
    (void)state;
    assert_string_equal(arena_string(&a, "abcdef", 3), "abc");
    assert_string_equal(arena_string(&a, NULL, 0), "");
    assert_memory_equal(arena_string(&a, "a\0b", 3), "a\0b", 4);
    assert_string_equal(arena_format(&a, "%d-%s", 7, "x"), "7-x");
    assert_int_equal(strlen(arena_format(&a, "%0100000d", 1)), 100000);
    arena_release(&a);
}

static void test_arena_reset_keeps_a_block_and_zeroes_it_anew(void **state)
{
    struct arena a = {0};
    (void)state;
    arena_reset(&a);
    assert_int_equal(arena_bytes(&a), 0);
    char *first = arena_alloc(&a, 1, 1000);
    memset(first, 'x', 1000);
    assert_non_null(arena_alloc(&a, 1000, 1000)); /* a block of its own, not worth keeping */
    assert_non_null(arena_alloc(&a, 1, 1));
    arena_reset(&a);
    size_t kept = arena_bytes(&a);
    assert_true(kept > 0 && kept < 1000000);
    for (int round = 0; round < 3; round++) {
        char *again = arena_alloc(&a, 1, 1000);
        for (int i = 0; i < 1000; i++)
            assert_int_equal(again[i], 0);
        memset(again, 'x', 1000);
        assert_int_equal(arena_bytes(&a), kept);
        arena_reset(&a);
    }
    arena_release(&a);
    assert_int_equal(arena_bytes(&a), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_gives_zeroed_and_aligned_memory),
        cmocka_unit_test(test_arena_allocations_do_not_overlap),
        cmocka_unit_test(test_arena_refuses_sizes_that_overflow),
        cmocka_unit_test(test_arena_holds_more_than_a_block),
        cmocka_unit_test(test_arena_takes_little_for_little),
        cmocka_unit_test(test_arena_copies_and_formats_text),
        cmocka_unit_test(test_arena_reset_keeps_a_block_and_zeroes_it_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
