#include "tests/bench/floor_http.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <uv.h>

/* No parser, no router, no headers: what ends with an empty line is a request, and gets the answer
 * that was made beforehand. */

enum { READ_BYTES = 64 << 10 };

static const char *reply;
static size_t reply_len;
static char room[READ_BYTES];

struct client {
    uv_tcp_t tcp;
    unsigned matched; /* of the empty line */
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    free(write);
}

static void answer(struct client *c)
{
    uv_buf_t buf = uv_buf_init((char *)(size_t)reply, (unsigned)reply_len);
    int n = uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
    if (n == (int)reply_len)
        return;
    size_t done = n < 0 ? 0 : (size_t)n;
    uv_write_t *write = malloc(sizeof *write);
    if (write == NULL)
        return;
    buf = uv_buf_init((char *)(size_t)reply + done, (unsigned)(reply_len - done));
    if (uv_write(write, (uv_stream_t *)&c->tcp, &buf, 1, on_written) != 0)
        free(write);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    static const char end[] = "\r\n\r\n";
    struct client *c = stream->data;
    if (len < 0) {
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    for (ssize_t i = 0; i < len; i++) {
        c->matched = buf->base[i] == end[c->matched] ? c->matched + 1 : buf->base[i] == '\r';
        if (c->matched == sizeof end - 1) {
            c->matched = 0;
            answer(c);
        }
    }
}

static void on_connection(uv_stream_t *server, int status)
{
    struct client *c = status == 0 ? calloc(1, sizeof *c) : NULL;
    if (c == NULL)
        return;
    uv_tcp_init(server->loop, &c->tcp);
    c->tcp.data = c;
    if (uv_accept(server, (uv_stream_t *)&c->tcp) != 0) {
        uv_close((uv_handle_t *)&c->tcp, on_closed);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

static void serve(int tell)
{
    static uv_loop_t loop;
    static uv_tcp_t server;
    struct sockaddr_in at;
    int size = sizeof at, port = 0;
    uv_loop_init(&loop);
    uv_tcp_init(&loop, &server);
    uv_ip4_addr("127.0.0.1", 0, &at);
    if (uv_tcp_bind(&server, (struct sockaddr *)&at, 0) == 0 &&
        uv_listen((uv_stream_t *)&server, 512, on_connection) == 0 &&
        uv_tcp_getsockname(&server, (struct sockaddr *)&at, &size) == 0)
        port = ntohs(at.sin_port);
    if (write(tell, &port, sizeof port) == sizeof port && port > 0)
        uv_run(&loop, UV_RUN_DEFAULT);
    _exit(1);
}

int floor_http_start(pid_t *pid, int *port, const char *answer_text, size_t len)
{
    int ends[2];
    reply = answer_text;
    reply_len = len;
    if (pipe(ends) != 0)
        return -1;
    pid_t parent = getpid();
    *pid = fork();
    if (*pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGINT, SIG_IGN); /* Ctrl-C is for the bench, which ends us */
        signal(SIGPIPE, SIG_IGN);
        if (getppid() != parent)
            _exit(1);
        serve(ends[1]);
    }
    close(ends[1]);
    *port = 0;
    ssize_t n = *pid < 0 ? -1 : read(ends[0], port, sizeof *port);
    close(ends[0]);
    return n == sizeof *port && *port > 0 ? 0 : -1;
}
