#include "region/live/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/error.h"
#include "region/live/handlers.h"
#include "region/live/misdirect.h"
#include "region/live/trouble.h"
#include "wire/clock.h"
#include "wire/log.h"

enum { SPARE_MAX = 64 };

static const char JSON[] = "application/json";

/* ---- memory ---- */

/* Answered requests are kept for the next ones: the blocks of their arenas are large enough that
 * malloc would give each back to the system and fetch it again. */
static struct request *request_new(struct service *s)
{
    struct request *r = s->spare;
    if (r == NULL)
        return calloc(1, sizeof *r);
    s->spare = r->next;
    s->spare_count--;
    struct arena arena = r->arena;
    *r = (struct request){.arena = arena};
    return r;
}

static void request_free(struct request *r)
{
    struct service *s = r->service;
    if (s->spare_count == SPARE_MAX) {
        arena_release(&r->arena);
        free(r);
        return;
    }
    arena_reset(&r->arena);
    r->next = s->spare;
    s->spare = r;
    s->spare_count++;
}

void request_release_spare(struct service *s)
{
    while (s->spare != NULL) {
        struct request *next = s->spare->next;
        arena_release(&s->spare->arena);
        free(s->spare);
        s->spare = next;
    }
    s->spare_count = 0;
}

/* ---- from the first place to the last ---- */

int64_t request_now_us(const struct service *s)
{
    return (int64_t)uv_now(&s->loop) * 1000;
}

static void reply_header(struct reply *reply, const char *name, const char *value)
{
    if (value != NULL)
        reply->header[reply->header_count++] = (struct http_header){name, value};
}

static void send_reply(struct http_exchange *x, const struct reply *reply)
{
    if (reply->type == NULL && reply->header_count == 0) {
        http_problem(x, reply->status, reply->text);
        return;
    }
    if (reply->type != NULL) {
        http_answer(x, reply->status, reply->type, reply->header, reply->header_count, reply->text,
                    reply->len);
        return;
    }
    char text[256]; /* a problem with headers has a sentence of ours, in plain ASCII */
    int n =
        snprintf(text, sizeof text, "{\"type\":\"about:blank\",\"status\":%d,\"detail\":\"%s\"}\n",
                 reply->status, reply->text);
    http_answer(x, reply->status, "application/problem+json", reply->header, reply->header_count,
                text, (size_t)n);
}

static void run(struct request *r);

static struct request *waiter_of(struct delay_wait *w)
{
    return (struct request *)((char *)w - offsetof(struct request, wait));
}

static void run_later(struct delay_wait *w)
{
    run(waiter_of(w));
}

/* When the answer of a request that begins now may leave, if the topology's times are spent. */
static int64_t spend_until_us(struct service *s, int64_t now_us)
{
    double us = dist_draw(&s->work_us, &s->rng);
    return now_us + (int64_t)(s->troubled ? us * s->trouble.slow : us);
}

static bool wait_until(struct request *r, int64_t at_us, void (*due)(struct delay_wait *w))
{
    r->wait.due = due;
    return delay_wait(&r->service->network.delays, &r->wait, at_us);
}

/* Work on it; or, while our zone is cut off from the stores, when it is not any more. */
static void run(struct request *r)
{
    struct service *s = r->service;
    int64_t now_us = clock_us();
    trouble_look(s);
    if (r->counted && !http_gone(r->exchange) && trouble_is_cut(s) &&
        wait_until(r, now_us + DELAY_LOOK_US, run_later))
        return;
    s->counts.requests += r->counted;
    r->began_us = now_us;
    if (s->topo->policy.spend && r->counted)
        r->until_us = spend_until_us(s, now_us);
    if (trouble_spares(r))
        r->route->run(r);
}

static struct request *request_of(struct admission_item *item)
{
    return (struct request *)((char *)item - offsetof(struct request, item));
}

