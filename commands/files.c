#include "commands/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/cli.h"
#include "simulator/faults.h"

/* Read an open file of `size` bytes, as far as it goes: it may have shrunk since. */
static int read_all(int fd, char *text, size_t size, size_t *len, struct error *err)
{
    *len = 0;
    while (*len < size) {
        ssize_t n = read(fd, text + *len, size - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(err, ERR_SYSTEM, "%s", strerror(errno));
        if (n == 0)
            break;
        *len += (size_t)n;
    }
    return 0;
}

static int read_fd(const char **text, size_t *len, int fd, struct arena *a, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return error_set(err, ERR_SYSTEM, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERR_TYPE, "%s",
                         S_ISDIR(st.st_mode) ? "is a folder, not a file" : "is not a regular file");
    if (st.st_size > JSON_BYTES_MAX)
        return error_set(err, ERR_LIMIT, "is too large: %lld bytes, at most %d",
                         (long long)st.st_size, JSON_BYTES_MAX);
    char *room = arena_alloc(a, (size_t)st.st_size + 1, 1);
    if (room == NULL)
        return error_memory(err);
    *text = room;
    return read_all(fd, room, (size_t)st.st_size, len, err);
}

int files_read(const char **text, size_t *len, const char *path, struct arena *a, struct error *err)
{
    /* Not to wait for the other end of a FIFO. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        error_set(err, ERR_SYSTEM, "%s", strerror(errno));
        return error_prefix(err, "%s", path);
    }
    int status = read_fd(text, len, fd, a, err);
    close(fd);
    return status == 0 ? 0 : error_prefix(err, "%s", path);
}

/* `path` as seen from the folder of the file at `from`. NULL when memory is out. */
static const char *path_beside(const char *from, const char *path, struct arena *a)
{
    const char *slash = strrchr(from, '/');
    int folder = slash == NULL || path[0] == '/' ? 0 : (int)(slash - from) + 1;
    return arena_format(a, "%.*s%s", folder, from, path);
}

int files_times(struct topo *topo, const char *topology_path, struct files_text *texts,
                struct arena *a, struct error *err)
{
    for (size_t i = 0; i < topo->service_count; i++) {
        struct topo_service *service = &topo->services[i];
        struct files_text file;
        if (service->times == NULL)
            continue;
        const char *path = path_beside(topology_path, service->times, a);
        if (path == NULL)
            return error_memory(err);
        if (files_read(&file.text, &file.len, path, a, err) != 0 ||
            topo_times_set(service, path, file.text, file.len, a, err) != 0)
            return error_prefix(err, "services.%s.times", service->name);
        if (texts != NULL)
            texts[i] = file;
    }
    return 0;
}

/* Whether `key` is one of the document's own, not of what is inside it. */
static bool has_key(const char *text, size_t len, const char *key)
{
    size_t depth = 0, want = strlen(key);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '{' || text[i] == '[')
            depth++;
        else if (text[i] == '}' || text[i] == ']')
            depth--;
        if (text[i] != '"')
            continue;
        const char *begin = &text[++i];
        while (i < len && text[i] != '"')
            i += text[i] == '\\' ? 2 : 1;
        if (depth != 1 || i >= len || (size_t)(&text[i] - begin) != want ||
            memcmp(begin, key, want) != 0)
            continue;
        while (++i < len && strchr(" \t\r\n", text[i]) != NULL && text[i] != '\0')
            continue;
        if (i < len && text[i] == ':')
            return true;
    }
    return false;
}

enum files_kind files_kind(const char *text, size_t len)
{
    if (has_key(text, len, "topology"))
        return FILES_SCENARIO;
    return has_key(text, len, "countries") ? FILES_TOPOLOGY : FILES_NEITHER;
}

