#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "tests/base/json_sample.h"

struct refusal {
    const char *claim;
    const char *text;
    const char *sentence;
    enum error_code code;
};

/* The code of most of a table's rows is the one below it; a row may have its own. */
static void assert_refused(const struct refusal *rows, size_t count, enum error_code usual)
{
    for (size_t i = 0; i < count; i++) {
        struct arena a = {0};
        struct error err = {0};
        struct sample out;
        struct sample before;
        memset(&out, 0x5a, sizeof out);
        memcpy(&before, &out, sizeof out);
        int status = json_decode(&out, sizeof out, sample_fields, rows[i].text,
                                 strlen(rows[i].text), NULL, 0, &a, &err);
        if (status != -1)
            fail_msg("%s: not refused", rows[i].claim);
        if (strcmp(err.text, rows[i].sentence) != 0)
            fail_msg("%s: said \"%s\", expected \"%s\"", rows[i].claim, err.text, rows[i].sentence);
        if (err.code != (rows[i].code == ERR_NONE ? usual : rows[i].code))
            fail_msg("%s: code %d", rows[i].claim, err.code);
        if (memcmp(&out, &before, sizeof out) != 0)
            fail_msg("%s: the output was touched", rows[i].claim);
        arena_release(&a);
    }
}

#define ASSERT_REFUSED(rows, usual) assert_refused(rows, sizeof(rows) / sizeof(rows)[0], usual)

