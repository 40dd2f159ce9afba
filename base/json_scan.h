/* json_scan.h - whether a text is JSON, to the letter of RFC 8259, before a parser sees it.
 *
 * cJSON reads more than JSON: it skips any byte up to 32 as white space, takes raw control
 * characters and bad UTF-8 in strings, cuts a number at 63 characters. What passes here it reads as
 * we do, so that the only way left for it to fail is to run out of memory. */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct error;

enum {
    JSON_VALUES_MAX = 2 * 1024 * 1024, /* in one text: a parsed value takes some 80 bytes */
    JSON_NUMBER_MAX = 60,              /* characters of a number */
};

/* Check the whole of `text`. 0, or -1 with `err` saying line, column and what is wrong there.
 * Bounds are JSON_BYTES_MAX, JSON_DEPTH_MAX and the two above. */
int json_scan(const char *text, size_t len, struct error *err);

/* How many bytes the UTF-8 character at `text` takes, 1 to 4, or 0 when there is none within `len`
 * bytes: a stray or missing continuation, an overlong form, a surrogate, beyond U+10FFFF. */
size_t json_scan_utf8(const char *text, size_t len);

#endif
