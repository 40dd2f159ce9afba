/* Tests of region/admission.h: what a replica takes, lets wait and sheds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "region/admission.h"

static void test_admission_runs_then_waits_then_sheds(void **state)
{
    (void)state;
    struct admission a = {.running_max = 3, .waiting_max = 2};
    for (int i = 0; i < 3; i++)
        assert_int_equal(admission_arrive(&a), ADMISSION_RUN);
    for (int i = 0; i < 2; i++)
        assert_int_equal(admission_arrive(&a), ADMISSION_WAIT);
    for (int i = 0; i < 5; i++)
        assert_int_equal(admission_arrive(&a), ADMISSION_SHED);
    assert_int_equal(a.running, 3);
    assert_int_equal(a.waiting, 2);
}

static void test_admission_starts_one_that_waits_when_one_is_done(void **state)
{
    (void)state;
    struct admission a = {.running_max = 1, .waiting_max = 1};
    admission_arrive(&a);
    admission_arrive(&a);
    assert_true(admission_finish(&a)); /* its place is taken at once */
    assert_int_equal(a.running, 1);
    assert_int_equal(a.waiting, 0);
    assert_int_equal(admission_arrive(&a), ADMISSION_WAIT);
    assert_true(admission_finish(&a));
    assert_false(admission_finish(&a));
    assert_int_equal(a.running, 0);
    assert_int_equal(admission_arrive(&a), ADMISSION_RUN);
}

static void test_admission_without_a_queue_lets_none_wait(void **state)
{
    (void)state;
    struct admission a = {.running_max = 1, .waiting_max = 0};
    assert_int_equal(admission_arrive(&a), ADMISSION_RUN);
    assert_int_equal(admission_arrive(&a), ADMISSION_SHED);
    assert_false(admission_finish(&a));
    assert_int_equal(admission_arrive(&a), ADMISSION_RUN);
}

static void test_admission_is_empty_after_a_death(void **state)
{
    (void)state;
    struct admission a = {.running_max = 2, .waiting_max = 2};
    for (int i = 0; i < 4; i++)
        admission_arrive(&a);
    admission_clear(&a);
    assert_int_equal(a.running, 0);
    assert_int_equal(a.waiting, 0);
    assert_int_equal(admission_arrive(&a), ADMISSION_RUN);
}

/* Against a list of what is there: nobody waits while there is a free place, none is shed while
 * there is room, and the numbers are those of the list. */
static void test_admission_wastes_no_place_and_loses_nobody(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    for (int round = 0; round < 200; round++) {
        struct admission a = {.running_max = 1 + rng_below(&rng, 5),
                              .waiting_max = rng_below(&rng, 5)};
        uint32_t there = 0, limit = a.running_max + a.waiting_max;
        for (int i = 0; i < 500; i++) {
            if (rng_below(&rng, 2) == 0) {
                enum admission_answer answer = admission_arrive(&a);
                enum admission_answer right = there < a.running_max ? ADMISSION_RUN
                                              : there < limit       ? ADMISSION_WAIT
                                                                    : ADMISSION_SHED;
                assert_int_equal(answer, right);
                there += answer != ADMISSION_SHED;
            } else if (there > 0) {
                assert_int_equal(admission_finish(&a), there > a.running_max);
                there--;
            }
            assert_int_equal(a.running, there < a.running_max ? there : a.running_max);
            assert_int_equal(a.running + a.waiting, there);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_admission_runs_then_waits_then_sheds),
        cmocka_unit_test(test_admission_starts_one_that_waits_when_one_is_done),
        cmocka_unit_test(test_admission_without_a_queue_lets_none_wait),
        cmocka_unit_test(test_admission_is_empty_after_a_death),
        cmocka_unit_test(test_admission_wastes_no_place_and_loses_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
