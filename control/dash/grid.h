/* grid.h - a rectangle of text cells: what a panel draws and a terminal, or a file, shows.
 *
 * Columns are what a terminal counts: a letter is one, a CJK character two, a combining mark none
 * (it is left out). Control characters, and those that turn the direction of writing, become '?',
 * so that no text can act on a terminal. What lies outside is clipped. In an ASCII grid lines and
 * bars are drawn with ASCII and other characters become '?'. */
#ifndef CONTROL_DASH_GRID_H
#define CONTROL_DASH_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

enum { GRID_WIDTH_MAX = 1000, GRID_HEIGHT_MAX = 1000 };

/* What a cell says by colour is said by a word beside it as well. */
enum grid_style {
    GRID_PLAIN,
    GRID_DIM,    /* frames, old values */
    GRID_STRONG, /* titles */
    GRID_BAD,    /* DOWN, FAILING */
    GRID_WARN,   /* DEGRADED, data that is late */
    GRID_UNSURE, /* UNKNOWN, stale */
    GRID_BUSY,   /* STARTING */
    GRID_STYLES,
    GRID_REVERSE = 0x40, /* added to another: selected */
};

struct grid_cell {
    uint32_t character; /* 0: the right half of the one before */
    uint8_t style;
};

struct grid {
    int width, height;
    bool ascii;
    struct grid_cell *cell; /* [height * width], the arena's */
};

/* A blank grid; sizes are brought into 1..MAX. 0, or -1 when memory is out. */
int grid_init(struct grid *g, int width, int height, bool ascii, struct arena *a);
void grid_clear(struct grid *g);

/* Write into `width` columns from `column` on; a longer text ends with an ellipsis. Returns the
 * column behind what was written. The second is aligned to the right, and returns nothing new. */
int grid_text(struct grid *g, int row, int column, int width, int style, const char *text);
void grid_right(struct grid *g, int row, int column, int width, int style, const char *text);
int grid_format(struct grid *g, int row, int column, int width, int style, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* A rule over a whole row's columns with a title in it, as a panel begins. */
void grid_rule(struct grid *g, int row, int column, int width, const char *title);

/* A vertical line, and the mark that separates texts in a line: its text is " | " or better. */
void grid_line(struct grid *g, int row, int column, int height);
const char *grid_between(const struct grid *g);

/* The text of a bar for `share` of 1 in `width` columns, to an eighth of a column. */
void grid_bar(char *out, size_t size, int width, double share);

/* Add GRID_REVERSE to a stretch of a row. */
void grid_select(struct grid *g, int row, int column, int width);

/* How many columns `text` takes. */
int grid_columns(const char *text);

/* Row `row` as UTF-8 without blanks at its end; cut where it does not fit. Returns its length. */
size_t grid_row_text(const struct grid *g, int row, char *out, size_t size);

/* The room that any row of `g` fits into, the NUL included. */
size_t grid_row_size(const struct grid *g);

#endif
