#include "simulator/ask.h"

#include "base/backoff.h"
#include "base/topo.h"
#include "simulator/caches.h"
#include "simulator/calls.h"
#include "simulator/faults.h"
#include "simulator/plane.h"
#include "simulator/trace.h"

static int64_t now_us(const struct world *w)
{
    return engine_now(&w->engine) / 1000;
}

/* The zone of a server as its balance numbers them. */
static uint16_t zone_of(const struct world *w, uint32_t server)
{
    const struct world_group *group = &w->group[w->server[server].group];
    return group->balance.replica[server - group->server_first].zone;
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
        count_hurt(count, request->customer);
    if (request->background) {
        count_background(&count->background, answer, latency_ns / 1000 + stream->client_rtt_us);
        return;
    }
    count->requests++;
    if (request->tries > 1)
        count->retries += request->tries - 1;
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
    if (request->parent == WORLD_NONE)
        return;
    if (w->caches != NULL)
        caches_ended(w, index, (enum world_answer)answer);
    calls_ended(w, request->parent, request->parent_generation, (enum world_answer)answer);
}

/* No room for one more: shedding it quietly would be an answer that no server gave. */
__attribute__((cold, noinline)) static void run_full(struct world *w, const char *pool)
{
    w->full = pool;
    engine_stop(&w->engine);
}

/* A free place of a pool: one that was used before, or a new one. WORLD_NONE, and the run ends:
 * there is no room. */
static inline uint32_t attempt_take(struct world *w)
{
    uint32_t index = w->attempt_free;
    if (index != WORLD_NONE)
        w->attempt_free = w->attempt[index].next_free;
    else if (w->attempt_used < w->pool_count)
        index = w->attempt_used++;
    else
        run_full(w, "tries");
    return index;
}

static inline uint32_t request_slot(struct world *w)
{
    uint32_t index = w->request_free;
    if (index != WORLD_NONE)
        w->request_free = w->request[index].next_free;
    else if (w->request_used < w->pool_count)
        index = w->request_used++;
    else
        run_full(w, "requests");
    return index;
}

/* Until when a request is waited for by whoever asked, and how long a try of it is from now on. */
static inline int64_t deadline_of(const struct world_request *request)
{
    if (request->patience_us == WORLD_NONE)
        return DEADLINE_NEVER;
    return request->start_ns + (int64_t)request->patience_us * 1000;
}

static inline int64_t wait_of(const struct world *w, const struct world_request *request)
{
    return deadline_wait(deadline_of(request), engine_now(&w->engine),
                         w->group[request->group].timeout_ns);
}

/* Send an attempt of a request on its way. Its index, or WORLD_NONE: there is no replica, or no
 * room. */
static inline uint32_t attempt_send(struct world *w, uint32_t request_index, uint16_t avoid)
{
    const struct world_request *request = &w->request[request_index];
    struct world_group *group = &w->group[request->group];
    const struct balance_ask ask = {
        .avoid = avoid,
        .away = w->plane == NULL
                    ? BALANCE_NO_ZONE
                    : plane_avoids(w, request->group, avoid != BALANCE_NO_ZONE, &group->rng),
        .near = request->place,
        .key = request->customer,
    };
    uint32_t replica = balance_pick_for(&group->balance, &ask, &group->rng, now_us(w));
    if (replica == BALANCE_NONE)
        return WORLD_NONE;
    uint32_t index = attempt_take(w);
    if (index == WORLD_NONE)
        return WORLD_NONE;
    struct world_attempt *attempt = &w->attempt[index];
    attempt->item.deadline = engine_now(&w->engine) + wait_of(w, request);
    attempt->item.background = request->background;
    attempt->request = request_index;
    attempt->place = request->place;
    attempt->server = group->server_first + replica;
    balance_sent(&group->balance, replica);
    w->count.group[request->group].tries += engine_now(&w->engine) >= w->warmup_ns;
    trace_try(w, TRACE_SEND, index, WORLD_OK);
    trace_replica(w, index);
    const struct world_cell *cell = &w->cell[group->cell];
    int64_t way_ns = world_path_ns(cell, request->place, w->server[attempt->server].place);
    attempt->state = way_ns == WORLD_CUT ? ATTEMPT_LOST : ATTEMPT_OUT;
    engine_after(&w->engine, way_ns, WORLD_REACH, index); /* never, if it is cut */
    return index;
}

