/* http_rate.h - how many requests a server answers, and what it costs that server.
 *
 * One thread asks the same over and over on some connections, with as little work of its own as
 * there can be: it knows an answer by its length. The machine is shared with whoever is measured,
 * so the figure to compare is requests per second of the server's own CPU time. */
#ifndef TESTS_BENCH_HTTP_RATE_H
#define TESTS_BENCH_HTTP_RATE_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

enum { HTTP_RATE_CONNECTIONS_MAX = 256, HTTP_RATE_ANSWER_MAX = 16384 };

/* Ask once for `target` on `port` and keep the whole answer, a 200. 0 with *len set, or -1 with
 * `err` set. */
int http_rate_probe(char *answer, size_t *len, int port, const char *target, struct error *err);

struct http_rate {
    double per_s;
    double per_cpu_s; /* of the server; NaN when it used none */
    double p99_us;    /* from a request to its whole answer, on busy connections */
};

/* Ask for `for_us`. `pids` are the server's processes. 0, or -1 with `err` set: an answer that is
 * not 200 and as long as the first, a lost connection, or `stop`. */
int http_rate_measure(struct http_rate *out, int port, const char *target, unsigned connections,
                      int64_t for_us, const pid_t *pids, size_t pid_count,
                      const volatile sig_atomic_t *stop, struct error *err);

/* CPU time of a process and its ended children, in us, by /proc/PID/stat; -1: not there. */
int64_t http_rate_cpu_us(pid_t pid);

#endif
