#include "wire/load.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "wire/bytes.h"
#include "wire/clock.h"
#include "wire/http.h"

enum { BURST_MAX = 64, TICK_MS = 50, STOP_US = 1000000 };

const char *const load_outcome_words[LOAD_OUTCOMES + 1] = {
    "ok", "4xx", "5xx", "refused", "reset", "timeout", "garbled", "unsent", "cut", NULL,
};

struct stream;

struct slot { /* one request under way */
    struct stream *stream;
    struct load_request request; /* strings are in `text`, when it may be sent again */
    struct bytes text;
    void *call; /* NULL: free */
    uint32_t tries;
    struct slot *next; /* free ones */
};

struct stream {
    const struct load_stream *opts;
    struct load_result *result;
    struct run *run;
    struct http_client *client;
    struct slot *slots, *free;
    struct rng rng;
    struct load_request pending; /* the next one, whose time has not come */
    double at_us;                /* the same, when it is ours to plan; finer than 1 us */
    uint64_t planned;
};

struct run {
    uv_loop_t loop;
    uv_timer_t tick;
    uv_poll_t alarm; /* a timerfd, for uv's own timers know milliseconds only */
    int alarm_fd;
    int64_t began_us;
    int64_t stopped_us; /* 0: it goes on */
    struct stream *streams;
    size_t count;
    const struct load_opts *opts;
};

static int64_t run_us(const struct run *run)
{
    return clock_us() - run->began_us;
}

uint64_t load_failed(const struct load_tally *t)
{
    uint64_t sum = 0;
    for (int i = LOAD_OK + 1; i < LOAD_OUTCOMES; i++)
        sum += t->outcome[i];
    return sum;
}

/* ---- counting ---- */

static void tally_begin(struct load_tally *t, int64_t at_us)
{
    t->planned++;
    t->waiting++;
    if (t->quiet_us < 0)
        t->quiet_us = at_us;
}

static void tally_pause(struct load_tally *t, int64_t now_us)
{
    if (t->quiet_us >= 0 && now_us - t->quiet_us > t->pause_us)
        t->pause_us = now_us - t->quiet_us;
}

static void tally_end(struct load_tally *t, enum load_outcome outcome, int64_t latency_us,
                      int64_t now_us)
{
    t->outcome[outcome]++;
    t->waiting--;
    if (outcome != LOAD_OK)
        return;
    hist_add(&t->latency, latency_us);
    tally_pause(t, now_us);
    t->quiet_us = t->waiting > 0 ? now_us : -1;
}

static void double_spans(struct load_result *r)
{
    for (size_t i = 0; i < LOAD_SPANS_MAX / 2; i++) {
        const struct load_span *a = &r->spans[2 * i], *b = a + 1;
        r->spans[i] = (struct load_span){a->ok + b->ok, a->failed + b->failed,
                                         a->max_us > b->max_us ? a->max_us : b->max_us};
    }
    memset(&r->spans[LOAD_SPANS_MAX / 2], 0, LOAD_SPANS_MAX / 2 * sizeof r->spans[0]);
    r->span_us *= 2;
}

static void span_add(struct load_result *r, int64_t now_us, bool ok, int64_t latency_us)
{
    while (now_us / r->span_us >= LOAD_SPANS_MAX)
        double_spans(r);
    size_t index = (size_t)(now_us / r->span_us);
    struct load_span *span = &r->spans[index];
    span->ok += ok;
    span->failed += !ok;
    if (latency_us > span->max_us)
        span->max_us = latency_us;
    r->span_count = index + 1;
}

static void count_end(struct stream *s, const struct load_request *request,
                      enum load_outcome outcome, const struct http_reply *reply)
{
    struct load_result *r = s->result;
    int64_t now_us = run_us(s->run), latency_us = now_us - request->at_us;
    if (latency_us < 0)
        latency_us = 0;
    tally_end(&r->all, outcome, latency_us, now_us);
    tally_end(&r->group[request->group], outcome, latency_us, now_us);
    span_add(r, now_us, outcome == LOAD_OK, latency_us);
    r->wall_us = now_us;
    if (s->opts->done != NULL)
        s->opts->done(s->opts->context, request, outcome, reply);
}

/* ---- sending ---- */

static void fire(struct stream *s, int64_t now_us);

