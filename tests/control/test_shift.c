/* Tests of control/shift.h: in steps, back as well, and not when the rest cannot carry it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/rng.h"
#include "control/shift.h"

enum { MINUTE = 60000000 };

static const struct shift_opts usual = {.steps = 4, .step_us = MINUTE};
static const struct shift_facts enough = {"de", "a", "catalog", 350, 70, 5};

static void test_shift_goes_in_steps_there_and_back(void **state)
{
    struct shift s = {.opts = usual};
    struct error err;
    static const double shares[] = {0.75, 0.5, 0.25, 0, 0, 0};
    (void)state;
    assert_true(shift_share(&s, 1, 0) == 1);
    assert_int_equal(shift_away(&s, 1, &enough, false, 1000, &err), 0);
    for (int i = 0; i < 6; i++) {
        assert_true(shift_share(&s, 1, 1000 + i * (int64_t)MINUTE) == shares[i]);
        assert_true(shift_share(&s, 1, 999 + (i + 1) * (int64_t)MINUTE) == shares[i]);
        assert_true(shift_share(&s, 0, 1000 + i * (int64_t)MINUTE) == 1);
    }
    shift_back(&s, 1000 + 10 * (int64_t)MINUTE);
    for (int i = 0; i < 6; i++)
        assert_true(shift_share(&s, 1, 1000 + (10 + i) * (int64_t)MINUTE) ==
                    (i < 3 ? shares[2 - i] : 1));
}

static void test_shift_tells_when_its_next_step_is_due(void **state)
{
    struct shift s = {.opts = usual};
    struct error err;
    (void)state;
    assert_true(shift_deadline_us(&s, 0) == INT64_MAX);
    shift_away(&s, 0, &enough, false, 0, &err);
    int64_t now_us = 0;
    for (int i = 1; i < 4; i++) {
        int64_t next_us = shift_deadline_us(&s, now_us);
        assert_true(shift_share(&s, 0, next_us - 1) > shift_share(&s, 0, next_us));
        now_us = next_us;
    }
    assert_true(shift_share(&s, 0, now_us) == 0);
    assert_true(shift_deadline_us(&s, now_us) == INT64_MAX);
}

static void test_shift_turned_round_half_way_goes_back_from_there(void **state)
{
    struct shift s = {.opts = usual};
    struct error err;
    (void)state;
    shift_away(&s, 0, &enough, false, 0, &err);
    assert_true(shift_share(&s, 0, MINUTE) == 0.5);
    shift_back(&s, MINUTE);
    assert_true(shift_share(&s, 0, MINUTE) == 0.75);
    assert_int_equal(shift_away(&s, 0, &enough, false, MINUTE, &err), 0);
    assert_true(shift_share(&s, 0, MINUTE) == 0.5);
}

static void test_shift_is_refused_with_the_arithmetic(void **state)
{
    struct shift s = {.opts = usual};
    struct shift_facts facts = enough;
    struct error err;
    (void)state;
    facts.servers = 4;
    assert_int_equal(shift_away(&s, 0, &facts, false, 0, &err), -1);
    assert_string_equal(err.text, "de/a: without it 4 servers of catalog are left, which carry 4 x "
                                  "70 = 280 requests/s; 350 are asked");
    assert_true(shift_share(&s, 0, 0) == 1);
    assert_int_equal(shift_away(&s, 0, &facts, true, 0, &err), 0);
    assert_true(shift_share(&s, 0, 0) < 1);
}

static void test_shift_takes_one_zone_at_a_time(void **state)
{
    struct shift s = {.opts = {1, 0}};
    struct error err;
    (void)state;
    assert_int_equal(shift_away(&s, 0, &enough, false, 0, &err), 0);
    assert_true(shift_share(&s, 0, 0) == 0); /* one step, at once */
    assert_int_equal(shift_away(&s, 2, &enough, true, 0, &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    shift_back(&s, 0);
    assert_int_equal(shift_away(&s, 2, &enough, false, 0, &err), 0);
    assert_true(shift_share(&s, 0, 0) == 1);
    assert_true(shift_share(&s, 2, 0) == 0);
}

static void test_shift_keeps_retries_out_from_its_first_step(void **state)
{
    enum { DRAWS = 100000 };
    struct shift s = {.opts = usual};
    struct error err;
    struct rng rng, before;
    int avoided = 0;
    (void)state;
    rng_init(&rng, 1);
    before = rng;
    assert_int_equal(shift_avoids(&s, false, &rng, 0), SHIFT_NOWHERE);
    shift_away(&s, 2, &enough, false, 0, &err);
    assert_int_equal(shift_avoids(&s, true, &rng, 0), 2);
    assert_memory_equal(&rng, &before, sizeof rng); /* without luck */
    for (int i = 0; i < DRAWS; i++)
        avoided += shift_avoids(&s, false, &rng, 0) == 2;
    assert_in_range(avoided, DRAWS / 4 - 700, DRAWS / 4 + 700); /* five standard errors */
    shift_back(&s, 10 * (int64_t)MINUTE);
    assert_int_equal(shift_avoids(&s, true, &rng, 14 * (int64_t)MINUTE), SHIFT_NOWHERE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shift_keeps_retries_out_from_its_first_step),
        cmocka_unit_test(test_shift_goes_in_steps_there_and_back),
        cmocka_unit_test(test_shift_tells_when_its_next_step_is_due),
        cmocka_unit_test(test_shift_turned_round_half_way_goes_back_from_there),
        cmocka_unit_test(test_shift_is_refused_with_the_arithmetic),
        cmocka_unit_test(test_shift_takes_one_zone_at_a_time),
    };
    return cmocka_run_group_tests_name("shift", tests, NULL, NULL);
}
