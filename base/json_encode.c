#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "base/json.h"
#include "base/json_text.h"

static void encode_fields(struct json_text *t, const char *base, const struct json_field *fields);

static void encode_string(struct json_text *t, const char *value)
{
    if (value == NULL)
        json_text_word(t, "null");
    else
        json_text_string(t, value);
}

static void encode_word(struct json_text *t, const char *const *words, int index)
{
    assert(index >= 0);
    for (int i = 0; i <= index; i++)
        assert(words[i] != NULL);
    json_text_string(t, words[index]);
}

static void encode_numbers(struct json_text *t, const double *numbers, size_t count)
{
    json_text_open_flat(t, '[');
    for (size_t i = 0; i < count; i++)
        json_text_number(t, numbers[i]);
    json_text_close(t, ']');
}

static void encode_strings(struct json_text *t, const char *const *strings, size_t count)
{
    json_text_open_flat(t, '[');
    for (size_t i = 0; i < count; i++)
        encode_string(t, strings[i]);
    json_text_close(t, ']');
}

static void encode_scalar(struct json_text *t, const char *text)
{
    json_text_word(t, text == NULL ? "null" : text);
}

static void encode_scalars(struct json_text *t, const char *const *texts, size_t count)
{
    json_text_open_flat(t, '[');
    for (size_t i = 0; i < count; i++)
        encode_scalar(t, texts[i]);
    json_text_close(t, ']');
}

/* LIST and MAP: the items lie one behind the other. */
static void encode_items(struct json_text *t, const char *items, size_t count,
                         const struct json_field *f)
{
    bool map = f->type == JSON_TYPE_MAP;
    json_text_open(t, map ? '{' : '[');
    for (size_t i = 0; i < count; i++) {
        const char *item = items + i * f->item_size;
        const char *key;
        if (map) {
            memcpy(&key, item, sizeof key);
            json_text_key(t, key);
        }
        encode_fields(t, item, f->fields);
    }
    json_text_close(t, map ? '}' : ']');
}

/* Whether to leave out an array or map: empty where only its absence can be, so that what is
 * written can be read again. */
static bool is_absent(const char *base, const struct json_field *f)
{
    size_t count;
    if (f->count_min == 0 || f->required)
        return false;
    memcpy(&count, base + f->count_offset, sizeof count);
    return count == 0;
}

static void encode_value(struct json_text *t, const char *base, const struct json_field *f)
{
    const void *member = base + f->offset;
    const double *pair = member;
    char text[DURATION_TEXT_MAX];
    const void *items = NULL;
    size_t count = 0;
    if (f->type == JSON_TYPE_LIST || f->type == JSON_TYPE_MAP || f->type == JSON_TYPE_STRS ||
        f->type == JSON_TYPE_SCALARS || f->type == JSON_TYPE_F64S) {
        memcpy(&items, member, sizeof items);
        memcpy(&count, base + f->count_offset, sizeof count);
    }
    switch (f->type) {
    case JSON_TYPE_BOOL:
        json_text_word(t, *(const bool *)member ? "true" : "false");
        return;
    case JSON_TYPE_I64:
        snprintf(text, sizeof text, "%" PRId64, *(const int64_t *)member);
        json_text_word(t, text);
        return;
    case JSON_TYPE_F64:
        json_text_number(t, *(const double *)member);
        return;
    case JSON_TYPE_STR:
        encode_string(t, *(const char *const *)member);
        return;
    case JSON_TYPE_WORD:
        encode_word(t, f->words, *(const int *)member);
        return;
    case JSON_TYPE_DURATION:
        duration_format(text, *(const int64_t *)member);
        json_text_string(t, text);
        return;
    case JSON_TYPE_OBJECT:
        encode_fields(t, member, f->fields);
        return;
    case JSON_TYPE_MAYBE:
        if (*(const void *const *)member == NULL)
            json_text_word(t, "null");
        else
            encode_fields(t, *(const char *const *)member, f->fields);
        return;
    case JSON_TYPE_LIST:
    case JSON_TYPE_MAP:
        encode_items(t, items, count, f);
        return;
    case JSON_TYPE_STRS:
        encode_strings(t, items, count);
        return;
    case JSON_TYPE_SCALAR:
        encode_scalar(t, *(const char *const *)member);
        return;
    case JSON_TYPE_SCALARS:
        encode_scalars(t, items, count);
        return;
    case JSON_TYPE_F64S:
        encode_numbers(t, items, count);
        return;
    case JSON_TYPE_PAIR:
        if (isnan(pair[0]) && isnan(pair[1]))
            json_text_word(t, "null");
        else
            encode_numbers(t, pair, 2);
        return;
    case JSON_TYPE_END:
        break;
    }
    assert(!"a row of a known type");
}

static void encode_fields(struct json_text *t, const char *base, const struct json_field *fields)
{
    json_text_open(t, '{');
    for (const struct json_field *f = fields; f->key != NULL; f++) {
        if (is_absent(base, f))
            continue;
        json_text_key(t, f->key);
        encode_value(t, base, f);
    }
    json_text_close(t, '}');
}

char *json_encode(const void *in, const struct json_field *fields, struct arena *a)
{
    struct json_text t = {0};
    encode_fields(&t, in, fields);
    return json_text_take(&t, a);
}
