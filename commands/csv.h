/* csv.h - the plain tables of sim-configs/data: commas, no quotes, one header line.
 *
 * Every line has as many fields as the header, and none holds a comma, so that splitting is a
 * complete parser. What looks otherwise (a quote, a control character, bad UTF-8, a field too many)
 * is refused with file and line. */
#ifndef COMMANDS_CSV_H
#define COMMANDS_CSV_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

enum { CSV_FIELDS_MAX = 16 };

struct csv { /* fields are private to csv.c */
    const char *path;
    char *at;
    char *end;
    size_t columns;
    size_t line;
};

/* Read the file at `path`, whose first line must be `header`. The text lives in `a`. 0, or -1 with
 * `err` set. */
int csv_open(struct csv *c, const char *path, const char *header, struct arena *a,
             struct error *err);

/* The next line into `field`, which has room for all the header's columns. 1, 0 at the end, or -1
 * with `err` set. */
int csv_next(struct csv *c, const char **field, struct error *err);

/* The number of a field of the line that was read last, low..high. 0, or -1 with `err` set. */
int csv_i64(const struct csv *c, int64_t *out, const char *field, int64_t low, int64_t high,
            struct error *err);

/* Something else is wrong with that line: "orders.csv:17: SENTENCE". Returns -1. */
int csv_refuse(const struct csv *c, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
