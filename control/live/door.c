#include "control/live/door.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/live/door_headers.h"
#include "control/live/door_map.h"
#include "control/live/door_reasons.h"
#include "control/live/door_scatter.h"
#include "control/live/door_stats.h"
#include "control/live/door_try.h"
#include "control/live/latency.h"
#include "control/map.h"
#include "control/status.h"
#include "wire/clock.h"
#include "wire/http.h"
#include "wire/log.h"
#include "wire/process.h"

enum {
    CONNECTIONS_MAX = 4096,
    BODY_BYTES_MAX = 1 << 20,
    FILES_KEPT = 64, /* descriptors for all that is no connection */
    DRAIN_MS = 1000, /* to answer what is under way when the door ends */
};

struct door {
    const struct layout *layout;
    int number; /* which of the doors, from 0 */
    struct arena arena;
    uv_loop_t loop;
    uv_signal_t term, interrupt;
    uv_timer_t drain;
    struct http_server *server, *status;
    struct map map;
    struct door_map partition;
    struct door_scatter scatter;
    struct door_stats stats;
    struct door_tries tries;
    const char *self; /* what GET / answers */
    bool tries_open;
    bool ending, abandoned;
};

/* ---- requests ---- */

static void answer_json(struct http_exchange *x, const char *text)
{
    if (text == NULL)
        http_problem(x, 503, "no memory left");
    else
        http_answer(x, 200, "application/json", NULL, 0, text, strlen(text));
}

static void get_self(struct door *d, struct http_exchange *x)
{
    answer_json(x, d->self);
}

static void get_health(struct door *d, struct http_exchange *x)
{
    (void)d;
    answer_json(x, "{\"status\": \"ok\"}\n");
}

static void get_status(struct door *d, struct http_exchange *x)
{
    struct arena a = {0};
    int64_t now_us = clock_us();
    struct status *status = door_stats_status(&d->stats, now_us, &a);
    if (status != NULL) {
        struct status_door *self = &status->doors[0];
        self->port = status->port = layout_door_port(d->layout, d->number);
        self->map_version = d->partition.file.map.version;
        if (d->partition.file.why.code != ERR_NONE)
            self->map_why = d->partition.file.why.text;
        if (door_reasons_add(status, &d->tries.groups, now_us, &a) != 0)
            status = NULL;
    }
    answer_json(x, status == NULL ? NULL : json_encode(status, status_fields, &a));
    arena_release(&a);
}

static void get_map(struct door *d, struct http_exchange *x)
{
    door_map_answer(&d->partition, x);
}

static void get_items(struct door *d, struct http_exchange *x)
{
    door_scatter_begin(&d->scatter, x);
}

static void get_latency(struct door *d, struct http_exchange *x)
{
    latency_answer(x, &d->loop, d->layout, LATENCY_DOOR, 0);
}

struct route {
    const char *path;
    void (*answer)(struct door *d, struct http_exchange *x);
};

static const struct route outside[] = {{"/", get_self},
                                       {"/health", get_health},
                                       {"/map", get_map},
                                       {"/items", get_items},
                                       {NULL, NULL}};
static const struct route inside[] = {
    {"/status", get_status}, {"/latency", get_latency}, {NULL, NULL}};

/* Answer what the door knows by itself. False when it is nothing of that. */
static bool answer_self(struct door *d, struct http_exchange *x, const struct route *route)
{
    static const struct http_header allow = {"Allow", "GET, HEAD"};
    const char *target = http_target(x);
    const char *method = http_method(x);
    size_t len = strcspn(target, "?");
    while (route->path != NULL &&
           !(strlen(route->path) == len && memcmp(route->path, target, len) == 0))
        route++;
    if (route->path == NULL)
        return false;
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        route->answer(d, x);
    else
        http_answer(x, 405, NULL, &allow, 1, "", 0);
    return true;
}

/* OPTIONS that is for the door: of everything, or passed on often enough. */
static bool answer_options(struct http_exchange *x)
{
    static const struct http_header allow = {"Allow",
                                             "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"};
    int64_t forwards = door_headers_forwards(http_method(x), http_header_of(x, DOOR_FORWARDS));
    if (forwards > 0 && strcmp(http_target(x), "*") != 0)
        return false;
    if (forwards < 0)
        http_problem(x, 400, DOOR_FORWARDS ": expected a number of up to 15 digits");
    else
        http_answer(x, 204, NULL, &allow, 1, NULL, 0);
    return true;
}

