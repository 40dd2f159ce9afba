/* Tests of control/dash/dash.c: order, selection, keys, age. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "control/dash/dash.h"
#include "control/dash/grid.h"
#include "control/dash/keys.h"
#include "tests/snapshots.h"

enum { START_MS = 5000000, START_S = 1795183402 };

static struct arena arena;
static struct dash dash;
static struct grid grid;

static struct dash_now after(int64_t ms)
{
    return (struct dash_now){.ms = START_MS + ms, .unix_s = START_S + ms / 1000};
}

static bool update(const struct status *s, int64_t ms)
{
    struct dash_now now = after(ms);
    return dash_update(&dash, s, &now);
}

static void begin(const struct status *s)
{
    dash_init(&dash);
    assert_true(update(s, 0));
}

static enum dash_todo press(int key, int64_t ms)
{
    struct dash_now now = after(ms);
    return dash_key(&dash, key, &now);
}

static void draw(int width, int height, int64_t ms)
{
    struct dash_now now = after(ms);
    arena_release(&arena);
    assert_int_equal(grid_init(&grid, width, height, true, &arena), 0);
    dash_render(&dash, &now, &grid);
}

static int row_with(const char *words)
{
    char text[GRID_WIDTH_MAX * 4 + 1];
    for (int row = 0; row < grid.height; row++) {
        grid_row_text(&grid, row, text, sizeof text);
        if (strstr(text, words) != NULL)
            return row;
    }
    return -1;
}

static void assert_shows(const char *words, int64_t ms)
{
    draw(80, 24, ms);
    if (row_with(words) < 0)
        fail_msg("\"%s\" is not on the screen", words);
}

static void assert_hides(const char *words, int64_t ms)
{
    draw(80, 24, ms);
    if (row_with(words) >= 0)
        fail_msg("\"%s\" is on the screen", words);
}

/* ---- order and selection ---- */

static void test_the_worst_is_first(void **state)
{
    (void)state;
    begin(snapshot_failing());
    draw(80, 24, 0);
    int es = row_with(">X es"), it = row_with(" X it"), fr = row_with(" ? fr"),
        de = row_with(" ! de");
    assert_true(es > 0 && es < it && it < fr && fr < de);
}

static void test_more_lost_comes_first_then_the_name(void **state)
{
    (void)state;
    struct status *s = snapshot_well(); /* de, it, fr */
    for (int i = 0; i < 3; i++)
        s->cells[i].health = STATUS_FAILING;
    s->cells[1].errors = 0.5;
    begin(s);
    draw(80, 24, 0);
    assert_true(row_with(">X it") > 0);
    assert_true(row_with(" X de") == row_with(">X it") + 1);
    assert_true(row_with(" X fr") == row_with(" X de") + 1);
}

static void test_order_does_not_depend_on_the_order_given(void **state)
{
    (void)state;
    begin(snapshot_many());
    draw(120, 60, 0);
    int row = row_with(">! de");
    assert_true(row > 0);
    const char *const after_de[] = {"   at ", "   be ", "   bg ", "   cy ", "   cz ", "   dk "};
    for (size_t i = 0; i < sizeof after_de / sizeof after_de[0]; i++)
        assert_int_equal(row_with(after_de[i]), row + 1 + (int)i);
}

static void test_before_a_key_the_worst_is_selected(void **state)
{
    (void)state;
    begin(snapshot_well());
    assert_shows(">  de ", 0);
    struct status *s = snapshot_well();
    s->cells[1].health = STATUS_FAILING;
    assert_true(update(s, 250));
    assert_shows(">X it ", 250);
}

static void test_selection_follows_the_identity(void **state)
{
    (void)state;
    begin(snapshot_well());
    assert_int_equal(press('j', 0), DASH_REDRAW); /* de, fr, it */
    assert_shows(">  fr ", 0);
    struct status *s = snapshot_well();
    s->cells[2].health = STATUS_DEGRADED;
    assert_true(update(s, 5000));
    assert_shows(">! fr ", 5000);
    draw(80, 24, 5000);
    assert_true(row_with(">! fr") < row_with("   de"));
    s = snapshot_well();
    s->cells[1].health = STATUS_DOWN;
    assert_true(update(s, 6000));
    assert_shows(">  fr ", 6000);
    assert_shows(" X it ", 6000);
}

