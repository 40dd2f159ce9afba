#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json_text.h"
#include "tests/base/json_sample.h"

static void decode_good(struct sample *out, const char *text, const struct json_set *sets,
                        size_t set_count, struct arena *a)
{
    struct error err = {0};
    if (json_decode(out, sizeof *out, sample_fields, text, strlen(text), sets, set_count, a,
                    &err) != 0)
        fail_msg("%s", err.text);
}

static void test_json_decodes_every_type(void **state)
{
    struct arena a = {0};
    struct sample s;
    (void)state;
    decode_good(&s, sample_text, NULL, 0, &a);
    assert_string_equal(s.title, "na\xc3\xafve \"quoted\"");
    assert_false(s.open);
    assert_true(s.seed == -9007199254740991);
    assert_true(s.year == 1900);
    assert_true(s.load == 0.30000000000000004 && s.drift == -1e-300 && s.mass == 5e-324);
    assert_true(s.tide_us == INT64_C(5400000000));
    assert_int_equal(s.order, 2);
    assert_string_equal(s.office.head, "\xf0\x9f\x98\x80");
    assert_int_equal(s.ship_count, 2);
    assert_string_equal(s.ships[1].name, "b");
    assert_true(s.ships[1].wait_us == 0 && s.ships[1].order == 1);
    assert_true(s.ships[1].at[0] == 180 && s.ships[1].at[1] == -180);
    assert_int_equal(s.ships[1].dock_count, 2);
    assert_string_equal(s.ships[1].docks[1].key, "y");
    assert_true(s.ships[1].docks[1].cranes == 9);
    assert_int_equal(s.port_count, 1);
    assert_string_equal(s.ports[0].key, "north");
    assert_true(s.ports[0].berths == 7);
    assert_string_equal(s.ports[0].docks[1].key, "b");
    assert_int_equal(s.dock_count, 3);
    assert_string_equal(s.docks[2].key, "_3");
    assert_int_equal(s.tag_count, 2);
    assert_string_equal(s.tags[1], "t\n");
    assert_int_equal(s.depth_count, 3);
    assert_true(s.depths[1] == 0.1 && s.depths[2] == 100);
    assert_true(s.place[0] == 0.1 && signbit(s.place[1]));
    assert_string_equal(s.mark, "\"t\xc3\xaf"
                                "de \\\"5\\\"\"");
    static const char *const marks[] = {"5e-324", "-10", "\"250ms\"", "true", "false", "\"\""};
    assert_int_equal(s.mark_count, sizeof marks / sizeof marks[0]);
    for (size_t i = 0; i < s.mark_count; i++)
        assert_string_equal(s.marks[i], marks[i]);
    arena_release(&a);
}

static void test_json_gives_absent_keys_their_presets(void **state)
{
    struct arena a = {0};
    struct sample s;
    (void)state;
    decode_good(&s, "{\"ships\": [{\"name\": \"a\"}, {\"name\": \"b\"}], \"docks\": [\"x\"]}", NULL,
                0, &a);
    assert_string_equal(s.title, "");
    assert_true(s.open && s.seed == 0 && s.year == 2000 && s.load == 0.5);
    assert_true(s.tide_us == INT64_C(21600000000) && s.order == 1);
    assert_true(s.office.clerks == 3);
    assert_string_equal(s.office.head, "nobody");
    assert_true(s.port_count == 0 && s.tag_count == 0 && s.depth_count == 0);
    for (size_t i = 0; i < 2; i++) {
        assert_true(s.ships[i].wait_us == 300000000 && s.ships[i].order == 0);
        assert_true(s.ships[i].at[0] == 1.5 && s.ships[i].at[1] == -2);
        assert_int_equal(s.ships[i].dock_count, 1);
        assert_string_equal(s.ships[i].docks[0].key, "dry");
        assert_true(s.ships[i].docks[0].cranes == 2);
    }
    assert_true(s.docks[0].cranes == 2 && !s.docks[0].covered);
    assert_string_equal(s.mark, "1.5");
    assert_int_equal(s.mark_count, 0);
    arena_release(&a);
}

