#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/json_place.h"
#include "base/json_text.h"
#include "base/json_tree.h"

enum { ROWS_MAX = 96 };

/* The largest integer below which every double is the only one that rounds to it. */
static const double INTEGER_MAX = 9007199254740991.0;

static int decode_value(struct json_decoder *d, void *base, const struct json_field *f,
                        const cJSON *node, const struct json_place *place);

const struct json_field *json_field_at(const struct json_field *fields, const char *key, size_t len)
{
    for (const struct json_field *f = fields; f->key != NULL; f++)
        if (strncmp(f->key, key, len) == 0 && f->key[len] == '\0')
            return f;
    return NULL;
}

/* Numbers. */

static int decode_number(struct json_decoder *d, double *out, const struct json_field *f,
                         const cJSON *node, const struct json_place *place)
{
    bool bounded = f->low != 0 || f->high != 0;
    if (!cJSON_IsNumber(node))
        return json_fail_type(d, place, "number", node);
    double low = bounded ? f->low : (double)-INFINITY;
    double high = bounded ? f->high : (double)INFINITY;
    double x = node->valuedouble;
    if (!isfinite(x) || x < low || x > high)
        return json_fail_bounds(d->err, place, x, low, high);
    *out = x;
    return 0;
}

static int decode_i64(struct json_decoder *d, int64_t *out, const struct json_field *f,
                      const cJSON *node, const struct json_place *place)
{
    bool bounded = f->low != 0 || f->high != 0;
    double low = bounded ? fmax(f->low, -INTEGER_MAX) : -INTEGER_MAX;
    double high = bounded ? fmin(f->high, INTEGER_MAX) : INTEGER_MAX;
    if (!cJSON_IsNumber(node))
        return json_fail_type(d, place, "number", node);
    double x = node->valuedouble;
    if (isfinite(x) && x != trunc(x)) {
        char got[JSON_NUMBER_TEXT_MAX];
        json_number_text(got, x);
        return json_fail(d->err, ERR_TYPE, place, "expected a whole number, got %s", got);
    }
    if (x < low || x > high)
        return json_fail_bounds(d->err, place, x, low, high);
    *out = (int64_t)x;
    return 0;
}

/* Strings, and what is written as one. */

static int decode_string(struct json_decoder *d, const char **out, const char *text)
{
    const char *copy = arena_string(d->arena, text, strlen(text));
    if (copy == NULL)
        return error_memory(d->err);
    *out = copy;
    return 0;
}

/* The text of a number, a string or a boolean, as in a file. */
static int decode_scalar(struct json_decoder *d, const char **out, const cJSON *node,
                         const struct json_place *place)
{
    struct json_text text = {0};
    if (cJSON_IsString(node))
        json_text_string(&text, node->valuestring);
    else if (cJSON_IsNumber(node) && isfinite(node->valuedouble))
        json_text_number(&text, node->valuedouble);
    else if (cJSON_IsBool(node))
        json_text_word(&text, cJSON_IsTrue(node) ? "true" : "false");
    else if (cJSON_IsNumber(node))
        return json_fail_bounds(d->err, place, node->valuedouble, (double)-INFINITY,
                                (double)INFINITY);
    else
        return json_fail_type(d, place, "number, string or boolean", node);
    char *made = json_text_take(&text, d->arena);
    if (made == NULL)
        return error_memory(d->err);
    made[strlen(made) - 1] = '\0'; /* the newline */
    *out = made;
    return 0;
}

static int decode_word(struct json_decoder *d, int *out, const struct json_field *f,
                       const cJSON *node, const struct json_place *place)
{
    char got[JSON_QUOTE_MAX];
    char words[JSON_WORDS_MAX];
    for (int i = 0; cJSON_IsString(node) && f->words[i] != NULL; i++)
        if (strcmp(f->words[i], node->valuestring) == 0) {
            *out = i;
            return 0;
        }
    json_quote_words(words, f->words);
    if (!cJSON_IsString(node))
        return json_fail(d->err, ERR_TYPE, place, "expected one of %s; got %s", words,
                         json_type_of(node));
    json_quote(got, node->valuestring);
    return json_fail(d->err, ERR_UNKNOWN, place, "expected one of %s; got %s", words, got);
}

