#include "control/progress.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/fmath.h"
#include "base/topo.h"

const char *const progress_state_words[] = {"well", "slow", "failing", NULL};

static const enum progress_state state_of[] = {
    [PROGRESS_FINE] = PROGRESS_WELL,     [PROGRESS_SILENT] = PROGRESS_FAILING,
    [PROGRESS_STUCK] = PROGRESS_FAILING, [PROGRESS_ERRORS] = PROGRESS_FAILING,
    [PROGRESS_WAITS] = PROGRESS_SLOW,    [PROGRESS_COMMITS] = PROGRESS_SLOW,
    [PROGRESS_WORKS] = PROGRESS_SLOW,
};

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

struct progress_opts progress_opts_of(const struct topo_service *service,
                                      const struct topo_policy *policy)
{
    enum { SECOND_US = 1000000 };
    return (struct progress_opts){
        .look_us = SECOND_US,
        .silent_us = larger(2 * policy->timeout_us, 2 * SECOND_US),
        .stuck_us = larger(larger(2 * policy->timeout_us, 10 * service->time_us), 2 * SECOND_US),
        .errors_max = 0.05,
        .wait_us = larger(policy->timeout_us / 2, 1),
        .commit_us = 250000, /* for so long one process may hold the turnstile of a store */
        .work_us = 2 * service->time_us,
        .count_min = 10,
        .window_us = 10 * SECOND_US,
        .worse_looks = 3,
        .better_looks = 10,
        .leave = 0.7,
    };
}

void progress_init(struct progress *p, const struct progress_opts *opts, int64_t now_us)
{
    assert(opts->look_us > 0 && opts->worse_looks > 0 && opts->better_looks > 0);
    assert(opts->leave > 0 && opts->leave <= 1);
    *p = (struct progress){
        .opts = *opts,
        .since_us = now_us,
        .base_us = now_us,
        .moved_us = now_us,
        .heard_us = now_us,
        .looked_us = now_us,
    };
}

/* ---- what a look finds ---- */

struct finding { /* the worst rule that holds */
    enum progress_rule rule;
    double measured, limit;
    bool counted; /* enough was finished to tell, or it had nothing to do */
};

/* A measure against its limit: to stay in the state that it is in already, less is enough. */
static void judge(const struct progress *p, enum progress_rule rule, double measured, double limit,
                  struct finding *f)
{
    double least = p->state >= state_of[rule] ? p->opts.leave * limit : limit;
    if (measured <= least || state_of[rule] <= state_of[f->rule])
        return;
    f->rule = rule;
    f->measured = measured;
    f->limit = limit;
}

static void judge_mean(const struct progress *p, enum progress_rule rule, int64_t sum,
                       int64_t count, double limit, struct finding *f)
{
    if (count > 0)
        judge(p, rule, (double)sum / (double)count, limit * (1 + 2 / fmath_sqrt((double)count)), f);
}

/* Shares and means since `base`, once that is enough to say something. */
static void judge_counts(struct progress *p, const struct progress_sample *s, int64_t now_us,
                         struct finding *f)
{
    const struct progress_opts *o = &p->opts;
    const struct progress_sample *b = &p->base;
    int64_t finished = s->finished - b->finished, failed = s->failed - b->failed;
    int64_t commits = s->commits - b->commits, most = larger(finished, commits);
    if (most < 2 || (most < o->count_min && now_us - p->base_us < o->window_us))
        return;
    if (failed > 1) /* one alone may be chance */
        judge_mean(p, PROGRESS_ERRORS, failed, finished, o->errors_max, f);
    judge_mean(p, PROGRESS_COMMITS, s->commit_us - b->commit_us, commits, (double)o->commit_us, f);
    judge_mean(p, PROGRESS_WORKS, s->work_us - b->work_us, finished, (double)o->work_us, f);
    f->counted = true;
    p->base = *s;
    p->base_us = now_us;
}

static bool started_again(const struct progress_sample *before, const struct progress_sample *s)
{
    return s->finished < before->finished || s->failed < before->failed ||
           s->work_us < before->work_us || s->commits < before->commits ||
           s->commit_us < before->commit_us;
}

