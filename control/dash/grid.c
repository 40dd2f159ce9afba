#include "control/dash/grid.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

enum { BAD_CHARACTER = '?', FORMAT_MAX = 1024 };

static const uint32_t RULE = 0x2500, LINE = 0x2502, ELLIPSIS = 0x2026, FULL_BLOCK = 0x2588;

/* ---- characters ---- */

struct range {
    uint32_t first, last;
};

/* Unicode 15, to what names and sentences may hold. */
static const struct range no_columns[] = {
    {0x0300, 0x036f},   {0x0483, 0x0489},   {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f},
    {0x0900, 0x0902},   {0x0e34, 0x0e3a},   {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
    {0x200b, 0x200d},   {0x20d0, 0x20ff},   {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff},
    {0x1f3fb, 0x1f3ff}, {0xe0100, 0xe01ef},
};
static const struct range two_columns[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97c},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
    {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
    {0x1fa70, 0x1faff}, {0x20000, 0x3fffd},
};
static const struct range acting[] = {
    /* on a terminal, or on the order of writing */
    {0x0000, 0x001f}, {0x007f, 0x009f}, {0x200e, 0x200f}, {0x2028, 0x202e},
    {0x2060, 0x206f}, {0xd800, 0xdfff}, {0xfff0, 0xfffc}, {0xe0000, 0xe007f},
};

#define WITHIN(ranges, c) within(ranges, sizeof(ranges) / sizeof(ranges)[0], c)

static bool within(const struct range *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

static int columns_of(uint32_t c)
{
    if (c < 0x300)
        return 1;
    return WITHIN(no_columns, c) ? 0 : WITHIN(two_columns, c) ? 2 : 1;
}

/* The next character of `*text`, which moves on; 0 at the end. What is not UTF-8, and what would
 * act, is '?'. */
static uint32_t next_character(const char **text)
{
    const unsigned char *s = (const unsigned char *)*text;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    int more = s[0] < 0x80 ? 0 : s[0] < 0xc2 ? -1 : s[0] < 0xe0 ? 1 : s[0] < 0xf0 ? 2 : 3;
    if (s[0] == '\0')
        return 0;
    *text += 1;
    if (more < 0 || s[0] > 0xf4)
        return BAD_CHARACTER;
    uint32_t c = more == 0 ? s[0] : s[0] & (0x3fU >> more);
    for (int i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return BAD_CHARACTER;
        c = c << 6 | (s[i] & 0x3f);
    }
    *text += more;
    if (c < least[more] || c > 0x10ffff || WITHIN(acting, c))
        return BAD_CHARACTER;
    return c;
}

int grid_columns(const char *text)
{
    int columns = 0;
    for (uint32_t c; (c = next_character(&text)) != 0;)
        columns += columns_of(c);
    return columns;
}

static size_t encode(char out[4], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[n] | c);
    return n;
}

/* ---- the grid ---- */

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

int grid_init(struct grid *g, int width, int height, bool ascii, struct arena *a)
{
    g->width = clamp(width, 1, GRID_WIDTH_MAX);
    g->height = clamp(height, 1, GRID_HEIGHT_MAX);
    g->ascii = ascii;
    g->cell = arena_alloc(a, (size_t)g->width * (size_t)g->height, sizeof g->cell[0]);
    if (g->cell == NULL)
        return -1;
    grid_clear(g);
    return 0;
}

void grid_clear(struct grid *g)
{
    size_t count = (size_t)g->width * (size_t)g->height;
    for (size_t i = 0; i < count; i++)
        g->cell[i] = (struct grid_cell){.character = ' '};
}

static struct grid_cell *cell_at(const struct grid *g, int row, int column)
{
    if (row < 0 || row >= g->height || column < 0 || column >= g->width)
        return NULL;
    return &g->cell[(size_t)row * (size_t)g->width + (size_t)column];
}

static uint32_t in_ascii(uint32_t c)
{
    if (c < 0x80)
        return c;
    if (c == RULE)
        return '-';
    if (c == LINE)
        return '|';
    if (c == ELLIPSIS)
        return '.';
    return c >= FULL_BLOCK && c < FULL_BLOCK + 8 ? '=' : BAD_CHARACTER;
}

/* A half that loses its other half becomes a blank. */
static void put(struct grid *g, int row, int column, int style, uint32_t c)
{
    int columns = columns_of(c);
    struct grid_cell *cell = cell_at(g, row, column);
    struct grid_cell *right = cell_at(g, row, column + columns);
    if (cell == NULL)
        return;
    if (cell->character == 0 && column > 0)
        cell[-1].character = ' ';
    if (right != NULL && right->character == 0)
        right->character = ' ';
    if (columns == 2 && column + 1 >= g->width) {
        columns = 1;
        c = ' ';
    }
    bool halved = g->ascii && c >= 0x80 && columns == 2;
    cell[0] = (struct grid_cell){g->ascii ? in_ascii(c) : c, (uint8_t)style};
    if (columns == 2)
        cell[1] = (struct grid_cell){halved ? BAD_CHARACTER : 0, (uint8_t)style};
}

int grid_text(struct grid *g, int row, int column, int width, int style, const char *text)
{
    int end = column + width;
    bool cut = grid_columns(text) > width;
    int dots = !cut ? 0 : g->ascii && width > 2 ? 2 : 1; /* ".." or an ellipsis */
    int room_end = end - dots;
    if (width <= 0)
        return column;
    for (uint32_t c; (c = next_character(&text)) != 0;) {
        int columns = columns_of(c);
        if (column + columns > room_end)
            break;
        if (columns > 0)
            put(g, row, column, style, c);
        column += columns;
    }
    if (!cut)
        return column;
    for (int i = 0; i < dots; i++)
        put(g, row, column++, style, ELLIPSIS);
    return column;
}

void grid_right(struct grid *g, int row, int column, int width, int style, const char *text)
{
    int spare = width - grid_columns(text);
    if (spare < 0)
        spare = 0;
    grid_text(g, row, column + spare, width - spare, style, text);
}

int grid_format(struct grid *g, int row, int column, int width, int style, const char *format, ...)
{
    char text[FORMAT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return grid_text(g, row, column, width, style, text);
}

/* ---- drawing ---- */

void grid_rule(struct grid *g, int row, int column, int width, const char *title)
{
    for (int i = 0; i < width; i++)
        put(g, row, column + i, GRID_DIM, RULE);
    if (title[0] == '\0' || width < 8)
        return;
    put(g, row, column + 2, GRID_STRONG, ' ');
    int end = grid_text(g, row, column + 3, width - 5, GRID_STRONG, title);
    put(g, row, end, GRID_STRONG, ' ');
}

void grid_line(struct grid *g, int row, int column, int height)
{
    for (int i = 0; i < height; i++)
        put(g, row + i, column, GRID_DIM, LINE);
}

const char *grid_between(const struct grid *g)
{
    return g->ascii ? " | " : " \xe2\x94\x82 ";
}

void grid_bar(char *out, size_t size, int width, double share)
{
    size_t used = 0;
    int eighths = share > 0 ? (int)(fmin(share, 1) * width * 8 + 0.5) : 0;
    if (eighths == 0 && share > 0)
        eighths = 1;
    for (; eighths > 0 && used + 4 < size; eighths -= 8, used += 3)
        encode(out + used, FULL_BLOCK + (eighths >= 8 ? 0 : 8 - (uint32_t)eighths));
    out[used] = '\0';
}

void grid_select(struct grid *g, int row, int column, int width)
{
    for (int i = 0; i < width; i++) {
        struct grid_cell *cell = cell_at(g, row, column + i);
        if (cell != NULL)
            cell->style |= GRID_REVERSE;
    }
}

/* ---- out ---- */

size_t grid_row_size(const struct grid *g)
{
    return (size_t)g->width * 4 + 1;
}

size_t grid_row_text(const struct grid *g, int row, char *out, size_t size)
{
    size_t used = 0, end = 0;
    for (int column = 0; column < g->width; column++) {
        const struct grid_cell *cell = cell_at(g, row, column);
        char bytes[4];
        if (cell == NULL || cell->character == 0)
            continue;
        size_t n = encode(bytes, cell->character);
        if (used + n >= size)
            break;
        memcpy(out + used, bytes, n);
        used += n;
        if (cell->character != ' ')
            end = used;
    }
    out[end] = '\0';
    return end;
}
