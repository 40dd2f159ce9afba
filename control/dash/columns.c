#include "control/dash/columns.h"

#include <assert.h>
#include <string.h>

enum { MARKS = 3 }; /* "> " or "X " in front of a row */

struct fitted {
    int width[COLUMNS_MAX]; /* 0: not shown */
    int gap;
};

static int gap_of(int width)
{
    return width < 60 ? 1 : 2;
}

/* What each column wants for its title and the rows to be seen. */
static void measure(const struct columns *c, struct fitted *f, size_t first, size_t last)
{
    char text[COLUMNS_TEXT_MAX];
    for (size_t k = 0; k < c->count; k++) {
        const struct column *column = &c->column[k];
        int width = grid_columns(column->title);
        width = width < column->width_min ? column->width_min : width;
        for (size_t row = first; row < last; row++) {
            c->text(c->context, row, k, text, sizeof text);
            int wanted = grid_columns(text);
            width = wanted > width ? wanted : width;
        }
        int width_max = column->width_max > 0 ? column->width_max : COLUMNS_WANTED_MAX;
        f->width[k] = width > width_max ? width_max : width;
    }
}

static int total(const struct columns *c, const struct fitted *f)
{
    int sum = 0;
    for (size_t k = 0; k < c->count; k++)
        sum += f->width[k] > 0 ? f->width[k] + f->gap : 0;
    return sum - f->gap;
}

/* Leave out the column of the highest rank, which is `rank_min` at least. */
static bool drop(const struct columns *c, struct fitted *f, int rank_min)
{
    size_t worst = c->count;
    for (size_t k = 0; k < c->count; k++)
        if (f->width[k] > 0 && c->column[k].rank >= rank_min &&
            (worst == c->count || c->column[k].rank > c->column[worst].rank))
            worst = k;
    if (worst < c->count)
        f->width[worst] = 0;
    return worst < c->count;
}

/* Make it fit: first the last column has what it wants at the cost of columns that are nice to
 * have, then it shrinks, then columns go by rank. What is left over is the last one's. */
static void fit(const struct columns *c, struct fitted *f, int width)
{
    size_t last = c->count - 1;
    bool flexible = c->column[last].width_max == 0;
    while (total(c, f) > width && drop(c, f, COLUMNS_NICE))
        continue;
    int excess = total(c, f) - width, shrinkable = f->width[last] - c->column[last].width_min;
    if (flexible && excess > 0)
        f->width[last] -= excess < shrinkable ? excess : shrinkable;
    while (total(c, f) > width && drop(c, f, 1))
        continue;
    int spare = width - total(c, f);
    if (flexible && f->width[last] > 0 && spare > 0)
        f->width[last] += spare;
}

static void draw_row(const struct columns *c, const struct fitted *f, struct grid *g,
                     struct area at, int line, size_t row)
{
    char text[COLUMNS_TEXT_MAX];
    int column = at.column + MARKS, end = at.column + at.width;
    for (size_t k = 0; k < c->count && column < end; k++) {
        if (f->width[k] == 0)
            continue;
        int width = f->width[k] < end - column ? f->width[k] : end - column;
        int style = GRID_STRONG;
        if (row == SIZE_MAX)
            memcpy(text, c->column[k].title, strlen(c->column[k].title) + 1);
        else
            style = c->text(c->context, row, k, text, sizeof text);
        if (c->column[k].left)
            grid_text(g, line, column, width, style, text);
        else
            grid_right(g, line, column, width, style, text);
        column += width + f->gap;
    }
}

void columns_draw(const struct columns *c, struct grid *g, struct area at, size_t first,
                  size_t row_count, size_t chosen,
                  int (*mark)(const void *context, size_t row, char *out))
{
    struct fitted f = {.gap = gap_of(at.width)};
    size_t rows = at.height > 1 ? (size_t)at.height - 1 : 0;
    size_t last = row_count - first < rows ? row_count : first + rows;
    assert(c->count <= COLUMNS_MAX);
    assert(first <= row_count);
    if (at.height <= 0)
        return;
    measure(c, &f, first, last);
    fit(c, &f, at.width - MARKS - 1);
    draw_row(c, &f, g, at, at.row, SIZE_MAX);
    for (size_t row = first; row < last; row++) {
        int line = at.row + 1 + (int)(row - first);
        char marks[2] = " ";
        int style = mark(c->context, row, marks);
        draw_row(c, &f, g, at, line, row);
        grid_text(g, line, at.column + 1, 1, style, marks);
        if (row == chosen) {
            grid_text(g, line, at.column, 1, GRID_STRONG, ">");
            grid_select(g, line, at.column, at.width);
        }
    }
}
