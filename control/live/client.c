#include "control/live/client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/live/client_inside.h"
#include "wire/clock.h"
#include "wire/text_file.h"

enum {
    WAIT_US = 30000000, /* how long a door holds the answer until there is a newer map */
    HEARD_MS = 10,      /* from an answer to the next question */
    PAUSE_MS = 200,     /* the same when there was none */
};

/* ---- connections ---- */

struct http_client *client_http(struct client *c, int64_t port)
{
    assert(port > 0 && port < CLIENT_PORTS);
    if (c->http[port] != NULL)
        return c->http[port];
    /* One more for the question that waits for the next map. */
    struct http_client *http = http_client_new(c->opts.loop, (int)port, c->opts.links_max + 1);
    if (http != NULL && c->opts.route != NULL &&
        c->opts.route(c->opts.context, http, (int)port) != 0) {
        http_client_free(http);
        return NULL;
    }
    c->http[port] = http;
    return http;
}

int client_door_port(const struct client *c)
{
    return c->opts.door[c->door_at];
}

void client_next_door(struct client *c, int64_t lost_port)
{
    if (client_door_port(c) == lost_port) /* else somebody has moved on already */
        c->door_at = (c->door_at + 1) % c->opts.door_count;
}

/* ---- the map ---- */

static void take_doors(struct client *c, const struct partition *p)
{
    int port = c->opts.door_count > 0 ? client_door_port(c) : 0;
    for (size_t i = 0; c->opts.door_count > 0 && i < p->door_count; i++) {
        c->opts.door[i] = (int)p->doors[i].port;
        if (c->opts.door[i] == port)
            c->door_at = i;
    }
    if (c->opts.door_count > 0)
        c->opts.door_count = p->door_count;
    c->door_at = c->opts.door_count > 0 ? c->door_at % c->opts.door_count : 0;
}

/* An older one is refused, unless there is a doubt about the held one. */
static int compare(const struct client *c, const struct client_map *m, struct error *err)
{
    if (c->map == NULL || c->doubted || m->partition.version >= c->map->partition.version)
        return 0;
    return error_set(err, ERR_CONFLICT,
                     "the map is stale: version %" PRId64 ", and %" PRId64 " is held",
                     m->partition.version, c->map->partition.version);
}

int client_take_map(struct client *c, const char *text, size_t len, struct error *err)
{
    struct client_map *m;
    struct error same;
    if (client_map_new(&m, text, len, &c->rng, clock_us(), err) != 0)
        return -1;
    if (compare(c, m, err) != 0) {
        client_map_leave(m);
        return -1;
    }
    c->counts.maps++;
    c->doubted = false;
    take_doors(c, &m->partition);
    if (c->map != NULL && partition_same(&m->partition, &c->map->partition, &same) == 0) {
        client_map_follow(c->map, m);
        client_map_leave(m);
        return 0;
    }
    client_map_leave(c->map);
    c->map = m;
    return 0;
}

int64_t client_map_version(const struct client *c)
{
    return c->map == NULL ? -1 : c->map->partition.version;
}

const struct error *client_map_refused(const struct client *c)
{
    return &c->refused;
}

static void load_cache(struct client *c)
{
    struct arena a = {0};
    struct text_file_stamp stamp;
    struct error err;
    const char *text;
    size_t len;
    int status = text_file_read(&text, &len, c->opts.cache, PARTITION_BYTES_MAX, &stamp, &a, &err);
    if (status == 0 && client_take_map(c, text, len, &err) != 0)
        status = error_prefix(&err, "%s", c->opts.cache);
    if (status != 0 && err.code != ERR_MISSING)
        c->refused = err;
    arena_release(&a);
}

/* Who cannot keep it asks again next time. */
static void save_cache(const struct client *c, const char *text, size_t len)
{
    struct text_file_stamp stamp;
    struct error err;
    if (c->opts.cache != NULL)
        (void)text_file_replace(c->opts.cache, text, len, &stamp, &err);
}

/* ---- fetching it ---- */

