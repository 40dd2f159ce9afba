#include "tests/fake_control.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "control/status.h"

static void path_of(char out[static 128], const struct fake_control *f, const char *name)
{
    snprintf(out, 128, "%s/%s", f->dir, name);
}

/* ---- the process ---- */

static void send_file(int fd, const char *path)
{
    char bytes[65536];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return;
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, file)) > 0;)
        for (size_t sent = 0; sent < n;) {
            ssize_t more = send(fd, bytes + sent, n - sent, MSG_NOSIGNAL);
            if (more <= 0)
                break;
            sent += (size_t)more;
        }
    fclose(file);
}

/* Read a request up to its blank line. */
static bool take_request(int fd)
{
    char bytes[4096];
    size_t used = 0;
    while (used < sizeof bytes) {
        ssize_t n = recv(fd, bytes + used, sizeof bytes - used, 0);
        if (n <= 0)
            return false;
        used += (size_t)n;
        if (memmem(bytes, used, "\r\n\r\n", 4) != NULL)
            return memcmp(bytes, "GET /status HTTP/1.1\r\n", 22) == 0;
    }
    return false;
}

static _Noreturn void serve(int fd, const struct fake_control *f)
{
    char path[128];
    path_of(path, f, "answer");
    for (;;) {
        int client = accept(fd, NULL, NULL);
        if (client < 0)
            _exit(1);
        if (!take_request(client) || access(path, R_OK) == 0) {
            send_file(client, path);
            close(client);
        } /* else it stays open, and silent */
    }
}

void fake_control_restart(struct fake_control *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", f->dir);
    assert_true(n > 0 && (size_t)n < sizeof address.sun_path);
    unlink(address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 16), 0);
    pid_t parent = getpid();
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        serve(fd, f);
    }
    close(fd);
}

/* ---- its strings ---- */

void fake_control_start(struct fake_control *f)
{
    *f = (struct fake_control){.dir = "/tmp/bulkhead-test-XXXXXX"};
    assert_non_null(mkdtemp(f->dir));
    fake_control_restart(f);
}

static void say(const struct fake_control *f, const char *head, const char *body)
{
    char path[128], made[128];
    path_of(path, f, "answer");
    path_of(made, f, "answer.new");
    FILE *file = fopen(made, "w");
    assert_non_null(file);
    fputs(head, file);
    fputs(body, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(made, path), 0);
}

void fake_control_say(const struct fake_control *f, const struct status *s)
{
    struct arena a = {0};
    char head[128];
    const char *body = json_encode(s, status_fields, &a);
    assert_non_null(body);
    snprintf(head, sizeof head,
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: %zu \r\n\r\n",
             strlen(body));
    say(f, head, body);
    arena_release(&a);
}

void fake_control_say_bytes(const struct fake_control *f, const char *bytes)
{
    char path[128];
    path_of(path, f, "answer");
    if (bytes == NULL)
        unlink(path);
    else
        say(f, "", bytes);
}

void fake_control_kill(struct fake_control *f)
{
    if (f->pid > 0) {
        kill(f->pid, SIGKILL);
        waitpid(f->pid, NULL, 0);
    }
    f->pid = 0;
}

void fake_control_end(struct fake_control *f)
{
    static const char *const names[] = {"answer", "answer.new", "control.sock", "out", "pid"};
    char path[128];
    fake_control_kill(f);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        path_of(path, f, names[i]);
        unlink(path);
    }
    rmdir(f->dir);
}