static void test_order_is_still_for_two_seconds_after_a_key(void **state)
{
    (void)state;
    begin(snapshot_well());
    press('j', 1000);
    struct status *s = snapshot_well();
    s->cells[1].health = STATUS_DOWN;
    assert_true(update(s, 2900));
    draw(80, 24, 2900);
    assert_true(row_with("   de") < row_with(" X it"));
    assert_true(update(s, 3100));
    draw(80, 24, 3100);
    assert_true(row_with("   de") > row_with(" X it"));
}

static void test_a_selected_cell_that_goes_leaves_its_place(void **state)
{
    (void)state;
    begin(snapshot_well());
    press('G', 0);
    assert_shows(">  it ", 0);
    struct status *s = snapshot_well();
    s->cell_count = 1;
    assert_true(update(s, 250));
    assert_shows(">  de ", 250);
    s->cell_count = 0;
    assert_true(update(s, 500));
    assert_shows("no cells", 500);
    assert_int_equal(press('j', 600), DASH_REDRAW);
    assert_int_equal(press(DASH_KEY_ENTER, 600), DASH_REDRAW);
    draw(80, 24, 700);
    draw(200, 60, 700);
}

/* ---- keys ---- */

static void test_arrows_and_letters_move_and_stop_at_the_ends(void **state)
{
    (void)state;
    begin(snapshot_well());
    press('k', 0);
    assert_shows(">  de ", 0);
    press(DASH_KEY_DOWN, 0);
    press('j', 0);
    press('j', 0);
    press('j', 0);
    assert_shows(">  it ", 0);
    press(DASH_KEY_UP, 0);
    assert_shows(">  fr ", 0);
    press('g', 0);
    assert_shows(">  de ", 0);
    press(DASH_KEY_END, 0);
    assert_shows(">  it ", 0);
}

static void test_pages(void **state)
{
    (void)state;
    begin(snapshot_many());
    draw(80, 24, 0); /* 8 rows of cells */
    press(DASH_KEY_PAGE_DOWN, 0);
    assert_shows(">  ee ", 0);
    press(DASH_KEY_PAGE_DOWN, 0);
    assert_shows("cells 8-15 of 27", 0);
    press(DASH_KEY_PAGE_UP, 0);
    press(DASH_KEY_PAGE_UP, 0);
    assert_shows(">! de ", 0);
}

static void test_enter_opens_the_cell_and_esc_closes_it(void **state)
{
    (void)state;
    begin(snapshot_zone_down());
    press(DASH_KEY_ENTER, 0);
    assert_shows("world > de", 0);
    assert_shows("customer  DOWN", 0);
    struct status *s = snapshot_zone_down();
    s->cells[1].health = STATUS_DOWN; /* de is not the worst any more, and stays open */
    assert_true(update(s, 9000));
    assert_shows("world > de", 9000);
    press(DASH_KEY_ESC, 9000);
    assert_shows("world |", 9000);
    assert_int_equal(press(DASH_KEY_ESC, 9000), DASH_REDRAW); /* never quits */
    assert_shows(">! de ", 9000);
    press('l', 9000);
    press('h', 9000);
    assert_shows("world |", 9000);
}

static void test_the_cell_scrolls_and_stops_at_the_ends(void **state)
{
    (void)state;
    begin(snapshot_zone_down());
    press(DASH_KEY_ENTER, 0);
    draw(80, 16, 0);
    assert_true(row_with("rows 1-4 of 12") > 0);
    press('k', 0);
    press('j', 0);
    draw(80, 16, 0);
    assert_true(row_with("rows 2-5 of 12") > 0);
    press('k', 0);
    press('G', 0);
    press('k', 0); /* what is pressed at once adds up, and stops at the ends */
    draw(80, 16, 0);
    assert_true(row_with("rows 8-11 of 12") > 0);
    press('G', 0);
    draw(80, 16, 0);
    assert_true(row_with("rows 9-12 of 12") > 0);
    draw(80, 24, 0);
    assert_true(row_with("services and zones") > 0);
}

