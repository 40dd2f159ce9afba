#include "wire/lease_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/topo.h"
#include "wire/log.h"

enum { BYTES_MAX = 1 << 16 }; /* LEASES_MAX of them are far smaller */

/* Of this start of the machine; "" when it cannot be told. */
static void read_boot(char boot[LEASE_BOOT_MAX])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file == NULL || fgets(boot, LEASE_BOOT_MAX, file) == NULL)
        boot[0] = '\0';
    boot[strcspn(boot, "\n")] = '\0';
    if (file != NULL)
        fclose(file);
}

void lease_file_init(struct lease_file *f, const char *path, const struct topo *topo)
{
    *f = (struct lease_file){.path = path, .topo = topo, .looked_us = INT64_MIN / 2};
    read_boot(f->boot);
}

/* The whole text, or -1 with errno set. */
static ssize_t read_text(int fd, char *text, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, text + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? n : (ssize_t)len;
        len += (size_t)n;
    }
    errno = EFBIG;
    return -1;
}

static void read_leases(struct lease_file *f, int fd)
{
    static char text[BYTES_MAX];
    struct error err;
    ssize_t len = read_text(fd, text, sizeof text);
    if (len < 0)
        log_line("%s: cannot read: %s", f->path, strerror(errno));
    else if (leases_parse(&f->leases, text, (size_t)len, f->topo, &err) != 0)
        log_line("%s: %s", f->path, err.text);
    if (strcmp(f->leases.boot, f->boot) != 0)
        f->leases.count = 0;
}

static bool is_same(const struct lease_file *f, const struct stat *st)
{
    return st->st_ino == f->inode && st->st_mtim.tv_sec == f->mtime.tv_sec &&
           st->st_mtim.tv_nsec == f->mtime.tv_nsec;
}

bool lease_file_look(struct lease_file *f)
{
    struct stat st;
    if (stat(f->path, &st) != 0) {
        if (errno != ENOENT || f->inode == 0)
            return false;
        f->leases.count = 0;
        f->inode = 0;
        return true;
    }
    int fd = is_same(f, &st) ? -1 : open(f->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0)
        read_leases(f, fd);
    close(fd);
    f->inode = st.st_ino;
    f->mtime = st.st_mtim;
    return true;
}

void lease_file_glance(struct lease_file *f, int64_t now_us)
{
    if (now_us - f->looked_us < LEASE_FILE_LOOK_US)
        return;
    f->looked_us = now_us;
    lease_file_look(f);
}

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
static int flush_folder(const char *path, struct arena *a)
{
    const char *slash = strrchr(path, '/');
    const char *folder = slash == NULL ? "." : arena_string(a, path, (size_t)(slash - path));
    int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int status = fsync(fd);
    close(fd);
    return status;
}

static int save(struct lease_file *f, struct arena *a)
{
    memcpy(f->leases.boot, f->boot, sizeof f->boot);
    const char *text = leases_print(&f->leases, a);
    const char *new = arena_format(a, "%s.new", f->path);
    errno = ENOMEM;
    if (text == NULL || new == NULL)
        return -1;
    int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    struct stat st;
    int status = write_all(fd, text, strlen(text));
    status = status == 0 ? fsync(fd) : status;
    status = status == 0 ? fstat(fd, &st) : status;
    close(fd);
    if (status != 0 || rename(new, f->path) != 0)
        return -1;
    f->inode = st.st_ino;
    f->mtime = st.st_mtim;
    return flush_folder(f->path, a);
}

int lease_file_save(struct lease_file *f, struct error *err)
{
    struct arena a = {0};
    int status = save(f, &a);
    if (status != 0)
        error_set(err, ERR_SYSTEM, "%s: cannot write: %s", f->path, strerror(errno));
    arena_release(&a);
    return status;
}

int64_t lease_file_way_us(struct lease_file *f, size_t cell, size_t from, size_t to, int64_t now_us)
{
    const struct topo *topo = f->topo;
    lease_file_glance(f, now_us);
    int64_t fault_us = f->leases.count == 0 ? 0 : leases_way_us(&f->leases, cell, from, to, now_us);
    if (fault_us == LEASE_CUT || !topo->policy.network)
        return fault_us;
    return topo_rtt_us(&topo->cells[cell], from, to) / 2 + fault_us;
}
