#include "region/live/service.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "region/cell.h"
#include "region/live/arrival.h"
#include "region/live/request.h"
#include "region/live/trouble.h"
#include "wire/log.h"
#include "wire/process.h"

enum {
    PATIENCE_MS = 2000, /* for what runs, at the end */
    BODY_BYTES_MAX = 256 << 10,
    IDLE_US = 300000000, /* its peers may speak rarely */
    UPSTREAM_CONNECTIONS_MAX = 128,
};

/* ---- beginning ---- */

/* Make a folder and those above it; `path` is put back as it was. */
static int make_folder(char *path, struct error *err)
{
    for (char *at = strchr(path + 1, '/');; at = strchr(at + 1, '/')) {
        if (at != NULL)
            *at = '\0';
        int status = mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : errno;
        if (status != 0)
            error_set(err, ERR_SYSTEM, "%s: %s", path, strerror(status));
        if (at != NULL)
            *at = '/';
        if (status != 0 || at == NULL)
            return status == 0 ? 0 : -1;
    }
}

/* The folder that a file lies in. */
static int make_folder_of(const char *file, struct arena *a, struct error *err)
{
    char *path = arena_string(a, file, strlen(file));
    if (path == NULL)
        return error_memory(err);
    *strrchr(path, '/') = '\0';
    return make_folder(path, err);
}

static int open_store(struct service *s, const struct layout *l, struct arena *a, struct error *err)
{
    const char *folder = layout_store(l, s->cell_index, s->index, a);
    char *path = folder == NULL ? NULL : arena_string(a, folder, strlen(folder));
    if (path == NULL)
        return error_memory(err);
    struct store_opts opts = {
        .folder = path,
        .owner = s->cell->name,
        .schema = s->kind->schema,
        .schema_count = s->kind->schema_count,
    };
    return make_folder(path, err) == 0 && store_loop_init(&s->store, &s->loop, &opts, err) == 0
               ? 0
               : -1;
}

static int open_upstream(struct service *s, struct upstream *u, const struct layout *l,
                         enum layout_service type, struct error *err)
{
    const struct topo_policy *policy = &s->topo->policy;
    struct peers_opts opts = {
        .zones = s->cell->zone_count,
        .own = s->zone,
        .eject_failures = (uint32_t)policy->eject_failures,
        .eject_us = policy->eject_us,
    };
    peers_init(&u->peers, &opts);
    for (size_t zone = 0; zone < opts.zones; zone++) {
        int port = layout_port(l, s->cell_index, zone, layout_index(l, type));
        u->client[zone] = http_client_new(&s->loop, port, UPSTREAM_CONNECTIONS_MAX);
        if (u->client[zone] == NULL ||
            network_route(&s->network, u->client[zone], s->cell_index, s->zone, zone) != 0)
            return error_memory(err);
    }
    return 0;
}

static void close_upstream(struct upstream *u)
{
    for (size_t zone = 0; zone < TOPO_ZONES_MAX; zone++) {
        http_client_free(u->client[zone]);
        u->client[zone] = NULL;
    }
}

/* ---- ending ---- */

/* When the server and the store are closed, nothing keeps the loop but these. */
static void close_handles(struct service *s)
{
    if (!s->server_closed || !s->store_closed)
        return;
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    uv_close((uv_handle_t *)&s->patience, NULL);
}

static void store_closed(struct store_loop *store)
{
    struct service *s = (struct service *)((char *)store - offsetof(struct service, store));
    s->store_closed = true;
    close_handles(s);
}

static void server_closed(void *context)
{
    struct service *s = context;
    s->server_closed = true;
    close_handles(s);
}

/* All are answered. Their clients may still be reading, but the store is not needed any more. */
static void all_answered(struct service *s)
{
    close_upstream(&s->customers);
    close_upstream(&s->catalogs);
    network_close(&s->network, NULL, NULL);
    if (s->guest != NULL)
        s->guest_opts->end(s->guest);
    s->guest = NULL;
    reads_close(&s->reads);
    store_loop_close(&s->store, store_closed);
}

