#include "simulator/run.h"

#include <assert.h>
#include <pthread.h>
#include <time.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/scenario.h"
#include "base/topo.h"
#include "simulator/faults.h"
#include "simulator/precision.h"
#include "simulator/result.h"
#include "simulator/series.h"
#include "simulator/trace.h"
#include "simulator/warn.h"
#include "simulator/world.h"

/* A replication runs in slices, and looks after each one whether to stop: so many that one has some
 * hundred thousand requests at most, calls included, which take a fraction of a second. */
enum { SLICES_MIN = 64, SLICES_MAX = 1 << 20, SLICE_REQUESTS = 200000 };

/* Those that find the warm-up have numbers that no other replication has. */
enum { PILOTS = 4 };
static const int64_t PILOT_FIRST = INT64_C(1) << 40;

struct crew { /* the threads of one scenario; what changes is under `lock` */
    const struct topo *topo;
    const struct capacity_plan *plan;
    const struct scenario *scenario;
    const struct run_opts *opts;
    pthread_mutex_t lock;
    pthread_cond_t moved;    /* a slice or a thread has ended */
    pthread_mutex_t keeping; /* for opts->keep, which may take its time; never with `lock` */
    int64_t next, end;       /* replications to be done in this round */
    int64_t slices;          /* per replication */
    int64_t slices_done;
    int64_t slices_max; /* of all replications that there may be */
    int64_t at_work;
    int64_t failed; /* the first replication that has; INT64_MAX: none */
    struct error err;
    struct result_sample *sample; /* [replications that there may be] */
    bool *done;                   /* the same */
    bool *loaded;                 /* the same: done, but not by this run */
    struct series *pilot;         /* [countries], the pilots' pooled; without bins before the first.
                                     NULL: these are no pilots */
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
    double load = 0, surge = 1;
    for (size_t i = 0; i < topo->service_count; i++)
        load += topo->services[i].load;
    for (size_t i = 0; i < scenario->fault_count; i++)
        if (scenario->faults[i].kind == FAULT_SURGE && scenario->faults[i].factor > surge)
            surge = scenario->faults[i].factor;
    double breaks = 0; /* each costs about as much as a thousand requests */
    for (size_t i = 0; i < scenario->fault_count; i++)
        if (scenario->faults[i].every_us > 0)
            breaks += (double)scenario->duration_us /
                      (double)(scenario->faults[i].every_us + scenario->faults[i].for_us);
    double requests = rps * scenario->load * load * surge * (double)scenario->duration_us * 1e-6;
    requests += breaks * 1000;
    double slices = requests / SLICE_REQUESTS;
    if (slices < SLICES_MIN)
        return SLICES_MIN;
    return slices < SLICES_MAX ? (int64_t)slices : SLICES_MAX;
}

/* Series may be pooled in any order: what comes out does not depend on who ends first. */
static void keep_pilot(struct crew *crew, const struct world_count *count)
{
    pthread_mutex_lock(&crew->lock);
    for (size_t i = 0; i < crew->topo->country_count; i++) {
        struct series *pooled = &crew->pilot[i];
        if (pooled->width == 0)
            series_copy(pooled, &count->country[i].series);
        else
            series_pool(pooled, &count->country[i].series);
    }
    pthread_mutex_unlock(&crew->lock);
}

static struct run_listener *listener_of(const struct crew *crew, int64_t index)
{
    return index < crew->opts->listener_count ? &crew->opts->listener[index] : NULL;
}

