/* Tests of wire/delay.c and of clients that are led over such lines: times, order, silence. */
#include "tests/wire/http_world.h"
#include "wire/clock.h"
#include "wire/delay.h"

/* ---- a line by itself ---- */

struct line {
    struct delays delays;
    struct delay_line line;
    int64_t way_us;
    char got[4096];
    size_t len, pieces;
    int code;
    int64_t last_us;
};

static int64_t line_way(void *context)
{
    return ((struct line *)context)->way_us;
}

static void line_out(void *context, const void *data, size_t len, int code)
{
    struct line *l = context;
    if (len > 0)
        memcpy(l->got + l->len, data, len);
    l->len += len;
    l->pieces++;
    l->code = code;
    l->last_us = clock_us();
}

static void line_open(struct line *l, uv_loop_t *loop, int64_t way_us)
{
    *l = (struct line){.way_us = way_us};
    assert_int_equal(uv_loop_init(loop), 0);
    assert_int_equal(delays_open(&l->delays, loop), 0);
    l->line =
        (struct delay_line){.delays = &l->delays, .way = line_way, .out = line_out, .context = l};
}

static void line_close(struct line *l, uv_loop_t *loop)
{
    delay_line_clear(&l->line);
    delays_close(&l->delays, NULL, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(loop), 0);
}

static void test_line_keeps_order_and_takes_its_time(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct line l;
    char expected[4096] = "";
    line_open(&l, &loop, 5000);
    int64_t from_us = clock_us();
    for (int i = 0; i < 200; i++) {
        char text[16];
        int n = snprintf(text, sizeof text, "%d ", i);
        memcpy(expected + strlen(expected), text, (size_t)n + 1);
        assert_true(delay_line_put(&l.line, text, (size_t)n, 0));
        l.way_us = i < 100 ? 5000 : 100; /* later ones do not overtake */
    }
    assert_true(delay_line_put(&l.line, NULL, 0, UV_EOF));
    assert_int_equal(l.pieces, 0);
    RUN_UNTIL(&loop, l.pieces == 201);
    assert_true(l.last_us - from_us >= 5000);
    assert_int_equal(l.len, strlen(expected));
    assert_memory_equal(l.got, expected, l.len);
    assert_int_equal(l.code, UV_EOF);
    assert_int_equal(delay_line_held(&l.line), 0);
    line_close(&l, &loop);
}

