#include "simulator/ask.h"

#include "base/backoff.h"
#include "base/topo.h"
#include "simulator/caches.h"
#include "simulator/calls.h"
#include "simulator/faults.h"
#include "simulator/orders.h"
#include "simulator/plane.h"
#include "simulator/trace.h"

static int64_t now_us(const struct world *w)
{
    return engine_now(&w->engine) / 1000;
}

/* ---- the door, and servers that call others ---- */

static void count_background(struct world_background_count *count, int answer, int64_t latency_us)
{
    count->requests++;
    if (answer == WORLD_OK) {
        count->ok++;
        hist_add(&count->latency, latency_us);
    } else if (answer == WORLD_SHED) {
        count->shed++;
    } else {
        count->failed++;
    }
}

static void count_hurt(struct world_country_count *count, uint32_t customer)
{
    uint64_t bit = UINT64_C(1) << (customer & 63);
    count->customers_hurt += (count->hurt[customer >> 6] & bit) == 0;
    count->hurt[customer >> 6] |= bit;
}

/* What ends in a result goes through here, so the digest covers every request's fate. */
static inline void count_fate(struct world *w, const struct world_request *request, int answer)
{
    const struct world_stream *stream = &w->stream[request->stream];
    int64_t latency_ns = engine_now(&w->engine) - request->start_ns;
    uint64_t fate = (uint64_t)latency_ns * 8 + (uint64_t)answer;
    w->count.digest = (w->count.digest ^ fate) * 0x9e3779b97f4a7c15u;
    w->count.digest ^= w->count.digest >> 29;
    if (w->count.country[stream->country].course.bin != NULL)
        recover_add(&w->count.country[stream->country].course, engine_now(&w->engine),
                    answer != WORLD_OK);
    if (request->start_ns < w->warmup_ns)
        return;
    struct world_country_count *count = &w->count.country[stream->country];
    if (w->customers && answer != WORLD_OK)
        count_hurt(count, (uint32_t)request->route.key);
    if (request->background) {
        count_background(&count->background, answer, latency_ns / 1000 + stream->client_rtt_us);
        return;
    }
    count->requests++;
    if (request->route.tries > 1)
        count->retries += request->route.tries - 1;
    if (request->visits > 1)
        count->again += request->visits - 1;
    if (answer == WORLD_OK) {
        int64_t latency_us = latency_ns / 1000 + stream->client_rtt_us;
        count->ok++;
        hist_add(&count->latency, latency_us);
        if (count->series.bin != NULL)
            series_add(&count->series, latency_us, engine_now(&w->engine));
    } else if (answer == WORLD_SHED) {
        count->shed++;
    } else {
        count->failed++;
    }
}

/* Whether its client comes with it again, after a while. The round trip is part of each visit. */
static bool comes_again(struct world *w, uint32_t index, int answer)
{
    struct world_request *request = &w->request[index];
    struct world_stream *stream = &w->stream[request->stream];
    const struct topo_client *client = &w->topo->policy.client;
    if (answer == WORLD_OK ||
        !retry_allowed(&stream->retry, request->visits, (uint32_t)client->tries))
        return false;
    int64_t delay_us =
        backoff_delay_us(client->backoff_us, INT64_MAX, request->visits, &stream->client_rng);
    trace_request(w, TRACE_AGAIN, index, answer);
    engine_after(&w->engine, (delay_us + stream->client_rtt_us) * 1000, WORLD_VISIT, index);
    return true;
}

static inline void request_end(struct world *w, uint32_t index, int answer)
{
    struct world_request *request = &w->request[index];
    if (w->topo->policy.client.tries > 1 && request->parent == WORLD_NONE &&
        comes_again(w, index, answer))
        return;
    trace_request(w, TRACE_END, index, answer);
    if (request->parent == WORLD_NONE)
        count_fate(w, request, answer);
    request->next_free = w->request_free;
    w->request_free = index;
    if (request->parent == WORLD_NONE) {
        if (w->orders != NULL && answer == WORLD_OK)
            orders_answered(w, request);
        return;
    }
    if (w->caches != NULL)
        caches_ended(w, index, (enum world_answer)answer);
    calls_ended(w, request->parent, request->parent_generation, (enum world_answer)answer);
}

