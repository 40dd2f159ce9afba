/* supervise.h - when a process that ended is started again.
 *
 * At once the first time, then after a wait that doubles, until it has run for a while. A machine:
 * it knows no process and no clock. Who drives it starts the process when it is due, and says what
 * became of it. */
#ifndef CONTROL_SUPERVISE_H
#define CONTROL_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct supervise_opts {
    int64_t wait_us;     /* before the second restart in a row, > 0 */
    int64_t wait_us_max; /* doubled up to this */
    int64_t stable_us;   /* one that ran so long has made good */
};
extern const struct supervise_opts supervise_usual; /* 100 ms, 10 s, 10 s */

enum supervise_state {
    SUPERVISE_WAITING, /* to be started when it is due */
    SUPERVISE_RUNNING,
    SUPERVISE_HELD, /* not to run until it is released */
};
extern const char *const supervise_state_words[]; /* by state, ended by NULL */

enum supervise_event {
    SUPERVISE_STARTED, /* we started it, when it was due */
    SUPERVISE_ADOPTED, /* it runs, and we did not start it */
    SUPERVISE_ENDED,   /* it ended, or could not be started */
    SUPERVISE_HOLD,    /* a fault keeps it down: its end is not its own doing */
    SUPERVISE_RELEASE,
};

struct supervise {
    struct supervise_opts opts;
    enum supervise_state state;
    int64_t at_us;     /* WAITING: it is due then; RUNNING: it runs since then */
    uint32_t ends;     /* in a row, each before it had made good */
    int64_t restarts;  /* starts but the first */
    bool started_once; /* or adopted */
};

/* Waiting, and due at once. */
void supervise_init(struct supervise *s, const struct supervise_opts *opts, int64_t now_us);

/* Take an event. One that does not fit the state is ignored: news of a process may be late. */
void supervise_step(struct supervise *s, int64_t now_us, enum supervise_event event);

/* Whether it is to be started now. */
bool supervise_due(const struct supervise *s, int64_t now_us);

/* When it is next due, INT64_MAX while it runs or is held. */
int64_t supervise_deadline_us(const struct supervise *s);

/* How often it has ended in a row, 0 once it has made good. */
int64_t supervise_ends(const struct supervise *s, int64_t now_us);

/* "ended 4 times in a row, next start in 800ms" of one that is in a crash loop; "" of others. */
enum { SUPERVISE_LOOP = 3, SUPERVISE_WORDS_MAX = 96 };
void supervise_words(const struct supervise *s, int64_t now_us, char out[SUPERVISE_WORDS_MAX]);

#endif
