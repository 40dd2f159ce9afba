/* nginx.h - nginx as a proxy before some ports: what the door is measured against. */
#ifndef TESTS_BENCH_NGINX_H
#define TESTS_BENCH_NGINX_H

#include <stddef.h>
#include <sys/types.h>

struct error;

struct nginx {    /* all zero: none */
    pid_t pid[2]; /* its master, which does nothing, and its worker */
    int port;
};

/* The program, or NULL when it is not installed. */
const char *nginx_program(void);

/* Start it in `dir` with one worker, connections to the upstreams kept and no access log. 0, or -1
 * with `err` set. */
int nginx_start(struct nginx *n, const char *dir, const int *upstream, size_t upstream_count,
                struct error *err);
void nginx_stop(struct nginx *n);

#endif
