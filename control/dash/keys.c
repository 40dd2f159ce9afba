#include "control/dash/keys.h"

#include <string.h>

#include "control/dash/panel.h"

const struct key_row key_rows[] = {
    {KEY_HELP,
     {'?', DASH_KEY_F0 + 1},
     "? F1",
     "F1",
     "Help",
     KEY_BAR_ALWAYS,
     "these keys, and back"},
    {KEY_UP, {DASH_KEY_UP, 'k'}, "Up k", "", "", KEY_BAR_NONE, "the row above"},
    {KEY_DOWN, {DASH_KEY_DOWN, 'j'}, "Down j", "", "", KEY_BAR_NONE, "the row below"},
    {KEY_PAGE_UP, {DASH_KEY_PAGE_UP}, "PgUp", "", "", KEY_BAR_NONE, "a page up"},
    {KEY_PAGE_DOWN, {DASH_KEY_PAGE_DOWN}, "PgDn", "", "", KEY_BAR_NONE, "a page down"},
    {KEY_TOP, {'g', DASH_KEY_HOME}, "g Home", "", "", KEY_BAR_NONE, "the first row"},
    {KEY_BOTTOM, {'G', DASH_KEY_END}, "G End", "", "", KEY_BAR_NONE, "the last row"},
    {KEY_ENTER,
     {DASH_KEY_ENTER, DASH_KEY_RIGHT, 'l'},
     "Enter Right l",
     "Enter",
     "Open",
     KEY_BAR_WORLD,
     "into the selected cell: its zones, services and processes"},
    {KEY_LEAVE,
     {DASH_KEY_ESC, DASH_KEY_LEFT, 'h'},
     "Esc Left h",
     "Esc",
     "Back",
     KEY_BAR_CELL,
     "out again; never quits"},
    {KEY_FREEZE,
     {'p'},
     "p",
     "p",
     "Freeze",
     KEY_BAR_ALWAYS,
     "freeze the picture, or let it go on; the system runs on"},
    {KEY_SLOWER,
     {'-', DASH_KEY_F0 + 7},
     "- F7",
     "-",
     "Slower",
     KEY_BAR_ALWAYS,
     "refresh half as often, down to every 8 s"},
    {KEY_FASTER,
     {'+', DASH_KEY_F0 + 8},
     "+ F8",
     "+",
     "Faster",
     KEY_BAR_ALWAYS,
     "refresh twice as often, up to 8 times a second"},
    {KEY_QUIT,
     {'q', DASH_KEY_F0 + 10},
     "q F10",
     "F10",
     "Quit",
     KEY_BAR_ALWAYS,
     "leave; the system runs on"},
    {KEY_NOTHING, {0}, NULL, NULL, NULL, KEY_BAR_NONE, NULL},
};

enum key_action key_action_of(int key)
{
    for (const struct key_row *row = key_rows; row->action != KEY_NOTHING; row++)
        for (size_t i = 0; i < sizeof row->keys / sizeof row->keys[0] && row->keys[i] != 0; i++)
            if (row->keys[i] == key)
                return row->action;
    return KEY_NOTHING;
}

static bool is_shown(const struct dash *d, const struct key_row *row)
{
    if (d->help)
        return row->action == KEY_HELP || row->action == KEY_LEAVE || row->action == KEY_QUIT;
    return row->bar == KEY_BAR_ALWAYS ||
           row->bar == (d->view == DASH_CELL ? KEY_BAR_CELL : KEY_BAR_WORLD);
}

/* Quitting is drawn first, at the right end, so that the narrowest bar has it. */
void panel_keys(const struct dash *d, struct grid *g, int row)
{
    int end = g->width, column = 1;
    for (int pass = 0; pass < 2; pass++)
        for (const struct key_row *k = key_rows; k->action != KEY_NOTHING; k++) {
            int width = (int)(strlen(k->key) + 1 + strlen(k->label));
            bool last = k->action == KEY_QUIT;
            if (last != (pass == 0) || !is_shown(d, k) || column + width + 2 > end)
                continue;
            int at = last ? end - width - 1 : column;
            int label = grid_text(g, row, at, width, GRID_STRONG, k->key) + 1;
            grid_text(g, row, label, width, GRID_PLAIN, k->label);
            if (last)
                end = at;
            else
                column += width + 2;
        }
    if (column + 16 < end)
        grid_format(g, row, column + 1, end - column - 2, GRID_DIM, "every %s%s",
                    d->refresh_ms < 1000 ? say_count(d->refresh_ms).text
                                         : say_since(d->refresh_ms).text,
                    d->refresh_ms < 1000 ? " ms" : "");
}

void panel_help(struct dash *d, struct grid *g, struct area at)
{
    static const char *const words[] = {
        "X DOWN      nothing answers            X FAILING   customers are hurt",
        "? UNKNOWN   no fresh data              ! DEGRADED  redundancy is spent",
        "^ STARTING  not ready yet              OK          well",
        "IDLE        well, and no traffic",
        "-  no traffic      ?  not known      ~  p99 of under 100 requests",
        "Rates, shares, errors and p99 are over the last 10 s. Times are UTC.",
    };
    enum { WORDS = sizeof words / sizeof words[0], KEYS_WIDTH = 15 };
    int keys = 0;
    while (key_rows[keys].action != KEY_NOTHING)
        keys++;
    int rows = at.height - 1;
    d->help_most = keys + WORDS > rows ? keys + WORDS - rows : 0;
    d->help_top = d->help_top > d->help_most ? d->help_most : d->help_top;
    d->page = rows;
    grid_rule(g, at.row, at.column, at.width, "keys");
    for (int i = 0; i < rows && i + d->help_top < keys + WORDS; i++) {
        int line = i + d->help_top, row = at.row + 1 + i;
        if (line < keys) {
            grid_text(g, row, 2, KEYS_WIDTH, GRID_STRONG, key_rows[line].shown);
            grid_text(g, row, 2 + KEYS_WIDTH, at.width - 2 - KEYS_WIDTH, GRID_PLAIN,
                      key_rows[line].doc);
        } else {
            grid_text(g, row, 2, at.width - 2, GRID_PLAIN, words[line - keys]);
        }
    }
}
