#include "wire/store_sqlite.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "wire/clock.h"
#include "wire/store_disk.h"
#include "wire/store_folder.h"
#include "wire/store_lane.h"
#include "wire/store_log.h"
#include "wire/store_schema.h"
#include "wire/store_tx.h"
#include "wire/turnstile.h"

enum {
    READERS_MAX = 16,
    GROUP_MAX = 256,
    GROUP_US = 20000, /* works of a group begin within this: others want their turn */
    PATH_BYTES = 4096,
    DRAG_US_MAX = 5000000, /* of one transaction of a slow store */
    DRAG_STEP_US = 20000,
};

enum { REDO = 1 }; /* a status: undone without its fault */

struct reader {
    struct store *store;
    struct store_tx *tx; /* NULL: to be opened by its thread */
    pthread_t thread;
};

struct store {
    struct store_opts opts; /* without its strings */
    char *path;             /* of the file */
    struct turnstile *turnstile;
    struct store_tx *tx;
    struct store_log log;
    struct reader reader[READERS_MAX];
    pthread_t writer;
    _Atomic double slow; /* works take so many times as long */

    pthread_mutex_t mutex; /* for all below */
    struct store_lane writes, reads;
    struct store_job *answers, **answers_tail; /* for store_answer */
    struct store_stats stats;
    bool stopping;
    bool ended; /* threads, connections: all but the answers */
};

/* ---- handing over ---- */

static void *write_on(void *context);
static void *read_on(void *context);

/* Many a store is hardly ever written, or read by two at once. */
static bool is_manned(struct store *s, const struct store_lane *lane)
{
    struct reader *next = &s->reader[s->reads.threads % READERS_MAX];
    return lane == &s->writes
               ? store_lane_man(&s->writes, 1, &s->writer, write_on, s)
               : store_lane_man(&s->reads, s->opts.readers, &next->thread, read_on, next);
}

static bool hand_over(struct store *s, struct store_lane *lane, const struct store_job *job)
{
    pthread_mutex_lock(&s->mutex);
    bool accepted = !s->stopping && is_manned(s, lane) && store_lane_push(lane, job);
    *(accepted ? &s->stats.accepted : &s->stats.refused) += 1;
    pthread_mutex_unlock(&s->mutex);
    return accepted;
}

bool store_write(struct store *s, store_work *work, void *context, store_done *done,
                 void *done_context)
{
    struct store_job job = {
        .work = work, .context = context, .done = done, .done_context = done_context};
    return hand_over(s, &s->writes, &job);
}

bool store_read(struct store *s, store_work *work, void *context, store_done *done,
                void *done_context)
{
    struct store_job job = {
        .work = work, .context = context, .done = done, .done_context = done_context};
    return hand_over(s, &s->reads, &job);
}

static size_t pop(struct store *s, struct store_lane *lane, struct store_job **job, size_t max)
{
    pthread_mutex_lock(&s->mutex);
    size_t count = store_lane_pop(lane, job, max);
    pthread_mutex_unlock(&s->mutex);
    return count;
}

/* Wait for jobs. False when there will be none any more. */
static bool wait_for_jobs(struct store *s, struct store_lane *lane)
{
    pthread_mutex_lock(&s->mutex);
    bool any = store_lane_wait(lane, &s->mutex, &s->stopping);
    pthread_mutex_unlock(&s->mutex);
    return any;
}

/* ---- answers ---- */

static void answer_one(struct store *s, struct store_job *job)
{
    job->done(job->done_context, job->status, &job->err);
    pthread_mutex_lock(&s->mutex);
    bool write = job->lane == &s->writes;
    *(write ? &s->stats.writes : &s->stats.reads) += 1;
    if (job->status < 0)
        *(write ? &s->stats.writes_failed : &s->stats.reads_failed) += 1;
    store_lane_recycle(job);
    pthread_mutex_unlock(&s->mutex);
}

static void answer(struct store *s, struct store_job **job, size_t count)
{
    if (!s->opts.wake) {
        for (size_t i = 0; i < count; i++)
            answer_one(s, job[i]);
        return;
    }
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        job[i]->next = i + 1 < count ? job[i + 1] : NULL;
    pthread_mutex_lock(&s->mutex);
    bool first = !s->answers;
    *s->answers_tail = job[0];
    s->answers_tail = &job[count - 1]->next;
    pthread_mutex_unlock(&s->mutex);
    if (first)
        s->opts.wake(s->opts.wake_context);
}

