#include "wire/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "wire/clock.h"

enum { TIME_LEN = 24 }; /* "2024-05-01T12:00:00.123Z" */

void log_line(const char *format, ...)
{
    char line[LOG_LINE_MAX];
    int64_t ms = clock_wall_ms();
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    used += (size_t)snprintf(line + used, sizeof line - used, ".%03dZ ", (int)(ms % 1000));
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line + used, sizeof line - used - 1, format, args);
    va_end(args);
    if (n > 0)
        used = (size_t)n < sizeof line - used - 1 ? used + (size_t)n : sizeof line - 2;
    for (size_t i = 0; i < used; i++) /* one line, and nothing a terminal would act on */
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[used++] = '\n';
    if (write(STDERR_FILENO, line, used) < 0)
        return; /* there is no one left to tell */
}

static bool is_time(const char *text, size_t len)
{
    return len > TIME_LEN && text[4] == '-' && text[10] == 'T' && text[TIME_LEN - 1] == 'Z' &&
           text[TIME_LEN] == ' ';
}

void log_last(const char *path, char *out, size_t size)
{
    char tail[LOG_LINE_MAX];
    struct stat st;
    out[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return;
    ssize_t n = 0;
    if (fstat(fd, &st) == 0) {
        off_t from = st.st_size > (off_t)sizeof tail ? st.st_size - (off_t)sizeof tail : 0;
        n = pread(fd, tail, sizeof tail, from);
    }
    close(fd);
    size_t end = n > 0 ? (size_t)n : 0;
    while (end > 0 && tail[end - 1] == '\n')
        end--;
    size_t begin = end;
    while (begin > 0 && tail[begin - 1] != '\n')
        begin--;
    if (is_time(tail + begin, end - begin))
        begin += TIME_LEN + 1;
    snprintf(out, size, "%.*s", (int)(end - begin), tail + begin);
}
