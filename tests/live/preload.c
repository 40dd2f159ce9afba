/* preload.c - put before the C library by LD_PRELOAD, in tests of live processes.
 *
 * TEST_WALL names a file of 8 bytes: so many ns are added to the wall clock, and to no other. A
 * machine's own clock is not ours to set.
 *
 * TEST_HOLD names a file: while it is there, a service waits before the first POSIX lock of its
 * life, as one does that the machine gives no time after it was started. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *wall_ns;
static const char *hold;
static int (*real_gettime)(clockid_t, struct timespec *);
static int (*real_fcntl)(int, int, ...);

static void find(void *out, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(out, &found, sizeof found); /* C has no cast from one to the other */
}

/* glibc hands these to constructors. */
__attribute__((constructor)) static void begin(int argc, char **argv)
{
    const char *wall = getenv("TEST_WALL");
    int fd = wall == NULL ? -1 : open(wall, O_RDONLY | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (argc > 1 && strcmp(argv[1], "service") == 0)
        hold = getenv("TEST_HOLD");
    find(&real_gettime, "clock_gettime");
    find(&real_fcntl, "fcntl");
    if (map != MAP_FAILED)
        wall_ns = map;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    if (real_gettime == NULL)
        find(&real_gettime, "clock_gettime");
    int status = real_gettime(clock, out);
    if (status == 0 && wall_ns != NULL &&
        (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t ns = *wall_ns + (int64_t)out->tv_sec * 1000000000 + out->tv_nsec;
        *out = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    }
    return status;
}

time_t time(time_t *out)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (out != NULL)
        *out = t.tv_sec;
    return t.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec t;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &t);
    *out = (struct timeval){.tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000};
    return 0;
}

static int lock(int fd, int command, void *argument)
{
    static atomic_bool before;
    bool first = (command == F_SETLK || command == F_SETLKW) && !atomic_exchange(&before, 1);
    while (first && hold != NULL && access(hold, F_OK) == 0)
        usleep(5000);
    return real_fcntl(fd, command, argument);
}

int fcntl(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    void *argument = va_arg(args, void *);
    va_end(args);
    if (real_fcntl == NULL)
        find(&real_fcntl, "fcntl");
    return lock(fd, command, argument);
}
