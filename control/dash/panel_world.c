/* All cells, the zones of the selected one, and what happened. */
#include <stdio.h>
#include <string.h>

#include "control/dash/columns.h"
#include "control/dash/panel.h"

enum { WIDE = 160, EVENTS_MIN = 3, EVENTS_WANTED = 8, ZONES_TEXT_MAX = 15, BAR_WIDTH = 8 };

struct scene {
    const struct dash *d;
    const struct dash_now *now;
    const struct status_cell *cell; /* of zones */
};

static int min(int a, int b)
{
    return a < b ? a : b;
}

/* ---- cells ---- */

enum {
    C_NAME,
    C_ZONES,
    C_HEALTH,
    C_SERVERS,
    C_RPS,
    C_ERRORS,
    C_P99,
    C_LOST,
    C_COUNTRIES,
    C_REGION,
    C_WHY,
    C_COUNT
};

static const struct column cell_columns[] = {
    [C_NAME] = {"CELL", true, 0, 4, 20},
    [C_ZONES] = {"ZONES", true, 4, 5, ZONES_TEXT_MAX},
    [C_HEALTH] = {"HEALTH", true, 0, 8, 16},
    [C_SERVERS] = {"SERVERS", false, 8, 7, 11},
    [C_RPS] = {"REQ/S", false, 5, 6, 11},
    [C_ERRORS] = {"ERR%", false, 1, 4, 5},
    [C_P99] = {"P99", false, 2, 5, 8},
    [C_LOST] = {"LOST", false, 6, 4, 13},
    [C_COUNTRIES] = {"COUNTRIES", true, 10, 9, 24},
    [C_REGION] = {"REGION", true, 11, 6, 24},
    [C_WHY] = {"WHY", true, 7, 18, 0},
};

/* "a X c": the mark in the place of a zone in trouble; "2/3 OK" where names are long. */
static void zones_text(char *out, size_t size, const struct scene *scene,
                       const struct status_cell *cell)
{
    size_t used = 0, well = 0, len = 0;
    for (size_t i = 0; i < cell->zone_count; i++) {
        len += strlen(cell->zones[i].name) + (i > 0);
        well += panel_mark(panel_health(scene->d, scene->now, cell->zones[i].health)) == ' ';
    }
    if (len > ZONES_TEXT_MAX) {
        snprintf(out, size, "%zu/%zu OK", well, cell->zone_count);
        return;
    }
    out[0] = '\0';
    for (size_t i = 0; i < cell->zone_count; i++) {
        char mark[2] = {panel_mark(panel_health(scene->d, scene->now, cell->zones[i].health))};
        used += (size_t)snprintf(out + used, size - used, "%s%s", i > 0 ? " " : "",
                                 mark[0] == ' ' ? cell->zones[i].name : mark);
    }
}

static void countries_text(char *out, size_t size, const struct status_cell *cell)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < cell->country_count; i++) {
        if (used + 8 > 24) {
            snprintf(out + used, size - used, " +%zu", cell->country_count - i);
            return;
        }
        int n = snprintf(out + used, size - used, "%s%.8s", i > 0 ? " " : "", cell->countries[i]);
        used += (size_t)n;
    }
}

static void servers_text(char *out, size_t size, int64_t up, int64_t wanted)
{
    snprintf(out, size, "%s/%s", say_count(up).text, say_count(wanted).text);
}

static int cell_text(const void *context, size_t row, size_t column, char *out, size_t size)
{
    const struct scene *scene = context;
    const struct status_cell *cell = panel_cell_at(scene->d, row);
    int health = panel_health(scene->d, scene->now, cell->health);
    int64_t up = 0, wanted = 0;
    switch (column) {
    case C_NAME:
        snprintf(out, size, "%s", cell->name);
        break;
    case C_ZONES:
        zones_text(out, size, scene, cell);
        break;
    case C_HEALTH:
        panel_health_text(out, size, scene->d, scene->now, cell->health, cell->since_ms);
        return panel_style(health);
    case C_SERVERS:
        for (size_t i = 0; i < cell->zone_count; i++) {
            up = say_sum(up, cell->zones[i].up);
            wanted = say_sum(wanted, cell->zones[i].wanted);
        }
        servers_text(out, size, up, wanted);
        break;
    case C_RPS:
        snprintf(out, size, "%s", say_rate(cell->rps).text);
        break;
    case C_ERRORS:
        snprintf(out, size, "%s", say_percent(cell->errors, cell->rps).text);
        break;
    case C_P99:
        snprintf(out, size, "%s", say_p99(cell->p99_ms, cell->rps).text);
        break;
    case C_LOST:
        snprintf(out, size, "%s", say_count(cell->lost).text);
        break;
    case C_COUNTRIES:
        countries_text(out, size, cell);
        break;
    case C_REGION:
        snprintf(out, size, "%s", cell->region == NULL ? "" : cell->region);
        break;
    default:
        snprintf(out, size, "%s", cell->why);
        break;
    }
    return panel_stale(scene->d, scene->now) ? GRID_DIM : GRID_PLAIN;
}

