#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/error.h"
#include "wire/http.h"
#include "wire/load.h"

/* ---- the other side, a process: a server that stalls once, and answers by path ---- */

enum { STALL_FROM_MS = 300, STALL_MS = 300, HELD_MAX = 4096, KEYS_MAX = 64 };

struct peer {
    uv_loop_t loop;
    uv_timer_t timer;
    bool began, stalls;
    struct http_exchange *held[HELD_MAX];
    int held_count;
    char key[KEYS_MAX][32]; /* of /flaky, refused once */
    int key_count;
};

static void answer(struct http_exchange *x)
{
    size_t len;
    const char *body = http_body(x, &len);
    http_answer(x, 200, "application/json", NULL, 0, body, len);
}

static void on_stall_end(uv_timer_t *timer)
{
    struct peer *p = timer->data;
    p->stalls = false;
    for (int i = 0; i < p->held_count; i++)
        answer(p->held[i]);
    p->held_count = 0;
}

static void on_stall(uv_timer_t *timer)
{
    struct peer *p = timer->data;
    p->stalls = true;
    uv_timer_start(timer, on_stall_end, STALL_MS, 0);
}

/* The first try of a key gets 503; the second 200 when key and body are the same. */
static void answer_flaky(struct peer *p, struct http_exchange *x)
{
    size_t len;
    const char *key = http_header_of(x, "Idempotency-Key"), *body = http_body(x, &len);
    if (key == NULL || strcmp(key, body) != 0) {
        http_problem(x, 400, "the body is to be the key");
        return;
    }
    for (int i = 0; i < p->key_count; i++)
        if (strcmp(p->key[i], key) == 0) {
            answer(x);
            return;
        }
    if (p->key_count < KEYS_MAX)
        snprintf(p->key[p->key_count++], sizeof p->key[0], "%s", key);
    http_problem(x, 503, "not yet");
}

static void on_request(void *context, struct http_exchange *x)
{
    struct peer *p = context;
    const char *target = http_target(x);
    if (strcmp(target, "/never") == 0)
        return;
    if (strcmp(target, "/no") == 0) {
        http_problem(x, 404, NULL);
        return;
    }
    if (strcmp(target, "/flaky") == 0) {
        answer_flaky(p, x);
        return;
    }
    if (strcmp(target, "/stalling") == 0 && !p->began) {
        p->began = true;
        uv_timer_start(&p->timer, on_stall, STALL_FROM_MS, 0);
    }
    if (p->stalls && p->held_count < HELD_MAX)
        p->held[p->held_count++] = x;
    else
        answer(x);
}

static void serve(int tell)
{
    static struct peer p;
    struct http_server *server;
    struct error err;
    uv_loop_init(&p.loop);
    uv_timer_init(&p.loop, &p.timer);
    p.timer.data = &p;
    int port = 0;
    if (http_server_tcp(&server, &p.loop, 0, NULL, on_request, &p, &err) == 0)
        port = http_server_port(server);
    if (write(tell, &port, sizeof port) != sizeof port)
        _exit(1);
    uv_run(&p.loop, UV_RUN_DEFAULT);
    _exit(0);
}

/* One that hangs up on everybody after their first bytes. */
static void hang_up(int tell)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    char byte[16];
    int fd = socket(AF_INET, SOCK_STREAM, 0), port = 0;
    if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 64) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &size) == 0)
        port = ntohs(at.sin_port);
    if (write(tell, &port, sizeof port) != sizeof port)
        _exit(1);
    for (;;) {
        int caller = accept(fd, NULL, NULL);
        if (read(caller, byte, sizeof byte) >= 0)
            close(caller);
    }
}

struct world {
    pid_t child;
    struct arena arena;
    struct error err;
    struct load_stream stream;
    struct load_result result;
    /* what the source does */
    const char *target;
    const char *method;
    uint32_t count, sent, ended;
    bool keyed;
    char key[32];
    int64_t at_us[2048]; /* planned times, by id */
    int64_t step_us;     /* LOAD_AS_TOLD */
    volatile sig_atomic_t stop;
};

static bool next(void *context, struct load_request *out)
{
    struct world *w = context;
    if (w->sent == w->count)
        return false;
    *out = (struct load_request){.method = w->method, .target = w->target, .id = w->sent};
    out->group = w->sent % (uint32_t)w->stream.groups;
    out->at_us = (int64_t)w->sent * w->step_us;
    if (w->keyed) {
        snprintf(w->key, sizeof w->key, "key-%u", w->sent);
        out->key = out->body = w->key;
        out->len = strlen(w->key);
    }
    w->sent++;
    return true;
}

static void done(void *context, const struct load_request *r, enum load_outcome outcome,
                 const struct http_reply *reply)
{
    struct world *w = context;
    assert_true(r->id < w->sent);
    assert_int_equal(r->group, r->id % w->stream.groups);
    assert_true(outcome != LOAD_UNSENT || reply == NULL);
    if (r->id < sizeof w->at_us / sizeof w->at_us[0])
        w->at_us[r->id] = r->at_us;
    w->ended++;
}

