#include "commands/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/lease.h"
#include "commands/files.h"
#include "control/live/crew.h"

enum { FORMAT = 1, SOCKET_PATH_MAX = 107 };

static const char mark[] = "bulkhead.json", mark_new[] = "bulkhead.json.new";
static const char topology[] = "topology.json", topology_new[] = "topology.json.new";
static const char times_prefix[] = "times-"; /* and the name of an empirical service */

struct mark { /* bulkhead.json */
    int64_t format, port, doors;
    const char *name;
};

static const struct json_field mark_fields[] = {
    JSON_I64(struct mark, format, "format", 1, 1000000, .required = true,
             .doc = "The version of the folder's form"),
    JSON_I64(struct mark, port, "port", 1, LAYOUT_PORT_MAX, .required = true,
             .doc = "The door's port, the first of the system's"),
    JSON_I64(struct mark, doors, "doors", 1, LAYOUT_DOORS_MAX, .preset = "1", .doc = "Front doors"),
    JSON_STR(struct mark, name, "name", .required = true, .doc = "The name of the topology"),
    JSON_END,
};

static int cannot(struct error *err, const char *path, const char *verb)
{
    return error_set(err, ERR_SYSTEM, "%s: cannot %s: %s", path, verb, strerror(errno));
}

/* ---- looking ---- */

/* Which of our names are in it, as bits; the last for one that is none of them. */
enum {
    HAS_MARK = 1,
    HAS_MARK_NEW = 2,
    HAS_TOPOLOGY = 4,
    HAS_FOLDERS = 8, /* zones, cells */
    HAS_OTHER = 16,
};

static unsigned bit_of(const char *name)
{
    if (strcmp(name, mark) == 0)
        return HAS_MARK;
    if (strcmp(name, mark_new) == 0)
        return HAS_MARK_NEW;
    if (strcmp(name, topology) == 0 || strcmp(name, topology_new) == 0)
        return HAS_TOPOLOGY;
    if (strncmp(name, times_prefix, sizeof times_prefix - 1) == 0)
        return HAS_TOPOLOGY;
    if (strcmp(name, "zones") == 0 || strcmp(name, "cells") == 0)
        return HAS_FOLDERS;
    return HAS_OTHER;
}

