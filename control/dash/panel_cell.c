/* One cell: its services by zones, with the process of each replica. */
#include <stdio.h>
#include <string.h>

#include "control/dash/columns.h"
#include "control/dash/panel.h"

enum { SERVICES_MAX = 64, BLOCK_WIDTH = 28, PITCH = BLOCK_WIDTH + 2, NAME_WIDTH_MAX = 14 };

static size_t replica_count(const struct status_cell *cell)
{
    size_t count = 0;
    for (size_t z = 0; z < cell->zone_count; z++)
        count += cell->zones[z].replica_count;
    return count;
}

/* ---- beside each other: a block for each zone ---- */

struct matrix {
    const char *service[SERVICES_MAX]; /* in the order they are first seen */
    int replicas[SERVICES_MAX];        /* rows: the most of any zone */
    size_t count;
    int rows, name_width;
};

static size_t service_at(struct matrix *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->service[i], name) == 0)
            return i;
    if (m->count == SERVICES_MAX)
        return SERVICES_MAX;
    m->service[m->count] = name;
    return m->count++;
}

/* False when it does not fit beside each other. */
static bool make_matrix(struct matrix *m, const struct status_cell *cell, int width)
{
    *m = (struct matrix){.name_width = 7};
    for (size_t z = 0; z < cell->zone_count; z++) {
        int replicas[SERVICES_MAX] = {0};
        for (size_t i = 0; i < cell->zones[z].replica_count; i++) {
            size_t at = service_at(m, cell->zones[z].replicas[i].service);
            if (at == SERVICES_MAX)
                return false;
            if (++replicas[at] > m->replicas[at])
                m->replicas[at] = replicas[at];
        }
    }
    for (size_t i = 0; i < m->count; i++) {
        int columns = grid_columns(m->service[i]);
        m->rows += m->replicas[i];
        m->name_width = columns > m->name_width ? columns : m->name_width;
    }
    if (m->name_width > NAME_WIDTH_MAX)
        m->name_width = NAME_WIDTH_MAX;
    return 2 + m->name_width + (int)cell->zone_count * PITCH <= width;
}

static const struct status_replica *replica_at(const struct status_zone *zone, const char *service,
                                               int index)
{
    for (size_t i = 0; i < zone->replica_count; i++)
        if (strcmp(zone->replicas[i].service, service) == 0 && index-- == 0)
            return &zone->replicas[i];
    return NULL;
}

static void draw_replica(const struct dash *d, const struct dash_now *now, struct grid *g, int row,
                         int column, const struct status_replica *r)
{
    if (r == NULL)
        return;
    int health = panel_health(d, now, r->health);
    int plain = panel_stale(d, now) ? GRID_DIM : GRID_PLAIN;
    char mark[2] = {panel_mark(health)}, number[24];
    grid_text(g, row, column, 1, panel_style(health), mark);
    grid_text(g, row, column + 2, 8, panel_style(health), status_health_words[health]);
    snprintf(number, sizeof number, "%lld", (long long)r->pid);
    grid_right(g, row, column + 10, 8, plain, r->pid > 0 ? number : r->pid == 0 ? "-" : "?");
    snprintf(number, sizeof number, "%lld", (long long)r->port);
    grid_right(g, row, column + 18, 6, plain, r->port > 0 ? number : "?");
    grid_right(g, row, column + 24, 4, r->restarts > 0 ? GRID_STRONG : plain,
               say_count(r->restarts).text);
}

