/* bytes.h - a buffer that grows, and forgets what was in it.
 *
 * What passes through may be a customer's: the bytes are wiped when they are cleared, released or
 * left behind by growing. */
#ifndef WIRE_BYTES_H
#define WIRE_BYTES_H

#include <stdbool.h>
#include <stddef.h>

enum { BYTES_KEPT_MAX = 64 << 10 }; /* storage up to this survives bytes_clear */

struct bytes { /* all zero is an empty one */
    char *data;
    size_t len;
    size_t size;
};

/* Make room for `more` bytes behind `len`. False when memory is out; nothing has changed then. */
bool bytes_reserve(struct bytes *b, size_t more);

/* Append. False when memory is out; nothing has changed then. */
bool bytes_add(struct bytes *b, const void *data, size_t len);
bool bytes_add_text(struct bytes *b, const char *text);
bool bytes_add_number(struct bytes *b, size_t number);

/* Wipe the contents and keep the storage, unless it is large. */
void bytes_clear(struct bytes *b);

/* Wipe the contents and give the storage back. */
void bytes_release(struct bytes *b);

#endif
