#include "commands/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/problem.h"

enum { REPLY_BYTES_MAX = 1 << 20 };

/* A socket's path has room for 107 bytes: it is reached through its folder's descriptor. */
static int dial(int folder, const char *dir, const char *socket_name, int timeout_ms,
                struct error *err)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d/%s", folder, socket_name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, ERR_SYSTEM, "cannot make a socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    if (errno == ENOENT || errno == ECONNREFUSED)
        error_set(err, ERR_MISSING, "%s: control is not running (bulkhead up starts it)", dir);
    else
        error_set(err, ERR_SYSTEM, "%s/%s: cannot connect: %s", dir, socket_name, strerror(errno));
    close(fd);
    return -1;
}

static int send_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

/* All until the end of the stream, or -1 with errno set. */
static ssize_t receive(int fd, char *room, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = recv(fd, room + len, size - len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            return (ssize_t)len;
        len += (size_t)n;
    }
    errno = EMSGSIZE;
    return -1;
}

static int read_reply(struct ask_reply *reply, const char *text, struct error *err)
{
    const char *body = strstr(text, "\r\n\r\n");
    if (strncmp(text, "HTTP/1.1 ", 9) != 0 || body == NULL)
        return error_set(err, ERR_SYNTAX, "the answer is not HTTP");
    *reply = (struct ask_reply){.status = (int)strtol(text + 9, NULL, 10), .body = body + 4};
    reply->len = strlen(reply->body);
    return 0;
}

/* What the other side says is wrong. */
static int refuse(const struct ask_reply *reply, struct arena *a, struct error *err)
{
    const char *detail = problem_detail(reply->body, reply->len, a);
    if (detail != NULL)
        return error_set(err, ERR_CONFLICT, "%s", detail);
    return error_set(err, ERR_CONFLICT, "refused with status %d", reply->status);
}

static int talk(struct ask_reply *reply, int fd, const char *method, const char *target,
                const char *body, struct arena *a, struct error *err)
{
    size_t len = body == NULL ? 0 : strlen(body);
    const char *request =
        arena_format(a,
                     "%s %s HTTP/1.1\r\nHost: bulkhead\r\nConnection: close\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     method, target, len, body == NULL ? "" : body);
    char *room = arena_alloc(a, REPLY_BYTES_MAX + 1, 1);
    if (request == NULL || room == NULL)
        return error_memory(err);
    if (send_all(fd, request, strlen(request)) != 0 || receive(fd, room, REPLY_BYTES_MAX) < 0)
        return error_set(err, ERR_SYSTEM, "no answer: %s",
                         errno == EAGAIN ? "it takes too long" : strerror(errno));
    if (read_reply(reply, room, err) != 0)
        return -1;
    return reply->status < 400 ? 0 : refuse(reply, a, err);
}

int ask(struct ask_reply *reply, const char *dir, const char *socket_name, const char *method,
        const char *target, const char *body, int timeout_ms, struct arena *a, struct error *err)
{
    int folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return error_set(err, errno == ENOENT ? ERR_MISSING : ERR_SYSTEM, "%s: %s", dir,
                         errno == ENOENT ? "there is no such folder, nothing runs"
                                         : strerror(errno));
    int fd = dial(folder, dir, socket_name, timeout_ms, err);
    close(folder);
    if (fd < 0)
        return -1;
    int status = talk(reply, fd, method, target, body, a, err);
    close(fd);
    return status;
}
