#include "tests/kids.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000, ARGS_MAX = 14 };

void kid_start(struct kid *k, const char *role, const char *const *args)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = '\0';
    char *argv[ARGS_MAX + 3] = {self};
    memcpy(&argv[1], &role, sizeof role);
    for (size_t i = 0; args && args[i]; i++) {
        assert_true(i < ARGS_MAX);
        memcpy(&argv[i + 2], &args[i], sizeof args[i]);
    }
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (ends[1] == KID_FD)
            fcntl(KID_FD, F_SETFD, 0);
        else
            dup2(ends[1], KID_FD);
        execv(self, argv);
        _exit(127);
    }
    close(ends[1]);
    *k = (struct kid){.pid = pid, .fd = ends[0]};
}

void kid_tell(int fd, const char *line)
{
    char text[256];
    int n = snprintf(text, sizeof text, "%s\n", line);
    assert_true(n > 0 && (size_t)n < sizeof text);
    ssize_t sent = send(fd, text, (size_t)n, MSG_NOSIGNAL);
    (void)sent; /* nobody there: kid_hear says so */
}

bool kid_hear(int fd, char *line, size_t size)
{
    for (size_t used = 0; used + 1 < size;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, PATIENCE_MS);
        if (ready < 0 && errno == EINTR)
            continue;
        assert_true(ready == 1);
        ssize_t n = read(fd, line + used, 1);
        if (n <= 0)
            return false;
        if (line[used] == '\n') {
            line[used] = '\0';
            return true;
        }
        used++;
    }
    fail_msg("a line is too long");
    return false;
}

void kid_expect(const struct kid *k, const char *line)
{
    char heard[256] = "(nothing)";
    kid_hear(k->fd, heard, sizeof heard);
    assert_string_equal(heard, line);
}

int kid_wait(struct kid *k)
{
    int status;
    while (waitpid(k->pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    close(k->fd);
    *k = (struct kid){0};
    return status;
}

int kid_kill(struct kid *k)
{
    kill(k->pid, SIGKILL);
    return kid_wait(k);
}

void folder_make(char *path, size_t size)
{
    const char *base = getenv("TMPDIR");
    int n = snprintf(path, size, "%s/bulkhead-XXXXXX", base ? base : "/tmp");
    assert_true(n > 0 && (size_t)n < size);
    assert_non_null(mkdtemp(path));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void folder_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

const char *in_folder(const char *folder, const char *name)
{
    static char path[4][4096];
    static unsigned turn;
    char *p = path[turn++ % 4];
    int n = snprintf(p, sizeof path[0], "%s/%s", folder, name);
    assert_true(n > 0 && (size_t)n < sizeof path[0]);
    return p;
}

void *share(const char *path, size_t size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(memory != MAP_FAILED);
    close(fd);
    return memory;
}

bool eventually(bool (*condition)(void *context), void *context)
{
    for (int ms = 0; ms < PATIENCE_MS; ms++) {
        if (condition(context))
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}
