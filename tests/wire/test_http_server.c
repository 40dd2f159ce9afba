#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/wire/http_world.h"

static void test_http_server_refuses_connections_over_its_limit(void **state)
{
    (void)state;
    struct http_limits limits = {.connections_max = 2};
    struct world w;
    struct peer p[3] = {0};
    world_open(&w, &limits);
    for (int i = 0; i < 3; i++)
        peer_connect(&p[i], &w.loop, w.port);
    RUN_UNTIL(&w.loop, p[2].ended);
    assert_int_equal(peer_count(&p[2], "HTTP/1.1 503 Service Unavailable\r\n"), 1);
    assert_int_equal(peer_count(&p[2], "too many connections"), 1);
    assert_int_equal(http_server_counts(w.server)->over_limit, 1);
    peer_close(&p[0], &w.loop);
    peer_close(&p[2], &w.loop);
    RUN_UNTIL(&w.loop, http_server_counts(w.server)->connections == 1);
    peer_connect(&p[0], &w.loop, w.port);
    peer_send(&p[0], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    RUN_UNTIL(&w.loop, peer_count(&p[0], "HTTP/1.1 200 OK\r\n") == 1);
    peer_close(&p[0], &w.loop);
    peer_close(&p[1], &w.loop);
    world_close(&w);
}

static void test_http_server_says_which_port_is_in_use(void **state)
{
    (void)state;
    struct world w;
    struct error err = {0};
    struct http_server *other = NULL;
    char expected[80];
    world_open(&w, NULL);
    snprintf(expected, sizeof expected, "port %d on 127.0.0.1: address already in use", w.port);
    assert_int_equal(http_server_tcp(&other, &w.loop, w.port, NULL, on_request, &w, &err), -1);
    assert_string_equal(err.text, expected);
    assert_null(other);
    assert_int_equal(http_server_tcp(&other, &w.loop, 65536, NULL, on_request, &w, &err), -1);
    assert_int_equal(err.code, ERR_RANGE);
    world_close(&w);
}

static void test_http_server_listens_on_unix_sockets(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_http_XXXXXX";
    char path[64];
    struct world w;
    struct error err = {0};
    struct stat info;
    struct http_server *other = NULL;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    memset(&w, 0, sizeof w);
    assert_int_equal(uv_loop_init(&w.loop), 0);
    assert_int_equal(http_server_unix(&w.server, &w.loop, path, NULL, on_request, &w, &err), 0);
    assert_int_equal(lstat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(http_server_unix(&other, &w.loop, path, NULL, on_request, &w, &err), -1);
    assert_non_null(strstr(err.text, ": address already in use"));

    struct http_client *c = http_client_new_unix(&w.loop, path, 2);
    struct outcome o = {0};
    ask(c, "POST", "/", "over a unix socket", &o);
    RUN_UNTIL(&w.loop, o.count > 0);
    assert_string_equal(o.body, "over a unix socket");
    free(o.body);
    http_client_free(c);
    world_close(&w);
    assert_int_equal(lstat(path, &info), -1);

    /* What a dead process leaves behind is in nobody's way; other files are. */
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    close(fd);
    memset(&w, 0, sizeof w);
    assert_int_equal(uv_loop_init(&w.loop), 0);
    assert_int_equal(http_server_unix(&w.server, &w.loop, path, NULL, on_request, &w, &err), 0);
    world_close(&w);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    memset(&w, 0, sizeof w);
    assert_int_equal(uv_loop_init(&w.loop), 0);
    assert_int_equal(http_server_unix(&w.server, &w.loop, path, NULL, on_request, &w, &err), -1);
    assert_int_equal(lstat(path, &info), 0);
    assert_int_equal(uv_loop_close(&w.loop), 0);
    unlink(path);
    rmdir(folder);
}

static void test_http_server_closes_when_what_runs_is_answered(void **state)
{
    (void)state;
    struct world w;
    struct peer busy = {0};
    struct peer idle = {0};
    struct peer halfway = {0};
    struct peer late = {0};
    world_open(&w, NULL);
    w.hold = true;
    peer_connect(&busy, &w.loop, w.port);
    peer_connect(&idle, &w.loop, w.port);
    peer_connect(&halfway, &w.loop, w.port);
    peer_send(&busy, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3");
    peer_send(&halfway, "GET / HTTP/1.1\r\nHo");
    RUN_UNTIL(&w.loop, w.held_count == 2 && http_server_counts(w.server)->connections == 3);
    http_server_close_then(w.server, on_closed, &w);
    RUN_UNTIL(&w.loop, idle.ended && halfway.ended);
    peer_connect(&late, &w.loop, w.port);
    assert_false(late.connected);
    assert_false(w.closed);
    answer_held(&w, 1, "second");
    answer_held(&w, 0, "first");
    RUN_UNTIL(&w.loop, busy.ended);
    assert_int_equal(peer_count(&busy, "HTTP/1.1 200 OK\r\n"), 2);
    assert_int_equal(peer_count(&busy, "Connection: close\r\n"), 1);
    assert_true(strstr(busy.in, "first") < strstr(busy.in, "second"));
    peer_close(&busy, &w.loop);
    peer_close(&idle, &w.loop);
    peer_close(&halfway, &w.loop);
    peer_close(&late, &w.loop);
    RUN_UNTIL(&w.loop, w.closed);
    w.server = NULL;
    world_close(&w);
}

static void close_and_answer(void *context, struct http_exchange *x)
{
    struct world *w = context;
    http_server_close_then(w->server, on_closed, w);
    http_problem(x, 503, "that was the last one");
}

static void test_http_server_may_be_closed_by_its_handler(void **state)
{
    (void)state;
    struct world w;
    struct error err = {0};
    struct outcome o = {0};
    memset(&w, 0, sizeof w);
    assert_int_equal(uv_loop_init(&w.loop), 0);
    assert_int_equal(http_server_tcp(&w.server, &w.loop, 0, NULL, close_and_answer, &w, &err), 0);
    struct http_client *c = http_client_new(&w.loop, http_server_port(w.server), 1);
    ask(c, "GET", "/", "", &o);
    RUN_UNTIL(&w.loop, o.count > 0 && w.closed);
    assert_int_equal(o.status, 503);
    assert_non_null(strstr(o.body, "\"detail\":\"that was the last one\""));
    free(o.body);
    http_client_free(c);
    w.server = NULL;
    world_close(&w);
}

static void test_http_server_answers_may_come_after_the_client_has_gone(void **state)
{
    (void)state;
    struct world w;
    struct peer p = {0};
    world_open(&w, NULL);
    w.hold = true;
    peer_connect(&p, &w.loop, w.port);
    peer_send(&p, "POST /kept HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
                  "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    RUN_UNTIL(&w.loop, w.held_count == 2);
    uv_tcp_close_reset(&p.tcp, peer_on_closed);
    RUN_UNTIL(&w.loop, http_server_counts(w.server)->connections == 0);
    free(p.in);
    size_t len;
    assert_true(http_gone(w.held[0]));
    assert_string_equal(http_target(w.held[0]), "/kept");
    assert_string_equal(http_body(w.held[0], &len), "body");
    answer_held(&w, 0, "nobody listens");
    answer_held(&w, 1, "nobody listens");
    assert_int_equal(http_server_counts(w.server)->running, 0);
    world_close(&w);
}

static void on_turn(uv_prepare_t *prepare)
{
    ++*(int *)prepare->data;
}

static void on_time(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* The listener stays readable while descriptors are used up; the loop must not turn for it. */
static void test_http_server_does_not_spin_without_descriptors(void **state)
{
    (void)state;
    enum { PROBES = 64 };
    struct world w;
    struct rlimit before;
    struct peer p = {0};
    uv_prepare_t prepare;
    uv_timer_t timer;
    int turns = 0;
    bool over = false;
    int probes[PROBES];
    int probe_count = 0;
    world_open(&w, NULL);
    uv_prepare_init(&w.loop, &prepare);
    uv_timer_init(&w.loop, &timer);
    prepare.data = &turns;
    timer.data = &over;
    /* libuv keeps a descriptor in reserve from the first stream on. */
    peer_connect(&p, &w.loop, w.port);
    peer_close(&p, &w.loop);
    RUN_UNTIL(&w.loop, http_server_counts(w.server)->accepted == 1 &&
                           http_server_counts(w.server)->connections == 0);
    getrlimit(RLIMIT_NOFILE, &before);
    while (probe_count < 2)
        probes[probe_count++] = dup(0);
    /* One more for the peer's end, and none for the server's. */
    struct rlimit low = {.rlim_cur = (rlim_t)probes[probe_count - 1] + 1,
                         .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    close(probes[--probe_count]);
    peer_connect(&p, &w.loop, w.port);
    assert_true(p.connected);
    peer_send(&p, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    uv_prepare_start(&prepare, on_turn);
    uv_timer_start(&timer, on_time, 250, 0);
    RUN_UNTIL(&w.loop, over);
    assert_true(turns < 250);
    assert_int_equal(p.len, 0);
    setrlimit(RLIMIT_NOFILE, &before);
    RUN_UNTIL(&w.loop, peer_count(&p, "HTTP/1.1 200 OK\r\n") == 1);
    while (probe_count > 0)
        close(probes[--probe_count]);
    uv_close((uv_handle_t *)&prepare, NULL);
    uv_close((uv_handle_t *)&timer, NULL);
    peer_close(&p, &w.loop);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_server_refuses_connections_over_its_limit),
        cmocka_unit_test(test_http_server_says_which_port_is_in_use),
        cmocka_unit_test(test_http_server_listens_on_unix_sockets),
        cmocka_unit_test(test_http_server_closes_when_what_runs_is_answered),
        cmocka_unit_test(test_http_server_may_be_closed_by_its_handler),
        cmocka_unit_test(test_http_server_answers_may_come_after_the_client_has_gone),
        cmocka_unit_test(test_http_server_does_not_spin_without_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
