#include "tests/bench/http_rate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hist.h"
#include "wire/clock.h"

enum { EVENTS = 64, PATIENCE_S = 5 };

static const char ok[] = "HTTP/1.1 200";

static int dial(int port, struct error *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        error_set(err, ERR_SYSTEM, "port %d: %s", port, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static size_t format_request(char *out, size_t size, int port, const char *target)
{
    int n = snprintf(out, size, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", target, port);
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

/* How long the answer that begins at `text` is, 0 when its head is not whole yet. */
static size_t answer_len(const char *text, size_t len)
{
    static const char key[] = "Content-Length:";
    const char *end = memmem(text, len, "\r\n\r\n", 4);
    for (const char *line = text; end != NULL && line < end;) {
        const char *next = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
        if (strncasecmp(line, key, sizeof key - 1) == 0)
            return (size_t)(end + 4 - text) + strtoul(line + sizeof key - 1, NULL, 10);
        line = next + 2;
    }
    return 0;
}

int http_rate_probe(char *answer, size_t *len, int port, const char *target, struct error *err)
{
    char request[512];
    size_t want = 0;
    int fd = dial(port, err);
    if (fd < 0)
        return -1;
    *len = 0;
    size_t bytes = format_request(request, sizeof request, port, target);
    ssize_t n = send(fd, request, bytes, MSG_NOSIGNAL);
    while (n > 0 && (want == 0 || *len < want) && *len < HTTP_RATE_ANSWER_MAX) {
        n = recv(fd, answer + *len, HTTP_RATE_ANSWER_MAX - *len, 0);
        *len += n > 0 ? (size_t)n : 0;
        want = answer_len(answer, *len);
    }
    close(fd);
    if (want == 0 || *len != want || *len < sizeof ok || memcmp(answer, ok, sizeof ok - 1) != 0)
        return error_set(err, ERR_SYSTEM, "port %d: %s is not answered with 200", port, target);
    return 0;
}

int64_t http_rate_cpu_us(pid_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return -1;
    size_t len = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[len] = '\0';
    long long used[4] = {0}; /* utime stime cutime cstime, fields 14 to 17 */
    const char *at = strrchr(text, ')');
    if (at == NULL ||
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld %lld %lld", &used[0],
               &used[1], &used[2], &used[3]) != 4)
        return -1;
    return (used[0] + used[1] + used[2] + used[3]) * (1000000 / sysconf(_SC_CLK_TCK));
}

static int64_t cpu_of(const pid_t *pids, size_t count)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t us = http_rate_cpu_us(pids[i]);
        sum += us > 0 ? us : 0;
    }
    return sum;
}

struct asker {
    char request[512];
    size_t request_len, want;
    int fd[HTTP_RATE_CONNECTIONS_MAX];
    size_t got[HTTP_RATE_CONNECTIONS_MAX];
    int64_t asked_us[HTTP_RATE_CONNECTIONS_MAX];
    struct hist latency;
    unsigned connections;
    uint64_t answers;
    int epoll;
};

static bool ask(struct asker *a, unsigned i)
{
    a->got[i] = 0;
    a->asked_us[i] = clock_us();
    return send(a->fd[i], a->request, a->request_len, MSG_NOSIGNAL) == (ssize_t)a->request_len;
}

/* Take what came. False when it is not what it should be. */
static bool take(struct asker *a, unsigned i)
{
    char text[HTTP_RATE_ANSWER_MAX];
    ssize_t n = recv(a->fd[i], text, sizeof text, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN;
    if (n == 0 || a->got[i] + (size_t)n > a->want)
        return false;
    if (a->got[i] == 0 && n >= (ssize_t)sizeof ok && memcmp(text, ok, sizeof ok - 1) != 0)
        return false;
    a->got[i] += (size_t)n;
    if (a->got[i] < a->want)
        return true;
    a->answers++;
    hist_add(&a->latency, clock_us() - a->asked_us[i]);
    return ask(a, i);
}

static int open_all(struct asker *a, int port, unsigned connections, struct error *err)
{
    a->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (a->epoll < 0)
        return error_set(err, ERR_SYSTEM, "%s", strerror(errno));
    for (; a->connections < connections; a->connections++) {
        unsigned i = a->connections;
        struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = i}};
        a->fd[i] = dial(port, err);
        if (a->fd[i] < 0)
            return -1;
        if (epoll_ctl(a->epoll, EPOLL_CTL_ADD, a->fd[i], &event) != 0 || !ask(a, i)) {
            close(a->fd[i]);
            return error_set(err, ERR_SYSTEM, "port %d: cannot be asked", port);
        }
    }
    return 0;
}

static int ask_for(struct asker *a, int64_t until_us, const volatile sig_atomic_t *stop,
                   struct error *err)
{
    struct epoll_event events[EVENTS];
    while (clock_us() < until_us) {
        if (stop != NULL && *stop)
            return error_set(err, ERR_SYSTEM, "stopped");
        int n = epoll_wait(a->epoll, events, EVENTS, PATIENCE_S * 1000);
        if (n == 0)
            return error_set(err, ERR_SYSTEM, "no answer for %d s", PATIENCE_S);
        for (int i = 0; i < n; i++)
            if (!take(a, events[i].data.u32))
                return error_set(err, ERR_SYSTEM, "an answer is not 200, or not as the first");
    }
    return 0;
}

int http_rate_measure(struct http_rate *out, int port, const char *target, unsigned connections,
                      int64_t for_us, const pid_t *pids, size_t pid_count,
                      const volatile sig_atomic_t *stop, struct error *err)
{
    static struct asker a; /* too large for a stack */
    char answer[HTTP_RATE_ANSWER_MAX];
    memset(&a, 0, sizeof a);
    a.epoll = -1;
    if (http_rate_probe(answer, &a.want, port, target, err) != 0)
        return -1;
    a.request_len = format_request(a.request, sizeof a.request, port, target);
    int status = open_all(&a, port, connections, err);
    int64_t began_us = clock_us(), cpu_us = cpu_of(pids, pid_count);
    if (status == 0)
        status = ask_for(&a, began_us + for_us, stop, err);
    int64_t wall_us = clock_us() - began_us;
    cpu_us = cpu_of(pids, pid_count) - cpu_us;
    for (unsigned i = 0; i < a.connections; i++)
        close(a.fd[i]);
    if (a.epoll >= 0)
        close(a.epoll);
    out->per_s = (double)a.answers * 1e6 / (double)wall_us;
    out->p99_us = hist_quantile_us(&a.latency, 0.99);
    out->per_cpu_s = cpu_us > 0 ? (double)a.answers * 1e6 / (double)cpu_us : (double)NAN;
    return status;
}