/* A request without a place. */
static void shed(struct request *r)
{
    struct service *s = r->service;
    s->counts.shed++;
    s->open--;
    request_problem(r->exchange, 503, "Retry-After", "1", "too many requests wait already");
    request_free(r);
}

static void shed_dropped(struct service *s)
{
    struct admission_item *item;
    while ((item = admission_drop(&s->admission)) != NULL)
        shed(request_of(item));
}

/* Requests may end while they begin, so that one makes the next one ready: a loop, for the stack
 * has an end. */
static void start_ready(struct service *s)
{
    if (s->starting) /* further down the stack */
        return;
    s->starting = true;
    while (s->ready != NULL) {
        struct request *r = s->ready;
        s->ready = r->next;
        if (http_gone(r->exchange) || deadline_passed(r->wanted_until_us, request_now_us(s))) {
            s->counts.shed++;
            request_refuse_later(r, "nobody waits for it any more");
        } else {
            run(r);
        }
    }
    s->starting = false;
}

static void give_place(struct service *s)
{
    struct admission_item *item = admission_finish(&s->admission, request_now_us(s));
    if (item == NULL)
        return;
    struct request *r = request_of(item);
    r->counted = true;
    r->next = s->ready;
    s->ready = r;
}

static void tell_drained(struct service *s)
{
    void (*drained)(struct service * s) = s->drained;
    if (drained == NULL || s->open > 0 || s->starting)
        return;
    s->drained = NULL;
    drained(s);
}

void request_drain(struct service *s, void (*drained)(struct service *s))
{
    s->draining = true;
    s->drained = drained;
    tell_drained(s);
}

void request_wait(struct request *r)
{
    r->left_us = clock_us();
}

void request_go_on(struct request *r)
{
    r->away_us += clock_us() - r->left_us;
}

static void count_finished(struct request *r)
{
    struct service_counts *counts = &r->service->counts;
    counts->finished++;
    counts->unwell += r->unwell || r->reply.status == 500;
    counts->work_us += clock_us() - r->began_us - r->away_us;
}

static void leave(struct request *r)
{
    struct service *s = r->service;
    if (r->counted) {
        count_finished(r);
        give_place(s);
    }
    if (r->reply.status == 421)
        misdirect_answer(s, r->exchange, r->reply.text);
    else
        send_reply(r->exchange, &r->reply);
    request_free(r);
    s->open--;
    shed_dropped(s);
    start_ready(s);
    tell_drained(s);
}

static void finish(struct request *r);

static void spent(struct delay_wait *w)
{
    finish(waiter_of(w));
}

/* The answer is known. It leaves now, or when the time that the topology gives has been spent. */
static void finish(struct request *r)
{
    struct service *s = r->service;
    int64_t now_us = clock_us();
    if (!r->done) {
        int64_t late_us = trouble_late_us(r, now_us);
        if (late_us > 0)
            r->until_us = (r->until_us > now_us ? r->until_us : now_us) + late_us;
        r->done = true;
    }
    if (r->stored && r->counted && trouble_is_cut(s) && !http_gone(r->exchange))
        r->until_us = now_us + DELAY_LOOK_US;
    if (r->until_us <= now_us || !wait_until(r, r->until_us, spent))
        leave(r);
}

void request_problem(struct http_exchange *x, int status, const char *header, const char *value,
                     const char *sentence)
{
    struct reply reply = {.status = status, .text = sentence};
    reply_header(&reply, header, value);
    send_reply(x, &reply);
}

static void admit(struct service *s, struct request *r)
{
    const char *priority = http_header_of(r->exchange, "Priority");
    int64_t now_us = request_now_us(s);
    int64_t own_us = s->topo->policy.timeout_us;
    r->item.background = priority != NULL && target_is_background(priority);
    r->item.deadline = now_us + deadline_wait(r->wanted_until_us, now_us, own_us);
    switch (admission_arrive(&s->admission, &r->item, now_us)) {
    case ADMISSION_RUN:
        r->counted = true;
        run(r);
        break;
    case ADMISSION_WAIT:
        shed_dropped(s);
        break;
    case ADMISSION_SHED:
        shed(r);
        break;
    }
}

