/* Tests of region/ids.h and region/digest.h: what names a record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "region/digest.h"
#include "region/ids.h"

/* The examples of FIPS 180-2, appendix B, cut to 128 bits: 0, 0 and 130 bits in groups of five.
 * ba7816bf8f01cfea414140de5dae2223, 248d6a61d20638b8e5c026930c3e6039 and
 * cdc76e5c9914fb9281a1c7e284d73e67; and e3b0c44298fc1c149afbf4c8996fb924 for the empty text. */
static void test_digest_is_that_of_the_standard(void **state)
{
    (void)state;
    static char million[1000001];
    memset(million, 'a', sizeof million - 1);
    const struct {
        const char *text, *hex;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb924"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039"},
        {million, "cdc76e5c9914fb9281a1c7e284d73e67"},
    };
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz", hex[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[DIGEST_TEXT], back[33] = {0};
        digest_text(out, rows[i].text, strlen(rows[i].text));
        assert_int_equal(strlen(out), DIGEST_CHARS);
        for (int bit = 0; bit < 128; bit++) { /* bit 0 of the text follows two that are zero */
            int at = bit + 2;
            int five = (int)(strchr(digits, out[at / 5]) - digits);
            back[bit / 4] = (char)(back[bit / 4] << 1 | (five >> (4 - at % 5) & 1));
        }
        for (int k = 0; k < 32; k++)
            back[k] = hex[(int)back[k]];
        assert_string_equal(back, rows[i].hex);
    }
}

static void test_digest_depends_on_every_byte_at_every_length(void **state)
{
    (void)state;
    char text[200] = {0}, plain[DIGEST_TEXT], other[DIGEST_TEXT];
    for (size_t len = 1; len <= sizeof text; len++) {
        digest_text(plain, text, len);
        digest_text(other, text, len - 1);
        assert_string_not_equal(plain, other);
        for (size_t i = 0; i < len; i++) {
            text[i] = 1;
            digest_text(other, text, len);
            assert_string_not_equal(plain, other);
            text[i] = 0;
        }
    }
}

static void test_id_of_a_key_is_the_same_each_time_and_differs_by_country_and_kind(void **state)
{
    (void)state;
    char ids[4][ID_TEXT], again[ID_TEXT];
    id_of_key(ids[0], "de", ID_ORDER, "key-1");
    id_of_key(ids[1], "de", ID_ORDER, "key-2");
    id_of_key(ids[2], "fr", ID_ORDER, "key-1");
    id_of_key(ids[3], "de", ID_ITEM, "key-1");
    id_of_key(again, "de", ID_ORDER, "key-1");
    assert_string_equal(ids[0], again);
    assert_memory_equal(ids[0], "de-o-", 5);
    assert_memory_equal(ids[3], "de-i-", 5);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(ids[i] + 5, ids[k] + 5);
}

static void test_id_of_a_key_can_be_read_again(void **state)
{
    (void)state;
    struct id id;
    char text[ID_TEXT];
    for (int kind = ID_CUSTOMER; kind <= ID_ORDER; kind++) {
        id_of_key(text, "gb", (enum id_kind)kind, "~!key");
        assert_true(id_parse(&id, text));
        assert_string_equal(id.country, "gb");
        assert_int_equal(id.kind, kind);
        assert_int_equal(strlen(text), 5 + DIGEST_CHARS);
    }
}

static void test_id_of_a_code_keeps_the_code_and_its_case(void **state)
{
    (void)state;
    struct error err;
    static const char *const rows[][2] = {
        {"85099B", "gb-i-85099B"},
        {"51014c", "gb-i-51014c"},
        {"m", "gb-i-m"},
        {"BANK CHARGES", "gb-i-BANK_CHARGES"},
        {"gift_0001_20", "gb-i-gift_0001_20"},
        {"a.b~c-d", "gb-i-a.b~c-d"},
        {"1234567890123456789012345678901234567890",
         "gb-i-1234567890123456789012345678901234567890"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[ID_TEXT];
        struct id id;
        assert_int_equal(id_of_code(text, "gb", ID_ITEM, rows[i][0], &err), 0);
        assert_string_equal(text, rows[i][1]);
        assert_true(id_parse(&id, text));
    }
}

static void test_id_refuses_codes_that_cannot_stand_in_a_url(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "a/b",
        "a?b",
        "a%20b",
        "caf\xc3\xa9",
        "a\nb",
        "\"",
        "12345678901234567890123456789012345678901",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[ID_TEXT];
        struct error err = {0};
        assert_int_equal(id_of_code(text, "gb", ID_ITEM, rows[i], &err), -1);
        assert_int_equal(err.code, ERR_RANGE);
    }
}

