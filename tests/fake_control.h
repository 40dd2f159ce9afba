/* fake_control.h - a process that listens on DIR/control.sock and says what a test wants it to. */
#ifndef TESTS_FAKE_CONTROL_H
#define TESTS_FAKE_CONTROL_H

#include <stdbool.h>
#include <sys/types.h>

struct status;

enum { FAKE_DIR_MAX = 64 };

struct fake_control {
    char dir[FAKE_DIR_MAX]; /* a new folder below /tmp */
    pid_t pid;              /* 0: it does not run */
};

/* Make the folder, and begin to listen. Failures fail the test. */
void fake_control_start(struct fake_control *f);

/* What it answers from now on: a whole answer made of `s`; or these bytes, after which it hangs up;
 * or, with NULL, nothing at all. */
void fake_control_say(const struct fake_control *f, const struct status *s);
void fake_control_say_bytes(const struct fake_control *f, const char *bytes);

/* Kill it, leaving the socket's file behind as a crash does; listen again; remove the folder. */
void fake_control_kill(struct fake_control *f);
void fake_control_restart(struct fake_control *f);
void fake_control_end(struct fake_control *f);

#endif
