/* demand_names.h - what the rows of a demand file call countries and columns. */
#ifndef BASE_DEMAND_NAMES_H
#define BASE_DEMAND_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/csv.h"
#include "base/data.h"

struct arena;

enum { DEMAND_NAMES_NONE = -1, DEMAND_NAMES_CACHE = 256, DEMAND_NAMES_KEY = 40 };

struct demand_names { /* private */
    struct data_country country[DATA_COUNTRIES_MAX];
    size_t count;
    short by_code[26 * 26]; /* 1 + index; 0: no such code */
    struct {
        char key[DEMAND_NAMES_KEY];
        short index;
        unsigned char len; /* 0: free */
    } cache[DEMAND_NAMES_CACHE];
};

/* NULL when memory is out. */
struct demand_names *demand_names_new(struct arena *a);

/* Which country a text means: ISO 3166-1 alpha-2 or alpha-3 or its name, in letters of any size,
 * and some other names in use. DEMAND_NAMES_NONE: none of them. */
int demand_names_find(struct demand_names *names, const char *text, size_t len);

/* Whether a code stands for no country on purpose: those that ISO 3166-1 leaves to its users (AA,
 * QM to QZ, XA to XZ, ZZ), and EU and UN. */
bool demand_names_no_country(const char *text, size_t len);

enum demand_column { DEMAND_COLUMN_TIME, DEMAND_COLUMN_COUNTRY, DEMAND_COLUMN_COUNT };

/* The column of a header that is called as such columns usually are, by letters and digits alone,
 * of any size; SIZE_MAX when there is none. */
size_t demand_names_column(const struct csv *header, enum demand_column what);

#endif
