#include "control/live/control.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/lease.h"
#include "base/topo.h"
#include "control/live/crew.h"
#include "control/live/cures.h"
#include "control/live/decisions.h"
#include "control/live/map_file.h"
#include "control/live/post.h"
#include "control/picture.h"
#include "wire/clock.h"
#include "wire/http.h"
#include "wire/lease_file.h"
#include "wire/log.h"
#include "wire/process.h"

enum {
    TICK_MS = 100,
    TURN_US = 50000,        /* for starting processes, before others are heard */
    AGENT_GONE_US = 500000, /* to wait for a killed agent before its replicas are killed */
};

struct control {
    const struct layout *layout;
    struct arena arena;
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t term, interrupt;
    struct http_server *server;
    struct lease_file faults;
    struct map_file map;
    struct picture *picture;
    struct post *post; /* [post_count] the doors, then the agents, cell by cell */
    size_t post_count;
    size_t post_at; /* whose turn it is to be driven */
    uint64_t events_logged;
    struct decisions decisions;
    struct cures cures;
    bool ending;
    bool down; /* end everything, then ourselves */
};

/* ---- what is so ---- */

static void judge(struct control *c)
{
    struct picture *p = c->picture;
    picture_judge(p, &c->faults.leases, clock_us());
    if (p->event_count - c->events_logged > PICTURE_EVENTS_MAX)
        c->events_logged = p->event_count - PICTURE_EVENTS_MAX;
    for (; c->events_logged < p->event_count; c->events_logged++)
        log_line("%s", p->event[c->events_logged % PICTURE_EVENTS_MAX].text);
    map_file_note(&c->map, &p->status, clock_wall_ms());
}

/* ---- faults ---- */

static void kill_replica(struct control *c, size_t cell, size_t zone, size_t service)
{
    struct arena a = {0};
    struct process found = {.fd = -1};
    struct error err;
    const char *path = layout_replica(c->layout, cell, zone, service, "pid", &a);
    if (path != NULL && process_find(&found, path, &err) == 0 && found.pid != 0)
        process_signal(&found, SIGKILL);
    process_release(&found);
    arena_release(&a);
}

/* Sudden death: the agent first, or it would start again what dies. It is started again at once and
 * keeps its replicas down itself until the fault is over, so that nobody else is needed then. */
static void kill_zone(struct control *c, struct post *agent)
{
    child_hold(&agent->child, clock_us());
    if (agent->child.process.pid != 0)
        process_wait_gone(&agent->child.process, AGENT_GONE_US);
    for (size_t i = 0; i < c->layout->topo->service_count; i++)
        kill_replica(c, agent->cell, agent->zone, i);
}

/* What a new fault kills. Single replicas are kept down by their agents as well. */
static void kill_at(struct control *c, const struct lease *lease)
{
    struct leases only = {.count = 1, .lease[0] = *lease};
    for (size_t i = (size_t)c->layout->doors; i < c->post_count; i++) {
        struct post *agent = &c->post[i];
        const struct topo *topo = c->layout->topo;
        int64_t now_us = lease->ends_us - 1;
        if (leases_hold(&only, topo, agent->cell, agent->zone, LEASE_ALL, now_us) != NULL) {
            kill_zone(c, agent);
            continue;
        }
        for (size_t k = 0; k < topo->service_count; k++)
            if (leases_hold(&only, topo, agent->cell, agent->zone, k, now_us) != NULL)
                kill_replica(c, agent->cell, agent->zone, k);
    }
}

/* Look after a process, unless the control plane of its cell is down. */
static void drive(struct control *c, struct post *p)
{
    p->unattended =
        p->cell != POST_DOOR && leases_of(&c->faults.leases, c->layout->topo, FAULT_CONTROL_DOWN,
                                          p->cell, clock_us()) != NULL;
    if (!p->unattended && p->child.process.pid == 0) /* one that a fault has killed */
        child_release(&p->child, clock_us());
    post_drive(p);
}