/* A free place, as world_attempt_take. */
static inline uint32_t request_slot(struct world *w)
{
    uint32_t index = w->request_free;
    if (index != WORLD_NONE)
        w->request_free = w->request[index].next_free;
    else if (w->request_used < w->pool_count)
        index = w->request_used++;
    else
        world_full(w, "requests");
    return index;
}

/* An attempt of a request is on its way to where its route sends it. */
static inline void attempt_send(struct world *w, uint32_t index, uint32_t request_index,
                                const struct route_choice *choice)
{
    const struct world_request *request = &w->request[request_index];
    struct world_group *group = &w->group[request->group];
    struct world_attempt *attempt = &w->attempt[index];
    attempt->item.deadline = engine_now(&w->engine) + choice->wait_us * 1000;
    attempt->item.background = request->background;
    attempt->request = request_index;
    attempt->place = request->route.near;
    attempt->server = group->server_first + choice->replica;
    w->count.group[request->group].tries += engine_now(&w->engine) >= w->warmup_ns;
    trace_try(w, TRACE_SEND, index, WORLD_OK);
    trace_replica(w, index);
    const struct world_cell *cell = &w->cell[group->cell];
    int64_t way_ns = world_path_ns(cell, attempt->place, w->server[attempt->server].place);
    attempt->state = way_ns == WORLD_CUT ? ATTEMPT_LOST : ATTEMPT_OUT;
    engine_after(&w->engine, way_ns, WORLD_REACH, index); /* never, if it is cut */
}

/* Send a try of a request where its route says. `first`: it is at the door, or whoever else asks
 * for it, and was not before. */
static inline void try_send(struct world *w, uint32_t request_index, bool first)
{
    struct world_request *request = &w->request[request_index];
    struct route_group *route = &w->group[request->group].route;
    uint32_t index = world_attempt_take(w);
    if (index == WORLD_NONE) {
        trace_request(w, TRACE_NO_ROOM, request_index, WORLD_SHED);
        request_end(w, request_index, WORLD_SHED);
        return;
    }
    struct route_choice choice = first ? route_begin(route, &request->route, now_us(w))
                                       : route_try(route, &request->route, now_us(w));
    if (choice.act != ROUTE_SEND) {
        bool late = choice.rule == ROUTE_DEADLINE; /* nobody would see the answer */
        world_release(w, index);
        trace_request(w, late ? TRACE_LATE : TRACE_NO_ROOM, request_index,
                      late ? WORLD_RESET : WORLD_SHED);
        request_end(w, request_index, late ? WORLD_RESET : WORLD_SHED);
        return;
    }
    request->attempt = index;
    request->copy = WORLD_NONE;
    attempt_send(w, index, request_index, &choice);
    engine_after(&w->engine, choice.wait_us * 1000, WORLD_TIMEOUT, request_index);
    if (choice.hedge_us < INT64_MAX)
        engine_after(&w->engine, choice.hedge_us * 1000, WORLD_HEDGE, request_index);
}

void ask_hedge(void *world, const struct event *event)
{
    struct world *w = world;
    struct world_request *request = &w->request[event->who];
    uint32_t index = world_attempt_take(w);
    if (index == WORLD_NONE)
        return;
    struct route_choice choice =
        route_hedge(&w->group[request->group].route, &request->route, now_us(w));
    if (choice.act != ROUTE_SEND) {
        world_release(w, index);
        return;
    }
    request->copy = index;
    attempt_send(w, index, event->who, &choice);
    if (engine_now(&w->engine) >= w->warmup_ns)
        w->count.group[request->group].copies++;
}

/* A new request; NULL when there is no room, which ends the run. */
static struct world_request *request_take(struct world *w, uint32_t stream, uint32_t group,
                                          uint32_t place)
{
    uint32_t index = request_slot(w);
    if (index == WORLD_NONE)
        return NULL;
    struct world_request *request = &w->request[index];
    uint32_t generation = request->generation;
    *request = (struct world_request){
        .route = {.deadline_us = DEADLINE_NEVER, .near = (uint16_t)place},
        .generation = generation,
        .stream = stream,
        .group = group,
        .parent = WORLD_NONE,
        .visits = 1,
        .start_ns = engine_now(&w->engine),
    };
    return request;
}