static void on_timer(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* Let the loop turn for longer than a line is left alone. */
static void turn(uv_loop_t *loop)
{
    bool over = false;
    uv_timer_t timer;
    uv_timer_init(loop, &timer);
    timer.data = &over;
    uv_timer_start(&timer, on_timer, 3 * DELAY_LOOK_US / 1000, 0);
    RUN_UNTIL(loop, over);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
}

static void test_nothing_arrives_while_a_line_is_cut(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct line l;
    line_open(&l, &loop, 1000);
    assert_true(delay_line_put(&l.line, "under way ", 10, 0));
    l.way_us = DELAY_CUT;
    assert_true(delay_line_needed(&l.line));
    assert_true(delay_line_put(&l.line, "cut ", 4, 0));
    turn(&loop);
    assert_int_equal(l.pieces, 0);
    l.way_us = 0;
    assert_true(delay_line_needed(&l.line)); /* something is in it */
    assert_true(delay_line_put(&l.line, "whole", 5, 0));
    RUN_UNTIL(&loop, l.pieces == 3);
    assert_memory_equal(l.got, "under way cut whole", 19);
    assert_false(delay_line_needed(&l.line));
    line_close(&l, &loop);
}

/* ---- clients ---- */

struct slow {
    struct world w;
    struct delays delays;
    struct http_client *client;
    int64_t there_us, back_us;
};

static int64_t slow_way(void *context, bool back)
{
    const struct slow *s = context;
    return back ? s->back_us : s->there_us;
}

static void slow_open(struct slow *s)
{
    memset(s, 0, sizeof *s);
    world_open(&s->w, NULL);
    assert_int_equal(delays_open(&s->delays, &s->w.loop), 0);
    s->client = http_client_new(&s->w.loop, s->w.port, 4);
    http_client_route(s->client, &s->delays, slow_way, s);
}

static void slow_close(struct slow *s)
{
    http_client_free(s->client);
    delays_close(&s->delays, NULL, NULL);
    world_close(&s->w);
}

static int64_t time_of(struct slow *s, struct outcome *o)
{
    int count = o->count;
    int64_t from_us = clock_us();
    ask(s->client, "POST", "/", "hello", o);
    RUN_UNTIL(&s->w.loop, o->count > count);
    assert_int_equal(o->failure, HTTP_OK);
    assert_string_equal(o->body, "hello");
    return clock_us() - from_us;
}

static void test_new_connection_pays_one_round_trip_more(void **state)
{
    (void)state;
    struct slow s;
    struct outcome o = {0};
    slow_open(&s);
    s.there_us = 20000;
    s.back_us = 10000;
    assert_true(time_of(&s, &o) >= 60000);
    int64_t again_us = time_of(&s, &o);
    assert_true(again_us >= 30000);
    s.there_us = s.back_us = 0;
    assert_true(time_of(&s, &o) < again_us);
    free(o.body);
    slow_close(&s);
}

static struct http_call *ask_shortly(struct slow *s, struct outcome *o)
{
    return http_send(s->client, "GET", "/", NULL, 0, NULL, 0, 3 * DELAY_LOOK_US, on_done, o);
}

static void test_cut_line_is_silent_for_old_and_new_connections(void **state)
{
    (void)state;
    struct slow s;
    struct outcome o = {0}, cut[2] = {{0}};
    slow_open(&s);
    time_of(&s, &o);
    uint64_t accepted = http_server_counts(s.w.server)->accepted;
    uint64_t requests = http_server_counts(s.w.server)->requests;
    s.there_us = DELAY_CUT; /* one way is enough */
    ask_shortly(&s, &cut[0]);
    ask_shortly(&s, &cut[1]);
    RUN_UNTIL(&s.w.loop, cut[0].count + cut[1].count == 2);
    assert_int_equal(cut[0].failure, HTTP_TIMEOUT); /* on the old one */
    assert_int_equal(cut[1].failure, HTTP_TIMEOUT); /* connecting */
    assert_int_equal(http_server_counts(s.w.server)->accepted, accepted);
    assert_int_equal(http_server_counts(s.w.server)->requests, requests);
    assert_int_equal(http_server_counts(s.w.server)->connections, 1); /* it has not heard of it */
    s.there_us = 0;
    time_of(&s, &o);
    RUN_UNTIL(&s.w.loop, http_server_counts(s.w.server)->connections == 1); /* the new one */
    for (int i = 0; i < 2; i++)
        free(cut[i].body);
    free(o.body);
    slow_close(&s);
}

static void test_answer_that_is_cut_comes_when_the_line_is_whole(void **state)
{
    (void)state;
    struct slow s;
    struct outcome o = {0};
    slow_open(&s);
    s.w.hold = true;
    ask(s.client, "GET", "/", "", &o);
    RUN_UNTIL(&s.w.loop, s.w.held_count == 1);
    s.back_us = DELAY_CUT;
    answer_held(&s.w, 0, "late");
    turn(&s.w.loop);
    assert_int_equal(o.count, 0);
    s.back_us = 0;
    RUN_UNTIL(&s.w.loop, o.count == 1);
    assert_int_equal(o.failure, HTTP_OK);
    assert_string_equal(o.body, "late");
    free(o.body);
    slow_close(&s);
}

static void test_large_answers_pass_a_slow_line_whole(void **state)
{
    (void)state;
    enum { BYTES = 1 << 20 };
    struct slow s;
    struct outcome o = {0};
    slow_open(&s);
    s.there_us = s.back_us = 3000;
    char *body = malloc(BYTES + 1);
    for (int i = 0; i < BYTES; i++)
        body[i] = (char)('a' + i % 26);
    body[BYTES] = '\0';
    ask(s.client, "POST", "/", body, &o);
    RUN_UNTIL(&s.w.loop, o.count == 1);
    assert_int_equal(o.failure, HTTP_OK);
    assert_int_equal(o.len, BYTES);
    assert_memory_equal(o.body, body, BYTES);
    free(body);
    free(o.body);
    slow_close(&s);
}

static void test_client_is_freed_with_a_cut_line(void **state)
{
    (void)state;
    struct slow s;
    struct outcome o = {0}, cut[2] = {{0}};
    slow_open(&s);
    time_of(&s, &o);
    s.back_us = DELAY_CUT;
    ask_shortly(&s, &cut[0]);
    RUN_UNTIL(&s.w.loop, cut[0].count == 1); /* its connection is kept for the peer to see */
    ask(s.client, "GET", "/", "", &cut[1]);
    free(o.body);
    free(cut[0].body);
    slow_close(&s);
    assert_int_equal(cut[1].count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_keeps_order_and_takes_its_time),
        cmocka_unit_test(test_nothing_arrives_while_a_line_is_cut),
        cmocka_unit_test(test_new_connection_pays_one_round_trip_more),
        cmocka_unit_test(test_cut_line_is_silent_for_old_and_new_connections),
        cmocka_unit_test(test_answer_that_is_cut_comes_when_the_line_is_whole),
        cmocka_unit_test(test_large_answers_pass_a_slow_line_whole),
        cmocka_unit_test(test_client_is_freed_with_a_cut_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
