#include "base/json_tree.h"

#include "base/error.h"
#include "base/json.h"
#include "base/json_place.h"
#include "base/json_scan.h"

const char *json_type_of(const cJSON *node)
{
    if (cJSON_IsObject(node))
        return "object";
    if (cJSON_IsArray(node))
        return "array";
    if (cJSON_IsString(node))
        return "string";
    if (cJSON_IsNumber(node))
        return "number";
    return cJSON_IsBool(node) ? "boolean" : "null";
}

int json_fail_type(struct json_decoder *d, const struct json_place *place, const char *want,
                   const cJSON *node)
{
    return json_fail(d->err, ERR_TYPE, place, "expected %s, got %s", want, json_type_of(node));
}

cJSON *json_tree_parse(const char *text, size_t len, struct error *err)
{
    if (json_scan(text, len, err) != 0)
        return NULL;
    cJSON *tree = cJSON_ParseWithLength(text, len);
    if (tree == NULL) /* json_scan has passed the text, so it can only be for want of memory */
        error_memory(err);
    return tree;
}

int json_check_short_map(struct json_decoder *d, const struct json_field *f, const cJSON *node,
                         const struct json_place *place)
{
    struct json_place here = {.up = place};
    for (const struct json_field *row = f->fields; row->key != NULL; row++)
        if (row->required)
            return json_fail(d->err, ERR_TYPE, place,
                             "expected object, got array, and each item needs its \"%s\"",
                             row->key);
    for (const cJSON *child = node->child; child != NULL; child = child->next, here.index++)
        if (!cJSON_IsString(child))
            return json_fail_type(d, &here, "string", child);
    return 0;
}
