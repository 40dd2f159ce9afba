/* deadline.h - until when an answer is waited for, handed on from who asks to who is asked.
 *
 * The time that a customer still waits travels with the request, and with the calls that are made
 * for it: whoever asks waits no longer than it is waited for itself, and nobody begins what is
 * already waited for by nobody. Between processes a span travels ("so long from now"), as their
 * clocks differ; within one it is a moment of that one's clock. Ticks are the caller's:
 * microseconds live, nanoseconds simulated. */
#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#define DEADLINE_NEVER INT64_MAX /* nobody said */

/* The moment `wait` >= 0 from now; a wait too long for the clock is for ever. */
static inline int64_t deadline_at(int64_t now, int64_t wait)
{
    return wait < DEADLINE_NEVER - now ? now + wait : DEADLINE_NEVER;
}

/* How long is still waited: 0 when nobody does, DEADLINE_NEVER for ever. */
static inline int64_t deadline_left(int64_t deadline, int64_t now)
{
    if (deadline == DEADLINE_NEVER)
        return DEADLINE_NEVER;
    return deadline > now ? deadline - now : 0;
}

/* How long a try or a call is waited for that has `own` patience, within what is left. */
static inline int64_t deadline_wait(int64_t deadline, int64_t now, int64_t own)
{
    int64_t left = deadline_left(deadline, now);
    return own < left ? own : left;
}

static inline bool deadline_passed(int64_t deadline, int64_t now)
{
    return deadline <= now;
}

/* ---- between processes: the header "Time-Left: 850", in whole milliseconds ---- */

#define DEADLINE_HEADER "Time-Left"
enum { DEADLINE_TEXT_MAX = 12 };

/* What is left in us, by the header's text: 1 to 9 digits. -1 when it is none. */
int64_t deadline_read(const char *text);

/* The text for `left` >= 0 us, rounded down: who is asked is never later than who asks. */
void deadline_write(char out[DEADLINE_TEXT_MAX], int64_t left_us);

#endif
