/* Tests of base/sweep.c through the table of a scenario: which axes are taken, and what variants
 * they make. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/scenario.h"
#include "base/sweep.h"

static struct arena arena;

static int parse(struct scenario *s, const char *axes, struct error *err)
{
    char text[2048];
    snprintf(text, sizeof text, "{\"topology\": \"t\", \"sweep\": %s}", axes);
    return scenario_parse(s, text, strlen(text), NULL, 0, &arena, err);
}

static struct scenario good(const char *axes)
{
    struct scenario s = {0};
    struct error err;
    if (parse(&s, axes, &err) != 0)
        fail_msg("%s: %s", axes, err.text);
    return s;
}

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void test_sweep_ranges_have_clean_values(void **state)
{
    static const struct {
        const char *range, *values;
    } rows[] = {
        {"\"from\": 1, \"to\": 5, \"step\": 1", "1 2 3 4 5 "},
        {"\"from\": 1, \"to\": 5.9, \"step\": 2", "1 3 5 "},
        {"\"from\": 0.1, \"to\": 0.7, \"step\": 0.1", "0.1 0.2 0.3 0.4 0.5 0.6 0.7 "},
        {"\"from\": 3, \"to\": 1, \"step\": -1", "3 2 1 "},
        {"\"from\": 1, \"to\": 2, \"step\": 7", "1 "},
        {"\"from\": 0, \"to\": 1, \"count\": 2", "0 1 "},
        {"\"from\": 0, \"to\": 1, \"count\": 4", "0 0.333333333333 0.666666666667 1 "},
        {"\"from\": -1, \"to\": 0.1234567890123456, \"count\": 2", "-1 0.1234567890123456 "},
        {"\"from\": -0.3, \"to\": 0.3, \"step\": 0.15", "-0.3 -0.15 0 0.15 0.3 "},
        {"\"from\": 1e-9, \"to\": 3e-9, \"step\": 1e-9", "1e-09 2e-09 3e-09 "},
        {"\"from\": 1e15, \"to\": -1e15, \"count\": 3", "1e+15 0 -1e+15 "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char axis[256], got[512] = "";
        snprintf(axis, sizeof axis, "[{\"path\": \"load\", %s}]", rows[i].range);
        struct scenario s = good(axis);
        assert_int_equal(sweep_variants(s.sweep, s.sweep_count), s.sweep[0].value_count);
        for (size_t k = 0; k < s.sweep[0].value_count; k++) {
            strncat(got, s.sweep[0].values[k], sizeof got - strlen(got) - 1);
            strncat(got, " ", sizeof got - strlen(got) - 1);
        }
        assert_string_equal(got, rows[i].values);
        assert_true(isnan(s.sweep[0].from) && s.sweep[0].points == 0);
    }
}

static void test_sweep_is_a_grid_with_the_first_axis_slowest(void **state)
{
    static const char *const want[] = {"1 \"a\" true",     "1 \"a\" 2.5",    "1 \"250ms\" true",
                                       "1 \"250ms\" 2.5",  "2 \"a\" true",   "2 \"a\" 2.5",
                                       "2 \"250ms\" true", "2 \"250ms\" 2.5"};
    (void)state;
    struct scenario s = good("[{\"path\": \"cells.de.x\", \"from\": 1, \"to\": 2, \"step\": 1},"
                             " {\"path\": \"y\", \"values\": [\"a\", \"250ms\"]},"
                             " {\"path\": \"z.0\", \"values\": [true, 2.5]}]");
    assert_int_equal(sweep_variants(s.sweep, s.sweep_count), 8);
    for (size_t i = 0; i < 8; i++) {
        struct json_set set[SWEEP_AXES_MAX];
        char got[128];
        sweep_sets(set, s.sweep, s.sweep_count, i);
        snprintf(got, sizeof got, "%s %s %s", set[0].value, set[1].value, set[2].value);
        assert_string_equal(got, want[i]);
        assert_string_equal(set[2].path, "z.0");
        assert_int_equal(sweep_value(s.sweep, s.sweep_count, i, 1), i / 2 % 2);
    }
    s = good("[]");
    assert_int_equal(sweep_variants(s.sweep, s.sweep_count), 1);
}

static void test_sweep_refuses_axes_that_make_no_sense(void **state)
{
    static const struct {
        const char *axes, *sentence;
        enum error_code code;
    } rows[] = {
        {"{}", "sweep: expected array, got object", ERR_TYPE},
        {"[{\"values\": [1]}]", "sweep[0]: key \"path\" is missing", ERR_MISSING},
        {"[{\"path\": \"load\"}]",
         "sweep[0]: an axis takes values, or from and to, with step or count", ERR_MISSING},
        {"[{\"path\": \"load\", \"values\": []}]",
         "sweep[0].values: expected 1 or more items, got 0", ERR_RANGE},
        {"[{\"path\": \"load\", \"values\": [1, null]}]",
         "sweep[0].values[1]: expected number, string or boolean, got null", ERR_TYPE},
        {"[{\"path\": \"load\", \"values\": [1], \"from\": 1, \"to\": 2, \"step\": 1}]",
         "sweep[0]: an axis takes values, or from and to, with step or count", ERR_CONFLICT},
        {"[{\"path\": \"load\", \"values\": [1], \"count\": 3}]",
         "sweep[0]: an axis takes values, or from and to, with step or count", ERR_MISSING},
        {"[{\"path\": \"load\", \"from\": 1, \"step\": 2}]",
         "sweep[0]: an axis takes values, or from and to, with step or count", ERR_MISSING},
        {"[{\"path\": \"load\", \"from\": 1, \"to\": 2}]",
         "sweep[0]: a range takes step or count, one of the two", ERR_MISSING},
        {"[{\"path\": \"load\", \"from\": 1, \"to\": 2, \"step\": 1, \"count\": 2}]",
         "sweep[0]: a range takes step or count, one of the two", ERR_CONFLICT},
        {"[{\"path\": \"load\", \"from\": 1, \"to\": 1, \"step\": 1}]",
         "sweep[0].to: is the same as from; give values instead", ERR_CONFLICT},
        {"[{\"path\": \"load\", \"from\": 1, \"to\": 2, \"step\": 0}]",
         "sweep[0].step: 0 does not lead from 1 to 2", ERR_RANGE},
        {"[{\"path\": \"load\", \"from\": 2, \"to\": 1, \"step\": 0.5}]",
         "sweep[0].step: 0.5 does not lead from 2 to 1", ERR_RANGE},
        {"[{\"path\": \"load\", \"from\": 1, \"to\": 2, \"step\": 1e-9}]",
         "sweep[0]: expected at most 10000 values, got more", ERR_LIMIT},
        {"[{\"path\": \"load\", \"from\": 1, \"to\": 2, \"count\": 1}]",
         "sweep[0].count: expected 2..10000, got 1", ERR_RANGE},
        {"[{\"path\": \"a\", \"from\": 1, \"to\": 101, \"count\": 101}, {\"path\": \"b\", "
         "\"from\": 1, \"to\": 2, \"count\": 100}]",
         "sweep: expected at most 10000 variants, got 10100", ERR_LIMIT},
        {"[{\"path\": \"load\", \"values\": [1]}, {\"path\": \"load\", \"values\": [2]}]",
         "sweep[1].path: \"load\" is the path of sweep[0] too", ERR_DUPLICATE},
        {"[{\"path\": \"seed\", \"values\": [1, 2]}]",
         "sweep[0].path: seed is no axis: all variants share the seed, so that they differ by "
         "nothing else",
         ERR_CONFLICT},
        {"[{\"path\": \"replications\", \"values\": [1, 2]}]",
         "sweep[0].path: replications is no axis: all variants have as many, so that each is "
         "compared with its like",
         ERR_CONFLICT},
        {"[{\"path\": \"topology\", \"values\": [\"a.json\"]}]",
         "sweep[0].path: topology is no axis: all variants have one topology, so that countries "
         "are compared with themselves",
         ERR_CONFLICT},
        {"[{\"path\": \"load\", \"values\": [1]}, {\"path\": \"sweep.0.values.0\", "
         "\"values\": [1]}]",
         "sweep[1].path: sweep is no axis: a sweep does not change itself", ERR_CONFLICT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scenario s;
        struct error err = {0};
        if (parse(&s, rows[i].axes, &err) == 0)
            fail_msg("%s is taken", rows[i].axes);
        assert_string_equal(err.text, rows[i].sentence);
        assert_int_equal(err.code, rows[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sweep_ranges_have_clean_values),
        cmocka_unit_test(test_sweep_is_a_grid_with_the_first_axis_slowest),
        cmocka_unit_test(test_sweep_refuses_axes_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
