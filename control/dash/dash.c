#include "control/dash/dash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/dash/keys.h"
#include "control/dash/panel.h"

void dash_init(struct dash *d)
{
    *d = (struct dash){.refresh_ms = DASH_REFRESH_MS};
}

void dash_be_bare(struct dash *d)
{
    d->bare = true;
}

/* ---- order and selection ---- */

static double lost_rps(const struct status_cell *cell)
{
    double lost = cell->rps * cell->errors;
    return lost > 0 ? lost : 0; /* NaN as well */
}

static bool comes_before(const struct status_cell *a, const struct status_cell *b)
{
    if (a->health != b->health)
        return a->health < b->health;
    if (lost_rps(a) < lost_rps(b) || lost_rps(a) > lost_rps(b))
        return lost_rps(a) > lost_rps(b);
    return strcmp(a->name, b->name) < 0;
}

/* Down the heap from `at`; the last in order is on top. */
static void sift(uint16_t *order, size_t at, size_t count, const struct status_cell *cells)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count && comes_before(&cells[order[child]], &cells[order[child + 1]]))
            child++;
        if (!comes_before(&cells[order[at]], &cells[order[child]]))
            return;
        uint16_t swap = order[at];
        order[at] = order[child];
        order[child] = swap;
        at = child;
    }
}

static size_t shown_of(const struct status *s)
{
    return s->cell_count < DASH_CELLS_MAX ? s->cell_count : DASH_CELLS_MAX;
}

static void sort(struct dash *d)
{
    const struct status_cell *cells = d->status->cells;
    d->count = shown_of(d->status);
    for (size_t i = 0; i < d->count; i++)
        d->order[i] = (uint16_t)i;
    for (size_t i = d->count / 2; i-- > 0;)
        sift(d->order, i, d->count, cells);
    for (size_t left = d->count; left > 1;) {
        uint16_t last = d->order[0];
        d->order[0] = d->order[--left];
        d->order[left] = last;
        sift(d->order, 0, left, cells);
    }
}

static bool same_cells(const struct status *a, const struct status *b)
{
    if (a == NULL || a->cell_count != b->cell_count)
        return false;
    for (size_t i = 0; i < a->cell_count; i++)
        if (strcmp(a->cells[i].name, b->cells[i].name) != 0)
            return false;
    return true;
}

/* Where the selected cell is now; where it was when it is gone. */
static void find_selected(struct dash *d)
{
    if (d->selected[0] == '\0') {
        d->selected_index = 0;
        return;
    }
    for (size_t i = 0; i < d->count; i++)
        if (strncmp(panel_cell_at(d, i)->name, d->selected, DASH_NAME_MAX - 1) == 0) {
            d->selected_index = i;
            return;
        }
    if (d->selected_index >= d->count)
        d->selected_index = d->count == 0 ? 0 : d->count - 1;
}

static void choose(struct dash *d, size_t index)
{
    if (index >= d->count)
        return;
    d->selected_index = index;
    snprintf(d->selected, sizeof d->selected, "%s", panel_cell_at(d, index)->name);
}

static bool is_still(const struct dash *d, int64_t now_ms)
{
    return d->key_ms != 0 && now_ms - d->key_ms < DASH_STILL_MS;
}

bool dash_update(struct dash *d, const struct status *s, const struct dash_now *now)
{
    if (d->frozen)
        return false;
    bool keep = is_still(d, now->ms) && same_cells(d->status, s) && d->count == shown_of(s);
    d->status = s;
    d->taken = *now;
    d->failure.code = ERR_NONE;
    if (!keep)
        sort(d);
    find_selected(d);
    return true;
}

void dash_fail(struct dash *d, const struct error *err, const struct dash_now *now)
{
    if (d->failure.code == ERR_NONE)
        d->failed = *now;
    d->failure = *err;
}

/* ---- keys ---- */

static int clamp(int64_t value, int64_t most)
{
    return (int)(value > most ? (most < 0 ? 0 : most) : value < 0 ? 0 : value);
}

static void move(struct dash *d, int by)
{
    if (d->help) {
        d->help_top = clamp((int64_t)d->help_top + by, d->help_most);
        return;
    }
    if (d->view == DASH_CELL) {
        d->rows_top = clamp((int64_t)d->rows_top + by, d->rows_most);
        return;
    }
    int64_t last = (int64_t)d->count - 1;
    if (last >= 0)
        choose(d, (size_t)clamp((int64_t)d->selected_index + by, last));
}