static int list(unsigned *has, const char *dir, struct error *err)
{
    DIR *folder = opendir(dir);
    if (folder == NULL)
        return cannot(err, dir, "read the state folder");
    *has = 0;
    for (struct dirent *e; (e = readdir(folder)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            *has |= bit_of(e->d_name);
    closedir(folder);
    return 0;
}

static int check_owner(const char *dir, const struct stat *st, struct error *err)
{
    if (!S_ISDIR(st->st_mode))
        return error_set(err, ERR_TYPE, "%s: is not a folder", dir);
    if (st->st_uid != geteuid())
        return error_set(err, ERR_CONFLICT, "%s: belongs to another user (%lu)", dir,
                         (unsigned long)st->st_uid);
    return 0;
}

int state_look(enum state_found *found, const char *dir, struct error *err)
{
    struct stat st;
    unsigned has = 0;
    *found = STATE_NONE;
    if (stat(dir, &st) != 0)
        return errno == ENOENT ? 0 : cannot(err, dir, "look at the state folder");
    if (check_owner(dir, &st, err) != 0 || list(&has, dir, err) != 0)
        return -1;
    if ((st.st_mode & 022) != 0 && has != 0)
        return error_set(err, ERR_CONFLICT, "%s: others may write to it: chmod go-w", dir);
    if (has & HAS_MARK)
        *found = STATE_WHOLE;
    else if (has & HAS_MARK_NEW && !(has & HAS_OTHER))
        *found = STATE_UNFINISHED;
    else if (has & HAS_FOLDERS && has & HAS_TOPOLOGY)
        return error_set(err, ERR_CONFLICT,
                         "%s: is half a state folder, its %s is missing; it is left alone", dir,
                         mark);
    else if (has != 0)
        return error_set(err, ERR_CONFLICT,
                         "%s: is not empty and not a state folder of bulkhead; it is left alone",
                         dir);
    return 0;
}

int state_lock(const char *dir, struct error *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return cannot(err, dir, "open the state folder");
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        error_set(err, ERR_CONFLICT, "%s: another bulkhead up is at work here", dir);
    else
        cannot(err, dir, "lock the state folder");
    close(fd);
    return -1;
}

/* ---- reading ---- */

/* In a state folder, files that the topology names are copies under names of ours. */
static int rename_times(struct state *s, struct arena *a, struct error *err)
{
    for (size_t i = 0; i < s->topo.service_count; i++) {
        struct topo_service *service = &s->topo.services[i];
        if (service->times == NULL)
            continue;
        service->times = arena_format(a, "%s%s", times_prefix, service->name);
        if (service->times == NULL)
            return error_memory(err);
    }
    return 0;
}

/* `path` is the topology's, whose text is read; `copied`: it is that of a state folder. */
static int parse(struct state *s, const char *path, bool copied, int64_t port, int64_t doors,
                 struct arena *a, struct error *err)
{
    if (topo_parse(&s->topo, s->text, s->len, NULL, 0, a, err) != 0 ||
        (copied && rename_times(s, a, err) != 0) ||
        files_times(&s->topo, path, s->times, a, err) != 0)
        return -1;
    if (layout_init(&s->layout, &s->topo, s->dir, (int)port, err) != 0)
        return -1;
    return layout_doors(&s->layout, (int)doors, err);
}

int state_open(struct state *s, const char *dir, struct arena *a, struct error *err)
{
    const char *text;
    size_t len;
    struct mark m;
    enum state_found found;
    if (state_look(&found, dir, err) != 0)
        return -1;
    if (found != STATE_WHOLE)
        return error_set(err, ERR_MISSING, "%s: there is no system: bulkhead up makes one", dir);
    const char *mark_path = arena_format(a, "%s/%s", dir, mark);
    const char *topology_path = arena_format(a, "%s/%s", dir, topology);
    if (mark_path == NULL || topology_path == NULL)
        return error_memory(err);
    if (files_read(&text, &len, mark_path, a, err) != 0)
        return -1;
    if (json_decode(&m, sizeof m, mark_fields, text, len, NULL, 0, a, err) != 0)
        return error_prefix(err, "%s", mark_path);
    if (m.format != FORMAT)
        return error_set(err, ERR_RANGE, "%s: was made by another version, its format is %lld",
                         mark_path, (long long)m.format);
    *s = (struct state){.dir = dir, .name = m.name};
    if (files_read(&s->text, &s->len, topology_path, a, err) != 0)
        return -1;
    if (parse(s, topology_path, true, m.port, m.doors, a, err) != 0)
        return error_prefix(err, "%s", topology_path);
    return 0;
}

int state_plan(struct state *s, const char *dir, const char *topology_path, int64_t port,
               int64_t doors, struct arena *a, struct error *err)
{
    *s = (struct state){.dir = dir, .name = files_name(topology_path, a)};
    if (strlen(dir) + sizeof "/control.sock" - 1 > SOCKET_PATH_MAX)
        return error_set(err, ERR_LIMIT, "%s: the path is too long for sockets", dir);
    if (files_read(&s->text, &s->len, topology_path, a, err) != 0)
        return -1;
    if (files_kind(s->text, s->len) == FILES_SCENARIO)
        return error_set(err, ERR_TYPE, "%s: is a scenario; expected a topology", topology_path);
    if (parse(s, topology_path, false, port, doors, a, err) != 0)
        return error_prefix(err, "%s", topology_path);
    return 0;
}

/* ---- making ---- */

static int write_fd(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        text += n;
        len -= (size_t)n;
    }
    return fsync(fd);
}

static int write_file(const char *dir, const char *name, const char *text, size_t len,
                      struct arena *a, struct error *err)
{
    const char *path = arena_format(a, "%s/%s", dir, name);
    if (path == NULL)
        return error_memory(err);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return cannot(err, path, "write");
    int status = write_fd(fd, text, len) == 0 ? 0 : cannot(err, path, "write");
    close(fd);
    return status;
}

static int move_file(const char *dir, const char *from, const char *to, struct arena *a,
                     struct error *err)
{
    const char *old = arena_format(a, "%s/%s", dir, from);
    const char *new = arena_format(a, "%s/%s", dir, to);
    if (old == NULL || new == NULL)
        return error_memory(err);
    return rename(old, new) == 0 ? 0 : cannot(err, new, "write");
}

static int flush_folder(const char *dir, struct error *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd < 0 ? -1 : fsync(fd);
    if (status != 0)
        cannot(err, dir, "write");
    if (fd >= 0)
        close(fd);
    return status;
}

static int make_folder(const char *path, struct error *err)
{
    if (path == NULL)
        return error_memory(err);
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    return cannot(err, path, "make the folder");
}

int state_make_folders(const struct state *s, struct arena *a, struct error *err)
{
    static const char *const roots[] = {"zones", "cells"};
    for (size_t i = 0; i < 2; i++)
        if (make_folder(arena_format(a, "%s/%s", s->dir, roots[i]), err) != 0)
            return -1;
    for (size_t i = 0; i < s->topo.cell_count; i++) {
        const struct topo_cell *cell = &s->topo.cells[i];
        for (size_t k = 0; k < 2; k++)
            if (make_folder(arena_format(a, "%s/%s/%s", s->dir, roots[k], cell->name), err) != 0)
                return -1;
        for (size_t k = 0; k < cell->zone_count; k++)
            if (make_folder(arena_format(a, "%s/zones/%s/%s", s->dir, cell->name, cell->zones[k]),
                            err) != 0)
                return -1;
        for (size_t k = 0; k < s->topo.service_count; k++)
            if (make_folder(layout_store(&s->layout, i, k, a), err) != 0)
                return -1;
    }
    return 0;
}

static int write_mark_new(const struct state *s, struct arena *a, struct error *err)
{
    const struct mark m = {
        .format = FORMAT, .port = s->layout.port, .doors = s->layout.doors, .name = s->name};
    const char *text = json_encode(&m, mark_fields, a);
    if (text == NULL)
        return error_memory(err);
    return write_file(s->dir, mark_new, text, strlen(text), a, err);
}

static int write_times(const struct state *s, struct arena *a, struct error *err)
{
    for (size_t i = 0; i < s->topo.service_count; i++) {
        const struct topo_service *service = &s->topo.services[i];
        if (service->times == NULL)
            continue;
        const char *name = arena_format(a, "%s%s", times_prefix, service->name);
        if (name == NULL)
            return error_memory(err);
        if (write_file(s->dir, name, s->times[i].text, s->times[i].len, a, err) != 0)
            return -1;
    }
    return 0;
}

/* The new mark comes first: it says of all that follows that it is ours. */
int state_make(const struct state *s, struct arena *a, struct error *err)
{
    if (make_folder(s->dir, err) != 0)
        return -1;
    if (chmod(s->dir, 0700) != 0)
        return cannot(err, s->dir, "close the state folder to others");
    if (write_mark_new(s, a, err) != 0 || write_times(s, a, err) != 0 ||
        write_file(s->dir, topology_new, s->text, s->len, a, err) != 0 ||
        move_file(s->dir, topology_new, topology, a, err) != 0 ||
        state_make_folders(s, a, err) != 0 || flush_folder(s->dir, err) != 0 ||
        move_file(s->dir, mark_new, mark, a, err) != 0)
        return -1;
    return flush_folder(s->dir, err);
}

int state_rewrite(const struct state *s, struct arena *a, struct error *err)
{
    if (write_mark_new(s, a, err) != 0 || move_file(s->dir, mark_new, mark, a, err) != 0)
        return -1;
    return flush_folder(s->dir, err);
}

/* ---- checking ---- */

static int check_faults(const struct state *s, struct arena *a, struct error *err)
{
    struct leases leases;
    const char *text, *path = layout_file(&s->layout, "faults.json", a);
    size_t len;
    if (path == NULL)
        return error_memory(err);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return 0;
    if (files_read(&text, &len, path, a, err) != 0)
        return -1;
    if (leases_parse(&leases, text, len, &s->topo, err) != 0)
        return error_prefix(err, "%s", path);
    return 0;
}

/* A store that has been used names its cell. */
static int check_store(const struct state *s, size_t cell, size_t service, struct arena *a,
                       struct error *err)
{
    const char *folder = layout_store(&s->layout, cell, service, a);
    const char *path = folder == NULL ? NULL : arena_format(a, "%s/cell", folder);
    const char *text, *name = s->topo.cells[cell].name;
    size_t len;
    if (path == NULL)
        return error_memory(err);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return 0;
    if (files_read(&text, &len, path, a, err) != 0)
        return -1;
    size_t line = strcspn(text, "\n");
    if (line != strlen(name) || memcmp(text, name, line) != 0)
        return error_set(err, ERR_CONFLICT, "%s: holds another cell's rows, not those of %s",
                         folder, name);
    return 0;
}

static int check_all(const char *dir, FILE *out, struct arena *a, struct error *err)
{
    struct state s;
    struct crew crew = {.count = 0};
    if (state_open(&s, dir, a, err) != 0 || check_faults(&s, a, err) != 0)
        return -1;
    for (size_t i = 0; i < s.topo.cell_count; i++)
        for (size_t k = 0; k < s.topo.service_count; k++)
            if (check_store(&s, i, k, a, err) != 0)
                return -1;
    int status = crew_find(&crew, dir, err);
    if (status == 0) {
        int64_t bytes = crew_pss_bytes(&crew);
        fprintf(out, "%s: ok, %s in %zu cell%s, port %d", dir, s.name, s.topo.cell_count,
                s.topo.cell_count == 1 ? "" : "s", s.layout.port);
        if (crew.count == 0)
            fprintf(out, "; nothing runs\n");
        else if (bytes < 0)
            fprintf(out, "; %zu processes\n", crew.count);
        else
            fprintf(out, "; %zu processes, %.1f MB\n", crew.count, (double)bytes / 1e6);
    }
    crew_release(&crew);
    return status;
}

int state_check(const char *dir, FILE *out, struct error *err)
{
    struct arena a = {0};
    int status = check_all(dir, out, &a, err);
    arena_release(&a);
    return status;
}
