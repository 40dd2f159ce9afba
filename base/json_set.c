#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/json_place.h"
#include "base/json_scan.h"
#include "base/json_tree.h"

static cJSON *child_at(const cJSON *node, const char *key)
{
    cJSON *child = node->child;
    while (child != NULL && strcmp(child->string, key) != 0)
        child = child->next;
    return child;
}

/* Item `key` of the list `node`, or NULL with `err` set. */
static cJSON *item_at(struct json_decoder *d, const cJSON *node, const char *key,
                      const struct json_place *place)
{
    char quoted[JSON_QUOTE_MAX];
    size_t digits = strspn(key, "0123456789");
    cJSON *item = node->child;
    if (key[digits] != '\0' || digits > 9 || (key[0] == '0' && digits > 1)) {
        json_quote(quoted, key);
        json_fail(d->err, ERR_UNKNOWN, place, "expected the index of an item, got %s", quoted);
        return NULL;
    }
    for (long i = strtol(key, NULL, 10); i > 0 && item != NULL; i--)
        item = item->next;
    if (item == NULL)
        json_fail(d->err, ERR_UNKNOWN, place, "there is no item %s, but %d in all", key,
                  cJSON_GetArraySize(node));
    return item;
}

/* Make the object {"de": {}, "fr": {}} of the array ["de", "fr"], in place. */
static int open_map(struct json_decoder *d, cJSON *node, const struct json_field *f,
                    const struct json_place *place)
{
    if (json_check_short_map(d, f, node, place) != 0)
        return -1;
    cJSON *opened = cJSON_CreateObject();
    if (opened == NULL)
        return error_memory(d->err);
    for (const cJSON *child = node->child; child != NULL; child = child->next) {
        cJSON *item = cJSON_CreateObject();
        if (item == NULL || !cJSON_AddItemToObject(opened, child->valuestring, item)) {
            cJSON_Delete(item);
            cJSON_Delete(opened);
            return error_memory(d->err);
        }
    }
    cJSON *names = node->child;
    node->child = opened->child;
    opened->child = names;
    node->type = cJSON_Object;
    opened->type = cJSON_Array;
    cJSON_Delete(opened);
    return 0;
}

/* Put `value` into `node` at `key`: instead of `old` unless that is NULL. Taken when it is 0. */
static int put_value(struct json_decoder *d, cJSON *node, const char *key, cJSON *old, cJSON *value)
{
    if (old == NULL)
        return cJSON_AddItemToObject(node, key, value) ? 0 : error_memory(d->err);
    value->string = old->string;
    old->string = NULL;
    cJSON_ReplaceItemViaPointer(node, old, value);
    return 0;
}

/* The row of what is at `key` in what row `f` describes; an END row where the table has none. */
static struct json_field row_below(const struct json_field *f, const char *key)
{
    const struct json_field *row = NULL;
    if (f->type == JSON_TYPE_MAP || f->type == JSON_TYPE_LIST)
        return (struct json_field){.type = JSON_TYPE_OBJECT, .fields = f->fields};
    if (f->type == JSON_TYPE_OBJECT || f->type == JSON_TYPE_MAYBE)
        row = json_field_at(f->fields, key, strlen(key));
    return row == NULL ? (struct json_field){.type = JSON_TYPE_END} : *row;
}

/* What is at `key` in `node`, which row `f` describes, or NULL where the key is free. */
static int step_into(struct json_decoder *d, cJSON **child, cJSON *node, const struct json_field *f,
                     const char *key, const struct json_place *place)
{
    if (cJSON_IsArray(node) && f->type == JSON_TYPE_MAP && open_map(d, node, f, place) != 0)
        return -1;
    if (cJSON_IsArray(node)) {
        *child = item_at(d, node, key, place);
        return *child == NULL ? -1 : 0;
    }
    if (!cJSON_IsObject(node))
        return json_fail_type(d, place, "object", node);
    *child = child_at(node, key);
    return 0;
}

static bool is_list(const struct json_field *f)
{
    return f->type == JSON_TYPE_LIST || f->type == JSON_TYPE_STRS || f->type == JSON_TYPE_SCALARS ||
           f->type == JSON_TYPE_F64S || f->type == JSON_TYPE_PAIR;
}

/* An object at the free `key` of `node`, for what row `f` describes. NULL with `err` set. */
static cJSON *make_object(struct json_decoder *d, cJSON *node, const struct json_field *f,
                          const char *key, const struct json_place *place)
{
    if (is_list(f)) {
        json_fail(d->err, ERR_UNKNOWN, place, "there are no items");
        return NULL;
    }
    cJSON *made = cJSON_CreateObject();
    if (made == NULL) {
        error_memory(d->err);
    } else if (put_value(d, node, key, NULL, made) != 0) {
        cJSON_Delete(made);
        made = NULL;
    }
    return made;
}

/* Put `value` into the tree at `path`. Taken when it is 0. */
static int set_value(struct json_decoder *d, cJSON *tree, const struct json_field *fields,
                     const char *path, cJSON *value)
{
    struct json_place places[JSON_DEPTH_MAX];
    struct json_field row = {.type = JSON_TYPE_OBJECT, .fields = fields};
    cJSON *node = tree;
    for (size_t depth = 0; depth < JSON_DEPTH_MAX; depth++) {
        const struct json_place *place = depth == 0 ? NULL : &places[depth - 1];
        size_t len = strcspn(path, ".");
        char *key = arena_string(d->arena, path, len);
        cJSON *child = NULL;
        if (key == NULL)
            return error_memory(d->err);
        if (len == 0)
            return json_fail(d->err, ERR_SYNTAX, place, "expected a key, got nothing");
        if (step_into(d, &child, node, &row, key, place) != 0)
            return -1;
        if (path[len] == '\0')
            return put_value(d, node, key, child, value);
        places[depth] = (struct json_place){.up = place, .key = key};
        if (cJSON_IsArray(node))
            places[depth] = (struct json_place){.up = place, .index = strtoul(key, NULL, 10)};
        row = row_below(&row, key);
        node = child != NULL ? child : make_object(d, node, &row, key, &places[depth]);
        if (node == NULL)
            return -1;
        path += len + 1;
    }
    return error_set(d->err, ERR_LIMIT, "a path of more than %d keys", JSON_DEPTH_MAX);
}

/* The value of a set: JSON if it is that, else a string. NULL with `err` set. */
static cJSON *parse_set(struct json_decoder *d, const struct json_set *set)
{
    size_t len = strlen(set->value);
    cJSON *value = json_tree_parse(set->value, len, d->err);
    if (value != NULL || d->err->code == ERR_MEMORY)
        return value;
    for (size_t at = 0, bytes; at < len; at += bytes) {
        bytes = json_scan_utf8(set->value + at, len - at);
        if (bytes == 0 || len > JSON_BYTES_MAX) {
            error_set(d->err, ERR_SYNTAX, "%s: expected text in UTF-8", set->path);
            return NULL;
        }
    }
    value = cJSON_CreateString(set->value);
    if (value == NULL)
        error_memory(d->err);
    return value;
}

int json_set_apply(struct json_decoder *d, cJSON *tree, const struct json_field *fields,
                   const struct json_set *set)
{
    cJSON *value = parse_set(d, set);
    if (value == NULL)
        return -1;
    if (set_value(d, tree, fields, set->path, value) == 0)
        return 0;
    cJSON_Delete(value);
    return -1;
}
