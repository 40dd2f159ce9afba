#include "control/live/agent.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/gossip_seal.h"
#include "control/health.h"
#include "control/live/child.h"
#include "control/live/crew.h"
#include "control/live/latency.h"
#include "control/live/member.h"
#include "control/live/probe.h"
#include "control/pace.h"
#include "control/status.h"
#include "control/supervise.h"
#include "wire/clock.h"
#include "wire/http.h"
#include "wire/lease_file.h"
#include "wire/log.h"
#include "wire/process.h"

enum {
    TICKS = 2,                /* of ours while each replica is asked once */
    SILENT_US_MAX = 10000000, /* a replica that says nothing for so long is frozen */
    GRACE_US = 3000000,       /* from SIGTERM to SIGKILL */
};

struct agent;

struct replica {
    struct agent *agent;
    size_t service;
    struct child child;
    struct probe probe;
    pid_t pid; /* the one that the probe asks */
    const char *args[CHILD_ARGS_MAX];
};

struct agent {
    const struct layout *layout;
    size_t cell, zone;
    const char *cell_name, *zone_name;
    struct arena arena;
    uv_loop_t loop;
    uv_timer_t tick;
    uv_signal_t term, interrupt;
    struct http_server *server, *outside; /* for control; for the members of our cell */
    struct member *member;
    struct lease_file faults;
    struct replica *replica;
    size_t count;
    bool knows; /* every replica has been asked once */
    bool ending;
};

/* ---- answering ---- */

static enum status_health health_of(const struct replica *r)
{
    if (r->child.process.pid == 0)
        return r->child.rule.started_once || r->child.rule.state == SUPERVISE_HELD
                   ? STATUS_DOWN
                   : STATUS_STARTING;
    if (r->probe.well)
        return r->probe.progress.state == PROGRESS_WELL   ? STATUS_OK
               : r->probe.progress.state == PROGRESS_SLOW ? STATUS_DEGRADED
                                                          : STATUS_FAILING;
    if (!r->probe.well_once)
        return STATUS_STARTING;
    return r->probe.answers ? STATUS_FAILING : STATUS_UNKNOWN;
}

/* "slow: its commits take 412 ms, limit 250 ms" */
static const char *progress_text(const struct replica *r, struct arena *a)
{
    char words[PROGRESS_WORDS_MAX];
    const struct progress *p = &r->probe.progress;
    const char *state = progress_state_words[p->state], *why = words, *text;
    if (r->child.process.pid == 0 || !r->probe.well_once)
        return "";
    progress_words(p, clock_us(), words);
    if (r->probe.said[0] != '\0') { /* what it says itself says more than that it reports nothing */
        state = progress_state_words[PROGRESS_FAILING];
        why = r->probe.said;
    }
    if (why[0] == '\0')
        return "";
    text = arena_format(a, "%s: %s", state, why);
    return text == NULL ? "" : text;
}

/* "ended 4 times in a row, next start in 1.6s: port 20003 ..." */
static const char *loop_text(const struct replica *r, struct arena *a)
{
    char words[SUPERVISE_WORDS_MAX];
    supervise_words(&r->child.rule, clock_us(), words);
    if (words[0] == '\0' || r->child.last[0] == '\0')
        return arena_string(a, words, strlen(words));
    return arena_format(a, "%s: %s", words, r->child.last);
}

static const char *replica_text(const struct replica *r, struct arena *a)
{
    const char *loop = loop_text(r, a);
    return loop == NULL ? "" : loop[0] != '\0' ? loop : progress_text(r, a);
}

/* Of the first that ends again and again, else of the first that gets too little done:
 * "catalog ended 4 times in a row, ...", "catalog is slow: ...". */
static const char *zone_text(const struct agent *g, struct arena *a)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < g->count; i++) {
            const struct replica *r = &g->replica[i];
            const char *text = pass == 0 ? loop_text(r, a) : progress_text(r, a);
            if (text != NULL && text[0] != '\0')
                text = arena_format(a, "%s %s%s", r->child.opts.name, pass == 0 ? "" : "is ", text);
            if (text == NULL || text[0] != '\0')
                return text == NULL ? "" : text;
        }
    return "";
}

