#include "simulator/calls.h"

#include "base/topo.h"
#include "simulator/ask.h"
#include "simulator/caches.h"
#include "simulator/serve.h"
#include "simulator/trace.h"

static const struct world_group *group_of(const struct world *w, uint32_t attempt)
{
    return &w->group[w->server[w->attempt[attempt].server].group];
}

static const struct topo_call *call_of(const struct world *w, uint32_t attempt)
{
    return &group_of(w, attempt)->service->calls[w->calls[attempt].step];
}

/* How many answers the step needs. */
static uint32_t needed(const struct topo_call *call)
{
    double exact = call->need * (double)call->count;
    uint32_t whole = (uint32_t)exact;
    return exact - (double)whole > 1e-9 * exact ? whole + 1 : whole;
}

static void send(struct world *w, uint32_t attempt)
{
    const struct world_group *group = group_of(w, attempt);
    uint32_t first = group->cell * (uint32_t)w->topo->service_count;
    struct world_calls *c = &w->calls[attempt];
    enum caches_answer found = w->caches == NULL ? CACHES_ASK : caches_look(w, attempt, c->step);
    c->unsent--;
    c->answered += found != CACHES_ASK;
    c->out += found == CACHES_ASK;
    if (found == CACHES_FOUND)
        return;
    c->sending = true;
    ask_call(w, attempt, first + (uint32_t)call_of(w, attempt)->index);
    c->sending = false;
}

static void step_begin(struct world *w, uint32_t attempt)
{
    struct world_calls *c = &w->calls[attempt];
    const struct topo_call *call = call_of(w, attempt);
    c->unsent = (uint32_t)call->count;
    c->out = c->answered = 0;
    c->until_ns = DEADLINE_NEVER;
    if (call->deadline_us > 0)
        c->until_ns = engine_now(&w->engine) + call->deadline_us * 1000;
    if (call->deadline_us > 0)
        engine_after(&w->engine, call->deadline_us * 1000, WORLD_DEADLINE, attempt);
}

/* The step is over: true when another one begins. `armed`: its deadline still waits. */
static bool step_end(struct world *w, uint32_t attempt, bool armed)
{
    struct world_calls *c = &w->calls[attempt];
    const struct topo_call *call = call_of(w, attempt);
    if (armed && call->deadline_us > 0)
        engine_cancel(&w->engine, WORLD_DEADLINE, attempt);
    else
        w->attempt[attempt].generation++;
    bool enough = c->answered >= needed(call);
    if (!enough || ++c->step == group_of(w, attempt)->service->call_count) {
        serve_answer(w, attempt, enough ? WORLD_OK : WORLD_ERROR);
        return false;
    }
    step_begin(w, attempt);
    return true;
}

/* Send what may be sent now. A request may end before it has gone anywhere, and so may many, step
 * after step: they are taken here in turn, as deep calls would need a stack without bounds. */
static void go_on(struct world *w, uint32_t attempt)
{
    const struct world_calls *c = &w->calls[attempt];
    for (;;) {
        const struct topo_call *call = call_of(w, attempt);
        bool vain = c->answered + c->out + c->unsent < needed(call);
        if (vain || c->out + c->unsent == 0) {
            if (!step_end(w, attempt, true))
                return;
        } else if (c->unsent > 0 && (call->parallel || c->out == 0)) {
            send(w, attempt);
        } else {
            return;
        }
    }
}

void calls_begin(struct world *w, uint32_t attempt)
{
    trace_try(w, TRACE_CALLS, attempt, WORLD_OK);
    w->attempt[attempt].state = ATTEMPT_CALLS;
    w->calls[attempt].step = 0;
    step_begin(w, attempt);
    go_on(w, attempt);
}

void calls_ended(struct world *w, uint32_t attempt, uint32_t generation, enum world_answer answer)
{
    if (w->attempt[attempt].generation != generation)
        return;
    struct world_calls *c = &w->calls[attempt];
    c->out--;
    c->answered += answer == WORLD_OK;
    if (!c->sending) /* or else it is go_on that sends */
        go_on(w, attempt);
}

void calls_deadline(void *world, const struct event *event)
{
    if (step_end(world, event->who, false))
        go_on(world, event->who);
}
