/* simulator/validate.c: rows agree, rows can miss, and threads change nothing. The intervals are
 * wide here; tests/commands/test_validate.sh runs all of it as it is meant. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "simulator/tables.h"
#include "simulator/validate.h"

/* Tables that are simulated in no time. */
static const char *const quick[] = {"shortest", "tail",    "shuffle",
                                    "rules",    "hedging", "throttling"};
enum { QUICK = sizeof quick / sizeof quick[0] };

static void validate(struct validate_result *result, const char *only, int64_t jobs,
                     double distortion, struct arena *a)
{
    const struct validate_opts opts = {
        .seed = 3, .jobs = jobs, .within = 10, .only = only, .distortion = distortion};
    struct error err;
    if (validate_run(result, &opts, a, &err) != 0)
        fail_msg("%s", err.text);
}

static void test_validate_rows_agree(void **state)
{
    (void)state;
    for (int i = 0; i < QUICK; i++) {
        struct validate_result result;
        struct arena a = {0};
        validate(&result, quick[i], 2, 1, &a);
        assert_true(result.pass);
        assert_int_equal(result.agree, result.rows);
        assert_true(result.simulated > 0);
        assert_int_equal(result.table_count, 1);
        assert_string_equal(result.tables[0].word, quick[i]);
        arena_release(&a);
    }
}

/* Half widths are a tenth, so what is expected is off by a third. */
static void test_validate_rows_miss_when_what_is_expected_is_wrong(void **state)
{
    (void)state;
    for (int i = 0; i < QUICK; i++) {
        struct validate_result result;
        struct arena a = {0};
        validate(&result, quick[i], 2, 1.35, &a);
        assert_false(result.pass);
        for (size_t k = 0; k < result.tables[0].row_count; k++) {
            const struct validate_row *row = &result.tables[0].rows[k];
            if (isnan(row->simulated))
                continue;
            if (row->verdict != VALIDATE_MISSES || row->note == NULL)
                fail_msg("%s, %s: did not miss", quick[i], row->name);
        }
        arena_release(&a);
    }
}

static void test_validate_does_not_depend_on_the_threads(void **state)
{
    (void)state;
    for (int i = 0; i < QUICK; i++) {
        struct validate_result one, many;
        struct arena a = {0};
        validate(&one, quick[i], 1, 1, &a);
        validate(&many, quick[i], 3, 1, &a);
        assert_int_equal(one.rows, many.rows);
        for (size_t k = 0; k < one.tables[0].row_count; k++) {
            const struct validate_row *x = &one.tables[0].rows[k], *y = &many.tables[0].rows[k];
            assert_string_equal(x->name, y->name);
            assert_memory_equal(&x->simulated, &y->simulated, sizeof x->simulated);
            assert_memory_equal(&x->half_width, &y->half_width, sizeof x->half_width);
            assert_int_equal(x->replications, y->replications);
        }
        arena_release(&a);
    }
}

static void test_validate_level_is_sidaks(void **state)
{
    (void)state;
    struct validate_result result;
    struct arena a = {0};
    validate(&result, "tail", 2, 1, &a); /* one interval a row */
    assert_int_equal(result.simulated, 21);
    assert_true(fabs(pow(result.row_level, 21) - 0.99) < 1e-12);
    arena_release(&a);
}

static void test_validate_refuses_a_table_that_is_not(void **state)
{
    (void)state;
    const struct validate_opts opts = {.jobs = 1, .only = "nosuch"};
    struct validate_result result;
    struct arena a = {0};
    struct error err;
    assert_int_equal(validate_run(&result, &opts, &a, &err), -1);
    assert_string_equal(err.text, "no table begins with \"nosuch\"");
    arena_release(&a);
}

/* ---- one row ---- */

/* A subject whose replications give `value`, and draws that are off by `drawn`. */
static double value, noise, drawn;

