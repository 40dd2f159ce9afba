/* Tests of control/dash: golden screens of systems written by hand. With DASH_GOLDEN=write the
 * screens are written instead of compared: look at them before they are kept. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "control/dash/dash.h"
#include "control/dash/grid.h"
#include "tests/snapshots.h"

enum { START_MS = 5000000, START_S = 1795183402, TEXT_MAX = 512 * 1024 };

static struct arena arena;
static struct dash dash;
static struct grid grid;
static char text[TEXT_MAX];

static struct dash_now after(int64_t ms)
{
    return (struct dash_now){.ms = START_MS + ms, .unix_s = START_S + ms / 1000};
}

static void show(const struct status *s)
{
    struct dash_now now = after(0);
    dash_init(&dash);
    assert_true(dash_update(&dash, s, &now));
}

static enum dash_todo press(int key, int64_t ms)
{
    struct dash_now now = after(ms);
    return dash_key(&dash, key, &now);
}

static void fail_at(enum error_code code, const char *sentence, int64_t ms)
{
    struct dash_now now = after(ms);
    struct error err;
    error_set(&err, code, "%s", sentence);
    dash_fail(&dash, &err, &now);
}

static void draw(int width, int height, bool ascii, int64_t ms)
{
    struct dash_now now = after(ms);
    arena_release(&arena);
    assert_int_equal(grid_init(&grid, width, height, ascii, &arena), 0);
    dash_render(&dash, &now, &grid);
}

/* ---- golden screens ---- */

static void write_text(const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        fail_msg("%s: %s", path, strerror(errno));
    fputs(text, file);
    fclose(file);
}

static void read_and_compare(const char *path)
{
    static char golden[TEXT_MAX];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s: %s", path, strerror(errno));
    size_t len = fread(golden, 1, sizeof golden - 1, file);
    fclose(file);
    golden[len] = '\0';
    if (strcmp(golden, text) != 0)
        fail_msg("%s differs; the screen is now:\n%s", path, text);
}

static const char *const style_letters = ".dsbwug";

/* The screen as text; with `styled`, below it a letter for the style of each cell, upper case where
 * it is reversed. */
static void check_screen(const char *name, bool styled)
{
    char path[160];
    size_t used = 0;
    for (int row = 0; row < grid.height; row++) {
        used += grid_row_text(&grid, row, text + used, sizeof text - used);
        text[used++] = '\n';
    }
    for (int i = 0; styled && i < grid.width * grid.height; i++) {
        int style = grid.cell[i].style;
        char letter = style_letters[style & ~GRID_REVERSE];
        text[used++] =
            (style & GRID_REVERSE) != 0 ? (char)(letter == '.' ? ':' : letter - 32) : letter;
        if ((i + 1) % grid.width == 0)
            text[used++] = '\n';
    }
    text[used] = '\0';
    snprintf(path, sizeof path, "tests/golden/dash/%s.txt", name);
    const char *mode = getenv("DASH_GOLDEN");
    if (mode != NULL && strcmp(mode, "write") == 0)
        write_text(path);
    else
        read_and_compare(path);
}

static void golden(const char *name, int width, int height)
{
    draw(width, height, false, 100);
    check_screen(name, false);
}

static void test_golden_all_is_well(void **state)
{
    (void)state;
    show(snapshot_well());
    golden("well-80x24", 80, 24);
    golden("well-200x60", 200, 60);
}

static void test_golden_zone_down(void **state)
{
    (void)state;
    show(snapshot_zone_down());
    golden("zone-down-80x24", 80, 24);
    golden("zone-down-120x30", 120, 30);
    golden("zone-down-200x60", 200, 60);
    golden("zone-down-40x8", 40, 8);
    golden("zone-down-60x16", 60, 16);
}

static void test_golden_ascii_shows_the_same(void **state)
{
    (void)state;
    show(snapshot_zone_down());
    draw(80, 24, true, 100);
    check_screen("zone-down-80x24-ascii", false);
    for (int i = 0; i < grid.width * grid.height; i++)
        assert_true(grid.cell[i].character >= ' ' && grid.cell[i].character < 0x7f);
    draw(200, 60, true, 100);
    check_screen("zone-down-200x60-ascii", false);
}

static void test_golden_styles(void **state)
{
    (void)state;
    show(snapshot_zone_down());
    draw(80, 24, false, 100);
    check_screen("zone-down-80x24-styles", true);
}

static void test_golden_customers_are_hurt(void **state)
{
    (void)state;
    show(snapshot_failing());
    golden("failing-80x24", 80, 24);
    golden("failing-40x8", 40, 8);
    golden("failing-200x60", 200, 60);
}

static void test_golden_no_traffic(void **state)
{
    (void)state;
    show(snapshot_idle());
    golden("idle-80x24", 80, 24);
}

static void test_golden_starting(void **state)
{
    (void)state;
    show(snapshot_starting());
    golden("starting-80x24", 80, 24);
}

static void test_golden_late_then_stale(void **state)
{
    (void)state;
    show(snapshot_zone_down());
    fail_at(ERR_SYSTEM, "control.sock: no whole answer within 2 s", 2000);
    draw(80, 24, false, 4000);
    check_screen("late-80x24", false);
    draw(80, 24, false, 12400);
    check_screen("stale-80x24", false);
}

static void test_golden_control_gone(void **state)
{
    (void)state;
    show(snapshot_well());
    fail_at(ERR_MISSING, "nothing is running in .bulkhead: there is no control.sock", 250);
    draw(80, 24, false, 34000);
    check_screen("control-gone-80x24", false);
    draw(40, 8, false, 34000);
    check_screen("control-gone-40x8", false);
}

static void test_golden_many_cells(void **state)
{
    (void)state;
    show(snapshot_many());
    golden("many-80x24", 80, 24);
    golden("many-120x30", 120, 30);
    golden("many-200x60", 200, 60);
    press('G', 0);
    golden("many-last-80x24", 80, 24);
}

static void test_golden_cell_view(void **state)
{
    (void)state;
    show(snapshot_zone_down());
    press(DASH_KEY_ENTER, 0);
    golden("cell-80x24", 80, 24);
    golden("cell-120x30", 120, 30);
    golden("cell-40x8", 40, 8);
}

static void test_golden_help(void **state)
{
    (void)state;
    show(snapshot_well());
    press('?', 0);
    golden("help-80x24", 80, 24);
    press(DASH_KEY_END, 0);
    golden("help-end-40x8", 40, 8);
}

static void test_golden_frozen(void **state)
{
    (void)state;
    show(snapshot_zone_down());
    press('p', 0);
    draw(80, 24, false, 25000);
    check_screen("frozen-80x24", false);
}

static void test_golden_paper(void **state)
{
    (void)state;
    show(snapshot_zone_down());
    dash_be_bare(&dash);
    golden("paper-80", 80, dash_height(&dash));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_all_is_well),
        cmocka_unit_test(test_golden_zone_down),
        cmocka_unit_test(test_golden_ascii_shows_the_same),
        cmocka_unit_test(test_golden_styles),
        cmocka_unit_test(test_golden_customers_are_hurt),
        cmocka_unit_test(test_golden_no_traffic),
        cmocka_unit_test(test_golden_starting),
        cmocka_unit_test(test_golden_late_then_stale),
        cmocka_unit_test(test_golden_control_gone),
        cmocka_unit_test(test_golden_many_cells),
        cmocka_unit_test(test_golden_cell_view),
        cmocka_unit_test(test_golden_help),
        cmocka_unit_test(test_golden_frozen),
        cmocka_unit_test(test_golden_paper),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_release(&arena);
    return failed;
}
