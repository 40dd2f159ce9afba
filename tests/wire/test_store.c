/* Tests of wire/store_sqlite.c: what has been answered is there, one that fails spoils no other,
 * and neither queue nor log grows without bound. test_store_trouble.c has the disk and the files.
 */
#include <dirent.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "base/error.h"
#include "tests/kids.h"
#include "tests/rows.h"
#include "wire/clock.h"
#include "wire/store_folder.h"
#include "wire/store_loop.h"
#include "wire/store_sqlite.h"
#include "wire/store_tx.h"

enum { LIMIT_US = 1000000 }; /* of a work: a busy machine is no fault */

static char folder[256];

static int setup(void **state)
{
    (void)state;
    folder_make(folder, sizeof folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static struct store_opts opts_of(const char *path)
{
    return (struct store_opts){.folder = path,
                               .owner = "de",
                               .schema = rows_schema,
                               .schema_count = 1,
                               .work_us_max = LIMIT_US,
                               .read_us_max = LIMIT_US};
}

static struct store *open_with(const struct store_opts *opts)
{
    struct store *s;
    struct error err;
    if (store_open(&s, opts, &err) < 0)
        fail_msg("%s", err.text);
    return s;
}

static struct store *open_here(void)
{
    struct store_opts opts = opts_of(folder);
    return open_with(&opts);
}

/* ---- works ---- */

struct gate { /* a work that stays inside until let go */
    sem_t inside, leave;
};

static void gate_init(struct gate *g)
{
    sem_init(&g->inside, 0, 0);
    sem_init(&g->leave, 0, 0);
}

static int wait_at_gate(struct store_tx *tx, void *context, struct error *err)
{
    (void)tx;
    (void)err;
    struct gate *g = context;
    sem_post(&g->inside);
    while (sem_wait(&g->leave) < 0)
        ;
    return 0;
}

static int put_and_fail(struct store_tx *tx, void *row, struct error *err)
{
    if (row_put(tx, row, err) < 0)
        return -1;
    return error_set(err, ERR_UNKNOWN, "changed its mind");
}

static int fail_and_go_on(struct store_tx *tx, void *row, struct error *err)
{
    struct error ignored;
    store_run(tx, "INSERT INTO nowhere VALUES (1)", NULL, 0, NULL, NULL, NULL, &ignored);
    row_put(tx, row, err);
    return 0;
}

static int run_for_ever(struct store_tx *tx, void *context, struct error *err)
{
    (void)context;
    return store_run(tx,
                     "INSERT INTO rows WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                     "FROM n) SELECT 99, i % 10, '' FROM n WHERE i < 0",
                     NULL, 0, NULL, NULL, NULL, err);
}

static int read_for_ever(struct store_tx *tx, void *context, struct error *err)
{
    (void)context;
    return store_run(
        tx,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) "
        "FROM n",
        NULL, 0, NULL, NULL, NULL, err);
}

/* ---- writing and reading ---- */

static void test_store_reads_what_was_answered(void **state)
{
    (void)state;
    struct store *s = open_here();
    struct error err;
    for (int64_t i = 0; i < 50; i++) {
        struct row row = {.number = i, .bytes = 10};
        assert_int_equal(write_now(s, row_put, &row, &err), 0);
        assert_int_equal(count_now(s), i + 1);
    }
    store_close(s);
    s = open_here();
    assert_int_equal(count_now(s), 50);
    store_close(s);
}

