/* Tests of wire/process.c: who claims a file is found and no one else is hit, whatever the number
 * in the file; and what is started stands alone. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "tests/kids.h"
#include "wire/process.h"

static char folder[256];

static int setup(void **state)
{
    (void)state;
    folder_make(folder, sizeof folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

/* ---- roles ---- */

static int claim(char **args)
{
    struct error err;
    char line[64];
    kid_tell(KID_FD, process_claim(args[0], &err) == 0 ? "claimed" : err.text);
    return kid_hear(KID_FD, line, sizeof line) ? 0 : 1;
}

/* Tell what we were given, in one line into a fifo. */
static int spawned(char **args)
{
    int fds = 0, others = 0;
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            *(fd < 3 ? &fds : &others) += 1;
    struct sigaction pipe_action, term_action;
    sigaction(SIGPIPE, NULL, &pipe_action);
    sigaction(SIGTERM, NULL, &term_action);
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    struct stat in, empty;
    fstat(0, &in);
    stat("/dev/null", &empty);
    printf("out %s\n", args[1]);
    fflush(stdout);
    fprintf(stderr, "err %s\n", args[1]);

    int fifo = open(args[0], O_WRONLY);
    dprintf(fifo, "%d own, %d others, session %d, pipe %d, term %d, mask %d, empty %d\n", fds,
            others, getsid(0) != getpid() && getsid(0) > 1, pipe_action.sa_handler == SIG_IGN,
            term_action.sa_handler == SIG_DFL, sigismember(&mask, SIGUSR1),
            in.st_rdev == empty.st_rdev);
    close(fifo);
    pause();
    return 0;
}

/* ---- claiming and finding ---- */

static void test_process_finds_who_claims(void **state)
{
    (void)state;
    const char *path = in_folder(folder, "a.pid");
    struct error err = {0};
    struct process found;
    assert_int_equal(process_find(&found, path, &err), 0);
    assert_int_equal(found.pid, 0);

    struct kid kid;
    kid_start(&kid, "claim", (const char *[]){path, NULL});
    kid_expect(&kid, "claimed");
    assert_int_equal(process_find(&found, path, &err), 0);
    assert_int_equal(found.pid, kid.pid);
    assert_false(process_wait_gone(&found, 0));

    assert_int_equal(process_signal(&found, SIGTERM), 0);
    assert_true(process_wait_gone(&found, 10000000));
    kid_wait(&kid);
    process_release(&found);
    assert_int_equal(process_find(&found, path, &err), 0);
    assert_int_equal(found.pid, 0);
}

static void test_process_claims_once(void **state)
{
    (void)state;
    const char *path = in_folder(folder, "a.pid");
    struct kid first, second;
    char line[256], expected[512];
    kid_start(&first, "claim", (const char *[]){path, NULL});
    kid_expect(&first, "claimed");
    kid_start(&second, "claim", (const char *[]){path, NULL});
    assert_true(kid_hear(second.fd, line, sizeof line));
    snprintf(expected, sizeof expected, "%s: process %d runs already", path, (int)first.pid);
    assert_string_equal(line, expected);
    kid_kill(&second);

    kid_kill(&first); /* and after its death the next may */
    kid_start(&second, "claim", (const char *[]){path, NULL});
    kid_expect(&second, "claimed");
    kid_kill(&second);
}

static void test_process_finds_itself_and_keeps_its_claim(void **state)
{
    (void)state;
    const char *path = in_folder(folder, "own.pid");
    struct error err;
    struct process found;
    assert_int_equal(process_claim(path, &err), 0);
    assert_int_equal(process_find(&found, path, &err), 0);
    assert_int_equal(found.pid, getpid());
    process_release(&found);
    assert_int_equal(process_claim(path, &err), 0);

    struct kid kid;
    char line[256];
    kid_start(&kid, "claim", (const char *[]){path, NULL});
    assert_true(kid_hear(kid.fd, line, sizeof line));
    assert_non_null(strstr(line, "runs already"));
    kid_kill(&kid);
}

static void test_process_believes_the_lock_not_the_number(void **state)
{
    (void)state;
    const char *path = in_folder(folder, "stale.pid");
    FILE *f = fopen(path, "w");
    fprintf(f, "%d\n", (int)getppid());
    fclose(f);
    struct error err;
    struct process found;
    assert_int_equal(process_find(&found, path, &err), 0);
    assert_int_equal(found.pid, 0);
}