static struct world *world_new(void (*child)(int tell))
{
    struct world *w = calloc(1, sizeof *w);
    int ends[2], port = 0;
    assert_non_null(w);
    assert_int_equal(pipe(ends), 0);
    w->child = fork();
    assert_true(w->child >= 0);
    if (w->child == 0) {
        close(ends[0]);
        child(ends[1]);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &port, sizeof port), sizeof port);
    close(ends[0]);
    assert_true(port > 0);
    w->target = "/";
    w->method = "GET";
    w->count = UINT32_MAX;
    w->stream = (struct load_stream){.port = port,
                                     .pace = LOAD_EVEN,
                                     .rate = 500,
                                     .for_us = 60000000,
                                     .in_flight_max = 1000,
                                     .timeout_us = 5000000,
                                     .groups = 1,
                                     .next = next,
                                     .done = done,
                                     .context = w};
    return w;
}

static int begin(void **state)
{
    *state = world_new(serve);
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    kill(w->child, SIGKILL);
    waitpid(w->child, NULL, 0);
    arena_release(&w->arena);
    free(w);
    return 0;
}

static void run(struct world *w)
{
    const struct load_opts opts = {.stop = &w->stop};
    w->sent = w->ended = 0;
    if (load_run(&w->result, &w->stream, 1, &opts, &w->arena, &w->err) != 0)
        fail_msg("%s", w->err.text);
    const struct load_tally *all = &w->result.all;
    uint64_t sum = 0, groups = 0, spans = 0;
    for (int i = 0; i < LOAD_OUTCOMES; i++)
        sum += all->outcome[i];
    for (size_t i = 0; i < w->result.groups; i++)
        groups += w->result.group[i].planned;
    for (size_t i = 0; i < w->result.span_count; i++)
        spans += w->result.spans[i].ok + w->result.spans[i].failed;
    assert_int_equal(sum, all->planned);
    assert_int_equal(groups, all->planned);
    assert_int_equal(spans, all->planned);
    assert_int_equal(w->ended, all->planned);
    assert_int_equal(all->latency.count, all->outcome[LOAD_OK]);
    assert_int_equal(load_failed(all), all->planned - all->outcome[LOAD_OK]);
    assert_int_equal(all->waiting, 0);
    assert_true(w->result.in_flight_peak <= w->stream.in_flight_max);
}

static double ms_at(const struct world *w, double q)
{
    return hist_quantile_us(&w->result.all.latency, q) / 1000;
}

/* ---- tests ---- */

/* 500 a second come for 1.2 s, and for 300 ms nobody is answered: 150 of 600 wait 300 ms to
 * nothing. The least that each q has to wait follows from that. */
static void test_load_counts_a_stall_for_all_who_came_during_it(void **state)
{
    struct world *w = *state;
    w->target = "/stalling";
    w->count = 600;
    run(w);
    assert_int_equal(w->result.all.outcome[LOAD_OK], 600);
    assert_true(ms_at(w, 0.99) > 280);
    assert_true(ms_at(w, 0.90) > 170);
    assert_true(ms_at(w, 0.80) > 50);
    assert_true(w->result.all.pause_us > 290000);
    assert_true(w->result.all.pause_us < 1000000);
    uint32_t most = 0; /* who waited ends in one span of the timeline */
    for (size_t i = 0; i < w->result.span_count; i++)
        if (w->result.spans[i].ok > most)
            most = w->result.spans[i].ok;
    assert_true(most >= 150);
}

/* Who sends the next only after an answer sees the same stall once. */
static void test_load_closed_loop_sees_a_stall_once(void **state)
{
    struct world *w = *state;
    w->target = "/stalling";
    w->stream.pace = LOAD_CLOSED;
    w->stream.in_flight_max = 1;
    w->stream.for_us = 900000;
    run(w);
    assert_true(w->result.all.planned > 300);
    assert_true(ms_at(w, 0.99) < 250);
    assert_true(w->result.all.latency.max_us > 290000);
    assert_int_equal(w->result.in_flight_peak, 1);
}

static void test_load_does_not_send_what_is_over_its_bound(void **state)
{
    struct world *w = *state;
    w->target = "/stalling";
    w->count = 500;
    w->stream.in_flight_max = 20;
    w->stream.groups = 3;
    run(w);
    assert_int_equal(w->result.in_flight_peak, 20);
    assert_int_equal(w->result.all.planned, 500);
    assert_true(w->result.all.outcome[LOAD_UNSENT] >= 100); /* of the 150 that came, 20 could go */
    assert_true(w->result.all.outcome[LOAD_OK] >= 250);
    assert_true(w->result.all.pause_us > 290000);
}

static void test_load_gives_up_in_time(void **state)
{
    struct world *w = *state;
    w->target = "/never";
    w->count = 20;
    w->stream.timeout_us = 100000;
    run(w);
    assert_int_equal(w->result.all.outcome[LOAD_TIMEOUT], 20);
    assert_true(w->result.wall_us < 2000000);
    assert_true(w->result.all.pause_us >= 100000);
}

