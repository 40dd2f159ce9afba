/* catalog.h - items, the search in them, and the reservations of their stock. */
#ifndef REGION_CATALOG_H
#define REGION_CATALOG_H

#include "region/lines.h"
#include "region/record.h"

struct item {
    struct record record;
    const char *description;
    int64_t price_pence;
    int64_t stock; /* as at its beginning, or RECORD_UNCOUNTED; what is left is kept apart */
    const char *vendor;
    const char *code;
};

extern const struct kind item_kind;

/* ---- search ---- */

/* The items of a country whose descriptions have all of `words`, the last one perhaps in part, best
 * first. Uses the full-text index of SQLite, alone in all of region/. As record_list_init. */
int catalog_search_init(struct record_list *l, const char *country, const char *words,
                        int64_t limit, struct arena *a);

/* ---- reservations ---- */

struct reservation {
    const char *order;
    struct line *lines;
    size_t line_count;
};

extern const struct json_field reservation_fields[];

enum reserve_outcome {
    RESERVE_NONE,
    RESERVE_MADE,
    RESERVE_REPEATED, /* this order's was there already */
    RESERVE_CHANGED,  /* with other lines */
    RESERVE_LACKS,    /* an item has not so many; nothing was taken */
    RESERVE_UNKNOWN,  /* there is no such item; the same */
};

struct catalog_reserve { /* a command, and its answer */
    struct reservation wanted;
    char hash[DIGEST_TEXT];
    const char *text;
    enum reserve_outcome outcome;
    size_t line;  /* the first of LACKS and UNKNOWN */
    int64_t left; /* how many there are, of LACKS */
};

/* As record_create_init. */
int catalog_reserve_init(struct catalog_reserve *r, const char *country, const char *body,
                         size_t len, struct arena *a, struct error *err);

/* Take the stock of all lines or of none. Fails with ERR_CONFLICT, so that all is undone, when the
 * outcome is LACKS or UNKNOWN. */
store_work catalog_reserve_work; /* context: struct catalog_reserve */

#endif
