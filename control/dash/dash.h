/* dash.h - the dashboard: what it knows, what was selected, and the picture of it.
 *
 * Data goes in by dash_update and dash_fail, keys by dash_key, and dash_render draws all of it on a
 * grid. No clock, no terminal, no allocation: the time is handed in, and a snapshot of a simulation
 * looks no different. */
#ifndef CONTROL_DASH_DASH_H
#define CONTROL_DASH_DASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct grid;
struct status;

enum {
    DASH_WIDTH_MIN = 40,
    DASH_HEIGHT_MIN = 8,
    DASH_CELLS_MAX = 1000, /* as many as a topology may have; more are not shown, and it is said */
    DASH_NAME_MAX = 48,
    DASH_STALE_MS = 10000, /* older data is UNKNOWN */
    DASH_STILL_MS = 2000,  /* rows keep their order for so long after a key */
    DASH_REFRESH_MS = 250, /* at first, and its bounds */
    DASH_REFRESH_MS_MIN = 125,
    DASH_REFRESH_MS_MAX = 8000,
};

struct dash_now {
    int64_t ms;     /* never goes back */
    int64_t unix_s; /* the time of day */
};

/* Keys: a printable character is itself. */
enum dash_key {
    DASH_KEY_ESC = 0x1b,
    DASH_KEY_ENTER = 0x0d,
    DASH_KEY_UP = 0x110000, /* above all characters */
    DASH_KEY_DOWN,
    DASH_KEY_LEFT,
    DASH_KEY_RIGHT,
    DASH_KEY_PAGE_UP,
    DASH_KEY_PAGE_DOWN,
    DASH_KEY_HOME,
    DASH_KEY_END,
    DASH_KEY_F0, /* DASH_KEY_F0 + 10 is F10 */
    DASH_KEY_END_OF_KEYS = DASH_KEY_F0 + 13,
};

enum dash_view { DASH_WORLD, DASH_CELL };
enum dash_todo { DASH_NOTHING, DASH_REDRAW, DASH_QUIT };

struct dash {                    /* fields are private to control/dash */
    const struct status *status; /* NULL: none yet */
    struct dash_now taken;       /* when it came */
    struct dash_now failed;      /* the first failure since then, while `failure` says anything */
    struct error failure;
    int64_t refresh_ms;
    enum dash_view view;
    bool help, bare; /* bare: no keys, for a picture that is printed */
    bool frozen;
    struct dash_now frozen_at;
    int64_t key_ms;                    /* the last key, 0: none */
    char selected[DASH_NAME_MAX];      /* a cell; "": whichever is first */
    size_t selected_index;             /* in `order`, where it was last */
    size_t count;                      /* of `order` */
    uint16_t order[DASH_CELLS_MAX];    /* indices of cells, most trouble first */
    int cells_top, rows_top, help_top; /* how far each is scrolled */
    int rows_most, help_most;          /* and may be, as drawn last */
    int page;                          /* rows of a page, as drawn last */
};

void dash_init(struct dash *d);

/* Take a snapshot, which is borrowed until another is taken. False while frozen: it was not
 * taken. */
bool dash_update(struct dash *d, const struct status *s, const struct dash_now *now);

/* A snapshot could not be had. ERR_MISSING: there is no control process. */
void dash_fail(struct dash *d, const struct error *err, const struct dash_now *now);

/* What is to be done after a key. */
enum dash_todo dash_key(struct dash *d, int key, const struct dash_now *now);

/* Draw everything. It only remembers how far lists are scrolled. */
void dash_render(struct dash *d, const struct dash_now *now, struct grid *g);

/* Without keys and selection: a picture for paper, and the height that is enough for it. */
void dash_be_bare(struct dash *d);
int dash_height(const struct dash *d);

#endif