static void test_load_tells_refusals_apart(void **state)
{
    struct world *w = *state;
    w->count = 10;
    w->target = "/no";
    run(w);
    assert_int_equal(w->result.all.outcome[LOAD_4XX], 10);
    kill(w->child, SIGKILL);
    waitpid(w->child, NULL, 0);
    run(w);
    assert_int_equal(w->result.all.outcome[LOAD_REFUSED], 10);
    w->child = fork(); /* end() wants one */
    if (w->child == 0)
        _exit(0);
}

static void test_load_tells_resets(void **state)
{
    struct world *w = world_new(hang_up);
    (void)state;
    w->count = 10;
    run(w);
    assert_int_equal(w->result.all.outcome[LOAD_RESET], 10);
    void *mine = w;
    end(&mine);
}

static void test_load_repeats_only_when_asked(void **state)
{
    struct world *w = *state;
    w->target = "/flaky";
    w->method = "POST";
    w->keyed = true;
    w->count = 30;
    w->stream.retries = 1;
    run(w);
    assert_int_equal(w->result.all.outcome[LOAD_OK], 30);
    assert_int_equal(w->result.all.retries, 30);
    w->count = 60; /* of these, the first 30 are known by now */
    w->stream.retries = 0;
    run(w);
    assert_int_equal(w->result.all.outcome[LOAD_OK], 30);
    assert_int_equal(w->result.all.outcome[LOAD_5XX], 30);
    assert_int_equal(w->result.all.retries, 0);
}

static void test_load_sends_at_the_times_it_is_told(void **state)
{
    struct world *w = *state;
    w->count = 40;
    w->step_us = 5000;
    w->stream.pace = LOAD_AS_TOLD;
    w->stream.for_us = 100000; /* up to and with the 21st */
    run(w);
    assert_int_equal(w->result.all.planned, 21);
    assert_true(w->result.wall_us >= 100000);
    for (int i = 0; i < 21; i++)
        assert_int_equal(w->at_us[i], i * 5000);
}

static void test_load_has_the_luck_of_its_seed(void **state)
{
    struct world *w = *state;
    int64_t first[50];
    w->count = 50;
    w->stream.pace = LOAD_RANDOM;
    w->stream.rate = 1000;
    run(w);
    memcpy(first, w->at_us, sizeof first);
    assert_true(first[49] > 10000 && first[49] < 200000);
    run(w);
    assert_memory_equal(first, w->at_us, sizeof first);
    w->stream.seed = 7;
    run(w);
    assert_memory_not_equal(first, w->at_us, sizeof first);
}

static void on_progress(void *context, const struct load_result *result)
{
    struct world *w = context;
    if (result->all.planned >= 20)
        w->stop = 1;
}

static void test_load_stops_and_tells_what_is_known(void **state)
{
    struct world *w = *state;
    const struct load_opts opts = {.stop = &w->stop, .progress = on_progress, .context = w};
    w->target = "/never";
    w->stream.rate = 100;
    w->stream.timeout_us = 60000000;
    assert_int_equal(load_run(&w->result, &w->stream, 1, &opts, &w->arena, &w->err), 0);
    assert_true(w->result.wall_us < 10000000);
    assert_true(w->result.all.planned >= 20);
    assert_int_equal(w->result.all.outcome[LOAD_CUT], w->result.all.planned);
}

static void test_load_carries_streams_side_by_side(void **state)
{
    struct world *w = *state, *other = world_new(serve);
    const struct load_stream streams[2] = {w->stream, other->stream};
    struct load_result results[2];
    w->count = 100;
    other->count = 50;
    assert_int_equal(load_run(results, streams, 2, NULL, &w->arena, &w->err), 0);
    assert_int_equal(results[0].all.outcome[LOAD_OK], 100);
    assert_int_equal(results[1].all.outcome[LOAD_OK], 50);
    assert_true(results[0].wall_us < 1000000);
    void *mine = other;
    end(&mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_load_counts_a_stall_for_all_who_came_during_it, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_load_closed_loop_sees_a_stall_once, begin, end),
        cmocka_unit_test_setup_teardown(test_load_does_not_send_what_is_over_its_bound, begin, end),
        cmocka_unit_test_setup_teardown(test_load_gives_up_in_time, begin, end),
        cmocka_unit_test_setup_teardown(test_load_tells_refusals_apart, begin, end),
        cmocka_unit_test(test_load_tells_resets),
        cmocka_unit_test_setup_teardown(test_load_repeats_only_when_asked, begin, end),
        cmocka_unit_test_setup_teardown(test_load_sends_at_the_times_it_is_told, begin, end),
        cmocka_unit_test_setup_teardown(test_load_has_the_luck_of_its_seed, begin, end),
        cmocka_unit_test_setup_teardown(test_load_stops_and_tells_what_is_known, begin, end),
        cmocka_unit_test_setup_teardown(test_load_carries_streams_side_by_side, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
