#include "commands/scratch.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/topo.h"
#include "control/live/crew.h"
#include "wire/clock.h"
#include "wire/process.h"

enum { WORDS_MAX = 12, PORTS_FIRST = 20000, PORT_STEP = 61, SAID_MAX = 2048 };

extern char **environ;

/* ---- processes ---- */

/* Whether a process has our folder in its command line. */
static bool works_here(const struct scratch *s, const char *pid)
{
    char path[300], text[4096];
    snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    return len > 0 && memmem(text, (size_t)len, s->dir, strlen(s->dir)) != NULL;
}

size_t scratch_processes(const struct scratch *s)
{
    size_t count = 0;
    DIR *proc = opendir("/proc");
    if (proc == NULL)
        return 0;
    for (struct dirent *e; (e = readdir(proc)) != NULL;)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && strtol(e->d_name, NULL, 10) != getpid())
            count += works_here(s, e->d_name);
    closedir(proc);
    return count;
}

int64_t scratch_pid(const struct scratch *s, const char *name)
{
    char path[200];
    struct process found = {.fd = -1};
    struct error err;
    snprintf(path, sizeof path, "%s/%s.pid", s->state, name);
    if (process_find(&found, path, &err) != 0)
        return 0;
    int64_t pid = found.pid;
    process_release(&found);
    return pid;
}

/* What a child said, as far as its last line that says something. */
static const char *last_line(char *said, size_t len)
{
    while (len > 0 && (said[len - 1] == '\n' || said[len - 1] == ' '))
        len--;
    said[len] = '\0';
    char *newline = strrchr(said, '\n'), *begin = newline == NULL ? said : newline + 1;
    static const char name[] = "bulkhead: ";
    return strncmp(begin, name, sizeof name - 1) == 0 ? begin + sizeof name - 1 : begin;
}

/* Read what it says, keeping the end of it, until it has ended. */
static int await(pid_t pid, int fd, char *said, size_t *len)
{
    char more[512];
    int status;
    for (;;) {
        ssize_t n = read(fd, more, sizeof more);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        size_t keep = *len + (size_t)n < SAID_MAX ? *len : SAID_MAX - 1 - (size_t)n;
        memmove(said, said + (*len - keep), keep);
        memcpy(said + keep, more, (size_t)n);
        *len = keep + (size_t)n;
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int scratch_run(const struct scratch *s, const char *const *words, struct error *err)
{
    char said[SAID_MAX] = "", room[PATH_MAX];
    const char *argv[WORDS_MAX + 4] = {crew_program(room)};
    int ends[2], count = 1;
    size_t len = 0;
    pid_t pid;
    posix_spawn_file_actions_t actions;
    for (int i = 0; words[i] != NULL && i < WORDS_MAX; i++)
        argv[count++] = words[i];
    argv[count++] = "--state";
    argv[count++] = s->state;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(err, ERR_SYSTEM, "%s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    int status = posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (status != 0)
        error_set(err, ERR_SYSTEM, "cannot start %s: %s", argv[0], strerror(status));
    else if (await(pid, ends[0], said, &len) != 0)
        status = error_set(err, ERR_SYSTEM, "bulkhead %s: %s", words[0],
                           len == 0 ? "it was ended" : last_line(said, len));
    close(ends[0]);
    return status == 0 ? 0 : -1;
}

/* ---- ports ---- */

static bool port_is_free(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes); /* as the servers do */
    bool is_free = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    if (fd >= 0)
        close(fd);
    return is_free;
}

/* A free block, looked for from a place that is not the same for two of us. */
static int find_ports(struct scratch *s, const struct topo *topo, struct error *err)
{
    if (layout_init(&s->layout, topo, s->state, PORTS_FIRST, err) != 0)
        return -1;
    int span = 1 + (int)topo->cell_count * s->layout.block, room = LAYOUT_PORT_MAX - PORTS_FIRST;
    for (int i = 0; i < room / PORT_STEP && span <= room; i++) {
        int first = PORTS_FIRST + (int)((getpid() * 37L + (long)i * PORT_STEP) % (room - span + 1));
        int count = 0;
        while (count < span && port_is_free(first + count))
            count++;
        if (count == span)
            return layout_init(&s->layout, topo, s->state, first, err);
    }
    return error_set(err, ERR_SYSTEM, "no %d free ports in a row from %d to %d", span, PORTS_FIRST,
                     LAYOUT_PORT_MAX);
}

/* ---- begin and end ---- */

static int write_topology(const struct scratch *s, const struct topo *topo, struct arena *a,
                          struct error *err)
{
    const char *text = topo_text(topo, a);
    if (text == NULL)
        return error_memory(err);
    FILE *f = fopen(s->topology, "w");
    if (f == NULL)
        return error_set(err, ERR_SYSTEM, "%s: %s", s->topology, strerror(errno));
    int status = fputs(text, f) < 0 ? EOF : 0;
    if (fclose(f) != 0 || status != 0)
        return error_set(err, ERR_SYSTEM, "%s: cannot be written", s->topology);
    return 0;
}

int scratch_begin(struct scratch *s, const struct topo *topo, struct arena *a, struct error *err)
{
    *s = (struct scratch){.is_up = false};
    const char *parent = getenv("TMPDIR");
    int n = snprintf(s->dir, sizeof s->dir, "%s/bulkhead-XXXXXX",
                     parent == NULL || parent[0] == '\0' ? "/tmp" : parent);
    if (n < 0 || (size_t)n >= sizeof s->dir) {
        s->dir[0] = '\0';
        return error_set(err, ERR_LIMIT, "TMPDIR is too long for sockets below it");
    }
    if (mkdtemp(s->dir) == NULL) {
        error_set(err, ERR_SYSTEM, "%s: %s", s->dir, strerror(errno));
        s->dir[0] = '\0';
        return -1;
    }
    snprintf(s->state, sizeof s->state, "%s/state", s->dir);
    snprintf(s->topology, sizeof s->topology, "%s/live.json", s->dir);
    snprintf(s->control, sizeof s->control, "%s/control.sock", s->state);
    if (find_ports(s, topo, err) != 0)
        return -1;
    return write_topology(s, topo, a, err);
}

int scratch_up(struct scratch *s, struct error *err)
{
    char port[16];
    snprintf(port, sizeof port, "%d", s->layout.port);
    const char *const words[] = {"up", s->topology, "--port", port, NULL};
    int64_t began_us = clock_us();
    s->is_up = true; /* or half of it */
    int status = scratch_run(s, words, err);
    s->up_us = clock_us() - began_us;
    return status;
}

int scratch_down(struct scratch *s, struct error *err)
{
    static const char *const words[] = {"down", NULL};
    if (scratch_run(s, words, err) != 0)
        return -1;
    s->is_up = false;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

int scratch_end(struct scratch *s, struct error *err)
{
    if (s->dir[0] == '\0')
        return 0;
    if (s->is_up && scratch_down(s, err) != 0)
        return error_prefix(err, "%s is left for a look", s->dir);
    size_t left = scratch_processes(s);
    if (left > 0)
        return error_set(err, ERR_SYSTEM, "%zu processes are left; %s is kept for a look", left,
                         s->dir);
    if (nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return error_set(err, ERR_SYSTEM, "%s: cannot be removed: %s", s->dir, strerror(errno));
    s->dir[0] = '\0';
    return 0;
}
