#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "base/json.h"
#include "base/json_text.h"

static const char NAME_PATTERN[] = "^[A-Za-z0-9_-]{1,40}$";

#define NUMBER_PATTERN "([0-9]+(\\.[0-9]+)?"
static const char DURATION_PATTERN[] =
    "^(0|" NUMBER_PATTERN "d)?" NUMBER_PATTERN "h)?" NUMBER_PATTERN "m)?" NUMBER_PATTERN
    "s)?" NUMBER_PATTERN "ms)?" NUMBER_PATTERN "us)?)$";

static void put_fields(struct json_text *t, const struct json_field *fields, bool nullable);

static void put_pair(struct json_text *t, const char *key, const char *value)
{
    json_text_key(t, key);
    json_text_string(t, value);
}

static void put_count(struct json_text *t, const char *key, size_t count)
{
    json_text_key(t, key);
    json_text_number(t, (double)count);
}

static bool is_bounded(const struct json_field *f)
{
    return f->low != 0 || f->high != 0;
}

static void put_bounds(struct json_text *t, const struct json_field *f)
{
    if (is_bounded(f) && isfinite(f->low)) {
        json_text_key(t, "minimum");
        json_text_number(t, f->low);
    }
    if (is_bounded(f) && isfinite(f->high)) {
        json_text_key(t, "maximum");
        json_text_number(t, f->high);
    }
}

/* How many items there may be, in the words of arrays or of objects. */
static void put_counts(struct json_text *t, const struct json_field *f, bool object)
{
    if (f->count_min > 0)
        put_count(t, object ? "minProperties" : "minItems", f->count_min);
    put_count(t, object ? "maxProperties" : "maxItems",
              f->count_max == 0 ? (size_t)JSON_COUNT_MAX : f->count_max);
}

/* Bounds of a duration have no keyword: its description names them. */
static void put_description(struct json_text *t, const struct json_field *f)
{
    char low[DURATION_TEXT_MAX];
    char high[DURATION_TEXT_MAX];
    char text[1024];
    if (f->doc == NULL)
        return;
    snprintf(text, sizeof text, "%s", f->doc);
    if (f->type == JSON_TYPE_DURATION && is_bounded(f)) {
        duration_format(low, (int64_t)fmax(f->low, 0));
        duration_format(high, f->high < 0x1p63 ? (int64_t)f->high : INT64_MAX);
        snprintf(text, sizeof text, "%s (%s..%s)", f->doc, low, high);
    }
    put_pair(t, "description", text);
}

static void put_default(struct json_text *t, const struct json_field *f)
{
    if (f->preset == NULL)
        return;
    json_text_key(t, "default");
    if (f->type == JSON_TYPE_STR || f->type == JSON_TYPE_WORD || f->type == JSON_TYPE_DURATION)
        json_text_string(t, f->preset);
    else /* presets of the other types are JSON already */
        json_text_word(t, f->preset);
}

static void put_words(struct json_text *t, const char *const *words)
{
    json_text_key(t, "enum");
    json_text_open_flat(t, '[');
    for (; *words != NULL; words++)
        json_text_string(t, *words);
    json_text_close(t, ']');
}

static void put_duration(struct json_text *t)
{
    put_pair(t, "type", "string");
    put_pair(t, "pattern", DURATION_PATTERN);
    put_count(t, "minLength", 1); /* the pattern would let the empty text pass */
}

/* "type": NAME, or that and null. */
static void put_plain(struct json_text *t, const struct json_field *f, const char *name)
{
    if (!f->nullable) {
        put_pair(t, "type", name);
        return;
    }
    json_text_key(t, "type");
    json_text_open_flat(t, '[');
    json_text_string(t, name);
    json_text_string(t, "null");
    json_text_close(t, ']');
}

static void put_scalar(struct json_text *t)
{
    json_text_key(t, "type");
    json_text_open_flat(t, '[');
    json_text_string(t, "number");
    json_text_string(t, "string");
    json_text_string(t, "boolean");
    json_text_close(t, ']');
}

static void put_list(struct json_text *t, const struct json_field *f)
{
    put_pair(t, "type", "array");
    put_counts(t, f, false);
    json_text_key(t, "items");
    json_text_open(t, '{');
    if (f->type == JSON_TYPE_STRS) {
        put_pair(t, "type", "string");
    } else if (f->type == JSON_TYPE_SCALARS) {
        put_scalar(t);
    } else if (f->type == JSON_TYPE_F64S) {
        put_pair(t, "type", "number");
        put_bounds(t, f);
    } else {
        put_fields(t, f->fields, false);
    }
    json_text_close(t, '}');
}