size_t store_answer(struct store *s)
{
    pthread_mutex_lock(&s->mutex);
    struct store_job *job = s->answers;
    s->answers = NULL;
    s->answers_tail = &s->answers;
    pthread_mutex_unlock(&s->mutex);
    size_t count = 0;
    while (job) {
        struct store_job *next = job->next;
        answer_one(s, job);
        job = next;
        count++;
    }
    return count;
}

/* ---- a slow store ---- */

/* What began at `from_us` has been done; let it take as long as a slow store would. */
static void drag(struct store *s, int64_t from_us, bool turn)
{
    double slow = atomic_load_explicit(&s->slow, memory_order_relaxed);
    if (slow <= 1)
        return;
    int64_t now_us = clock_us();
    double more_us = (double)(now_us - from_us) * (slow - 1);
    int64_t end_us = now_us + (more_us < DRAG_US_MAX ? (int64_t)more_us : DRAG_US_MAX);
    while ((now_us = clock_us()) < end_us) {
        int64_t us = end_us - now_us < DRAG_STEP_US ? end_us - now_us : DRAG_STEP_US;
        nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
        if (turn)
            turnstile_beat(s->turnstile);
    }
}

void store_suffer(struct store *s, double slow, bool full)
{
    atomic_store_explicit(&s->slow, slow, memory_order_relaxed);
    store_disk_full(full);
}

/* ---- writing ---- */

static void fail_all(struct store_job **job, size_t count, const struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        job[i]->status = -1;
        job[i]->err = *err;
    }
}

static void redo_done(struct store_job **job, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (job[i]->status == 0)
            job[i]->status = REDO;
}

/* Run jobs as one transaction, with the turn. Each is then done, failed, or to be run again. False
 * when the transaction was lost, and they had better be tried one by one. */
static bool transact(struct store *s, struct store_job **job, size_t count)
{
    struct error err;
    for (size_t i = 0; i < count; i++)
        job[i]->status = REDO;
    if (store_log_room(&s->log, &err) < 0 || store_log_begin(&s->log, &err) < 0) {
        fail_all(job, count, &err);
        return true;
    }
    int64_t end_us = clock_us() + GROUP_US;
    size_t ran = 0;
    while (ran < count && (ran == 0 || clock_us() < end_us)) {
        struct store_job *j = job[ran++];
        j->status = store_tx_work(s->tx, j->work, j->context, s->opts.work_us_max, &j->err);
        turnstile_beat(s->turnstile);
        if (!store_tx_alive(s->tx)) {
            redo_done(job, ran);
            return false;
        }
    }
    if (store_tx_commit(s->tx, &err) == 0)
        return true;
    if (ran > 1)
        redo_done(job, ran);
    else if (job[0]->status == 0)
        fail_all(job, 1, &err);
    return false;
}

/* Answer those that are settled, keep the others. */
static size_t settle(struct store *s, struct store_job **job, size_t count)
{
    struct store_job *settled[GROUP_MAX];
    size_t kept = 0, n = 0;
    for (size_t i = 0; i < count; i++) {
        if (job[i]->status == REDO)
            job[kept++] = job[i];
        else
            settled[n++] = job[i];
    }
    answer(s, settled, n);
    return kept;
}

/* One that began to wait for its turn at `began_us`. */
static void count_commit(struct store *s, int64_t began_us)
{
    int64_t took_us = clock_us() - began_us;
    pthread_mutex_lock(&s->mutex);
    s->stats.commits++;
    s->stats.commit_us += (uint64_t)took_us;
    s->stats.checkpoints = s->log.folds;
    s->stats.resets = s->log.resets;
    s->stats.killed = s->log.killed;
    s->stats.wal_pages = store_log_pages(&s->log);
    s->stats.wal_pages_seen_max = s->log.pages_seen_max;
    if (s->stats.wal_pages > s->stats.wal_pages_seen_max)
        s->stats.wal_pages_seen_max = s->stats.wal_pages;
    pthread_mutex_unlock(&s->mutex);
}

/* Write what waits. It is gathered when the turn has come, so that what arrives while we queue goes
 * along. */
