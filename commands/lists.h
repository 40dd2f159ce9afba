/* lists.h - read what a live system holds, page by page, through its door. */
#ifndef COMMANDS_LISTS_H
#define COMMANDS_LISTS_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

struct arena;
struct error;

struct list_line {
    const char *item;
    int64_t quantity;
};

struct list_row { /* of any kind; what a kind has not is NULL or 0 */
    const char *id;
    int64_t created_ms;
    const char *name, *code;          /* customers, vendors */
    const char *description, *vendor; /* items */
    int64_t price_pence, stock;       /* stock: what is left, -1 for not counted */
    const char *customer, *state;     /* orders */
    struct list_line *lines;
    size_t line_count;
};

extern const struct json_field list_row_fields[];

struct list_page {
    const char *country; /* of many countries' pages: whose it is */
    struct list_row *rows;
    size_t row_count;
    const char *next; /* NULL: there are no more */
};
extern const struct json_field list_page_fields[];

struct list {
    char country[3];  /* small letters */
    const char *what; /* "items" */
    size_t count_max; /* stop behind so many; 0: all */
    /* Each row in the order of ids; it is borrowed for the call. */
    void (*take)(void *context, const struct list_row *row);
    void *context;
    size_t count; /* taken */
};

/* Read all of `lists` side by side. 0, or -1 with `err` set: what the door answered, or did not.
 * `stop` may be NULL. */
int lists_fetch(struct list *lists, size_t count, int port, const volatile sig_atomic_t *stop,
                struct arena *a, struct error *err);

#endif
