#include "commands/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/demand.h"
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

static int read_topology(const char **text, size_t *len, const char *path, struct arena *a,
                         struct error *err)
{
    if (files_read(text, len, path, a, err) != 0)
        return -1;
    if (files_kind(*text, *len) != FILES_SCENARIO)
        return 0;
    error_set(err, ERR_TYPE, "is a scenario; expected a topology");
    return error_prefix(err, "%s", path);
}

/* `demand` may be NULL: the topology's own. */
static int build_topology(struct files *files, const char *path, const char *text, size_t len,
                          const struct json_set *sets, size_t set_count,
                          const struct demand *demand, double scale, struct arena *a,
                          struct error *err)
{
    if (topo_parse(&files->topo, text, len, sets, set_count, a, err) != 0 ||
        files_times(&files->topo, path, NULL, a, err) != 0)
        return error_prefix(err, "%s", path);
    if (demand != NULL)
        demand_put(demand, &files->topo, scale);
    if (capacity_plan(&files->plan, &files->topo, a, err) != 0)
        return error_prefix(err, "%s", path);
    files->topology_path = path;
    return 0;
}

int files_topology(struct files *files, const char *path, const struct cli_sets *sets,
                   struct arena *a, struct error *err)
{
    const char *text;
    size_t len;
    if (read_topology(&text, &len, path, a, err) != 0)
        return -1;
    return build_topology(files, path, text, len, sets->set, sets->count, NULL, 0, a, err);
}

struct shares { /* values to be put into the scenario, and into its topology */
    struct json_set *mine, *theirs;
    size_t mine_count, theirs_count;
};

static int share_out(struct shares *shares, const struct json_set *set, const char *option,
                     struct error *err)
{
    size_t len = strcspn(set->path, ".");
    if (json_field_at(scenario_fields, set->path, len) != NULL)
        shares->mine[shares->mine_count++] = *set;
    else if (json_field_at(topo_fields, set->path, len) != NULL)
        shares->theirs[shares->theirs_count++] = *set;
    else
        return error_set(err, ERR_UNKNOWN,
                         "%s%s: neither a scenario nor a topology has a key \"%.*s\"", option,
                         set->path, (int)len, set->path);
    return 0;
}

static int share_out_all(struct shares *shares, const struct cli_sets *sets,
                         const struct json_set *more, size_t more_count, struct arena *a,
                         struct error *err)
{
    size_t room = sets->count + more_count;
    shares->mine = arena_alloc(a, room, sizeof shares->mine[0]);
    shares->theirs = arena_alloc(a, room, sizeof shares->theirs[0]);
    shares->mine_count = shares->theirs_count = 0;
    if (shares->mine == NULL || shares->theirs == NULL)
        return error_memory(err);
    for (size_t i = 0; i < sets->count; i++)
        if (share_out(shares, &sets->set[i], "--set ", err) != 0)
            return -1;
    for (size_t i = 0; i < more_count; i++)
        if (share_out(shares, &more[i], "", err) != 0)
            return -1;
    return 0;
}

int files_scenario_read(struct files_texts *texts, const char *path, const struct cli_sets *sets,
                        struct arena *a, struct error *err)
{
    struct shares shares;
    struct scenario scenario;
    *texts = (struct files_texts){.path = path, .sets = sets};
    if (share_out_all(&shares, sets, NULL, 0, a, err) != 0 ||
        files_read(&texts->text, &texts->len, path, a, err) != 0)
        return -1;
    if (files_kind(texts->text, texts->len) == FILES_TOPOLOGY) {
        error_set(err, ERR_TYPE, "is a topology; expected a scenario, which names one");
        return error_prefix(err, "%s", path);
    }
    if (scenario_parse(&scenario, texts->text, texts->len, shares.mine, shares.mine_count, a,
                       err) != 0)
        return error_prefix(err, "%s", path);
    texts->topology_path = path_beside(path, scenario.topology, a);
    if (texts->topology_path == NULL)
        return error_memory(err);
    return read_topology(&texts->topology_text, &texts->topology_len, texts->topology_path, a, err);
}

int files_scenario_build(struct files *files, const struct files_texts *texts,
                         const struct json_set *more, size_t more_count, struct arena *a,
                         struct error *err)
{
    struct shares shares;
    if (share_out_all(&shares, texts->sets, more, more_count, a, err) != 0)
        return -1;
    if (scenario_parse(&files->scenario, texts->text, texts->len, shares.mine, shares.mine_count, a,
                       err) != 0)
        return error_prefix(err, "%s", texts->path);
    if (build_topology(files, texts->topology_path, texts->topology_text, texts->topology_len,
                       shares.theirs, shares.theirs_count, texts->demand, texts->demand_scale, a,
                       err) != 0)
        return -1;
    if (scenario_bind(&files->scenario, &files->topo, err) != 0 ||
        faults_check(&files->scenario, &files->topo, &files->plan, err) != 0)
        return error_prefix(err, "%s", texts->path);
    return 0;
}

int files_scenario(struct files *files, const char *path, const struct cli_sets *sets,
                   struct arena *a, struct error *err)
{
    struct files_texts texts;
    if (files_scenario_read(&texts, path, sets, a, err) != 0)
        return -1;
    return files_scenario_build(files, &texts, NULL, 0, a, err);
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
