#include "control/live/door_try.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/deadline.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/live/door_headers.h"
#include "control/live/door_stats.h"
#include "wire/clock.h"
#include "wire/log.h"

/* Headers of ours: a key, or Max-Forwards of what gets none, Time-Left, Via, Host and
 * Content-Length. */
enum { OURS = 5, NUMBER_TEXT = 24 };

static void copy_send(struct door_request *r, int64_t now_us, const struct route_choice *choice);
static void try_go(struct door_request *r, int64_t now_us, const struct route_choice *choice);

static const struct topo_cell *cell_of(const struct door_request *r)
{
    return &r->tries->groups.layout->topo->cells[r->group->cell];
}

static const char *service_of(const struct door_request *r)
{
    return r->tries->groups.layout->topo->services[r->group->service].name;
}

/* ---- what is noted ---- */

static uint32_t number_of(const struct door_request *r)
{
    return (uint32_t)(r - r->tries->request);
}

/* Note what the door was told of a request, and what it chose. */
static void note(struct door_request *r, enum tape_kind kind, int64_t now_us,
                 const struct route_choice *choice)
{
    door_groups_chose(&r->tries->groups, r->group, choice, now_us);
    if (!r->tries->groups.tape.on)
        return;
    const struct tape_record record = {
        .kind = (uint8_t)kind,
        .now_us = now_us,
        .request = number_of(r),
        .group = (uint32_t)(r->group - r->tries->groups.group),
        .key = r->route.key,
        .deadline_us = r->route.deadline_us,
        .choice = *choice,
    };
    door_tape_put(&r->tries->groups.tape, &record);
}

static void note_end(struct door_request *r, int64_t now_us, uint32_t replica,
                     enum route_outcome outcome, bool gone, const struct route_choice *choice)
{
    door_groups_chose(&r->tries->groups, r->group, choice, now_us);
    if (!r->tries->groups.tape.on)
        return;
    const struct tape_record record = {
        .kind = TAPE_END,
        .now_us = now_us,
        .request = number_of(r),
        .replica = replica,
        .outcome = outcome,
        .gone = gone,
        .choice = *choice,
    };
    door_tape_put(&r->tries->groups.tape, &record);
}

/* ---- the end of a request ---- */

static void request_free(struct door_request *r)
{
    struct door_tries *t = r->tries;
    t->groups.cell[r->group->cell].running--;
    r->x = NULL;
    explicit_bzero(r->key, sizeof r->key);
    r->next = t->spare;
    t->spare = r;
}

/* What nobody waits for any more has not failed. */
static void request_count(struct door_request *r, int64_t now_us, int status, enum status_rule rule,
                          enum door_last last)
{
    const struct door_end end = {status >= 500 && !http_gone(r->x), rule, last};
    door_stats_request(r->tries->stats, r->group->cell, now_us, now_us - r->start_us, &end);
}

static enum status_rule rule_of(const struct route_choice *choice)
{
    switch (choice->rule) {
    case ROUTE_TRIES:
        return STATUS_BY_TRIES;
    case ROUTE_BUDGET:
        return STATUS_BY_BUDGET;
    case ROUTE_DEADLINE:
        return STATUS_BY_DEADLINE;
    case ROUTE_BREAKER:
        return STATUS_BY_BREAKER;
    case ROUTE_NOBODY:
        return STATUS_BY_NOBODY;
    case ROUTE_NOT_SENT:
        return STATUS_BY_UNSENT;
    default:
        return STATUS_BY_ANSWER;
    }
}

static void answer_problem(struct http_exchange *x, int status, const char *title,
                           const char *detail)
{
    static const struct http_header later = {"Retry-After", "1"};
    char body[512];
    int len = snprintf(body, sizeof body,
                       "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":"
                       "\"%s\"}\n",
                       title, status, detail);
    http_answer(x, status, "application/problem+json", &later, status != 431, body, (size_t)len);
}

static void request_fail(struct door_request *r, int status, const char *title, const char *detail)
{
    struct http_exchange *x = r->x;
    request_free(r);
    answer_problem(x, status, title, detail);
}

