#include "simulator/flow.h"

#include "base/topo.h"
#include "simulator/world.h"

static int64_t now_us(const struct world *w)
{
    return engine_now(&w->engine) / 1000;
}

static struct world_group *group_of(struct world *w, const struct world_attempt *attempt)
{
    return &w->group[w->server[attempt->server].group];
}

/* ---- the door ---- */

/* What ends in a result goes through here, so the digest covers every request's fate. */
static void count_fate(struct world *w, const struct world_request *request, int answer)
{
    const struct world_stream *stream = &w->stream[request->stream];
    int64_t latency_ns = engine_now(&w->engine) - request->start_ns;
    uint64_t fate = (uint64_t)latency_ns * 8 + (uint64_t)answer;
    w->count.digest = (w->count.digest ^ fate) * 0x9e3779b97f4a7c15u;
    w->count.digest ^= w->count.digest >> 29;
    if (request->start_ns < w->warmup_ns)
        return;
    struct world_country_count *count = &w->count.country[stream->country];
    count->requests++;
    if (request->tries > 1)
        count->retries += request->tries - 1;
    if (answer == WORLD_OK) {
        count->ok++;
        hist_add(&count->latency, latency_ns / 1000 + stream->client_rtt_us);
    } else if (answer == WORLD_SHED) {
        count->shed++;
    } else {
        count->failed++;
    }
}

static void request_end(struct world *w, uint32_t index, int answer)
{
    count_fate(w, &w->request[index], answer);
    w->request[index].next_free = w->request_free;
    w->request_free = index;
}

static void attempt_release(struct world *w, uint32_t index)
{
    w->attempt[index].state = ATTEMPT_FREE;
    w->attempt[index].next = w->attempt_free;
    w->attempt_free = index;
}

/* No room for one more: shedding it quietly would be an answer that no server gave. */
static void run_full(struct world *w, const char *pool)
{
    w->full = pool;
    engine_stop(&w->engine);
}

/* Send a try of a request to a replica outside the zone that failed last. */
static void try_send(struct world *w, uint32_t request_index)
{
    struct world_request *request = &w->request[request_index];
    struct world_group *group = &w->group[w->stream[request->stream].group];
    uint32_t replica = balance_pick(&group->balance, request->avoid, &group->rng, now_us(w));
    uint32_t index = w->attempt_free;
    if (index == WORLD_NONE)
        run_full(w, "tries");
    if (index == WORLD_NONE || replica == BALANCE_NONE) {
        request_end(w, request_index, WORLD_SHED);
        return;
    }
    struct world_attempt *attempt = &w->attempt[index];
    w->attempt_free = attempt->next;
    attempt->request = request_index;
    attempt->server = group->server_first + replica;
    attempt->state = ATTEMPT_OUT;
    request->attempt = index;
    request->tries++;
    balance_sent(&group->balance, replica);
    engine_after(&w->engine, w->cell[group->cell].half_rtt_ns, WORLD_REACH, index);
    engine_after(&w->engine, w->timeout_ns, WORLD_TIMEOUT, request_index);
}

void flow_begin(struct world *w, uint32_t stream)
{
    struct world_request fresh = {
        .stream = stream, .avoid = BALANCE_NO_ZONE, .start_ns = engine_now(&w->engine)};
    uint32_t index = w->request_free;
    if (index == WORLD_NONE) {
        run_full(w, "requests");
        count_fate(w, &fresh, WORLD_SHED);
        return;
    }
    w->request_free = w->request[index].next_free;
    fresh.generation = w->request[index].generation;
    w->request[index] = fresh;
    retry_earn(&w->cell[w->group[w->stream[stream].group].cell].retry);
    try_send(w, index);
}

/* The try that was waited for has ended, with an answer or without. */
static void try_end(struct world *w, uint32_t request_index, int answer)
{
    struct world_request *request = &w->request[request_index];
    struct world_attempt *attempt = &w->attempt[request->attempt];
    struct world_group *group = group_of(w, attempt);
    uint32_t replica = attempt->server - group->server_first;
    balance_ended(&group->balance, replica,
                  answer == WORLD_RESET ? BALANCE_FAILED : BALANCE_ANSWERED, now_us(w));
    struct retry *retry = &w->cell[group->cell].retry;
    const struct topo_policy *policy = &w->topo->policy;
    if (answer == WORLD_OK || !retry_allowed(retry, request->tries, (uint32_t)policy->tries)) {
        request_end(w, request_index, answer);
        return;
    }
    request->avoid = (uint16_t)(replica / group->per_zone);
    int64_t delay_us = retry_delay_us(policy->backoff_us, request->tries, &group->rng);
    engine_after(&w->engine, delay_us * 1000, WORLD_RETRY, request_index);
}

