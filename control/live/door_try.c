#include "control/live/door_try.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/backoff.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "control/capacity.h"
#include "control/live/door_headers.h"
#include "control/live/door_stats.h"
#include "control/status.h"
#include "wire/clock.h"
#include "wire/log.h"

static void try_send(struct door_request *r);

static const struct topo_policy *policy_of(const struct door_request *r)
{
    return &r->tries->layout->topo->policy;
}

static const struct topo_cell *cell_of(const struct door_request *r)
{
    return &r->tries->layout->topo->cells[r->group->cell];
}

static const char *service_of(const struct door_request *r)
{
    return r->tries->layout->topo->services[r->group->service].name;
}

/* ---- the end of a request ---- */

static void request_free(struct door_request *r)
{
    struct door_tries *t = r->tries;
    t->cell[r->group->cell].running--;
    r->x = NULL;
    explicit_bzero(r->key, sizeof r->key);
    r->next = t->spare;
    t->spare = r;
}

/* What nobody waits for any more has not failed. */
static void request_count(struct door_request *r, int64_t now_us, int status)
{
    door_stats_request(r->tries->stats, r->group->cell, now_us, now_us - r->start_us,
                       status >= 500 && !http_gone(r->x));
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

static void request_fail(struct door_request *r, int64_t now_us, int status, const char *title,
                         const char *detail)
{
    struct http_exchange *x = r->x;
    request_count(r, now_us, status);
    request_free(r);
    answer_problem(x, status, title, detail);
}

/* No answer came from the last try. */
static void request_give_up(struct door_request *r, int64_t now_us, enum http_failure failure)
{
    bool timeout = failure == HTTP_TIMEOUT;
    char detail[256];
    snprintf(detail, sizeof detail, "cell %s, service %s: no answer (%s) after %u %s%s",
             cell_of(r)->name, service_of(r), http_failure_name(failure), r->count,
             r->count == 1 ? "try" : "tries",
             r->count < policy_of(r)->tries ? ", and no retry is left in the budget" : "");
    request_fail(r, now_us, timeout ? 504 : 503,
                 timeout ? "Gateway Timeout" : "Service Unavailable", detail);
}

static void request_pass_back(struct door_request *r, int64_t now_us,
                              const struct http_reply *reply)
{
    struct http_header headers[HTTP_HEADERS_MAX];
    struct http_exchange *x = r->x;
    size_t count = door_headers_pass(headers, reply->headers, reply->header_count);
    request_count(r, now_us, reply->status);
    request_free(r);
    http_answer(x, reply->status, NULL, headers, count, reply->body, reply->len);
}

/* ---- tries ---- */

static void on_delay(uv_timer_t *timer)
{
    try_send(timer->data);
}

static void try_again(struct door_request *r)
{
    int64_t delay_us =
        backoff_delay_us(policy_of(r)->backoff_us, INT64_MAX, r->count, &r->group->rng);
    r->avoid = r->group->balance.replica[r->replica].zone;
    uv_timer_start(&r->timer, on_delay, ((uint64_t)delay_us + 999) / 1000, 0);
}

/* Tell the balance, and the log when that leaves a replica out or takes it back. */
static void note_outcome(struct door_request *r, int64_t now_us, enum http_failure failure)
{
    struct balance *b = &r->group->balance;
    const struct balance_replica *replica = &b->replica[r->replica];
    uint16_t before = replica->state;
    bool failed = failure != HTTP_OK && failure != HTTP_UNSENT; /* the latter is our trouble */
    balance_ended(b, r->replica, failed ? BALANCE_FAILED : BALANCE_ANSWERED, now_us);
    if (before == replica->state)
        return;
    const char *zone = cell_of(r)->zones[replica->zone];
    if (before == BALANCE_IN)
        log_line("%s/%s: %s is left out: %s, %u failures in a row", cell_of(r)->name, zone,
                 service_of(r), http_failure_name(failure), replica->failures);
    else if (replica->state == BALANCE_IN)
        log_line("%s/%s: %s takes part again", cell_of(r)->name, zone, service_of(r));
}

static void on_reply(void *context, const struct http_reply *reply)
{
    struct door_request *r = context;
    struct door_tries *t = r->tries;
    int64_t now_us = clock_us();
    bool answered = reply->failure == HTTP_OK;
    bool again = answered ? reply->status == 503 : reply->failure != HTTP_UNSENT;
    r->call = NULL;
    note_outcome(r, now_us, reply->failure);
    door_stats_try(t->stats, r->group->cell, r->group->balance.replica[r->replica].zone, now_us,
                   now_us - r->try_us, !answered || reply->status >= 500);
    if (again && !http_gone(r->x) &&
        retry_allowed(&t->cell[r->group->cell].retry, r->count, (uint32_t)policy_of(r)->tries))
        try_again(r);
    else if (answered)
        request_pass_back(r, now_us, reply);
    else
        request_give_up(r, now_us, reply->failure);
}

/* Send a try to a replica outside the zone that failed last. */
static void try_send(struct door_request *r)
{
    struct http_header headers[HTTP_HEADERS_MAX];
    struct door_group *g = r->group;
    const char *method = http_method(r->x);
    size_t sent = http_header_count(r->x);
    size_t count = door_headers_pass(headers, sent > 0 ? http_header_at(r->x, 0) : NULL, sent);
    int64_t now_us = clock_us();
    if (count + 3 > HTTP_HEADERS_MAX) { /* a key, Host and Content-Length */
        request_fail(r, now_us, 431, "Request Header Fields Too Large", "too many headers");
        return;
    }
    if (door_headers_want_key(method, headers, count)) {
        if (r->key[0] == '\0')
            door_luck_key(&r->tries->luck, r->key);
        headers[count++] = (struct http_header){"Idempotency-Key", r->key};
    }
    size_t len;
    const char *body = http_body(r->x, &len);
    r->replica = balance_pick(&g->balance, r->avoid, &g->rng, now_us);
    r->try_us = now_us;
    r->count++;
    balance_sent(&g->balance, r->replica);
    r->call = http_send(g->client[r->replica], method, http_target(r->x), headers, count, body, len,
                        policy_of(r)->timeout_us, on_reply, r);
}

void door_tries_begin(struct door_tries *t, struct http_exchange *x, struct map_place place)
{
    struct door_group *g = &t->group[place.cell * t->layout->topo->service_count + place.service];
    struct door_cell *cell = &t->cell[place.cell];
    struct door_request *r = t->spare;
    if (r == NULL || cell->running >= DOOR_CELL_REQUESTS_MAX) {
        door_stats_request(t->stats, place.cell, clock_us(), 0, true);
        answer_problem(x, 503, "Service Unavailable", "the door has too many requests under way");
        return;
    }
    t->spare = r->next;
    r->group = g;
    r->x = x;
    r->start_us = clock_us();
    r->count = 0;
    r->avoid = BALANCE_NO_ZONE;
    cell->running++;
    retry_earn(&cell->retry);
    try_send(r);
}

void door_tries_abandon(struct door_tries *t)
{
    for (size_t i = 0; t->request != NULL && i < DOOR_REQUESTS_MAX; i++) {
        struct door_request *r = &t->request[i];
        if (r->x == NULL)
            continue;
        if (r->call != NULL)
            http_cancel(r->call);
        r->call = NULL;
        uv_timer_stop(&r->timer);
        request_fail(r, clock_us(), 503, "Service Unavailable", "the door is closing");
    }
}

/* ---- in words ---- */

void door_tries_explain(const struct door_tries *t, struct status *status, struct arena *a)
{
    for (size_t i = 0; i < t->group_count; i++) {
        const struct door_group *g = &t->group[i];
        struct status_cell *cell = &status->cells[g->cell];
        const char *service = t->layout->topo->services[g->service].name;
        for (uint32_t k = 0; k < g->balance.count; k++) {
            const struct balance_replica *replica = &g->balance.replica[k];
            struct status_zone *zone = &cell->zones[replica->zone];
            if (replica->state == BALANCE_IN)
                continue;
            const char *why = zone->why[0] == '\0'
                                  ? arena_format(a, "left out after failures: %s", service)
                                  : arena_format(a, "%s, %s", zone->why, service);
            zone->why = why == NULL ? zone->why : why;
        }
    }
}

/* ---- beginning and ending ---- */

static int init_group(struct door_tries *t, size_t cell, size_t service, uint32_t links_max,
                      uv_loop_t *loop, struct arena *a)
{
    const struct topo *topo = t->layout->topo;
    struct door_group *g = &t->group[cell * topo->service_count + service];
    uint32_t zones = (uint32_t)topo->cells[cell].zone_count;
    uint32_t per_zone[TOPO_ZONES_MAX];
    uint64_t seed;
    const struct balance_opts opts = balance_opts_of(&topo->policy);
    for (uint32_t i = 0; i < zones; i++)
        per_zone[i] = 1;
    g->cell = cell;
    g->service = service;
    door_luck_take(&t->luck, &seed, sizeof seed);
    rng_init(&g->rng, seed);
    g->client = arena_alloc(a, zones, sizeof g->client[0]);
    if (g->client == NULL || balance_init(&g->balance, &opts, per_zone, zones, a) != 0)
        return -1;
    for (uint32_t i = 0; i < zones; i++) {
        g->client[i] = http_client_new(loop, layout_port(t->layout, cell, i, service), links_max);
        if (g->client[i] == NULL)
            return -1;
    }
    t->group_count++;
    return 0;
}

static int init_cells(struct door_tries *t, struct arena *a, struct error *err)
{
    const struct topo *topo = t->layout->topo;
    struct capacity_plan plan;
    t->cell = arena_alloc(a, topo->cell_count, sizeof t->cell[0]);
    if (t->cell == NULL)
        return error_memory(err);
    if (capacity_plan(&plan, topo, a, err) != 0)
        return -1;
    for (size_t i = 0; i < topo->cell_count; i++)
        t->cell[i].retry = retry_full(topo->policy.retry_budget, plan.cells[i].peak_rps);
    return 0;
}

int door_tries_init(struct door_tries *t, const struct layout *l, struct door_stats *stats,
                    uint32_t links_max, uv_loop_t *loop, struct arena *a, struct error *err)
{
    const struct topo *topo = l->topo;
    *t = (struct door_tries){.layout = l, .stats = stats};
    if (init_cells(t, a, err) != 0)
        return -1;
    t->group = arena_alloc(a, topo->cell_count * topo->service_count, sizeof t->group[0]);
    t->request = arena_alloc(a, DOOR_REQUESTS_MAX, sizeof t->request[0]);
    if (t->group == NULL || t->request == NULL)
        return error_memory(err);
    for (size_t i = DOOR_REQUESTS_MAX; i-- > 0;) {
        struct door_request *r = &t->request[i];
        r->tries = t;
        r->timer.data = r;
        uv_timer_init(loop, &r->timer);
        r->next = t->spare;
        t->spare = r;
    }
    for (size_t i = 0; i < topo->cell_count; i++)
        for (size_t k = 0; k < topo->service_count; k++)
            if (init_group(t, i, k, links_max, loop, a) != 0)
                return error_memory(err);
    return 0;
}

void door_tries_close(struct door_tries *t)
{
    for (size_t i = 0; t->request != NULL && i < DOOR_REQUESTS_MAX; i++)
        if (t->request[i].tries != NULL)
            uv_close((uv_handle_t *)&t->request[i].timer, NULL);
    for (size_t i = 0; i < t->group_count; i++)
        for (size_t k = 0; k < t->group[i].balance.count; k++)
            http_client_free(t->group[i].client[k]);
    explicit_bzero(&t->luck, sizeof t->luck);
}