static void test_json_sets_values_by_their_paths(void **state)
{
    static const struct json_set sets[] = {
        {"title", "plain words"},
        {"tags", "[\"a\", \"b\"]"},
        {"tags.1", "\"c\""},
        {"office.clerks", "12"},
        {"ships.1.wait", "90s"},
        {"docks.two.cranes", "5"},
        {"docks.three", "{\"covered\": true}"},
        {"ports.south.berths", "4"},
        {"ports.south.docks.deep.cranes", "0"},
        {"place", "[1, 2]"},
        {"place.0", "3"},
        {"open", "false"},
        {"mark", "1h"},
        {"marks", "[1, 2]"},
        {"marks.1", "true"},
    };
    struct arena a = {0};
    struct sample s;
    (void)state;
    decode_good(&s,
                "{\"title\": 5, \"ships\": [{\"name\": \"a\"}, {\"name\": \"b\"}],"
                " \"docks\": [\"one\", \"two\"], \"office\": {\"head\": \"x\"}}",
                sets, sizeof sets / sizeof sets[0], &a);
    assert_string_equal(s.title, "plain words");
    assert_string_equal(s.tags[1], "c");
    assert_true(s.office.clerks == 12);
    assert_string_equal(s.office.head, "x");
    assert_true(s.ships[0].wait_us == 300000000 && s.ships[1].wait_us == 90000000);
    assert_int_equal(s.dock_count, 3);
    assert_true(s.docks[0].cranes == 2 && s.docks[1].cranes == 5 && s.docks[2].covered);
    assert_string_equal(s.docks[2].key, "three");
    assert_true(s.ports[0].berths == 4 && s.ports[0].docks[0].cranes == 0);
    assert_true(s.place[0] == 3 && s.place[1] == 2 && !s.open);
    assert_string_equal(s.mark, "\"1h\"");
    assert_string_equal(s.marks[1], "true");
    arena_release(&a);
}

static void test_json_refuses_sets_that_lead_nowhere(void **state)
{
    static const struct {
        const char *path, *value, *sentence;
    } rows[] = {
        {"", "1", "expected a key, got nothing"},
        {"office.", "1", "office: expected a key, got nothing"},
        {".title", "1", "expected a key, got nothing"},
        {"titel", "x", "titel: unknown key; did you mean \"title\"?"},
        {"offise.head", "x", "offise: unknown key; did you mean \"office\"?"},
        {"office.hed", "x", "office.hed: unknown key; did you mean \"head\"?"},
        {"title.a", "x", "title: expected object, got string"},
        {"seed.a", "1", "seed: expected number, got object"},
        {"year", "1850", "year: expected 1900..2100, got 1850"},
        {"year", "soon", "year: expected number, got string"},
        {"year", "07", "year: expected number, got string"},
        {"year", "null", "year: expected number, got null"},
        {"title", "7", "title: expected string, got number"},
        {"title", "\xff", "title: expected text in UTF-8"},
        {"ships.1.name", "x", "ships: there is no item 1, but 1 in all"},
        {"ships.01.name", "x", "ships: expected the index of an item, got \"01\""},
        {"ships.a.name", "x", "ships: expected the index of an item, got \"a\""},
        {"ships.-1", "x", "ships: expected the index of an item, got \"-1\""},
        {"ships.99999999999999999999", "x",
         "ships: expected the index of an item, got \"99999999999999999999\""},
        {"ships.0.nam.x", "x", "ships[0].nam: unknown key; did you mean \"name\"?"},
        {"ships.0.at.0", "x", "ships[0].at: there are no items"},
        {"depths.0", "1", "depths: there are no items"},
        {"docks.a b.cranes", "1",
         "docks: \"a b\" is not a name: 1 to 40 letters, digits, '_' and '-'"},
        {"docks.one.cranes", "10", "docks.one.cranes: expected 0..9, got 10"},
        {"ports.west.docks", "[\"a\"]", "ports.west: key \"berths\" is missing"},
        {"a23456789012345678901234567890.b23456789012345678901234567890."
         "c23456789012345678901234567890.d23456789012345678901234567890."
         "e23456789012345678901234567890.f23456789012345678901234567890."
         "g23456789012345678901234567890.h23456789012345678901234567890.",
         "1",
         "....b23456789012345678901234567890.c23456789012345678901234567890."
         "d23456789012345678901234567890."
         "e23456789012345678901234567890.f23456789012345678901234567890."
         "g23456789012345678901234567890.h23456789012345678901234567890: expected a key, got "
         "nothing"},
        {"a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "1",
         "a path of more than 32 keys"},
    };
    static const char text[] =
        "{\"title\": \"t\", \"ships\": [{\"name\": \"a\"}], \"docks\": [\"one\"]}";
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a = {0};
        struct error err = {0};
        struct sample out;
        struct json_set set = {rows[i].path, rows[i].value};
        if (json_decode(&out, sizeof out, sample_fields, text, strlen(text), &set, 1, &a, &err) !=
            -1)
            fail_msg("%s=%s: not refused", rows[i].path, rows[i].value);
        assert_string_equal(err.text, rows[i].sentence);
        arena_release(&a);
    }
}

