#include "control/live/smart.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/topo.h"

void smart_of(struct smart *s, const struct layout *l)
{
    s->layout = l;
    s->door_count = (size_t)l->doors;
    for (int i = 0; i < l->doors; i++)
        s->door[i] = layout_door_port(l, i);
    int n = snprintf(s->cache, sizeof s->cache, "%s/client-map.json", l->dir);
    if (n < 0 || (size_t)n >= sizeof s->cache)
        s->cache[0] = '\0';
}

void smart_at(struct smart *s, int port)
{
    s->layout = NULL;
    s->door_count = 1;
    s->door[0] = port;
    s->cache[0] = '\0';
}

static void on_fetched(void *context)
{
    bool *fetched = context;
    *fetched = true;
}

/* Each door is asked once. */
static int fetch(struct smart *s, uv_loop_t *loop, struct error *err)
{
    for (size_t i = 0; i < s->door_count && client_map_version(s->client) < 0; i++) {
        bool fetched = false;
        client_fetch_map(s->client, on_fetched, &fetched);
        while (!fetched)
            uv_run(loop, UV_RUN_ONCE);
    }
    if (client_map_version(s->client) >= 0)
        return 0;
    if (client_map_refused(s->client)->code != ERR_NONE) {
        *err = *client_map_refused(s->client);
        return error_prefix(err, "the map of the door on port %d is not used", s->door[0]);
    }
    return error_set(err, ERR_SYSTEM, "no door answers with a map (port %d%s)", s->door[0],
                     s->door_count > 1 ? " and others" : "");
}

/* From outside to a zone. */
static int route(void *context, struct http_client *http, int port)
{
    struct smart *s = context;
    size_t cell, zone;
    if (s->layout == NULL || !layout_place(s->layout, port, &cell, &zone))
        return 0;
    return network_route(&s->network, http, cell, s->layout->topo->cells[cell].zone_count, zone);
}

/* With a map if it is to be direct; `follow`: hear of each new one. */
static int smart_open(struct smart *s, uv_loop_t *loop, bool follow, struct error *err)
{
    struct client_opts opts = {.loop = loop,
                               .door_count = s->door_count,
                               .cache = s->cache[0] == '\0' ? NULL : s->cache,
                               .direct = s->direct,
                               .follow = follow,
                               .links_max = s->links_max};
    memcpy(opts.door, s->door, sizeof opts.door);
    opts.route = route;
    opts.context = s;
    if (s->layout != NULL && network_init(&s->network, loop, s->layout, err) != 0)
        return -1;
    if (client_new(&s->client, &opts, err) != 0)
        return -1;
    return s->direct ? fetch(s, loop, err) : 0;
}

static void smart_close(struct smart *s)
{
    if (s->client != NULL)
        s->counts = *client_counts(s->client);
    client_free(s->client);
    s->client = NULL;
    network_close(&s->network, NULL, NULL);
}

/* ---- one request ---- */

struct asking {
    struct http_reply *reply;
    struct arena *arena;
    bool done;
};

static void on_answer(void *context, const struct http_reply *reply)
{
    struct asking *asking = context;
    asking->done = true;
    *asking->reply = (struct http_reply){.failure = reply->failure, .status = reply->status};
    asking->reply->body = arena_string(asking->arena, reply->body, reply->len);
    asking->reply->len = reply->len;
}

static int ask_on(struct smart *s, uv_loop_t *loop, const struct client_request *request,
                  struct asking *asking, struct error *refused, struct error *err)
{
    if (smart_open(s, loop, false, err) != 0)
        return -1;
    *refused = *client_map_refused(s->client);
    if (client_send(s->client, request, on_answer, asking) == NULL)
        return error_memory(err);
    while (!asking->done)
        uv_run(loop, UV_RUN_ONCE);
    return asking->reply->body == NULL ? error_memory(err) : 0;
}

int smart_ask(struct smart *s, const struct client_request *request, struct http_reply *reply,
              struct error *refused, struct arena *a, struct error *err)
{
    struct asking asking = {reply, a, false};
    uv_loop_t loop;
    if (uv_loop_init(&loop) != 0)
        return error_memory(err);
    int status = ask_on(s, &loop, request, &asking, refused, err);
    smart_close(s);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return status;
}

/* ---- as a carrier ---- */

static int carrier_open(void *context, uv_loop_t *loop, struct error *err)
{
    struct smart *s = context;
    return smart_open(s, loop, true, err);
}

static void *carrier_send(void *context, const struct load_request *r, int64_t timeout_us,
                          http_done *done, void *done_context)
{
    struct smart *s = context;
    const struct client_request request = {.method = r->method,
                                           .target = r->target,
                                           .key = r->key,
                                           .body = r->body,
                                           .len = r->len,
                                           .timeout_us = timeout_us};
    return client_send(s->client, &request, done, done_context);
}

static void carrier_cancel(void *call)
{
    client_cancel(call);
}

static void carrier_close(void *context)
{
    smart_close(context);
}

struct load_carrier smart_carrier(struct smart *s)
{
    return (struct load_carrier){.open = carrier_open,
                                 .send = carrier_send,
                                 .cancel = carrier_cancel,
                                 .close = carrier_close,
                                 .context = s};
}
