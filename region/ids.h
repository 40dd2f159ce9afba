/* ids.h - names of records: country, kind and a body, "de-o-3v9k...".
 *
 * An id is made, never drawn: from the Idempotency-Key of the write that creates the record, so
 * that the same write twice is one record; or from the code that the record brings along. It says
 * which country, and so which cell, the record belongs to. All of it can stand in a URL as it is.
 */
#ifndef REGION_IDS_H
#define REGION_IDS_H

#include <stdbool.h>
#include <stddef.h>

struct error;

enum id_kind { ID_CUSTOMER, ID_VENDOR, ID_ITEM, ID_ORDER };

enum {
    ID_CODE_MAX = 40,
    ID_MAX = 5 + ID_CODE_MAX, /* "de-o-" and the body */
    ID_TEXT = ID_MAX + 1,
    ID_KEY_MAX = 128, /* of an Idempotency-Key */
};

struct id {
    char country[3]; /* two small letters */
    enum id_kind kind;
};

/* Whether `key` can be an Idempotency-Key: 1 to ID_KEY_MAX visible ASCII characters. */
bool id_key_ok(const char *key);

/* The id of what the write of `key` creates. `country` is two small letters. */
void id_of_key(char out[ID_TEXT], const char *country, enum id_kind kind, const char *key);

/* The id of the record with this code: 1 to ID_CODE_MAX letters, digits, spaces and any of "._~-";
 * a space becomes '_'. 0, or -1 with `err` set. */
int id_of_code(char out[ID_TEXT], const char *country, enum id_kind kind, const char *code,
               struct error *err);

/* Read an id. False when `text` is none. */
bool id_parse(struct id *out, const char *text);

/* Whether `text` is an id of this country and kind. 0, or -1 with `err` set: ERR_CONFLICT when it
 * is of another country, ERR_RANGE when it is no id of this kind. `what` is its name in the
 * sentence. */
int id_check(const char *text, const char *country, enum id_kind kind, const char *what,
             struct error *err);

/* The bounds of all ids of a country and kind, themselves none: low < id < high. */
void id_bounds(char low[ID_TEXT], char high[ID_TEXT], const char *country, enum id_kind kind);

#endif
