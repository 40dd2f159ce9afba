#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wire/http_format.h"
#include "wire/http_link.h"

/* ---- deadlines: calls sorted by time, mostly appended ---- */

static void deadline_add(struct http_call *call, uint64_t at_ms)
{
    struct http_client *c = call->client;
    struct http_call *before = c->latest;
    call->at_ms = at_ms;
    while (before != NULL && before->at_ms > at_ms)
        before = before->prev;
    call->prev = before;
    call->next = before != NULL ? before->next : c->soonest;
    if (call->prev != NULL)
        call->prev->next = call;
    else
        c->soonest = call;
    if (call->next != NULL)
        call->next->prev = call;
    else
        c->latest = call;
    http_client_timer(c, at_ms);
}

static void deadline_remove(struct http_call *call)
{
    struct http_client *c = call->client;
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        c->soonest = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
    else
        c->latest = call->prev;
}

static void on_timer(uv_timer_t *timer)
{
    struct http_client *c = timer->data;
    uint64_t now = uv_now(c->loop);
    c->timer_ms = 0;
    /* A call that begins here is not due before the next turn, whatever its timeout. */
    for (const struct http_call *last = c->latest; !c->freed && c->soonest != NULL;) {
        struct http_call *call = c->soonest;
        bool is_last = call == last;
        struct http_link *l = call->link;
        if (call->at_ms > now)
            break;
        if (l != NULL) {
            http_link_close(l);
            http_client_next(c);
        }
        http_call_fail(call, call->failure);
        if (is_last)
            break;
    }
    if (c->freed)
        return;
    while (c->idle_bottom != NULL && c->idle_bottom->idle_since_ms + c->idle_ms <= now)
        http_link_close(c->idle_bottom);
    if (c->soonest != NULL)
        http_client_timer(c, c->soonest->at_ms);
    if (c->idle_bottom != NULL)
        http_client_timer(c, c->idle_bottom->idle_since_ms + c->idle_ms);
}

void http_client_timer(struct http_client *c, uint64_t at_ms)
{
    uint64_t now = uv_now(c->loop);
    if (c->freed || (c->timer_ms != 0 && c->timer_ms <= at_ms))
        return;
    c->timer_ms = at_ms;
    uv_timer_start(&c->timer, on_timer, at_ms > now ? at_ms - now : 0, 0);
}

/* No call is under way any more: who asks rarely had better not be woken by what is not due. */
static void put_off_timer(struct http_client *c)
{
    if (c->freed || c->soonest != NULL || c->timer_ms == 0)
        return;
    uint64_t idle_ms = c->idle_bottom == NULL ? 0 : c->idle_bottom->idle_since_ms + c->idle_ms;
    if (idle_ms != 0 && idle_ms <= c->timer_ms)
        return;
    c->timer_ms = 0;
    uv_timer_stop(&c->timer);
    if (idle_ms != 0)
        http_client_timer(c, idle_ms);
}

/* ---- the queue of calls that wait for a link ---- */

static void enqueue(struct http_client *c, struct http_call *call)
{
    call->queued = true;
    call->before = c->queue_last;
    call->behind = NULL;
    if (c->queue_last != NULL)
        c->queue_last->behind = call;
    else
        c->queue_first = call;
    c->queue_last = call;
    c->queue_count++;
}

static void queue_remove(struct http_call *call)
{
    struct http_client *c = call->client;
    if (!call->queued)
        return;
    call->queued = false;
    c->queue_count--;
    if (call->before != NULL)
        call->before->behind = call->behind;
    else
        c->queue_first = call->behind;
    if (call->behind != NULL)
        call->behind->before = call->before;
    else
        c->queue_last = call->before;
}

struct http_call *http_client_dequeue(struct http_client *c)
{
    struct http_call *call = c->queue_first;
    if (call != NULL)
        queue_remove(call);
    return call;
}

void http_client_next(struct http_client *c)
{
    while (c->queue_first != NULL && c->link_count < c->links_max)
        http_link_new(c, http_client_dequeue(c));
}

/* ---- calls ---- */

static struct http_call *call_new(struct http_client *c)
{
    struct http_call *call = c->spare;
    if (call == NULL) {
        call = calloc(1, sizeof *call);
        assert(call != NULL); /* there is no call to say so with */
    } else {
        c->spare = call->next;
        c->spare_count--;
    }
    struct bytes request = call->request;
    *call = (struct http_call){.client = c, .request = request, .failure = HTTP_TIMEOUT};
    return call;
}

static void call_free(struct http_call *call)
{
    struct http_client *c = call->client;
    assert(call->link == NULL);
    queue_remove(call);
    deadline_remove(call);
    put_off_timer(c);
    bytes_clear(&call->request);
    if (c->spare_count < HTTP_CALLS_SPARE_MAX) {
        call->next = c->spare;
        c->spare = call;
        c->spare_count++;
        return;
    }
    bytes_release(&call->request);
    free(call);
}

void http_call_end(struct http_call *call, const struct http_reply *reply)
{
    http_done *done = call->done;
    void *context = call->context;
    call_free(call);
    done(context, reply);
}

