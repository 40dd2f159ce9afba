/* oom.h - the nth allocation fails, for every n.
 *
 * For programs linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,
 * which leads our objects' calls through here; cJSON lives in a library of its own and is led here
 * by its hooks. Freed memory is nobody's concern: a leak is found by the address sanitizer.
 * Included by one file of a program, since the wrappers are defined here. */
#ifndef TESTS_OOM_H
#define TESTS_OOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);

static long oom_countdown; /* 0: nothing fails */
static bool oom_happened;

static bool oom_now(void)
{
    if (oom_countdown == 0 || --oom_countdown > 0)
        return false;
    oom_happened = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return oom_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return oom_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return oom_now() ? NULL : __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return oom_now() ? NULL : __real_aligned_alloc(align, size);
}

/* Call `attempt` with its first allocation failing, then its second, until none fails any more. It
 * must say whether it succeeded, check what it leaves behind when it did not, and release what it
 * took. Returns how many allocations there were, or -1 when an attempt succeeded in spite of a
 * failure or failed without one. */
static long oom_each(bool (*attempt)(void *context), void *context)
{
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = __wrap_malloc, .free_fn = free});
    for (long n = 1;; n++) {
        oom_countdown = n;
        oom_happened = false;
        bool succeeded = attempt(context);
        oom_countdown = 0;
        if (succeeded == oom_happened)
            return -1;
        if (succeeded)
            return n - 1;
    }
}

#endif