/* How long it has failed though it and its store answer: 0, or 1 and more. */
static int64_t ails_ms(const struct replica *r)
{
    const struct progress *p = &r->probe.progress;
    bool ails = r->child.process.pid != 0 && r->probe.well && progress_fails(p);
    return ails ? (clock_us() - p->since_us) / 1000 + 1 : 0;
}

static char *status_text(const struct agent *g, struct arena *a)
{
    struct status_zone zone = {.name = g->zone_name,
                               .health = STATUS_UNKNOWN,
                               .since_ms = -1,
                               .wanted = (int64_t)g->count,
                               .rps = NAN,
                               .share = NAN,
                               .errors = NAN,
                               .p99_ms = NAN,
                               .why = zone_text(g, a),
                               .agent_pid = getpid(),
                               .replica_count = g->count};
    struct status_cell cell = {.name = g->cell_name,
                               .health = STATUS_UNKNOWN,
                               .since_ms = -1,
                               .rps = NAN,
                               .errors = NAN,
                               .p99_ms = NAN,
                               .lost = -1,
                               .why = "",
                               .zones = &zone,
                               .zone_count = 1};
    struct status status = {.topology = "",
                            .uptime_ms = -1,
                            .control_pid = -1,
                            .door_pid = -1,
                            .port = -1,
                            .rps = NAN,
                            .errors = NAN,
                            .requests = -1,
                            .lost = -1,
                            .cells = &cell,
                            .cell_count = 1};
    zone.replicas = arena_alloc(a, g->count, sizeof zone.replicas[0]);
    if (zone.replicas == NULL || member_status(g->member, &cell.gossip, a) != 0)
        return NULL;
    for (size_t i = 0; i < g->count; i++) {
        const struct replica *r = &g->replica[i];
        zone.replicas[i] =
            (struct status_replica){.service = r->child.opts.name,
                                    .pid = r->child.process.pid,
                                    .port = layout_port(g->layout, g->cell, g->zone, r->service),
                                    .health = (int)health_of(r),
                                    .restarts = r->child.rule.restarts,
                                    .ails_ms = ails_ms(r),
                                    .why = replica_text(r, a)};
        int64_t ends = supervise_ends(&r->child.rule, clock_us());
        zone.ends = ends > zone.ends ? ends : zone.ends;
        zone.up += health_serves(zone.replicas[i].health);
    }
    status.healthy = zone.up == zone.wanted;
    return json_encode(&status, status_fields, a);
}

static bool knows(const struct agent *g)
{
    for (size_t i = 0; i < g->count; i++)
        if (g->replica[i].child.process.pid != 0 && !g->replica[i].probe.heard)
            return false;
    return true;
}

static void on_request(void *context, struct http_exchange *x)
{
    struct agent *g = context;
    bool latency = strcmp(http_target(x), "/latency") == 0;
    g->knows = g->knows || knows(g);
    if (!latency && strcmp(http_target(x), "/status") != 0) {
        http_problem(x, 404, "an agent answers GET /status and GET /latency only");
        return;
    }
    if (strcmp(http_method(x), "GET") != 0) {
        http_problem(x, 405, "an agent answers GET /status and GET /latency only");
        return;
    }
    if (latency) {
        latency_answer(x, &g->loop, g->layout, g->cell, g->zone);
        return;
    }
    if (!g->knows) { /* those adopted may all be well */
        http_problem(x, 503, "not all replicas have been asked yet");
        return;
    }
    struct arena a = {0};
    char *text = status_text(g, &a);
    if (text == NULL)
        http_problem(x, 503, "no memory left");
    else
        http_answer(x, 200, "application/json", NULL, 0, text, strlen(text));
    arena_release(&a);
}

static void on_outside_request(void *context, struct http_exchange *x)
{
    struct agent *g = context;
    if (strcmp(http_target(x), MEMBER_PATH) == 0)
        member_take(g->member, x);
    else
        http_problem(x, 404, "an agent answers POST and GET " MEMBER_PATH " here");
}

