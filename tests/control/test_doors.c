/* Tests of control/doors.h: several doors' statuses as one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "control/doors.h"
#include "control/status.h"

struct seen { /* one door, one cell, two zones */
    struct status status;
    struct status_cell cell;
    struct status_zone zone[2];
};

static void see(struct seen *s, double rps, double errors, double p99_ms, double share)
{
    s->status = (struct status){.rps = rps,
                                .errors = errors,
                                .requests = isnan(rps) ? 0 : (int64_t)rps * 10,
                                .lost = 3,
                                .cells = &s->cell,
                                .cell_count = 1};
    s->cell = (struct status_cell){.rps = rps,
                                   .errors = errors,
                                   .p99_ms = p99_ms,
                                   .lost = 2,
                                   .zones = s->zone,
                                   .zone_count = 2};
    for (int i = 0; i < 2; i++)
        s->zone[i] = (struct status_zone){.rps = i == 0 ? rps * share : rps * (1 - share),
                                          .share = i == 0 ? share : 1 - share,
                                          .errors = errors,
                                          .p99_ms = p99_ms};
}

static void test_doors_are_summed(void **state)
{
    struct seen a, b;
    struct arena arena = {0};
    (void)state;
    see(&a, 100, 0.1, 20, 0.5);
    see(&b, 300, 0.5, 10, 0.9);
    const struct status *both[] = {&a.status, &b.status};
    const struct status *sum = doors_sum(both, 2, &arena);
    assert_true(sum->rps == 400 && sum->requests == 4000 && sum->lost == 6);
    assert_true(fabs(sum->errors - 0.4) < 1e-12);
    const struct status_cell *cell = &sum->cells[0];
    assert_true(cell->rps == 400 && cell->lost == 4 && cell->p99_ms == 20);
    assert_true(fabs(cell->errors - 0.4) < 1e-12);
    assert_true(fabs(cell->zones[0].share - 0.8) < 1e-12);
    assert_true(fabs(cell->zones[0].share + cell->zones[1].share - 1) < 1e-12);
    assert_true(fabs(cell->zones[0].rps - 320) < 1e-9);
    assert_true(a.cell.rps == 100); /* what was said stays as it was said */
    arena_release(&arena);
}

static void test_doors_that_know_nothing_add_nothing(void **state)
{
    struct seen a, b;
    struct arena arena = {0};
    (void)state;
    see(&a, 100, 0.1, 20, 0.25);
    see(&b, (double)NAN, (double)NAN, (double)NAN, (double)NAN);
    b.status.requests = b.status.lost = b.cell.lost = -1;
    const struct status *both[] = {&b.status, &a.status};
    for (int turn = 0; turn < 2; turn++) {
        const struct status *sum = doors_sum(both, 2, &arena);
        assert_true(sum->rps == 100 && sum->errors == 0.1 && sum->requests == 1000);
        assert_true(sum->cells[0].zones[0].share == 0.25 && sum->cells[0].p99_ms == 20);
        both[0] = &a.status;
        both[1] = &b.status;
    }
    assert_ptr_equal(doors_sum(both, 1, &arena), &a.status);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doors_are_summed),
        cmocka_unit_test(test_doors_that_know_nothing_add_nothing),
    };
    return cmocka_run_group_tests_name("doors", tests, NULL, NULL);
}
