#include "control/dash/term.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <ncurses.h>
#include <term.h>

#include "control/dash/dash.h"

enum { ESC_MS = 25, RESTORE_MAX = 256 };

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGQUIT};
static const int ends[] = {SIGINT, SIGTERM, SIGHUP};

static SCREEN *screen;
static struct termios before;     /* the terminal as it was */
static char restore[RESTORE_MAX]; /* what puts its picture back */
static size_t restore_len;
static int wake[2] = {-1, -1}; /* signals write a byte into it */
static volatile sig_atomic_t ended, resized, suspended;
static attr_t attributes[GRID_STYLES];
static short pairs[GRID_STYLES];
static struct grid_cell *shown; /* [shown_width * shown_height] */
static int shown_width, shown_height;

/* ---- signals ---- */

static void hear(int signal)
{
    int saved = errno;
    if (signal == SIGWINCH)
        resized = 1;
    else if (signal == SIGTSTP)
        suspended = 1;
    else
        ended = 1;
    ssize_t n = write(wake[1], "", 1); /* a full pipe wakes as well */
    (void)n;
    errno = saved;
}

/* Only what is safe in a handler: the bytes were made when there was time. */
static void crash(int signal)
{
    ssize_t n = write(STDOUT_FILENO, restore, restore_len);
    (void)n;
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    raise(signal); /* SA_RESETHAND: this time as without us */
}

static void remember(const char *capability)
{
    const char *text = tigetstr(capability);
    if (text == NULL || text == (const char *)-1)
        return;
    size_t len = strlen(text);
    if (restore_len + len > sizeof restore || strchr(text, '%') != NULL)
        return;
    memcpy(restore + restore_len, text, len);
    restore_len += len;
}

static void listen_to_signals(void)
{
    struct sigaction action = {.sa_handler = hear, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        sigaction(ends[i], &action, NULL);
    sigaction(SIGWINCH, &action, NULL);
    sigaction(SIGTSTP, &action, NULL);
    struct sigaction last = {.sa_handler = crash, .sa_flags = (int)SA_RESETHAND | SA_NODEFER};
    sigemptyset(&last.sa_mask);
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
        sigaction(crashes[i], &last, NULL);
}

static void leave_signals(void)
{
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        signal(ends[i], SIG_DFL);
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
        signal(crashes[i], SIG_DFL);
    signal(SIGWINCH, SIG_DFL);
    signal(SIGTSTP, SIG_DFL);
}

/* ---- opening and closing ---- */

bool term_is_able(void)
{
    int failure;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return false;
    const char *name = getenv("TERM");
    if (name == NULL || name[0] == '\0' || setupterm(NULL, STDOUT_FILENO, &failure) != OK)
        return false;
    const char *move = tigetstr("cup"), *clear_all = tigetstr("clear");
    bool able = move != NULL && move != (const char *)-1 && clear_all != NULL &&
                clear_all != (const char *)-1;
    del_curterm(cur_term);
    return able;
}

bool term_is_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static void choose_styles(bool colour)
{
    static const short colours[GRID_STYLES] = {
        [GRID_BAD] = COLOR_RED,
        [GRID_WARN] = COLOR_YELLOW,
        [GRID_UNSURE] = COLOR_MAGENTA,
        [GRID_BUSY] = COLOR_CYAN,
    };
    attributes[GRID_DIM] = A_DIM;
    attributes[GRID_STRONG] = attributes[GRID_BAD] = A_BOLD;
    if (!colour || !has_colors() || start_color() != OK)
        return;
    short background = use_default_colors() == OK ? -1 : COLOR_BLACK;
    for (short style = 0; style < GRID_STYLES; style++)
        if (colours[style] != 0 && init_pair(style, colours[style], background) == OK)
            pairs[style] = style;
}

int term_open(bool colour, struct error *err)
{
    if (tcgetattr(STDIN_FILENO, &before) != 0 || pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0)
        return error_set(err, ERR_SYSTEM, "cannot use the terminal: %s", strerror(errno));
    screen = newterm(NULL, stdout, stdin);
    if (screen == NULL) {
        close(wake[0]);
        close(wake[1]);
        return error_set(err, ERR_SYSTEM, "the terminal \"%s\" is not known", getenv("TERM"));
    }
    restore_len = 0;
    remember("sgr0");
    remember("cnorm");
    remember("rmkx");
    remember("rmcup");
    ended = resized = suspended = 0;
    listen_to_signals();
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(ESC_MS);
    curs_set(0);
    choose_styles(colour);
    return 0;
}

void term_close(void)
{
    if (screen == NULL)
        return;
    endwin();
    delscreen(screen);
    screen = NULL;
    leave_signals();
    close(wake[0]);
    close(wake[1]);
    free(shown);
    shown = NULL;
    shown_width = shown_height = 0;
}

int term_width(void)
{
    return COLS;
}

int term_height(void)
{
    return LINES;
}

/* ---- hearing ---- */

static void take_size(void)
{
    struct winsize size;
    resized = 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
        resizeterm(size.ws_row, size.ws_col);
    clear();
    shown_width = shown_height = 0;
}

/* Give the terminal back, stop, and take it again when told to go on. */
static void suspend(void)
{
    suspended = 0;
    endwin();
    leave_signals();
    raise(SIGTSTP);
    listen_to_signals();
    refresh();
    keypad(stdscr, TRUE); /* at once, and not with the first key */
    curs_set(0);
    resized = 1; /* it may have another size, and shows something else */
}

enum term_event term_wait(int wait_ms)
{
    struct pollfd from[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = wake[0], .events = POLLIN}};
    char bytes[16];
    int ready = ended || resized || suspended ? 0 : poll(from, 2, wait_ms);
    while (read(wake[0], bytes, sizeof bytes) > 0)
        continue;
    if (ended)
        return TERM_ENDED;
    if (suspended)
        suspend();
    if (resized) {
        take_size();
        return TERM_RESIZED;
    }
    if (ready <= 0 || from[0].revents == 0)
        return TERM_QUIET;
    return from[0].revents == POLLIN ? TERM_KEY : TERM_ENDED; /* it hung up */
}