static enum load_outcome outcome_of(const struct http_reply *reply)
{
    switch (reply->failure) {
    case HTTP_OK:
        if (reply->status >= 500)
            return LOAD_5XX;
        return reply->status >= 400 ? LOAD_4XX : LOAD_OK;
    case HTTP_REFUSED:
        return LOAD_REFUSED;
    case HTTP_RESET:
        return LOAD_RESET;
    case HTTP_TIMEOUT:
        return LOAD_TIMEOUT;
    case HTTP_GARBLED:
    case HTTP_BUSY:
    case HTTP_UNSENT:
        break;
    }
    return LOAD_GARBLED;
}

static void slot_free(struct slot *slot)
{
    bytes_clear(&slot->text);
    slot->call = NULL;
    slot->next = slot->stream->free;
    slot->stream->free = slot;
    slot->stream->result->in_flight--;
}

static void slot_send(struct slot *slot);

static void slot_end(struct slot *slot, enum load_outcome outcome, const struct http_reply *reply)
{
    struct stream *s = slot->stream;
    struct load_request request = slot->request;
    slot_free(slot);
    count_end(s, &request, outcome, reply);
}

static void on_done(void *context, const struct http_reply *reply)
{
    struct slot *slot = context;
    struct stream *s = slot->stream;
    enum load_outcome outcome = outcome_of(reply);
    if (outcome != LOAD_OK && outcome != LOAD_4XX && slot->tries <= s->opts->retries &&
        s->run->stopped_us == 0) {
        s->result->all.retries++;
        s->result->group[slot->request.group].retries++;
        slot_send(slot);
        return;
    }
    slot_end(slot, outcome, reply);
    if (s->opts->pace == LOAD_CLOSED)
        fire(s, run_us(s->run));
}

static void *slot_post(struct slot *slot)
{
    const struct load_request *r = &slot->request;
    const struct load_stream *o = slot->stream->opts;
    struct http_header headers[2];
    size_t count = 0;
    if (o->carrier != NULL)
        return o->carrier->send(o->carrier->context, r, o->timeout_us, on_done, slot);
    if (r->body != NULL)
        headers[count++] = (struct http_header){"Content-Type", "application/json"};
    if (r->key != NULL)
        headers[count++] = (struct http_header){"Idempotency-Key", r->key};
    return http_send(slot->stream->client, r->method, r->target, headers, count, r->body,
                     r->body == NULL ? 0 : r->len, o->timeout_us, on_done, slot);
}

static void slot_send(struct slot *slot)
{
    slot->tries++;
    slot->call = slot_post(slot);
    if (slot->call == NULL)
        slot_end(slot, LOAD_GARBLED, NULL);
}

/* Keep a copy of the request's strings, one behind the other. */
static bool slot_keep(struct slot *slot)
{
    struct load_request *r = &slot->request;
    const char *const texts[] = {r->method, r->target, r->key};
    const char **const places[] = {&r->method, &r->target, &r->key};
    size_t need = r->body == NULL ? 0 : r->len;
    for (int i = 0; i < 3; i++)
        need += texts[i] == NULL ? 0 : strlen(texts[i]) + 1;
    if (!bytes_reserve(&slot->text, need))
        return false;
    for (int i = 0; i < 3; i++)
        if (texts[i] != NULL) {
            *places[i] = slot->text.data + slot->text.len;
            bytes_add(&slot->text, texts[i], strlen(texts[i]) + 1);
        }
    if (r->body != NULL) {
        const char *body = r->body;
        r->body = slot->text.data + slot->text.len;
        bytes_add(&slot->text, body, r->len);
    }
    return true;
}

static void dispatch(struct stream *s, int64_t now_us)
{
    struct load_result *result = s->result;
    struct slot *slot = s->free;
    struct load_request request = s->pending;
    tally_begin(&result->all, request.at_us);
    tally_begin(&result->group[request.group], request.at_us);
    /* Too many are under way; or we are so late ourselves that nobody would still wait, which
     * bounds a run whose rate this machine cannot send. */
    if (slot == NULL ||
        (s->opts->pace != LOAD_CLOSED && now_us - request.at_us > s->opts->timeout_us)) {
        count_end(s, &request, LOAD_UNSENT, NULL);
        return;
    }
    if (now_us - request.at_us > result->late_us_max)
        result->late_us_max = now_us - request.at_us;
    s->free = slot->next;
    slot->request = request;
    slot->tries = 0;
    if (++result->in_flight > result->in_flight_peak)
        result->in_flight_peak = result->in_flight;
    if (s->opts->retries > 0 && !slot_keep(slot)) {
        slot_end(slot, LOAD_GARBLED, NULL);
        return;
    }
    slot_send(slot);
}

