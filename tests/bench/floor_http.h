/* floor_http.h - the least that an HTTP server on libuv does: the floor of the bench of reads. */
#ifndef TESTS_BENCH_FLOOR_HTTP_H
#define TESTS_BENCH_FLOOR_HTTP_H

#include <stddef.h>
#include <sys/types.h>

/* Start a process that answers each request on *port of 127.0.0.1 with `answer`, and ends with its
 * parent. 0, or -1. */
int floor_http_start(pid_t *pid, int *port, const char *answer, size_t len);

#endif
