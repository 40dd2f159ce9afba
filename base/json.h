/* json.h - JSON by table: one table decodes, encodes and prints the schema of a struct.
 *
 * A table is an array of rows, one per key, ended by JSON_END. Decoding is strict: unknown keys,
 * keys given twice, wrong types and values out of bounds are refused, and the error names the
 * place by its path ("cells.de.zones: expected array, got string"). Where the text is not JSON at
 * all it names line and column instead. Behind it is cJSON, which only the
 * files that include json_tree.h know.
 *
 *     static const struct json_field cell_fields[] = {
 *         JSON_STR(struct cell, region, "region", .doc = "Where it runs"),
 *         JSON_I64(struct cell, servers, "servers", 1, 1000, .preset = "3", .doc = "Per zone"),
 *         JSON_END,
 *     };
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

enum json_type {
    JSON_TYPE_END,
    JSON_TYPE_BOOL,     /* bool */
    JSON_TYPE_I64,      /* int64_t, low..high; written without fraction */
    JSON_TYPE_F64,      /* double, low..high, finite; NaN is encoded as null */
    JSON_TYPE_STR,      /* const char *, the arena's; NULL is encoded as null */
    JSON_TYPE_WORD,     /* int, an index into `words`, in JSON the word */
    JSON_TYPE_DURATION, /* int64_t us, low..high us; in JSON a string with a unit: "250ms" */
    JSON_TYPE_OBJECT,   /* a struct in place, decoded by `fields` */
    JSON_TYPE_MAYBE,    /* pointer to such a struct; absent or null: NULL */
    JSON_TYPE_LIST,     /* array of objects: pointer to structs, and a size_t count */
    JSON_TYPE_MAP,      /* object of objects: the same, and each item keeps its key in its first
                           member, a const char *. May be written as an array of keys alone when
                           every field of the items has a default. Keys are 1 to 40 letters,
                           digits, '_' and '-'. */
    JSON_TYPE_STRS,     /* array of strings: const char **, and a size_t count */
    JSON_TYPE_SCALAR,   /* number, string or boolean: const char *, its JSON text in the arena;
                           encoded as it is, NULL as null */
    JSON_TYPE_SCALARS,  /* array of these: const char **, and a size_t count */
    JSON_TYPE_F64S,     /* array of numbers: double *, and a size_t count */
    JSON_TYPE_PAIR,     /* array of exactly two numbers: double[2] in place */
};

struct json_field {
    const char *key;
    enum json_type type;
    bool nullable;       /* F64, STR, PAIR: null may be written for what is not known; absent and
                            without preset it is NaN or NULL too */
    bool required;       /* refuse its absence */
    size_t offset;       /* of the member in its struct */
    size_t count_offset; /* of the size_t count: LIST, MAP, STRS, SCALARS, F64S */
    size_t item_size;    /* of one item: MAYBE, LIST, MAP */
    size_t count_min;    /* LIST, MAP, STRS, SCALARS, F64S when given at all */
    size_t count_max;    /* 0: JSON_COUNT_MAX */
    double low, high;    /* bounds of the value, or of each number of F64S; both 0: none.
                            Integers stay below 2^53 either way: doubles hold those exactly */
    const struct json_field *fields; /* OBJECT, MAYBE, LIST, MAP */
    const char *const *words;        /* WORD: ended by NULL */
    const char *preset; /* the value when the key is absent, as text ("10ms", "0.7", "true", a
                           word, for arrays and maps JSON), itself within the bounds;
                           NULL: zero (for STR a NULL), empty, or the members' own presets */
    const char *doc;    /* one sentence for the schema and the reference, always given */
};

enum {
    JSON_BYTES_MAX = 16 * 1024 * 1024, /* larger texts are refused */
    JSON_DEPTH_MAX = 32,               /* deeper ones too */
    JSON_COUNT_MAX = 100000,           /* and longer lists */
};

#define JSON_ROW_(type_, struct_, member_, key_, ...)                                     \
    {                                                                                     \
        .key = (key_), .type = (type_), .offset = offsetof(struct_, member_), __VA_ARGS__ \
    }
#define JSON_END                           \
    {                                      \
        .key = NULL, .type = JSON_TYPE_END \
    }
#define JSON_BOOL(s, member, key, ...) JSON_ROW_(JSON_TYPE_BOOL, s, member, key, __VA_ARGS__)
#define JSON_I64(s, member, key, low_, high_, ...) \
    JSON_ROW_(JSON_TYPE_I64, s, member, key, .low = (low_), .high = (high_), __VA_ARGS__)
