#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/commands.h"
#include "commands/state.h"
#include "commands/status_fetch.h"
#include "control/dash/dash.h"
#include "control/dash/grid.h"
#include "control/dash/term.h"
#include "control/status.h"

enum {
    SLICE_MS = 10, /* keys wait no longer while an answer is on its way */
    FRAME_MS = 16, /* between two pictures, however many keys come */
    COLUMNS_DEFAULT = 80,
    COST_SHARE = 200,      /* refreshing takes at most a 200th of a processor ... */
    COST_REFRESH_MS = 500, /* ... unless this would make it slower than that */
};

struct top_options {
    const char *dir;
    bool once, ascii;
};

static const struct cli_option options[] = {
    {"state", CLI_STR, offsetof(struct top_options, dir), "DIR", 0, 0,
     "The state folder of the system (" STATE_DIR_DEFAULT ")"},
    {"once", CLI_FLAG, offsetof(struct top_options, once), NULL, 0, 0,
     "Print one picture and end, as when the output is no terminal"},
    {"ascii", CLI_FLAG, offsetof(struct top_options, ascii), NULL, 0, 0,
     "Draw with ASCII characters only"},
    {.type = CLI_END},
};

/* Where snapshots come from. 0 with `*out` filled and its strings in `a`, 1 when it is not there
 * yet, -1 with `err` set. Waits a few milliseconds at most. */
struct source {
    int (*fetch)(void *context, struct status *out, struct arena *a, struct error *err);
    void *context;
};

static int fetch_live(void *context, struct status *out, struct arena *a, struct error *err)
{
    return status_fetch_step(context, SLICE_MS, out, a, err);
}

struct top {
    struct dash dash;
    struct source source;
    struct status status[2]; /* the one that is shown, and the one that is coming */
    struct arena arena[2];
    int coming;
    bool fetching;
    int64_t due_ms;  /* the next fetch */
    int64_t cost_us; /* of the processor, for the last one */
    int64_t began_us;
    bool ascii;
    struct grid grid;
    struct arena grid_arena;
};

static int64_t clock_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct dash_now now_of(void)
{
    return (struct dash_now){.ms = clock_us(CLOCK_MONOTONIC) / 1000,
                             .unix_s = clock_us(CLOCK_REALTIME) / 1000000};
}

/* ---- data ---- */

/* True when the dashboard knows something new. */
static bool refresh(struct top *t)
{
    struct error err;
    struct dash_now now = now_of();
    if (!t->fetching && (t->dash.frozen || now.ms < t->due_ms))
        return false;
    if (!t->fetching)
        t->began_us = clock_us(CLOCK_PROCESS_CPUTIME_ID);
    t->fetching = true;
    struct arena *a = &t->arena[t->coming];
    struct status *s = &t->status[t->coming];
    int got = t->source.fetch(t->source.context, s, a, &err);
    if (got == 1)
        return false;
    t->fetching = false;
    t->cost_us = clock_us(CLOCK_PROCESS_CPUTIME_ID) - t->began_us;
    int64_t period_ms = t->cost_us * COST_SHARE / 1000;
    period_ms = period_ms > COST_REFRESH_MS ? COST_REFRESH_MS : period_ms;
    t->due_ms = now.ms + (period_ms > t->dash.refresh_ms ? period_ms : t->dash.refresh_ms);
    now = now_of();
    if (got == 0 && dash_update(&t->dash, s, &now)) {
        t->coming = !t->coming;
        arena_release(&t->arena[t->coming]); /* of the one that was shown */
        return true;
    }
    arena_release(a);
    if (got == 0)
        return false;
    dash_fail(&t->dash, &err, &now);
    return true;
}

/* The first snapshot, before anything is drawn. */
static int wait_for_first(struct top *t, struct error *err)
{
    while (t->dash.status == NULL) {
        refresh(t);
        if (!t->fetching && t->dash.status == NULL) {
            *err = t->dash.failure;
            return -1;
        }
    }
    return 0;
}

static void top_release(struct top *t)
{
    arena_release(&t->arena[0]);
    arena_release(&t->arena[1]);
    arena_release(&t->grid_arena);
}

/* ---- on paper ---- */

static int columns_wanted(void)
{
    const char *text = getenv("COLUMNS");
    char *end;
    errno = 0;
    long columns = text == NULL ? 0 : strtol(text, &end, 10);
    if (text == NULL || errno != 0 || *end != '\0' || columns < 1 || columns > GRID_WIDTH_MAX)
        return COLUMNS_DEFAULT;
    return columns < DASH_WIDTH_MIN ? DASH_WIDTH_MIN : (int)columns;
}

