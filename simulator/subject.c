#include "simulator/subject.h"

#include <math.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "control/retry.h"
#include "simulator/regress.h"
#include "simulator/trials.h"
#include "simulator/validate.h"

enum { REPLICATIONS_MAX = 8 }; /* times those of the first round */

static const double PLAIN = 2; /* so much wider the interval without controls is taken */

struct samples {
    const struct subject *s;
    double level;
    int64_t count;
    double *value[SUBJECT_MEASURES]; /* [count] */
    double *control;                 /* [count][controls] */
    double *draw;                    /* [count] */
    struct regress_mean mean[SUBJECT_MEASURES];
};

int64_t subject_intervals(const struct subject *s)
{
    return s->measures + s->draws;
}

static int samples_init(struct samples *all, const struct subject *s, double level, struct arena *a)
{
    size_t most = (size_t)s->replications * REPLICATIONS_MAX;
    *all = (struct samples){.s = s, .level = level};
    for (int m = 0; m < s->measures; m++) {
        all->value[m] = arena_alloc(a, most, sizeof(double));
        if (all->value[m] == NULL)
            return -1;
    }
    all->control = arena_alloc(a, most * (size_t)s->controls, sizeof(double));
    all->draw = arena_alloc(a, most, sizeof(double));
    return all->control == NULL || all->draw == NULL ? -1 : 0;
}

static int replicate(struct samples *all, int64_t until, uint64_t seed, struct error *err)
{
    const struct subject *s = all->s;
    struct arena a = {0};
    int status = 0;
    for (; all->count < until && status == 0; all->count++) {
        struct subject_sample sample = {0};
        status = s->replicate(s, seed, (uint64_t)all->count, &sample, &a, err);
        for (int m = 0; m < s->measures; m++)
            all->value[m][all->count] = sample.value[m];
        for (int k = 0; k < s->controls; k++)
            all->control[all->count * s->controls + k] = sample.control[k];
        arena_reset(&a);
    }
    arena_release(&a);
    return status;
}

/* The means of what there is, and whether they are known well enough; -1 when memory is out. */
static int evaluate(struct samples *all, struct arena *a)
{
    const struct subject *s = all->s;
    int enough = 1;
    for (int m = 0; m < s->measures; m++) {
        if (regress_mean(&all->mean[m], all->value[m], all->control, all->count, s->controls,
                         all->level, a) != 0)
            return -1;
        if (!(all->mean[m].half_width <= s->width[m]))
            enough = 0;
    }
    return enough;
}

static void miss(struct validate_row *row, const char *why)
{
    row->verdict = VALIDATE_MISSES;
    row->note = why;
}

static int judge(const struct samples *all, int m, struct arena *a)
{
    struct validate_row *row = all->s->row[m];
    const struct regress_mean *mean = &all->mean[m];
    struct regress_mean plain;
    if (regress_mean(&plain, all->value[m], all->control, all->count, 0, all->level, a) != 0)
        return -1;
    row->simulated = mean->mean;
    row->half_width = mean->half_width;
    row->replications = all->count;
    if (all->s->controls > 0) {
        row->plain = plain.mean;
        row->plain_half_width = plain.half_width;
    }
    if (!(fabs(mean->mean - row->expected) <= mean->half_width + row->allowed))
        miss(row, "the simulated value is not the expected one");
    else if (!(fabs(plain.mean - row->expected) <= PLAIN * plain.half_width + row->allowed))
        miss(row, "without controls the simulated value is not the expected one");
    else if (!(mean->half_width <= all->s->width[m]))
        miss(row, "the interval did not become as narrow as is asked");
    return 0;
}