#define JSON_F64(s, member, key, low_, high_, ...) \
    JSON_ROW_(JSON_TYPE_F64, s, member, key, .low = (low_), .high = (high_), __VA_ARGS__)
#define JSON_STR(s, member, key, ...) JSON_ROW_(JSON_TYPE_STR, s, member, key, __VA_ARGS__)
#define JSON_WORD(s, member, key, words_, ...) \
    JSON_ROW_(JSON_TYPE_WORD, s, member, key, .words = (words_), __VA_ARGS__)
#define JSON_DURATION(s, member, key, low_us, high_us, ...)                \
    JSON_ROW_(JSON_TYPE_DURATION, s, member, key, .low = (double)(low_us), \
              .high = (double)(high_us), __VA_ARGS__)
#define JSON_OBJECT(s, member, key, fields_, ...) \
    JSON_ROW_(JSON_TYPE_OBJECT, s, member, key, .fields = (fields_), __VA_ARGS__)
#define JSON_MAYBE(s, member, key, item, fields_, ...)                                         \
    JSON_ROW_(JSON_TYPE_MAYBE, s, member, key, .item_size = sizeof(item), .fields = (fields_), \
              .nullable = true, __VA_ARGS__)
#define JSON_LIST(s, member, count, key, item, fields_, ...)                      \
    JSON_ROW_(JSON_TYPE_LIST, s, member, key, .count_offset = offsetof(s, count), \
              .item_size = sizeof(item), .fields = (fields_), __VA_ARGS__)
#define JSON_MAP(s, member, count, key, item, fields_, ...)                      \
    JSON_ROW_(JSON_TYPE_MAP, s, member, key, .count_offset = offsetof(s, count), \
              .item_size = sizeof(item), .fields = (fields_), __VA_ARGS__)
#define JSON_STRS(s, member, count, key, ...) \
    JSON_ROW_(JSON_TYPE_STRS, s, member, key, .count_offset = offsetof(s, count), __VA_ARGS__)
#define JSON_SCALAR(s, member, key, ...) JSON_ROW_(JSON_TYPE_SCALAR, s, member, key, __VA_ARGS__)
#define JSON_SCALARS(s, member, count, key, ...) \
    JSON_ROW_(JSON_TYPE_SCALARS, s, member, key, .count_offset = offsetof(s, count), __VA_ARGS__)
#define JSON_F64S(s, member, count, key, low_, high_, ...)                                       \
    JSON_ROW_(JSON_TYPE_F64S, s, member, key, .count_offset = offsetof(s, count), .low = (low_), \
              .high = (high_), __VA_ARGS__)
#define JSON_PAIR(s, member, key, ...) JSON_ROW_(JSON_TYPE_PAIR, s, member, key, __VA_ARGS__)

/* A value put into the text's tree before it is decoded, so that it passes the same checks.
 * `path` is keys and list indices joined by dots ("cells.de.servers_per_zone"), `value` is JSON, or
 * else is taken as a string. Objects missing on the way are made; a map written as an array of
 * keys is opened into an object first. */
struct json_set {
    const char *path;
    const char *value;
};

/* Decode `text` into the struct at `out`. 0, or -1 with `err` set and `out` untouched. Everything
 * that `out` points to afterwards is in `a`. Texts over JSON_BYTES_MAX, with NUL bytes, control
 * characters or bad UTF-8 are refused. `sets` may be NULL when `set_count` is 0; errors in them
 * name the path as well. */
int json_decode(void *out, size_t out_size, const struct json_field *fields, const char *text,
                size_t len, const struct json_set *sets, size_t set_count, struct arena *a,
                struct error *err);

/* The struct at `in` as JSON text with two spaces of indentation and a newline at its end; NULL
 * when memory is out. Non-finite numbers become null, a PAIR of two NaN becomes one null. An empty
 * array or map with a count_min is left out, for only its absence is empty. */
char *json_encode(const void *in, const struct json_field *fields, struct arena *a);

/* The JSON Schema (draft 2020-12) of what json_decode takes by this table, as text with a newline
 * at its end; NULL when memory is out. */
char *json_schema(const struct json_field *fields, const char *title, struct arena *a);

/* The row of `key` (its first `len` bytes), or NULL. */
const struct json_field *json_field_at(const struct json_field *fields, const char *key,
                                       size_t len);

#endif
