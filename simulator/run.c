#include "simulator/run.h"

#include <assert.h>
#include <pthread.h>
#include <time.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "simulator/faults.h"
#include "simulator/result.h"
#include "simulator/warn.h"
#include "simulator/world.h"

/* A replication runs in slices, and looks after each one whether to stop: so many that one has some
 * hundred thousand requests at most, which take a fraction of a second. */
enum { SLICES_MIN = 64, SLICES_MAX = 1 << 20, SLICE_REQUESTS = 200000 };

struct crew { /* the threads of one scenario; what changes is under `lock` */
    const struct topo *topo;
    const struct capacity_plan *plan;
    const struct scenario *scenario;
    const struct run_opts *opts;
    pthread_mutex_t lock;
    pthread_cond_t moved; /* a slice or a thread has ended */
    int64_t next;
    int64_t slices; /* per replication */
    int64_t slices_done;
    int64_t at_work;
    int64_t failed; /* the first replication that has; `replications`: none */
    struct error err;
    struct result_sample *sample; /* [replications] */
    bool *done;                   /* [replications] */
};

static bool must_stop(const struct run_opts *opts)
{
    return opts->stop != NULL && __atomic_load_n(opts->stop, __ATOMIC_RELAXED) != 0;
}

static int64_t slices_of(const struct topo *topo, const struct scenario *scenario)
{
    double rps = 0;
    for (size_t i = 0; i < topo->country_count; i++)
        rps += topo->countries[i].peak_rps;
    double requests = rps * scenario->load * (double)scenario->duration_us * 1e-6;
    double slices = requests / SLICE_REQUESTS;
    if (slices < SLICES_MIN)
        return SLICES_MIN;
    return slices < SLICES_MAX ? (int64_t)slices : SLICES_MAX;
}

/* One replication, in slices. 0 done, 1 given up, -1 with `err` set. */
static int replicate(struct crew *crew, int64_t index, struct arena *a, struct error *err)
{
    struct world *w = arena_alloc(a, 1, sizeof *w);
    if (w == NULL)
        return error_memory(err);
    if (world_init(w, crew->topo, crew->plan, crew->scenario, (uint64_t)crew->opts->seed,
                   (uint64_t)index, a, err) != 0)
        return -1;
    int64_t end_ns = crew->scenario->duration_us * 1000;
    for (int64_t slice = 1; slice <= crew->slices; slice++) {
        int64_t until_ns = slice == crew->slices ? end_ns : end_ns / crew->slices * slice;
        if (world_run(w, until_ns, err) != 0)
            return -1;
        pthread_mutex_lock(&crew->lock);
        crew->slices_done++;
        bool vain = crew->failed < index;
        pthread_cond_signal(&crew->moved);
        pthread_mutex_unlock(&crew->lock);
        if (slice < crew->slices && (vain || must_stop(crew->opts)))
            return 1;
    }
    result_sample_take(&crew->sample[index], &w->count, crew->topo);
    return 0;
}

static void *work(void *context)
{
    struct crew *crew = context;
    for (;;) {
        pthread_mutex_lock(&crew->lock);
        int64_t index = crew->next++;
        bool enough = index >= crew->opts->replications || crew->failed < index;
        pthread_mutex_unlock(&crew->lock);
        if (enough || must_stop(crew->opts))
            break;
        struct arena a = {0};
        struct error err;
        int end = replicate(crew, index, &a, &err);
        arena_release(&a);
        pthread_mutex_lock(&crew->lock);
        crew->done[index] = end == 0;
        if (end < 0 && index < crew->failed) { /* all before it have begun: the error is certain */
            crew->failed = index;
            crew->err = err;
        }
        pthread_mutex_unlock(&crew->lock);
    }
    pthread_mutex_lock(&crew->lock);
    crew->at_work--;
    pthread_cond_signal(&crew->moved);
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* Tell the caller how far it is until the last thread has gone. */
static void watch(struct crew *crew)
{
    double all = (double)crew->opts->replications * (double)crew->slices;
    int64_t told = 0;
    bool working = true;
    while (working) {
        if (crew->opts->progress != NULL)
            crew->opts->progress(crew->opts->context, (double)told / all);
        pthread_mutex_lock(&crew->lock);
        while (crew->slices_done == told && crew->at_work > 0)
            pthread_cond_wait(&crew->moved, &crew->lock);
        working = crew->slices_done > told || crew->at_work > 0;
        told = crew->slices_done;
        pthread_mutex_unlock(&crew->lock);
    }
}

static int run_crew(struct crew *crew, struct arena *a, struct error *err)
{
    int64_t jobs =
        crew->opts->jobs < crew->opts->replications ? crew->opts->jobs : crew->opts->replications;
    pthread_t *thread = arena_alloc(a, (size_t)jobs, sizeof thread[0]);
    if (thread == NULL)
        return error_memory(err);
    int64_t started = 0;
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
    if (started == 0)
        error_set(&crew->err, ERR_SYSTEM, "cannot start a thread");
    watch(crew);
    for (int64_t i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    pthread_cond_destroy(&crew->moved);
    pthread_mutex_destroy(&crew->lock);
    if (crew->failed < crew->opts->replications || started == 0) {
        *err = crew->err;
        return -1;
    }
    return 0;
}

static double wall_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int run_scenario(struct run_result *result, const struct topo *topo,
                 const struct capacity_plan *plan, const struct scenario *scenario,
                 const struct run_opts *opts, struct arena *a, struct error *err)
{
    assert(opts->replications >= 1);
    assert(opts->jobs >= 1);
    if (faults_check(scenario, topo, plan, err) != 0)
        return -1;
    size_t n = (size_t)opts->replications;
    struct crew crew = {
        .topo = topo,
        .plan = plan,
        .slices = slices_of(topo, scenario),
        .scenario = scenario,
        .opts = opts,
        .failed = opts->replications,
    };
    crew.sample = arena_alloc(a, n, sizeof crew.sample[0]);
    crew.done = arena_alloc(a, n, sizeof crew.done[0]);
    const struct result_sample **ended = arena_alloc(a, n, sizeof ended[0]);
    if (crew.sample == NULL || crew.done == NULL || ended == NULL)
        return error_memory(err);
    for (size_t i = 0; i < n; i++)
        if (result_sample_init(&crew.sample[i], topo, a) != 0)
            return error_memory(err);
    double begin_s = wall_s();
    if (run_crew(&crew, a, err) != 0)
        return -1;
    struct run_result made = {.seed = opts->seed, .wall_s = wall_s() - begin_s};
    for (size_t i = 0; i < n; i++)
        if (crew.done[i])
            ended[made.replications++] = &crew.sample[i];
    made.stopped = made.replications < opts->replications;
    if (made.replications == 0)
        return error_set(err, ERR_SYSTEM, "stopped before the first replication had ended");
    if (warn_of(&made.warnings, &made.warning_count, topo, plan, scenario, a) != 0)
        return error_memory(err);
    if (result_fill(&made, ended, (size_t)made.replications, topo, plan, scenario, a, err) != 0)
        return -1;
    made.events_per_s = (double)made.events / made.wall_s;
    *result = made;
    return 0;
}
