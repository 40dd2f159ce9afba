#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/live/client_inside.h"
#include "wire/clock.h"

enum { DOOR_MORE_US = 1000000 }; /* what a door may take beyond its own tries */

/* ---- calls come and go ---- */

static void list_add(struct client_call **list, struct client_call *call)
{
    call->prev = NULL;
    call->next = *list;
    if (*list != NULL)
        (*list)->prev = call;
    *list = call;
}

static void list_remove(struct client_call **list, struct client_call *call)
{
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        *list = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
}

static struct client_call *take_spare(struct client *c)
{
    struct client_call *call = c->spare;
    if (call != NULL) {
        list_remove(&c->spare, call);
        return call;
    }
    call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->client = c;
    uv_timer_init(c->opts.loop, &call->timer);
    call->timer.data = call;
    c->handles++;
    return call;
}

static void make_spare(struct client_call *call)
{
    struct client *c = call->client;
    list_remove(&c->calls, call);
    uv_timer_stop(&call->timer);
    client_map_leave(call->map);
    bytes_clear(&call->text);
    call->map = NULL;
    call->http = NULL;
    call->done = NULL;
    list_add(&c->spare, call);
}

static void finish(struct client_call *call, const struct http_reply *reply)
{
    http_done *done = call->done;
    void *context = call->context;
    make_spare(call);
    done(context, reply);
}

static void finish_without(struct client_call *call, enum http_failure failure)
{
    finish(call, &(struct http_reply){.failure = failure, .body = ""});
}

/* ---- sending ---- */

static int64_t left_us(const struct client_call *call)
{
    return call->deadline_us - clock_us();
}

static void on_timer(uv_timer_t *timer);

/* Its owner is told from the loop. */
static void fail_later(struct client_call *call, enum http_failure failure)
{
    call->failure = failure;
    uv_timer_start(&call->timer, on_timer, 0, 0);
}

static void send_to(struct client_call *call, int64_t port, int64_t wait_us, http_done *done)
{
    const struct client_request *r = &call->request;
    struct http_client *http = client_http(call->client, port);
    struct http_header headers[3];
    char left[24];
    size_t count = 0;
    int64_t most_us = left_us(call) > 1000 ? left_us(call) : 1000;
    if (http == NULL) {
        fail_later(call, HTTP_UNSENT);
        return;
    }
    snprintf(left, sizeof left, "%lld", (long long)(most_us / 1000));
    headers[count++] = (struct http_header){"Time-Left", left};
    if (r->body != NULL)
        headers[count++] = (struct http_header){"Content-Type", "application/json"};
    if (r->key != NULL)
        headers[count++] = (struct http_header){"Idempotency-Key", r->key};
    call->http = http_send(http, r->method, r->target, headers, count, r->body, r->len,
                           wait_us < most_us ? wait_us : most_us, done, call);
}

/* ---- through a door ---- */

static void ask_door(struct client_call *call, enum http_failure failure);

static void on_door(void *context, const struct http_reply *reply)
{
    struct client_call *call = context;
    call->http = NULL;
    if (reply->failure == HTTP_OK || reply->failure == HTTP_UNSENT) {
        finish(call, reply);
        return;
    }
    call->client->counts.doors_lost++;
    client_next_door(call->client, call->port);
    ask_door(call, reply->failure);
}

/* The next door, or the end: with `failure`, what the last one came to. */
static void ask_door(struct client_call *call, enum http_failure failure)
{
    struct client *c = call->client;
    if (call->doors_tried >= c->opts.door_count || left_us(call) <= 0) {
        fail_later(call, left_us(call) <= 0 ? HTTP_TIMEOUT : failure);
        return;
    }
    bool last = ++call->doors_tried == c->opts.door_count;
    const struct topo_policy *p = c->map == NULL ? NULL : &c->map->partition.policy;
    int64_t door_us = p == NULL ? 0 : p->timeout_us * p->tries;
    call->port = client_door_port(c);
    c->counts.door++;
    send_to(call, call->port, last ? INT64_MAX : door_us + DOOR_MORE_US, on_door);
}

/* ---- at a replica ---- */

static void go(struct client_call *call, const struct route_choice *choice,
               const struct http_reply *reply);

static enum route_outcome outcome_of(const struct http_reply *reply)
{
    if (reply->failure == HTTP_OK)
        return route_outcome_of(reply->status);
    return reply->failure == HTTP_UNSENT ? ROUTE_UNSENT : ROUTE_LOST;
}

/* A replica says 421. With the map that we hold, the mistake is in what was asked; an older or a
 * newer one, or none told, is a reason to doubt ours: one from before the system's clock was set
 * back would else be held for good. */
static bool has_another_map(const struct client *c, const struct http_reply *reply)
{
    const char *said = http_reply_header(reply, "Map-Version");
    size_t len = said == NULL ? 0 : strspn(said, "0123456789");
    if (len == 0 || len > 16 || said[len] != '\0')
        return true;
    return strtoll(said, NULL, 10) != client_map_version(c);
}