/* Run on to `until_ns`; whoever looks does so now and then on the way, next at `look_ns`. */
static int run_slice(struct world *w, const struct run_listener *l, int64_t *look_ns,
                     int64_t until_ns, struct error *err)
{
    while (l != NULL && l->look != NULL && *look_ns < until_ns) {
        if (world_run(w, *look_ns, err) != 0)
            return -1;
        l->look(l->context, w);
        *look_ns += l->look_ns;
    }
    return world_run(w, until_ns, err);
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
    struct run_listener *l = listener_of(crew, index);
    if (l != NULL && l->trace != NULL && trace_listen(w, l->trace, l->context, a) != 0)
        return error_memory(err);
    int64_t end_ns = crew->scenario->duration_us * 1000, look_ns = 0;
    for (int64_t slice = 1; slice <= crew->slices; slice++) {
        int64_t until_ns = slice == crew->slices ? end_ns : end_ns / crew->slices * slice;
        if (run_slice(w, l, &look_ns, until_ns, err) != 0)
            return -1;
        pthread_mutex_lock(&crew->lock);
        crew->slices_done++;
        bool vain = crew->failed < index;
        pthread_cond_signal(&crew->moved);
        pthread_mutex_unlock(&crew->lock);
        if (slice < crew->slices && (vain || must_stop(crew->opts)))
            return 1;
    }
    if (l != NULL && l->look != NULL)
        l->look(l->context, w);
    if (l != NULL)
        l->heard = true;
    if (crew->pilot != NULL)
        keep_pilot(crew, &w->count);
    else
        result_sample_take(&crew->sample[index], &w->count, crew->topo, end_ns);
    return 0;
}

/* Whether a replication has run before, and what it gave. 1 yes, 0 no, -1 with `err` set. */
static int recall(struct crew *crew, int64_t index, struct error *err)
{
    const struct run_keep *keep = crew->opts->keep;
    if (keep == NULL || crew->pilot != NULL) /* pilots give no sample */
        return 0;
    pthread_mutex_lock(&crew->keeping);
    int found = keep->load(keep->context, index, &crew->sample[index], err);
    pthread_mutex_unlock(&crew->keeping);
    if (found <= 0 || listener_of(crew, index) != NULL)
        return found;
    pthread_mutex_lock(&crew->lock);
    crew->loaded[index] = true;
    crew->slices_done += crew->slices;
    pthread_cond_signal(&crew->moved);
    pthread_mutex_unlock(&crew->lock);
    return 1;
}

static int save(struct crew *crew, int64_t index, struct error *err)
{
    const struct run_keep *keep = crew->opts->keep;
    if (keep == NULL || crew->pilot != NULL)
        return 0;
    pthread_mutex_lock(&crew->keeping);
    int status = keep->save(keep->context, index, &crew->sample[index], err);
    pthread_mutex_unlock(&crew->keeping);
    return status;
}

/* One replication, by running it or by knowing it. 0 done, 1 given up, -1 with `err` set. */
static int obtain(struct crew *crew, int64_t index, struct error *err)
{
    int found = recall(crew, index, err);
    if (found < 0 || (found > 0 && listener_of(crew, index) == NULL))
        return found > 0 ? 0 : -1;
    struct arena a = {0};
    int end = replicate(crew, index, &a, err);
    arena_release(&a);
    if (found > 0) /* and its sample is what was kept, also when it was given up */
        return end < 0 ? -1 : 0;
    return end == 0 ? save(crew, index, err) : end;
}

