#include "wire/bytes.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Not realloc: what it leaves behind when it moves is not wiped. */
static bool grow(struct bytes *b, size_t more)
{
    size_t size = b->size < 256 ? 256 : b->size;
    if (more > SIZE_MAX / 4 - b->len)
        return false;
    while (size - b->len < more)
        size *= 2;
    char *data = malloc(size);
    if (data == NULL)
        return false;
    if (b->data != NULL) {
        memcpy(data, b->data, b->len);
        explicit_bzero(b->data, b->len);
        free(b->data);
    }
    b->data = data;
    b->size = size;
    return true;
}

bool bytes_reserve(struct bytes *b, size_t more)
{
    return b->size - b->len >= more || grow(b, more);
}

bool bytes_add(struct bytes *b, const void *data, size_t len)
{
    if (!bytes_reserve(b, len))
        return false;
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    return true;
}

bool bytes_add_text(struct bytes *b, const char *text)
{
    return bytes_add(b, text, strlen(text));
}

bool bytes_add_number(struct bytes *b, size_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return bytes_add(b, digits + at, sizeof digits - at);
}

void bytes_clear(struct bytes *b)
{
    if (b->size > BYTES_KEPT_MAX) {
        bytes_release(b);
        return;
    }
    if (b->len > 0)
        explicit_bzero(b->data, b->len);
    b->len = 0;
}

void bytes_release(struct bytes *b)
{
    if (b->len > 0)
        explicit_bzero(b->data, b->len);
    free(b->data);
    *b = (struct bytes){0};
}