static void fetch(struct client *c);

static void on_fetch_timer(uv_timer_t *timer)
{
    fetch(timer->data);
}

static void on_map(void *context, const struct http_reply *reply)
{
    struct client *c = context;
    bool same = reply->failure == HTTP_OK && reply->status == 304;
    bool other = reply->failure == HTTP_OK && reply->status == 200 &&
                 client_take_map(c, reply->body, reply->len, &c->refused) == 0;
    bool heard = same || other;
    c->fetch = NULL;
    if (same)
        c->doubted = false;
    else if (other)
        save_cache(c, reply->body, reply->len);
    else
        client_next_door(c, c->fetch_port);
    if (c->opts.follow || c->doubted)
        uv_timer_start(&c->fetch_timer, on_fetch_timer, heard ? HEARD_MS : PAUSE_MS, 0);
    void (*fetched)(void *context) = c->fetched;
    c->fetched = NULL;
    if (fetched != NULL)
        fetched(c->fetched_context);
}

/* Who follows waits for a newer one, once it has one that nothing speaks against. */
static void fetch(struct client *c)
{
    char target[64] = "/map";
    bool known = c->map != NULL && !c->doubted;
    bool waits = known && c->opts.follow;
    if (c->fetch != NULL || c->opts.door_count == 0)
        return;
    c->fetch_port = client_door_port(c);
    struct http_client *http = client_http(c, c->fetch_port);
    if (known)
        snprintf(target, sizeof target, "/map?after=%" PRId64 "%s", client_map_version(c),
                 waits ? "&wait=30s" : "");
    uv_timer_stop(&c->fetch_timer);
    if (http != NULL)
        c->fetch = http_send(http, "GET", target, NULL, 0, NULL, 0,
                             CLIENT_FETCH_US + (waits ? WAIT_US : 0), on_map, c);
}

void client_fetch_map(struct client *c, void (*done)(void *context), void *context)
{
    c->fetched = done;
    c->fetched_context = context;
    fetch(c);
}

void client_doubt(struct client *c)
{
    if (c->doubted || !c->opts.direct || c->opts.door_count == 0)
        return;
    c->doubted = true;
    if (c->fetch != NULL) { /* a question that waits for a newer one is the wrong one now */
        http_cancel(c->fetch);
        c->fetch = NULL;
    }
    fetch(c);
}

/* ---- beginning and ending ---- */

int client_new(struct client **out, const struct client_opts *opts, struct error *err)
{
    struct client *c = calloc(1, sizeof *c);
    uint64_t seed;
    if (c == NULL)
        return error_memory(err);
    assert(opts->links_max > 0 && opts->door_count <= LAYOUT_DOORS_MAX);
    c->opts = *opts;
    c->http = calloc(CLIENT_PORTS, sizeof(struct http_client *)); /* untouched pages cost nothing */
    if (c->http == NULL) {
        free(c);
        return error_memory(err);
    }
    door_luck_take(&c->luck, &seed, sizeof seed);
    rng_init(&c->rng, seed);
    uv_timer_init(opts->loop, &c->fetch_timer);
    c->fetch_timer.data = c;
    c->handles = 1;
    if (opts->direct && opts->cache != NULL)
        load_cache(c);
    if (opts->direct && opts->follow)
        fetch(c);
    *out = c;
    return 0;
}

void client_closed(struct client *c)
{
    if (--c->handles > 0)
        return;
    client_map_leave(c->map);
    explicit_bzero(&c->luck, sizeof c->luck);
    free(c->http);
    free(c);
}

static void on_closed(uv_handle_t *handle)
{
    client_closed(handle->data);
}

void client_free(struct client *c)
{
    if (c == NULL)
        return;
    http_cancel(c->fetch);
    client_calls_free(c);
    for (size_t i = 0; i < CLIENT_PORTS; i++)
        http_client_free(c->http[i]);
    uv_close((uv_handle_t *)&c->fetch_timer, on_closed);
}

const struct client_counts *client_counts(const struct client *c)
{
    return &c->counts;
}
