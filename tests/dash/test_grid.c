/* Tests of control/dash/grid.c: columns are not bytes, and nothing gets out. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "control/dash/grid.h"

static struct arena arena;
static struct grid grid;

static void begin(int width, int height, bool ascii)
{
    arena_release(&arena);
    assert_int_equal(grid_init(&grid, width, height, ascii, &arena), 0);
}

static void assert_row(int row, const char *want)
{
    char text[4096];
    size_t len = grid_row_text(&grid, row, text, sizeof text);
    assert_string_equal(text, want);
    assert_int_equal(len, strlen(want));
}

static void test_columns_are_not_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int columns;
    } rows[] = {
        {"", 0},
        {"abc", 3},
        {"K\xc3\xb6ln", 4},
        {"\xe2\x82\xac", 1},             /* euro sign */
        {"\xe6\x97\xa5\xe6\x9c\xac", 4}, /* two wide ones */
        {"e\xcc\x81", 1},                /* a combining accent */
        {"\xf0\x9f\x98\x80", 2},         /* a face */
        {"\x1b[2J", 4},                  /* ? [ 2 J */
        {"a\xff"
         "b",
         3},                     /* not UTF-8 */
        {"\xc0\xaf", 2},         /* overlong */
        {"\xe2\x82", 2},         /* ends too soon */
        {"\xed\xa0\x80", 1},     /* a surrogate */
        {"\xe2\x80\xae", 1},     /* turns the direction of writing */
        {"\xf4\x90\x80\x80", 1}, /* behind the last character */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(grid_columns(rows[i].text), rows[i].columns);
}

static void test_text_goes_where_it_should(void **state)
{
    (void)state;
    begin(12, 2, false);
    assert_int_equal(grid_text(&grid, 0, 2, 10, GRID_PLAIN, "K\xc3\xb6ln"), 6);
    grid_right(&grid, 1, 0, 6, GRID_PLAIN, "42");
    assert_row(0, "  K\xc3\xb6ln");
    assert_row(1, "    42");
}

static void test_long_text_ends_with_an_ellipsis(void **state)
{
    (void)state;
    begin(10, 3, false);
    assert_int_equal(grid_text(&grid, 0, 0, 5, GRID_PLAIN, "abcdef"), 5);
    assert_int_equal(grid_text(&grid, 1, 0, 6, GRID_PLAIN, "abcdef"), 6);
    grid_right(&grid, 2, 1, 3, GRID_PLAIN, "123456");
    assert_row(0, "abcd\xe2\x80\xa6");
    assert_row(1, "abcdef");
    assert_row(2, " 12\xe2\x80\xa6");
}

