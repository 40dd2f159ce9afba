#include "control/dash/panel.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- age ---- */

int64_t panel_age_ms(const struct dash *d, const struct dash_now *now)
{
    int64_t age = (d->frozen ? d->frozen_at.ms : now->ms) - d->taken.ms;
    return age < 0 ? 0 : age;
}

bool panel_late(const struct dash *d, const struct dash_now *now)
{
    return panel_age_ms(d, now) > 2 * d->refresh_ms;
}

bool panel_stale(const struct dash *d, const struct dash_now *now)
{
    return panel_age_ms(d, now) > DASH_STALE_MS;
}

/* ---- health ---- */

int panel_health(const struct dash *d, const struct dash_now *now, int health)
{
    return panel_stale(d, now) ? STATUS_UNKNOWN : health;
}

int panel_style(int health)
{
    static const uint8_t styles[] = {
        [STATUS_DOWN] = GRID_BAD,       [STATUS_FAILING] = GRID_BAD,
        [STATUS_UNKNOWN] = GRID_UNSURE, [STATUS_DEGRADED] = GRID_WARN,
        [STATUS_STARTING] = GRID_BUSY,  [STATUS_OK] = GRID_PLAIN,
        [STATUS_IDLE] = GRID_PLAIN,
    };
    return styles[health];
}

char panel_mark(int health)
{
    static const char marks[] = {
        [STATUS_DOWN] = 'X',     [STATUS_FAILING] = 'X',  [STATUS_UNKNOWN] = '?',
        [STATUS_DEGRADED] = '!', [STATUS_STARTING] = '^', [STATUS_OK] = ' ',
        [STATUS_IDLE] = ' ',
    };
    return marks[health];
}

void panel_health_text(char *out, size_t size, const struct dash *d, const struct dash_now *now,
                       int health, int64_t since_ms)
{
    if (panel_stale(d, now))
        snprintf(out, size, "UNKNOWN %s", say_since(panel_age_ms(d, now)).text);
    else if (panel_mark(health) == ' ' || since_ms < 0)
        snprintf(out, size, "%s", status_health_words[health]);
    else
        snprintf(out, size, "%s %s", status_health_words[health], say_since(since_ms).text);
}

/* ---- cells ---- */

const struct status_cell *panel_cell_at(const struct dash *d, size_t index)
{
    return &d->status->cells[d->order[index]];
}

const struct status_cell *panel_selected(const struct dash *d)
{
    return d->status == NULL || d->count == 0 ? NULL : panel_cell_at(d, d->selected_index);
}

const struct status_zone *panel_only_zone(const struct status_cell *cell)
{
    const struct status_zone *only = NULL;
    for (size_t i = 0; i < cell->zone_count; i++) {
        if (panel_mark(cell->zones[i].health) == ' ')
            continue;
        if (only != NULL)
            return NULL;
        only = &cell->zones[i];
    }
    return only;
}

/* ---- lines ---- */

struct line line_at(struct grid *g, int row, int column, int width)
{
    return (struct line){.g = g, .row = row, .column = column, .end = column + width};
}

bool line_add(struct line *l, int style, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *between = l->begun ? grid_between(l->g) : "";
    int room = l->end - l->column - grid_columns(between);
    if (l->begun && grid_columns(text) > room)
        return false;
    l->column = grid_text(l->g, l->row, l->column, l->end - l->column, GRID_DIM, between);
    l->column = grid_text(l->g, l->row, l->column, room, style, text);
    l->begun = true;
    return true;
}

int panel_scroll(int top, int count, int rows, int index)
{
    if (index >= top + rows)
        top = index - rows + 1;
    if (index < top)
        top = index;
    if (top > count - rows)
        top = count - rows;
    return top < 0 ? 0 : top;
}
