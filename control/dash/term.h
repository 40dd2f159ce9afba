/* term.h - a terminal: shows a grid, hears keys, and is left as it was found.
 *
 * The only module that knows ncurses. One terminal at a time. */
#ifndef CONTROL_DASH_TERM_H
#define CONTROL_DASH_TERM_H

#include <stdbool.h>

#include "base/error.h"
#include "control/dash/grid.h"

enum term_event {
    TERM_KEY,     /* some keys may be read */
    TERM_RESIZED, /* term_width and term_height tell anew; what is shown is forgotten */
    TERM_ENDED,   /* SIGINT, SIGTERM or SIGHUP: it is time to leave */
    TERM_QUIET,   /* the time is over */
};

/* Whether stdin and stdout are a terminal that can place text. */
bool term_is_able(void);

/* Take over the terminal. 0, or -1 with `err` set. Until term_close a crash restores it too. */
int term_open(bool colour, struct error *err);
void term_close(void);

/* Whether the locale's characters are UTF-8. */
bool term_is_utf8(void);

int term_width(void);
int term_height(void);

/* Wait for something to happen, at most `wait_ms`. */
enum term_event term_wait(int wait_ms);

/* The next key as enum dash_key says; 0 when none waits. */
int term_key(void);

/* Show `g`, writing only the cells that differ from what is shown. */
void term_draw(const struct grid *g);

#endif