static void write_group(struct store *s)
{
    struct store_job *job[GROUP_MAX];
    struct error err;
    size_t count = 0;
    bool alone = false;
    do {
        int64_t began_us = clock_us();
        bool turn = turnstile_take(s->turnstile, &err) == 0;
        if (count == 0)
            count = pop(s, &s->writes, job, GROUP_MAX);
        if (!turn)
            fail_all(job, count, &err);
        else {
            int64_t from_us = clock_us();
            if (!transact(s, job, alone ? 1 : count))
                alone = true;
            drag(s, from_us, true);
            turnstile_give(s->turnstile);
            count_commit(s, began_us);
        }
        count = settle(s, job, count);
    } while (count > 0);

    int64_t fold_us = clock_us();
    if (store_log_due(&s->log) && turnstile_take(s->turnstile, &err) == 0) {
        store_log_fold(&s->log);
        turnstile_give(s->turnstile);
        count_commit(s, fold_us);
    }
}

/* ---- reading ---- */

/* With the turn. */
static int connect_reader(struct reader *r, struct error *err)
{
    return store_tx_open(&r->tx, r->store->path, STORE_TX_READ, err);
}

/* A reader that is not the first connects when there is work for it. It may wait for a writer then,
 * so another one is woken for the work. */
static int join_readers(struct reader *r, struct error *err)
{
    if (r->tx != NULL)
        return 0;
    pthread_cond_signal(&r->store->reads.wake);
    if (turnstile_take(r->store->turnstile, err) < 0)
        return -1;
    int status = connect_reader(r, err);
    turnstile_give(r->store->turnstile);
    return status;
}

static void *read_on(void *context)
{
    struct reader *r = context;
    struct store *s = r->store;
    while (wait_for_jobs(s, &s->reads)) {
        struct store_job *job;
        struct error err;
        int joined = join_readers(r, &err);
        if (pop(s, &s->reads, &job, 1) == 0)
            continue;
        if (joined < 0) {
            fail_all(&job, 1, &err);
            answer(s, &job, 1);
            continue;
        }
        int64_t us_max = s->opts.read_us_max, from_us = clock_us();
        job->status = store_tx_begin(r->tx, us_max, &job->err);
        if (job->status == 0) {
            job->status = store_tx_work(r->tx, job->work, job->context, us_max, &job->err);
            store_tx_rollback(r->tx);
        }
        drag(s, from_us, false);
        answer(s, &job, 1);
    }
    return NULL;
}

/* ---- ending ---- */

/* Close what the store has open. Leaving is done with the turn, like all that may touch the log. */
static void disconnect(struct store *s)
{
    struct error err;
    bool turn = turnstile_take(s->turnstile, &err) == 0;
    for (unsigned i = 0; i < s->opts.readers; i++)
        store_tx_close(s->reader[i].tx);
    store_tx_close(s->tx);
    if (s->log.tx)
        store_log_close(&s->log);
    if (turn)
        turnstile_give(s->turnstile);
}

static void *write_on(void *context)
{
    struct store *s = context;
    while (wait_for_jobs(s, &s->writes))
        write_group(s);
    for (unsigned i = 0; i < s->reads.threads; i++) /* none is added once we are stopping */
        pthread_join(s->reader[i].thread, NULL);
    disconnect(s);
    pthread_mutex_lock(&s->mutex);
    s->ended = true;
    pthread_mutex_unlock(&s->mutex);
    if (s->opts.wake)
        s->opts.wake(s->opts.wake_context);
    return NULL;
}

static uint64_t waiting(const struct store *s)
{
    return s->stats.accepted - s->stats.writes - s->stats.reads;
}

/* The writer closes what is open. */
void store_stop(struct store *s)
{
    pthread_mutex_lock(&s->mutex);
    bool first = !s->stopping, here = false;
    s->stopping = true;
    if (first && s->writes.threads == 0)
        here = !store_lane_start(&s->writes, &s->writer, write_on, s);
    pthread_cond_broadcast(&s->writes.wake);
    pthread_cond_broadcast(&s->reads.wake);
    pthread_mutex_unlock(&s->mutex);
    if (here)
        write_on(s);
}

bool store_stopped(struct store *s)
{
    pthread_mutex_lock(&s->mutex);
    bool stopped = s->ended && waiting(s) == 0;
    pthread_mutex_unlock(&s->mutex);
    return stopped;
}

