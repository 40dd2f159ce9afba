#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "wire/clock.h"
#include "wire/http_conn.h"
#include "wire/log.h"

enum {
    BACKLOG = 511,
    ACCEPTS_PER_TURN = 64,
    FILES_KEPT = 1024,   /* half of them where there are fewer than twice as many */
    NEEDY_US = 60000000, /* without need before that is told again */
};

/* ---- deadlines ---- */

static void unlink_deadline(struct http_deadline *d)
{
    d->prev->next = d->next;
    d->next->prev = d->prev;
    d->wait = HTTP_WAIT_NONE;
}

static void on_timer(uv_timer_t *timer);
static void on_connection(uv_poll_t *poll, int status, int events);

/* Wait for `wait` from now on, or for nothing. */
void http_server_wait(struct http_server *s, struct http_deadline *d, enum http_wait wait)
{
    if (d->wait != HTTP_WAIT_NONE)
        unlink_deadline(d);
    if (wait == HTTP_WAIT_NONE)
        return;
    struct http_deadline *head = &s->waits[wait];
    d->wait = wait;
    d->at_ms = uv_now(s->loop) + s->wait_ms[wait];
    d->prev = head->prev;
    d->next = head;
    head->prev->next = d;
    head->prev = d;
    if (s->timer_ms == 0 || d->at_ms < s->timer_ms) {
        s->timer_ms = d->at_ms;
        uv_timer_start(&s->timer, on_timer, s->wait_ms[wait], 0);
    }
}

static void expire(struct http_server *s, struct http_deadline *d)
{
    enum http_wait wait = d->wait;
    unlink_deadline(d);
    if (d->conn != NULL)
        http_conn_expired(d->conn, wait);
    else if (!s->closing)
        uv_poll_start(&s->listener, UV_READABLE, on_connection);
}

static void on_timer(uv_timer_t *timer)
{
    struct http_server *s = timer->data;
    uint64_t now = uv_now(s->loop);
    uint64_t next = 0;
    s->timer_ms = 0;
    for (int i = 0; i < HTTP_WAITS; i++) {
        struct http_deadline *head = &s->waits[i];
        /* What expires may begin to wait anew, but not before now. */
        for (size_t turns = s->counts.connections + 1;
             turns > 0 && head->next != head && head->next->at_ms <= now; turns--)
            expire(s, head->next);
    }
    for (int i = 0; i < HTTP_WAITS; i++) {
        const struct http_deadline *head = &s->waits[i];
        if (head->next != head && (next == 0 || head->next->at_ms < next))
            next = head->next->at_ms;
    }
    s->timer_ms = next;
    if (next != 0 && !uv_is_closing((uv_handle_t *)timer))
        uv_timer_start(timer, on_timer, next > now ? next - now : 0, 0);
}

/* ---- storage that goes round ---- */

struct http_exchange *http_server_exchange(struct http_server *s)
{
    struct http_exchange *x = s->spare;
    if (x != NULL) {
        s->spare = x->next;
        s->spare_count--;
    } else {
        x = calloc(1, sizeof *x);
    }
    if (x != NULL) {
        x->server = s;
        x->next = NULL;
        x->answered = x->bodiless = false;
    }
    return x;
}

bool http_server_hold(struct http_server *s, size_t *held, size_t now)
{
    s->counts.held_bytes = s->counts.held_bytes - *held + now;
    *held = now;
    return s->counts.held_bytes > s->limits.memory_max;
}

void http_server_exchange_free(struct http_server *s, struct http_exchange *x)
{
    http_server_hold(s, &x->held, 0);
    http_message_clear(&x->message);
    http_server_bytes_return(s, &x->answer);
    x->conn = NULL;
    if (s->spare_count < HTTP_SPARE_MAX) {
        x->next = s->spare;
        s->spare = x;
        s->spare_count++;
        return;
    }
    http_message_release(&x->message);
    free(x);
}

void http_server_bytes_lend(struct http_server *s, struct bytes *b)
{
    if (b->data == NULL && s->spare_bytes_count > 0)
        *b = s->spare_bytes[--s->spare_bytes_count];
}

void http_server_bytes_return(struct http_server *s, struct bytes *b)
{
    bytes_clear(b);
    if (b->data != NULL && s->spare_bytes_count < HTTP_SPARE_MAX)
        s->spare_bytes[s->spare_bytes_count++] = *b;
    else
        bytes_release(b);
    *b = (struct bytes){0};
}

/* ---- accepting ---- */

