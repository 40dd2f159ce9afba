#include "control/live/crew.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "wire/clock.h"

enum {
    PATIENCE_US = 3000000,
    KILLED_US = 2000000,
    LOST_US = 10000000, /* to claim a pid file, or to end for being late */
    ROUNDS_MAX = 50,
};

const char *const crew_role_words[] = {"control", "agent", "door", "service", NULL};

/* ---- finding ---- */

static int add(struct crew *crew, enum crew_role role, const char *path, struct error *err)
{
    struct process found;
    if (process_find(&found, path, err) != 0)
        return -1;
    if (found.pid == 0 || found.pid == getpid()) {
        process_release(&found);
        return 0;
    }
    if (crew->count == crew->size) {
        size_t size = crew->size * 2 + 64;
        struct crew_member *member = realloc(crew->member, size * sizeof *member);
        if (member == NULL) {
            process_release(&found);
            return error_memory(err);
        }
        crew->member = member;
        crew->size = size;
    }
    crew->member[crew->count++] = (struct crew_member){role, found};
    return 0;
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t len = strlen(name), want = strlen(suffix);
    return len > want && strcmp(name + len - want, suffix) == 0;
}

/* The pid files in the folder `depth` floors below this one. */
static int walk(struct crew *crew, const char *path, int depth, struct error *err)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : error_set(err, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    int status = 0;
    for (struct dirent *e; status == 0 && (e = readdir(folder)) != NULL;) {
        char below[PATH_MAX];
        int n = snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        if (e->d_name[0] == '.' || n < 0 || (size_t)n >= sizeof below)
            continue;
        if (depth > 0)
            status = walk(crew, below, depth - 1, err);
        else if (has_suffix(e->d_name, ".pid"))
            status = add(crew, strcmp(e->d_name, "agent.pid") == 0 ? CREW_AGENT : CREW_SERVICE,
                         below, err);
    }
    closedir(folder);
    return status;
}

static int by_role(const void *a, const void *b)
{
    const struct crew_member *x = a, *y = b;
    return (x->role > y->role) - (x->role < y->role);
}

int crew_find(struct crew *crew, const char *dir, struct error *err)
{
    *crew = (struct crew){.count = 0};
    char path[PATH_MAX];
    process_raise_files(); /* one for each of them */
    if (strlen(dir) + sizeof "/control.pid" > sizeof path)
        return error_set(err, ERR_LIMIT, "the path of the state folder is too long");
    snprintf(path, sizeof path, "%s/control.pid", dir);
    if (add(crew, CREW_CONTROL, path, err) != 0)
        return -1;
    for (int i = 0; i < LAYOUT_DOORS_MAX; i++) {
        const struct layout l = {.dir = dir};
        struct arena a = {0};
        const char *door = layout_door(&l, i, "pid", &a);
        int status = door == NULL ? error_memory(err) : add(crew, CREW_DOOR, door, err);
        arena_release(&a);
        if (status != 0)
            return -1;
    }
    snprintf(path, sizeof path, "%s/zones", dir);
    if (walk(crew, path, 2, err) != 0)
        return -1;
    if (crew->count > 0)
        qsort(crew->member, crew->count, sizeof crew->member[0], by_role);
    return 0;
}

void crew_release(struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++)
        process_release(&crew->member[i].process);
    free(crew->member);
    *crew = (struct crew){.count = 0};
}

/* ---- ending ---- */

static bool wait_all(const struct crew_member *member, size_t count, int64_t patience_us)
{
    int64_t end_us = clock_us() + patience_us;
    bool gone = true;
    for (size_t i = 0; i < count; i++) {
        int64_t left_us = end_us - clock_us();
        gone = process_wait_gone(&member[i].process, left_us > 0 ? left_us : 0) && gone;
    }
    return gone;
}

static bool end_group(const struct crew_member *member, size_t count, int64_t patience_us)
{
    for (size_t i = 0; i < count; i++)
        process_signal(&member[i].process, SIGTERM);
    for (size_t i = 0; i < count; i++) /* a stopped one would sleep through it */
        process_signal(&member[i].process, SIGCONT);
    if (wait_all(member, count, patience_us))
        return true;
    for (size_t i = 0; i < count; i++)
        process_signal(&member[i].process, SIGKILL);
    return wait_all(member, count, KILLED_US);
}

bool crew_end(const struct crew *crew, int64_t patience_us)
{
    bool gone = true;
    for (size_t from = 0, to = 0; from < crew->count; from = to) {
        while (to < crew->count && crew->member[to].role == crew->member[from].role)
            to++;
        gone = end_group(&crew->member[from], to - from, patience_us) && gone;
    }
    return gone;
}

