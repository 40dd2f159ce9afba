/* Tests of commands/status_fetch.c and of `bulkhead status`, against a process that listens on a
 * real socket. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/status_fetch.h"
#include "tests/fake_control.h"
#include "tests/snapshots.h"

static struct fake_control fake;
static struct arena arena;
static struct error err;
static struct status got;

static int setup(void **state)
{
    (void)state;
    fake_control_start(&fake);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_control_end(&fake);
    arena_release(&arena);
    return 0;
}

static void assert_refused(const char *bytes, enum error_code code, const char *words)
{
    fake_control_say_bytes(&fake, bytes);
    assert_int_equal(status_fetch(fake.dir, &got, &arena, &err), -1);
    if (err.code != code || strstr(err.text, words) == NULL)
        fail_msg("got code %d and \"%s\", expected %d and \"%s\"", err.code, err.text, code, words);
}

static void test_an_answer_is_decoded(void **state)
{
    (void)state;
    fake_control_say(&fake, snapshot_failing());
    assert_int_equal(status_fetch(fake.dir, &got, &arena, &err), 0);
    assert_string_equal(got.topology, "shop.json");
    assert_int_equal(got.cell_count, 4);
    assert_int_equal(got.cells[1].health, STATUS_FAILING);
    assert_true(isnan(got.cells[2].rps));
}

static void test_a_large_answer_is_decoded(void **state)
{
    (void)state;
    fake_control_say(&fake, snapshot_many());
    assert_int_equal(status_fetch(fake.dir, &got, &arena, &err), 0);
    assert_int_equal(got.cell_count, 27);
}

static void test_nobody_there_is_missing(void **state)
{
    (void)state;
    fake_control_kill(&fake); /* its socket's file stays */
    assert_int_equal(status_fetch(fake.dir, &got, &arena, &err), -1);
    assert_int_equal(err.code, ERR_MISSING);
    assert_non_null(strstr(err.text, "nobody listens"));
    assert_int_equal(status_fetch("/nowhere/at/all", &got, &arena, &err), -1);
    assert_int_equal(err.code, ERR_MISSING);
    assert_string_equal(err.text,
                        "nothing is running in /nowhere/at/all: there is no control.sock");
}

static void test_bad_answers_are_refused_with_a_reason(void **state)
{
    (void)state;
    assert_refused("hello there, this is not it\r\n\r\n", ERR_SYNTAX, "not HTTP");
    assert_refused("HTTP/1.1 2x0 OK\r\n\r\n", ERR_SYNTAX, "not HTTP");
    assert_refused("HTTP/1.1 200 OK\r\n\r\n{}", ERR_SYNTAX, "does not say its length");
    assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n{}", ERR_SYNTAX, "not a number");
    assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n{}", ERR_LIMIT, "16 MiB");
    assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", ERR_SYSTEM, "closed before");
    assert_refused("HTTP/1.1 200 OK\r\nContent-Length", ERR_SYSTEM, "closed before");
    assert_refused("", ERR_SYSTEM, "closed before");
    assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", ERR_MISSING, "control.sock: ");
    assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{]", ERR_SYNTAX, "control.sock: ");
    assert_refused("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nwait", ERR_SYSTEM,
                   "status 503: wait");
}

static void test_a_head_without_end_is_refused(void **state)
{
    (void)state;
    static char bytes[STATUS_FETCH_HEAD_MAX + 200];
    memset(bytes, 'a', sizeof bytes - 1);
    assert_refused(bytes, ERR_LIMIT, "head has more than");
}

static void test_silence_ends_after_the_limit(void **state)
{
    (void)state;
    assert_refused(NULL, ERR_SYSTEM, "no whole answer within 2 s");
}

static void test_steps_do_not_wait_for_a_silent_peer(void **state)
{
    (void)state;
    struct status_fetcher f;
    status_fetcher_init(&f, fake.dir);
    for (int i = 0; i < 5; i++)
        assert_int_equal(status_fetch_step(&f, 0, &got, &arena, &err), 1);
    fake_control_kill(&fake);
    assert_int_equal(status_fetch_step(&f, 1000, &got, &arena, &err), -1);
    fake_control_restart(&fake);
    fake_control_say(&fake, snapshot_well());
    int result;
    do
        result = status_fetch_step(&f, 1000, &got, &arena, &err);
    while (result == 1);
    assert_int_equal(result, 0);
    status_fetcher_release(&f);
}

/* ---- bulkhead status ---- */

static char output[262144];