/* A request whose Time-Left is nothing, or no number. */
static void refuse_late(struct request *r, int64_t left_us)
{
    r->service->counts.shed++;
    if (left_us < 0)
        request_refuse(r, 400, DEADLINE_HEADER ": expected whole milliseconds, up to 9 digits");
    else
        request_refuse_later(r, "nobody waits for it any more");
}

void request_begin(struct service *s, struct http_exchange *x, const struct route *route,
                   const struct target *target)
{
    struct request *r = request_new(s);
    if (r == NULL) {
        request_problem(x, 503, "Retry-After", "1", "no memory left");
        return;
    }
    r->service = s;
    r->exchange = x;
    r->route = route;
    r->target = *target;
    s->open++;
    const char *left = http_header_of(x, DEADLINE_HEADER);
    int64_t left_us = left == NULL ? DEADLINE_NEVER : deadline_read(left);
    if (left_us <= 0) {
        refuse_late(r, left_us);
        return;
    }
    r->wanted_until_us = deadline_at(request_now_us(s), left_us);
    if (route->shape == ROUTE_BARE) /* who asks how we are is answered when we are busy, too */
        run(r);
    else
        admit(s, r);
}

/* ---- ways to end one ---- */

void request_answer(struct request *r, int status, const char *text)
{
    char digest[DIGEST_TEXT];
    size_t len = strlen(text);
    digest_text(digest, text, len);
    const char *etag = arena_format(&r->arena, "\"%s\"", digest);
    const char *known = http_header_of(r->exchange, "If-None-Match");
    reply_header(&r->reply, "ETag", etag);
    if (status == 200 && etag != NULL && known != NULL && target_names_etag(known, etag))
        r->reply = (struct reply){
            .status = 304, .type = JSON, .header = {r->reply.header[0]}, .header_count = 1};
    else {
        r->reply.status = status;
        r->reply.type = JSON;
        r->reply.text = text;
        r->reply.len = len;
    }
    finish(r);
}

void request_answer_created(struct request *r, const char *plural, const char *id, const char *text)
{
    reply_header(&r->reply, "Location",
                 arena_format(&r->arena, "/%s/%s/%s", r->target.country, plural, id));
    request_answer(r, 201, text);
}

void request_refuse(struct request *r, int status, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    r->reply =
        (struct reply){.status = status, .text = arena_string(&r->arena, text, strlen(text))};
    finish(r);
}

void request_pass_on(struct request *r, int status, const char *type, const char *body, size_t len)
{
    r->reply = (struct reply){.status = status,
                              .type = arena_string(&r->arena, type, strlen(type)),
                              .text = arena_string(&r->arena, body, len),
                              .len = len};
    if (r->reply.type == NULL || r->reply.text == NULL)
        r->reply = (struct reply){.status = status};
    finish(r);
}

void request_refuse_later(struct request *r, const char *sentence)
{
    r->reply = (struct reply){.status = 503, .text = sentence};
    reply_header(&r->reply, "Retry-After", "1");
    finish(r);
}

void request_refuse_body(struct request *r, const struct error *err)
{
    if (err->code == ERR_MEMORY)
        request_refuse_later(r, "no memory left");
    else
        request_refuse(r,
                       err->code == ERR_SYNTAX     ? 400
                       : err->code == ERR_CONFLICT ? 421
                                                   : 422,
                       "%s", err->text);
}

void request_count_failure(struct service *s, const struct error *err)
{
    int64_t now_us = request_now_us(s);
    s->counts.failed++;
    if (now_us - s->logged_us >= 1000000) {
        s->logged_us = now_us;
        log_line("the store failed: %s", err->text);
    }
}

void request_store_failed(struct request *r, const struct error *err)
{
    request_count_failure(r->service, err);
    r->unwell = true;
    request_refuse_later(r, "the store does not answer");
}