static int topology(struct files *files, const char *path, const struct json_set *sets,
                    size_t set_count, struct arena *a, struct error *err)
{
    const char *text;
    size_t len;
    if (files_read(&text, &len, path, a, err) != 0)
        return -1;
    if (files_kind(text, len) == FILES_SCENARIO) {
        error_set(err, ERR_TYPE, "is a scenario; expected a topology");
        return error_prefix(err, "%s", path);
    }
    if (topo_parse(&files->topo, text, len, sets, set_count, a, err) != 0 ||
        files_times(&files->topo, path, NULL, a, err) != 0 ||
        capacity_plan(&files->plan, &files->topo, a, err) != 0)
        return error_prefix(err, "%s", path);
    files->topology_path = path;
    return 0;
}

int files_topology(struct files *files, const char *path, const struct cli_sets *sets,
                   struct arena *a, struct error *err)
{
    return topology(files, path, sets->set, sets->count, a, err);
}

/* The scenario's own sets into `mine`, the topology's into `theirs`. */
static int share_out(const struct cli_sets *sets, struct cli_sets *mine, struct cli_sets *theirs,
                     struct error *err)
{
    mine->count = theirs->count = 0;
    for (size_t i = 0; i < sets->count; i++) {
        const char *path = sets->set[i].path;
        size_t len = strcspn(path, ".");
        if (json_field_at(scenario_fields, path, len) != NULL)
            mine->set[mine->count++] = sets->set[i];
        else if (json_field_at(topo_fields, path, len) != NULL)
            theirs->set[theirs->count++] = sets->set[i];
        else
            return error_set(err, ERR_UNKNOWN,
                             "--set %s: neither a scenario nor a topology has a key \"%.*s\"", path,
                             (int)len, path);
    }
    return 0;
}

int files_scenario(struct files *files, const char *path, const struct cli_sets *sets,
                   struct arena *a, struct error *err)
{
    const char *text;
    size_t len;
    struct cli_sets *mine = arena_alloc(a, 2, sizeof mine[0]);
    if (mine == NULL)
        return error_memory(err);
    struct cli_sets *theirs = &mine[1];
    struct scenario *scenario = &files->scenario;
    if (share_out(sets, mine, theirs, err) != 0 || files_read(&text, &len, path, a, err) != 0)
        return -1;
    if (files_kind(text, len) == FILES_TOPOLOGY) {
        error_set(err, ERR_TYPE, "is a topology; expected a scenario, which names one");
        return error_prefix(err, "%s", path);
    }
    if (scenario_parse(scenario, text, len, mine->set, mine->count, a, err) != 0)
        return error_prefix(err, "%s", path);
    const char *topology_path = path_beside(path, scenario->topology, a);
    if (topology_path == NULL)
        return error_memory(err);
    if (topology(files, topology_path, theirs->set, theirs->count, a, err) != 0)
        return -1;
    if (scenario_bind(scenario, &files->topo, err) != 0 ||
        faults_check(scenario, &files->topo, &files->plan, err) != 0)
        return error_prefix(err, "%s", path);
    return 0;
}

const char *files_example(const char *name, struct arena *a)
{
    static const char *const beside[] = {"../../sim-configs", /* of build/release/bulkhead */
                                         "../share/bulkhead/sim-configs"};
    char program[4096];
    const char *here = arena_format(a, "sim-configs/%s", name);
    if (here == NULL || access(here, R_OK) == 0)
        return here == NULL ? name : here;
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    program[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(program, '/');
    for (size_t i = 0; slash != NULL && i < sizeof beside / sizeof beside[0]; i++) {
        *slash = '\0';
        const char *path = arena_format(a, "%s/%s/%s", program, beside[i], name);
        if (path != NULL && access(path, R_OK) == 0)
            return path;
    }
    return here;
}

const char *files_name(const char *path, struct arena *a)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(name, '.');
    bool plain = dot == NULL || dot == name;
    const char *copy = arena_string(a, name, plain ? strlen(name) : (size_t)(dot - name));
    return copy == NULL ? path : copy;
}
