/* csv_file.h - the plain tables of sim-configs/data from their files: commas, no quotes, one header
 * line that is known.
 *
 * Every line has as many fields as the header. What looks otherwise (a quote, a control character,
 * bad UTF-8, a field too many) is refused with file and line. */
#ifndef COMMANDS_CSV_FILE_H
#define COMMANDS_CSV_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/csv.h"

struct arena;
struct error;

struct csv_file { /* fields are private to csv_file.c */
    const char *path;
    char *text; /* the whole file; what `csv` points into */
    size_t columns;
    struct csv csv;
};

/* Read the file at `path`, whose first line must be `header`. The text lives in `a`. 0, or -1 with
 * `err` set. */
int csv_file_open(struct csv_file *c, const char *path, const char *header, struct arena *a,
                  struct error *err);

/* The next row into `field`, which has room for all the header's columns; each ends in a NUL and
 * lives as long as the file. 1, 0 at the end, or -1 with `err` set. */
int csv_file_next(struct csv_file *c, const char **field, struct error *err);

/* The number of a field of the row that was read last, low..high. 0, or -1 with `err` set. */
int csv_file_i64(const struct csv_file *c, int64_t *out, const char *field, int64_t low,
                 int64_t high, struct error *err);

/* Something else is wrong with that row: "orders.csv:17: SENTENCE". Returns -1. */
int csv_file_refuse(const struct csv_file *c, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
