#include "wire/store_loop.h"

#include <string.h>

#include "base/error.h"

static void wake(void *context)
{
    struct store_loop *sl = context;
    if (sl->ready)
        uv_async_send(&sl->async); /* the one thing of libuv that any thread may do */
}

static void on_closed(uv_handle_t *handle)
{
    struct store_loop *sl = handle->data;
    if (sl->closed)
        sl->closed(sl);
}

static void on_wake(uv_async_t *async)
{
    struct store_loop *sl = async->data;
    store_answer(sl->store);
    if (!store_stopped(sl->store) || uv_is_closing((uv_handle_t *)async))
        return;
    store_close(sl->store);
    sl->store = NULL;
    uv_close((uv_handle_t *)async, on_closed);
}

int store_loop_init(struct store_loop *sl, uv_loop_t *loop, const struct store_opts *opts,
                    struct error *err)
{
    memset(sl, 0, sizeof *sl);
    struct store_opts ours = *opts;
    ours.wake = wake;
    ours.wake_context = sl;
    if (store_open(&sl->store, &ours, err) < 0)
        return -1;
    int error = uv_async_init(loop, &sl->async, on_wake);
    if (error < 0) {
        store_close(sl->store);
        return error_set(err, ERR_SYSTEM, "cannot wake a loop: %s", uv_strerror(error));
    }
    sl->async.data = sl;
    sl->ready = true; /* before the first work, so every thread that wakes sees it */
    return 0;
}

void store_loop_close(struct store_loop *sl, void (*closed)(struct store_loop *sl))
{
    sl->closed = closed;
    store_stop(sl->store);
}
