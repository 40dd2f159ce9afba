#include "wire/turnstile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "wire/clock.h"
#include "wire/log.h"
#include "wire/process.h"

/* Bytes of the lock file. NEXT and WORK are locks of the process, for which the kernel knows an
 * owner from the instant they are taken: there is no moment in which a frozen holder has no name.
 * But they would be lost with any descriptor of the file that something in this process closes, so
 * who has WORK also takes HELD, which belongs to our descriptor alone. */
enum { NEXT, WORK, HELD, MARK = 16 };

struct mark { /* left by the holder, changed with every turn and beat: a sign of life */
    int64_t pid;
    uint64_t count;
};

static_assert(sizeof(struct mark) == sizeof((struct turnstile_watch *)NULL)->mark, "both 16");

struct turnstile {
    struct turnstile *other; /* in `opened` */
    dev_t dev;
    ino_t ino;
    int fd;
    uint64_t count;
    bool held; /* by the thread that has `turn` */
    pthread_mutex_t turn;

    /* The watcher is started when somebody has to wait, and sleeps while nobody does. It does not
     * touch the locks, so that looking at the holder costs no waiter its place. */
    pthread_t watcher;
    bool is_watched; /* it was started; by who has `turn` */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    atomic_bool asleep;
    atomic_bool waiting;
    bool closing;
    struct turnstile_watch watch;

    atomic_uint_fast64_t taken, waited, killed, refused;
};

static pthread_mutex_t opened_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct turnstile *opened;

static int cannot(struct error *err, const char *folder, const char *verb)
{
    return error_set(err, ERR_SYSTEM, "%s/turnstile: cannot %s: %s", folder, verb, strerror(errno));
}

static int path_of(char *path, size_t size, const char *folder, struct error *err)
{
    size_t len = strlen(folder);
    static const char name[] = "/turnstile";
    if (len + sizeof name > size)
        return error_set(err, ERR_LIMIT, "%s: the path is too long", folder);
    memcpy(path, folder, len);
    memcpy(path + len, name, sizeof name);
    return 0;
}

/* ---- looking at the holder ---- */

static pid_t owner(int fd, off_t at)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    return fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

static pid_t kill_holder(struct turnstile_watch *w, off_t at)
{
    struct process found;
    unsigned char mark[sizeof w->mark] = {0};
    if (process_holder(&found, w->fd, at) < 0)
        return -1;
    pid_t killed = 0;
    if (found.pid == w->pid && pread(w->fd, mark, sizeof mark, MARK) >= 0 &&
        memcmp(mark, w->mark, sizeof mark) == 0)
        killed = process_signal(&found, SIGKILL) == 0 ? found.pid : errno == ESRCH ? 0 : -1;
    int error = errno;
    process_release(&found);
    errno = error;
    return killed;
}

pid_t turnstile_watch_look(struct turnstile_watch *w, int64_t now)
{
    unsigned char mark[sizeof w->mark] = {0};
    if (pread(w->fd, mark, sizeof mark, MARK) < 0)
        return -1;
    /* Who waits for WORK holds NEXT and is not to blame, unless WORK is free. */
    off_t at = WORK;
    pid_t pid = owner(w->fd, WORK);
    if (pid == 0) {
        at = NEXT;
        pid = owner(w->fd, NEXT);
    }
    if (pid <= 0 || pid != w->pid || memcmp(mark, w->mark, sizeof mark) != 0) {
        w->pid = pid;
        memcpy(w->mark, mark, sizeof mark);
        w->counted_us = 0;
        w->looked_us = now;
        return 0;
    }
    int64_t gap_us = now - w->looked_us;
    if (gap_us > w->stuck_us / 3)
        gap_us = w->stuck_us / 3;
    w->counted_us += process_runnable(pid) ? gap_us / TURNSTILE_STARVED : gap_us;
    w->looked_us = now;
    if (w->counted_us < w->stuck_us)
        return 0;
    pid_t killed = kill_holder(w, at);
    w->counted_us = 0;
    return killed;
}

