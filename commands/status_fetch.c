#include "commands/status_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "control/status.h"

enum { READ_BYTES_MIN = 65536 };

static const char request[] = "GET /status HTTP/1.1\r\nHost: bulkhead\r\nConnection: close\r\n\r\n";
static const char socket_name[] = "control.sock";

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void status_fetcher_init(struct status_fetcher *f, const char *dir)
{
    *f = (struct status_fetcher){.dir = dir, .fd = -1};
}

static void hang_up(struct status_fetcher *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    f->used = 0;
}

void status_fetcher_release(struct status_fetcher *f)
{
    hang_up(f);
    free(f->bytes);
    *f = (struct status_fetcher){.fd = -1};
}

static int fail_system(struct status_fetcher *f, const char *what, struct error *err)
{
    return error_set(err, ERR_SYSTEM, "%s/%s: %s: %s", f->dir, socket_name, what, strerror(errno));
}

/* ---- asking ---- */

/* 0 connected, 1 its queue is full and it may be tried again, -1 with `err` set. */
static int dial(struct status_fetcher *f, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", f->dir, socket_name);
    if (n < 0 || (size_t)n >= sizeof address.sun_path)
        return error_set(err, ERR_LIMIT,
                         "%s/%s: the path is too long for a socket: %zu bytes at most", f->dir,
                         socket_name, sizeof address.sun_path - 1);
    f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (f->fd < 0)
        return fail_system(f, "cannot make a socket", err);
    if (connect(f->fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return 0;
    if (errno == EAGAIN || errno == EINTR) {
        close(f->fd);
        f->fd = -1;
        return 1;
    }
    if (errno == ENOENT || errno == ENOTDIR)
        return error_set(err, ERR_MISSING, "nothing is running in %s: there is no %s", f->dir,
                         socket_name);
    if (errno == ECONNREFUSED)
        return error_set(err, ERR_MISSING, "control is not running in %s: nobody listens on its %s",
                         f->dir, socket_name);
    return fail_system(f, "cannot connect", err);
}

/* The request is far shorter than a socket's buffer, so it goes at once or not at all. */
static int ask(struct status_fetcher *f, struct error *err)
{
    ssize_t n = send(f->fd, request, sizeof request - 1, MSG_NOSIGNAL);
    if (n != (ssize_t)sizeof request - 1)
        return fail_system(f, "cannot send", err);
    return 0;
}

/* ---- the answer ---- */

struct answer {
    int status;
    size_t body; /* where it begins */
    size_t len;
    bool has_len;
};

static const char *end_of_head(const struct status_fetcher *f)
{
    return f->used == 0 ? NULL : memmem(f->bytes, f->used, "\r\n\r\n", 4);
}

/* A whole number of at most 15 digits and nothing else up to `end`. */
static bool read_length(const char *text, const char *end, size_t *out)
{
    size_t value = 0;
    int digits = 0;
    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    for (; text < end && *text >= '0' && *text <= '9' && digits < 15; text++, digits++)
        value = value * 10 + (size_t)(*text - '0');
    while (text < end && (*text == ' ' || *text == '\t'))
        text++;
    *out = value;
    return digits > 0 && text == end;
}

static int read_head(const struct status_fetcher *f, const char *head_end, struct answer *answer,
                     struct error *err)
{
    static const char key[] = "content-length:";
    const char *line = f->bytes;
    *answer = (struct answer){.body = (size_t)(head_end + 4 - f->bytes)};
    if (head_end - line < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ')
        return error_set(err, ERR_SYNTAX, "%s/%s: the answer is not HTTP", f->dir, socket_name);
    for (int i = 9; i < 12; i++) {
        if (line[i] < '0' || line[i] > '9')
            return error_set(err, ERR_SYNTAX, "%s/%s: the answer is not HTTP", f->dir, socket_name);
        answer->status = answer->status * 10 + (line[i] - '0');
    }
    while (line < head_end) {
        const char *end = memmem(line, (size_t)(head_end + 2 - line), "\r\n", 2);
        bool is_length =
            (size_t)(end - line) >= sizeof key - 1 && strncasecmp(line, key, sizeof key - 1) == 0;
        if (is_length && !(answer->has_len = read_length(line + sizeof key - 1, end, &answer->len)))
            return error_set(err, ERR_SYNTAX, "%s/%s: the answer's length is not a number", f->dir,
                             socket_name);
        line = end + 2;
    }
    if (!answer->has_len)
        return error_set(err, ERR_SYNTAX, "%s/%s: the answer does not say its length", f->dir,
                         socket_name);
    if (answer->len > JSON_BYTES_MAX)
        return error_set(err, ERR_LIMIT, "%s/%s: the answer has more than %d MiB", f->dir,
                         socket_name, JSON_BYTES_MAX >> 20);
    return 0;
}

/* 0 with the answer whole, 1 when more has to come, -1. */
static int is_whole(const struct status_fetcher *f, struct answer *answer, struct error *err)
{
    const char *head_end = end_of_head(f);
    if (head_end == NULL && f->used > STATUS_FETCH_HEAD_MAX)
        return error_set(err, ERR_LIMIT, "%s/%s: the answer's head has more than %d bytes", f->dir,
                         socket_name, STATUS_FETCH_HEAD_MAX);
    if (head_end == NULL)
        return 1;
    if (read_head(f, head_end, answer, err) != 0)
        return -1;
    return f->used - answer->body >= answer->len ? 0 : 1;
}

/* 1 when something came, 0 at the end of the stream, 2 when nothing is there yet, -1. */
static int take_bytes(struct status_fetcher *f, struct error *err)
{
    if (f->size - f->used < READ_BYTES_MIN) {
        size_t size = f->size * 2 + READ_BYTES_MIN;
        char *bytes = realloc(f->bytes, size);
        if (bytes == NULL)
            return error_memory(err);
        f->bytes = bytes;
        f->size = size;
    }
    ssize_t n = recv(f->fd, f->bytes + f->used, f->size - f->used, 0);
    if (n > 0)
        f->used += (size_t)n;
    if (n >= 0)
        return n > 0;
    if (errno == EAGAIN || errno == EINTR)
        return 2;
    return fail_system(f, "cannot read", err);
}

static int decode(const struct status_fetcher *f, const struct answer *answer, struct status *out,
                  struct arena *a, struct error *err)
{
    const char *body = f->bytes + answer->body;
    if (answer->status != 200) {
        int len = answer->len < 200 ? (int)answer->len : 200;
        return error_set(err, ERR_SYSTEM, "%s/%s: status %d: %.*s", f->dir, socket_name,
                         answer->status, len, body);
    }
    if (json_decode(out, sizeof *out, status_fields, body, answer->len, NULL, 0, a, err) != 0)
        return error_prefix(err, "%s/%s", f->dir, socket_name);
    return 0;
}

/* ---- steps ---- */

/* Read what is there. 0, 1 or -1 as status_fetch_step. */
static int take_answer(struct status_fetcher *f, struct status *out, struct arena *a,
                       struct error *err)
{
    struct answer answer = {0};
    for (;;) {
        int taken = take_bytes(f, err);
        if (taken == 2)
            return 1;
        if (taken == 0)
            return error_set(err, ERR_SYSTEM, "%s/%s: closed before the answer was whole", f->dir,
                             socket_name);
        int whole = taken < 0 ? -1 : is_whole(f, &answer, err);
        if (whole == 0)
            return decode(f, &answer, out, a, err);
        if (whole < 0)
            return -1;
    }
}

static int step(struct status_fetcher *f, int wait_ms, struct status *out, struct arena *a,
                struct error *err)
{
    if (f->deadline_ms == 0)
        f->deadline_ms = now_ms() + STATUS_FETCH_MS_MAX;
    if (f->fd < 0) {
        int dialled = dial(f, err);
        if (dialled < 0 || (dialled == 0 && ask(f, err) != 0))
            return -1;
    }
    struct pollfd waiting = {.fd = f->fd, .events = POLLIN}; /* a fd of -1 is waited for in vain */
    int64_t left_ms = f->deadline_ms - now_ms();
    if (left_ms < wait_ms)
        wait_ms = left_ms < 0 ? 0 : (int)left_ms;
    int ready = poll(&waiting, 1, wait_ms);
    int got = ready > 0 ? take_answer(f, out, a, err) : 1;
    if (got == 1 && now_ms() >= f->deadline_ms)
        return error_set(err, ERR_SYSTEM, "%s/%s: no whole answer within %d s", f->dir, socket_name,
                         STATUS_FETCH_MS_MAX / 1000);
    return got;
}

int status_fetch_step(struct status_fetcher *f, int wait_ms, struct status *out, struct arena *a,
                      struct error *err)
{
    int got = step(f, wait_ms, out, a, err);
    if (got != 1) {
        hang_up(f);
        f->deadline_ms = 0;
    }
    return got;
}

int status_fetch(const char *dir, struct status *out, struct arena *a, struct error *err)
{
    struct status_fetcher f;
    int got;
    status_fetcher_init(&f, dir);
    do
        got = status_fetch_step(&f, f.fd < 0 ? 20 : STATUS_FETCH_MS_MAX, out, a, err);
    while (got == 1);
    status_fetcher_release(&f);
    return got;
}
