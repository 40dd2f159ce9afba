#include "simulator/validate.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/fmath.h"
#include "simulator/tables.h"

static const double FAMILY_LEVEL = 0.99;

/* ---- the result as JSON ---- */

static const char *const verdict_words[] = {"agrees", "exact only", "misses", NULL};

static const struct json_field row_fields[] = {
    JSON_STR(struct validate_row, name, "name", .doc = "Which number of the table"),
    JSON_F64(struct validate_row, published, "published", 0, 0, .nullable = true,
             .doc = "As the source has it; null: it has none"),
    JSON_F64(struct validate_row, exact, "exact", 0, 0, .nullable = true,
             .doc = "By formula; null: there is none"),
    JSON_F64(struct validate_row, simulated, "simulated", 0, 0, .nullable = true,
             .doc = "Mean over replications, with controls where there are some; null: not "
                    "simulated"),
    JSON_F64(struct validate_row, half_width, "half_width", 0, 0, .nullable = true,
             .doc = "Of its interval at row_level; 0: there is no chance in it"),
    JSON_F64(struct validate_row, plain, "plain", 0, 0, .nullable = true,
             .doc = "Mean over replications without controls; null: there are none"),
    JSON_F64(struct validate_row, plain_half_width, "plain_half_width", 0, 0, .nullable = true,
             .doc = "Of its interval at row_level"),
    JSON_F64(struct validate_row, allowed, "allowed", 0, 0,
             .doc = "By which the simulated value may be off besides, for the reason that source "
                    "or note gives"),
    JSON_I64(struct validate_row, replications, "replications", 0, 1e9, .doc = "Independent runs"),
    JSON_WORD(struct validate_row, verdict, "verdict", verdict_words,
              .doc = "Whether published, exact and simulated agree"),
    JSON_STR(struct validate_row, note, "note", .nullable = true,
             .doc = "Why it misses, or is not simulated"),
    JSON_END,
};

static const struct json_field table_fields[] = {
    JSON_STR(struct validate_table, word, "table", .doc = "Its name for --only"),
    JSON_STR(struct validate_table, title, "title", .doc = "What its values are"),
    JSON_STR(struct validate_table, source, "source", .doc = "Where they are from"),
    JSON_LIST(struct validate_table, rows, row_count, "rows", struct validate_row, row_fields,
              .doc = "One per number"),
    JSON_END,
};

const struct json_field validate_fields[] = {
    JSON_BOOL(struct validate_result, pass, "pass", .doc = "Every row agrees"),
    JSON_I64(struct validate_result, seed, "seed", 0, 9007199254740991.0,
             .doc = "Of the random streams"),
    JSON_I64(struct validate_result, rows, "rows", 0, 1e9, .doc = "In all tables"),
    JSON_I64(struct validate_result, agree, "agree", 0, 1e9,
             .doc = "That agree, those that are exact only included"),
    JSON_I64(struct validate_result, simulated, "simulated", 0, 1e9, .doc = "That are simulated"),
    JSON_F64(struct validate_result, family_level, "family_level", 0, 1,
             .doc = "With this probability all intervals hold at once"),
    JSON_F64(struct validate_result, row_level, "row_level", 0, 1, .doc = "Each one with this"),
    JSON_F64(struct validate_result, wall_s, "wall_s", 0, 0, .doc = "How long it took, seconds"),
    JSON_LIST(struct validate_result, tables, table_count, "tables", struct validate_table,
              table_fields, .doc = "By subject"),
    JSON_END,
};

/* ---- the threads ---- */

struct crew { /* what changes is under `lock` */
    const struct validate_opts *opts;
    double level;
    const struct subject **order; /* the longest first */
    size_t count;
    double cost; /* of all */
    pthread_mutex_t lock;
    pthread_cond_t moved; /* a subject or a thread has ended */
    size_t next;
    double cost_done;
    int64_t at_work;
    size_t failed; /* the first in order that has; `count`: none */
    struct error err;
};

static bool must_stop(const struct validate_opts *opts)
{
    return opts->stop != NULL && __atomic_load_n(opts->stop, __ATOMIC_RELAXED) != 0;
}

