/* json_tree.h - what decoding and setting share: the tree that cJSON makes of a text.
 *
 * Private to json*.c, and the only header that includes cJSON's. */
#ifndef BASE_JSON_TREE_H
#define BASE_JSON_TREE_H

#include <cjson/cJSON.h>
#include <stddef.h>

struct arena;
struct error;
struct json_field;
struct json_place;
struct json_set;

struct json_decoder {
    struct arena *arena;
    struct error *err;
};

/* The tree of `text`, to be freed with cJSON_Delete; NULL with `err` set. */
cJSON *json_tree_parse(const char *text, size_t len, struct error *err);

/* "object", "array", ... */
const char *json_type_of(const cJSON *node);

/* Say that `want` was expected at `place` instead of `node`. Returns -1. */
int json_fail_type(struct json_decoder *d, const struct json_place *place, const char *want,
                   const cJSON *node);

/* Whether `node`, an array where the map of row `f` is wanted, can stand for one: an array of keys.
 * 0, or -1 with the error set. */
int json_check_short_map(struct json_decoder *d, const struct json_field *f, const cJSON *node,
                         const struct json_place *place);

/* Put a value into the tree, as json.h says of struct json_set. 0, or -1 with the error set. */
int json_set_apply(struct json_decoder *d, cJSON *tree, const struct json_field *fields,
                   const struct json_set *set);

#endif