/* Many processes are started in several turns of the loop: who runs is heard in between. True when
 * all had their turn. */
static bool drive_posts(struct control *c)
{
    int64_t end_us = clock_us() + TURN_US;
    for (size_t i = 0; i < c->post_count; i++) {
        drive(c, &c->post[c->post_at]);
        c->post_at = (c->post_at + 1) % c->post_count;
        if (clock_us() >= end_us)
            return i + 1 == c->post_count;
    }
    return true;
}

static void expire(struct control *c)
{
    struct lease over;
    bool any = false;
    while (leases_expire(&c->faults.leases, clock_us(), &over)) {
        picture_event(c->picture, clock_us(), "fault %lld %s at %s has ended", (long long)over.id,
                      scenario_fault_words[over.fault.kind], over.scope);
        any = true;
    }
    struct error err;
    if (any && lease_file_save(&c->faults, &err) != 0)
        log_line("%s", err.text);
}

/* ---- requests ---- */

static void answer_json(struct http_exchange *x, int status, const char *text)
{
    if (text == NULL)
        http_problem(x, 503, "no memory left");
    else
        http_answer(x, status, "application/json", NULL, 0, text, strlen(text));
}

static void get_status(struct control *c, struct http_exchange *x, const char *rest)
{
    struct arena a = {0};
    (void)rest;
    judge(c);
    answer_json(x, 200, json_encode(&c->picture->status, status_fields, &a));
    arena_release(&a);
}

static int status_of(const struct error *err)
{
    switch (err->code) {
    case ERR_SYNTAX:
    case ERR_TYPE:
        return 400;
    case ERR_SYSTEM:
    case ERR_MEMORY:
        return 503;
    case ERR_LIMIT:
        return 409;
    default:
        return 422;
    }
}

/* It is on the disk before anything is broken. */
static void post_fault(struct control *c, struct http_exchange *x, const char *rest)
{
    static const char by[] = "?by=";
    struct error err;
    size_t len;
    const struct lease *lease;
    const char *body = http_body(x, &len);
    const char *who = strncmp(rest, by, sizeof by - 1) == 0 ? rest + sizeof by - 1 : "";
    if (rest[0] != '\0' && who[0] == '\0') {
        http_problem(x, 400, "expected /faults or /faults?by=NAME");
        return;
    }
    if (leases_add(&c->faults.leases, body, len, who, c->layout->topo, clock_us(), &lease, &err) !=
        0) {
        http_problem(x, status_of(&err), err.text);
        return;
    }
    if (lease_file_save(&c->faults, &err) != 0) {
        leases_end(&c->faults.leases, lease->id, NULL);
        http_problem(x, status_of(&err), err.text);
        return;
    }
    struct arena a = {0};
    picture_event(c->picture, clock_us(), "fault %lld %s at %s has begun", (long long)lease->id,
                  scenario_fault_words[lease->fault.kind], lease->scope);
    kill_at(c, lease);
    drive_posts(c);
    judge(c);
    answer_json(x, 201, arena_format(&a, "{\"id\": %lld}\n", (long long)lease->id));
    arena_release(&a);
}

/* "?scope=de/a" or "?scope=de%2Fa". False when it is neither nothing nor that. */
static bool scope_of(const char *query, char scope[LEASE_SCOPE_MAX], const char **out)
{
    static const char key[] = "?scope=";
    *out = NULL;
    if (query[0] == '\0')
        return true;
    if (strncmp(query, key, sizeof key - 1) != 0)
        return false;
    size_t used = 0;
    for (const char *p = query + sizeof key - 1; *p != '\0'; p++) {
        bool slash = strncmp(p, "%2F", 3) == 0 || strncmp(p, "%2f", 3) == 0;
        if (used + 1 == LEASE_SCOPE_MAX)
            return false;
        scope[used++] = slash ? '/' : *p;
        p += slash ? 2 : 0;
    }
    scope[used] = '\0';
    *out = scope;
    return true;
}