static int named_key(wint_t key)
{
    static const struct {
        wint_t curses;
        int ours;
    } names[] = {
        {KEY_UP, DASH_KEY_UP},       {KEY_DOWN, DASH_KEY_DOWN},     {KEY_LEFT, DASH_KEY_LEFT},
        {KEY_RIGHT, DASH_KEY_RIGHT}, {KEY_PPAGE, DASH_KEY_PAGE_UP}, {KEY_NPAGE, DASH_KEY_PAGE_DOWN},
        {KEY_HOME, DASH_KEY_HOME},   {KEY_END, DASH_KEY_END},       {KEY_ENTER, DASH_KEY_ENTER},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].curses == key)
            return names[i].ours;
    if (key >= KEY_F(1) && key <= KEY_F(12))
        return DASH_KEY_F0 + (int)(key - KEY_F(0));
    return DASH_KEY_END_OF_KEYS;
}

int term_key(void)
{
    wint_t key;
    int kind = get_wch(&key);
    if (kind == ERR || key == 0)
        return 0;
    if (kind == KEY_CODE_YES)
        return named_key(key);
    return key == '\n' ? DASH_KEY_ENTER : (int)key;
}

/* ---- showing ---- */

static bool make_shown(const struct grid *g)
{
    if (shown != NULL && shown_width == g->width && shown_height == g->height)
        return true;
    free(shown);
    shown = calloc((size_t)g->width * (size_t)g->height, sizeof *shown); /* 0: differs from all */
    shown_width = shown == NULL ? 0 : g->width;
    shown_height = shown == NULL ? 0 : g->height;
    erase();
    return shown != NULL;
}

static bool same(const struct grid_cell *a, const struct grid_cell *b)
{
    return a->character == b->character && a->style == b->style;
}

static void write_cell(int row, int column, const struct grid_cell *cell)
{
    wchar_t text[2] = {(wchar_t)cell->character, L'\0'};
    int style = cell->style & ~GRID_REVERSE;
    attr_t attribute = attributes[style] | ((cell->style & GRID_REVERSE) != 0 ? A_REVERSE : 0);
    cchar_t out;
    if (setcchar(&out, text, attribute, pairs[style], NULL) == OK)
        mvadd_wch(row, column, &out);
}

void term_draw(const struct grid *g)
{
    bool changed = false;
    if (!make_shown(g))
        return;
    for (int row = 0; row < g->height; row++)
        for (int column = 0; column < g->width; column++) {
            size_t at = (size_t)row * (size_t)g->width + (size_t)column;
            if (same(&shown[at], &g->cell[at]))
                continue;
            shown[at] = g->cell[at];
            changed = true;
            if (g->cell[at].character != 0)
                write_cell(row, column, &g->cell[at]);
        }
    if (changed)
        refresh();
}
