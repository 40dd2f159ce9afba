/* fuzz_json.c - JSON by table: what is decoded is encoded and decoded again as the same.
 *
 * The input is a text, and then pairs of a path and a value to set, each behind a record separator,
 * which no JSON holds. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json_scan.h"
#include "tests/base/json_sample.h"

enum { SETS_MAX = 4, SEPARATOR = 0x1e };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(const struct error *err, const struct sample *out,
                          const struct sample *before)
{
    assert(err->code != ERR_NONE);
    assert(err->code != ERR_MEMORY); /* or the parser refused what json_scan did not */
    assert(err->text[0] != '\0');
    assert(memcmp(out, before, sizeof *out) == 0);
}

static void check_round_trip(const struct sample *s, struct arena *a)
{
    struct error err = {0};
    struct sample again;
    char *text = json_encode(s, sample_fields, a);
    assert(text != NULL);
    assert(json_scan(text, strlen(text), &err) == 0);
    int status =
        json_decode(&again, sizeof again, sample_fields, text, strlen(text), NULL, 0, a, &err);
    assert(status == 0);
    char *more = json_encode(&again, sample_fields, a);
    assert(more != NULL);
    assert(strcmp(text, more) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct error err = {0};
    struct sample out;
    struct sample before;
    const char *parts[1 + 2 * SETS_MAX] = {NULL};
    size_t part_count = 0;
    size_t len = 0;
    size_t at = 0;
    while (at <= size && part_count < sizeof parts / sizeof parts[0]) {
        const uint8_t *end = at < size ? memchr(data + at, SEPARATOR, size - at) : NULL;
        size_t bytes = end == NULL ? size - at : (size_t)(end - data) - at;
        parts[part_count] = arena_string(&a, (const char *)data + at, bytes);
        assert(parts[part_count] != NULL);
        if (part_count++ == 0)
            len = bytes;
        at += bytes + 1;
    }
    struct json_set sets[SETS_MAX];
    size_t set_count = (part_count - 1) / 2;
    for (size_t i = 0; i < set_count; i++)
        sets[i] = (struct json_set){parts[1 + 2 * i], parts[2 + 2 * i]};
    memset(&out, 0x5a, sizeof out);
    memcpy(&before, &out, sizeof out);
    if (json_decode(&out, sizeof out, sample_fields, parts[0], len, sets, set_count, &a, &err) != 0)
        check_refusal(&err, &out, &before);
    else
        check_round_trip(&out, &a);
    arena_release(&a);
    return 0;
}