static void test_json_opens_only_arrays_of_names_into_maps(void **state)
{
    struct arena a = {0};
    struct error err = {0};
    struct sample s;
    struct json_set twice = {"docks.a.cranes", "3"};
    struct json_set needs = {"ports.a.berths", "3"};
    const char *text = "{\"docks\": [\"a\", \"a\"]}";
    (void)state;
    assert_int_equal(
        json_decode(&s, sizeof s, sample_fields, text, strlen(text), &twice, 1, &a, &err), -1);
    assert_string_equal(err.text, "docks: key \"a\" is given twice");
    text = "{\"docks\": [\"a\", 3]}";
    assert_int_equal(
        json_decode(&s, sizeof s, sample_fields, text, strlen(text), &twice, 1, &a, &err), -1);
    assert_string_equal(err.text, "docks[1]: expected string, got number");
    text = "{\"ports\": [\"a\"]}";
    assert_int_equal(
        json_decode(&s, sizeof s, sample_fields, text, strlen(text), &needs, 1, &a, &err), -1);
    assert_string_equal(err.text,
                        "ports: expected object, got array, and each item needs its \"berths\"");
    arena_release(&a);
}

static void test_json_encodes_in_the_order_of_the_table(void **state)
{
    static const char want[] = "{\n"
                               "  \"title\": \"a\\\"\\\\\\n\\u0001/\",\n"
                               "  \"open\": true,\n"
                               "  \"seed\": 0,\n"
                               "  \"year\": 2000,\n"
                               "  \"load\": 0.1,\n"
                               "  \"drift\": 0,\n"
                               "  \"mass\": 0,\n"
                               "  \"tide\": \"6h\",\n"
                               "  \"order\": \"lifo\",\n"
                               "  \"office\": {\n"
                               "    \"clerks\": 3,\n"
                               "    \"head\": \"nobody\"\n"
                               "  },\n"
                               "  \"ships\": [\n"
                               "    {\n"
                               "      \"name\": \"s\",\n"
                               "      \"wait\": \"5m\",\n"
                               "      \"order\": \"fifo\",\n"
                               "      \"at\": [1.5, -2],\n"
                               "      \"docks\": {\n"
                               "        \"dry\": {\n"
                               "          \"cranes\": 2,\n"
                               "          \"covered\": false\n"
                               "        }\n"
                               "      }\n"
                               "    }\n"
                               "  ],\n"
                               "  \"ports\": {},\n"
                               "  \"docks\": {},\n"
                               "  \"tags\": [\"a\", \"b\"],\n"
                               "  \"depths\": [1, 2.5],\n"
                               "  \"place\": [0, 0],\n"
                               "  \"mark\": 1.5,\n"
                               "  \"marks\": [0.1, \"x\", true]\n"
                               "}\n";
    struct arena a = {0};
    struct sample s;
    (void)state;
    decode_good(
        &s,
        "{\"depths\": [1, 2.5], \"tags\": [\"a\", \"b\"], \"ships\": [{\"name\": \"s\"}],"
        " \"title\": \"a\\\"\\\\\\n\\u0001\\/\", \"load\": 0.1, \"marks\": [0.10, \"x\", true]}",
        NULL, 0, &a);
    assert_string_equal(json_encode(&s, sample_fields, &a), want);
    arena_release(&a);
}

