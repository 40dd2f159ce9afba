#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "commands/page.h"

static void test_page_escapes_what_others_wrote(void **state)
{
    static const struct {
        const char *name, *text, *page, *json;
    } rows[] = {
        {"plain", "caf\xc3\xa9 1", "caf\xc3\xa9 1", "\"caf\xc3\xa9 1\""},
        {"an element", "<b a='1'>&\"", "&lt;b a=&#39;1&#39;&gt;&amp;&quot;",
         "\"\\u003cb a=\\u00271\\u0027\\u003e\\u0026\\u0022\""},
        {"the end of a script", "</script>", "&lt;/script&gt;", "\"\\u003c/script\\u003e\""},
        {"control characters", "a\x01\x7f\n\\", "a\n\\", "\"a\\u0001\\u007f\\u000a\\u005c\""},
        {"no UTF-8", "a\xff\xc3", "a\xef\xbf\xbd\xef\xbf\xbd", "\"a\\ufffd\\ufffd\""},
        {"nothing", "", "", "\"\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct page p = {0};
        page_text(&p, rows[i].text);
        page_put(&p, "|");
        page_json(&p, rows[i].text);
        char *bar = strchr(p.text, '|');
        *bar = '\0';
        if (strcmp(p.text, rows[i].page) != 0 || strcmp(bar + 1, rows[i].json) != 0)
            fail_msg("%s: %s and %s", rows[i].name, p.text, bar + 1);
        page_release(&p);
    }
}

static void test_page_numbers_are_json(void **state)
{
    struct page p = {0};
    (void)state;
    page_number(&p, 1.5);
    page_put(&p, " ");
    page_number(&p, (double)NAN);
    page_put(&p, " ");
    page_number(&p, (double)INFINITY);
    page_put(&p, " ");
    page_number(&p, 1e-7);
    assert_string_equal(p.text, "1.5 null null 1e-07");
    page_release(&p);
}

static void test_page_elements_close(void **state)
{
    struct page p = {0};
    (void)state;
    page_element(&p, "p class=soft", "%d <", 1);
    assert_string_equal(p.text, "<p class=soft>1 &lt;</p>");
    page_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_escapes_what_others_wrote),
        cmocka_unit_test(test_page_numbers_are_json),
        cmocka_unit_test(test_page_elements_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