static void *work(void *context)
{
    struct crew *crew = context;
    for (;;) {
        pthread_mutex_lock(&crew->lock);
        int64_t index = crew->next++;
        bool enough = index >= crew->end || crew->failed < index;
        pthread_mutex_unlock(&crew->lock);
        if (enough || must_stop(crew->opts))
            break;
        struct error err;
        int end = obtain(crew, index, &err);
        pthread_mutex_lock(&crew->lock);
        if (crew->pilot == NULL)
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

/* Tell the caller how far it is, from the `told` slices before, until the last thread has gone. */
static void watch(struct crew *crew, int64_t told)
{
    bool working = true;
    while (working) {
        if (crew->opts->progress != NULL)
            crew->opts->progress(crew->opts->context, (double)told / (double)crew->slices_max);
        pthread_mutex_lock(&crew->lock);
        while (crew->slices_done == told && crew->at_work > 0)
            pthread_cond_wait(&crew->moved, &crew->lock);
        working = crew->slices_done > told || crew->at_work > 0;
        told = crew->slices_done;
        pthread_mutex_unlock(&crew->lock);
    }
}

/* Do replications `first` to `end` - 1. */
static int run_crew(struct crew *crew, int64_t first, int64_t end, struct arena *a,
                    struct error *err)
{
    int64_t jobs = crew->opts->jobs < end - first ? crew->opts->jobs : end - first;
    pthread_t *thread = arena_alloc(a, (size_t)jobs, sizeof thread[0]);
    if (thread == NULL)
        return error_memory(err);
    int64_t started = 0, done_before = crew->slices_done;
    pthread_mutex_init(&crew->lock, NULL);
    pthread_mutex_init(&crew->keeping, NULL);
    pthread_cond_init(&crew->moved, NULL);
    crew->at_work = jobs;
    crew->next = first;
    crew->end = end;
    crew->failed = INT64_MAX;
    while (started < jobs && pthread_create(&thread[started], NULL, work, crew) == 0)
        started++;
    if (started < jobs) { /* fewer threads than asked for give the same answer */
        pthread_mutex_lock(&crew->lock);
        crew->at_work -= jobs - started;
        pthread_mutex_unlock(&crew->lock);
    }
    if (started == 0)
        error_set(&crew->err, ERR_SYSTEM, "cannot start a thread");
    watch(crew, done_before);
    for (int64_t i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    pthread_cond_destroy(&crew->moved);
    pthread_mutex_destroy(&crew->keeping);
    pthread_mutex_destroy(&crew->lock);
    if (crew->failed < INT64_MAX || started == 0) {
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

/* ---- warm-up ---- */

/* The end of a series' warm-up, on a whole millisecond. */
static int64_t settled_us(const struct series *s, const struct scenario *scenario, int *warmup)
{
    struct series_cut cut = series_warmup(s);
    if (!cut.settled)
        *warmup = WARMUP_NOT_SETTLED;
    if (cut.bins == 0)
        return scenario->warmup_us;
    return (s->bin[cut.bins - 1].end_ns + 999999) / 1000000 * 1000;
}

/* Find the warm-up of `scenario` and put it there. */
static int find_warmup(struct crew *crew, struct scenario *scenario, int *warmup, struct arena *a,
                       struct error *err)
{
    struct scenario calm = *scenario;
    calm.fault_count = 0;
    crew->scenario = &calm;
    crew->pilot = arena_alloc(a, crew->topo->country_count, sizeof crew->pilot[0]);
    for (size_t i = 0; crew->pilot != NULL && i < crew->topo->country_count; i++) {
        crew->pilot[i].bin = arena_alloc(a, SERIES_BINS, sizeof crew->pilot[i].bin[0]);
        if (crew->pilot[i].bin == NULL)
            crew->pilot = NULL;
    }
    if (crew->pilot == NULL)
        return error_memory(err);
    if (run_crew(crew, PILOT_FIRST, PILOT_FIRST + PILOTS, a, err) != 0)
        return -1;
    *warmup = WARMUP_FOUND;
    int64_t latest_us = scenario->warmup_us + (scenario->duration_us - scenario->warmup_us) / 2;
    for (size_t i = 0; i < scenario->fault_count; i++) {
        int64_t at_us = scenario->faults[i].at_us;
        if (at_us > scenario->warmup_us && at_us < latest_us)
            latest_us = at_us;
    }
    int64_t found_us = scenario->warmup_us;
    for (size_t i = 0; i < crew->topo->country_count; i++) {
        int64_t us = settled_us(&crew->pilot[i], scenario, warmup);
        if (us > found_us)
            found_us = us;
    }
    if (found_us > latest_us) {
        found_us = latest_us;
        *warmup = WARMUP_NOT_SETTLED;
    }
    scenario->warmup_us = found_us;
    crew->pilot = NULL;
    return 0;
}

/* ---- a scenario ---- */

/* Make room for replications `first` to `end` - 1. */
static int make_room(struct crew *crew, int64_t first, int64_t end, struct arena *a)
{
    for (int64_t i = first; i < end; i++)
        if (result_sample_init(&crew->sample[i], crew->topo, a) != 0)
            return -1;
    return 0;
}

/* Run round after round; the finished replications end up in `ended`, in their order. Returns how
 * many there are, or -1 with `err` set. */
static int64_t run_rounds(struct crew *crew, const struct result_sample **ended, int64_t max,
                          struct arena *a, struct error *err)
{
    int64_t first = 0, count = 0;
    int64_t end = crew->opts->replications;
    for (;;) {
        if (make_room(crew, first, end, a) != 0)
            return error_memory(err);
        if (run_crew(crew, first, end, a, err) != 0)
            return -1;
        for (; first < end; first++)
            if (crew->done[first])
                ended[count++] = &crew->sample[first];
        if (count < end || end == max)
            return count;
        double widest = precision_widest(ended, (size_t)count, crew->topo, crew->scenario);
        if (widest <= 1)
            return count;
        end = precision_next(end, widest, max);
    }
}

static int check_opts(const struct scenario *scenario, const struct run_opts *opts,
                      struct error *err)
{
    assert(opts->replications >= 1);
    assert(opts->jobs >= 1);
    if (scenario->precision.relative <= 0)
        return 0;
    if (opts->replications < PRECISION_REPLICATIONS_MIN ||
        opts->replications > scenario->precision.replications_max)
        return error_set(err, ERR_RANGE,
                         "replications: with this precision the first round has %d..%lld, got %lld",
                         PRECISION_REPLICATIONS_MIN,
                         (long long)scenario->precision.replications_max,
                         (long long)opts->replications);
    return 0;
}

int run_scenario(struct run_result *result, const struct topo *topo,
                 const struct capacity_plan *plan, const struct scenario *scenario,
                 const struct run_opts *opts, struct arena *a, struct error *err)
{
    if (check_opts(scenario, opts, err) != 0 || faults_check(scenario, topo, plan, err) != 0)
        return -1;
    bool open = scenario->precision.relative > 0; /* how many replications there will be */
    int64_t max = open ? scenario->precision.replications_max : opts->replications;
    struct scenario settled = *scenario;
    struct crew crew = {.topo = topo, .plan = plan, .opts = opts};
    crew.slices = slices_of(topo, scenario);
    crew.slices_max = crew.slices * (max + (scenario->warmup_auto ? PILOTS : 0));
    crew.sample = arena_alloc(a, (size_t)max, sizeof crew.sample[0]);
    crew.done = arena_alloc(a, (size_t)max, sizeof crew.done[0]);
    crew.loaded = arena_alloc(a, (size_t)max, sizeof crew.loaded[0]);
    const struct result_sample **ended = arena_alloc(a, (size_t)max, sizeof ended[0]);
    if (crew.sample == NULL || crew.done == NULL || crew.loaded == NULL || ended == NULL)
        return error_memory(err);
    double begin_s = wall_s();
    struct run_result made = {.seed = opts->seed, .warmup = WARMUP_GIVEN};
    if (scenario->warmup_auto && find_warmup(&crew, &settled, &made.warmup, a, err) != 0)
        return -1;
    double measured_s = wall_s();
    crew.scenario = &settled;
    made.warmup_s = (double)settled.warmup_us * 1e-6;
    made.replications = run_rounds(&crew, ended, max, a, err);
    if (made.replications < 0)
        return -1;
    double end_s = wall_s();
    made.wall_s = end_s - begin_s;
    made.stopped = made.replications < crew.end;
    if (made.replications == 0)
        return error_set(err, ERR_SYSTEM, "stopped before the first replication had ended");
    if (warn_of(&made.warnings, &made.warning_count, topo, plan, &settled, a) != 0)
        return error_memory(err);
    if (open && !made.stopped && opts->progress != NULL)
        opts->progress(opts->context, 1);
    if (result_fill(&made, ended, (size_t)made.replications, topo, plan, &settled, a, err) != 0)
        return -1;
    int64_t events = 0; /* of this run's own replications */
    for (int64_t i = 0; i < crew.end; i++)
        events += crew.done[i] && !crew.loaded[i] ? crew.sample[i].events : 0;
    made.events_per_s = (double)events / (end_s - measured_s);
    *result = made;
    return 0;
}