static void test_json_encodes_what_decodes_to_the_same(void **state)
{
    struct arena a = {0};
    struct sample s;
    (void)state;
    decode_good(&s, sample_text, NULL, 0, &a);
    char *once = json_encode(&s, sample_fields, &a);
    assert_non_null(once);
    decode_good(&s, once, NULL, 0, &a);
    assert_string_equal(json_encode(&s, sample_fields, &a), once);
    decode_good(&s, "{}", NULL, 0, &a);
    once = json_encode(&s, sample_fields, &a);
    assert_null(strstr(once, "depths")); /* only its absence is empty */
    decode_good(&s, once, NULL, 0, &a);
    arena_release(&a);
}

static void test_json_encodes_what_is_not_a_value_as_null(void **state)
{
    static const struct json_field fields[] = {
        JSON_STR(struct sample, title, "title", .doc = "s"),
        JSON_F64(struct sample, load, "load", 0, 0, .doc = "f"),
        JSON_F64(struct sample, drift, "drift", 0, 0, .doc = "f"),
        JSON_F64S(struct sample, depths, depth_count, "depths", 0, 0, .doc = "fs"),
        JSON_PAIR(struct sample, place, "place", .doc = "p"),
        JSON_END,
    };
    double depths[] = {1, (double)-INFINITY};
    struct arena a = {0};
    struct sample s = {.load = (double)NAN,
                       .drift = (double)INFINITY,
                       .depths = depths,
                       .depth_count = 2,
                       .place = {(double)NAN, (double)NAN}};
    (void)state;
    assert_string_equal(json_encode(&s, fields, &a),
                        "{\n  \"title\": null,\n  \"load\": null,\n  \"drift\": null,\n"
                        "  \"depths\": [1, null],\n  \"place\": null\n}\n");
    s.place[1] = 2;
    assert_non_null(strstr(json_encode(&s, fields, &a), "\"place\": [null, 2]"));
    arena_release(&a);
}

static void test_json_writes_the_shortest_number_that_reads_back(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"},
        {123456789012345678.0, "1.2345678901234568e+17"},
        {9007199254740991, "9007199254740991"},
        {1e15, "1e+15"},
        {5e-324, "5e-324"},
        {0x1.fffffffffffffp+1023, "1.7976931348623157e+308"},
        {(double)INFINITY, "inf"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[JSON_NUMBER_TEXT_MAX];
        json_number_text(text, rows[i].value);
        assert_string_equal(text, rows[i].text);
    }
}

