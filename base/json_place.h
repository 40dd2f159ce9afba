/* json_place.h - where in a JSON document we are, spelled only when something is wrong there.
 *
 * A place is a chain of stack frames, one per level, so keeping it costs nothing while all is well.
 * It is spelled as "cells.de.zones" or "faults[0].for"; the document itself is NULL and has no
 * spelling. */
#ifndef BASE_JSON_PLACE_H
#define BASE_JSON_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct json_field;

struct json_place {
    const struct json_place *up; /* NULL: the document */
    const char *key;             /* NULL: an item of a list */
    size_t index;
};

enum { JSON_QUOTE_MAX = 64, JSON_PATH_MAX = 224, JSON_WORDS_MAX = 200 };

/* Set `err` to "PLACE: SENTENCE". Returns -1. */
int json_fail(struct error *err, enum error_code code, const struct json_place *place,
              const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Put "PLACE: " before the sentence in `err`. Returns -1. */
int json_fail_under(struct error *err, const struct json_place *place);

/* Say that `place` is a key that `fields` does not have, and which was meant or are known. */
int json_fail_unknown(struct error *err, const struct json_place *place,
                      const struct json_field *fields);

/* Say that `key` is in the object or map at `place` more than once. */
int json_fail_twice(struct error *err, const struct json_place *place, const char *key);

/* Say that the number `got` at `place` is not in low..high; infinite bounds are none. */
int json_fail_bounds(struct error *err, const struct json_place *place, double got, double low,
                     double high);

/* Whether `key` may be the key of a map: 1 to 40 letters, digits, '_' and '-'. Such keys go into
 * paths, traces and file names. */
bool json_is_name(const char *key);

/* Say that `key` is not such a name. */
int json_fail_name(struct error *err, const struct json_place *place, const char *key);

/* `text` in double quotes; a long one is cut and ends in "...". */
void json_quote(char out[JSON_QUOTE_MAX], const char *text);

/* `words`, ended by NULL, each in quotes, with commas between; "..." for those that do not fit. */
void json_quote_words(char out[JSON_WORDS_MAX], const char *const *words);

#endif