static void delete_faults(struct control *c, struct http_exchange *x, const char *rest)
{
    char room[LEASE_SCOPE_MAX];
    const char *scope = NULL;
    char *end = NULL;
    long long id = rest[0] == '/' ? strtoll(rest + 1, &end, 10) : 0;
    if (rest[0] == '/' ? id <= 0 || *end != '\0' : !scope_of(rest, room, &scope)) {
        http_problem(x, 400, "expected /faults, /faults/ID or /faults?scope=SCOPE");
        return;
    }
    size_t ended = leases_end(&c->faults.leases, id, scope);
    if (ended == 0 && rest[0] != '\0') {
        http_problem(x, 404, "no such fault is on");
        return;
    }
    struct error err;
    if (ended > 0 && lease_file_save(&c->faults, &err) != 0)
        log_line("%s", err.text); /* it has ended all the same */
    if (ended > 0)
        picture_event(c->picture, clock_us(), "%zu fault%s healed", ended, ended == 1 ? "" : "s");
    drive_posts(c);
    struct arena a = {0};
    answer_json(x, 200, arena_format(&a, "{\"ended\": %zu}\n", ended));
    arena_release(&a);
}

static void close_all(struct control *c);

static void post_down(struct control *c, struct http_exchange *x, const char *rest)
{
    struct error err;
    (void)rest;
    if (crew_want_not(c->layout->dir, &err) != 0) {
        http_problem(x, 503, err.text);
        return;
    }
    answer_json(x, 202, "{}\n");
    log_line("asked to end everything");
    c->down = true;
    close_all(c); /* the answer leaves first */
}

static const struct {
    const char *method, *path;
    bool more; /* a rest may follow the path: "/1", "?scope=de/a" */
    void (*answer)(struct control *c, struct http_exchange *x, const char *rest);
} routes[] = {
    {"GET", "/status", false, get_status},
    {"POST", "/faults", true, post_fault},
    {"DELETE", "/faults", true, delete_faults},
    {"POST", "/down", false, post_down},
};

static void on_request(void *context, struct http_exchange *x)
{
    const char *target = http_target(x);
    bool known = false;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        size_t len = strlen(routes[i].path);
        const char *rest = strncmp(target, routes[i].path, len) == 0 ? target + len : NULL;
        if (rest == NULL || (rest[0] != '\0' && !(routes[i].more && strchr("/?", rest[0]) != NULL)))
            continue;
        known = true;
        if (strcmp(http_method(x), routes[i].method) == 0) {
            routes[i].answer(context, x, rest);
            return;
        }
    }
    http_problem(x, known ? 405 : 404,
                 "control answers GET /status, POST /faults, DELETE /faults and POST /down");
}

/* ---- beginning and ending ---- */

static void close_all(struct control *c)
{
    if (c->ending)
        return;
    c->ending = true;
    http_server_close(c->server);
    uv_close((uv_handle_t *)&c->tick, NULL);
    uv_close((uv_handle_t *)&c->term, NULL);
    uv_close((uv_handle_t *)&c->interrupt, NULL);
    for (size_t i = 0; i < c->post_count; i++)
        post_close(&c->post[i]);
}

static void on_signal(uv_signal_t *handle, int signal)
{
    log_line("signal %d: control ends, everything else goes on", signal);
    close_all(handle->data);
}

/* The agents see it too, and end their replicas; nobody else ends the doors when the folder has
 * been removed with all pid files in it. */
static void give_up(struct control *c)
{
    log_line("the system is to be down: control ends the doors and itself");
    for (int i = 0; i < c->layout->doors; i++)
        child_signal(&c->post[i].child, SIGTERM);
    close_all(c);
}

static void on_tick(uv_timer_t *timer)
{
    struct control *c = timer->data;
    if (!crew_is_wanted(c->layout->dir)) {
        give_up(c);
        return;
    }
    expire(c);
    decisions_keep(&c->decisions, c->picture, clock_us());
    uv_timer_start(&c->tick, on_tick, drive_posts(c) ? TICK_MS : 0, TICK_MS);
    judge(c);
    cures_look(&c->cures, clock_us());
}

