#include "wire/process.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "wire/clock.h"

/* ---- claiming and finding ---- */

/* What this process claims. To close any descriptor of a file drops all the locks that the process
 * has on it, so a claimed file must never be opened a second time: it is known by its inode. */
struct claim {
    pid_t pid; /* a fork inherits the table and not the locks */
    dev_t dev;
    ino_t ino;
};

enum { CLAIMS_MAX = 16 };

static struct claim claims[CLAIMS_MAX];
static size_t claim_count;

static bool claimed(const struct stat *st)
{
    for (size_t i = 0; i < claim_count; i++)
        if (claims[i].pid == getpid() && claims[i].dev == st->st_dev && claims[i].ino == st->st_ino)
            return true;
    return false;
}

static int cannot(struct error *err, const char *verb, const char *path)
{
    return error_set(err, ERR_SYSTEM, "%s: cannot %s: %s", path, verb, strerror(errno));
}

int process_claim(const char *path, struct error *err)
{
    struct stat st;
    if (stat(path, &st) == 0 && claimed(&st))
        return 0;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return cannot(err, "open", path);

    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    if (fcntl(fd, F_SETLK, &lock) < 0) {
        if (errno != EACCES && errno != EAGAIN)
            cannot(err, "lock", path);
        else if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
            error_set(err, ERR_CONFLICT, "%s: process %ld runs already", path, (long)lock.l_pid);
        else
            error_set(err, ERR_CONFLICT, "%s: another process runs already", path);
        close(fd);
        return -1;
    }
    char text[32];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len || fstat(fd, &st) < 0) {
        cannot(err, "write", path);
        close(fd);
        return -1;
    }
    assert(claim_count < CLAIMS_MAX);
    claims[claim_count++] = (struct claim){.pid = getpid(), .dev = st.st_dev, .ino = st.st_ino};
    return 0; /* `fd` stays open: it is the lock */
}

/* The holder's number, 0 for none, -1 with errno set. */
static pid_t ask(int fd, off_t at)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
    if (fcntl(fd, F_GETLK, &lock) < 0)
        return -1;
    return lock.l_type == F_UNLCK || lock.l_pid < 0 ? 0 : lock.l_pid;
}

int process_holder(struct process *found, int fd, off_t at)
{
    *found = (struct process){.fd = -1};
    for (;;) {
        pid_t pid = ask(fd, at);
        if (pid <= 0)
            return (int)pid;
        int pidfd = pidfd_open(pid, 0);
        if (pidfd < 0 && errno != ESRCH)
            return -1;
        pid_t again = ask(fd, at);
        if (pidfd >= 0 && again == pid) {
            *found = (struct process){.pid = pid, .fd = pidfd};
            return 0;
        }
        if (pidfd >= 0)
            close(pidfd);
        if (again < 0)
            return -1;
    }
}

/* Of one thread, by its /proc/PID/task/TID/stat: "TID (name) STATE ...", any bytes in the name. */
static bool thread_runnable(int tasks, const char *tid)
{
    char path[300], text[512];
    snprintf(path, sizeof path, "%s/stat", tid);
    int fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (len <= 0)
        return false;
    text[len] = '\0';
    const char *end = strrchr(text, ')');
    return end != NULL && strncmp(end, ") R", 3) == 0;
}

bool process_runnable(pid_t pid)
{
    char path[48];
    snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return false;
    bool runs = false;
    for (struct dirent *e = readdir(tasks); e != NULL && !runs; e = readdir(tasks))
        runs = e->d_name[0] != '.' && thread_runnable(dirfd(tasks), e->d_name);
    closedir(tasks);
    return runs;
}

