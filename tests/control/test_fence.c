/* Tests of control/fence.h: when a process believes that it is cut off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/fence.h"

static void miss(struct fence *f, size_t zone, int times)
{
    while (times-- > 0)
        fence_asked(f, zone, false);
}

static void test_fence_falls_when_most_other_zones_are_silent(void **state)
{
    (void)state;
    static const struct {
        size_t zones, silent; /* those from 1 on; our own is 0 */
        bool cut;
    } rows[] = {
        {1, 0, false}, {2, 0, false}, {2, 1, false}, /* one other zone: no most */
        {3, 0, false}, {3, 1, false}, {3, 2, true},   {4, 1, false}, {4, 2, true},
        {5, 2, false}, {5, 3, true},  {16, 7, false}, {16, 8, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fence f = {{0}};
        for (size_t zone = 1; zone <= rows[i].silent; zone++)
            miss(&f, zone, FENCE_MISSES);
        if (fence_is_cut(&f, rows[i].zones, 0) != rows[i].cut)
            fail_msg("row %zu", i);
    }
}

static void test_fence_wants_several_silences_in_a_row(void **state)
{
    (void)state;
    struct fence f = {{0}};
    miss(&f, 1, 1000);
    miss(&f, 2, FENCE_MISSES - 1);
    assert_false(fence_is_cut(&f, 3, 0));
    fence_asked(&f, 2, true);
    miss(&f, 2, FENCE_MISSES - 1);
    assert_false(fence_is_cut(&f, 3, 0));
    miss(&f, 2, 1);
    assert_true(fence_is_cut(&f, 3, 0));
    assert_false(fence_is_cut(&f, 3, 1)); /* of zone 1, which does not count itself */
    fence_asked(&f, 1, true);             /* one word is enough */
    assert_false(fence_is_cut(&f, 3, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fence_falls_when_most_other_zones_are_silent),
        cmocka_unit_test(test_fence_wants_several_silences_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
