#include "control/rollout.h"

#include <assert.h>
#include <stdio.h>

const char *const rollout_state_words[] = {"idle", "changing", "watching", "waiting", "undoing",
                                           "done", "undone",   "stuck",    NULL};

#define BIT(state) (1U << ROLLOUT_##state)

/* Which states may follow. */
static const unsigned follows[] = {
    [ROLLOUT_IDLE] = BIT(CHANGING) | BIT(WAITING),
    [ROLLOUT_CHANGING] = BIT(WATCHING) | BIT(UNDOING),
    [ROLLOUT_WATCHING] = BIT(CHANGING) | BIT(WAITING) | BIT(UNDOING) | BIT(DONE),
    [ROLLOUT_WAITING] = BIT(CHANGING) | BIT(UNDOING) | BIT(UNDONE),
    [ROLLOUT_UNDOING] = BIT(UNDOING) | BIT(UNDONE) | BIT(STUCK),
    [ROLLOUT_DONE] = BIT(UNDOING),
    [ROLLOUT_UNDONE] = 0,
    [ROLLOUT_STUCK] = BIT(UNDOING) | BIT(UNDONE),
};

static void move(struct rollout *r, enum rollout_state to, int64_t now_us)
{
    assert(follows[r->state] & 1U << to);
    r->state = to;
    r->since_us = now_us;
    r->requests = r->failed = 0;
}

void rollout_init(struct rollout *r, const struct rollout_opts *opts, int64_t now_us)
{
    assert(opts->cells >= 1);
    assert(opts->error_budget >= 0);
    *r = (struct rollout){.opts = *opts, .since_us = now_us};
}

/* The cell and zone that is `nth` in the order of all. */
static void place(struct rollout *r, uint32_t nth)
{
    r->cell = 0;
    while (nth >= r->opts.zones[r->cell])
        nth -= r->opts.zones[r->cell++];
    r->zone = nth;
}

static uint32_t zones_of_all(const struct rollout *r)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < r->opts.cells; i++)
        all += r->opts.zones[i];
    return all;
}

/* Go on to the next zone, if there is one and its cell is whole. */
static struct rollout_order go_on(struct rollout *r, int64_t now_us)
{
    if (r->changed == zones_of_all(r)) {
        move(r, ROLLOUT_DONE, now_us);
    } else if (r->missing || r->paused) {
        if (r->state != ROLLOUT_WAITING)
            move(r, ROLLOUT_WAITING, now_us);
    } else {
        place(r, r->changed++);
        move(r, ROLLOUT_CHANGING, now_us);
        return (struct rollout_order){ROLLOUT_CHANGE, r->cell, r->zone};
    }
    return (struct rollout_order){.what = ROLLOUT_NOTHING};
}

/* Change the last changed zone back. */
static struct rollout_order go_back(struct rollout *r, int64_t now_us)
{
    if (r->changed == 0) {
        move(r, ROLLOUT_UNDONE, now_us);
        return (struct rollout_order){.what = ROLLOUT_NOTHING};
    }
    place(r, r->changed - 1);
    move(r, ROLLOUT_UNDOING, now_us);
    return (struct rollout_order){ROLLOUT_CHANGE_BACK, r->cell, r->zone};
}

static int64_t watch_us(const struct rollout *r)
{
    bool first_cell_done = r->changed == r->opts.zones[0];
    return first_cell_done ? r->opts.watch_first_us : r->opts.watch_us;
}

int64_t rollout_deadline_us(const struct rollout *r)
{
    switch (r->state) {
    case ROLLOUT_CHANGING:
    case ROLLOUT_UNDOING:
        return r->since_us + r->opts.ready_us;
    case ROLLOUT_WATCHING:
        return r->since_us + watch_us(r);
    default:
        return INT64_MAX;
    }
}

/* More failed than the budget allows of what came, or of the fewest that say anything. */
static bool burns(const struct rollout *r)
{
    int64_t of = r->requests > r->opts.requests_min ? r->requests : r->opts.requests_min;
    return (double)r->failed > r->opts.error_budget * (double)of;
}

static struct rollout_order seen(struct rollout *r, int64_t now_us, int64_t requests,
                                 int64_t failed)
{
    r->requests += requests;
    r->failed += failed;
    if ((r->state != ROLLOUT_WATCHING && r->state != ROLLOUT_CHANGING) || !burns(r))
        return (struct rollout_order){.what = ROLLOUT_NOTHING};
    snprintf(r->why, sizeof r->why, "%lld of %lld requests failed, more than %.6g %%",
             (long long)r->failed, (long long)r->requests, r->opts.error_budget * 100);
    return go_back(r, now_us);
}

static struct rollout_order late(struct rollout *r, int64_t now_us)
{
    struct rollout_order none = {.what = ROLLOUT_NOTHING};
    if (rollout_deadline_us(r) > now_us)
        return none;
    switch (r->state) {
    case ROLLOUT_WATCHING:
        return go_on(r, now_us);
    case ROLLOUT_CHANGING:
        snprintf(r->why, sizeof r->why, "a zone was not ready in time");
        return go_back(r, now_us);
    case ROLLOUT_UNDOING:
        snprintf(r->why, sizeof r->why, "a zone was not ready in time on the way back");
        move(r, ROLLOUT_STUCK, now_us);
        return none;
    default:
        return none;
    }
}

static struct rollout_order ready(struct rollout *r, int64_t now_us)
{
    if (r->state == ROLLOUT_CHANGING)
        move(r, ROLLOUT_WATCHING, now_us);
    if (r->state != ROLLOUT_UNDOING && r->state != ROLLOUT_STUCK)
        return (struct rollout_order){.what = ROLLOUT_NOTHING};
    r->changed--;
    return go_back(r, now_us);
}

static struct rollout_order undo(struct rollout *r, int64_t now_us)
{
    if (!(follows[r->state] & (BIT(UNDOING))) || r->state == ROLLOUT_UNDOING)
        return (struct rollout_order){.what = ROLLOUT_NOTHING};
    snprintf(r->why, sizeof r->why, "asked for");
    return go_back(r, now_us);
}

struct rollout_order rollout_step(struct rollout *r, int64_t now_us, enum rollout_news news,
                                  int64_t requests, int64_t failed)
{
    switch (news) {
    case ROLLOUT_READY:
        return ready(r, now_us);
    case ROLLOUT_SEEN:
        return seen(r, now_us, requests, failed);
    case ROLLOUT_TIMEOUT:
        return late(r, now_us);
    case ROLLOUT_UNDO:
        return undo(r, now_us);
    case ROLLOUT_MISSING:
    case ROLLOUT_WHOLE:
        r->missing = news == ROLLOUT_MISSING;
        break;
    case ROLLOUT_PAUSE:
    case ROLLOUT_RESUME:
        r->paused = news == ROLLOUT_PAUSE;
        break;
    case ROLLOUT_START:
        break;
    }
    if (r->state == ROLLOUT_WAITING || (r->state == ROLLOUT_IDLE && news == ROLLOUT_START))
        return go_on(r, now_us);
    return (struct rollout_order){.what = ROLLOUT_NOTHING};
}