/* No answer came that could be passed back. */
static void request_give_up(struct door_request *r, int64_t now_us,
                            const struct route_choice *choice)
{
    bool timeout = (int)r->last == HTTP_TIMEOUT || choice->rule == ROUTE_DEADLINE;
    int status = timeout ? 504 : 503;
    char why[ROUTE_WORDS_MAX], detail[ROUTE_WORDS_MAX + 256];
    route_say(choice, why);
    snprintf(detail, sizeof detail, "cell %s, service %s: no answer (%s): %s", cell_of(r)->name,
             service_of(r), r->last == DOOR_LAST_NONE ? "not asked" : door_last_name(r->last), why);
    request_count(r, now_us, status, rule_of(choice), r->last);
    request_fail(r, status, timeout ? "Gateway Timeout" : "Service Unavailable", detail);
}

static void request_pass_back(struct door_request *r, int64_t now_us,
                              const struct http_reply *reply, const struct route_choice *choice)
{
    struct http_header headers[HTTP_HEADERS_MAX];
    struct http_exchange *x = r->x;
    size_t count = door_headers_pass(headers, reply->headers, reply->header_count);
    const char *length = http_reply_header(reply, "Content-Length");
    size_t len = reply->len;
    if (strcmp(http_method(x), "HEAD") == 0) /* there is no body, but its length may be told */
        len = length == NULL ? SIZE_MAX : (size_t)strtoull(length, NULL, 10);
    request_count(r, now_us, reply->status, rule_of(choice), r->last);
    request_free(r);
    http_answer(x, reply->status, NULL, headers, count, reply->body, len);
}

/* ---- tries ---- */

static void wait_for(struct door_request *r, uv_timer_cb callback, int64_t us)
{
    r->timed = true;
    uv_timer_start(&r->timer, callback, ((uint64_t)us + 999) / 1000, 0);
}

static void wait_no_more(struct door_request *r)
{
    if (r->timed)
        uv_timer_stop(&r->timer);
    r->timed = false;
}

static void on_delay(uv_timer_t *timer)
{
    struct door_request *r = timer->data;
    int64_t now_us = clock_us();
    r->timed = false;
    struct route_choice choice = route_try(&r->group->route, &r->route, now_us);
    note(r, TAPE_TRY, now_us, &choice);
    try_go(r, now_us, &choice);
}

static void on_slow(uv_timer_t *timer)
{
    struct door_request *r = timer->data;
    int64_t now_us = clock_us();
    r->timed = false;
    struct route_choice choice = route_hedge(&r->group->route, &r->route, now_us);
    note(r, TAPE_HEDGE, now_us, &choice);
    if (choice.act == ROUTE_SEND)
        copy_send(r, now_us, &choice);
}

static enum route_outcome outcome_of(const struct http_reply *reply)
{
    if (reply->failure == HTTP_OK)
        return route_outcome_of(reply->status);
    return reply->failure == HTTP_UNSENT ? ROUTE_UNSENT : ROUTE_LOST;
}

/* Call off what is still out. */
static void call_off(struct door_request *r)
{
    for (size_t i = 0; i < DOOR_COPIES; i++) {
        if (r->copy[i].call != NULL)
            http_cancel(r->copy[i].call);
        r->copy[i].call = NULL;
    }
}

static void on_reply(void *context, const struct http_reply *reply)
{
    struct door_copy *copy = context;
    struct door_request *r = copy->request;
    struct route_group *g = &r->group->route;
    const struct balance_replica *replica = &g->balance.replica[copy->replica];
    uint16_t before = replica->state;
    int64_t now_us = clock_us();
    enum route_outcome outcome = outcome_of(reply);
    bool gone = http_gone(r->x);
    copy->call = NULL;
    if (gone)
        r->route.deadline_us = now_us;
    struct route_choice choice = route_end(g, &r->route, copy->replica, outcome, now_us);
    note_end(r, now_us, copy->replica, outcome, gone, &choice);
    r->last = door_last_of(reply);
    door_groups_ended(&r->tries->groups, r->group, copy->replica, before, outcome, r->last, now_us);
    door_stats_try(r->tries->stats, r->group->cell, replica->zone, now_us, now_us - copy->sent_us,
                   outcome != ROUTE_GOOD);
    if (choice.act == ROUTE_WAIT)
        return;
    wait_no_more(r);
    call_off(r);
    if (choice.act == ROUTE_RETRY)
        wait_for(r, on_delay, choice.wait_us);
    else if (reply->failure == HTTP_OK)
        request_pass_back(r, now_us, reply, &choice);
    else
        request_give_up(r, now_us, &choice);
}