static int decode_duration(struct json_decoder *d, int64_t *out, const struct json_field *f,
                           const cJSON *node, const struct json_place *place)
{
    int64_t us;
    char low[DURATION_TEXT_MAX];
    char high[DURATION_TEXT_MAX];
    char got[DURATION_TEXT_MAX];
    if (!cJSON_IsString(node))
        return json_fail_type(d, place, "a duration such as \"250ms\"", node);
    if (duration_parse(&us, node->valuestring, d->err) != 0)
        return json_fail_under(d->err, place);
    bool bounded = f->low != 0 || f->high != 0;
    if (bounded && ((double)us < f->low || (double)us > f->high)) {
        duration_format(low, (int64_t)fmax(f->low, 0));
        duration_format(high, f->high < 0x1p63 ? (int64_t)f->high : INT64_MAX);
        duration_format(got, us);
        return json_fail(d->err, ERR_RANGE, place, "expected %s..%s, got %s", low, high, got);
    }
    *out = us;
    return 0;
}

/* Objects. */

static int preset_fields(struct json_decoder *d, void *base, const struct json_field *fields);

/* Absent members already hold their presets. */
static int decode_fields(struct json_decoder *d, void *base, const struct json_field *fields,
                         const cJSON *node, const struct json_place *place)
{
    bool seen[ROWS_MAX] = {false};
    if (!cJSON_IsObject(node))
        return json_fail_type(d, place, "object", node);
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        struct json_place here = {.up = place, .key = child->string};
        const struct json_field *f = json_field_at(fields, child->string, strlen(child->string));
        if (f == NULL)
            return json_fail_unknown(d->err, &here, fields);
        assert(f - fields < ROWS_MAX);
        if (seen[f - fields])
            return json_fail_twice(d->err, place, f->key);
        seen[f - fields] = true;
        if (decode_value(d, base, f, child, &here) != 0)
            return -1;
    }
    for (const struct json_field *f = fields; f->key != NULL; f++) {
        assert(f - fields < ROWS_MAX);
        if (f->required && !seen[f - fields])
            return json_fail(d->err, ERR_MISSING, place, "key \"%s\" is missing", f->key);
    }
    return 0;
}

/* What is not known. */
static void put_null(void *base, const struct json_field *f)
{
    void *member = (char *)base + f->offset;
    const double unknown[2] = {(double)NAN, (double)NAN};
    assert(f->type == JSON_TYPE_F64 || f->type == JSON_TYPE_STR || f->type == JSON_TYPE_PAIR ||
           f->type == JSON_TYPE_MAYBE);
    if (f->type == JSON_TYPE_STR)
        *(const char **)member = NULL;
    else if (f->type == JSON_TYPE_MAYBE)
        *(void **)member = NULL;
    else
        memcpy(member, unknown, f->type == JSON_TYPE_PAIR ? sizeof unknown : sizeof unknown[0]);
}

/* The value of an absent key, or of an absent object's members. A preset that is not good for its
 * own row is our mistake. */
static int preset_field(struct json_decoder *d, void *base, const struct json_field *f)
{
    if (f->type == JSON_TYPE_OBJECT) {
        assert(f->preset == NULL);
        return preset_fields(d, (char *)base + f->offset, f->fields);
    }
    if (f->preset == NULL) {
        if (f->nullable)
            put_null(base, f);
        return 0;
    }
    bool string =
        f->type == JSON_TYPE_STR || f->type == JSON_TYPE_WORD || f->type == JSON_TYPE_DURATION;
    cJSON *node = string ? cJSON_CreateString(f->preset)
                         : json_tree_parse(f->preset, strlen(f->preset), d->err);
    if (node == NULL && string)
        error_memory(d->err);
    struct json_place here = {.key = f->key};
    int status = node == NULL ? -1 : decode_value(d, base, f, node, &here);
    cJSON_Delete(node);
    assert(status == 0 || d->err->code == ERR_MEMORY);
    return status;
}

static int preset_fields(struct json_decoder *d, void *base, const struct json_field *fields)
{
    for (const struct json_field *f = fields; f->key != NULL; f++)
        if (preset_field(d, base, f) != 0)
            return -1;
    return 0;
}

/* Arrays, and maps. */