static int cell_mark(const void *context, size_t row, char *out)
{
    const struct scene *scene = context;
    int health = panel_health(scene->d, scene->now, panel_cell_at(scene->d, row)->health);
    out[0] = panel_mark(health);
    return panel_style(health);
}

static void draw_cells(struct dash *d, const struct dash_now *now, struct grid *g, struct area at,
                       bool titled)
{
    struct scene scene = {.d = d, .now = now};
    struct columns c = {cell_columns, C_COUNT, cell_text, &scene};
    char title[120], which[48];
    int rows = at.height - 1 - titled, count = (int)d->count;
    d->page = rows;
    d->cells_top = panel_scroll(d->cells_top, count, rows, (int)d->selected_index);
    if (titled) {
        snprintf(which, sizeof which, "cells %d-%d of ", d->cells_top + 1, d->cells_top + rows);
        snprintf(title, sizeof title, "%s%d%s%s, most trouble first; over %d s",
                 count > rows ? which : "", count, count > rows ? "" : " cells",
                 d->status->cell_count > d->count ? " (more are not shown)" : "", SAY_WINDOW_S);
        grid_rule(g, at.row, at.column, at.width, title);
        at.row++;
        at.height--;
    }
    columns_draw(&c, g, at, (size_t)d->cells_top, d->count, d->bare ? SIZE_MAX : d->selected_index,
                 cell_mark);
}

/* ---- zones ---- */

enum { Z_NAME, Z_STATE, Z_SERVERS, Z_RPS, Z_SHARE, Z_BAR, Z_ERRORS, Z_P99, Z_WHY, Z_COUNT };

static const struct column zone_columns[] = {
    [Z_NAME] = {"ZONE", true, 0, 4, 16},        [Z_STATE] = {"STATE", true, 0, 8, 16},
    [Z_SERVERS] = {"SERVERS", false, 1, 7, 11}, [Z_RPS] = {"REQ/S", false, 7, 6, 11},
    [Z_SHARE] = {"SHARE", false, 6, 5, 5},      [Z_BAR] = {"", true, 8, BAR_WIDTH, BAR_WIDTH},
    [Z_ERRORS] = {"ERR%", false, 3, 4, 5},      [Z_P99] = {"P99", false, 4, 5, 8},
    [Z_WHY] = {"WHY", true, 5, 18, 0},
};

static int zone_text(const void *context, size_t row, size_t column, char *out, size_t size)
{
    const struct scene *scene = context;
    const struct status_zone *zone = &scene->cell->zones[row];
    int health = panel_health(scene->d, scene->now, zone->health);
    out[0] = '\0';
    switch (column) {
    case Z_NAME:
        snprintf(out, size, "%s", zone->name);
        break;
    case Z_STATE:
        panel_health_text(out, size, scene->d, scene->now, zone->health, zone->since_ms);
        return panel_style(health);
    case Z_SERVERS:
        servers_text(out, size, zone->up, zone->wanted);
        break;
    case Z_RPS:
        snprintf(out, size, "%s", say_rate(zone->rps).text);
        break;
    case Z_SHARE:
        if (zone->share >= 0)
            snprintf(out, size, "%.0f%%", zone->share * 100);
        else
            snprintf(out, size, "%s", scene->cell->rps == 0 ? "-" : "?");
        break;
    case Z_BAR:
        grid_bar(out, size, BAR_WIDTH, zone->share);
        break;
    case Z_ERRORS:
        snprintf(out, size, "%s", say_percent(zone->errors, zone->rps).text);
        break;
    case Z_P99:
        snprintf(out, size, "%s", say_p99(zone->p99_ms, zone->rps).text);
        break;
    case Z_WHY:
        snprintf(out, size, "%s", zone->why);
        break;
    default:
        break;
    }
    return panel_stale(scene->d, scene->now) ? GRID_DIM : GRID_PLAIN;
}

static int zone_mark(const void *context, size_t row, char *out)
{
    const struct scene *scene = context;
    int health = panel_health(scene->d, scene->now, scene->cell->zones[row].health);
    out[0] = panel_mark(health);
    return panel_style(health);
}

int panel_zones_height(const struct status_cell *cell)
{
    return 2 + (int)cell->zone_count;
}

void panel_zones(const struct dash *d, const struct dash_now *now, struct grid *g, struct area at,
                 const struct status_cell *cell)
{
    struct scene scene = {d, now, cell};
    struct columns c = {zone_columns, Z_COUNT, zone_text, &scene};
    char title[96];
    snprintf(title, sizeof title, "%s: zones", cell->name);
    grid_rule(g, at.row, at.column, at.width, title);
    at.row++;
    at.height--;
    columns_draw(&c, g, at, 0, cell->zone_count, SIZE_MAX, zone_mark);
}

