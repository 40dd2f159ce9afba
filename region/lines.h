/* lines.h - the lines of an order, and of the reservation that holds its goods. */
#ifndef REGION_LINES_H
#define REGION_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct arena;
struct error;

enum { LINES_MAX = 500, LINE_QUANTITY_MAX = 1000000 };

struct line {
    const char *item; /* its id */
    int64_t quantity;
};

extern const struct json_field line_fields[];

/* Whether the lines name items of `country`, each once. 0, or -1 with `err` set: ERR_CONFLICT for
 * an item of another country, ERR_MEMORY. */
int lines_check(const struct line *lines, size_t count, const char *country, struct arena *a,
                struct error *err);

#endif