/* The same of a customer. */
static struct world_request *request_come(struct world *w, uint32_t stream)
{
    uint32_t group = w->stream[stream].group;
    uint32_t door = w->cell[w->group[group].cell].zones;
    struct world_request *request = request_take(w, stream, group, door);
    if (request == NULL) {
        const struct world_request refused = {.stream = stream, .start_ns = engine_now(&w->engine)};
        trace_refused(w, stream);
        count_fate(w, &refused, WORLD_SHED);
    }
    return request;
}

/* Send its first try. */
static void request_begin(struct world *w, const struct world_request *request)
{
    uint32_t index = (uint32_t)(request - w->request);
    trace_request(w, TRACE_REQUEST, index, WORLD_OK);
    try_send(w, index, true);
}

/* Until when the customer waits who is at the door with it now: an answer that leaves it later
 * comes too late. */
static int64_t client_deadline_us(const struct world *w, const struct world_request *request)
{
    int64_t timeout_us = w->topo->policy.client.timeout_us;
    if (timeout_us == 0)
        return DEADLINE_NEVER;
    int64_t left_us = timeout_us - w->stream[request->stream].client_rtt_us;
    return now_us(w) + (left_us > 0 ? left_us : 0);
}

void ask_visit(void *world, const struct event *event)
{
    struct world *w = world;
    struct world_request *request = &w->request[event->who];
    request->visits++;
    request->route.deadline_us = client_deadline_us(w, request);
    try_send(w, event->who, true);
}

void ask_begin(struct world *w, uint32_t stream)
{
    struct world_stream *s = &w->stream[stream];
    struct world_request *request = request_come(w, stream);
    if (request == NULL)
        return;
    if (s->background > 0)
        request->background = rng_f64(&s->class_rng) < s->background;
    if (w->customers)
        request->route.key = rng_below(&s->who_rng, s->customers);
    request->route.deadline_us = client_deadline_us(w, request);
    retry_earn(&s->retry);
    request_begin(w, request);
}

void ask_poison(struct world *w, uint32_t stream, uint32_t fault)
{
    struct world_request *request = request_come(w, stream);
    if (request == NULL)
        return;
    request->poison = (uint16_t)(fault + 1);
    request_begin(w, request);
}

/* Until when a call is waited for: as long as its caller is, and no longer than its step. What goes
 * into a cache is waited for by that, whoever has left meanwhile. */
static int64_t call_deadline_us(struct world *w, uint32_t parent)
{
    const struct world_attempt *attempt = &w->attempt[parent];
    const struct world_calls *calls = &w->calls[parent];
    if (world_group_of(w, attempt)->service->calls[calls->step].cache.entries > 0)
        return DEADLINE_NEVER;
    int64_t until_ns = attempt->item.deadline;
    return (until_ns < calls->until_ns ? until_ns : calls->until_ns) / 1000;
}

void ask_call(struct world *w, uint32_t parent, uint32_t group)
{
    const struct world_attempt *attempt = &w->attempt[parent];
    const struct world_request *whose =
        attempt->request == WORLD_NONE ? NULL : &w->request[attempt->request];
    struct world_request *request = request_take(w, whose == NULL ? WORLD_NONE : whose->stream,
                                                 group, w->server[attempt->server].place);
    if (request == NULL) {
        calls_ended(w, parent, attempt->generation, WORLD_SHED);
        return;
    }
    request->route.deadline_us = call_deadline_us(w, parent);
    request->parent = parent;
    request->parent_generation = attempt->generation;
    request->background = attempt->item.background;
    request->route.key = whose == NULL ? 0 : whose->route.key;
    if (w->caches != NULL)
        caches_asked(w, (uint32_t)(request - w->request));
    request_begin(w, request);
}