static void lose_patience(uv_timer_t *timer)
{
    struct service *s = timer->data;
    if (s->open > 0)
        log_line("%lld requests did not end in %d ms", (long long)s->open, PATIENCE_MS);
    _exit(0); /* the store is as good as after a crash, which is what it is made for */
}

static void end(uv_signal_t *handle, int number)
{
    struct service *s = handle->data;
    (void)number;
    if (s->server == NULL)
        return;
    http_server_close_then(s->server, server_closed, s);
    s->server = NULL;
    uv_timer_start(&s->patience, lose_patience, PATIENCE_MS, 0);
    request_drain(s, all_answered);
}

/* ---- the whole ---- */

static void service_init(struct service *s, const struct layout *l, size_t cell, size_t zone,
                         size_t index)
{
    *s = (struct service){
        .topo = l->topo,
        .cell = &l->topo->cells[cell],
        .cell_index = cell,
        .zone = zone,
        .index = index,
        .type = layout_kind(l, index),
        .kind = cell_kind(layout_kind(l, index)),
        .rules = admission_rules(&l->topo->services[index], 1),
        .logged_us = INT64_MIN / 2,
    };
    admission_init(&s->admission, &s->rules);
}

static int start(struct service *s, const struct layout *l, struct arena *a, struct error *err)
{
    const char *pid = layout_replica(l, s->cell_index, s->zone, s->index, "pid", a);
    struct http_limits limits = {.body_bytes_max = BODY_BYTES_MAX, .idle_us = IDLE_US};
    if (pid == NULL)
        return error_memory(err);
    rng_named(&s->rng, (uint64_t)getpid(), 0, pid, "service");
    if (topo_dist(&s->work_us, &s->topo->services[s->index], 1, err) != 0)
        return -1;
    if (misdirect_init(&s->misdirect, l, a) != 0)
        return error_memory(err);
    if (make_folder_of(pid, a, err) != 0 || process_claim(pid, err) != 0 ||
        network_init(&s->network, &s->loop, l, err) != 0 || trouble_wait(s, l, a, err) != 0 ||
        open_store(s, l, a, err) != 0)
        return -1;
    reads_init(&s->reads, &s->loop, s->store.store);
    if (s->type == LAYOUT_ORDER && (open_upstream(s, &s->customers, l, LAYOUT_CUSTOMER, err) != 0 ||
                                    open_upstream(s, &s->catalogs, l, LAYOUT_CATALOG, err) != 0))
        return -1;
    if (http_server_tcp(&s->server, &s->loop, layout_port(l, s->cell_index, s->zone, s->index),
                        &limits, arrival_handle, s, err) != 0)
        return -1;
    return s->guest_opts == NULL ? 0
                                 : s->guest_opts->begin(&s->guest, l, s->cell_index, s->zone,
                                                        s->index, &s->loop, err);
}

int service_run(const struct layout *l, size_t cell, size_t zone, size_t service,
                const struct service_guest *guest)
{
    static const int numbers[2] = {SIGTERM, SIGINT};
    struct service *s = &(struct service){0};
    struct arena a = {0};
    struct error err;
    signal(SIGPIPE, SIG_IGN);
    service_init(s, l, cell, zone, service);
    s->guest_opts = guest;
    uv_loop_init(&s->loop);
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
    }
    uv_timer_init(&s->loop, &s->patience);
    s->patience.data = s;
    if (start(s, l, &a, &err) != 0) {
        log_line("%s/%s/%s: %s", s->cell->name, s->cell->zones[zone],
                 s->topo->services[service].name, err.text);
        _exit(1); /* what is open ends with the process */
    }
    for (size_t i = 0; i < 2; i++)
        uv_signal_start(&s->signals[i], end, numbers[i]);
    log_line("%s/%s/%s serves on port %d", s->cell->name, s->cell->zones[zone],
             s->topo->services[service].name, http_server_port(s->server));
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
    request_release_spare(s);
    arena_release(&a);
    log_line("%s/%s/%s has ended", s->cell->name, s->cell->zones[zone],
             s->topo->services[service].name);
    return 0;
}
