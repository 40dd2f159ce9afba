#include "region/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "region/ids.h"

const struct json_field line_fields[] = {
    JSON_STR(struct line, item, "item", .required = true, .doc = "The item's id"),
    JSON_I64(struct line, quantity, "quantity", 1, LINE_QUANTITY_MAX, .required = true,
             .doc = "How many of it"),
    JSON_END,
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int lines_check(const struct line *lines, size_t count, const char *country, struct arena *a,
                struct error *err)
{
    const char **items = arena_alloc(a, count, sizeof items[0]);
    if (items == NULL)
        return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        char what[40];
        snprintf(what, sizeof what, "lines[%zu].item", i);
        if (id_check(lines[i].item, country, ID_ITEM, what, err) != 0)
            return -1;
        items[i] = lines[i].item;
    }
    qsort(items, count, sizeof items[0], compare);
    for (size_t i = 1; i < count; i++)
        if (strcmp(items[i - 1], items[i]) == 0)
            return error_set(err, ERR_DUPLICATE, "lines: %s is there twice", items[i]);
    return 0;
}
