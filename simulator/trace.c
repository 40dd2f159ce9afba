#include "simulator/trace.h"

#include "base/arena.h"
#include "base/scenario.h"
#include "base/topo.h"

struct trace_attempt { /* outlives the request's wait for it */
    int64_t request;
    uint32_t request_slot;
    uint32_t country;
    uint16_t number;
};

int trace_listen(struct world *w, trace_sink *sink, void *context, struct arena *a)
{
    struct trace *t = arena_alloc(a, 1, sizeof *t);
    if (t == NULL)
        return -1;
    *t = (struct trace){
        .sink = sink,
        .context = context,
        .request = arena_alloc(a, w->pool_count, sizeof t->request[0]),
        .attempt = arena_alloc(a, w->pool_count, sizeof t->attempt[0]),
        .state = arena_alloc(a, w->server_count, sizeof t->state[0]),
    };
    if (t->request == NULL || t->attempt == NULL || t->state == NULL)
        return -1;
    w->trace = t;
    return 0;
}

static void tell(struct world *w, struct trace_record *r)
{
    r->at_ns = engine_now(&w->engine);
    w->trace->sink(w->trace->context, r);
}

static uint32_t country_of(const struct world *w, uint32_t request)
{
    const struct world_request *r = &w->request[request];
    if (r->stream != WORLD_NONE)
        return w->stream[r->stream].country;
    return (uint32_t)w->topo->cells[w->group[r->group].cell].country[0];
}

/* What every record about a request says. */
static struct trace_record about_request(const struct world *w, enum trace_kind kind,
                                         uint32_t request)
{
    return (struct trace_record){
        .request = w->trace->request[request],
        .request_slot = request,
        .attempt_slot = WORLD_NONE,
        .who = country_of(w, request),
        .group = w->request[request].group,
        .server = WORLD_NONE,
        .zone = w->request[request].route.avoid,
        .tries = w->request[request].route.tries,
        .kind = (uint8_t)kind,
        .inner = w->request[request].parent != WORLD_NONE ? 1
                 : w->request[request].background         ? 2
                                                          : 0,
    };
}

static void set_server(const struct world *w, struct trace_record *r, uint32_t server)
{
    const struct world_group *group = &w->group[w->server[server].group];
    r->group = w->server[server].group;
    r->server = server;
    r->zone = (uint16_t)((server - group->server_first) / group->slots);
    r->nth = (server - group->server_first) % group->slots;
}

static struct trace_record about_try(const struct world *w, enum trace_kind kind, uint32_t attempt)
{
    const struct trace_attempt *try = &w->trace->attempt[attempt];
    struct trace_record r = {
        .request = try->request,
        .request_slot = try->request_slot,
        .attempt_slot = attempt,
        .who = try->country,
        .tries = try->number,
        .kind = (uint8_t)kind,
    };
    set_server(w, &r, w->attempt[attempt].server);
    return r;
}

void trace_tell_request(struct world *w, enum trace_kind kind, uint32_t request, int answer)
{
    if (kind == TRACE_REQUEST)
        w->trace->request[request] = w->trace->begun++;
    struct trace_record r = about_request(w, kind, request);
    r.answer = (uint8_t)answer;
    tell(w, &r);
}

void trace_tell_refused(struct world *w, uint32_t stream)
{
    struct trace_record r = {
        .request = w->trace->begun++,
        .request_slot = WORLD_NONE,
        .attempt_slot = WORLD_NONE,
        .who = w->stream[stream].country,
        .group = w->stream[stream].group,
        .server = WORLD_NONE,
        .zone = BALANCE_NO_ZONE,
        .answer = WORLD_SHED,
    };
    static const enum trace_kind story[] = {TRACE_REQUEST, TRACE_NO_ROOM, TRACE_END};
    for (size_t i = 0; i < sizeof story / sizeof story[0]; i++) {
        r.kind = (uint8_t)story[i];
        tell(w, &r);
    }
}

void trace_tell_try(struct world *w, enum trace_kind kind, uint32_t attempt, int answer)
{
    if (w->attempt[attempt].place == WORLD_PIECE)
        return;
    if (kind == TRACE_SEND) {
        uint32_t request = w->attempt[attempt].request;
        w->trace->attempt[attempt] = (struct trace_attempt){
            .request = w->trace->request[request],
            .request_slot = request,
            .country = country_of(w, request),
            .number = w->request[request].route.tries,
        };
    }
    struct trace_record r = about_try(w, kind, attempt);
    r.answer = (uint8_t)answer;
    r.from = w->attempt[attempt].state;
    tell(w, &r);
}

void trace_tell_replica(struct world *w, uint32_t attempt)
{
    uint32_t server = w->attempt[attempt].server;
    const struct world_group *group = &w->group[w->server[server].group];
    uint8_t state = (uint8_t)group->route.balance.replica[server - group->server_first].state;
    uint8_t *told = &w->trace->state[server];
    if (state == *told || state == BALANCE_DUE) /* being due shows when the trial is sent */
        return;
    enum trace_kind kind = state == BALANCE_OUT     ? TRACE_EJECT
                           : state == BALANCE_TRIAL ? TRACE_TRIAL
                                                    : TRACE_BACK;
    struct trace_record r = about_try(w, kind, attempt);
    r.from = *told;
    *told = state;
    tell(w, &r);
}

void trace_tell_retry(struct world *w, uint32_t request, int answer, int64_t delay_ns)
{
    struct trace_record r = about_request(w, TRACE_RETRY, request);
    r.answer = (uint8_t)answer;
    r.delay_ns = delay_ns;
    tell(w, &r);
}

void trace_tell_control(struct world *w, enum trace_kind kind, uint32_t group, uint32_t server,
                        uint32_t zone)
{
    struct trace_record r = {
        .request = -1,
        .request_slot = WORLD_NONE,
        .attempt_slot = WORLD_NONE,
        .who = w->topo->cells[w->group[group].cell].country[0],
        .group = group,
        .server = server,
        .zone = (uint16_t)zone,
        .kind = (uint8_t)kind,
    };
    if (server != WORLD_NONE)
        set_server(w, &r, server);
    tell(w, &r);
}

void trace_tell_fault(struct world *w, enum trace_kind kind, uint32_t fault)
{
    struct trace_record r = {
        .request = -1,
        .request_slot = WORLD_NONE,
        .attempt_slot = WORLD_NONE,
        .who = fault,
        .server = WORLD_NONE,
        .zone = (uint16_t)w->scenario->faults[fault].zone,
        .kind = (uint8_t)kind,
    };
    tell(w, &r);
}
