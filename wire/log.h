/* log.h - lines of a process's log, which is its standard error.
 *
 * A line is one write(2) to a file opened for appending: it is there when the process is killed
 * right after, and is never mixed with another's. */
#ifndef WIRE_LOG_H
#define WIRE_LOG_H

#include <stddef.h>

enum { LOG_LINE_MAX = 1024 }; /* longer ones are cut */

/* Write "2024-05-01T12:00:00.123Z TEXT". */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The last line of the log at `path` without its time, "" when there is none. */
void log_last(const char *path, char *out, size_t size);

#endif
