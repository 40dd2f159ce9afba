#include "wire/store_lane.h"

#include <signal.h>
#include <stdlib.h>

int store_lane_init(struct store_lane *lane, unsigned count)
{
    lane->pool = calloc(count, sizeof *lane->pool);
    if (!lane->pool)
        return -1;
    lane->untouched = lane->pool;
    lane->end = lane->pool + count;
    lane->tail = &lane->head;
    pthread_cond_init(&lane->wake, NULL);
    return 0;
}

void store_lane_release(struct store_lane *lane)
{
    if (lane->pool)
        pthread_cond_destroy(&lane->wake);
    free(lane->pool);
}

bool store_lane_push(struct store_lane *lane, const struct store_job *job)
{
    struct store_job *own = lane->unused;
    if (own)
        lane->unused = own->next;
    else if (lane->untouched < lane->end)
        own = lane->untouched++;
    else
        return false;
    *own = *job;
    own->next = NULL;
    own->lane = lane;
    *lane->tail = own;
    lane->tail = &own->next;
    lane->count++;
    pthread_cond_signal(&lane->wake);
    return true;
}

size_t store_lane_pop(struct store_lane *lane, struct store_job **job, size_t max)
{
    size_t count = 0;
    while (count < max && lane->head) {
        job[count] = lane->head;
        lane->head = lane->head->next;
        job[count++]->next = NULL;
    }
    lane->count -= (unsigned)count;
    if (!lane->head)
        lane->tail = &lane->head;
    return count;
}

void store_lane_recycle(struct store_job *job)
{
    job->next = job->lane->unused;
    job->lane->unused = job;
}

bool store_lane_start(struct store_lane *lane, pthread_t *thread, void *(*body)(void *),
                      void *context)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(thread, NULL, body, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    lane->threads += error == 0;
    return error == 0;
}

bool store_lane_man(struct store_lane *lane, unsigned threads_max, pthread_t *thread,
                    void *(*body)(void *), void *context)
{
    if (lane->threads == threads_max || lane->count < lane->resting)
        return true;
    return store_lane_start(lane, thread, body, context) || lane->threads > 0;
}

bool store_lane_wait(struct store_lane *lane, pthread_mutex_t *mutex, const bool *stopping)
{
    lane->resting++;
    while (!lane->head && !*stopping)
        pthread_cond_wait(&lane->wake, mutex);
    lane->resting--;
    return lane->head != NULL;
}