static void on_request(void *context, struct http_exchange *x)
{
    struct door *d = context;
    if (answer_options(x))
        return;
    struct map_place place;
    enum map_found found = map_route(&d->map, http_target(x), &place);
    if (found == MAP_SERVICE)
        door_tries_begin(&d->tries, x, place);
    else if (found == MAP_NO_COUNTRY)
        http_problem(x, 404, "no cell serves this country; codes are in lower case, as in /de");
    else if (!answer_self(d, x, outside))
        http_problem(x, 404,
                     "the door answers /COUNTRY/customers, vendors, items and orders, with an ID "
                     "behind or without, /items, /map and /health");
}

static void on_status_request(void *context, struct http_exchange *x)
{
    if (!answer_self(context, x, inside))
        http_problem(x, 404, "the door answers GET /status and GET /latency here");
}

/* ---- what GET / answers ---- */

struct self_cell {
    const char *name;
    const char *region;
    const char **countries;
    size_t country_count;
};

struct self {
    const char *name;
    const char **countries;
    size_t country_count;
    struct self_cell *cells;
    size_t cell_count;
};

static const struct json_field self_cell_fields[] = {
    JSON_STR(struct self_cell, name, "name", .doc = "The cell's name"),
    JSON_STR(struct self_cell, region, "region", .nullable = true, .doc = "Where it runs"),
    JSON_STRS(struct self_cell, countries, country_count, "countries",
              .doc = "The countries it serves"),
    JSON_END,
};

static const struct json_field self_fields[] = {
    JSON_STR(struct self, name, "name", .nullable = true, .doc = "What this system is about"),
    JSON_STRS(struct self, countries, country_count, "countries",
              .doc = "The countries, as they stand in paths"),
    JSON_LIST(struct self, cells, cell_count, "cells", struct self_cell, self_cell_fields,
              .doc = "Who serves which"),
    JSON_END,
};

static const char *describe(const struct topo *topo, struct arena *a)
{
    struct self self = {
        .name = topo->about, .country_count = topo->country_count, .cell_count = topo->cell_count};
    self.countries = arena_alloc(a, topo->country_count, sizeof self.countries[0]);
    self.cells = arena_alloc(a, topo->cell_count, sizeof self.cells[0]);
    if (self.countries == NULL || self.cells == NULL)
        return NULL;
    for (size_t i = 0; i < topo->cell_count; i++) {
        const struct topo_cell *cell = &topo->cells[i];
        self.cells[i] = (struct self_cell){cell->name, cell->region, NULL, 0};
        self.cells[i].countries = arena_alloc(a, cell->country_count, sizeof(const char *));
        if (self.cells[i].countries == NULL)
            return NULL;
    }
    for (size_t i = 0; i < topo->country_count; i++) {
        struct self_cell *cell = &self.cells[topo->countries[i].cell];
        const char *name = topo->countries[i].name;
        char *path =
            arena_string(a, (const char[]){(char)(name[0] | 0x20), (char)(name[1] | 0x20)}, 2);
        if (path == NULL)
            return NULL;
        self.countries[i] = path;
        cell->countries[cell->country_count++] = path;
    }
    return json_encode(&self, self_fields, a);
}

/* ---- beginning and ending ---- */

/* All connections of clients are gone, and so is every request. */
static void on_server_closed(void *context)
{
    struct door *d = context;
    door_scatter_close(&d->scatter); /* it goes by the network of the tries */
    if (d->tries_open)
        door_tries_close(&d->tries);
    d->tries_open = false;
    uv_close((uv_handle_t *)&d->drain, NULL);
    uv_close((uv_handle_t *)&d->term, NULL);
    uv_close((uv_handle_t *)&d->interrupt, NULL);
}

/* First answer what has no answer yet; then leave those who do not read theirs. */
static void on_drain(uv_timer_t *timer)
{
    struct door *d = timer->data;
    if (d->abandoned)
        uv_stop(&d->loop);
    d->abandoned = true;
    door_tries_abandon(&d->tries);
    door_scatter_abandon(&d->scatter);
}

static void close_all(struct door *d)
{
    if (d->ending)
        return;
    d->ending = true;
    http_server_close(d->status);
    door_map_close(&d->partition);
    if (d->server == NULL) {
        on_server_closed(d);
        return;
    }
    uv_timer_start(&d->drain, on_drain, DRAIN_MS, DRAIN_MS);
    http_server_close_then(d->server, on_server_closed, d);
}