/* Send a try of a request to a replica outside the zone that failed last. */
static void try_send(struct world *w, uint32_t request_index)
{
    struct world_request *request = &w->request[request_index];
    struct world_group *group = &w->group[request->group];
    uint32_t attempt = WORLD_NONE;
    int64_t patience_ns = wait_of(w, request);
    if (patience_ns == 0) { /* nobody would see the answer */
        trace_request(w, TRACE_LATE, request_index, WORLD_RESET);
        request_end(w, request_index, WORLD_RESET);
        return;
    }
    request->tries++;
    if (breaker_allows(&group->breaker, &group->rng, now_us(w)))
        attempt = attempt_send(w, request_index, request->avoid);
    if (attempt == WORLD_NONE) {
        request->tries--;
        trace_request(w, TRACE_NO_ROOM, request_index, WORLD_SHED);
        request_end(w, request_index, WORLD_SHED);
        return;
    }
    request->attempt = attempt;
    request->copy = WORLD_NONE;
    request->sent_ns = engine_now(&w->engine);
    engine_after(&w->engine, patience_ns, WORLD_TIMEOUT, request_index);
    int64_t wait_us = hedge_wait_us(&group->hedge);
    if (wait_us < patience_ns / 1000)
        engine_after(&w->engine, wait_us * 1000, WORLD_HEDGE, request_index);
}

