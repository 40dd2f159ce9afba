/* arena.h - memory with one end: many allocations, one release.
 *
 * A topology, a scenario or a replication is loaded into an arena and freed as a whole. Loading may
 * fail for want of memory, and says so by NULL; running allocates nothing. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena { /* fields are private to arena.c; all zero is an empty arena */
    struct arena_block *block;
    size_t used;
    size_t bytes;
};

/* `count` items of `size` bytes each, zeroed, aligned to 64 bytes when the whole is that large and
 * to 16 otherwise. NULL when memory is out or count * size overflows. Zero items are not NULL. */
void *arena_alloc(struct arena *a, size_t count, size_t size);

/* A copy of `len` bytes with a NUL behind. NULL when memory is out. */
char *arena_string(struct arena *a, const char *text, size_t len);

/* printf into the arena. NULL when memory is out. */
char *arena_format(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes held from the system. */
size_t arena_bytes(const struct arena *a);

/* Forget everything, but keep a block from the system for what comes next. */
void arena_reset(struct arena *a);

/* Give everything back. The arena is empty and usable again. */
void arena_release(struct arena *a);

#endif
