/* panel.h - what the panels of the dashboard share. Private to control/dash. */
#ifndef CONTROL_DASH_PANEL_H
#define CONTROL_DASH_PANEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/dash/dash.h"
#include "control/dash/grid.h"
#include "control/dash/say.h"
#include "control/status.h"

struct area {
    int row, column, width, height;
};

/* ---- health ---- */

/* How a thing is by what is known now: UNKNOWN when the data is stale. */
int panel_health(const struct dash *d, const struct dash_now *now, int health);
int panel_style(int health);
char panel_mark(int health);

/* "OK", or "DOWN 41s"; stale: "UNKNOWN 12s", the age of the data. */
void panel_health_text(char *out, size_t size, const struct dash *d, const struct dash_now *now,
                       int health, int64_t since_ms);

/* Milliseconds since the data came, and whether that is too long. Of a frozen picture: then. */
int64_t panel_age_ms(const struct dash *d, const struct dash_now *now);
bool panel_late(const struct dash *d, const struct dash_now *now);
bool panel_stale(const struct dash *d, const struct dash_now *now);

/* ---- cells ---- */

const struct status_cell *panel_cell_at(const struct dash *d, size_t index); /* in d->order */
const struct status_cell *panel_selected(const struct dash *d);              /* NULL: no cells */

/* The only zone that is in trouble; NULL when there are none or more. */
const struct status_zone *panel_only_zone(const struct status_cell *cell);

/* ---- lines: parts with a mark between them, each whole or left out, which is false ---- */

struct line {
    struct grid *g;
    int row, column, end;
    bool begun;
};

struct line line_at(struct grid *g, int row, int column, int width);
bool line_add(struct line *l, int style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- panels: each draws into its area and clips ---- */

int panel_head(const struct dash *d, const struct dash_now *now, struct grid *g); /* rows taken */
void panel_world(struct dash *d, const struct dash_now *now, struct grid *g, struct area at);
void panel_cell(struct dash *d, const struct dash_now *now, struct grid *g, struct area at);
void panel_zones(const struct dash *d, const struct dash_now *now, struct grid *g, struct area at,
                 const struct status_cell *cell);
void panel_replicas(struct dash *d, const struct dash_now *now, struct grid *g, struct area at,
                    const struct status_cell *cell);
void panel_events(const struct dash *d, struct grid *g, struct area at);
void panel_help(struct dash *d, struct grid *g, struct area at);
void panel_keys(const struct dash *d, struct grid *g, int row);

/* The rows that panel_zones and panel_replicas want. */
int panel_zones_height(const struct status_cell *cell);
int panel_replicas_height(const struct status_cell *cell, int width);

/* Scroll a list of `count` in `rows` so that `index` is to be seen; the first to draw. */
int panel_scroll(int top, int count, int rows, int index);

#endif
