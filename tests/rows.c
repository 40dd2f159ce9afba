#include "tests/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

const char *const rows_schema[] = {
    "CREATE TABLE rows (kind INTEGER, number INTEGER, body TEXT, PRIMARY KEY (kind, number))",
};

int row_put(struct store_tx *tx, void *context, struct error *err)
{
    static char body[1 << 20];
    const struct row *row = context;
    assert_true(row->bytes <= sizeof body);
    struct store_value args[] = {store_i64(row->kind), store_i64(row->number),
                                 store_text(body, row->bytes)};
    return store_run(tx, "INSERT INTO rows VALUES (?1, ?2, ?3)", args, 3, NULL, NULL, NULL, err);
}

static int first(void *context, const struct store_value *column, size_t count)
{
    assert_int_equal(count, 1);
    *(int64_t *)context = column[0].i64;
    return 0;
}

int rows_count(struct store_tx *tx, void *number, struct error *err)
{
    return store_run(tx, "SELECT count(*) FROM rows", NULL, 0, first, number, NULL, err);
}

void reply_init(struct reply *r)
{
    memset(r, 0, sizeof *r);
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->given, NULL);
}

void reply_release(struct reply *r)
{
    pthread_cond_destroy(&r->given);
    pthread_mutex_destroy(&r->mutex);
}

void reply_done(void *context, int status, const struct error *err)
{
    struct reply *r = context;
    pthread_mutex_lock(&r->mutex);
    r->answers++;
    if (status < 0) {
        r->failed++;
        r->err = *err;
    }
    pthread_cond_broadcast(&r->given);
    pthread_mutex_unlock(&r->mutex);
}

void reply_wait(struct reply *r, int answers)
{
    pthread_mutex_lock(&r->mutex);
    while (r->answers < answers)
        pthread_cond_wait(&r->given, &r->mutex);
    pthread_mutex_unlock(&r->mutex);
}

static int now(struct store *s, bool write, store_work *work, void *context, struct error *err)
{
    struct reply r;
    reply_init(&r);
    bool accepted = (write ? store_write : store_read)(s, work, context, reply_done, &r);
    assert_true(accepted);
    reply_wait(&r, 1);
    *err = r.err;
    int status = r.failed ? -1 : 0;
    reply_release(&r);
    return status;
}

int write_now(struct store *s, store_work *work, void *context, struct error *err)
{
    return now(s, true, work, context, err);
}

int read_now(struct store *s, store_work *work, void *context, struct error *err)
{
    return now(s, false, work, context, err);
}

int64_t count_now(struct store *s)
{
    struct error err;
    int64_t count = -1;
    if (read_now(s, rows_count, &count, &err) < 0)
        fail_msg("%s", err.text);
    return count;
}
