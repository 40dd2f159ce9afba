/* delay.h - bytes on a slow line: what is put in comes out in order, each piece after its time.
 *
 * A line is one direction of one connection. How long a piece takes is asked when it is put in, and
 * whether it arrives when its time has come: while the line is cut nothing does, and what had to
 * wait follows when it is whole again, as a sender would have repeated it. Times are kept to a
 * fraction of a millisecond by one timer for all lines of a loop. */
#ifndef WIRE_DELAY_H
#define WIRE_DELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "wire/bytes.h"

#define DELAY_CUT INT64_MAX     /* a time: it does not arrive */
enum { DELAY_LOOK_US = 20000 }; /* how often a cut line is looked at */

/* The timer of a loop, with those who wait. All zero before delays_open. */
struct delays {
    uv_poll_t poll;
    int fd; /* a timerfd */
    struct delay_wait **heap;
    size_t count, size;
    uint64_t number; /* of the next wait: equal times come in this order */
    bool open;
    void (*closed)(void *context);
    void *closed_context;
};

/* 0, or -1 when descriptors or memory are out: nothing is to be closed then. */
int delays_open(struct delays *d, uv_loop_t *loop);

/* No line is in use any more. `closed` (NULL: nobody) is called from the loop, or at once when it
 * is not open. */
void delays_close(struct delays *d, void (*closed)(void *context), void *context);

struct delay_wait { /* all zero does not wait */
    int64_t at_us;
    uint64_t number;
    size_t index; /* in the heap, plus one; 0: does not wait */
    void (*due)(struct delay_wait *w);
};

/* Call w->due at `at_us` (clock_us) or a little later; or not at all. False when memory is out. */
bool delay_wait(struct delays *d, struct delay_wait *w, int64_t at_us);
void delay_wait_not(struct delays *d, struct delay_wait *w);

/* How long a piece that goes in now takes, us; DELAY_CUT. */
typedef int64_t delay_way(void *context);

/* A piece, `code` 0; or the line's end, a `code` below 0 and no data. May end the line with
 * delay_line_clear, and is called at most once more after that never. */
typedef void delay_out(void *context, const void *data, size_t len, int code);

struct delay_line { /* set delays, way, out and context; the rest is private and all zero */
    struct delays *delays;
    delay_way *way;
    delay_out *out;
    void *context;
    struct delay_wait wait;
    struct delay_piece *piece; /* a ring of `size` from `first` */
    size_t first, count, size;
    struct bytes bytes; /* of all pieces, from `taken` */
    size_t taken;
    int64_t last_us; /* when the last piece comes out */
};

/* Whether it has to be used at all: it is slow or cut, or something is in it. */
bool delay_line_needed(const struct delay_line *l);

/* Put in a piece, or the end. False when memory is out; it is not in then. */
bool delay_line_put(struct delay_line *l, const void *data, size_t len, int code);

/* Bytes that are in it. */
size_t delay_line_held(const struct delay_line *l);

/* Forget, and wipe, what is in it. */
void delay_line_clear(struct delay_line *l);

#endif
