/* Tests of wire/text_file.h: files that are whole or not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "tests/kids.h"
#include "wire/text_file.h"

struct world {
    char folder[64];
    struct arena a;
    struct error err;
    struct text_file_stamp stamp;
    const char *text;
    size_t len;
};

static int setup(void **state)
{
    static struct world w;
    w = (struct world){.len = 0};
    folder_make(w.folder, sizeof w.folder);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    folder_remove(w->folder);
    arena_release(&w->a);
    return 0;
}

static int read_it(struct world *w, const char *path)
{
    return text_file_read(&w->text, &w->len, path, 8, &w->stamp, &w->a, &w->err);
}

static void test_text_file_reads_what_was_written(void **state)
{
    struct world *w = *state;
    const char *path = in_folder(w->folder, "f");
    struct text_file_stamp first, second, none = {0};
    struct text_file_stamp there = text_file_look(path);
    assert_true(text_file_same(&there, &none));
    assert_int_equal(read_it(w, path), -1);
    assert_int_equal(w->err.code, ERR_MISSING);
    assert_int_equal(text_file_replace(path, "12345678", 8, &first, &w->err), 0);
    there = text_file_look(path);
    assert_true(text_file_same(&there, &first));
    assert_int_equal(read_it(w, path), 0);
    assert_int_equal(w->len, 8);
    assert_string_equal(w->text, "12345678");
    assert_true(text_file_same(&w->stamp, &first));
    assert_int_equal(text_file_replace(path, "", 0, &second, &w->err), 0);
    assert_false(text_file_same(&first, &second));
    assert_int_equal(read_it(w, path), 0);
    assert_string_equal(w->text, "");
    assert_int_equal(access(in_folder(w->folder, "f.new"), F_OK), -1);
}

static void test_text_file_refuses_what_is_no_small_file(void **state)
{
    struct world *w = *state;
    const char *path = in_folder(w->folder, "f"), *pipe = in_folder(w->folder, "pipe");
    assert_int_equal(text_file_replace(path, "123456789", 9, &w->stamp, &w->err), 0);
    assert_int_equal(read_it(w, path), -1);
    assert_int_equal(w->err.code, ERR_LIMIT);
    assert_non_null(strstr(w->err.text, "has 9 bytes, 8 are the most"));
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(read_it(w, pipe), -1); /* and does not wait for a writer */
    assert_int_equal(w->err.code, ERR_TYPE);
    assert_int_equal(read_it(w, w->folder), -1);
    assert_int_equal(w->err.code, ERR_TYPE);
}

static void test_text_file_keeps_what_is_there_when_it_cannot_write(void **state)
{
    struct world *w = *state;
    const char *path = in_folder(w->folder, "f");
    assert_int_equal(text_file_replace(path, "old", 3, &w->stamp, &w->err), 0);
    assert_int_equal(mkdir(in_folder(w->folder, "f.new"), 0700), 0); /* in its way */
    assert_int_equal(text_file_replace(path, "new", 3, &w->stamp, &w->err), -1);
    assert_non_null(strstr(w->err.text, "/f: cannot write: "));
    assert_int_equal(read_it(w, path), 0);
    assert_string_equal(w->text, "old");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text_file_reads_what_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text_file_refuses_what_is_no_small_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_text_file_keeps_what_is_there_when_it_cannot_write,
                                        setup, teardown),
    };
    return cmocka_run_group_tests_name("text_file", tests, NULL, NULL);
}
