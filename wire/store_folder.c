#include "wire/store_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

enum { PATH_BYTES = 4096, NAME_BYTES = 256 };

static int cannot(struct error *err, const char *verb, const char *path)
{
    return error_set(err, ERR_SYSTEM, "%s: cannot %s: %s", path, verb, strerror(errno));
}

int store_folder_path(char *path, size_t size, const char *folder, const char *name,
                      struct error *err)
{
    int n = snprintf(path, size, "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= size)
        return error_set(err, ERR_LIMIT, "%s: the path is too long", folder);
    return 0;
}

/* The first line of `path` into `name`. 1, 0 when there is no such file, -1 with `err` set. */
static int read_name(const char *path, char *name, size_t size, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : cannot(err, "open", path);
    ssize_t n = read(fd, name, size - 1);
    int status = n < 0 ? cannot(err, "read", path) : 1;
    close(fd);
    if (n >= 0) {
        name[n] = '\0';
        name[strcspn(name, "\n")] = '\0';
    }
    return status;
}

int store_folder_check(const char *folder, const char *owner, bool *ours, struct error *err)
{
    *ours = false;
    struct stat st;
    if (stat(folder, &st) < 0)
        return cannot(err, "look there", folder);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, ERR_SYSTEM, "%s: is not a folder", folder);

    char path[PATH_BYTES], name[NAME_BYTES];
    if (store_folder_path(path, sizeof path, folder, "cell", err) < 0)
        return -1;
    int found = read_name(path, name, sizeof name, err);
    if (found < 0)
        return -1;
    if (found && strcmp(name, owner) != 0)
        return error_set(err, ERR_CONFLICT, "%s: belongs to cell '%s', not to '%s'", folder, name,
                         owner);
    if (!found) {
        if (store_folder_path(path, sizeof path, folder, "rows.db", err) < 0)
            return -1;
        if (access(path, F_OK) == 0)
            return error_set(err, ERR_CONFLICT,
                             "%s: holds rows, and no file 'cell' that says whose they are", folder);
    }
    if (access(folder, W_OK | X_OK) < 0)
        return cannot(err, "write there", folder);
    *ours = found;
    return 0;
}

int store_folder_flush(const char *folder, struct error *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return cannot(err, "open", folder);
    int status = fsync(fd) < 0 ? cannot(err, "flush", folder) : 0;
    close(fd);
    return status;
}

static int write_name(const char *path, const char *owner, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return cannot(err, "open", path);
    char line[NAME_BYTES];
    int n = snprintf(line, sizeof line, "%s\n", owner);
    int status = 0;
    if (n < 0 || (size_t)n >= sizeof line)
        status = error_set(err, ERR_LIMIT, "the cell's name is too long");
    else if (write(fd, line, (size_t)n) != n || fsync(fd) < 0)
        status = cannot(err, "write", path);
    close(fd);
    return status;
}

int store_folder_name(const char *folder, const char *owner, struct error *err)
{
    char path[PATH_BYTES], draft[PATH_BYTES];
    if (store_folder_path(path, sizeof path, folder, "cell", err) < 0 ||
        store_folder_path(draft, sizeof draft, folder, "cell.new", err) < 0)
        return -1;
    if (write_name(draft, owner, err) < 0) {
        unlink(draft);
        return -1;
    }
    if (rename(draft, path) < 0)
        return cannot(err, "write", path);
    return store_folder_flush(folder, err);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t store_flush_probe_us(const char *folder)
{
    enum { FLUSHES = 33, PAGE = 4096, PAGES = 16 };
    static const char page[PAGE];
    char path[PATH_BYTES];
    struct error err;
    if (store_folder_path(path, sizeof path, folder, "probe-XXXXXX", &err) < 0)
        return -1;
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return -1;
    unlink(path);
    bool good = true;
    for (int i = 0; i < PAGES; i++)
        good = good && pwrite(fd, page, PAGE, (off_t)i * PAGE) == PAGE;
    good = good && fsync(fd) == 0;

    int64_t ns[FLUSHES];
    for (int i = 0; i < FLUSHES && good; i++) {
        int64_t start = now_ns();
        good = pwrite(fd, page, PAGE, (off_t)(i % PAGES) * PAGE) == PAGE && fdatasync(fd) == 0;
        ns[i] = now_ns() - start;
    }
    close(fd);
    if (!good)
        return -1;
    qsort(ns, FLUSHES, sizeof ns[0], ascending);
    return ns[FLUSHES / 2] / 1000;
}