/* The system gives the smallest number that is free, so a connection's number says how many are in
 * use. Those from here on are kept for what serving takes: connections to others, the store's
 * files, and the unix socket by which our owner asks how we are. The limit may be changed from
 * outside at any time. */
static int first_kept(const struct http_server *s)
{
    struct rlimit files;
    if (s->path != NULL || getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > INT_MAX)
        return INT_MAX;
    int limit = (int)files.rlim_cur;
    return limit - (limit / 2 < FILES_KEPT ? limit / 2 : FILES_KEPT);
}

/* Once for each time of need of the process, however many servers it has. */
static void complain(const char *what)
{
    static atomic_int_fast64_t needy_us; /* descriptors were used up last then; 0: never */
    int64_t now_us = clock_us(), last_us = atomic_exchange(&needy_us, now_us);
    if (last_us == 0 || now_us - last_us > NEEDY_US)
        log_line("descriptors are used up: %s", what);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct http_server *s = poll->data;
    int kept = first_kept(s);
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && !s->closing; i++) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            s->counts.accepted++;
            if (fd >= kept)
                complain("new connections are refused");
            if (fd < kept && s->counts.connections < s->limits.connections_max)
                http_conn_new(s, fd);
            else
                http_conn_over(s, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* The socket stays readable: look away for a while instead of turning in circles. */
            complain("new connections wait");
            uv_poll_stop(&s->listener);
            http_server_wait(s, &s->accept_wait, HTTP_WAIT_ACCEPT);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

/* ---- beginning ---- */

static int system_error(struct error *err, const char *what)
{
    const char *why = uv_strerror(uv_translate_sys_error(errno));
    return error_set(err, ERR_SYSTEM, "%s: %s", what, why);
}

static int listen_tcp(struct http_server *s, int port, struct error *err)
{
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    int on = 1;
    char what[64];
    snprintf(what, sizeof what, "port %d on 127.0.0.1", port);
    if (port < 0 || port > 65535)
        return error_set(err, ERR_RANGE, "%s: expected 0..65535", what);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return system_error(err, what);
    uv_ip4_addr("127.0.0.1", port, &at);
    /* What is accepted inherits TCP_NODELAY. */
    if (setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        bind(s->fd, (const struct sockaddr *)&at, sizeof at) != 0 || listen(s->fd, BACKLOG) != 0 ||
        getsockname(s->fd, (struct sockaddr *)&at, &size) != 0)
        return system_error(err, what);
    s->port = ntohs(at.sin_port);
    return 0;
}

/* True when the path is a socket that nobody listens on. */
static bool is_left_behind(const struct sockaddr_un *at)
{
    struct stat info;
    if (lstat(at->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool left = connect(fd, (const struct sockaddr *)at, sizeof *at) != 0 && errno == ECONNREFUSED;
    close(fd);
    return left;
}

static int listen_unix(struct http_server *s, const char *path, struct error *err)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path || path[0] == '\0')
        return error_set(err, ERR_RANGE, "%s: a socket's path has 1 to %zu bytes", path,
                         sizeof at.sun_path - 1);
    memcpy(at.sun_path, path, strlen(path));
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return system_error(err, path);
    if (is_left_behind(&at))
        unlink(path);
    /* Before bind: the file never has another mode. */
    if (fchmod(s->fd, 0600) != 0 || bind(s->fd, (const struct sockaddr *)&at, sizeof at) != 0)
        return system_error(err, path);
    s->path = strdup(path);
    if (s->path == NULL)
        unlink(path);
    if (s->path == NULL)
        return error_memory(err);
    return listen(s->fd, BACKLOG) == 0 ? 0 : system_error(err, path);
}

static uint64_t ms_or(int64_t us, uint64_t preset_ms)
{
    return us <= 0 ? preset_ms : ((uint64_t)us + 999) / 1000;
}

static void set_limits(struct http_server *s, const struct http_limits *given)
{
    struct http_limits l = given != NULL ? *given : (struct http_limits){0};
    l.head_bytes_max = l.head_bytes_max != 0 ? l.head_bytes_max : 16 << 10;
    l.body_bytes_max = l.body_bytes_max != 0 ? l.body_bytes_max : 1 << 20;
    l.connections_max = l.connections_max != 0 ? l.connections_max : 1024;
    l.memory_max = l.memory_max != 0 ? l.memory_max : 256 << 20;
    s->limits = l;
    s->wait_ms[HTTP_WAIT_HEAD] = ms_or(l.head_us, 5000);
    s->wait_ms[HTTP_WAIT_BODY] = ms_or(l.body_us, 10000);
    s->wait_ms[HTTP_WAIT_IDLE] = ms_or(l.idle_us, 60000);
    s->wait_ms[HTTP_WAIT_WRITE] = ms_or(l.write_us, 10000);
    s->wait_ms[HTTP_WAIT_LINGER] = HTTP_LINGER_MS;
    s->wait_ms[HTTP_WAIT_RESUME] = 0;
    s->wait_ms[HTTP_WAIT_ACCEPT] = HTTP_ACCEPT_PAUSE_MS;
    for (int i = 0; i < HTTP_WAITS; i++)
        s->waits[i].prev = s->waits[i].next = &s->waits[i];
}

static void server_free(struct http_server *s)
{
    while (s->spare != NULL) {
        struct http_exchange *x = s->spare;
        s->spare = x->next;
        http_message_release(&x->message);
        free(x);
    }
    while (s->spare_bytes_count > 0)
        bytes_release(&s->spare_bytes[--s->spare_bytes_count]);
    bytes_release(&s->problem);
    free(s->path);
    free(s);
}

static int start(struct http_server **out, uv_loop_t *loop, int port, const char *path,
                 const struct http_limits *limits, http_handler *handler, void *context,
                 struct error *err)
{
    struct http_server *s = malloc(sizeof *s);
    if (s == NULL)
        return error_memory(err);
    memset(s, 0, offsetof(struct http_server, read));
    s->fd = -1;
    s->loop = loop;
    s->handler = handler;
    s->context = context;
    set_limits(s, limits);
    signal(SIGPIPE, SIG_IGN);
    if ((path != NULL ? listen_unix(s, path, err) : listen_tcp(s, port, err)) != 0)
        goto fail;
    int status = uv_poll_init(loop, &s->listener, s->fd);
    if (status != 0) {
        error_set(err, ERR_SYSTEM, "cannot listen: %s", uv_strerror(status));
        goto fail;
    }
    uv_timer_init(loop, &s->timer);
    s->handles = 2;
    s->listener.data = s->timer.data = s;
    uv_poll_start(&s->listener, UV_READABLE, on_connection);
    *out = s;
    return 0;
fail:
    if (s->path != NULL)
        unlink(s->path);
    if (s->fd >= 0)
        close(s->fd);
    server_free(s);
    return -1;
}

int http_server_tcp(struct http_server **out, uv_loop_t *loop, int port,
                    const struct http_limits *limits, http_handler *handler, void *context,
                    struct error *err)
{
    return start(out, loop, port, NULL, limits, handler, context, err);
}

int http_server_unix(struct http_server **out, uv_loop_t *loop, const char *path,
                     const struct http_limits *limits, http_handler *handler, void *context,
                     struct error *err)
{
    return start(out, loop, 0, path, limits, handler, context, err);
}

int http_server_port(const struct http_server *s)
{
    return s->port;
}

const struct http_counts *http_server_counts(const struct http_server *s)
{
    return &s->counts;
}

/* ---- ending ---- */

static void on_closed(uv_handle_t *handle)
{
    struct http_server *s = handle->data;
    s->handles--;
    http_server_settle(s);
}

/* The timer goes last: connections that still write have deadlines. */
void http_server_settle(struct http_server *s)
{
    if (!s->closing || s->counts.connections > 0 || s->counts.running > 0)
        return;
    if (!uv_is_closing((uv_handle_t *)&s->timer))
        uv_close((uv_handle_t *)&s->timer, on_closed);
    if (s->handles > 0)
        return;
    void (*closed)(void *context) = s->closed;
    void *context = s->closed_context;
    server_free(s);
    if (closed != NULL)
        closed(context);
}

void http_server_close_then(struct http_server *s, void (*closed)(void *context), void *context)
{
    if (s == NULL)
        return;
    assert(!s->closing);
    s->closing = true;
    s->closed = closed;
    s->closed_context = context;
    if (s->path != NULL)
        unlink(s->path);
    http_server_wait(s, &s->accept_wait, HTTP_WAIT_NONE);
    uv_close((uv_handle_t *)&s->listener, on_closed);
    close(s->fd); /* a poll handle does not own it */
    for (struct http_conn *c = s->conns, *next; c != NULL; c = next) {
        next = c->next;
        http_conn_end(c);
    }
    http_server_settle(s);
}

void http_server_close(struct http_server *s)
{
    http_server_close_then(s, NULL, NULL);
}
