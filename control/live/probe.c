#include "control/live/probe.h"

#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/problem.h"
#include "base/vitals.h"
#include "wire/clock.h"

enum { NEW_US = 5000000, SPREAD = 7919 };

uint64_t probe_turn_ms(const uv_loop_t *loop, uint64_t every_ms)
{
    return every_ms - (uv_now(loop) + (uint64_t)getpid() * SPREAD) % every_ms;
}

static void ask(uv_timer_t *timer);

static void ask_in(struct probe *p, uint64_t ms)
{
    uv_timer_start(&p->timer, ask, ms, 0);
}

/* Look at what it has got done, when a look is due. What it says is not believed half. */
static void look(struct probe *p, const struct http_reply *reply)
{
    int64_t now_us = clock_us();
    struct arena a = {0};
    struct error err;
    struct vitals v;
    /* Questions are as far apart as they are meant to be, give or take how long an answer takes. */
    if (now_us + (int64_t)p->every_ms * 1000 / 4 < progress_next_us(&p->progress))
        return;
    bool said =
        reply->failure == HTTP_OK && reply->status == 200 &&
        json_decode(&v, sizeof v, vitals_fields, reply->body, reply->len, NULL, 0, &a, &err) == 0;
    const struct progress_sample sample = {.under_way = said ? v.running + v.waiting : 0,
                                           .oldest_us = said ? v.oldest_us : 0,
                                           .finished = said ? v.finished : 0,
                                           .failed = said ? v.failed : 0,
                                           .work_us = said ? v.work_us : 0,
                                           .commits = said ? v.commits : 0,
                                           .commit_us = said ? v.commit_us : 0};
    progress_look(&p->progress, said ? &sample : NULL, now_us);
    arena_release(&a);
}

static void note_problem(struct probe *p, const struct http_reply *reply)
{
    struct arena a = {0};
    const char *detail =
        p->answers && !p->well ? problem_detail(reply->body, reply->len, &a) : NULL;
    snprintf(p->said, sizeof p->said, "%s", detail == NULL ? "" : detail);
    arena_release(&a);
}

static void take(struct probe *p, const struct http_reply *reply)
{
    bool timeout = reply->failure == HTTP_TIMEOUT;
    p->misses = timeout ? p->misses + 1 : 0;
    if (timeout && p->silent_us == 0)
        p->silent_us = clock_us() - PROBE_TIMEOUT_MS * 1000;
    if (timeout && p->misses < PROBE_MISSES_MAX)
        return; /* a machine may be busy for a moment */
    if (!timeout)
        p->silent_us = 0;
    p->heard = true;
    p->answers = reply->failure == HTTP_OK;
    p->well = p->answers && reply->status == 200;
    note_problem(p, reply);
    /* What came before was its start; or it could not report, and does again. */
    if (p->well && (!p->well_once || p->progress.rule == PROGRESS_SILENT))
        progress_init(&p->progress, &p->opts, clock_us());
    p->well_once = p->well_once || p->well;
    if (p->well_once)
        look(p, reply);
}

static void answered(void *context, const struct http_reply *reply)
{
    struct probe *p = context;
    p->call = NULL;
    take(p, reply);
    bool eager = !p->well_once && clock_us() - p->new_us < NEW_US;
    ask_in(p, eager            ? p->every_ms / PROBE_EAGER
              : p->misses != 0 ? PROBE_DOUBT_MS
                               : probe_turn_ms(p->timer.loop, p->every_ms));
}

static void ask(uv_timer_t *timer)
{
    struct probe *p = timer->data;
    p->call = http_send(p->client, "GET", "/health", NULL, 0, NULL, 0, PROBE_TIMEOUT_MS * 1000,
                        answered, p);
}

int probe_init(struct probe *p, uv_loop_t *loop, int port, int64_t every_us,
               const struct progress_opts *opts)
{
    *p = (struct probe){.opts = *opts,
                        .every_ms = (uint64_t)every_us / 1000,
                        .client = http_client_new(loop, port, 1)};
    if (p->client == NULL)
        return -1;
    if (p->opts.look_us < every_us)
        p->opts.look_us = every_us;
    progress_init(&p->progress, &p->opts, clock_us());
    uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    ask_in(p, p->every_ms / PROBE_EAGER);
    return 0;
}

void probe_restart(struct probe *p)
{
    http_cancel(p->call);
    p->call = NULL;
    p->heard = p->well = p->well_once = p->answers = false;
    p->said[0] = '\0';
    p->silent_us = 0;
    p->misses = 0;
    p->new_us = clock_us();
    progress_init(&p->progress, &p->opts, p->new_us);
    ask_in(p, p->every_ms / PROBE_EAGER);
}

void probe_close(struct probe *p)
{
    if (p->client == NULL)
        return;
    http_cancel(p->call);
    p->call = NULL;
    http_client_free(p->client);
    p->client = NULL;
    uv_close((uv_handle_t *)&p->timer, NULL);
}
