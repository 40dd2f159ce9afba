#include "base/json_place.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/json_text.h"

enum { KEY_BYTES_MAX = 40, KNOWN_MAX = 8 };

/* At most `max` of the first bytes of `text`, with no character cut in two. */
static size_t cut_bytes(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);
    if (len <= max)
        return len;
    len = max;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

void json_quote(char out[JSON_QUOTE_MAX], const char *text)
{
    size_t len = cut_bytes(text, KEY_BYTES_MAX);
    snprintf(out, JSON_QUOTE_MAX, "\"%.*s%s\"", (int)len, text, text[len] == '\0' ? "" : "...");
}

/* Add `word` to the list in `out`. False when it does not fit. */
static bool add_word(char out[JSON_WORDS_MAX], const char *word)
{
    char quoted[JSON_QUOTE_MAX];
    size_t used = strlen(out);
    json_quote(quoted, word);
    bool fits = used + strlen(quoted) + sizeof ", , ..." <= JSON_WORDS_MAX;
    snprintf(out + used, JSON_WORDS_MAX - used, "%s%s", used == 0 ? "" : ", ",
             fits ? quoted : "...");
    return fits;
}

void json_quote_words(char out[JSON_WORDS_MAX], const char *const *words)
{
    out[0] = '\0';
    while (*words != NULL && add_word(out, *words))
        words++;
}

bool json_is_name(const char *key)
{
    size_t len = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return len >= 1 && len <= KEY_BYTES_MAX && key[len] == '\0';
}

/* The chain leads from the leaf to the root, so the path is written from its end. What does not fit
 * is the root's side: the leaf says more. */
static const char *spell(char path[JSON_PATH_MAX], const struct json_place *place)
{
    char *at = path + JSON_PATH_MAX - 1;
    *at = '\0';
    for (; place != NULL; place = place->up) {
        char part[JSON_QUOTE_MAX + 2];
        const char *dot = place->up == NULL ? "" : ".";
        if (place->key == NULL) {
            snprintf(part, sizeof part, "[%zu]", place->index);
        } else if (json_is_name(place->key)) {
            snprintf(part, sizeof part, "%s%s", dot, place->key);
        } else {
            char quoted[JSON_QUOTE_MAX];
            json_quote(quoted, place->key);
            snprintf(part, sizeof part, "%s%s", dot, quoted);
        }
        size_t len = strlen(part);
        if ((size_t)(at - path) < len + 3) {
            at -= 3;
            memcpy(at, "...", 3);
            break;
        }
        at -= len;
        memcpy(at, part, len);
    }
    return at;
}

int json_fail_under(struct error *err, const struct json_place *place)
{
    char path[JSON_PATH_MAX];
    return place == NULL ? -1 : error_prefix(err, "%s", spell(path, place));
}

int json_fail(struct error *err, enum error_code code, const struct json_place *place,
              const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_set(err, code, "%s", text);
    return json_fail_under(err, place);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* How many letters must be changed, added, dropped or swapped with their neighbour to make `a` into
 * `b` (optimal string alignment). SIZE_MAX when they are too long to be worth the work. */
static size_t distance(const char *a, const char *b)
{
    size_t row[3][KEY_BYTES_MAX + 1]; /* of a[i - 2], a[i - 1] and a[i] */
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (a_len > KEY_BYTES_MAX || b_len > KEY_BYTES_MAX)
        return SIZE_MAX;
    for (size_t k = 0; k <= b_len; k++)
        row[1][k] = row[2][k] = k;
    for (size_t i = 1; i <= a_len; i++) {
        memmove(row[0], row[1], sizeof row[0]);
        memmove(row[1], row[2], sizeof row[1]);
        row[2][0] = i;
        for (size_t k = 1; k <= b_len; k++) {
            char x = lower(a[i - 1]);
            char y = lower(b[k - 1]);
            size_t best = row[1][k - 1] + (x != y);
            if (row[1][k] + 1 < best)
                best = row[1][k] + 1;
            if (row[2][k - 1] + 1 < best)
                best = row[2][k - 1] + 1;
            if (i > 1 && k > 1 && x == lower(b[k - 2]) && y == lower(a[i - 2]) &&
                row[0][k - 2] + 1 < best)
                best = row[0][k - 2] + 1;
            row[2][k] = best;
        }
    }
    return row[2][b_len];
}

int json_fail_unknown(struct error *err, const struct json_place *place,
                      const struct json_field *fields)
{
    const char *nearest = NULL;
    size_t best = 1 + strlen(place->key) / 4;
    size_t count = 0;
    bool fits = true;
    char words[JSON_WORDS_MAX] = "";
    for (const struct json_field *f = fields; f->key != NULL; f++, count++) {
        size_t d = distance(place->key, f->key);
        if (d <= best && d < strlen(f->key) && (nearest == NULL || d < best)) {
            nearest = f->key;
            best = d;
        }
        fits = fits && add_word(words, f->key);
    }
    if (nearest != NULL)
        return json_fail(err, ERR_UNKNOWN, place, "unknown key; did you mean \"%s\"?", nearest);
    if (count == 0 || count > KNOWN_MAX)
        return json_fail(err, ERR_UNKNOWN, place, "unknown key");
    return json_fail(err, ERR_UNKNOWN, place, "unknown key; known are %s", words);
}

int json_fail_twice(struct error *err, const struct json_place *place, const char *key)
{
    char quoted[JSON_QUOTE_MAX];
    json_quote(quoted, key);
    return json_fail(err, ERR_DUPLICATE, place, "key %s is given twice", quoted);
}

int json_fail_name(struct error *err, const struct json_place *place, const char *key)
{
    char quoted[JSON_QUOTE_MAX];
    json_quote(quoted, key);
    return json_fail(err, ERR_SYNTAX, place,
                     "%s is not a name: 1 to 40 letters, digits, '_' and '-'", quoted);
}

int json_fail_bounds(struct error *err, const struct json_place *place, double got, double low,
                     double high)
{
    char low_text[JSON_NUMBER_TEXT_MAX];
    char high_text[JSON_NUMBER_TEXT_MAX];
    char got_text[JSON_NUMBER_TEXT_MAX] = "one beyond all doubles";
    json_number_text(low_text, low);
    json_number_text(high_text, high);
    if (isfinite(got))
        json_number_text(got_text, got);
    if (isfinite(low) && isfinite(high))
        return json_fail(err, ERR_RANGE, place, "expected %s..%s, got %s", low_text, high_text,
                         got_text);
    if (isfinite(low))
        return json_fail(err, ERR_RANGE, place, "expected %s or more, got %s", low_text, got_text);
    if (isfinite(high))
        return json_fail(err, ERR_RANGE, place, "expected %s or less, got %s", high_text, got_text);
    return json_fail(err, ERR_RANGE, place, "expected a number, got %s", got_text);
}
