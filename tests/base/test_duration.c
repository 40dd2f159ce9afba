#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/rng.h"

static const int64_t MS = 1000;
static const int64_t S = 1000000;
static const int64_t M = 60000000;
static const int64_t H = INT64_C(3600000000);
static const int64_t D = INT64_C(86400000000);

static void assert_parses(const char *text, int64_t want)
{
    struct error err = {0};
    int64_t us = -1;
    if (duration_parse(&us, text, &err) != 0)
        fail_msg("%s", err.text);
    if (us != want)
        fail_msg("%s: got %lld us", text, (long long)us);
}

static void test_duration_parses_numbers_with_units(void **state)
{
    (void)state;
    assert_parses("0", 0);
    assert_parses("0s", 0);
    assert_parses("0h0ms", 0);
    assert_parses("7us", 7);
    assert_parses("250ms", 250 * MS);
    assert_parses("90s", 90 * S);
    assert_parses("007s", 7 * S);
    assert_parses("5m", 5 * M);
    assert_parses("1h30m", H + 30 * M);
    assert_parses("1d2h3m4s5ms6us", D + 2 * H + 3 * M + 4 * S + 5 * MS + 6);
    assert_parses("7d", 7 * D);
    assert_parses("1m1us", M + 1);
    assert_parses("120m", 2 * H);
}

static void test_duration_parses_fractions_exactly(void **state)
{
    (void)state;
    assert_parses("1.5ms", 1500);
    assert_parses("0.1s", 100 * MS);
    assert_parses("0.000001s", 1);
    assert_parses("1.50000000000000000000s", 1500 * MS);
    assert_parses("7.000us", 7);
    assert_parses("0.0001220703125d", 10546875);
    assert_parses("0.9999999d", D - 8640);
    assert_parses("1.5h0.5m", H + 30 * M + 30 * S);
    assert_parses("106751991.1671d", 106751991 * D + 14437440000);
}

static void test_duration_says_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *sentence;
        enum error_code code;
    } rows[] = {
        {"", "\"\" is not a duration such as \"250ms\" or \"1h30m\"", ERR_SYNTAX},
        {"s", "\"s\" is not a duration such as \"250ms\" or \"1h30m\"", ERR_SYNTAX},
        {"-1s", "\"-1s\" is not a duration such as \"250ms\" or \"1h30m\"", ERR_SYNTAX},
        {"+1s", "\"+1s\" is not a duration such as \"250ms\" or \"1h30m\"", ERR_SYNTAX},
        {" 1s", "\" 1s\" is not a duration such as \"250ms\" or \"1h30m\"", ERR_SYNTAX},
        {"1s ", "\"1s \" is not a duration such as \"250ms\" or \"1h30m\"", ERR_SYNTAX},
        {".5s", "\".5s\" is not a duration such as \"250ms\" or \"1h30m\"", ERR_SYNTAX},
        {"5.s", "\"5.s\" is not a duration such as \"250ms\" or \"1h30m\"", ERR_SYNTAX},
        {"1,5s", "\"1,5s\" needs a unit out of us, ms, s, m, h, d", ERR_SYNTAX},
        {"5", "\"5\" needs a unit out of us, ms, s, m, h, d", ERR_SYNTAX},
        {"00", "\"00\" needs a unit out of us, ms, s, m, h, d", ERR_SYNTAX},
        {"0.0", "\"0.0\" needs a unit out of us, ms, s, m, h, d", ERR_SYNTAX},
        {"1h30", "\"1h30\" needs a unit out of us, ms, s, m, h, d", ERR_SYNTAX},
        {"5 s", "\"5 s\" needs a unit out of us, ms, s, m, h, d", ERR_SYNTAX},
        {"5S", "\"5S\" needs a unit out of us, ms, s, m, h, d", ERR_SYNTAX},
        {"5min", "\"5min\" needs a unit out of us, ms, s, m, h, d", ERR_SYNTAX},
        {"1e3s", "\"1e3s\" needs a unit out of us, ms, s, m, h, d", ERR_SYNTAX},
        {"30m1h", "\"30m1h\" needs its larger units first, each once", ERR_SYNTAX},
        {"1s1s", "\"1s1s\" needs its larger units first, each once", ERR_SYNTAX},
        {"1.5us", "\"1.5us\" is not a whole number of microseconds", ERR_RANGE},
        {"0.0000001s", "\"0.0000001s\" is not a whole number of microseconds", ERR_RANGE},
        {"0.33333333333333333h", "\"0.33333333333333333h\" is not a whole number of microseconds",
         ERR_RANGE},
        {"9223372036854775808us", "\"9223372036854775808us\" is longer than 292,000 years",
         ERR_RANGE},
        {"99999999999999999999us", "\"99999999999999999999us\" is longer than 292,000 years",
         ERR_RANGE},
        {"106751992d", "\"106751992d\" is longer than 292,000 years", ERR_RANGE},
        {"106751991d4h54s775808us", "\"106751991d4h54s775808us\" is longer than 292,000 years",
         ERR_RANGE},
        {"106751991.5d", "\"106751991.5d\" is longer than 292,000 years", ERR_RANGE},
        {"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
         "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
         "\"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
         "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac...\" is not a "
         "duration such as \"250ms\" or \"1h30m\"",
         ERR_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err = {0};
        int64_t us = -7;
        if (duration_parse(&us, rows[i].text, &err) != -1)
            fail_msg("%s: not refused", rows[i].text);
        assert_string_equal(err.text, rows[i].sentence);
        assert_int_equal(err.code, rows[i].code);
        assert_true(us == -7);
    }
}

static void test_duration_formats_as_people_write(void **state)
{
    const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "0s"},
        {1, "1us"},
        {1500, "1500us"},
        {250 * MS, "250ms"},
        {1500 * MS, "1500ms"},
        {90 * S, "90s"},
        {M, "1m"},
        {M + S, "61s"},
        {2 * M, "2m"},
        {2 * M + S / 2, "2m500ms"},
        {5 * M, "5m"},
        {H + 30 * M, "1h30m"},
        {7 * D, "7d"},
        {D + 2 * H + 3 * M + 4 * S + 5 * MS + 6, "1d2h3m4s5006us"},
        {INT64_MAX, "106751991d4h54s775807us"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[DURATION_TEXT_MAX];
        duration_format(text, rows[i].us);
        assert_string_equal(text, rows[i].text);
        assert_parses(text, rows[i].us);
    }
}

static void test_duration_reads_what_it_writes(void **state)
{
    struct rng r;
    (void)state;
    rng_init(&r, 1);
    for (int i = 0; i < 100000; i++) {
        char text[DURATION_TEXT_MAX];
        uint64_t bits = rng_u64(&r);
        uint32_t shift = rng_below(&r, 63);
        int64_t us = (int64_t)(bits >> 1 >> shift);
        duration_format(text, us);
        assert_parses(text, us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duration_parses_numbers_with_units),
        cmocka_unit_test(test_duration_parses_fractions_exactly),
        cmocka_unit_test(test_duration_says_what_is_wrong),
        cmocka_unit_test(test_duration_formats_as_people_write),
        cmocka_unit_test(test_duration_reads_what_it_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
