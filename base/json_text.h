/* json_text.h - JSON text being written: commas, indentation, escapes and numbers.
 *
 * Memory running out is remembered and told once, by json_text_take. */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct json_text { /* fields are private to json_text.c; all zero is an empty text */
    char *bytes;
    size_t used;
    size_t size;
    size_t indent;
    bool empty; /* nothing yet in the container that is open */
    bool keyed; /* a key waits for its value */
    bool flat;  /* the container that is open stays on its line */
    bool failed;
};

enum { JSON_NUMBER_TEXT_MAX = 40 };

/* Values. Each is one of: the document, an item of the list that is open, what the last key is for.
 * Strings are UTF-8. */
void json_text_string(struct json_text *t, const char *value);
void json_text_number(struct json_text *t, double value);   /* null unless finite */
void json_text_word(struct json_text *t, const char *word); /* true, 12, null: as it is */

/* Containers: `bracket` is one of "{[" and "]}". A flat one is written on one line and holds no
 * other containers. */
void json_text_open(struct json_text *t, char bracket);
void json_text_open_flat(struct json_text *t, char bracket);
void json_text_close(struct json_text *t, char bracket);

/* The key of the value that comes next. */
void json_text_key(struct json_text *t, const char *key);

/* The text and a newline, now the arena's; NULL when memory ran out. `t` is empty again. */
char *json_text_take(struct json_text *t, struct arena *a);

/* `value` with as few digits as read back to the same number, and a point whatever the locale.
 * What is not finite is "nan", "inf" or "-inf". */
void json_number_text(char out[JSON_NUMBER_TEXT_MAX], double value);

#endif
