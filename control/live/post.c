#include "control/live/post.h"

#include <signal.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/pace.h"
#include "wire/clock.h"
#include "wire/log.h"

enum {
    SILENT_US_MAX = 5000000, /* one that says nothing for so long is frozen */
    CLOSED_US_MAX =
        30000000,   /* or has not come to open its socket: with hundreds, that takes time */
    MISSES_MIN = 4, /* and that was no pause of ours, in which several waits end at once */
    NEW_US = 5000000,
};

static void ask(uv_timer_t *timer);

/* Told once, not five times a second. */
static void complain(struct post *p, const char *what)
{
    if (!p->garbled)
        log_line("%s: its status cannot be used: %s", p->name, what);
    p->garbled = true;
}

static void take(struct post *p, const struct http_reply *reply)
{
    struct error err;
    int64_t now_us = clock_us();
    if (reply->failure != HTTP_OK)
        return;
    if (reply->status == 503) /* it does not know yet */
        return;
    if (reply->status != 200) {
        complain(p, reply->body);
        return;
    }
    int status = p->cell == POST_DOOR
                     ? picture_door_said(p->picture, p->zone, reply->body, reply->len, now_us, &err)
                     : picture_agent_said(p->picture, p->cell, p->zone, reply->body, reply->len,
                                          now_us, &err);
    if (status != 0)
        complain(p, err.text);
    else
        p->garbled = false;
}

/* One that runs and is silent again and again is frozen, and would stay so. */
static void thaw(struct post *p, enum http_failure failure)
{
    int64_t limit_us = failure == HTTP_TIMEOUT ? SILENT_US_MAX : CLOSED_US_MAX;
    if (failure == HTTP_OK || p->child.process.pid == 0) {
        p->silent_us = p->misses = 0;
        return;
    }
    if (p->misses++ == 0)
        p->silent_us = p->asked_us;
    int64_t since_us = p->silent_us > p->child.since_us ? p->silent_us : p->child.since_us;
    if (p->misses < MISSES_MIN || clock_us() - since_us < limit_us)
        return;
    log_line("%s has been silent for %d s and is killed", p->name, (int)(limit_us / 1000000));
    child_signal(&p->child, SIGKILL);
    p->silent_us = p->misses = 0;
}

static void answered(void *context, const struct http_reply *reply)
{
    struct post *p = context;
    bool eager = !p->picture->status.healthy && clock_us() - p->child.since_us < NEW_US;
    p->call = NULL;
    thaw(p, reply->failure);
    take(p, reply);
    uv_timer_start(&p->timer, ask, eager ? p->every_ms / POST_EAGER : p->every_ms, 0);
}

static void ask(uv_timer_t *timer)
{
    struct post *p = timer->data;
    p->asked_us = clock_us();
    p->call = http_send(p->client, "GET", "/status", NULL, 0, NULL, 0, POST_TIMEOUT_MS * 1000,
                        answered, p);
}

/* A fault's doing is told by the fault's own event. */
static void on_post_ended(void *context)
{
    struct post *p = context;
    picture_event(p->picture, clock_us(), "the %s ended", p->name);
    post_drive(p);
}

static void init_names(struct post *p, const struct layout *l, const char *dir)
{
    size_t n = 0;
    p->args[n++] = p->cell == POST_DOOR ? "door" : "agent";
    p->args[n++] = "--state";
    p->args[n++] = dir;
    if (p->cell == POST_DOOR && p->zone > 0) {
        snprintf(p->number, sizeof p->number, "%zu", p->zone + 1);
        snprintf(p->name, sizeof p->name, "door %s", p->number);
        p->args[n++] = "--number";
        p->args[n++] = p->number;
        return;
    }
    snprintf(p->name, sizeof p->name, "door");
    if (p->cell == POST_DOOR)
        return;
    const struct topo_cell *cell = &l->topo->cells[p->cell];
    p->args[n++] = "--cell";
    p->args[n++] = cell->name;
    p->args[n++] = "--zone";
    p->args[n++] = cell->zones[p->zone];
    snprintf(p->name, sizeof p->name, "agent %s/%s", cell->name, cell->zones[p->zone]);
}

int post_init(struct post *p, const struct layout *l, size_t cell, size_t zone, const char *dir,
              struct picture *picture, uv_loop_t *loop, struct arena *a)
{
    bool door = cell == POST_DOOR;
    const char *pid_file =
        door ? layout_door(l, (int)zone, "pid", a) : layout_agent(l, cell, zone, "pid", a);
    const char *log =
        door ? layout_door(l, (int)zone, "log", a) : layout_agent(l, cell, zone, "log", a);
    const char *sock =
        door ? layout_door(l, (int)zone, "sock", a) : layout_agent(l, cell, zone, "sock", a);
    *p = (struct post){.cell = cell,
                       .zone = zone,
                       .picture = picture,
                       .every_ms = (uint64_t)pace_us(layout_processes(l)) / 1000};
    if (pid_file == NULL || log == NULL || sock == NULL)
        return -1;
    init_names(p, l, dir);
    const struct child_opts opts = {.loop = loop,
                                    .name = p->name,
                                    .pid_file = pid_file,
                                    .log = log,
                                    .args = p->args,
                                    .ended = on_post_ended,
                                    .context = p};
    child_init(&p->child, &opts, clock_us());
    p->client = http_client_new_unix(loop, sock, 1);
    if (p->client == NULL)
        return -1;
    uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    uv_timer_start(&p->timer, ask, p->every_ms / POST_EAGER, 0);
    return 0;
}

void post_drive(struct post *p)
{
    int64_t now_us = clock_us();
    if (p->unattended)
        return;
    child_drive(&p->child, now_us);
    if (p->cell == POST_DOOR)
        picture_door(p->picture, p->zone, p->child.process.pid);
    else
        picture_agent(p->picture, p->cell, p->zone, p->child.process.pid, &p->child.rule,
                      p->child.last, now_us);
}

void post_close(struct post *p)
{
    child_forget(&p->child);
    if (p->client == NULL)
        return;
    http_cancel(p->call);
    p->call = NULL;
    http_client_free(p->client);
    p->client = NULL;
    uv_close((uv_handle_t *)&p->timer, NULL);
}
