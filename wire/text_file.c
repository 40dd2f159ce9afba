#include "wire/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"

static struct text_file_stamp stamp_of(const struct stat *st)
{
    return (struct text_file_stamp){st->st_ino, st->st_mtim, st->st_size};
}

struct text_file_stamp text_file_look(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? stamp_of(&st) : (struct text_file_stamp){0};
}

bool text_file_same(const struct text_file_stamp *a, const struct text_file_stamp *b)
{
    return a->inode == b->inode && a->mtime.tv_sec == b->mtime.tv_sec &&
           a->mtime.tv_nsec == b->mtime.tv_nsec && a->size == b->size;
}

static int cannot(struct error *err, const char *path, const char *verb)
{
    return error_set(err, errno == ENOENT ? ERR_MISSING : ERR_SYSTEM, "%s: cannot %s: %s", path,
                     verb, strerror(errno));
}

/* ---- reading ---- */

/* It may grow while it is read: one byte more than it had is room to see that. */
static int read_all(int fd, char *room, size_t size, size_t *len)
{
    for (*len = 0; *len < size;) {
        ssize_t n = read(fd, room + *len, size - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            return 0;
        *len += (size_t)n;
    }
    errno = EFBIG;
    return -1;
}

static int read_open(const char **text, size_t *len, int fd, const char *path, size_t max,
                     struct text_file_stamp *stamp, struct arena *a, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return cannot(err, path, "look at it");
    *stamp = stamp_of(&st);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERR_TYPE, "%s: is not a regular file", path);
    if (st.st_size > (off_t)max)
        return error_set(err, ERR_LIMIT, "%s: has %lld bytes, %zu are the most", path,
                         (long long)st.st_size, max);
    size_t size = (size_t)st.st_size + 1;
    char *room = arena_alloc(a, size + 1, 1);
    if (room == NULL)
        return error_memory(err);
    if (read_all(fd, room, size, len) != 0)
        return cannot(err, path, "read");
    *text = room;
    return 0;
}

int text_file_read(const char **text, size_t *len, const char *path, size_t max,
                   struct text_file_stamp *stamp, struct arena *a, struct error *err)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe would hold us up */
    *stamp = (struct text_file_stamp){0};
    if (fd < 0)
        return cannot(err, path, "open");
    int status = read_open(text, len, fd, path, max, stamp, a, err);
    close(fd);
    return status;
}

/* ---- writing ---- */

static int write_all(int fd, const char *text, size_t len)
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
    return 0;
}

/* A rename is on the disk when its folder is. */
static int flush_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int n = slash == NULL ? snprintf(folder, sizeof folder, ".")
                          : snprintf(folder, sizeof folder, "%.*s", (int)(slash - path + 1), path);
    if (n < 0 || (size_t)n >= sizeof folder)
        return -1;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int status = fsync(fd);
    close(fd);
    return status;
}

static int write_new(const char *path, const char *text, size_t len, struct text_file_stamp *stamp)
{
    struct stat st;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int status = write_all(fd, text, len) == 0 && fsync(fd) == 0 && fstat(fd, &st) == 0 ? 0 : -1;
    int error = errno;
    close(fd);
    errno = error;
    if (status == 0)
        *stamp = stamp_of(&st);
    return status;
}

int text_file_replace(const char *path, const char *text, size_t len, struct text_file_stamp *stamp,
                      struct error *err)
{
    char new[PATH_MAX];
    int n = snprintf(new, sizeof new, "%s.new", path);
    errno = ENAMETOOLONG;
    if (n < 0 || (size_t)n >= sizeof new || write_new(new, text, len, stamp) != 0 ||
        rename(new, path) != 0 || flush_folder(path) != 0)
        return cannot(err, path, "write");
    return 0;
}