static unsigned threads(void)
{
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (const struct dirent *e; (e = readdir(tasks)) != NULL;)
        count += e->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void test_store_has_threads_for_what_there_is_to_do(void **state)
{
    (void)state;
    for (int i = 0; i < 1000 && threads() > 1;
         i++) /* one of the test before may not be quite gone */
        poll(NULL, 0, 1);
    unsigned before = threads();
    struct store *s = open_here();
    struct error err;
    struct row row = {.number = 1, .bytes = 10};
    assert_int_equal(threads(), before);
    assert_int_equal(write_now(s, row_put, &row, &err), 0);
    assert_int_equal(threads(), before + 1);
    assert_int_equal(count_now(s), 1);
    assert_int_equal(threads(), before + 2);
    store_close(s);
    s = open_here(); /* closed without ever having had one */
    store_close(s);
}

static void test_store_commits_what_waits_together(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    struct store *s = open_here();
    struct gate gate;
    gate_init(&gate);
    struct reply reply;
    reply_init(&reply);
    assert_true(store_write(s, wait_at_gate, &gate, reply_done, &reply));
    sem_wait(&gate.inside);
    struct row row[COUNT];
    for (int i = 0; i < COUNT; i++) {
        row[i] = (struct row){.number = i, .bytes = 10};
        assert_true(store_write(s, row_put, &row[i], reply_done, &reply));
    }
    assert_int_equal(reply.answers, 0); /* nothing before the commit */
    sem_post(&gate.leave);
    reply_wait(&reply, COUNT + 1);
    assert_int_equal(reply.failed, 0);
    assert_true(store_stats(s).commits <= 3);
    assert_int_equal(count_now(s), COUNT);
    store_close(s);
    reply_release(&reply);
}

static void test_store_failing_work_spoils_no_other(void **state)
{
    (void)state;
    struct store *s = open_here();
    struct gate gate;
    gate_init(&gate);
    struct reply good, bad[4];
    reply_init(&good);
    for (int i = 0; i < 4; i++)
        reply_init(&bad[i]);
    assert_true(store_write(s, wait_at_gate, &gate, reply_done, &good));
    sem_wait(&gate.inside);
    struct row row[] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}, {.number = 5}};
    assert_true(store_write(s, row_put, &row[0], reply_done, &good));
    assert_true(store_write(s, put_and_fail, &row[1], reply_done, &bad[0]));
    assert_true(store_write(s, row_put, &row[0], reply_done, &bad[1]));
    assert_true(store_write(s, row_put, &row[2], reply_done, &good));
    assert_true(store_write(s, fail_and_go_on, &row[3], reply_done, &bad[2]));
    assert_true(store_write(s, run_for_ever, NULL, reply_done, &bad[3])); /* ends it for all */
    assert_true(store_write(s, row_put, &row[4], reply_done, &good));
    sem_post(&gate.leave);
    sem_post(&gate.leave); /* it is run again */
    reply_wait(&good, 4);
    for (int i = 0; i < 4; i++)
        reply_wait(&bad[i], 1);
    assert_int_equal(good.failed, 0);
    static const struct {
        enum error_code code;
        const char *text;
    } expected[] = {
        {ERR_UNKNOWN, "changed its mind"},
        {ERR_DUPLICATE, "UNIQUE constraint failed: rows.kind, rows.number"},
        {ERR_SYNTAX, "no such table: nowhere"},
        {ERR_LIMIT, "took longer than it may"},
    };
    for (int i = 0; i < 4; i++) {
        assert_int_equal(bad[i].failed, 1);
        assert_string_equal(bad[i].err.text, expected[i].text);
        assert_int_equal(bad[i].err.code, expected[i].code);
    }
    assert_int_equal(count_now(s), 3);
    store_close(s);
}

static void test_store_reads_while_a_write_goes_on(void **state)
{
    (void)state;
    struct store *s = open_here();
    struct gate gate;
    gate_init(&gate);
    struct reply reply;
    reply_init(&reply);
    assert_true(store_write(s, wait_at_gate, &gate, reply_done, &reply));
    sem_wait(&gate.inside);
    for (int i = 0; i < 20; i++)
        assert_int_equal(count_now(s), 0);
    assert_int_equal(reply.answers, 0);
    sem_post(&gate.leave);
    reply_wait(&reply, 1);
    store_close(s);
}

static void test_store_read_may_not_write_nor_last_for_ever(void **state)
{
    (void)state;
    struct store *s = open_here();
    struct error err;
    struct row row = {.number = 1};
    assert_int_equal(read_now(s, row_put, &row, &err), -1);
    assert_string_equal(err.text, "a read may not write");
    int64_t start_us = clock_us();
    assert_int_equal(read_now(s, read_for_ever, NULL, &err), -1);
    assert_string_equal(err.text, "took longer than it may");
    assert_in_range(clock_us() - start_us, LIMIT_US, 10 * LIMIT_US);
    assert_int_equal(count_now(s), 0);
    store_close(s);
}

/* ---- bounds ---- */

static void test_store_refuses_when_its_queue_is_full(void **state)
{
    (void)state;
    struct store_opts opts = opts_of(folder);
    opts.writes_max = 4;
    struct store *s = open_with(&opts);
    struct gate gate;
    gate_init(&gate);
    struct reply reply;
    reply_init(&reply);
    struct row row[] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    assert_true(store_write(s, wait_at_gate, &gate, reply_done, &reply));
    sem_wait(&gate.inside);
    for (int i = 0; i < 3; i++)
        assert_true(store_write(s, row_put, &row[i], reply_done, &reply));
    assert_false(store_write(s, row_put, &row[3], reply_done, &reply));
    assert_int_equal(count_now(s), 0); /* reads have their own bound */
    assert_int_equal(store_stats(s).refused, 1);
    sem_post(&gate.leave);
    reply_wait(&reply, 4);
    store_close(s);
}