static void draw_matrix_head(const struct dash *d, const struct dash_now *now, struct grid *g,
                             struct area at, const struct matrix *m, const struct status_cell *cell)
{
    grid_text(g, at.row + 1, at.column + 1, m->name_width, GRID_STRONG, "SERVICE");
    for (size_t z = 0; z < cell->zone_count; z++) {
        const struct status_zone *zone = &cell->zones[z];
        int column = at.column + 1 + m->name_width + (int)z * PITCH;
        int health = panel_health(d, now, zone->health);
        char text[64], state[48];
        panel_health_text(state, sizeof state, d, now, zone->health, zone->since_ms);
        snprintf(text, sizeof text, "%c %s  %s", panel_mark(health), zone->name, state);
        grid_text(g, at.row, column + 2, BLOCK_WIDTH, panel_style(health), text);
        grid_text(g, at.row + 1, column + 4, 8, GRID_STRONG, "STATE");
        grid_right(g, at.row + 1, column + 12, 8, GRID_STRONG, "PID");
        grid_right(g, at.row + 1, column + 20, 6, GRID_STRONG, "PORT");
        grid_right(g, at.row + 1, column + 26, 4, GRID_STRONG, "RST");
    }
}

static void draw_matrix(const struct dash *d, const struct dash_now *now, struct grid *g,
                        struct area at, const struct matrix *m, const struct status_cell *cell)
{
    int rows = at.height - 2, line = 0;
    draw_matrix_head(d, now, g, at, m, cell);
    for (size_t s = 0; s < m->count; s++)
        for (int i = 0; i < m->replicas[s]; i++, line++) {
            int row = at.row + 2 + line - d->rows_top;
            if (line < d->rows_top || row >= at.row + at.height)
                continue;
            if (i == 0 || line == d->rows_top)
                grid_text(g, row, at.column + 1, m->name_width, GRID_PLAIN, m->service[s]);
            for (size_t z = 0; z < cell->zone_count; z++)
                draw_replica(d, now, g, row, at.column + 3 + m->name_width + (int)z * PITCH,
                             replica_at(&cell->zones[z], m->service[s], i));
        }
    int lines = m->rows - d->rows_top < rows ? m->rows - d->rows_top : rows;
    for (size_t z = 0; z < cell->zone_count; z++)
        grid_line(g, at.row, at.column + 2 + m->name_width + (int)z * PITCH, 2 + lines);
}

/* ---- below each other: a row for each replica ---- */

enum { R_ZONE, R_SERVICE, R_STATE, R_PID, R_PORT, R_RESTARTS, R_COUNT };

static const struct column replica_columns[] = {
    [R_ZONE] = {"ZONE", true, 0, 4, 16},   [R_SERVICE] = {"SERVICE", true, 0, 8, 24},
    [R_STATE] = {"STATE", true, 0, 8, 16}, [R_PID] = {"PID", false, 1, 7, 10},
    [R_PORT] = {"PORT", false, 2, 5, 5},   [R_RESTARTS] = {"RESTARTS", false, 3, 8, 8},
};

struct listing {
    const struct dash *d;
    const struct dash_now *now;
    const struct status_cell *cell;
};

static const struct status_replica *replica_of(const struct status_cell *cell, size_t row,
                                               const struct status_zone **zone)
{
    *zone = cell->zones;
    while (row >= (*zone)->replica_count) {
        row -= (*zone)->replica_count;
        ++*zone;
    }
    return &(*zone)->replicas[row];
}

static int replica_text(const void *context, size_t row, size_t column, char *out, size_t size)
{
    const struct listing *list = context;
    const struct status_zone *zone;
    const struct status_replica *r = replica_of(list->cell, row, &zone);
    int health = panel_health(list->d, list->now, r->health);
    int64_t number = column == R_PID ? r->pid : r->port;
    switch (column) {
    case R_ZONE:
        snprintf(out, size, "%s", zone->name);
        break;
    case R_SERVICE:
        snprintf(out, size, "%s", r->service);
        break;
    case R_STATE:
        snprintf(out, size, "%s", status_health_words[health]);
        return panel_style(health);
    case R_RESTARTS:
        snprintf(out, size, "%s", say_count(r->restarts).text);
        break;
    default:
        if (number > 0)
            snprintf(out, size, "%lld", (long long)number);
        else
            snprintf(out, size, "%s", number == 0 ? "-" : "?");
        break;
    }
    return panel_stale(list->d, list->now) ? GRID_DIM : GRID_PLAIN;
}