static void test_json_says_where_a_text_is_not_json(void **state)
{
    static const struct refusal rows[] = {
        {"nothing", "", "line 1, column 1: expected a value, got the end", 0},
        {"space", " \n ", "line 2, column 2: expected a value, got the end", 0},
        {"a byte order mark", "\xef\xbb\xbf{}",
         "line 1, column 1: a byte order mark; save the text without one", 0},
        {"a word", "nul", "line 1, column 1: expected a value, got 'n'", 0},
        {"a longer word", "{\"open\": trues}", "line 1, column 14: expected ',' or '}', got 's'",
         0},
        {"a capital", "True", "line 1, column 1: expected a value, got 'T'", 0},
        {"not a number", "NaN", "line 1, column 1: expected a value, got 'N'", 0},
        {"a comment", "{} // done", "line 1, column 4: expected nothing more, got '/'", 0},
        {"two values", "{}{}", "line 1, column 3: expected nothing more, got '{'", 0},
        {"a form feed", "{}\f",
         "line 1, column 3: expected nothing more, got control character 0x0c", 0},
        {"a stray DEL", "\x7f", "line 1, column 1: expected a value, got control character 0x7f",
         0},
        {"no end of object", "{\"a\": 1", "line 1, column 8: expected ',' or '}', got the end", 0},
        {"no end of array", "[1, [2]", "line 1, column 8: expected ',' or ']', got the end", 0},
        {"a comma before the end", "{\"a\": 1,\n}",
         "line 2, column 1: expected a key in quotes, got '}'", 0},
        {"a comma before the bracket", "[1,]", "line 1, column 4: expected a value, got ']'", 0},
        {"two commas", "[1,,2]", "line 1, column 4: expected a value, got ','", 0},
        {"no comma", "[1 2]", "line 1, column 4: expected ',' or ']', got '2'", 0},
        {"a wrong bracket", "{\"a\": [1}", "line 1, column 9: expected ',' or ']', got '}'", 0},
        {"a bare key", "{title: 1}", "line 1, column 2: expected a key in quotes, got 't'", 0},
        {"single quotes", "{'a': 1}", "line 1, column 2: expected a key in quotes, got '''", 0},
        {"no colon", "{\"a\" 1}", "line 1, column 6: expected ':', got '1'", 0},
        {"a key alone", "{\"a\"}", "line 1, column 5: expected ':', got '}'", 0},
        {"no value", "{\"a\":}", "line 1, column 6: expected a value, got '}'", 0},
        {"a plus sign", "[+1]", "line 1, column 2: expected a value, got '+'", 0},
        {"a leading zero", "[007]", "line 1, column 2: a number must not start with a needless 0",
         0},
        {"minus a leading zero", "[-01]",
         "line 1, column 3: a number must not start with a needless 0", 0},
        {"a point first", "[.5]", "line 1, column 2: expected a value, got '.'", 0},
        {"a point last", "[5.]", "line 1, column 4: expected a digit, got ']'", 0},
        {"an exponent without digits", "[1e+]", "line 1, column 5: expected a digit, got ']'", 0},
        {"a minus alone", "-", "line 1, column 2: expected a digit, got the end", 0},
        {"hexadecimal", "[0x10]", "line 1, column 3: expected ',' or ']', got 'x'", 0},
        {"a decimal comma", "[1,5e]", "line 1, column 6: expected a digit, got ']'", 0},
        {"61 digits", "[1234567890123456789012345678901234567890123456789012345678901]",
         "line 1, column 2: a number of more than 60 characters", ERR_LIMIT},
        {"no closing quote", "{\"a", "line 1, column 2: this string does not end", 0},
        {"a quote on the next line", "{\"a\n\": 1}",
         "line 1, column 2: this string does not end on its line", 0},
        {"a tab in a string", "[\"a\tb\"]", "line 1, column 4: control character 0x09 in a string",
         0},
        {"an unknown escape", "[\"\\x41\"]",
         "line 1, column 3: unknown escape in a string; known are \\\" \\\\ \\/ \\b \\f \\n \\r "
         "\\t "
         "and \\u with four digits",
         0},
        {"a backslash at the end", "\"\\",
         "line 1, column 2: unknown escape in a string; known are \\\" \\\\ \\/ \\b \\f \\n \\r "
         "\\t "
         "and \\u with four digits",
         0},
        {"three digits", "[\"\\u12g4\"]", "line 1, column 3: \\u needs four hexadecimal digits", 0},
        {"digits cut off", "[\"\\u12", "line 1, column 3: \\u needs four hexadecimal digits", 0},
        {"an escaped NUL", "[\"a\\u0000b\"]", "line 1, column 4: \\u0000 is not allowed", 0},
        {"a high half", "[\"\\ud800\"]", "line 1, column 3: half of a surrogate pair", 0},
        {"two high halves", "[\"\\ud800\\ud800\"]", "line 1, column 3: half of a surrogate pair",
         0},
        {"a low half", "[\"\\udc00\"]", "line 1, column 3: half of a surrogate pair", 0},
        {"a stray continuation", "[\"\x80\"]",
         "line 1, column 3: bytes that are not UTF-8 in a string", 0},
        {"an overlong slash", "[\"\xc0\xaf\"]",
         "line 1, column 3: bytes that are not UTF-8 in a string", 0},
        {"three bytes for two", "[\"\xe0\x9f\xbf\"]",
         "line 1, column 3: bytes that are not UTF-8 in a string", 0},
        {"an encoded surrogate", "[\"\xed\xa0\x80\"]",
         "line 1, column 3: bytes that are not UTF-8 in a string", 0},
        {"beyond the last character", "[\"\xf4\x90\x80\x80\"]",
         "line 1, column 3: bytes that are not UTF-8 in a string", 0},
        {"a character cut off", "[\"\xe2\x82",
         "line 1, column 3: bytes that are not UTF-8 in a string", 0},
        {"Latin-1 outside of strings", "[\xe9]",
         "line 1, column 2: expected a value, got bytes that are not UTF-8", 0},
        {"columns are characters", "[\"\xc3\xa9\xe2\x82\xac\", \xf0\x9f\x98\x80]",
         "line 1, column 8: expected a value, got '\xf0\x9f\x98\x80'", 0},
        {"lines end with a line feed", "[\r\n 1,\r\n x]",
         "line 3, column 2: expected a value, got 'x'", 0},
        {"33 arrays", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
         "line 1, column 33: nested deeper than 32 levels", ERR_LIMIT},
    };
    (void)state;
    ASSERT_REFUSED(rows, ERR_SYNTAX);
}