static int check_count(struct json_decoder *d, const struct json_field *f, size_t count,
                       const struct json_place *place)
{
    size_t max = f->count_max == 0 ? JSON_COUNT_MAX : f->count_max;
    if (count < f->count_min)
        return json_fail(d->err, ERR_RANGE, place, "expected %zu or more items, got %zu",
                         f->count_min, count);
    if (count > max)
        return json_fail(d->err, f->count_max == 0 ? ERR_LIMIT : ERR_RANGE, place,
                         "expected at most %zu items, got %zu", max, count);
    return 0;
}

/* Room for the items of `node`, each holding its presets: worked out once and copied. */
static int items_new(struct json_decoder *d, char **items, size_t *count,
                     const struct json_field *f, const cJSON *node, const struct json_place *place)
{
    *count = (size_t)cJSON_GetArraySize(node);
    if (check_count(d, f, *count, place) != 0)
        return -1;
    *items = arena_alloc(d->arena, *count, f->item_size);
    if (*items == NULL)
        return error_memory(d->err);
    if (*count == 0 || f->fields == NULL)
        return 0;
    if (preset_fields(d, *items, f->fields) != 0)
        return -1;
    for (size_t i = 1; i < *count; i++)
        memcpy(*items + i * f->item_size, *items, f->item_size);
    return 0;
}

/* Hand over the array at `items`; the members differ in type, so their bytes are written. */
static void items_put(void *base, const struct json_field *f, const void *items, size_t count)
{
    memcpy((char *)base + f->offset, &items, sizeof items);
    memcpy((char *)base + f->count_offset, &count, sizeof count);
}

static int decode_list(struct json_decoder *d, void *base, const struct json_field *f,
                       const cJSON *node, const struct json_place *place)
{
    char *items;
    size_t count;
    struct json_place here = {.up = place};
    if (!cJSON_IsArray(node))
        return json_fail_type(d, place, "array", node);
    if (items_new(d, &items, &count, f, node, place) != 0)
        return -1;
    char *item = items;
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        if (decode_fields(d, item, f->fields, child, &here) != 0)
            return -1;
        item += f->item_size;
        here.index++;
    }
    items_put(base, f, items, count);
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether every key of a map is a name and there once. Sorted, since there may be 100,000. */
static int check_keys(struct json_decoder *d, const cJSON *node, size_t count,
                      const struct json_place *place)
{
    int status = -1;
    size_t used = 0;
    const char **keys = malloc((count + 1) * sizeof *keys);
    if (keys == NULL)
        return error_memory(d->err);
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        keys[used] = cJSON_IsArray(node) ? child->valuestring : child->string;
        if (!json_is_name(keys[used])) {
            json_fail_name(d->err, place, keys[used]);
            goto out;
        }
        used++;
    }
    assert(used == count);
    qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t i = 1; i < count; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0) {
            json_fail_twice(d->err, place, keys[i]);
            goto out;
        }
    status = 0;
out:
    free(keys);
    return status;
}

static int decode_map(struct json_decoder *d, void *base, const struct json_field *f,
                      const cJSON *node, const struct json_place *place)
{
    char *items;
    size_t count;
    bool is_short = cJSON_IsArray(node);
    if (!is_short && !cJSON_IsObject(node))
        return json_fail_type(d, place, "object", node);
    if (is_short && json_check_short_map(d, f, node, place) != 0)
        return -1;
    if (items_new(d, &items, &count, f, node, place) != 0 || check_keys(d, node, count, place) != 0)
        return -1;
    char *item = items;
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        const char *key = NULL;
        if (decode_string(d, &key, is_short ? child->valuestring : child->string) != 0)
            return -1;
        memcpy(item, &key, sizeof key);
        struct json_place here = {.up = place, .key = key};
        if (!is_short && decode_fields(d, item, f->fields, child, &here) != 0)
            return -1;
        item += f->item_size;
    }
    items_put(base, f, items, count);
    return 0;
}

static int decode_item(struct json_decoder *d, void *item, const struct json_field *f,
                       const cJSON *node, const struct json_place *place)
{
    if (f->type == JSON_TYPE_SCALARS)
        return decode_scalar(d, item, node, place);
    if (f->type != JSON_TYPE_STRS)
        return decode_number(d, item, f, node, place);
    if (!cJSON_IsString(node))
        return json_fail_type(d, place, "string", node);
    return decode_string(d, item, node->valuestring);
}