/* Whether a command line, its words each with a NUL behind, is that of a part of `dir`. */
static bool is_part(const char *words, size_t len, const char *dir)
{
    const char *end = words + len, *before = "";
    bool role = false;
    size_t index = 0;
    for (const char *word = words; word < end; word += strlen(word) + 1, index++) {
        for (size_t i = 0; index == 1 && crew_role_words[i] != NULL; i++)
            role = role || strcmp(word, crew_role_words[i]) == 0;
        if (role && strcmp(before, "--state") == 0 && strcmp(word, dir) == 0)
            return true;
        before = word;
    }
    return false;
}

static bool is_part_process(const char *pid, const char *dir)
{
    char path[64], words[2 * PATH_MAX];
    int n = snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
    int fd = n < 0 || (size_t)n >= sizeof path ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, words, sizeof words - 1);
    close(fd);
    if (len <= 0)
        return false;
    words[len] = '\0';
    return is_part(words, (size_t)len, dir);
}

/* One that was started but has not claimed its pid file yet will find that it is not wanted, and
 * end: wait for it. Nobody is signalled by what a command line says. The number of one that was
 * there, 0 for none. */
static pid_t wait_unclaimed(const char *dir)
{
    char real[PATH_MAX];
    DIR *proc = realpath(dir, real) == NULL ? NULL : opendir("/proc");
    pid_t seen = 0;
    if (proc == NULL)
        return 0;
    for (struct dirent *e; (e = readdir(proc)) != NULL;) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        if (pid <= 0 || pid == getpid() || !is_part_process(e->d_name, real))
            continue;
        struct process process = {.pid = pid, .fd = pidfd_open(pid, 0)};
        seen = pid;
        if (process.fd >= 0)
            process_wait_gone(&process, PATIENCE_US);
        process_release(&process);
    }
    closedir(proc);
    return seen;
}

int crew_stop(const char *dir, size_t *ended, struct error *err)
{
    int64_t claimed_us = clock_us(); /* when nobody but unclaimed ones was left */
    for (int round = 0; round < ROUNDS_MAX; round++) {
        struct crew crew;
        if (crew_want_not(dir, err) != 0) /* again: an `up` may have come in between */
            return -1;
        if (crew_find(&crew, dir, err) != 0) {
            crew_release(&crew);
            return -1;
        }
        size_t count = crew.count;
        bool gone = crew_end(&crew, PATIENCE_US);
        crew_release(&crew);
        *ended += count;
        if (!gone)
            return error_set(err, ERR_SYSTEM, "%s: some processes do not end, not even by SIGKILL",
                             dir);
        if (count > 0) {
            claimed_us = clock_us();
            continue;
        }
        pid_t lost = wait_unclaimed(dir);
        if (lost == 0)
            return 0;
        if (clock_us() - claimed_us > LOST_US)
            return error_set(err, ERR_SYSTEM,
                             "%s: process %ld is a part of it by its command line, has no pid "
                             "file and does not end: it is left to you",
                             dir, (long)lost);
    }
    return error_set(err, ERR_SYSTEM, "%s: somebody starts its processes again and again", dir);
}

/* ---- memory ---- */

static int64_t pss_kib(pid_t pid)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -1;
    int64_t kib = -1;
    while (kib < 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "Pss:", 4) == 0)
            kib = strtoll(line + 4, NULL, 10);
    fclose(file);
    return kib;
}

int64_t crew_pss_bytes(const struct crew *crew)
{
    int64_t sum = 0;
    for (size_t i = 0; i < crew->count; i++) {
        int64_t kib = pss_kib(crew->member[i].process.pid);
        if (kib < 0)
            return -1;
        sum += kib * 1024;
    }
    return sum;
}

/* ---- what runs, and what is to run ---- */

/* Its name is for who reads the list of processes. When the file has been replaced since, its inode
 * is run: the parts of a system are of one version. */
const char *crew_program(char room[PATH_MAX])
{
    static const char self[] = "/proc/self/exe";
    ssize_t n = readlink(self, room, PATH_MAX - 1);
    if (n <= 0)
        return self;
    room[n] = '\0';
    return access(room, X_OK) == 0 ? room : self;
}

static const char *wanted_path(char path[PATH_MAX], const char *dir)
{
    snprintf(path, PATH_MAX, "%s/wanted", dir);
    return path;
}

int crew_want(const char *dir, struct error *err)
{
    char path[PATH_MAX];
    int fd = open(wanted_path(path, dir), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, ERR_SYSTEM, "%s: cannot make: %s", path, strerror(errno));
    close(fd);
    return 0;
}

int crew_want_not(const char *dir, struct error *err)
{
    char path[PATH_MAX];
    if (unlink(wanted_path(path, dir)) != 0 && errno != ENOENT && errno != ENOTDIR)
        return error_set(err, ERR_SYSTEM, "%s: cannot remove: %s", path, strerror(errno));
    return 0;
}

bool crew_is_wanted(const char *dir)
{
    char path[PATH_MAX];
    return access(wanted_path(path, dir), F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}