static int run(const char *options)
{
    char command[512];
    const char *program = getenv("BULKHEAD");
    assert_non_null(program);
    snprintf(command, sizeof command, "%s status --state %s %s 2>&1", program, fake.dir, options);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t len = fread(output, 1, sizeof output - 1, pipe);
    output[len] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void assert_says(const char *words)
{
    if (strstr(output, words) == NULL)
        fail_msg("\"%s\" is not in:\n%s", words, output);
}

static void test_status_tells_people_and_exits_by_health(void **state)
{
    (void)state;
    fake_control_say(&fake, snapshot_well());
    assert_int_equal(run(""), 0);
    assert_says("shop.json: healthy; control up 2h03m; 0 of 167,157 requests lost");
    fake_control_say(&fake, snapshot_zone_down());
    assert_int_equal(run(""), 1);
    assert_says("NOT HEALTHY");
    assert_says("fault 12: zone-down at de/b, ends by itself in 2m19s");
    fake_control_kill(&fake);
    assert_int_equal(run(""), 2);
    assert_says("bulkhead: control is not running in /tmp/");
    assert_int_equal(run("--jsno"), 2);
}

/* Each door by its name, with what it has switched off; no line of theirs is over 80 columns. */
static void test_status_says_what_doors_switched_off(void **state)
{
    struct status_reason reasons[] = {
        {STATUS_LEFT_OUT, "germany-and-austria", "a", "catalog", 5, 1500, "3 failures in a row"},
        {STATUS_LEFT_OUT, "germany-and-austria", "b", "catalog", 5, 0, "\x1b[2J"},
        {STATUS_RETRIES_OFF, "germany-and-austria", "", "", 5, -1,
         "0.20 of 100 tokens left, each takes 1 and a request earns 0.10; 1,234 refused"},
    };
    struct status_budget budget = {"fr", "", "retries", 66.5, 100, 0.1};
    struct status_loss losses[] = {{"fr", STATUS_BY_BUDGET, "timeout", 1234},
                                   {"", STATUS_BY_COUNTRIES, "", 2}};
    struct status_door doors[2] = {{.port = 20000, .answers = true, .map_version = 7},
                                   {.port = 20046, .answers = true, .map_version = 7}};
    struct status *s = snapshot_well();
    (void)state;
    doors[1].reasons = reasons;
    doors[1].reason_count = 3;
    doors[1].reasons_more = 4;
    doors[1].budgets = &budget;
    doors[1].budget_count = 1;
    doors[1].losses = losses;
    doors[1].loss_count = 2;
    s->doors = doors;
    s->door_count = 2;
    fake_control_say(&fake, s);
    assert_int_equal(run(""), 0);
    assert_says("door 2: germany-and-austria/a: catalog is left out for 1s more: 3 failures "
                "in a\n    row\n");
    assert_says("/b: catalog is left out until a request tries it:\n    ?[2J\n");
    assert_says("door 2: germany-and-austria: retries are off: 0.20 of 100 tokens left, each\n"
                "    takes 1 and a request earns 0.10; 1,234 refused\n");
    assert_says("door 2: and 4 more (--json)\n");
    assert_says("door 2: fr: 33.5 of 100 tokens for retries used\n");
    assert_says("door 2: 1,234 lost in fr: the retry budget was spent, last timeout\n");
    assert_says("door 2: 2 lost in questions to many countries: no country answered\n");
    for (const char *line = strstr(output, "\ndoor 1"); line != NULL; line = strchr(line, '\n'))
        assert_in_range(strcspn(++line, "\n"), 0, 80);
}

static void test_status_json_can_be_read_again(void **state)
{
    (void)state;
    struct status s;
    fake_control_say(&fake, snapshot_failing());
    assert_int_equal(run("--json"), 1);
    assert_int_equal(
        json_decode(&s, sizeof s, status_fields, output, strlen(output), NULL, 0, &arena, &err), 0);
    assert_int_equal(s.cells[1].zones[2].replicas[2].restarts, 14);
    assert_true(isnan(s.cells[2].errors));
}

static void test_status_texts_do_not_act_on_a_terminal(void **state)
{
    (void)state;
    struct status *s = snapshot_zone_down();
    s->topology = "\x1b[2Jshop";
    s->cells[0].why = "\x1b]0;title\x07";
    fake_control_say(&fake, s);
    assert_int_equal(run(""), 1);
    assert_null(strchr(output, '\x1b'));
    assert_says("?[2Jshop");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_is_decoded),
        TEST(test_a_large_answer_is_decoded),
        TEST(test_nobody_there_is_missing),
        TEST(test_bad_answers_are_refused_with_a_reason),
        TEST(test_a_head_without_end_is_refused),
        TEST(test_silence_ends_after_the_limit),
        TEST(test_steps_do_not_wait_for_a_silent_peer),
        TEST(test_status_tells_people_and_exits_by_health),
        TEST(test_status_says_what_doors_switched_off),
        TEST(test_status_json_can_be_read_again),
        TEST(test_status_texts_do_not_act_on_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