static int print_once(struct top *t, struct error *err)
{
    int width = columns_wanted();
    dash_be_bare(&t->dash);
    if (grid_init(&t->grid, width, dash_height(&t->dash), t->ascii, &t->grid_arena) != 0)
        return error_memory(err);
    char *line = arena_alloc(&t->grid_arena, grid_row_size(&t->grid), 1);
    if (line == NULL)
        return error_memory(err);
    struct dash_now now = now_of();
    dash_render(&t->dash, &now, &t->grid);
    int rows = t->grid.height;
    while (rows > 1 && grid_row_text(&t->grid, rows - 1, line, grid_row_size(&t->grid)) == 0)
        rows--;
    for (int row = 0; row < rows; row++) {
        grid_row_text(&t->grid, row, line, grid_row_size(&t->grid));
        puts(line);
    }
    return 0;
}

/* ---- on a terminal ---- */

static int draw(struct top *t, const struct dash_now *now, struct error *err)
{
    if (t->grid.cell == NULL || t->grid.width != term_width() || t->grid.height != term_height()) {
        arena_release(&t->grid_arena);
        if (grid_init(&t->grid, term_width(), term_height(), t->ascii, &t->grid_arena) != 0)
            return error_memory(err);
    }
    dash_render(&t->dash, now, &t->grid);
    term_draw(&t->grid);
    return 0;
}

/* All keys that wait, as one change of the picture. */
static enum dash_todo take_keys(struct top *t, const struct dash_now *now)
{
    enum dash_todo todo = DASH_NOTHING;
    for (int key; (key = term_key()) != 0;) {
        enum dash_todo one = dash_key(&t->dash, key, now);
        if (one == DASH_QUIT)
            return DASH_QUIT;
        todo = one == DASH_REDRAW ? DASH_REDRAW : todo;
    }
    return todo;
}

/* Until something is due: a fetch, or the next second of the clock. */
static int wait_ms_of(const struct top *t, const struct dash_now *now)
{
    int64_t wait = 1000 - clock_us(CLOCK_REALTIME) / 1000 % 1000;
    int64_t due = t->due_ms - now->ms;
    if (t->fetching)
        return 0; /* the fetch itself waits for a slice of time */
    if (!t->dash.frozen && due < wait)
        wait = due;
    return wait < 0 ? 0 : (int)wait;
}

static int loop(struct top *t, struct error *err)
{
    bool stale_picture = true;
    int64_t drawn_ms = 0, drawn_s = 0;
    for (;;) {
        struct dash_now now = now_of();
        stale_picture = stale_picture || now.unix_s != drawn_s;
        if (stale_picture && now.ms - drawn_ms >= FRAME_MS) {
            if (draw(t, &now, err) != 0)
                return -1;
            stale_picture = false;
            drawn_ms = now.ms;
            drawn_s = now.unix_s;
        }
        int wait = wait_ms_of(t, &now);
        enum term_event event = term_wait(stale_picture && wait > FRAME_MS ? FRAME_MS : wait);
        if (event == TERM_ENDED)
            return 0;
        now = now_of();
        enum dash_todo todo = event == TERM_KEY ? take_keys(t, &now) : DASH_NOTHING;
        if (todo == DASH_QUIT)
            return 0;
        bool news = refresh(t);
        stale_picture = stale_picture || news || todo == DASH_REDRAW || event == TERM_RESIZED;
    }
}

static int watch(struct top *t, struct error *err)
{
    const char *no_colour = getenv("NO_COLOR");
    if (term_open(no_colour == NULL || no_colour[0] == '\0', err) != 0)
        return -1;
    int status = loop(t, err);
    term_close();
    return status;
}

static int top_main(int argc, char **argv)
{
    struct top_options o = {.dir = STATE_DIR_DEFAULT};
    int args;
    int status = cli_parse(&top_command, argc, argv, &o, &args);
    if (status >= 0)
        return status;
    struct error err;
    struct status_fetcher fetcher;
    status_fetcher_init(&fetcher, o.dir);
    setlocale(LC_CTYPE, "");
    struct top t = {.source = {fetch_live, &fetcher}, .ascii = o.ascii || !term_is_utf8()};
    dash_init(&t.dash);
    status = wait_for_first(&t, &err);
    if (status == 0)
        status = o.once || !term_is_able() ? print_once(&t, &err) : watch(&t, &err);
    status_fetcher_release(&fetcher);
    top_release(&t);
    return status == 0 ? EXIT_YES : cli_fail(err.text);
}

const struct cli_command top_command = {
    "top",
    top_main,
    "",
    0,
    0,
    "Watch a running system: its cells, zones and processes",
    "? shows the keys. Without a terminal it prints one picture, COLUMNS wide. Watching changes\n"
    "nothing, and NO_COLOR and --ascii lose nothing.",
    options,
};