static void test_store_closes_after_the_last_answer(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    struct store *s = open_here();
    struct reply reply;
    reply_init(&reply);
    struct row row[COUNT];
    for (int i = 0; i < COUNT; i++) {
        row[i] = (struct row){.number = i};
        assert_true(store_write(s, row_put, &row[i], reply_done, &reply));
    }
    store_close(s);
    assert_int_equal(reply.answers, COUNT);
    assert_int_equal(reply.failed, 0);
    s = open_here();
    assert_int_equal(count_now(s), COUNT);
    store_close(s);
}

static int read_and_freeze(struct store_tx *tx, void *context, struct error *err)
{
    int64_t count;
    if (rows_count(tx, &count, err) < 0)
        return -1;
    kid_tell(KID_FD, "reading");
    if (context)
        raise(SIGSTOP);
    return 0;
}

static void nothing(void *context, int status, const struct error *err)
{
    (void)context;
    (void)status;
    (void)err;
}

/* In a kid: be a reader that never ends. */
static int freeze(char **args)
{
    struct store_opts opts = opts_of(args[0]);
    struct store *s = open_with(&opts);
    store_read(s, read_and_freeze, s, nothing, NULL);
    store_close(s);
    return 0;
}

static void test_store_log_is_bounded_whoever_reads(void **state)
{
    (void)state;
    enum { PAGES = 256 };
    struct store_opts opts = opts_of(folder);
    opts.wal_pages_max = PAGES;
    opts.read_us_max = 50000;
    struct store *s = open_with(&opts);
    struct error err;
    struct row row = {.number = -1, .bytes = 3000};
    assert_int_equal(write_now(s, row_put, &row, &err), 0);
    struct kid kid;
    kid_start(&kid, "freeze", (const char *[]){folder, NULL});
    kid_expect(&kid, "reading");
    int status;
    assert_int_equal(waitpid(kid.pid, &status, WUNTRACED), kid.pid);
    assert_true(WIFSTOPPED(status));

    for (row.number = 0; row.number < 2 * PAGES; row.number++)
        if (write_now(s, row_put, &row, &err) < 0)
            fail_msg("%s", err.text);
    status = kid_wait(&kid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    struct store_stats stats = store_stats(s);
    print_message("log of %d pages at most had %u; %d folds, %d resets\n", PAGES,
                  stats.wal_pages_seen_max, (int)stats.checkpoints, (int)stats.resets);
    assert_int_equal(stats.killed, 1);
    assert_true(stats.wal_pages_seen_max >= PAGES);
    assert_true(stats.wal_pages_seen_max <= PAGES + 16);
    assert_true(stats.wal_pages < PAGES / 2);
    store_close(s);
    s = open_here();
    assert_int_equal(count_now(s), 2 * PAGES + 1);
    store_close(s);
}

/* ---- on a loop ---- */

struct visit { /* a run of a loop with a store */
    struct store_loop sl;
    uv_timer_t timer;
    struct gate gate;
    uv_thread_t self;
    struct row row;
    int64_t count;
    int ticks, answers;
    bool closed;
};

static void on_stop(struct store_loop *sl)
{
    struct visit *v = sl->store ? NULL : (struct visit *)((char *)sl - offsetof(struct visit, sl));
    assert_non_null(v);
    v->closed = true;
}

static void on_answer(void *context, int status, const struct error *err)
{
    struct visit *v = context;
    uv_thread_t self = uv_thread_self();
    if (status < 0)
        fail_msg("%s", err->text);
    assert_true(uv_thread_equal(&self, &v->self));
    switch (++v->answers) {
    case 2:
        assert_true(store_read(v->sl.store, rows_count, &v->count, on_answer, v));
        break;
    case 3:
        assert_int_equal(v->count, 1);
        v->row.number++;
        assert_true(store_write(v->sl.store, row_put, &v->row, on_answer, v));
        store_loop_close(&v->sl, on_stop); /* with a work that waits */
        assert_false(store_read(v->sl.store, rows_count, &v->count, on_answer, v));
        break;
    default:
        break;
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct visit *v = timer->data;
    if (++v->ticks < 20) /* the loop goes round while a write waits */
        return;
    sem_post(&v->gate.leave);
    uv_close((uv_handle_t *)timer, NULL);
}

static void test_store_loop_goes_round_while_the_store_works(void **state)
{
    (void)state;
    uv_loop_t loop;
    assert_int_equal(uv_loop_init(&loop), 0);
    struct visit v = {.self = uv_thread_self()};
    gate_init(&v.gate);
    struct error err;
    struct store_opts opts = opts_of("/nowhere");
    assert_int_equal(store_loop_init(&v.sl, &loop, &opts, &err), -1);
    opts.folder = folder;
    assert_int_equal(store_loop_init(&v.sl, &loop, &opts, &err), 0);
    uv_timer_init(&loop, &v.timer);
    v.timer.data = &v;
    assert_true(store_write(v.sl.store, wait_at_gate, &v.gate, on_answer, &v));
    assert_true(store_write(v.sl.store, row_put, &v.row, on_answer, &v));
    uv_timer_start(&v.timer, on_tick, 1, 1);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(v.answers, 4);
    assert_true(v.closed);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- without a file ---- */

static void test_store_tx_works_in_memory(void **state)
{
    (void)state;
    struct store_tx *tx;
    struct error err;
    assert_int_equal(store_tx_open(&tx, ":memory:", STORE_TX_WRITE, &err), 0);
    assert_int_equal(store_tx_script(tx, rows_schema[0], &err), 0);
    struct row row = {.number = 1};
    int64_t count;
    assert_int_equal(store_tx_begin(tx, 0, &err), 0);
    assert_int_equal(store_tx_work(tx, row_put, &row, 100000, &err), 0);
    assert_int_equal(store_tx_work(tx, row_put, &row, 100000, &err), -1);
    assert_true(store_tx_alive(tx));
    assert_int_equal(store_tx_commit(tx, &err), 0);
    assert_int_equal(store_tx_number(tx, "SELECT count(*) FROM rows", &count, &err), 0);
    assert_int_equal(count, 1);
    store_tx_close(tx);
}

/* ---- how fast ---- */

struct client {
    struct store *store;
    struct row row;
    int64_t until_us;
    int64_t rows;
};

static void *write_on(void *context)
{
    struct client *c = context;
    struct error err;
    for (; clock_us() < c->until_us; c->rows++, c->row.number++)
        if (write_now(c->store, row_put, &c->row, &err) < 0)
            fail_msg("%s", err.text);
    return NULL;
}

static void test_store_group_commit_pays(void **state)
{
    (void)state;
    enum { CLIENTS = 64, ROUND_US = 500000 };
    struct store *s = open_here();
    pthread_t thread[CLIENTS];
    struct client client[CLIENTS];
    double rate[2] = {0};
    for (int round = 0, clients = 1; round < 2; round++, clients = CLIENTS) {
        int64_t until_us = clock_us() + ROUND_US;
        for (int i = 0; i < clients; i++) {
            client[i] = (struct client){.store = s,
                                        .row = {.kind = round * CLIENTS + i, .bytes = 200},
                                        .until_us = until_us};
            assert_int_equal(pthread_create(&thread[i], NULL, write_on, &client[i]), 0);
        }
        for (int i = 0; i < clients; i++) {
            pthread_join(thread[i], NULL);
            rate[round] += (double)client[i].rows * 1e6 / ROUND_US;
        }
    }
    struct store_stats stats = store_stats(s);
    store_close(s);
    print_message("rows/s with 1 and with %d clients: %.0f, %.0f (a flush takes %d us); %d pages\n",
                  CLIENTS, rate[0], rate[1], (int)store_flush_probe_us(folder),
                  (int)stats.wal_pages_seen_max);
    /* Where a flush costs nothing, in memory, there is nothing to share. */
    if (store_flush_probe_us(folder) >= 20)
        assert_true(rate[1] > 1.5 * rate[0]);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return freeze(argv + 2);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_store_reads_what_was_answered),
        TEST(test_store_has_threads_for_what_there_is_to_do),
        TEST(test_store_commits_what_waits_together),
        TEST(test_store_failing_work_spoils_no_other),
        TEST(test_store_reads_while_a_write_goes_on),
        TEST(test_store_read_may_not_write_nor_last_for_ever),
        TEST(test_store_refuses_when_its_queue_is_full),
        TEST(test_store_closes_after_the_last_answer),
        TEST(test_store_log_is_bounded_whoever_reads),
        TEST(test_store_loop_goes_round_while_the_store_works),
        TEST(test_store_tx_works_in_memory),
        TEST(test_store_group_commit_pays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
