#include "base/json_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

static void put(struct json_text *t, const char *bytes, size_t len)
{
    if (t->failed)
        return;
    if (len > t->size - t->used) {
        size_t size = 2 * t->size + len + 256;
        char *grown = realloc(t->bytes, size);
        if (grown == NULL) {
            t->failed = true;
            return;
        }
        t->bytes = grown;
        t->size = size;
    }
    memcpy(t->bytes + t->used, bytes, len);
    t->used += len;
}

static void put_line(struct json_text *t)
{
    put(t, "\n", 1);
    for (size_t i = 0; i < t->indent; i++)
        put(t, "  ", 2);
}

/* What goes before a value or a key. */
static void put_gap(struct json_text *t)
{
    if (t->keyed) {
        t->keyed = false;
        return;
    }
    if (!t->empty && t->indent > 0)
        put(t, ",", 1);
    if (t->flat && !t->empty)
        put(t, " ", 1);
    if (!t->flat && t->indent > 0)
        put_line(t);
    t->empty = false;
}

static void put_string(struct json_text *t, const char *value)
{
    put(t, "\"", 1);
    while (*value != '\0') {
        size_t plain = 0;
        while ((unsigned char)value[plain] >= 0x20 && value[plain] != '"' && value[plain] != '\\')
            plain++;
        put(t, value, plain);
        value += plain;
        if (*value == '\0')
            break;
        char escape[8];
        const char *letter = strchr("\"\"\\\\\bb\ff\nn\rr\tt", *value);
        if (letter != NULL)
            snprintf(escape, sizeof escape, "\\%c", letter[1]);
        else
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)*value);
        put(t, escape, strlen(escape));
        value++;
    }
    put(t, "\"", 1);
}

void json_text_string(struct json_text *t, const char *value)
{
    put_gap(t);
    put_string(t, value);
}

void json_text_word(struct json_text *t, const char *word)
{
    put_gap(t);
    put(t, word, strlen(word));
}

void json_text_number(struct json_text *t, double value)
{
    char text[JSON_NUMBER_TEXT_MAX];
    json_number_text(text, value);
    json_text_word(t, isfinite(value) ? text : "null");
}

void json_text_open(struct json_text *t, char bracket)
{
    put_gap(t);
    put(t, &bracket, 1);
    t->indent++;
    t->empty = true;
}

void json_text_open_flat(struct json_text *t, char bracket)
{
    json_text_open(t, bracket);
    t->flat = true;
}

void json_text_close(struct json_text *t, char bracket)
{
    t->indent--;
    if (!t->empty && !t->flat)
        put_line(t);
    put(t, &bracket, 1);
    t->empty = false;
    t->flat = false;
}

void json_text_key(struct json_text *t, const char *key)
{
    put_gap(t);
    put_string(t, key);
    put(t, ": ", 2);
    t->keyed = true;
}

char *json_text_take(struct json_text *t, struct arena *a)
{
    put(t, "\n", 1);
    char *text = t->failed ? NULL : arena_string(a, t->bytes, t->used);
    free(t->bytes);
    *t = (struct json_text){0};
    return text;
}

void json_number_text(char out[JSON_NUMBER_TEXT_MAX], double value)
{
    /* Fifteen digits are always kept, and %g drops their zeros; numbers below the normal ones have
     * fewer to begin with. */
    int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
    do
        snprintf(out, JSON_NUMBER_TEXT_MAX, "%.*g", digits, value);
    while (isfinite(value) && digits++ < DBL_DECIMAL_DIG && strtod(out, NULL) != value);
    if (!isfinite(value))
        return;
    /* A locale's decimal point may be a comma, or several bytes. */
    size_t plain = strspn(out, "-+e0123456789");
    if (out[plain] != '\0') {
        size_t bytes = strcspn(out + plain, "-+e0123456789");
        out[plain] = '.';
        memmove(out + plain + 1, out + plain + bytes, strlen(out + plain + bytes) + 1);
    }
}