static void free_store(struct store *s)
{
    turnstile_close(s->turnstile);
    store_lane_release(&s->writes);
    store_lane_release(&s->reads);
    pthread_mutex_destroy(&s->mutex);
    free(s->path);
    free(s);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    store_stop(s);
    if (s->writes.threads > 0)
        pthread_join(s->writer, NULL);
    store_answer(s);
    assert(waiting(s) == 0);
    free_store(s);
}

struct store_stats store_stats(struct store *s)
{
    pthread_mutex_lock(&s->mutex);
    struct store_stats stats = s->stats;
    stats.waiting = (uint32_t)waiting(s);
    pthread_mutex_unlock(&s->mutex);
    stats.killed += turnstile_stats(s->turnstile).killed;
    return stats;
}

/* ---- beginning ---- */

static void beat(void *context)
{
    turnstile_beat(context);
}

/* With the turn. */
static int open_file(struct store *s, const struct store_opts *opts, const char *path,
                     struct error *err)
{
    if (store_tx_open(&s->tx, path, STORE_TX_WRITE, err) < 0)
        return -1;
    store_tx_beat(s->tx, beat, s->turnstile);
    return store_schema_apply(s->tx, opts->folder, opts->owner, opts->schema, opts->schema_count,
                              err);
}

/* With the turn. */
static int connect(struct store *s, const struct store_opts *opts, struct error *err)
{
    char path[PATH_BYTES], shared[PATH_BYTES];
    bool ours, fresh;
    if (store_folder_path(path, sizeof path, opts->folder, "rows.db", err) < 0 ||
        store_folder_path(shared, sizeof shared, opts->folder, "rows.db-shm", err) < 0 ||
        store_folder_check(opts->folder, opts->owner, &ours, err) < 0)
        return -1;
    if (!ours && store_folder_name(opts->folder, opts->owner, err) < 0)
        return -1;
    fresh = access(path, F_OK) < 0;
    for (unsigned i = 0; i < s->opts.readers; i++)
        s->reader[i].store = s;
    s->path = strdup(path);
    if (!s->path)
        return error_memory(err);
    if (open_file(s, opts, path, err) < 0 || connect_reader(&s->reader[0], err) < 0 ||
        (fresh && store_folder_flush(opts->folder, err) < 0) ||
        store_log_open(&s->log, s->tx, shared, s->opts.wal_pages_max, s->opts.read_us_max, err) < 0)
        return -1;
    store_log_fold(&s->log);
    return 0;
}

static void set_defaults(struct store_opts *opts)
{
    opts->readers = opts->readers ? opts->readers : 2;
    opts->writes_max = opts->writes_max ? opts->writes_max : 1024;
    opts->reads_max = opts->reads_max ? opts->reads_max : 1024;
    opts->wal_pages_max = opts->wal_pages_max ? opts->wal_pages_max : 4096;
    opts->work_us_max = opts->work_us_max ? opts->work_us_max : 100000;
    opts->read_us_max = opts->read_us_max ? opts->read_us_max : 250000;
    assert(opts->readers <= READERS_MAX && opts->writes_max <= 65536 && opts->reads_max <= 65536);
    assert(opts->wal_pages_max >= 64 && opts->wal_pages_max <= 1000000);
}

int store_open(struct store **out, const struct store_opts *opts, struct error *err)
{
    bool ours; /* looked at before anything is made in a folder of someone else's */
    if (store_folder_check(opts->folder, opts->owner, &ours, err) < 0)
        return -1;
    store_disk_init();
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return error_memory(err);
    s->opts = *opts;
    set_defaults(&s->opts);
    s->answers_tail = &s->answers;
    atomic_init(&s->slow, 1);
    pthread_mutex_init(&s->mutex, NULL);
    if (store_lane_init(&s->writes, s->opts.writes_max) < 0 ||
        store_lane_init(&s->reads, s->opts.reads_max) < 0) {
        error_memory(err);
        goto out;
    }
    if (turnstile_open(&s->turnstile, opts->folder, opts->stuck_us, err) < 0)
        goto out;
    if (turnstile_take(s->turnstile, err) < 0)
        goto out;
    int status = connect(s, opts, err);
    turnstile_give(s->turnstile);
    if (status < 0) {
        disconnect(s);
        goto out;
    }
    *out = s;
    return 0;

out:
    free_store(s);
    return -1;
}
