/* Tests of base/topo_cut.c: residency rules, parts of countries, candidate regions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/topo.h"

static int parse(struct topo *topo, const char *text, struct arena *a, struct error *err)
{
    return topo_parse(topo, text, strlen(text), NULL, 0, a, err);
}

#define THREE(gb, de, fr) "{\"countries\": {\"GB\": {" gb "}, \"DE\": {" de "}, \"FR\": {" fr "}}"
#define RULE(rule)        "\"residency\": {" rule "}"

static void test_topo_cut_refuses_rules_that_contradict_each_other(void **state)
{
    static const struct {
        const char *text, *sentence;
        enum error_code code;
    } rows[] = {
        {THREE("", RULE("\"alone\": true, \"only_with\": [\"FR\"]"), "") "}",
         "countries.DE.residency: alone and only_with contradict each other; keep one of the two",
         ERR_CONFLICT},
        {THREE("", RULE("\"only_with\": [\"FR\"]"), RULE("\"alone\": true")) "}",
         "countries.DE.residency.only_with[0]: DE may share with FR, but "
         "countries.FR.residency.alone forbids it; drop one of the two",
         ERR_CONFLICT},
        {THREE("", RULE("\"only_with\": [\"FR\"]"), RULE("\"only_with\": [\"GB\"]")) "}",
         "countries.DE.residency.only_with[0]: DE may share with FR, but "
         "countries.FR.residency.only_with forbids it; drop one of the two",
         ERR_CONFLICT},
        {THREE("", RULE("\"only_with\": [\"FR\"]"), RULE("\"not_with\": [\"DE\"]")) "}",
         "countries.DE.residency.only_with[0]: DE may share with FR, but "
         "countries.FR.residency.not_with forbids it; drop one of the two",
         ERR_CONFLICT},
        {THREE("", RULE("\"only_with\": [\"FR\"], \"not_with\": [\"FR\"]"), "") "}",
         "countries.DE.residency.only_with[0]: DE may share with FR, but "
         "countries.DE.residency.not_with forbids it; drop one of the two",
         ERR_CONFLICT},
        {THREE("", RULE("\"not_with\": [\"US\"]"), "") "}",
         "countries.DE.residency.not_with[0]: \"US\" is not among the countries", ERR_UNKNOWN},
        {THREE("", RULE("\"not_with\": [\"DE\"]"), "") "}",
         "countries.DE.residency.not_with[0]: names the country itself", ERR_CONFLICT},
        {THREE("", RULE("\"regions\": [\"aws/mars-1\"]"), "") "}",
         "countries.DE.residency.regions[0]: no region \"aws/mars-1\"", ERR_UNKNOWN},
        {THREE("", RULE("\"alone\": true"), "") ", \"cells\": {\"eu\": {\"countries\": "
                                                "[\"FR\", \"DE\"]}}}",
         "countries.DE.residency.alone: cell eu serves FR too; give DE a cell without it, or drop "
         "the rule",
         ERR_CONFLICT},
        {THREE("", RULE("\"regions\": [\"aws/eu-west-1\"]"), "") ", \"cells\": {\"de\": "
                                                                 "{\"region\": "
                                                                 "\"aws/eu-west-2\"}}}",
         "cells.de.region: aws/eu-west-2 is not among countries.DE.residency.regions",
         ERR_CONFLICT},
        {THREE("", RULE("\"regions\": [\"aws/eu-west-1\"]"),
               RULE("\"regions\": [\"aws/eu-west-2\"]")) ", \"cells\": {\"x\": {\"countries\": "
                                                         "[\"DE\", \"FR\"]}}}",
         "cells.x.region: none is in the residency.regions of all its countries; name one in all "
         "lists, or part them",
         ERR_CONFLICT},
        {THREE("", "\"of\": \"US\"", "") "}",
         "countries.DE: a part of a country has a code that no country has: AA, QM to QZ, XA to XZ "
         "but XK, or ZZ",
         ERR_RANGE},
        {"{\"countries\": {\"XA\": {}}}",
         "countries.XA: a code of users, for a part of a country: say of which, as \"of\": \"GB\"",
         ERR_UNKNOWN},
        {"{\"countries\": {\"XA\": {\"of\": \"XB\"}}}", "countries.XA.of: unknown country \"XB\"",
         ERR_UNKNOWN},
        {"{\"countries\": [\"DE\"], \"regions\": [{\"region\": \"mars\"}]}",
         "regions[0].region: no region \"mars\"; write provider/region, as aws/eu-central-1",
         ERR_UNKNOWN},
        {"{\"countries\": [\"DE\"], \"regions\": [{\"region\": \"aws/eu-west-1\"}, {\"region\": "
         "\"aws/eu-west-1\"}]}",
         "regions[1].region: \"aws/eu-west-1\" is given twice", ERR_DUPLICATE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a = {0};
        struct topo topo;
        struct error err = {0};
        if (parse(&topo, rows[i].text, &a, &err) == 0)
            fail_msg("%s is accepted", rows[i].text);
        assert_string_equal(err.text, rows[i].sentence);
        assert_int_equal(err.code, rows[i].code);
        arena_release(&a);
    }
}

static void test_topo_cut_rules_hold_both_ways(void **state)
{
    (void)state;
    struct arena a = {0};
    struct topo t;
    struct error err;
    if (parse(&t,
              "{\"countries\": {\"GB\": {}, \"DE\": {\"residency\": {\"only_with\": [\"FR\"]}}, "
              "\"FR\": {}, \"US\": {\"residency\": {\"not_with\": [\"FR\"]}}, \"XA\": {\"of\": "
              "\"FR\"}}}",
              &a, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(topo_may_share(&t, 1, 2) && topo_may_share(&t, 2, 1));
    assert_true(topo_may_share(&t, 1, 4)); /* a part is as its country */
    assert_false(topo_may_share(&t, 0, 1) || topo_may_share(&t, 1, 0));
    assert_false(topo_may_share(&t, 3, 2) || topo_may_share(&t, 2, 3) || topo_may_share(&t, 4, 3));
    assert_true(topo_may_share(&t, 0, 2) && topo_may_share(&t, 0, 3));
    arena_release(&a);
}