struct sending { /* the headers of a copy, and what they point to */
    struct http_header header[HTTP_HEADERS_MAX];
    size_t count;
    char left[DEADLINE_TEXT_MAX], forwards[NUMBER_TEXT];
};

static void add_header(struct sending *s, const char *name, const char *value)
{
    s->header[s->count++] = (struct http_header){name, value};
}

/* Headers of a request as they go on: with a key if it needs one, and the way it came (RFC 9110,
 * 7.6). False: there are too many. */
static bool pass_headers(struct door_request *r, struct sending *s, int64_t wait_us)
{
    struct http_exchange *x = r->x;
    size_t sent = http_header_count(x);
    s->count = door_headers_pass(s->header, sent > 0 ? http_header_at(x, 0) : NULL, sent);
    if (s->count + OURS > HTTP_HEADERS_MAX)
        return false;
    if (door_headers_want_key(http_method(x), s->header, s->count)) {
        if (r->key[0] == '\0')
            door_luck_key(&r->tries->groups.luck, r->key);
        add_header(s, "Idempotency-Key", r->key);
    }
    int64_t forwards = door_headers_forwards(http_method(x), http_header_of(x, DOOR_FORWARDS));
    if (forwards < INT64_MAX) {
        snprintf(s->forwards, sizeof s->forwards, "%lld", (long long)forwards - 1);
        add_header(s, DOOR_FORWARDS, s->forwards);
    }
    add_header(s, "Via", strcmp(http_version(x), "1.0") == 0 ? "1.0 bulkhead" : "1.1 bulkhead");
    deadline_write(s->left, wait_us);
    add_header(s, DEADLINE_HEADER, s->left);
    return true;
}

/* Send a copy where the choice says. */
static void copy_send(struct door_request *r, int64_t now_us, const struct route_choice *choice)
{
    struct sending s;
    struct door_copy *copy = &r->copy[r->copy[0].call != NULL];
    size_t len;
    const char *body = http_body(r->x, &len);
    if (!pass_headers(r, &s, choice->wait_us)) {
        struct route_choice end =
            route_end(&r->group->route, &r->route, choice->replica, ROUTE_UNSENT, now_us);
        note_end(r, now_us, choice->replica, ROUTE_UNSENT, false, &end);
        request_count(r, now_us, 431, STATUS_BY_UNSENT, DOOR_LAST_NONE);
        request_fail(r, 431, "Request Header Fields Too Large", "too many headers");
        return;
    }
    copy->request = r;
    copy->replica = choice->replica;
    copy->sent_us = now_us;
    copy->call = http_send(r->group->client[choice->replica], http_method(r->x), http_target(r->x),
                           s.header, s.count, body, len, choice->wait_us, on_reply, copy);
}

static void try_go(struct door_request *r, int64_t now_us, const struct route_choice *choice)
{
    if (choice->act != ROUTE_SEND) {
        request_give_up(r, now_us, choice);
        return;
    }
    if (choice->hedge_us < INT64_MAX)
        wait_for(r, on_slow, choice->hedge_us);
    copy_send(r, now_us, choice);
}

/* Who is asked for, for the balances that go by customer: an id at the end of the path, or a
 * parameter; who is not known is anybody. */
