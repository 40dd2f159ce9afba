/* Looks at a replication's world, and several replications together. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/files.h"
#include "commands/report_course.h"
#include "simulator/orders.h"
#include "simulator/world.h"

/* ---- looks ---- */

/* What the servers of each group have worked, finished or not. */
static void busy_of(int64_t *busy_ns, const struct world *w)
{
    int64_t now_ns = engine_now(&w->engine);
    for (uint32_t i = 0; i < w->group_count; i++)
        busy_ns[i] = w->count.group[i].busy_ns;
    for (uint32_t i = 0; i < w->attempt_used; i++) {
        const struct world_attempt *a = &w->attempt[i];
        if (a->state != ATTEMPT_RUNS)
            continue;
        int64_t from_ns = a->begin_ns > w->warmup_ns ? a->begin_ns : w->warmup_ns;
        if (now_ns > from_ns)
            busy_ns[w->server[a->server].group] += now_ns - from_ns;
    }
}

static int64_t alive_of(const struct world *w, const struct world_group *group)
{
    int64_t alive = 0;
    for (uint32_t i = 0; i < group->route.balance.count; i++) {
        const struct world_server *s = &w->server[group->server_first + i];
        alive += s->presence == SERVER_THERE && s->down == 0 && !s->crashed;
    }
    return alive;
}

/* The spare share of the tightest group since the last look; NaN: there was none behind the
 * warm-up. What lives is what lived on average. */
static double headroom(struct course *c, const struct world *w)
{
    int64_t took_ns = engine_now(&w->engine) - c->looked_ns;
    int64_t *busy_ns = c->busy_ns + w->group_count;
    bool known = c->looked_ns >= w->warmup_ns && took_ns > 0;
    double least = INFINITY;
    busy_of(busy_ns, w);
    for (uint32_t i = 0; i < w->group_count; i++) {
        const struct world_group *group = &w->group[i];
        int64_t alive = alive_of(w, group);
        double places = (double)(alive + c->alive[i]) / 2 * (double)group->service->concurrency;
        double worked = (double)(busy_ns[i] - c->busy_ns[i]) / (double)took_ns;
        double spare = places > 0 ? fmax(0, 1 - worked / places) : 0;
        bool counts = known && group->service->function.instances == 0;
        c->alive[i] = alive;
        c->busy_ns[i] = busy_ns[i];
        if (!counts || spare >= least)
            continue;
        least = spare;
        if (c->tightest == WORLD_NONE || spare < c->tightest_spare) {
            c->tightest = i;
            c->tightest_spare = spare;
        }
    }
    return isfinite(least) ? least : (double)NAN;
}

static void see_orders(const struct world *w, double *bin)
{
    double waiting = 0, oldest_us = 0;
    for (size_t i = 0; i < w->topo->cell_count; i++) {
        const struct pipe *p = &w->orders->cell[i].pipe;
        for (uint32_t k = 0; k < p->station_count; k++) {
            waiting += p->station[k].waiting;
            if (p->station[k].first == PIPE_NONE)
                continue;
            int64_t came_us = p->row[p->station[k].first].came_us;
            oldest_us = fmax(oldest_us, (double)(engine_now(&w->engine) / 1000 - came_us));
        }
    }
    bin[COURSE_BACKLOG] = waiting;
    bin[COURSE_OLDEST_S] = oldest_us * 1e-6;
}

void course_look(void *course, const struct world *w)
{
    struct course *c = course;
    int64_t now_ns = engine_now(&w->engine);
    c->warmup_ns = w->warmup_ns;
    double spare = headroom(c, w);
    c->looked_ns = now_ns;
    if (now_ns == 0)
        return;
    double *bin = c->bin[(now_ns - 1) / c->bin_ns]; /* that ends now */
    bin[COURSE_HEADROOM] = spare;
    if (w->orders != NULL)
        see_orders(w, bin);
}

/* ---- several together ---- */

int courses_init(struct courses *c, const struct files *files, int64_t replications)
{
    *c = (struct courses){0};
    size_t count = replications < COURSE_RUNS ? (size_t)replications : COURSE_RUNS;
    for (; c->count < count; c->count++) {
        if (course_init(&c->run[c->count], files) != 0)
            return -1;
        c->listener[c->count] = (struct run_listener){course_take, course_look, &c->run[c->count],
                                                      c->run[c->count].bin_ns, false};
    }
    return 0;
}

static void pool(struct courses *c, const struct course *run, size_t shares)
{
    for (int i = 0; i < COURSE_PHASES; i++)
        hist_pool(&c->phase[i], &run->phase[i]);
    for (size_t i = 0; i < shares; i++) {
        c->share[i].requests += run->share[i].requests;
        c->share[i].lost += run->share[i].lost;
    }
}

bool courses_end(struct courses *c)
{
    size_t whole = 0;
    for (size_t i = 0; i < COURSE_RUNS; i++) { /* by their numbers: the first stays the first */
        if (c->listener[i].heard && course_end(&c->run[i])) {
            struct course run = c->run[i];
            c->run[i] = c->run[whole];
            c->run[whole++] = run;
        }
    }
    c->count = whole;
    if (whole == 0)
        return false;
    const struct files *files = c->run[0].files;
    size_t shares = files->scenario.fault_count * files->topo.country_count;
    c->phase = calloc(COURSE_PHASES, sizeof c->phase[0]);
    c->share = calloc(shares + 1, sizeof c->share[0]);
    for (size_t i = 0; i < whole && c->phase != NULL && c->share != NULL; i++)
        pool(c, &c->run[i], shares);
    return c->phase != NULL && c->share != NULL;
}

void courses_release(struct courses *c)
{
    for (size_t i = 0; i < COURSE_RUNS; i++)
        course_release(&c->run[i]);
    free(c->phase);
    free(c->share);
    *c = (struct courses){0};
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct course_spread course_spread(double *value, size_t count)
{
    struct course_spread s = {(double)NAN, (double)NAN, (double)NAN, 0};
    for (size_t i = 0; i < count; i++)
        if (!isnan(value[i]))
            value[s.known++] = value[i];
    if (s.known == 0 || s.known * 2 < count)
        return s;
    qsort(value, s.known, sizeof value[0], by_value);
    s.low = value[0];
    s.high = value[s.known - 1];
    s.median = (value[(s.known - 1) / 2] + value[s.known / 2]) / 2;
    return s;
}

struct course_spread courses_bin(const struct courses *c, size_t bin, enum course_number what)
{
    double value[COURSE_RUNS];
    for (size_t i = 0; i < c->count; i++)
        value[i] = c->run[i].bin[bin][what];
    return course_spread(value, c->count);
}
