/* store_schema.h - whose rows a file holds, and in which tables. */
#ifndef WIRE_STORE_SCHEMA_H
#define WIRE_STORE_SCHEMA_H

#include <stddef.h>

struct error;
struct store_tx;

/* See that the rows are those of cell `owner`, or nobody's yet, and run what of `schema` the file
 * has not seen: all of it or nothing. A file that has seen more is fine. With the turn, outside a
 * transaction. 0, or -1 with `err` set; `folder` is for its words. */
int store_schema_apply(struct store_tx *tx, const char *folder, const char *owner,
                       const char *const *schema, size_t count, struct error *err);

#endif