static uint64_t key_of(struct door_tries *t, const char *target)
{
    const char *id = strstr(target, "customer=");
    uint64_t key = 0xcbf29ce484222325u; /* FNV-1a */
    if (id != NULL) {
        id += sizeof "customer=" - 1;
    } else {
        const char *word = strchr(target + 1, '/'); /* of /de/customers/ID */
        id = word == NULL ? NULL : strchr(word + 1, '/');
        id = id == NULL ? "" : id + 1;
    }
    if (*id == '\0') {
        door_luck_take(&t->groups.luck, &key, sizeof key);
        return key;
    }
    for (; *id != '\0' && *id != '?' && *id != '&'; id++)
        key = (key ^ (unsigned char)*id) * 0x100000001b3u;
    return key;
}

void door_tries_begin(struct door_tries *t, struct http_exchange *x, struct map_place place)
{
    struct door_group *g =
        &t->groups.group[place.cell * t->groups.layout->topo->service_count + place.service];
    struct door_cell *cell = &t->groups.cell[place.cell];
    struct door_request *r = t->spare;
    int64_t now_us = clock_us();
    if (r == NULL || cell->running >= DOOR_CELL_REQUESTS_MAX) {
        const struct door_end end = {true, STATUS_BY_FULL, DOOR_LAST_NONE};
        door_stats_request(t->stats, place.cell, now_us, 0, &end);
        answer_problem(x, 503, "Service Unavailable", "the door has too many requests under way");
        return;
    }
    const char *left = http_header_of(x, DEADLINE_HEADER);
    int64_t left_us = left == NULL ? DEADLINE_NEVER : deadline_read(left);
    if (left_us < 0) {
        http_problem(x, 400, DEADLINE_HEADER ": expected whole milliseconds, up to 9 digits");
        return;
    }
    t->spare = r->next;
    r->group = g;
    r->x = x;
    r->start_us = now_us;
    r->last = DOOR_LAST_NONE;
    r->route = (struct route_request){
        .key = g->route.balance.plain ? 0 : key_of(t, http_target(x)),
        .deadline_us = deadline_at(now_us, left_us),
        .near = BALANCE_NO_ZONE, /* from outside */
    };
    cell->running++;
    struct route_choice choice = route_begin(&g->route, &r->route, now_us);
    note(r, TAPE_BEGIN, now_us, &choice);
    try_go(r, now_us, &choice);
}

void door_tries_abandon(struct door_tries *t)
{
    for (size_t i = 0; t->request != NULL && i < DOOR_REQUESTS_MAX; i++) {
        struct door_request *r = &t->request[i];
        if (r->x == NULL)
            continue;
        int64_t now_us = clock_us();
        call_off(r);
        wait_no_more(r);
        route_leave(&r->group->route, &r->route, now_us);
        note(r, TAPE_LEAVE, now_us, &(struct route_choice){.act = ROUTE_STOP});
        request_count(r, now_us, 503, STATUS_BY_CLOSING, DOOR_LAST_NONE);
        request_fail(r, 503, "Service Unavailable", "the door is closing");
    }
}

/* ---- beginning and ending ---- */

int door_tries_init(struct door_tries *t, const struct layout *l, struct door_stats *stats,
                    uint32_t links_max, uv_loop_t *loop, struct arena *a, struct error *err)
{
    *t = (struct door_tries){.stats = stats};
    if (door_groups_init(&t->groups, l, DOOR_REQUESTS_MAX, links_max, loop, a, err) != 0)
        return -1;
    t->request = arena_alloc(a, DOOR_REQUESTS_MAX, sizeof t->request[0]);
    if (t->request == NULL)
        return error_memory(err);
    for (size_t i = DOOR_REQUESTS_MAX; i-- > 0;) {
        struct door_request *r = &t->request[i];
        r->tries = t;
        r->timer.data = r;
        uv_timer_init(loop, &r->timer);
        r->next = t->spare;
        t->spare = r;
    }
    return 0;
}

void door_tries_close(struct door_tries *t)
{
    for (size_t i = 0; t->request != NULL && i < DOOR_REQUESTS_MAX; i++)
        if (t->request[i].tries != NULL)
            uv_close((uv_handle_t *)&t->request[i].timer, NULL);
    door_groups_close(&t->groups);
}