void ask_hedge(void *world, const struct event *event)
{
    struct world *w = world;
    struct world_request *request = &w->request[event->who];
    struct world_group *group = &w->group[request->group];
    if (!hedge_allowed(&group->hedge))
        return;
    request->copy = attempt_send(w, event->who, zone_of(w, w->attempt[request->attempt].server));
    if (request->copy != WORLD_NONE && engine_now(&w->engine) >= w->warmup_ns)
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
        .generation = generation,
        .stream = stream,
        .group = group,
        .parent = WORLD_NONE,
        .avoid = BALANCE_NO_ZONE,
        .place = (uint16_t)place,
        .visits = 1,
        .patience_us = WORLD_NONE,
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

/* It is at the door, or whoever else asks for it: send the first try. */
static void request_visit(struct world *w, uint32_t index)
{
    struct world_group *group = &w->group[w->request[index].group];
    retry_earn(&w->cell[group->cell].retry);
    hedge_begin(&group->hedge);
    try_send(w, index);
}

static void request_begin(struct world *w, const struct world_request *request)
{
    uint32_t index = (uint32_t)(request - w->request);
    trace_request(w, TRACE_REQUEST, index, WORLD_OK);
    request_visit(w, index);
}

/* So long after its start nobody waits for a customer's request any more: the answer of this visit
 * would come too late. */
static uint32_t client_patience_us(const struct world *w, const struct world_request *request)
{
    int64_t timeout_us = w->topo->policy.client.timeout_us;
    if (timeout_us == 0)
        return WORLD_NONE;
    int64_t left_us = timeout_us - w->stream[request->stream].client_rtt_us;
    int64_t spent_us = (engine_now(&w->engine) - request->start_ns) / 1000;
    int64_t patience_us = spent_us + (left_us > 0 ? left_us : 0);
    return patience_us < WORLD_NONE ? (uint32_t)patience_us : WORLD_NONE - 1;
}

void ask_visit(void *world, const struct event *event)
{
    struct world *w = world;
    struct world_request *request = &w->request[event->who];
    request->visits++;
    request->tries = 0;
    request->avoid = BALANCE_NO_ZONE;
    request->patience_us = client_patience_us(w, request);
    request_visit(w, event->who);
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
        request->customer = rng_below(&s->who_rng, s->customers);
    request->patience_us = client_patience_us(w, request);
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
    int64_t left_ns = deadline_left(attempt->item.deadline, engine_now(&w->engine));
    if (left_ns > deadline_left(w->calls[parent].until_ns, engine_now(&w->engine)))
        left_ns = deadline_left(w->calls[parent].until_ns, engine_now(&w->engine));
    request->patience_us = left_ns / 1000 < WORLD_NONE ? (uint32_t)(left_ns / 1000) : WORLD_NONE;
    request->parent = parent;
    request->parent_generation = attempt->generation;
    request->background = attempt->item.background;
    request->customer = whose == NULL ? 0 : whose->customer;
    if (w->caches != NULL)
        caches_asked(w, (uint32_t)(request - w->request));
    request_begin(w, request);
}

/* What an attempt that was waited for says of its replica. */
static inline void attempt_ended(struct world *w, uint32_t index, enum balance_outcome outcome)
{
    struct world_attempt *attempt = &w->attempt[index];
    struct world_group *group = world_group_of(w, attempt);
    uint32_t replica = attempt->server - group->server_first;
    balance_ended(&group->balance, replica, outcome, now_us(w));
    if (outcome == BALANCE_FAILED)
        faults_detected(w, group->balance.replica[replica].state);
    trace_replica(w, index);
    if (w->plane != NULL && outcome != BALANCE_LEFT)
        plane_seen(w, w->server[attempt->server].group, group->balance.replica[replica].zone,
                   outcome == BALANCE_FAILED);
}

/* The try that was waited for has ended, with an answer or without; its last attempt was at
 * `server`. */
static inline void try_end(struct world *w, uint32_t request_index, int answer, uint32_t server)
{
    struct world_request *request = &w->request[request_index];
    struct world_group *group = &w->group[request->group];
    struct retry *retry = &w->cell[group->cell].retry;
    const struct topo_policy *policy = &w->topo->policy;
    if (answer == WORLD_OK || answer == WORLD_ERROR)
        breaker_accepted(&group->breaker, now_us(w));
    if (answer == WORLD_OK || !retry_allowed(retry, request->tries, (uint32_t)policy->tries)) {
        trace_request(w, TRACE_NO_RETRY, request_index, answer);
        request_end(w, request_index, answer);
        return;
    }
    int64_t delay_us = backoff_delay_us(policy->backoff_us, INT64_MAX, request->tries, &group->rng);
    if (delay_us * 1000 >= deadline_left(deadline_of(request), engine_now(&w->engine))) {
        trace_request(w, TRACE_LATE, request_index, answer);
        request_end(w, request_index, answer);
        return;
    }
    request->avoid = zone_of(w, server);
    trace_retry(w, request_index, answer, delay_us * 1000);
    engine_after(&w->engine, delay_us * 1000, WORLD_RETRY, request_index);
}

void ask_retry(void *world, const struct event *event)
{
    try_send(world, event->who);
}

/* Nobody waits for an attempt any longer. */
static void attempt_leave(struct world *w, uint32_t index, enum balance_outcome outcome)
{
    trace_try(w, outcome == BALANCE_LEFT ? TRACE_LEFT : TRACE_TIMEOUT, index, WORLD_RESET);
    attempt_ended(w, index, outcome);
    w->attempt[index].request = WORLD_NONE;
    if (w->attempt[index].state == ATTEMPT_LOST)
        world_release(w, index);
}

/* An answer for a request that waits. If it is not good and the other attempt is still out, that
 * one is waited for. */
static void answered(struct world *w, uint32_t index)
{
    uint32_t request_index = w->attempt[index].request;
    struct world_request *request = &w->request[request_index];
    enum world_answer answer = (enum world_answer)w->attempt[index].answer;
    uint32_t other = index == request->attempt ? request->copy : request->attempt;
    trace_try(w, TRACE_ANSWER, index, answer);
    attempt_ended(w, index,
                  answer == WORLD_OK || answer == WORLD_SHED ? BALANCE_ANSWERED : BALANCE_FAILED);
    if (answer == WORLD_OK)
        hedge_seen(&w->group[request->group].hedge,
                   (engine_now(&w->engine) - request->sent_ns) / 1000);
    if (other != WORLD_NONE && answer != WORLD_OK) {
        request->attempt = other;
        request->copy = WORLD_NONE;
        return;
    }
    if (other != WORLD_NONE)
        attempt_leave(w, other, BALANCE_LEFT);
    engine_cancel(&w->engine, WORLD_TIMEOUT, request_index);
    try_end(w, request_index, answer, w->attempt[index].server);
}

void ask_reply(void *world, const struct event *event)
{
    struct world *w = world;
    if (w->attempt[event->who].request != WORLD_NONE)
        answered(w, event->who);
    world_release(w, event->who);
}

void ask_timeout(void *world, const struct event *event)
{
    struct world *w = world;
    const struct world_request *request = &w->request[event->who];
    uint32_t server = w->attempt[request->attempt].server;
    attempt_leave(w, request->attempt, BALANCE_FAILED);
    if (request->copy != WORLD_NONE)
        attempt_leave(w, request->copy, BALANCE_FAILED);
    w->request[event->who].generation++; /* no copy is to be sent any more */
    try_end(w, event->who, WORLD_RESET, server);
}