static int replica_mark(const void *context, size_t row, char *out)
{
    const struct listing *list = context;
    const struct status_zone *zone;
    int health = panel_health(list->d, list->now, replica_of(list->cell, row, &zone)->health);
    out[0] = panel_mark(health);
    return panel_style(health);
}

static void draw_list(const struct dash *d, const struct dash_now *now, struct grid *g,
                      struct area at, const struct status_cell *cell)
{
    struct listing list = {d, now, cell};
    struct columns c = {replica_columns, R_COUNT, replica_text, &list};
    columns_draw(&c, g, at, (size_t)d->rows_top, replica_count(cell), SIZE_MAX, replica_mark);
}

/* ---- either ---- */

int panel_replicas_height(const struct status_cell *cell, int width)
{
    struct matrix m;
    if (make_matrix(&m, cell, width))
        return 3 + m.rows;
    return 2 + (int)replica_count(cell);
}

void panel_replicas(struct dash *d, const struct dash_now *now, struct grid *g, struct area at,
                    const struct status_cell *cell)
{
    struct matrix m;
    char title[96];
    bool beside = make_matrix(&m, cell, at.width);
    int count = beside ? m.rows : (int)replica_count(cell);
    int rows = at.height - (beside ? 3 : 2);
    if (at.height < 3)
        return;
    d->page = rows;
    d->rows_most = count > rows ? count - rows : 0;
    d->rows_top = d->rows_top > d->rows_most ? d->rows_most : d->rows_top;
    if (count > rows)
        snprintf(title, sizeof title, "%s: processes, rows %d-%d of %d", cell->name,
                 d->rows_top + 1, d->rows_top + rows, count);
    else
        snprintf(title, sizeof title, "%s: services and zones, by process", cell->name);
    grid_rule(g, at.row, at.column, at.width, title);
    at.row++;
    at.height--;
    if (beside)
        draw_matrix(d, now, g, at, &m, cell);
    else
        draw_list(d, now, g, at, cell);
}

static void cell_line(const struct dash *d, const struct dash_now *now, struct grid *g,
                      struct area at, const struct status_cell *cell)
{
    struct line l = line_at(g, at.row, at.column + 1, at.width - 1);
    char text[64];
    panel_health_text(text, sizeof text, d, now, cell->health, cell->since_ms);
    int health = panel_health(d, now, cell->health);
    line_add(&l, panel_style(health), "%c %s %s", panel_mark(health), cell->name, text);
    if (cell->region != NULL)
        line_add(&l, GRID_PLAIN, "%s", cell->region);
    line_add(&l, GRID_PLAIN, "%s req/s", say_rate(cell->rps).text);
    line_add(&l, GRID_PLAIN, "err %s %%", say_percent(cell->errors, cell->rps).text);
    line_add(&l, GRID_PLAIN, "p99 %s", say_p99(cell->p99_ms, cell->rps).text);
    line_add(&l, GRID_PLAIN, "%s lost", say_count(cell->lost).text);
}

/* Replicas first, then zones, then events, as far as there is room. */
void panel_cell(struct dash *d, const struct dash_now *now, struct grid *g, struct area at)
{
    enum { REPLICAS_MIN = 6, EVENTS_MIN = 4 };
    const struct status_cell *cell = panel_selected(d);
    if (at.height >= 5) {
        cell_line(d, now, g, at, cell);
        at.row++;
        at.height--;
    }
    int zones = panel_zones_height(cell), wanted = panel_replicas_height(cell, at.width);
    int least = wanted < REPLICAS_MIN ? wanted : REPLICAS_MIN;
    if (at.height < zones + least)
        zones = 0;
    if (zones > 0)
        panel_zones(d, now, g, (struct area){at.row, at.column, at.width, zones}, cell);
    at.row += zones;
    at.height -= zones;
    int height = wanted > at.height ? at.height : wanted;
    panel_replicas(d, now, g, (struct area){at.row, at.column, at.width, height}, cell);
    if (at.height - height >= EVENTS_MIN)
        panel_events(d, g, (struct area){at.row + height, at.column, at.width, at.height - height});
}