static void test_json_names_the_path_of_a_wrong_type(void **state)
{
    static const struct refusal rows[] = {
        {"an array for the document", "[]", "expected object, got array", 0},
        {"null for the document", "null", "expected object, got null", 0},
        {"32 arrays are text, if no document",
         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
         "expected object, got array", 0},
        {"null for a string", "{\"title\": null}", "title: expected string, got null", 0},
        {"a number for a string", "{\"title\": 1}", "title: expected string, got number", 0},
        {"a string for a boolean", "{\"open\": \"true\"}", "open: expected boolean, got string", 0},
        {"a number for a boolean", "{\"open\": 1}", "open: expected boolean, got number", 0},
        {"a string for an integer", "{\"seed\": \"1\"}", "seed: expected number, got string", 0},
        {"null for an integer", "{\"seed\": null}", "seed: expected number, got null", 0},
        {"a fraction for an integer", "{\"seed\": 1.5}", "seed: expected a whole number, got 1.5",
         0},
        {"a small fraction", "{\"seed\": 1e-7}", "seed: expected a whole number, got 1e-07", 0},
        {"a boolean for a number", "{\"load\": true}", "load: expected number, got boolean", 0},
        {"a number for a duration", "{\"tide\": 5}",
         "tide: expected a duration such as \"250ms\", got number", 0},
        {"a number for a word", "{\"order\": 5}",
         "order: expected one of \"fifo\", \"lifo\", \"random\"; got number", 0},
        {"an array for an object", "{\"office\": []}", "office: expected object, got array", 0},
        {"deeper", "{\"office\": {\"head\": {}}}", "office.head: expected string, got object", 0},
        {"an object for a list", "{\"ships\": {}}", "ships: expected array, got object", 0},
        {"in a list", "{\"ships\": [{\"name\": \"a\"}, 3]}",
         "ships[1]: expected object, got number", 0},
        {"in an item of a list", "{\"ships\": [{\"name\": 3}]}",
         "ships[0].name: expected string, got number", 0},
        {"in a pair in a list", "{\"ships\": [{\"name\": \"a\", \"at\": [1, \"2\"]}]}",
         "ships[0].at[1]: expected number, got string", 0},
        {"a string for a map", "{\"docks\": \"a\"}", "docks: expected object, got string", 0},
        {"a number among the keys of a map", "{\"docks\": [\"a\", 2]}",
         "docks[1]: expected string, got number", 0},
        {"an array for a map with needs", "{\"ports\": [\"north\"]}",
         "ports: expected object, got array, and each item needs its \"berths\"", 0},
        {"an array in a map", "{\"ports\": {\"north\": []}}",
         "ports.north: expected object, got array", 0},
        {"a map in a map", "{\"ports\": {\"north\": {\"berths\": 1, \"docks\": {\"a\": 1}}}}",
         "ports.north.docks.a: expected object, got number", 0},
        {"a number among strings", "{\"tags\": [\"a\", 1]}", "tags[1]: expected string, got number",
         0},
        {"null among strings", "{\"tags\": [null]}", "tags[0]: expected string, got null", 0},
        {"null among numbers", "{\"depths\": [1, null]}", "depths[1]: expected number, got null",
         0},
        {"null for a scalar", "{\"mark\": null}",
         "mark: expected number, string or boolean, got null", 0},
        {"an array for a scalar", "{\"mark\": [1]}",
         "mark: expected number, string or boolean, got array", 0},
        {"an object among scalars", "{\"marks\": [1, {}]}",
         "marks[1]: expected number, string or boolean, got object", 0},
        {"a scalar for an array of them", "{\"marks\": 1}", "marks: expected array, got number", 0},
        {"a number for a pair", "{\"place\": 1}", "place: expected array, got number", 0},
    };
    (void)state;
    ASSERT_REFUSED(rows, ERR_TYPE);
}

