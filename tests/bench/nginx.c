#include "tests/bench/nginx.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

enum { TRIES = 300, TRY_MS = 10 };

extern char **environ;

const char *nginx_program(void)
{
    static const char *const places[] = {"/usr/sbin/nginx", "/usr/local/sbin/nginx",
                                         "/usr/bin/nginx"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = 0;
    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &size) == 0)
        port = ntohs(at.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

static int write_config(const char *path, const char *dir, int port, const int *upstream,
                        size_t upstream_count)
{
    FILE *f = fopen(path, "we");
    if (f == NULL)
        return -1;
    if (geteuid() == 0)
        fprintf(f, "user root;\n"); /* the folder is ours alone */
    fprintf(f,
            "daemon off;\nworker_processes 1;\npid %s/nginx.pid;\nerror_log %s/nginx.log crit;\n"
            "events { worker_connections 1024; }\n"
            "http {\n"
            "  access_log off;\n  keepalive_requests 100000000;\n"
            "  client_body_temp_path %s/nginx-body;\n  proxy_temp_path %s/nginx-proxy;\n"
            "  fastcgi_temp_path %s/nginx-fastcgi;\n  uwsgi_temp_path %s/nginx-uwsgi;\n"
            "  scgi_temp_path %s/nginx-scgi;\n"
            "  upstream cell {\n",
            dir, dir, dir, dir, dir, dir, dir);
    for (size_t i = 0; i < upstream_count; i++)
        fprintf(f, "    server 127.0.0.1:%d;\n", upstream[i]);
    fprintf(f,
            "    keepalive 64;\n    keepalive_requests 100000000;\n  }\n"
            "  server {\n    listen 127.0.0.1:%d;\n"
            "    location / {\n      proxy_pass http://cell;\n      proxy_http_version 1.1;\n"
            "      proxy_set_header Connection \"\";\n    }\n  }\n}\n",
            port);
    return fclose(f);
}

static int answers(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int status = fd < 0 ? -1 : connect(fd, (struct sockaddr *)&at, sizeof at);
    if (fd >= 0)
        close(fd);
    return status == 0;
}

/* The first child of a process; 0: none yet. */
static pid_t child_of(pid_t pid)
{
    char path[80];
    long child = 0;
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)pid, (long)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%ld", &child) != 1)
        child = 0;
    fclose(f);
    return (pid_t)child;
}

int nginx_start(struct nginx *n, const char *dir, const int *upstream, size_t upstream_count,
                struct error *err)
{
    char config[200];
    const char *program = nginx_program();
    *n = (struct nginx){.port = free_port()};
    snprintf(config, sizeof config, "%s/nginx.conf", dir);
    if (program == NULL || n->port == 0 ||
        write_config(config, dir, n->port, upstream, upstream_count) != 0)
        return error_set(err, ERR_SYSTEM, "nginx: cannot be set up in %s", dir);
    const char *const argv[] = {program, "-c", config, "-p", dir, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int status = posix_spawn(&n->pid[0], program, &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (status != 0) {
        n->pid[0] = 0;
        return error_set(err, ERR_SYSTEM, "nginx: %s", strerror(status));
    }
    for (int i = 0; i < TRIES; i++) {
        struct timespec rest = {.tv_nsec = TRY_MS * 1000000L};
        n->pid[1] = child_of(n->pid[0]);
        if (n->pid[1] > 0 && answers(n->port))
            return 0;
        if (waitpid(n->pid[0], &status, WNOHANG) == n->pid[0]) {
            n->pid[0] = 0;
            break;
        }
        nanosleep(&rest, NULL);
    }
    nginx_stop(n);
    return error_set(err, ERR_SYSTEM, "nginx: does not start in %s", dir);
}

void nginx_stop(struct nginx *n)
{
    if (n->pid[0] > 0) {
        kill(n->pid[0], SIGTERM);
        while (waitpid(n->pid[0], NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    *n = (struct nginx){.port = 0};
}
