/* noun_print.h - customers, vendors, items and orders as people read them. */
#ifndef COMMANDS_NOUN_PRINT_H
#define COMMANDS_NOUN_PRINT_H

#include <stddef.h>

#include "region/ids.h"

struct arena;

enum noun_form {
    NOUN_ROW,
    NOUN_PAGE,
    NOUN_PAGES, /* of many countries */
    NOUN_AS_IT_CAME,
};

/* Print what a service answered, on stdout. What cannot be read as what we know is printed as it
 * came. */
void noun_print(enum id_kind kind, enum noun_form form, const char *body, size_t len,
                struct arena *a);

#endif
