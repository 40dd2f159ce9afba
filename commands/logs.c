#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/commands.h"
#include "commands/state.h"

enum { LINES_DEFAULT = 10, LINES_MAX = 100000, BYTES_MAX = 4 << 20 };

struct logs_options {
    const char *dir;
    int64_t lines;
};

static const struct cli_option options[] = {
    {"state", CLI_STR, offsetof(struct logs_options, dir), "DIR", 0, 0,
     "The state folder of the system (" STATE_DIR_DEFAULT ")"},
    {"lines", CLI_I64, offsetof(struct logs_options, lines), "N", 1, LINES_MAX,
     "Print the last N lines of each (10); -n N is the same"},
    {.type = CLI_END},
};

struct logs { /* the names of those wanted, without ".log" */
    struct arena arena;
    const char **name;
    size_t count, size;
    char **word; /* each must be in the name */
    int word_count;
};

static bool wanted(const struct logs *l, const char *name)
{
    for (int i = 0; i < l->word_count; i++)
        if (strstr(name, l->word[i]) == NULL)
            return false;
    return true;
}

/* "zones/de/a/catalog.log" is "de/a/catalog". */
static int add(struct logs *l, const char *path, struct error *err)
{
    static const char zones[] = "zones/";
    size_t skip = strncmp(path, zones, sizeof zones - 1) == 0 ? sizeof zones - 1 : 0;
    const char *name = arena_string(&l->arena, path + skip, strlen(path) - skip - strlen(".log"));
    if (name == NULL)
        return error_memory(err);
    if (!wanted(l, name))
        return 0;
    if (l->count == l->size) {
        size_t size = l->size * 2 + 64;
        const char **names = realloc(l->name, size * sizeof names[0]);
        if (names == NULL)
            return error_memory(err);
        l->name = names;
        l->size = size;
    }
    l->name[l->count++] = name;
    return 0;
}

/* The logs in `below` the folder, down to `depth` floors. */
static int walk(struct logs *l, const char *dir, const char *below, int depth, struct error *err)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", dir, below);
    DIR *folder = n < 0 || (size_t)n >= sizeof path ? NULL : opendir(path);
    if (folder == NULL)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : error_set(err, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    int status = 0;
    for (struct dirent *e; status == 0 && (e = readdir(folder)) != NULL;) {
        size_t len = strlen(e->d_name);
        const char *one =
            arena_format(&l->arena, "%s%s%s", below, below[0] == '\0' ? "" : "/", e->d_name);
        if (e->d_name[0] == '.' || one == NULL)
            continue;
        if (len > 4 && strcmp(e->d_name + len - 4, ".log") == 0)
            status = add(l, one, err);
        else if (depth > 0 && (below[0] != '\0' || strcmp(one, "zones") == 0))
            status = walk(l, dir, one, depth - 1, err);
    }
    closedir(folder);
    return status;
}

/* The system's own first, then zone by zone. */
static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    bool deep_x = strchr(*x, '/') != NULL, deep_y = strchr(*y, '/') != NULL;
    return deep_x != deep_y ? deep_x - deep_y : strcmp(*x, *y);
}

/* ---- printing ---- */

/* Where the last `lines` lines of the text begin. */
static size_t tail_of(const char *text, size_t len, int64_t lines)
{
    size_t at = len > 0 && text[len - 1] == '\n' ? len - 1 : len;
    while (at > 0) {
        if (text[at - 1] == '\n' && --lines == 0)
            return at;
        at--;
    }
    return 0;
}

/* At most BYTES_MAX from the end of the file. */
static int print_log(const char *dir, const char *name, int64_t lines, char *room, bool first,
                     struct error *err)
{
    char path[PATH_MAX];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s%s.log", dir, strchr(name, '/') == NULL ? "" : "zones/",
             name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_set(err, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    off_t size = fstat(fd, &st) == 0 ? st.st_size : 0;
    ssize_t len = pread(fd, room, BYTES_MAX, size > BYTES_MAX ? size - BYTES_MAX : 0);
    close(fd);
    if (len < 0)
        return error_set(err, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    if (len == 0)
        return 0;
    size_t from = tail_of(room, (size_t)len, lines);
    printf("%s==> %s <==\n", first ? "" : "\n", name);
    fwrite(room + from, 1, (size_t)len - from, stdout);
    if (room[len - 1] != '\n')
        printf("\n");
    return 0;
}

static int print_all(struct logs *l, const struct logs_options *o, struct error *err)
{
    if (access(o->dir, R_OK | X_OK) != 0)
        return error_set(err, ERR_MISSING, "%s: %s", o->dir, strerror(errno));
    if (walk(l, o->dir, "", 3, err) != 0)
        return -1;
    if (l->count == 0)
        return error_set(err, ERR_MISSING, "%s: has no such log", o->dir);
    qsort(l->name, l->count, sizeof l->name[0], by_name);
    char *room = arena_alloc(&l->arena, BYTES_MAX, 1);
    if (room == NULL)
        return error_memory(err);
    for (size_t i = 0; i < l->count; i++)
        if (print_log(o->dir, l->name[i], o->lines, room, i == 0, err) != 0)
            return -1;
    return 0;
}

static int logs_main(int argc, char **argv)
{
    static char lines[] = "--lines";
    struct logs_options o = {.dir = STATE_DIR_DEFAULT, .lines = LINES_DEFAULT};
    struct logs l = {.word = argv + 1};
    struct error err;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-n") == 0)
            argv[i] = lines;
    int status = cli_parse(&logs_command, argc, argv, &o, &l.word_count);
    if (status >= 0)
        return status;
    status = print_all(&l, &o, &err) == 0 ? EXIT_YES : cli_fail(err.text);
    free(l.name);
    arena_release(&l.arena);
    return status;
}

const struct cli_command logs_command = {
    "logs",
    logs_main,
    "[WORD...]",
    0,
    100,
    "Print the ends of a system's logs",
    "Of those whose names have every WORD in them: door, de/a, catalog.",
    options,
};