static int init_posts(struct control *c)
{
    const struct topo *topo = c->layout->topo;
    char *real = realpath(c->layout->dir, NULL);
    const char *dir = arena_format(&c->arena, "%s", real == NULL ? c->layout->dir : real);
    free(real);
    size_t doors = (size_t)c->layout->doors, count = doors;
    for (size_t i = 0; i < topo->cell_count; i++)
        count += topo->cells[i].zone_count;
    c->post = arena_alloc(&c->arena, count, sizeof c->post[0]);
    if (c->post == NULL || dir == NULL)
        return -1;
    for (; c->post_count < doors; c->post_count++)
        if (post_init(&c->post[c->post_count], c->layout, POST_DOOR, c->post_count, dir, c->picture,
                      &c->loop, &c->arena) != 0)
            return -1;
    for (size_t i = 0; i < topo->cell_count; i++)
        for (size_t k = 0; k < topo->cells[i].zone_count; k++, c->post_count++)
            if (post_init(&c->post[c->post_count], c->layout, i, k, dir, c->picture, &c->loop,
                          &c->arena) != 0)
                return -1;
    return 0;
}

static int init(struct control *c, const char *name, struct error *err)
{
    const struct layout *l = c->layout;
    const char *pid_file = layout_file(l, "control.pid", &c->arena);
    const char *sock = layout_file(l, "control.sock", &c->arena);
    const char *faults = layout_file(l, "faults.json", &c->arena);
    const char *map = layout_file(l, "map.json", &c->arena);
    const char *journal = layout_file(l, "control.db", &c->arena);
    c->picture = arena_alloc(&c->arena, 1, sizeof *c->picture);
    if (pid_file == NULL || sock == NULL || faults == NULL || map == NULL || journal == NULL ||
        c->picture == NULL)
        return error_memory(err);
    if (process_claim(pid_file, err) != 0 ||
        http_server_unix(&c->server, &c->loop, sock, NULL, on_request, c, err) != 0)
        return -1;
    lease_file_init(&c->faults, faults, l->topo);
    lease_file_look(&c->faults);
    if (map_file_init(&c->map, l, name, map) != 0 ||
        picture_init(c->picture, l, name, getpid(), clock_us(), &c->arena) != 0 ||
        cures_init(&c->cures, l, c->picture, &c->faults.leases, clock_us(), &c->arena) != 0 ||
        init_posts(c) != 0)
        return error_memory(err);
    decisions_begin(&c->decisions, journal, l, c->picture);
    c->events_logged = c->decisions.kept;
    return 0;
}

static void init_handles(struct control *c)
{
    uv_timer_init(&c->loop, &c->tick);
    uv_signal_init(&c->loop, &c->term);
    uv_signal_init(&c->loop, &c->interrupt);
    c->tick.data = c->term.data = c->interrupt.data = c;
    uv_timer_start(&c->tick, on_tick, 0, TICK_MS);
    uv_signal_start(&c->term, on_signal, SIGTERM);
    uv_signal_start(&c->interrupt, on_signal, SIGINT);
}

int control_run(const struct layout *l, const char *name)
{
    struct control c = {.layout = l};
    struct error err;
    size_t ended = 0;
    uv_loop_init(&c.loop);
    init_handles(&c);
    int status = init(&c, name, &err);
    if (status == 0)
        log_line("control of %s (process %ld)", name, (long)getpid());
    else
        close_all(&c);
    uv_run(&c.loop, UV_RUN_DEFAULT);
    if (status == 0 && c.down)
        status = crew_stop(l->dir, &ended, &err);
    if (status != 0)
        log_line("control: %s", err.text);
    uv_loop_close(&c.loop);
    if (c.picture != NULL) {
        decisions_end(&c.decisions, c.picture);
        picture_release(c.picture);
    }
    map_file_release(&c.map);
    arena_release(&c.arena);
    return status == 0 ? 0 : 1;
}