static void test_json_names_the_bounds_it_keeps(void **state)
{
    static const struct refusal rows[] = {
        {"below", "{\"year\": 1899}", "year: expected 1900..2100, got 1899", 0},
        {"above", "{\"year\": 2101}", "year: expected 1900..2100, got 2101", 0},
        {"far above", "{\"year\": 1e300}", "year: expected 1900..2100, got 1e+300", 0},
        {"an integer that doubles round", "{\"seed\": 9007199254740993}",
         "seed: expected -9007199254740991..9007199254740991, got 9007199254740992", 0},
        {"an endless integer", "{\"seed\": -1e999}",
         "seed: expected -9007199254740991..9007199254740991, got one beyond all doubles", 0},
        {"a share above one", "{\"load\": 1.0000000000000002}",
         "load: expected 0..1, got 1.0000000000000002", 0},
        {"below nothing", "{\"mass\": -0.1}", "mass: expected 0 or more, got -0.1", 0},
        {"an endless scalar", "{\"mark\": 1e999}",
         "mark: expected a number, got one beyond all doubles", 0},
        {"too many scalars", "{\"marks\": [1, 2, 3, 4, 5, 6, 7]}",
         "marks: expected at most 6 items, got 7", 0},
        {"an endless mass", "{\"mass\": 1e309}",
         "mass: expected 0 or more, got one beyond all doubles", 0},
        {"an endless number", "{\"drift\": 1e309}",
         "drift: expected a number, got one beyond all doubles", 0},
        {"a short tide", "{\"tide\": \"999us\"}", "tide: expected 1ms..1d, got 999us", 0},
        {"a long tide", "{\"tide\": \"25h\"}", "tide: expected 1ms..1d, got 1d1h", 0},
        {"in an object", "{\"office\": {\"clerks\": 0}}", "office.clerks: expected 1..1000, got 0",
         0},
        {"in a map", "{\"ports\": {\"n\": {\"berths\": 101}}}",
         "ports.n.berths: expected 1..100, got 101", 0},
        {"among numbers", "{\"depths\": [1, 100.5]}", "depths[1]: expected 0..100, got 100.5", 0},
        {"in a pair", "{\"ships\": [{\"name\": \"\", \"at\": [0, 181]}]}",
         "ships[0].at[1]: expected -180..180, got 181", 0},
        {"one of two", "{\"place\": [1]}", "place: expected two numbers, got 1", 0},
        {"three of two", "{\"place\": [1, 2, 3]}", "place: expected two numbers, got 3", 0},
        {"too few numbers", "{\"depths\": [1]}", "depths: expected 2 or more items, got 1", 0},
        {"no numbers", "{\"depths\": []}", "depths: expected 2 or more items, got 0", 0},
        {"too many in a map", "{\"ships\": [{\"name\": \"\", \"docks\": [\"a\", \"b\", \"c\"]}]}",
         "ships[0].docks: expected at most 2 items, got 3", 0},
    };
    (void)state;
    ASSERT_REFUSED(rows, ERR_RANGE);
}

static void test_json_refuses_unknown_keys_and_suggests_one(void **state)
{
    static const struct refusal rows[] = {
        {"a letter less", "{\"titl\": 1}", "titl: unknown key; did you mean \"title\"?", 0},
        {"two swapped", "{\"tiel\": 1}", "tiel: unknown key; did you mean \"title\"?", 0},
        {"another case", "{\"Title\": 1}", "Title: unknown key; did you mean \"title\"?", 0},
        {"nothing like it, many keys", "{\"zzz\": 1}", "zzz: unknown key", 0},
        {"an empty key", "{\"\": 1}", "\"\": unknown key", 0},
        {"few keys", "{\"office\": {\"zzz\": 1}}",
         "office.zzz: unknown key; known are \"clerks\", \"head\"", 0},
        {"in a map", "{\"ports\": {\"n\": {\"berts\": 1}}}",
         "ports.n.berts: unknown key; did you mean \"berths\"?", 0},
        {"in a list", "{\"ships\": [{\"names\": 1}]}",
         "ships[0].names: unknown key; did you mean \"name\"?", 0},
        {"an odd key", "{\"office\": {\"a.b \\u001b[1m\": 1}}",
         "office.\"a.b \\x1b[1m\": unknown key; known are \"clerks\", \"head\"", 0},
        {"a long key", "{\"1234567890123456789012345678901234567890123\": 1}",
         "\"1234567890123456789012345678901234567890...\": unknown key", 0},
        {"a long key is cut between characters",
         "{\"123456789012345678901234567890123456789\xe2\x82\xac\xe2\x82\xac\": 1}",
         "\"123456789012345678901234567890123456789...\": unknown key", 0},
        {"an unknown word", "{\"order\": \"Fifo\"}",
         "order: expected one of \"fifo\", \"lifo\", \"random\"; got \"Fifo\"", 0},
        {"a long word", "{\"order\": \"12345678901234567890123456789012345678901234567890\"}",
         "order: expected one of \"fifo\", \"lifo\", \"random\"; got "
         "\"1234567890123456789012345678901234567890...\"",
         0},
    };
    (void)state;
    ASSERT_REFUSED(rows, ERR_UNKNOWN);
}