static void test_freeze_keeps_the_picture(void **state)
{
    (void)state;
    begin(snapshot_well());
    press('p', 1000);
    assert_shows("FROZEN at 14:03:23", 1000);
    assert_false(update(snapshot_well(), 60000));
    assert_shows("FROZEN at 14:03:23", 60000);
    assert_shows("NOT HURT", 60000); /* it is the picture of then, and says so */
    press('p', 61000);
    assert_shows("UNKNOWN 1m01s", 61000);
    assert_true(update(snapshot_well(), 61250));
    assert_shows("LIVE shop.json", 61250);
}

static void test_refresh_stays_in_its_bounds(void **state)
{
    (void)state;
    begin(snapshot_well());
    assert_shows("every 250 ms", 0);
    for (int i = 0; i < 20; i++)
        press('-', 0);
    assert_int_equal(dash.refresh_ms, DASH_REFRESH_MS_MAX);
    assert_shows("every 8s", 0);
    for (int i = 0; i < 20; i++)
        press(DASH_KEY_F0 + 8, 0);
    assert_int_equal(dash.refresh_ms, DASH_REFRESH_MS_MIN);
}

static void test_help_opens_and_closes(void **state)
{
    (void)state;
    begin(snapshot_well());
    press('?', 0);
    assert_shows("never quits", 0);
    press(DASH_KEY_ESC, 0);
    assert_hides("never quits", 0);
    press(DASH_KEY_F0 + 1, 0);
    press(DASH_KEY_F0 + 1, 0);
    assert_hides("never quits", 0);
}

static void test_quit_and_unknown_keys(void **state)
{
    (void)state;
    begin(snapshot_well());
    assert_int_equal(press('q', 0), DASH_QUIT);
    assert_int_equal(press(DASH_KEY_F0 + 10, 0), DASH_QUIT);
    assert_int_equal(press('x', 0), DASH_NOTHING);
    assert_int_equal(press(0x20ac, 0), DASH_NOTHING);
    assert_int_equal(press(DASH_KEY_END_OF_KEYS, 0), DASH_NOTHING);
}

static void test_every_key_has_one_meaning_and_is_in_the_help(void **state)
{
    (void)state;
    begin(snapshot_well());
    press('?', 0);
    draw(80, 40, 0);
    for (const struct key_row *row = key_rows; row->action != KEY_NOTHING; row++) {
        assert_true(row_with(row->doc) > 0);
        for (size_t i = 0; i < 4 && row->keys[i] != 0; i++)
            assert_int_equal(key_action_of(row->keys[i]), row->action);
    }
}

/* ---- age ---- */

static void fail_at(enum error_code code, int64_t ms)
{
    struct dash_now now = after(ms);
    struct error err;
    error_set(&err, code, "words");
    dash_fail(&dash, &err, &now);
}

static void test_late_data_says_its_age_and_stale_data_is_unknown(void **state)
{
    (void)state;
    begin(snapshot_well());
    assert_shows("data 0s old", 400);
    draw(80, 24, 400);
    int column = 60;
    assert_int_equal(grid.cell[column].style, GRID_PLAIN);
    draw(80, 24, 600);
    assert_int_equal(grid.cell[column].style, GRID_WARN);
    assert_hides("UNKNOWN", 10000);
    assert_shows("UNKNOWN 10s", 10001);
    assert_int_equal(grid.cell[column].style, GRID_UNSURE);
    assert_hides("NOT HURT", 10001);
    assert_true(update(snapshot_well(), 11000));
    assert_hides("UNKNOWN", 11000);
}

static void test_control_gone_is_said_and_forgotten_when_it_is_back(void **state)
{
    (void)state;
    begin(snapshot_well());
    fail_at(ERR_MISSING, 250);
    fail_at(ERR_MISSING, 500);
    assert_shows("CONTROL DOWN 34s, cells serve; last seen 14:03:22", 34000);
    assert_true(update(snapshot_well(), 34250));
    assert_hides("CONTROL DOWN", 34250);
}