static void test_topo_cut_part_is_its_country_but_for_the_code(void **state)
{
    (void)state;
    struct arena a = {0};
    struct topo t;
    struct error err;
    if (parse(&t, "{\"countries\": {\"FR\": {}, \"XA\": {\"of\": \"FR\"}}}", &a, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(t.countries[1].customers, t.countries[0].customers);
    assert_string_equal(t.countries[1].curve, "retail/FR");
    assert_int_equal(t.countries[1].utc_offset_min, 60);
    assert_string_equal(t.cells[1].name, "xa");
    assert_string_equal(t.cells[1].region, "aws/eu-west-3");
    assert_int_equal(t.cells[1].client_rtt_us[0], t.cells[0].client_rtt_us[0]);
    arena_release(&a);
}

static void test_topo_cut_region_follows_the_rule(void **state)
{
    (void)state;
    struct arena a = {0};
    struct topo t;
    struct error err;
    if (parse(&t,
              THREE("", RULE("\"regions\": [\"aws/eu-west-1\", \"aws/eu-north-1\"]"),
                    RULE("\"regions\": [\"aws/eu-north-1\"]")) ", \"cells\": {\"x\": "
                                                               "{\"countries\": [\"DE\", "
                                                               "\"FR\"]}}}",
              &a, &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(t.cells[0].region, "aws/eu-north-1");
    arena_release(&a);
}

/* What topo_text writes reads back as the same topology, and is then written the same. */
static void test_topo_text_reads_back(void **state)
{
    static const char text[] =
        "{\"countries\": {\"GB\": {\"parts\": 3}, \"DE\": {\"residency\": {\"only_with\": "
        "[\"FR\"], \"regions\": [\"aws/eu-central-1\"]}}, \"FR\": {}, \"XA\": {\"of\": \"GB\"}}, "
        "\"cells\": {\"eu\": {\"countries\": [\"DE\", \"FR\"], \"keep\": true}}, \"goal\": "
        "{\"time\": \"1s\"}, \"regions\": [{\"region\": \"aws/eu-central-1\", \"price\": 1.5}], "
        "\"rtt_max\": \"80ms\"}";
    (void)state;
    struct arena a = {0};
    struct topo t, back;
    struct error err;
    if (parse(&t, text, &a, &err) != 0)
        fail_msg("%s", err.text);
    const char *once = topo_text(&t, &a);
    assert_non_null(once);
    if (parse(&back, once, &a, &err) != 0)
        fail_msg("%s in %s", err.text, once);
    assert_string_equal(topo_text(&back, &a), once);
    assert_true(back.cells[0].keep);
    assert_int_equal(back.countries[0].parts, 3);
    assert_int_equal(back.rtt_max_us, 80000);
    assert_true(back.candidates[0].price == 1.5);
    assert_string_equal(back.countries[1].residency.only_with[0], "FR");
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topo_cut_refuses_rules_that_contradict_each_other),
        cmocka_unit_test(test_topo_cut_rules_hold_both_ways),
        cmocka_unit_test(test_topo_cut_part_is_its_country_but_for_the_code),
        cmocka_unit_test(test_topo_cut_region_follows_the_rule),
        cmocka_unit_test(test_topo_text_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