static int replicate(const struct subject *s, uint64_t seed, uint64_t replication,
                     struct subject_sample *sample, struct arena *a, struct error *err)
{
    (void)s, (void)seed, (void)a, (void)err;
    double turn = (double)(replication % 2) * 2 - 1, slow = (double)(replication / 2 % 2) * 2 - 1;
    sample->value[0] = value + noise * turn;
    sample->control[0] = drawn + 0.1 * slow;
    return 0;
}

static struct validate_row judged(double value_, double noise_, double drawn_)
{
    struct validate_row row = {.expected = 1};
    struct subject s = {.replicate = replicate,
                        .measures = 1,
                        .controls = 1,
                        .draws = 1,
                        .replications = 64,
                        .row = {&row},
                        .width = {0.01}};
    struct arena a = {0};
    struct error err;
    value = value_;
    noise = noise_;
    drawn = drawn_;
    assert_int_equal(subject_run(&s, 1, 0.99, &a, &err), 0);
    arena_release(&a);
    return row;
}

static void test_subject_agrees_within_its_interval(void **state)
{
    (void)state;
    struct validate_row row = judged(1.001, 0.01, 0);
    assert_int_equal(row.verdict, VALIDATE_AGREES);
    assert_int_equal(row.replications, 64);
    assert_true(row.half_width > 0.001 && row.half_width < 0.01);
}

static void test_subject_misses_outside_its_interval(void **state)
{
    (void)state;
    struct validate_row row = judged(1.005, 0.01, 0);
    assert_int_equal(row.verdict, VALIDATE_MISSES);
    assert_string_equal(row.note, "the simulated value is not the expected one");
}

static void test_subject_goes_on_until_the_interval_is_narrow(void **state)
{
    (void)state;
    assert_int_equal(judged(1, 0.04, 0).replications, 144);
    struct validate_row row = judged(1, 1, 0);
    assert_int_equal(row.verdict, VALIDATE_MISSES);
    assert_string_equal(row.note, "the interval did not become as narrow as is asked");
}

static void test_subject_misses_when_the_draws_are_wrong(void **state)
{
    (void)state;
    struct validate_row row = judged(1.001, 0.01, 0.1);
    assert_int_equal(row.verdict, VALIDATE_MISSES);
    assert_string_equal(row.note, "what was drawn has not the mean or variance that it should");
}

static void test_tables_row_misses_when_published_is_not_exact(void **state)
{
    (void)state;
    struct arena a = {0};
    struct validate_table table[TABLES_MAX];
    struct tables t = {.a = &a, .distortion = 1, .within = 1, .table = table};
    assert_non_null(tables_begin(&t, "word", "title", "source"));
    assert_int_equal(tables_row(&t, 1.23, 0.005, 1.2349, "a")->verdict, VALIDATE_AGREES);
    assert_int_equal(tables_row(&t, 1.23, 0.005, 1.2351, "b")->verdict, VALIDATE_MISSES);
    assert_int_equal(tables_row(&t, 1.23, 0.005, (double)NAN, "c")->verdict, VALIDATE_AGREES);
    assert_int_equal(tables_row(&t, (double)NAN, 0, 1, "d")->verdict, VALIDATE_AGREES);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_validate_rows_agree),
        cmocka_unit_test(test_validate_rows_miss_when_what_is_expected_is_wrong),
        cmocka_unit_test(test_validate_does_not_depend_on_the_threads),
        cmocka_unit_test(test_validate_level_is_sidaks),
        cmocka_unit_test(test_validate_refuses_a_table_that_is_not),
        cmocka_unit_test(test_subject_agrees_within_its_interval),
        cmocka_unit_test(test_subject_misses_outside_its_interval),
        cmocka_unit_test(test_subject_goes_on_until_the_interval_is_narrow),
        cmocka_unit_test(test_subject_misses_when_the_draws_are_wrong),
        cmocka_unit_test(test_tables_row_misses_when_published_is_not_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