/* ---- keeping the replicas ---- */

static void drive(struct replica *r)
{
    struct agent *g = r->agent;
    int64_t now_us = clock_us();
    bool hold = leases_hold(&g->faults.leases, g->layout->topo, g->cell, g->zone, r->service,
                            now_us) != NULL;
    if (hold && r->child.rule.state != SUPERVISE_HELD)
        child_hold(&r->child, now_us);
    else if (!hold && r->child.rule.state == SUPERVISE_HELD)
        child_release(&r->child, now_us);
    child_drive(&r->child, now_us);
    if (r->pid != r->child.process.pid) {
        r->pid = r->child.process.pid;
        probe_restart(&r->probe);
    }
}

static void on_replica_ended(void *context)
{
    struct replica *r = context;
    lease_file_look(&r->agent->faults); /* a fault may have done it */
    drive(r);
}

/* One that neither answers nor refuses is frozen, and would stay so. */
static void thaw(struct replica *r)
{
    int64_t now_us = clock_us();
    if (r->probe.silent_us == 0 || now_us - r->probe.silent_us < SILENT_US_MAX ||
        now_us - r->child.since_us < SILENT_US_MAX)
        return;
    log_line("%s has been silent for %d s and is killed", r->child.opts.name,
             SILENT_US_MAX / 1000000);
    child_signal(&r->child, SIGKILL);
}

/* ---- ending ---- */

static void close_all(struct agent *g)
{
    if (g->ending)
        return;
    g->ending = true;
    http_server_close(g->server);
    http_server_close(g->outside);
    member_close(g->member, true);
    uv_close((uv_handle_t *)&g->tick, NULL);
    uv_close((uv_handle_t *)&g->term, NULL);
    uv_close((uv_handle_t *)&g->interrupt, NULL);
    for (size_t i = 0; i < g->count; i++) {
        child_forget(&g->replica[i].child);
        probe_close(&g->replica[i].probe);
    }
}

static void end_replicas(struct agent *g)
{
    for (size_t i = 0; i < g->count; i++) {
        child_signal(&g->replica[i].child, SIGTERM);
        child_signal(&g->replica[i].child, SIGCONT); /* a stopped one would sleep through it */
    }
    int64_t end_us = clock_us() + GRACE_US;
    for (size_t i = 0; i < g->count; i++) {
        const struct process *p = &g->replica[i].child.process;
        int64_t left_us = end_us - clock_us();
        if (p->pid != 0 && !process_wait_gone(p, left_us > 0 ? left_us : 0))
            process_signal(p, SIGKILL);
    }
}

static void on_signal(uv_signal_t *handle, int signal)
{
    log_line("signal %d: the agent ends, its replicas go on", signal);
    close_all(handle->data);
}

static void on_tick(uv_timer_t *timer)
{
    struct agent *g = timer->data;
    if (!crew_is_wanted(g->layout->dir)) {
        log_line("the system is to be down: the agent ends its replicas and itself");
        end_replicas(g);
        close_all(g);
        return;
    }
    lease_file_look(&g->faults);
    member_hold(g->member, leases_hold(&g->faults.leases, g->layout->topo, g->cell, g->zone,
                                       LEASE_ALL, clock_us()) != NULL);
    for (size_t i = 0; i < g->count; i++) {
        drive(&g->replica[i]);
        thaw(&g->replica[i]);
    }
    /* With the questions to the replicas, and halfway between them. */
    uint64_t every_ms = (uint64_t)pace_us(layout_processes(g->layout)) / 1000 / TICKS;
    uv_timer_start(timer, on_tick, probe_turn_ms(&g->loop, every_ms), 0);
}

/* ---- beginning ---- */