void http_call_fail(struct http_call *call, enum http_failure failure)
{
    struct http_reply reply = {.failure = failure, .body = ""};
    http_call_end(call, &reply);
}

void http_call_fail_later(struct http_call *call, enum http_failure failure)
{
    queue_remove(call);
    deadline_remove(call);
    call->failure = failure;
    deadline_add(call, uv_now(call->client->loop));
}

/* RFC 9110, 9.2.2; and what bears a key is done once however often it comes. */
static bool is_harmless(const char *method, const struct http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(headers[i].name, "Idempotency-Key") == 0)
            return true;
    return strcmp(method, "POST") != 0 && strcmp(method, "PATCH") != 0;
}

struct http_call *http_send(struct http_client *c, const char *method, const char *target,
                            const struct http_header *headers, size_t header_count,
                            const void *body, size_t len, int64_t timeout_us, http_done *done,
                            void *context)
{
    assert(!c->freed);
    struct http_call *call = call_new(c);
    uint64_t timeout_ms = timeout_us <= 0 ? 0 : ((uint64_t)timeout_us + 999) / 1000;
    call->done = done;
    call->context = context;
    call->bodiless = strcmp(method, "HEAD") == 0;
    call->harmless = is_harmless(method, headers, header_count);
    uv_update_time(c->loop); /* a long callback before us is not the peer's fault */
    deadline_add(call, uv_now(c->loop) + timeout_ms);
    if (http_format_request(&call->request, method, target, c->host, headers, header_count, body,
                            len) != HTTP_FORMAT_OK)
        http_call_fail_later(call, HTTP_UNSENT);
    else if (c->idle_top != NULL)
        http_link_send(c->idle_top, call);
    else if (c->link_count < c->links_max)
        http_link_new(c, call);
    else if (c->queue_count < HTTP_QUEUE_MAX)
        enqueue(c, call);
    else
        http_call_fail_later(call, HTTP_BUSY);
    return call;
}

void http_cancel(struct http_call *call)
{
    if (call == NULL)
        return;
    struct http_client *c = call->client;
    if (call->link != NULL)
        http_link_close(call->link);
    call_free(call);
    http_client_next(c);
}

/* ---- beginning and ending ---- */

static struct http_client *client_new(uv_loop_t *loop, uint32_t connections_max)
{
    struct http_client *c = malloc(sizeof *c);
    if (c == NULL)
        return NULL;
    memset(c, 0, offsetof(struct http_client, read));
    signal(SIGPIPE, SIG_IGN);
    c->loop = loop;
    c->links_max = connections_max > 0 ? connections_max : 1;
    c->idle_ms = HTTP_LINK_IDLE_MS;
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    c->handles = 1;
    return c;
}

struct http_client *http_client_new(uv_loop_t *loop, int port, uint32_t connections_max)
{
    struct http_client *c = client_new(loop, connections_max);
    if (c == NULL)
        return NULL;
    uv_ip4_addr("127.0.0.1", port, &c->port);
    snprintf(c->host, sizeof c->host, "127.0.0.1:%d", port);
    return c;
}

struct http_client *http_client_new_unix(uv_loop_t *loop, const char *path,
                                         uint32_t connections_max)
{
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(struct sockaddr_un) - offsetof(struct sockaddr_un, sun_path))
        return NULL;
    struct http_client *c = client_new(loop, connections_max);
    if (c == NULL)
        return NULL;
    memcpy(c->path.sun_path, path, len);
    snprintf(c->host, sizeof c->host, "localhost");
    c->is_unix = true;
    return c;
}

void http_client_keep(struct http_client *c, int64_t idle_us)
{
    c->idle_ms = (uint64_t)idle_us / 1000;
}

void http_client_route(struct http_client *c, struct delays *delays, http_way *way, void *context)
{
    assert(c->links == NULL);
    c->delays = delays;
    c->way = way;
    c->way_context = context;
}

void http_client_closed(struct http_client *c)
{
    if (--c->handles > 0)
        return;
    while (c->spare != NULL) {
        struct http_call *call = c->spare;
        c->spare = call->next;
        bytes_release(&call->request);
        free(call);
    }
    free(c);
}

static void on_timer_closed(uv_handle_t *handle)
{
    http_client_closed(handle->data);
}

void http_client_free(struct http_client *c)
{
    if (c == NULL)
        return;
    assert(!c->freed);
    c->freed = true;
    while (c->links != NULL)
        http_link_close(c->links);
    while (c->parked != NULL)
        http_link_unpark(c->parked);
    while (c->soonest != NULL)
        call_free(c->soonest);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

/* ---- replies ---- */

const char *http_reply_header(const struct http_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (strcasecmp(reply->headers[i].name, name) == 0)
            return reply->headers[i].value;
    return NULL;
}

const char *http_failure_name(enum http_failure failure)
{
    static const char *const names[] = {"ok",      "refused", "reset", "timeout",
                                        "garbled", "busy",    "unsent"};
    return (size_t)failure < sizeof names / sizeof names[0] ? names[failure] : "unknown";
}