/* A locale with a decimal comma is made for the occasion: few machines have one installed. */
static void test_json_reads_and_writes_points_in_any_locale(void **state)
{
    char folder[] = "/tmp/bulkhead-locale-XXXXXX";
    char make[128], remove[128];
    struct arena a = {0};
    struct sample s;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(make, sizeof make, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8", folder);
    snprintf(remove, sizeof remove, "rm -r %s", folder);
    assert_int_equal(system(make), 0);
    setenv("LOCPATH", folder, 1);
    assert_non_null(setlocale(LC_ALL, "de_DE.UTF-8"));
    assert_string_equal(localeconv()->decimal_point, ",");
    decode_good(&s, "{\"load\": 0.25}", NULL, 0, &a);
    assert_true(s.load == 0.25);
    assert_non_null(strstr(json_encode(&s, sample_fields, &a), "\"load\": 0.25"));
    setlocale(LC_ALL, "C");
    unsetenv("LOCPATH");
    assert_int_equal(system(remove), 0);
    arena_release(&a);
}

static void test_json_schema_describes_every_type(void **state)
{
    static const char *const parts[] = {
        "\"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"title\": \"Sample\"",
        "\"description\": \"A name\",\n      \"type\": \"string\",\n      \"default\": \"\"",
        "\"type\": \"boolean\",\n      \"default\": true",
        "\"type\": \"integer\",\n      \"minimum\": 1900,\n      \"maximum\": 2100",
        "\"maximum\": 2100,\n      \"default\": 2000",
        "\"type\": \"number\",\n      \"minimum\": 0\n",
        "\"description\": \"Between high and low (1ms..1d)\"",
        "\"default\": \"6h\"",
        "\"enum\": [\"fifo\", \"lifo\", \"random\"],\n      \"default\": \"lifo\"",
        "\"required\": [\"berths\"]",
        "\"description\": \"A mark\",\n      \"type\": [\"number\", \"string\", \"boolean\"],\n    "
        "  "
        "\"default\": 1.5",
        "\"maxItems\": 6,\n      \"items\": {\n        \"type\": [\"number\"",
        "\"propertyNames\": {",
        "\"uniqueItems\": true",
        "\"default\": [1.5, -2]",
        "\"minProperties\": 1,\n                \"maxProperties\": 2",
        "\"minItems\": 2,\n      \"maxItems\": 100000",
        "\"additionalProperties\": false",
    };
    struct arena a = {0};
    (void)state;
    char *schema = json_schema(sample_fields, "Sample", &a);
    assert_non_null(schema);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strstr(schema, parts[i]) == NULL)
            fail_msg("no %s in %s", parts[i], schema);
    assert_null(strstr(schema, "\"required\": []"));
    assert_string_equal(json_schema(sample_fields, "Sample", &a), schema);
    arena_release(&a);
}

static size_t append(char *text, size_t used, size_t size, const char *before, int number)
{
    return used + (size_t)snprintf(text + used, size - used, "%s\"k%d\": {}", before, number);
}

static void test_json_holds_100000_items_and_not_one_more(void **state)
{
    enum { MANY = 100000 };
    size_t size = (size_t)(MANY + 2) * 32;
    char *text = malloc(size);
    (void)state;
    assert_non_null(text);
    for (int extra = 0; extra <= 2; extra++) {
        struct arena a = {0};
        struct error err = {0};
        struct sample s;
        int count = extra == 1 ? MANY + 1 : MANY;
        size_t used = append(text, 0, size, "{\"docks\": {", 0);
        for (int i = 1; i < count; i++) /* the last of the third text is a key it has already */
            used = append(text, used, size, ", ", extra == 2 && i == count - 1 ? 7 : i);
        memcpy(text + used, "}}", 2);
        used += 2;
        int status = json_decode(&s, sizeof s, sample_fields, text, used, NULL, 0, &a, &err);
        assert_int_equal(status, extra == 0 ? 0 : -1);
        if (extra == 0)
            assert_string_equal(s.docks[MANY - 1].key, "k99999");
        if (extra == 1)
            assert_string_equal(err.text, "docks: expected at most 100000 items, got 100001");
        if (extra == 2)
            assert_string_equal(err.text, "docks: key \"k7\" is given twice");
        arena_release(&a);
    }
    free(text);
}

static void test_json_refuses_texts_that_are_too_large(void **state)
{
    struct arena a = {0};
    struct error err = {0};
    struct sample s;
    size_t len = (size_t)JSON_BYTES_MAX + 1;
    char *text = malloc(len);
    (void)state;
    assert_non_null(text);
    memset(text, ' ', len);
    assert_int_equal(json_decode(&s, sizeof s, sample_fields, text, len, NULL, 0, &a, &err), -1);
    assert_string_equal(err.text, "more than 16777216 bytes of text");
    memset(text, ',', len);
    for (size_t i = 1; i < len; i += 2)
        text[i] = '1';
    text[0] = '[';
    assert_int_equal(json_decode(&s, sizeof s, sample_fields, text, len - 1, NULL, 0, &a, &err),
                     -1);
    assert_string_equal(err.text, "line 1, column 4194304: more than 2097152 values");
    free(text);
    arena_release(&a);
}

struct guess {
    double share;
    const char *why;
    double range[2];
    const struct doubt *doubt;
};

struct doubt {
    int64_t size;
};

