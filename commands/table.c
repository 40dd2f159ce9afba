#include "commands/table.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static char *next_cell(struct table *t)
{
    if (t->count == t->room) {
        size_t room = t->room == 0 ? 128 : t->room * 2;
        void *cell = realloc(t->cell, room * sizeof t->cell[0]);
        if (cell == NULL) {
            fputs("bulkhead: no memory left\n", stderr);
            exit(2);
        }
        t->cell = cell;
        t->room = room;
    }
    return t->cell[t->count++];
}

void table_titles(struct table *t, const char *titles)
{
    *t = (struct table){0};
    while (*titles != '\0') {
        size_t len = strcspn(titles, "|");
        char *cell = next_cell(t);
        snprintf(cell, TABLE_CELL_MAX, "%.*s", (int)len, titles);
        titles += titles[len] == '|' ? len + 1 : len;
        t->columns++;
    }
    assert(t->columns <= TABLE_COLUMNS_MAX);
}

void table_put(struct table *t, const char *format, ...)
{
    char *cell = next_cell(t);
    va_list args;
    va_start(args, format);
    vsnprintf(cell, TABLE_CELL_MAX, format, args);
    va_end(args);
}

void table_print(struct table *t, FILE *out)
{
    int width[TABLE_COLUMNS_MAX] = {0};
    bool left[TABLE_COLUMNS_MAX] = {false};
    for (size_t i = 0; i < t->columns; i++) {
        char *mark = t->cell[i] + strspn(t->cell[i], " ");
        left[i] = *mark == '<';
        if (left[i])
            memmove(mark, mark + 1, strlen(mark));
    }
    for (size_t i = 0; i < t->count; i++) {
        int len = (int)strlen(t->cell[i]);
        if (len > width[i % t->columns])
            width[i % t->columns] = len;
    }
    for (size_t i = 0; i < t->count; i++) {
        size_t column = i % t->columns;
        bool last = column == t->columns - 1;
        if (left[column])
            fprintf(out, "%-*s", last ? 0 : width[column], t->cell[i]);
        else
            fprintf(out, "%*s", width[column], t->cell[i]);
        fputs(last ? "\n" : "  ", out);
    }
    table_release(t);
}

void table_release(struct table *t)
{
    free(t->cell);
    *t = (struct table){0};
}

/* A few texts in turn, so that one call of printf may use several. */
static char *scratch(void)
{
    static char text[4][TABLE_CELL_MAX];
    static unsigned next;
    return text[next++ % 4];
}

const char *table_count(long long n)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", n);
    char *out = scratch();
    size_t used = 0, len = strlen(digits);
    for (size_t i = 0; i < len; i++) {
        out[used++] = digits[i];
        size_t left = len - 1 - i;
        if (left > 0 && left % 3 == 0 && digits[i] != '-')
            out[used++] = ',';
    }
    out[used] = '\0';
    return out;
}

const char *table_percent(double share, int decimals)
{
    char *out = scratch();
    if (isnan(share))
        snprintf(out, TABLE_CELL_MAX, "-");
    else if (isinf(share))
        snprintf(out, TABLE_CELL_MAX, "no server");
    else
        snprintf(out, TABLE_CELL_MAX, "%.*f %%", decimals, share * 100);
    return out;
}

const char *table_nines(double share)
{
    int decimals = 2;
    double missing = 1 - share;
    for (double step = 1e-3; decimals < 8 && missing < step; step /= 10)
        decimals++;
    if (!(share < 1) || !(share >= 0))
        return table_percent(share, 0);
    double scale = 100;
    for (int i = 0; i < decimals; i++)
        scale *= 10;
    return table_percent(floor(share * scale) / scale, decimals);
}