/* Tell the route how an attempt has ended that was waited for, and control as well. */
static inline struct route_choice attempt_ended(struct world *w, uint32_t index,
                                                enum route_outcome outcome)
{
    struct world_attempt *attempt = &w->attempt[index];
    struct world_group *group = world_group_of(w, attempt);
    struct route_request *request = &w->request[attempt->request].route;
    uint32_t replica = attempt->server - group->server_first;
    struct route_choice choice = route_end(&group->route, request, replica, outcome, now_us(w));
    bool failed = outcome == ROUTE_LOST || outcome == ROUTE_ERROR;
    if (failed)
        faults_detected(w, group->route.balance.replica[replica].state);
    trace_replica(w, index);
    if (w->plane != NULL)
        plane_seen(w, w->server[attempt->server].group, group->route.balance.replica[replica].zone,
                   failed);
    return choice;
}

/* Nothing of a try is out any more: that was it, or another one follows. */
static inline void try_end(struct world *w, uint32_t request_index, int answer,
                           const struct route_choice *choice)
{
    if (choice->act != ROUTE_RETRY) {
        if (choice->rule == ROUTE_BUDGET || choice->rule == ROUTE_DEADLINE)
            trace_request(w, choice->rule == ROUTE_BUDGET ? TRACE_NO_RETRY : TRACE_LATE,
                          request_index, answer);
        request_end(w, request_index, answer);
        return;
    }
    trace_retry(w, request_index, answer, choice->wait_us * 1000);
    engine_after(&w->engine, choice->wait_us * 1000, WORLD_RETRY, request_index);
}

void ask_retry(void *world, const struct event *event)
{
    try_send(world, event->who, false);
}

/* Nobody waits for an attempt any longer. */
static void attempt_leave(struct world *w, uint32_t index)
{
    w->attempt[index].request = WORLD_NONE;
    if (w->attempt[index].state == ATTEMPT_LOST)
        world_release(w, index);
}

/* An answer for a request that waits. If it is not good and the other attempt is still out, that
 * one is waited for. */
static void answered(struct world *w, uint32_t index)
{
    static const enum route_outcome outcomes[] = {
        [WORLD_OK] = ROUTE_GOOD,
        [WORLD_SHED] = ROUTE_SHED,
        [WORLD_RESET] = ROUTE_LOST,
        [WORLD_ERROR] = ROUTE_ERROR,
    };
    uint32_t request_index = w->attempt[index].request;
    struct world_request *request = &w->request[request_index];
    enum world_answer answer = (enum world_answer)w->attempt[index].answer;
    uint32_t other = index == request->attempt ? request->copy : request->attempt;
    trace_try(w, TRACE_ANSWER, index, answer);
    struct route_choice choice = attempt_ended(w, index, outcomes[answer]);
    if (choice.act == ROUTE_WAIT) {
        request->attempt = other;
        request->copy = WORLD_NONE;
        return;
    }
    if (other != WORLD_NONE) {
        trace_try(w, TRACE_LEFT, other, WORLD_RESET);
        trace_replica(w, other);
        attempt_leave(w, other);
    }
    engine_cancel(&w->engine, WORLD_TIMEOUT, request_index);
    try_end(w, request_index, answer, &choice);
}

void ask_reply(void *world, const struct event *event)
{
    struct world *w = world;
    if (w->attempt[event->who].request != WORLD_NONE)
        answered(w, event->who);
    world_release(w, event->who);
}

static struct route_choice time_out(struct world *w, uint32_t index)
{
    trace_try(w, TRACE_TIMEOUT, index, WORLD_RESET);
    struct route_choice choice = attempt_ended(w, index, ROUTE_LOST);
    attempt_leave(w, index);
    return choice;
}

void ask_timeout(void *world, const struct event *event)
{
    struct world *w = world;
    const struct world_request *request = &w->request[event->who];
    if (request->copy != WORLD_NONE)
        time_out(w, request->copy);
    struct route_choice choice = time_out(w, request->attempt);
    w->request[event->who].generation++; /* no copy is to be sent any more */
    try_end(w, event->who, WORLD_RESET, &choice);
}