int turnstile_watch_init(struct turnstile_watch *w, const char *folder, int64_t stuck_us,
                         struct error *err)
{
    char path[4096];
    if (path_of(path, sizeof path, folder, err) < 0)
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cannot(err, folder, "open");
    *w = (struct turnstile_watch){.fd = fd,
                                  .stuck_us = stuck_us > 0 ? stuck_us : TURNSTILE_STUCK_US};
    return 0;
}

void turnstile_watch_release(struct turnstile_watch *w)
{
    close(w->fd);
    w->fd = -1;
}

/* ---- the watcher of a process that waits itself ---- */

static void look(struct turnstile *t)
{
    pid_t killed = turnstile_watch_look(&t->watch, clock_us());
    if (killed > 0) {
        log_line("process %ld held its turn at the store and did nothing: it was killed",
                 (long)killed);
        atomic_fetch_add(&t->killed, 1);
    }
    if (killed < 0)
        atomic_fetch_add(&t->refused, 1);
}

static void *watcher(void *context)
{
    enum { LINGER = 4 }; /* looks without a waiter before it sleeps: being woken costs the waiter */
    struct turnstile *t = context;
    int idle = 0;
    pthread_mutex_lock(&t->mutex);
    while (!t->closing) {
        if (idle >= LINGER) {
            atomic_store(&t->asleep, true);
            if (!atomic_load(&t->waiting))
                pthread_cond_wait(&t->wake, &t->mutex);
            atomic_store(&t->asleep, false);
            idle = 0;
            continue;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t nsec = until.tv_nsec + t->watch.stuck_us / 5 * 1000;
        until.tv_sec += nsec / 1000000000;
        until.tv_nsec = nsec % 1000000000;
        pthread_cond_timedwait(&t->wake, &t->mutex, &until);
        if (t->closing)
            break;
        pthread_mutex_unlock(&t->mutex);
        if (atomic_load(&t->waiting)) {
            idle = 0;
            look(t);
        } else
            idle++;
        pthread_mutex_lock(&t->mutex);
    }
    pthread_mutex_unlock(&t->mutex);
    return NULL;
}

static void init_watch(struct turnstile *t)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&t->mutex, NULL);
    pthread_mutex_init(&t->turn, NULL);
}

/* 0, or -1 with errno set. */
static int start_watcher(struct turnstile *t)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&t->watcher, NULL, watcher, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    t->is_watched = error == 0;
    errno = error;
    return error == 0 ? 0 : -1;
}

/* ---- opening ---- */

/* True when this process has the file open: then it must not even be opened again. */
static bool is_opened(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return false;
    for (const struct turnstile *t = opened; t; t = t->other)
        if (t->dev == st.st_dev && t->ino == st.st_ino)
            return true;
    return false;
}

static int open_file(struct turnstile *t, const char *folder, struct error *err)
{
    char path[4096];
    if (path_of(path, sizeof path, folder, err) < 0)
        return -1;
    if (is_opened(path))
        return error_set(err, ERR_CONFLICT, "%s: already open in this process", folder);
    t->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (t->fd < 0)
        return cannot(err, folder, "open");
    struct stat st;
    struct mark mark = {0};
    if (fstat(t->fd, &st) == 0 && (st.st_size >= MARK + (off_t)sizeof mark ||
                                   pwrite(t->fd, &mark, sizeof mark, MARK) == sizeof mark)) {
        t->dev = st.st_dev;
        t->ino = st.st_ino;
        t->watch.fd = t->fd;
        init_watch(t);
        return 0;
    }
    cannot(err, folder, "write");
    close(t->fd);
    return -1;
}

int turnstile_open(struct turnstile **out, const char *folder, int64_t stuck_us, struct error *err)
{
    struct turnstile *t = calloc(1, sizeof *t);
    if (!t)
        return error_memory(err);
    t->watch.stuck_us = stuck_us > 0 ? stuck_us : TURNSTILE_STUCK_US;
    pthread_mutex_lock(&opened_mutex);
    int status = open_file(t, folder, err);
    if (status == 0) {
        t->other = opened;
        opened = t;
        *out = t;
    } else
        free(t);
    pthread_mutex_unlock(&opened_mutex);
    return status;
}

