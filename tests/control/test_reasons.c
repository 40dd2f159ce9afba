/* Tests of control/reasons.h and control/spell.h: what is off in words, and what is new in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "control/reasons.h"
#include "control/spell.h"
#include "control/status.h"

enum { NEWS = 8 };

struct told {
    char text[NEWS][512];
    size_t count;
};

static void on_news(void *context, const char *text)
{
    struct told *told = context;
    assert_true(told->count < NEWS);
    snprintf(told->text[told->count++], sizeof told->text[0], "%s", text);
}

static void test_reasons_have_words_for_every_kind(void **state)
{
    static const char *const rows[][2] = {
        {"de/b: catalog is left out", "de/b: catalog takes part again"},
        {"de/b: catalog is taken out", "de/b: catalog is back"},
        {"de: catalog: failures are ignored", "de: catalog: failures count again"},
        {"de: retries are off", "de: retries are on again"},
        {"de: catalog: second copies are off", "de: catalog: second copies are on again"},
        {"de: catalog: requests are refused", "de: catalog: no requests are refused any more"},
    };
    char out[REASONS_WORDS_MAX];
    (void)state;
    for (int what = 0; status_what_words[what] != NULL; what++) {
        bool replica = what == STATUS_LEFT_OUT || what == STATUS_TAKEN_OUT;
        const struct status_reason r = {.what = what,
                                        .cell = "de",
                                        .zone = replica ? "b" : "",
                                        .service = what == STATUS_RETRIES_OFF ? "" : "catalog",
                                        .why = ""};
        reasons_say(&r, false, out);
        assert_string_equal(out, rows[what][0]);
        reasons_say(&r, true, out);
        assert_string_equal(out, rows[what][1]);
    }
    for (int rule = 0; rule < STATUS_RULES; rule++)
        assert_true(strlen(reasons_rule(rule)) > 0 && status_rule_words[rule] != NULL);
}

/* What was there before and is there still is no news, in whatever order it comes. */
static void test_reasons_tell_what_is_new(void **state)
{
    struct status_reason before_list[] = {
        {STATUS_LEFT_OUT, "de", "a", "order", 5, 5, "2 failures"},
        {STATUS_BREAKER, "de", "", "order", 5, -1, "9 %"},
    };
    struct status_reason now_list[] = {
        {STATUS_BREAKER, "de", "", "order", 6, -1, "8 %"},
        {STATUS_LEFT_OUT, "de", "a", "order", 6, 4, "3 failures"},
        {STATUS_LEFT_OUT, "de", "a", "catalog", 0, 9, "4 failures"},
        {STATUS_LEFT_OUT, "de", "b", "catalog", 0, 9, "5 failures"},
        {STATUS_LEFT_OUT, "de", "b", "vendor", 0, 9, "6 failures"},
    };
    const struct status_door before = {.reasons = before_list, .reason_count = 2};
    const struct status_door now = {.reasons = now_list, .reason_count = 5};
    const struct status_door none = {.reason_count = 0};
    struct told told = {.count = 0};
    (void)state;
    reasons_compare(&before, &now, on_news, &told);
    assert_int_equal(told.count, 2);
    assert_string_equal(told.text[0], "de/a: catalog is left out: 4 failures");
    assert_string_equal(told.text[1], "de/b: catalog (and 1 more) is left out: 5 failures");
    told.count = 0;
    reasons_compare(&now, &now, on_news, &told);
    assert_int_equal(told.count, 0);
    reasons_compare(NULL, &before, on_news, &told); /* a door that is heard for the first time */
    assert_int_equal(told.count, 2);
    told.count = 0;
    reasons_compare(&before, &none, on_news, &told);
    assert_int_equal(told.count, 2);
    assert_string_equal(told.text[0], "de/a: order takes part again");
    assert_string_equal(told.text[1], "de: order: no requests are refused any more");
}

static void test_spell_lasts_until_nothing_happens_for_a_while(void **state)
{
    struct spell s = {0};
    int64_t at_us = 7;
    (void)state;
    assert_false(spell_on(&s, at_us));
    for (int i = 0; i < 10; i++, at_us += SPELL_OVER_US - 1)
        spell_note(&s, at_us);
    assert_int_equal(s.count, 10);
    assert_int_equal(s.since_us, 7);
    assert_true(spell_on(&s, s.last_us + SPELL_OVER_US - 1));
    assert_false(spell_on(&s, s.last_us + SPELL_OVER_US));
    spell_note(&s, s.last_us + SPELL_OVER_US);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.since_us, s.last_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reasons_have_words_for_every_kind),
        cmocka_unit_test(test_reasons_tell_what_is_new),
        cmocka_unit_test(test_spell_lasts_until_nothing_happens_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
