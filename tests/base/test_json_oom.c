#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "tests/base/json_sample.h"
#include "tests/oom.h"

/* They open a map, make objects, add keys and replace values. */
static const struct json_set sets[] = {
    {"docks.two-2.cranes", "7"},        {"docks.four", "{}"},
    {"ports.south.berths", "4"},        {"title", "words"},
    {"ships.0.docks", "[\"a\",\"b\"]"}, {"depths.1", "5"},
};
enum { SET_COUNT = sizeof sets / sizeof sets[0] };

static bool decode(void *context)
{
    struct arena a = {0};
    struct error err = {0};
    struct sample out;
    struct sample before;
    (void)context;
    memset(&out, 0x5a, sizeof out);
    memcpy(&before, &out, sizeof out);
    int status = json_decode(&out, sizeof out, sample_fields, sample_text, sizeof sample_text - 1,
                             sets, SET_COUNT, &a, &err);
    if (status != 0) {
        assert_int_equal(err.code, ERR_MEMORY);
        assert_string_equal(err.text, "no memory left");
        assert_memory_equal(&out, &before, sizeof out);
    }
    arena_release(&a);
    return status == 0;
}

static bool encode(void *context)
{
    struct arena a = {0};
    bool made = json_encode(context, sample_fields, &a) != NULL;
    arena_release(&a);
    return made;
}

static bool schema(void *context)
{
    struct arena a = {0};
    (void)context;
    bool made = json_schema(sample_fields, "Sample", &a) != NULL;
    arena_release(&a);
    return made;
}

static void test_json_decode_survives_every_failing_allocation(void **state)
{
    (void)state;
    assert_true(oom_each(decode, NULL) > 100);
}

static void test_json_encode_survives_every_failing_allocation(void **state)
{
    struct arena a = {0};
    struct error err = {0};
    struct sample s;
    (void)state;
    assert_int_equal(json_decode(&s, sizeof s, sample_fields, sample_text, sizeof sample_text - 1,
                                 NULL, 0, &a, &err),
                     0);
    assert_true(oom_each(encode, &s) > 2);
    arena_release(&a);
}

static void test_json_schema_survives_every_failing_allocation(void **state)
{
    (void)state;
    assert_true(oom_each(schema, NULL) > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_decode_survives_every_failing_allocation),
        cmocka_unit_test(test_json_encode_survives_every_failing_allocation),
        cmocka_unit_test(test_json_schema_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
