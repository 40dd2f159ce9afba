#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first is small, for the many arenas that hold one answer; each that follows is twice what is
 * there, so that the one that a reset keeps soon holds all. */
enum { BLOCK_BYTES_MIN = 4096, BLOCK_BYTES_MAX = 64 * 1024, ALIGN_SMALL = 16, ALIGN_LARGE = 64 };

struct arena_block {
    struct arena_block *next;
    void *memory; /* what to free: blocks begin on a line */
    size_t bytes;
    bool fresh; /* all zero, and never written */
};

static size_t align_up(size_t n, size_t align)
{
    return (n + align - 1) & ~(align - 1);
}

/* A large block is zero as the system gives it: what is never used of it costs no memory. */
static struct arena_block *block_new(size_t bytes)
{
    char *memory = calloc(1, bytes + ALIGN_LARGE);
    if (memory == NULL)
        return NULL;
    uintptr_t past = (uintptr_t)memory & (ALIGN_LARGE - 1);
    struct arena_block *block = (struct arena_block *)(void *)(memory + ALIGN_LARGE - past);
    block->memory = memory;
    block->bytes = bytes;
    block->fresh = true;
    return block;
}

static size_t usual_bytes(const struct arena *a)
{
    return a->bytes == 0                    ? BLOCK_BYTES_MIN
           : a->bytes > BLOCK_BYTES_MAX / 2 ? BLOCK_BYTES_MAX
                                            : 2 * a->bytes;
}

void *arena_alloc(struct arena *a, size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX / 2) / size)
        return NULL;
    size_t want = count * size;
    size_t align = want >= ALIGN_LARGE ? ALIGN_LARGE : ALIGN_SMALL;
    size_t start = align_up(a->used, align);
    if (a->block == NULL || start > a->block->bytes || want > a->block->bytes - start) {
        size_t header = align_up(sizeof(struct arena_block), ALIGN_LARGE);
        size_t bytes = align_up(header + want, ALIGN_LARGE), usual = usual_bytes(a);
        if (bytes < usual)
            bytes = usual;
        struct arena_block *block = block_new(bytes);
        if (block == NULL)
            return NULL;
        block->next = a->block;
        a->block = block;
        a->bytes += bytes;
        start = header;
    }
    void *memory = (char *)a->block + start;
    a->used = start + want;
    if (!a->block->fresh)
        memset(memory, 0, want);
    return memory;
}

char *arena_string(struct arena *a, const char *text, size_t len)
{
    char *copy = len == SIZE_MAX ? NULL : arena_alloc(a, len + 1, 1);
    if (copy != NULL && len > 0)
        memcpy(copy, text, len);
    return copy;
}

char *arena_format(struct arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1, 1);
    if (text == NULL)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}

size_t arena_bytes(const struct arena *a)
{
    return a->bytes;
}

void arena_reset(struct arena *a)
{
    struct arena_block *kept = NULL;
    while (a->block != NULL) {
        struct arena_block *next = a->block->next;
        struct arena_block *out = a->block;
        if (out->bytes <= BLOCK_BYTES_MAX && (kept == NULL || out->bytes > kept->bytes)) {
            struct arena_block *smaller = kept;
            kept = out;
            out = smaller;
        }
        if (out != NULL)
            free(out->memory);
        a->block = next;
    }
    *a = (struct arena){0};
    if (kept == NULL)
        return;
    kept->next = NULL;
    kept->fresh = false;
    a->block = kept;
    a->bytes = kept->bytes;
    a->used = align_up(sizeof *kept, ALIGN_LARGE);
}

void arena_release(struct arena *a)
{
    while (a->block != NULL) {
        struct arena_block *next = a->block->next;
        free(a->block->memory);
        a->block = next;
    }
    *a = (struct arena){0};
}
