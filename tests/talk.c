#include "tests/talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000, TRIES = 200, BYTES_MAX = 4 << 20 };

static struct sockaddr_in address(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int bound(int port)
{
    struct sockaddr_in at = address(port);
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    close(fd);
    return -1;
}

int talk_ports(int count)
{
    static unsigned turn;
    for (int try = 0; try < TRIES; try++) {
        int port = 10000 + (int)((unsigned)getpid() * 131u + 977u * turn++) % (20000 - count),
            n = 0;
        for (; n < count; n++) {
            int fd = bound(port + n);
            if (fd < 0)
                break;
            close(fd);
        }
        if (n == count)
            return port;
    }
    fail_msg("no %d free ports in a row", count);
    return 0;
}

void talk_open(struct talk *t, int port)
{
    struct sockaddr_in at = address(port);
    *t = (struct talk){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_true(t->fd >= 0);
    if (connect(t->fd, (struct sockaddr *)&at, sizeof at) == 0)
        return;
    assert_int_equal(errno, ECONNREFUSED);
    close(t->fd);
    t->fd = -1;
}

void talk_close(struct talk *t)
{
    if (t->fd >= 0)
        close(t->fd);
    free(t->head);
    *t = (struct talk){.fd = -1};
}

void talk_send(struct talk *t, const char *method, const char *target, const char *key,
               const char *more, const char *body)
{
    char *text = NULL, length[40] = "";
    if (body != NULL)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    bool typed = more != NULL && strcasestr(more, "content-type:") != NULL;
    int n = asprintf(&text, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%s%s%s%s\r\n%s", method,
                     target, key == NULL ? "" : "Idempotency-Key: ", key == NULL ? "" : key,
                     key == NULL ? "" : "\r\n", more == NULL ? "" : more,
                     body == NULL || typed ? "" : "Content-Type: application/json\r\n", length,
                     body == NULL ? "" : body);
    assert_true(n > 0);
    for (int sent = 0; sent < n;) {
        ssize_t k = send(t->fd, text + sent, (size_t)(n - sent), MSG_NOSIGNAL);
        if (k < 0) /* the other side is gone: talk_hear says so */
            break;
        sent += (int)k;
    }
    free(text);
}

static ssize_t receive(int fd, char *bytes, size_t size)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&p, 1, PATIENCE_MS);
    while (ready < 0 && errno == EINTR);
    assert_int_equal(ready, 1);
    return recv(fd, bytes, size, 0);
}

bool talk_hear(struct talk *t, bool is_head)
{
    size_t used = 0;
    char *end;
    free(t->head);
    t->head = malloc(BYTES_MAX);
    assert_non_null(t->head);
    do {
        assert_true(used + 1 < BYTES_MAX);
        ssize_t n = receive(t->fd, t->head + used, 1); /* not a byte of the next answer */
        if (n <= 0)
            return false;
        used += (size_t)n;
        t->head[used] = '\0';
    } while (used < 4 || memcmp(t->head + used - 4, "\r\n\r\n", 4) != 0);
    assert_int_equal(sscanf(t->head, "HTTP/1.1 %d ", &t->status), 1);
    end = t->head + used;
    const char *length = talk_header(t, "Content-Length");
    t->len = is_head || length == NULL || t->status == 304 ? 0 : strtoul(length, NULL, 10);
    assert_true(used + t->len + 2 < BYTES_MAX);
    t->body = end + 1;
    for (size_t got = 0; got < t->len;) {
        ssize_t n = receive(t->fd, t->body + got, t->len - got);
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    t->body[t->len] = '\0';
    return true;
}

int talk(struct talk *t, const char *method, const char *target, const char *key, const char *more,
         const char *body)
{
    talk_send(t, method, target, key, more, body);
    assert_true(talk_hear(t, strcmp(method, "HEAD") == 0));
    return t->status;
}

const char *talk_header(struct talk *t, const char *name)
{
    static char value[512];
    for (const char *at = strstr(t->head, "\r\n"); at != NULL; at = strstr(at + 2, "\r\n"))
        if (strncasecmp(at + 2, name, strlen(name)) == 0 && at[2 + strlen(name)] == ':') {
            at += 3 + strlen(name);
            at += strspn(at, " ");
            snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
            return value;
        }
    return NULL;
}

int talk_listen(int port)
{
    int fd = bound(port);
    assert_true(fd >= 0);
    assert_int_equal(listen(fd, 64), 0);
    return fd;
}

int talk_accept(int listener)
{
    struct pollfd p = {.fd = listener, .events = POLLIN};
    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    int fd = accept(listener, NULL, NULL);
    assert_true(fd >= 0);
    return fd;
}

const char *talk_take(int fd)
{
    static char head[8192];
    char body[8192];
    size_t used = 0;
    do {
        assert_true(used + 1 < sizeof head);
        assert_int_equal(receive(fd, head + used, 1), 1);
        head[++used] = '\0';
    } while (strstr(head, "\r\n\r\n") == NULL);
    const char *length = strcasestr(head, "\r\nContent-Length:");
    for (size_t left = length == NULL ? 0 : strtoul(length + 17, NULL, 10); left > 0;) {
        ssize_t n = receive(fd, body, left < sizeof body ? left : sizeof body);
        assert_true(n > 0);
        left -= (size_t)n;
    }
    return head;
}

void talk_give(int fd, const char *answer)
{
    ssize_t sent = send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    assert_int_equal(sent, (ssize_t)strlen(answer));
}
