#include "control/live/child.h"

#include <assert.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "control/live/crew.h"
#include "wire/clock.h"
#include "wire/log.h"

void child_init(struct child *c, const struct child_opts *opts, int64_t now_us)
{
    *c = (struct child){.opts = *opts, .process.fd = -1};
    supervise_init(&c->rule, &supervise_usual, now_us);
}

static void free_watch(uv_handle_t *handle)
{
    free(handle);
}

void child_forget(struct child *c)
{
    if (c->watch != NULL)
        uv_close((uv_handle_t *)c->watch, free_watch); /* lets go of the descriptor at once */
    c->watch = NULL;
    process_release(&c->process);
}

/* Where the disk is full its log has no word of it. */
static void note_last(struct child *c)
{
    struct statvfs disk;
    log_last(c->opts.log, c->last, sizeof c->last);
    if (statvfs(c->opts.log, &disk) == 0 && disk.f_bavail == 0)
        snprintf(c->last, sizeof c->last, "no room left on the disk");
}

static void on_end(uv_poll_t *watch, int status, int events)
{
    struct child *c = watch->data;
    (void)status;
    (void)events;
    log_line("%s ended (process %ld)", c->opts.name, (long)c->process.pid);
    note_last(c);
    child_forget(c);
    supervise_step(&c->rule, clock_us(), SUPERVISE_ENDED);
    if (c->rule.state != SUPERVISE_HELD)
        c->opts.ended(c->opts.context);
}

static bool begin_watch(struct child *c)
{
    c->watch = malloc(sizeof *c->watch);
    if (c->watch == NULL)
        return false;
    if (uv_poll_init(c->opts.loop, c->watch, c->process.fd) != 0) {
        free(c->watch);
        c->watch = NULL;
        return false;
    }
    c->watch->data = c;
    uv_poll_start(c->watch, UV_READABLE, on_end);
    return true;
}

/* One that cannot be watched counts as ended: it is found again, and adopted, a little later. */
static void runs(struct child *c, enum supervise_event event, int64_t now_us)
{
    c->since_us = now_us;
    supervise_step(&c->rule, now_us, event);
    if (begin_watch(c))
        return;
    log_line("%s cannot be watched", c->opts.name);
    process_release(&c->process);
    supervise_step(&c->rule, now_us, SUPERVISE_ENDED);
}

static void start(struct child *c, int64_t now_us)
{
    char path[PATH_MAX];
    const char *argv[CHILD_ARGS_MAX + 2] = {crew_program(path)};
    for (size_t i = 0; c->opts.args[i] != NULL; i++) {
        assert(i < CHILD_ARGS_MAX);
        argv[i + 1] = c->opts.args[i];
    }
    const struct process_spawn_opts opts = {.argv = argv, .log = c->opts.log};
    struct error err;
    pid_t pid;
    if (process_spawn(&opts, &pid, &err) != 0) {
        log_line("%s cannot be started: %s", c->opts.name, err.text);
        snprintf(c->last, sizeof c->last, "%.*s", CHILD_LAST_MAX - 1, err.text);
        supervise_step(&c->rule, now_us, SUPERVISE_ENDED);
        return;
    }
    c->process = (struct process){.pid = pid, .fd = pidfd_open(pid, 0)};
    if (c->process.fd < 0) { /* it has ended already */
        c->process = (struct process){.fd = -1};
        supervise_step(&c->rule, now_us, SUPERVISE_STARTED);
        supervise_step(&c->rule, now_us, SUPERVISE_ENDED);
        return;
    }
    log_line("%s started (process %ld)", c->opts.name, (long)pid);
    runs(c, SUPERVISE_STARTED, now_us);
}

/* False when nobody can tell: then it may run, and must not be started beside itself. */
static bool find(struct child *c, struct process *found)
{
    struct error err;
    if (process_find(found, c->opts.pid_file, &err) == 0)
        return true;
    log_line("%s: %s", c->opts.name, err.text);
    snprintf(c->last, sizeof c->last, "%.*s", CHILD_LAST_MAX - 1, err.text);
    return false;
}

void child_drive(struct child *c, int64_t now_us)
{
    if (c->rule.state == SUPERVISE_HELD) {
        child_signal(c, SIGKILL);
        return;
    }
    if (c->process.pid != 0 || !supervise_due(&c->rule, now_us))
        return;
    if (!find(c, &c->process)) {
        supervise_step(&c->rule, now_us, SUPERVISE_ENDED); /* looked for again, ever later */
        return;
    }
    if (c->process.pid == 0) {
        start(c, now_us);
        return;
    }
    log_line("%s adopted (process %ld)", c->opts.name, (long)c->process.pid);
    runs(c, SUPERVISE_ADOPTED, now_us);
}

void child_hold(struct child *c, int64_t now_us)
{
    supervise_step(&c->rule, now_us, SUPERVISE_HOLD);
    child_signal(c, SIGKILL);
}

void child_release(struct child *c, int64_t now_us)
{
    supervise_step(&c->rule, now_us, SUPERVISE_RELEASE);
}

void child_signal(struct child *c, int signal)
{
    if (c->process.pid != 0) {
        process_signal(&c->process, signal);
        return;
    }
    struct process found;
    if (find(c, &found) && found.pid != 0)
        process_signal(&found, signal);
    process_release(&found);
}