static void test_a_failure_before_any_data_is_shown(void **state)
{
    (void)state;
    dash_init(&dash);
    assert_shows("no data yet", 0);
    fail_at(ERR_SYSTEM, 0);
    assert_shows("words", 0);
    assert_int_equal(press('j', 0), DASH_REDRAW);
    assert_int_equal(press('p', 0), DASH_REDRAW);
    assert_int_equal(press(DASH_KEY_ENTER, 0), DASH_REDRAW);
    assert_shows("words", 0);
}

/* ---- sizes ---- */

static void draw_every_size(void)
{
    for (int width = 1; width <= 240; width += width < 90 ? 1 : 13)
        for (int height = 1; height <= 70; height += height < 30 ? 1 : 7)
            draw(width, height, 100);
}

static void test_every_size_can_be_drawn(void **state)
{
    (void)state;
    struct status *(*const make[])(void) = {snapshot_well, snapshot_failing, snapshot_starting,
                                            snapshot_many};
    for (size_t i = 0; i < sizeof make / sizeof make[0]; i++) {
        begin(make[i]());
        draw_every_size();
        press(DASH_KEY_ENTER, 0);
        draw_every_size();
        press('?', 0);
        draw_every_size();
    }
}

static void test_too_small_says_what_is_needed(void **state)
{
    (void)state;
    begin(snapshot_well());
    draw(39, 8, 0);
    assert_int_equal(row_with("needs 40x8, is 39x8"), 0);
    draw(80, 7, 0);
    assert_int_equal(row_with("needs 40x8, is 80x7"), 0);
}

static void test_the_smallest_shows_the_worst_and_its_reason(void **state)
{
    (void)state;
    begin(snapshot_failing());
    draw(40, 8, 0);
    assert_true(row_with("no zone answers") > 0);
    assert_true(row_with(">X es") > 0);
    assert_true(row_with("HURT in es, it") > 0);
}

static void test_strange_texts_do_not_break_the_screen(void **state)
{
    (void)state;
    static char longest[400];
    memset(longest, 'w', sizeof longest - 1);
    struct status *s = snapshot_zone_down();
    s->topology = longest;
    s->cells[0].name = longest;
    s->cells[0].why = s->cells[0].zones[1].why = longest;
    s->cells[0].zones[1].name = longest;
    s->cells[1].name = "\x1b[31m\xff\xfe";
    s->cells[2].name = "";
    s->faults[0].kind = s->faults[0].scope = longest;
    begin(s);
    draw_every_size();
    press(DASH_KEY_ENTER, 0);
    draw_every_size();
    for (int i = 0; i < grid.width * grid.height; i++)
        assert_true(grid.cell[i].character >= ' ');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_worst_is_first),
        cmocka_unit_test(test_more_lost_comes_first_then_the_name),
        cmocka_unit_test(test_order_does_not_depend_on_the_order_given),
        cmocka_unit_test(test_before_a_key_the_worst_is_selected),
        cmocka_unit_test(test_selection_follows_the_identity),
        cmocka_unit_test(test_order_is_still_for_two_seconds_after_a_key),
        cmocka_unit_test(test_a_selected_cell_that_goes_leaves_its_place),
        cmocka_unit_test(test_arrows_and_letters_move_and_stop_at_the_ends),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_enter_opens_the_cell_and_esc_closes_it),
        cmocka_unit_test(test_the_cell_scrolls_and_stops_at_the_ends),
        cmocka_unit_test(test_freeze_keeps_the_picture),
        cmocka_unit_test(test_refresh_stays_in_its_bounds),
        cmocka_unit_test(test_help_opens_and_closes),
        cmocka_unit_test(test_quit_and_unknown_keys),
        cmocka_unit_test(test_every_key_has_one_meaning_and_is_in_the_help),
        cmocka_unit_test(test_late_data_says_its_age_and_stale_data_is_unknown),
        cmocka_unit_test(test_control_gone_is_said_and_forgotten_when_it_is_back),
        cmocka_unit_test(test_a_failure_before_any_data_is_shown),
        cmocka_unit_test(test_every_size_can_be_drawn),
        cmocka_unit_test(test_too_small_says_what_is_needed),
        cmocka_unit_test(test_the_smallest_shows_the_worst_and_its_reason),
        cmocka_unit_test(test_strange_texts_do_not_break_the_screen),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&arena);
    return failed;
}
