/* store_loop.h - a store whose answers arrive on a libuv loop.
 *
 * The loop hands works over and goes on; the answers come back through one uv_async_t. No SQL runs
 * on the loop, and nothing here blocks it after store_loop_init. */
#ifndef WIRE_STORE_LOOP_H
#define WIRE_STORE_LOOP_H

#include <uv.h>

#include "wire/store_sqlite.h"

struct store_loop { /* `store` is for store_write and store_read on the loop's thread */
    struct store *store;
    uv_async_t async; /* private from here */
    bool ready;
    void (*closed)(struct store_loop *sl);
};

/* Open the store of `opts`, of which `wake` and `wake_context` are ours, for `loop`. Blocks. `sl`
 * stays where it is until closed. 0, or -1 with `err` set and nothing to close. */
int store_loop_init(struct store_loop *sl, uv_loop_t *loop, const struct store_opts *opts,
                    struct error *err);

/* Accept no more works; when every answer has been given, free the store and call `closed`, on the
 * loop, or nothing when it is NULL. */
void store_loop_close(struct store_loop *sl, void (*closed)(struct store_loop *sl));

#endif