static struct finding find(struct progress *p, const struct progress_sample *s, int64_t now_us)
{
    struct finding f = {.rule = PROGRESS_FINE};
    if (s == NULL) {
        judge(p, PROGRESS_SILENT, (double)(now_us - p->heard_us), (double)p->opts.silent_us, &f);
        return f;
    }
    bool moved = s->finished != p->last.finished || s->commits != p->last.commits;
    p->heard_us = now_us;
    if (moved || s->under_way == 0)
        p->moved_us = now_us;
    f.counted = !moved && s->under_way == 0;
    if (!moved && s->under_way > 0)
        judge(p, PROGRESS_STUCK, (double)(now_us - p->moved_us), (double)p->opts.stuck_us, &f);
    judge_counts(p, s, now_us, &f);
    if (s->oldest_us > 0)
        judge(p, PROGRESS_WAITS, (double)s->oldest_us, (double)p->opts.wait_us, &f);
    p->last = *s;
    return f;
}

/* ---- what follows ---- */

static bool become(struct progress *p, const struct finding *f, int64_t now_us)
{
    bool news = p->state != state_of[f->rule];
    p->state = state_of[f->rule];
    p->rule = f->rule;
    p->measured = f->measured;
    p->limit = f->limit;
    if (news) {
        p->since_us = now_us;
        p->worse = p->better = 0;
    }
    return news;
}

bool progress_look(struct progress *p, const struct progress_sample *sample, int64_t now_us)
{
    assert(now_us >= p->looked_us);
    if (sample != NULL && started_again(&p->last, sample)) {
        bool news = p->state != PROGRESS_WELL;
        struct progress_opts opts = p->opts;
        progress_init(p, &opts, now_us);
        p->last = p->base = *sample;
        return news;
    }
    struct finding f = find(p, sample, now_us);
    enum progress_state found = state_of[f.rule];
    p->looked_us = now_us;
    if (sample != NULL && p->rule == PROGRESS_SILENT) /* that is over, whatever else there is */
        return become(p, &f, now_us);
    /* What is counted now and then holds until it is counted again. */
    if (!f.counted && (f.rule == PROGRESS_FINE || (f.rule == PROGRESS_WAITS && found == p->state)))
        return false;
    p->worse = found > p->state ? p->worse + 1 : 0;
    p->better = found < p->state ? p->better + 1 : 0;
    /* Those two have waited for their limit already. */
    bool at_once = f.rule == PROGRESS_SILENT || f.rule == PROGRESS_STUCK;
    if (found == p->state || p->worse >= p->opts.worse_looks || (p->worse > 0 && at_once) ||
        p->better >= p->opts.better_looks)
        return become(p, &f, now_us);
    return false;
}

int64_t progress_next_us(const struct progress *p)
{
    return p->looked_us + p->opts.look_us;
}

/* ---- in words ---- */

/* "2.1 s", "350 ms" */
static const char *time_text(char out[24], double us)
{
    if (us >= 1e6)
        snprintf(out, 24, "%.3g s", us / 1e6);
    else
        snprintf(out, 24, "%.3g ms", us / 1e3);
    return out;
}

void progress_words(const struct progress *p, int64_t now_us, char out[PROGRESS_WORDS_MAX])
{
    char measured[24], limit[24], next[24];
    int64_t next_us = larger(progress_next_us(p) - now_us, 0);
    int used = 0;
    time_text(measured, p->measured);
    time_text(limit, p->limit);
    out[0] = '\0';
    switch (p->rule) {
    case PROGRESS_FINE:
        return;
    case PROGRESS_SILENT:
        used = snprintf(out, PROGRESS_WORDS_MAX, "no report for %s", measured);
        break;
    case PROGRESS_STUCK:
        used =
            snprintf(out, PROGRESS_WORDS_MAX, "nothing finished for %s with %" PRId64 " under way",
                     measured, p->last.under_way);
        break;
    case PROGRESS_ERRORS:
        snprintf(limit, sizeof limit, "%.3g %%", p->limit * 100);
        used = snprintf(out, PROGRESS_WORDS_MAX, "%.3g %% of its answers are errors",
                        p->measured * 100);
        break;
    case PROGRESS_WAITS:
        used = snprintf(out, PROGRESS_WORDS_MAX, "the oldest waits for %s", measured);
        break;
    case PROGRESS_COMMITS:
        used = snprintf(out, PROGRESS_WORDS_MAX, "a commit takes %s", measured);
        break;
    case PROGRESS_WORKS:
        used = snprintf(out, PROGRESS_WORDS_MAX, "a request takes %s of work", measured);
        break;
    }
    snprintf(out + used, (size_t)(PROGRESS_WORDS_MAX - used), ", limit %s; next look in %s", limit,
             time_text(next, (double)next_us));
}