/* ---- planning ---- */

/* Fetch the next request and plan it. */
static void plan(struct stream *s, int64_t now_us)
{
    const struct load_stream *o = s->opts;
    struct load_request *p = &s->pending;
    *p = (struct load_request){0};
    if (s->result->planned_all)
        return;
    double rate = o->pace_factor == NULL ? o->rate : o->rate * o->pace_factor(o->context);
    switch (o->pace) {
    case LOAD_RANDOM:
        s->at_us += rng_exp(&s->rng) * 1e6 / rate;
        break;
    case LOAD_EVEN:
        s->at_us = s->planned == 0 ? 0 : s->at_us + 1e6 / rate;
        break;
    case LOAD_CLOSED:
        s->at_us = (double)now_us;
        break;
    case LOAD_AS_TOLD:
        break;
    }
    bool in_time = o->pace == LOAD_AS_TOLD || s->at_us <= (double)o->for_us;
    if (s->run->stopped_us != 0 || !in_time || !o->next(o->context, p)) {
        s->result->planned_all = true;
        return;
    }
    assert(p->group < o->groups);
    s->planned++;
    if (o->pace != LOAD_AS_TOLD)
        p->at_us = (int64_t)s->at_us;
    else if (p->at_us > o->for_us)
        s->result->planned_all = true;
}

/* Send what is due. */
static void fire(struct stream *s, int64_t now_us)
{
    if (s->opts->pace == LOAD_CLOSED) {
        while (s->free != NULL && !s->result->planned_all) {
            plan(s, now_us);
            if (!s->result->planned_all)
                dispatch(s, now_us);
        }
        return;
    }
    for (int i = 0; i < BURST_MAX && !s->result->planned_all && s->pending.at_us <= now_us; i++) {
        dispatch(s, now_us);
        plan(s, now_us);
        now_us = run_us(s->run);
    }
}

