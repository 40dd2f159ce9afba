/* table.h - columns of text that line up, for people. */
#ifndef COMMANDS_TABLE_H
#define COMMANDS_TABLE_H

#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 24, TABLE_CELL_MAX = 160 };

struct table { /* fields are private to table.c; all zero is an empty table */
    char (*cell)[TABLE_CELL_MAX];
    size_t count;
    size_t room;
    size_t columns;
};

/* Begin with the titles, in one text: columns are separated by '|', one that begins with '<' is
 * aligned to the left, the others to the right. */
void table_titles(struct table *t, const char *titles);

/* Put the next field, row by row; long ones are cut. */
void table_put(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print all rows, two spaces between columns, and release the memory. */
void table_print(struct table *t, FILE *out);

/* Release it unprinted. */
void table_release(struct table *t);

/* Numbers as people read them: "1,234,567"; "0.5"; "12 %". The text is good until the fourth next
 * call. */
const char *table_count(long long n);
const char *table_percent(double share, int decimals);

/* A share near 1 with as many decimals as its nines need, 2 to 8: "99.9987 %". Rounded down, so
 * that only 1 is "100 %". */
const char *table_nines(double share);

#endif