static void put_two_numbers(struct json_text *t, const struct json_field *f)
{
    put_plain(t, f, "array");
    put_count(t, "minItems", 2);
    put_count(t, "maxItems", 2);
    json_text_key(t, "items");
    json_text_open(t, '{');
    put_pair(t, "type", "number");
    put_bounds(t, f);
    json_text_close(t, '}');
}

static void put_map_object(struct json_text *t, const struct json_field *f)
{
    put_pair(t, "type", "object");
    put_counts(t, f, true);
    json_text_key(t, "propertyNames");
    json_text_open(t, '{');
    put_pair(t, "pattern", NAME_PATTERN);
    json_text_close(t, '}');
    json_text_key(t, "additionalProperties");
    json_text_open(t, '{');
    put_fields(t, f->fields, false);
    json_text_close(t, '}');
}

static void put_map_keys(struct json_text *t, const struct json_field *f)
{
    put_pair(t, "type", "array");
    put_counts(t, f, false);
    json_text_key(t, "uniqueItems");
    json_text_word(t, "true");
    json_text_key(t, "items");
    json_text_open(t, '{');
    put_pair(t, "type", "string");
    put_pair(t, "pattern", NAME_PATTERN);
    json_text_close(t, '}');
}

static void put_map(struct json_text *t, const struct json_field *f)
{
    for (const struct json_field *row = f->fields; row->key != NULL; row++)
        if (row->required) {
            put_map_object(t, f);
            return;
        }
    json_text_key(t, "anyOf");
    json_text_open(t, '[');
    json_text_open(t, '{');
    put_map_object(t, f);
    json_text_close(t, '}');
    json_text_open(t, '{');
    put_map_keys(t, f);
    json_text_close(t, '}');
    json_text_close(t, ']');
}

static void put_type(struct json_text *t, const struct json_field *f)
{
    switch (f->type) {
    case JSON_TYPE_BOOL:
        put_pair(t, "type", "boolean");
        break;
    case JSON_TYPE_I64:
        put_pair(t, "type", "integer");
        put_bounds(t, f);
        break;
    case JSON_TYPE_F64:
        put_plain(t, f, "number");
        put_bounds(t, f);
        break;
    case JSON_TYPE_STR:
        put_plain(t, f, "string");
        break;
    case JSON_TYPE_WORD:
        put_words(t, f->words);
        break;
    case JSON_TYPE_DURATION:
        put_duration(t);
        break;
    case JSON_TYPE_OBJECT:
    case JSON_TYPE_MAYBE:
        put_fields(t, f->fields, f->nullable);
        break;
    case JSON_TYPE_SCALAR:
        put_scalar(t);
        break;
    case JSON_TYPE_LIST:
    case JSON_TYPE_STRS:
    case JSON_TYPE_SCALARS:
    case JSON_TYPE_F64S:
        put_list(t, f);
        break;
    case JSON_TYPE_MAP:
        put_map(t, f);
        break;
    case JSON_TYPE_PAIR:
        put_two_numbers(t, f);
        break;
    case JSON_TYPE_END:
        break;
    }
}

/* The keywords of an object with the rows of a table, or of null too. */
static void put_fields(struct json_text *t, const struct json_field *fields, bool nullable)
{
    const struct json_field row = {.nullable = nullable};
    bool required = false;
    put_plain(t, &row, "object");
    json_text_key(t, "additionalProperties");
    json_text_word(t, "false");
    json_text_key(t, "properties");
    json_text_open(t, '{');
    for (const struct json_field *f = fields; f->key != NULL; f++) {
        json_text_key(t, f->key);
        json_text_open(t, '{');
        put_description(t, f);
        put_type(t, f);
        put_default(t, f);
        json_text_close(t, '}');
        required = required || f->required;
    }
    json_text_close(t, '}');
    if (!required)
        return;
    json_text_key(t, "required");
    json_text_open_flat(t, '[');
    for (const struct json_field *f = fields; f->key != NULL; f++)
        if (f->required)
            json_text_string(t, f->key);
    json_text_close(t, ']');
}

char *json_schema(const struct json_field *fields, const char *title, struct arena *a)
{
    struct json_text t = {0};
    json_text_open(&t, '{');
    put_pair(&t, "$schema", "https://json-schema.org/draft/2020-12/schema");
    put_pair(&t, "title", title);
    put_fields(&t, fields, false);
    json_text_close(&t, '}');
    return json_text_take(&t, a);
}