/* STRS, SCALARS, F64S and PAIR: `item_size` bytes apart. */
static int decode_plain(struct json_decoder *d, void *base, const struct json_field *f,
                        const cJSON *node, const struct json_place *place)
{
    struct json_place here = {.up = place};
    struct json_field row = *f;
    char *items;
    size_t count;
    row.fields = NULL;
    bool text = f->type == JSON_TYPE_STRS || f->type == JSON_TYPE_SCALARS;
    row.item_size = text ? sizeof(const char *) : sizeof(double);
    if (!cJSON_IsArray(node))
        return json_fail_type(d, place, "array", node);
    if (f->type == JSON_TYPE_PAIR && cJSON_GetArraySize(node) != 2)
        return json_fail(d->err, ERR_RANGE, place, "expected two numbers, got %d",
                         cJSON_GetArraySize(node));
    if (items_new(d, &items, &count, &row, node, place) != 0)
        return -1;
    char *item = items;
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        if (decode_item(d, item, f, child, &here) != 0)
            return -1;
        item += row.item_size;
        here.index++;
    }
    if (f->type == JSON_TYPE_PAIR)
        memcpy((char *)base + f->offset, items, 2 * sizeof(double));
    else
        items_put(base, f, items, count);
    return 0;
}

static int decode_maybe(struct json_decoder *d, void **member, const struct json_field *f,
                        const cJSON *node, const struct json_place *place)
{
    void *made = arena_alloc(d->arena, 1, f->item_size);
    if (made == NULL)
        return error_memory(d->err);
    if (preset_fields(d, made, f->fields) != 0 ||
        decode_fields(d, made, f->fields, node, place) != 0)
        return -1;
    *member = made;
    return 0;
}

/* Decode `node` into the member of `base` that row `f` describes. */
static int decode_value(struct json_decoder *d, void *base, const struct json_field *f,
                        const cJSON *node, const struct json_place *place)
{
    void *member = (char *)base + f->offset;
    if (f->nullable && cJSON_IsNull(node)) {
        put_null(base, f);
        return 0;
    }
    switch (f->type) {
    case JSON_TYPE_BOOL:
        if (!cJSON_IsBool(node))
            return json_fail_type(d, place, "boolean", node);
        *(bool *)member = cJSON_IsTrue(node);
        return 0;
    case JSON_TYPE_I64:
        return decode_i64(d, member, f, node, place);
    case JSON_TYPE_F64:
        return decode_number(d, member, f, node, place);
    case JSON_TYPE_STR:
        if (!cJSON_IsString(node))
            return json_fail_type(d, place, "string", node);
        return decode_string(d, member, node->valuestring);
    case JSON_TYPE_WORD:
        return decode_word(d, member, f, node, place);
    case JSON_TYPE_DURATION:
        return decode_duration(d, member, f, node, place);
    case JSON_TYPE_OBJECT:
        return decode_fields(d, member, f->fields, node, place);
    case JSON_TYPE_MAYBE:
        return decode_maybe(d, member, f, node, place);
    case JSON_TYPE_LIST:
        return decode_list(d, base, f, node, place);
    case JSON_TYPE_MAP:
        return decode_map(d, base, f, node, place);
    case JSON_TYPE_SCALAR:
        return decode_scalar(d, member, node, place);
    case JSON_TYPE_STRS:
    case JSON_TYPE_SCALARS:
    case JSON_TYPE_F64S:
    case JSON_TYPE_PAIR:
        return decode_plain(d, base, f, node, place);
    case JSON_TYPE_END:
        break;
    }
    assert(!"a row of a known type");
    return -1;
}

int json_decode(void *out, size_t out_size, const struct json_field *fields, const char *text,
                size_t len, const struct json_set *sets, size_t set_count, struct arena *a,
                struct error *err)
{
    struct json_decoder d = {.arena = a, .err = err};
    int status = -1;
    cJSON *tree = json_tree_parse(text, len, err);
    if (tree == NULL)
        return -1;
    for (size_t i = 0; i < set_count; i++)
        if (json_set_apply(&d, tree, fields, &sets[i]) != 0)
            goto out;
    void *made = arena_alloc(a, 1, out_size);
    if (made == NULL) {
        error_memory(err);
        goto out;
    }
    if (preset_fields(&d, made, fields) != 0 || decode_fields(&d, made, fields, tree, NULL) != 0)
        goto out;
    memcpy(out, made, out_size);
    status = 0;
out:
    cJSON_Delete(tree);
    return status;
}
