#include "wire/store_lane.h"

#include <stdlib.h>

int store_lane_init(struct store_lane *lane, unsigned count)
{
    lane->pool = calloc(count, sizeof *lane->pool);
    if (!lane->pool)
        return -1;
    for (unsigned i = 0; i < count; i++) {
        lane->pool[i].next = lane->unused;
        lane->unused = &lane->pool[i];
    }
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
    if (!own)
        return false;
    lane->unused = own->next;
    *own = *job;
    own->next = NULL;
    own->lane = lane;
    *lane->tail = own;
    lane->tail = &own->next;
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
    if (!lane->head)
        lane->tail = &lane->head;
    return count;
}

void store_lane_recycle(struct store_job *job)
{
    job->next = job->lane->unused;
    job->lane->unused = job;
}
