#include "commands/plan_frontiers.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "commands/simulate.h"

struct hunt { /* for one frontier */
    struct plan_frontiers *all;
    const struct topo *topo;
    int measure;
    uint64_t seed;
    int status;
    struct error err;
    int *percent; /* [PLAN_FRONTIERS] done, of all hunts */
    bool terminal;
};

static bool goes_on(void *context, double done)
{
    struct hunt *h = context;
    int sum = 0;
    __atomic_store_n(&h->percent[h->measure], (int)(done * 100), __ATOMIC_RELAXED);
    for (int i = 0; i < PLAN_FRONTIERS; i++)
        sum += __atomic_load_n(&h->percent[i], __ATOMIC_RELAXED);
    if (h->terminal)
        fprintf(stderr, "\rfrontier %3d %%", sum / PLAN_FRONTIERS);
    return !simulate_stopped();
}

static void *hunt(void *context)
{
    struct hunt *h = context;
    const struct frontier_opts opts = {.seed = h->seed, .going = goes_on, .context = h};
    h->status = frontier_find(&h->all->found[h->measure], h->topo, h->measure, &opts,
                              &h->all->arena[h->measure], &h->err);
    __atomic_store_n(&h->percent[h->measure], 100, __ATOMIC_RELAXED);
    return NULL;
}

int plan_frontiers_find(struct plan_frontiers *f, struct plan *plan, const struct topo *topo,
                        int64_t seed, struct error *err)
{
    struct simulate simulate = {0};
    struct hunt hunts[PLAN_FRONTIERS];
    int percent[PLAN_FRONTIERS] = {0};
    bool terminal = isatty(STDERR_FILENO) != 0;
    pthread_t thread;
    simulate_begin(&simulate);
    for (int i = 0; i < PLAN_FRONTIERS; i++)
        hunts[i] = (struct hunt){.all = f,
                                 .topo = topo,
                                 .measure = i,
                                 .seed = (uint64_t)seed,
                                 .percent = percent,
                                 .terminal = terminal};
    bool threaded = pthread_create(&thread, NULL, hunt, &hunts[FRONTIER_CUSTOMERS]) == 0;
    hunt(&hunts[FRONTIER_DEMAND]);
    if (threaded)
        pthread_join(thread, NULL);
    else
        hunt(&hunts[FRONTIER_CUSTOMERS]);
    simulate_end(&simulate);
    if (terminal)
        fprintf(stderr, "\r%*s\r", 16, "");
    for (int i = 0; i < PLAN_FRONTIERS; i++)
        if (hunts[i].status != 0) {
            *err = hunts[i].err;
            return -1;
        }
    plan_frontiers_put(plan, f->found);
    return 0;
}

void plan_frontiers_release(struct plan_frontiers *f)
{
    for (int i = 0; i < PLAN_FRONTIERS; i++)
        arena_release(&f->arena[i]);
}