/* ---- events ---- */

static int events_height(const struct dash *d, int wanted)
{
    int count = (int)d->status->event_count;
    return 1 + (count == 0 ? 1 : min(count, wanted));
}

void panel_events(const struct dash *d, struct grid *g, struct area at)
{
    const struct status *s = d->status;
    if (at.height < 2)
        return;
    grid_rule(g, at.row, at.column, at.width, "events, newest first");
    if (s->event_count == 0)
        grid_text(g, at.row + 1, at.column + 1, at.width - 1, GRID_DIM,
                  "none since the control process started");
    for (int i = 0; i < at.height - 1 && (size_t)i < s->event_count; i++) {
        const struct status_event *e = &s->events[i];
        struct say when = {"   ?    "};
        if (e->ago_ms >= 0)
            when = say_clock(d->taken.unix_s - e->ago_ms / 1000);
        int column = grid_text(g, at.row + 1 + i, at.column + 1, at.width - 1, GRID_DIM, when.text);
        grid_text(g, at.row + 1 + i, column + 2, at.column + at.width - column - 2, GRID_PLAIN,
                  e->text);
    }
}

/* ---- the whole ---- */

/* Zones of cells other than the selected one, most trouble first, where there is room. Returns the
 * rows taken. */
static int draw_more_zones(const struct dash *d, const struct dash_now *now, struct grid *g,
                           struct area at, const struct status_cell *selected)
{
    int row = at.row;
    for (size_t i = 0; i < d->count; i++) {
        const struct status_cell *cell = panel_cell_at(d, i);
        int height = panel_zones_height(cell);
        if (cell == selected)
            continue;
        if (row + height > at.row + at.height)
            break;
        panel_zones(d, now, g, (struct area){row, at.column, at.width, height}, cell);
        row += height;
    }
    return row - at.row;
}

/* Cells, zones, events, from top to bottom; where it is too little, events go, then zones. */
static void draw_column(struct dash *d, const struct dash_now *now, struct grid *g, struct area at,
                        bool with_events)
{
    enum { CELLS_MIN = 3 };
    const struct status_cell *selected = panel_selected(d);
    int events = with_events ? events_height(d, EVENTS_MIN) : 0;
    int zones = selected == NULL ? 0 : panel_zones_height(selected);
    int cells = 2 + (int)d->count, cells_min = 2 + min((int)d->count, CELLS_MIN);
    if (cells_min + zones + events > at.height)
        events = 0;
    if (cells_min + zones + events > at.height)
        zones = 0;
    cells = min(cells, at.height - zones - events);
    bool titled = cells > 4 || cells == 2 + (int)d->count;
    int row = at.row, end = at.row + at.height;
    draw_cells(d, now, g, (struct area){row, at.column, at.width, cells}, titled);
    row += cells;
    if (zones > 0)
        panel_zones(d, now, g, (struct area){row, at.column, at.width, zones}, selected);
    row += zones;
    int wanted = events > 0 ? events_height(d, EVENTS_WANTED) : 0;
    if (zones > 0)
        row += draw_more_zones(
            d, now, g, (struct area){row, at.column, at.width, end - row - wanted}, selected);
    if (events > 0)
        panel_events(d, g, (struct area){row, at.column, at.width, end - row});
}

void panel_world(struct dash *d, const struct dash_now *now, struct grid *g, struct area at)
{
    const struct status_cell *selected = panel_selected(d);
    if (at.width < WIDE || d->bare || selected == NULL) {
        draw_column(d, now, g, at, true);
        return;
    }
    int left = at.width / 2 - 1;
    struct area beside = {at.row, at.column + left + 1, at.width - left - 1, at.height};
    draw_column(d, now, g, (struct area){at.row, at.column, left, at.height}, false);
    grid_line(g, at.row, left, at.height);
    struct area replicas = beside;
    int events = events_height(d, EVENTS_WANTED);
    replicas.height = min(panel_replicas_height(selected, beside.width), at.height - events);
    int top = d->rows_top, row = beside.row, end = beside.row + beside.height;
    int page = d->page;
    d->rows_top = 0;
    panel_replicas(d, now, g, replicas, selected);
    row += replicas.height;
    for (size_t i = 0; i < d->count; i++) {
        const struct status_cell *cell = panel_cell_at(d, i);
        int height = panel_replicas_height(cell, beside.width);
        if (cell == selected)
            continue;
        if (row + height + events > end)
            break;
        panel_replicas(d, now, g, (struct area){row, beside.column, beside.width, height}, cell);
        row += height;
    }
    d->rows_top = top;
    d->page = page;
    panel_events(d, g, (struct area){row, beside.column, beside.width, end - row});
}
