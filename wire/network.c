#include "wire/network.h"

#include "base/error.h"
#include "base/layout.h"
#include "wire/clock.h"
#include "wire/http.h"

_Static_assert(DELAY_CUT == LEASE_CUT, "both are a time");

struct network_route {
    struct network *network;
    size_t cell, from, to;
};

static int64_t way(void *context, bool back)
{
    const struct network_route *r = context;
    return lease_file_way_us(&r->network->leases, r->cell, back ? r->to : r->from,
                             back ? r->from : r->to, clock_us());
}

int network_init(struct network *n, uv_loop_t *loop, const struct layout *l, struct error *err)
{
    *n = (struct network){.delays.open = false};
    const char *path = layout_file(l, "faults.json", &n->arena);
    if (path == NULL)
        return error_memory(err);
    lease_file_init(&n->leases, path, l->topo);
    return delays_open(&n->delays, loop) == 0
               ? 0
               : error_set(err, ERR_SYSTEM, "no descriptor left for a timer");
}

int network_route(struct network *n, struct http_client *c, size_t cell, size_t from, size_t to)
{
    struct network_route *r = arena_alloc(&n->arena, 1, sizeof *r);
    if (r == NULL)
        return -1;
    *r = (struct network_route){n, cell, from, to};
    http_client_route(c, &n->delays, way, r);
    return 0;
}

void network_close(struct network *n, void (*closed)(void *context), void *context)
{
    arena_release(&n->arena);
    delays_close(&n->delays, closed, context);
}