int process_find(struct process *found, const char *path, struct error *err)
{
    *found = (struct process){.fd = -1};
    struct stat st;
    if (stat(path, &st) < 0)
        return errno == ENOENT ? 0 : cannot(err, "look at", path);
    if (claimed(&st)) {
        int self = pidfd_open(getpid(), 0);
        if (self < 0)
            return cannot(err, "find the process of", path);
        *found = (struct process){.pid = getpid(), .fd = self};
        return 0;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : cannot(err, "open", path);
    int status = process_holder(found, fd, 0);
    if (status < 0)
        cannot(err, "find the process of", path);
    close(fd);
    return status;
}

void process_raise_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

int process_signal(const struct process *found, int signal)
{
    assert(found->fd >= 0);
    return pidfd_send_signal(found->fd, signal, NULL, 0);
}

bool process_wait_gone(const struct process *found, int64_t timeout_us)
{
    assert(found->fd >= 0);
    int64_t end_us = clock_us() + timeout_us;
    for (;;) {
        int64_t left_us = timeout_us < 0 ? 0 : end_us - clock_us();
        if (left_us < 0)
            left_us = 0;
        struct timespec left = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
        struct pollfd p = {.fd = found->fd, .events = POLLIN};
        int n = ppoll(&p, 1, timeout_us < 0 ? NULL : &left, NULL);
        if (n > 0)
            return true;
        if (n == 0 || errno != EINTR)
            return false;
    }
}

void process_release(struct process *found)
{
    if (found->pid != 0 && found->fd >= 0)
        close(found->fd);
    *found = (struct process){.fd = -1};
}

/* ---- starting ---- */

struct news { /* what the new process tells us through a pipe that exec closes */
    pid_t pid;
    int error; /* errno, 0 when there was none so far */
    int step;
};

enum { STEP_FORK, STEP_FILES, STEP_FOLDER, STEP_EXEC };

/* From here to exec only what is safe after a fork of many threads, and in memory that is still the
 * parent's: vfork, since copying the tables of its pages takes longer than all the rest. */
static void tell(int fd, int error, int step)
{
    struct news news = {.pid = getpid(), .error = error, .step = step};
    while (write(fd, &news, sizeof news) < 0 && errno == EINTR)
        ;
}

static void default_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    for (int i = 1; i < _NSIG; i++) {
        action.sa_handler = i == SIGPIPE ? SIG_IGN : SIG_DFL;
        sigaction(i, &action, NULL); /* some may not be changed, nor have been */
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(const struct process_spawn_opts *opts, char **argv, int empty, int log,
                             int news)
{
    enum { HIGH = 4 }; /* above the places they are going to */
    empty = fcntl(empty, F_DUPFD, HIGH);
    log = fcntl(log, F_DUPFD, HIGH);
    int high = fcntl(news, F_DUPFD, HIGH);
    if (empty < 0 || log < 0 || high < 0 || dup2(empty, 0) < 0 || dup2(log, 1) < 0 ||
        dup2(log, 2) < 0 || dup3(high, 3, O_CLOEXEC) < 0 || close_range(4, ~0U, 0) < 0) {
        tell(news, errno, STEP_FILES);
        _exit(127);
    }
    tell(3, 0, STEP_EXEC);
    default_signals();
    if (opts->folder && chdir(opts->folder) < 0)
        tell(3, errno, STEP_FOLDER);
    else {
        execv(argv[0], argv);
        tell(3, errno, STEP_EXEC);
    }
    _exit(127);
}

/* The first child makes the session and the second one, and ends: no one's child cannot become a
 * zombie of ours, and what leads no session cannot get a terminal. */
static _Noreturn void child(const struct process_spawn_opts *opts, char **argv, int empty, int log,
                            int news)
{
    setsid();
    pid_t pid = vfork();
    if (pid == 0)
        become(opts, argv, empty, log, news);
    if (pid < 0)
        tell(news, errno, STEP_FORK);
    _exit(0);
}

static pid_t begin(const struct process_spawn_opts *opts, char **argv, int empty, int log, int news)
{
    pid_t first = vfork();
    if (first == 0)
        child(opts, argv, empty, log, news);
    return first;
}

static int hear(int fd, const struct process_spawn_opts *opts, pid_t *pid, struct error *err)
{
    struct news last = {.error = ECHILD, .step = STEP_FORK}, news;
    for (;;) {
        ssize_t n = read(fd, &news, sizeof news);
        if (n == (ssize_t)sizeof news)
            last = news;
        else if (n >= 0 || errno != EINTR)
            break;
    }
    if (last.error == 0) {
        *pid = last.pid;
        return 0;
    }
    const char *why = strerror(last.error);
    switch (last.step) {
    case STEP_FOLDER:
        return error_set(err, ERR_SYSTEM, "%s: cannot work there: %s", opts->folder, why);
    case STEP_EXEC:
        return error_set(err, ERR_SYSTEM, "%s: cannot run: %s", opts->argv[0], why);
    default:
        return error_set(err, ERR_SYSTEM, "%s: cannot start: %s", opts->argv[0], why);
    }
}

int process_spawn(const struct process_spawn_opts *opts, pid_t *pid, struct error *err)
{
    enum { ARGS_MAX = 64 };
    char *argv[ARGS_MAX + 1] = {NULL}; /* execv takes them without const and leaves them alone */
    for (size_t i = 0; opts->argv[i]; i++) {
        assert(i < ARGS_MAX);
        memcpy(&argv[i], &opts->argv[i], sizeof argv[i]);
    }

    int status = -1, pipes[2] = {-1, -1}, log = -1;
    int empty = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (empty < 0) {
        cannot(err, "open", "/dev/null");
        goto out;
    }
    log = open(opts->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (log < 0) {
        cannot(err, "open", opts->log);
        goto out;
    }
    if (pipe2(pipes, O_CLOEXEC) < 0) {
        cannot(err, "start", opts->argv[0]);
        goto out;
    }

    sigset_t all, before; /* handlers of ours must not run in the child */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t first = begin(opts, argv, empty, log, pipes[1]);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (first < 0) {
        errno = error;
        cannot(err, "start", opts->argv[0]);
        goto out;
    }
    close(pipes[1]);
    pipes[1] = -1;
    while (waitpid(first, NULL, 0) < 0 && errno == EINTR)
        ;
    status = hear(pipes[0], opts, pid, err);

out:
    if (pipes[0] >= 0)
        close(pipes[0]);
    if (pipes[1] >= 0)
        close(pipes[1]);
    if (log >= 0)
        close(log);
    if (empty >= 0)
        close(empty);
    return status;
}
