/* Tests of `bulkhead top` as people have it: the real program on a terminal of tmux, reading from a
 * socket. Nothing waits for a length of time: each step waits for a text to appear. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/fake_control.h"
#include "tests/snapshots.h"

enum { WAIT_S_MAX = 30, SCREEN_MAX = 262144 };

static struct fake_control fake;
static char screen[SCREEN_MAX];
static char program[512]; /* absolute */

/* Run a command of the shell. Its output goes to `screen`; returns its exit status. */
static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *format, ...)
{
    char command[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t len = fread(screen, 1, sizeof screen - 1, pipe);
    screen[len] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A server of tmux of our own, known by its socket in our folder. */
#define TMUX "TMUX= LC_ALL=C.UTF-8 tmux -u -f /dev/null -S %s/tmux "

static void open_terminal(const char *term, int width, int height)
{
    assert_int_equal(shell(TMUX "set-option -g default-terminal %s \\; "
                                "new-session -d -x %d -y %d 'exec env PS1=: sh' 2>&1 || " TMUX
                                "new-session -d -x %d -y %d 'exec env TERM=%s sh' 2>&1",
                           fake.dir, term, width, height, fake.dir, width, height, term),
                     0);
}

static void type(const char *keys)
{
    assert_int_equal(shell(TMUX "send-keys %s", fake.dir, keys), 0);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void look(void)
{
    assert_int_equal(shell(TMUX "capture-pane -p", fake.dir), 0);
}

/* Until `words` are on the screen, or are not any more. */
static void wait_until(const char *words, bool there)
{
    int64_t end = now_ms() + WAIT_S_MAX * 1000;
    do {
        look();
        if ((strstr(screen, words) != NULL) == there)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    } while (now_ms() < end);
    fail_msg("\"%s\" %s on the screen:\n%s", words, there ? "is not" : "is still", screen);
}

static void wait_for(const char *words)
{
    wait_until(words, true);
}

/* The shell of the terminal runs top, and then says how it ended. */
static void start_top(const char *options)
{
    char keys[1024];
    snprintf(keys, sizeof keys,
             "\"clear; echo be''fore; sh -c 'echo \\$\\$ >%s/pid; exec %s top --state %s %s'; echo "
             "en''ded \\$?\" Enter",
             fake.dir, program, fake.dir, options);
    type(keys);
}

static void kill_top(int sig)
{
    assert_int_equal(shell("kill -%d $(cat %s/pid)", sig, fake.dir), 0);
}

/* The picture before is back, keys are echoed, the cursor is there. */
static void assert_restored(int status)
{
    char words[32];
    snprintf(words, sizeof words, "ended %d", status);
    wait_for(words);
    assert_non_null(strstr(screen, "before"));
    assert_null(strstr(screen, "F10 Quit"));
    type("\"stty -a | grep -cw -e -echo -e -icanon -e -onlcr | sed s/^/raw:/\" Enter");
    wait_for("raw:0");
    assert_int_equal(shell(TMUX "display-message -p '#{cursor_flag} #{alternate_on} "
                                "#{keypad_cursor_flag} #{keypad_flag}'",
                           fake.dir),
                     0);
    assert_string_equal(screen, "1 0 0 0\n");
}

static int setup(void **state)
{
    (void)state;
    const char *path = getenv("BULKHEAD");
    assert_non_null(path);
    assert_non_null(realpath(path, program));
    fake_control_start(&fake);
    fake_control_say(&fake, snapshot_zone_down());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    shell(TMUX "kill-server 2>/dev/null; rm -f %s/tmux", fake.dir, fake.dir);
    fake_control_end(&fake);
    return 0;
}

/* ---- on a terminal ---- */

static void test_it_shows_keys_and_data_at_80x24(void **state)
{
    (void)state;
    open_terminal("screen-256color", 80, 24);
    start_top("");
    wait_for("customers NOT HURT");
    wait_for("! de/b DOWN 41s: fault 12 zone-down, ends in 2m19s");
    wait_for(">! de    a X c  DEGRADED 41s");
    wait_for("\xe2\x94\x80\xe2\x94\x80 de: zones");
    type("Down");
    wait_for("\n>  fr");
    type("Enter");
    wait_for("world > fr");
    type("Escape");
    wait_until("world > fr", false);
    type("'?'");
    wait_for("never quits");
    type("F1");
    wait_until("never quits", false);
    fake_control_say(&fake, snapshot_failing());
    wait_for("customers HURT in es, it");
    wait_for(">? fr");
    type("q");
    assert_restored(0);
}

static void test_it_follows_the_size_of_the_terminal(void **state)
{
    (void)state;
    open_terminal("xterm-256color", 80, 24);
    start_top("");
    wait_for("F10 Quit");
    assert_int_equal(shell(TMUX "resize-window -x 200 -y 60", fake.dir), 0);
    wait_for("de: services and zones, by process");
    wait_for("it: services and zones, by process");
    assert_int_equal(shell(TMUX "resize-window -x 40 -y 8", fake.dir), 0);
    wait_for("   ends in 2m19s");
    wait_for("F10 Quit");
    assert_null(strstr(screen, "services and zones"));
    assert_int_equal(shell(TMUX "resize-window -x 39 -y 8", fake.dir), 0);
    wait_for("needs 40x8, is 39x8");
    assert_int_equal(shell(TMUX "resize-window -x 80 -y 24", fake.dir), 0);
    wait_for("3 cells, most trouble first");
    type("F10");
    wait_for("ended 0");
}

static void test_it_starts_large_with_ascii_and_without_colour(void **state)
{
    (void)state;
    open_terminal("screen-256color", 200, 60);
    type("'export NO_COLOR=1' Enter");
    start_top("--ascii");
    wait_for("it: services and zones, by process");
    wait_for("F10 Quit");
    for (const char *c = screen; *c != '\0'; c++)
        assert_true((unsigned char)*c < 0x80);
    assert_int_equal(shell(TMUX "capture-pane -p -e", fake.dir), 0);
    assert_null(strstr(screen, "\x1b[31m"));
    assert_null(strstr(screen, "\x1b[33m"));
    type("C-c");
    assert_restored(0);
}

static void test_it_works_on_other_terminals(void **state)
{
    (void)state;
    static const char *const terms[] = {"xterm-256color", "screen", "linux", "vt100"};
    char options[64];
    open_terminal("screen", 80, 24);
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++) {
        snprintf(options, sizeof options, "'export TERM=%s' Enter", terms[i]);
        type(options);
        start_top("");
        wait_for("F10 Quit");
        wait_for("DEGRADED 41s");
        type("q");
        wait_for("ended 0");
    }
}

static void test_a_dumb_terminal_gets_one_picture(void **state)
{
    (void)state;
    open_terminal("screen", 80, 40);
    type("'export TERM=dumb' Enter");
    start_top("");
    wait_for("ended 0");
    wait_for("customers NOT HURT");
    assert_null(strstr(screen, "F10 Quit"));
}

static void test_control_gone_and_back(void **state)
{
    (void)state;
    open_terminal("screen-256color", 80, 24);
    start_top("");
    wait_for("customers NOT HURT");
    fake_control_kill(&fake);
    wait_for("X CONTROL DOWN ");
    wait_for("cells serve; last seen ");
    type("Down"); /* keys are heard all the same */
    wait_for("\n>  fr");
    fake_control_restart(&fake);
    wait_until("CONTROL DOWN", false);
    fake_control_say_bytes(&fake, NULL); /* it listens and is silent */
    wait_for("? control does not answer well for ");
    type("Up");
    wait_for("\n>! de");
    type("q");
    assert_restored(0);
}

static void test_signals_and_crashes_restore_the_terminal(void **state)
{
    (void)state;
    static const struct {
        int signal, status;
    } rows[] = {{SIGTERM, 0}, {SIGHUP, 0}, {SIGSEGV, 128 + SIGSEGV}, {SIGABRT, 128 + SIGABRT}};
    open_terminal("screen-256color", 80, 24);
    type("'ulimit -c 0' Enter");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start_top("");
        wait_for("F10 Quit");
        kill_top(rows[i].signal);
        assert_restored(rows[i].status);
    }
}

static void test_it_can_be_suspended_and_goes_on(void **state)
{
    (void)state;
    open_terminal("screen-256color", 80, 24);
    type("'set -m' Enter");
    start_top("");
    wait_for("F10 Quit");
    type("C-z");
    wait_until("F10 Quit", false);
    wait_for("before");
    type("'fg' Enter");
    wait_for("F10 Quit");
    fake_control_say(&fake, snapshot_failing());
    wait_for("customers HURT");
    type("Down");
    wait_for("\n>X it");
    type("q");
    wait_for("before");
    wait_until("F10 Quit", false);
}

/* Processor time that the program has taken, in ms. */
static long spent_ms(void)
{
    assert_int_equal(shell("awk '{print $14 + $15}' /proc/$(cat %s/pid)/stat", fake.dir), 0);
    return strtol(screen, NULL, 10) * 1000 / sysconf(_SC_CLK_TCK);
}

/* The second that the clock of the banner shows, in 0..59. */
static int wait_for_second_after(int second)
{
    char words[16];
    snprintf(words, sizeof words, ":%02d\n", (second + 1) % 60);
    wait_for(words);
    return (second + 1) % 60;
}

static void test_while_nothing_changes_it_neither_works_nor_draws(void **state)
{
    (void)state;
    open_terminal("screen-256color", 80, 24);
    start_top("");
    wait_for("F10 Quit");
    int second = (int)strtol(strchr(screen, '\n') - 2, NULL, 10);
    assert_int_equal(shell(TMUX "pipe-pane 'cat >%s/out'", fake.dir, fake.dir), 0);
    long before_ms = spent_ms();
    int64_t begun_ms = now_ms();
    for (int i = 0; i < 4; i++)
        second = wait_for_second_after(second);
    long spent = spent_ms() - before_ms;
    int64_t passed = now_ms() - begun_ms;
    if (spent > passed / 20) /* measured under 1 %, which a sanitizer multiplies */
        fail_msg("%ld ms of processor time in %lld ms", spent, (long long)passed);
    assert_int_equal(shell("wc -c <%s/out", fake.dir), 0);
    assert_true(strtol(screen, NULL, 10) < 100 * passed / 1000); /* the clock, not the screen */
    type("q");
    wait_for("ended 0");
}

static void test_a_terminal_that_goes_ends_it(void **state)
{
    (void)state;
    open_terminal("screen-256color", 80, 24);
    start_top("");
    wait_for("F10 Quit");
    assert_int_equal(shell(TMUX "kill-server", fake.dir), 0);
    int64_t end = now_ms() + WAIT_S_MAX * 1000;
    while (shell("kill -0 $(cat %s/pid) 2>/dev/null", fake.dir) == 0 && now_ms() < end)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_true(now_ms() < end);
}

/* ---- without one ---- */

static void test_once_is_text_of_natural_height(void **state)
{
    (void)state;
    assert_int_equal(shell("LC_ALL=C.UTF-8 %s top --state %s --once", program, fake.dir), 0);
    assert_null(strchr(screen, '\x1b'));
    assert_non_null(strstr(screen, "\xe2\x94\x80\xe2\x94\x80 de: zones"));
    assert_non_null(strstr(screen, "control started\n"));
    assert_string_equal(strstr(screen, "control started\n"), "control started\n");
}

static void test_a_pipe_is_no_terminal_and_columns_are_obeyed(void **state)
{
    (void)state;
    size_t widest = 0;
    assert_int_equal(
        shell("LC_ALL=C COLUMNS=132 %s top --state %s </dev/null | cat", program, fake.dir), 0);
    for (char *line = screen, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        widest = (size_t)(end - line) > widest ? (size_t)(end - line) : widest;
    assert_int_equal(widest, 132);
}

static void test_nothing_running_is_said(void **state)
{
    (void)state;
    fake_control_kill(&fake);
    assert_int_equal(shell("%s top --state %s 2>&1", program, fake.dir), 2);
    assert_non_null(strstr(screen, "bulkhead: control is not running in /tmp/"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_it_shows_keys_and_data_at_80x24),
        TEST(test_it_follows_the_size_of_the_terminal),
        TEST(test_it_starts_large_with_ascii_and_without_colour),
        TEST(test_it_works_on_other_terminals),
        TEST(test_a_dumb_terminal_gets_one_picture),
        TEST(test_control_gone_and_back),
        TEST(test_signals_and_crashes_restore_the_terminal),
        TEST(test_it_can_be_suspended_and_goes_on),
        TEST(test_while_nothing_changes_it_neither_works_nor_draws),
        TEST(test_a_terminal_that_goes_ends_it),
        TEST(test_once_is_text_of_natural_height),
        TEST(test_a_pipe_is_no_terminal_and_columns_are_obeyed),
        TEST(test_nothing_running_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