static void set_alarm(struct run *run)
{
    int64_t at_us = INT64_MAX;
    for (size_t i = 0; i < run->count; i++) {
        const struct stream *s = &run->streams[i];
        if (s->opts->pace != LOAD_CLOSED && !s->result->planned_all && s->pending.at_us < at_us)
            at_us = s->pending.at_us;
    }
    struct itimerspec when = {0};
    if (at_us != INT64_MAX) {
        at_us += run->began_us;
        when.it_value.tv_sec = at_us / 1000000;
        when.it_value.tv_nsec = at_us % 1000000 * 1000 + 1; /* all zero would mean never */
    }
    timerfd_settime(run->alarm_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_alarm(uv_poll_t *poll, int status, int events)
{
    struct run *run = poll->data;
    uint64_t ticks;
    (void)status;
    (void)events;
    if (read(run->alarm_fd, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
        return;
    for (size_t i = 0; i < run->count; i++)
        if (run->streams[i].opts->pace != LOAD_CLOSED)
            fire(&run->streams[i], run_us(run));
    set_alarm(run);
}

/* ---- the end ---- */

static void cut(struct stream *s)
{
    for (uint32_t i = 0; i < s->opts->in_flight_max; i++) {
        struct slot *slot = &s->slots[i];
        if (slot->call == NULL)
            continue;
        if (s->opts->carrier != NULL)
            s->opts->carrier->cancel(slot->call);
        else
            http_cancel(slot->call);
        slot_end(slot, LOAD_CUT, NULL);
    }
}

static void on_tick(uv_timer_t *tick)
{
    struct run *run = tick->data;
    const struct load_opts *o = run->opts;
    int64_t now_us = run_us(run);
    if (run->stopped_us == 0 && o != NULL && o->stop != NULL && *o->stop) {
        run->stopped_us = now_us;
        for (size_t i = 0; i < run->count; i++)
            run->streams[i].result->planned_all = true;
    }
    for (size_t i = 0; i < run->count; i++)
        if (run->stopped_us != 0 && now_us - run->stopped_us >= STOP_US)
            cut(&run->streams[i]);
    if (o != NULL && o->progress != NULL)
        o->progress(o->context, run->streams[0].result);
}

static bool is_over(const struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct load_result *r = run->streams[i].result;
        if (!r->planned_all || r->in_flight > 0)
            return false;
    }
    return true;
}

/* ---- beginning ---- */

static int stream_init(struct stream *s, struct run *run, const struct load_stream *opts,
                       struct load_result *result, struct arena *a, struct error *err)
{
    assert(opts->groups > 0 && opts->in_flight_max > 0 &&
           opts->in_flight_max <= LOAD_IN_FLIGHT_MAX);
    assert((opts->pace != LOAD_RANDOM && opts->pace != LOAD_EVEN) || opts->rate > 0);
    *result = (struct load_result){.groups = opts->groups, .span_us = LOAD_SPAN_US};
    result->group = arena_alloc(a, opts->groups, sizeof result->group[0]);
    result->spans = arena_alloc(a, LOAD_SPANS_MAX, sizeof result->spans[0]);
    s->slots = arena_alloc(a, opts->in_flight_max, sizeof s->slots[0]);
    if (result->group == NULL || result->spans == NULL || s->slots == NULL)
        return error_memory(err);
    s->opts = opts;
    s->result = result;
    s->run = run;
    rng_named(&s->rng, opts->seed, 0, "load", "arrivals");
    for (uint32_t i = opts->in_flight_max; i-- > 0;) {
        s->slots[i] = (struct slot){.stream = s, .next = s->free};
        s->free = &s->slots[i];
    }
    result->all.quiet_us = -1;
    for (size_t i = 0; i < opts->groups; i++)
        result->group[i].quiet_us = -1;
    if (opts->carrier != NULL)
        return opts->carrier->open(opts->carrier->context, &run->loop, err);
    s->client = opts->socket != NULL
                    ? http_client_new_unix(&run->loop, opts->socket, opts->in_flight_max)
                    : http_client_new(&run->loop, opts->port, opts->in_flight_max);
    if (s->client == NULL)
        return error_set(err, ERR_LIMIT, "no memory left, or a socket's path is too long");
    return 0;
}

static void stream_release(struct stream *s)
{
    http_client_free(s->client);
    if (s->opts != NULL && s->opts->carrier != NULL)
        s->opts->carrier->close(s->opts->carrier->context);
    for (uint32_t i = 0; s->slots != NULL && s->opts != NULL && i < s->opts->in_flight_max; i++)
        bytes_release(&s->slots[i].text);
}

static int carry_out(struct run *run, struct load_result *results,
                     const struct load_stream *streams, struct arena *a, struct error *err)
{
    run->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (run->alarm_fd < 0 || uv_poll_init(&run->loop, &run->alarm, run->alarm_fd) != 0)
        return error_set(err, ERR_SYSTEM, "cannot make a timer: %s", strerror(errno));
    run->alarm.data = run;
    for (size_t i = 0; i < run->count; i++)
        if (stream_init(&run->streams[i], run, &streams[i], &results[i], a, err) != 0)
            return -1;
    uv_poll_start(&run->alarm, UV_READABLE, on_alarm);
    uv_timer_start(&run->tick, on_tick, TICK_MS, TICK_MS);
    run->began_us = clock_us();
    for (size_t i = 0; i < run->count; i++) {
        if (streams[i].pace != LOAD_CLOSED)
            plan(&run->streams[i], 0);
        fire(&run->streams[i], run_us(run));
    }
    set_alarm(run);
    while (!is_over(run))
        uv_run(&run->loop, UV_RUN_ONCE);
    for (size_t i = 0; i < run->count; i++) {
        tally_pause(&results[i].all, results[i].wall_us);
        for (size_t k = 0; k < results[i].groups; k++)
            tally_pause(&results[i].group[k], results[i].wall_us);
    }
    return 0;
}

int load_run(struct load_result *results, const struct load_stream *streams, size_t count,
             const struct load_opts *opts, struct arena *a, struct error *err)
{
    struct run run = {.count = count, .opts = opts, .alarm_fd = -1};
    run.streams = arena_alloc(a, count, sizeof run.streams[0]);
    if (run.streams == NULL)
        return error_memory(err);
    int status = uv_loop_init(&run.loop);
    if (status != 0)
        return error_set(err, ERR_SYSTEM, "cannot make a loop: %s", uv_strerror(status));
    uv_timer_init(&run.loop, &run.tick);
    run.tick.data = &run;
    status = carry_out(&run, results, streams, a, err);
    for (size_t i = 0; i < count; i++)
        stream_release(&run.streams[i]);
    uv_close((uv_handle_t *)&run.tick, NULL);
    if (run.alarm.data != NULL)
        uv_close((uv_handle_t *)&run.alarm, NULL);
    uv_run(&run.loop, UV_RUN_DEFAULT);
    uv_loop_close(&run.loop);
    if (run.alarm_fd >= 0)
        close(run.alarm_fd);
    return status;
}