static int init_replica(struct agent *g, size_t service, const char *dir)
{
    struct replica *r = &g->replica[service];
    const struct layout *l = g->layout;
    const char *name = l->topo->services[service].name;
    const char *pid_file = layout_replica(l, g->cell, g->zone, service, "pid", &g->arena);
    const char *log = layout_replica(l, g->cell, g->zone, service, "log", &g->arena);
    if (pid_file == NULL || log == NULL)
        return -1;
    *r = (struct replica){
        .agent = g,
        .service = service,
        .args = {"service", "--state", dir, "--cell", g->cell_name, "--zone", g->zone_name,
                 "--service", name, NULL},
    };
    const struct child_opts opts = {.loop = &g->loop,
                                    .name = name,
                                    .pid_file = pid_file,
                                    .log = log,
                                    .args = r->args,
                                    .ended = on_replica_ended,
                                    .context = r};
    child_init(&r->child, &opts, clock_us());
    int64_t pace = pace_us(layout_processes(l));
    struct progress_opts progress = progress_opts_of(&l->topo->services[service], &l->topo->policy);
    if (progress.silent_us < 2 * pace) /* one question that got no answer is no silence yet */
        progress.silent_us = 2 * pace;
    return probe_init(&r->probe, &g->loop, layout_port(l, g->cell, g->zone, service), pace,
                      &progress);
}

static void init_handles(struct agent *g)
{
    uv_timer_init(&g->loop, &g->tick);
    uv_signal_init(&g->loop, &g->term);
    uv_signal_init(&g->loop, &g->interrupt);
    g->tick.data = g->term.data = g->interrupt.data = g;
    uv_timer_start(&g->tick, on_tick, 0, 0);
    uv_signal_start(&g->term, on_signal, SIGTERM);
    uv_signal_start(&g->interrupt, on_signal, SIGINT);
}

static int init(struct agent *g, struct error *err)
{
    const struct layout *l = g->layout;
    const char *pid_file = layout_agent(l, g->cell, g->zone, "pid", &g->arena);
    const char *sock = layout_agent(l, g->cell, g->zone, "sock", &g->arena);
    const char *faults = layout_file(l, "faults.json", &g->arena);
    char *real = realpath(l->dir, NULL);
    const char *dir = real == NULL ? l->dir : arena_string(&g->arena, real, strlen(real));
    free(real);
    g->replica = arena_alloc(&g->arena, l->topo->service_count, sizeof g->replica[0]);
    if (pid_file == NULL || sock == NULL || faults == NULL || dir == NULL || g->replica == NULL)
        return error_memory(err);
    const struct http_limits limits = {.body_bytes_max = GOSSIP_SEALED_MAX,
                                       .idle_us = MEMBER_IDLE_US};
    size_t services = l->topo->service_count;
    if (process_claim(pid_file, err) != 0 ||
        http_server_unix(&g->server, &g->loop, sock, NULL, on_request, g, err) != 0 ||
        http_server_tcp(&g->outside, &g->loop, layout_port(l, g->cell, g->zone, services), &limits,
                        on_outside_request, g, err) != 0 ||
        member_new(&g->member, l, g->cell, g->zone, services, &g->loop, err) != 0)
        return -1;
    lease_file_init(&g->faults, faults, l->topo);
    for (; g->count < l->topo->service_count; g->count++)
        if (init_replica(g, g->count, dir) != 0)
            return error_memory(err);
    return 0;
}

int agent_run(const struct layout *l, size_t cell, size_t zone)
{
    struct agent g = {.layout = l,
                      .cell = cell,
                      .zone = zone,
                      .cell_name = l->topo->cells[cell].name,
                      .zone_name = l->topo->cells[cell].zones[zone]};
    struct error err;
    uv_loop_init(&g.loop);
    init_handles(&g);
    int status = init(&g, &err);
    if (status != 0) {
        log_line("the agent of %s/%s cannot work: %s", g.cell_name, g.zone_name, err.text);
        close_all(&g);
    } else {
        log_line("agent of %s/%s (process %ld)", g.cell_name, g.zone_name, (long)getpid());
    }
    uv_run(&g.loop, UV_RUN_DEFAULT);
    uv_loop_close(&g.loop);
    arena_release(&g.arena);
    return status == 0 ? 0 : 1;
}
