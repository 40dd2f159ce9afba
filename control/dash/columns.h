/* columns.h - a table whose columns give way by rank when the picture is narrow. Private to
 * control/dash. */
#ifndef CONTROL_DASH_COLUMNS_H
#define CONTROL_DASH_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "control/dash/grid.h"
#include "control/dash/panel.h"

enum {
    COLUMNS_MAX = 16,
    COLUMNS_TEXT_MAX = 256,
    COLUMNS_NICE = 8,        /* this rank and above: nice to have */
    COLUMNS_WANTED_MAX = 48, /* what the last column may want at their cost */
};

struct column {
    const char *title;
    bool left;
    int rank;      /* the highest go first; 0 never goes */
    int width_min; /* or wider, as its texts want */
    int width_max; /* 0: all that is left over, down to width_min; the last column only */
};

struct columns {
    const struct column *column;
    size_t count;
    /* Write a text; returns its style. */
    int (*text)(const void *context, size_t row, size_t column, char *out, size_t size);
    const void *context;
};

/* Draw the titles and rows `first`.. on what `at` has room for. `mark` gives the mark of a row and
 * its style; `chosen` is the row drawn as selected, SIZE_MAX for none. */
void columns_draw(const struct columns *c, struct grid *g, struct area at, size_t first,
                  size_t row_count, size_t chosen,
                  int (*mark)(const void *context, size_t row, char *out));

#endif
