#include "control/live/probe.h"

#include "wire/clock.h"

enum { NEW_US = 5000000 };

static void ask(uv_timer_t *timer);

static void ask_in(struct probe *p, uint64_t ms)
{
    uv_timer_start(&p->timer, ask, ms, 0);
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
    p->well_once = p->well_once || p->well;
}

static void answered(void *context, const struct http_reply *reply)
{
    struct probe *p = context;
    p->call = NULL;
    take(p, reply);
    bool eager = !p->well_once && clock_us() - p->new_us < NEW_US;
    ask_in(p, eager ? p->every_ms / PROBE_EAGER : p->misses == 0 ? p->every_ms : PROBE_DOUBT_MS);
}

static void ask(uv_timer_t *timer)
{
    struct probe *p = timer->data;
    p->call = http_send(p->client, "GET", "/health", NULL, 0, NULL, 0, PROBE_TIMEOUT_MS * 1000,
                        answered, p);
}

int probe_init(struct probe *p, uv_loop_t *loop, int port, int64_t every_us)
{
    *p = (struct probe){.every_ms = (uint64_t)every_us / 1000,
                        .client = http_client_new(loop, port, 1)};
    if (p->client == NULL)
        return -1;
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
    p->silent_us = 0;
    p->misses = 0;
    p->new_us = clock_us();
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