static void test_id_parse_refuses_what_is_no_id(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "d",
        "de",
        "de-",
        "de-o",
        "de-o-",
        "de-x-1",
        "DE-o-1",
        "deu-o-1",
        "d1-o-1",
        "de_o-1",
        "de-o_1",
        "de-O-1",
        "de-o-a b",
        "de-o-%",
        "de-o-/",
        "de-o-\x7f",
        " de-o-1",
        "de-o-\xc3\xa9",
        "de-o-12345678901234567890123456789012345678901",
    };
    struct id id;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_false(id_parse(&id, rows[i]));
    assert_true(id_parse(&id, "de-o-1"));
}

static void test_id_check_tells_another_country_from_no_id(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(id_check("de-c-1", "de", ID_CUSTOMER, "customer", &err), 0);
    assert_int_equal(id_check("fr-c-1", "de", ID_CUSTOMER, "customer", &err), -1);
    assert_int_equal(err.code, ERR_CONFLICT);
    assert_string_equal(err.text, "customer: fr-c-1 is not of this country");
    assert_int_equal(id_check("de-o-1", "de", ID_CUSTOMER, "customer", &err), -1);
    assert_int_equal(err.code, ERR_RANGE);
    assert_string_equal(err.text, "customer: expected the id of a customer, as de-c-1001");
    assert_int_equal(id_check("what", "de", ID_ITEM, "lines[3].item", &err), -1);
    assert_string_equal(err.text, "lines[3].item: expected the id of an item, as de-i-1001");
}

static void test_id_bounds_hold_all_of_a_country_and_kind_and_no_others(void **state)
{
    (void)state;
    char low[ID_TEXT], high[ID_TEXT];
    id_bounds(low, high, "de", ID_ITEM);
    static const char *const inside[] = {"de-i--", "de-i-0", "de-i-zzz", "de-i-~~"};
    static const char *const outside[] = {"de-c-0", "de-o-0", "de-v-0", "dd-i-0", "df-i-0"};
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
        assert_true(strcmp(low, inside[i]) < 0 && strcmp(inside[i], high) < 0);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        assert_false(strcmp(low, outside[i]) < 0 && strcmp(outside[i], high) < 0);
}

static void test_id_key_is_one_to_128_visible_characters(void **state)
{
    (void)state;
    char key[ID_KEY_MAX + 2];
    memset(key, '~', sizeof key);
    key[ID_KEY_MAX + 1] = '\0';
    assert_false(id_key_ok(key));
    key[ID_KEY_MAX] = '\0';
    assert_true(id_key_ok(key));
    assert_true(id_key_ok("!"));
    assert_false(id_key_ok(""));
    assert_false(id_key_ok("a b"));
    assert_false(id_key_ok("a\tb"));
    assert_false(id_key_ok("caf\xc3\xa9"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest_is_that_of_the_standard),
        cmocka_unit_test(test_digest_depends_on_every_byte_at_every_length),
        cmocka_unit_test(test_id_of_a_key_is_the_same_each_time_and_differs_by_country_and_kind),
        cmocka_unit_test(test_id_of_a_key_can_be_read_again),
        cmocka_unit_test(test_id_of_a_code_keeps_the_code_and_its_case),
        cmocka_unit_test(test_id_refuses_codes_that_cannot_stand_in_a_url),
        cmocka_unit_test(test_id_parse_refuses_what_is_no_id),
        cmocka_unit_test(test_id_check_tells_another_country_from_no_id),
        cmocka_unit_test(test_id_bounds_hold_all_of_a_country_and_kind_and_no_others),
        cmocka_unit_test(test_id_key_is_one_to_128_visible_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