static void enter(struct dash *d)
{
    if (d->help || d->view == DASH_CELL || d->count == 0)
        return;
    choose(d, d->selected_index); /* whichever was first is now this one */
    d->view = DASH_CELL;
    d->rows_top = 0;
}

static void leave(struct dash *d)
{
    if (d->help)
        d->help = false;
    else
        d->view = DASH_WORLD;
}

static void freeze(struct dash *d, const struct dash_now *now)
{
    d->frozen = d->status != NULL && !d->frozen;
    d->frozen_at = *now;
}

static void refresh(struct dash *d, int64_t ms)
{
    if (ms >= DASH_REFRESH_MS_MIN && ms <= DASH_REFRESH_MS_MAX)
        d->refresh_ms = ms;
}

enum dash_todo dash_key(struct dash *d, int key, const struct dash_now *now)
{
    enum { FAR = 1000000 };
    int page = d->page > 1 ? d->page - 1 : 1;
    enum key_action action = key_action_of(key);
    if (action == KEY_NOTHING)
        return DASH_NOTHING;
    if (action == KEY_QUIT)
        return DASH_QUIT;
    d->key_ms = now->ms;
    switch (action) {
    case KEY_UP:
        move(d, -1);
        break;
    case KEY_DOWN:
        move(d, 1);
        break;
    case KEY_PAGE_UP:
        move(d, -page);
        break;
    case KEY_PAGE_DOWN:
        move(d, page);
        break;
    case KEY_TOP:
        move(d, -FAR);
        break;
    case KEY_BOTTOM:
        move(d, FAR);
        break;
    case KEY_ENTER:
        enter(d);
        break;
    case KEY_LEAVE:
        leave(d);
        break;
    case KEY_FREEZE:
        freeze(d, now);
        break;
    case KEY_SLOWER:
        refresh(d, d->refresh_ms * 2);
        break;
    case KEY_FASTER:
        refresh(d, d->refresh_ms / 2);
        break;
    case KEY_HELP:
        d->help = !d->help;
        d->help_top = 0;
        break;
    case KEY_QUIT:
    case KEY_NOTHING:
        break;
    }
    return DASH_REDRAW;
}

/* ---- the picture ---- */

static void render_size(struct grid *g)
{
    grid_format(g, 0, 0, g->width, GRID_PLAIN, "needs %dx%d, is %dx%d", DASH_WIDTH_MIN,
                DASH_HEIGHT_MIN, g->width, g->height);
    grid_text(g, 1, 0, g->width, GRID_PLAIN, "q quits");
}

void dash_render(struct dash *d, const struct dash_now *now, struct grid *g)
{
    grid_clear(g);
    if (g->width < DASH_WIDTH_MIN || g->height < DASH_HEIGHT_MIN) {
        render_size(g);
        return;
    }
    int head = panel_head(d, now, g);
    struct area body = {head, 0, g->width, g->height - head - (d->bare ? 0 : 1)};
    if (d->help)
        panel_help(d, g, body);
    else if (d->count > 0 && d->view == DASH_CELL)
        panel_cell(d, now, g, body);
    else if (d->status != NULL)
        panel_world(d, now, g, body);
    if (!d->bare)
        panel_keys(d, g, g->height - 1);
}

int dash_height(const struct dash *d)
{
    enum { HEAD_ROWS = 5, EVENTS_MAX = 8 };
    int height = HEAD_ROWS;
    if (d->status == NULL)
        return DASH_HEIGHT_MIN;
    height += 2 + (int)d->count;
    for (size_t i = 0; i < d->count; i++) {
        const struct status_cell *cell = panel_cell_at(d, i);
        if (i == 0 || panel_mark(cell->health) != ' ')
            height += panel_zones_height(cell);
    }
    size_t events = d->status->event_count;
    height += 1 + (events == 0 ? 1 : events < EVENTS_MAX ? (int)events : EVENTS_MAX);
    if (height < DASH_HEIGHT_MIN)
        height = DASH_HEIGHT_MIN;
    return height < GRID_HEIGHT_MAX ? height : GRID_HEIGHT_MAX;
}
