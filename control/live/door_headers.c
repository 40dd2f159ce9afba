#include "control/live/door_headers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/deadline.h"

/* A list of names that end at this hop; the usual words name no header. */
static bool names_headers(const char *connection)
{
    return strcasecmp(connection, "keep-alive") != 0 && strcasecmp(connection, "close") != 0;
}

/* Whether a Connection header's list has this name. */
static bool is_named(const char *list, const char *name)
{
    size_t len = strlen(name);
    while (*list != '\0') {
        list += strspn(list, ", \t");
        size_t word = strcspn(list, ", \t");
        if (word == len && strncasecmp(list, name, len) == 0)
            return true;
        list += word;
    }
    return false;
}

static bool is_dropped(const struct http_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(headers[i].name, "Connection") == 0 && is_named(headers[i].value, name))
            return true;
    return false;
}

size_t door_headers_pass(struct http_header to[HTTP_HEADERS_MAX], const struct http_header *headers,
                         size_t count)
{
    size_t kept = 0;
    bool drops = false;
    for (size_t i = 0; i < count; i++) {
        const char *name = headers[i].name;
        char first = (char)(name[0] | 0x20); /* most names end here */
        if (first == 'c' && strcasecmp(name, "Connection") == 0)
            drops = drops || names_headers(headers[i].value);
        else if (!(first == 'c' && strcasecmp(name, "Content-Length") == 0) &&
                 !(first == 'h' && strcasecmp(name, "Host") == 0) &&
                 !(first == 'm' && strcasecmp(name, DOOR_FORWARDS) == 0) &&
                 !(first == 't' && strcasecmp(name, DEADLINE_HEADER) == 0))
            to[kept++] = headers[i];
    }
    if (!drops)
        return kept;
    size_t all = kept;
    kept = 0;
    for (size_t i = 0; i < all; i++)
        if (!is_dropped(headers, count, to[i].name))
            to[kept++] = to[i];
    return kept;
}

int64_t door_headers_forwards(const char *method, const char *max_forwards)
{
    if (max_forwards == NULL || strcmp(method, "OPTIONS") != 0)
        return INT64_MAX;
    size_t len = strspn(max_forwards, "0123456789");
    return len > 0 && len <= 15 && max_forwards[len] == '\0' ? strtoll(max_forwards, NULL, 10) : -1;
}

bool door_headers_want_key(const char *method, const struct http_header *headers, size_t count)
{
    if (method[0] != 'P' && method[0] != 'D') /* POST PUT PATCH DELETE */
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(headers[i].name, "Idempotency-Key") == 0)
            return false;
    return true;
}

/* Up to 256 bytes getrandom gives whole; only before the kernel has any can it be interrupted. */
static void refill(struct door_luck *l)
{
    while (getrandom(l->byte, sizeof l->byte, 0) != (ssize_t)sizeof l->byte)
        assert(errno == EINTR);
    l->left = sizeof l->byte;
}

void door_luck_take(struct door_luck *l, void *out, size_t len)
{
    assert(len <= sizeof l->byte);
    if (l->left < len)
        refill(l);
    l->left -= len;
    memcpy(out, l->byte + l->left, len);
    explicit_bzero(l->byte + l->left, len);
}

void door_luck_key(struct door_luck *l, char key[DOOR_KEY_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char luck[(DOOR_KEY_TEXT - 1) / 2];
    door_luck_take(l, luck, sizeof luck);
    for (size_t i = 0; i < sizeof luck; i++) {
        key[2 * i] = digits[luck[i] >> 4];
        key[2 * i + 1] = digits[luck[i] & 15];
    }
    key[DOOR_KEY_TEXT - 1] = '\0';
    explicit_bzero(luck, sizeof luck);
}