static void on_replica(void *context, const struct http_reply *reply)
{
    struct client_call *call = context;
    struct client *c = call->client;
    bool misdirected = reply->failure == HTTP_OK && reply->status == 421;
    call->http = NULL;
    struct route_choice choice = route_end(&call->group->route, &call->route, call->route.replica,
                                           outcome_of(reply), clock_us());
    if (misdirected && c->opts.door_count > 0) {
        c->counts.misdirected++;
        if (has_another_map(c, reply))
            client_doubt(c);
        ask_door(call, HTTP_OK);
        return;
    }
    go(call, &choice, reply);
}

/* Do as was decided; `reply` is what has just come, NULL for nothing. */
static void go(struct client_call *call, const struct route_choice *choice,
               const struct http_reply *reply)
{
    struct client *c = call->client;
    switch ((enum route_act)choice->act) {
    case ROUTE_SEND:
        c->counts.direct++;
        c->counts.again += call->route.tries > 1;
        send_to(call, call->group->replica[choice->replica].port, choice->wait_us, on_replica);
        return;
    case ROUTE_RETRY:
        uv_timer_start(&call->timer, on_timer, ((uint64_t)choice->wait_us + 999) / 1000, 0);
        return;
    case ROUTE_WAIT:
    case ROUTE_ANSWER:
    case ROUTE_STOP:
        break;
    }
    enum http_failure failure = reply == NULL ? HTTP_TIMEOUT : reply->failure;
    if (failure == HTTP_OK || failure == HTTP_UNSENT) {
        finish(call, reply);
        return;
    }
    if (c->opts.door_count > 0)
        client_doubt(c);
    ask_door(call, failure);
}

static void on_timer(uv_timer_t *timer)
{
    struct client_call *call = timer->data;
    if (call->failure != HTTP_OK) {
        finish_without(call, call->failure);
        return;
    }
    struct route_choice choice = route_try(&call->group->route, &call->route, clock_us());
    go(call, &choice, NULL);
}

/* ---- beginning and ending ---- */

/* Copies of the strings, one behind the other; a write without a key gets one. */
static bool keep(struct client_call *call, const struct client_request *from)
{
    struct client_request *r = &call->request;
    char made[DOOR_KEY_TEXT];
    *r = *from;
    if (r->key == NULL && door_headers_want_key(r->method, NULL, 0)) {
        door_luck_key(&call->client->luck, made);
        r->key = made;
    }
    const char **const places[] = {&r->method, &r->target, &r->key};
    size_t need = r->body == NULL ? 0 : r->len;
    for (size_t i = 0; i < 3; i++)
        need += *places[i] == NULL ? 0 : strlen(*places[i]) + 1;
    if (!bytes_reserve(&call->text, need))
        return false;
    for (size_t i = 0; i < 3; i++) {
        const char *text = *places[i];
        if (text == NULL)
            continue;
        *places[i] = call->text.data + call->text.len;
        bytes_add(&call->text, text, strlen(text) + 1);
    }
    if (r->body != NULL) {
        r->body = call->text.data + call->text.len;
        bytes_add(&call->text, from->body, r->len);
    }
    return true;
}

struct client_call *client_send(struct client *c, const struct client_request *request,
                                http_done *done, void *context)
{
    struct client_call *call = take_spare(c);
    int64_t now_us = clock_us();
    if (call == NULL)
        return NULL;
    call->done = done;
    call->context = context;
    call->failure = HTTP_OK;
    call->doors_tried = 0;
    call->deadline_us = now_us + request->timeout_us;
    list_add(&c->calls, call);
    if (!keep(call, request)) {
        make_spare(call);
        return NULL;
    }
    call->group =
        c->opts.direct && c->map != NULL ? client_map_group(c->map, call->request.target) : NULL;
    if (call->group == NULL) {
        ask_door(call, HTTP_REFUSED);
        return call;
    }
    call->map = c->map;
    call->map->users++;
    call->route = (struct route_request){.near = BALANCE_NO_ZONE, .deadline_us = call->deadline_us};
    struct route_choice choice = route_begin(&call->group->route, &call->route, now_us);
    go(call, &choice, NULL);
    return call;
}

void client_cancel(struct client_call *call)
{
    if (call == NULL)
        return;
    if (call->group != NULL)
        route_leave(&call->group->route, &call->route, clock_us());
    http_cancel(call->http);
    make_spare(call);
}

static void on_closed(uv_handle_t *handle)
{
    struct client_call *call = handle->data;
    struct client *c = call->client;
    bytes_release(&call->text);
    free(call);
    client_closed(c);
}

void client_calls_free(struct client *c)
{
    while (c->calls != NULL)
        client_cancel(c->calls);
    while (c->spare != NULL) {
        struct client_call *call = c->spare;
        list_remove(&c->spare, call);
        uv_close((uv_handle_t *)&call->timer, on_closed);
    }
}