void turnstile_close(struct turnstile *t)
{
    if (!t)
        return;
    if (t->held)
        turnstile_give(t);
    pthread_mutex_lock(&t->mutex);
    t->closing = true;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->mutex);
    if (t->is_watched)
        pthread_join(t->watcher, NULL);

    pthread_mutex_lock(&opened_mutex);
    struct turnstile **at = &opened;
    while (*at != t)
        at = &(*at)->other;
    *at = t->other;
    close(t->fd);
    pthread_mutex_unlock(&opened_mutex);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->mutex);
    pthread_mutex_destroy(&t->turn);
    free(t);
}

/* ---- taking turns ---- */

static int lock_byte(int fd, int command, short type, off_t at)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    return fcntl(fd, command, &lock);
}

/* The kernel takes two stores of one process for one waiter and may see a circle where none is;
 * that passes by itself. */
static int wait_for(int fd, int command, off_t at)
{
    while (lock_byte(fd, command, F_WRLCK, at) < 0) {
        if (errno == EDEADLK)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        else if (errno != EINTR)
            return -1;
    }
    return 0;
}

static void leave(struct turnstile *t)
{
    lock_byte(t->fd, F_OFD_SETLK, F_UNLCK, HELD);
    lock_byte(t->fd, F_SETLK, F_UNLCK, WORK);
}

/* 0, or -1 with errno set: nobody waits unwatched. */
static int expect_waiting(struct turnstile *t)
{
    atomic_fetch_add(&t->waited, 1);
    atomic_store(&t->waiting, true);
    if (!t->is_watched)
        return start_watcher(t);
    if (!atomic_load(&t->asleep))
        return 0;
    pthread_mutex_lock(&t->mutex);
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->mutex);
    return 0;
}

static int queue(struct turnstile *t)
{
    bool next = lock_byte(t->fd, F_SETLK, F_WRLCK, NEXT) == 0;
    bool work = next && lock_byte(t->fd, F_SETLK, F_WRLCK, WORK) == 0;
    int status = work ? 0 : expect_waiting(t);
    if (status == 0 && !next && wait_for(t->fd, F_SETLKW, NEXT) < 0)
        status = -1;
    if (status == 0 && !work && wait_for(t->fd, F_SETLKW, WORK) < 0)
        status = -1;
    if (status == 0 && wait_for(t->fd, F_OFD_SETLKW, HELD) < 0)
        status = -1;
    atomic_store(&t->waiting, false);
    return status;
}

int turnstile_take(struct turnstile *t, struct error *err)
{
    pthread_mutex_lock(&t->turn);
    int status = queue(t);
    int error = errno;
    if (status == 0) {
        t->held = true;
        turnstile_beat(t);
        atomic_fetch_add(&t->taken, 1);
    } else
        leave(t);
    lock_byte(t->fd, F_SETLK, F_UNLCK, NEXT);
    if (status == 0)
        return 0;
    pthread_mutex_unlock(&t->turn);
    return error_set(err, ERR_SYSTEM, "cannot lock the store: %s", strerror(error));
}

void turnstile_beat(struct turnstile *t)
{
    assert(t->held);
    struct mark mark = {.pid = getpid(), .count = ++t->count};
    ssize_t n = pwrite(t->fd, &mark, sizeof mark, MARK);
    (void)n; /* its place is there since the file was opened */
}

void turnstile_give(struct turnstile *t)
{
    assert(t->held);
    t->held = false;
    leave(t);
    pthread_mutex_unlock(&t->turn);
}

struct turnstile_stats turnstile_stats(const struct turnstile *t)
{
    return (struct turnstile_stats){
        .taken = atomic_load(&t->taken),
        .waited = atomic_load(&t->waited),
        .killed = atomic_load(&t->killed),
        .refused = atomic_load(&t->refused),
    };
}