static void on_map(void *context)
{
    struct door *d = context;
    door_scatter_map(&d->scatter, d->partition.file.text, d->partition.file.len);
    door_groups_map(&d->tries.groups, &d->partition.file.map, clock_us());
}

static void on_signal(uv_signal_t *handle, int signal)
{
    struct door *d = handle->data;
    if (!d->ending)
        log_line("signal %d: the door closes", signal);
    close_all(d);
}

/* Descriptors for all connections, if we may have them; else share those that we may. */
static void share_files(const struct layout *l, uint32_t *clients, uint32_t *links)
{
    struct rlimit limit;
    size_t replicas = 0;
    for (size_t i = 0; i < l->topo->cell_count; i++)
        replicas += l->topo->cells[i].zone_count * l->topo->service_count;
    rlim_t want =
        FILES_KEPT + CONNECTIONS_MAX + (rlim_t)replicas * (DOOR_LINKS_MAX + DOOR_SCATTER_LINKS + 1);
    *clients = CONNECTIONS_MAX;
    *links = DOOR_LINKS_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
        return;
    limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
        return;
    rlim_t half = limit.rlim_cur > 2 * FILES_KEPT ? (limit.rlim_cur - FILES_KEPT) / 2 : FILES_KEPT;
    *clients = half < CONNECTIONS_MAX ? (uint32_t)half : CONNECTIONS_MAX;
    *links = (uint32_t)(half / replicas / 2); /* the same for questions to many countries */
    *links = *links > 0 ? *links : 1;
    *links = *links < DOOR_LINKS_MAX ? *links : DOOR_LINKS_MAX;
}

static int init(struct door *d, struct error *err)
{
    const struct layout *l = d->layout;
    struct http_limits limits = {.body_bytes_max = BODY_BYTES_MAX};
    uint32_t links;
    const char *pid_file = layout_door(l, d->number, "pid", &d->arena);
    const char *sock = layout_door(l, d->number, "sock", &d->arena);
    if (pid_file == NULL || sock == NULL)
        return error_memory(err);
    if (process_claim(pid_file, err) != 0)
        return -1;
    map_init(&d->map, l);
    share_files(l, &limits.connections_max, &links);
    if (door_map_init(&d->partition, l, &d->loop, on_map, d, &d->arena, err) != 0 ||
        door_scatter_init(&d->scatter, l, links, &d->tries.groups.network, &d->stats, &d->loop,
                          err) != 0)
        return -1;
    d->self = describe(l->topo, &d->arena);
    if (d->self == NULL || door_stats_init(&d->stats, l, clock_us(), &d->arena) != 0)
        return error_memory(err);
    d->tries_open = true;
    if (door_tries_init(&d->tries, l, &d->stats, links, &d->loop, &d->arena, err) != 0)
        return -1;
    on_map(d);
    if (http_server_unix(&d->status, &d->loop, sock, NULL, on_status_request, d, err) != 0)
        return -1;
    return http_server_tcp(&d->server, &d->loop, layout_door_port(l, d->number), &limits,
                           on_request, d, err);
}

static void init_handles(struct door *d)
{
    uv_timer_init(&d->loop, &d->drain);
    uv_signal_init(&d->loop, &d->term);
    uv_signal_init(&d->loop, &d->interrupt);
    d->drain.data = d->term.data = d->interrupt.data = d;
    uv_signal_start(&d->term, on_signal, SIGTERM);
    uv_signal_start(&d->interrupt, on_signal, SIGINT);
}

int door_run(const struct layout *l, int number)
{
    struct door d = {.layout = l, .number = number};
    struct error err;
    uv_loop_init(&d.loop);
    init_handles(&d);
    int status = init(&d, &err);
    if (status == 0) {
        log_line("the door is open on 127.0.0.1:%d (process %ld)", layout_door_port(l, number),
                 (long)getpid());
    } else {
        log_line("door: %s", err.text);
        close_all(&d);
    }
    uv_run(&d.loop, UV_RUN_DEFAULT);
    uv_loop_close(&d.loop);
    door_map_release(&d.partition);
    door_stats_release(&d.stats);
    arena_release(&d.arena);
    return status == 0 ? 0 : 1;
}
