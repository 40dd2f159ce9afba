/* demand_where.h - which rows of a demand file are meant, and what to make of all of them. */
#ifndef BASE_DEMAND_WHERE_H
#define BASE_DEMAND_WHERE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/demand.h"

/* "kind=sale,units>0": conditions on columns that must all hold. = and != compare texts, the others
 * numbers. 0, or -1 with `err` set. */
int demand_where_parse(struct demand_where where[DEMAND_WHERE_MAX], size_t *count, const char *text,
                       struct error *err);

/* Whether a row, which has all the columns, meets them. A field that is no number is not. */
bool demand_where_met(const struct demand_where *where, size_t count, const struct csv *row);

#endif