/* What was drawn must have its mean and variance, or the controls would hide that it has not. */
static int judge_draws(struct samples *all, struct arena *a)
{
    const struct subject *s = all->s;
    for (int k = 0; k < s->draws; k++) {
        struct regress_mean draw;
        for (int64_t i = 0; i < all->count; i++)
            all->draw[i] = all->control[i * s->controls + k];
        if (regress_mean(&draw, all->draw, all->control, all->count, 0, all->level, a) != 0)
            return -1;
        if (fabs(draw.mean) <= draw.half_width)
            continue;
        for (int m = 0; m < s->measures; m++)
            if (s->row[m] != NULL)
                miss(s->row[m], "what was drawn has not the mean or variance that it should");
    }
    return 0;
}

int subject_run(const struct subject *s, uint64_t seed, double level, struct arena *a,
                struct error *err)
{
    struct samples all;
    if (samples_init(&all, s, level, a) != 0)
        return error_memory(err);
    int enough = 0;
    for (int64_t count = s->replications; enough == 0; count += count / 2) {
        if (count > s->replications * REPLICATIONS_MAX)
            break;
        if (replicate(&all, count, seed, err) != 0)
            return -1;
        enough = evaluate(&all, a);
    }
    if (enough < 0)
        return error_memory(err);
    for (int m = 0; m < s->measures; m++)
        if (s->row[m] != NULL && judge(&all, m, a) != 0)
            return error_memory(err);
    if (judge_draws(&all, a) != 0)
        return error_memory(err);
    return 0;
}

/* ---- the models ---- */

int subject_station(const struct subject *s, uint64_t seed, uint64_t replication,
                    struct subject_sample *sample, struct arena *a, struct error *err)
{
    struct station_sample got;
    if (station_run(&got, &s->station, seed, replication, s->name, a, err) != 0)
        return -1;
    sample->value[0] = s->time ? got.time : got.wait;
    sample->value[1] = got.waited;
    for (int i = 0; i < STATION_CONTROLS; i++)
        sample->control[i] = got.control[i];
    return 0;
}

int subject_repair(const struct subject *s, uint64_t seed, uint64_t replication,
                   struct subject_sample *sample, struct arena *a, struct error *err)
{
    struct repair_sample got;
    if (repair_run(&got, &s->repair, seed, replication, s->name, a, err) != 0)
        return -1;
    sample->value[0] = 1 - got.down;
    for (int i = 0; i < REPAIR_DRAWS; i++)
        sample->control[i] = got.draw[i];
    return 0;
}

int subject_scatter(const struct subject *s, uint64_t seed, uint64_t replication,
                    struct subject_sample *sample, struct arena *a, struct error *err)
{
    struct rng rng;
    (void)a;
    (void)err;
    rng_named(&rng, seed, replication, s->name, "leaves");
    sample->value[0] = trials_scatter(&rng, s->scatter.requests, s->scatter.leaves, s->scatter.p);
    return 0;
}

int subject_share(const struct subject *s, uint64_t seed, uint64_t replication,
                  struct subject_sample *sample, struct arena *a, struct error *err)
{
    struct rng rng;
    double share[TRIALS_SHARD_MAX + 1];
    (void)a;
    (void)err;
    rng_named(&rng, seed, replication, s->name, "tenants");
    trials_share(&rng, s->share.pairs, s->share.workers, s->share.shard, share);
    for (int m = 0; m < s->measures; m++)
        sample->value[m] = share[m];
    return 0;
}

int subject_retry(const struct subject *s, uint64_t seed, uint64_t replication,
                  struct subject_sample *sample, struct arena *a, struct error *err)
{
    struct rng rng;
    struct retry retry = retry_full(s->retry.budget, 0);
    int64_t work = 0;
    (void)a;
    (void)err;
    rng_named(&rng, seed, replication, s->name, "failures");
    retry.have = 0; /* as it is in the long run, when calls fail */
    for (int64_t i = 0; i < s->retry.calls; i++) {
        uint32_t tries = 0;
        retry_earn(&retry);
        do {
            tries++;
        } while (rng_f64(&rng) < s->retry.fails &&
                 retry_allowed(&retry, tries, s->retry.tries_max));
        work += tries;
    }
    sample->value[0] = (double)work / (double)s->retry.calls;
    return 0;
}