void flow_retry(void *world, const struct event *event)
{
    try_send(world, event->who);
}

void flow_reply(void *world, const struct event *event)
{
    struct world *w = world;
    struct world_attempt *attempt = &w->attempt[event->who];
    uint32_t request = attempt->request;
    if (request != WORLD_NONE) {
        engine_cancel(&w->engine, WORLD_TIMEOUT, request);
        try_end(w, request, attempt->answer);
    }
    attempt_release(w, event->who);
}

void flow_timeout(void *world, const struct event *event)
{
    struct world *w = world;
    w->attempt[w->request[event->who].attempt].request = WORLD_NONE;
    try_end(w, event->who, WORLD_RESET);
}

/* ---- the server ---- */

static void answer_send(struct world *w, uint32_t index, enum world_answer answer)
{
    struct world_attempt *attempt = &w->attempt[index];
    attempt->state = ATTEMPT_BACK;
    attempt->answer = (uint8_t)answer;
    engine_after(&w->engine, w->cell[group_of(w, attempt)->cell].half_rtt_ns, WORLD_REPLY, index);
}

/* Count what was worked on since it began, or was counted last. */
static void work_count(struct world *w, struct world_attempt *attempt)
{
    int64_t now_ns = engine_now(&w->engine);
    int64_t from_ns = attempt->begin_ns > w->warmup_ns ? attempt->begin_ns : w->warmup_ns;
    if (now_ns > from_ns)
        w->count.group[w->server[attempt->server].group].busy_ns += now_ns - from_ns;
    attempt->begin_ns = now_ns;
}

static void work_begin(struct world *w, uint32_t index)
{
    struct world_attempt *attempt = &w->attempt[index];
    struct world_server *server = &w->server[attempt->server];
    const struct world_group *group = &w->group[server->group];
    double time_ns = dist_draw(&group->dist, &server->rng);
    attempt->state = ATTEMPT_RUNS;
    attempt->begin_ns = engine_now(&w->engine);
    engine_after(&w->engine, (int64_t)(time_ns + 0.5), WORLD_DONE, index);
}

void flow_reach(void *world, const struct event *event)
{
    struct world *w = world;
    struct world_attempt *attempt = &w->attempt[event->who];
    struct world_server *server = &w->server[attempt->server];
    if (server->down > 0) {
        answer_send(w, event->who, WORLD_RESET);
        return;
    }
    switch (admission_arrive(&server->admission)) {
    case ADMISSION_RUN:
        work_begin(w, event->who);
        break;
    case ADMISSION_WAIT:
        attempt->state = ATTEMPT_WAITS;
        attempt->next = WORLD_NONE;
        if (server->first == WORLD_NONE)
            server->first = event->who;
        else
            w->attempt[server->last].next = event->who;
        server->last = event->who;
        break;
    case ADMISSION_SHED:
        if (engine_now(&w->engine) >= w->warmup_ns)
            w->count.group[server->group].tries_shed++;
        answer_send(w, event->who, WORLD_SHED);
        break;
    }
}

void flow_done(void *world, const struct event *event)
{
    struct world *w = world;
    struct world_attempt *attempt = &w->attempt[event->who];
    struct world_server *server = &w->server[attempt->server];
    work_count(w, attempt);
    answer_send(w, event->who, WORLD_OK);
    if (admission_finish(&server->admission)) {
        uint32_t next = server->first;
        server->first = w->attempt[next].next;
        work_begin(w, next);
    }
}

void flow_reset_dead(struct world *w)
{
    for (uint32_t i = 0; i < w->pool_count; i++) {
        struct world_attempt *attempt = &w->attempt[i];
        if (attempt->state != ATTEMPT_RUNS && attempt->state != ATTEMPT_WAITS)
            continue;
        struct world_server *server = &w->server[attempt->server];
        if (server->down == 0)
            continue;
        if (attempt->state == ATTEMPT_RUNS) {
            work_count(w, attempt);
            engine_cancel(&w->engine, WORLD_DONE, i);
        }
        admission_clear(&server->admission);
        server->first = WORLD_NONE;
        answer_send(w, i, WORLD_RESET);
    }
}

void flow_count_open(struct world *w)
{
    for (uint32_t i = 0; i < w->pool_count; i++)
        if (w->attempt[i].state == ATTEMPT_RUNS)
            work_count(w, &w->attempt[i]);
}
