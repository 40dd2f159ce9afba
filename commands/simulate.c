#include "commands/simulate.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "simulator/run.h"
#include "wire/clock.h"

static volatile sig_atomic_t stop;

static void on_interrupt(int signal)
{
    (void)signal;
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED); /* the threads read it so */
}

volatile sig_atomic_t *simulate_stop_flag(void)
{
    return &stop;
}

bool simulate_stopped(void)
{
    return __atomic_load_n(&stop, __ATOMIC_RELAXED) != 0;
}

double simulate_work(const struct files *files)
{
    double rps = 0;
    for (size_t i = 0; i < files->topo.country_count; i++)
        rps += files->topo.countries[i].peak_rps;
    return rps * files->scenario.load * (double)files->scenario.duration_us * 1e-6;
}

static double work_of(const struct simulate *s, size_t variant)
{
    return s->work == NULL ? 1 : s->work[variant];
}

/* ---- the line on the terminal ---- */

void simulate_time(char out[SIMULATE_TIME_MAX], double seconds)
{
    double whole = ceil(seconds);
    if (!(whole < 1e9))
        snprintf(out, SIMULATE_TIME_MAX, "years");
    else if (whole < 60)
        snprintf(out, SIMULATE_TIME_MAX, "%.0f s", whole);
    else if (whole < 3600)
        snprintf(out, SIMULATE_TIME_MAX, "%d m %d s", (int)whole / 60, (int)whole % 60);
    else
        snprintf(out, SIMULATE_TIME_MAX, "%d h %d m", (int)whole / 3600, (int)whole % 3600 / 60);
}

/* Put `text` where the last one was. */
static void show_line(struct simulate *s, const char *text)
{
    int length = fprintf(stderr, "\r%s", text) - 1;
    if (length < s->shown)
        fprintf(stderr, "%*s", s->shown - length, "");
    s->shown = length;
}

/* Append " X left", by what has been run here so far and how long it took. */
static void put_time_left(char *out, size_t size, const struct simulate *s, double done)
{
    double each = work_of(s, s->variant);
    double known = (double)__atomic_load_n(&s->loaded, __ATOMIC_RELAXED);
    double here = s->work_before + each * (done * (double)s->replications - known);
    double left = s->work_later + each * (1 - done) * (double)s->replications;
    double seconds = (double)(clock_us() - s->begin_us) * 1e-6;
    char text[SIMULATE_TIME_MAX];
    if (here <= 0 || seconds < 1)
        return;
    simulate_time(text, seconds / here * left);
    snprintf(out, size, ", %s left", text);
}

static void show_progress(void *context, double done)
{
    struct simulate *s = context;
    char text[160], left[48] = "";
    int64_t replication = (int64_t)(done * (double)s->replications) + 1;
    if (replication > s->replications)
        replication = s->replications;
    put_time_left(left, sizeof left, s, done);
    if (s->variants > 1)
        snprintf(text, sizeof text, "variant %zu of %zu, replication %lld of %lld%s",
                 s->variant + 1, s->variants, (long long)replication, (long long)s->replications,
                 left);
    else
        snprintf(text, sizeof text, "simulating %3d %%%s", (int)(done * 100), left);
    show_line(s, text);
}

void simulate_loaded(struct simulate *s)
{
    __atomic_fetch_add(&s->loaded, 1, __ATOMIC_RELAXED);
}

/* ---- running ---- */

void simulate_begin(struct simulate *s)
{
    struct sigaction once = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    stop = 0;
    sigaction(SIGINT, &once, &s->before);
    s->terminal = isatty(STDERR_FILENO) != 0;
    s->begin_us = clock_us();
    for (size_t i = 1; i < s->variants; i++)
        s->work_later += work_of(s, i) * (double)s->replications;
    if (s->jobs == 0) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        s->jobs = processors > 0 ? processors : 1;
    }
}

int simulate_run(struct simulate *s, struct run_result *result, size_t variant,
                 const struct files *files, const struct run_keep *keep, struct arena *a,
                 struct error *err)
{
    const struct run_opts opts = {
        .seed = s->seed,
        .replications = s->replications,
        .jobs = s->jobs,
        .stop = &stop,
        .progress = s->terminal ? show_progress : NULL,
        .context = s,
        .keep = keep,
        .listener = s->listener,
        .listener_count = s->listener_count,
    };
    for (; s->variant < variant; s->variant++) {
        s->work_before += work_of(s, s->variant) * (double)(s->replications - s->loaded);
        s->work_later -= work_of(s, s->variant + 1) * (double)s->replications;
        s->loaded = 0;
    }
    return run_scenario(result, &files->topo, &files->plan, &files->scenario, &opts, a, err);
}

void simulate_end(struct simulate *s)
{
    sigaction(SIGINT, &s->before, NULL);
    if (s->shown > 0)
        fprintf(stderr, "\r%*s\r", s->shown, "");
    s->shown = 0;
}
