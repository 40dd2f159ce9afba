#include "region/live/reads.h"

#include <assert.h>

#include "base/error.h"
#include "region/live/request.h"

static int read_group(struct store_tx *tx, void *context, struct error *err)
{
    for (struct request *r = context; r != NULL; r = r->next)
        if (record_read_work(tx, &r->work.read, err) != 0)
            return -1;
    return 0;
}

static void end_group(struct request *group, const struct error *err)
{
    while (group != NULL) {
        struct request *next = group->next;
        group->next = NULL;
        reads_done(group, err); /* `group` is gone */
        group = next;
    }
}

static void group_read(void *context, int status, const struct error *err)
{
    struct reads *reads = context;
    struct request *group = reads->running;
    reads->running = NULL;
    end_group(group, status == 0 ? NULL : err);
}

static void turn_ended(uv_check_t *check)
{
    struct reads *reads = check->data;
    if (reads->running != NULL || reads->first == NULL)
        return;
    struct request *last = reads->first;
    for (int count = 1; count < READS_GROUP_MAX && last->next != NULL; count++)
        last = last->next;
    reads->running = reads->first;
    reads->first = last->next;
    last->next = NULL;
    if (store_read(reads->store, read_group, reads->running, group_read, reads))
        return;
    struct request *group = reads->running;
    reads->running = NULL;
    end_group(group, &(struct error){ERR_LIMIT, "too much waits for it"});
}

void reads_init(struct reads *reads, uv_loop_t *loop, struct store *store)
{
    *reads = (struct reads){.store = store};
    uv_check_init(loop, &reads->check);
    reads->check.data = reads;
    uv_check_start(&reads->check, turn_ended);
}

void reads_add(struct reads *reads, struct request *r)
{
    r->next = NULL;
    if (reads->first == NULL)
        reads->first = r;
    else
        reads->last->next = r;
    reads->last = r;
}

void reads_close(struct reads *reads)
{
    assert(reads->first == NULL && reads->running == NULL);
    uv_close((uv_handle_t *)&reads->check, NULL);
}