static const struct json_field doubt_fields[] = {
    JSON_I64(struct doubt, size, "size", 0, 9, .preset = "3", .doc = "How large"),
    JSON_END,
};

static void test_json_takes_null_where_a_row_allows_it(void **state)
{
    static const struct json_field fields[] = {
        JSON_F64(struct guess, share, "share", 0, 1, .nullable = true, .doc = "A share"),
        JSON_STR(struct guess, why, "why", .nullable = true, .doc = "A reason"),
        JSON_PAIR(struct guess, range, "range", .nullable = true, .doc = "From and to"),
        JSON_MAYBE(struct guess, doubt, "doubt", struct doubt, doubt_fields, .doc = "Or none"),
        JSON_END,
    };
    static const char *const texts[] = {
        "{\"share\": null, \"why\": null, \"range\": null, \"doubt\": null}", "{}"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct arena a = {0};
        struct error err = {0};
        struct guess g;
        assert_int_equal(
            json_decode(&g, sizeof g, fields, texts[i], strlen(texts[i]), NULL, 0, &a, &err), 0);
        assert_true(isnan(g.share) && isnan(g.range[0]) && isnan(g.range[1]) && g.why == NULL);
        assert_null(g.doubt);
        assert_string_equal(json_encode(&g, fields, &a),
                            "{\n  \"share\": null,\n  \"why\": null,\n  \"range\": null,\n  "
                            "\"doubt\": null\n}\n");
        assert_non_null(strstr(json_schema(fields, "Guess", &a), "[\"number\", \"null\"]"));
        assert_non_null(strstr(json_schema(fields, "Guess", &a), "[\"object\", \"null\"]"));
        arena_release(&a);
    }
    struct arena a = {0};
    struct error err;
    struct guess g;
    const char *given = "{\"doubt\": {}}", *bad = "{\"doubt\": {\"size\": 10}}";
    assert_int_equal(json_decode(&g, sizeof g, fields, given, strlen(given), NULL, 0, &a, &err), 0);
    assert_int_equal(g.doubt->size, 3);
    assert_non_null(strstr(json_encode(&g, fields, &a), "\"size\": 3"));
    const struct json_set set = {"doubt.size", "5"};
    assert_int_equal(json_decode(&g, sizeof g, fields, given, strlen(given), &set, 1, &a, &err), 0);
    assert_int_equal(g.doubt->size, 5);
    assert_int_equal(json_decode(&g, sizeof g, fields, bad, strlen(bad), NULL, 0, &a, &err), -1);
    assert_string_equal(err.text, "doubt.size: expected 0..9, got 10");
    arena_release(&a);
}

static void test_json_finds_the_row_of_a_key(void **state)
{
    (void)state;
    assert_ptr_equal(json_field_at(sample_fields, "titles", 5), &sample_fields[0]);
    assert_null(json_field_at(sample_fields, "titles", 6));
    assert_null(json_field_at(sample_fields, "title", 4));
    assert_null(json_field_at(sample_fields, "", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_decodes_every_type),
        cmocka_unit_test(test_json_gives_absent_keys_their_presets),
        cmocka_unit_test(test_json_sets_values_by_their_paths),
        cmocka_unit_test(test_json_refuses_sets_that_lead_nowhere),
        cmocka_unit_test(test_json_opens_only_arrays_of_names_into_maps),
        cmocka_unit_test(test_json_encodes_in_the_order_of_the_table),
        cmocka_unit_test(test_json_encodes_what_decodes_to_the_same),
        cmocka_unit_test(test_json_encodes_what_is_not_a_value_as_null),
        cmocka_unit_test(test_json_writes_the_shortest_number_that_reads_back),
        cmocka_unit_test(test_json_reads_and_writes_points_in_any_locale),
        cmocka_unit_test(test_json_schema_describes_every_type),
        cmocka_unit_test(test_json_holds_100000_items_and_not_one_more),
        cmocka_unit_test(test_json_refuses_texts_that_are_too_large),
        cmocka_unit_test(test_json_takes_null_where_a_row_allows_it),
        cmocka_unit_test(test_json_finds_the_row_of_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