static void test_a_wide_character_is_never_cut_in_half(void **state)
{
    (void)state;
    begin(6, 3, false);
    grid_text(&grid, 0, 0, 4, GRID_PLAIN, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
    assert_row(0, "\xe6\x97\xa5\xe2\x80\xa6");
    grid_text(&grid, 1, 5, 9, GRID_PLAIN, "\xe6\x97\xa5");
    assert_row(1, "");
    grid_text(&grid, 2, 0, 6, GRID_PLAIN, "\xe6\x97\xa5\xe6\x9c\xac");
    grid_text(&grid, 2, 1, 1, GRID_PLAIN, "x"); /* on a right half: the left one goes */
    assert_row(2, " x\xe6\x9c\xac");
    grid_text(&grid, 2, 2, 1, GRID_PLAIN, "y"); /* on a left half */
    assert_row(2, " xy");
}

static void test_what_lies_outside_is_clipped(void **state)
{
    (void)state;
    begin(4, 2, false);
    grid_text(&grid, -1, 0, 4, GRID_PLAIN, "no");
    grid_text(&grid, 2, 0, 4, GRID_PLAIN, "no");
    grid_text(&grid, 0, -2, 6, GRID_PLAIN, "abcdef");
    grid_text(&grid, 1, 2, 90, GRID_PLAIN, "wxyz");
    grid_text(&grid, 1, 0, -5, GRID_PLAIN, "no");
    grid_rule(&grid, 7, -3, 50, "title");
    grid_line(&grid, -4, 9, 50);
    grid_select(&grid, 1, -5, 50);
    assert_row(0, "cdef");
    assert_row(1, "  wx");
}

static void test_control_characters_are_shown_not_obeyed(void **state)
{
    (void)state;
    begin(20, 1, false);
    grid_text(&grid, 0, 0, 20, GRID_PLAIN,
              "a\x1b[31m\n\t\x07\xc2\x9b"
              "b");
    assert_row(0, "a?[31m????b");
}

static void test_ascii_has_only_ascii(void **state)
{
    (void)state;
    char bar[64];
    begin(40, 4, true);
    grid_rule(&grid, 0, 0, 20, "K\xc3\xb6ln");
    grid_text(&grid, 1, 0, 20, GRID_PLAIN, grid_between(&grid));
    grid_text(&grid, 1, 6, 5, GRID_PLAIN, "\xe6\x97\xa5 abcd");
    grid_line(&grid, 2, 3, 2);
    grid_bar(bar, sizeof bar, 8, 0.3);
    grid_text(&grid, 3, 5, 20, GRID_PLAIN, bar);
    for (int i = 0; i < 160; i++)
        assert_true(grid.cell[i].character >= ' ' && grid.cell[i].character < 0x7f);
    assert_row(0, "-- K?ln ------------");
    assert_row(1, " |    ?? ..");
    assert_row(3, "   | ===");
}

static void test_bars_have_eighths(void **state)
{
    (void)state;
    static const struct {
        double share;
        const char *bar;
    } rows[] = {
        {0, ""},
        {-1, ""},
        {0.0001, "\xe2\x96\x8f"},
        {0.5, "\xe2\x96\x88\xe2\x96\x88"},
        {0.53125, "\xe2\x96\x88\xe2\x96\x88\xe2\x96\x8f"},
        {1, "\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88"},
        {7, "\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88"},
    };
    char bar[64];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        grid_bar(bar, sizeof bar, 4, rows[i].share);
        assert_string_equal(bar, rows[i].bar);
    }
    grid_bar(bar, sizeof bar, 4, (double)NAN);
    assert_string_equal(bar, "");
    grid_bar(bar, 8, 4, 1); /* cut where it does not fit */
    assert_string_equal(bar, "\xe2\x96\x88\xe2\x96\x88");
}

static void test_rules_have_their_title(void **state)
{
    (void)state;
    begin(14, 2, false);
    grid_rule(&grid, 0, 0, 10, "ab");
    grid_rule(&grid, 1, 0, 4, "ab"); /* no room for one */
    assert_row(0, "\xe2\x94\x80\xe2\x94\x80 ab \xe2\x94\x80\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80");
    assert_row(1, "\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80\xe2\x94\x80");
}

static void test_selecting_adds_to_the_style(void **state)
{
    (void)state;
    begin(4, 1, false);
    grid_text(&grid, 0, 0, 4, GRID_BAD, "X");
    grid_select(&grid, 0, 0, 2);
    assert_int_equal(grid.cell[0].style, GRID_BAD | GRID_REVERSE);
    assert_int_equal(grid.cell[1].style, GRID_PLAIN | GRID_REVERSE);
    assert_int_equal(grid.cell[2].style, GRID_PLAIN);
}

static void test_sizes_are_bounded(void **state)
{
    (void)state;
    begin(0, -5, false);
    assert_int_equal(grid.width, 1);
    assert_int_equal(grid.height, 1);
    begin(1 << 30, 1 << 30, false);
    assert_int_equal(grid.width, GRID_WIDTH_MAX);
    assert_int_equal(grid.height, GRID_HEIGHT_MAX);
}

static void test_a_row_is_cut_where_it_does_not_fit(void **state)
{
    (void)state;
    char text[4];
    begin(10, 1, false);
    grid_text(&grid, 0, 0, 10, GRID_PLAIN,
              "a\xe2\x82\xac"
              "b");
    assert_int_equal(grid_row_text(&grid, 0, text, sizeof text), 1);
    assert_string_equal(text, "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_not_bytes),
        cmocka_unit_test(test_text_goes_where_it_should),
        cmocka_unit_test(test_long_text_ends_with_an_ellipsis),
        cmocka_unit_test(test_a_wide_character_is_never_cut_in_half),
        cmocka_unit_test(test_what_lies_outside_is_clipped),
        cmocka_unit_test(test_control_characters_are_shown_not_obeyed),
        cmocka_unit_test(test_ascii_has_only_ascii),
        cmocka_unit_test(test_bars_have_eighths),
        cmocka_unit_test(test_rules_have_their_title),
        cmocka_unit_test(test_selecting_adds_to_the_style),
        cmocka_unit_test(test_sizes_are_bounded),
        cmocka_unit_test(test_a_row_is_cut_where_it_does_not_fit),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&arena);
    return failed;
}
