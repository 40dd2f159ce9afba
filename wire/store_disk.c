#include "wire/store_disk.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static atomic_bool is_full;
static pthread_once_t once = PTHREAD_ONCE_INIT;

void store_disk_full(bool full)
{
    atomic_store_explicit(&is_full, full, memory_order_relaxed);
}

static ssize_t our_pwrite(int fd, const void *data, size_t len, off_t at)
{
    if (atomic_load_explicit(&is_full, memory_order_relaxed)) {
        errno = ENOSPC;
        return -1;
    }
    return pwrite(fd, data, len, at);
}

static ssize_t our_write(int fd, const void *data, size_t len)
{
    if (atomic_load_explicit(&is_full, memory_order_relaxed)) {
        errno = ENOSPC;
        return -1;
    }
    return write(fd, data, len);
}

/* Which of them is used depends on how SQLite was built. */
static void replace(void)
{
    static const struct {
        const char *name;
        sqlite3_syscall_ptr call;
    } ours[] = {{"write", (sqlite3_syscall_ptr)our_write},
                {"pwrite", (sqlite3_syscall_ptr)our_pwrite},
                {"pwrite64", (sqlite3_syscall_ptr)our_pwrite}};
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    for (size_t i = 0; vfs != NULL && vfs->xSetSystemCall != NULL && i < 3; i++)
        vfs->xSetSystemCall(vfs, ours[i].name, ours[i].call);
}

void store_disk_init(void)
{
    pthread_once(&once, replace);
}