static void *work(void *context)
{
    struct crew *crew = context;
    pthread_mutex_lock(&crew->lock);
    while (crew->next < crew->count && crew->failed == crew->count && !must_stop(crew->opts)) {
        size_t index = crew->next++;
        pthread_mutex_unlock(&crew->lock);
        struct arena a = {0};
        struct error err;
        int status =
            subject_run(crew->order[index], (uint64_t)crew->opts->seed, crew->level, &a, &err);
        arena_release(&a);
        pthread_mutex_lock(&crew->lock);
        crew->cost_done += crew->order[index]->cost;
        if (status != 0 && index < crew->failed) {
            crew->failed = index;
            crew->err = err;
        }
        pthread_cond_signal(&crew->moved);
    }
    crew->at_work--;
    pthread_cond_signal(&crew->moved);
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* Tell the caller how far it is until the last thread has gone. */
static void watch(struct crew *crew)
{
    bool working = true;
    while (working) {
        pthread_mutex_lock(&crew->lock);
        double told = crew->cost_done;
        working = crew->at_work > 0;
        pthread_mutex_unlock(&crew->lock);
        if (crew->opts->progress != NULL)
            crew->opts->progress(crew->opts->context, crew->cost > 0 ? told / crew->cost : 1);
        pthread_mutex_lock(&crew->lock);
        while (crew->cost_done <= told && crew->at_work > 0 && working)
            pthread_cond_wait(&crew->moved, &crew->lock);
        pthread_mutex_unlock(&crew->lock);
    }
}

static int run_crew(struct crew *crew, struct arena *a, struct error *err)
{
    int64_t jobs = crew->opts->jobs, started = 0;
    pthread_t *thread = arena_alloc(a, (size_t)jobs, sizeof thread[0]);
    if (thread == NULL)
        return error_memory(err);
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->moved, NULL);
    crew->at_work = jobs;
    while (started < jobs && pthread_create(&thread[started], NULL, work, crew) == 0)
        started++;
    if (started < jobs) { /* fewer threads than asked for give the same answer */
        pthread_mutex_lock(&crew->lock);
        crew->at_work -= jobs - started;
        pthread_mutex_unlock(&crew->lock);
    }
    watch(crew);
    for (int64_t i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    pthread_cond_destroy(&crew->moved);
    pthread_mutex_destroy(&crew->lock);
    if (started == 0)
        return error_set(err, ERR_SYSTEM, "cannot start a thread");
    if (crew->failed < crew->count) {
        *err = crew->err;
        return -1;
    }
    if (must_stop(crew->opts))
        return error_set(err, ERR_SYSTEM, "stopped before all rows were simulated");
    return 0;
}

static int longer_first(const void *one, const void *other)
{
    const struct subject *x = *(const struct subject *const *)one;
    const struct subject *y = *(const struct subject *const *)other;
    if (x->cost != y->cost)
        return x->cost < y->cost ? 1 : -1;
    return x < y ? -1 : x > y;
}

/* Simulate all subjects, each interval at `level`. */
static int simulate(const struct tables *t, const struct validate_opts *opts, double level,
                    struct arena *a, struct error *err)
{
    struct crew crew = {.opts = opts, .level = level, .count = t->subject_count};
    crew.failed = crew.count;
    crew.order = arena_alloc(a, crew.count, sizeof(const struct subject *));
    if (crew.order == NULL)
        return error_memory(err);
    for (size_t i = 0; i < crew.count; i++) {
        crew.order[i] = &t->subject[i];
        crew.cost += t->subject[i].cost;
    }
    qsort(crew.order, crew.count, sizeof(const struct subject *), longer_first);
    return run_crew(&crew, a, err);
}

/* ---- all of it ---- */

static void build(struct tables *t)
{
    tables_choices(t);
    tables_shortest(t);
    tables_servers(t);
    tables_general(t);
    tables_tail(t);
    tables_shuffle(t);
    tables_availability(t);
    tables_rules(t);
    tables_hedging(t);
    tables_throttling(t);
    tables_model(t);
}

static double level_of(const struct tables *t)
{
    int64_t intervals = 0;
    for (size_t i = 0; i < t->subject_count; i++)
        intervals += subject_intervals(&t->subject[i]);
    if (intervals == 0)
        return FAMILY_LEVEL;
    return fmath_exp(fmath_log(FAMILY_LEVEL) / (double)intervals);
}

static void count(struct validate_result *result)
{
    for (size_t i = 0; i < result->table_count; i++) {
        for (size_t k = 0; k < result->tables[i].row_count; k++) {
            const struct validate_row *row = &result->tables[i].rows[k];
            result->rows++;
            result->agree += row->verdict != VALIDATE_MISSES;
            result->simulated += !isnan(row->simulated);
        }
    }
    result->pass = result->agree == result->rows;
}

static double wall_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int validate_run(struct validate_result *result, const struct validate_opts *opts, struct arena *a,
                 struct error *err)
{
    assert(opts->jobs >= 1);
    double begin_s = wall_s();
    struct tables t = {
        .a = a,
        .only = opts->only,
        .within = opts->within > 0 ? opts->within : 1,
        .distortion = opts->distortion > 0 ? opts->distortion : 1,
        .table = arena_alloc(a, TABLES_MAX, sizeof(struct validate_table)),
        .subject = arena_alloc(a, TABLES_SUBJECTS_MAX, sizeof(struct subject)),
    };
    if (t.table == NULL || t.subject == NULL)
        return error_memory(err);
    build(&t);
    if (t.failed)
        return error_memory(err);
    if (t.table_count == 0)
        return error_set(err, ERR_UNKNOWN, "no table begins with \"%s\"", opts->only);
    struct validate_result made = {
        .seed = opts->seed,
        .family_level = FAMILY_LEVEL,
        .row_level = level_of(&t),
        .tables = t.table,
        .table_count = t.table_count,
    };
    if (simulate(&t, opts, made.row_level, a, err) != 0)
        return -1;
    count(&made);
    made.wall_s = wall_s() - begin_s;
    *result = made;
    return 0;
}
