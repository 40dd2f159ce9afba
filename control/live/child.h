/* child.h - one process that is kept running: adopted or started, watched, started again.
 *
 * It is nobody's child in the system's sense, and lives on without us; the rule is
 * control/supervise.h. Its end is seen at once, on the loop, through its pidfd. */
#ifndef CONTROL_LIVE_CHILD_H
#define CONTROL_LIVE_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "control/supervise.h"
#include "wire/process.h"

struct child_opts { /* all borrowed for the child's life */
    uv_loop_t *loop;
    const char *name;             /* "catalog", for the log */
    const char *pid_file;         /* which it claims */
    const char *log;              /* its standard error is appended here */
    const char *const *args;      /* behind the program's path, ended by NULL */
    void (*ended)(void *context); /* it has just ended; not when it was held */
    void *context;
};

enum { CHILD_ARGS_MAX = 12, CHILD_LAST_MAX = 200 };

struct child { /* read what has a note; the rest is private to child.c */
    struct child_opts opts;
    struct supervise rule;  /* when it is started again */
    struct process process; /* pid 0: none */
    uv_poll_t *watch;
    int64_t since_us;          /* it was started or adopted then */
    char last[CHILD_LAST_MAX]; /* why it ended, as far as its log tells, or could not be started */
};

/* Due at once; nothing is started before child_drive. */
void child_init(struct child *c, const struct child_opts *opts, int64_t now_us);

/* Start it if it is due, or adopt the one that runs. While it is held, kill the one that runs. */
void child_drive(struct child *c, int64_t now_us);

/* Keep it down: SIGKILL, and no restart. child_release lets it start again, when driven. */
void child_hold(struct child *c, int64_t now_us);
void child_release(struct child *c, int64_t now_us);

/* Send a signal; its end is then treated as any other. */
void child_signal(struct child *c, int signal);

/* Watch it no more. It runs on. The loop has to run once more for the handle. */
void child_forget(struct child *c);

#endif