static void test_json_refuses_what_is_missing_twice_or_misnamed(void **state)
{
    static const struct refusal rows[] = {
        {"a required key", "{\"ships\": [{}]}", "ships[0]: key \"name\" is missing", ERR_MISSING},
        {"in a map", "{\"ports\": {\"n\": {}}}", "ports.n: key \"berths\" is missing", ERR_MISSING},
        {"a key twice", "{\"title\": \"a\", \"title\": \"a\"}", "key \"title\" is given twice",
         ERR_DUPLICATE},
        {"escapes do not hide it", "{\"title\": \"a\", \"\\u0074itle\": \"a\"}",
         "key \"title\" is given twice", ERR_DUPLICATE},
        {"in an object", "{\"office\": {\"head\": \"a\", \"head\": \"b\"}}",
         "office: key \"head\" is given twice", ERR_DUPLICATE},
        {"in a map", "{\"docks\": {\"a\": {}, \"b\": {}, \"a\": {}}}",
         "docks: key \"a\" is given twice", ERR_DUPLICATE},
        {"among the keys of a map", "{\"docks\": [\"a\", \"b\", \"a\"]}",
         "docks: key \"a\" is given twice", ERR_DUPLICATE},
        {"a name with a dot", "{\"docks\": {\"a.b\": {}}}",
         "docks: \"a.b\" is not a name: 1 to 40 letters, digits, '_' and '-'", ERR_SYNTAX},
        {"an empty name", "{\"docks\": [\"\"]}",
         "docks: \"\" is not a name: 1 to 40 letters, digits, '_' and '-'", ERR_SYNTAX},
        {"a long name", "{\"docks\": [\"12345678901234567890123456789012345678901\"]}",
         "docks: \"1234567890123456789012345678901234567890...\" is not a name: 1 to 40 letters, "
         "digits, '_' and '-'",
         ERR_SYNTAX},
        {"not a duration", "{\"tide\": \"soon\"}",
         "tide: \"soon\" is not a duration such as \"250ms\" or \"1h30m\"", ERR_SYNTAX},
        {"no unit", "{\"tide\": \"5\"}", "tide: \"5\" needs a unit out of us, ms, s, m, h, d",
         ERR_SYNTAX},
    };
    (void)state;
    ASSERT_REFUSED(rows, ERR_NONE);
}

static void test_json_refuses_a_nul_byte_anywhere(void **state)
{
    static const char plain[] = "{\"title\": \"a\"}";
    (void)state;
    for (size_t at = 0; at <= sizeof plain - 1; at++) {
        struct arena a = {0};
        struct error err = {0};
        struct sample out;
        char text[sizeof plain];
        memcpy(text, plain, at);
        text[at] = '\0';
        memcpy(text + at + 1, plain + at, sizeof plain - 1 - at);
        assert_int_equal(
            json_decode(&out, sizeof out, sample_fields, text, sizeof plain, NULL, 0, &a, &err),
            -1);
        assert_int_equal(err.code, ERR_SYNTAX);
        assert_non_null(strstr(err.text, at >= 2 && at <= 7 ? "control character 0x00" : "line 1"));
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_says_where_a_text_is_not_json),
        cmocka_unit_test(test_json_names_the_path_of_a_wrong_type),
        cmocka_unit_test(test_json_names_the_bounds_it_keeps),
        cmocka_unit_test(test_json_refuses_unknown_keys_and_suggests_one),
        cmocka_unit_test(test_json_refuses_what_is_missing_twice_or_misnamed),
        cmocka_unit_test(test_json_refuses_a_nul_byte_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
