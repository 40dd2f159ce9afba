#include "control/supervise.h"

#include <assert.h>
#include <stdio.h>

#include "base/duration.h"

const struct supervise_opts supervise_usual = {
    .wait_us = 100000, .wait_us_max = 10000000, .stable_us = 10000000};

const char *const supervise_state_words[] = {"waiting", "running", "held", NULL};

/* Which states may follow. */
static const unsigned follows[] = {
    [SUPERVISE_WAITING] = 1U << SUPERVISE_WAITING | 1U << SUPERVISE_RUNNING | 1U << SUPERVISE_HELD,
    [SUPERVISE_RUNNING] = 1U << SUPERVISE_WAITING | 1U << SUPERVISE_HELD,
    [SUPERVISE_HELD] = 1U << SUPERVISE_WAITING,
};

static void move(struct supervise *s, enum supervise_state to, int64_t at_us)
{
    assert(follows[s->state] & 1U << to);
    s->state = to;
    s->at_us = at_us;
}

/* How long the restart that is now to come waits. */
static int64_t wait_us(const struct supervise *s)
{
    if (s->ends <= 1)
        return 0;
    int64_t wait = s->opts.wait_us;
    for (uint32_t i = 2; i < s->ends && wait < s->opts.wait_us_max; i++)
        wait *= 2;
    return wait < s->opts.wait_us_max ? wait : s->opts.wait_us_max;
}

void supervise_init(struct supervise *s, const struct supervise_opts *opts, int64_t now_us)
{
    assert(opts->wait_us > 0);
    assert(opts->wait_us_max >= opts->wait_us);
    *s = (struct supervise){.opts = *opts, .state = SUPERVISE_WAITING, .at_us = now_us};
}

static void runs(struct supervise *s, int64_t now_us, bool restart)
{
    if (s->state != SUPERVISE_WAITING)
        return;
    s->restarts += restart && s->started_once;
    s->started_once = true;
    move(s, SUPERVISE_RUNNING, now_us);
}

static void ended(struct supervise *s, int64_t now_us)
{
    if (s->state == SUPERVISE_HELD)
        return;
    if (s->state == SUPERVISE_RUNNING && now_us - s->at_us >= s->opts.stable_us)
        s->ends = 0;
    s->ends += s->ends < UINT32_MAX;
    move(s, SUPERVISE_WAITING, now_us + wait_us(s));
}

void supervise_step(struct supervise *s, int64_t now_us, enum supervise_event event)
{
    switch (event) {
    case SUPERVISE_STARTED:
    case SUPERVISE_ADOPTED:
        runs(s, now_us, event == SUPERVISE_STARTED);
        break;
    case SUPERVISE_ENDED:
        ended(s, now_us);
        break;
    case SUPERVISE_HOLD:
        if (s->state == SUPERVISE_HELD)
            break;
        s->ends = 0;
        move(s, SUPERVISE_HELD, now_us);
        break;
    case SUPERVISE_RELEASE:
        if (s->state == SUPERVISE_HELD)
            move(s, SUPERVISE_WAITING, now_us);
        break;
    }
}

bool supervise_due(const struct supervise *s, int64_t now_us)
{
    return supervise_deadline_us(s) <= now_us;
}

int64_t supervise_deadline_us(const struct supervise *s)
{
    return s->state == SUPERVISE_WAITING ? s->at_us : INT64_MAX;
}

int64_t supervise_ends(const struct supervise *s, int64_t now_us)
{
    bool good = s->state == SUPERVISE_RUNNING && now_us - s->at_us >= s->opts.stable_us;
    return good ? 0 : s->ends;
}

void supervise_words(const struct supervise *s, int64_t now_us, char out[SUPERVISE_WORDS_MAX])
{
    out[0] = '\0';
    if (supervise_ends(s, now_us) < SUPERVISE_LOOP)
        return;
    int used =
        snprintf(out, SUPERVISE_WORDS_MAX, "ended %lu times in a row", (unsigned long)s->ends);
    if (s->state != SUPERVISE_WAITING || s->at_us <= now_us)
        return;
    char left[DURATION_TEXT_MAX]; /* in tenths of a second: it is to be read */
    duration_format(left, (s->at_us - now_us + 99999) / 100000 * 100000);
    snprintf(out + used, SUPERVISE_WORDS_MAX - (size_t)used, ", next start in %s", left);
}