/* A process with the number of our choice, which the kernel grants to root. 0 when it does not. */
static pid_t start_as(pid_t pid)
{
    struct clone_args args = {
        .exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&pid, .set_tid_size = 1};
    long got = syscall(SYS_clone3, &args, sizeof args);
    if (got == 0) {
        for (;;)
            pause();
    }
    return got < 0 ? 0 : (pid_t)got;
}

static void test_process_with_the_same_number_is_not_hit(void **state)
{
    (void)state;
    const char *path = in_folder(folder, "a.pid");
    struct error err;
    struct process found;
    struct kid kid;
    kid_start(&kid, "claim", (const char *[]){path, NULL});
    kid_expect(&kid, "claimed");
    assert_int_equal(process_find(&found, path, &err), 0);
    pid_t pid = kid.pid;
    kid_kill(&kid);

    pid_t other = start_as(pid);
    if (other == 0) {
        process_release(&found);
        skip();
    }
    assert_int_equal(other, pid);
    assert_int_equal(process_signal(&found, SIGKILL), -1);
    assert_int_equal(errno, ESRCH);
    assert_true(process_wait_gone(&found, 0));
    process_release(&found);
    assert_int_equal(process_find(&found, path, &err), 0);
    assert_int_equal(found.pid, 0);
    assert_int_equal(waitpid(other, NULL, WNOHANG), 0); /* lives */
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
}

/* ---- starting ---- */

static void hear_spawned(const char *fifo, const char *word, pid_t *pid)
{
    const char *log = in_folder(folder, "log");
    char self[4096] = "";
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    struct error err;
    struct process_spawn_opts opts = {
        .argv = (const char *[]){self, "spawned", fifo, word, NULL}, .log = log, .folder = folder};
    int fd = open(fifo, O_RDWR | O_CLOEXEC); /* ours: it never ends */
    if (process_spawn(&opts, pid, &err) < 0)
        fail_msg("%s", err.text);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 20000), 1);
    char line[256] = "";
    assert_true(read(fd, line, sizeof line - 1) > 0);
    close(fd);
    assert_string_equal(line, "3 own, 0 others, session 1, pipe 1, term 1, mask 0, empty 1\n");
}

static void test_process_spawn_stands_alone(void **state)
{
    (void)state;
    const char *fifo = in_folder(folder, "fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    int leak = open("/dev/null", O_RDONLY); /* not close-on-exec */
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGTERM, SIG_IGN);

    pid_t pid[2];
    hear_spawned(fifo, "one", &pid[0]);
    kill(pid[0], SIGKILL);
    hear_spawned(fifo, "two", &pid[1]);
    kill(pid[1], SIGKILL);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child, so no zombie */
    assert_int_equal(errno, ECHILD);
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
    signal(SIGTERM, SIG_DFL);
    close(leak);

    char text[256] = "";
    FILE *f = fopen(in_folder(folder, "log"), "r");
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    assert_string_equal(text, "out one\nerr one\nout two\nerr two\n");
}

static void test_process_spawn_says_why_not(void **state)
{
    (void)state;
    struct error err;
    pid_t pid = 77;
    struct process_spawn_opts opts = {
        .argv = (const char *[]){"/nowhere/at/all", NULL},
        .log = in_folder(folder, "log"),
    };
    assert_int_equal(process_spawn(&opts, &pid, &err), -1);
    assert_string_equal(err.text, "/nowhere/at/all: cannot run: No such file or directory");
    opts.folder = "/nowhere";
    assert_int_equal(process_spawn(&opts, &pid, &err), -1);
    assert_string_equal(err.text, "/nowhere: cannot work there: No such file or directory");
    opts.log = "/nowhere/log";
    assert_int_equal(process_spawn(&opts, &pid, &err), -1);
    assert_string_equal(err.text, "/nowhere/log: cannot open: No such file or directory");
    assert_int_equal(pid, 77);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return strcmp(argv[1], "claim") == 0 ? claim(argv + 2) : spawned(argv + 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_process_finds_who_claims, setup, teardown),
        cmocka_unit_test_setup_teardown(test_process_claims_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_process_finds_itself_and_keeps_its_claim, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_process_believes_the_lock_not_the_number, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_process_with_the_same_number_is_not_hit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_process_spawn_stands_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_process_spawn_says_why_not, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
