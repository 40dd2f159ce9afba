/* digest.h - a short name for a long text: 128 bits of its SHA-256, in letters and digits.
 *
 * Ids, entity tags and "is it the same body?" rest on it. Keys come from outside, so two of them
 * must not meet even when somebody tries. */
#ifndef REGION_DIGEST_H
#define REGION_DIGEST_H

#include <stddef.h>

enum {
    DIGEST_CHARS = 26, /* 5 bits each, of 0-9 and a-z without i, l, o and u */
    DIGEST_TEXT = DIGEST_CHARS + 1,
};

void digest_text(char out[DIGEST_TEXT], const void *bytes, size_t len);

#endif
